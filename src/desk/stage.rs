//! How far each submission of a batch has come, and what it touches.

use std::collections::HashSet;

use super::draft::Draft;
use super::judge::Judged;
use super::place::{self, Place};
use crate::request::Request;
use crate::store::lookups::Seen;
use crate::store::submissions::{Outcome, Submission};
use crate::store::threads::Thread;
use crate::ticket::Status;

/// A claimed submission on its way.
pub(super) struct Item {
    pub(super) submission: Submission,
    pub(super) stage: Stage,
}

pub(super) enum Stage {
    /// It ends so.
    Ends(Outcome, String),
    /// It failed and is tried again, alone.
    Again,
    /// It is read.
    Read(Box<Request>, String),
    /// Its place is found, where nothing needs judging.
    Placed(Box<Request>, String, Place),
    /// It is judged, and what it is to become drafted.
    Judged(Box<Judged>, Box<Draft>),
}

impl Stage {
    /// The request whose name must not have come up meanwhile.
    pub(super) fn request(&self) -> Option<(&Request, &str)> {
        match self {
            Stage::Judged(judged, _) => Some((&judged.request, &judged.fingerprint)),
            Stage::Placed(request, fingerprint, Place::Note { .. }) => Some((request, fingerprint)),
            _ => None,
        }
    }

    /// The ticket that it was judged with, and its version.
    pub(super) fn ticket(&self) -> Option<(i64, i64)> {
        let ticket = match self {
            Stage::Judged(judged, _) => match &judged.place {
                Place::On { ticket, .. } | Place::New { answers: Some(ticket), .. } => ticket,
                _ => return None,
            },
            Stage::Placed(_, _, Place::Note { ticket, .. }) => ticket,
            _ => return None,
        };
        Some((ticket.id, ticket.version))
    }

    /// The partner's matter that it is about.
    pub(super) fn thread(&self) -> Option<Thread> {
        match self {
            Stage::Judged(judged, _) => place::thread(&judged.request),
            _ => None,
        }
    }

    /// The proven sender of what opens a ticket: what waits for him decides how his mail is read.
    pub(super) fn opener(&self) -> Option<String> {
        match self {
            Stage::Judged(judged, _) if judged.is_new() && judged.proven => {
                Some(judged.request.from.address.to_lowercase())
            }
            _ => None,
        }
    }

    /// Its ticket waits for its customer, should he be asked.
    fn asks(&self) -> bool {
        matches!(self, Stage::Judged(_, draft) if draft.ticket.status == Status::Waiting)
    }

    pub(super) fn requester(&self) -> Option<String> {
        match self {
            Stage::Judged(judged, _) => match &judged.place {
                Place::On { ticket, .. } => Some(ticket.requester_address.clone()),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The names by which messages are told apart.
#[derive(Default)]
pub(super) struct Names {
    pub(super) message_ids: HashSet<String>,
    pub(super) fingerprints: Vec<String>,
}

impl Names {
    pub(super) fn add(&mut self, request: &Request, fingerprint: &str) {
        match &request.message_id {
            Some(id) => drop(self.message_ids.insert(id.clone())),
            None => self.fingerprints.push(fingerprint.to_owned()),
        }
    }
}

/// What a batch has touched so far.
#[derive(Default)]
pub(super) struct Touched {
    pub(super) names: HashSet<String>,
    pub(super) tickets: HashSet<i64>,
    pub(super) threads: HashSet<Thread>,
    /// Who is asked by it, and may have answered in the same batch.
    pub(super) asked: HashSet<String>,
}

impl Touched {
    /// Whether this is the first of its batch to touch what it touches.
    pub(super) fn first(&mut self, stage: &Stage) -> bool {
        let name = stage.request().map(|(request, fingerprint)| {
            request.message_id.as_ref().map_or_else(|| fingerprint.to_owned(), |id| format!("<{id}>"))
        });
        let ticket = stage.ticket().map(|(id, _)| id);
        let opener = stage.opener();
        let unasked = opener.as_ref().is_none_or(|opener| !self.asked.contains(opener));
        self.asked.extend(opener.filter(|_| stage.asks()));
        unasked
            & name.is_none_or(|name| self.names.insert(name))
            & ticket.is_none_or(|ticket| self.tickets.insert(ticket))
            & stage.thread().is_none_or(|thread| self.threads.insert(thread))
    }
}

pub(super) fn twins(seen: &[Seen], request: &Request, fingerprint: &str) -> usize {
    let same = seen.iter().filter(|seen| seen.same_name(request, fingerprint));
    same.map(|seen| (&seen.message_id, &seen.fingerprint, seen.ticket_id)).collect::<HashSet<_>>().len()
}
