//! The house rules as tests: which module may use which, what the core must not touch, and that every file opens with
//! `//!`. Each failure names file and line.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// The modules in reading order; each may use only those above it. The three edges never use one another.
const ORDER: [&str; 14] = [
    "config",
    "request",
    "campaigns",
    "rules",
    "triage",
    "ticket",
    "reply",
    "store",
    "desk",
    "intake",
    "delivery",
    "web",
    "daemon",
    "cli",
];
const EDGES: [&str; 3] = ["intake", "delivery", "web"];
const CORE: [&str; 6] = ["request", "campaigns", "rules", "triage", "ticket", "reply"];

/// What would bring I/O, tasks, clocks or chance into the core. Threads that end before the call does (`thread::scope`) bring
/// none of it.
const NOT_IN_CORE: [&str; 17] = [
    "tokio::",
    "std::fs",
    "std::{fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::process",
    "thread::spawn",
    "thread::Builder",
    "thread::sleep",
    "std::time::SystemTime",
    "std::time::Instant",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "rand::",
    "sqlx::",
];

struct Line {
    file: PathBuf,
    number: usize,
    module: String,
    text: String,
}

fn sources() -> Vec<PathBuf> {
    let mut found = vec![];
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 20, "found only {} source files", found.len());
    found.sort();
    found
}

/// The code lines of `src/<module>/` outside unit tests and comments.
fn lines() -> Vec<Line> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut lines = vec![];
    for file in sources() {
        let relative = file.strip_prefix(&src).unwrap().to_path_buf();
        let module = relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        if module == "lib" || module == "main" {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        // A `use` that is broken over lines is one.
        let mut open: Option<Line> = None;
        for (index, line) in text.lines().enumerate() {
            if line.trim() == "#[cfg(test)]" {
                break; // unit tests stand at the end of a file
            }
            if line.trim_start().starts_with("//") {
                continue;
            }
            let (file, number, module) = (relative.clone(), index + 1, module.clone());
            let mut whole = open.take().unwrap_or(Line { file, number, module, text: String::new() });
            whole.text.push_str(line);
            let is_use =
                ["use ", "pub use ", "pub(crate) use "].iter().any(|word| whole.text.trim_start().starts_with(word));
            if is_use && !line.contains(';') { open = Some(whole) } else { lines.push(whole) }
        }
    }
    lines
}

/// The top-level modules that a line names after `crate::`, also in `crate::{a, b::c}`.
fn named(line: &str) -> Vec<String> {
    let mut names = vec![];
    for (at, _) in line.match_indices("crate::") {
        let rest = &line[at + "crate::".len()..];
        let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        match rest.strip_prefix('{') {
            None => names.push(word(rest)),
            Some(list) => {
                let (mut depth, mut start) = (0, 0);
                for (index, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => {
                            names.push(word(list[start..index].trim()));
                            break;
                        }
                        '}' => depth -= 1,
                        ',' if depth == 0 => {
                            names.push(word(list[start..index].trim()));
                            start = index + 1;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    names
}

#[test]
fn no_module_looks_down() {
    let mut faults = vec![];
    for line in lines() {
        let own = ORDER.iter().position(|module| *module == line.module);
        let own = own.unwrap_or_else(|| panic!("src/{} is no room of the house", line.module));
        // By way of its parents a file would get around this test.
        if line.text.contains("super::super::") {
            faults.push(format!("src/{}:{}: write crate:: for super::super::", line.file.display(), line.number));
        }
        // In the first file of a room its parent is the house.
        let above = if line.file.iter().count() == 1 || line.file.ends_with("mod.rs") && line.file.iter().count() == 2 {
            named(&line.text.replace("super::", "crate::"))
        } else {
            named(&line.text)
        };
        for used in above {
            let Some(position) = ORDER.iter().position(|module| *module == used) else { continue };
            let edge = EDGES.contains(&line.module.as_str()) && EDGES.contains(&used.as_str()) && used != line.module;
            if position > own || edge {
                faults.push(format!("src/{}:{}: {} uses {used}", line.file.display(), line.number, line.module));
            }
        }
    }
    assert!(faults.is_empty(), "the import rule is broken:\n{}", faults.join("\n"));
}

#[test]
fn the_core_has_no_io_clock_or_chance() {
    let mut faults = vec![];
    let lines = lines();
    // Secrets are read where they are needed, by doors and delivery; config only lends them its one reader.
    let core = |line: &&Line| CORE.contains(&line.module.as_str()) && !line.file.ends_with("config/secret.rs");
    for line in lines.iter().filter(core) {
        for word in NOT_IN_CORE.iter().filter(|word| line.text.contains(**word)) {
            faults.push(format!("src/{}:{}: {word}", line.file.display(), line.number));
        }
    }
    assert!(faults.is_empty(), "not in the core:\n{}", faults.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<String> = sources()
        .into_iter()
        .filter(|file| !fs::read_to_string(file).unwrap().starts_with("//! "))
        .map(|file| format!("{}:1: does not open with //!", file.display()))
        .collect();
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

#[test]
fn lib_rs_lists_the_rooms_in_order() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let listed: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("pub mod ")).map(|name| name.trim_end_matches(';')).collect();
    assert_eq!(listed, ORDER);
}

#[test]
fn the_reader_of_use_lines_sees_groups() {
    assert_eq!(named("use crate::{store, desk::Desk};"), ["store", "desk"]);
    assert_eq!(named("use crate::request::{Request, evidence::Where};"), ["request"]);
    assert_eq!(named("crate::web::run(crate::desk::x)"), ["web", "desk"]);
}
