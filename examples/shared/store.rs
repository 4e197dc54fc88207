//! Where the server keeps its grants: what `--store` says.

use std::error::Error;
use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::TypedValueParser;
use regrant::store::{DynTokenStore, FileStore, PostgresStore, RedisStore};
use regrant::{MemoryStore, Timestamp, TokenStore};

/// Any store, chosen at run time, shared by both systems: the grants of one are none of the other's clients'.
pub(crate) type AnyStore = Arc<dyn DynTokenStore>;

/// How often expired grants are looked for.
const PURGE_EVERY: Duration = Duration::from_secs(60);
/// How many are taken at once.
const PURGE_LIMIT: usize = 1_000;

/// A store, before it is opened.
#[derive(Clone)]
pub(crate) enum Place {
    Memory,
    File(PathBuf),
    Postgres(String),
    Redis(String),
    /// The address of each node that is asked for the others.
    RedisCluster(Vec<String>),
}

/// What `--store` takes, for whoever gave something else.
const PLACES: &str =
    "memory, file:PATH, redis://HOST, redis-cluster://HOST:PORT,HOST:PORT,… or postgres://HOST/DATABASE";

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::Memory),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(text.to_owned())),
            Some(("redis" | "redis+unix" | "unix" | "valkey" | "valkey+unix", _)) => Ok(Self::Redis(text.to_owned())),
            Some(("redis-cluster", nodes)) => Ok(Self::RedisCluster(cluster(nodes).ok_or(PLACES)?)),
            _ => Err(PLACES),
        }
    }
}

/// The nodes of `//[USER:PASSWORD@]HOST:PORT,HOST:PORT,…`, each as an address of its own: whoever is let in at one is let in at all.
/// A cluster has one database, so nothing stands behind its nodes.
fn cluster(text: &str) -> Option<Vec<String>> {
    let text = text.strip_prefix("//")?;
    let (user, nodes) = text.rsplit_once('@').map_or(("", text), |(user, nodes)| (user, nodes));
    let at = if user.is_empty() { "" } else { "@" };
    let is_node = |node: &str| !node.is_empty() && !node.contains(['/', '?', '#']);
    (!user.contains(['@', '/'])).then_some(())?;
    nodes.split(',').map(|node| is_node(node).then(|| format!("redis://{user}{at}{node}"))).collect()
}

/// Reads a place, and where it is none does not repeat it, as clap's own parsers do: a password may be in it.
#[derive(Clone)]
pub(crate) struct PlaceParser;

impl TypedValueParser for PlaceParser {
    type Value = Place;

    fn parse_ref(&self, command: &clap::Command, _: Option<&clap::Arg>, text: &OsStr) -> Result<Place, clap::Error> {
        let place = text.to_str().ok_or("text in UTF-8").and_then(Place::from_str);
        place.map_err(|wanted| {
            let message = format!("--store wants {wanted}\n");
            clap::Error::raw(clap::error::ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

/// Without what may hold a password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("in memory"),
            Self::File(path) => write!(f, "in the file {}", path.display()),
            Self::Postgres(_) => f.write_str("in PostgreSQL"),
            Self::Redis(_) => f.write_str("in Redis"),
            Self::RedisCluster(_) => f.write_str("in a Redis Cluster"),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Place {
    /// Whether grants are still there when the server starts again.
    pub(crate) const fn outlives_the_process(&self) -> bool {
        !matches!(self, Self::Memory)
    }

    /// Opens it, or connects to it, and makes what is missing there.
    pub(crate) async fn open(&self) -> Result<AnyStore, Box<dyn Error>> {
        Ok(match self {
            Self::Memory => Arc::new(MemoryStore::new()),
            Self::File(path) => Arc::new(FileStore::open(path)?),
            Self::Postgres(url) => {
                let store = PostgresStore::connect(url).await?;
                store.migrate().await?;
                Arc::new(store)
            }
            Self::Redis(url) => Arc::new(RedisStore::connect(url).await?),
            Self::RedisCluster(urls) => Arc::new(RedisStore::builder().connect_cluster(urls).await?),
        })
    }
}

/// Takes out what has expired, from time to time, for as long as the server runs. Memory and Redis need no one for it.
pub(crate) async fn purge(store: AnyStore) {
    let mut every = tokio::time::interval(PURGE_EVERY);
    loop {
        every.tick().await;
        while match store.purge_expired(Timestamp::now(), PURGE_LIMIT).await {
            Ok(removed) => removed == PURGE_LIMIT,
            Err(error) => {
                eprintln!("expired grants stay for now: {error}");
                false
            }
        } {}
    }
}
