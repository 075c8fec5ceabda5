//! The way to a server through a proxy: SOCKS 5 (RFC 1928, RFC 1929) or HTTP's CONNECT (RFC 9110 §9.3.6).
//!
//! The proxy resolves the server's name, and sees names and ciphertext alone: the caller begins TLS behind it. Nothing that
//! it sends is kept beyond what the protocol bounds.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::fetch::Failure;
use crate::config::mailbox::Proxy;
use crate::config::secret;

/// The head of an answer to CONNECT is never longer.
const HEAD_BYTES: usize = 16 << 10;

/// Connects to `host` through the proxy.
pub async fn connect(proxy: &Proxy, host: &str, port: u16) -> Result<TcpStream, Failure> {
    let place = (proxy.host.as_str(), proxy.port);
    let stream = TcpStream::connect(place).await;
    let unreachable = |error| lost(format!("cannot connect to the proxy {}:{}: {error}", proxy.host, proxy.port));
    let mut stream = stream.map_err(unreachable)?;
    let secret = match proxy.secret_file.as_os_str().is_empty() {
        true => None,
        false => Some(secret::read_line(&proxy.secret_file).map_err(|error| refused(error.to_string()))?),
    };
    match proxy.socks {
        true => socks(&mut stream, host, port, secret.as_deref()).await?,
        false => tunnel(&mut stream, host, port, secret.as_deref()).await?,
    }
    Ok(stream)
}

async fn socks(stream: &mut TcpStream, host: &str, port: u16, secret: Option<&str>) -> Result<(), Failure> {
    // Without a secret nothing but "no authentication" is offered.
    let offered: &[u8] = if secret.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] };
    stream.write_all(offered).await.map_err(broke)?;
    let [version, method] = exactly(stream).await?;
    match (version, method, secret.and_then(|secret| secret.split_once(':'))) {
        (5, 0, _) => {}
        (5, 2, Some((user, password))) => {
            let mut message = vec![1];
            for word in [user, password] {
                let length = u8::try_from(word.len()).map_err(|_| lost("what proxy_secret_file holds is too long"))?;
                message.push(length);
                message.extend_from_slice(word.as_bytes());
            }
            stream.write_all(&message).await.map_err(broke)?;
            if exactly::<2>(stream).await?[1] != 0 {
                return Err(refused("the proxy refuses what proxy_secret_file holds"));
            }
        }
        (5, 2, None) => return Err(refused("proxy_secret_file should hold user:password")),
        (5, ..) => return Err(refused("the proxy wants another sign-in; see proxy_secret_file")),
        _ => return Err(lost("the proxy does not speak SOCKS 5")),
    }
    let mut message = vec![5, 1, 0];
    match host.parse() {
        Ok(IpAddr::V4(ip)) => message.extend([&[1][..], &ip.octets()].concat()),
        Ok(IpAddr::V6(ip)) => message.extend([&[4][..], &ip.octets()].concat()),
        Err(_) => {
            message.extend([3, u8::try_from(host.len()).map_err(|_| lost("the host's name is too long"))?]);
            message.extend_from_slice(host.as_bytes());
        }
    }
    message.extend(port.to_be_bytes());
    stream.write_all(&message).await.map_err(broke)?;
    let [_, reply, _, kind] = exactly(stream).await?;
    if reply != 0 {
        let why = match reply {
            2 => "its rules do not allow it",
            3 => "the network is out of reach",
            4 => "the host is out of reach",
            5 => "the connection was refused",
            6 => "it took too long",
            _ => "it failed",
        };
        return Err(lost(format!("the proxy does not reach {host}:{port}: {why}")));
    }
    let bound = match kind {
        1 => 4,
        4 => 16,
        _ => usize::from(exactly::<1>(stream).await?[0]),
    };
    let mut rest = vec![0; bound + 2];
    stream.read_exact(&mut rest).await.map_err(broke)?;
    Ok(())
}

async fn tunnel(stream: &mut TcpStream, host: &str, port: u16, secret: Option<&str>) -> Result<(), Failure> {
    let target = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let proof = secret.map_or(String::new(), |secret| {
        format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(secret)) // RFC 7617
    });
    let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{proof}\r\n");
    stream.write_all(request.as_bytes()).await.map_err(broke)?;
    let mut head = vec![];
    // Byte by byte: what follows the head is the mail server's.
    while !head.ends_with(b"\r\n\r\n") {
        head.push(exactly::<1>(stream).await?[0]);
        if head.len() > HEAD_BYTES {
            return Err(lost("the proxy does not come to the end of its answer"));
        }
    }
    let head = String::from_utf8_lossy(&head);
    let line = head.lines().next().unwrap_or_default();
    match line.split(' ').nth(1) {
        Some(status) if status.len() == 3 && status.starts_with('2') => Ok(()),
        // Tinyproxy says 401 to a wrong password.
        Some("401" | "407") => Err(refused("the proxy wants user:password in proxy_secret_file")),
        _ => Err(lost(format!(
            "the proxy does not reach {target}: {}",
            line.chars().take(80).filter(|c| !c.is_control()).collect::<String>()
        ))),
    }
}

async fn exactly<const N: usize>(stream: &mut TcpStream) -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await.map_err(broke)?;
    Ok(bytes)
}

fn broke(error: std::io::Error) -> Failure {
    lost(format!("the connection to the proxy broke: {error}"))
}

fn lost(why: impl Into<String>) -> Failure {
    Failure::Failed(why.into())
}

fn refused(why: impl Into<String>) -> Failure {
    Failure::Refused(why.into())
}
