//! A look at a mailbox, for those that look at a set-up: signs in, opens it, counts, and changes nothing.

use super::fetch::all_uids;
use super::oauth::Tokens;
use super::wire::{Error, Wire};
use super::{connect, sets};
use crate::config::mailbox::{After, Imap};
use crate::config::settings::Egress;
use crate::store::Store;

/// What a mailbox is like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// Its epoch.
    pub uid_validity: u32,
    /// All UIDs in it.
    pub uids: Vec<u32>,
    /// Nothing may be flagged or moved in it.
    pub read_only: bool,
    /// The server can tell of new mail by itself.
    pub idles: bool,
    /// The server can move mails.
    pub moves: bool,
    /// The server can expunge one mail alone.
    pub expunges: bool,
    /// Whether the folder of `move_to` exists; `None`: it is not wanted.
    pub target: Option<bool>,
}

/// Why there is no look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// Out of reach: it may pass.
    Away(String),
    /// The server says no.
    Refused(String),
}

impl Look {
    /// The ledger's keys of all mails in it, with their UIDs.
    pub fn keys(&self) -> Vec<String> {
        self.uids.iter().map(|uid| format!("{}/{uid}", self.uid_validity)).collect()
    }
}

/// What a look signs in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pass {
    /// The password.
    Password,
    /// An access token, and until when (unix ms) it is used.
    Token(String, i64),
    /// A refresh token, which only the daemon redeems: it may be good for one time only.
    Unredeemed,
}

/// Looks for what to sign in with: a token that the daemon keeps, or one for the client's own credentials.
pub async fn pass(settings: &Imap, egress: &Egress, store: Option<&Store>) -> Result<Pass, Closed> {
    let Some(tokens) = Tokens::of(settings, egress, store) else { return Ok(Pass::Password) };
    let mut found = tokens.kept().await.map_err(closed)?;
    if found.is_none() {
        found = tokens.try_out().await.map_err(closed)?;
    }
    Ok(found.map_or(Pass::Unredeemed, |(token, good_until)| Pass::Token(token, good_until)))
}

/// Looks at the mailbox. `token`: an access token; `None`: the password counts.
pub async fn look(settings: &Imap, size_bytes: usize, token: Option<&str>) -> Result<Look, Closed> {
    let mut wire = connect::open(settings, size_bytes, token).await.map_err(closed)?;
    let look = with(&mut wire, settings).await.map_err(closed);
    wire.logout().await;
    look
}

async fn with(wire: &mut Wire, settings: &Imap) -> Result<Look, Error> {
    let wrong = |key: &str| Error::SignIn(format!("{key} cannot be a mailbox's name"));
    let target = match settings.after {
        After::Move => {
            let name = sets::mailbox(&settings.move_to).ok_or_else(|| wrong("move_to"))?;
            match wire.command(&format!("STATUS {name} (MESSAGES)"), |_| {}).await {
                Ok(()) => Some(true),
                Err(Error::Refused { .. }) => Some(false),
                Err(error) => return Err(error),
            }
        }
        _ => None,
    };
    let name = sets::mailbox(&settings.mailbox).ok_or_else(|| wrong("mailbox"))?;
    let selected = wire.select(&name).await?;
    Ok(Look {
        uid_validity: selected.uid_validity,
        uids: all_uids(wire, selected.uid_next, settings.read_since).await?,
        read_only: selected.read_only,
        idles: wire.can("IDLE"),
        moves: wire.can("MOVE"),
        expunges: wire.can("UIDPLUS"),
        target,
    })
}

fn closed(error: Error) -> Closed {
    match error {
        Error::Lost(_) | Error::Store(_) => Closed::Away(error.to_string()),
        Error::SignIn(_) | Error::Denied(_) | Error::Refused { .. } => Closed::Refused(error.to_string()),
    }
}
