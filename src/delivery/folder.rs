//! The way out into a folder: every mail an `.eml` file, for trials and the demo.
//!
//! A file is there whole or not at all; the same row again replaces its own file.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

use super::{Delivery, mail};
use crate::store::outbox::Outgoing;

/// Writes one mail. Blocks; mails of a trial are few and small.
pub fn write(folder: &Path, outgoing: &Outgoing) -> Delivery {
    let mail = match mail::compose(outgoing, None, SystemTime::now()) {
        Ok(mail) => mail,
        Err(error) => return Delivery::Dead { error },
    };
    let name: String = outgoing.id.chars().filter(|char| char.is_ascii_alphanumeric() || *char == '-').collect();
    match write_whole(folder, &format!("{name}.eml"), &mail.bytes) {
        Ok(()) => Delivery::Sent,
        Err(error) => Delivery::retry(format!("cannot write into {}: {error}", folder.display())),
    }
}

fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let unfinished = folder.join(format!(".{name}.part"));
    let mut file = File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, folder.join(name))?;
    File::open(folder)?.sync_all() // the name is durable only with its folder
}
