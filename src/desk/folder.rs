//! A rules folder as it lies on disk: its texts, and the files that nobody reads.
//!
//! Only regular files within the folder are opened, each up to a bound: a pipe would hold the reader for ever.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::config::fault::Fault;
use crate::rules::sheet::nearest;
use crate::rules::{Files, Rules};

/// Larger files are no rules: refused before they are read.
const FILE_BYTES: u64 = 4 * 1024 * 1024;
/// All of them together.
const ALL_BYTES: usize = 64 * 1024 * 1024;
/// Files in a folder; no rules need as many.
const ENTRIES: usize = 10_000;
/// How the names of files that are read end.
const ENDS: [&str; 4] = ["toml", "csv", "txt", "html"];
/// The folders that are read.
const FOLDERS: [&str; 4] = ["topics", "reading", "replies", "hooks"];

/// The texts of a rules folder; an empty path: the shipped ones.
pub fn read(folder: &Path) -> Result<Files, Vec<Fault>> {
    let (files, faults) = gather(folder);
    if faults.is_empty() { Ok(files) } else { Err(faults) }
}

/// Likewise, with faults as well, to be looked at: of a file that cannot be read there is what can.
pub fn gather(folder: &Path) -> (Files, Vec<Fault>) {
    let mut faults = vec![];
    if folder.as_os_str().is_empty() {
        return (Rules::shipped_files(), faults);
    }
    let entries = walk(folder, &mut faults);
    let mut files = Files::new();
    let mut left = ALL_BYTES;
    for (name, path) in entries.into_iter().filter(|(_, path)| path.extension().is_some_and(is_read)) {
        let bytes = bytes(&path, &mut left).unwrap_or_else(|(message, remedy)| {
            faults.push(fault(&path, 0, &message, remedy));
            vec![]
        });
        // No file of rules has a zero byte; as UTF-16 every second one is, also where nothing at its head says so.
        if memchr::memchr(0, &bytes).is_some() {
            faults.push(fault(&path, 0, "is UTF-16, or no text", "save it as UTF-8"));
            files.insert(name, "".into());
            continue;
        }
        let text = String::from_utf8(bytes).unwrap_or_else(|error| {
            let good = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..good].iter().filter(|byte| **byte == b'\n').count() + 1;
            faults.push(fault(&path, line, "is not UTF-8 on this line", "save it as UTF-8"));
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        });
        files.insert(name, text.into());
    }
    if faults.is_empty() && !files.keys().any(|name| name.starts_with("topics/") && name.ends_with(".toml")) {
        faults.push(fault(
            folder,
            0,
            "holds no rules, for there is no topic in it",
            "name a folder that has topics/*.toml",
        ));
    }
    (files, faults)
}

/// The files of a rules folder that nobody reads, each with the name that was perhaps meant. Hidden files and Markdown are
/// nobody's business.
pub fn unread(folder: &Path) -> Vec<Fault> {
    if folder.as_os_str().is_empty() {
        return vec![];
    }
    let shipped = Rules::shipped_files();
    let at_top: Vec<&str> = shipped.keys().map(String::as_str).filter(|name| !name.contains('/')).collect();
    let mut found = vec![];
    for (name, path) in walk(folder, &mut vec![]) {
        if path.is_dir() && !path.extension().is_some_and(is_read) {
            found.push(fault(&path, 0, "is a link to a folder, which is not followed", "take it out of the folder"));
            continue;
        }
        let meant = match name.split_once('/') {
            _ if name.ends_with(".md") || at_top.contains(&name.as_str()) => continue,
            // A topic that was laid beside the folder of topics.
            None if holds_topic(&path) => Some(format!("topics/{name}")),
            None => nearest(&name, &at_top).map(str::to_owned),
            Some((place, rest)) if FOLDERS.contains(&place) => match Path::new(rest).extension() {
                Some(end) if end == "toml" || (place == "replies" && is_read(end)) => continue,
                // "access.toml.bak" is what it was copied from, and no more where that is still there.
                _ => match Path::new(&name).with_extension("") {
                    bare if bare.extension().is_some_and(is_read) => {
                        if folder.join(&bare).exists() {
                            let message = format!("is read by nobody, and {} is", bare.display());
                            found.push(fault(&path, 0, &message, "take it out of the folder"));
                            continue;
                        }
                        bare.to_str().map(str::to_owned)
                    }
                    bare => bare.with_extension("toml").to_str().map(str::to_owned),
                },
            },
            Some((place, rest)) => nearest(place, &FOLDERS).map(|right| format!("{right}/{rest}")),
        };
        let remedy = match meant {
            Some(right) => format!("name it {right}, or take it out of the folder"),
            None => format!("take it out; read are {}/ and {}", FOLDERS.join("/, "), at_top.join(", ")),
        };
        found.push(fault(&path, 0, "is read by nobody", &remedy));
    }
    found
}

