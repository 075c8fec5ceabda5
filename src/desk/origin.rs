//! Where a form was sent from: browsers name the origin of every POST (Fetch, "Origin"). Forms of this desk are taken from
//! its own pages alone, whichever address they were opened by.

use axum::http::{HeaderMap, header};

use super::problem::Problem;

/// `public_url` without its path: what browsers name as an origin.
pub fn of(url: &str) -> String {
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}

/// Refuses what a browser sends from another site than `public_url`, or than the host that it was sent to.
pub fn same_origin(headers: &HeaderMap, public_url: &str) -> Result<(), Problem> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let foreign = || Problem::Forbidden("this form was sent from another site".into());
    if let Some(fetch_site) = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok())
        && !matches!(fetch_site, "same-origin" | "none")
    {
        return Err(foreign());
    }
    match text(header::ORIGIN) {
        None => Ok(()),
        Some(origin) if origin == of(public_url) => Ok(()),
        Some(origin) => {
            let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            if host.is_some() && host == text(header::HOST) { Ok(()) } else { Err(foreign()) }
        }
    }
}
