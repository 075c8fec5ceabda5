//! HTTP to places that others name: attachments by URL, outgoing webhooks. One guard for all of it.
//!
//! Promises: no connection to this machine or a private network unless the operator allows it (`egress.allow`), judged on
//! the very address that is connected to, after DNS, so that no name can be rebound; redirects are never followed; TLS
//! everywhere else; what comes back is bounded in bytes and time. Neither query nor credentials stand in an error.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, Uri, header};
use futures_util::StreamExt;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::proxy;
use crate::config::mailbox::Proxy;
use crate::config::network::Network;

/// For the name, connecting and the TLS handshake.
const CONNECT: Duration = Duration::from_secs(10);

/// Why nothing came back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It never will: the address is none, or must not be reached.
    #[error("{0}")]
    Refused(String),
    /// It may another time: nobody was reached.
    #[error("{0}")]
    Failed(String),
    /// The request went out and no whole answer came: what was asked may have been done.
    #[error("unknown outcome: {0}")]
    Unknown(String),
}

/// What the server said.
#[derive(Debug)]
pub struct Answer {
    /// Its status; redirects are handed back like any other.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// The body, within the bound.
    pub body: Vec<u8>,
    /// There was more of it, or it broke off.
    pub cut: bool,
}

/// Which addresses may be reached.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allowed: Vec<Network>,
    proxy: Option<Proxy>,
}

impl Guard {
    /// Allows these networks beside the public internet; what is no network is left out (`config check` names it).
    pub fn new(allow: &[String]) -> Guard {
        Guard { allowed: allow.iter().filter_map(|text| Network::parse(text)).collect(), proxy: None }
    }

    /// As it is, through this proxy: it resolves the names, so their addresses are not judged here, and only TLS goes.
    pub fn through(self, proxy: Option<Proxy>) -> Guard {
        Guard { proxy, ..self }
    }

