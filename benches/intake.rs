//! Durable webhook intake beside a bare route: 64 clients on loopback post distinct signed 1 KB hooks; every 2xx is
//! fsynced (SQLite, `synchronous=FULL`). In one run: posts/s, p50 and p99 of each and their ratio, the memory of the desk
//! over many posts, and what became of a burst of 10,000 posts that come at once, each by a connection of its own.
//!
//! The desk and the bare route are a process of their own; the load generator shares the machine. Triage is not at work:
//! `benches/pipeline.rs` measures it. `cargo bench --bench intake [-- POSTS [MANY [BURST]]]`: posts of a round, posts
//! over which memory is watched, posts of the burst (0: none).
//! Every client of the burst takes a file descriptor in each process: `ulimit -n`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use deskclerk::config::{self, settings::Hook};
use deskclerk::desk::Desk;
use deskclerk::intake::signature::Secret;
use deskclerk::intake::webhook;
use deskclerk::store::Store;
use deskclerk::web;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const CLIENTS: usize = 64;
const ROUNDS: usize = 5;
/// Posts between two looks at the memory.
const STEP: usize = 100_000;
/// How long one of the burst waits for an answer.
const PATIENCE: Duration = Duration::from_secs(60);
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if let [word, folder] = words.as_slice()
        && word == "serve"
    {
        return runtime.block_on(serve(Path::new(folder)));
    }
    let mut numbers = words.iter().filter_map(|word| word.parse().ok());
    let mut number = |usual: usize| numbers.next().unwrap_or(usual);
    let (posts, many, burst) = (number(20_000), number(1_000_000), number(10_000));
    runtime.block_on(run(posts, many, burst));
}

