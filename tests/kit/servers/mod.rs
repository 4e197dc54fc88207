//! Servers that tests start for themselves, each with its own socket and folder, and that are gone when the test is.

pub(crate) mod postgres;
pub(crate) mod redis;

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Set where a server that is not there is a failure instead of a test left out.
const REQUIRED: &str = "REGRANT_TEST_SERVERS";

/// Where Debian keeps what it does not put on the PATH.
const ASIDE: [&str; 2] = ["/usr/sbin", "/usr/lib/postgresql"];

/// A program from the PATH; says loudly when it is not there.
///
/// # Panics
///
/// If `REGRANT_TEST_SERVERS=required`.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    for aside in ASIDE {
        folders.push(aside.into());
        let versions = fs::read_dir(aside).into_iter().flatten().flatten();
        folders.extend(versions.map(|version| version.path().join("bin")));
    }
    let found = folders.into_iter().map(|folder| folder.join(name)).find(|path| path.is_file());
    if found.is_none() {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        assert!(std::env::var_os(REQUIRED).is_none_or(|value| value != "required"), "{name} is not on the PATH");
        // Past the test harness, which swallows what a test prints.
        let notice = format!("\n*** LEFT OUT: {test} needs {name}, which is not on the PATH ***\n");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), notice.as_bytes());
    }
    found
}

/// A temporary folder. A shell beside the test waits for its end, however it ends, then stops the servers whose process
/// ids are in the folder, and removes it.
pub(crate) struct Folder {
    path: PathBuf,
    guard: Child,
    owner: Option<(u32, u32)>,
}

const GUARD: &str = r#"read -r _
for file in "$1"/*.pid; do [ -f "$file" ] && kill -QUIT "$(cat "$file")"; done
sleep 0.3
for file in "$1"/*.pid; do [ -f "$file" ] && kill -KILL "$(cat "$file")"; done
rm -rf "$1""#;

impl Folder {
    /// Below the system's folder for temporary files. Where tests run as root the folder, and what is started in it, is
    /// `nobody`'s, since servers do not want to be root's.
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("regrant-{name}-{:016x}", rand::random::<u64>()));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        let owner = (id("-u", None) == 0).then(|| (id("-u", Some("nobody")), id("-g", Some("nobody"))));
        if let Some((user, group)) = owner {
            chown(&path, Some(user), Some(group)).unwrap();
        }
        let guard = Command::new("sh")
            .args(["-c", GUARD, "sh"])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is for the test.
            .process_group(0)
            .spawn()
            .unwrap();
        Self { path, guard, owner }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A command that runs in the folder, as its owner.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.path).stdin(Stdio::null());
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group).env("HOME", &self.path);
        }
        command
    }

    /// Starts a server; what it says goes to `NAME.log`.
    pub(crate) fn start(&self, name: &str, command: &mut Command) -> Server {
        let log = File::options().create(true).append(true).open(self.path.join(format!("{name}.log"))).unwrap();
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let pid_file = self.path.join(format!("{name}.pid"));
        fs::write(&pid_file, child.id().to_string()).unwrap();
        Server { child, pid_file }
    }

    /// What a server has said, for the message of a failure.
    pub(crate) fn log(&self, name: &str) -> String {
        fs::read_to_string(self.path.join(format!("{name}.log"))).unwrap_or_default()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// A server that runs; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pid_file: PathBuf,
}

impl Server {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name: `STOP`, `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        signal(name, self.pid());
    }

    /// As a power cut does it, for this one process.
    pub(crate) fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.pid_file);
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(mut self) {
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.pid_file);
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal by its name to any process.
pub(crate) fn signal(name: &str, pid: u32) {
    let _ = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).stderr(Stdio::null()).status();
}

/// Asks again and again, until it is so.
///
/// # Panics
///
/// After a minute.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A port that was free a moment ago. Systems give none below 32768 to who asks for any, so it is still free after a restart.
pub(crate) fn free_port() -> u16 {
    let mut ports = std::iter::repeat_with(|| rand::random_range(10_000..32_000));
    ports.find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

fn id(what: &str, user: Option<&str>) -> u32 {
    let output = Command::new("id").arg(what).args(user).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}
