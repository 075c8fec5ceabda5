//! Budgets: how much was sent to whom, counted in the transaction that sends more.
//!
//! Only automatic replies count, not what goes to teams or to other systems.

use std::collections::{HashMap, HashSet};

use sqlx::any::AnyRow;
use sqlx::{Row, query};

use super::Error;
use super::rows::{self, Value};
use super::settle::Settling;

/// What the budgets say, counted in the settling transaction.
#[derive(Debug, Clone, Default)]
pub struct Spent {
    /// Automatic replies to an address within 24 hours.
    pub to_address: HashMap<String, u32>,
    /// Automatic replies to a domain within the hour.
    pub to_domain: HashMap<String, u32>,
    /// Automatic replies of the desk within the hour.
    pub by_desk: u32,
    /// Addresses that bounced.
    pub bounced: HashSet<String>,
    /// Tickets of an address that wait for an answer, asked within the window.
    pub waiting: HashMap<String, Vec<i64>>,
}

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// RFC 5230 remembers for seven days whom it has answered.
const QUESTION_WINDOW: i64 = 7 * DAY;

impl Settling {
    /// What the budgets say for these requesters (lower case).
    pub async fn spent(&mut self, addresses: &[String], desk_budget: u32, now: i64) -> Result<Spent, Error> {
        let mut spent = Spent::default();
        if addresses.is_empty() {
            return Ok(spent);
        }
        let connection = &mut *self.transaction;
        let addresses: Vec<Value> = rows::keys(addresses.iter().collect::<HashSet<_>>());
        let domains: HashSet<String> = addresses.iter().filter_map(Value::text).map(domain).collect();
        let counted = "reason NOT IN ('team', 'event') AND state IN ('queued', 'draft', 'sent', 'dead')";
        let by_address = |marks: &str| {
            format!(
                "SELECT recipient AS who, COUNT(*) AS n FROM outbox WHERE created_at > $1 AND {counted} \
                 AND recipient IN ({marks}) GROUP BY recipient"
            )
        };
        for row in rows::with_keys(connection, by_address, &[(now - DAY).into()], &addresses).await? {
            spent.to_address.insert(row.try_get("who")?, count(&row)?);
        }
        let by_domain = |marks: &str| {
            format!(
                "SELECT recipient_domain AS who, COUNT(*) AS n FROM outbox WHERE created_at > $1 AND {counted} \
                 AND recipient_domain IN ({marks}) GROUP BY recipient_domain"
            )
        };
        for row in rows::with_keys(connection, by_domain, &[(now - HOUR).into()], &rows::keys(&domains)).await? {
            spent.to_domain.insert(row.try_get("who")?, count(&row)?);
        }
        // Counting stops at the budget: more than enough is enough.
        let row = query(
            "SELECT COUNT(*) AS n FROM (SELECT 1 FROM outbox WHERE created_at > $1 AND reason NOT IN ('team', 'event') \
             LIMIT $2) AS counted",
        )
        .bind(now - HOUR)
        .bind(i64::from(desk_budget))
        .fetch_one(&mut *connection)
        .await?;
        spent.by_desk = count(&row)?;
        let bounced = |marks: &str| format!("SELECT address FROM bounced WHERE address IN ({marks})");
        for row in rows::with_keys(connection, bounced, &[], &addresses).await? {
            spent.bounced.insert(row.try_get("address")?);
        }
        let waiting = |marks: &str| {
            format!(
                "SELECT id, requester_address FROM tickets WHERE status = 'waiting' AND updated_at > $1 \
                 AND requester_address IN ({marks})"
            )
        };
        for row in rows::with_keys(connection, waiting, &[(now - QUESTION_WINDOW).into()], &addresses).await? {
            spent.waiting.entry(row.try_get("requester_address")?).or_default().push(row.try_get("id")?);
        }
        Ok(spent)
    }
}

fn count(row: &AnyRow) -> Result<u32, Error> {
    Ok(u32::try_from(row.try_get::<i64, _>("n")?).unwrap_or(u32::MAX))
}

/// What stands behind the `@`, lower case; of a URL or a broken address all of it.
pub fn domain(address: &str) -> String {
    address.rsplit_once('@').map_or(address, |(_, domain)| domain).to_lowercase()
}
