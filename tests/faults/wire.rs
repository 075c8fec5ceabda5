//! A man in the middle: a TCP proxy between the daemon and a real server, which watches what is said and at the wanted
//! moment cuts, holds, slows down or alters it. It answers nothing of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Who connected.
    Client,
    /// Who was connected to.
    Server,
}

/// A piece of the conversation.
pub struct Heard<'a> {
    /// Who said it.
    pub side: Side,
    /// Which connection, from 1.
    pub connection: usize,
    /// What.
    pub bytes: &'a [u8],
    before: &'a [u8],
}

impl Heard<'_> {
    /// Whether these words end in this piece; they may have begun in the one before.
    pub fn has(&self, words: &[u8]) -> bool {
        let keep = self.before.len().min(words.len() - 1);
        let all = [&self.before[self.before.len() - keep..], self.bytes].concat();
        memchr::memmem::find(&all, words).is_some()
    }
}

/// What becomes of it.
pub enum Act {
    /// Goes on.
    Pass,
    /// Something else goes on instead.
    Instead(Vec<u8>),
    /// These bytes go on, then the strike, then both sides are cut.
    Last(Vec<u8>),
    /// Goes on so many bytes a second.
    Slow(usize),
    /// Goes on when this is set.
    Until(Arc<AtomicBool>),
}

type Watch = Arc<dyn Fn(&Heard<'_>) -> Act + Send + Sync>;
type Strike = Arc<dyn Fn() + Send + Sync>;

/// A proxy; closed when dropped.
pub struct Wire {
    /// Where it listens.
    pub port: u16,
    /// How many connections there were.
    pub connections: Arc<AtomicUsize>,
    cancel: CancellationToken,
}

impl Wire {
    /// A proxy to this port. `strike` is called where [`Act::Last`] says so.
    pub async fn to(
        port: u16,
        watch: impl Fn(&Heard<'_>) -> Act + Send + Sync + 'static,
        strike: impl Fn() + Send + Sync + 'static,
    ) -> Wire {
        Wire::at("127.0.0.1:0", port, watch, strike).await
    }

    /// The same, listening here.
    pub async fn at(
        listen: &str,
        port: u16,
        watch: impl Fn(&Heard<'_>) -> Act + Send + Sync + 'static,
        strike: impl Fn() + Send + Sync + 'static,
    ) -> Wire {
        let listener = TcpListener::bind(listen).await.unwrap();
        let (watch, strike): (Watch, Strike) = (Arc::new(watch), Arc::new(strike));
        let connections = Arc::new(AtomicUsize::new(0));
        let cancel = CancellationToken::new();
        let wire = Wire {
            port: listener.local_addr().unwrap().port(),
            connections: connections.clone(),
            cancel: cancel.clone(),
        };
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = cancel.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                let Ok((client, _)) = accepted else { continue };
                let number = connections.fetch_add(1, Ordering::SeqCst) + 1;
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                let end = cancel.child_token();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                for (side, from, to) in [(Side::Client, from_client, to_server), (Side::Server, from_server, to_client)]
                {
                    let (watch, strike, end) = (watch.clone(), strike.clone(), end.clone());
                    tokio::spawn(async move {
                        tokio::select! {
                            () = pump(side, number, from, to, watch, strike) => {}
                            () = end.cancelled() => {}
                        }
                        end.cancel();
                    });
                }
            }
        });
        wire
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

async fn pump(
    side: Side,
    connection: usize,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    watch: Watch,
    strike: Strike,
) {
    let mut buffer = vec![0; 64 * 1024];
    let mut before = vec![];
    loop {
        let length = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(length) => length,
        };
        let bytes = &buffer[..length];
        // May run a command of the test's: off the threads that carry the bytes.
        let act = tokio::task::block_in_place(|| watch(&Heard { side, connection, bytes, before: &before }));
        before = bytes[length.saturating_sub(64)..].to_vec();
        let sent = match act {
            Act::Pass => to.write_all(bytes).await,
            Act::Instead(other) => to.write_all(&other).await,
            Act::Last(bytes) => {
                let _ = to.write_all(&bytes).await;
                tokio::task::block_in_place(|| strike());
                return;
            }
            Act::Slow(bytes_per_second) => {
                let mut sent = Ok(());
                for piece in bytes.chunks((bytes_per_second / 10).max(1)) {
                    sent = sent.and(to.write_all(piece).await);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                sent
            }
            Act::Until(free) => {
                while !free.load(Ordering::SeqCst) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                to.write_all(bytes).await
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

/// A moment on the wire to wait for, once each time it is armed.
#[derive(Default)]
pub struct Trap {
    armed: AtomicBool,
    sprung: Notify,
}

impl Trap {
    /// Waits for the next such moment.
    pub fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    /// Whether this is it; from then on it is disarmed.
    pub fn springs(&self, here: bool) -> bool {
        here && self.armed.swap(false, Ordering::SeqCst)
    }

    /// Tells whoever waits that the strike is done.
    pub fn done(&self) {
        self.sprung.notify_one();
    }

    /// Waits for the strike.
    pub async fn struck(&self, patience: Duration) -> bool {
        tokio::time::timeout(patience, self.sprung.notified()).await.is_ok()
    }
}
