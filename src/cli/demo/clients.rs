//! What stands outside in the demo: a mail server that delivers by LMTP, and a partner that posts signed webhooks.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use axum::body::{Body, to_bytes};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::intake::signature::Secret;

/// Delivers one mail (CRLF lines) by LMTP (RFC 2033). Gives the server's last answer, which names the submission.
pub async fn deliver(to: &str, sender: &str, recipient: &str, mail: &str) -> Result<String> {
    let stream = TcpStream::connect(to).await.with_context(|| format!("no LMTP at {to}"))?;
    let mut stream = BufReader::new(stream);
    expect(&mut stream, "220").await?;
    for (command, answer) in [
        ("LHLO demo.example".to_owned(), "250"),
        (format!("MAIL FROM:<{sender}>"), "250"),
        (format!("RCPT TO:<{recipient}>"), "250"),
        ("DATA".to_owned(), "354"),
    ] {
        stream.write_all(format!("{command}\r\n").as_bytes()).await?;
        expect(&mut stream, answer).await?;
    }
    for line in mail.split_inclusive("\r\n") {
        let stuffed = if line.starts_with('.') { "." } else { "" };
        stream.write_all(format!("{stuffed}{line}").as_bytes()).await?;
    }
    stream.write_all(b".\r\n").await?;
    let answer = expect(&mut stream, "250").await?;
    stream.write_all(b"QUIT\r\n").await?;
    Ok(answer)
}

/// Reads one answer, of several lines where it has them.
async fn expect(stream: &mut BufReader<TcpStream>, code: &str) -> Result<String> {
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        ensure!(line.starts_with(code), "LMTP answered {:?}, not {code}", line.trim_end());
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(line.trim_end().to_owned());
        }
    }
}

/// Posts a webhook, signed as Standard Webhooks has it. Gives status and body.
pub async fn post(
    to: SocketAddr,
    path: &str,
    id: &str,
    now_secs: i64,
    secret: &Secret,
    body: &str,
) -> Result<(u16, String)> {
    let request = hyper::Request::post(path)
        .header("host", to.to_string())
        .header("content-type", "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", now_secs.to_string())
        .header("webhook-signature", secret.sign(id, now_secs, body.as_bytes()))
        .body(Body::from(body.to_owned()))?;
    let stream = TcpStream::connect(to).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let body = to_bytes(Body::new(response.into_body()), 1 << 20).await?;
    connection.abort();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
