//! Replies: may we answer, which question is to be asked, and with what words.
//!
//! [`guard`] says whether a reply may go out at all, [`compose`] words it from the templates of `rules/replies/`,
//! [`token`] signs what ties the answer to its ticket, [`tap`] what answers by one tap, [`pass`] what a form of ours carries,
//! [`headers`] keeps other programs from answering us, [`lint`] finds what is missing in the words, [`sample`] shows them all.
//! Nothing here sends, stores or asks the time; nothing that a stranger wrote ever stands in a reply.

pub mod compose;
pub mod freemail;
pub mod guard;
pub mod headers;
pub mod layout;
pub mod lint;
pub mod page;
pub mod pass;
pub mod sample;
pub mod tap;
pub mod templates;
pub mod token;
