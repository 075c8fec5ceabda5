//! One LMTP conversation: commands in, replies out, mails to the desk.
//!
//! Answers `250` after DATA only when the desk has the mail on disk, `452` when it cannot store it now. Replies to
//! pipelined commands go out together (RFC 2920).

use std::io;
use std::time::Duration;

use smtp_proto::request::receiver::RequestReceiver;
use smtp_proto::{Error, MAIL_BODY_BINARYMIME, Request};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::data::Data;
use crate::desk::Desk;
use crate::store::submissions::{Envelope, Kind, New};

/// Waiting for a command, and for more of a mail (RFC 5321 §4.5.3.2).
const COMMAND_WAIT: Duration = Duration::from_secs(5 * 60);
const DATA_WAIT: Duration = Duration::from_secs(3 * 60);
const REPLY_WAIT: Duration = Duration::from_secs(60);
/// A mail that is being received when the daemon stops may still come in so long.
const LAST_WAIT: Duration = Duration::from_secs(6);
/// More recipients than RFC 5321 §4.5.3.1.8 asks for.
const RECIPIENTS: usize = 1000;
/// Senseless commands before the client is sent away.
const FAULTS: usize = 20;

/// Tells a client that all places are taken.
pub async fn turn_away(mut stream: impl AsyncWrite + Unpin) -> io::Result<()> {
    timeout(REPLY_WAIT, stream.write_all(b"421 4.3.2 too many connections, try again later\r\n")).await??;
    stream.shutdown().await
}

/// Serves one client until it quits, falls silent or misbehaves. A stop of the daemon ends it between two mails.
pub async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    desk: &Desk,
    cancel: &CancellationToken,
) -> io::Result<()> {
    let mut session = Session { desk, greeted: false, mail: None, faults: 0, out: Vec::new() };
    let mut commands = RequestReceiver::default();
    let mut data: Option<Data> = None;
    let mut input = vec![0; 32 * 1024];
    let mut last_call = None;
    session.say("220", "deskclerk LMTP ready");
    loop {
        timeout(REPLY_WAIT, stream.write_all(&session.out)).await??;
        session.out.clear();
        let read = stream.read(&mut input);
        let count = match (&data, cancel.is_cancelled()) {
            (None, _) => tokio::select! {
                biased;
                () = cancel.cancelled() => Err("421 4.3.2 shutting down, try again later\r\n"),
                count = timeout(COMMAND_WAIT, read) => count.map_err(|_| "421 4.4.2 silent for too long\r\n"),
            },
            (Some(_), false) => tokio::select! {
                () = cancel.cancelled() => continue,
                count = timeout(DATA_WAIT, read) => count.map_err(|_| "421 4.4.2 silent for too long\r\n"),
            },
            (Some(_), true) => {
                let end = last_call.get_or_insert_with(|| Instant::now() + LAST_WAIT);
                timeout_at(*end, read).await.map_err(|_| "421 4.3.2 shutting down, try again later\r\n")
            }
        };
        let count = match count {
            Ok(count) => count?,
            Err(farewell) => {
                timeout(REPLY_WAIT, stream.write_all(farewell.as_bytes())).await??;
                return stream.shutdown().await;
            }
        };
        if count == 0 {
            return Ok(());
        }
        let mut rest = &input[..count];
        while !rest.is_empty() {
            if let Some(mut receiving) = data.take() {
                match receiving.feed(rest) {
                    Some(taken) => {
                        rest = &rest[taken..];
                        session.settle(receiving).await;
                    }
                    None => {
                        data = Some(receiving);
                        break;
                    }
                }
                continue;
            }
            let mut bytes = rest.iter();
            let command = commands.ingest(&mut bytes);
            rest = bytes.as_slice();
            let next = match command {
                Ok(command) => session.obey(command),
                Err(Error::NeedsMoreData { .. }) => break,
                Err(error) => session.fault(error),
            };
            match next {
                Next::Command => {}
                Next::Data => data = Some(Data::new(desk.config.bounds.size_bytes)),
                Next::End => {
                    timeout(REPLY_WAIT, stream.write_all(&session.out)).await??;
                    return stream.shutdown().await;
                }
            }
        }
    }
}

enum Next {
    Command,
    Data,
    End,
}

struct Session<'a> {
    desk: &'a Desk,
    greeted: bool,
    /// The mail between MAIL and the end of its data.
    mail: Option<Envelope>,
    faults: usize,
    out: Vec<u8>,
}

/// It is stored nowhere: its sender is told by the bounce, the operator by this.
fn refused_for_size() {
    metrics::counter!("deskclerk_lmtp_refused_total", "reason" => "size").increment(1);
}

