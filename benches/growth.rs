//! What a mail costs the desk that has settled a million, beside what it cost when it had settled a thousand.
//!
//! `cargo bench --bench growth [-- TICKETS]`. Mails are settled on a fresh SQLite; then the rows that they left are copied,
//! older and closed, until there are as many tickets; then mails are settled again. What only lies there (originals, JSON)
//! is left out of the copies: every index, and every table's count of rows, is that of such a desk. In one run: mails/s of
//! both, medians and spread, and the ratio of their costs.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use deskclerk::config;
use deskclerk::desk::Desk;
use deskclerk::store::submissions::{Envelope, Kind, New};
use sqlx::{AssertSqlSafe, Connection, Row};

const NOW: i64 = 1_800_000_000_000;
/// Tickets before the first round.
const FIRST: usize = 1_000;
/// Mails of a round.
const ROUND: usize = 512;
/// Mails in a transaction.
const BATCH: i64 = 64;
const ROUNDS: usize = 7;

/// Tables with their rows, those that others name first.
const TABLES: [&str; 7] = ["submissions", "tickets", "originals", "messages", "outbox", "payloads", "events"];

#[tokio::main]
async fn main() {
    let tickets: usize = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(1_000_000);
    let root = std::env::var_os("DESKCLERK_BENCH_FOLDER").map_or_else(std::env::temp_dir, Into::into);
    let folder = tempfile::tempdir_in(root).unwrap();
    let mut number = 0;

    let desk = open(folder.path()).await;
    settle(&desk, FIRST, &mut number).await;
    let small = rounds(&desk, &mut number).await;
    report(&format!("settle, from ticket {FIRST} on"), &small);
    desk.store.close().await;

    let begun = Instant::now();
    let config = config::default_in(folder.path());
    let file = config.desk.data_dir.join(config.store.url.strip_prefix("sqlite:").unwrap());
    let grown = grow(&file, number as i64, (tickets / number) as i64).await;
    println!("{grown} tickets after {:.0} s", begun.elapsed().as_secs_f64());

    let desk = open(folder.path()).await;
    settle(&desk, ROUND, &mut number).await;
    let large = rounds(&desk, &mut number).await;
    report(&format!("settle, from ticket {grown} on"), &large);
    println!("a mail costs {:.2} of what it did", median(&small) / median(&large));
    desk.store.close().await;
}

async fn open(folder: &Path) -> Arc<Desk> {
    let mut config = config::default_in(folder);
    (config.replies.per_desk_per_hour, config.replies.per_domain_per_hour) = (10_000_000, 10_000_000);
    Desk::open(config).await.unwrap()
}

/// A mail of about 1 KB, of a new person, that must be asked about.
fn mail(number: usize) -> Vec<u8> {
    format!(
        "From: Person {number} <p{number}@c{}.example>\r\nTo: support@desk.example\r\nSubject: nothing is delivered\r\n\
         Message-ID: <{}@c.example>\r\nDate: Mon, 02 Nov 2026 08:52:03 +0000\r\n\r\nHello,\r\nour campaign has not \
         delivered anything since Monday.\r\n{}Kind regards\r\nPerson {number}\r\n",
        number % 500,
        uuid::Uuid::now_v7(),
        "We have looked at the budget, the schedule and the audience: all as it was.\r\n".repeat(8)
    )
    .into_bytes()
}

/// Takes in so many mails, then settles them; mails settled a second.
async fn settle(desk: &Desk, count: usize, number: &mut usize) -> f64 {
    for _ in 0..count {
        let new = New {
            source: "lmtp".into(),
            source_key: None,
            kind: Kind::Mail,
            raw: mail(*number),
            envelope: Envelope::default(),
            answerable: true,
            received_at: NOW,
        };
        desk.accept(new).await.unwrap();
        *number += 1;
    }
    let begun = Instant::now();
    let mut settled = 0;
    while settled < count {
        settled += desk.batch(NOW, BATCH).await.unwrap().len();
    }
    count as f64 / begun.elapsed().as_secs_f64()
}

/// The rates of the rounds, the least first.
async fn rounds(desk: &Desk, number: &mut usize) -> Vec<f64> {
    let mut rates = vec![];
    for _ in 0..ROUNDS {
        rates.push(settle(desk, ROUND, number).await);
    }
    rates.sort_by(f64::total_cmp);
    rates
}

/// Copies all rows so many times, those of every copy an hour older; gives the number of tickets then.
async fn grow(file: &Path, step: i64, copies: i64) -> i64 {
    let mut connection = sqlx::AnyConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    let run = async |connection: &mut sqlx::AnyConnection, sql: String| {
        sqlx::query(AssertSqlSafe(sql)).execute(connection).await.unwrap();
    };
    for pragma in ["foreign_keys = OFF", "synchronous = OFF", "cache_size = -400000"] {
        run(&mut connection, format!("PRAGMA {pragma}")).await;
    }
    for table in TABLES {
        let sql = format!("SELECT name FROM pragma_table_info('{table}')");
        let found = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
        let columns: Vec<String> = found.iter().map(|row| row.get("name")).collect();
        let copied: Vec<String> = columns.iter().map(|column| copied(table, column, step)).collect();
        let sql = format!(
            "WITH RECURSIVE copies (n) AS (SELECT {copies} UNION ALL SELECT n - 1 FROM copies WHERE n > 1) \
             INSERT INTO {table} ({}) SELECT {} FROM copies, (SELECT * FROM {table}) old",
            columns.join(", "),
            copied.join(", ")
        );
        run(&mut connection, sql).await;
    }
    let count = sqlx::query("SELECT COUNT(*) AS n FROM tickets").fetch_one(&mut connection).await.unwrap().get("n");
    run(&mut connection, "PRAGMA wal_checkpoint(TRUNCATE)".into()).await;
    connection.close().await.unwrap();
    count
}

/// What stands in a column of the copy `n` of a row.
fn copied(table: &str, column: &str, step: i64) -> String {
    match (table, column) {
        ("tickets", "id") | (_, "ticket_id") => format!("old.{column} + n * {step}"),
        // A UUIDv7 begins with its time.
        (_, "id" | "submission_id") => format!("printf('%08x', 26214400 - n) || substr(old.{column}, 9)"),
        (_, "message_id" | "fingerprint" | "content_hash" | "requester_address" | "from_address" | "recipient") => {
            format!("n || '.' || old.{column}")
        }
        (_, "created_at" | "updated_at" | "at" | "received_at" | "settled_at" | "due_at") => {
            format!("old.{column} - n * 3600000")
        }
        ("tickets", "status") => "'closed'".into(),
        ("tickets", "chase_at") | ("messages", "request") => "NULL".into(),
        ("outbox", "state") => "'sent'".into(),
        ("originals", "raw") => "x'00'".into(),
        (_, "triage") if table == "tickets" => "'{}'".into(),
        ("messages", "triage" | "body") => "NULL".into(),
        ("payloads", "payload") => "'{}'".into(),
        _ => format!("old.{column}"),
    }
}

fn median(rates: &[f64]) -> f64 {
    rates[rates.len() / 2]
}

fn report(what: &str, rates: &[f64]) {
    println!("{what:<40} {:>7.0}/s ({:.0} to {:.0})", median(rates), rates[0], rates[rates.len() - 1]);
}
