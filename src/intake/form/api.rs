//! `POST /v1/requests`: a request as JSON, in our shape or Zendesk's, or as multipart/form-data.
//!
//! An idempotency key counts for its requester alone. Every fault of the body is told with a pointer to its place.

use std::net::SocketAddr;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, FromRequest, Request, State};
use axum::response::Response;
use sha2::{Digest, Sha256};

use super::{Door, media_type, multipart, submission};
use crate::desk::post;
use crate::desk::problem::{Problem, Query};
use crate::intake::webhook::{self, Wait};
use crate::request::submitted;

/// The longest idempotency key.
const LONGEST_KEY: usize = 255;

pub(super) async fn receive(
    State(door): State<Door>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Query(wait): Query<Wait>,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    door.limit.count(peer, &headers)?;
    let wait = wait.duration()?;
    let key = headers.get("idempotency-key").map(|key| key.as_bytes());
    let sound = |key: &[u8]| (1..=LONGEST_KEY).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    if !key.is_none_or(sound) {
        return Err(Problem::Malformed(format!("Idempotency-Key is 1 to {LONGEST_KEY} letters, digits and signs")));
    }
    let most = door.desk.config.form.attachments;
    let value = match media_type(&headers).as_str() {
        "multipart/form-data" => multipart::read(request, most).await?.into_json(most)?,
        _ => webhook::json(&headers, &Bytes::from_request(request, &()).await?)?,
    };
    let (value, at) = door.unwrapped(value);
    let reading = door.desk.setting().reading;
    // Decoding large files takes milliseconds of a core: not on a thread that serves others.
    let read = tokio::task::spawn_blocking(move || {
        let request = submitted::read(&value, most, &reading);
        request.map(|request| (submission(&value, None), request.from.address))
    });
    let (mut new, address) = read.await.map_err(|_| Problem::Internal)?.map_err(|mut faults| {
        for fault in &mut faults {
            fault.pointer.insert_str(0, at);
        }
        post::invalid(faults)
    })?;
    new.source_key = key.map(|key| source_key(key, &address));
    webhook::submit(&door.desk, new, wait).await
}

/// Nobody can use up another's key.
fn source_key(key: &[u8], address: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(address.as_bytes());
    hash.update([0]);
    hash.update(key);
    hex::encode(hash.finalize())
}
