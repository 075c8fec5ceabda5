//! What a partner system does: signed webhooks over raw connections, sent again until somebody says 2xx.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use deskclerk::intake::signature::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::clerk::SECRET;
use crate::ledger::{Ledger, address};

/// An answer.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Seconds of `Retry-After`.
    pub retry_after: Option<u64>,
    /// All of it.
    pub text: String,
}

/// One request over its own connection; `None`: no whole answer came.
pub async fn send(port: u16, head: &str, body: &[u8], patience: Duration) -> Option<Answer> {
    let asked = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let head = format!("{head}Host: 127.0.0.1\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(&[head.as_bytes(), body].concat()).await.ok()?;
        let mut bytes = vec![];
        let _ = stream.read_to_end(&mut bytes).await;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let status = text.split(' ').nth(1)?.parse().ok()?;
        let retry_after = text.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("retry-after").then(|| value.trim().parse().ok())?
        });
        text.contains("\r\n\r\n").then_some(Answer { status, retry_after, text })
    };
    timeout(patience, asked).await.ok().flatten()
}

/// A GET.
pub async fn get(port: u16, path: &str, patience: Duration) -> Option<Answer> {
    send(port, &format!("GET {path} HTTP/1.1\r\n"), b"", patience).await
}

/// A post of a customer's request, whole: no question is to be asked.
pub fn body(token: &str, padding: usize) -> Vec<u8> {
    let text = format!(
        "Hello, since yesterday the clicks of our campaign 48213 are no longer tracked, the report stays at zero.{}",
        " Please look into it.".repeat(padding / 21)
    );
    let value = serde_json::json!({"email": address(token), "subject": "Clicks are not tracked", "text": text});
    value.to_string().into_bytes()
}

/// One signed webhook; its id is the token.
pub async fn post(port: u16, token: &str, body: &[u8], patience: Duration) -> Option<Answer> {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let signature = Secret::parse(SECRET).unwrap().sign(token, at, body);
    let head = format!(
        "POST /v1/hooks/leadhub HTTP/1.1\r\nContent-Type: application/json\r\nwebhook-id: {token}\r\n\
         webhook-timestamp: {at}\r\nwebhook-signature: {signature}\r\n"
    );
    send(port, &head, body, patience).await
}

/// Posts until it is taken, as partner systems do; gives the refusals on the way.
pub async fn insist(port: u16, ledger: &Ledger, token: &str, patience: Duration) -> Vec<Answer> {
    let end = tokio::time::Instant::now() + patience;
    let mut refusals = vec![];
    loop {
        match post(port, token, &body(token, 0), Duration::from_secs(30)).await {
            Some(answer) if answer.status / 100 == 2 => {
                ledger.acknowledged(token);
                return refusals;
            }
            Some(answer) => refusals.push(answer),
            None => {}
        }
        let last = refusals.last().map_or("no answer", |answer| answer.text.as_str());
        assert!(tokio::time::Instant::now() < end, "a webhook was not taken in {} s: {last}", patience.as_secs());
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}
