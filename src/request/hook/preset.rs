//! Presets: what is known of a vendor's webhooks, as data (`rules/hooks/*.toml`).
//!
//! A preset says where the fields stand, how such posts are verified, and which of them are no requests. It never holds a
//! secret, and a source's own `[hook.map]` goes before it key by key.

use serde::Deserialize;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::rule::Rule;
use super::{FieldFault, HookMap};
use crate::config::fault::Fault;
use crate::config::line_of_key;

/// A vendor's preset.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// The vendor, for people.
    pub label: String,
    /// The page of the vendor that documents these posts.
    #[serde(default)]
    pub docs: String,
    /// How they are verified when the source does not say, as `verify` of `[[hook]]` has it.
    #[serde(default)]
    pub verify: String,
    /// Media types beside the usual ones that hold JSON.
    #[serde(default)]
    pub json_types: Vec<String>,
    /// What the vendor asks to be echoed before it sends anything.
    pub challenge: Option<Challenge>,
    /// What the vendor asks to be visited before it sends anything.
    pub confirm: Option<Confirm>,
    /// Posts that are no requests.
    #[serde(default)]
    pub ignore: Vec<Ignore>,
    /// Where the fields stand; see [`HookMap`].
    map: toml::Table,
}

/// A post that wants its own words back.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// It is one when this is there.
    pub when: Rule,
    /// What this must be.
    pub is: String,
    /// What is to be answered.
    pub echo: Rule,
}

/// A post that wants an address visited.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// It is one when this is there.
    pub when: Rule,
    /// What this must be.
    pub is: String,
    /// The address.
    pub visit: Rule,
    /// The host of the address, or what it ends with when this begins with a dot.
    pub host: String,
}

/// Posts that are answered with 200 and not stored.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ignore {
    /// What is looked at.
    pub path: Rule,
    /// Ignored with these values; empty: with any.
    #[serde(default)]
    pub is: Vec<String>,
    /// Ignored with anything but these, also with nothing.
    #[serde(default)]
    pub except: Vec<String>,
    /// Why, for the sender.
    pub because: String,
}

impl Preset {
    /// Reads a preset file; `name` is that of the file without folder and ending.
    pub fn read(text: &str, name: &str) -> Result<Preset, Fault> {
        let fault = |line, message: String, remedy: &str| Fault {
            file: format!("hooks/{name}.toml"),
            line,
            message,
            remedy: remedy.to_owned(),
        };
        let preset: Preset = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| text[..span.start].matches('\n').count() + 1);
            fault(line, error.message().trim().replace('\n', ", "), "write it as the shipped presets are")
        })?;
        if let Some((key, why)) = preset.map(&toml::Table::new()).err().and_then(|faults| faults.into_iter().next()) {
            return Err(fault(line_of_key(text, "map", 0, &key), format!("map.{key}: {why}"), REMEDY));
        }
        Ok(preset)
    }

    /// The map, with what a source says of its own laid over it. Of all that is wrong the key, with dots within a table, and
    /// what.
    pub fn map(&self, own: &toml::Table) -> Result<HookMap, Vec<(String, String)>> {
        let mut map = self.map.clone();
        map.extend(own.iter().map(|(key, value)| (key.clone(), value.clone())));
        let mut faults = vec![];
        loop {
            let error = match serde_path_to_error::deserialize(map.clone()) {
                Ok(map) if faults.is_empty() => return Ok(map),
                Ok(_) => return Err(faults),
                Err(error) => error,
            };
            let keys = error.path().iter().filter_map(|segment| match segment {
                Segment::Map { key } => Some(key.clone()),
                _ => None,
            });
            let keys: Vec<String> = keys.collect();
            let reason = error.inner().message().trim().replace('\n', ", ");
            let message = match reason.strip_prefix("unknown field ").and_then(|rest| rest.split_once(", expected ")) {
                Some((_, known)) => format!("is no field; there are {}", known.trim_start_matches("one of ")),
                None => reason,
            };
            faults.push((keys.join("."), message));
            // Again without it, so that it does not hide the next.
            let Some((last, way)) = keys.split_last() else { return Err(faults) };
            let holder = way.iter().try_fold(&mut map, |table, key| table.get_mut(key)?.as_table_mut());
            if holder.and_then(|table| table.remove(last)).is_none() {
                return Err(faults);
            }
        }
    }

    /// The words that this post wants back.
    pub fn challenged(&self, body: &Value) -> Option<String> {
        let challenge = self.challenge.as_ref()?;
        text(&challenge.when, body).filter(|text| *text == challenge.is).and_then(|_| text(&challenge.echo, body))
    }

    /// The address that this post wants visited; `Err`: it is none of the vendor's.
    pub fn to_visit(&self, body: &Value) -> Option<Result<String, FieldFault>> {
        let confirm = self.confirm.as_ref()?;
        text(&confirm.when, body).filter(|text| *text == confirm.is)?;
        let url = text(&confirm.visit, body).unwrap_or_default();
        let authority =
            url.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
        let host = authority.split_once(':').map_or(authority, |(host, _)| host);
        let vendors = match confirm.host.starts_with('.') {
            true => host.ends_with(&confirm.host),
            false => host == confirm.host,
        };
        let message = format!("is no address of {}", confirm.host);
        let pointer = confirm.visit.first().to_owned();
        Some(if vendors { Ok(url) } else { Err(FieldFault { pointer, message }) })
    }

    /// Why this post is no request.
    pub fn ignores(&self, body: &Value) -> Option<&str> {
        let ignored = self.ignore.iter().find(|ignore| {
            let text = text(&ignore.path, body);
            match (&text, ignore.except.is_empty()) {
                (Some(text), true) => ignore.is.is_empty() || ignore.is.contains(text),
                (None, true) => false,
                (text, false) => text.as_ref().is_none_or(|text| !ignore.except.contains(text)),
            }
        });
        ignored.map(|ignore| ignore.because.as_str())
    }
}

