//! How fast a campaign is identified among 100,000 and 1,000,000, and what the directory costs to build.
//!
//! `cargo bench --bench campaigns`. Baselines in the same run: a linear scan of all names with the rapidfuzz crate, and
//! one regex alternation of all names. Directory and mails are generated, the same in every run. Prints build times,
//! growth of resident memory, and the median and 99th percentile a mail, then criterion's own figures.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use deskclerk::campaigns::{self, Campaign, Directory, Hints};
use deskclerk::request::Request;

/// SplitMix64: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }
}

const SYLLABLES: [&str; 24] = [
    "ba", "cor", "dan", "el", "fir", "gol", "har", "in", "jun", "kel", "lor", "mar", "nor", "or", "pel", "quin", "ros",
    "sel", "tor", "ul", "ver", "wes", "yar", "zen",
];
const THEMES: [&str; 16] = [
    "Spring Sale",
    "Black Friday",
    "Back to School",
    "Brand Awareness",
    "Lead Gen",
    "Product Launch",
    "Loyalty Program",
    "Newsletter Signup",
    "Mother's Day",
    "Gift Guide",
    "Free Trial",
    "Open House",
    "Giving Day",
    "Win-Back",
    "Webinar",
    "Clearance",
];
const REGIONS: [&str; 10] = ["US", "UK", "DACH", "West", "East", "Nordics", "Benelux", "Iberia", "München", "Lyon"];
const CHANNELS: [&str; 6] = ["Search", "Display", "Video", "Social", "Email", "Native"];

fn brand(dice: &mut Dice) -> String {
    let mut word: String = (0..2 + dice.roll(2)).map(|_| dice.pick(&SYLLABLES)).collect();
    word[..1].make_ascii_uppercase();
    word
}

fn generate(count: usize) -> Vec<Campaign> {
    let mut dice = Dice(7);
    let mut list = Vec::with_capacity(count);
    while list.len() < count {
        let account = format!("{} {}", brand(&mut dice), brand(&mut dice));
        let contacts = vec![format!("{}.example", account.replace(' ', "-").to_lowercase())];
        for _ in 0..10 + dice.roll(20) {
            let name = format!(
                "{account} - {} {} - {} - {}",
                dice.pick(&THEMES),
                2023 + dice.roll(4),
                dice.pick(&REGIONS),
                dice.pick(&CHANNELS)
            );
            let id = format!("CMP-{:07}", list.len() * 7 + 1_000_003);
            list.push(Campaign {
                id,
                name,
                account: account.clone(),
                contacts: contacts.clone(),
                ..Campaign::default()
            });
        }
    }
    list.truncate(count);
    list
}

const FILLER: [&str; 12] = [
    "We have checked this on our side and could not find an obvious reason.",
    "The account team mentioned that something similar happened in the spring.",
    "Our weekly review is on Thursday, so an answer before then would help a lot.",
    "Click-through looked fine until the weekend and then dropped by about a third, from 4,118 to 2,790.",
    "Please keep the targeting as it is, only the setting above should change.",
    "The audience list was refreshed and should have about 12,400 entries now.",
    "Können Sie das bitte prüfen und mir kurz Bescheid geben? Wir müssen die Änderung übermorgen live haben.",
    "Nous avons déjà vérifié les paramètres de notre côté, mais le problème persiste depuis la mise à jour d'hier.",
    "Finance asked me to confirm the amount of $4,500.00 in writing, invoice 2025-40911.",
    "You can call me at +1 503 555 0148 or look at https://app.example/reports/2025/overview for the numbers.",
    "On mobile everything appears to be normal, the problem only shows on desktop.",
    "La campaña dejó de registrar conversiones después del fin de semana, ¿podrían revisarlo mañana?",
];

/// Mails of 4 to 8 KB that name a campaign by id, by name, misspelt, shortened, or not at all.
fn mails(list: &[Campaign], count: usize) -> Vec<Request> {
    let mut dice = Dice(11);
    (0..count)
        .map(|at| {
            let campaign = &list[dice.roll(list.len())];
            let mention = match at % 6 {
                0 => format!("Please look at campaign ID {}.", campaign.id),
                1 => format!("It is about \"{}\".", campaign.name),
                2 => format!("our {} campaign has stopped", campaign.name.to_lowercase()),
                3 => {
                    let mut name: Vec<char> = campaign.name.chars().collect();
                    name.remove(2);
                    format!("The campaign {} does not deliver.", name.into_iter().collect::<String>())
                }
                4 => {
                    let short: Vec<&str> = campaign.name.split(" - ").take(2).collect();
                    format!("The report of {} is empty.", short.join(" "))
                }
                _ => "My campaign is not running.".to_owned(),
            };
            let mut text = String::new();
            let size = 4_096 + dice.roll(4_096);
            let place = dice.roll(20);
            let mut sentences = 0;
            while text.len() < size {
                if sentences == place {
                    text.push_str(&mention);
                }
                text.push_str(dice.pick(&FILLER));
                text.push_str(if sentences % 5 == 4 { "\n\n" } else { " " });
                sentences += 1;
            }
            Request { subject: "Question about our account".into(), text, ..Request::default() }
        })
        .collect()
}

