//! The units and the Debian package: how hardened, whether systemd takes them, whether the package installs into a throwaway
//! root, upgrades and leaves what is the operator's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use toml::Table;

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn ran(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, complaints) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {out}{complaints}");
    output
}

fn metadata() -> Table {
    let manifest: Table = toml::from_str(&fs::read_to_string(home().join("Cargo.toml")).unwrap()).unwrap();
    manifest["package"]["metadata"]["deb"].as_table().unwrap().clone()
}

/// The package as `cargo deb` lays it out, by the same lists.
fn build(folder: &Path, version: &str) -> PathBuf {
    let deb = metadata();
    let text = |key: &str| deb[key].as_str().unwrap().to_owned();
    let tree = folder.join(format!("tree-{version}"));
    for asset in deb["assets"].as_array().unwrap() {
        let part = |index: usize| asset[index].as_str().unwrap();
        let source = match part(0) {
            "target/release/deskclerk" => PathBuf::from(env!("CARGO_BIN_EXE_deskclerk")),
            other => home().join(other),
        };
        let target = tree.join(part(1)).join(source.file_name().unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        // A hard link: the test build of the program is large.
        if fs::hard_link(&source, &target).is_err() || part(0) != "target/release/deskclerk" {
            let _ = fs::remove_file(&target);
            fs::copy(&source, &target).unwrap();
            let mode = u32::from_str_radix(part(2), 8).unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(mode)).unwrap();
        }
    }
    let control = tree.join("DEBIAN");
    fs::create_dir_all(&control).unwrap();
    let conffiles: Vec<&str> =
        deb["conf-files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
    fs::write(control.join("conffiles"), conffiles.join("\n") + "\n").unwrap();
    let fields = format!(
        "Package: deskclerk\nVersion: {version}\nArchitecture: all\nMaintainer: {}\nSection: {}\nPriority: optional\n\
         Depends: {}\nDescription: the clerk at a support desk\n {}\n",
        text("maintainer"),
        text("section"),
        text("depends").replace("$auto, ", ""),
        text("extended-description").replace('\n', "\n ")
    );
    fs::write(control.join("control"), fields).unwrap();
    for script in fs::read_dir(home().join(text("maintainer-scripts"))).unwrap() {
        let script = script.unwrap().path();
        if script.extension().is_none() {
            let target = control.join(script.file_name().unwrap());
            fs::copy(&script, &target).unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    let package = folder.join(format!("deskclerk_{version}_all.deb"));
    ran(Command::new("dpkg-deb").args(["--root-owner-group", "-Zgzip", "-z1", "--build"]).args([&tree, &package]));
    package
}

fn install(root: &Path, package: &Path) -> String {
    // No libc6 is in that root; the scripts run outside and honour DPKG_ROOT.
    let output = ran(Command::new("dpkg")
        .arg(format!("--root={}", root.display()))
        .args(["--force-script-chrootless", "--force-depends", "--force-confold", "--install"])
        .arg(package));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_units_are_hardened_and_systemd_takes_them() {
    let units = ["deskclerk.service", "deskclerk-http.socket", "deskclerk-lmtp.socket"];
    let security = ran(Command::new("systemd-analyze")
        .args(["security", "--offline=yes", "--threshold=13", "--no-pager"])
        .arg(home().join("systemd/deskclerk.service")));
    let told = String::from_utf8_lossy(&security.stdout).into_owned();
    let exposure = told.lines().find(|line| line.contains("Overall exposure level")).unwrap();
    let level: f32 = exposure.rsplit_once(": ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    assert!(level <= 1.3, "{exposure}");

    // In a root of its own, so that ExecStart= is there.
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("root");
    let place = root.join("usr/lib/systemd/system");
    for path in [&place, &root.join("usr/bin"), &root.join("bin")] {
        fs::create_dir_all(path).unwrap();
    }
    for (program, target) in [(env!("CARGO_BIN_EXE_deskclerk"), "usr/bin/deskclerk"), ("/bin/kill", "bin/kill")] {
        fs::copy(program, root.join(target)).unwrap();
    }
    for unit in units {
        fs::copy(home().join("systemd").join(unit), place.join(unit)).unwrap();
    }
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(format!("--root={}", root.display()))
        .args(units)
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&verified.stderr).into_owned();
    // Units of the system itself are not in that root.
    let ours: Vec<&str> = complaints.lines().filter(|line| line.contains("deskclerk")).collect();
    assert!(verified.status.success() && ours.is_empty(), "{complaints}");
}

#[test]
fn the_package_installs_upgrades_and_leaves_what_is_the_operators() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("root");
    fs::create_dir_all(root.join("var/lib/dpkg/info")).unwrap();
    fs::create_dir_all(root.join("var/lib/dpkg/updates")).unwrap();
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
    let told = install(&root, &build(folder.path(), "0.1.0"));
    assert!(told.contains("deskclerk doctor"), "{told}");

    let users = fs::read_to_string(root.join("etc/passwd")).unwrap();
    let user: Vec<&str> = users.lines().find(|line| line.starts_with("deskclerk:")).unwrap().split(':').collect();
    let owner = |path: &str| {
        let found = fs::metadata(root.join(path)).unwrap();
        (std::os::unix::fs::MetadataExt::uid(&found).to_string(), found.permissions().mode() & 0o7777)
    };
    assert_eq!(owner("var/lib/deskclerk"), (user[2].to_owned(), 0o700));
    assert_eq!(owner("etc/deskclerk/secrets"), ("0".into(), 0o700));
    assert_eq!(owner("etc/deskclerk/deskclerk.toml"), ("0".into(), 0o640));

    // The program runs from there, and its settings file is sound but for what only the operator knows.
    let program = root.join("usr/bin/deskclerk");
    let version = ran(Command::new(&program).arg("--version"));
    assert!(String::from_utf8_lossy(&version.stdout).starts_with("deskclerk "));
    let config = root.join("etc/deskclerk/deskclerk.toml");
    ran(Command::new(&program).args(["config", "check", "--config"]).arg(&config));

    // An upgrade keeps what the operator wrote, and the data.
    let own = fs::read_to_string(&config).unwrap().replace("support@desk.example", "help@customer.example");
    fs::write(&config, &own).unwrap();
    fs::write(root.join("var/lib/deskclerk/deskclerk.db"), "kept").unwrap();
    fs::write(root.join("etc/deskclerk/secrets/imap-password"), "secret").unwrap();
    install(&root, &build(folder.path(), "0.1.1"));
    assert_eq!(fs::read_to_string(&config).unwrap(), own);
    let status = fs::read_to_string(root.join("var/lib/dpkg/status")).unwrap();
    assert!(status.contains("Version: 0.1.1") && status.contains("install ok installed"), "{status}");

    // Gone, but for the data and the secrets.
    ran(Command::new("dpkg").arg(format!("--root={}", root.display())).args([
        "--force-script-chrootless",
        "--purge",
        "deskclerk",
    ]));
    assert!(!program.exists() && !config.exists());
    assert!(root.join("var/lib/deskclerk/deskclerk.db").exists());
    assert!(root.join("etc/deskclerk/secrets/imap-password").exists());
}

#[test]
fn every_asset_of_the_package_is_there() {
    let deb = metadata();
    let assets = deb["assets"].as_array().unwrap();
    assert!(assets.len() >= 10);
    for asset in assets {
        let source = asset[0].as_str().unwrap();
        assert!(source.starts_with("target/release/") || home().join(source).is_file(), "{source}");
        assert!(asset[1].as_str().unwrap().ends_with('/'), "{source}");
    }
    for entry in fs::read_dir(home().join("systemd")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let name = path.strip_prefix(home()).unwrap().to_str().unwrap().to_owned();
            assert!(assets.iter().any(|asset| asset[0].as_str() == Some(&name)), "{name} is in no package");
        }
    }
}
