//! Mails out of files: `.eml`, folders, mbox, maildir and standard input, one after another, in a fixed order.
//!
//! Never holds more than one mail in memory, never changes a file, and never drops a mail silently: what cannot be
//! read comes out as an error that names it, and the walk goes on.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Stdin};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::bytes::Regex;

/// One mail out of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Where it stands: the path, `path#3` for the third mail of an mbox, `-` for standard input.
    pub source: String,
    /// The mail as it stands there; of an mbox without its `From_` line and with `>From ` unescaped.
    pub raw: Vec<u8>,
}

/// A path that could not be read, or holds no mail.
#[derive(Debug, thiserror::Error)]
#[error("{source_name}: {why}")]
pub struct Error {
    /// The path, or `-`.
    pub source_name: String,
    /// What is wrong with it, and what would be right.
    pub why: String,
    /// What that means for the walk.
    pub kind: Fault,
}

/// How a path failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The caller named what is not there.
    Absent,
    /// It holds nothing: as a mail it would be quarantined.
    Empty,
    /// It should be a mail, and cannot be read.
    Unreadable,
    /// A file of a folder that does not look like mail; it was passed over.
    Skipped,
}

/// The mails under some paths. An iterator; see [`mails`].
pub struct Mails {
    todo: VecDeque<Todo>,
    /// Folders already entered, so that a link back up the tree ends.
    entered: HashSet<PathBuf>,
    /// How much has come out so far.
    given: usize,
}

enum Todo {
    /// A path that the caller named: whatever it is, it is meant.
    Named(PathBuf),
    /// A path found in a folder: only what looks like mail is taken.
    Found(PathBuf),
    /// A file of a maildir: always one mail.
    Single(PathBuf),
    Mbox(Mbox),
    /// The end of a folder that the caller named, and how much had come out before it.
    Left(PathBuf, usize),
}

/// The mails under `paths`, in the order given, folders sorted by name. `-` is standard input: an mbox when it opens
/// with a `From_` line, else one mail.
///
/// In folders `.eml` files, MH files (a number for a name), mboxes and maildirs are taken at any depth; other files come
/// out as [`Fault::Skipped`], hidden ones and a maildir's own not at all. A file named directly is always taken. A path
/// without any mail is an error.
pub fn mails<P: Into<PathBuf>>(paths: impl IntoIterator<Item = P>) -> Mails {
    Mails { todo: paths.into_iter().map(|path| Todo::Named(path.into())).collect(), entered: HashSet::new(), given: 0 }
}

impl Iterator for Mails {
    type Item = Result<Mail, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance();
        let skipped = |error: &Error| error.kind == Fault::Skipped;
        self.given += usize::from(next.as_ref().is_some_and(|next| !next.as_ref().is_err_and(skipped)));
        next
    }
}

