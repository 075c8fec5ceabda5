//! The plans of SQLite: no statement between a mail's arrival and the reply on the wire reads half a table, however many
//! tickets there are.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use deskclerk::desk::unix_ms;
use deskclerk::store::outbox::Lane;
use sqlx::{AssertSqlSafe, Row};
use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::harness::{TestDesk, look_into, mail, take_in};

/// All SQL that sqlx has run.
#[derive(Clone, Default)]
struct Statements(Arc<Mutex<BTreeSet<String>>>);

/// The statement of one event: short ones stand in the summary alone.
#[derive(Default)]
struct Said {
    summary: String,
    statement: String,
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.statement),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

impl<S: tracing::Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            let mut said = Said::default();
            event.record(&mut said);
            let sql = if said.statement.is_empty() { said.summary } else { said.statement };
            self.0.lock().unwrap().insert(sql.trim().to_owned());
        }
    }
}

/// Whether this step of a plan reads rows by the hundred thousand in a large desk.
fn reads_half(sql: &str, step: &str) -> bool {
    let tables = ["submissions", "originals", "tickets", "messages", "events", "outbox", "payloads"];
    let scan = tables.iter().any(|table| step.starts_with(&format!("SCAN {table}")));
    // One value of these stands in most rows.
    let common = ["submissions_by_outcome", "tickets_by_status", "tickets_by_topic"];
    let common = common.iter().any(|index| step.contains(index));
    let sent = sql.contains("'sent'") && step.contains("outbox_by_state");
    // What came by webhook has no Message-ID.
    let nameless = sql.contains("message_id IS NULL") && step.contains("messages_by_message_id");
    scan || common || sent || nameless
}

#[test]
fn a_plan_that_reads_half_a_table_is_told_from_one_that_does_not() {
    assert!(reads_half("", "SCAN tickets"));
    assert!(reads_half("", "SEARCH submissions USING INDEX submissions_by_outcome (outcome=?)"));
    assert!(reads_half(
        "WHERE message_id IS NULL",
        "SEARCH messages USING INDEX messages_by_message_id (message_id=?)"
    ));
    assert!(reads_half("state IN ('queued', 'sent')", "SEARCH outbox USING INDEX outbox_by_state (state=?)"));
    assert!(!reads_half("state = 'queued'", "SEARCH outbox USING INDEX outbox_by_state (state=?)"));
    assert!(!reads_half("", "SEARCH messages USING INDEX messages_by_message_id (message_id=?)"));
    assert!(!reads_half("", "SEARCH submissions USING INDEX submissions_pending (lease_until=?)"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_on_the_way_of_a_mail_reads_half_a_table() {
    let statements = Statements::default();
    tracing_subscriber::registry().with(statements.clone()).init();
    let desk = TestDesk::open(|_| {}).await;
    let take = async |id: &str, text: &str| {
        let raw = mail("ann@acme.example", "support@desk.example", id, "No clicks", text);
        // Without one it is told from others by its content.
        let raw = if id.is_empty() { raw.replace("Message-ID: <>\r\n", "") } else { raw };
        take_in(&desk.desk, raw).await;
    };
    take("one@acme.example", "The clicks of our campaign are not tracked.").await;
    take("", "The clicks of our campaign are not tracked, and nobody answers.").await;
    take("two@acme.example", "Something else: please change our billing address.").await;
    let store = &desk.desk.store;
    let claimed = store.claim_lane(&Lane::Mail, unix_ms(), 60_000, 10).await.unwrap();
    assert!(!claimed.is_empty());
    store.outbox_sent(&claimed, unix_ms()).await.unwrap();
    let seen = statements.0.lock().unwrap().clone();
    let file = desk.desk.config.desk.data_dir.join("deskclerk.db");
    let pool = look_into(&format!("sqlite://{}", file.display())).await;
    let mut looked_at = 0;
    for sql in seen.iter().filter(|sql| ["SELECT", "UPDATE", "DELETE"].iter().any(|verb| sql.starts_with(verb))) {
        let Ok(plan) = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).fetch_all(&pool).await else {
            continue;
        };
        looked_at += 1;
        for step in plan {
            let step: String = step.get("detail");
            assert!(!reads_half(sql, &step), "{sql}\n{step}");
        }
    }
    assert!(looked_at > 15, "{looked_at} statements: {seen:#?}");
    desk.close().await;
}
