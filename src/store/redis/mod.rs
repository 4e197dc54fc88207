//! Grants in Redis or Valkey.

mod builder;
mod failure;
mod index;
mod link;
mod script;
mod server;
mod value;

use std::fmt;
use std::time::Duration;

use redis::Value;

pub use self::builder::RedisStoreBuilder;
use self::failure::Failure;
pub use self::failure::RedisStoreError;
use self::link::Link;
use super::{Cursor, Durability, Insert, Listed, Removed, StoreError, Swap, TokenStore};
use crate::grant::{Grant, GrantId, Owner, Timestamp, Version};
use crate::token::KeyFingerprint;

/// Keeps grants in Redis (7 or later) or Valkey, one server or a cluster.
///
/// A refresh is one read and one script. A grant takes one key, whose own expiry removes it, and an entry in its owner's
/// index: about 320 bytes of the server's memory for a record of 108 bytes after one refresh, 336 after a hundred
/// (`MEMORY USAGE`, Redis 7.0, one grant for each owner).
///
/// ```no_run
/// use regrant::store::RedisStore;
/// use regrant::{Engine, Key, StaticClients};
///
/// # async fn start(key: &[u8; 32]) -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisStore::connect("redis://:password@redis.internal:6379/0").await?;
/// let engine = Engine::builder(store, StaticClients::new()).key(Key::from_bytes(1, key)).build()?;
/// engine.check_keys().await?;
/// # Ok(())
/// # }
/// ```
///
/// # What the server must be told
///
/// - `appendonly yes`. With `appendfsync always` a crash loses nothing that was answered. With `everysec`, Redis' own
///   default, a crash of the process may lose, and one of the machine does lose, about the last second: see the next
///   section for what that means. With neither, everything since the last snapshot. This is not checked, since managed
///   servers may have replicas instead: [`keeps_append_only_file`](Self::keeps_append_only_file) says what the server
///   said. [`Durability::Durable`] is about the process of the engine, which grants here outlive in any case.
/// - `maxmemory-policy noeviction`, or no `maxmemory`. A server that throws keys away when its memory is full logs people
///   out, and may throw away an owner's index, so that "log me out everywhere" is not everywhere. Connecting to such a
///   server is [an error](RedisStoreError::Evicts). A full server with `noeviction` refuses logins and refreshes (503) and
///   still revokes.
/// - Users with an ACL need the keys of the [prefix](RedisStoreBuilder::key_prefix) and the commands `EVAL`, `EVALSHA`,
///   `GETEX`, `GETDEL`, `GETRANGE`, `SET`, `PTTL`, `PEXPIRE`, `PERSIST`, `ZADD`, `ZCARD`, `ZRANDMEMBER`, `ZRANGE`, `ZREM`,
///   `ZREMRANGEBYRANK`, `HSETNX`, `HDEL`, `HGETALL`, and `INFO` for the check of the policy;
///   `SELECT` for another database than 0, and in a cluster `PING`, `CLUSTER SLOTS` and `ASKING`.
///
/// # What a failover loses
///
/// Replication is asynchronous: a server answers before its replicas have it. A replica that takes over, in a cluster or
/// under a sentinel, lacks what was answered last, and so does a server that comes back from a file that lags. Then
///
/// - a **rotation** is undone: the client's token is ahead of the record. The engine moves the record forward and goes on, and
///   [`Event::StoreBehind`](crate::event::Event::StoreBehind) tells of it; nobody is logged out;
/// - a **login** is gone: its tokens are `invalid_grant`, and that person logs in again;
/// - a **removal** is undone: a grant that was revoked, or ended by a replay, is **back**, with all its tokens. Nothing
///   tells of it. Revoke again what must stay revoked; after a failover that is
///   known to have lost writes, [`Engine::void_grants_before`](crate::Engine::void_grants_before) ends everything;
/// - in a cluster, an **index entry** may be gone where its grant, on another node, is not: [`Engine::end_sessions_of`](
///   crate::Engine::end_sessions_of) does not find that grant. On one server index and grant cannot part: the index is written first.
///
/// A server that **stands still** loses nothing, and is late: what it had been sent before its machine was paused, or before a script
/// or a slow disk held it up, it does afterwards. A refresh whose client was answered with a 503 may so take place later than
/// [`longest_commit`](TokenStore::longest_commit) says, under the time at which it began. If that client then comes back with its old
/// token only later after that time than its [retry window](crate::client::ClientBuilder::retry_window) and `longest_commit` together,
/// it is taken for a replay, and its login ends. Where pauses are longer than twice the
/// [time-out](RedisStoreBuilder::timeout), as they may be while a machine is moved, make the window longer than they are. A server that was
/// replaced meanwhile and comes back as a replica does nothing of it that stays.
///
/// `min-replicas-to-write 1` with `min-replicas-max-lag` narrows this to the lag: a server that has not heard from a replica
/// for so long refuses to write, which is a 503 here, and to be read by this store too, so that an isolated old
/// server does not go on answering with what it knew. It does not close it. `WAIT` would hold up one answer until replicas have
/// that write; this store does not send it, since on a shared connection it holds up everybody's, and a shortfall
/// would change nothing: the write stands, and the engine finds it there. Who cannot live with it keeps grants in
/// PostgreSQL with synchronous replication.
///
/// This store never reads from a replica: it reads with `GETEX`, which a replica refuses.
///
/// # Connections
///
/// One connection that all calls share and that is made anew when it breaks, and where its server answers as a replica, since its address may
/// lead to another by then; in a cluster, one for each node. It needs a
/// Tokio runtime, which must outlive the store, with its time and I/O drivers on. What was on its way when a connection
/// broke, or has not been answered in [time](RedisStoreBuilder::timeout), is
/// [`Indeterminate`](crate::store::StoreErrorKind::Indeterminate), and is never sent again behind the engine's back: a swap that took
/// place would be reported as lost. What a server refuses to begin, as while it loads, is full or is a replica, is
/// [`NotApplied`](crate::store::StoreErrorKind::NotApplied).
///
/// For TLS turn it on in the `redis` crate, which is the one that this crate uses, and choose what rustls encrypts with:
///
/// ```toml
/// redis = { version = "1.2", default-features = false, features = ["tokio-rustls-comp"] }
/// rustls = { version = "0.23", default-features = false, features = ["aws_lc_rs", "std", "tls12"] }
/// ```
///
/// Install that at the start (`rustls::crypto::aws_lc_rs::default_provider().install_default()`). Then `rediss://` addresses
/// work with the system's certificates, and [`RedisStoreBuilder::connect_client`] takes a client with others.
///
/// # Keys
///
/// ```text
/// regrant:grant:<id, 16 hexadecimal digits>    a grant; expires by itself
/// regrant:owner:<subject>                      a sorted set: id and 8 digits more, of grants that there may be
/// regrant:keys                                 fingerprints of the engine's keys; never expires
/// ```
///
/// An index names subjects and not clients: a list of an owner at one client has those records of all the owner's clients
/// that cannot be read ([`Listed::unreadable`](crate::store::Listed::unreadable)).
///
/// An index names what is gone until somebody lists that owner's grants, or logs in as them. It lives at most twice as long
/// as the oldest grant in it has lived or 64 days, and a week. In a cluster a subject in braces only decides where its index
/// lies.
pub struct RedisStore {
    link: Link,
    prefix: Box<str>,
    keeps_append_only_file: Option<bool>,
}

