//! Forms as programs send them, and what people write that looks like one.

use super::*;
use crate::request::html;

const ROBOT: Context<'_> = Context {
    name: "Support Form",
    address: "forms@desk.example",
    subject: "New support request",
    reply_to: None,
    house: false,
};

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
fn rows_of_labels_and_rows_of_values_in_any_order() {
    use FieldKey::*;
    let fields = [
        (Description, "After 120 days, please.\nName and phone are wrong.", "Description"),
        (Name, "Sam Okafor", "Name"),
        (Email, "sam@k.example", "E-mail"),
        (CampaignId, "40588", "Campaign ID"),
        (Phone, "+49 40 1", "Phone"),
    ];
    let text = "After 120 days, please.\nName and phone are wrong.";
    for order in [[0, 1, 2, 3, 4], [1, 0, 2, 3, 4], [1, 0, 4, 3, 2], [3, 4, 2, 1, 0]] {
        let expected: Vec<(FieldKey, &str)> = order.iter().map(|at| (fields[*at].0, fields[*at].1)).collect();
        let rows = |row: fn(&str, &str) -> String| {
            let rows: String =
                order.iter().map(|at| row(fields[*at].2, &fields[*at].1.replace('\n', "<br>"))).collect();
            html::read(&format!("<table><tr><td><table>{rows}</table></td></tr></table>"))
        };
        // Gravity Forms, WPForms.
        check(
            &rows(|label, value| {
                format!("<tr><td colspan=2><b>{label}</b></td></tr><tr><td width=20>&nbsp;</td><td>{value}</td></tr>")
            }),
            &expected,
            text,
        );
        check(
            &rows(|label, value| format!("<tr><td><b>{label}</b></td></tr><tr><td>{value}</td></tr>")),
            &expected,
            text,
        );
        let ruled: String =
            order.iter().map(|at| format!("{}:\n\n{}\n\n----------\n\n", fields[*at].2, fields[*at].1)).collect();
        check(&Body::plain(&ruled), &expected, text);
    }
}

#[test]
fn labels_in_brackets_with_numbers_and_before_tabs() {
    use FieldKey::*;
    let expected = [(Name, "Gil"), (Email, "gil@k.example"), (CampaignId, "22340"), (Description, "no clicks\nat all")];
    for [name, email, campaign, description] in [
        ["[Name] ", "[Email] ", "[Campaign ID]: ", "[Message]: "],
        ["1. Name: ", "2. Email: ", "3. Campaign ID: ", "4. Message: "],
        ["1) Name\n", "2) Email\n", "3) Campaign ID\n", "4) Message\n"],
        ["Name\t", "Email\t", "Campaign ID\t", "Message\t"],
    ] {
        let mail = format!("{name}Gil\n{email}gil@k.example\n{campaign}22340\n{description}no clicks\nat all");
        check(&Body::plain(&mail), &expected, "no clicks\nat all");
    }
    // Outlook writes an address twice.
    let mail = "Name\nGil\nEmail\ngil@k.example<mailto:gil@k.example>\nMessage\nno clicks";
    let form = read(&Body::plain(mail), &ROBOT, &Reading::shipped()).unwrap();
    assert_eq!(form.requester().unwrap().address, "gil@k.example");
}

#[test]
fn labels_in_the_first_row_and_labels_that_end_with_a_dash() {
    use FieldKey::*;
    let expected = [(Name, "Gil"), (Email, "gil@k.example"), (CampaignId, "22340"), (Description, "no clicks\nat all")];
    let table = "<table><tr><th>Name</th><th>Email</th><th>Campaign ID</th><th>Description</th></tr><tr><td>Gil</td><td>gil@k.example</td><td>22340</td><td>no clicks<br>at all</td></tr></table>";
    check(&html::read(table), &expected, "no clicks\nat all");
    let dashed = "Name - Gil\nEmail - gil@k.example\nCampaign ID - 22340\nDescription - no clicks\nat all";
    check(&Body::plain(dashed), &expected, "no clicks\nat all");
}

