//! How the doors stand: open or not, since when, why not, how much lies before them. In memory only: each process has its own
//! doors. For `/readyz` and `deskclerk status`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::unix_ms;

/// One door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct State {
    /// Whether mail can come in.
    pub open: bool,
    /// Since when it is so, unix milliseconds.
    pub since: i64,
    /// Why it is not open.
    pub because: Option<String>,
    /// It is not open here because another process on the same store reads it.
    pub elsewhere: bool,
    /// Mails that are seen before it and not yet taken in.
    pub waiting: u64,
    /// Of how many that lay before it, where they are so many that they are taken in by and by; 0: they are not.
    pub backlog: u64,
    /// When it last compared everything with what is stored, unix milliseconds; `None`: not yet, or not such a door.
    pub looked_at: Option<i64>,
}

/// All doors of this process by their names, which are the sources of their submissions.
#[derive(Debug, Default)]
pub struct Doors(Mutex<BTreeMap<String, State>>);

impl Doors {
    /// The door is open.
    pub fn open(&self, name: &str) {
        self.turn(name, true, false, None);
    }

    /// The door is not open, and why.
    pub fn shut(&self, name: &str, because: &str) {
        self.turn(name, false, false, Some(because.to_owned()));
    }

    /// The door is not open here: another process reads it.
    pub fn rest(&self, name: &str) {
        self.turn(name, false, true, Some("another node reads it".to_owned()));
        self.waiting(name, 0, 0);
    }

    /// So many mails lie before it, of a backlog of so many.
    pub fn waiting(&self, name: &str, mails: u64, backlog: u64) {
        if let Some(state) = self.lock().get_mut(name) {
            (state.waiting, state.backlog) = (mails, backlog);
        }
    }

    /// It has just compared everything.
    pub fn looked(&self, name: &str) {
        if let Some(state) = self.lock().get_mut(name) {
            state.looked_at = Some(unix_ms());
        }
    }

    /// All of them at this moment.
    pub fn all(&self) -> BTreeMap<String, State> {
        self.lock().clone()
    }

    fn turn(&self, name: &str, open: bool, elsewhere: bool, because: Option<String>) {
        let mut doors = self.lock();
        let fresh =
            || State { open: !open, since: 0, because: None, elsewhere, waiting: 0, backlog: 0, looked_at: None };
        let state = doors.entry(name.to_owned()).or_insert_with(fresh);
        if (state.open, state.elsewhere) != (open, elsewhere) {
            (state.open, state.elsewhere, state.since) = (open, elsewhere, unix_ms());
        }
        state.because = because;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_remembers_since_when_and_why() {
        let doors = Doors::default();
        doors.waiting("imap:a", 7, 0);
        assert!(doors.all().is_empty());
        doors.shut("imap:a", "no route");
        let shut = doors.all()["imap:a"].clone();
        assert_eq!((shut.open, shut.because.as_deref()), (false, Some("no route")));
        doors.shut("imap:a", "refused");
        assert_eq!(doors.all()["imap:a"].since, shut.since);
        doors.rest("imap:a");
        let resting = doors.all()["imap:a"].clone();
        assert!(!resting.open && resting.elsewhere, "{resting:?}");
        doors.open("imap:a");
        doors.waiting("imap:a", 7, 9);
        let open = doors.all()["imap:a"].clone();
        assert_eq!((open.open, open.elsewhere, open.because), (true, false, None));
        assert_eq!((open.waiting, open.backlog), (7, 9));
    }
}
