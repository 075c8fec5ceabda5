//! Embeds the shipped `rules/` folder: every `.toml`, `.txt` and `.html` below it, by its path.

use std::fmt::Write;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=rules");
    let here = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR for build scripts");
    let root = Path::new(&here).join("rules");
    let mut list = String::from("[\n");
    gather(&root, &root, &mut list);
    list.push(']');
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    std::fs::write(Path::new(&out).join("shipped.rs"), list).expect("OUT_DIR is writable");
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
        } else if path.extension().is_some_and(|end| end == "toml" || end == "txt" || end == "html") {
            let name = path.strip_prefix(root).expect("it stands below the root").to_string_lossy().replace('\\', "/");
            writeln!(list, "({name:?}, include_str!({:?})),", path.to_string_lossy()).expect("a String takes all");
        }
    }
}
