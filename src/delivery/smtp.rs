//! The way out by SMTP: lettre's client over rustls, connections kept between two mails.
//!
//! A mail is taken for sent only at the server's `250` after the final dot. When that answer never comes nobody knows
//! (RFC 1047): the same mail with the same Message-ID goes again. Never more connections than mails that are sent at
//! once. The password is read anew after every refused sign-in and never logged.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lettre::Address;
use lettre::address::Envelope;
use lettre::message::dkim::DkimConfig;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::mail::{self, Composed};
use super::{Delivery, dkim};
use crate::config::secret;
use crate::config::settings::{self, Tls};
use crate::store::outbox::Outgoing;

/// From the first packet to the end of the sign-in.
const OPEN_WAIT: Duration = Duration::from_secs(2 * 60);
/// For one mail. RFC 5321 §4.5.3.2.6 gives the server ten minutes for its last reply alone.
const MAIL_WAIT: Duration = Duration::from_secs(10 * 60);
/// For the answer to a goodbye, or to the question whether somebody is still there.
const NOD_WAIT: Duration = Duration::from_secs(10);
/// A connection that has just been used is not asked whether it is still there.
const FRESH: Duration = Duration::from_secs(1);
/// A connection that no mail has used for so long is given up.
const IDLE: Duration = Duration::from_secs(60);

/// What sending needs, read from files.
struct Ready {
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    signer: Option<DkimConfig>,
}

