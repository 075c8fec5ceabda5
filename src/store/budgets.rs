//! Budgets: how much was sent to whom, counted in the transaction that sends more.
//!
//! Only automatic replies count that were sent or are to be: no drafts, and not what goes to teams or to other systems.

use std::collections::{HashMap, HashSet};

use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row, query};

use super::Error;
use super::rows::{self, Value};
use super::settle::Settling;
use crate::ticket::{Status, Ticket};
use crate::triage::Triage;

/// What the budgets say, counted in the settling transaction.
#[derive(Debug, Clone, Default)]
pub struct Spent {
    /// What senders were answered who are proven, or all of them where nobody can be.
    pub proven: Counts,
    /// What unproven senders were answered: forged mail spends nothing of the others' budgets.
    pub unproven: Counts,
    /// Addresses that bounced.
    pub bounced: HashSet<String>,
    /// Tickets of an address that wait for its answer, or for an agent who has not begun, all within the window.
    pub pending: HashMap<String, Vec<Pending>>,
    /// The breaker holds automatic replies back.
    pub held: bool,
    /// The desk's budget was found spent: the breaker is to trip.
    pub overrun: bool,
}

/// How many automatic replies went out.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// To a mailbox within 24 hours.
    pub to_mailbox: HashMap<String, u32>,
    /// To a domain within the hour.
    pub to_domain: HashMap<String, u32>,
    /// By the desk within the hour.
    pub by_desk: u32,
}

impl Spent {
    /// The counts that a reply to such a sender is one of.
    pub fn of(&self, unproven: bool) -> &Counts {
        if unproven { &self.unproven } else { &self.proven }
    }

    /// Likewise, to count one more.
    pub fn of_mut(&mut self, unproven: bool) -> &mut Counts {
        if unproven { &mut self.unproven } else { &mut self.proven }
    }
}

/// A ticket that nobody has answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its number.
    pub id: i64,
    /// It waits for its customer.
    pub waits: bool,
    /// It has a question that nobody has answered, sent or about to be.
    pub asked: bool,
    /// Its help topic.
    pub topic: String,
    /// The subject of its first message.
    pub subject: String,
    /// The campaigns that it is or may be about, in order.
    pub campaigns: Vec<String>,
}

impl Pending {
    /// As another message of its requester is compared with it.
    pub fn of(ticket: &Ticket) -> Pending {
        Pending {
            id: ticket.id,
            waits: ticket.status == Status::Waiting,
            asked: !ticket.asked.is_empty(),
            topic: ticket.topic.clone(),
            subject: ticket.subject.clone(),
            campaigns: campaigns(&ticket.triage),
        }
    }

    /// Whether both are about the same thing: one topic, and then the same campaigns or the same subject. "Ads again" is that
    /// of "ads", unless both name campaigns.
    pub fn same_matter(&self, other: &Pending) -> bool {
        let bare = |subject: &str| {
            let mut rest = subject.trim();
            let prefix = |before: &str| before.len() <= 3 && before.bytes().all(|byte| byte.is_ascii_alphabetic());
            while let Some((_, after)) = rest.split_once(':').filter(|(before, _)| prefix(before)) {
                rest = after.trim();
            }
            rest.to_lowercase()
        };
        let (here, there) = (bare(&self.subject), bare(&other.subject));
        let words = |subject: &str| -> HashSet<String> {
            let words = subject.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
            words.map(str::to_owned).collect()
        };
        let (of_here, of_there) = (words(&here), words(&there));
        let unnamed = self.campaigns.is_empty() || other.campaigns.is_empty();
        let within = !of_here.is_empty()
            && !of_there.is_empty()
            && (of_here.is_subset(&of_there) || of_there.is_subset(&of_here));
        let campaigns = !self.campaigns.is_empty() && self.campaigns == other.campaigns;
        self.topic == other.topic && (campaigns || (!here.is_empty() && here == there) || unnamed && within)
    }
}

