//! Form notification mail: "Label: value" lines, labels above values, tables; in any order, in several languages.
//!
//! A person who writes one "Campaign ID: 123" line has not filled in a form: such a mail stays text. Of a form the
//! description and whatever stands beside the fields is text; nothing is dropped, lines the form adds itself go where
//! signatures go.

use super::lines::Body;
use super::quote::is_rule;
use super::reading::Reading;
use super::{Field, FieldKey, Mailbox, address};

/// How long a label may be, in characters.
const LONGEST_LABEL: usize = 90;
/// Fields that are kept.
const MOST_FIELDS: usize = 200;

/// What is known of the mail besides its body.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// The sender as it stands in From: name and address.
    pub sender: &'a str,
    /// The subject.
    pub subject: &'a str,
    /// Reply-To names somebody else than From.
    pub redirected: bool,
}

/// A form as read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Form {
    /// The fields, in order.
    pub fields: Vec<Field>,
    /// The description and the text beside the fields.
    pub text: String,
    /// What the form's program added.
    pub footer: String,
    /// It is a form. If not, a person wrote some labelled lines: the fields count, the text stays as it was.
    pub sure: bool,
    /// A machine's `key: value` lines: a partner's notification.
    pub machine: bool,
}

impl Form {
    /// The person whom the form names by an e-mail field.
    pub fn requester(&self) -> Option<Mailbox> {
        let value =
            |key: FieldKey| self.fields.iter().filter(move |field| field.key == key).map(|field| field.value.trim());
        let address = value(FieldKey::Email).find_map(|value| {
            value.split(|c: char| c.is_whitespace() || "<>()[],;".contains(c)).find_map(address::addr_spec)
        })?;
        let name = value(FieldKey::Name).find(|name| !name.is_empty()).map(super::header::one_line);
        Some(Mailbox { name, address })
    }
}

/// A label as it is compared: lower case, without marks, brackets and outer punctuation.
pub(super) fn normalised(label: &str) -> String {
    let mut out = String::with_capacity(label.len());
    let mut depth = 0;
    for c in label.chars() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            '_' | '\u{a0}' => out.push(' '),
            '’' => out.push('\''),
            _ => out.extend(c.to_lowercase()),
        }
    }
    let trimmed = out.trim_matches(|c: char| c.is_whitespace() || "*:：?.!=-–—#>•·¿¡".contains(c));
    let mut words = trimmed.split_whitespace();
    let mut joined = words.next().unwrap_or_default().to_owned();
    for word in words {
        joined.push(' ');
        joined.push_str(word);
    }
    joined
}

/// What a line is to a form.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Look<'a> {
    /// A known label, and what stands behind it. `alone`: without a colon, the value stands below.
    Known {
        key: FieldKey,
        label: &'a str,
        value: &'a str,
        alone: bool,
    },
    /// Something that could be a label.
    Other {
        label: &'a str,
        value: &'a str,
    },
    /// Words.
    Text,
    Blank,
}

/// Reads a body as a form; `None` when it is none.
pub fn read(body: &Body, context: &Context<'_>, reading: &Reading) -> Option<Form> {
    let looks: Vec<Look<'_>> = (0..body.lines.len()).map(|at| look(body, at, reading)).collect();
    let mut keys: Vec<FieldKey> = Vec::new();
    let mut alone = 0;
    for look in &looks {
        if let Look::Known { key, alone: bare, .. } = look
            && !keys.contains(key)
        {
            keys.push(*key);
            alone += usize::from(*bare);
        }
    }
    if keys.is_empty() {
        return None;
    }
    let has = |wanted: &[FieldKey]| wanted.iter().any(|key| keys.contains(key));
    let matter = has(&[FieldKey::HelpTopic, FieldKey::CampaignId, FieldKey::CampaignName, FieldKey::Description]);
    let (robot, titled) = hint(context, reading);
    let machine = matter && keyed(&looks) >= 3;
    let hinted = (robot || titled || context.redirected) && keys.len() >= 2 && (matter || has(&[FieldKey::Email]));
    // Labels without colons are weaker: words such as "Name" and "Details" stand in many a mail.
    let plain = keys.len() >= 4 && has(&[FieldKey::Email]) && matter && alone * 2 <= keys.len();
    if machine || hinted || plain {
        let mut form = fill(body, &looks, reading, machine && !has(&[FieldKey::Email]));
        form.machine = machine && form.requester().is_none();
        form.sure = true;
        return Some(form);
    }
    let by_hand = [FieldKey::HelpTopic, FieldKey::CampaignId, FieldKey::CampaignName, FieldKey::Description]
        .iter()
        .filter(|key| {
            looks.iter().any(|look| matches!(look, Look::Known { key: known, alone: false, .. } if known == *key))
        })
        .count();
    if by_hand < 2 {
        return None;
    }
    let fields = looks
        .iter()
        .filter_map(|look| match look {
            Look::Known { key, label, value, alone: false } if !value.is_empty() && *key != FieldKey::Description => {
                Some(Field { key: *key, label: (*label).to_owned(), value: (*value).to_owned() })
            }
            _ => None,
        })
        .collect();
    Some(Form { fields, ..Form::default() })
}

