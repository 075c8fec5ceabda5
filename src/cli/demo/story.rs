//! The demo's story: which mails and posts come in, and how each must end. Golden files, compiled in.

use serde::Deserialize;

/// The shipped story, with its files.
const STORY: &str = include_str!("../../../fixtures/demo/story.toml");
/// The demo's campaign directory.
pub const CAMPAIGNS: &str = include_str!("../../../fixtures/demo/campaigns.csv");

macro_rules! shipped {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../fixtures/demo/", $path)))),*]
    };
}

/// The files that the story names.
const FILES: &[(&str, &str)] = shipped![
    "mails/01-clear-report.eml",
    "mails/02-similar-names.eml",
    "mails/03-no-campaign.eml",
    "mails/04-answer-with-id.eml",
    "mails/05-german.eml",
    "mails/06-out-of-office.eml",
    "mails/07-bounce.eml",
    "mails/08-duplicate.eml",
    "mails/09-form.eml",
    "mails/10-conflict.eml",
    "mails/11-not-a-campaign-matter.eml",
    "mails/12-nothing-said.eml",
    "mails/13-newsletter.eml",
    "mails/14-unknown-id.eml",
    "hooks/01-call-tracking.json",
    "hooks/02-partner-form.json",
    "hooks/03-same-post-again.json",
    "hooks/04-id-in-field.json",
];

/// One thing that comes in, and how it must end.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The file, below `fixtures/demo/`.
    pub file: String,
    /// What it is, for people.
    pub tells: String,
    /// The file whose question this mail answers.
    #[serde(default)]
    pub answers: Option<String>,
    /// The post whose delivery id this one repeats.
    #[serde(default)]
    pub same_as: Option<String>,
    /// The outcome, or `replayed` for a repeated post.
    pub outcome: String,
    /// The ticket's status.
    #[serde(default)]
    pub status: Option<String>,
    /// The campaign's status.
    #[serde(default)]
    pub campaign: Option<String>,
    /// The stated Campaign ID.
    #[serde(default)]
    pub id: Option<String>,
    /// The campaigns that may be meant.
    #[serde(default)]
    pub candidates: Vec<String>,
    /// The help topic.
    #[serde(default)]
    pub topic: Option<String>,
    /// What is missing.
    #[serde(default)]
    pub missing: Vec<String>,
    /// The template of the question that goes out.
    #[serde(default)]
    pub asked: Option<String>,
    /// The requester's address, where it is not the From.
    #[serde(default)]
    pub requester: Option<String>,
}

impl Step {
    /// The file's content.
    pub fn content(&self) -> &'static str {
        let file = FILES.iter().find(|(path, _)| *path == self.file);
        file.expect("the story names shipped files only: a test reads them all").1
    }

    /// A webhook post rather than a mail.
    pub fn is_post(&self) -> bool {
        self.file.starts_with("hooks/")
    }
}

/// The steps in order.
pub fn steps() -> Vec<Step> {
    #[derive(Deserialize)]
    struct Story {
        step: Vec<Step>,
    }
    let story: Story = toml::from_str(STORY).expect("the shipped story is valid: a test reads it");
    story.step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_is_whole() {
        let steps = steps();
        assert!(steps.iter().filter(|step| !step.is_post()).count() >= 12);
        assert!(steps.iter().filter(|step| step.is_post()).count() >= 4);
        for step in &steps {
            assert!(!step.content().is_empty(), "{}", step.file);
            for named in step.answers.iter().chain(&step.same_as) {
                assert!(steps.iter().any(|other| other.file == *named), "{} names {named}", step.file);
            }
        }
    }
}
