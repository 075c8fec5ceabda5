//! Durable webhook intake beside a bare route: 64 clients on loopback post distinct signed 1 KB hooks; every 2xx is
//! fsynced (SQLite, `synchronous=FULL`). Prints posts/s, p50 and p99 of each, and the ratio, median of the rounds.
//!
//! The load generator shares the machine. `cargo bench --bench intake [-- POSTS]`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use deskclerk::config::{self, settings::Hook};
use deskclerk::desk::Desk;
use deskclerk::intake::signature::Secret;
use deskclerk::intake::webhook;
use deskclerk::web;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

const CLIENTS: usize = 64;
const ROUNDS: usize = 5;
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn main() {
    let posts = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(20_000);
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(run(posts));
}

async fn run(posts: usize) {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let mut config = config::default_in(folder.path());
    config.hook.push(Hook {
        name: "bench".into(),
        secret_files: vec![secret],
        tolerance_secs: 3600,
        per_minute: 0,
        ..Hook::default()
    });
    let desk = Desk::open(config).await.unwrap();
    let cancel = CancellationToken::new();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let durable = listener.local_addr().unwrap();
    let doors = webhook::router(desk.clone(), webhook::Hooks::open(&desk.config).unwrap());
    tokio::spawn(web::run(listener, desk.clone(), doors, Arc::new(String::new), cancel.clone()));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bare = listener.local_addr().unwrap();
    let nothing = Router::new().route("/v1/hooks/bench", post(|| async { StatusCode::NO_CONTENT }));
    tokio::spawn(async move { axum::serve(listener, nothing).await });

    println!("{posts} posts of 1 KB a round, {CLIENTS} clients, {ROUNDS} rounds, SQLite synchronous=FULL");
    round(bare, posts / 10, "warm").await;
    round(durable, posts / 10, "warm").await;
    let (mut with, mut without) = (vec![], vec![]);
    for number in 0..ROUNDS {
        without.push(round(bare, posts, &format!("b{number}")).await);
        with.push(round(durable, posts, &format!("d{number}")).await);
    }
    let bare = show("bare 204", &mut without);
    let durable = show("durable", &mut with);
    println!("durable / bare: {:.2}", durable / bare);
    cancel.cancel();
}

struct Round {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

fn show(name: &str, rounds: &mut [Round]) -> f64 {
    rounds.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    let (low, high) = (rounds[0].per_second, rounds[rounds.len() - 1].per_second);
    let median = &rounds[rounds.len() / 2];
    println!(
        "{name:>9}: {:>8.0} posts/s ({low:.0} to {high:.0}), p50 {:.2} ms, p99 {:.2} ms",
        median.per_second,
        median.p50.as_secs_f64() * 1e3,
        median.p99.as_secs_f64() * 1e3
    );
    median.per_second
}

/// One round: the posts are signed before the clock starts.
async fn round(address: SocketAddr, posts: usize, name: &str) -> Round {
    let secret = Secret::parse(SECRET).unwrap();
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let mut work: Vec<Vec<Vec<u8>>> = vec![vec![]; CLIENTS];
    for number in 0..posts {
        let id = format!("{name}-{number}");
        let text = format!("{number:08} ").repeat(100);
        let body =
            format!(r#"{{"email":"jane@acme.example","subject":"Clicks {id}","text":"{text}","campaign_id":"48213"}}"#);
        let signature = secret.sign(&id, at, body.as_bytes());
        let head = format!(
            "POST /v1/hooks/bench HTTP/1.1\r\nhost: desk\r\ncontent-type: application/json\r\nwebhook-id: {id}\r\n\
             webhook-timestamp: {at}\r\nwebhook-signature: {signature}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        work[number % CLIENTS].push([head.into_bytes(), body.into_bytes()].concat());
    }
    let started = Instant::now();
    let clients: Vec<_> = work.into_iter().map(|posts| tokio::spawn(client(address, posts))).collect();
    let mut times = Vec::with_capacity(posts);
    for client in clients {
        times.extend(client.await.unwrap());
    }
    let took = started.elapsed();
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    Round { per_second: posts as f64 / took.as_secs_f64(), p50: at(0.5), p99: at(0.99) }
}

/// Posts one after the other over one connection; gives the time of each. Anything but 2xx ends the benchmark.
async fn client(address: SocketAddr, posts: Vec<Vec<u8>>) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut times = Vec::with_capacity(posts.len());
    let mut buffer = vec![0u8; 16 * 1024];
    for post in posts {
        let started = Instant::now();
        stream.write_all(&post).await.unwrap();
        let mut filled = 0;
        loop {
            let read = stream.read(&mut buffer[filled..]).await.unwrap();
            assert!(read > 0, "the server closed the connection");
            filled += read;
            if complete(&buffer[..filled]) {
                break;
            }
        }
        assert_eq!(buffer[9], b'2', "{}", String::from_utf8_lossy(&buffer[..filled]));
        times.push(started.elapsed());
    }
    times
}

fn complete(bytes: &[u8]) -> bool {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next()?.parse::<usize>().ok());
    bytes.len() >= end + 4 + length.unwrap_or(0)
}
