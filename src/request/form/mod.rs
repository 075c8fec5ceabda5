//! Form notification mail: "Label: value" lines, labels above values, tables; in any order, in several languages.
//!
//! A person who writes one "Campaign ID: 123" line has not filled in a form: such a mail stays text. Of a form the
//! description and whatever stands beside the fields is text; nothing is dropped, lines the form adds itself go where
//! signatures go.

mod filling;
pub(super) mod label;
mod layout;

use super::lines::Body;
use super::reading::Reading;
use super::{Field, FieldKey, Mailbox, address};
use filling::fill;
use label::{Look, keyed, look};

/// Fields that are kept of one form; a form has no more than some hundreds.
const MOST_FIELDS: usize = 200;

/// What is known of the mail besides its body.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// The sender's name in From; empty: none.
    pub name: &'a str,
    /// The sender's address.
    pub address: &'a str,
    /// The subject.
    pub subject: &'a str,
    /// The address in Reply-To, where it is another than the sender's.
    pub reply_to: Option<&'a str>,
    /// The sender's domain is the desk's.
    pub house: bool,
}

/// A form as read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Form {
    /// The fields, in order.
    pub fields: Vec<Field>,
    /// The customer's name as the fields give it.
    pub person: Option<String>,
    /// The description and the text beside the fields.
    pub text: String,
    /// What the form's program added.
    pub footer: String,
    /// It is a form. If not, a person wrote some labelled lines: the fields count, the text stays as it was.
    pub sure: bool,
    /// A machine's `key: value` lines: a partner's notification.
    pub machine: bool,
    /// It has more fields than are kept: the rest stays text.
    pub more: bool,
}

impl Form {
    /// Whether one of its e-mail fields says this address.
    pub fn names(&self, address: &str) -> bool {
        let emails = self.fields.iter().filter(|field| field.key == FieldKey::Email);
        emails.filter_map(|field| addressed(&field.value)).any(|known| known == address)
    }

    /// The person whom the form names by an e-mail field.
    pub fn requester(&self) -> Option<Mailbox> {
        let (value, address) = self
            .fields
            .iter()
            .filter(|field| field.key == FieldKey::Email)
            .find_map(|field| addressed(&field.value).map(|address| (field.value.trim(), address)))?;
        let name = self.person.clone().or_else(|| address::one(value)?.name);
        Some(Mailbox { name, address })
    }
}

/// The first address among the words of a value.
fn addressed(value: &str) -> Option<String> {
    value.split(|c: char| c.is_whitespace() || "<>()[],;".contains(c)).find_map(address::addr_spec)
}

/// Reads a body as a form; `None` when it is none.
pub fn read(body: &Body, context: &Context<'_>, reading: &Reading) -> Option<Form> {
    let (robot, site) = (robot(context.name, context.address, reading), site(context.address, reading));
    let titled = reading.forms.subjects.has(&context.subject.to_lowercase());
    let told = robot || titled || context.reply_to.is_some();
    let turned = if robot || site { label::turned(body, reading) } else { None };
    let body = turned.as_ref().unwrap_or(body);
    let seen = |dashed: bool| (0..body.lines.len()).map(move |at| look(body, at, dashed, reading)).collect::<Vec<_>>();
    let mut looks = seen(false);
    if told && !looks.iter().any(|look| matches!(look, Look::Known { .. })) {
        looks = seen(true);
    }
    // What its own e-mail field says of the customer, the mail's head says, too.
    let says = |address| layout::says(body, &looks, address);
    let (answered, own) = (context.reply_to.is_some_and(says), says(context.address));
    if robot || answered {
        layout::tell(body, &mut looks, robot, reading);
    }
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
    // People write below their words how they are reached, and paste what others have filled in: fields that stand together,
    // and first, are a form's, where none but its customer or a program can have sent them.
    let first = |site: bool| layout::first(body, &looks, site, reading);
    let machine = matter && keyed(&looks) >= 3 && (robot || first(site));
    let asked = looks.iter().any(|look| matches!(look, Look::Asked { .. }));
    let named = has(&[FieldKey::Name, FieldKey::Subject]) && has(&[FieldKey::Email]);
    let from_site = site || context.house;
    let sent = robot && (matter || asked || named)
        || answered && titled && from_site
        || (answered || titled && (own || from_site)) && first(site);
    let hinted = sent && keys.len() >= 2 && (matter || has(&[FieldKey::Email]));
    // Labels without colons are weaker: words such as "Name" and "Details" stand in many a mail.
    let whole = [FieldKey::Name, FieldKey::Email, FieldKey::Description].iter().all(|key| keys.contains(key));
    let plain = (own || site && whole) && keys.len() >= 4 && matter && alone * 2 <= keys.len() && first(false);
    if machine || hinted || plain {
        let mut form = fill(body, &looks, reading, machine && !has(&[FieldKey::Email]), robot || site);
        form.machine = machine && form.requester().is_none();
        form.sure = true;
        let labels = looks.iter().filter(|look| matches!(look, Look::Known { .. } | Look::Other { .. })).count();
        form.more = form.fields.len() == MOST_FIELDS && labels > MOST_FIELDS;
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
    let mut labelled = looks.iter().filter_map(|look| match look {
        Look::Known { key, label, value, alone: false } if !value.is_empty() && *key != FieldKey::Description => {
            Some(Field { key: *key, label: (*label).to_owned(), value: (*value).to_owned() })
        }
        _ => None,
    });
    let fields = labelled.by_ref().take(MOST_FIELDS).collect();
    Some(Form { fields, more: labelled.next().is_some(), ..Form::default() })
}

/// Whether a sender is a robot that sends forms.
pub fn robot(name: &str, address: &str, reading: &Reading) -> bool {
    let (name, local) = (name.to_lowercase(), local(address));
    let name = name.trim_matches(['"', ' ']);
    let forms = &reading.forms;
    // "hans.mailer", "free.form" are people.
    let plain = !local.contains('.') || local.contains("reply") || local.contains("wordpress");
    plain && forms.robots.has(&local) || forms.robot_names.contains(name) || forms.robots_called.has(name)
}

/// Whether it is an address from which both people and programs write.
pub fn site(address: &str, reading: &Reading) -> bool {
    reading.forms.sites.contains(local(address).split('+').next().unwrap_or_default())
}

/// The local part of an address, lower case.
fn local(address: &str) -> String {
    address.split('@').next().unwrap_or_default().to_lowercase()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
