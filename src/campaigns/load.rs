//! The campaign directory from bytes: CSV with a header line. Faults name the line and the remedy.

use super::Campaign;
use crate::config::fault::Fault;

/// Reads a directory file. `name` names it in faults. The campaigns without fault are always given too.
pub fn parse(bytes: &[u8], name: &str) -> (Vec<Campaign>, Vec<Fault>) {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let mut campaigns = vec![];
    let mut faults = vec![];
    for (index, row) in reader.records().enumerate() {
        match row {
            Ok(row) if row.len() >= 4 => campaigns.push(Campaign {
                id: row[0].trim().to_owned(),
                name: row[1].trim().to_owned(),
                account: row[2].trim().to_owned(),
                contacts: row[3].split_whitespace().map(str::to_owned).collect(),
                ..Campaign::default()
            }),
            _ => faults.push(Fault {
                file: name.to_owned(),
                line: index + 2,
                message: "not a row of four columns".into(),
                remedy: "write campaign_id,name,account,contacts".into(),
            }),
        }
    }
    (campaigns, faults)
}
