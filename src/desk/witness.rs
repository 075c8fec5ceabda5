//! The witness: a file that says which submissions are being read at this moment. The file outlives the process, however
//! that ended, so the next start knows whether a submission may have ended it, and which.
//!
//! Never keeps a submission from being read: without the file it says nothing. It is not synced, for what a power cut
//! leaves behind is no submission's fault.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

/// A slot of the file: an id, or spaces, and a line feed.
const SLOT: usize = 37;
const FREE: &[u8; SLOT] = b"                                    \n";

/// What the threads of this process read.
#[derive(Debug)]
pub struct Witness {
    folder: PathBuf,
    /// Made when the first submission is read: most commands read none.
    file: OnceLock<Option<Kept>>,
    taken: Mutex<Vec<bool>>,
}

/// The file of a process that lives: it holds the lock.
#[derive(Debug)]
struct Kept {
    file: File,
    path: PathBuf,
}

impl Witness {
    /// One that writes below this folder.
    pub fn below(data_dir: &Path) -> Witness {
        Witness { folder: folder(data_dir), file: OnceLock::new(), taken: Mutex::default() }
    }

    /// Says that this submission is being read, until what it gives is dropped.
    pub fn watch(&self, id: &str) -> Option<Watched<'_>> {
        let kept = self.file.get_or_init(|| {
            let made = make(&self.folder);
            made.inspect_err(|error| {
                tracing::warn!(%error, folder = %self.folder.display(), "a mail that ends the process will not be known by it");
            })
            .ok()
        });
        let file = &kept.as_ref()?.file;
        let slot = {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            let slot = taken.iter().position(|taken| !taken).unwrap_or(taken.len());
            if slot == taken.len() {
                taken.push(true);
            } else {
                taken[slot] = true;
            }
            slot
        };
        let watched = Watched { witness: self, file, slot };
        watched.write(format!("{id:<36}\n").as_bytes());
        Some(watched)
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if let Some(Some(kept)) = self.file.get() {
            let _ = fs::remove_file(&kept.path);
        }
    }
}

/// A submission that is being read.
#[derive(Debug)]
pub struct Watched<'a> {
    witness: &'a Witness,
    file: &'a File,
    slot: usize,
}

impl Watched<'_> {
    fn write(&self, bytes: &[u8]) {
        if bytes.len() == SLOT {
            let _ = self.file.write_all_at(bytes, (self.slot * SLOT) as u64);
        }
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.write(FREE);
        self.witness.taken.lock().unwrap_or_else(PoisonError::into_inner)[self.slot] = false;
    }
}

/// What a dead process was reading; its file is gone when this is [`Left::settled`].
#[derive(Debug)]
pub struct Left {
    /// The submissions' ids.
    pub ids: Vec<String>,
    kept: Kept,
}

impl Left {
    /// It is dealt with.
    pub fn settled(self) {
        let _ = fs::remove_file(&self.kept.path);
    }
}

/// What processes that are dead have left in this folder.
pub fn left(data_dir: &Path) -> Vec<Left> {
    let entries = fs::read_dir(folder(data_dir)).into_iter().flatten().flatten();
    let dead = entries.filter_map(|entry| {
        let path = entry.path();
        let file = File::open(&path).ok()?;
        // Whoever lives holds it; of two that start at once, one gets it.
        file.try_lock().ok()?;
        let text = fs::read_to_string(&path).ok()?;
        let ids = text.lines().map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect();
        Some(Left { ids, kept: Kept { file, path } })
    });
    dead.collect()
}

fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("reading")
}

/// Locked before it has the name by which others find it.
fn make(folder: &Path) -> io::Result<Kept> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let path = folder.join(uuid::Uuid::now_v7().to_string());
    let half = path.with_extension("new");
    let file = File::options().write(true).create_new(true).mode(0o600).open(&half)?;
    file.try_lock()?;
    fs::rename(&half, &path)?;
    Ok(Kept { file, path })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn ids(left: &[Left]) -> Vec<&str> {
        left.iter().flat_map(|left| &left.ids).map(String::as_str).collect()
    }

    #[test]
    fn what_the_dead_were_reading_is_known_and_what_they_had_read_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let names = [1, 2, 3].map(|number| format!("{number:036}"));
        let witness = Witness::below(folder.path());
        assert!(left(folder.path()).is_empty());
        let first = witness.watch(&names[0]).unwrap();
        let second = witness.watch(&names[1]).unwrap();
        drop(first);
        let _third = witness.watch(&names[2]).unwrap();
        // It lives.
        assert!(left(folder.path()).is_empty());
        let path = &witness.file.get().unwrap().as_ref().unwrap().path;
        let dead = path.with_file_name("of-a-dead-process");
        fs::copy(path, &dead).unwrap();
        let found = left(folder.path());
        assert_eq!(ids(&found), [names[2].as_str(), names[1].as_str()]);
        // Somebody else deals with it.
        assert!(left(folder.path()).is_empty());
        found.into_iter().for_each(Left::settled);
        assert!(!dead.exists());
        drop(second);
    }

    #[test]
    fn whoever_ends_in_order_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let witness = Witness::below(folder.path());
        drop(witness.watch("a").unwrap());
        drop(witness);
        assert_eq!(fs::read_dir(folder.path().join("reading")).unwrap().count(), 0);
        let nowhere = Witness::below(&folder.path().join("file"));
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(nowhere.watch("a").is_none());
    }
}
