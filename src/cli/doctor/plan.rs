//! What `run` would do with these settings: what it would read, judge by and answer.

use super::Findings;
use crate::config::settings::{Config, Mode};
use crate::desk::sources;
use crate::store::Store;

/// Tells it.
pub(super) async fn tell(settings: &Config, store: Option<&Store>, findings: &mut Findings) {
    for imap in &settings.imap {
        for (_, folder) in imap.doors() {
            findings.plan("reads", format!("{folder} of {} at {}:{}", imap.user, imap.host, imap.port));
        }
    }
    if !settings.lmtp.listen.is_empty() {
        findings.plan("reads", format!("what your MTA delivers by LMTP at {}", settings.lmtp.listen));
    }
    for hook in &settings.hook {
        findings.plan("reads", format!("posts to {}/v1/hooks/{}", settings.desk.public_url, hook.name));
    }
    findings.plan("reads", format!("the form at {}/submit", settings.desk.public_url));
    if settings.imap.is_empty() && settings.lmtp.listen.is_empty() {
        findings.think("reads", "no mail comes in", "set [[imap]] or lmtp.listen, where mail is wanted");
    }
    judged_by(settings, store, findings).await;
    answered(settings, findings);
    let retention = &settings.retention;
    for (days, what) in [
        (retention.raw_days, "originals and attachments"),
        (retention.closed_days, "tickets that are done"),
        (retention.quarantine_days, "what is in quarantine"),
    ] {
        if days > 0 {
            findings.plan("keeps", format!("{what} for {days} days"));
        }
    }
}

async fn judged_by(settings: &Config, store: Option<&Store>, findings: &mut Findings) {
    if let Ok(rules) = sources::rules(&settings.rules.dir) {
        let place = match settings.rules.dir.as_os_str().is_empty() {
            true => "as shipped".to_owned(),
            false => format!("of {}", settings.rules.dir.display()),
        };
        findings.plan("judges by", format!("rules {place}, version {}", rules.version));
    }
    let campaigns = match (settings.campaigns.source(), store) {
        (Some("file"), _) => sources::directory(&settings.campaigns.file).map_or(0, |directory| directory.len()),
        (_, Some(store)) => store.campaigns().await.map_or(0, |campaigns| campaigns.len()),
        (_, None) => 0,
    };
    match (settings.campaigns.source(), campaigns) {
        (None, 0) => findings.think(
            "judges by",
            "no campaign is known: every Campaign ID is unknown",
            "deskclerk campaigns import, or set [campaigns]",
        ),
        (source, campaigns) => {
            let from = source.map_or("the store".to_owned(), |key| format!("campaigns.{key}"));
            findings.plan("judges by", format!("{campaigns} campaigns from {from}"));
        }
    }
}

fn answered(settings: &Config, findings: &mut Findings) {
    let about = "answers";
    let replies = &settings.replies;
    let way = match (settings.smtp.host.as_str(), settings.smtp.folder.as_os_str().is_empty()) {
        (_, false) => format!("written into {}", settings.smtp.folder.display()),
        ("", true) => "left in the outbox".to_owned(),
        (host, true) => format!("sent by {host}:{}", settings.smtp.port),
    };
    match replies.mode {
        Mode::Send => findings.plan(about, format!("questions are {way} as {}", settings.desk.address)),
        Mode::Draft => findings.plan(about, "questions are drafts that agents send from the console"),
        Mode::Shadow => findings.plan(about, "nothing: questions are only noted on the ticket (replies.mode)"),
    }
    match (settings.requires_dmarc(), settings.desk.proves_senders()) {
        (true, _) => findings.plan(about, "only mail with a DMARC pass"),
        (false, true) => {
            findings.plan(about, "unproven mail, too, once, with one neutral question (replies.require_dmarc)")
        }
        (false, false) => findings.think(
            about,
            "nobody's address is proven: everybody is asked one neutral question at most",
            "set desk.authserv_id to your MTA's, or desk.verify_senders",
        ),
    }
    let (day, hour) = (replies.per_address_per_day, replies.per_desk_per_hour);
    findings.plan(about, format!("at most {day} mails a day to one address, {hour} an hour in all"));
}