/// Whether the sender is a robot that sends forms, and whether the subject is a form's.
fn hint(context: &Context<'_>, reading: &Reading) -> (bool, bool) {
    let sender = context.sender.to_lowercase();
    let (local, name) = match sender.rsplit_once('<') {
        Some((name, address)) => (address.split('@').next().unwrap_or_default(), name),
        None => (sender.split('@').next().unwrap_or_default(), ""),
    };
    let robot = reading.forms.robots.has(local) || reading.forms.robots.has(name);
    (robot, reading.forms.subjects.has(&context.subject.to_lowercase()))
}

/// The longest run of lines such as `last_status: 422`: lower case keys, at least one of several words.
fn keyed(looks: &[Look<'_>]) -> usize {
    let (mut best, mut run, mut joined) = (0, 0, false);
    for look in looks {
        let label = match look {
            Look::Known { label, alone: false, .. } | Look::Other { label, .. } => *label,
            _ => "",
        };
        let key = !label.is_empty()
            && label.starts_with(|c: char| c.is_ascii_lowercase())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
        if key {
            run += 1;
            joined |= label.contains('_') || label.chars().skip(1).any(|c| c.is_ascii_uppercase());
            if joined {
                best = best.max(run);
            }
        } else {
            (run, joined) = (0, false);
        }
    }
    best
}

fn look<'a>(body: &'a Body, at: usize, reading: &Reading) -> Look<'a> {
    let line = body.line(at);
    if body.lines[at].depth > 0 {
        return Look::Text;
    }
    let line = line.trim_matches(|c: char| c.is_whitespace() || c == '*' || c == '|');
    if line.is_empty() {
        return Look::Blank;
    }
    let colon = line.char_indices().take(LONGEST_LABEL).find(|(_, c)| matches!(c, ':' | '：' | '='));
    if let Some((colon, mark)) = colon {
        let label =
            line[..colon].trim_matches(|c: char| c.is_whitespace() || "*•·".contains(c)).trim_start_matches("- ");
        let value = line[colon + mark.len_utf8()..].trim_matches(|c: char| c.is_whitespace() || c == '*');
        if let Some(key) = reading.forms.labels.get(&normalised(label)) {
            return Look::Known { key: *key, label, value, alone: false };
        }
        let words = label.split_whitespace().count();
        if (1..=6).contains(&words)
            && !value.starts_with("//")
            && label.chars().all(|c| !matches!(c, '.' | ',' | '"' | '(') || !label.contains(' '))
        {
            return Look::Other { label, value };
        }
        return Look::Text;
    }
    // A label above its value: `Name *`, `--- Name ---`, `How can we help?`.
    if line.chars().count() <= LONGEST_LABEL
        && let Some(key) = reading.forms.labels.get(&normalised(line))
    {
        return Look::Known {
            key: *key,
            label: line.trim_matches(|c: char| "-–— *".contains(c)),
            value: "",
            alone: true,
        };
    }
    Look::Text
}

/// Which field an open value belongs to.
struct Open {
    index: usize,
    /// It takes all lines up to the next label.
    long: bool,
    /// Nothing has been put in yet.
    empty: bool,
    /// The last line put in stands directly above.
    near: bool,
}