    /// Whether the operator has named this address.
    fn names(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|network| network.holds(address))
    }

    /// Whether this address may be connected to.
    pub fn admits(&self, address: IpAddr) -> bool {
        self.names(address) || is_public(address)
    }

    /// Sends one request and reads the answer whole. `url` is absolute; the request's own URI is set from it.
    pub async fn send(
        &self,
        url: &str,
        request: Request<Vec<u8>>,
        most_bytes: usize,
        within: Duration,
    ) -> Result<Answer, Failure> {
        let answer = self.send_for_head(url, request, most_bytes, within).await?;
        match answer.cut {
            false => Ok(answer),
            true => Err(Failure::Unknown(format!("the answer breaks off, or has more than {most_bytes} bytes"))),
        }
    }

    /// As [`Guard::send`], where the head of the answer is what counts: of its body only the beginning is read.
    pub async fn send_for_head(
        &self,
        url: &str,
        mut request: Request<Vec<u8>>,
        most_bytes: usize,
        within: Duration,
    ) -> Result<Answer, Failure> {
        let refused = |why: &str| Failure::Refused(why.to_owned());
        let url: Uri = url.parse().map_err(|_| refused("the address is no URL"))?;
        let (Some(host), Some(authority)) = (url.host(), url.authority()) else {
            return Err(refused("the address names no host"));
        };
        let encrypted = match url.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(refused("the address is neither https nor http")),
        };
        if authority.as_str().contains('@') {
            return Err(refused("the address carries a name or password"));
        }
        let port = url.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = path.parse().map_err(|_| refused("the address is no URL"))?;
        let headers = request.headers_mut();
        let host_value = authority.as_str().parse().map_err(|_| refused("the address names no host"))?;
        headers.insert(header::HOST, host_value);
        for (name, value) in [
            (header::USER_AGENT, concat!("deskclerk/", env!("CARGO_PKG_VERSION"))),
            (header::ACCEPT_ENCODING, "identity"),
            (header::CONNECTION, "close"),
        ] {
            headers.entry(name).or_insert(header::HeaderValue::from_static(value));
        }
        // Before it nothing was asked of anybody.
        let begun = AtomicBool::new(false);
        let exchange = async {
            let stream = self.connect(host, port, encrypted).await?;
            let (mut sender, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
            begun.store(true, Ordering::Relaxed);
            // The connection lives in here, and ends with it.
            let mut connection = JoinSet::new();
            connection.spawn(async move {
                let _ = driver.await;
            });
            let response = sender.send_request(request.map(Body::from)).await;
            let response = response.map_err(|error| Failure::Unknown(format!("the connection broke: {error}")))?;
            let (head, body) = response.into_parts();
            let (body, cut) = beginning(Body::new(body), most_bytes).await;
            Ok(Answer { status: head.status, headers: head.headers, body, cut })
        };
        match timeout(within, exchange).await {
            Ok(answered) => answered,
            Err(_) if begun.load(Ordering::Relaxed) => {
                Err(Failure::Unknown(format!("no answer in {} s", within.as_secs())))
            }
            Err(_) => Err(Failure::Failed(format!("no connection in {} s", within.as_secs()))),
        }
    }

    /// A connection to this host, by TLS unless the operator has named its network.
    pub async fn connect(&self, host: &str, port: u16, encrypted: bool) -> Result<Box<dyn Bytes>, Failure> {
        let host = host.trim_matches(['[', ']']);
        let slow = |_| Failure::Failed(format!("{host} cannot be reached in {} s", CONNECT.as_secs()));
        let reached = async {
            match &self.proxy {
                Some(proxy) if encrypted => proxy::connect(proxy, host, port).await,
                Some(_) => Err(Failure::Refused(format!("no plaintext to {host} through a proxy; write https://"))),
                None => self.reach(host, port, encrypted).await,
            }
        };
        let stream = timeout(CONNECT, reached).await.map_err(slow)??;
        if !encrypted {
            return Ok(Box::new(stream));
        }
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| Failure::Refused("the address names no host".into()))?;
        let handshake = TlsConnector::from(tls()?).connect(name, stream);
        Ok(Box::new(timeout(CONNECT, handshake).await.map_err(slow)?.map_err(lost)?))
    }

    /// Connects to the first address of the host that answers. All that it has are judged first: a name that leads both
    /// out and in is a trap.
    async fn reach(&self, host: &str, port: u16, encrypted: bool) -> Result<TcpStream, Failure> {
        let unknown = |error: std::io::Error| Failure::Failed(format!("{host} has no address: {error}"));
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await.map_err(unknown)?.collect();
        for address in &addresses {
            if !self.admits(address.ip()) {
                let why = format!("{host} leads to an address that is not public; allow it in egress.allow");
                return Err(Failure::Refused(why));
            }
            if !encrypted && !self.names(address.ip()) {
                return Err(Failure::Refused(format!("no plaintext to {host}; write https://")));
            }
        }
        let mut last = Failure::Failed(format!("{host} has no address"));
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = lost(error),
            }
        }
        Err(last)
    }
}

/// A body up to the bound, and whether that is not the whole.
async fn beginning(body: Body, most_bytes: usize) -> (Vec<u8>, bool) {
    let mut kept: Vec<u8> = vec![];
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let Ok(piece) = piece else { return (kept, true) };
        let room = most_bytes - kept.len();
        kept.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room {
            return (kept, true);
        }
    }
    (kept, false)
}

/// A byte stream, encrypted or not.
pub trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytes for T {}

/// Whether an address is on the public internet: none of the special ones of RFC 6890 and its kin, whatever IPv6 wraps
/// around them (mapped, NAT64, 6to4, Teredo).
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => public_v4(v4),
        IpAddr::V6(v6) => public_v6(v6),
    }
}

fn public_v4(address: Ipv4Addr) -> bool {
    let special = [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    ];
    !special.iter().filter_map(|text| Network::parse(text)).any(|network| network.holds(address.into()))
}

