//! The LMTP door (RFC 2033): the MTA hands mail in, one answer a recipient, `250` only after commit.
//!
//! Takes every recipient it is given: which addresses are the desk's is the MTA's to know. A slow, rude or vanished
//! client costs its own connection and nothing else.

pub mod client;
mod data;
mod session;

use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;

/// Connections at one time; an MTA keeps a handful.
const CONNECTIONS: usize = 100;
/// How long a shutdown waits for mails that are on their way in.
const DRAIN: Duration = Duration::from_secs(8);

/// A bound LMTP socket. Dropping it closes it and takes a Unix socket's file away.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    file: Option<PathBuf>,
}

/// A socket of the service manager's.
#[derive(Debug)]
pub enum Given {
    /// A TCP socket.
    Tcp(std::net::TcpListener),
    /// A Unix socket.
    Unix(std::os::unix::net::UnixListener),
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Listener {
    /// Binds what `lmtp.listen` says: a socket address, or the path of a Unix socket. A socket file that a dead process
    /// left behind is replaced; one that answers is not.
    pub async fn bind(listen: &str) -> io::Result<Listener> {
        if !listen.starts_with('/') {
            return Ok(Listener { socket: Socket::Tcp(TcpListener::bind(listen).await?), file: None });
        }
        let path = Path::new(listen);
        let left_over = path.symlink_metadata().is_ok_and(|found| found.file_type().is_socket());
        if left_over && tokio::net::UnixStream::connect(path).await.is_err() {
            std::fs::remove_file(path)?;
        }
        let socket = UnixListener::bind(path)?;
        // The MTA runs as somebody else; who may hand in mail is settled by the folder's rights.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))?;
        Ok(Listener { socket: Socket::Unix(socket), file: Some(path.to_path_buf()) })
    }

    /// Takes a socket that the service manager has bound; its file, if it has one, is not ours to take away.
    pub fn given(socket: Given) -> io::Result<Listener> {
        let socket = match socket {
            Given::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                Socket::Tcp(TcpListener::from_std(socket)?)
            }
            Given::Unix(socket) => {
                socket.set_nonblocking(true)?;
                Socket::Unix(UnixListener::from_std(socket)?)
            }
        };
        Ok(Listener { socket, file: None })
    }

    /// Where it listens: `127.0.0.1:8024` or a path.
    pub fn address(&self) -> String {
        match (&self.socket, &self.file) {
            (Socket::Tcp(socket), _) => socket.local_addr().map(|address| address.to_string()).unwrap_or_default(),
            (Socket::Unix(_), Some(file)) => file.display().to_string(),
            (Socket::Unix(socket), None) => {
                let address = socket.local_addr().ok();
                address
                    .as_ref()
                    .and_then(|address| address.as_pathname())
                    .unwrap_or(Path::new(""))
                    .display()
                    .to_string()
            }
        }
    }

    async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match &self.socket {
            Socket::Tcp(socket) => {
                let (stream, _) = socket.accept().await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Socket::Unix(socket) => Box::new(socket.accept().await?.0),
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// Serves the socket until `cancel`; then takes no new mail, finishes those being received, and returns.
pub async fn run(listener: Listener, desk: Arc<Desk>, cancel: CancellationToken) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut sessions = JoinSet::new();
    loop {
        let stream = tokio::select! {
            () = cancel.cancelled() => break,
            Some(_) = sessions.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match stream {
            Ok(stream) => {
                let place = Arc::clone(&room).try_acquire_owned().ok();
                let (desk, cancel) = (Arc::clone(&desk), cancel.clone());
                sessions.spawn(async move {
                    let result = match place {
                        Some(_) => session::serve(stream, &desk, &cancel).await,
                        None => session::turn_away(stream).await,
                    };
                    if let Err(error) = result {
                        tracing::debug!(%error, "an LMTP client broke off");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: accepting again at once would spin.
                tracing::warn!(%error, "cannot accept an LMTP connection");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
    drop(listener);
    let all = async { while sessions.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, all).await.is_err() {
        tracing::warn!("LMTP clients cut off: their mails were not acknowledged and come again");
    }
}
