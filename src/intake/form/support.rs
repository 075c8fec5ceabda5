//! The page `/support`: all ways to get help, one below the other, with the hours of the desk.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use minijinja::context;
use minijinja::value::Serde;

use super::Door;
use super::page::Page;
use super::submit::Wanted;
use crate::config::settings::Hours;
use crate::desk::problem::Query;
use crate::intake::webhook;

/// A day of which no minute is closed.
const WHOLE_DAY: &str = "00:00-24:00";

pub(super) async fn show(
    State(door): State<Door>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let language = door.language(wanted.lang.as_deref(), &headers);
    if let Err(problem) = door.looks.count(peer, &headers) {
        return door.trouble(problem, language);
    }
    let config = &door.desk.config;
    let dialled: String = config.support.phone.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
    let seen = context! {
        support => Serde(&config.support),
        dialled,
        hours => Serde(&hours(&config.hours)),
        zone => config.hours.zone.as_str(),
        open => door.desk.is_open(webhook::now_ms()),
    };
    door.render(Page { template: "support.html", language, path: "/support", status: StatusCode::OK, seen })
}

/// The hours of each day from Monday, empty where closed; none at all where the desk is always open.
fn hours(hours: &Hours) -> Vec<String> {
    let days = hours.days().map(|(_, text)| text.trim().replace('-', "–"));
    let always = hours.holidays.is_empty() && hours.days().iter().all(|(_, text)| text.trim() == WHOLE_DAY);
    if always { vec![] } else { days.to_vec() }
}
