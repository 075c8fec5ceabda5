//! Blobs: large originals and fetched attachments outside the database, each named by the SHA-256 of its bytes, so that the
//! same bytes are kept once.
//!
//! Promises: what `Blobs::put` has taken survives a power cut before it returns; what `Blobs::get` gives is what its name
//! says, or an error that names it. Which blobs are still needed only the database knows, see `naming`.

use std::fs::{self, File, FileTimes};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use super::Error;

/// Where half-written files of a folder lie.
const UNFINISHED: &str = "unfinished";

/// Where blobs are kept. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Blobs {
    place: Place,
    from_bytes: usize,
}

#[derive(Debug, Clone, Default)]
enum Place {
    /// Nowhere: all bytes stay in the database.
    #[default]
    Database,
    Folder(Arc<Path>),
    #[cfg(feature = "s3")]
    Bucket(Arc<super::bucket::Bucket>),
}

/// A place in an S3-compatible bucket.
pub struct S3 {
    /// `s3://bucket/prefix`.
    pub url: String,
    /// The server; empty: Amazon's.
    pub endpoint: String,
    /// Its region.
    pub region: String,
    /// The access key.
    pub key_id: String,
    /// Its secret; `None`: what the machine's role gives.
    pub secret: Option<String>,
}

impl Blobs {
    /// In this folder, whatever has `from_bytes` or more. It is made when the first one comes.
    pub fn in_folder(folder: PathBuf, from_bytes: usize) -> Blobs {
        Blobs { place: Place::Folder(folder.into()), from_bytes }
    }

    /// In this bucket, whatever has `from_bytes` or more.
    #[cfg(feature = "s3")]
    pub fn in_bucket(place: &S3, from_bytes: usize) -> Result<Blobs, Error> {
        let bucket = super::bucket::Bucket::open(place);
        let bucket = bucket.map_err(|why| Error::Url(format!("store.blobs = {}: {why}", place.url)))?;
        Ok(Blobs { place: Place::Bucket(Arc::new(bucket)), from_bytes })
    }

    /// As it was built, it knows no buckets.
    #[cfg(not(feature = "s3"))]
    pub fn in_bucket(place: &S3, _from_bytes: usize) -> Result<Blobs, Error> {
        Err(Error::Url(format!("store.blobs = {}: this deskclerk was built without --features s3", place.url)))
    }

    /// Whether so many bytes are kept outside the database.
    pub(super) fn takes(&self, bytes: usize) -> bool {
        !matches!(self.place, Place::Database) && bytes > 0 && bytes >= self.from_bytes
    }

    /// Whether blobs are kept anywhere.
    pub fn are_kept(&self) -> bool {
        !matches!(self.place, Place::Database)
    }

    /// Keeps these bytes under their hash, durably. What is there already counts as new from now on.
    pub(super) async fn put(&self, hash: &str, bytes: Arc<Vec<u8>>) -> Result<(), Error> {
        match &self.place {
            Place::Database => Err(self.unfit(hash)),
            Place::Folder(folder) => {
                let (folder, name) = (folder.clone(), hash.to_owned());
                self.blocking(move || write(&folder, &name, &bytes)).await
            }
            #[cfg(feature = "s3")]
            Place::Bucket(bucket) => bucket.put(hash, &bytes).await.map_err(|error| self.away(error)),
        }
    }

    /// Whether it is there.
    pub(super) async fn has(&self, hash: &str) -> Result<bool, Error> {
        match &self.place {
            Place::Database => Err(self.unfit(hash)),
            Place::Folder(folder) => {
                let path = path(folder, hash);
                self.blocking(move || path.try_exists()).await
            }
            #[cfg(feature = "s3")]
            Place::Bucket(bucket) => Ok(bucket.size(hash).await.map_err(|error| self.away(error))?.is_some()),
        }
    }

