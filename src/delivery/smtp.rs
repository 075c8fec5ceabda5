//! The way out by SMTP: lettre's pooled transport over rustls.
//!
//! A mail is taken for sent only at the server's `250` after the final dot. When that answer never comes nobody knows
//! (RFC 1047): the same mail with the same Message-ID goes again. The password is read anew after every refused sign-in
//! and never logged.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lettre::address::Envelope;
use lettre::message::dkim::DkimConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls as Security, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, PoolConfig};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use tokio::sync::Mutex;

use super::mail::{self, Composed};
use super::{Delivery, dkim};
use crate::config::secret;
use crate::config::settings::{self, Tls};
use crate::store::outbox::Outgoing;

type Transport = AsyncSmtpTransport<Tokio1Executor>;
/// A transport, and what signs its mails.
type Ready = (Transport, Option<Arc<DkimConfig>>);

/// How long the server may take over one reply.
const REPLY_WAIT: Duration = Duration::from_secs(120);

/// The configured server.
pub struct Smtp {
    settings: settings::Smtp,
    /// What EHLO says: the domain of the desk's address.
    hello: String,
    /// Built at the first mail, dropped when it may be stale.
    transport: Mutex<Option<Ready>>,
}

impl Smtp {
    /// Connects to nothing yet.
    pub fn new(settings: settings::Smtp, desk_address: &str) -> Smtp {
        let hello = desk_address.rsplit('@').next().unwrap_or("localhost").to_owned();
        Smtp { settings, hello, transport: Mutex::new(None) }
    }

    /// Sends one mail.
    pub async fn send(&self, outgoing: &Outgoing) -> Delivery {
        let (transport, signer) = match self.ready().await {
            Ok(ready) => ready,
            Err(error) => return Delivery::retry(error),
        };
        let mail = match mail::compose(outgoing, signer.as_deref(), SystemTime::now()) {
            Ok(mail) => mail,
            Err(error) => return Delivery::Dead { error },
        };
        let envelope = match self.envelope(&mail) {
            Ok(envelope) => envelope,
            Err(error) => return Delivery::retry(error),
        };
        // lettre must not be cut off from outside: it would keep the half-used connection. Its own time-outs end it.
        match transport.send_raw(&envelope, &mail.bytes).await {
            Ok(_) => Delivery::Sent,
            Err(error) => {
                let delivery = judge(&error, &mail);
                if !error.is_permanent() || sign_in(&error) {
                    *self.transport.lock().await = None;
                }
                delivery
            }
        }
    }

    /// Reads what sending needs: DKIM key, password, certificates. Which key of `[smtp]` cannot be used, and why. Within a
    /// runtime: the pool of connections asks for one.
    pub async fn prove(&self) -> Result<(), (&'static str, String)> {
        self.signer().map_err(|why| ("dkim_key_file", why))?;
        self.build().map(drop).map_err(|why| ("ca_file", why))
    }

    /// Connects and signs in, and hands nothing in.
    pub async fn knock(&self) -> Result<(), String> {
        let (transport, _) = self.ready().await?;
        let found = transport.test_connection().await;
        transport.shutdown().await;
        match found {
            Ok(true) => Ok(()),
            Ok(false) => Err("the server hung up".to_owned()),
            Err(error) => Err(explain(&error)),
        }
    }

    /// The bytes of this mail as they would go out, signed where mails are signed.
    pub async fn sample(&self, outgoing: &Outgoing) -> Result<Vec<u8>, String> {
        let (_, signer) = self.ready().await?;
        mail::compose(outgoing, signer.as_deref(), SystemTime::now()).map(|mail| mail.bytes)
    }

    /// Says goodbye to the server.
    pub async fn close(&self) {
        if let Some((transport, _)) = self.transport.lock().await.take() {
            transport.shutdown().await;
        }
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

    async fn ready(&self) -> Result<Ready, String> {
        let mut kept = self.transport.lock().await;
        if let Some(ready) = kept.as_ref() {
            return Ok(ready.clone());
        }
        let signer = self.signer()?;
        Ok(kept.insert((self.build()?, signer)).clone())
    }

    fn signer(&self) -> Result<Option<Arc<DkimConfig>>, String> {
        let (selector, file) = (&self.settings.dkim_selector, &self.settings.dkim_key_file);
        match selector.is_empty() {
            true => Ok(None),
            false => dkim::signer(selector, &self.hello, file).map(|signer| Some(Arc::new(signer))),
        }
    }

    fn build(&self) -> Result<Transport, String> {
        let settings = &self.settings;
        let security = match settings.tls {
            Tls::None => Security::None,
            Tls::Implicit => Security::Wrapper(self.tls()?),
            Tls::Starttls => Security::Required(self.tls()?),
        };
        let mut builder = Transport::builder_dangerous(settings.host.as_str())
            .port(settings.port)
            .tls(security)
            .hello_name(ClientId::Domain(self.hello.clone()))
            .timeout(Some(REPLY_WAIT))
            .pool_config(PoolConfig::new().max_size(settings.connections.max(1)));
        if !settings.user.is_empty() {
            let password = secret::read_line(&settings.password_file).map_err(|error| error.to_string())?;
            builder = builder.credentials(Credentials::new(settings.user.clone(), password));
        }
        Ok(builder.build())
    }

    fn tls(&self) -> Result<TlsParameters, String> {
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
        tls.build().map_err(|error| format!("TLS cannot be set up: {error}"))
    }
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
