//! Throwaway proxies: microsocks (SOCKS 5) and tinyproxy (HTTP's CONNECT), each for user `desk` with the password `pass`.

use std::fs;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{await_port, free_port, mortal, stop};

/// A running proxy.
pub struct Proxy {
    /// What the setting names.
    pub url: String,
    child: Option<Child>,
    folder: TempDir,
}

impl Proxy {
    /// SOCKS 5.
    pub fn socks() -> Proxy {
        let port = free_port();
        let mut command = Command::new("microsocks");
        command.args(["-i", "127.0.0.1", "-p", &port.to_string(), "-u", "desk", "-P", "pass"]);
        Proxy::start(command, port, "socks5", TempDir::new().unwrap())
    }

    /// HTTP, for tunnels to this port alone.
    pub fn http(to: u16) -> Proxy {
        let (port, folder) = (free_port(), TempDir::new().unwrap());
        let config = folder.path().join("conf");
        let text = format!(
            "Port {port}\nListen 127.0.0.1\nTimeout 600\nMaxClients 20\nAllow 127.0.0.1\nBasicAuth desk pass\n\
             ConnectPort {to}\nLogFile \"{0}/log\"\nPidFile \"{0}/pid\"\n",
            folder.path().display()
        );
        fs::write(&config, text).unwrap();
        let mut command = Command::new("tinyproxy");
        command.args(["-d", "-c", config.to_str().unwrap()]);
        Proxy::start(command, port, "http", folder)
    }

    fn start(mut command: Command, port: u16, scheme: &str, folder: TempDir) -> Proxy {
        let output = fs::File::create(folder.path().join("output")).unwrap();
        let errors = output.try_clone().unwrap();
        let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
        let child = child.expect("microsocks and tinyproxy are not installed; tests/run installs them");
        mortal(child.id());
        await_port(port, &folder.path().join("output"));
        Proxy { url: format!("{scheme}://127.0.0.1:{port}"), child: Some(child), folder }
    }

    /// A file that holds `secret`.
    pub fn secret_file(&self, secret: &str) -> std::path::PathBuf {
        let path = self.folder.path().join(secret.replace(':', "-"));
        fs::write(&path, secret).unwrap();
        path
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            stop(child);
        }
    }
}
