//! Connections: accepts them, bounds them, ends them in order.
//!
//! A client that dawdles over its headers is cut off; at shutdown no new connection is taken and those at work finish, but
//! nobody is waited for who has sent half a request.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::ending::{Awaited, Held};
use crate::desk::problem::Problem;

/// Connections at once; further ones wait in the kernel's queue.
const CONNECTIONS: usize = 4096;
/// How long shutdown waits for requests at work.
const GRACE: Duration = Duration::from_secs(10);
/// How long shutdown waits for a client that has begun a request and does not go on.
const DAWDLE: Duration = Duration::from_millis(500);

/// Told to every request: what lasts for long ends with it, as the desk does.
#[derive(Debug, Clone)]
pub struct Ending(pub CancellationToken);

/// Serves until `cancel`, then finishes what is under way.
pub async fn serve(listener: TcpListener, router: Router, header_timeout: Duration, cancel: CancellationToken) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(header_timeout).max_buf_size(64 * 1024);
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { break };
        let (stream, peer) = tokio::select! {
            biased;
            () = cancel.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, as a rule: accepting again at once would only spin.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let at_work = Arc::new(());
        let (busy, end) = (Arc::downgrade(&at_work), cancel.clone());
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(Ending(end.clone()));
            let (router, end, busy) = (router.clone(), end.clone(), busy.upgrade());
            async move {
                let (head, body) = request.into_parts();
                let (body, cut) = Awaited::new(Body::new(body), &end);
                let answered = router.oneshot(hyper::Request::from_parts(head, Body::new(body))).await;
                let answer = answered.unwrap_or_else(|never| match never {});
                let answer = match cut.load(Ordering::Relaxed) {
                    true => Problem::Unavailable(5).into_response(),
                    false => answer,
                };
                Ok::<_, Infallible>(answer.map(|body| Held { body, _by: busy }))
            }
        });
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
        let end = cancel.clone();
        tokio::spawn(async move {
            // Its errors are the client's going away: nothing to be done.
            tokio::select! {
                _ = connection => {}
                () = idle_at_end(&end, &at_work) => {}
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("some HTTP requests were still at work when the desk shut down");
    }
}

/// Returns once the desk stops and the connection has no request at work, twice in a row: an answer whose body is out may
/// still be on its way to the socket.
async fn idle_at_end(end: &CancellationToken, at_work: &Arc<()>) {
    end.cancelled().await;
    let mut idle = 0;
    while idle < 2 {
        tokio::time::sleep(DAWDLE).await;
        idle = if Arc::strong_count(at_work) > 1 { 0 } else { idle + 1 };
    }
}