#[test]
fn what_the_programs_write_below() {
    for footer in [
        "To view or respond to the ticket, please login to the support ticket system.\n\nYour friendly Customer Support System",
        "Log in to view or download your responses at https://admin.typeform.com/form/x",
        "--\nDies ist eine Benachrichtigung, dass ein Kontaktformular abgeschickt wurde (https://k.example).",
    ] {
        let form = read(
            &Body::plain(&format!("Name: Gil\nEmail: gil@k.example\nCampaign ID: 22340\n\nno clicks\n\n{footer}")),
            &ROBOT,
            &Reading::shipped(),
        )
        .unwrap();
        assert_eq!((form.text.as_str(), form.footer.as_str()), ("no clicks", footer));
    }
}

#[test]
fn labels_that_ask() {
    use FieldKey::*;
    let form = check(
        &Body::plain(
            "Your typeform has a new response:\n\n*What's your name?*\nAnn Lee\n\n*What’s your email?*\nann@c.example\n\n*How can we help you?*\nClicks are gone.\n\n*What is your Campaign ID?*\n20417",
        ),
        &[(Name, "Ann Lee"), (Email, "ann@c.example"), (Description, "Clicks are gone."), (CampaignId, "20417")],
        "Clicks are gone.",
    );
    assert_eq!(form.requester().unwrap().address, "ann@c.example");
    check(
        &Body::plain(
            "Full Name: Ann Lee\nE-mail: ann@c.example\nWhich campaign? Orchard Box\nHow can we help you? The banner\nis missing",
        ),
        &[
            (Name, "Ann Lee"),
            (Email, "ann@c.example"),
            (CampaignName, "Orchard Box"),
            (Description, "The banner\nis missing"),
        ],
        "The banner\nis missing",
    );
}

#[test]
fn names_in_two_fields_and_in_the_address() {
    use FieldKey::*;
    let form = check(
        &Body::plain("Anrede: Herr\nNachname: Muster\nVorname: Max\nE-Mail: max@k.example\nNachricht:\nEs fehlt."),
        &[(Unknown, "Herr"), (Name, "Muster"), (Name, "Max"), (Email, "max@k.example"), (Description, "Es fehlt.")],
        "Es fehlt.",
    );
    assert_eq!(form.requester().unwrap().name.as_deref(), Some("Max Muster"));
    let form = check(
        &Body::plain(
            "From: Ann Lee <ann@c.example>\nDepartment: Support\n\nCampaign ID: 20417\n\nThe clicks are gone.",
        ),
        &[(Email, "Ann Lee <ann@c.example>"), (HelpTopic, "Support"), (CampaignId, "20417")],
        "The clicks are gone.",
    );
    let ann = form.requester().unwrap();
    assert_eq!((ann.name.as_deref(), ann.address.as_str()), (Some("Ann Lee"), "ann@c.example"));
}

#[test]
fn labels_of_more_languages() {
    use FieldKey::*;
    for [name, email, campaign, description, phone] in [
        ["Imię i nazwisko", "Adres e-mail", "Identyfikator kampanii", "Wiadomość", "Telefon"],
        ["Nome", "Indirizzo email", "ID campagna", "Messaggio", "Numero di telefono"],
        ["Naam", "E-mailadres", "Campagnenummer", "Bericht", "Telefoonnummer"],
    ] {
        let mail = format!(
            "{name}: Jan Kos\n{email}: jan@k.example\n{campaign}: 20417\n{description}: x y z.\n{phone}: +48 600 100 200"
        );
        let expected = [
            (Name, "Jan Kos"),
            (Email, "jan@k.example"),
            (CampaignId, "20417"),
            (Description, "x y z."),
            (Phone, "+48 600 100 200"),
        ];
        check(&Body::plain(&mail), &expected, "x y z.");
    }
}

