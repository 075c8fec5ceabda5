//! The campaign directory as the store keeps it: replaced whole, read whole.

use sqlx::{Row, query};

use super::{Error, Store, rows};
use crate::campaigns::Campaign;

const COLUMNS: &[&str] = &["id", "position", "name", "account", "contacts", "status", "aliases"];

impl Store {
    /// Puts these campaigns in the place of all that were there, in one transaction.
    pub async fn replace_campaigns(&self, campaigns: &[Campaign]) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        query("DELETE FROM campaigns").execute(&mut *transaction).await?;
        for (chunk, part) in campaigns.chunks(640).enumerate() {
            let row = |(index, campaign): (usize, &Campaign)| {
                vec![
                    campaign.id.as_str().into(),
                    ((chunk * 640 + index) as i64).into(),
                    campaign.name.as_str().into(),
                    campaign.account.as_str().into(),
                    rows::to_json(&campaign.contacts).into(),
                    campaign.status.clone().into(),
                    rows::to_json(&campaign.aliases).into(),
                ]
            };
            let values = part.iter().enumerate().map(row).collect();
            rows::insert(&mut transaction, "campaigns", COLUMNS, values, "").await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// All campaigns, in the order they were imported.
    pub async fn campaigns(&self) -> Result<Vec<Campaign>, Error> {
        let found = query("SELECT id, name, account, contacts, status, aliases FROM campaigns ORDER BY position")
            .fetch_all(&self.read)
            .await?;
        let mut campaigns = Vec::with_capacity(found.len());
        for row in &found {
            let id: String = row.try_get("id")?;
            let what = format!("campaign {id}");
            campaigns.push(Campaign {
                name: row.try_get("name")?,
                account: row.try_get("account")?,
                contacts: rows::from_json(row, "contacts", &what)?,
                status: row.try_get("status")?,
                aliases: rows::from_json(row, "aliases", &what)?,
                id,
            });
        }
        Ok(campaigns)
    }
}
