//! `deskclerk replies preview|check`: shows every automatic mail, and the page of a one-tap answer, for an invented ticket
//! in all its cases; proves the templates.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::output::{self, Format};
use super::{End, config};
use crate::campaigns::Named;
use crate::config::fault::Fault;
use crate::desk::{folder, sources};
use crate::reply::compose::{Facts, Kind, Words, compose};
use crate::reply::lint;
use crate::reply::page::{PAGE, PageState};
use crate::reply::templates::{self, Templates};
use crate::rules::{self, Rules};

/// `deskclerk replies …`
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the mails as customers read them
    Preview {
        /// Where the templates are
        #[command(flatten)]
        place: Place,
        /// Only this language, such as de
        #[arg(long)]
        lang: Option<String>,
        /// Only this kind, such as missing_id; tap is the page of a one-tap answer
        #[arg(long, value_parser = shown)]
        kind: Option<Shown>,
        /// As to a sender who is proven on the account: with campaign names and IDs
        #[arg(long)]
        proven: bool,
        /// The HTML instead of the text
        #[arg(long)]
        html: bool,
        /// How to print them
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Find unknown variables, languages, templates, names and questions that are missing, and files that nobody reads
    Check {
        /// Where the templates are
        #[command(flatten)]
        place: Place,
        /// The languages that must be there, such as de,en, instead of those of the shipped rules
        #[arg(long, value_name = "LANG", value_delimiter = ',')]
        lang: Vec<String>,
        /// How to print them
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
}

/// Whose templates.
#[derive(Debug, clap::Args)]
pub struct Place {
    /// A rules folder instead of the shipped rules
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// Take the rules folder from these settings
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What a preview shows.
#[derive(Debug, Clone, Copy)]
pub enum Shown {
    /// A mail.
    Mail(Kind),
    /// The page of a one-tap answer.
    Page,
}

fn shown(word: &str) -> Result<Shown, String> {
    let known = || Kind::ALL.map(Kind::as_str).join(", ");
    let page = (word == PAGE).then_some(Shown::Page);
    page.or_else(|| Kind::parse(word).map(Shown::Mail)).ok_or_else(|| format!("known kinds: {}, {PAGE}", known()))
}

/// Runs the command.
pub fn run(command: &Command) -> Result<End> {
    let (Command::Preview { place, .. } | Command::Check { place, .. }) = command;
    let settings = match &place.config {
        Some(file) => match config::load(file)? {
            Some(settings) => Some(settings),
            None => return Ok(End::Unusable),
        },
        None => None,
    };
    let named = place.rules.as_ref().or(settings.as_ref().map(|settings| &settings.rules.dir));
    let dir = named.cloned().unwrap_or_default();
    let checks = matches!(command, Command::Check { .. });
    let rules = match sources::rules(&dir) {
        Ok(rules) => rules,
        Err(mut faults) => {
            if checks {
                // The templates have faults of their own, whatever else cannot be read.
                let files = folder::read(&dir).unwrap_or_default();
                faults.extend(sources::placed(&dir, Templates::read(&rules::replies(&files)).1));
            }
            output::complain_of(&faults);
            return Ok(if checks { End::Faults } else { End::Unusable });
        }
    };
    let (templates, faults) = Templates::read(&rules.replies);
    if !checks && !faults.is_empty() {
        output::complain_of(&faults);
        return Ok(End::Unusable);
    }
    match command {
        Command::Check { lang, format, .. } => {
            let mut wanted: BTreeSet<String> = lang.iter().map(|tag| templates::primary(tag)).collect();
            if wanted.is_empty() {
                wanted = shipped_languages();
            }
            wanted.extend(settings.map(|settings| templates::primary(&settings.desk.language)));
            check(&dir, &templates, &rules, &wanted, faults, *format)
        }
        Command::Preview { lang, kind, proven, html, format, .. } => {
            let languages = match lang {
                Some(lang) if !templates.languages().contains(&lang.as_str()) => {
                    let known = templates.languages().join(", ");
                    output::complain(&format!("no templates in `{lang}`; there are: {known}"));
                    return Ok(End::Unusable);
                }
                Some(lang) => vec![lang.as_str()],
                None => templates.languages(),
            };
            let all = || Kind::ALL.map(Shown::Mail).into_iter().chain([Shown::Page]).collect();
            let kinds: Vec<Shown> = kind.map_or_else(all, |kind| vec![kind]);
            let details: Vec<&str> = rules.all_details().into_iter().collect();
            let mut out = io::BufWriter::new(io::stdout().lock());
            for language in languages {
                for kind in &kinds {
                    match cases(*kind, *proven, &details, &templates, language) {
                        Ok(cases) => print(*kind, &cases, *html, *format, &mut out)?,
                        Err(fault) => {
                            output::complain_of(&[fault]);
                            return Ok(End::Faults);
                        }
                    }
                }
            }
            out.flush()?;
            Ok(End::Ok)
        }
    }
}

/// All cases of a mail or page, each with a word for it.
fn cases(
    kind: Shown,
    proven: bool,
    details: &[&str],
    templates: &Templates,
    language: &str,
) -> Result<Vec<(String, Words)>, Fault> {
    match kind {
        Shown::Mail(kind) => {
            let cases = Facts::cases(kind, proven, details).into_iter();
            let worded = |(case, mut facts): (&str, Facts)| {
                // Of those who are not proven only contacts of an account get this one; strangers get none.
                facts.authenticated |= kind == Kind::UnknownId;
                Ok((case.to_owned(), compose(kind, &facts, templates, language)?))
            };
            cases.map(worded).collect()
        }
        Shown::Page => {
            let campaign = Named { id: "20417".into(), name: "Summer Sale 2025".into() };
            let states = PageState::ALL.into_iter().flat_map(|state| match state {
                PageState::Open | PageState::Done => vec![(state, Some(&campaign)), (state, None)],
                _ => vec![(state, None)],
            });
            let page = |(state, campaign): (PageState, Option<&Named>)| {
                let of = match (state, campaign) {
                    (PageState::Open | PageState::Done, None) => ", no campaign",
                    _ => "",
                };
                let page = templates.page(state, 1042, "Northwind Campaigns", campaign, language)?;
                Ok((format!("{}{of}", state.as_str()), page))
            };
            states.map(page).collect()
        }
    }
}

fn print(kind: Shown, cases: &[(String, Words)], html: bool, format: Format, out: &mut impl Write) -> Result<()> {
    let kind = match kind {
        Shown::Mail(kind) => kind.as_str(),
        Shown::Page => PAGE,
    };
    for (case, words) in cases {
        match format {
            Format::Json => {
                let mut shown = json!(words);
                shown["kind"] = json!(kind);
                shown["case"] = json!(case);
                writeln!(out, "{shown}")?;
            }
            // The same words would stand there as often as there are such kinds.
            Format::Text if words.template != kind => {
                let (language, template) = (&words.language, words.template);
                writeln!(
                    out,
                    "──── {language} {kind}: to a sender who is not proven on the account it goes out as {template}; \
                     --proven shows its own words\n"
                )?;
                return Ok(());
            }
            Format::Text => {
                let (template, body) = (words.template, if html { &words.html } else { &words.text });
                writeln!(out, "──── {} {template}: {case}\nSubject: {}\n\n{body}", words.language, words.subject)?;
            }
        }
    }
    Ok(())
}

/// The languages that the shipped rules answer in.
fn shipped_languages() -> BTreeSet<String> {
    let files = Rules::shipped_files();
    let languages = files.keys().filter_map(|path| path.strip_prefix("replies/")?.split_once('/'));
    languages.map(|(language, _)| language.to_owned()).collect()
}

/// `faults`: those of the templates themselves, told together with all else that is no good.
fn check(
    dir: &Path,
    templates: &Templates,
    rules: &Rules,
    languages: &BTreeSet<String>,
    mut faults: Vec<Fault>,
    format: Format,
) -> Result<End> {
    let unread = folder::unread(dir).into_iter().map(|fault| folder::within(dir, fault));
    let unread = unread.filter(|fault| fault.file.starts_with("replies/"));
    for fault in lint::lint(rules, templates, languages).into_iter().chain(unread) {
        let known = |known: &Fault| (&known.file, known.line) == (&fault.file, fault.line);
        if !faults.iter().any(known) {
            faults.push(fault);
        }
    }
    faults.sort();
    match format {
        Format::Json => {
            for fault in &faults {
                writeln!(io::stdout(), "{}", serde_json::to_string(fault)?)?;
            }
        }
        Format::Text => output::complain_of(&faults),
    }
    if !faults.is_empty() {
        return Ok(End::Faults);
    }
    if format == Format::Text {
        let languages = templates.languages().join(", ");
        writeln!(io::stdout(), "{} kinds of mail are complete in {languages}", Kind::ALL.len())?;
    }
    Ok(End::Ok)
}