/// Resident memory in MB.
fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0.0);
    pages * 4096.0 / 1e6
}

/// Seconds that this thread has run on a processor: what a busy machine does not lengthen.
fn on_processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1e9
}

fn identification(c: &mut Criterion) {
    let hints = Hints::shipped();
    let mut group = c.benchmark_group("identify");
    group.sample_size(10);
    for count in [100_000, 1_000_000] {
        let before = resident();
        let list = generate(count);
        let records = resident() - before;
        let (start, busy) = (Instant::now(), on_processor());
        let directory = Directory::build(list);
        println!(
            "{count} campaigns: built in {:.2} s, {:.2} s on the processor (groups of look-alikes included), resident +{:.0} MB of which records {records:.0} MB",
            start.elapsed().as_secs_f64(),
            on_processor() - busy,
            resident() - before,
        );
        let mails = mails(directory.campaigns(), 600);
        let mut times: Vec<u128> = vec![];
        let busy = on_processor();
        for _ in 0..5 {
            for mail in &mails {
                let start = Instant::now();
                black_box(campaigns::identify(mail, &directory, hints));
                times.push(start.elapsed().as_nanos());
            }
        }
        let mean = (on_processor() - busy) * 1e6 / times.len() as f64;
        times.sort_unstable();
        let at = |share: usize| times[times.len() * share / 1000] as f64 / 1000.0;
        println!("{count} campaigns, µs a mail ({} timed, {mean:.0} on the processor on average):", times.len());
        for (name, share) in [("least", 0), ("10 %", 100), ("median", 500), ("90 %", 900), ("p99", 990), ("p99.9", 999)]
        {
            println!("  {name:>8} {:>8.0}", at(share));
        }
        let mut next = mails.iter().cycle();
        group.bench_function(format!("{count}"), |b| {
            b.iter(|| campaigns::identify(next.next().unwrap(), &directory, hints));
        });
        if count == 100_000 {
            let start = Instant::now();
            let groups = directory.similar_groups(None, 0).count();
            println!("{count} campaigns: {groups} groups listed in {:.2} s", start.elapsed().as_secs_f64());
            baselines(&directory, &mails);
        }
    }
    group.finish();
}

/// What the same question costs without an index, a few mails each.
fn baselines(directory: &Directory, mails: &[Request]) {
    let names: Vec<String> = directory.campaigns().iter().map(|campaign| campaign.name.to_lowercase()).collect();
    let start = Instant::now();
    let sample = 2;
    for mail in mails.iter().skip(1).take(sample) {
        let text = mail.text.to_lowercase();
        // One sentence only: the whole text against every name would take minutes.
        let sentence = text.split('.').find(|part| part.contains("about")).unwrap_or(&text);
        let scorer = rapidfuzz::fuzz::RatioBatchComparator::new(sentence.chars());
        black_box(names.iter().map(|name| scorer.similarity(name.chars())).fold(0.0, f64::max));
    }
    println!(
        "baseline rapidfuzz, linear, one sentence a mail: {:.0} µs",
        start.elapsed().as_micros() as f64 / sample as f64
    );
    let pattern: Vec<String> = names.iter().take(20_000).map(|name| regex::escape(name)).collect();
    let start = Instant::now();
    let alternation = regex::RegexBuilder::new(&pattern.join("|")).size_limit(1 << 30).build().unwrap();
    let built = start.elapsed();
    let start = Instant::now();
    for mail in mails.iter().take(20) {
        black_box(alternation.find(&mail.text.to_lowercase()));
    }
    println!(
        "baseline regex alternation of 20,000 names (exact spelling only): built in {:.2} s, {:.0} µs a mail",
        built.as_secs_f64(),
        start.elapsed().as_micros() as f64 / 20.0
    );
}

criterion_group!(benches, identification);
criterion_main!(benches);
