//! An S3 server on a free loopback port: PyPI's `moto`, which keeps its buckets in memory.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::NamedTempFile;

use super::{await_port, free_port, mortal, stop};

/// A running server with one bucket; stopped when dropped.
pub struct S3 {
    /// Where it listens.
    pub port: u16,
    child: Option<Child>,
}

impl S3 {
    /// Starts one and makes the bucket `desk`.
    pub fn start() -> S3 {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/moto_server");
        assert!(program.exists(), "moto is not there: tests/run --all installs it into target/venv");
        let (port, log) = (free_port(), NamedTempFile::new().unwrap());
        let output = || Stdio::from(File::options().append(true).open(log.path()).unwrap());
        let child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(output())
            .stderr(output())
            .spawn()
            .unwrap();
        mortal(child.id());
        let server = S3 { port, child: Some(child) };
        await_port(port, log.path());
        assert!(server.ask("PUT", "/desk").starts_with("HTTP/1.1 200"));
        server
    }

    /// The keys in the bucket.
    pub fn keys(&self) -> Vec<String> {
        let listed = self.ask("GET", "/desk?list-type=2");
        listed.split("<Key>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
    }

    /// Takes an object away.
    pub fn delete(&self, key: &str) {
        assert!(self.ask("DELETE", &format!("/desk/{key}")).starts_with("HTTP/1.1 204"));
    }

    /// Stops it.
    pub fn down(&mut self) {
        if let Some(child) = self.child.take() {
            stop(child);
        }
    }

    fn ask(&self, method: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        // Deletes need a signature, whatever it is.
        let signed =
            "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {signed}\r\nContent-Length: 0\r\n\
             Connection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.down();
    }
}
