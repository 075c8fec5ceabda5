//! How far a door has read: the epoch and the highest UID of a mailbox, and from when on its mail may be answered.
//!
//! Only a shortcut: what was taken in is known from the submissions themselves. The baseline is written once and stays.

use sqlx::Row;

use super::{Error, Store};

/// Where a door stands in a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// UIDVALIDITY (RFC 3501 §2.3.1.1): UIDs mean something only within it.
    pub uid_validity: u32,
    /// No mail up to here is new.
    pub last_uid: u32,
    /// Unix milliseconds of the first connect; older mail is never answered.
    pub baseline_at: i64,
}

impl Store {
    /// The cursor of a door in a mailbox; `None`: never connected.
    pub async fn cursor(&self, source: &str, mailbox: &str) -> Result<Option<Cursor>, Error> {
        let found =
            sqlx::query("SELECT uid_validity, last_uid, baseline_at FROM cursors WHERE source = $1 AND mailbox = $2")
                .bind(source)
                .bind(mailbox)
                .fetch_optional(&self.read)
                .await?;
        let Some(row) = found else { return Ok(None) };
        let uid = |column: &str| -> Result<u32, Error> {
            u32::try_from(row.try_get::<i64, _>(column)?)
                .map_err(|error| Error::Corrupt { what: format!("{column} of {source}"), why: error.to_string() })
        };
        Ok(Some(Cursor {
            uid_validity: uid("uid_validity")?,
            last_uid: uid("last_uid")?,
            baseline_at: row.try_get("baseline_at")?,
        }))
    }

    /// Writes the cursor. The baseline of the first write stays for ever.
    pub async fn keep_cursor(&self, source: &str, mailbox: &str, cursor: Cursor, now: i64) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "INSERT INTO cursors (source, mailbox, uid_validity, last_uid, baseline_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (source, mailbox) DO UPDATE SET \
             uid_validity = excluded.uid_validity, last_uid = excluded.last_uid, updated_at = excluded.updated_at",
        )
        .bind(source)
        .bind(mailbox)
        .bind(i64::from(cursor.uid_validity))
        .bind(i64::from(cursor.last_uid))
        .bind(cursor.baseline_at)
        .bind(now)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_baseline_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open("sqlite:t.db", folder.path(), 1).await.unwrap();
        assert_eq!(store.cursor("imap:a", "INBOX").await.unwrap(), None);
        let first = Cursor { uid_validity: u32::MAX, last_uid: 0, baseline_at: 1000 };
        store.keep_cursor("imap:a", "INBOX", first, 1).await.unwrap();
        assert_eq!(store.cursor("imap:a", "INBOX").await.unwrap(), Some(first));
        let later = Cursor { uid_validity: 7, last_uid: 42, baseline_at: 2000 };
        store.keep_cursor("imap:a", "INBOX", later, 2).await.unwrap();
        let kept = Cursor { baseline_at: 1000, ..later };
        assert_eq!(store.cursor("imap:a", "INBOX").await.unwrap(), Some(kept));
        assert_eq!(store.cursor("imap:a", "Other").await.unwrap(), None);
        store.close().await;
    }
}
