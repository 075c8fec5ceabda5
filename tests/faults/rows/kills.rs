//! Rows 1–6: kill -9 at every point of a message's journey. The moments are seen from outside: on the wire to a real
//! server, or at the fsync of a commit.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::clerk::{Clerk, Plan, door, kill9};
use crate::http;
use crate::ledger::{Fate, Ledger, Tally, audit, audit_told, settle, settle_told};
use crate::partner::Partner;
use crate::town::{Made, Town};
use crate::wire::{Act, Heard, Side, Trap, Wire};

const SOON: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(180);

/// The endpoint that is told of the tickets of these rows.
const CRM: &str = "crm";

/// The partner has heard of every ticket, once but for repeats on the wire.
async fn told(ledger: &Ledger, partner: &Partner, tally: &mut Tally) {
    settle_told(ledger, partner, CRM, LONG).await;
    audit_told(ledger, partner, &[CRM], tally);
}

/// 1: the mail is here, or all of it but the last bytes, and not stored.
pub async fn after_fetch(town: Arc<Town>) -> Made {
    let round = AtomicUsize::new(0);
    let strikes = move |heard: &Heard<'_>, trap: &Trap| {
        trap.springs(heard.side == Side::Server && heard.has(b"BODY[]")).then(|| {
            let whole = round.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
            let length = if whole { heard.bytes.len() } else { heard.bytes.len().saturating_sub(3) };
            Act::Last(heard.bytes[..length].to_vec())
        })
    };
    on_the_wire(town, 1, strikes, |_, _| None).await
}

/// 4: the server has flagged the mail, and the desk does not know it.
pub async fn after_flag(town: Arc<Town>) -> Made {
    let strikes = |heard: &Heard<'_>, trap: &Trap| {
        trap.springs(heard.side == Side::Server && heard.has(b"Store completed")).then(|| Act::Last(vec![]))
    };
    on_the_wire(town, 4, strikes, |_, _| None).await
}

/// 5: the server has taken the reply, and the desk does not know it.
pub async fn after_dot(town: Arc<Town>) -> Made {
    let strikes = |heard: &Heard<'_>, trap: &Trap| {
        trap.springs(heard.side == Side::Server && heard.has(b"Ok: queued")).then(|| Act::Last(vec![]))
    };
    on_the_wire(town, 5, |_, _| None, strikes).await
}