impl Mails {
    fn advance(&mut self) -> Option<Result<Mail, Error>> {
        loop {
            let opened = match self.todo.pop_front()? {
                Todo::Mbox(mut mbox) => match mbox.next_mail() {
                    Ok(Some(mail)) => {
                        self.todo.push_front(Todo::Mbox(mbox));
                        return Some(Ok(mail));
                    }
                    Ok(None) => continue,
                    Err(error) => return Some(Err(fault(&mbox.name, error))),
                },
                Todo::Single(path) => return Some(single(&path)),
                Todo::Named(path) if path == Path::new("-") => {
                    open_input(Input::Stdin(BufReader::new(io::stdin())), "-")
                }
                Todo::Named(path) if path.is_dir() => {
                    self.todo.push_front(Todo::Left(path.clone(), self.given));
                    self.enter(&path).map(|()| None).map_err(|error| fault(&label(&path), error))
                }
                Todo::Left(path, before) if self.given == before => {
                    Err(fault(&label(&path), "holds no mail (.eml, mbox or maildir)"))
                }
                Todo::Left(..) => continue,
                Todo::Named(path) => open_file(&path),
                Todo::Found(path) if path.is_dir() => {
                    self.enter(&path).map(|()| None).map_err(|error| fault(&label(&path), error))
                }
                Todo::Found(path) => match looks_like(&path) {
                    Ok(Kind::Mail) => return Some(single(&path)),
                    Ok(Kind::Mbox) => open_file(&path),
                    Ok(Kind::Other(why)) => {
                        return Some(Err(Error { kind: Fault::Skipped, ..fault(&label(&path), why) }));
                    }
                    Err(error) => Err(fault(&label(&path), error)),
                },
            };
            match opened {
                Ok(None) => {}
                Ok(Some(Opened::Mbox(mbox))) => self.todo.push_front(Todo::Mbox(mbox)),
                Ok(Some(Opened::Mail(mail))) => return Some(Ok(mail)),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Puts a folder's content in front of what is still to do.
    fn enter(&mut self, folder: &Path) -> io::Result<()> {
        if !self.entered.insert(folder.canonicalize()?) {
            return Ok(());
        }
        let names = sorted(folder)?;
        let maildir = names.contains_key("cur") && names.contains_key("new") && folder.join("cur").is_dir();
        let mut found = vec![];
        for (name, path) in names {
            match name.as_str() {
                "cur" | "new" if maildir => found.extend(
                    sorted(&path)?
                        .into_iter()
                        .filter(|(name, _)| !name.starts_with('.'))
                        .map(|(_, path)| Todo::Single(path)),
                ),
                "tmp" if maildir => {} // half-written by definition
                _ if maildir && !path.is_dir() => {}
                _ if name.starts_with('.') && !path.join("cur").is_dir() => {}
                _ => found.push(Todo::Found(path)),
            }
        }
        for todo in found.into_iter().rev() {
            self.todo.push_front(todo);
        }
        Ok(())
    }
}

fn sorted(folder: &Path) -> io::Result<BTreeMap<String, PathBuf>> {
    fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path())))
        .collect()
}

enum Kind {
    Mail,
    Mbox,
    /// Passed over, and why.
    Other(&'static str),
}

fn looks_like(path: &Path) -> io::Result<Kind> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let mail = extension == "eml";
    if !mail && !path.is_file() {
        return Ok(Kind::Other("no regular file")); // a socket or pipe would block
    }
    if mail || (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())) {
        return Ok(Kind::Mail);
    }
    let mut start = vec![];
    File::open(path)?.take(512).read_to_end(&mut start)?;
    Ok(if is_separator(first_line(&start)) {
        Kind::Mbox
    } else {
        Kind::Other("no mail by its name; a mail is named .eml, or named on the command line")
    })
}

/// A file of a folder. A pipe there would hold up the walk for ever.
fn single(path: &Path) -> Result<Mail, Error> {
    if !fs::metadata(path).map_err(|error| fault(&label(path), error))?.is_file() {
        return Err(fault(&label(path), "no regular file"));
    }
    let raw = fs::read(path).map_err(|error| fault(&label(path), error))?;
    whole(&label(path), raw)
}

/// One mail that fills its file. A `From_` line that some programs leave in front of it is no header.
fn whole(name: &str, mut raw: Vec<u8>) -> Result<Mail, Error> {
    if is_separator(first_line(&raw)) {
        raw.drain(..first_line(&raw).len());
    }
    if raw.iter().all(u8::is_ascii_whitespace) {
        return Err(Error { kind: Fault::Empty, ..fault(name, "is empty") });
    }
    Ok(Mail { source: name.to_owned(), raw })
}

enum Opened {
    Mail(Mail),
    Mbox(Mbox),
}

fn open_file(path: &Path) -> Result<Option<Opened>, Error> {
    let name = label(path);
    let kind = |error: &io::Error| match error.kind() {
        io::ErrorKind::NotFound => Fault::Absent,
        _ => Fault::Unreadable,
    };
    let mut file = File::open(path).map_err(|error| Error { kind: kind(&error), ..fault(&name, error) })?;
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("eml")) {
        let mut raw = vec![];
        file.read_to_end(&mut raw).map_err(|error| fault(&name, error))?;
        return whole(&name, raw).map(|mail| Some(Opened::Mail(mail)));
    }
    open_input(Input::File(BufReader::new(file)), &name)
}

