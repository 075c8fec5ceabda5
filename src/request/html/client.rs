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
        if class.is_empty() && id.is_empty() {
            if tag.attributes.contains("data-signatureblock")
                || tag.attributes.contains("data-smartmail=\"gmail_signature\"")
            {
                self.hint = Hint::Signature;
            }
            return;
        }
        // Outlook on the web writes `x_` before what it shows again; others write a word and a hyphen before a class.
        let bare = |name: &str| program(name).or_else(|| program(name.strip_prefix("x_")?));
        let classes = class.split_ascii_whitespace().flat_map(|part| {
            let behind = part.match_indices('-').filter_map(|(at, _)| program(&part[at + 1..]));
            bare(part).into_iter().chain(behind)
        });
        match classes.chain(bare(id)).min() {
            Some(Element::Attribution) => self.hint = Hint::Attribution,
            Some(Element::Signature) => self.hint = Hint::Signature,
            Some(Element::Quote) => {
                self.hint = Hint::Quoted;
                self.depth = self.depth.saturating_add(1);
            }
            Some(Element::Header) => self.ruled = true,
            None => {}
        }
    }
}

/// What mail programs make of an element; of several the first counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Element {
    Attribution,
    Signature,
    Quote,
    /// A header block above a quote.
    Header,
}

/// What mail programs mean by an element of this class or id.
fn program(name: &str) -> Option<Element> {
    Some(match name {
        "gmail_attr" | "moz-cite-prefix" | "yahoo_quoted_begin" => Element::Attribution,
        "gmail_signature"
        | "moz-signature"
        | "Signature"
        | "signature"
        | "AppleMailSignature"
        | "protonmail_signature_block"
        | "ms-outlook-mobile-signature"
        | "yahoo-signature"
        | "tutanota_signature"
        | "mail_signature"
        | "spark_signature"
        | "zmail_signature"
        | "signature-block" => Element::Signature,
        "yahoo_quoted"
        | "mail-editor-reference-message-container"
        | "zmail_extra"
        | "OLK_SRC_BODY_SECTION"
        | "isReplyContent"
        | "ntes_not_fresh_quote" => Element::Quote,
        "divRplyFwdMsg" | "stopSpelling" | "zwchr" | "OutlookMessageHeader" => Element::Header,
        _ => return None,
    })
}
