//! Where rules, secrets and the reader's setting come from: folders, files and settings. The campaign directory has its
//! own room, `directory`; a rules folder on disk has `folder`.
//!
//! All faults at once, each with its file; nothing here puts anything in force.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use super::folder;
use crate::campaigns::Directory;
use crate::config::fault::Fault;
use crate::config::hours::{Hours, Wrong};
use crate::config::secret;
use crate::config::settings::Config;
use crate::reply::token::Keys;
use crate::request::attachment::Policy;
use crate::request::{Bounds, Setting};
use crate::rules::{self, Files, Rules};
use crate::store::blobs::{Blobs, S3};
use crate::store::{self, agents::Agent};

/// The shortest key that signs reply tokens.
const TOKEN_KEY_BYTES: usize = 32;

/// The rules of a folder; an empty path: the shipped rules.
pub fn rules(folder: &Path) -> Result<Arc<Rules>, Vec<Fault>> {
    if folder.as_os_str().is_empty() {
        return Ok(Rules::shipped());
    }
    compile(folder, &folder::read(folder)?)
}

/// The rules of a folder, read again; those in force where no file says anything else.
pub fn rules_after(in_force: Arc<Rules>, folder: &Path) -> Result<Arc<Rules>, Vec<Fault>> {
    let files = folder::read(folder)?;
    if rules::version(&files) == in_force.version { Ok(in_force) } else { compile(folder, &files) }
}

fn compile(folder: &Path, files: &Files) -> Result<Arc<Rules>, Vec<Fault>> {
    Rules::compile(files).map(Arc::new).map_err(|faults| placed(folder, faults))
}

/// Faults by their whole paths: the files of this folder are not those that are shipped.
pub fn placed(folder: &Path, faults: Vec<Fault>) -> Vec<Fault> {
    let place = |fault: Fault| Fault { file: folder.join(&fault.file).display().to_string(), ..fault };
    faults.into_iter().map(place).collect()
}

/// The campaign directory of a file; an empty path: an empty directory.
pub fn directory(file: &Path) -> Result<Directory, Vec<Fault>> {
    if file.as_os_str().is_empty() {
        return Ok(Directory::default());
    }
    let remedy = "name a CSV or JSON lines file";
    let unreadable = |error: std::io::Error| vec![fault(file, &format!("cannot be read: {error}"), remedy)];
    if !fs::metadata(file).map_err(unreadable)?.is_file() {
        return Err(vec![fault(file, "is no regular file", remedy)]);
    }
    let bytes = fs::read(file).map_err(unreadable)?;
    let (campaigns, faults) = crate::campaigns::load::parse(&bytes, &file.display().to_string());
    if faults.is_empty() { Ok(Directory::build(campaigns)) } else { Err(faults) }
}

/// What the reader must know of this desk, with the addresses of its agents and teams.
pub fn setting(config: &Config, rules: &Rules, agents: Vec<String>) -> Setting {
    let addresses = std::iter::once(&config.desk.address).chain(&config.desk.own_addresses);
    Setting {
        own_addresses: addresses.map(|address| address.to_lowercase()).collect(),
        agents,
        authserv_id: Some(config.desk.authserv_id.clone()).filter(|id| !id.is_empty()),
        verified: None,
        reading: rules.reading.clone(),
        bounds: Bounds {
            size_bytes: config.bounds.size_bytes,
            parts: config.bounds.parts,
            depth: config.bounds.depth,
            headers: config.bounds.headers,
            header_bytes: config.bounds.header_bytes,
            line_bytes: config.bounds.line_bytes,
        },
        policy: Policy {
            largest_bytes: config.attachments.largest_bytes,
            refused: config.attachments.refused.iter().map(|listed| listed.to_lowercase()).collect(),
        },
    }
}

/// What mail is read with at this desk: its settings, its rules, and the addresses of its agents and teams.
pub fn setting_for(config: &Config, rules: &Rules, agents: &[Agent]) -> Setting {
    let addresses = agents.iter().map(|agent| &agent.address).chain(config.teams.values());
    setting(config, rules, addresses.map(|address| address.to_lowercase()).collect())
}

/// When the desk is open.
pub fn hours(config: &Config) -> Result<Hours, Vec<Fault>> {
    let place = |wrong: &Wrong| fault(Path::new("[hours]"), &format!("{}: {}", wrong.key, wrong.message), wrong.remedy);
    Hours::parse(&config.hours).map_err(|wrong| wrong.iter().map(place).collect())
}