fn open_input(mut input: Input, name: &str) -> Result<Option<Opened>, Error> {
    let mut line = vec![];
    input.read_line(&mut line).map_err(|error| fault(name, error))?;
    if is_separator(&line) {
        return Ok(Some(Opened::Mbox(Mbox { name: name.to_owned(), input, count: 0, ended: false })));
    }
    input.read_to_end(&mut line).map_err(|error| fault(name, error))?;
    whole(name, line).map(|mail| Some(Opened::Mail(mail)))
}

/// Where an mbox is read from.
enum Input {
    File(BufReader<File>),
    Stdin(BufReader<Stdin>),
}

impl Input {
    fn read_line(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Input::File(file) => file.read_until(b'\n', into),
            Input::Stdin(stdin) => stdin.read_until(b'\n', into),
        }
    }

    fn read_to_end(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Input::File(file) => file.read_to_end(into),
            Input::Stdin(stdin) => stdin.read_to_end(into),
        }
    }
}

/// An mbox whose current `From_` line has been read (RFC 4155, and the "mboxrd" way of escaping).
struct Mbox {
    name: String,
    input: Input,
    count: usize,
    ended: bool,
}

impl Mbox {
    fn next_mail(&mut self) -> io::Result<Option<Mail>> {
        while !self.ended {
            let mut raw = vec![];
            let mut line = vec![];
            loop {
                line.clear();
                if self.input.read_line(&mut line)? == 0 {
                    self.ended = true;
                    break;
                }
                if is_separator(&line) {
                    // The empty line in front of the next From_ line belongs to the mbox, not to the mail.
                    if raw.ends_with(b"\r\n\r\n") {
                        raw.truncate(raw.len() - 2);
                    } else if raw.ends_with(b"\n\n") {
                        raw.truncate(raw.len() - 1);
                    }
                    break;
                }
                raw.extend_from_slice(unescaped(&line));
            }
            if !raw.iter().all(u8::is_ascii_whitespace) {
                self.count += 1;
                return Ok(Some(Mail { source: format!("{}#{}", self.name, self.count), raw }));
            }
        }
        Ok(None)
    }
}

/// `>From ` of a body line loses one `>`.
fn unescaped(line: &[u8]) -> &[u8] {
    let quotes = line.iter().take_while(|byte| **byte == b'>').count();
    if quotes > 0 && line[quotes..].starts_with(b"From ") { &line[1..] } else { line }
}

/// Whether a line starts a mail of an mbox: `From `, a sender, and directly behind it a date. The date is asked for because many programs
/// write "From " at the start of a body line without escaping it; taking that for a new mail would tear one in two.
fn is_separator(line: &[u8]) -> bool {
    static SHAPE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"^From \S+(?: +at +\S+)? +(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +(?:\d{1,2} +[A-Z][a-z]{2}|[A-Z][a-z]{2} +\d{1,2}) .*\b\d{1,2}:\d{2}\b",
        )
            .expect("a constant pattern")
    });
    line.starts_with(b"From ") && SHAPE.is_match(line)
}

fn first_line(bytes: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
    &bytes[..end]
}

