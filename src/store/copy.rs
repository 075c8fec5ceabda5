//! Copies all rows of one store into another, of either engine: both have the same tables and columns.
//!
//! Reads one consistent snapshot and writes one transaction: all of it or nothing. Knows no table by name, so that none can
//! be forgotten; which there are, and in which order they need one another, SQLite's own schema says.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row, query};

use super::rows::{self, Value};
use super::{Engine, Error, Store};

/// Rows of one statement, and the bytes at which it stops growing.
const ROWS: usize = 64;
const BYTES: usize = 4 << 20;

/// A table as SQLite knows it.
struct Table {
    name: String,
    columns: Vec<(String, Sort)>,
    /// Its numbers are never given twice.
    counts: bool,
}

#[derive(Clone, Copy)]
enum Sort {
    Int,
    Text,
    Bytes,
}

/// Copies everything; one of both is SQLite. `told` hears of every row. How many rows of each table.
pub(super) async fn copy(from: &Store, to: &Store, told: impl Fn()) -> Result<BTreeMap<String, i64>, Error> {
    let tables = tables(if from.engine == Engine::Sqlite { from } else { to }).await?;
    let mut source = snapshot(from).await?;
    let mut target = to.begin().await?;
    unhurried(&mut target, to.engine).await?;
    let mut copied = BTreeMap::new();
    for table in &tables {
        let columns: Vec<&str> = table.columns.iter().map(|(name, _)| name.as_str()).collect();
        let sql = format!("SELECT {} FROM {}", columns.join(", "), table.name);
        let mut group: Vec<Vec<Value>> = vec![];
        let (mut bytes, mut count) = (0, 0);
        let mut found = query(AssertSqlSafe(sql)).fetch(&mut *source);
        while let Some(row) = found.try_next().await? {
            let values = values(&row, table)?;
            bytes += values.iter().map(size).sum::<usize>();
            count += 1;
            told();
            group.push(values);
            if group.len() == ROWS || bytes > BYTES {
                rows::insert(&mut target, &table.name, &columns, std::mem::take(&mut group), "").await?;
                bytes = 0;
            }
        }
        drop(found);
        rows::insert(&mut target, &table.name, &columns, group, "").await?;
        if table.counts {
            count_on(&mut source, from.engine, &mut target, to.engine, &table.name).await?;
        }
        copied.insert(table.name.clone(), count);
    }
    target.commit().await?;
    Ok(copied)
}

/// The rows of each table.
pub(super) async fn count(store: &Store) -> Result<BTreeMap<String, i64>, Error> {
    let mut counted = BTreeMap::new();
    for table in tables(store).await? {
        let sql = format!("SELECT COUNT(*) AS n FROM {}", table.name);
        let row = query(AssertSqlSafe(sql)).fetch_one(&store.read).await?;
        counted.insert(table.name, row.try_get("n")?);
    }
    Ok(counted)
}

/// The tables of a SQLite store as they were created: one that refers to another came after it.
async fn tables(store: &Store) -> Result<Vec<Table>, Error> {
    let found = query(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_sqlx%' \
         ESCAPE '\\' ORDER BY rowid",
    );
    let mut tables = vec![];
    for row in found.fetch_all(&store.read).await? {
        let (name, sql): (String, String) = (row.try_get("name")?, row.try_get("sql")?);
        let found = query("SELECT name, type FROM pragma_table_info($1) ORDER BY cid").bind(name.as_str());
        let mut columns = vec![];
        for row in found.fetch_all(&store.read).await? {
            let sort = match row.try_get::<String, _>("type")?.as_str() {
                "INTEGER" => Sort::Int,
                "BLOB" => Sort::Bytes,
                _ => Sort::Text,
            };
            columns.push((row.try_get("name")?, sort));
        }
        tables.push(Table { counts: sql.contains("AUTOINCREMENT"), name, columns });
    }
    Ok(tables)
}

/// A transaction that sees the store as it is now, however long it takes.
async fn snapshot(store: &Store) -> Result<sqlx::Transaction<'static, sqlx::Any>, Error> {
    let mut transaction = match store.engine {
        Engine::Sqlite => store.read.begin().await?,
        Engine::Postgres => store.read.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?,
    };
    unhurried(&mut transaction, store.engine).await?;
    Ok(transaction)
}

async fn unhurried(connection: &mut AnyConnection, engine: Engine) -> Result<(), Error> {
    if engine == Engine::Postgres {
        query("SET LOCAL statement_timeout = 0").execute(&mut *connection).await?;
        query("SET LOCAL idle_in_transaction_session_timeout = 0").execute(&mut *connection).await?;
    }
    Ok(())
}

fn values(row: &AnyRow, table: &Table) -> Result<Vec<Value>, Error> {
    let value = |(index, (_, sort)): (usize, &(String, Sort))| {
        Ok(match sort {
            Sort::Int => Value::MaybeInt(row.try_get(index)?),
            Sort::Text => Value::MaybeText(row.try_get(index)?),
            Sort::Bytes => row.try_get::<Vec<u8>, _>(index)?.into(),
        })
    };
    table.columns.iter().enumerate().map(value).collect()
}

fn size(value: &Value) -> usize {
    match value {
        Value::Bytes(bytes) => bytes.len(),
        Value::Text(text) | Value::MaybeText(Some(text)) => text.len(),
        _ => 8,
    }
}

/// The target counts on where the source stood: the number of a ticket that was erased is not given again.
async fn count_on(
    source: &mut AnyConnection,
    from: Engine,
    target: &mut AnyConnection,
    to: Engine,
    table: &str,
) -> Result<(), Error> {
    let last: Option<i64> = match from {
        Engine::Sqlite => {
            let row =
                query("SELECT seq FROM sqlite_sequence WHERE name = $1").bind(table).fetch_optional(source).await?;
            row.map(|row| row.try_get("seq")).transpose()?
        }
        Engine::Postgres => {
            let sql = "SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence($1, 'id')::regclass), 0) AS seq";
            let row = query(sql).bind(table).fetch_one(source).await?;
            Some(row.try_get("seq")?)
        }
    };
    let Some(last) = last.filter(|last| *last > 0) else { return Ok(()) };
    match to {
        Engine::Sqlite => {
            query("DELETE FROM sqlite_sequence WHERE name = $1").bind(table).execute(&mut *target).await?;
            let sql = "INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)";
            query(sql).bind(table).bind(last).execute(&mut *target).await?;
        }
        Engine::Postgres => {
            let sql = "SELECT setval(pg_get_serial_sequence($1, 'id'), $2)";
            query(sql).bind(table).bind(last).execute(&mut *target).await?;
        }
    }
    Ok(())
}