/// Whether a file seems to be a topic: it has an id.
fn holds_topic(path: &Path) -> bool {
    let has_id = |text: String| {
        text.lines()
            .take_while(|line| !line.starts_with('['))
            .any(|line| line.trim_start().strip_prefix("id").is_some_and(|rest| rest.trim_start().starts_with('=')))
    };
    let small = fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() <= FILE_BYTES);
    small && path.extension().is_some_and(|end| end == "toml") && fs::read_to_string(path).is_ok_and(has_id)
}

/// A fault by the file's name within the folder, as the rules' own faults have it; of the folder itself by its path.
pub fn within(folder: &Path, fault: Fault) -> Fault {
    match Path::new(&fault.file).strip_prefix(folder) {
        Ok(name) if name != Path::new("") => Fault { file: name.display().to_string(), ..fault },
        _ => fault,
    }
}

fn is_read(end: &std::ffi::OsStr) -> bool {
    ENDS.iter().any(|read| end == *read)
}

/// All files below a folder that are not hidden, by name with `/`. Links are followed to files within the folder only: one
/// to a folder could lead back up.
fn walk(root: &Path, faults: &mut Vec<Fault>) -> Vec<(String, PathBuf)> {
    let mut found = vec![];
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                faults.push(fault(&folder, 0, &format!("cannot be read: {error}"), "check path and rights"));
                continue;
            }
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            let Ok(kind) = fs::symlink_metadata(&path) else { continue };
            if name.rsplit('/').next().is_some_and(|last| last.starts_with('.')) {
                continue;
            }
            if found.len() >= ENTRIES {
                let message = format!("holds more than {ENTRIES} files");
                faults.push(fault(root, 0, &message, "name a folder that holds rules alone"));
                return found;
            }
            if kind.is_dir() {
                folders.push(path);
            } else if let Some((message, remedy)) = kind.is_symlink().then(|| astray(root, &path)).flatten() {
                faults.push(fault(&path, 0, &message, remedy));
            } else {
                found.push((name, path));
            }
        }
    }
    found.sort();
    found
}

/// What is wrong with a symbolic link.
fn astray(root: &Path, link: &Path) -> Option<(String, &'static str)> {
    match (root.canonicalize(), link.canonicalize()) {
        (_, Err(error)) => Some((format!("is a symbolic link that leads nowhere: {error}"), "delete it")),
        (Ok(root), Ok(path)) if path.starts_with(&root) => None,
        _ => Some(("is a symbolic link out of the rules folder".into(), "copy the file instead")),
    }
}

fn bytes(path: &Path, left: &mut usize) -> Result<Vec<u8>, (String, &'static str)> {
    let unreadable = |error: std::io::Error| (format!("cannot be read: {error}"), "check its rights");
    let found = fs::metadata(path).map_err(unreadable)?;
    if found.is_dir() {
        return Err(("is a symbolic link to a folder".into(), "copy the folder instead"));
    }
    if !found.is_file() {
        return Err(("is no regular file".into(), "take it out of the folder"));
    }
    if found.len() > FILE_BYTES {
        return Err((format!("has {} bytes, over the bound of {FILE_BYTES}", found.len()), "split it"));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(FILE_BYTES).read_to_end(&mut bytes)).map_err(unreadable)?;
    *left = left.checked_sub(bytes.len()).ok_or_else(|| {
        (format!("is one too many: all files together have over {ALL_BYTES} bytes"), "take out what are no rules")
    })?;
    Ok(bytes)
}

