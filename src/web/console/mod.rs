//! The console: what agents see. Pages are rendered here and need no JavaScript.
//!
//! Customers' words reach a page only through escaping templates; their HTML only sanitised, in a frame that may load
//! and run nothing. Pages may load nothing but this desk's own style sheet and frames.

pub mod files;
pub mod hooks;
pub mod marks;
pub mod outbox;
pub mod quarantine;
pub mod queue;
pub mod sign_in;
pub mod ticket;
mod trouble;
mod wording;

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use minijinja::Environment;
use minijinja::value::Serde;
use serde_json::{Value, json};

use super::Site;
use crate::desk::problem::Problem;
use crate::store::agents::Session;

/// What a page may do: show itself, and frame this desk's own sanitised mail.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; \
                           form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const STYLE: &str = include_str!("templates/style.css");

const TEMPLATES: [(&str, &str); 10] = [
    ("base.html", include_str!("templates/base.html")),
    ("parts.html", include_str!("templates/parts.html")),
    ("error.html", include_str!("templates/error.html")),
    ("sign_in.html", include_str!("templates/sign_in.html")),
    ("link.html", include_str!("templates/link.html")),
    ("queue.html", include_str!("templates/queue.html")),
    ("ticket.html", include_str!("templates/ticket.html")),
    ("quarantine.html", include_str!("templates/quarantine.html")),
    ("outbox.html", include_str!("templates/outbox.html")),
    ("hooks.html", include_str!("templates/hooks.html")),
];

/// The templates, compiled when somebody first looks at a page.
#[derive(Debug, Default)]
pub struct Pages(OnceLock<Environment<'static>>);

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    for (name, text) in TEMPLATES {
        environment.add_template(name, text).expect("the compiled-in templates are valid: a unit test reads them");
    }
    environment.add_filter("words", |word: String| wording::words(&word));
    environment.add_filter("meaning", |flag: String| wording::meaning(&flag));
    environment.add_filter("who", |actor: String| wording::who(&actor));
    environment.add_filter("when", when);
    environment.add_filter("age", |ms: i64| age(ms, super::now()));
    environment.add_filter("size", size);
    environment.add_filter("short", short);
    environment.add_filter("query", |text: String| super::session::form_encode(&text));
    environment
}

impl Pages {
    /// Renders a page. A failure is a bug of ours.
    pub fn render(&self, name: &str, page: Value) -> Result<Html<String>, Problem> {
        let environment = self.0.get_or_init(environment);
        let rendered = environment.get_template(name).and_then(|template| template.render(Serde(page)));
        rendered.map(Html).map_err(|error| {
            tracing::error!(%error, page = name, "a page could not be rendered");
            Problem::Internal
        })
    }
}

/// The routes.
pub fn router(site: &Arc<Site>) -> Router<Arc<Site>> {
    Router::new()
        .route("/desk/style.css", get(style))
        .route("/", get(|| async { axum::response::Redirect::to("/desk") }))
        .merge(sign_in::router())
        .merge(queue::router())
        .merge(ticket::router())
        .merge(files::router())
        .merge(quarantine::router())
        .merge(outbox::router())
        .merge(hooks::router())
        .layer(middleware::from_fn_with_state(site.clone(), as_page))
}

/// What every page of a signed-in agent needs.
fn frame(site: &Site, session: &Session, place: &str) -> Value {
    let config = &site.desk.config;
    let hooks = !config.hook.is_empty();
    json!({ "desk": config.desk.name, "agent": session.agent, "csrf": session.csrf, "place": place, "hooks": hooks })
}

async fn style() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=300")];
    (headers, STYLE).into_response()
}

/// Pages get their policy; problems become pages.
async fn as_page(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let media_type = response.headers().get(header::CONTENT_TYPE).map(|value| value.as_bytes().to_vec());
    if media_type.as_deref() == Some(b"application/problem+json") {
        response = trouble::page(&site, response, &path).await.unwrap_or_else(IntoResponse::into_response);
    }
    let policy = HeaderValue::from_static(PAGE_POLICY);
    response.headers_mut().entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
    response
}

/// Answers a request that no route takes: people get a page, programs a problem document.
pub async fn refuse(site: &Site, problem: Problem, uri: &Uri, headers: &HeaderMap) -> Response {
    // Browsers ask for it unbidden; a picture is not read.
    if uri.path() == "/favicon.ico" {
        return problem.status().into_response();
    }
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let by_browser = accepted
        .flat_map(|value| value.split(','))
        .any(|range| range.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/html"));
    if !by_browser && !uri.path().starts_with("/desk/") {
        return problem.into_response();
    }
    let mut page =
        trouble::page(site, problem.into_response(), uri.path()).await.unwrap_or_else(IntoResponse::into_response);
    page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    page
}

/// A time to the minute, UTC.
fn when(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// How long ago, in the largest fitting unit.
fn age(ms: i64, now: i64) -> String {
    let minutes = now.saturating_sub(ms).max(0) / 60_000;
    match minutes {
        0 => "now".into(),
        1..=59 => format!("{minutes} min"),
        60..=2879 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1440),
    }
}

/// The beginning of a text, as many characters as fit a line.
fn short(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..=999 => format!("{bytes} B"),
        1_000..=999_999 => format!("{} kB", bytes / 1_000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_compile_and_escape() {
        let pages = Pages::default();
        let problem = json!({ "title": "<svg onload=alert(1)>", "told": ["{{7*7}}"]});
        let page = pages
            .render("error.html", json!({ "desk": "D", "problem": problem}))
            .map(|page| page.0)
            .unwrap_or_default();
        assert!(page.contains("&lt;svg onload=alert(1)&gt;") && page.contains("{{7*7}}"), "{page}");
    }

    #[test]
    fn times_and_sizes_are_for_people() {
        assert_eq!(age(0, 59_000), "now");
        assert_eq!(age(0, 47 * 3_600_000), "47 h");
        assert_eq!(age(0, 72 * 3_600_000), "3 d");
        assert_eq!(age(9, 0), "now");
        assert_eq!((short("größer".into(), 3).as_str(), short("abc".into(), 3).as_str()), ("grö…", "abc"));
        assert_eq!(when(0), "1970-01-01 00:00 UTC");
        assert_eq!((size(999).as_str(), size(2_400_000).as_str()), ("999 B", "2.4 MB"));
    }
}
