//! What class and id say: quotes and signatures of the known mail programs.

use super::scan::Scan;
use super::style::Style;
use super::tag::{Known, Tag};
use crate::request::lines::Hint;

impl Scan<'_> {
    /// Takes from an element what its mail program says by it.
    pub(super) fn mark(&mut self, tag: &Tag<'_>, known: &Known<'_>) {
        if Style(known.style).ruled() {
            self.ruled = true;
        }
        let (class, id) = (known.class, known.id);
        let is = |names: &[&str]| {
            names.iter().any(|name| {
                class.split_ascii_whitespace().any(|part| {
                    part.strip_suffix(*name)
                        .is_some_and(|before| before.is_empty() || before == "x_" || before.ends_with('-'))
                }) || id == *name
                    || id.strip_prefix("x_") == Some(*name)
            })
        };
        if class.is_empty() && id.is_empty() {
            if tag.attributes.contains("data-signatureblock")
                || tag.attributes.contains("data-smartmail=\"gmail_signature\"")
            {
                self.hint = Hint::Signature;
            }
            return;
        }
        if is(&["gmail_attr", "moz-cite-prefix", "yahoo_quoted_begin"]) {
            self.hint = Hint::Attribution;
        } else if is(&[
            "gmail_signature",
            "moz-signature",
            "Signature",
            "signature",
            "AppleMailSignature",
            "protonmail_signature_block",
            "ms-outlook-mobile-signature",
            "yahoo-signature",
            "tutanota_signature",
            "mail_signature",
            "spark_signature",
            "zmail_signature",
            "signature-block",
        ]) {
            self.hint = Hint::Signature;
        } else if is(&[
            "yahoo_quoted",
            "mail-editor-reference-message-container",
            "zmail_extra",
            "OLK_SRC_BODY_SECTION",
            "isReplyContent",
            "ntes_not_fresh_quote",
        ]) {
            self.hint = Hint::Quoted;
            self.depth = self.depth.saturating_add(1);
        } else if is(&["divRplyFwdMsg", "stopSpelling", "zwchr", "OutlookMessageHeader"]) {
            self.ruled = true;
        }
    }
}
