//! Signing in and out: by password, or by a link that works once.
//!
//! A link's page does nothing until its button is pressed, so that a mail scanner that follows it uses nothing up.
//! Every sign-in makes a new session and ends the one that the browser brought.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use crate::desk::origin::same_origin;
use crate::desk::problem::{Form, Problem, Query};
use crate::store::agents::Kind;
use crate::web::session::{self, Act, SESSION_MS};
use crate::web::{Site, now, password};

/// The routes.
pub fn router() -> Router<Arc<Site>> {
    Router::new()
        .route("/desk/sign-in", get(page).post(by_password))
        .route("/desk/link", get(link_page).post(by_link))
        .route("/desk/sign-out", post(sign_out))
}

#[derive(Debug, Default, Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

async fn page(State(site): State<Arc<Site>>, Query(next): Query<Next>) -> Result<Html<String>, Problem> {
    render(&site, &next.next, "", None)
}

fn render(site: &Site, next: &str, name: &str, fault: Option<&str>) -> Result<Html<String>, Problem> {
    let next = session::next(next);
    site.pages.render(
        "sign_in.html",
        json!({ "desk": site.desk.config.desk.name, "next": next, "name": name, "fault": fault}),
    )
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

async fn by_password(
    State(site): State<Arc<Site>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(form): Form<Credentials>,
) -> Result<Response, Problem> {
    same_origin(&headers, &site.origin)?;
    site.sign_ins.count(peer, &headers)?;
    let agent = site.desk.store.agent(form.name.trim()).await?;
    let hash = agent.as_ref().and_then(|agent| agent.password_hash.clone());
    let _place = site.hashing.acquire().await.map_err(|_| Problem::Unavailable(1))?;
    let fits = tokio::task::spawn_blocking(move || password::fits(&form.password, hash.as_deref())).await;
    match agent {
        Some(agent) if fits.unwrap_or(false) => signed_in(&site, &headers, &agent.name, &form.next).await,
        _ => {
            tracing::warn!("a sign-in failed");
            let page = render(&site, &form.next, &form.name, Some("Name or password is wrong."))?;
            Ok((axum::http::StatusCode::UNAUTHORIZED, page).into_response())
        }
    }
}

#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    token: String,
}

async fn link_page(State(site): State<Arc<Site>>, Query(link): Query<Link>) -> Result<Html<String>, Problem> {
    site.pages.render("link.html", json!({ "desk": site.desk.config.desk.name, "token": link.token}))
}

async fn by_link(
    State(site): State<Arc<Site>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(link): Form<Link>,
) -> Result<Response, Problem> {
    same_origin(&headers, &site.origin)?;
    site.sign_ins.count(peer, &headers)?;
    let redeemed = site.desk.store.redeem_link(&link.token, now()).await?;
    let used =
        || Problem::Forbidden("this sign-in link was used already, or its time is over; ask for a new one".into());
    signed_in(&site, &headers, &redeemed.ok_or_else(used)?.agent, "/desk").await
}

async fn signed_in(site: &Site, headers: &HeaderMap, agent: &str, next: &str) -> Result<Response, Problem> {
    let store = &site.desk.store;
    if let Some(old) = session::token(headers, site) {
        store.revoke_token(&old).await?;
    }
    let token = store.issue_token(agent, Kind::Session, now() + SESSION_MS, now()).await?;
    tracing::info!(agent, "signed in");
    Ok((session::cookie(Some(&token), site), Redirect::to(session::next(next))).into_response())
}

#[derive(Debug, Deserialize)]
struct Nothing {}

async fn sign_out(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    Act { .. }: Act<Nothing>,
) -> Result<Response, Problem> {
    if let Some(token) = session::token(&headers, &site) {
        site.desk.store.revoke_token(&token).await?;
    }
    Ok((session::cookie(None, &site), Redirect::to("/desk/sign-in")).into_response())
}