/// The campaigns that it is or may be about, in order.
pub fn campaigns(triage: &Triage) -> Vec<String> {
    let campaign = &triage.campaign;
    let mut ids: Vec<String> =
        campaign.ids.iter().cloned().chain(campaign.candidates.iter().map(|found| found.id.clone())).collect();
    ids.sort();
    ids.dedup();
    ids
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
        // As the indexes say it: then they answer without the rows.
        let counted = "reason NOT IN ('team', 'event') AND state NOT IN ('draft', 'held', 'dropped')";
        let mailboxes: HashSet<String> = addresses.iter().filter_map(Value::text).map(mailbox).collect();
        let by_mailbox = |marks: &str| {
            format!(
                "SELECT recipient_mailbox AS who, unproven, COUNT(*) AS n FROM outbox WHERE created_at > $1 AND {counted} \
                 AND recipient_mailbox IN ({marks}) GROUP BY recipient_mailbox, unproven"
            )
        };
        for row in rows::with_keys(connection, by_mailbox, &[(now - DAY).into()], &rows::keys(&mailboxes)).await? {
            spent.of_mut(unproven(&row)?).to_mailbox.insert(row.try_get("who")?, count(&row)?);
        }
        let by_domain = |marks: &str| {
            format!(
                "SELECT recipient_domain AS who, unproven, COUNT(*) AS n FROM outbox WHERE created_at > $1 AND {counted} \
                 AND unproven IN (0, 1) AND recipient_domain IN ({marks}) GROUP BY recipient_domain, unproven"
            )
        };
        for row in rows::with_keys(connection, by_domain, &[(now - HOUR).into()], &rows::keys(&domains)).await? {
            spent.of_mut(unproven(&row)?).to_domain.insert(row.try_get("who")?, count(&row)?);
        }
        let row = query("SELECT holds_until FROM breaker").fetch_optional(&mut *connection).await?;
        let held_until = row.map_or(Ok(i64::MIN), |row| row.try_get("holds_until"))?;
        spent.held = self.breaker(now).await?.is_some();
        let connection = &mut *self.transaction;
        // What was sent before the breaker held is paid for. Counting stops at the budget: more than enough is enough.
        let since = if held_until <= now { held_until.max(now - HOUR) } else { now - HOUR };
        for unproven in [false, true] {
            let row = query(AssertSqlSafe(format!(
                "SELECT COUNT(*) AS n FROM (SELECT 1 FROM outbox WHERE created_at > $1 AND {counted} AND unproven = $2 \
                 LIMIT $3) AS counted"
            )))
            .bind(since)
            .bind(i64::from(unproven))
            .bind(i64::from(desk_budget))
            .fetch_one(&mut *connection)
            .await?;
            spent.of_mut(unproven).by_desk = count(&row)?;
        }
        let bounced = |marks: &str| format!("SELECT address FROM bounced WHERE address IN ({marks})");
        for row in rows::with_keys(connection, bounced, &[], &addresses).await? {
            spent.bounced.insert(row.try_get("address")?);
        }
        let pending = |marks: &str| {
            format!(
                "SELECT id, requester_address, status, asked, topic, subject, triage FROM tickets \
                 WHERE status IN ('waiting', 'ready') AND updated_at > $1 AND requester_address IN ({marks})"
            )
        };
        for row in rows::with_keys(connection, pending, &[(now - QUESTION_WINDOW).into()], &addresses).await? {
            let triage: Triage = rows::from_json(&row, "triage", "a ticket")?;
            let found = Pending {
                id: row.try_get("id")?,
                waits: row.try_get::<String, _>("status")? == Status::Waiting.as_str(),
                asked: !rows::from_json::<Vec<String>>(&row, "asked", "a ticket")?.is_empty(),
                topic: row.try_get("topic")?,
                subject: row.try_get("subject")?,
                campaigns: campaigns(&triage),
            };
            spent.pending.entry(row.try_get("requester_address")?).or_default().push(found);
        }
        Ok(spent)
    }
}

fn unproven(row: &AnyRow) -> Result<bool, Error> {
    Ok(row.try_get::<i64, _>("unproven")? != 0)
}

fn count(row: &AnyRow) -> Result<u32, Error> {
    Ok(u32::try_from(row.try_get::<i64, _>("n")?).unwrap_or(u32::MAX))
}

/// Whose budget a mail to this address spends: that of the address without its subaddress (RFC 5233), lower case. Somebody may
/// write as `ann+1@`, `ann+2@` and so on, and reads all of it. `+49…@` is no subaddress.
pub fn mailbox(address: &str) -> String {
    let address = address.to_lowercase();
    let own = address.rsplit_once('@').and_then(|(local, domain)| {
        let (own, _) = local.split_once('+').filter(|(own, _)| !own.is_empty())?;
        Some(format!("{own}@{domain}"))
    });
    own.unwrap_or(address)
}

/// What stands behind the `@`, lower case; of a URL or a broken address all of it.
pub fn domain(address: &str) -> String {
    address.rsplit_once('@').map_or(address, |(_, domain)| domain).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(one: (&str, &str, &[&str]), other: (&str, &str, &[&str]), expected: bool) {
        let pending = |(topic, subject, campaigns): (&str, &str, &[&str])| Pending {
            id: 1,
            waits: true,
            asked: true,
            topic: topic.into(),
            subject: subject.into(),
            campaigns: campaigns.iter().map(|id| (*id).to_owned()).collect(),
        };
        assert_eq!(pending(one).same_matter(&pending(other)), expected, "{one:?} {other:?}");
    }

    #[test]
    fn a_subaddress_spends_the_budget_of_its_mailbox() {
        for (address, expected) in [
            ("ann@customer.example", "ann@customer.example"),
            ("Ann+1@customer.example", "ann@customer.example"),
            ("ann+a+b@customer.example", "ann@customer.example"),
            ("+4930123@fax.example", "+4930123@fax.example"),
            ("ann@plus+host.example", "ann@plus+host.example"),
            ("https://crm.example/a+b", "https://crm.example/a+b"),
        ] {
            assert_eq!(mailbox(address), expected);
        }
    }

    #[test]
    fn the_same_thing_is_one_topic_and_one_campaign_or_subject() {
        check(("reporting", "No clicks", &[]), ("reporting", "Re: no clicks", &[]), true);
        check(("reporting", "AW: WG: No clicks", &[]), ("reporting", "no clicks", &[]), true);
        check(("reporting", "No clicks", &["1"]), ("reporting", "Still nothing", &["1"]), true);
        check(("reporting", "No clicks", &["1"]), ("reporting", "Still nothing", &["2"]), false);
        check(("reporting", "No clicks", &["1"]), ("billing", "No clicks", &["1"]), false);
        check(("reporting", "", &[]), ("reporting", "Re:", &[]), false);
        check(("reporting", "Q3: no clicks", &[]), ("reporting", "Q4: no clicks", &[]), false);
        check(("not-running", "ads", &[]), ("not-running", "Ads again", &[]), true);
        check(("not-running", "Still no ads!", &[]), ("not-running", "No ads", &["1"]), true);
        check(("not-running", "ads", &["1"]), ("not-running", "ads again", &["2"]), false);
        check(("not-running", "ads", &[]), ("billing", "ads again", &[]), false);
        check(("not-running", "", &[]), ("not-running", "ads", &[]), false);
    }
}