type Strikes = dyn Fn(&Heard<'_>, &Trap) -> Option<Act> + Send + Sync;

async fn on_the_wire(
    town: Arc<Town>,
    row: u8,
    imap: impl Fn(&Heard<'_>, &Trap) -> Option<Act> + Send + Sync + 'static,
    smtp: impl Fn(&Heard<'_>, &Trap) -> Option<Act> + Send + Sync + 'static,
) -> Made {
    let trap = Arc::new(Trap::default());
    let plan = Plan::default();
    let watched = async |port: u16, strikes: Box<Strikes>| {
        let (seen, struck, pid) = (trap.clone(), trap.clone(), plan.pid.clone());
        let watch = move |heard: &Heard<'_>| strikes(heard, &seen).unwrap_or(Act::Pass);
        Wire::to(port, watch, move || (kill9(&pid), struck.done()).1).await
    };
    let (imap, smtp) =
        (watched(town.dovecot.imap, Box::new(imap)).await, watched(town.postfix.smtp, Box::new(smtp)).await);
    let user = format!("row{row}@desk.example");
    let partner = Partner::start().await;
    let mut clerk = Clerk::start(Plan {
        support: user.clone(),
        imap: vec![door("support", imap.port, &user, &town.dovecot, "")],
        smtp: Some(smtp.port),
        webhooks: vec![partner.endpoint(CRM)],
        ..plan
    });
    let (ledger, pool) = (town.ledger(row), clerk.pool().await);
    let rounds = town.rounds(3, 200);
    for _ in 0..rounds {
        trap.arm();
        town.mail(&ledger, &user, 2).await;
        assert!(trap.struck(SOON).await, "the moment to kill never came\n{}", clerk.last_words());
        clerk.buried(SOON);
        clerk.up();
    }
    settle(&ledger, &pool, Some(&town.dovecot), LONG).await;
    let mut tally = audit(&ledger, &pool, Some(&town.dovecot)).await;
    told(&ledger, &partner, &mut tally).await;
    let flags = town.dovecot.flags(&user, "INBOX");
    tally.demand(flags.len() == ledger.len() && flags.iter().all(|flags| flags.contains("$Deskclerk")), || {
        format!("not all are flagged: {flags:?}")
    });
    Ok(tally.noting(format!("{rounds} kills")))
}

/// 2: killed before a commit's fsync.
pub async fn before_commit(town: Arc<Town>) -> Made {
    at_commits(town, 2, "before").await
}

/// 3: killed after it, before anybody hears of it.
pub async fn after_commit(town: Arc<Town>) -> Made {
    at_commits(town, 3, "after").await
}

async fn at_commits(town: Arc<Town>, row: u8, side: &str) -> Made {
    let shim = town.shim.clone()?;
    let user = format!("row{row}@desk.example");
    let strike = town.folder.path().join(format!("strike-{row}"));
    let data = town.folder.path().join(format!("data-{row}"));
    let partner = Partner::start().await;
    let mut clerk = Clerk::start(Plan {
        support: user.clone(),
        imap: vec![door("support", town.dovecot.imap, &user, &town.dovecot, "")],
        smtp: Some(town.postfix.smtp),
        env: vec![
            ("LD_PRELOAD".into(), shim.display().to_string()),
            ("FAULTS_FOLDER".into(), data.display().to_string()),
            ("FAULTS_STRIKE".into(), strike.display().to_string()),
        ],
        data: Some(data),
        webhooks: vec![partner.endpoint(CRM)],
        ..Plan::default()
    });
    let (ledger, pool) = (town.ledger(row), clerk.pool().await);
    let rounds = town.rounds(4, 200);
    for round in 0..rounds {
        // The mail's own commit, and those of its acknowledgement, its ticket and its reply.
        fs::write(strike.with_extension("new"), format!("{side} {}", round % 5)).unwrap();
        fs::rename(strike.with_extension("new"), &strike).unwrap();
        town.mail(&ledger, &user, 2).await;
        clerk.buried(SOON);
        clerk.up();
    }
    settle(&ledger, &pool, Some(&town.dovecot), LONG).await;
    let mut tally = audit(&ledger, &pool, Some(&town.dovecot)).await;
    told(&ledger, &partner, &mut tally).await;
    Ok(tally.noting(format!("{rounds} kills at an fsync")))
}

/// 6: killed while posts are taken in: the request is here, or its answer is on its way.
pub async fn in_a_webhook(town: Arc<Town>) -> Made {
    let trap = Arc::new(Trap::default());
    let partner = Partner::start().await;
    let mut clerk = Clerk::prepare(Plan { webhooks: vec![partner.endpoint(CRM)], ..Plan::default() });
    let round = Arc::new(AtomicUsize::new(0));
    let (seen, struck, pid, turn) = (trap.clone(), trap.clone(), clerk.pid(), round.clone());
    let watch = move |heard: &Heard<'_>| {
        let (here, rest) = match turn.load(Ordering::SeqCst) % 2 {
            0 => (heard.side == Side::Client && heard.has(b"}"), heard.bytes.to_vec()),
            _ => (heard.side == Side::Server && heard.has(b"HTTP/1.1 202"), vec![]),
        };
        if seen.springs(here) { Act::Last(rest) } else { Act::Pass }
    };
    let wire = Wire::to(clerk.http, watch, move || (kill9(&pid), struck.done()).1).await;
    clerk.up();
    let (ledger, pool) = (Arc::new(town.ledger(6)), clerk.pool().await);
    let rounds = town.rounds(4, 200);
    for n in 0..rounds {
        round.store(n, Ordering::SeqCst);
        trap.arm();
        let mut posting = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (ledger, port) = (ledger.clone(), wire.port);
            posting.spawn(async move {
                let token = ledger.token(Fate::Offered);
                http::insist(port, &ledger, &token, LONG).await;
            });
        }
        assert!(trap.struck(SOON).await, "the moment to kill never came\n{}", clerk.last_words());
        clerk.buried(SOON);
        clerk.up();
        while let Some(posted) = posting.join_next().await {
            posted.unwrap();
        }
    }
    settle(&ledger, &pool, None, LONG).await;
    let mut tally = audit(&ledger, &pool, None).await;
    told(&ledger, &partner, &mut tally).await;
    Ok(tally.noting(format!("{rounds} kills")))
}