#[test]
fn labels_that_nobody_knows_are_known_by_their_rows_and_stars() {
    use FieldKey::*;
    let (name, email, id) = ((Name, "Gil"), (Email, "gil@k.example"), (CampaignId, "22340"));
    for row in [
        "<tr><td><b>{}</b></td></tr><tr><td>{}</td></tr>",
        "<tr><td colspan=2>{}</td></tr><tr><td>&nbsp;</td><td>{}</td></tr>",
    ] {
        let rows = |fields: &[(&str, &str)]| {
            let rows: String =
                fields.iter().map(|(label, value)| row.replacen("{}", label, 1).replacen("{}", value, 1)).collect();
            html::read(&format!("<p>New entry</p><table>{rows}</table>"))
        };
        let (own, told) = (("Seen on the page", "A grey banner, twice."), (Description, "A grey banner, twice."));
        let three = [("Name", "Gil"), ("Email", "gil@k.example"), ("Campaign ID", "22340")];
        check(&rows(&[&three[..], &[own]].concat()), &[name, email, id, told], told.1);
        let above = [(Unknown, own.1), name, email, id];
        check(&rows(&[&[own], &three[..]].concat()), &above, "Seen on the page: A grey banner, twice.");
        // What stands in one cell stays together, labels and all; consent is no description.
        let cell = ("Message", "Hi,<br>Phone: never.<br><br>Bye");
        let more = [&three[..], &[cell, ("Newsletter", "I agree")]].concat();
        let text = "Hi,\nPhone: never.\n\nBye";
        check(&rows(&more), &[name, email, id, (Description, text), (Unknown, "I agree")], text);
        let consent = [&three[..], &[("Consent", "I agree")]].concat();
        check(&rows(&consent), &[name, email, id, (Unknown, "I agree")], "Consent: I agree");
        let chosen = [&three[..], &[("Topic", "Question"), ("Message", "Grey.")]].concat();
        check(&rows(&chosen), &[name, email, id, (HelpTopic, "Question"), (Description, "Grey.")], "Grey.");
    }
    let stars = "Hey there,\n\n1. *Hi! What's your name?*\nGil\n\n2. *Nice to meet you, Gil. What's your email?*\n\
        gil@k.example\n\n3. *Seen on the page*\nA grey banner, twice.\n\nWhat's your phone?\nBye";
    let text = "A grey banner, twice.\n\nWhat's your phone?\nBye";
    check(&Body::plain(stars), &[name, email, (Description, text)], text);
    // Side by side, an empty value takes nothing from the row below.
    let beside = "<table><tr><td>Name</td><td>Gil</td></tr><tr><td>Campaign ID</td><td></td></tr><tr><td>Firm</td>\
        <td>K Ltd</td></tr><tr><td>Email</td><td>gil@k.example</td></tr><tr><td>Message</td><td>Grey.</td></tr></table>";
    let fields = [name, (CampaignId, ""), (Unknown, "K Ltd"), email, (Description, "Grey.")];
    check(&html::read(beside), &fields, "Grey.");
}

#[test]
fn a_card_below_a_persons_words_is_no_form() {
    let card = "Regards\nJane Roe\nPhone: +44 20 7946 0123\nE-mail: office@acme.example";
    let sure = |subject, reply_to, text: &str| {
        let context = Context { name: "Jane Roe", address: "jane@acme.example", subject, reply_to, house: false };
        read(&Body::plain(text), &context, &Reading::shipped()).is_some_and(|form| form.sure)
    };
    for reply_to in [Some("office@acme.example"), Some("jane@home.example"), None] {
        for subject in ["Question", "Request from Acme", "Demande de pause"] {
            for words in [
                "Hi,\n\nplease pause 48213.",
                "please pause it\n\nCampaign ID: 48213",
                "Campaign ID: 48213\nCampaign: Summer\nTopic: pause\n\nWhy is it on?",
                "Problem: no clicks\n\nCampaign: Summer",
            ] {
                let text = format!("{words}\n\n{card}");
                assert!(!sure(subject, reply_to, &text), "{subject} {reply_to:?} {text}");
            }
        }
    }
    let form = "Name: Gil\nE-mail: office@acme.example\nMessage: Grey.";
    assert!(sure("Question", Some("office@acme.example"), form) && !sure("Question", Some("jane@home.example"), form));
    // What a person hands on of others is no form of theirs, whatever the subject.
    for subject in ["Request from Acme", "New request", "Question"] {
        let letter = format!("Hello,\nplease let him in.\n\n{form}");
        assert!(!sure(subject, None, form) && !sure(subject, None, &letter));
        assert!(!sure(subject, None, &format!("{letter}\nPhone: +49 40 12345\nCampaign: Summer")));
    }
    assert!(sure("Request from Acme", None, "Name: Jane\nE-mail: jane@acme.example\nMessage: Grey."));
    for name in ["Acme Events", "Bell API", "Make", "Form & Co"] {
        let context = Context { name, address: "jane@acme.example", subject: "Question", ..Context::default() };
        let text = format!("please pause it.\n\n{card}");
        assert!(!read(&Body::plain(&text), &context, &Reading::shipped()).is_some_and(|form| form.sure), "{name}");
    }
}

