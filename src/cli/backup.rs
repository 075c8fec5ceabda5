//! `deskclerk backup FOLDER` and `deskclerk restore FOLDER`: all that the desk keeps, in a folder of its own.
//!
//! The folder holds one SQLite database (whatever the engine is), the key that signs reply tokens and a manifest. It is
//! there whole or not at all: written beside, proven, made durable, then renamed. A backup of either engine is restored into
//! either; never over what is there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::output::{self, Format, time};
use super::{ACTOR, End, config};
use crate::config::settings::Config;
use crate::desk::sources::{self, Lock};
use crate::store::Store;
use crate::store::backup::{FILE, Kept};

const MANIFEST: &str = "manifest.json";
const KEY: &str = "token.key";

/// Writes a backup, beside a running daemon.
#[derive(Debug, clap::Args)]
pub struct Backup {
    /// The folder to make
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// The settings file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How to print what was done
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Puts a backup into an empty store, while no daemon runs.
#[derive(Debug, clap::Args)]
pub struct Restore {
    /// The folder of a backup
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Send what was waiting to be sent when the backup was taken. Without this it becomes dead letters, for it may have been
    /// sent since
    #[arg(long)]
    send_queued: bool,
    /// The settings file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How to print what was done
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What a backup says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    deskclerk: String,
    engine: String,
    /// RFC 3339.
    taken_at: String,
    /// SHA-256 of the database, hex.
    sha256: String,
    /// Rows by table.
    rows: BTreeMap<String, i64>,
}

/// Runs `deskclerk backup`.
pub fn backup(args: &Backup) -> Result<End> {
    let Some(settings) = config::load(&args.config)? else { return Ok(End::Unusable) };
    let folder = std::path::absolute(&args.folder)?;
    if folder.exists() {
        bail!("{} is there already; name a new folder, such as one with the date", folder.display());
    }
    let parent = folder.parent().context("the root is no backup")?.to_owned();
    fs::create_dir_all(&parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let unfinished = tempfile::Builder::new().prefix(&format!(".{name}-")).tempdir_in(&parent)?;
    let (manifest, lost) = super::runtime()?.block_on(write(&settings, unfinished.path()))?;
    // Durable before it has its name, and the name durable before anybody is told.
    for entry in fs::read_dir(unfinished.path())? {
        File::open(entry?.path())?.sync_all()?;
    }
    File::open(unfinished.path())?.sync_all()?;
    let made = unfinished.keep();
    fs::rename(&made, &folder).with_context(|| format!("cannot name it {}", folder.display()))?;
    File::open(&parent)?.sync_all()?;
    if !settings.replies.token_key_file.as_os_str().is_empty() {
        output::complain("replies.token_key_file is not part of it; keep that file yourself");
    }
    let rows: i64 = manifest.rows.values().sum();
    match args.format {
        Format::Json => writeln!(io::stdout(), "{}", json!({ "folder": folder, "manifest": manifest }))?,
        Format::Text => {
            let count = |table: &str| manifest.rows.get(table).copied().unwrap_or(0);
            let (tickets, submissions) = (count("tickets"), count("submissions"));
            writeln!(
                io::stdout(),
                "{}: {tickets} tickets, {submissions} submissions, {rows} rows in all; whole",
                folder.display()
            )?;
        }
    }
    for lost in &lost {
        output::complain(&format!("not in the backup: {lost}"));
    }
    Ok(if lost.is_empty() { End::Ok } else { End::Faults })
}

/// The manifest, and what could not be backed up.
async fn write(settings: &Config, folder: &Path) -> Result<(Manifest, Vec<String>)> {
    let taken_at = time(super::now());
    let store = Store::open_to_read(&sources::store_url(settings)?, &settings.desk.data_dir).await?;
    let store = store.with_blobs(sources::blobs(settings)?);
    let progress = output::progress("copying rows");
    let kept = store.back_up(folder, || progress.inc(1)).await;
    progress.finish_and_clear();
    let engine = format!("{:?}", store.engine()).to_lowercase();
    store.close().await;
    let Kept { rows, lost } = kept?;
    // Without it nobody's answer would be known after the way back.
    let key = settings.desk.data_dir.join(KEY);
    if settings.replies.token_key_file.as_os_str().is_empty() && key.exists() {
        private(&folder.join(KEY), &fs::read(&key)?)?;
    }
    let sha256 = hash(&folder.join(FILE))?;
    let manifest = Manifest { deskclerk: env!("CARGO_PKG_VERSION").into(), engine, taken_at, sha256, rows };
    private(&folder.join(MANIFEST), serde_json::to_string_pretty(&manifest)?.as_bytes())?;
    Ok((manifest, lost))
}

/// Runs `deskclerk restore`.
pub fn restore(args: &Restore) -> Result<End> {
    let Some(settings) = config::load(&args.config)? else { return Ok(End::Unusable) };
    let manifest = args.folder.join(MANIFEST);
    let text = fs::read(&manifest).with_context(|| format!("{} is no backup", args.folder.display()))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).with_context(|| format!("{} is not readable", manifest.display()))?;
    if hash(&args.folder.join(FILE))? != manifest.sha256 {
        bail!("{} is not what its manifest says: it was changed or damaged; take another backup", FILE);
    }
    let url = sources::store_url(&settings)?;
    let lock = sources::lock(&url, &settings.desk.data_dir)?;
    if matches!(lock, Lock::Taken) {
        bail!("a deskclerk works in {}; end it first", settings.desk.data_dir.display());
    }
    let held = super::runtime()?.block_on(put(args, &settings, &url, &manifest))?;
    put_key(&args.folder, &settings)?;
    drop(lock);
    match args.format {
        Format::Json => {
            writeln!(io::stdout(), "{}", json!({ "restored": manifest, "held_back": held }))?;
        }
        Format::Text => {
            let rows: i64 = manifest.rows.values().sum();
            writeln!(io::stdout(), "restored {rows} rows of {}", manifest.taken_at)?;
            if held > 0 {
                writeln!(
                    io::stdout(),
                    "{held} mails were to be sent then and may have been since: `deskclerk outbox list`, then retry or drop"
                )?;
            }
        }
    }
    Ok(End::Ok)
}

/// Restores the rows; how many outgoing ones were held back.
async fn put(args: &Restore, settings: &Config, url: &str, manifest: &Manifest) -> Result<u64> {
    let data_dir = &settings.desk.data_dir;
    let name = url.strip_prefix("sqlite:");
    if let Some(path) = name.map(|name| data_dir.join(name)).filter(|path| path.exists()) {
        let there = Store::open_to_read(url, data_dir).await;
        let empty = match &there {
            Ok(there) => there.is_empty().await.unwrap_or(false),
            Err(_) => false,
        };
        if let Ok(there) = there {
            there.close().await;
        }
        if !empty {
            bail!("{} holds something; move it away, or set another desk.data_dir", path.display());
        }
    }
    // A copy is worked on: an older schema is brought forward, and the backup stays what it is.
    crate::store::make_folder(data_dir)?;
    let work = tempfile::Builder::new().prefix(".restore-").tempdir_in(data_dir)?;
    fs::copy(args.folder.join(FILE), work.path().join(FILE)).context("cannot copy the backup")?;
    let kept = Store::open(&format!("sqlite:{FILE}"), work.path(), 1).await?;
    kept.prove().await?;
    let mut held = 0;
    if !args.send_queued {
        let because = format!("restored from a backup of {}: it may have been sent since", manifest.taken_at);
        held = kept.hold_back(&because, super::now()).await?;
    }
    let detail = json!({ "taken_at": manifest.taken_at, "held_back": held });
    kept.record_act(ACTOR, "restored", "the store", detail, super::now()).await?;
    match name {
        Some(name) => {
            kept.fold().await?;
            let (made, target) = (work.path().join(FILE), data_dir.join(name));
            File::open(&made)?.sync_all()?;
            // Logs of an empty database that was there must not be taken for the new one's.
            for end in ["-wal", "-shm"] {
                let _ = fs::remove_file(data_dir.join(format!("{name}{end}")));
            }
            fs::rename(&made, &target).with_context(|| format!("cannot name it {}", target.display()))?;
            File::open(target.parent().unwrap_or(data_dir))?.sync_all()?;
        }
        None => {
            let store = Store::open(url, data_dir, 2).await?;
            if !store.is_empty().await? {
                bail!("the PostgreSQL database holds something; name an empty one in store.url");
            }
            let progress = output::progress("copying rows");
            store.take_over(&kept, || progress.inc(1)).await?;
            progress.finish_and_clear();
            store.close().await;
            kept.close().await;
        }
    }
    Ok(held)
}

fn put_key(folder: &Path, settings: &Config) -> Result<()> {
    let Ok(kept) = fs::read(folder.join(KEY)) else { return Ok(()) };
    let own = settings.desk.data_dir.join(KEY);
    if !settings.replies.token_key_file.as_os_str().is_empty() {
        return Ok(());
    }
    match fs::read(&own) {
        Ok(there) if there != kept => output::complain(&format!(
            "{} is another key than the backup's: add the backup's as its second line, or answers to earlier mails are not known",
            own.display()
        )),
        Ok(_) => {}
        Err(_) => private(&own, &kept)?,
    }
    Ok(())
}

/// Writes a file that nobody else reads.
fn private(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut options = File::options();
    let file = options.create_new(true).write(true).mode(0o600).open(path);
    let mut file = file.with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(())
}

fn hash(path: &Path) -> Result<String> {
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(hash.finalize())),
            length => hash.update(&buffer[..length]),
        }
    }
}