/// The process that is measured: says its two addresses, then serves until its standard input ends.
async fn serve(folder: &Path) {
    let secret = folder.join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let mut config = config::default_in(folder);
    config.hook.push(Hook {
        name: "bench".into(),
        secret_files: vec![secret],
        tolerance_secs: 86_400,
        per_minute: 0,
        ..Hook::default()
    });
    let desk = Desk::open(config).await.unwrap();
    let cancel = CancellationToken::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    let doors = webhook::router(desk.clone(), webhook::Hooks::open(&desk.config).unwrap());
    let served = tokio::spawn(web::run(listener, desk.clone(), doors, Arc::new(String::new), cancel.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    println!("{}", desk.config.desk.data_dir.display());
    let nothing = Router::new().route("/v1/hooks/bench", post(|| async { StatusCode::NO_CONTENT }));
    tokio::spawn(async move { axum::serve(listener, nothing).await });
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    ended.await.unwrap().unwrap();
    cancel.cancel();
    served.await.unwrap();
    desk.store.close().await;
}

/// The other process, seen from here; told to end when dropped.
struct Served {
    child: Child,
    durable: SocketAddr,
    bare: SocketAddr,
    data: PathBuf,
}

impl Served {
    fn start(folder: &Path) -> Served {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("serve").arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut line = || lines.next().unwrap().unwrap();
        let (durable, bare, data) = (line().parse().unwrap(), line().parse().unwrap(), line().into());
        Served { child, durable, bare, data }
    }

    /// Seconds of CPU time that it has taken so far.
    fn cpu(&self) -> f64 {
        cpu(&self.child.id().to_string())
    }

    /// MB of it that are in memory: all, and what no file stands behind.
    fn memory(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let of = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() / 1024
        };
        (of("VmRSS:"), of("RssAnon:"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Seconds of CPU time that a process has taken so far, by proc_pid_stat(5): in user and kernel mode, in ticks of 10 ms.
fn cpu(process: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let after_name = status.rsplit_once(") ").unwrap().1;
    after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}

async fn run(posts: usize, many: usize, many_at_once: usize) {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path());
    println!("{posts} posts of 1 KB a round, {CLIENTS} clients, {ROUNDS} rounds, SQLite synchronous=FULL");
    round(&served, served.bare, posts / 10, "warm").await;
    round(&served, served.durable, posts / 10, "warm").await;
    let (mut with, mut without) = (vec![], vec![]);
    for number in 0..ROUNDS {
        without.push(round(&served, served.bare, posts, &format!("b{number}")).await);
        with.push(round(&served, served.durable, posts, &format!("d{number}")).await);
    }
    let bare = show("bare 204", &mut without);
    let durable = show("durable", &mut with);
    println!("durable / bare: {:.2}", durable / bare);
    remembers(&served, many).await;
    burst(&served, many_at_once).await;
    drop(served);
}

struct Round {
    per_second: f64,
    /// Microseconds of CPU time a post: of the servers' process, of the load generator.
    cpu: (f64, f64),
    p50: Duration,
    p99: Duration,
}

fn show(name: &str, rounds: &mut [Round]) -> f64 {
    rounds.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    let (low, high) = (rounds[0].per_second, rounds[rounds.len() - 1].per_second);
    let median = &rounds[rounds.len() / 2];
    let mean = |of: fn(&Round) -> f64| rounds.iter().map(of).sum::<f64>() / rounds.len() as f64;
    println!(
        "{name:>9}: {:>8.0} posts/s ({low:.0} to {high:.0}), p50 {:.2} ms, p99 {:.2} ms; CPU a post {:.1} µs, its sender's {:.1} µs",
        median.per_second,
        median.p50.as_secs_f64() * 1e3,
        median.p99.as_secs_f64() * 1e3,
        mean(|round| round.cpu.0),
        mean(|round| round.cpu.1)
    );
    median.per_second
}

/// The memory of the desk at the start and after each step of so many posts.
async fn remembers(served: &Served, many: usize) {
    let print = |done: usize, speed: f64| {
        let (all, own) = served.memory();
        println!(
            "memory after {done:>8} posts: {all} MB resident, {own} MB its own{}",
            match speed {
                0.0 => String::new(),
                speed => format!(" ({speed:.0} posts/s)"),
            }
        );
        std::io::stdout().flush().unwrap();
    };
    if many == 0 {
        return;
    }
    print(0, 0.0);
    let mut done = 0;
    while done < many {
        let step = STEP.min(many - done);
        let took = round(served, served.durable, step, &format!("m{done}")).await;
        done += step;
        print(done, took.per_second);
    }
}

/// One round: the posts are signed before the clock starts.
async fn round(served: &Served, address: SocketAddr, posts: usize, name: &str) -> Round {
    let mut work: Vec<Vec<Vec<u8>>> = vec![vec![]; CLIENTS];
    for number in 0..posts {
        work[number % CLIENTS].push(signed(&format!("{name}-{number}"), number));
    }
    let before = (served.cpu(), cpu("self"));
    let started = Instant::now();
    let clients: Vec<_> = work.into_iter().map(|posts| tokio::spawn(client(address, posts))).collect();
    let mut times = Vec::with_capacity(posts);
    for client in clients {
        times.extend(client.await.unwrap());
    }
    let took = started.elapsed();
    let each = |seconds: f64| seconds * 1e6 / posts as f64;
    let cpu = (each(served.cpu() - before.0), each(cpu("self") - before.1));
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    Round { per_second: posts as f64 / took.as_secs_f64(), cpu, p50: at(0.5), p99: at(0.99) }
}

/// A whole post.
fn signed(id: &str, number: usize) -> Vec<u8> {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let text = format!("{number:08} ").repeat(100);
    let body =
        format!(r#"{{"email":"jane@acme.example","subject":"Clicks {id}","text":"{text}","campaign_id":"48213"}}"#);
    let signature = Secret::parse(SECRET).unwrap().sign(id, at, body.as_bytes());
    let head = format!(
        "POST /v1/hooks/bench HTTP/1.1\r\nhost: desk\r\ncontent-type: application/json\r\nwebhook-id: {id}\r\n\
         webhook-timestamp: {at}\r\nwebhook-signature: {signature}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body.into_bytes()].concat()
}

/// Posts one after the other over one connection; gives the time of each. Anything but 2xx ends the benchmark.
async fn client(address: SocketAddr, posts: Vec<Vec<u8>>) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut times = Vec::with_capacity(posts.len());
    let mut buffer = vec![0u8; 16 * 1024];
    for post in posts {
        let started = Instant::now();
        let answer = exchange(&mut stream, &post, &mut buffer).await.unwrap();
        assert_eq!(answer.first(), Some(&b'2'), "{}", String::from_utf8_lossy(answer));
        times.push(started.elapsed());
    }
    times
}

/// Sends a post and reads the whole answer, from its status on.
async fn exchange<'b>(stream: &mut TcpStream, post: &[u8], buffer: &'b mut [u8]) -> std::io::Result<&'b [u8]> {
    stream.write_all(post).await?;
    let mut filled = 0;
    while !complete(&buffer[..filled]) {
        match stream.read(&mut buffer[filled..]).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => filled += read,
        }
    }
    Ok(&buffer[9..filled])
}

/// Whether an answer is whole. The servers write the names of headers in small letters.
fn complete(bytes: &[u8]) -> bool {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else { return false };
    let length = memchr::memmem::find(&bytes[..end], b"\r\ncontent-length: ").map_or(0, |at| {
        let digits = bytes[at + 18..end].iter().take_while(|byte| byte.is_ascii_digit());
        digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'))
    });
    bytes.len() >= end + 4 + length
}

/// So many posts at once, each by its own connection. Every 2xx is looked for in the store afterwards.
async fn burst(served: &Served, count: usize) {
    if count == 0 {
        return;
    }
    let mut posting = JoinSet::new();
    let begun = Instant::now();
    for number in 0..count {
        let (address, id) = (served.durable, format!("burst-{number}"));
        let post = signed(&id, number);
        posting.spawn(async move {
            let answered = async {
                let mut stream = TcpStream::connect(address).await.ok()?;
                let mut buffer = vec![0u8; 4 * 1024];
                let answer = exchange(&mut stream, &post, &mut buffer).await.ok()?;
                let text = String::from_utf8_lossy(answer).to_lowercase();
                Some((text[..3].parse::<u16>().ok()?, text.contains("\r\nretry-after: ")))
            };
            (id, tokio::time::timeout(PATIENCE, answered).await.ok().flatten())
        });
    }
    let answers = posting.join_all().await;
    let took = begun.elapsed();
    let taken: Vec<String> =
        answers.iter().filter(|(_, answer)| matches!(answer, Some((200..=299, _)))).map(|(id, _)| id.clone()).collect();
    let later = answers.iter().filter(|(_, answer)| matches!(answer, Some((429 | 503, true)))).count();
    let silent = answers.iter().filter(|(_, answer)| answer.is_none()).count();
    let other = count - taken.len() - later - silent;
    let store = Store::open_to_read("sqlite:deskclerk.db", &served.data).await.unwrap();
    let stored = store.keys_known("hook:bench", &taken).await.unwrap().len();
    store.close().await;
    println!(
        "burst of {count} at once, {:.1} s: {} × 2xx, {stored} of them stored; {later} × 429/503 with Retry-After; \
         {other} other answers; {silent} without an answer",
        took.as_secs_f64(),
        taken.len()
    );
    assert!(stored == taken.len() && other == 0, "a promise was broken");
}