/// How long room for a grant is kept, in milliseconds. An insertion that takes longer begins again.
const ROOM_LIVES: &[u8] = b"60000";
/// How often an insertion begins.
const ATTEMPTS: u32 = 8;
/// The most grants of one page.
const PAGE: usize = 256;

impl RedisStore {
    /// Connects to one server: `redis://…`, `redis+unix:///…`.
    ///
    /// # Errors
    ///
    /// [`RedisStoreError`].
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), regrant::store::RedisStoreError> {
    /// let store = regrant::store::RedisStore::connect("redis://:password@redis.internal:6379/0").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(url: &str) -> Result<Self, RedisStoreError> {
        Self::builder().connect(url).await
    }

    /// Whether the server had `appendonly yes` when this store connected; of a cluster, every node that answered. `None`
    /// where it does not say, as to a user that may not ask (`INFO`).
    ///
    /// Without it a server that is restarted goes back to its last snapshot: logins since then are gone, and grants that
    /// were ended since then are back. A host that relies on it can refuse to start.
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = regrant::store::RedisStore::connect("redis://redis.internal:6379/0").await?;
    /// if store.keeps_append_only_file() != Some(true) {
    ///     return Err("set `appendonly yes`".into());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub const fn keeps_append_only_file(&self) -> Option<bool> {
        self.keeps_append_only_file
    }

    /// Connects to a cluster of which some nodes are known; the others are asked for.
    ///
    /// # Errors
    ///
    /// [`RedisStoreError`].
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), regrant::store::RedisStoreError> {
    /// let store = regrant::store::RedisStore::cluster(["redis://10.0.0.1", "redis://10.0.0.2"]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn cluster(urls: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, RedisStoreError> {
        Self::builder().connect_cluster(urls).await
    }

    /// Settings for a store: a prefix, time limits, a client of the host's own.
    ///
    /// ```
    /// let builder = regrant::store::RedisStore::builder().key_prefix("shop:");
    /// ```
    pub fn builder() -> RedisStoreBuilder {
        RedisStoreBuilder::new()
    }

    fn grant_key(&self, id: GrantId) -> Vec<u8> {
        format!("{}grant:{id}", self.prefix).into_bytes()
    }

    fn owner_key(&self, subject: &str) -> Vec<u8> {
        format!("{}owner:{subject}", self.prefix).into_bytes()
    }

    /// Inserts a grant that no index has to know of.
    async fn insert_alone(&self, key: &[u8], value: &[u8], lives: u64) -> Result<Insert, StoreError> {
        let mut command = redis::cmd("SET");
        command.arg(key).arg(value).arg("NX").arg("PX").arg(lives);
        match self.link.send(&command).await.map_err(Failure::of_write)? {
            Value::Okay => return Ok(Insert::Added),
            Value::Nil => {}
            _ => return Err(Failure::unexpected_answer().of_write()),
        }
        // A grant is there, or the room of one whose insertion was broken off, which is nobody's.
        match self.step(&script::TAKE, key, &[value, lives.to_string().as_bytes()]).await.map_err(Failure::of_write)? {
            Some(_) => Ok(Insert::Added),
            None => Ok(Insert::Duplicate),
        }
    }

    /// Runs one of the scripts that an insertion takes. Whether the key was as it must be; `None` where a grant is under it.
    async fn step(&self, script: &script::Script, key: &[u8], args: &[&[u8]]) -> Result<Option<bool>, Failure> {
        match self.link.run(script, key, args, self.link.deadline()).await? {
            Value::Int(1) => Ok(Some(true)),
            Value::Int(0) => Ok(Some(false)),
            Value::Int(-1) => Ok(None),
            _ => Err(Failure::unexpected_answer()),
        }
    }

    /// `GET` that counts as a write, which it is not: so no replica answers it, nor a server that has lost its replicas and
    /// was told (`min-replicas-to-write`) not to go on alone.
    fn get(&self, id: GrantId) -> redis::Cmd {
        let mut command = redis::cmd("GETEX");
        command.arg(self.grant_key(id));
        command
    }
}

