//! Embeds the shipped `rules/` folder: every `.toml`, `.csv`, `.txt` and `.html` below it, by its path; and has the released binary
//! linked small.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=rules");
    let here = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR for build scripts");
    let root = Path::new(&here).join("rules");
    let mut list = String::from("[\n");
    gather(&root, &root, &mut list);
    list.push(']');
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    std::fs::write(Path::new(&out).join("shipped.rs"), list).expect("OUT_DIR is writable");
    link_small();
}

/// Relocations packed to a hundredth of 1 MB, which each start would read and keep resident. Where the C library knows
/// nothing of it, the binary is only larger; every linker of its time does.
fn link_small() {
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|is| is == value);
    if !is("PROFILE", "release") || !is("CARGO_CFG_TARGET_OS", "linux") || !is("CARGO_CFG_TARGET_ENV", "gnu") {
        return;
    }
    if glibc().is_some_and(|version| version >= (2, 36)) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of the C library here.
fn glibc() -> Option<(u32, u32)> {
    let told = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let (major, minor) = std::str::from_utf8(&told.stdout).ok()?.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn gather(root: &Path, folder: &Path, list: &mut String) {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the rules folder is part of the source")
        .map(|entry| entry.expect("its entries are readable").path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            gather(root, &path, list);
        } else if path.extension().is_some_and(|end| end == "toml" || end == "csv" || end == "txt" || end == "html") {
            let name = path.strip_prefix(root).expect("it stands below the root").to_string_lossy().replace('\\', "/");
            writeln!(list, "({name:?}, include_str!({:?})),", path.to_string_lossy()).expect("a String takes all");
        }
    }
}