/// The configured server.
pub struct Smtp {
    settings: settings::Smtp,
    /// What EHLO says: the domain of the desk's address.
    hello: String,
    /// Read at the first mail, dropped when it may be stale.
    ready: Mutex<Option<Arc<Ready>>>,
    /// Signed in and between two mails, with the time of the last one.
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl Smtp {
    /// Connects to nothing yet.
    pub fn new(settings: settings::Smtp, desk_address: &str) -> Smtp {
        let hello = desk_address.rsplit('@').next().unwrap_or("localhost").to_owned();
        Smtp { settings, hello, ready: Mutex::default(), idle: Mutex::default() }
    }

    /// Sends one mail.
    pub async fn send(&self, outgoing: &Outgoing) -> Delivery {
        let ready = match self.ready().await {
            Ok(ready) => ready,
            Err(error) => return Delivery::retry(error),
        };
        let mail = match mail::compose(outgoing, ready.signer.as_ref(), SystemTime::now()) {
            Ok(mail) => mail,
            Err(error) => return Delivery::Dead { error },
        };
        let envelope = match self.envelope(&mail) {
            Ok(envelope) => envelope,
            Err(error) => return Delivery::retry(error),
        };
        let mut connection = match self.connection(&ready).await {
            Ok(connection) => connection,
            Err(error) => {
                self.forget().await;
                return Delivery::retry(error);
            }
        };
        match timeout(MAIL_WAIT, connection.send(&envelope, &mail.bytes)).await {
            Ok(Ok(_)) => {
                self.idle.lock().await.push((connection, Instant::now()));
                Delivery::Sent
            }
            Ok(Err(error)) => {
                if !error.is_permanent() || sign_in(&error) {
                    self.forget().await;
                }
                judge(&error, &mail)
            }
            Err(_) => {
                self.forget().await;
                Delivery::retry(format!("the server took longer than {} min over the mail", MAIL_WAIT.as_secs() / 60))
            }
        }
    }

    /// Tries DKIM key and certificates, where their files can be read: each key of `[smtp]` that cannot be used, and why.
    pub fn prove(&self) -> Vec<(&'static str, String)> {
        let settings = &self.settings;
        let readable = |file: &std::path::Path| secret::read_bytes(file).is_ok();
        let dkim = readable(&settings.dkim_key_file).then(|| self.signer().err()).flatten();
        let secured = settings.tls != Tls::None && !settings.host.is_empty();
        let sound = settings.ca_file.as_os_str().is_empty() || readable(&settings.ca_file);
        let tls = (secured && sound).then(|| self.tls().err()).flatten();
        [("dkim_key_file", dkim), ("ca_file", tls)].into_iter().filter_map(|(key, why)| Some((key, why?))).collect()
    }

    /// Connects and signs in, and hands nothing in.
    pub async fn knock(&self) -> Result<(), String> {
        let ready = self.ready().await?;
        leave(self.connection(&ready).await?).await;
        Ok(())
    }

    /// The bytes of this mail as they would go out, signed where mails are signed.
    pub async fn sample(&self, outgoing: &Outgoing) -> Result<Vec<u8>, String> {
        let ready = self.ready().await?;
        mail::compose(outgoing, ready.signer.as_ref(), SystemTime::now()).map(|mail| mail.bytes)
    }

    /// Says goodbye to the server on the connections that no mail has used for a while.
    pub async fn tidy(&self) {
        for (connection, _) in self.idle.lock().await.extract_if(.., |(_, since)| since.elapsed() >= IDLE) {
            tokio::spawn(leave(connection));
        }
    }

    /// Says goodbye to the server.
    pub async fn close(&self) {
        let idle = std::mem::take(&mut *self.idle.lock().await);
        for (connection, _) in idle {
            leave(connection).await;
        }
    }

    /// Files may have changed, or the server has lost us: the next mail begins anew.
    async fn forget(&self) {
        *self.ready.lock().await = None;
        self.idle.lock().await.clear();
    }

    /// A connection on which a mail can be handed in: one that waits and is alive, or a new one.
    async fn connection(&self, ready: &Ready) -> Result<AsyncSmtpConnection, String> {
        loop {
            let Some((mut connection, since)) = self.idle.lock().await.pop() else { break };
            if since.elapsed() < FRESH || timeout(NOD_WAIT, connection.test_connected()).await == Ok(true) {
                return Ok(connection);
            }
        }
        let slow = || format!("connecting and signing in took longer than {} s", OPEN_WAIT.as_secs());
        timeout(OPEN_WAIT, self.open(ready)).await.unwrap_or_else(|_| Err(slow()))
    }

    async fn open(&self, ready: &Ready) -> Result<AsyncSmtpConnection, String> {
        let hello = ClientId::Domain(self.hello.clone());
        let server = (self.settings.host.as_str(), self.settings.port);
        let mut connection = if self.settings.tls == Tls::Implicit {
            AsyncSmtpConnection::connect_tokio1(server, None, &hello, ready.tls.clone(), None).await
        } else {
            let stream = TcpStream::connect(server).await.map_err(|error| format!("Connection error: {error}"))?;
            // The final dot is a packet of its own: it must not wait until the mail before it is acknowledged.
            stream.set_nodelay(true).map_err(|error| error.to_string())?;
            AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello).await
        }
        .map_err(|error| explain(&error))?;
        if let (Tls::Starttls, Some(tls)) = (&self.settings.tls, &ready.tls) {
            connection.starttls(tls.clone(), &hello).await.map_err(|error| explain(&error))?;
        }
        if let Some(credentials) = &ready.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await.map_err(|error| explain(&error))?;
        }
        Ok(connection)
    }

    fn envelope(&self, mail: &Composed) -> Result<Envelope, String> {
        let sender = &self.settings.envelope_from;
        let sender: Option<Address> = match sender.as_str() {
            // What comes back comes to the ticket that it is about. A mail to a team has no such address.
            "" => mail.reply_to.clone(),
            "<>" => None,
            sender => Some(sender.parse().map_err(|_| format!("smtp.envelope_from `{sender}` is no mail address"))?),
        };
        Envelope::new(sender, vec![mail.to.clone()]).map_err(|error| error.to_string())
    }

    async fn ready(&self) -> Result<Arc<Ready>, String> {
        let mut kept = self.ready.lock().await;
        if let Some(ready) = kept.as_ref() {
            return Ok(Arc::clone(ready));
        }
        let ready = Ready { tls: self.tls()?, credentials: self.credentials()?, signer: self.signer()? };
        Ok(Arc::clone(kept.insert(Arc::new(ready))))
    }

    fn signer(&self) -> Result<Option<DkimConfig>, String> {
        let (selector, file) = (&self.settings.dkim_selector, &self.settings.dkim_key_file);
        (!selector.is_empty()).then(|| dkim::signer(selector, &self.hello, file)).transpose()
    }

    fn credentials(&self) -> Result<Option<Credentials>, String> {
        let settings = &self.settings;
        if settings.user.is_empty() {
            return Ok(None);
        }
        let password = secret::read_line(&settings.password_file).map_err(|error| error.to_string())?;
        Ok(Some(Credentials::new(settings.user.clone(), password)))
    }

    /// `None`: plaintext.
    fn tls(&self) -> Result<Option<TlsParameters>, String> {
        if self.settings.tls == Tls::None {
            return Ok(None);
        }
        let file = &self.settings.ca_file;
        let mut tls = TlsParameters::builder(self.settings.host.clone());
        if !file.as_os_str().is_empty() {
            let pem = fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
            let authority = Certificate::from_pem(&pem)
                .ok()
                // lettre takes a file without any for an empty list.
                .filter(|_| memchr::memmem::find(&pem, b"-----BEGIN CERTIFICATE-----").is_some())
                .ok_or_else(|| format!("{} holds no PEM certificate", file.display()))?;
            // A private authority is meant instead of the public ones, not beside them.
            tls = tls.certificate_store(CertificateStore::None).add_root_certificate(authority);
        }
        tls.build().map(Some).map_err(|error| format!("TLS cannot be set up: {error}"))
    }
}

/// Says goodbye.
async fn leave(mut connection: AsyncSmtpConnection) {
    let _ = timeout(NOD_WAIT, connection.quit()).await;
}

/// Refused for good only when the server says so of this mail. What speaks of the set-up (sign-in, TLS) is put right by
/// the operator, and the mail goes then.
fn judge(error: &Error, mail: &Composed) -> Delivery {
    let text = explain(error);
    let cannot_be_carried = error.is_client() && !mail.to.to_string().is_ascii();
    if (error.is_permanent() && !sign_in(error)) || cannot_be_carried {
        return Delivery::Dead { error: text };
    }
    Delivery::retry(text)
}

/// 530, 534, 535, 538: sign-in or encryption (RFC 4954 §6); 500–504, 521: this server takes no mail from us at all.
fn sign_in(error: &Error) -> bool {
    error.status().is_some_and(|code| matches!(u16::from(code), 500..=504 | 521 | 530 | 534 | 535 | 538))
}

fn explain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text.truncate(text.floor_char_boundary(500));
    // What `openssl req -x509` makes unasked.
    if text.contains("CaUsedAsEndEntity") {
        text.push_str("; the server shows the certificate of an authority: give it one of its own, with CA:FALSE");
    }
    text
}
