//! Reading proven on mail: our golden pairs, the public collections, the hostile rows, and the reader's properties.
//!
//! Golden pairs stand in `fixtures/mail`: every `.eml` has its expected `.json`; a mismatch writes what it got beside
//! it as `.got.json`. Finding no cases is a failure.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use deskclerk::request::quote::{self, Context, Kind};
use deskclerk::request::reading::Reading;
use deskclerk::request::{Attachment, AutomatedKind, Request, Setting, header, html, lines::Body, mail};
use proptest::prelude::*;

fn setting() -> Setting {
    Setting {
        own_addresses: vec!["support@desk.example".into()],
        agents: vec!["dana@desk.example".into()],
        authserv_id: Some("mx.desk.example".into()),
        ..Setting::default()
    }
}

fn read(raw: &[u8]) -> Request {
    mail::read(raw, &setting()).unwrap()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder, sorted; none if it is not there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Compares what is read from these mails with the files that stand beside their names; none may be missing.
fn compare(goldens: impl Iterator<Item = (PathBuf, PathBuf)>, least: usize) {
    let (mut count, mut wrong) = (0, Vec::new());
    for (mail, golden) in goldens {
        count += 1;
        let mut request = read(&std::fs::read(&mail).unwrap());
        // The HTML is the input once more; that it is kept is tested elsewhere.
        request.html = None;
        let got = serde_json::to_value(&request).unwrap();
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if serde_json::from_str::<serde_json::Value>(&expected).ok().as_ref() != Some(&got) {
            std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
            std::fs::write(golden.with_extension("got.json"), serde_json::to_string_pretty(&got).unwrap() + "\n")
                .unwrap();
            wrong.push(mail.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    assert!(count >= least, "only {count} golden mails found");
    assert!(wrong.is_empty(), "{} of {count} golden mails differ, see their .got.json: {wrong:?}", wrong.len());
}

fn mails(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    files(folder).into_iter().filter(|path| path.extension().is_some_and(|e| e == "eml"))
}

#[test]
fn golden_mail_reads_as_expected() {
    compare(mails(&root().join("fixtures/mail")).map(|mail| (mail.clone(), mail.with_extension("json"))), 60);
}

/// What other help desks test their intake with: their mails lie beside the project, what is read from them in it.
#[test]
fn other_desks_mail_reads_as_expected() {
    let (collections, goldens) = (root().join("../shared/mail"), root().join("fixtures/collections"));
    let of = |desk: &str| {
        let goldens = goldens.join(desk);
        mails(&collections.join(desk)).map(move |mail| {
            let golden = goldens.join(mail.file_name().unwrap()).with_extension("json");
            (mail, golden)
        })
    };
    compare(of("freescout").chain(of("rt")), 30);
}

#[test]
fn public_collections_are_read_with_sender_and_subject() {
    let folder = root().join("../shared/mail");
    let mut count = 0;
    for path in files(&folder)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "eml" || e == "msg" || e == "txt"))
    {
        let raw = std::fs::read(&path).unwrap();
        let request = match mail::read(&raw, &setting()) {
            Ok(request) => request,
            Err(refusal) => panic!("{}: refused: {}", path.display(), refusal.reason),
        };
        count += 1;
        let headers = header::Headers::parse(&raw);
        let says = |name: &str| headers.raw(name).next().is_some_and(|value| !value.trim_ascii().is_empty());
        // The name may be encoded, the address never is (RFC 2047 §5).
        if headers.raw("From").next().is_some_and(|value| value.contains(&b'@')) {
            let sender =
                !request.from.address.is_empty() || request.oddities.iter().any(|oddity| oddity.contains("sender"));
            assert!(sender, "{}: no sender", path.display());
        }
        let empty =
            [&request.text, &request.quoted, &request.forwarded, &request.signature].iter().all(|part| part.is_empty());
        let stray = |(at, file): (usize, &Attachment)| {
            let unnamed =
                file.name.starts_with("attachment-") && ["text/plain", "text/html"].contains(&&*file.media_type);
            unnamed && mail::attachment(&raw, at).is_some_and(|bytes| bytes.iter().any(u8::is_ascii_alphanumeric))
        };
        assert!(
            !(empty && request.attachments.iter().enumerate().any(stray)),
            "{}: its text is an attachment",
            path.display()
        );
        if says("Subject") && request.via.is_none() {
            assert!(!request.subject.is_empty(), "{}: no subject", path.display());
        }
    }
    assert!(count > 100, "only {count} mails found in {}", folder.display());
}

/// The reply samples: new text and signature together are what the sender wrote.
#[test]
fn reply_samples_give_the_new_text() {
    let folder = root().join("../shared/mail/talon");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (mut wrong, mut count) = (Vec::new(), 0);
    for path in files(&folder) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let expected_beside = folder.join(name.replace(".eml", "_reply_text"));
        let (request, expected) = match path.extension().and_then(|e| e.to_str()) {
            Some("eml") => {
                let expected = if expected_beside.exists() && expected_beside != path {
                    std::fs::read_to_string(expected_beside).unwrap()
                } else {
                    "Hello".to_owned()
                };
                (read(&std::fs::read(&path).unwrap()), expected)
            }
            Some("html") => {
                let page = std::fs::read(&path).unwrap();
                let raw = [&b"From: alex@example.com\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"[..], &page].concat();
                (read(&raw), "Hi. I am fine. Thanks, Alex".to_owned())
            }
            _ => continue,
        };
        count += 1;
        let got = words(&format!("{} {}", request.text, request.signature));
        if got != words(&expected) {
            wrong.push(format!("{name}: {got:?}, expected {expected:?}"));
        }
    }
    assert!(count >= 15, "only {count} samples found in {}", folder.display());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_html_is_kept_as_sent() {
    let raw = b"From: a@b.example\r\nContent-Type: text/html\r\n\r\n<p>a<svg onload=alert(1)></p>";
    assert_eq!(read(raw).html.as_deref(), Some("<p>a<svg onload=alert(1)></p>"));
}

#[test]
fn bombs_are_refused_and_the_next_mail_flows() {
    let refused = |raw: &[u8]| mail::read(raw, &setting()).err().map(|refusal| refusal.reason).unwrap_or_default();
    assert!(refused(&b"Content-Type: message/rfc822\r\n\r\n".repeat(22_000)).contains("nesting"));
    assert!(refused(&b"X-A: b\r\n".repeat(300_000)).contains("header lines"));
    let mut parts = b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".to_vec();
    parts.extend(b"--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n".repeat(10_000));
    assert!(refused(&parts).contains("parts"));
    assert_eq!(read(b"From: a@b.example\r\nSubject: x\r\n\r\nno clicks").text, "no clicks");
}

#[test]
fn a_bomb_inside_base64_is_not_unpacked() {
    use base64::Engine;
    let bomb = base64::engine::general_purpose::STANDARD.encode(b"Content-Type: message/rfc822\r\n\r\n".repeat(22_000));
    let raw = format!(
        "From: a@b.example\r\nSubject: Fwd: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee this\r\n--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{bomb}\r\n--b--\r\n"
    );
    let request = read(raw.as_bytes());
    assert_eq!(request.text, "see this");
    assert_eq!(request.attachments[0].media_type, "message/rfc822");
    assert!(request.oddities.iter().any(|oddity| oddity.contains("bounds")), "{:?}", request.oddities);
}

#[test]
fn headers_cannot_be_injected_and_addresses_not_forged() {
    let request =
        read(b"From: =?utf-8?Q?a@b=00?=@evil\r\nSubject: =?utf-8?Q?a=0D=0ABcc:_v@x?=\r\nTo: x@y.example\r\n\r\nhello");
    assert_ne!(request.from.address, "a@b");
    assert!(request.oddities.iter().any(|oddity| oddity.contains("no readable sender")));
    assert!(!request.subject.contains(['\r', '\n', '\0']));
    assert!(request.no_reply.is_some());
    let request =
        read(b"From: a@b.example\r\nFrom: c@d.example\r\nAuthentication-Results: mx.desk.example; dmarc=pass\r\n\r\nx");
    assert_eq!(request.authentication.dmarc, None);
    let request = read(b"From: a@b.example\r\nAuthentication-Results: evil; dmarc=pass\r\n\r\nx");
    assert_eq!(request.authentication.dmarc, None);
    let request = read(b"From: a@b.example\r\nX-Deskclerk-Loop: 1\r\n\r\nx");
    assert_eq!(request.automated.map(|automated| automated.kind), Some(AutomatedKind::Loop));
}

#[test]
fn what_stands_before_the_headers_or_in_place_of_them() {
    let check = |raw: &[u8], from: &str, text: &str, oddity: &str| {
        let request = read(raw);
        assert_eq!((request.from.address.as_str(), request.text.as_str()), (from, text));
        let told = request.oddities.iter().any(|told| told.contains(oddity));
        assert!(told, "{:?} should hold {oddity:?}", request.oddities);
    };
    check(b"Campaign 71456\n\nPlease stop it today", "", "Campaign 71456\n\nPlease stop it today", "no headers");
    check(b"Problem: no clicks\n\nPlease look", "", "Problem: no clicks\n\nPlease look", "no headers");
    check(b"\n\nHello\n\nno clicks", "", "Hello\n\nno clicks", "no headers");
    check(b"\xef\xbb\xbfFrom: a@b.example\nSubject: x\n\nno clicks", "a@b.example", "no clicks", "byte order mark");
    check(b"\r\nFrom: a@b.example\r\nSubject: x\r\n\r\nno clicks", "a@b.example", "no clicks", "blank lines");
    check(b"From: a@b.example\rMessage-ID: <m@x>\rSubject: x\r\rno\rclicks", "a@b.example", "no\nclicks", "bare CR");
}

#[test]
fn a_robots_form_may_say_that_it_answers() {
    let form = |from: &str, more: &str| {
        let raw = format!(
            "From: {from}\r\nSubject: Re: Contact Us\r\n{more}\r\nFull Name: Ann Lee\r\nE-mail: ann@c.example\r\nMessage: no clicks\r\n"
        );
        read(raw.as_bytes()).from.address
    };
    assert_eq!(form("JotForm <noreply@jotform.example>", ""), "ann@c.example");
    assert_eq!(
        form("JotForm <noreply@jotform.example>", "In-Reply-To: <a@desk.example>\r\n"),
        "noreply@jotform.example"
    );
    assert_eq!(form("Jane <jane@acme.example>", ""), "jane@acme.example");
}

#[test]
fn attachments_are_read_back_by_their_index() {
    let raw = b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee\r\n--b\r\nContent-Type: text/csv; name=\"../../x.csv\"\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\nYTti\r\n--b--\r\n";
    let request = read(raw);
    assert_eq!((request.attachments[0].name.as_str(), request.attachments[0].size), ("x.csv", 3));
    assert_eq!(mail::attachment(raw, 0).as_deref(), Some(&b"a;b"[..]));
    assert_eq!(mail::attachment(raw, 1), None);
}

#[test]
fn uuencoded_files_are_listed_and_read_back() {
    let raw = b"From: a@b.example\r\n\r\nsee\r\nbegin 644 ../x.txt\r\n#0V%T\r\n`\r\nend\r\n";
    let request = read(raw);
    assert_eq!(request.text, "see");
    assert_eq!((request.attachments[0].name.as_str(), request.attachments[0].size), ("x.txt", 3));
    assert_eq!(mail::attachment(raw, 0).as_deref(), Some(&b"Cat"[..]));
}

#[test]
fn binary_data_in_place_of_text_is_refused_damage_is_not() {
    let refused = |raw: &[u8]| mail::read(raw, &setting()).err().map(|refusal| refusal.reason);
    let junk: Vec<u8> = (0..2_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mail = [&b"From: a@b.example\r\nSubject: x\r\n\r\n"[..], &junk].concat();
    assert!(refused(&mail).is_some_and(|reason| reason.contains("undecodable")));
    assert!(refused(&junk).is_some());
    let utf16 = b"From: a@b.example\r\nContent-Type: text/plain; charset=utf-16\r\n\r\n";
    assert!(refused(&[&utf16[..], &junk].concat()).is_some(), "most of it is letters that nobody writes");
    // One word of it cannot be read, and UTF-16 without a label holds a NUL in every character.
    assert_eq!(refused(b"From: a@b.example\r\n\r\nno clicks since \x01\x02, please look at campaign 48213"), None);
    let wide: Vec<u8> = "no clicks".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(refused(&[&b"From: a@b.example\r\n\r\n"[..], &wide].concat()), None);
    // An attachment may hold what it likes.
    let attached = [&b"From: a@b.example\r\nContent-Type: application/octet-stream\r\n\r\n"[..], &junk].concat();
    assert_eq!(refused(&attached), None);
}

#[test]
fn an_agents_forward_names_the_customer() {
    let body = "please handle\r\n\r\n---------- Forwarded message ---------\r\nFrom: Gil <gil@kestrel.example>\r\nDate: Fri, 4 Apr 2025\r\nSubject: Order\r\nTo: x@y.example\r\n\r\nno clicks in 41006\r\n";
    let request = read(format!("From: Dana <dana@desk.example>\r\nSubject: Fwd: Order\r\n\r\n{body}").as_bytes());
    assert_eq!(request.from.address, "gil@kestrel.example");
    assert_eq!(request.via.unwrap().address, "dana@desk.example");
    let request = read(format!("From: Tom <tom@kestrel.example>\r\nSubject: Fwd: Order\r\n\r\n{body}").as_bytes());
    assert_eq!(request.from.address, "tom@kestrel.example");
    assert_eq!(request.forwarded_from.unwrap().address, "gil@kestrel.example");
}

#[test]
fn an_agents_forward_is_answered_in_the_customers_language() {
    let words = "Hallo Dana, die Kampagne 48213 hat seit Montag keine Klicks mehr, bitte sehen Sie nach.";
    for (marker, labels, note) in [
        (
            "---------- Forwarded message ---------",
            ["From", "Date", "Subject", "To"],
            "Hi team, can you please take this one today?",
        ),
        ("Inicio del mensaje reenviado:", ["De", "Fecha", "Asunto", "Para"], ""),
    ] {
        let [from, date, subject, to] = labels;
        let raw = format!(
            "From: Dana <dana@desk.example>\r\nSubject: Fwd: x\r\n\r\n{note}\r\n\r\n{marker}\r\n{from}: Klaus <klaus@obst.example>\r\n{date}: 6.8.2025\r\n{subject}: The report of the week\r\n{to}: Dana <dana@desk.example>\r\n\r\n{words}\r\n"
        );
        let request = read(raw.as_bytes());
        assert_eq!(request.from.address, "klaus@obst.example");
        assert_eq!(request.language.as_deref(), Some("de"), "{raw}");
    }
}

#[test]
fn an_agents_forward_needs_nothing_that_speaks_against_it() {
    let check = |verdict: &str, from: &str, inner: &str, expected: &str| {
        let verdict = match verdict {
            "" => String::new(),
            verdict => format!("Authentication-Results: mx.desk.example; dmarc={verdict}\r\n"),
        };
        let raw = format!(
            "{verdict}From: {from}\r\nSubject: Fwd: x\r\n\r\nplease\r\n\r\n---------- Forwarded message ---------\r\nFrom: {inner}\r\nDate: Fri, 4 Apr 2025\r\nSubject: x\r\nTo: y@x.example\r\n\r\nno clicks\r\n"
        );
        let request = read(raw.as_bytes());
        assert_eq!(request.from.address, expected, "{request:#?}");
        assert!(request.forwarded_from.is_some());
    };
    let (agent, gil) = ("Dana <dana@desk.example>", "Gil <gil@kestrel.example>");
    for verdict in ["pass", "none", ""] {
        check(verdict, agent, gil, "gil@kestrel.example");
    }
    for verdict in ["fail", "permerror"] {
        check(verdict, agent, gil, "dana@desk.example");
    }
    check("pass", "Tom <tom@kestrel.example>", gil, "tom@kestrel.example");
    // Through a team mate's forward, and not to the desk itself.
    let chain = "Desk <support@desk.example>\r\nDate: Fri, 4 Apr 2025\r\nSubject: Fwd: x\r\nTo: dana@desk.example\r\n\r\n---------- Forwarded message ---------\r\nFrom: Gil <gil@kestrel.example>";
    check("pass", agent, chain, "gil@kestrel.example");
    check("pass", agent, "Desk <support@desk.example>", "dana@desk.example");
}

/// Words that a reader must find again, wherever they stand in the body of a mail.
fn every_word_stands(body: &str, subject: &str) -> Result<(), String> {
    for kind in [
        "Content-Type: text/plain; charset=utf-8",
        "X-None: x",
        "Content-Type: plain/text",
        "Content-Type: multipart/mixed; boundary=b",
    ] {
        let raw = if kind.contains("boundary") {
            format!("From: Forms <forms@x.example>\r\nSubject: {subject}\r\n{kind}\r\n\r\n--b\r\n\r\n{body}\r\n")
        } else {
            format!("From: Forms <forms@x.example>\r\nSubject: {subject}\r\n{kind}\r\n\r\n{body}\r\n")
        };
        let request = read(raw.as_bytes());
        let fields: Vec<String> =
            request.fields.iter().map(|field| format!("{} {}", field.label, field.value)).collect();
        let all = [
            &request.text,
            &request.quoted,
            &request.signature,
            &request.forwarded,
            &fields.join("\n"),
            &request.subject,
        ]
        .map(|part| part.to_lowercase())
        .join("\n");
        let found: std::collections::HashSet<&str> = all.split(|c: char| !c.is_alphanumeric()).collect();
        if let Some(lost) = body.to_lowercase().split(|c: char| !c.is_alphanumeric()).find(|word| !found.contains(word))
        {
            return Err(format!("{lost:?} is lost: {request:#?}"));
        }
    }
    Ok(())
}

/// Lines that mean something to the reader, to be shuffled.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~äöüßéñ]{0,80}",
        Just(String::new()),
        Just("> quoted words of an older mail".to_owned()),
        Just(">> deeper".to_owned()),
        Just("On Mon, Mar 31, 2025 at 4:12 PM Support <s@desk.example> wrote:".to_owned()),
        Just("Am 03.04.2025 um 09:14 schrieb Support:".to_owned()),
        Just("From: Support <s@desk.example>".to_owned()),
        Just("Sent: Wednesday, 2 April 2025 10:41".to_owned()),
        Just("To: Claudia <c@x.example>".to_owned()),
        Just("Subject: list".to_owned()),
        Just("---------- Forwarded message ---------".to_owned()),
        Just("-----Original Message-----".to_owned()),
        Just("##- Please type your reply above this line -##".to_owned()),
        Just("-- ".to_owned()),
        Just("________________________________".to_owned()),
        Just("Best regards".to_owned()),
        Just("Thanks,".to_owned()),
        Just("Jane Roe".to_owned()),
        Just("Tel. +49 40 555 0137".to_owned()),
        Just("Sent from my iPhone".to_owned()),
        Just("Campaign ID: 48213".to_owned()),
        Just("Help Topic: Reports".to_owned()),
        Just("Email: jane@acme.example".to_owned()),
        Just("Description: no clicks".to_owned()),
        Just("This email and any attachments are confidential.".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn reading_is_total(raw in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = mail::read(&raw, &setting());
    }

    #[test]
    fn reading_mime_is_total(
        head in "(From: [ -~]{0,40}\r\n|Subject: ([ -~äß封]|=\\?utf-8\\?[QB]\\?[a-z=_]{0,8}(\\?=)?){0,30}\r\n|Content-Type: (text/(plain|html)|multipart/(mixed|alternative|report)|message/rfc822)(; [a-z-]{1,10}=\"?[a-z0-9]{0,9}\"?){0,2}\r\n|Content-Transfer-Encoding: (base64|quoted-printable|8bit)\r\n){0,8}",
        body in proptest::collection::vec(any::<u8>(), 0..1_500),
    ) {
        let raw = [head.as_bytes(), b"\r\n", &body].concat();
        let _ = mail::read(&raw, &setting());
        let _ = mail::attachment(&raw, 0);
    }

    #[test]
    fn html_is_total(page in "(<[a-z!/]{0,8}( [a-z]{1,6}=[\"']?[ -~]{0,12}[\"']?)?>?|&[#a-z0-9]{0,8};?|[ -~äß\n]{0,12}){0,60}") {
        let body = html::read(&page);
        for at in 0..body.lines.len() {
            let _ = body.line(at);
        }
    }

    /// No word of a body is lost, whatever the mail is taken for: a form, an answer, a forward.
    #[test]
    fn every_word_stands_in_some_part(
        lines in proptest::collection::vec(line(), 1..30),
        subject in prop_oneof![Just("New support request"), Just("Re: clicks"), Just("Fwd: clicks"), Just("clicks")],
    ) {
        let body = lines.join("\r\n");
        if let Err(lost) = every_word_stands(&body, subject) {
            return Err(TestCaseError::fail(lost));
        }
    }

    /// Every line is in exactly one part, and each part holds its lines in their order.
    #[test]
    fn the_parts_cover_the_body_in_order(lines in proptest::collection::vec(line(), 0..40), forward in any::<bool>(), reply in any::<bool>()) {
        let body = Body::plain(&lines.join("\n"));
        let parts = quote::split(&body, &Context { sender: "Jane Roe <jane@acme.example>", forward, reply, ..Context::default() }, &Reading::shipped());
        prop_assert_eq!(parts.kinds.len(), body.lines.len());
        for (kind, text) in [(Kind::New, &parts.text), (Kind::Quoted, &parts.quoted), (Kind::Signature, &parts.signature), (Kind::Forwarded, &parts.forwarded)] {
            let written: Vec<&str> = (0..body.lines.len()).filter(|at| parts.kinds[*at] == kind).map(|at| body.line(at)).filter(|line| !line.trim().is_empty()).collect();
            let kept: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
            prop_assert_eq!(kept, written);
        }
    }
}