impl Session<'_> {
    fn say(&mut self, code: &str, text: &str) {
        self.out.extend_from_slice(format!("{code} {text}\r\n").as_bytes());
    }

    fn obey(&mut self, command: Request<std::borrow::Cow<'_, str>>) -> Next {
        match command {
            Request::Lhlo { .. } => {
                self.greeted = true;
                self.mail = None;
                let size = self.desk.config.bounds.size_bytes;
                self.out.extend_from_slice(
                    format!(
                        "250-deskclerk\r\n250-PIPELINING\r\n250-SIZE {size}\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n\
                         250 ENHANCEDSTATUSCODES\r\n"
                    )
                    .as_bytes(),
                );
            }
            Request::Ehlo { .. } | Request::Helo { .. } => {
                // RFC 2033 §4.1: an LMTP server must not answer as if it spoke SMTP.
                return self.wrong("500 5.5.1", "this is LMTP, say LHLO");
            }
            Request::Mail { .. } if !self.greeted => return self.wrong("503 5.5.1", "say LHLO first"),
            Request::Mail { .. } if self.mail.is_some() => return self.wrong("503 5.5.1", "one mail at a time"),
            Request::Mail { from } => {
                let limit = self.desk.config.bounds.size_bytes;
                if from.size > limit {
                    refused_for_size();
                    self.say("552 5.3.4", &format!("the mail is bigger than {limit} bytes"));
                } else if from.flags & MAIL_BODY_BINARYMIME != 0 {
                    self.say("555 5.5.4", "BINARYMIME is not offered");
                } else {
                    self.mail = Some(Envelope { from: Some(from.address.into_owned()), ..Envelope::default() });
                    self.say("250 2.1.0", "sender ok");
                }
            }
            Request::Rcpt { to } => match &mut self.mail {
                None => return self.wrong("503 5.5.1", "say MAIL first"),
                Some(_) if to.address.is_empty() => self.say("501 5.1.3", "the recipient is empty"),
                Some(mail) if mail.to.len() >= RECIPIENTS => self.say("452 4.5.3", "too many recipients"),
                Some(mail) => {
                    mail.to.push(to.address.into_owned());
                    self.say("250 2.1.5", "recipient ok");
                }
            },
            // RFC 2033 §4.2: without a recipient DATA must be refused, there is nobody to answer for.
            Request::Data if self.mail.as_ref().is_none_or(|mail| mail.to.is_empty()) => {
                return self.wrong("503 5.5.1", "no recipient");
            }
            Request::Data => {
                self.say("354", "go ahead, end with <CRLF>.<CRLF>");
                return Next::Data;
            }
            Request::Rset => {
                self.mail = None;
                self.say("250 2.0.0", "ok");
            }
            Request::Noop { .. } => self.say("250 2.0.0", "ok"),
            Request::Vrfy { .. } => self.say("252 2.1.5", "send some mail, it will be taken"),
            Request::Quit => {
                self.say("221 2.0.0", "bye");
                return Next::End;
            }
            _ => return self.wrong("502 5.5.1", "not offered"),
        }
        Next::Command
    }

    fn wrong(&mut self, code: &str, text: &str) -> Next {
        self.faults += 1;
        if self.faults > FAULTS {
            self.say("421 4.7.0", "too many senseless commands");
            return Next::End;
        }
        self.say(code, text);
        Next::Command
    }

    fn fault(&mut self, error: Error) -> Next {
        match error {
            Error::UnknownCommand => self.wrong("500 5.5.1", "unknown command"),
            Error::InvalidSenderAddress => self.wrong("501 5.1.7", "the sender is no address"),
            Error::InvalidRecipientAddress => self.wrong("501 5.1.3", "the recipient is no address"),
            Error::UnsupportedParameter { .. } => self.wrong("555 5.5.4", "a parameter is not offered"),
            Error::SyntaxError { .. } | Error::InvalidParameter { .. } => self.wrong("501 5.5.4", "syntax error"),
            // What follows of an endless line would be read as commands.
            _ => {
                self.say("500 5.5.6", "the line is too long");
                Next::End
            }
        }
    }

    /// The mail has come in whole: stores it and answers once a recipient.
    async fn settle(&mut self, data: Data) {
        let Some(envelope) = self.mail.take() else { return };
        let recipients = envelope.to.len();
        let (code, text) = match data.into_raw() {
            None => {
                refused_for_size();
                ("552 5.3.4", "the mail is too big".to_owned())
            }
            Some(raw) => {
                let new = New {
                    source: "lmtp".into(),
                    // The same mail handed in again is told by its Message-ID and content.
                    source_key: None,
                    kind: Kind::Mail,
                    raw,
                    envelope,
                    answerable: true,
                    received_at: crate::desk::unix_ms(),
                };
                match self.desk.accept(new).await {
                    Ok(submitted) => ("250 2.0.0", format!("stored as {}", submitted.id)),
                    Err(error) => {
                        tracing::error!(%error, "a mail could not be stored; its sender was told to try again");
                        ("452 4.3.1", "cannot store mail now, try again later".to_owned())
                    }
                }
            }
        };
        for _ in 0..recipients {
            self.say(code, &text);
        }
    }
}
