//! The other end of the door: hands one mail to a running daemon by LMTP (RFC 2033), for the pipe of an MTA.
//!
//! Says that a mail is stored only after the daemon's `250` for every recipient; all else is a reason to try again later, or,
//! where the daemon refuses the mail for good, to bounce it. Blocks; knows no desk and no store.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// For a connection, for an answer, and for the answer after the mail (RFC 5321 §4.5.3.2).
const CONNECT_WAIT: Duration = Duration::from_secs(20);
const WAIT: Duration = Duration::from_secs(5 * 60);
/// Bytes of one line of an answer (RFC 5321 §4.5.3.1.5), and lines of one answer.
const LINE: u64 = 2048;
const LINES: usize = 100;

/// Why a mail was not stored.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It may be stored when it comes again: the daemon is down, or cannot store now.
    #[error("{0}")]
    Later(String),
    /// The mail itself is refused for good, such as one that is too big.
    #[error("{0}")]
    Mail(String),
    /// Its sender or a recipient is refused for good.
    #[error("{0}")]
    Address(String),
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Hands in `mail` (canonical, see [`canonical`]) at `door`, a socket address or the path of a Unix socket. All recipients
/// are taken, or nothing is sent. What the daemon said of it last.
pub fn hand_in(door: &str, from: &str, to: &[String], mail: &[u8]) -> Result<String, Refusal> {
    let later =
        |error: io::Error| Refusal::Later(format!("no desk answers at {door}: {error}; is `deskclerk run` up?"));
    let mut talk = Talk { stream: BufReader::new(connect(door).map_err(later)?) };
    let broken = |error: io::Error| {
        Refusal::Later(format!("the desk at {door} broke off before it said that the mail is stored: {error}"))
    };
    talk.hand_in(from, to, mail).map_err(broken)?
}

