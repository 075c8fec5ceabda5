//! How the demo tells its story: what came in, what was found and why, what was asked, what agents got.

use std::io::{self, Write};
use std::path::Path;

use super::Ending;
use super::story::Step;
use crate::daemon::Daemon;
use crate::request::evidence::Evidence;
use crate::ticket::Ticket;

/// Says where things are.
pub fn opening(out: &mut impl Write, daemon: &Daemon, outgoing: &Path) -> io::Result<()> {
    writeln!(out, "Deskclerk is at its desk: SQLite in {}", daemon.desk.config.desk.data_dir.display())?;
    writeln!(out, "Doors: LMTP on {}, HTTP on {}", daemon.lmtp.as_deref().unwrap_or("-"), daemon.http)?;
    writeln!(out, "Campaigns: {}. Outgoing mail: {}", daemon.desk.directory().len(), outgoing.display())
}

/// Says how to look around.
pub fn closing(out: &mut impl Write, daemon: &Daemon, link: &str) -> io::Result<()> {
    writeln!(out, "\nThe console: http://{}/desk", daemon.http)?;
    writeln!(out, "Sign in, once, with: {link}")?;
    writeln!(out, "Ctrl-C ends the demo.")
}

/// Tells of one step.
pub fn step(out: &mut impl Write, step: &Step, content: &str, ending: &Ending, faults: &[String]) -> io::Result<()> {
    writeln!(out, "\n{}  {}", step.file, step.tells)?;
    match subject(content, step) {
        Some((from, subject)) => writeln!(out, "  in       {from}: {subject}")?,
        None => writeln!(out, "  in       a post to /v1/hooks/leadhub")?,
    }
    let because = ending.submission.as_ref().and_then(|submission| submission.because.as_deref());
    let because = because.map(|because| format!(" ({because})")).unwrap_or_default();
    writeln!(out, "  outcome  {}{because}", ending.outcome)?;
    if let Some(ticket) = &ending.ticket {
        found(out, ticket)?;
        if let Some(question) = &ending.question {
            writeln!(out, "  asked    {} \"{}\"", question.recipient, question.payload.subject)?;
            let words = question.payload.text.lines().map(str::trim).filter(|line| !line.is_empty());
            for line in words {
                writeln!(out, "           | {line}")?;
            }
        }
        writeln!(
            out,
            "  agents   ticket {}, {}, {} for {}",
            ticket.id,
            ticket.status.as_str(),
            ticket.priority,
            ticket.route
        )?;
    }
    for fault in faults {
        writeln!(out, "  WRONG    {fault}")?;
    }
    Ok(())
}

fn found(out: &mut impl Write, ticket: &Ticket) -> io::Result<()> {
    let campaign = &ticket.triage.campaign;
    let id = campaign.id.as_deref().map(|id| format!(" {id}")).unwrap_or_default();
    writeln!(out, "  campaign {}{id}{}", name(&campaign.status), why(&campaign.evidence))?;
    for candidate in &campaign.candidates {
        writeln!(out, "           may be {} {}", candidate.id, candidate.name)?;
    }
    writeln!(out, "  topic    {}{}", ticket.topic, why(&ticket.triage.topic.evidence))?;
    if !ticket.missing.is_empty() {
        writeln!(out, "  missing  {}", ticket.missing.join(", "))?;
    }
    Ok(())
}

/// The strongest words behind a verdict.
fn why(evidence: &[Evidence]) -> String {
    let mut strongest: Vec<&Evidence> = evidence.iter().filter(|found| found.weight > 0.0).collect();
    strongest.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    let mut words: Vec<String> = vec![];
    for found in strongest {
        let text = found.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let told = format!("\"{text}\" in {}", name(&found.place));
        if !words.contains(&told) && words.len() < 3 {
            words.push(told);
        }
    }
    if words.is_empty() { String::new() } else { format!(", because of {}", words.join(", ")) }
}

fn name(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

/// From and subject of a mail, as its reader decodes them.
fn subject(content: &str, step: &Step) -> Option<(String, String)> {
    if step.is_post() {
        return None;
    }
    let mail = mail_parser::MessageParser::default().parse_headers(content.as_bytes())?;
    let from = mail.from()?.first()?.address()?.to_owned();
    Some((from, mail.subject().unwrap_or_default().to_owned()))
}

/// Where a step did not end as `story.toml` says.
pub fn faults(step: &Step, ending: &Ending) -> Vec<String> {
    let mut faults = vec![];
    let mut check = |what: &str, expected: &str, got: &str| {
        if expected != got {
            faults.push(format!("{what}: expected {expected:?}, got {got:?}"));
        }
    };
    check("outcome", &step.outcome, &ending.outcome);
    let asked = ending.question.as_ref().map(|question| question.payload.template.as_deref().unwrap_or("?"));
    check("asked", step.asked.as_deref().unwrap_or_default(), asked.unwrap_or_default());
    let Some(expected_status) = &step.status else {
        if let Some(ticket) = &ending.ticket
            && step.outcome != "duplicate"
        {
            check("ticket", "none", &ticket.id.to_string());
        }
        return faults;
    };
    let Some(ticket) = &ending.ticket else {
        check("ticket", "one", "none");
        return faults;
    };
    let campaign = &ticket.triage.campaign;
    check("status", expected_status, ticket.status.as_str());
    check("campaign", step.campaign.as_deref().unwrap_or_default(), &name(&campaign.status));
    check("id", step.id.as_deref().unwrap_or_default(), campaign.id.as_deref().unwrap_or_default());
    let mut candidates: Vec<&str> = campaign.candidates.iter().map(|candidate| candidate.id.as_str()).collect();
    candidates.sort_unstable();
    if campaign.status != crate::campaigns::Status::Confirmed {
        check("candidates", &step.candidates.join(" "), &candidates.join(" "));
    }
    check("topic", step.topic.as_deref().unwrap_or_default(), &ticket.topic);
    check("missing", &step.missing.join(" "), &ticket.missing.join(" "));
    if let Some(requester) = &step.requester {
        check("requester", requester, &ticket.requester_address);
    }
    faults
}
