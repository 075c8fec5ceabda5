//! Secrets: read from the file that a `*_file` key names, or from systemd's credentials folder.
//!
//! A secret is never logged, never part of an error's text, and read again whenever it is needed, so that a rotated one
//! counts at the next sign-in.

use std::fs;
use std::path::{Path, PathBuf};

/// Why a secret cannot be had. Names the file, never its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

impl Unreadable {
    /// The file cannot be read or made, and this is why.
    pub fn new(file: &Path, why: &std::io::Error) -> Unreadable {
        Unreadable(format!("cannot make {}: {why}", file.display()))
    }

    /// What the file holds is no such secret: `what`, without showing it, and what would be right.
    pub fn unfit(file: &Path, what: &str) -> Unreadable {
        Unreadable(format!("{} holds {what}", file.display()))
    }
}

/// Reads a secret as bytes. `path` is a file, or `credential:NAME` for systemd's `LoadCredential=NAME:…`.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, Unreadable> {
    let file = locate(path, std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from).as_deref())?;
    let unreadable = |error| Unreadable(format!("cannot read {}: {error}", file.display()));
    // A pipe would hold up whoever reads it until somebody writes.
    if !fs::metadata(&file).map_err(unreadable)?.is_file() {
        return Err(Unreadable(format!("{} is no regular file", file.display())));
    }
    let secret = fs::read(&file).map_err(unreadable)?;
    if secret.is_empty() {
        return Err(Unreadable(format!("{} is empty; it should hold the secret", file.display())));
    }
    Ok(secret)
}

/// Reads a secret that is one line of text; the line end, which editors add, is not part of it.
pub fn read_line(path: &Path) -> Result<String, Unreadable> {
    let text = String::from_utf8(read_bytes(path)?)
        .map_err(|_| Unreadable(format!("{} is not UTF-8 text", path.display())))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() || line.contains(['\r', '\n', '\0']) {
        return Err(Unreadable(format!("{} should hold one line, the secret alone", path.display())));
    }
    Ok(line.to_owned())
}

/// Whether it is a credential of the service manager, and this process is none of its services.
pub fn is_elsewhere(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.starts_with("credential:"))
        && std::env::var_os("CREDENTIALS_DIRECTORY").is_none()
}

fn locate(path: &Path, credentials: Option<&Path>) -> Result<PathBuf, Unreadable> {
    let Some(name) = path.to_str().and_then(|text| text.strip_prefix("credential:")) else {
        return Ok(path.to_path_buf());
    };
    if name.is_empty() || name.contains('/') {
        return Err(Unreadable(format!("`{}` names no credential; write credential:NAME", path.display())));
    }
    match credentials {
        Some(folder) => Ok(folder.join(name)),
        None => Err(Unreadable(format!("`{}` needs systemd: LoadCredential={name}:FILE in the unit", path.display()))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn check(content: &str, expected: Result<&str, &str>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, content).unwrap();
        match (read_line(&path), expected) {
            (Ok(got), Ok(expected)) => assert_eq!(got, expected),
            (Err(got), Err(part)) => {
                assert!(got.to_string().contains(part), "{got}");
                assert!(content.is_empty() || !got.to_string().contains(content), "{got}");
            }
            (got, expected) => panic!("{got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn one_line_without_its_end() {
        check("p ss\r\n", Ok("p ss"));
        check("pass", Ok("pass"));
        check("", Err("is empty"));
        check("\n", Err("one line"));
        check("a\nb", Err("one line"));
    }

    #[test]
    fn credentials_stand_in_systemds_folder() {
        let folder = Path::new("/run/credentials/deskclerk");
        let at = |path: &str, credentials| locate(Path::new(path), credentials).map_err(|error| error.to_string());
        assert_eq!(at("credential:imap", Some(folder)), Ok(folder.join("imap")));
        assert_eq!(at("/etc/x", None), Ok(PathBuf::from("/etc/x")));
        assert!(at("credential:imap", None).unwrap_err().contains("LoadCredential=imap"));
        assert!(at("credential:../x", Some(folder)).is_err());
    }
}
