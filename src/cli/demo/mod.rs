//! `deskclerk demo`: the whole journey on shipped mails and posts. No set-up, nothing outside loopback.
//!
//! It starts the real daemon in a temporary folder, feeds it through its own doors and tells what became of each
//! submission and why. With `--once` it ends after the story, and fails where a step did not end as `fixtures/demo/story.toml` says.

mod clients;
mod story;
mod telling;

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use tokio::signal::unix::{SignalKind, signal};

use super::End;
use crate::config::settings::Config;
use crate::daemon::{self, Daemon};
use crate::intake::signature::Secret;
use crate::request::Mailbox;
use crate::store::agents;
use crate::store::outbox::{Outgoing, Reason};
use crate::store::submissions::Submission;
use crate::ticket::Ticket;
use story::Step;

/// How long one submission may take to settle, and its reply to be written.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the sign-in link holds.
const LINK_MS: i64 = 8 * 60 * 60 * 1000;

/// Runs the demo.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// End after the story; exit code 0 only if every step ended as fixtures/demo/story.toml says
    #[arg(long)]
    once: bool,
    /// Work in this folder instead of a temporary one
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Where the console listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: std::net::SocketAddr,
}

/// What became of one step.
struct Ending {
    /// The outcome's name; `replayed` for a repeated post.
    outcome: String,
    submission: Option<Submission>,
    ticket: Option<Ticket>,
    question: Option<Outgoing>,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<End> {
    let folder = match &args.dir {
        Some(folder) => folder.clone(),
        None => {
            let made = tempfile::Builder::new().prefix("deskclerk-demo-").tempdir();
            made.context("cannot make a folder for the demo; name one with --dir")?.keep()
        }
    };
    if folder.join("data").exists() {
        bail!("{} holds an earlier demo; name an empty folder", folder.display());
    }
    let outgoing = folder.join("outgoing");
    std::fs::create_dir_all(&outgoing).with_context(|| format!("cannot create {}", outgoing.display()))?;
    let config = settings(&folder, args)?;
    let _logging = super::run::start_logging(&config.log)?;
    super::runtime()?.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let daemon = Daemon::start(config, daemon::metrics()?).await?;
        let mut out = io::stdout();
        telling::opening(&mut out, &daemon, &outgoing)?;
        let told = tokio::select! {
            told = tell(&daemon, &folder, &mut out) => told,
            _ = interrupt.recv() => Err(anyhow::anyhow!("interrupted")),
            _ = terminate.recv() => Err(anyhow::anyhow!("interrupted")),
        };
        if told.is_err() {
            daemon.stop().await;
            return Err(told.err().unwrap_or_else(|| anyhow::anyhow!("interrupted")));
        }
        let end = match told? {
            0 => End::Ok,
            wrong => {
                writeln!(out, "\n{wrong} of the steps did not end as fixtures/demo/story.toml says.")?;
                End::Faults
            }
        };
        if !args.once {
            telling::closing(&mut out, &daemon, &sign_in_link(&daemon).await?)?;
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                () = daemon.failed() => {}
            }
        }
        writeln!(out, "\nEnding. What it wrote stays in {}", folder.display())?;
        daemon.stop().await;
        Ok(end)
    })
}

