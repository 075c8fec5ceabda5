//! One signed-in IMAP connection: commands whose end is checked, and waiting for news.
//!
//! async-imap frames, parses and signs in; commands are run here because a command must not count as done unless the
//! server's tagged OK says so, and because a slow server must be told from a dead one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_imap::Session;
use async_imap::imap_proto::{MailboxDatum, Response, ResponseCode, Status};
use jiff::civil::Date;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::connect::Stream;

/// What went wrong with a mailbox.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection is gone, or cannot be made.
    #[error("{0}")]
    Lost(String),
    /// The server will not let us in.
    #[error("the server refused the sign-in: {0}")]
    SignIn(String),
    /// Who stands before the server (token endpoint, proxy) says no, or what proves us cannot be read: a person must act.
    #[error("{0}")]
    Denied(String),
    /// The server refused a command.
    #[error("the server refused {command}: {answer}")]
    Refused {
        /// The command's name.
        command: String,
        /// What the server said.
        answer: String,
    },
    /// The mail could not be stored.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
}

/// A signed-in connection.
#[derive(Debug)]
pub struct Wire {
    session: Session<Stream>,
    read: Arc<AtomicU64>,
    /// A server that is to answer and sends not one byte for so long is dead.
    silence: Duration,
    capabilities: Vec<String>,
    /// The server has told of mail since the last search. It tells once, in the middle of any command.
    told: bool,
}

/// What SELECT told.
#[derive(Debug, Clone, Default)]
pub struct Selected {
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// UIDNEXT, or 0.
    pub uid_next: u32,
    /// Opened read-only.
    pub read_only: bool,
    /// Any keyword may be set (`\*`).
    pub keywords: bool,
}

/// Why waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Mail came.
    Mail,
    /// It is time to look at everything again.
    Time,
    /// The daemon stops.
    Stop,
}

impl Wire {
    /// Takes over a connection that has just signed in.
    pub async fn new(session: Session<Stream>, read: Arc<AtomicU64>, silence: Duration) -> Result<Wire, Error> {
        let mut wire = Wire { session, read, silence, capabilities: vec![], told: false };
        let mut capabilities = vec![];
        wire.command("CAPABILITY", |response| {
            if let Response::Capabilities(list) = response {
                use async_imap::imap_proto::Capability;
                capabilities.extend(list.iter().filter_map(|capability| match capability {
                    Capability::Atom(name) => Some(name.to_ascii_uppercase()),
                    _ => None,
                }));
            }
        })
        .await?;
        wire.capabilities = capabilities;
        Ok(wire)
    }

    /// Whether the server can do `name` (`IDLE`, `MOVE`, `UIDPLUS`).
    pub fn can(&self, name: &str) -> bool {
        self.capabilities.iter().any(|capability| capability == name)
    }

