//! An example as a process, and just enough HTTP to talk to it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// An example, built if it is not.
pub(crate) fn built(example: &'static str) -> PathBuf {
    static BUILT: Mutex<BTreeMap<&str, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut known = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let made = || {
        // Where this test is: target/debug/deps.
        let target = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
        let profile = if target.ends_with("release") { &["--release"][..] } else { &[] };
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--locked", "--quiet", "--example", example, "--target-dir"]);
        cargo.arg(target.parent().unwrap()).args(profile);
        assert!(cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success());
        target.join("examples").join(example)
    };
    known.entry(example).or_insert_with(made).clone()
}

fn command(example: &'static str, options: &[&str]) -> Command {
    let mut command = Command::new(built(example));
    command.args(["--listen", "127.0.0.1:0"]);
    // All of them come from one address, and some are wrong on purpose.
    if !options.contains(&"--throttle") {
        command.args(["--throttle", "off"]);
    }
    command.args(options).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// Starts it with options that it must refuse; what it said.
#[track_caller]
pub(crate) fn fails_to_start(options: &[&str]) -> String {
    fails_to_start_example("server", options)
}

#[track_caller]
pub(crate) fn fails_to_start_example(example: &'static str, options: &[&str]) -> String {
    let mut child = command(example, options).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("it started with {options:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success(), "it started with {options:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// A server that listens.
pub(crate) struct Running {
    child: Child,
    address: String,
}

impl Running {
    #[track_caller]
    pub(crate) fn start(options: &[&str]) -> Self {
        Self::start_example("server", options)
    }

    #[track_caller]
    pub(crate) fn start_example(example: &'static str, options: &[&str]) -> Self {
        let mut child = command(example, options).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap_or_else(|| panic!("it did not start with {options:?}")).unwrap();
        let address = first.split_once("://").unwrap().1.split([',', ' ']).next().unwrap().to_owned();
        // A pipe that nobody reads would stop it.
        std::thread::spawn(move || lines.count());
        Self { child, address }
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn post(&self, path: &str, form: &str) -> Reply {
        self.post_with(path, "", form)
    }

    /// A form, with more header lines.
    pub(crate) fn post_with(&self, path: &str, headers: &str, form: &str) -> Reply {
        self.post_of("application/x-www-form-urlencoded", path, headers, form)
    }

    /// A body of any type, with more header lines.
    pub(crate) fn post_of(&self, media_type: &str, path: &str, headers: &str, body: &str) -> Reply {
        let length = body.len();
        self.send(&format!(
            "POST {path} HTTP/1.1\r\n{headers}content-type: {media_type}\r\ncontent-length: {length}\r\n\
             host: localhost\r\nconnection: close\r\n\r\n{body}"
        ))
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn get(&self, path: &str, access_token: Option<&str>) -> Reply {
        let authorization = access_token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        self.ask("GET", path, &authorization)
    }

    /// A request without a body, with any method and more header lines.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str) -> Reply {
        self.send(&format!("{method} {path} HTTP/1.1\r\n{headers}host: localhost\r\nconnection: close\r\n\r\n"))
    }

    fn send(&self, request: &str) -> Reply {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        Reply::of(&reply)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What it answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Reply {
    /// From what came over the connection.
    #[track_caller]
    pub(crate) fn of(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    #[track_caller]
    pub(crate) fn member(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> String {
        self.find_header(name).unwrap_or_else(|| panic!("{self:?}"))
    }

    pub(crate) fn find_header(&self, name: &str) -> Option<String> {
        let value =
            |line: &str| line.split_once(": ").filter(|header| header.0 == name).map(|header| header.1.to_owned());
        self.head.lines().find_map(value)
    }
}
