//! A guard on the wire: watches what an IMAP server sends before anything is allocated for it.
//!
//! A response over the bound ends the connection while it is still a number in a header (`{4294967295}`), so that memory
//! stays bounded whatever a server announces. Also counts bytes, so that slow can be told from dead.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose responses stay within a bound.
#[derive(Debug)]
pub struct Guard<S> {
    inner: S,
    scan: Scan,
    read: Arc<AtomicU64>,
}

impl<S> Guard<S> {
    /// Guards `inner`: no response may be bigger than `limit` bytes, literals included.
    pub fn new(inner: S, limit: u64) -> Guard<S> {
        Guard { inner, scan: Scan::new(limit), read: Arc::default() }
    }

    /// How many bytes have come in so far.
    pub fn counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.read)
    }

    /// The stream without its guard.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        let new = &buf.filled()[before..];
        self.read.fetch_add(new.len() as u64, Ordering::Relaxed);
        if self.scan.feed(new) {
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "the server announced more than the bound")))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// Follows lines and literals (RFC 3501 §4.3) without keeping them.
#[derive(Debug)]
struct Scan {
    limit: u64,
    /// Bytes of this response so far, announced literals included.
    response: u64,
    /// Bytes still to come of a literal.
    literal: u64,
    at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Line,
    /// After `{`, with the number so far.
    Number(u64),
    /// After `{n}`.
    Closed(u64),
    /// After `{n}` CR.
    Cr(u64),
}

impl Scan {
    fn new(limit: u64) -> Scan {
        Scan { limit, response: 0, literal: 0, at: At::Line }
    }

    /// Whether all is within the bound.
    fn feed(&mut self, mut bytes: &[u8]) -> bool {
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.literal > 0 {
                let skip = usize::try_from(self.literal).unwrap_or(usize::MAX).min(bytes.len());
                self.literal -= skip as u64;
                bytes = &bytes[skip..];
                continue;
            }
            bytes = rest;
            self.response += 1;
            self.at = match (self.at, byte) {
                (_, b'{') => At::Number(0),
                (At::Number(n), b'0'..=b'9') => At::Number(n.saturating_mul(10).saturating_add(u64::from(byte - b'0'))),
                (At::Number(n), b'+') => At::Number(n),
                (At::Number(n), b'}') => At::Closed(n),
                (At::Closed(n), b'\r') => At::Cr(n),
                (At::Cr(n), b'\n') => {
                    self.response = self.response.saturating_add(n);
                    self.literal = n;
                    At::Line
                }
                (_, b'\n') => {
                    self.response = 0;
                    At::Line
                }
                _ => At::Line,
            };
            if self.response > self.limit {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wire: &str, expected: bool) {
        for size in 1..=wire.len() {
            let mut scan = Scan::new(40);
            let got = wire.as_bytes().chunks(size).all(|piece| scan.feed(piece));
            assert_eq!(got, expected, "{wire:?} in pieces of {size}");
        }
    }

    #[test]
    fn responses_stay_within_the_bound() {
        check("* OK hi\r\n* 1 EXISTS\r\n* 2 EXISTS\r\n* 3 EXISTS\r\n* 4 EXISTS\r\n", true);
        check("* 1 FETCH (BODY[] {10}\r\n0123456789)\r\n", true);
        check("* 1 FETCH (BODY[] {4294967295}\r\n", false);
        check("* 1 FETCH (BODY[] {99999999999999999999999}\r\n", false);
        check("* 1 FETCH (A {9}\r\n012345678 B {9}\r\n012345678)\r\n", false);
        check("* OK an endless line that never comes to an end at all", false);
        // What looks like a literal inside one is content.
        check("* 1 FETCH (A {8}\r\n{999}\r\n.)\r\n", true);
        check("* OK a {999} in a text\r\n", true);
    }
}