fn connect(door: &str) -> io::Result<Box<dyn Stream>> {
    if door.starts_with('/') {
        let stream = UnixStream::connect(door)?;
        stream.set_read_timeout(Some(WAIT))?;
        stream.set_write_timeout(Some(WAIT))?;
        return Ok(Box::new(stream));
    }
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "it is no address");
    for address in door.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_WAIT) {
            Ok(stream) => {
                stream.set_read_timeout(Some(WAIT))?;
                stream.set_write_timeout(Some(WAIT))?;
                stream.set_nodelay(true)?;
                return Ok(Box::new(stream));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

struct Talk {
    stream: BufReader<Box<dyn Stream>>,
}

struct Answer {
    code: u16,
    lines: Vec<String>,
}

impl Answer {
    fn is_good(&self) -> bool {
        self.code / 100 == 2
    }

    fn text(&self) -> String {
        let said: String = self.lines.join(" / ").chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("{} {said}", self.code)
    }

    /// Only what the desk says of this mail or this address is final; anything else may be a wrong port.
    fn refusal(&self, of: &str, last: fn(String) -> Refusal) -> Refusal {
        let why = format!("the desk refuses {of}: {}", self.text());
        match self.code {
            550..560 => last(why),
            501 => last(why),
            _ => Refusal::Later(why),
        }
    }
}

impl Talk {
    fn hand_in(&mut self, from: &str, to: &[String], mail: &[u8]) -> io::Result<Result<String, Refusal>> {
        let greeting = self.hear()?;
        if greeting.code != 220 {
            return Ok(Err(Refusal::Later(format!("the desk takes no mail now: {}", greeting.text()))));
        }
        let offered = self.say("LHLO localhost")?;
        if !offered.is_good() {
            return Ok(Err(Refusal::Later(format!("that is no LMTP server: {}", offered.text()))));
        }
        let offers = |word: &str| {
            let words = offered.lines.iter().skip(1).filter_map(|line| line.split(' ').next());
            words.into_iter().any(|offer| offer.eq_ignore_ascii_case(word))
        };
        let mut command = format!("MAIL FROM:<{from}>");
        if offers("SIZE") {
            command.push_str(&format!(" SIZE={}", mail.len()));
        }
        if !mail.is_ascii() && offers("8BITMIME") {
            command.push_str(" BODY=8BITMIME");
        }
        let head = memchr::memmem::find(mail, b"\r\n\r\n").map_or(mail, |end| &mail[..end]);
        let international = !head.is_ascii() || !from.is_ascii() || to.iter().any(|address| !address.is_ascii());
        if international && offers("SMTPUTF8") {
            command.push_str(" SMTPUTF8");
        }
        let answer = self.say(&command)?;
        if !answer.is_good() {
            let last = if answer.code == 552 { Refusal::Mail } else { Refusal::Address };
            return Ok(Err(answer.refusal("the mail", last)));
        }
        for recipient in to {
            let answer = self.say(&format!("RCPT TO:<{recipient}>"))?;
            if !answer.is_good() {
                return Ok(Err(answer.refusal(&format!("the recipient {recipient}"), Refusal::Address)));
            }
        }
        let answer = self.say("DATA")?;
        if answer.code != 354 {
            return Ok(Err(answer.refusal("the mail", Refusal::Mail)));
        }
        self.stream.get_mut().write_all(&stuffed(mail))?;
        self.stream.get_mut().flush()?;
        let mut said = String::new();
        let mut refusal = None;
        for _ in to {
            let answer = self.hear()?;
            match answer.is_good() {
                true => said = answer.text(),
                // One that may pass is worth another try, whatever the others were told.
                false if !matches!(refusal, Some(Refusal::Later(_))) => {
                    refusal = Some(answer.refusal("the mail", Refusal::Mail));
                }
                false => {}
            }
        }
        // It is stored, whatever becomes of the farewell.
        let _ = self.stream.get_mut().write_all(b"QUIT\r\n");
        Ok(refusal.map_or(Ok(said), Err))
    }

    fn say(&mut self, line: &str) -> io::Result<Answer> {
        self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
        self.stream.get_mut().flush()?;
        self.hear()
    }

    fn hear(&mut self) -> io::Result<Answer> {
        let nonsense = |line: &str| io::Error::new(io::ErrorKind::InvalidData, format!("it said {line:?}"));
        let mut lines = vec![];
        while lines.len() < LINES {
            let mut line = vec![];
            self.stream.by_ref().take(LINE).read_until(b'\n', &mut line)?;
            if line.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let code = line.get(..3).and_then(|code| code.parse().ok()).ok_or_else(|| nonsense(&line))?;
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(Answer { code, lines });
            }
        }
        Err(nonsense("more lines than an answer has"))
    }
}

/// A mail as a pipe has it, as SMTP has it: without the `From ` line of mailboxes in front, every line ended by CRLF.
pub fn canonical(piped: &[u8]) -> Vec<u8> {
    let mut rest = piped;
    if rest.starts_with(b"From ") {
        rest = memchr::memchr(b'\n', rest).map_or(&[], |end| &rest[end + 1..]);
    }
    let mut mail = Vec::with_capacity(rest.len() + rest.len() / 32 + 2);
    for line in rest.split_inclusive(|byte| *byte == b'\n') {
        let bare = line.strip_suffix(b"\n").map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line));
        mail.extend_from_slice(bare);
        mail.extend_from_slice(b"\r\n");
    }
    mail
}

/// What goes over the wire after DATA (RFC 5321 §4.5.2), its end included.
fn stuffed(mail: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(mail.len() + 64);
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(piped: &str, expected: &str) {
        assert_eq!(String::from_utf8_lossy(&canonical(piped.as_bytes())), expected, "{piped:?}");
    }

    #[test]
    fn what_is_piped_becomes_what_smtp_has() {
        check("A: b\n\nc\n", "A: b\r\n\r\nc\r\n");
        check("A: b\r\n\r\nc", "A: b\r\n\r\nc\r\n");
        check("From ann@customer.example Thu Nov 26 07:00:00 2026\nA: b\n\nFrom here\n", "A: b\r\n\r\nFrom here\r\n");
        check("a\rb\r\r\n", "a\rb\r\r\n");
        check("", "");
        check("From ann", "");
    }

    #[test]
    fn a_dot_never_ends_a_mail() {
        assert_eq!(stuffed(&canonical(b".\n..\na.\n")), b"..\r\n...\r\na.\r\n.\r\n");
        assert_eq!(stuffed(b""), b".\r\n");
    }

    #[test]
    fn only_a_word_about_this_mail_is_final() {
        let refusal = |code| Answer { code, lines: vec!["no\x1b".into()] }.refusal("the mail", Refusal::Mail);
        assert!(matches!(refusal(552), Refusal::Mail(why) if why == "the desk refuses the mail: 552 no "));
        for code in [421, 452, 500, 502, 503, 530, 999, 220] {
            assert!(matches!(refusal(code), Refusal::Later(_)), "{code}");
        }
    }
}
