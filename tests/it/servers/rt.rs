//! Request Tracker 5 from Debian, on SQLite, by its own standalone server.

use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use deskclerk::desk::fetch::Guard;
use serde_json::Value;
use tempfile::TempDir;

use super::{await_port, free_port, mortal, stop};

/// A running RT with its one user `root`, whose password is `password`; stopped when dropped.
pub struct Rt {
    /// Its address.
    pub url: String,
    folder: TempDir,
    child: Option<Child>,
}

impl Rt {
    /// Makes its database, with a queue `Ad delivery` and a custom field `Campaign` of all tickets, and starts it.
    pub fn start() -> Rt {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let at = |name: &str| folder.path().join(name).display().to_string();
        // What it mails is kept.
        std::fs::write(at("sendmail"), format!("#!/bin/sh\nexec cat >> {}\n", at("mails"))).unwrap();
        std::fs::set_permissions(at("sendmail"), std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::create_dir(at("conf.d")).unwrap();
        let config = format!(
            "Set($rtname, 'rt.test'); Set($Organization, 'rt.test'); Set($WebDomain, '127.0.0.1'); Set($WebPort, {port});\n\
             Set($DatabaseType, 'SQLite'); Set($DatabaseName, '{}'); Set($LogToSyslog, undef); Set($LogToSTDERR, 'warning');\n\
             Set($MailCommand, 'sendmailpipe'); Set($SendmailPath, '{}'); Set($SendmailArguments, '');\n\
             Set($WebSessionClass, 'Apache::Session::File'); Set($MasonDataDir, '{}'); Set($MasonSessionDir, '{}');\n1;\n",
            at("rt.db"),
            at("sendmail"),
            at("mason"),
            at("sessions"),
        );
        std::fs::write(at("RT_SiteConfig.pm"), config).unwrap();
        for name in ["mason", "sessions"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        let command = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(program);
            command
                .args(arguments)
                .env("RT_SITE_CONFIG", at("RT_SiteConfig.pm"))
                .env("RT_SITE_CONFIG_DIR", at("conf.d"));
            command.stdin(Stdio::null());
            command
        };
        let setup = |action: &str, more: &[&str]| {
            let mut arguments = vec!["--action", action, "--dba", "root", "--dba-password", ""];
            arguments.extend(more);
            let made = command("/usr/sbin/rt-setup-database-5", &arguments).output();
            let made = made.expect("request-tracker5; tests/run installs it");
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        };
        setup("init", &["--skip-create"]);
        let field = "Name => 'Campaign', Type => 'FreeformSingle', LookupType => 'RT::Queue-RT::Ticket', Queue => 0";
        let data = format!("@Queues = ({{ Name => 'Ad delivery' }});\n@CustomFields = ({{ {field} }});\n1;\n");
        std::fs::write(at("data"), data).unwrap();
        setup("insert", &["--datafile", &at("data")]);
        let log = folder.path().join("log");
        let to_log = std::fs::File::create(&log).unwrap();
        let child = command(
            "/usr/share/request-tracker5/libexec/rt-server",
            &["--host", "127.0.0.1", "--port", &port.to_string()],
        )
        .stdout(to_log.try_clone().unwrap())
        .stderr(to_log)
        .spawn()
        .expect("request-tracker5; tests/run installs it");
        mortal(child.id());
        await_port(port, &log);
        Rt { url: format!("http://127.0.0.1:{port}"), folder, child: Some(child) }
    }

    /// Asks its REST API, or tells it something.
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let request = axum::http::Request::builder()
            .method(method)
            .header("authorization", "Basic cm9vdDpwYXNzd29yZA==") // root:password
            .header("content-type", "application/json")
            .body(body.map(|body| body.to_string().into_bytes()).unwrap_or_default())
            .unwrap();
        let url = format!("{}/REST/2.0/{path}", self.url);
        let answer =
            Guard::new(&["127.0.0.1".into()]).send(&url, request, 1 << 20, std::time::Duration::from_secs(30)).await;
        let answer = answer.unwrap();
        assert!(
            answer.status.is_success(),
            "{method} {path}: {} {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    /// All that it mailed, raw.
    pub fn mails(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("mails")).unwrap_or_default()
    }
}

impl Drop for Rt {
    fn drop(&mut self) {
        self.child.take().into_iter().for_each(stop);
    }
}
