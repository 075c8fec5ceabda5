//! The pages in a real Chromium: what axe-core finds (nothing), and the form as a person fills it in.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::TestDesk;
use crate::servers::chromium::Chromium;

/// axe-core, as `tests/run` installs it.
fn axe() -> String {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/lib")];
    while let Some(folder) = folders.pop() {
        let inside: Vec<PathBuf> =
            fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
        if let Some(found) = inside.iter().find(|path| path.ends_with("axe_playwright_python/axe.min.js")) {
            return fs::read_to_string(found).unwrap();
        }
        let wanted = |path: &PathBuf| {
            path.file_name().is_some_and(|name| {
                let name = name.to_str().unwrap_or_default();
                name.starts_with("python3") || name == "site-packages" || name == "axe_playwright_python"
            })
        };
        folders.extend(inside.into_iter().filter(wanted));
    }
    panic!("axe-core is not there: tests/run installs it into target/venv");
}

/// Nothing on the page that is open keeps anybody out: all rules of axe-core, and in the dark the colours once more.
fn accessible(browser: &Chromium, axe: &str, what: &str) {
    browser.run(&format!("{axe}; return null"));
    for (scheme, rules) in [("light", "{}"), ("dark", "{runOnly: ['color-contrast']}")] {
        let report = browser.run(&format!(
            "document.documentElement.style.colorScheme = '{scheme}';
             const told = (rules) => rules.map((rule) => [rule.id, rule.nodes.map((node) => node.html + node.failureSummary)]);
             return axe.run({rules}).then(({{violations, passes, incomplete}}) =>
                ({{passes: passes.length, violations: told(violations), incomplete: told(incomplete)}}))"
        ));
        assert!(report["passes"].as_u64().unwrap() > if scheme == "light" { 15 } else { 0 }, "{what}: {report}");
        assert_eq!(report["violations"], json!([]), "{what}, {scheme}");
        let untold = report["incomplete"].as_array().unwrap().iter().any(|rule| rule[0] == "color-contrast");
        assert!(!untold, "{what}, {scheme}: contrast that cannot be told: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_fill_in_the_form() {
    let desk = TestDesk::with(|config| {
        config.form.least_secs = 0;
        config.form.proof_of_work_bits = 8;
        config.support.phone = "+49 30 1234".into();
        config.support.chat = "https://chat.example.com".into();
        config.hours.sunday = String::new();
    })
    .await;
    desk.directory("campaign_id,name,account,contacts\n48213,Spring Launch,Acme,acme.example\n").await;
    let (axe, browser) = (axe(), Chromium::start());
    let at = |path: &str| format!("http://{}{path}", desk.address);

    browser.open(&at("/submit?lang=en"));
    accessible(&browser, &axe, "the empty form");
    // Everything is wrong: the summary has the focus, and leads to the fields.
    browser.click("#send");
    browser.until("the summary", "return document.activeElement.id === 'faults'");
    accessible(&browser, &axe, "the form with faults");
    browser.click("#faults a[href='#description']");
    browser.until("the field", "return document.activeElement.id === 'description'");

    browser.type_into("#description", "The report shows no clicks since Monday although we had visitors.");
    browser.run("document.querySelector('#topic').value = 'reporting'; document.querySelector('#topic').dispatchEvent(new Event('change')); return null");
    let hints = "const shown = [...document.querySelectorAll('.helps section')].filter((one) => !one.hidden);
                 return document.querySelector('.helps').open && shown.length === 1 && shown[0].innerText";
    assert!(browser.until("hints", hints).as_str().unwrap().contains("Reports"));
    let live = "return document.querySelector('#campaign_id-live').innerText || null";
    browser.type_into("#campaign_id", "4821");
    assert!(browser.until("the live check", live).as_str().unwrap().contains("does not look like"));
    browser.type_into("#campaign_id", "3");
    browser.until(
        "the live check",
        "return document.querySelector('#campaign_id-live').innerText.startsWith('This looks like')",
    );
    browser.type_into("#email", "jane@acme.example");
    let file = desk.folder.path().join("shot.png");
    fs::write(&file, b"\x89PNG").unwrap();
    browser.type_into("#attachments", file.to_str().unwrap());
    accessible(&browser, &axe, "the filled form");
    let trap = browser.run(
        "const box = document.querySelector('#website').getBoundingClientRect();
                            return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)?.id ?? ''",
    );
    assert_ne!(trap, json!("website"), "people see the trap");
    browser.click("#send");
    let number =
        "return location.pathname.startsWith('/submit/thanks/') && document.body.innerText.match(/#(\\d+)/)?.[1]";
    let number: i64 = browser.until("the ticket's number", number).as_str().unwrap().parse().unwrap();
    accessible(&browser, &axe, "the thank-you page");
    let ticket = desk.desk.store.ticket(number).await.unwrap().unwrap();
    assert_eq!((ticket.topic.as_str(), ticket.campaign_id.as_deref()), ("reporting", Some("48213")));
    let request = desk.desk.store.messages(number).await.unwrap().remove(0).request.unwrap();
    assert_eq!((request.attachments.len(), request.attachments[0].size), (1, 4));

    for path in ["/support?lang=de", "/submit?lang=fr", "/api"] {
        browser.open(&at(path));
        accessible(&browser, &axe, path);
        let wide = browser.run("return document.documentElement.scrollWidth > window.innerWidth");
        assert_eq!(wide, Value::Bool(false), "{path} scrolls sideways");
    }
    browser.open(&at("/submit/thanks/nothing"));
    accessible(&browser, &axe, "a page that tells of trouble");
}
