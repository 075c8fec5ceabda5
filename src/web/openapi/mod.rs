//! The description of the API: `/openapi.json` for programs (OpenAPI 3.1), `/api` for people.
//!
//! The description stands in the files beside this one, one a resource; it is put together when somebody asks for it and
//! kept by nobody. What it promises is tested: every route and every field is described, and none is ever taken away
//! within `/v1` (`tests/it/web/openapi.rs`, `fixtures/api/v1.txt`).

mod page;

use std::sync::Arc;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value};

use super::Site;

/// What all resources share, then each resource: `paths` and `schemas`.
const FRAME: &str = include_str!("frame.json");
const RESOURCES: [&str; 7] = [
    include_str!("requests.json"),
    include_str!("hooks.json"),
    include_str!("partners.json"),
    include_str!("tickets.json"),
    include_str!("judging.json"),
    include_str!("outbox.json"),
    include_str!("operations.json"),
];

/// The routes.
pub fn router() -> Router<Arc<Site>> {
    Router::new()
        .route("/openapi.json", get(|| async { Json(document()) }))
        .route("/api", get(page::show))
        .route("/api/style.css", get(style))
}

async fn style() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=300")];
    (headers, include_str!("style.css")).into_response()
}

/// The whole document.
pub fn document() -> Value {
    let read =
        |text| -> Value { serde_json::from_str(text).expect("the compiled-in files are JSON: a unit test reads them") };
    let mut whole = read(FRAME);
    for text in RESOURCES {
        let mut resource = read(text);
        for (from, to) in [("paths", "/paths"), ("schemas", "/components/schemas")] {
            let part = resource.get_mut(from).and_then(Value::as_object_mut).map(std::mem::take).unwrap_or_default();
            let place = whole.pointer_mut(to).and_then(Value::as_object_mut);
            place.unwrap_or(&mut Map::new()).extend(part);
        }
    }
    whole
}

/// What a `$ref` names, in place of it; what stands beside it (OpenAPI 3.1 allows a description) wins.
fn resolved(document: &Value, value: &Value) -> Value {
    let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return value.clone() };
    let mut found = reference.strip_prefix('#').and_then(|at| document.pointer(at)).cloned().unwrap_or_default();
    if let (Some(found), Some(beside)) = (found.as_object_mut(), value.as_object()) {
        found.extend(beside.iter().filter(|(key, _)| *key != "$ref").map(|(key, value)| (key.clone(), value.clone())));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let mut found = vec![];
        references(&document, &mut found);
        assert!(found.len() > 100, "{}", found.len());
        for reference in found {
            assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
        }
        let resources = document["paths"].as_object().map_or(0, Map::len);
        assert!(resources >= 7 && document["components"]["schemas"]["Ticket"].is_object(), "{resources}");
    }
}