/// Settings, directory and secrets of the demo's desk.
fn settings(folder: &Path, args: &Args) -> Result<Config> {
    std::fs::write(folder.join("campaigns.csv"), story::CAMPAIGNS)?;
    let secret = base64::engine::general_purpose::STANDARD.encode(rand::random::<[u8; 32]>());
    std::fs::write(folder.join("leadhub-secret"), format!("whsec_{secret}\n"))?;
    // The console's forms name their origin, so the port must be known before the daemon binds it.
    let listen = std::net::TcpListener::bind(args.listen)?.local_addr()?;
    let text = format!(
        r#"[desk]
address = "support@desk.example"
authserv_id = "mx.desk.example"
public_url = "http://{listen}"

[campaigns]
file = "campaigns.csv"

[http]
listen = "{listen}"

[lmtp]
listen = "127.0.0.1:0"

[smtp]
folder = "outgoing"

# No mail server stands before the demo; only one of its mails is marked as proven.
[replies]
require_dmarc = false

[[hook]]
name = "leadhub"
secret_files = ["leadhub-secret"]
[hook.map]
email = "contact.email"
name = "contact.name"
subject = "title"
text = "message"
campaign_id = "campaign.id"
help_topic = "topic"

[log]
level = "warn"
"#
    );
    let path = folder.join("deskclerk.toml");
    std::fs::write(&path, &text)?;
    match crate::config::parse(&text, &path.display().to_string(), folder) {
        Ok(config) => Ok(config),
        Err(faults) => bail!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

/// Feeds all steps and tells of each. Gives how many did not end as they should.
async fn tell(daemon: &Daemon, folder: &Path, out: &mut impl Write) -> Result<usize> {
    let secret = std::fs::read_to_string(folder.join("leadhub-secret"))?;
    let secret = Secret::parse(secret.trim()).map_err(anyhow::Error::msg)?;
    let mut endings: HashMap<String, Ending> = HashMap::new();
    let mut wrong = 0;
    for step in story::steps() {
        let content = match &step.answers {
            Some(earlier) => answered(step.content(), endings.get(earlier).and_then(|ending| ending.question.as_ref()))
                .with_context(|| format!("{} answers a question that never went out", step.file))?,
            None => step.content().to_owned(),
        };
        let mut ending = feed(daemon, &step, &content, &secret).await.with_context(|| step.file.clone())?;
        // A ticket's question of an earlier step was not asked by this one.
        let asked_before = |id: &str| {
            endings.values().filter_map(|earlier| earlier.question.as_ref()).any(|question| question.message_id == id)
        };
        ending.question = ending.question.filter(|question| !asked_before(&question.message_id));
        let faults = telling::faults(&step, &ending);
        telling::step(out, &step, &content, &ending, &faults)?;
        wrong += usize::from(!faults.is_empty());
        endings.insert(step.file.clone(), ending);
    }
    Ok(wrong)
}

/// The answer to a question: its placeholders filled with what the question's mail says.
fn answered(content: &str, question: Option<&Outgoing>) -> Option<String> {
    let question = question?;
    let reply_to = question.payload.reply_to.as_ref().unwrap_or(&question.payload.from);
    let filled = content
        .replace("{{question.reply_to}}", reply_to)
        .replace("{{question.message_id}}", &question.message_id)
        .replace("{{question.subject}}", &question.payload.subject);
    Some(filled)
}

/// Hands one step in at its door and waits until it has ended.
async fn feed(daemon: &Daemon, step: &Step, content: &str, secret: &Secret) -> Result<Ending> {
    let submission = match step.is_post() {
        false => {
            let to = daemon.lmtp.as_deref().context("the LMTP door is closed")?;
            let recipient = header(content, "To").unwrap_or_default();
            let sender =
                header(content, "From").filter(|from| from != "MAILER-DAEMON@mx.desk.example").unwrap_or_default();
            let answer = clients::deliver(to, &sender, &recipient, content).await?;
            answer.rsplit(' ').next().unwrap_or_default().to_owned()
        }
        true => {
            let id = step.same_as.as_ref().unwrap_or(&step.file).replace(['/', '.'], "-");
            let now = super::now() / 1000;
            let (status, body) = clients::post(daemon.http, "/v1/hooks/leadhub", &id, now, secret, content).await?;
            let answer: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
            let submission =
                answer["submission"].as_str().with_context(|| format!("answered {status}: {body}"))?.to_owned();
            if step.same_as.is_some() && status == 200 {
                return Ok(Ending { outcome: "replayed".into(), submission: None, ticket: None, question: None });
            }
            submission
        }
    };
    let submission = settled(daemon, &submission).await?;
    let ticket = match submission.ticket_id {
        Some(id) => daemon.desk.store.ticket(id).await?,
        None => None,
    };
    let question = match &ticket {
        Some(ticket) => {
            daemon.desk.store.outgoing_of(ticket.id).await?.into_iter().rfind(|mail| mail.reason == Reason::Question)
        }
        None => None,
    };
    let outcome = submission.outcome.map(|outcome| outcome.as_str().to_owned()).unwrap_or_default();
    Ok(Ending { outcome, submission: Some(submission), ticket, question })
}

async fn settled(daemon: &Daemon, id: &str) -> Result<Submission> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let submission = daemon.desk.store.submission(id).await?.with_context(|| format!("no submission {id}"))?;
        if submission.outcome.is_some() {
            return Ok(submission);
        }
        if tokio::time::Instant::now() > deadline {
            bail!("submission {id} is still not settled after {PATIENCE:?}");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The address in a header of a shipped mail.
fn header(mail: &str, name: &str) -> Option<String> {
    let line =
        mail.lines().take_while(|line| !line.is_empty()).find_map(|line| line.strip_prefix(&format!("{name}: ")))?;
    let address = line.rsplit_once('<').map_or(line, |(_, rest)| rest.trim_end_matches('>'));
    let mailbox = Mailbox { name: None, address: address.trim().to_owned() };
    Some(mailbox.address)
}

/// Makes the demo's agent and a link that signs in once.
async fn sign_in_link(daemon: &Daemon) -> Result<String> {
    let now = super::now();
    daemon.desk.store.put_agent("demo", "demo@desk.example", None, now).await?;
    let token = daemon.desk.store.issue_token("demo", agents::Kind::Link, now + LINK_MS, now).await?;
    Ok(format!("http://{}/desk/link?token={token}", daemon.http))
}
