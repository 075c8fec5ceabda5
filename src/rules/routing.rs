//! `routing.toml`: the words that raise priority, choose the team and set flags, in the language of the topics, and
//! their examples.

use super::example::Routed;
use super::sheet::{Sheet, Table, nearest};
use super::topic::{self, Signal};
use crate::config::fault::Fault;

/// The priorities, lowest first.
pub const PRIORITIES: [&str; 4] = ["low", "normal", "high", "urgent"];
/// Index of the one that a request has if nothing says otherwise.
pub const NORMAL: usize = 1;

/// One rule of `routing.toml`, as written.
#[derive(Debug, Clone)]
pub struct Rule {
    /// When it applies.
    pub signal: Signal,
    /// Only for these topics, with their lines; empty: all.
    pub topics: Vec<(String, usize)>,
    /// Index into [`PRIORITIES`]; the highest of all rules that apply holds.
    pub priority: Option<usize>,
    /// The team, with its line; the first rule that names one decides, before the topic's own.
    pub route: Option<(String, usize)>,
    /// Flags it sets.
    pub flags: Vec<String>,
}

/// Reads `routing.toml`: its rules and its examples. No file: no rules.
pub fn read(text: Option<&str>) -> (Vec<Rule>, Vec<Routed>, Vec<Fault>) {
    let (mut rules, mut examples) = (vec![], vec![]);
    let Some(text) = text else { return (rules, examples, vec![]) };
    let faults = Sheet::new("routing.toml", text).read(|sheet, mut root| {
        sheet.tables(&mut root, "rule", |sheet, table| {
            let topics = sheet.names(table, "topic");
            let priority = priority(sheet, table);
            let route = sheet.name(table, "route");
            let flags = sheet.names(table, "flags").into_iter().map(|(flag, _)| flag).collect();
            let signal = topic::signal(sheet, table, 1.0);
            rules.push(Rule { signal, topics, priority, route, flags });
        });
        sheet.tables(&mut root, "example", |sheet, table| examples.push(Routed::read(sheet, table)));
        sheet.finish(root);
    });
    (rules, examples, faults)
}

/// The key `priority`, as an index into [`PRIORITIES`].
pub fn priority(sheet: &mut Sheet<'_>, table: &mut Table<'_>) -> Option<usize> {
    let (word, line) = sheet.text(table, "priority")?;
    let found = PRIORITIES.iter().position(|priority| *priority == word);
    if found.is_none() {
        let remedy = match nearest(&word, &PRIORITIES) {
            Some(right) => format!("write \"{right}\""),
            None => format!("the priorities are {}", PRIORITIES.join(", ")),
        };
        sheet.fault(line, format!("there is no priority \"{word}\""), remedy);
    }
    found
}
