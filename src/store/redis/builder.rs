//! How a Redis store is made.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClientBuilder;
use redis::io::tcp::TcpSettings;
use redis::{Client, IntoConnectionInfo, RedisError};

use super::RedisStore;
use super::failure::{Failure, RedisStoreError};
use super::link::Link;

/// Settings of a [`RedisStore`].
///
/// ```no_run
/// use regrant::store::RedisStore;
/// use std::time::Duration;
///
/// # async fn start() -> Result<(), regrant::store::RedisStoreError> {
/// let store = RedisStore::builder()
///     .key_prefix("shop:")
///     .timeout(Duration::from_secs(2))
///     .connect("redis://:password@redis.internal:6379/0")
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RedisStoreBuilder {
    prefix: String,
    timeout: Duration,
    connect_timeout: Duration,
    may_evict: bool,
}

impl RedisStoreBuilder {
    pub(super) fn new() -> Self {
        Self {
            prefix: "regrant:".into(),
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(2),
            may_evict: false,
        }
    }

    /// What the name of every key begins with: `regrant:` if not set. Engines that serve the same grants have the same;
    /// of two that share a database, neither may be the other's with `owner:` behind it.
    ///
    /// In a cluster a prefix with braces puts all keys on one node, for what is between them decides.
    ///
    /// ```
    /// let builder = regrant::store::RedisStore::builder().key_prefix("shop:");
    /// ```
    pub fn key_prefix(self, prefix: &str) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// How long a command may take, with the wait for a connection, and a swap as a whole: 5 seconds if not set. After that it is not
    /// known what came of it; see [`StoreErrorKind::Indeterminate`](crate::store::StoreErrorKind::Indeterminate). For as long again the
    /// system sends what a network has lost, where it can be told so and the connection is this store's own.
    ///
    /// ```
    /// let builder = regrant::store::RedisStore::builder().timeout(std::time::Duration::from_secs(1));
    /// ```
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// How long one attempt to connect may take: 2 seconds if not set.
    ///
    /// ```
    /// let builder = regrant::store::RedisStore::builder().connect_timeout(std::time::Duration::from_secs(1));
    /// ```
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        Self { connect_timeout: timeout, ..self }
    }

    /// Takes a server that throws away what it was told to keep when its memory is full (`maxmemory-policy` other than
    /// `noeviction`). A person whose grant is thrown away is logged out. Where an owner's index is thrown away,
    /// [`Engine::end_sessions_of`](crate::Engine::end_sessions_of) ends less than all, and nobody is told.
    ///
    /// ```
    /// let builder = regrant::store::RedisStore::builder().danger_allow_eviction();
    /// ```
    pub fn danger_allow_eviction(self) -> Self {
        Self { may_evict: true, ..self }
    }

    /// Connects to one server: `redis://[user][:password@]host[:port][/db]`, `redis+unix:///path[?db=…]`, or `rediss://…` for
    /// TLS, if the `redis` crate has it (see [`RedisStore`]).
    ///
    /// # Errors
    ///
    /// [`RedisStoreError`].
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), regrant::store::RedisStoreError> {
    /// let store = regrant::store::RedisStore::builder().connect("redis+unix:///run/redis/redis.sock").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(self, url: &str) -> Result<RedisStore, RedisStoreError> {
        let address = url.into_connection_info().map_err(address_error)?.set_tcp_settings(self.tcp());
        self.connect_client(Client::open(address).map_err(address_error)?).await
    }

    /// Connects to one server by a client of the host's: with certificates of its own, or another way to log in. It brings its own
    /// settings of TCP: give them a `user_timeout` of this store's [time-out](Self::timeout) (`TcpSettings::set_user_timeout`), or a
    /// command that a network held back is carried out up to a quarter of an hour later, and a refresh later than
    /// [`longest_commit`](crate::TokenStore::longest_commit) says.
    ///
    /// # Errors
    ///
    /// [`RedisStoreError`].
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = redis::Client::open("redis://localhost")?;
    /// let store = regrant::store::RedisStore::builder().connect_client(client).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect_client(self, client: Client) -> Result<RedisStore, RedisStoreError> {
        // One attempt at a time, which those who wait share: whoever comes after a failure begins the next. The time limit
        // for answers is the link's.
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(None)
            .set_pipeline_buffer_size(1_024);
        let connection = ConnectionManager::new_with_config(client.clone(), config.clone()).await;
        let link = Link::server(connection.map_err(connect_error)?, Some((client, config)), self.timeout);
        self.finish(link).await
    }

    /// Takes a connection that the host has already, and shares it. Its settings of TCP are the host's, as for
    /// [`connect_client`](Self::connect_client). So is what it does where the server does not let it in when it connects again, or is made a
    /// replica while it is connected: a `ConnectionManager` hears that for ever, and a store that has connected to a server by itself makes
    /// another.
    ///
    /// # Errors
    ///
    /// [`RedisStoreError`].
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// let connection = redis::Client::open("redis://localhost")?.get_connection_manager().await?;
    /// let store = regrant::store::RedisStore::builder().connect_on(connection).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect_on(self, connection: ConnectionManager) -> Result<RedisStore, RedisStoreError> {
        let link = Link::server(connection, None, self.timeout);
        self.finish(link).await
    }

    /// Connects to a cluster of which some nodes are known; the others are asked for.
    ///
    /// # Errors
    ///
    /// [`RedisStoreError`].
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), regrant::store::RedisStoreError> {
    /// let nodes = ["redis://10.0.0.1", "redis://10.0.0.2"];
    /// let store = regrant::store::RedisStore::builder().connect_cluster(nodes).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect_cluster(
        self,
        urls: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<RedisStore, RedisStoreError> {
        let addresses: Result<Vec<_>, RedisError> =
            urls.into_iter().map(|url| url.as_ref().into_connection_info()).collect();
        let client = ClusterClientBuilder::new(addresses.map_err(address_error)?)
            .connection_timeout(self.connect_timeout)
            .response_timeout(self.timeout)
            .tcp_settings(self.tcp());
        self.connect_cluster_client(client).await
    }

    /// Connects to a cluster by a client of the host's. It is told not to retry, since it would send a command again whose
    /// answer was lost, and report a swap as lost that took place; what nodes redirect is followed all the same.
    /// It must not be told to read from replicas. Its settings of TCP are the host's, as for
    /// [`connect_client`](Self::connect_client), and so is its time-out for one answer.
    ///
    /// # Errors
    ///
    /// [`RedisStoreError`].
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), regrant::store::RedisStoreError> {
    /// let client = redis::cluster::ClusterClientBuilder::new(["redis://10.0.0.1"]).username("shop").password("…");
    /// let store = regrant::store::RedisStore::builder().connect_cluster_client(client).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect_cluster_client(self, client: ClusterClientBuilder) -> Result<RedisStore, RedisStoreError> {
        let client = client.retries(0).overall_response_timeout(None).build().map_err(address_error)?;
        let connection = client.get_async_connection().await.map_err(connect_error)?;
        let link = Link::cluster(connection, self.timeout);
        self.finish(link).await
    }

    async fn finish(self, link: Link) -> Result<RedisStore, RedisStoreError> {
        let keeps_append_only_file = super::server::check(&link, self.may_evict).await?;
        Ok(RedisStore { link, prefix: self.prefix.into(), keeps_append_only_file })
    }

    /// Small packets go at once, and a peer that has gone without a word is given up where the system can: it would
    /// otherwise be sent the same for a quarter of an hour. A command is sent within one time-out, so nothing of it is sent
    /// again after two.
    fn tcp(&self) -> TcpSettings {
        let settings = TcpSettings::default().set_nodelay(true);
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        let settings = settings.set_user_timeout(self.timeout);
        settings
    }
}

/// The message has no part of the address.
fn address_error(error: RedisError) -> RedisStoreError {
    RedisStoreError::Address(Failure::from(error).into_cause())
}

fn connect_error(error: RedisError) -> RedisStoreError {
    RedisStoreError::Connect(Failure::from(error).into_cause())
}
