//! A PostgreSQL of the test's own, and a pgbouncer in front of it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use super::{Folder, Server, program, signal, until};

/// Whether what is committed outlives a power cut. A killed server loses nothing either way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disk {
    /// `fsync` off: for everything that is not about disks.
    Fast,
    /// As it comes.
    Durable,
}

/// A server that listens on a socket in its own folder, and nowhere else. Its one user needs no password.
pub(crate) struct Postgres {
    folder: Folder,
    programs: PathBuf,
    settings: Vec<String>,
    server: Mutex<Option<Server>>,
    databases: AtomicU32,
}

impl Postgres {
    pub(crate) const USER: &str = "regrant";

    pub(crate) fn start() -> Option<Self> {
        Self::with(Disk::Fast, &[])
    }

    /// The server that all tests of one program share which need nothing special of it; each takes a database of its own.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    pub(crate) fn durable() -> Option<Self> {
        Self::with(Disk::Durable, &[])
    }

    /// With settings such as `default_transaction_isolation=serializable`. `None` where there is no `PostgreSQL`.
    pub(crate) fn with(disk: Disk, settings: &[&str]) -> Option<Self> {
        // A link to it has the others not beside it.
        let initdb = program("initdb")?.canonicalize().unwrap();
        let folder = Folder::new("postgres");
        let mut command = folder.command(&initdb);
        command.args(["-D", "data", "-U", Self::USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
        let mut all: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        if disk == Disk::Fast {
            all.extend(["fsync=off", "full_page_writes=off"].map(str::to_owned));
        }
        let postgres = Self {
            folder,
            programs: initdb.parent().unwrap().to_owned(),
            settings: all,
            server: Mutex::new(None),
            databases: AtomicU32::new(0),
        };
        postgres.launch();
        postgres.await_ready();
        Some(postgres)
    }

    /// Starts it and does not wait until it answers.
    fn launch(&self) {
        let mut command = self.folder.command(&self.programs.join("postgres"));
        command.args(["-D", "data", "-c", "listen_addresses=", "-c", "max_connections=200"]);
        command.arg("-k").arg(self.folder.path());
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        *self.server.lock().unwrap() = Some(self.folder.start("postgres", &mut command));
    }

    fn await_ready(&self) {
        until("PostgreSQL to answer", || {
            let runs = self.server.lock().unwrap().as_mut().is_some_and(|server| !server.has_ended());
            assert!(runs, "PostgreSQL ended: {}", self.folder.log("postgres"));
            // Cheaper than asking it: its state is the last line of this file.
            let file = fs::read_to_string(self.folder.path().join("data/postmaster.pid"));
            file.is_ok_and(|file| {
                file.lines().last().is_some_and(|state| matches!(state.trim_end(), "ready" | "standby"))
            })
        });
    }

    /// The folder of its socket.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Of the database that is always there.
    pub(crate) fn url(&self) -> String {
        self.url_of("postgres")
    }

    pub(crate) fn url_of(&self, database: &str) -> String {
        url(&self.folder, 5432, database)
    }

    /// A database that nobody has used; its name.
    pub(crate) fn fresh_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// What `psql` says to it: rows as lines, columns parted by `|`.
    ///
    /// # Panics
    ///
    /// If the server refuses it.
    #[track_caller]
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let mut command = self.client("psql");
        command.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// One of the programs beside the server, told where it is.
    pub(crate) fn client(&self, name: &str) -> Command {
        let mut command = self.folder.command(&self.programs.join(name));
        command.arg("-h").arg(self.folder.path()).args(["-U", Self::USER]);
        command
    }

    /// Ends it and all its sessions at once and without a word, as a crash of the machine does.
    pub(crate) fn kill9(&self) {
        let Some(server) = self.server.lock().unwrap().take() else { return };
        // Stopped, it starts no more of them; until it is, it may.
        server.signal("STOP");
        until("PostgreSQL to stop", || stat(server.pid()).is_none_or(|(state, _)| matches!(state, 'T' | 'Z')));
        let sessions = children(server.pid());
        for &session in &sessions {
            signal("KILL", session);
        }
        server.kill();
        until("the sessions to end", || sessions.iter().all(|&session| has_ended(session)));
        // The system may give its process id to another, which would pass for it.
        let _ = fs::remove_file(self.folder.path().join("data/postmaster.pid"));
    }

    /// Starts it again after [`kill9`](Self::kill9), and waits for it.
    pub(crate) fn restart(&self) {
        self.kill9();
        self.launch();
        self.await_ready();
    }

    pub(crate) fn log(&self) -> String {
        self.folder.log("postgres")
    }
}

/// A pgbouncer in transaction mode, on a socket in the folder of its server.
pub(crate) struct PgBouncer {
    server: Server,
    url: String,
}

impl PgBouncer {
    const PORT: u16 = 6432;

    /// In front of a database, with that many sessions of its own there. `None` where there is no pgbouncer.
    pub(crate) fn start(postgres: &Postgres, database: &str, sessions: usize) -> Option<Self> {
        let pgbouncer = program("pgbouncer")?;
        let folder = postgres.folder();
        let socket = folder.path().display();
        let name = format!("pgbouncer-{database}");
        let sockets = folder.path().join(&name);
        let made = folder.command(std::path::Path::new("mkdir")).arg(&sockets).status().unwrap();
        assert!(made.success());
        let settings = format!(
            "[databases]\n* = host={socket} port=5432 user={user}\n[pgbouncer]\nunix_socket_dir = {sockets}\n\
             listen_port = {port}\nauth_type = any\npool_mode = transaction\ndefault_pool_size = {sessions}\n\
             max_client_conn = 200\n",
            user = Postgres::USER,
            sockets = sockets.display(),
            port = Self::PORT,
        );
        let file = folder.path().join(format!("{name}.ini"));
        fs::write(&file, settings).unwrap();
        let server = folder.start(&name, folder.command(&pgbouncer).arg(&file));
        let socket = sockets.join(format!(".s.PGSQL.{}", Self::PORT));
        until("pgbouncer to listen", || std::os::unix::net::UnixStream::connect(&socket).is_ok());
        let host = percent(&sockets.display().to_string());
        let url = format!("postgres://{}@{host}:{}/{database}", Postgres::USER, Self::PORT);
        Some(Self { server, url })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }
}

fn url(folder: &Folder, port: u16, database: &str) -> String {
    format!("postgres://{}@{}:{port}/{database}", Postgres::USER, percent(&folder.path().display().to_string()))
}

/// A path as the host of a URL.
fn percent(path: &str) -> String {
    path.replace('/', "%2F")
}

fn children(pid: u32) -> Vec<u32> {
    let ours = |entry: fs::DirEntry| {
        let child: u32 = entry.file_name().to_str()?.parse().ok()?;
        (stat(child)?.1 == pid).then_some(child)
    };
    fs::read_dir("/proc").unwrap().flatten().filter_map(ours).collect()
}

/// The state of a process, and its parent.
fn stat(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // After the name, which is in brackets and may hold anything.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn has_ended(pid: u32) -> bool {
    stat(pid).is_none_or(|(state, _)| state == 'Z')
}
