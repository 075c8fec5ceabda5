//! What becomes of a mail on the server once it is stored: flagged, moved, deleted or left.
//!
//! Runs only after the commit, and is written down when the server has agreed, so that what a crash interrupts is done at
//! the next connect. Never expunges a mail that is not ours: without UIDPLUS a deleted mail stays marked.

use super::wire::{Error, Selected, Wire};
use super::{Door, sets};
use crate::config::mailbox::After;

impl Door {
    /// Flags, moves or deletes these stored mails, then notes that it is done.
    pub(super) async fn finish(&mut self, wire: &mut Wire, selected: &Selected, uids: &[u32]) -> Result<(), Error> {
        if uids.is_empty() {
            return Ok(());
        }
        let done = match self.settings.after {
            After::Keep => Ok(()),
            // Would fail at every look; done when the rights come back.
            _ if selected.read_only => return Ok(()),
            After::Flag => flag(wire, selected, uids).await,
            After::Move => relocate(wire, &self.settings.move_to, uids).await,
            After::Delete => delete(wire, uids).await,
        };
        match done {
            Ok(()) => self.acknowledge(uids).await,
            // The mails are safe; tried again at the next look.
            Err(error @ Error::Refused { .. }) => {
                tracing::warn!(door = self.source, %error, "stored mails could not be flagged or moved");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Does what an earlier run stored but did not get to flag or move. `present`: all UIDs on the server, sorted.
    pub(super) async fn finish_old(
        &mut self,
        wire: &mut Wire,
        selected: &Selected,
        present: &[u32],
    ) -> Result<(), Error> {
        let keys = self.desk.store.unacknowledged(&self.source).await?;
        let mut left = vec![];
        let mut gone = vec![];
        for key in keys {
            let uid = key.split_once('/').and_then(|(epoch, uid)| {
                let uid: u32 = uid.parse().ok()?;
                (epoch == self.epoch().to_string() && present.binary_search(&uid).is_ok()).then_some(uid)
            });
            match uid {
                Some(uid) => left.push(uid),
                // Moved away, deleted, or of an epoch that is over: nothing is left to do.
                None => gone.push(key),
            }
        }
        self.desk.store.acknowledge(&self.source, &gone).await?;
        left.sort_unstable();
        self.finish(wire, selected, &left).await
    }

    /// Notes that nothing is left to do on the server for these mails.
    pub(super) async fn acknowledge(&self, uids: &[u32]) -> Result<(), Error> {
        let keys: Vec<String> = uids.iter().map(|uid| self.key(*uid)).collect();
        Ok(self.desk.store.acknowledge(&self.source, &keys).await?)
    }
}

async fn flag(wire: &mut Wire, selected: &Selected, uids: &[u32]) -> Result<(), Error> {
    let flags = if selected.keywords { "\\Seen $Deskclerk" } else { "\\Seen" };
    store(wire, uids, flags).await
}

async fn store(wire: &mut Wire, uids: &[u32], flags: &str) -> Result<(), Error> {
    for set in sets::uid_sets(uids) {
        wire.command(&format!("UID STORE {set} +FLAGS.SILENT ({flags})"), |_| {}).await?;
    }
    Ok(())
}

async fn relocate(wire: &mut Wire, target: &str, uids: &[u32]) -> Result<(), Error> {
    let refused = || Error::Refused { command: "MOVE".into(), answer: "move_to cannot be a mailbox's name".into() };
    let name = sets::mailbox(target).ok_or_else(refused)?;
    let can_move = wire.can("MOVE");
    let verb = if can_move { "MOVE" } else { "COPY" };
    for set in sets::uid_sets(uids) {
        let command = format!("UID {verb} {set} {name}");
        if let Err(Error::Refused { .. }) = wire.command(&command, |_| {}).await {
            // Absent, most likely (TRYCREATE): made, then once more.
            let _ = wire.command(&format!("CREATE {name}"), |_| {}).await;
            wire.command(&command, |_| {}).await?;
        }
    }
    if can_move { Ok(()) } else { delete(wire, uids).await }
}

async fn delete(wire: &mut Wire, uids: &[u32]) -> Result<(), Error> {
    store(wire, uids, "\\Deleted").await?;
    if wire.can("UIDPLUS") {
        // A plain EXPUNGE would take other people's deleted mails with it.
        for set in sets::uid_sets(uids) {
            wire.command(&format!("UID EXPUNGE {set}"), |_| {}).await?;
        }
    }
    Ok(())
}
