//! A raw line-by-line client: SMTP and LMTP as the wire has them, right or wrong.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::PATIENCE;

/// A conversation.
pub struct Talk {
    stream: BufReader<TcpStream>,
}

impl Talk {
    /// Connects and hears the greeting.
    pub async fn to(address: &str) -> Talk {
        let mut talk = Talk { stream: BufReader::new(TcpStream::connect(address).await.unwrap()) };
        talk.hear("220").await;
        talk
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).await.unwrap();
    }

    /// Hears one whole reply; all its lines must start with `code`.
    pub async fn hear(&mut self, code: &str) -> String {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            let read = timeout(PATIENCE, self.stream.read_line(&mut line)).await;
            assert_ne!(
                read.expect("a reply in time").unwrap(),
                0,
                "the server hung up; {code} expected after {reply:?}"
            );
            assert!(line.starts_with(code), "{code} expected, heard {line:?}");
            reply.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                return reply;
            }
        }
    }

    /// Says a line and hears the reply.
    pub async fn say(&mut self, line: &str, code: &str) -> String {
        self.send(format!("{line}\r\n")).await;
        self.hear(code).await
    }

    /// Hears that the server hangs up.
    pub async fn hear_end(&mut self) {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.stream.read_line(&mut line)).await;
        assert_eq!(read.expect("an end in time").unwrap_or(0), 0, "heard {line:?}");
    }

    /// Hands in one mail by SMTP, dot-stuffed.
    pub async fn submit(&mut self, from: &str, to: &str, mail: &str) {
        self.say(&format!("MAIL FROM:<{from}>"), "250").await;
        self.say(&format!("RCPT TO:<{to}>"), "250").await;
        self.say("DATA", "354").await;
        self.send(stuffed(mail)).await;
        self.hear("250").await;
    }
}

/// A mail as it goes over the wire after DATA, with its end.
pub fn stuffed(mail: &str) -> String {
    let stuffed = mail.replace("\r\n.", "\r\n..");
    let end = if mail.ends_with("\r\n") { "" } else { "\r\n" };
    format!("{}{stuffed}{end}.\r\n", if mail.starts_with('.') { "." } else { "" })
}