fn fault(file: &Path, line: usize, message: &str, remedy: &str) -> Fault {
    Fault { file: file.display().to_string(), line, message: message.to_owned(), remedy: remedy.to_owned() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// What is said of a folder with one good topic beside what `lay` puts there, the folder's name left out.
    fn check(lay: impl Fn(&Path), faults: &[&str], strangers: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("rules");
        fs::create_dir_all(root.join("topics")).unwrap();
        fs::write(root.join("topics/x.toml"), "id = \"x\"\n").unwrap();
        lay(&root);
        let said = |found: Vec<Fault>| -> Vec<String> {
            let shown =
                |fault: &Fault| fault.to_string().replace(&root.display().to_string(), "rules").replace("rules/", "");
            found.iter().map(shown).collect()
        };
        assert_eq!(said(read(&root).err().unwrap_or_default()), faults);
        assert_eq!(said(unread(&root)), strangers);
    }

    #[test]
    fn only_regular_files_within_the_folder_are_read() {
        check(|root| symlink("x.toml", root.join("topics/y.toml")).unwrap(), &[], &[]);
        check(
            |root| {
                fs::write(root.parent().unwrap().join("secret.toml"), "").unwrap();
                symlink("../../secret.toml", root.join("topics/y.toml")).unwrap();
            },
            &["topics/y.toml: is a symbolic link out of the rules folder; copy the file instead"],
            &[],
        );
        check(
            |root| symlink("y.toml", root.join("topics/y.toml")).unwrap(),
            &[
                "topics/y.toml: is a symbolic link that leads nowhere: Too many levels of symbolic links (os error 40); delete it",
            ],
            &[],
        );
        check(
            |root| symlink("../topics", root.join("topics/y.toml")).unwrap(),
            &["topics/y.toml: is a symbolic link to a folder; copy the folder instead"],
            &[],
        );
        check(
            |root| {
                let pipe = root.join("topics/y.toml");
                assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
            },
            &["topics/y.toml: is no regular file; take it out of the folder"],
            &[],
        );
    }

    #[test]
    fn another_encoding_is_named_with_its_line() {
        check(
            |root| fs::write(root.join("topics/y.toml"), b"id = \"y\"\n# caf\xe9\n").unwrap(),
            &["topics/y.toml:2: is not UTF-8 on this line; save it as UTF-8"],
            &[],
        );
        check(
            |root| fs::write(root.join("routing.toml"), b"\xff\xfei\0d\0").unwrap(),
            &["routing.toml: is UTF-16, or no text; save it as UTF-8"],
            &[],
        );
        check(
            |root| fs::write(root.join("topics/y.toml"), b"i\0d\0").unwrap(),
            &["topics/y.toml: is UTF-16, or no text; save it as UTF-8"],
            &[],
        );
    }

    #[test]
    fn files_that_nobody_reads_are_named() {
        check(
            |root| {
                fs::create_dir(root.join("topic")).unwrap();
                for name in ["topic/y.toml", "routng.toml", "topics/z.tml", "README.md", "topics/.z.toml.swp"] {
                    fs::write(root.join(name), "").unwrap();
                }
                fs::write(root.join("billing.toml"), "id = \"billing\"\n").unwrap();
                for name in ["topics/x.toml.bak", "topics/w.toml.old"] {
                    fs::write(root.join(name), "").unwrap();
                }
                symlink("..", root.join("topics/up")).unwrap();
            },
            &[],
            &[
                "billing.toml: is read by nobody; name it topics/billing.toml, or take it out of the folder",
                "routng.toml: is read by nobody; name it routing.toml, or take it out of the folder",
                "topic/y.toml: is read by nobody; name it topics/y.toml, or take it out of the folder",
                "topics/up: is a link to a folder, which is not followed; take it out of the folder",
                "topics/w.toml.old: is read by nobody; name it topics/w.toml, or take it out of the folder",
                "topics/x.toml.bak: is read by nobody, and topics/x.toml is; take it out of the folder",
                "topics/z.tml: is read by nobody; name it topics/z.toml, or take it out of the folder",
            ],
        );
    }

    #[test]
    fn a_folder_without_topics_is_none() {
        check(
            |root| fs::rename(root.join("topics/x.toml"), root.join("routing.toml")).unwrap(),
            &["rules: holds no rules, for there is no topic in it; name a folder that has topics/*.toml"],
            &[],
        );
    }
}
