//! Numbers of tickets: reserved with a claim, so that all that names the number is worded before the ticket is opened.
//!
//! Promises: no number is given twice. One that its submission did not need goes to a later one of this process; when the
//! process ends, those that are left are never given: numbers have gaps, and do not say in which order tickets were opened.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::{AnyConnection, Row, query};

use super::{Engine, Error, Store};

/// Numbers that are reserved and that no claim holds.
pub(super) type Spare = Arc<Mutex<BTreeSet<i64>>>;

impl Store {
    /// So many numbers, ascending: those that are left over first.
    pub(super) async fn numbers(&self, connection: &mut AnyConnection, count: usize) -> Result<Vec<i64>, Error> {
        let mut numbers = vec![];
        {
            let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
            while numbers.len() < count
                && let Some(number) = spare.pop_first()
            {
                numbers.push(number);
            }
        }
        let wanted = (count - numbers.len()) as i64;
        match self.engine {
            _ if wanted == 0 => {}
            Engine::Sqlite => {
                let sql = "UPDATE sqlite_sequence SET seq = seq + $1 WHERE name = 'tickets' RETURNING seq";
                let last: i64 = query(sql).bind(wanted).fetch_one(connection).await?.try_get("seq")?;
                numbers.extend(last - wanted + 1..=last);
            }
            Engine::Postgres => {
                let sql = "SELECT nextval(pg_get_serial_sequence('tickets', 'id')) AS id FROM generate_series(1, $1)";
                for row in query(sql).bind(wanted).fetch_all(connection).await? {
                    numbers.push(row.try_get("id")?);
                }
            }
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Takes back numbers that no ticket bears, for later claims.
    pub fn spare_numbers(&self, mut numbers: BTreeSet<i64>) {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).append(&mut numbers);
    }
}