    /// The bytes of this name.
    pub(super) async fn get(&self, hash: &str) -> Result<Vec<u8>, Error> {
        let found = match &self.place {
            Place::Database => return Err(self.unfit(hash)),
            Place::Folder(folder) => {
                let path = path(folder, hash);
                self.blocking(move || match fs::read(path) {
                    Ok(bytes) => Ok(Some(bytes)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(error),
                })
                .await?
            }
            #[cfg(feature = "s3")]
            Place::Bucket(bucket) => bucket.get(hash).await.map_err(|error| self.away(error))?,
        };
        let bytes = found.ok_or_else(|| self.lost(hash, "is not there"))?;
        match hex::encode(Sha256::digest(&bytes)) == hash {
            true => Ok(bytes),
            false => Err(self.lost(hash, "is damaged")),
        }
    }

    /// Deletes it, if it is there.
    pub(super) async fn delete(&self, hash: &str) -> Result<(), Error> {
        match &self.place {
            Place::Database => Ok(()),
            Place::Folder(folder) => {
                let path = path(folder, hash);
                self.blocking(move || gone(fs::remove_file(path))).await
            }
            #[cfg(feature = "s3")]
            Place::Bucket(bucket) => bucket.delete(hash).await.map_err(|error| self.away(error)),
        }
    }

    /// The blobs of one of 256 shelves that were last put before `until` (unix milliseconds); half-written ones of before are
    /// deleted on the way.
    pub(super) async fn before(&self, until: i64, shelf: u8) -> Result<Vec<String>, Error> {
        let name = format!("{shelf:02x}");
        let mut found = match &self.place {
            Place::Database => return Ok(vec![]),
            Place::Folder(folder) => {
                let (folder, until) = (folder.clone(), UNIX_EPOCH + Duration::from_millis(until.max(0) as u64));
                let own = folder.join(&name);
                self.blocking(move || {
                    if shelf == 0 {
                        for half in listed(&folder.join(UNFINISHED), until)? {
                            gone(fs::remove_file(folder.join(UNFINISHED).join(half)))?;
                        }
                    }
                    listed(&own, until)
                })
                .await?
            }
            #[cfg(feature = "s3")]
            Place::Bucket(bucket) => bucket.before(until, &name).await.map_err(|error| self.away(error))?,
        };
        found.retain(|blob| is_name(blob) && blob.starts_with(&name));
        Ok(found)
    }

    /// Puts, reads and deletes a probe, as whoever asks whether the place can be used. `false`: there is no such folder yet, and
    /// none is made, for whoever asks may be another user than the one that is to own it.
    pub async fn probe(&self) -> Result<bool, Error> {
        let bytes = uuid::Uuid::now_v7().to_string().into_bytes();
        match &self.place {
            Place::Database => Ok(true),
            Place::Folder(folder) => {
                let folder = folder.clone();
                self.blocking(move || {
                    if !folder.try_exists()? {
                        return Ok(false);
                    }
                    let probe = folder.join(format!("probe-{}", uuid::Uuid::now_v7()));
                    let read = write_to(&probe, &bytes).and_then(|()| fs::read(&probe));
                    gone(fs::remove_file(&probe))?;
                    if read? == bytes {
                        Ok(true)
                    } else {
                        Err(io::Error::other("it gives back other bytes than it took"))
                    }
                })
                .await
            }
            #[cfg(feature = "s3")]
            Place::Bucket(_) => {
                let hash = hex::encode(Sha256::digest(&bytes));
                self.put(&hash, Arc::new(bytes)).await?;
                let read = self.get(&hash).await;
                self.delete(&hash).await?;
                read.map(|_| true)
            }
        }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let done = tokio::task::spawn_blocking(work).await;
        let done = done.unwrap_or_else(|cause| Err(io::Error::other(cause.to_string())));
        done.map_err(|error| self.away(error))
    }

    fn away(&self, error: impl ToString) -> Error {
        Error::Blobs { place: self.name(), why: error.to_string() }
    }

    /// The place, as the settings name it.
    pub fn name(&self) -> String {
        match &self.place {
            Place::Database => "the database".into(),
            Place::Folder(folder) => folder.display().to_string(),
            #[cfg(feature = "s3")]
            Place::Bucket(bucket) => bucket.name(),
        }
    }

    fn lost(&self, hash: &str, what: &'static str) -> Error {
        // Here, as whoever comes upon it must alarm the operator.
        metrics::counter!("deskclerk_originals_lost_total").increment(1);
        Error::Lost { hash: hash.to_owned(), what, place: self.name() }
    }

    /// A row names a blob, and the settings say that there are none.
    fn unfit(&self, hash: &str) -> Error {
        self.lost(hash, "was kept outside the database, and store.blobs does not say where")
    }
}

/// Whether this is a blob's name: SHA-256, hex.
fn is_name(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn path(folder: &Path, hash: &str) -> PathBuf {
    folder.join(hash.get(..2).unwrap_or("xx")).join(hash)
}

/// Whoever names the blob afterwards may rely on it: file, name and folders are synced, whoever made them.
fn write(folder: &Path, hash: &str, bytes: &[u8]) -> io::Result<()> {
    let target = path(folder, hash);
    let shelf = target.parent().unwrap_or(folder);
    // The sweeper takes one that is touched for new. It may have gone between two looks, or be damaged.
    let touch = || File::open(&target)?.set_times(FileTimes::new().set_modified(SystemTime::now()));
    if !(fs::read(&target).is_ok_and(|there| there == bytes) && touch().is_ok()) {
        let unfinished = folder.join(UNFINISHED);
        for made in [&unfinished, shelf] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(made)?;
        }
        let half = unfinished.join(uuid::Uuid::now_v7().to_string());
        let written = write_to(&half, bytes).and_then(|()| fs::rename(&half, &target));
        if written.is_err() {
            let _ = fs::remove_file(&half);
        }
        written?;
    }
    for folder in [shelf, folder, folder.parent().unwrap_or(folder)] {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn write_to(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The files of a folder that were last changed before `until`. One that is not there has none.
fn listed(folder: &Path, until: SystemTime) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        entries => entries?,
    };
    let mut found = vec![];
    for entry in entries {
        let entry = entry?;
        // One that went meanwhile is no fault.
        let Ok(changed) = entry.metadata().and_then(|meta| meta.modified()) else { continue };
        if let Some(name) = entry.file_name().to_str().filter(|_| changed < until) {
            found.push(name.to_owned());
        }
    }
    Ok(found)
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
