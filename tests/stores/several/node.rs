//! One of the processes: an engine behind a socket that takes a line and gives a line.
//!
//! ```text
//! <milliseconds since the epoch> <form body>        →        <status> <body>
//! ```
//!
//! The time comes with the request, so that a client can let its window pass without waiting for it. A connection that is
//! closed before the answer drops the request where it is.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use regrant::event::Event;
use regrant::store::{DynTokenStore, PostgresStore, RedisStore};
use regrant::{Client, ClientSecret, Engine, Key, Request, Scope, StaticClients, Timestamp};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::kit::anyone::Anyone;

pub(crate) const CLIENT: &str = "app";
pub(crate) const SECRET: &str = "the-secret-of-the-app-for-tests-only";
pub(crate) const WINDOW: Duration = Duration::from_secs(60);

const STORE: &str = "REGRANT_NODE_STORE";
const NAME: &str = "REGRANT_NODE_NAME";

type NodeEngine = Engine<Arc<dyn DynTokenStore>, StaticClients>;

/// Such a process, from outside.
pub(crate) struct Node {
    child: Child,
    pub(crate) socket: PathBuf,
    events: PathBuf,
}

impl Node {
    /// Starts this program again, and waits until it listens.
    pub(crate) fn start(folder: &Path, number: usize, url: &str) -> Self {
        let name = folder.join(format!("node-{number}"));
        let (socket, events) = (name.with_extension("socket"), name.with_extension("events"));
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["several::node", "--exact", "--ignored", "--nocapture"])
            .env(STORE, url)
            .env(NAME, &name)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut node = Self { child, socket, events };
        crate::kit::servers::until("a node", || {
            assert!(node.child.try_wait().unwrap().is_none(), "a node ended");
            node.socket.exists()
        });
        node
    }

    /// Ends it in the middle of whatever it does; the events that it had.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.told()
    }

    /// Ends it; the events it had, one per line.
    pub(crate) fn stop(mut self) -> Vec<String> {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success(), "a node failed");
        self.told()
    }

    fn told(&self) -> Vec<String> {
        std::fs::read_to_string(&self.events).unwrap().lines().map(str::to_owned).collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn engine(events: &Path) -> NodeEngine {
    let url = std::env::var(STORE).unwrap();
    let store: Arc<dyn DynTokenStore> = if url.starts_with("postgres") {
        let store = PostgresStore::connect(&url).await.unwrap();
        // All of them at once.
        store.migrate().await.unwrap();
        Arc::new(store)
    } else if let Some(nodes) = url.strip_prefix("redis-cluster://") {
        let urls = nodes.split(',').map(|node| format!("redis://{node}"));
        Arc::new(RedisStore::builder().connect_cluster(urls).await.unwrap())
    } else {
        Arc::new(RedisStore::connect(&url).await.unwrap())
    };
    let app = Client::confidential(CLIENT)
        .secret(ClientSecret::new(SECRET).unwrap())
        .grant_type("password")
        .grant_type("refresh_token")
        .scope(Scope::parse("read").unwrap())
        .retry_window(WINDOW)
        .build()
        .unwrap();
    let events = Mutex::new(std::fs::File::create(events).unwrap());
    let engine = Engine::builder(store, StaticClients::new().with(app).unwrap())
        .key(Key::from_bytes(1, &[7; 32]))
        .grant_handler(Anyone)
        .events(move |event: &Event<'_>| {
            if let Some(line) = line(event) {
                events.lock().unwrap().write_all(line.as_bytes()).unwrap();
            }
        })
        .build()
        .unwrap();
    engine.check_keys().await.unwrap();
    engine
}

/// What of an event is checked.
fn line(event: &Event<'_>) -> Option<String> {
    Some(match *event {
        Event::Refreshed { grant, generation, .. } => format!("refreshed {grant} {}\n", generation.as_u32()),
        Event::ReplayFound { grant, presented, .. } => format!("replay {grant} {}\n", presented.as_u32()),
        Event::StoreBehind { grant, presented, .. } => format!("behind {grant} {}\n", presented.as_u32()),
        _ => return None,
    })
}

/// Until the standard input ends.
pub(crate) fn serve() {
    let name = PathBuf::from(std::env::var_os(NAME).unwrap());
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let engine = Arc::new(engine(&name.with_extension("events")).await);
        // Under another name first: who finds the socket finds it listening.
        let bound = name.with_extension("bound");
        let listener = UnixListener::bind(&bound).unwrap();
        std::fs::rename(&bound, name.with_extension("socket")).unwrap();
        let (gone, mut end) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            let _ = gone.send(());
        });
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    tokio::spawn(answer(Arc::clone(&engine), accepted.unwrap().0));
                }
                _ = &mut end => return,
            }
        }
    });
}

async fn answer(engine: Arc<NodeEngine>, stream: UnixStream) -> Option<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut line = String::new();
    reader.read_line(&mut line).await.ok()?;
    let (now, body) = line.trim_end().split_once(' ')?;
    let now = Timestamp::from_millis(now.parse().ok()?);
    let request =
        Request::new("POST", body.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded");
    let mut more = [0];
    let response = tokio::select! {
        response = engine.token(&request, now) => response,
        // The client is gone, and so is its request, in the middle of whatever it did.
        _ = reader.read(&mut more) => return None,
    };
    let line = format!("{} {}\n", response.status(), String::from_utf8_lossy(response.body()));
    writer.write_all(line.as_bytes()).await.ok()
}
