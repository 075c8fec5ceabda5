//! What is checked of every campaign that comes in: its id, its name, and that no other has the id.
//!
//! A fault names the line and leaves the campaign out; ids that differ only by case are told and kept. A warning leaves
//! everything as it is.

use std::collections::HashMap;

use super::Campaign;
use super::contacts::usable;
use super::letter::invisible;
use super::load::Loaded;
use crate::config::fault::Fault;

/// The longest id, in characters.
const ID_CHARS: usize = 128;
/// The longest name, in characters.
const NAME_CHARS: usize = 300;
/// Faults listed one by one; what comes after is counted.
const FAULTS_LISTED: usize = 1_000;

/// A number in a spreadsheet's short form: `4.8213E4`, `4,8213E+04`.
fn rounded(id: &str) -> bool {
    let Some((number, exponent)) = id.split_once(['E', 'e']) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let Some((whole, fraction)) = number.split_once(['.', ',']) else { return false };
    whole.len() == 1 && digits(whole) && digits(fraction) && digits(exponent.trim_start_matches(['+', '-']))
}

/// An id with what is not seen in it written out.
fn seen(id: &str) -> String {
    let unseen = |c: char| c.is_control() || invisible(c);
    id.chars().map(|c| if unseen(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// What is checked of every row.
pub(super) struct Check<'a> {
    file: &'a str,
    /// What is counted.
    pub(super) place: &'static str,
    campaigns: Vec<Campaign>,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
    unlisted: usize,
    /// Lower-case id → its line and row.
    seen: HashMap<String, (usize, usize)>,
}

impl<'a> Check<'a> {
    pub(super) fn new(file: &'a str) -> Check<'a> {
        Check {
            file,
            place: "line",
            campaigns: vec![],
            faults: vec![],
            warnings: vec![],
            unlisted: 0,
            seen: HashMap::new(),
        }
    }

    pub(super) fn fault(&mut self, line: usize, message: String, remedy: &str) {
        if self.faults.len() >= FAULTS_LISTED {
            self.unlisted += 1;
            return;
        }
        self.faults.push(Fault { file: self.file.to_owned(), line, message, remedy: remedy.to_owned() });
    }

    /// Warns that no header of this file is one of a column that may be left out, since a slip in it would go unnoticed.
    pub(super) fn warn_of_columns(&mut self, missing: &[&str], found: &str) {
        for column in missing {
            let message = format!("the header names no column `{column}` (found: {found})");
            let remedy = "name it so; without it no sender is known to be on an account".to_owned();
            self.warnings.push(Fault { file: self.file.to_owned(), line: 1, message, remedy });
        }
    }

    pub(super) fn take(&mut self, line: usize, mut campaign: Campaign) {
        // A name that goes over lines, as a spreadsheet shows it, is one name.
        if campaign.name.contains(['\n', '\r']) {
            campaign.name = campaign.name.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        let (id, place) = (&campaign.id, self.place);
        if id.trim().is_empty() {
            return self.fault(line, "the campaign has no id".into(), "give it one or remove the row");
        }
        if id.chars().count() > ID_CHARS {
            let start: String = id.chars().take(20).collect();
            let message = format!("the id `{}…` is longer than {ID_CHARS} characters", start.escape_debug());
            return self.fault(line, message, "check the columns of this row");
        }
        if id.chars().any(|c| c.is_control() || invisible(c)) {
            let message = format!("the id `{}` has characters that are not seen", seen(id));
            return self.fault(line, message, "write the id anew: nobody can type what is not seen");
        }
        if !id.chars().any(char::is_alphanumeric) {
            let message = format!("the id `{id}` has neither letter nor digit");
            return self.fault(line, message, "give it one or remove the row");
        }
        if rounded(id) {
            let message = format!("the id `{id}` is a number that a spreadsheet has rounded");
            return self.fault(line, message, "format the column as text and export it again");
        }
        if campaign.name.trim().is_empty() {
            let message = format!("campaign `{id}` has no name");
            return self.fault(line, message, "give it a name: customers write names, not ids");
        }
        if campaign.name.chars().count() > NAME_CHARS {
            let message =
                format!("the name of `{id}` has {} characters, more than {NAME_CHARS}", campaign.name.chars().count());
            return self.fault(line, message, "shorten it; perhaps a quotation mark is missing");
        }
        for contact in campaign.contacts.iter().filter(|contact| !contact.trim().is_empty() && !usable(contact)) {
            let message =
                format!("the contact `{}` of `{id}` is no address and no domain: it stands for nobody", seen(contact));
            let remedy = "write it as ann@acme.example, or acme.example for all who write from there";
            if self.warnings.len() < FAULTS_LISTED {
                self.warnings.push(Fault { file: self.file.to_owned(), line, message, remedy: remedy.to_owned() });
            }
        }
        let key = id.to_lowercase();
        if let Some((first, row)) = self.seen.get(&key).copied() {
            if self.campaigns[row].id == *id {
                let message = format!("the id `{id}` stands in {place} {first} already");
                return self.fault(line, message, "keep one of the two rows");
            }
            let message =
                format!("the ids `{}` ({place} {first}) and `{id}` differ only by case", self.campaigns[row].id);
            self.fault(line, message, "rename one of them: customers do not write ids with care for case");
        } else {
            self.seen.insert(key, (line, self.campaigns.len()));
        }
        self.campaigns.push(campaign);
    }

    pub(super) fn done(mut self) -> Loaded {
        if self.unlisted > 0 {
            let message = format!("{} more faults", self.unlisted);
            self.faults.push(Fault {
                file: self.file.to_owned(),
                line: 0,
                message,
                remedy: "mend those listed first".into(),
            });
        }
        Loaded { campaigns: self.campaigns, faults: self.faults, warnings: self.warnings }
    }
}
