//! `deskclerk hooks sign|send|check|log|replay`: tries a webhook source out from the shell, and looks after its deliveries.
//!
//! A secret is read from its file and only signs; it is never printed, but for the schemes whose header is the secret itself.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request};
use clap::Subcommand;
use serde_json::{Value, json};

use super::output::{self, Format};
use super::{End, config};
use crate::config::settings::{Config, Hook};
use crate::desk::fetch::Guard;
use crate::desk::post::{self, Believed, Post};
use crate::desk::problem::Problem;
use crate::desk::{Desk, hooks, sources};
use crate::intake::partners::{self, Partner};
use crate::intake::rehearsal;
use crate::intake::signature;
use crate::intake::signature::sign::Unsigned;
use crate::request::{hook, mail};
use crate::store::Store;
use crate::store::submissions::Kind;

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(60);
/// Bytes of an answer.
const MOST: usize = 16 << 20;

/// `deskclerk hooks …`
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the headers that a sender of this body would write, one a line (`curl -H @FILE`)
    Sign(Signed),
    /// Post a body, signed, to the running desk
    Send {
        /// What is posted
        #[command(flatten)]
        post: Signed,
        /// Only ask what would become of it; nothing is stored
        #[arg(long)]
        test: bool,
        /// Where the desk is, instead of desk.public_url
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
    /// Tell what would become of a body, without a running desk: signature, mapped fields, triage; stores nothing
    Check {
        /// What was posted
        #[command(flatten)]
        post: Chosen,
        /// A file of the headers that came with it, one `Name: value` a line; without it the signature is not judged
        #[arg(long, value_name = "FILE")]
        headers: Option<PathBuf>,
        /// The URL that it was posted to, where the signature covers it, instead of that under desk.public_url
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        /// How to print it
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// List what a source posted of late, and how it was answered
    Log {
        /// Whose
        #[command(flatten)]
        source: Source,
        /// At most so many, the newest first
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
        /// How to print them
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Take deliveries in again that were refused, or went to no ticket
    Replay {
        /// Whose
        #[command(flatten)]
        source: Source,
        /// Ids, as `hooks log` shows them
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
}

/// Which source.
#[derive(Debug, clap::Args)]
pub struct Source {
    /// The source's name, as [[hook]] has it
    #[arg(value_name = "SOURCE")]
    name: String,
    /// The settings file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Which body of which source.
#[derive(Debug, clap::Args)]
pub struct Chosen {
    #[command(flatten)]
    source: Source,
    /// The body, or - for standard input
    #[arg(value_name = "BODY")]
    body: PathBuf,
    /// Its media type
    #[arg(long, default_value = "application/json", value_name = "TYPE")]
    content_type: String,
}

/// Which body is signed, and how.
#[derive(Debug, clap::Args)]
pub struct Signed {
    #[command(flatten)]
    chosen: Chosen,
    /// The delivery's id; without it a new one
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// The time stamp, unix seconds; without it now
    #[arg(long, value_name = "SECONDS")]
    at: Option<i64>,
}

/// Runs the command.
pub fn run(command: &Command) -> Result<End> {
    let source = match command {
        Command::Sign(post) | Command::Send { post, .. } => &post.chosen.source,
        Command::Check { post, .. } => &post.source,
        Command::Log { source, .. } | Command::Replay { source, .. } => source,
    };
    let Some(settings) = config::load(&source.config)? else { return Ok(End::Unusable) };
    let Some(hook) = settings.hook.iter().find(|hook| hook.name == source.name).cloned() else {
        let known: Vec<&str> = settings.hook.iter().map(|hook| hook.name.as_str()).collect();
        output::complain(&format!("there is no [[hook]] `{}`; known are {}", source.name, known.join(", ")));
        return Ok(End::Unusable);
    };
    match command {
        Command::Sign(post) => {
            let Some((headers, _)) = sign(post, &hook, &settings)? else { return Ok(End::Unusable) };
            for (name, value) in headers {
                writeln!(io::stdout(), "{name}: {value}")?;
            }
            Ok(End::Ok)
        }
        Command::Send { post, test, url } => {
            let Some((headers, body)) = sign(post, &hook, &settings)? else { return Ok(End::Unusable) };
            let base = url.as_deref().unwrap_or(&settings.desk.public_url).trim_end_matches('/');
            let url = format!("{base}/v1/hooks/{}{}", hook.name, if *test { "/test" } else { "" });
            super::runtime()?.block_on(send(&url, headers, body))
        }
        Command::Check { post, headers, url, format } => {
            let told = check(post, headers.as_deref(), url.as_deref(), &hook, &settings)?;
            let Some(told) = told else { return Ok(End::Unusable) };
            show(&told, *format)?;
            Ok(if told["would"] == "refused" { End::Faults } else { End::Ok })
        }
        Command::Log { limit, format, .. } => super::runtime()?.block_on(log(&settings, &hook, *limit, *format)),
        Command::Replay { ids, .. } => super::runtime()?.block_on(replay(settings, &hook, ids)),
    }
}

/// The source's secrets; `None` when they cannot be used, which has been said then.
fn partner(hook: &Hook, settings: &Config) -> Option<Partner> {
    partners::partner(hook, settings).map_err(|fault| output::complain(&fault.to_string())).ok()
}

type Written = (Vec<(String, String)>, Vec<u8>);

fn sign(post: &Signed, hook: &Hook, settings: &Config) -> Result<Option<Written>> {
    let Some(partner) = partner(hook, settings) else { return Ok(None) };
    let body = read(&post.chosen.body)?;
    let id = post.id.clone().unwrap_or_else(|| format!("msg_{}", uuid::Uuid::now_v7().simple()));
    let url = format!("{}/v1/hooks/{}", settings.desk.public_url, hook.name);
    let at = post.at.unwrap_or_else(|| super::now() / 1000);
    let unsigned = Unsigned { url: &url, content_type: &post.chosen.content_type, body: &body, id: &id, at };
    match partner.verifier.sign(&unsigned) {
        Ok(headers) => Ok(Some((headers, body))),
        Err(why) => {
            output::complain(&why);
            Ok(None)
        }
    }
}

async fn send(url: &str, headers: Vec<(String, String)>, body: Vec<u8>) -> Result<End> {
    let mut request = Request::post("/");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    // The operator names the address himself: his own networks are no trap.
    let guard = Guard::new(&["0.0.0.0/0".into(), "::/0".into()]);
    let answer = guard.send(url, request.body(body)?, MOST, WITHIN).await;
    let answer = answer.map_err(|failure| anyhow!("{url}: {failure}; check that the desk runs, and --url"))?;
    let text = String::from_utf8_lossy(&answer.body);
    let shown = serde_json::from_slice::<Value>(&answer.body)
        .map_or_else(|_| output::inert(&text), |value| format!("{value:#}"));
    writeln!(io::stdout(), "{}\n{shown}", answer.status)?;
    Ok(if answer.status.is_success() { End::Ok } else { End::Faults })
}

fn check(
    chosen: &Chosen,
    headers: Option<&Path>,
    url: Option<&str>,
    hook: &Hook,
    settings: &Config,
) -> Result<Option<Value>> {
    let rules = match sources::rules(&settings.rules.dir) {
        Ok(rules) => rules,
        Err(faults) => {
            output::complain_of(&faults);
            return Ok(None);
        }
    };
    let source = match hooks::source(hook, &rules) {
        Ok(source) => source,
        Err(faults) => {
            faults.iter().for_each(|(key, why, remedy)| output::complain(&format!("{key}: {why}; {remedy}")));
            return Ok(None);
        }
    };
    let raw = read(&chosen.body)?;
    let given = headers.map(headers_of).transpose()?;
    let mut told = json!({ "source": hooks::door(&hook.name), "preset": hooks::preset_name(hook) });
    let mut id = None;
    if let Some(headers) = &given {
        let Some(partner) = partner(hook, settings) else { return Ok(None) };
        let own = format!("{}/v1/hooks/{}", settings.desk.public_url, hook.name);
        let peer = std::net::Ipv4Addr::LOCALHOST.into();
        let post = signature::Post { headers, body: &raw, url: url.unwrap_or(&own), peer };
        let diagnosis = partner.verifier.diagnose(&post, super::now() / 1000);
        id.clone_from(&diagnosis.id);
        told["signature"] = json!(diagnosis);
    }
    let stated = given.as_ref().and_then(|headers| headers.get("content-type")?.to_str().ok());
    let content_type = stated.unwrap_or(&chosen.content_type);
    let believed = Believed { door: &hooks::door(&hook.name), content_type, raw, id, at: super::now() };
    let (would, status) = match post::read(&source, believed) {
        Ok(Post::Request(new)) => {
            told["key"] = json!(new.source_key);
            let setting = sources::setting(settings, &rules, vec![]);
            let request = match new.kind {
                Kind::Mail => mail::read(&new.raw, &setting).map_err(|refusal| refusal.reason),
                Kind::Hook => source
                    .open(content_type, &new.raw)
                    .map_err(|closed| format!("{closed:?}"))
                    .and_then(|opened| hook::read(&opened, &source.map).map_err(|faults| hooks::list(&faults))),
            };
            match request {
                Ok(mut request) => {
                    request.source = Some(new.source);
                    told["mapped"] = rehearsal::mapped(&request);
                    // Campaigns out of the store or from elsewhere only the running desk knows.
                    match sources::directory(&settings.campaigns.file) {
                        Ok(directory) => {
                            let triage = crate::triage::triage(&request, &directory, &rules, None);
                            told["triage"] = rehearsal::judgement(&triage);
                        }
                        Err(faults) => output::complain_of(&faults),
                    }
                    if request.automated.is_some() { ("automated", 202) } else { ("ticket", 202) }
                }
                Err(because) => {
                    told["because"] = because.into();
                    ("quarantined", 202)
                }
            }
        }
        Ok(Post::Challenge(words)) => {
            told["echo"] = words.into();
            ("challenge", 200)
        }
        Ok(Post::Visit(_)) => ("confirmation", 200),
        Ok(Post::Ignored(because)) => {
            told["because"] = because.into();
            ("ignored", 200)
        }
        Err(problem) => {
            told["because"] = problem.to_string().into();
            let status = problem.status().as_u16();
            if let Problem::Invalid(places) = problem {
                told["errors"] = json!(places);
            }
            ("refused", status)
        }
    };
    let believed = told["signature"]["valid"] != false;
    told["would"] = if believed { would } else { "refused" }.into();
    told["status"] = if believed { status } else { 401 }.into();
    Ok(Some(told))
}

/// A body, from a file or standard input.
fn read(path: &Path) -> Result<Vec<u8>> {
    let mut body = vec![];
    match path.as_os_str() == "-" {
        true => drop(io::stdin().read_to_end(&mut body).context("cannot read standard input")?),
        false => body = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?,
    }
    Ok(body)
}

fn headers_of(path: &Path) -> Result<HeaderMap> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut headers = HeaderMap::new();
    for line in text.lines().map(str::trim).take_while(|line| !line.is_empty()) {
        let header = line.split_once(':').and_then(|(name, value)| {
            Some((name.trim().parse::<HeaderName>().ok()?, value.trim().parse::<HeaderValue>().ok()?))
        });
        let (name, value) =
            header.with_context(|| format!("{}: `{}` is no header", path.display(), output::inert(line)))?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// Prints what would become of a post.
fn show(told: &Value, format: Format) -> Result<()> {
    let mut out = io::stdout().lock();
    if let Format::Json = format {
        writeln!(out, "{told}")?;
        return Ok(());
    }
    let line = |value: &Value| output::inert(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    writeln!(out, "would be: {} ({})", line(&told["would"]), line(&told["status"]))?;
    for (name, value) in [("because", &told["because"]), ("key", &told["key"]), ("echo", &told["echo"])] {
        if !value.is_null() {
            writeln!(out, "{name}: {}", line(value))?;
        }
    }
    for error in told["errors"].as_array().into_iter().flatten() {
        writeln!(out, "  {}: {}", line(&error["pointer"]), line(&error["detail"]))?;
    }
    let signature = &told["signature"];
    if signature.is_object() {
        let word = if signature["valid"] == true { "fits" } else { "does not fit" };
        writeln!(out, "signature ({}): {word}", line(&signature["scheme"]))?;
        let doubts = [&signature["doubt"]].into_iter().filter(|doubt| !doubt.is_null());
        for text in doubts.chain(signature["hints"].as_array().into_iter().flatten()) {
            writeln!(out, "  {}", line(text))?;
        }
    }
    for (table, title) in [("mapped", "understood"), ("triage", "judged")] {
        if let Some(object) = told[table].as_object() {
            writeln!(out, "{title}:")?;
            for (name, value) in object.iter().filter(|(_, value)| !value.is_null()) {
                writeln!(out, "  {name}: {}", line(value))?;
            }
        }
    }
    Ok(())
}

async fn log(settings: &Config, hook: &Hook, limit: i64, format: Format) -> Result<End> {
    let url = sources::store_url(settings)?;
    let store = Store::open(&url, &settings.desk.data_dir, 1).await?;
    let found = store.deliveries(&hooks::door(&hook.name), limit, None).await;
    store.close().await;
    let mut out = io::BufWriter::new(io::stdout().lock());
    for delivery in found? {
        let at = jiff::Timestamp::from_millisecond(delivery.at).map(|time| time.to_string()).unwrap_or_default();
        if let Format::Json = format {
            let mut shown = json!(delivery);
            shown["at"] = at.into();
            writeln!(out, "{shown}")?;
            continue;
        }
        let outcome = delivery.outcome.map_or("taken in", |outcome| outcome.as_str());
        let answer = delivery.status.map_or_else(|| outcome.to_owned(), |status| format!("refused {status}"));
        write!(out, "{}  {at}  {answer:<12}", delivery.id)?;
        if let Some(ticket) = delivery.ticket {
            write!(out, "  #{ticket}")?;
        }
        for text in [&delivery.key, &delivery.because].into_iter().flatten() {
            write!(out, "  {}", output::inert(text))?;
        }
        writeln!(out)?;
    }
    out.flush()?;
    Ok(End::Ok)
}

async fn replay(settings: Config, hook: &Hook, ids: &[String]) -> Result<End> {
    let desk = Desk::open(settings).await?;
    let door = hooks::door(&hook.name);
    let mut end = End::Ok;
    for id in ids {
        match desk.redeliver(&door, id, super::ACTOR, super::now()).await {
            Ok(done) => writeln!(io::stdout(), "{}", done.submission)?,
            Err(problem) => {
                output::complain(&format!("{id}: {problem}"));
                if let Problem::Invalid(places) = &problem {
                    places.iter().for_each(|place| output::complain(&format!("  {}: {}", place.pointer, place.detail)));
                }
                end = End::Faults;
            }
        }
    }
    desk.store.close().await;
    Ok(end)
}
