//! What of an engine's settings walls it off from others, and what it computes under a secret of its own.

use smol_str::SmolStr;

use super::EngineBuilder;
use crate::client::Clients;
use crate::store::TokenStore;
#[cfg(feature = "root-secret")]
use {crate::grant::Timestamp, crate::secret::root::RootSecret, std::time::Duration};

impl<S: TokenStore, C: Clients> EngineBuilder<S, C> {
    /// Walls this engine off from others that share its store or its key: what one made, another neither believes, lists nor
    /// ends, though clients and subjects have the same names in both. 1 to 64 printable ASCII characters without a space,
    /// the same on every node, and for ever: another realm is another engine, and everybody is logged out.
    ///
    /// An engine that has its store for itself needs none, and pays nothing. Of several on one store each has one: an engine
    /// without is walled off from the others as they are from it, but two without are one. With a realm each grant takes
    /// more memory, for what has no fixed length is then kept apart, and nodes of a version before this one cannot read the records.
    ///
    /// The realm is a claim, `realm`, of JWT access tokens and ID tokens, for resource servers that believe signatures.
    ///
    /// ```
    /// # use regrant::{Engine, Key, MemoryStore, StaticClients};
    /// # use std::sync::Arc;
    /// let (store, key) = (Arc::new(MemoryStore::new()), Key::generate(1));
    /// let shop = Engine::builder(Arc::clone(&store), StaticClients::new()).key(key.clone()).realm("shop").build()?;
    /// let bank = Engine::builder(store, StaticClients::new()).key(key).realm("bank").build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn realm(mut self, realm: &str) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// Clients whose grants were made before this engine had a [realm](Self::realm): they stay as they are, and go on to their end,
    /// so that naming the realm logs nobody out. No other engine on the store may be without a realm, or adopt one of these.
    ///
    /// Looking up the sessions of a subject then asks the store twice. When the last of these grants has ended, leave it out; where
    /// another server's tokens were taken over before (`EngineBuilder::foreign_tokens`), not before the last of those is worth nothing any
    /// more, since what keeps them from beginning anew is adopted, too.
    ///
    /// **A client with pairwise subjects stays here for ever**: it knows people by the names from before the realm, in new logins too
    /// (OpenID Connect Core section 8.1), and without this everybody would be somebody new to it. Name a new client of the same sector here too, so that the two
    /// have one name for a person.
    ///
    /// ```
    /// # use regrant::{Engine, Key, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .key(Key::generate(1))
    ///     .realm("shop")
    ///     .adopt_grants_of(["mobile-app", "web-app"])
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn adopt_grants_of<'a>(mut self, client_ids: impl IntoIterator<Item = &'a str>) -> Self {
        self.adopted.extend(client_ids.into_iter().map(SmolStr::new));
        self
    }

    /// The secret under which is computed or sealed what must be found again: interaction handles, pushed requests, and the
    /// markers of what was used once. It is no [key](Self::key) of tokens, and is not in their ring, which is replaced from time to time.
    /// Every node has the same.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, RootSecret, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .root_secret(RootSecret::from_bytes(1, &[7; 32]))
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    #[cfg(feature = "root-secret")]
    pub fn root_secret(mut self, secret: RootSecret) -> Self {
        self.root = Some(secret);
        self
    }

    /// The root secret before the current one, until this time: what was sealed under it is opened, nonces of proofs that were given under it
    /// count, and markers are written and looked up under it. The same time on every node, and not before all that was sealed under it has
    /// expired. To be said for as long after it as anything lives that was used just before: that it was used is looked up under the old one.
    ///
    /// Needs the [subject secret](Self::subject_secret) that the first root secret of this system gave, which stays for ever.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, RootSecret, StaticClients, Timestamp};
    /// let first = RootSecret::from_bytes(1, &[7; 32]);
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .root_secret(RootSecret::from_bytes(2, &[8; 32]))
    ///     .subject_secret(first.subject_secret())
    ///     .accept_root(first, Timestamp::from_secs(1_795_000_000))
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    #[cfg(feature = "root-secret")]
    pub fn accept_root(mut self, old: RootSecret, not_after: Timestamp) -> Self {
        self.old_root = Some((old, not_after));
        self
    }

    /// How long a page may be open between its first showing and the decision: 30 minutes if not set, a day at most.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// # use std::time::Duration;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .interaction_lifetime(Duration::from_secs(600))
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    #[cfg(feature = "root-secret")]
    pub fn interaction_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.interaction_lifetime = lifetime;
        self
    }
}