#[test]
fn a_site_sends_forms_where_the_subject_says_so() {
    let form = "Name: Gil\nE-mail: gil@k.example\nMessage: Grey.";
    let asks = |subject, text: &str| {
        let context = Context { name: "Shop", address: "info@shop.example", subject, ..Context::default() };
        let form = read(&Body::plain(text), &context, &Reading::shipped()).filter(|form| form.sure);
        form.and_then(|form| form.requester()).map(|requester| requester.address)
    };
    assert_eq!(asks("New submission", form).as_deref(), Some("gil@k.example"));
    let greeted = format!("Hello team,\nthere is a new submission.\n\n{form}");
    assert_eq!(asks("New submission", &greeted).as_deref(), Some("gil@k.example"));
    assert_eq!(asks("Gil's account", form), None);
    let four = format!("Phone: +49 40 12345\n{form}");
    assert_eq!(asks("Gil's account", &four).as_deref(), Some("gil@k.example"));
    assert_eq!(asks("Gil's account", &format!("Hello,\nplease let him in.\n\n{four}")), None);
    assert_eq!(asks("New request", &format!("Hello,\nplease let him in.\n\n{form}")), None);
}

#[test]
fn a_customers_line_that_begins_like_a_footer_is_his() {
    for line in ["Browser: Chrome 126 shows it", "Referrer is missing", "Submitted on Monday, still off"] {
        let text = format!("It is off.\n{line}\nPlease help.");
        let fields = [(FieldKey::Name, "Gil"), (FieldKey::Email, "gil@k.example"), (FieldKey::Description, &*text)];
        let form = check(
            &Body::plain(&format!(
                "Name: Gil\nEmail: gil@k.example\nMessage: {text}\n\n--\nPowered by X\n(https://x.example)"
            )),
            &fields,
            &text,
        );
        assert_eq!(form.footer, "--\nPowered by X\n(https://x.example)");
    }
    let said = "Two things.\nCampaign: Summer was stopped by you, why?\nPhone: nobody answers yours.\nThanks";
    let fields = [(FieldKey::Name, "Gil"), (FieldKey::Email, "gil@k.example"), (FieldKey::Description, said)];
    check(&Body::plain(&format!("Name: Gil\nEmail: gil@k.example\nMessage: {said}")), &fields, said);
}

#[test]
fn a_partner_mail_keeps_its_lines() {
    let form = read(
        &Body::plain("event: lead.push_failed\ncampaign_id: 55411\nlast_status: 422\n\nPlease adjust the mapping."),
        &Context { name: "LeadHub", address: "webhooks@leadhub.example", ..Context::default() },
        &Reading::shipped(),
    )
    .unwrap();
    assert!(form.machine && form.sure);
    assert!(form.fields.iter().any(|field| field.key == FieldKey::CampaignId && field.value == "55411"));
    assert_eq!(form.text, "event: lead.push_failed\nlast_status: 422\n\nPlease adjust the mapping.");
}

#[test]
fn a_persons_mail_is_no_form() {
    let person = Context { name: "Jane Roe", address: "jane@acme.example", subject: "no clicks", ..Context::default() };
    let read = |text: &str| read(&Body::plain(text), &person, &Reading::shipped());
    assert_eq!(read("Hi,\n\nCampaign ID: 48213\nno clicks since Monday"), None);
    assert_eq!(read("Hi,\nthis is my question: why?\n\nName: Jane"), None);
    let by_hand = read("Campaign ID: 48213\nHelp Topic: Reports\nno clicks").unwrap();
    assert!(!by_hand.sure && by_hand.fields.len() == 2);
}

#[test]
fn no_mail_has_endless_fields() {
    let person = Context { name: "Jane Roe", address: "jane@acme.example", subject: "no clicks", ..Context::default() };
    let lines = Body::plain(&"Name: x\nCampaign ID: 20417\nHelp Topic: Billing\n".repeat(5_000));
    for (context, sure) in [(person, false), (ROBOT, true)] {
        let form = read(&lines, &context, &Reading::shipped()).unwrap();
        assert_eq!((form.sure, form.fields.len(), form.more), (sure, MOST_FIELDS, true));
        // Of a form what is no field is text; a person's text stays whole anyway.
        assert_eq!(form.text.lines().count() > 10_000, sure);
    }
    let few = Body::plain("Name: x\nCampaign ID: 20417\nHelp Topic: Billing");
    assert!(!read(&few, &ROBOT, &Reading::shipped()).unwrap().more);
}
