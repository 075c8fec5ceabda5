//! A directory by a query on another PostgreSQL or SQLite database: its rows as JSON lines, so that the loader judges
//! them as it judges a file's, and a row's number is its line.
//!
//! Never writes there: a read-only transaction, a file opened for reading. Never tells the database's URL.

use std::str::FromStr;

use futures_util::TryStreamExt;
use serde_json::{Map, Value};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Connection, Row};

use super::{SIZE_LIMIT, Trouble};
use crate::campaigns::columns;
use crate::config::secret;
use crate::config::settings::Campaigns;

/// Asks the database; one JSON object a row.
pub async fn fetch(settings: &Campaigns) -> Result<Vec<u8>, Trouble> {
    let url = secret::read_line(&settings.sql_url_file)
        .map_err(|error| (error.to_string(), "write the database's URL into campaigns.sql_url_file"))?;
    let query = settings.sql.trim().trim_end_matches(';');
    let lines = if url.starts_with("sqlite:") {
        sqlite(&url, query).await
    } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        postgres(&url, query).await
    } else {
        let message = "campaigns.sql_url_file holds no URL of a database".into();
        return Err((message, "write postgres://… or sqlite:… into it"));
    };
    let lines = lines.map_err(|error| match error {
        sqlx::Error::Configuration(_) => ("the database's URL cannot be read".into(), "mend campaigns.sql_url_file"),
        sqlx::Error::Database(error) => (format!("the database says: {error}"), "mend campaigns.sql"),
        error => (format!("the database cannot be asked: {error}"), "see that it runs; it is tried again"),
    })?;
    if lines.len() > SIZE_LIMIT {
        return Err((format!("gives more than {} MiB", SIZE_LIMIT >> 20), "select fewer columns and rows"));
    }
    check_columns(&lines)?;
    Ok(lines)
}

/// Says once what would be a fault of every row.
fn check_columns(lines: &[u8]) -> Result<(), Trouble> {
    let first = lines.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Ok(row) = serde_json::from_slice::<Map<String, Value>>(first) else { return Ok(()) };
    let Some(missing) = columns::missing(&columns::places(row.keys().map(String::as_str))) else { return Ok(()) };
    let found: Vec<&str> = row.keys().map(String::as_str).take(12).collect();
    let message = format!("gives no column `{missing}` (found: {})", found.join(", "));
    Err((message, "name the columns campaign_id, name, account, contacts: SELECT number AS campaign_id …"))
}

async fn postgres(url: &str, query: &str) -> Result<Vec<u8>, sqlx::Error> {
    let mut connection = PgConnectOptions::from_str(url)?.disable_statement_logging().connect().await?;
    let mut transaction = connection.begin_with("BEGIN READ ONLY").await?;
    // The end of line: a comment may end the query. Any type of column becomes JSON; an array of contacts stays one.
    let query = format!("SELECT to_jsonb(directory)::text FROM (\n{query}\n) AS directory");
    let mut lines = vec![];
    // Not kept prepared: a pooler in between may hand the next query to another server process.
    let mut rows = sqlx::query(AssertSqlSafe(query)).persistent(false).fetch(&mut *transaction);
    while let Some(row) = rows.try_next().await? {
        lines.extend_from_slice(row.try_get::<&str, _>(0)?.as_bytes());
        lines.push(b'\n');
        if lines.len() > SIZE_LIMIT {
            break;
        }
    }
    drop(rows);
    transaction.rollback().await?;
    connection.close().await?;
    Ok(lines)
}

async fn sqlite(url: &str, query: &str) -> Result<Vec<u8>, sqlx::Error> {
    let options = SqliteConnectOptions::from_str(url)?.read_only(true).create_if_missing(false);
    let mut connection = options.disable_statement_logging().connect().await?;
    let mut lines = vec![];
    let mut rows = sqlx::query(AssertSqlSafe(query.to_owned())).fetch(&mut connection);
    while let Some(row) = rows.try_next().await? {
        let mut object = Map::new();
        for column in row.columns() {
            // SQLite gives any value as text: a column's type binds nobody there.
            let text: Option<String> = row.try_get_unchecked(column.ordinal())?;
            object.insert(column.name().to_lowercase(), text.map_or(Value::Null, Value::String));
        }
        serde_json::to_writer(&mut lines, &object).map_err(|error| sqlx::Error::Encode(error.into()))?;
        lines.push(b'\n');
        if lines.len() > SIZE_LIMIT {
            break;
        }
    }
    drop(rows);
    connection.close().await?;
    Ok(lines)
}