fn public_v6(address: Ipv6Addr) -> bool {
    // Only 2000::/3 is handed out (RFC 4291 §2.4); within it some is not.
    let special = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16"];
    address.segments()[0] >> 13 == 1
        && !special.iter().filter_map(|text| Network::parse(text)).any(|network| network.holds(address.into()))
}

/// Trust in the system's certificate authorities; read at the first connection.
fn tls() -> Result<Arc<ClientConfig>, Failure> {
    static TLS: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(tls) = TLS.get() {
        return Ok(tls.clone());
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(Failure::Failed("no certificate authority is known; install ca-certificates".into()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(lost)?;
    Ok(TLS.get_or_init(|| Arc::new(builder.with_root_certificates(roots).with_no_client_auth())).clone())
}

fn lost(error: impl std::fmt::Display) -> Failure {
    Failure::Failed(format!("cannot be reached: {error}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_admitted() {
        let check = |text: &str, expected: bool| {
            assert_eq!(Guard::default().admits(text.parse().unwrap()), expected, "{text}");
        };
        for address in ["93.184.216.34", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111"] {
            check(address, true);
        }
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.1.2.3",
            "169.254.169.254",
            "172.31.255.255",
            "192.168.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:169.254.169.254",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a00:1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "fec0::1",
        ] {
            check(address, false);
        }
    }

    #[test]
    fn the_operator_names_networks() {
        let guard = Guard::new(&["10.1.0.0/16".into(), "::1".into(), "nonsense".into(), "10.2.0.0/33".into()]);
        let check = |text: &str, expected: bool| assert_eq!(guard.admits(text.parse().unwrap()), expected, "{text}");
        check("10.1.255.1", true);
        check("::ffff:10.1.0.1", true);
        check("10.2.0.1", false);
        check("::1", true);
        check("127.0.0.1", false);
        assert!(Guard::new(&["0.0.0.0/0".into()]).admits("127.0.0.1".parse().unwrap()));
    }

    #[tokio::test]
    async fn what_must_not_be_reached_is_refused_before_a_byte_is_sent() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let ask = async |guard: &Guard, url: &str| {
            guard.send(url, Request::new(vec![]), 100, Duration::from_secs(5)).await.err()
        };
        let strict = Guard::default();
        for url in [
            format!("https://127.0.0.1:{port}/"),
            format!("https://localhost:{port}/"),
            format!("https://[::ffff:127.0.0.1]:{port}/"),
            format!("https://2130706433:{port}/"),
            format!("http://127.0.0.1:{port}/"),
            format!("https://me:word@127.0.0.1:{port}/"),
            "file:///etc/passwd".into(),
            "gopher://127.0.0.1/".into(),
            "/etc/passwd".into(),
        ] {
            let failure = ask(&strict, &url).await.unwrap();
            let rejected = matches!(failure, Failure::Refused(_)) || url.contains("2130706433");
            assert!(rejected, "{url}: {failure:?}");
        }
        let quiet = timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(quiet.is_err(), "something connected");
    }

    #[tokio::test]
    async fn redirects_are_answers_and_bodies_are_bounded() {
        use axum::routing::get;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = axum::Router::new()
            .route("/away", get(|| async { axum::response::Redirect::to("http://169.254.169.254/latest") }))
            .route("/large", get(|| async { "x".repeat(1_000) }));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let guard = Guard::new(&["127.0.0.0/8".into()]);
        let ask = async |path: &str, most: usize| {
            guard.send(&format!("{url}{path}"), Request::new(vec![]), most, Duration::from_secs(5)).await
        };
        assert_eq!(ask("/away", 100).await.unwrap().status, 303);
        assert_eq!(ask("/large", 1_000).await.unwrap().body.len(), 1_000);
        assert!(matches!(ask("/large", 999).await, Err(Failure::Unknown(_))));
    }
}