#[deny(clippy::missing_trait_methods)]
impl TokenStore for RedisStore {
    async fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
        let key = self.grant_key(grant.id());
        let lives = lives(grant, now);
        let until = index::until(grant);
        let value = value::encode(grant, until);
        let Some(subject) = grant.owner_key() else { return self.insert_alone(&key, &value, lives).await };
        let lives = lives.to_string();
        for attempt in 0..ATTEMPTS {
            // Until the room is filled there is no grant, whatever becomes of these two.
            let room = value::room();
            let taken = self.step(&script::TAKE, &key, &[&room, ROOM_LIVES]).await.map_err(Failure::of_nothing)?;
            if taken.is_none() {
                return Ok(Insert::Duplicate);
            }
            let some = self.enter(subject, grant.id(), until, now, self.link.deadline()).await;
            let some = some.map_err(Failure::of_nothing)?;
            let args: [&[u8]; 3] = [&room, &value, lives.as_bytes()];
            match self.step(&script::FILL, &key, &args).await.map_err(Failure::of_write)? {
                Some(true) => {
                    self.prune(subject, some).await;
                    return Ok(Insert::Added);
                }
                None => return Ok(Insert::Duplicate),
                // Another insertion of that id has come between, or this one took very long. Out of step they do not
                // come between each other for ever.
                Some(false) => {
                    let millis = rand::random_range(0..4_u64 << attempt);
                    tokio::time::sleep(Duration::from_millis(millis)).await;
                }
            }
        }
        Err(StoreError::not_applied("other insertions of the same id kept coming between"))
    }

    async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        match self.link.send(&self.get(id)).await.map_err(Failure::of_nothing)? {
            Value::BulkString(value) => Ok(value::decode(&value, id)?),
            Value::Nil => Ok(None),
            _ => Err(Failure::unexpected_answer().of_nothing()),
        }
    }

    async fn compare_and_swap(&self, expected: Version, next: &Grant, now: Timestamp) -> Result<Swap, StoreError> {
        let (key, until) = (self.grant_key(next.id()), index::until(next));
        let (value, lives) = (value::encode(next, until), lives(next, now).to_string());
        let mut stored = until;
        // One for all that follows, so that the last of it is not sent later than the first may be.
        let deadline = self.link.deadline();
        loop {
            let args: [&[u8]; 3] = [&value::head(expected, stored), &value, lives.as_bytes()];
            let found = match self.link.run(&script::SWAP, &key, &args, deadline).await.map_err(Failure::of_write)? {
                Value::Int(1) => return Ok(Swap::Swapped),
                Value::BulkString(head) => head,
                _ => return Err(Failure::unexpected_answer().of_write()),
            };
            // The right version, and another time for the index, which comes first. Nothing was written.
            match value::until_of(&found, expected) {
                Some(found) if found != stored => stored = found,
                _ => return Ok(Swap::Lost),
            }
            if let (Some(subject), true) = (next.owner_key(), until > stored) {
                self.enter(subject, next.id(), until, now, deadline).await.map_err(Failure::of_nothing)?;
            }
        }
    }

    async fn remove(&self, id: GrantId) -> Result<Removed, StoreError> {
        let mut command = redis::cmd("GETDEL");
        command.arg(self.grant_key(id));
        // The entry in the index is thrown out by the next who comes by; a client that logs out need not wait for that.
        match self.link.send(&command).await.map_err(Failure::of_write)? {
            Value::BulkString(value) => Ok(value::decode(&value, id).map_or(Removed::Unreadable, Removed::from)),
            Value::Nil => Ok(Removed::Nothing),
            _ => Err(Failure::unexpected_answer().of_write()),
        }
    }

    async fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Result<Listed, StoreError> {
        let limit = limit.clamp(1, PAGE);
        let mut after = after.map(|cursor| GrantId::from_u64(cursor.to_u64().unwrap_or(u64::MAX)));
        let mut from = after.map_or_else(|| b"-".to_vec(), index::past);
        let (mut listed, mut page) = (Listed::default(), 0_u32);
        loop {
            // Of an owner with many grants at other clients, few entries may be of use; then more are looked at at once.
            let wanted = if page == 0 { limit } else { PAGE };
            page += 1;
            let entries = self.entries(owner.owner_key(), &from, wanted).await?;
            let is_last = entries.len() < wanted;
            if let Some(last) = entries.last() {
                from = index::past_entry(last);
            }
            // What names no grant is passed by.
            let ids: Vec<Option<GrantId>> = entries.iter().map(|entry| value::id_of(entry)).collect();
            // One id may have several entries, the same page or the next.
            let mut distinct: Vec<GrantId> = ids.iter().copied().flatten().collect();
            distinct.dedup();
            let values = self.link.send_all(distinct.iter().map(|&id| self.get(id)).collect()).await;
            let (mut absent, mut is_full) = (Vec::new(), false);
            for (&id, value) in distinct.iter().zip(values.map_err(Failure::of_nothing)?) {
                if listed.len() == limit {
                    is_full = true;
                    break;
                }
                after = Some(id);
                match value {
                    Value::BulkString(value) => match value::decode(&value, id) {
                        Ok(Some(grant)) if owner.owns(&grant) => listed.add(id, Ok(grant)),
                        // Room for one, or one at another client.
                        Ok(_) => {}
                        Err(error) => listed.add(id, Err(error)),
                    },
                    Value::Nil => absent.push(Some(id)),
                    _ => return Err(Failure::unexpected_answer().of_nothing()),
                }
            }
            let dead = entries.into_iter().zip(ids).filter(|(_, id)| absent.contains(id));
            self.throw_out(owner.owner_key(), &dead.map(|(entry, _)| entry).collect::<Vec<_>>()).await;
            if is_last && !is_full {
                return Ok(listed);
            }
            if listed.len() == limit {
                listed.next = after.map(|id| Cursor::from_u64(id.as_u64()));
                return Ok(listed);
            }
        }
    }

    async fn purge_expired(&self, _now: Timestamp, _limit: usize) -> Result<usize, StoreError> {
        Ok(0)
    }

    fn expect_load(&self, _id: GrantId) {}

    /// Random: an index finds any id.
    fn propose_id(&self, _now: Timestamp) -> Option<u32> {
        None
    }

    fn durability(&self) -> Durability {
        Durability::Durable
    }

    /// The time-out, within which the last command of a swap is sent, and as much again for a network that holds it back or a server
    /// that stands still for a moment. A server that stands still for longer, as one whose machine is paused, does afterwards what it had
    /// been sent before, and this store does not bound that: see "What a failover loses" of [`RedisStore`].
    fn longest_commit(&self) -> Duration {
        self.link.timeout().saturating_mul(2)
    }

    async fn keep_key_fingerprints(&self, add: &[KeyFingerprint]) -> Result<Vec<KeyFingerprint>, StoreError> {
        let texts = add.iter().flat_map(|fingerprint| {
            let bytes = format!("{:032x}", u128::from_be_bytes(*fingerprint.bytes()));
            [fingerprint.key_id().to_string(), bytes]
        });
        let texts: Vec<String> = texts.collect();
        let args: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
        let key = format!("{}keys", self.prefix);
        let deadline = self.link.deadline();
        let kept = self.link.run(&script::FINGERPRINTS, key.as_bytes(), &args, deadline).await;
        let kept = kept.map_err(Failure::of_write)?;
        let Value::Array(kept) = kept else { return Err(Failure::unexpected_answer().of_write()) };
        let kept = kept.chunks(2).map(fingerprint).collect::<Option<Vec<_>>>();
        kept.ok_or_else(|| crate::grant::DecodeError::Corrupt.into())
    }
}

/// Of a field and its value.
fn fingerprint(kept: &[Value]) -> Option<KeyFingerprint> {
    let [Value::BulkString(id), Value::BulkString(bytes)] = kept else { return None };
    let id = std::str::from_utf8(id).ok()?.parse().ok()?;
    let bytes = u128::from_str_radix(std::str::from_utf8(bytes).ok()?, 16).ok()?;
    Some(KeyFingerprint::new(id, bytes.to_be_bytes()))
}

/// For how many milliseconds from now a grant is to be kept; a server takes no less than 1. What never expires is kept for
/// some thousand years from any time on.
fn lives(grant: &Grant, now: Timestamp) -> u64 {
    match grant.expires_at() {
        Timestamp::MAX => Timestamp::MAX.as_millis(),
        expires_at => expires_at.as_millis().saturating_sub(now.as_millis()).max(1),
    }
}

impl fmt::Debug for RedisStore {
    /// Not where it goes: there may be a password in that.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("link", &self.link)
            .field("prefix", &self.prefix)
            .field("timeout", &self.link.timeout())
            .field("keeps_append_only_file", &self.keeps_append_only_file)
            .finish()
    }
}
