//! From host name to signed-in connection.
//!
//! TLS comes first: implicit by default, STARTTLS refused when the server greets with PREAUTH or has sent anything ahead
//! of the handshake, plaintext only to loopback. The password is read when it is needed; neither it nor a token is logged.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_imap::imap_proto::{Response, Status};
use async_imap::{Authenticator, Client};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::guard::Guard;
use super::wire::{Error, Wire, brief};
use crate::config::mailbox::Imap;
use crate::config::secret;
use crate::config::settings::Tls;
use crate::desk::fetch::Failure;
use crate::desk::proxy;

/// For connecting, and for each step of the handshake.
const STEP: Duration = Duration::from_secs(30);
/// Room for what comes around a mail in one response, and for long lists of UIDs.
const ROOM: u64 = 16 << 20;

/// What IMAP is spoken over.
pub type Stream = Guard<Box<dyn Bytes>>;

/// A byte stream, encrypted or not.
pub trait Bytes: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug> Bytes for T {}

/// Connects and signs in. `size_bytes`: the biggest mail that will be asked for. `token`: an access token; `None`: the
/// password counts.
pub async fn open(settings: &Imap, size_bytes: usize, token: Option<&str>) -> Result<Wire, Error> {
    let limit = size_bytes as u64 + ROOM;
    let stream = step("connecting", connect(settings)).await?;
    let stream: Box<dyn Bytes> = match settings.tls {
        Tls::None => Box::new(stream),
        Tls::Implicit => Box::new(step("the TLS handshake", encrypt(settings, stream)).await?),
        Tls::Starttls => {
            let mut client = Client::new(Guard::new(stream, limit));
            greeting(&mut client).await?;
            step("STARTTLS", async {
                client.run_command_and_check_ok("STARTTLS", None).await.map_err(|error| lost("STARTTLS", error))
            })
            .await?;
            // What the client has read ahead is dropped with it: a man in the middle may have put it there.
            Box::new(step("the TLS handshake", encrypt(settings, client.into_inner().into_inner())).await?)
        }
    };
    let stream = Guard::new(stream, limit);
    let counter = stream.counter();
    let mut client = Client::new(stream);
    if settings.tls != Tls::Starttls {
        greeting(&mut client).await?;
    }
    let user = &settings.user;
    let said = Said::default();
    let signed_in = match token {
        Some(token) => {
            let bearer =
                Bearer { first: Some(format!("user={user}\x01auth=Bearer {token}\x01\x01")), said: said.clone() };
            step("the sign-in", async { Ok(client.authenticate("XOAUTH2", bearer).await) }).await?
        }
        None => {
            let password =
                secret::read_line(&settings.password_file).map_err(|error| Error::SignIn(error.to_string()))?;
            step("the sign-in", async {
                Ok(if user.is_ascii() && password.is_ascii() {
                    client.login(user, &password).await
                } else {
                    // Quoted strings are ASCII; SASL is not bound to that (RFC 4616).
                    client.authenticate("PLAIN", Plain(format!("\0{user}\0{password}"))).await
                })
            })
            .await?
        }
    };
    match signed_in {
        Ok(session) => Wire::new(session, counter, Duration::from_secs(settings.timeout_secs)).await,
        Err((async_imap::error::Error::No(why) | async_imap::error::Error::Bad(why), _)) => {
            let said = said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            Err(Error::SignIn(if said.is_empty() { brief(&why) } else { format!("{}, {said}", brief(&why)) }))
        }
        Err((error, _)) => Err(lost("the sign-in", error)),
    }
}

struct Plain(String);

impl Authenticator for Plain {
    type Response = String;

    fn process(&mut self, _challenge: &[u8]) -> String {
        self.0.clone()
    }
}

/// What the server says of a token that it refuses, for the error.
type Said = Arc<Mutex<String>>;

/// SASL XOAUTH2, as Google and Microsoft describe it: one message, and an empty one where the server refuses it and says why.
struct Bearer {
    first: Option<String>,
    said: Said,
}

impl Authenticator for Bearer {
    type Response = String;

