//! `PUT /v1/campaigns`: the campaign directory, replaced whole. `GET /v1/campaigns/similar`: its groups of similarly named
//! campaigns.
//!
//! All or nothing: a fault anywhere leaves the old directory in force, and so does a body in which more than half of
//! the known campaigns would vanish, unless `?allow_shrink=true` says that this is meant.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Site;
use super::session::ApiAgent;
use crate::campaigns::Campaign;
use crate::campaigns::columns::{ACCOUNT, ALIASES, CONTACTS, ID, Keys, NAME, STATUS};
use crate::campaigns::groups::Group;
use crate::config::fault::Fault;
use crate::desk::problem::{Body, Place, Problem, Query, typed};

/// Places told of a faulty body; the rest would not be read.
const FAULTS: usize = 100;

/// The routes.
pub fn router() -> Router<Arc<Site>> {
    Router::new().route("/v1/campaigns", put(replace)).route("/v1/campaigns/similar", get(similar))
}

/// Groups on a page unless `limit` says otherwise.
const PAGE: i64 = 50;
/// At most.
const LARGEST_PAGE: i64 = 200;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    /// Only the groups that this campaign is in.
    campaign: Option<String>,
    limit: Option<i64>,
    /// The `next` of the page before: how many groups stand before this page.
    cursor: Option<String>,
}

async fn similar(
    State(site): State<Arc<Site>>,
    ApiAgent(_): ApiAgent,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, Problem> {
    let page = super::page(wanted.limit, (PAGE, LARGEST_PAGE))?;
    let wrong = |_| Problem::Malformed("cursor is the `next` of another page".into());
    let from: usize = wanted.cursor.as_deref().map_or(Ok(0), str::parse).map_err(wrong)?;
    let directory = site.desk.directory();
    if let Some(id) = &wanted.campaign {
        directory.get(id).ok_or_else(|| Problem::no("campaign with this ID"))?;
    }
    let listed = directory.similar_groups(wanted.campaign.as_deref(), from);
    let mut groups: Vec<Group> = listed.take(page as usize + 1).collect();
    let next = super::cut(&mut groups, page).then(|| (from + groups.len()).to_string());
    Ok(Json(json!({ "groups": groups, "next": next })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(default)]
    allow_shrink: bool,
}

async fn replace(
    State(site): State<Arc<Site>>,
    ApiAgent(agent): ApiAgent,
    Query(options): Query<Options>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    if let Some(key) = site.desk.config.campaigns.source() {
        return Err(Problem::Conflict(format!(
            "campaigns.{key} rules here; change it there, or leave the setting empty"
        )));
    }
    let campaigns =
        tokio::task::spawn_blocking(move || read(&headers, &body)).await.map_err(|_| Problem::Internal)??;
    let known = site.desk.directory();
    let ids: std::collections::HashSet<&str> = campaigns.iter().map(|campaign| campaign.id.as_str()).collect();
    let gone = known.campaigns().iter().filter(|campaign| !ids.contains(campaign.id.as_str())).count();
    if gone * 2 > known.len() && !options.allow_shrink {
        return Err(Problem::Conflict(format!(
            "{gone} of {} campaigns would vanish; send ?allow_shrink=true if that is meant",
            known.len()
        )));
    }
    let count = campaigns.len();
    site.desk.replace_directory(campaigns).await?;
    let detail = json!({ "campaigns": count, "removed": gone });
    site.desk
        .store
        .record_act(&format!("agent:{agent}"), "campaigns_replaced", "campaigns", detail, super::now())
        .await?;
    tracing::info!(agent, campaigns = count, gone, "the campaign directory was replaced");
    Ok(Json(json!({"campaigns": count, "removed": gone})))
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Campaign>, Problem> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (campaigns, faults) = match media_type.split(';').next().unwrap_or_default().trim() {
        "text/csv" | "application/x-ndjson" | "application/jsonl" => crate::campaigns::load::parse(body, "body"),
        "application/json" => crate::campaigns::load::checked(array(body)?, "body"),
        _ => return Err(Problem::MediaType("text/csv, application/json or application/x-ndjson")),
    };
    // A JSON pointer counts elements from 0 (RFC 6901); lines are told in words.
    let place = |fault: Fault| match media_type.starts_with("application/json") {
        true => Place {
            pointer: format!("/{}", fault.line.saturating_sub(1)),
            detail: format!("{}; {}", fault.message, fault.remedy),
        },
        false => Place {
            pointer: format!("/{}", fault.line),
            detail: format!("line {}: {}; {}", fault.line, fault.message, fault.remedy),
        },
    };
    let places: Vec<Place> = faults.into_iter().take(FAULTS).map(place).collect();
    if places.is_empty() { Ok(campaigns) } else { Err(Problem::Invalid(places)) }
}

/// A JSON array of campaigns, each with keys as the columns of CSV are called; the pointer names the element, or what is
/// wrong in it.
fn array(body: &[u8]) -> Result<Vec<Campaign>, Problem> {
    let values: Vec<Value> =
        serde_json::from_slice(body).map_err(|error| Problem::at("", format!("is no JSON array: {error}")))?;
    let mut keys = Keys::default();
    let campaign = |(index, mut value): (usize, Value)| {
        if let Value::Object(object) = &mut value {
            keys.read(object);
            // The fields are called as the columns are, but for the first.
            let called: Vec<(&str, Option<Value>)> = FIELDS
                .into_iter()
                .map(|(column, field)| (field, keys.of(column).and_then(|key| object.get_mut(key)).map(Value::take)))
                .collect();
            object.clear();
            object.extend(called.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?))));
        }
        typed(value, &format!("/{index}")).map_err(|problem| as_called(problem, index, &keys))
    };
    values.into_iter().enumerate().map(campaign).collect()
}

/// The fields of a campaign, by their columns.
const FIELDS: [(usize, &str); 6] = [
    (ID, "id"),
    (NAME, "name"),
    (ACCOUNT, "account"),
    (CONTACTS, "contacts"),
    (STATUS, "status"),
    (ALIASES, "aliases"),
];

/// The problem with pointers to the keys that the client wrote.
fn as_called(problem: Problem, index: usize, keys: &Keys) -> Problem {
    let Problem::Invalid(mut places) = problem else { return problem };
    for place in &mut places {
        for (column, field) in FIELDS {
            let ours = format!("/{index}/{field}");
            let rest = place.pointer.strip_prefix(&ours).filter(|rest| rest.is_empty() || rest.starts_with('/'));
            if let (Some(rest), Some(key)) = (rest, keys.of(column)) {
                place.pointer = format!("/{index}/{}{rest}", key.replace('~', "~0").replace('/', "~1"));
                break;
            }
        }
    }
    Problem::Invalid(places)
}
