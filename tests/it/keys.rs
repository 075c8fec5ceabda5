//! The keys of reply tokens as an operator changes them: in the file, with restarts between; and a question that an operator
//! sends once more.

use std::fs;
use std::path::Path;

use deskclerk::config::{self, settings::Config};
use deskclerk::desk::{Desk, unix_ms};
use deskclerk::reply::token::Keys;
use deskclerk::store::outbox::Outgoing;
use deskclerk::ticket::{Status, Ticket};

use crate::harness::{mail, take_in};

const QUESTION: &str =
    "The report of my campaign has shown no clicks since Monday although we had visitors. Can you check?";

async fn opened(folder: &Path, keys: Option<&str>) -> std::sync::Arc<Desk> {
    fs::write(folder.join("campaigns.csv"), "campaign_id,name,account,contacts\n20417,Gift Drive,A,customer.example\n")
        .unwrap();
    let mut config: Config = config::parse("", "keys", folder).unwrap();
    config.desk.address = "support@desk.example".into();
    config.desk.data_dir = folder.to_path_buf();
    config.campaigns.file = folder.join("campaigns.csv");
    config.store.url = "sqlite:desk.db".into();
    config.replies.require_dmarc = false;
    if let Some(keys) = keys {
        config.replies.token_key_file = folder.join("keys");
        fs::write(folder.join("keys"), keys).unwrap();
    }
    Desk::open(config).await.unwrap()
}

async fn asked(desk: &Desk) -> Outgoing {
    desk.store.claim_outbox(unix_ms(), 1_000, 10).await.unwrap().pop().expect("a question")
}

async fn ticket(desk: &Desk, id: i64) -> Ticket {
    desk.store.ticket(id).await.unwrap().unwrap()
}

fn from(who: usize, to: &str, id: &str, text: &str) -> String {
    mail(&format!("ann{who}@customer.example"), to, id, "Report", text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_in_front_signs_and_the_old_one_is_believed_until_it_is_taken_out() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = ("a".repeat(64), "b".repeat(64));
    let mut answers = vec![];
    for (nth, (keys, joins)) in
        [(format!("{old}\n"), true), (format!("{new}\n{old}\n"), true), (format!("{new}\n"), false)]
            .into_iter()
            .enumerate()
    {
        let desk = opened(folder.path(), Some(&keys)).await;
        take_in(&desk, from(nth, "support@desk.example", &format!("{nth}@c.example"), QUESTION)).await;
        let question = asked(&desk).await;
        desk.store.outbox_sent(std::slice::from_ref(&question), unix_ms()).await.unwrap();
        answers.push((question.ticket_id, question.payload.reply_to.clone().unwrap()));
        // The key in front signs.
        let signed = Keys::new(vec![keys.lines().next().unwrap().into()]);
        let token = signed.sign(question.ticket_id, &format!("ann{nth}@customer.example"));
        assert!(answers[nth].1.contains(&token));
        // The answer to the first mail, under the key of then.
        let (first, reply_to) = &answers[0];
        let before = ticket(&desk, *first).await.version;
        take_in(&desk, from(0, reply_to, &format!("answer-{nth}@c.example"), &format!("It is 20417 ({nth})"))).await;
        assert_eq!(ticket(&desk, *first).await.version > before, joins, "with keys {nth}");
        desk.store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_sent_once_more_is_waited_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let desk = opened(folder.path(), None).await;
    take_in(&desk, from(1, "support@desk.example", "1@c.example", QUESTION)).await;
    let question = asked(&desk).await;
    assert_eq!(ticket(&desk, question.ticket_id).await.status, Status::Waiting);
    desk.bury(&question, "550 no", unix_ms()).await.unwrap();
    let dead = ticket(&desk, question.ticket_id).await;
    assert_eq!((dead.status, dead.chase_at), (Status::Ready, None));
    assert!(["undelivered", "incomplete"].iter().all(|flag| dead.flags.iter().any(|own| own == flag)), "{dead:?}");
    drop(desk.retry_outgoing(&question.id, "operator", unix_ms() + 1_000).await.unwrap());
    let again = ticket(&desk, question.ticket_id).await;
    assert_eq!((again.status, again.flags.as_slice()), (Status::Waiting, [].as_slice()));
    assert!(again.chase_at.is_some() && again.asked == ["campaign_id"], "{again:?}");
    desk.store.close().await;
}