    fn process(&mut self, challenge: &[u8]) -> String {
        if self.first.is_none() {
            *self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
                brief(&String::from_utf8_lossy(challenge));
        }
        self.first.take().unwrap_or_default()
    }
}

async fn step<T>(what: &str, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let slow = || Error::Lost(format!("{what} took longer than {} s", STEP.as_secs()));
    timeout(STEP, work).await.unwrap_or_else(|_| Err(slow()))
}

async fn connect(settings: &Imap) -> Result<TcpStream, Error> {
    let host = settings.host.trim_matches(['[', ']']);
    let stream = match settings.proxy() {
        Some(proxy) => proxy::connect(&proxy, host, settings.port).await.map_err(|failure| match failure {
            Failure::Refused(why) => Error::Denied(why),
            failure => Error::Lost(failure.to_string()),
        })?,
        None => TcpStream::connect((host, settings.port))
            .await
            .map_err(|error| Error::Lost(format!("cannot connect to {host}:{}: {error}", settings.port)))?,
    };
    let peer: Option<IpAddr> = stream.peer_addr().ok().map(|address| address.ip());
    // The config check looks at the name; a name may still lead elsewhere, and a proxy always does.
    let here = settings.proxy.is_empty() && peer.is_some_and(|ip| ip.to_canonical().is_loopback());
    if settings.tls == Tls::None && !here {
        return Err(Error::Lost(format!("{host} is not this machine: no plaintext, set imap.tls")));
    }
    stream.set_nodelay(true).map_err(|error| Error::Lost(error.to_string()))?;
    Ok(stream)
}

async fn encrypt(settings: &Imap, stream: TcpStream) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Error> {
    let host = settings.host.trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host).map_err(|_| Error::Lost("imap.host is no host name".into()))?;
    let connector = TlsConnector::from(Arc::new(tls(settings)?));
    connector.connect(name, stream).await.map_err(|error| lost("the TLS handshake", error))
}

/// Reads the certificates that a connection needs.
pub fn prove(settings: &Imap) -> Result<(), String> {
    // What cannot be read is told with the secrets.
    let file = &settings.ca_file;
    let unread = !file.as_os_str().is_empty() && secret::read_bytes(file).is_err();
    if unread || settings.tls == Tls::None {
        return Ok(());
    }
    tls(settings).map(drop).map_err(|error| error.to_string())
}

fn tls(settings: &Imap) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    let file = &settings.ca_file;
    if file.as_os_str().is_empty() {
        let system = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(system.certs);
    } else {
        let unusable = |why: String| Error::Lost(format!("imap.ca_file {}: {why}", file.display()));
        let found = CertificateDer::pem_file_iter(file).map_err(|error| unusable(error.to_string()))?;
        for certificate in found {
            let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
            roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
        }
    }
    if roots.is_empty() {
        return Err(Error::Lost("no certificate authority is known: set imap.ca_file".into()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| lost("TLS", error))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// Reads the server's first line. PREAUTH would mean that somebody signed us in before we knew whom we talk to.
async fn greeting<S>(client: &mut Client<S>) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug,
{
    step("the greeting", async {
        let first = client.read_response().await.map_err(|error| lost("the greeting", error))?;
        let first = first.ok_or_else(|| Error::Lost("the server closed the connection at once".into()))?;
        match first.parsed() {
            Response::Data { status: Status::Ok, .. } => Ok(()),
            Response::Data { status: Status::PreAuth, .. } => {
                Err(Error::Lost("the server greets with PREAUTH, which is refused".into()))
            }
            Response::Data { status: Status::Bye, outcome } => Err(Error::Lost(format!(
                "the server said goodbye: {}",
                brief(outcome.information.as_deref().unwrap_or(""))
            ))),
            _ => Err(Error::Lost("the server does not speak IMAP".into())),
        }
    })
    .await
}

fn lost(what: &str, error: impl std::fmt::Display) -> Error {
    Error::Lost(format!("{what} failed: {}", brief(&error.to_string())))
}
