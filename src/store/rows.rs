//! Many rows in one statement, the same on both engines, and the reading of what they hold.
//!
//! Statements come in few sizes, so that each is prepared once a connection; what does not fill a size goes in a
//! smaller one. Only column names of this module ever stand in the SQL text, never a value.

use std::fmt::Write;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Row, query};

use super::Error;

/// One value of a row.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// BIGINT.
    Int(i64),
    /// BIGINT or NULL.
    MaybeInt(Option<i64>),
    /// TEXT.
    Text(String),
    /// TEXT or NULL.
    MaybeText(Option<String>),
    /// BLOB or BYTEA. Shared: whoever may have to write it again keeps it without a copy.
    Bytes(Arc<Vec<u8>>),
}

impl Value {
    /// The text of a text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Value {
        Value::MaybeInt(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(cleaned(value.to_owned()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(cleaned(value))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Value {
        Value::MaybeText(value.map(cleaned))
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Value {
        Value::Bytes(Arc::new(value))
    }
}

/// Text keys as values.
pub(super) fn keys<'a>(texts: impl IntoIterator<Item = &'a String>) -> Vec<Value> {
    texts.into_iter().map(|text| text.as_str().into()).collect()
}

/// [`clean`], of a text that is one's own.
pub(super) fn cleaned(text: String) -> String {
    if text.contains('\0') { clean(&text) } else { text }
}

/// PostgreSQL's TEXT has no NUL; a customer's text may.
pub(super) fn clean(text: &str) -> String {
    text.replace('\0', "")
}

const SIZES: [usize; 7] = [64, 32, 24, 16, 8, 4, 1];

/// Of so many rows that could also wait, how many are best inserted now: as many as whole statements hold, where they are many.
/// Each statement more is a way to the database and back.
pub(super) fn together(rows: usize) -> usize {
    match SIZES.into_iter().find(|size| *size <= rows) {
        Some(size) if size >= 8 => rows - rows % size,
        _ => rows,
    }
}

/// Inserts the rows and gives how many were; `after` is what follows the values, such as `ON CONFLICT DO NOTHING`.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    table: &str,
    columns: &[&str],
    rows: Vec<Vec<Value>>,
    after: &str,
) -> Result<u64, Error> {
    let columns = columns.join(", ");
    with_rows(connection, |values| format!("INSERT INTO {table} ({columns}) VALUES {values} {after}"), rows).await
}

/// Runs a statement with `VALUES …` for any number of rows and gives how many it touched. `sql` is called with the
/// placeholders of the rows, each row in brackets; there are no others.
pub(super) async fn with_rows(
    connection: &mut AnyConnection,
    sql: impl Fn(&str) -> String,
    rows: Vec<Vec<Value>>,
) -> Result<u64, Error> {
    let columns = rows.first().map_or(0, Vec::len);
    let mut touched = 0;
    let mut rows = rows.into_iter();
    // SQLite looks a numbered placeholder up among all that came before it: a thousand of them cost more than the rows.
    let numbered = connection.backend_name() != "SQLite";
    while rows.len() > 0 {
        let size = SIZES.into_iter().find(|size| *size <= rows.len()).unwrap_or(1);
        let values = match numbered {
            true => (0..size).map(|row| marks(row * columns + 1, columns)).collect::<Vec<_>>().join("), ("),
            false => vec![vec!["?"; columns].join(", ").as_str(); size].join("), ("),
        };
        let mut statement = query(AssertSqlSafe(sql(&format!("({values})"))));
        for value in rows.by_ref().take(size).flatten() {
            statement = bind(statement, value);
        }
        touched += statement.execute(&mut *connection).await?.rows_affected();
    }
    Ok(touched)
}

/// Runs a statement with `IN (…)` for any number of keys. `sql` is called with the placeholders of the keys, which
/// come after those of `first`.
pub(super) async fn with_keys(
    connection: &mut AnyConnection,
    sql: impl Fn(&str) -> String,
    first: &[Value],
    keys: &[Value],
) -> Result<Vec<AnyRow>, Error> {
    let mut found = vec![];
    for chunk in keys.chunks(SIZES[0]) {
        // The last key is repeated up to the next size: the answer stays the same, the statements stay few.
        let size = SIZES.into_iter().rev().find(|size| *size >= chunk.len()).unwrap_or(SIZES[0]);
        let mut statement = query(AssertSqlSafe(sql(&marks(first.len() + 1, size))));
        for value in first {
            statement = bind(statement, value.clone());
        }
        for index in 0..size {
            statement = bind(statement, chunk[index.min(chunk.len() - 1)].clone());
        }
        found.append(&mut statement.fetch_all(&mut *connection).await?);
    }
    Ok(found)
}

fn marks(from: usize, count: usize) -> String {
    let mut marks = String::with_capacity(count * 6);
    for number in from..from + count {
        let _ = write!(marks, "{}${number}", if number == from { "" } else { ", " });
    }
    marks
}

/// Binds one value.
pub(super) fn bind<'q>(statement: Query<'q, Any, AnyArguments>, value: Value) -> Query<'q, Any, AnyArguments> {
    match value {
        Value::Int(value) => statement.bind(value),
        Value::MaybeInt(value) => statement.bind(value),
        Value::Text(value) => statement.bind(value),
        Value::MaybeText(value) => statement.bind(value),
        Value::Bytes(value) => statement.bind(value.as_slice()),
    }
}

/// The JSON text of a value that is always representable.
pub(super) fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("the desk's own types have string keys and no failing serializer")
}

/// Reads a JSON column.
pub(super) fn from_json<T: DeserializeOwned>(row: &AnyRow, column: &str, what: &str) -> Result<T, Error> {
    let text: String = row.try_get(column)?;
    serde_json::from_str(&text)
        .map_err(|error| Error::Corrupt { what: format!("{column} of {what}"), why: error.to_string() })
}

/// Reads a column that holds one of our words, through its serde name.
pub(super) fn from_word<T: DeserializeOwned>(row: &AnyRow, column: &str, what: &str) -> Result<T, Error> {
    let word: String = row.try_get(column)?;
    serde_json::from_value(serde_json::Value::String(word))
        .map_err(|error| Error::Corrupt { what: format!("{column} of {what}"), why: error.to_string() })
}

/// The word of one of our enums, through its serde name.
pub(super) fn to_word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::together;

    fn check(rows: usize, expected: usize) {
        assert_eq!(together(rows), expected, "{rows} rows");
    }

    #[test]
    fn rows_that_may_wait_go_in_whole_statements() {
        check(0, 0);
        check(7, 7);
        check(9, 8);
        check(31, 24);
        check(33, 32);
        check(63, 32);
        check(128, 128);
        check(150, 128);
    }
}