fn text(rule: &Rule, body: &Value) -> Option<String> {
    rule.find(body).ok().flatten().map(|found| found.text)
}

/// What to do about a wrong map.
pub const REMEDY: &str = "the keys of a map stand in rules/hooks/README.md";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    const TEXT: &str = "label = \"X\"\n[challenge]\nwhen = \"type\"\nis = \"hello\"\necho = \"say\"\n\
        [[ignore]]\npath = \"type\"\nis = [\"ping\"]\nbecause = \"a ping\"\n\
        [[ignore]]\npath = \"bot\"\nbecause = \"a bot\"\n\
        [[ignore]]\npath = \"topic\"\nexcept = [\"new\"]\nbecause = \"not new\"\n\
        [map]\nemail = \"from\"\ntext = \"body\"\n";

    #[test]
    fn a_preset_says_what_a_post_is() {
        let preset = Preset::read(TEXT, "x").unwrap();
        assert_eq!(preset.challenged(&json!({"type": "hello", "say": "abc"})).as_deref(), Some("abc"));
        assert_eq!(preset.challenged(&json!({"type": "other", "say": "abc"})), None);
        assert_eq!(preset.ignores(&json!({"type": "ping", "topic": "new"})), Some("a ping"));
        assert_eq!(preset.ignores(&json!({"bot": "B1", "topic": "new"})), Some("a bot"));
        assert_eq!(preset.ignores(&json!({"topic": "old"})), Some("not new"));
        assert_eq!(preset.ignores(&json!({})), Some("not new"));
        assert_eq!(preset.ignores(&json!({"topic": "new"})), None);
    }

    #[test]
    fn only_the_vendors_own_address_is_visited() {
        let text =
            format!("{TEXT}[confirm]\nwhen = \"type\"\nis = \"sub\"\nvisit = \"url\"\nhost = \".vendor.example\"\n");
        let preset = Preset::read(&text, "x").unwrap();
        let visit = |url: &str| preset.to_visit(&json!({"type": "sub", "url": url}));
        assert_eq!(visit("https://a.vendor.example/x?y"), Some(Ok("https://a.vendor.example/x?y".into())));
        for url in [
            "https://a.vendor.example.evil/",
            "https://evil/.vendor.example",
            "https://u@evil#.vendor.example",
            "x",
            "",
        ] {
            assert_eq!(visit(url).unwrap().unwrap_err().pointer, "/url", "{url}");
        }
        assert_eq!(preset.to_visit(&json!({"type": "other"})), None);
    }

    #[test]
    fn a_source_goes_before_its_preset() {
        let own: toml::Table = toml::from_str("text = \"note\"").unwrap();
        let map = Preset::read(TEXT, "x").unwrap().map(&own).unwrap();
        let request =
            super::super::from_json(&json!({"from": "a@b.example", "body": "no", "note": "yes"}), &map).unwrap();
        assert_eq!(request.text, "yes");
    }

    #[test]
    fn every_fault_of_a_map_has_its_key() {
        let own = "email = \"a..b\"\ntext = \"{{ nope\"\nsubject = \"$[[\"\nemial = 1\nname = [\"x.\", \".y\", \"z\"]\n\
            attachments = { url = \"b..c\", each = 7 }";
        let faults = Preset::read(TEXT, "x").unwrap().map(&toml::from_str(own).unwrap()).unwrap_err();
        for (key, part) in [
            ("email", "`a..b` is no path"),
            ("text", "`{{ nope` is no template"),
            ("subject", "`$[[` is no JSONPath"),
            ("emial", "is no field; there are `email`"),
            ("name", "`x.` is no path: nothing stands between two dots, or before or after one; `.y` is no path"),
            ("attachments.url", "`b..c` is no path"),
            ("attachments.each", "write a path"),
        ] {
            assert!(faults.iter().any(|(at, why)| at == key && why.contains(part)), "{key}: {faults:?}");
        }
        assert_eq!(faults.len(), 7, "{faults:?}");
    }

    #[test]
    fn faults_have_their_line() {
        let check = |text: &str, line: usize, part: &str| {
            let fault = Preset::read(text, "x").unwrap_err();
            assert_eq!((fault.file.as_str(), fault.line), ("hooks/x.toml", line), "{fault}");
            assert!(fault.message.contains(part), "{fault}");
        };
        check("label = \"X\"\nnonsense = 1\n[map]\n", 2, "nonsense");
        check("label = \"X\"\n\n[map]\nemial = \"x\"\n", 4, "emial");
        check("label = \"X\"\n[map]\nemail = \"$.[\"\n", 3, "JSONPath");
        check("label = 7\n[map]\n", 1, "string");
    }
}