    /// Runs a command to its tagged OK; `each` sees the responses before it.
    pub async fn command(&mut self, command: &str, mut each: impl FnMut(&Response<'_>)) -> Result<(), Error> {
        let sent = timeout(self.silence, self.session.run_command(command)).await;
        let id = sent.map_err(|_| self.dead())?.map_err(|error| Error::Lost(error.to_string()))?;
        loop {
            let seen = self.next(|response| match response {
                Response::Done { tag, status: Status::Ok, .. } if *tag == id => {
                    each(response); // SELECT says READ-ONLY in its tagged OK
                    Some(Ok(()))
                }
                Response::Done { tag, outcome, .. } if *tag == id => Some(Err(Error::Refused {
                    command: name(command),
                    answer: said(outcome.code.as_ref(), outcome.information.as_deref()),
                })),
                other => {
                    each(other);
                    None
                }
            });
            if let Some(end) = seen.await? {
                return end;
            }
        }
    }

    /// The next response, however slowly it comes, as long as bytes come.
    async fn next<T>(&mut self, see: impl FnOnce(&Response<'_>) -> T) -> Result<T, Error> {
        loop {
            let before = self.read.load(Ordering::Relaxed);
            if let Ok(response) = timeout(self.silence, self.session.read_response()).await {
                let response = response.map_err(|error| Error::Lost(brief(&error.to_string())))?;
                let response = response.ok_or_else(|| Error::Lost("the server closed the connection".into()))?;
                self.told |= matches!(response.parsed(), Response::MailboxData(MailboxDatum::Exists(_)));
                return match response.parsed() {
                    // After LOGOUT too; nobody minds then.
                    Response::Data { status: Status::Bye, outcome } => {
                        let text = brief(outcome.information.as_deref().unwrap_or_default());
                        Err(Error::Lost(format!("the server said goodbye: {text}")))
                    }
                    response => Ok(see(response)),
                };
            }
            if self.read.load(Ordering::Relaxed) == before {
                return Err(self.dead());
            }
        }
    }

    /// Opens a mailbox; `name` is quoted already.
    pub async fn select(&mut self, name: &str) -> Result<Selected, Error> {
        let mut selected = Selected::default();
        self.command(&format!("SELECT {name}"), |response| {
            let (Response::Data { outcome, .. } | Response::Done { outcome, .. }) = response else { return };
            match &outcome.code {
                Some(ResponseCode::UidValidity(validity)) => selected.uid_validity = *validity,
                Some(ResponseCode::UidNext(next)) => selected.uid_next = *next,
                Some(ResponseCode::ReadOnly) => selected.read_only = true,
                Some(ResponseCode::PermanentFlags(flags)) => selected.keywords = flags.iter().any(|flag| flag == "\\*"),
                _ => {}
            }
        })
        .await?;
        if selected.uid_validity == 0 {
            return Err(Error::Refused {
                command: "SELECT".into(),
                answer: "no UIDVALIDITY: UIDs are not kept".into(),
            });
        }
        Ok(selected)
    }

    /// The UIDs in a range of the open mailbox. `UID n:*` names the last mail even when its UID is below n (RFC 3501
    /// §6.4.8), so what lies outside is dropped here. `since`: of mails that the server got on this day or later.
    pub async fn uids(&mut self, from: u32, to: Option<u32>, since: Option<Date>) -> Result<Vec<u32>, Error> {
        self.told = false;
        let mut found = vec![];
        let end = to.map_or("*".to_owned(), |to| to.to_string());
        let since = since.map_or(String::new(), |day| day.strftime(" SINCE %-d-%b-%Y").to_string());
        self.command(&format!("UID SEARCH UID {from}:{end}{since}"), |response| {
            if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
                found.extend_from_slice(uids);
            }
        })
        .await?;
        found.retain(|uid| *uid >= from && to.is_none_or(|to| *uid <= to));
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Whether the server has told of mail since the last search.
    pub fn has_news(&self) -> bool {
        self.told
    }

    /// Waits for new mail: by an IDLE (RFC 2177) of length `idle`, at whose end a cut link is noticed, or by sleeping `poll`
    /// where the server cannot.
    pub async fn wait(&mut self, poll: Duration, idle: Duration, cancel: &CancellationToken) -> Result<News, Error> {
        if self.told {
            return Ok(News::Mail);
        }
        if !self.can("IDLE") {
            tokio::select! {
                () = cancel.cancelled() => return Ok(News::Stop),
                () = tokio::time::sleep(poll) => return Ok(News::Time),
            }
        }
        let sent = timeout(self.silence, self.session.run_command("IDLE")).await;
        let id = sent.map_err(|_| self.dead())?.map_err(|error| Error::Lost(error.to_string()))?;
        // Until the server's "+" nothing may be sent; it has the usual time for it.
        loop {
            let seen = self.next(|response| match response {
                Response::Continue(_) => Some(true),
                Response::Done { tag, .. } if *tag == id => Some(false),
                _ => None,
            });
            match seen.await? {
                Some(true) => break,
                Some(false) => {
                    // Announced, but refused: poll from now on.
                    self.capabilities.retain(|capability| capability != "IDLE");
                    return Ok(News::Time);
                }
                None => {}
            }
        }
        let end = Instant::now() + idle;
        let news = loop {
            if self.told {
                break News::Mail;
            }
            tokio::select! {
                () = cancel.cancelled() => break News::Stop,
                () = tokio::time::sleep_until(end) => break News::Time,
                seen = self.idle_news() => seen?,
            }
        };
        let sent = timeout(self.silence, self.session.run_command_untagged("DONE")).await;
        sent.map_err(|_| self.dead())?.map_err(|error| Error::Lost(error.to_string()))?;
        let done = |response: &Response<'_>| matches!(response, Response::Done { tag, .. } if *tag == id);
        while !self.next(done).await? {}
        Ok(news)
    }

    /// The next response during IDLE, which may be silent for long.
    async fn idle_news(&mut self) -> Result<(), Error> {
        let response = self.session.read_response().await.map_err(|error| Error::Lost(brief(&error.to_string())))?;
        let response = response.ok_or_else(|| Error::Lost("the server closed the connection".into()))?;
        match response.parsed() {
            Response::MailboxData(MailboxDatum::Exists(_)) => self.told = true,
            Response::Data { status: Status::Bye, .. } => {
                return Err(Error::Lost("the server said goodbye".into()));
            }
            _ => {}
        }
        Ok(())
    }

    fn dead(&self) -> Error {
        Error::Lost(format!("the server has been silent for {} s", self.silence.as_secs()))
    }

    /// Says goodbye; a server that does not answer is left alone.
    pub async fn logout(&mut self) {
        let _ = timeout(Duration::from_secs(2), self.command("LOGOUT", |_| {})).await;
    }
}

/// The first word or two: what follows may hold a password or a search text.
fn name(command: &str) -> String {
    let words: Vec<&str> = command.split(' ').take(if command.starts_with("UID ") { 2 } else { 1 }).collect();
    words.join(" ")
}

fn said(code: Option<&ResponseCode<'_>>, information: Option<&str>) -> String {
    let text = brief(information.unwrap_or("no reason given"));
    match code {
        Some(code) => format!("{text} [{}]", brief(&format!("{code:?}"))),
        None => text,
    }
}

/// A server's text, cut and on one line: it goes into logs.
pub fn brief(text: &str) -> String {
    text.chars().take(200).map(|char| if char.is_control() { ' ' } else { char }).collect()
}
