//! A directory by HTTP: one GET with the entity tag of the last good one, over TLS unless it is this machine.
//!
//! Redirects are followed on the same host alone, so that the secret header line never goes anywhere else. Neither that
//! line nor the query of the address ever stands in an error.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{self, Body};
use axum::http::{HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{SIZE_LIMIT, Trouble};
use crate::config::secret;
use crate::config::settings::Campaigns;

/// For connecting and the TLS handshake.
const CONNECT: Duration = Duration::from_secs(10);
/// Until the answer begins.
const ANSWER: Duration = Duration::from_secs(60);
/// Redirects in a row.
const HOPS: usize = 5;

/// What the server said.
pub enum Answer {
    /// It has what it had at this tag.
    Same,
    /// The directory, and its tag.
    Body(Vec<u8>, Option<String>),
}

/// Fetches the directory, unless it still has this tag.
pub async fn fetch(settings: &Campaigns, tag: Option<&str>) -> Result<Answer, Trouble> {
    let mut url: Uri = settings.url.parse().map_err(|_| ("is no address".into(), "mend campaigns.url"))?;
    let secret = header_line(settings)?;
    for _ in 0..=HOPS {
        // The connection lives in here, and ends with it.
        let mut connection = JoinSet::new();
        let response = get(&url, tag, secret.clone(), &mut connection).await?;
        match response.status() {
            StatusCode::NOT_MODIFIED if tag.is_some() => return Ok(Answer::Same),
            StatusCode::OK => return whole(response).await,
            status if status.is_redirection() && response.headers().contains_key(header::LOCATION) => {
                url = redirected(&url, &response.headers()[header::LOCATION])?;
            }
            status => return Err((format!("answers {status}"), "see that the address is right and lets the desk in")),
        }
    }
    Err((format!("redirects more than {HOPS} times"), "write the final address into campaigns.url"))
}

async fn whole(response: Response<Incoming>) -> Result<Answer, Trouble> {
    let tag = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
    let bytes = body::to_bytes(Body::new(response.into_body()), SIZE_LIMIT).await.map_err(|error| {
        let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        let message = format!("breaks off, or has more than {} MiB: {why}", SIZE_LIMIT >> 20);
        (message, "see that it sends the whole directory")
    })?;
    Ok(Answer::Body(bytes.into(), tag))
}

/// The header line of `url_header_file`.
fn header_line(settings: &Campaigns) -> Result<Option<(HeaderName, HeaderValue)>, Trouble> {
    let file = &settings.url_header_file;
    if file.as_os_str().is_empty() {
        return Ok(None);
    }
    let wrong = |why: String| (why, "write one line as `Authorization: Bearer …` into campaigns.url_header_file");
    let line = secret::read_line(file).map_err(|error| wrong(error.to_string()))?;
    let no_header = || wrong(format!("{} holds no header line", file.display()));
    let (name, value) = line.split_once(':').ok_or_else(no_header)?;
    let name = name.trim().parse().map_err(|_| no_header())?;
    let mut value: HeaderValue = value.trim().parse().map_err(|_| no_header())?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

/// Where a redirect leads, if it stays with the host.
fn redirected(from: &Uri, location: &HeaderValue) -> Result<Uri, Trouble> {
    let wrong = |why: &str| (format!("redirects {why}"), "write the final address into campaigns.url");
    let location = location.to_str().map_err(|_| wrong("to no address"))?;
    let whole = match (from.scheme_str(), from.authority()) {
        (Some(scheme), Some(authority)) if location.starts_with('/') && !location.starts_with("//") => {
            format!("{scheme}://{authority}{location}")
        }
        _ => location.to_owned(),
    };
    let to: Uri = whole.parse().map_err(|_| wrong("to no address"))?;
    match to.scheme() == from.scheme() && to.authority() == from.authority() {
        true => Ok(to),
        false => Err(wrong(&format!("to another host, {}", to.host().unwrap_or("none")))),
    }
}

/// Asks; gives the answer's head. Its body comes as long as `connection` is there.
async fn get(
    url: &Uri,
    tag: Option<&str>,
    secret: Option<(HeaderName, HeaderValue)>,
    connection: &mut JoinSet<()>,
) -> Result<Response<Incoming>, Trouble> {
    let (Some(host), Some(authority)) = (url.host(), url.authority()) else {
        return Err(("is no address".into(), "mend campaigns.url"));
    };
    let encrypted = url.scheme_str() == Some("https");
    let port = url.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
    let stream = in_time(CONNECT, "connecting", connect(host, port, encrypted)).await?;
    let (mut sender, driver) = http1::handshake::<_, String>(TokioIo::new(stream)).await.map_err(lost)?;
    connection.spawn(async move {
        // What breaks it is told to who reads the answer.
        let _ = driver.await;
    });
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::get(path)
        .header(header::HOST, authority.as_str())
        .header(header::USER_AGENT, concat!("deskclerk/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT, "text/csv, application/x-ndjson, application/jsonl, */*;q=0.5")
        .header(header::ACCEPT_ENCODING, "identity")
        .header(header::CONNECTION, "close");
    if let Some(tag) = tag {
        request = request.header(header::IF_NONE_MATCH, tag);
    }
    if let Some((name, value)) = secret {
        request = request.header(name, value);
    }
    let request = request.body(String::new()).map_err(|_| ("is no address".into(), "mend campaigns.url"))?;
    in_time(ANSWER, "the answer", async { sender.send_request(request).await.map_err(lost) }).await
}

/// A byte stream, encrypted or not.
trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytes for T {}

async fn connect(host: &str, port: u16, encrypted: bool) -> Result<Box<dyn Bytes>, Trouble> {
    let host = host.trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, port)).await.map_err(lost)?;
    if !encrypted {
        // The config check looks at the name; a name may still lead elsewhere.
        return match stream.peer_addr() {
            Ok(peer) if peer.ip().to_canonical().is_loopback() => Ok(Box::new(stream)),
            _ => Err((format!("{host} is not this machine: no plaintext"), "write https://")),
        };
    }
    let name = ServerName::try_from(host.to_owned()).map_err(|_| ("names no host".into(), "mend campaigns.url"))?;
    let stream = TlsConnector::from(Arc::new(tls()?)).connect(name, stream).await.map_err(lost)?;
    Ok(Box::new(stream))
}

fn tls() -> Result<ClientConfig, Trouble> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(("no certificate authority is known".into(), "install ca-certificates, or set SSL_CERT_FILE"));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(lost)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

async fn in_time<T>(limit: Duration, what: &str, work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    let slow = || Err((format!("{what} took longer than {} s", limit.as_secs()), "see that the server is well"));
    timeout(limit, work).await.unwrap_or_else(|_| slow())
}

fn lost(error: impl std::fmt::Display) -> Trouble {
    (format!("cannot be reached: {error}"), "see that the server runs and the address is right; it is tried again")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_with_the_host() {
        let check = |to: &str, expected: Option<&str>| {
            let from: Uri = "https://crm.example/a.csv?key=1".parse().unwrap();
            let got = redirected(&from, &to.parse().unwrap()).map(|url| url.to_string());
            assert_eq!(got.as_deref().ok(), expected, "{to}");
        };
        check("/b.csv", Some("https://crm.example/b.csv"));
        check("https://crm.example/c", Some("https://crm.example/c"));
        check("http://crm.example/c", None);
        check("https://crm.example:444/c", None);
        check("//other.example/c", None);
        check("https://other.example/c", None);
        check("b.csv", None);
    }
}
