//! The bytes after DATA: finds the end of the mail and takes the dots off again (RFC 5321 §4.5.2).
//!
//! Only CRLF `.` CRLF ends a mail; no bare CR or LF does, or a sender could smuggle a second mail into the first. What
//! comes out is byte for byte what the client meant to send, bare line ends included.

/// A mail being received.
#[derive(Debug)]
pub struct Data {
    state: State,
    raw: Vec<u8>,
    limit: usize,
    over: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the start of a line.
    Start,
    /// After a dot at the start of a line; the dot is dropped.
    Dot,
    /// After a dot and a CR at the start of a line; the CR is held back.
    DotCr,
    /// Within a line.
    Within,
    /// Within a line, after a CR.
    Cr,
}

impl Data {
    /// A mail of at most `limit` bytes; of a bigger one the rest is read and dropped.
    pub fn new(limit: usize) -> Data {
        Data { state: State::Start, raw: Vec::new(), limit, over: false }
    }

    /// Takes what has arrived. `Some(n)`: the mail ended, `n` bytes of the input belonged to it.
    pub fn feed(&mut self, input: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < input.len() {
            if self.state == State::Within {
                let end = memchr::memchr(b'\r', &input[at..]).map_or(input.len(), |cr| at + cr);
                self.push(&input[at..end]);
                at = end;
                if at == input.len() {
                    break;
                }
            }
            let byte = input[at];
            at += 1;
            self.state = match (self.state, byte) {
                (State::Start, b'.') => State::Dot,
                (State::Dot, b'\r') => State::DotCr,
                (State::DotCr, b'\n') => return Some(at),
                (State::DotCr, _) => {
                    self.push(b"\r");
                    self.push(&[byte]);
                    if byte == b'\r' { State::Cr } else { State::Within }
                }
                (State::Cr, b'\n') => {
                    self.push(b"\n");
                    State::Start
                }
                (_, b'\r') => {
                    self.push(b"\r");
                    State::Cr
                }
                _ => {
                    self.push(&[byte]);
                    State::Within
                }
            };
        }
        None
    }

    /// The mail, or `None` when it was bigger than the limit.
    pub fn into_raw(self) -> Option<Vec<u8>> {
        (!self.over).then_some(self.raw)
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.over || self.raw.len() + bytes.len() > self.limit {
            self.over = true;
            self.raw = Vec::new();
            return;
        }
        self.raw.extend_from_slice(bytes);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds `wire` in pieces of every size: the mail is always `expected`, and `rest` is left over.
    fn check(wire: &str, expected: Option<&str>, rest: &str) {
        for size in 1..=wire.len() {
            let mut data = Data::new(64);
            let mut at = 0;
            let mut ended = false;
            for piece in wire.as_bytes().chunks(size) {
                if let Some(taken) = data.feed(piece) {
                    at += taken;
                    ended = true;
                    break;
                }
                at += piece.len();
            }
            assert!(ended, "{wire:?} in pieces of {size} has no end");
            assert_eq!(data.into_raw().as_deref(), expected.map(str::as_bytes), "{wire:?} in pieces of {size}");
            assert_eq!(&wire[at..], rest);
        }
    }

    #[test]
    fn dots_come_off_exactly() {
        check(".\r\n", Some(""), "");
        check("a\r\n.\r\nQUIT\r\n", Some("a\r\n"), "QUIT\r\n");
        check("..\r\n...\r\n.x\r\na.\r\n.\r\n", Some(".\r\n..\r\nx\r\na.\r\n"), "");
    }

    #[test]
    fn nothing_else_ends_a_mail() {
        for smuggled in ["\n.\n", "\n.\r\n", "\r.\r", "\r.\r\n", "\n.\r", "\r\n.\n", "\r\n.\r\r\n", "\r\n\0.\r\n"] {
            let wire = format!("a{smuggled}MAIL FROM:<x@y>\r\n.\r\n");
            // A dot at the start of a proper line is the wire's, never the mail's.
            let expected = format!("a{smuggled}MAIL FROM:<x@y>\r\n").replace("\r\n.", "\r\n");
            check(&wire, Some(&expected), "");
        }
    }

    #[test]
    fn too_much_is_dropped_but_its_end_is_found() {
        check(&format!("{}\r\n.\r\nNOOP\r\n", "x".repeat(100)), None, "NOOP\r\n");
    }

    proptest! {
        #[test]
        fn any_mail_survives_the_wire(lines in prop::collection::vec("[.\r\na]{0,6}", 0..8), cut in 1..9usize) {
            let mail: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let mut wire = mail.replace("\r\n.", "\r\n..");
            if wire.starts_with('.') {
                wire.insert(0, '.');
            }
            wire.push_str(".\r\n");
            let mut data = Data::new(1000);
            let mut pieces = wire.as_bytes().chunks(cut);
            let ended = pieces.any(|piece| data.feed(piece).is_some());
            prop_assert!(ended);
            prop_assert_eq!(data.into_raw().unwrap(), mail.into_bytes());
            prop_assert!(pieces.next().is_none());
        }
    }
}
