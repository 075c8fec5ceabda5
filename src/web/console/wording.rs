//! The words of tickets as people read them: flags, statuses, details, and what happened.
//!
//! What the desk's own rules add stands there as it is called, with spaces. No word of a customer comes by here but a
//! campaign's or a topic's name, and those only as they are.

use serde_json::Value;

/// What a word of ours is called, and what it means where that is not plain.
const WORDS: &[(&str, &str, &str)] = &[
    // Flags.
    (
        "similar_names",
        "similar names",
        "The name fits several campaigns, or one that others are much like: make sure which is meant",
    ),
    (
        "other_account",
        "another account's campaign",
        "The sender is no contact of the account that the stated campaign belongs to",
    ),
    (
        "look_alike_id",
        "ID with look-alikes",
        "The ID was read with a letter for a figure that looks like it, or the other way round",
    ),
    ("doubted_id", "ID in doubt", "The customer stated the Campaign ID and was not sure of it"),
    ("settled", "Settled", "The customer says that the matter is settled"),
    ("no_campaign", "about no campaign", "The customer was asked for the campaign, and says that it is about none"),
    (
        "all_campaigns",
        "about all campaigns",
        "The customer was asked for the campaign, and says that it is about all of them",
    ),
    ("incomplete", "incomplete", "Something is missing, and the desk does not ask for it any more"),
    ("unanswered", "question unanswered", "The customer has not answered our question in time"),
    ("undelivered", "question not delivered", "Our question could not be delivered"),
    ("question_dropped", "question taken back", "The question was taken back before it was sent"),
    ("answered_elsewhere", "answered on another ticket", "Another ticket seems to be the answer to our question"),
    (
        "same_matter",
        "same as another ticket",
        "The requester has another ticket about the same thing, which this one may be merged into",
    ),
    ("merged", "merged", "Its messages stand on the other ticket"),
    (
        "unproven_merged",
        "merged, partly unproven",
        "A ticket whose sender is not proven was merged with it: anybody may have written what that one states",
    ),
    ("linked", "perhaps part of another", "It names another ticket, and its sender is not proven to take part in that"),
    ("bounced", "mail came back", "A mail of ours to the requester came back"),
    ("reused_message_id", "Message-ID used twice", "Another message has the same Message-ID and other words"),
    // The campaign.
    ("multiple", "several campaigns", ""),
    ("unknown_id", "unknown ID", ""),
    ("conflict", "ID and name disagree", ""),
    ("name_only", "name without ID", ""),
    ("ambiguous_name", "name fits several", ""),
    ("not_stated", "none stated", ""),
    ("not_applicable", "not campaign specific", ""),
    ("campaign_id", "Campaign ID", ""),
    // What happened.
    ("created", "came in", ""),
    ("answered", "customer wrote", ""),
    ("asked", "asked", ""),
    ("acknowledged", "acknowledged", ""),
    ("drafted", "reply drafted", ""),
    ("shadowed", "reply kept, not sent", ""),
    ("withheld", "not answered automatically", ""),
    ("auto_reply", "automatic answer came", ""),
    ("report", "report came", ""),
    ("bulk", "list mail came", ""),
    ("reminded", "reminded", ""),
    ("handed_over", "told that people take over", ""),
    ("merged_into", "merged", ""),
    ("agent_answered", "answered in another help desk", ""),
    ("attachment_failed", "attachment not fetched", ""),
    ("retried", "sending tried again", ""),
    ("dropped", "not sent", ""),
    ("withdrawn", "withdrawn", ""),
    ("route", "team", ""),
    // How it was proven.
    ("token", "the address in our mail", ""),
    ("external_id", "the partner's own number", ""),
    ("authentication", "the sender's domain", ""),
];

/// Details of events that say nothing to people: rows, templates and words for metrics.
const INTERNAL: [&str; 3] = ["outgoing", "template", "code"];

fn known(word: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    WORDS.iter().find(|(known, ..)| *known == word)
}

/// `campaign_id` as people read it.
pub fn words(word: &str) -> String {
    known(word).map_or_else(|| word.replace(['_', '-'], " "), |(_, called, _)| (*called).to_owned())
}

/// What a flag means; of one that the desk's rules set: nothing.
pub fn meaning(flag: &str) -> &'static str {
    known(flag).map_or("", |(_, _, meaning)| meaning)
}

/// Who did something.
pub fn who(actor: &str) -> String {
    match actor.split_once(':') {
        Some((_, name)) => name.to_owned(),
        None => format!("the {actor}"),
    }
}

/// The details of what happened, in one line.
pub fn detail(detail: &Value) -> String {
    let Value::Object(map) = detail else { return plain(detail) };
    let told = |key: &str| map.get(key).map(plain).unwrap_or_default();
    let mut parts = vec![];
    if map.contains_key("from") && map.contains_key("to") {
        let named = |key| Some(told(key)).filter(|value| !value.is_empty()).unwrap_or_else(|| "none".into());
        parts.push(format!("{} → {}", named("from"), named("to")));
    }
    for (key, value) in map {
        let shown = plain(value);
        match key.as_str() {
            "from" | "to" => {}
            key if INTERNAL.contains(&key) || shown.is_empty() => {}
            "reason" | "because" => parts.push(shown),
            "ticket" => parts.push(format!("#{shown}")),
            "made_by" => parts.push(format!("as a person's, by {}", who(&shown))),
            key => parts.push(format!("{}: {shown}", key.replace('_', " "))),
        }
    }
    parts.join(" · ")
}

/// A value in our words where it is one of them: an ID or an address is left as it is.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if known(text).is_some() => words(text),
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') => {
            text.replace('_', " ")
        }
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(happened: Value, expected: &str) {
        assert_eq!(detail(&happened), expected, "{happened}");
    }

    #[test]
    fn what_happened_is_told_in_words() {
        let withheld =
            json!({ "template": "missing_id", "code": "no_reply", "reason": "no automatic reply is wanted: x" });
        check(withheld, "no automatic reply is wanted: x");
        check(json!({ "from": "RET-25-3102_a", "to": "" }), "RET-25-3102_a → none");
        check(
            json!({ "campaign": "not_stated", "missing": ["campaign_id"], "topic": "reporting" }),
            "campaign: none stated · missing: Campaign ID · topic: reporting",
        );
        check(json!({ "missing": [], "ticket": 7 }), "#7");
        check(json!({ "made_by": "agent:ann" }), "as a person's, by ann");
        check(json!(null), "");
    }

    #[test]
    fn words_of_ours_are_called_something_and_flags_mean_something() {
        assert_eq!(
            (words("campaign_id"), words("legal_threat")),
            ("Campaign ID".to_owned(), "legal threat".to_owned())
        );
        use crate::ticket::{ANSWERED_ELSEWHERE, INCOMPLETE, MERGED, SAME_MATTER, UNANSWERED, UNDELIVERED};
        for flag in [ANSWERED_ELSEWHERE, INCOMPLETE, MERGED, SAME_MATTER, UNANSWERED, UNDELIVERED] {
            assert!(!meaning(flag).is_empty(), "{flag}");
        }
        assert_eq!((who("agent:ann"), who("desk")), ("ann".to_owned(), "the desk".to_owned()));
    }
}