fn fill(body: &Body, looks: &[Look<'_>], reading: &Reading, machine: bool) -> Form {
    let mut form = Form::default();
    let mut beside: Vec<&str> = Vec::new();
    let mut footer: Vec<&str> = Vec::new();
    let mut open: Option<Open> = None;
    let mut in_footer = false;
    for (at, look) in looks.iter().enumerate() {
        let line = body.line(at);
        let started = !form.fields.is_empty();
        if in_footer {
            footer.push(line);
            if *look == Look::Blank && !tail_is_footer(body, at, reading) {
                in_footer = false;
            }
            continue;
        }
        if started && is_footer(body, at, reading) {
            in_footer = true;
            open = None;
            footer.push(line);
            continue;
        }
        let describing =
            open.as_ref().is_some_and(|open| open.long && form.fields[open.index].key == FieldKey::Description);
        match *look {
            // Inside a description a label that came before is part of what the customer wrote.
            Look::Known { key, label, value, alone }
                if form.fields.len() < MOST_FIELDS
                    && !(describing
                        && (key == FieldKey::Description
                            || alone
                            || form.fields.iter().any(|field| field.key == key))) =>
            {
                form.fields.push(Field { key, label: label.to_owned(), value: value.to_owned() });
                open = Some(Open {
                    index: form.fields.len() - 1,
                    long: is_long(key),
                    empty: value.is_empty(),
                    near: true,
                });
                if machine && key != FieldKey::CampaignId {
                    beside.push(line);
                }
                continue;
            }
            Look::Other { label, value } if !describing && form.fields.len() < MOST_FIELDS && (started || machine) => {
                form.fields.push(Field { key: FieldKey::Unknown, label: label.to_owned(), value: value.to_owned() });
                open = if machine {
                    None
                } else {
                    Some(Open { index: form.fields.len() - 1, long: true, empty: value.is_empty(), near: true })
                };
                if machine {
                    beside.push(line);
                }
                continue;
            }
            Look::Blank => {
                if let Some(open) = &mut open {
                    open.near = open.empty;
                    if open.long && !open.empty {
                        form.fields[open.index].value.push('\n');
                    }
                } else {
                    beside.push(line);
                }
                continue;
            }
            _ => {}
        }
        let takes = open.as_ref().is_some_and(|open| {
            let key = form.fields[open.index].key;
            !machine
                && match key {
                    FieldKey::Description => true,
                    // After a blank line words stand beside the fields, unless the value has not come yet.
                    FieldKey::Unknown => open.near,
                    FieldKey::CampaignId | FieldKey::CampaignName | FieldKey::HelpTopic => {
                        open.empty || open.near && short(line)
                    }
                    _ => open.empty,
                }
        });
        match &mut open {
            Some(open) if takes => {
                let value = &mut form.fields[open.index].value;
                if !value.is_empty() {
                    value.push('\n');
                }
                value.push_str(line);
                (open.empty, open.near) = (false, true);
            }
            _ => {
                open = None;
                // "New request", "A form was submitted": headings above the first field are the form's.
                if !started && line.split_whitespace().count() <= 12 && !line.trim_end().ends_with('?') {
                    footer.push(line);
                } else {
                    beside.push(line);
                }
            }
        }
    }
    for field in &mut form.fields {
        field.value.truncate(field.value.trim_end().len());
    }
    form.text = text(&form.fields, &beside, reading, machine);
    form.footer = footer.join("\n").trim().to_owned();
    form
}

/// The description, long answers to labels that are not known, and the words beside the fields.
fn text(fields: &[Field], beside: &[&str], reading: &Reading, machine: bool) -> String {
    let mut parts: Vec<String> = Vec::new();
    for field in fields {
        let value = field.value.trim();
        if machine || reading.forms.empty.contains(&value.to_lowercase()) {
            continue;
        }
        match field.key {
            FieldKey::Description => parts.push(value.to_owned()),
            FieldKey::Unknown if value.split_whitespace().count() >= 4 => {
                parts.push(format!("{}: {value}", field.label))
            }
            _ => {}
        }
    }
    let beside = beside.join("\n");
    if !beside.trim().is_empty() {
        parts.push(beside.trim().to_owned());
    }
    parts.join("\n\n")
}

fn is_long(key: FieldKey) -> bool {
    matches!(key, FieldKey::Description | FieldKey::Unknown)
}

fn short(line: &str) -> bool {
    line.split_whitespace().count() <= 6
}

fn is_footer(body: &Body, at: usize, reading: &Reading) -> bool {
    let line = body.line(at).trim();
    if line == "--" || (is_rule(line) && at + 1 < body.lines.len()) {
        return tail_is_footer(body, at, reading);
    }
    line.len() <= 300 && reading.forms.footers.starts(&line.to_lowercase())
}

/// What follows is a few lines, one of them a form's footer.
fn tail_is_footer(body: &Body, at: usize, reading: &Reading) -> bool {
    let mut rest = (at + 1..body.lines.len()).map(|next| body.line(next).trim()).filter(|line| !line.is_empty());
    let lines: Vec<&str> = rest.by_ref().take(9).collect();
    lines.len() <= 8 && lines.iter().any(|line| line.len() <= 300 && reading.forms.footers.starts(&line.to_lowercase()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::request::html;

    const ROBOT: Context<'_> =
        Context { sender: "Support Form <forms@desk.example>", subject: "New support request", redirected: true };

    fn check(body: &Body, expected: &[(FieldKey, &str)], text: &str) -> Form {
        let form = read(body, &ROBOT, &Reading::shipped()).unwrap();
        let got: Vec<(FieldKey, &str)> = form.fields.iter().map(|field| (field.key, field.value.as_str())).collect();
        assert_eq!(got, expected, "{form:#?}");
        assert_eq!(form.text, text, "{form:#?}");
        form
    }

    #[test]
    fn plain_lines_in_five_languages() {
        use FieldKey::*;
        for [topic, name, email, campaign, description] in [
            ["Help Topic", "Name", "Email", "Campaign ID", "Description"],
            ["Hilfethema", "Ihr Name", "E-Mail-Adresse", "Kampagnen-ID", "Beschreibung"],
            ["Rubrique", "Nom", "Adresse e-mail", "ID de campagne", "Votre message"],
            ["Tema de ayuda", "Nombre", "Correo electrónico", "ID de campaña", "Mensaje"],
            ["Tópico de ajuda", "Nome", "Seu e-mail", "ID da campanha", "Mensagem"],
        ] {
            let mail = format!(
                "{topic}: Reports\n{name}: Lena Ortiz\n*{email}*: lena@a.example\n{campaign}:\n{description}: The rate is 12%.\n\nStatus: wrong since Monday\nWhy?"
            );
            let form = check(
                &Body::plain(&mail),
                &[
                    (HelpTopic, "Reports"),
                    (Name, "Lena Ortiz"),
                    (Email, "lena@a.example"),
                    (CampaignId, ""),
                    (Description, "The rate is 12%.\n\nStatus: wrong since Monday\nWhy?"),
                ],
                "The rate is 12%.\n\nStatus: wrong since Monday\nWhy?",
            );
            assert_eq!(form.requester().unwrap().address, "lena@a.example");
        }
    }

    #[test]
    fn labels_above_values_and_tables() {
        use FieldKey::*;
        let expected = [
            (Name, "Sam Okafor"),
            (Email, "sam@k.example"),
            (CampaignId, "40588"),
            (Description, "After 120 days, please.\nNot 90."),
        ];
        check(
            &Body::plain(
                "--- Name ---\n\nSam Okafor\n\n--- Email ---\n\nsam@k.example\n\n--- Campaign ID ---\n\n40588\n\n--- Message ---\n\nAfter 120 days, please.\nNot 90.\n\n--\nThis e-mail was sent from a contact form on x.example",
            ),
            &expected,
            "After 120 days, please.\nNot 90.",
        );
        let table = "<h2>New request</h2><table><tr><td><b>Name</b></td><td>Sam Okafor</td></tr><tr><td>Email</td><td>sam@k.example</td></tr>\
            <tr><td>Campaign ID</td><td>40588</td></tr><tr><td>Description</td><td>After 120 days, please.<br>Not 90.</td></tr></table><p>Submitted 2025-04-07 09:31:12 from 203.0.113.77</p>";
        let form = check(&html::read(table), &expected, "After 120 days, please.\nNot 90.");
        assert!(form.footer.contains("203.0.113.77"));
    }

    #[test]
    fn a_partner_mail_keeps_its_lines() {
        let form = read(
            &Body::plain("event: lead.push_failed\ncampaign_id: 55411\nlast_status: 422\n\nPlease adjust the mapping."),
            &Context { sender: "LeadHub <webhooks@leadhub.example>", ..Context::default() },
            &Reading::shipped(),
        )
        .unwrap();
        assert!(form.machine && form.sure);
        assert!(form.fields.iter().any(|field| field.key == FieldKey::CampaignId && field.value == "55411"));
        assert_eq!(form.text, "event: lead.push_failed\nlast_status: 422\n\nPlease adjust the mapping.");
    }

    #[test]
    fn a_persons_mail_is_no_form() {
        let person = Context { sender: "Jane Roe <jane@acme.example>", subject: "no clicks", redirected: false };
        let read = |text: &str| read(&Body::plain(text), &person, &Reading::shipped());
        assert_eq!(read("Hi,\n\nCampaign ID: 48213\nno clicks since Monday"), None);
        assert_eq!(read("Hi,\nthis is my question: why?\n\nName: Jane"), None);
        let by_hand = read("Campaign ID: 48213\nHelp Topic: Reports\nno clicks").unwrap();
        assert!(!by_hand.sure && by_hand.fields.len() == 2);
    }
}