fn label(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn fault(name: &str, why: impl ToString) -> Error {
    Error { source_name: name.to_owned(), why: why.to_string(), kind: Fault::Unreadable }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Lays `files` into a folder and walks `paths` of it; mails come out as `source|raw`, errors as `!source why`.
    fn check(files: &[(&str, &str)], paths: &[&str], expected: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if !name.ends_with('/') {
                fs::write(path, content).unwrap();
            }
        }
        let root = format!("{}/", folder.path().display());
        let got: Vec<String> = mails(paths.iter().map(|path| folder.path().join(path)))
            .map(|result| match result {
                Ok(mail) => format!("{}|{}", mail.source, String::from_utf8(mail.raw).unwrap()),
                Err(error) => format!("!{} {}", error.source_name, error.why),
            })
            .map(|line| line.replace(&root, ""))
            .collect();
        assert_eq!(got.len(), expected.len(), "{got:#?}");
        for (got, expected) in got.iter().zip(expected) {
            assert!(got.starts_with(expected), "{got:?} should start with {expected:?}");
        }
    }

    #[test]
    fn a_folder_gives_its_mails_sorted_at_any_depth() {
        check(
            &[
                ("in/b.eml", "B: 1"),
                ("in/a/c.EML", "C: 1"),
                ("in/12", "MH: 1"),
                ("in/notes.json", "{}"),
                ("in/.git/x.eml", "no"),
            ],
            &["in"],
            &["in/12|MH: 1", "in/a/c.EML|C: 1", "in/b.eml|B: 1", "!in/notes.json no mail by its name"],
        );
    }

    #[test]
    fn a_maildir_gives_cur_and_new_but_not_what_is_half_written() {
        check(
            &[
                ("m/cur/1:2,S", "A: 1"),
                ("m/new/2", "B: 1"),
                ("m/tmp/3", "no"),
                ("m/dovecot-uidlist", "no"),
                ("m/.Sent/cur/4", "C: 1"),
                ("m/.Sent/new/5", "D: 1"),
            ],
            &["m"],
            &["m/.Sent/cur/4|C", "m/.Sent/new/5|D", "m/cur/1:2,S|A", "m/new/2|B"],
        );
    }

    #[test]
    fn an_mbox_gives_every_mail_unescaped() {
        let mbox = "From a@b Mon Nov 23 10:00:00 2026\nS: 1\n\nhello\n>From me\n>>From you\nFrom here on it is broken\n\
                    From me to you: on Mon 23 it began at 10:00\n\n\
                    From - Tue Nov 24 10:00:00 2026\nS: 2\n\nbye\n";
        check(
            &[("box", mbox)],
            &["box"],
            &[
                "box#1|S: 1\n\nhello\nFrom me\n>From you\nFrom here on it is broken\nFrom me to you: on Mon 23 it began at 10:00\n",
                "box#2|S: 2\n\nbye\n",
            ],
        );
        check(&[("in/box", mbox), ("in/x.txt", "no mail")], &["in"], &["in/box#1|", "in/box#2|", "!in/x.txt no mail"]);
    }

    #[test]
    fn crlf_mboxes_lose_only_the_line_between() {
        let mbox = "From a@b Mon Nov 23 10:00:00 2026\r\nS: 1\r\n\r\nx\r\n\r\n\r\nFrom a@b Mon, 23 Nov 2026 10:00 +0000\r\nS: 2\r\n";
        check(&[("box", mbox)], &["box"], &["box#1|S: 1\r\n\r\nx\r\n\r\n", "box#2|S: 2\r\n"]);
    }

    #[test]
    fn a_named_file_is_one_mail_whatever_its_name() {
        check(&[("mail.txt", "S: 1\n")], &["mail.txt"], &["mail.txt|S: 1\n"]);
        check(&[("m.eml", "From a@b Mon Nov 23 10:00:00 2026\nS: 1\n")], &["m.eml"], &["m.eml|S: 1\n"]);
    }

    #[test]
    fn what_holds_no_mail_is_said_and_the_walk_goes_on() {
        check(
            &[("empty.eml", "\n"), ("none/x.json", "{}"), ("c.eml", "S: 1")],
            &["absent.eml", "empty.eml", "none", "c.eml"],
            &[
                "!absent.eml No such file",
                "!empty.eml is empty",
                "!none/x.json no mail by its name",
                "!none holds no mail",
                "c.eml|S: 1",
            ],
        );
    }

    #[test]
    fn links_to_nowhere_and_pipes_are_said_and_never_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::os::unix::fs::symlink("nowhere", path("a.eml")).unwrap();
        for pipe in ["b.eml", "c"] {
            assert!(std::process::Command::new("mkfifo").arg(path(pipe)).status().unwrap().success());
        }
        fs::write(path("d"), "From: a@b.example\n\nhello").unwrap();
        let got: Vec<(String, Fault)> = mails([folder.path()])
            .filter_map(Result::err)
            .map(|error| (error.source_name.rsplit('/').next().unwrap().to_owned(), error.kind))
            .filter(|(name, _)| name.len() < 6)
            .collect();
        let expected =
            [("a.eml", Fault::Unreadable), ("b.eml", Fault::Unreadable), ("c", Fault::Skipped), ("d", Fault::Skipped)];
        assert_eq!(got, expected.map(|(name, kind)| (name.to_owned(), kind)));
        let named = mails([path("absent")]).next().unwrap().unwrap_err();
        assert_eq!(named.kind, Fault::Absent);
    }
}
