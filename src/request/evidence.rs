//! Evidence: which words, where, made a rule fire. The common coin of every judgement.
//!
//! Spans are byte offsets into the text of their zone as the [`super::Request`] holds it, always on character
//! boundaries, so that a reader can mark the very words. Evidence never decides anything by itself.

use serde::{Deserialize, Serialize};

/// The part of a request in which something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Where {
    /// The value of a form or webhook field; `Evidence::field` names it.
    Form,
    /// The subject line.
    Subject,
    /// The new text: what the requester wrote now.
    Text,
    /// The target of a link that the new text shows (HTML only; a URL written out stands in `Text`).
    Link,
    /// The name of an attachment, or the alternative text of an inline image.
    Attachment,
    /// The text of a forwarded message.
    Forwarded,
    /// Text quoted from older mail.
    Quoted,
    /// The signature block.
    Signature,
    /// A header of the message; the span is into the header's value.
    Header,
}

/// One finding: the rule that fired, and the words that made it fire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The rule's name, stable and readable: `campaign-id.label`, `topic.reporting.open-rate`.
    pub rule: String,
    /// Where it was found.
    #[serde(rename = "where")]
    pub place: Where,
    /// For `Where::Form` the field's label, for `Link` and `Attachment` the index, for `Header` the header's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Byte offset of the first byte, in the text of `place`.
    pub start: usize,
    /// Byte offset after the last byte.
    pub end: usize,
    /// The matched words as they stand there.
    pub text: String,
    /// How much it counts; 1.0 is full certainty for campaign evidence, points for topics; negative counts against.
    pub weight: f64,
}
