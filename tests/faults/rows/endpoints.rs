//! Row 34: what partners' systems do to the posts that tell them of tickets.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sqlx::{AnyPool, Row};

use crate::clerk::{Clerk, Plan};
use crate::harness::until;
use crate::http;
use crate::ledger::{Fate, audit, audit_told, settle};
use crate::partner::Partner;
use crate::town::{Made, Town};

const SOON: Duration = Duration::from_secs(60);
/// Those that fail, each in its own way.
const UNWELL: [&str; 3] = ["broken", "away", "hangs"];

/// The least tries of a post to this endpoint, and how many are dead letters.
async fn stand(pool: &AnyPool, name: &str) -> (i64, i64) {
    let sql = "SELECT CAST(COALESCE(MIN(attempts), 0) AS INTEGER), \
               CAST(COALESCE(SUM(CASE WHEN state = 'dead' THEN 1 ELSE 0 END), 0) AS INTEGER) FROM outbox \
               WHERE kind = 'post' AND recipient = $1";
    let row = sqlx::query(sql).bind(name).fetch_one(pool).await.unwrap();
    (row.get(0), row.get(1))
}

/// The names of the endpoints that are disabled.
fn disabled(clerk: &Clerk) -> Vec<String> {
    let listed = clerk.command(&["outbox", "endpoints", "--format", "json"]);
    let all = listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let disabled = all.filter(|endpoint| !endpoint["disabled_at"].is_null());
    let mut names: Vec<String> = disabled.map(|endpoint| endpoint["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// 34: one answers 500, one redirects, one hangs, on a clock that the row moves; a fourth is well all the time.
pub async fn unwell(town: Arc<Town>) -> Made {
    let (env, clock) = town.clock("clock-34")?;
    let partner = Partner::start().await;
    partner.set_unwell(true);
    let clerk = Clerk::start(Plan {
        webhooks: UNWELL.iter().chain(&["well"]).map(|name| partner.endpoint(name)).collect(),
        egress: "disable_after_days = 1".into(),
        env,
        ..Plan::default()
    });
    let (ledger, pool) = (town.ledger(34), clerk.pool().await);
    let count = 3;
    for _ in 0..count {
        http::insist(clerk.http, &ledger, &ledger.token(Fate::Offered), SOON).await;
    }
    until("the one that is well", async || (partner.taken("well") == count).then_some(())).await;
    // Within the hour, then after two days without a success.
    let mut tries = vec![];
    for ahead in [0, 400, 4_000, 180_000] {
        let mut before = vec![];
        for name in UNWELL {
            before.push(stand(&pool, name).await.0);
        }
        fs::write(&clock, format!("+{ahead}")).unwrap();
        for (name, before) in UNWELL.iter().zip(before) {
            until("another try", async || (stand(&pool, name).await.0 > before).then_some(())).await;
        }
        tries.push(disabled(&clerk).len());
    }
    let shut = disabled(&clerk);
    // What is due for one that is disabled is a dead letter.
    fs::write(&clock, "+250000").unwrap();
    for name in UNWELL {
        until("dead letters", async || (stand(&pool, name).await.1 == count as i64).then_some(())).await;
    }
    let posts = partner.told().iter().filter(|told| !told.taken).count();
    // Mended, enabled and sent again by the operator.
    partner.set_unwell(false);
    for name in UNWELL {
        clerk.command(&["outbox", "enable", name]);
        clerk.command(&["outbox", "retry", "--to", name]);
        until("the dead letters to go", async || (partner.taken(name) >= count).then_some(())).await;
    }
    settle(&ledger, &pool, None, SOON).await;
    let mut tally = audit(&ledger, &pool, None).await;
    audit_told(&ledger, &partner, &["broken", "away", "hangs", "well"], &mut tally);
    tally.demand(tries[..3] == [0, 0, 0], || format!("disabled within the hour: {tries:?}"));
    tally.demand(shut == ["away", "broken", "hangs"], || format!("disabled are {shut:?}"));
    tally.demand(partner.told().iter().all(|told| told.name != "elsewhere"), || "the redirect was followed".into());
    Ok(tally.noting(format!("{posts} tries in vain, all three disabled, then mended and told")))
}
