//! `deskclerk replies preview|check`: shows every automatic mail for an invented ticket, and proves the templates.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::output::{self, Format};
use super::{End, config};
use crate::desk::sources;
use crate::reply::compose::{Facts, Kind, compose};
use crate::reply::templates::Templates;
use crate::request::Request;
use crate::rules::Rules;
use crate::triage::DESCRIPTION;

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
        /// Only this kind, such as missing_id
        #[arg(long, value_parser = kind)]
        kind: Option<Kind>,
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
    /// Find unknown variables, and languages that lack a template or the question for a detail
    Check {
        /// Where the templates are
        #[command(flatten)]
        place: Place,
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

fn kind(word: &str) -> Result<Kind, String> {
    let known = || Kind::ALL.map(Kind::as_str).join(", ");
    Kind::parse(word).ok_or_else(|| format!("known kinds: {}", known()))
}

/// Runs the command.
pub fn run(command: &Command) -> Result<End> {
    let (Command::Preview { place, .. } | Command::Check { place }) = command;
    let dir = match (&place.rules, &place.config) {
        (Some(dir), _) => dir.clone(),
        (None, Some(file)) => match config::load(file)? {
            Some(settings) => settings.rules.dir,
            None => return Ok(End::Unusable),
        },
        (None, None) => PathBuf::new(),
    };
    let compiled = sources::rules(&dir).and_then(|rules| Ok((Templates::compile(&rules.replies)?, rules)));
    let (templates, rules) = match compiled {
        Ok(compiled) => compiled,
        Err(faults) => {
            output::complain_of(&faults);
            return Ok(if matches!(command, Command::Check { .. }) { End::Faults } else { End::Unusable });
        }
    };
    match command {
        Command::Check { .. } => check(&templates, &rules),
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
            let kinds = kind.map_or(Kind::ALL.to_vec(), |kind| vec![kind]);
            preview(&templates, &languages, &kinds, *proven, *html, *format)
        }
    }
}

fn preview(
    templates: &Templates,
    languages: &[&str],
    kinds: &[Kind],
    proven: bool,
    html: bool,
    format: Format,
) -> Result<End> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for language in languages {
        for kind in kinds {
            let words = match compose(*kind, &Facts::sample(*kind, proven), templates, language) {
                Ok(words) => words,
                Err(fault) => {
                    output::complain_of(&[fault]);
                    return Ok(End::Faults);
                }
            };
            match format {
                Format::Json => writeln!(out, "{}", json!(words))?,
                Format::Text => {
                    let (template, body) = (words.template, if html { &words.html } else { &words.text });
                    writeln!(out, "──── {} {template}\nSubject: {}\n\n{body}", words.language, words.subject)?;
                }
            }
        }
    }
    out.flush()?;
    Ok(End::Ok)
}

fn check(templates: &Templates, rules: &Rules) -> Result<End> {
    let mut lacking: Vec<String> = templates
        .gaps()
        .into_iter()
        .map(|path| format!("replies/{path} is missing; add it, or English stands in"))
        .collect();
    for (topic, _) in rules.topics() {
        for detail in rules
            .details_of(topic, &rules.find(&Request::default(), &[]))
            .iter()
            .filter(|detail| detail.id != DESCRIPTION)
        {
            for language in templates.languages().iter().filter(|language| !templates.asks_for(language, &detail.id)) {
                let id = &detail.id;
                lacking.push(format!(
                    "replies/{language}/words.toml: [details] has no `{id}`; add the question, or it is never asked"
                ));
            }
        }
    }
    if templates.languages().is_empty() {
        lacking.push("there are no reply templates; add the folder replies/ with a folder for each language".into());
    }
    lacking.sort();
    lacking.dedup();
    for lack in &lacking {
        output::complain(lack);
    }
    if !lacking.is_empty() {
        return Ok(End::Faults);
    }
    let languages = templates.languages().join(", ");
    writeln!(io::stdout(), "{} kinds of mail are complete in {languages}", Kind::ALL.len())?;
    Ok(End::Ok)
}