/// The database's URL; one that carries a password stands in a file.
pub fn store_url(config: &Config) -> Result<String, secret::Unreadable> {
    let file = &config.store.url_file;
    if file.as_os_str().is_empty() { Ok(config.store.url.clone()) } else { secret::read_line(file) }
}

/// Where the settings keep what is large.
pub fn blobs(config: &Config) -> Result<Blobs, store::Error> {
    let settings = &config.store;
    let from_bytes = settings.blobs_from_bytes;
    let url = match settings.blobs.as_str() {
        "" => store_url(config).map_err(|error| store::Error::Url(error.to_string()))?,
        _ => String::new(),
    };
    let place = match settings.blobs.as_str() {
        "" if url.starts_with("sqlite:") => "originals",
        // Its nodes may share no folder.
        "" => "database",
        place => place,
    };
    if place == "database" {
        return Ok(Blobs::default());
    }
    if !place.starts_with("s3://") {
        return Ok(Blobs::in_folder(config.desk.data_dir.join(place), from_bytes));
    }
    let file = &settings.s3_secret_file;
    let secret = (!file.as_os_str().is_empty()).then(|| secret::read_line(file)).transpose();
    let place = S3 {
        url: place.to_owned(),
        endpoint: settings.s3_endpoint.clone(),
        region: settings.s3_region.clone(),
        key_id: settings.s3_key_id.clone(),
        secret: secret.map_err(|error| store::Error::Url(error.to_string()))?,
    };
    Blobs::in_bucket(&place, from_bytes)
}

/// The keys that sign reply tokens: one a line, the first signs, all verify.
///
/// Without `replies.token_key_file` the key is made at first start and kept in the data folder; nodes that share a
/// PostgreSQL must share the file, or they do not know one another's tokens.
pub fn token_keys(config: &Config) -> Result<Keys, secret::Unreadable> {
    let given = &config.replies.token_key_file;
    let file = if given.as_os_str().is_empty() {
        let own = config.desk.data_dir.join("token.key");
        if !own.exists() {
            make_key(&own).map_err(|error| secret::Unreadable::new(&own, &error))?;
        }
        own
    } else {
        given.clone()
    };
    let bytes = secret::read_bytes(&file)?;
    let keys = bytes.split(|byte| *byte == b'\n').map(|line| line.trim_ascii().to_vec());
    let keys: Vec<Vec<u8>> = keys.filter(|key| !key.is_empty()).collect();
    // What can be guessed would let anybody write on any ticket.
    match keys.iter().map(Vec::len).min() {
        Some(TOKEN_KEY_BYTES..) => Ok(Keys::new(keys)),
        shortest => Err(secret::Unreadable::unfit(
            &file,
            &format!(
                "a key of {} bytes; write at least {TOKEN_KEY_BYTES}: openssl rand -hex 32",
                shortest.unwrap_or(0)
            ),
        )),
    }
}

/// Written beside and renamed: nobody ever reads half a key.
fn make_key(file: &Path) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let key: [u8; 32] = rand::random();
    let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
    writeln!(fresh, "{}", hex::encode(key))?;
    fresh.as_file().sync_all()?;
    match fresh.persist_noclobber(file) {
        Err(error) if error.error.kind() != std::io::ErrorKind::AlreadyExists => Err(error.error),
        // A name is durable only with its folder: a key that a power cut takes away would disown every mail that is out.
        _ => File::open(folder)?.sync_all(),
    }
}

/// Whether this process is the only one on a data folder.
#[derive(Debug)]
pub enum Lock {
    /// It is, for as long as it holds this file.
    Held(File),
    /// Another one is.
    Taken,
    /// The database is none of the embedded kind: many may work on it.
    Needless,
}

/// Takes the lock that says: no other process works on this data folder.
pub fn lock(url: &str, data_dir: &Path) -> Result<Lock, store::Error> {
    if !url.starts_with("sqlite:") {
        return Ok(Lock::Needless);
    }
    store::make_folder(data_dir)?;
    let path = data_dir.join("lock");
    let unusable = |error: std::io::Error| store::Error::Url(format!("cannot use {}: {error}", path.display()));
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock::Held(file)),
        Err(TryLockError::WouldBlock) => Ok(Lock::Taken),
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}

fn fault(file: &Path, message: &str, remedy: &str) -> Fault {
    Fault { file: file.display().to_string(), line: 0, message: message.to_owned(), remedy: remedy.to_owned() }
}
