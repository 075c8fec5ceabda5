//! Requests and answers at the desk's end: a body that does not come is waited for no longer, and an answer under way is
//! counted until it is out.
//!
//! What has come whole is never cut: its request gets its answer.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// A request's body that ends with an error once the desk stops and the client lets it wait.
pub struct Awaited {
    body: Body,
    end: Pin<Box<WaitForCancellationFutureOwned>>,
    cut: Arc<AtomicBool>,
}

impl Awaited {
    /// The body, and whether it was cut.
    pub fn new(body: Body, cancel: &CancellationToken) -> (Awaited, Arc<AtomicBool>) {
        let cut = Arc::new(AtomicBool::new(false));
        (Awaited { body, end: Box::pin(cancel.clone().cancelled_owned()), cut: Arc::clone(&cut) }, cut)
    }
}

impl hyper::body::Body for Awaited {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // What is here already is read first, so that nothing that came whole is cut.
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame);
        }
        if self.end.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.cut.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err(axum::Error::new("the desk stops"))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body; what it holds is dropped when it is out.
pub struct Held<T> {
    /// The body itself.
    pub body: Body,
    /// What tells that it is not out yet; it is only kept.
    pub _by: T,
}

impl<T: Unpin> hyper::body::Body for Held<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
