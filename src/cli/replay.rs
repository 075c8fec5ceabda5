//! `deskclerk rules replay`: judges stored requests again and shows what would change. Writes nothing, anywhere.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};

use super::output::{self, Format};
use super::{End, config};
use crate::campaigns::Directory;
use crate::config::settings::Config;
use crate::desk::replay::{Changed, Replay};
use crate::desk::sources;
use crate::rules::Rules;
use crate::store::Store;

/// Tickets read together.
const TOGETHER: i64 = 200;

/// Judges stored requests again with edited rules.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The settings file: which store, which rules are in force
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Tickets that came in since: 30d, 12h, 8w
    #[arg(long, value_name = "AGE", default_value = "30d", value_parser = parse_age)]
    since: i64,
    /// The edited rules, held against those in force; without it those in force, against the verdicts that are stored
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// An age such as `30d` in milliseconds.
pub fn parse_age(text: &str) -> Result<i64, String> {
    const HOUR: i64 = 3_600_000;
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "h" => HOUR,
        "d" => 24 * HOUR,
        "w" => 7 * 24 * HOUR,
        _ => return Err("write hours, days or weeks: 12h, 30d, 8w".to_owned()),
    };
    let count: i64 = digits.parse().map_err(|_| "write a number and a unit: 12h, 30d, 8w".to_owned())?;
    count.checked_mul(unit).filter(|age| *age >= 0).ok_or_else(|| "that is longer than any desk's history".to_owned())
}

/// Runs the command.
pub fn run(args: &Args, out: &mut impl Write) -> Result<End> {
    let Some(settings) = config::load(&args.config)? else { return Ok(End::Unusable) };
    let Some(in_force) = compile(&settings.rules.dir) else { return Ok(End::Unusable) };
    let edited = match args.rules.as_deref().map(compile) {
        Some(None) => return Ok(End::Unusable),
        Some(Some(edited)) => Some(edited),
        None => None,
    };
    let (before, after) = match &edited {
        Some(edited) => (Some(&*in_force), edited),
        None => (None, &in_force),
    };
    let replay = super::runtime()?.block_on(judge(&settings, args.since, before, after))?;
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string(&replay)?)?,
        Format::Text => print(&replay, out)?,
    }
    Ok(End::Ok)
}

fn compile(folder: &Path) -> Option<Arc<Rules>> {
    sources::rules(folder).map_err(|faults| output::complain_of(&faults)).ok()
}

async fn judge(settings: &Config, since: i64, before: Option<&Rules>, after: &Rules) -> Result<Replay> {
    let store = Store::open_to_read(&sources::store_url(settings)?, &settings.desk.data_dir).await?;
    let directory = match settings.campaigns.source() {
        Some("file") => sources::directory(&settings.campaigns.file).map_err(|faults| {
            output::complain_of(&faults);
            anyhow::anyhow!("the campaign directory cannot be used")
        })?,
        // Of what comes from elsewhere the store keeps the last good copy.
        _ => Directory::build(store.campaigns().await?),
    };
    let mut replay = Replay::new(before, after);
    let progress = output::progress("judged");
    let (since, mut last) = (super::now().saturating_sub(since), 0);
    loop {
        let pasts = store.history(since, last, TOGETHER).await.context("cannot read the stored requests")?;
        let Some(past) = pasts.last() else { break };
        last = past.ticket.id;
        for past in &pasts {
            replay.add(past, &directory, before, after);
            progress.inc(1);
        }
    }
    progress.finish_and_clear();
    store.close().await;
    Ok(replay)
}

fn print(replay: &Replay, out: &mut impl Write) -> Result<()> {
    let before =
        replay.before.as_deref().map_or("the stored verdicts".to_owned(), |version| format!("rules {version}"));
    writeln!(out, "{} tickets: {before} against rules {}", replay.tickets, replay.after)?;
    writeln!(out, "\n{:<20} {:>7} {:>7} {:>7} {:>7}", "topic", "before", "after", "gained", "lost")?;
    for (topic, row) in &replay.topics {
        let gained = if row.gained > 0 { format!("+{}", row.gained) } else { String::new() };
        let lost = if row.lost > 0 { format!("-{}", row.lost) } else { String::new() };
        writeln!(out, "{topic:<20} {:>7} {:>7} {gained:>7} {lost:>7}", row.before, row.after)?;
    }
    for changed in &replay.changes {
        ticket(changed, out)?;
    }
    writeln!(out, "\n{} of {} tickets would change", replay.changes.len(), replay.tickets)?;
    if replay.corrected > 0 {
        let (before, after) = replay.agreed;
        writeln!(out, "of {} topics that agents chose, {before} came out so before, {after} do now", replay.corrected)?;
    }
    Ok(())
}

fn ticket(changed: &Changed, out: &mut impl Write) -> Result<()> {
    writeln!(out, "\n#{} {}", changed.ticket, output::inert(&changed.subject))?;
    for field in &changed.fields {
        let word = |text: &str| if text.is_empty() { "nothing".to_owned() } else { output::inert(text) };
        writeln!(out, "  {}: {} -> {}", field.field, word(&field.before), word(&field.after))?;
    }
    if let Some(topic) = &changed.agent {
        writeln!(out, "  an agent chose {topic}")?;
    }
    if changed.fields.iter().any(|field| field.field == "topic") {
        for because in &changed.because {
            writeln!(out, "  because of {}", output::inert(because))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<i64>) {
        assert_eq!(parse_age(text).ok(), expected, "{text}");
    }

    #[test]
    fn ages_are_numbers_with_units() {
        check("30d", Some(2_592_000_000));
        check(" 12h ", Some(43_200_000));
        check("2w", Some(1_209_600_000));
        check("30", None);
        check("d", None);
        check("-3d", None);
        check("999999999999999d", None);
        check("3 Tage", None);
    }
}
