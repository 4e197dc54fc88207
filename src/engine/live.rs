//! Settings that change while the engine serves. A change is of this process, and of this engine: the host makes it at each
//! node, and gives it to the builder too, for the next start.

use std::sync::atomic::{AtomicU64, Ordering};
#[cfg(feature = "jwt")]
use std::time::Duration;

use parking_lot::Mutex;

use super::documents::MetadataMembers;
#[cfg(feature = "proof")]
use super::profile::{Trust, capped};
use super::resources::{AccessTokenFormat, Resource};
use super::{BuildError, Engine};
use crate::client::Clients;
use crate::grant::Lifetimes;
use crate::store::TokenStore;

/// Lifetimes as they stand, a word each: whoever reads them waits for nobody.
pub(super) struct LiveLifetimes {
    words: [AtomicU64; 4],
    /// The longest that an access token of this process can have been given, in seconds: signing keys stay for as long.
    #[cfg(feature = "jwt")]
    longest_secs: AtomicU64,
    /// One change at a time: what two have made of it at once would be neither's.
    changing: Mutex<()>,
}

impl LiveLifetimes {
    pub(super) fn new(lifetimes: Lifetimes) -> Self {
        Self {
            words: lifetimes.to_words().map(AtomicU64::new),
            #[cfg(feature = "jwt")]
            longest_secs: AtomicU64::new(lifetimes.access_token().as_secs()),
            changing: Mutex::new(()),
        }
    }

    #[inline]
    pub(super) fn get(&self) -> Lifetimes {
        let [access_token, idle, absolute, most_per_owner] = &self.words;
        Lifetimes::from_words([access_token, idle, absolute, most_per_owner].map(|word| word.load(Ordering::Acquire)))
    }

    fn set(&self, lifetimes: Lifetimes) {
        // First: whoever has seen the new one, and retires a key, finds it here.
        #[cfg(feature = "jwt")]
        self.longest_secs.fetch_max(lifetimes.access_token().as_secs(), Ordering::Relaxed);
        for (word, new) in self.words.iter().zip(lifetimes.to_words()) {
            word.store(new, Ordering::Release);
        }
    }

    #[cfg(feature = "jwt")]
    pub(super) fn longest_access_token(&self) -> Duration {
        Duration::from_secs(self.longest_secs.load(Ordering::Relaxed))
    }

    /// Tokens that the engine before this one issued are out still.
    #[cfg(feature = "jwt")]
    pub(super) fn remember_longest_of(&self, before: &Self) {
        self.remember_longest(before.longest_access_token());
    }

    /// Nor do those of clients with lifetimes of their own end when another engine takes this one's place.
    #[cfg(feature = "jwt")]
    pub(super) fn remember_longest(&self, access_token: Duration) {
        self.longest_secs.fetch_max(access_token.as_secs(), Ordering::Relaxed);
    }
}

impl<S, C> Engine<S, C> {
    /// The lifetimes that hold now for clients that have none of their own.
    ///
    /// ```
    /// # use regrant::{Engine, Lifetimes, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// assert_eq!(engine.usual_lifetimes(), Lifetimes::default());
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn usual_lifetimes(&self) -> Lifetimes {
        self.settings.lifetimes.get()
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Changes how long tokens and grants live, for clients that have no lifetimes of their own, while requests are served. What was
    /// issued keeps what it was told: an access token its lifetime, a grant its end. A grant's idle lifetime is the new one from its
    /// next refresh on. A request that is on its way at this moment may see some of the values as they were before.
    ///
    /// It is a setting of this engine: make it at each node that shares the store, and give it to [`EngineBuilder::lifetimes`] as well,
    /// for the next start and before an [exchange](crate::engine::EngineSlot::exchange). Where
    /// a profile bounds lifetimes (atproto), they are cut to that, as they are at `build`.
    ///
    /// # Errors
    ///
    /// [`BuildError::Lifetimes`] where one of them is zero, or that of access tokens below a second. Nothing changes then.
    ///
    /// [`EngineBuilder::lifetimes`]: crate::EngineBuilder::lifetimes
    ///
    /// ```
    /// # use regrant::{BuildError, Engine, Lifetimes, MemoryStore, StaticClients};
    /// # use std::time::Duration;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// let shorter = engine.usual_lifetimes().with_access_token(Duration::from_secs(300));
    /// engine.set_lifetimes(shorter)?;
    /// assert_eq!(engine.usual_lifetimes(), shorter);
    /// let none = shorter.with_idle(Duration::ZERO);
    /// assert_eq!(engine.set_lifetimes(none), Err(BuildError::Lifetimes));
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn set_lifetimes(&self, lifetimes: Lifetimes) -> Result<(), BuildError> {
        if !lifetimes.are_usable() {
            return Err(BuildError::Lifetimes);
        }
        let _changing = self.settings.lifetimes.changing.lock();
        #[cfg(feature = "proof")]
        let lifetimes = match &self.settings.untrusted_lifetimes {
            // Under atproto alone.
            Some(untrusted) => {
                let revocable = !self.jwt.believes_signatures_alone();
                untrusted.set(capped(lifetimes, Trust::Untrusted, revocable));
                capped(lifetimes, Trust::Trusted, revocable)
            }
            None => lifetimes,
        };
        self.settings.lifetimes.set(lifetimes);
        Ok(())
    }

    /// Changes the members that [`metadata`](Self::metadata) and the configuration of an OpenID provider have besides those of the engine,
    /// while requests are served: all of them, those that [`EngineBuilder::metadata`](crate::EngineBuilder::metadata) was given too.
    /// Caches may keep the document of before for five minutes. It is a setting of this engine: make it at each node.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// use regrant::engine::MetadataMembers;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).issuer("https://id.example").build()?;
    /// engine.set_metadata(MetadataMembers::new().with("op_policy_uri", "https://id.example/policy")?);
    /// let document = engine.metadata().expect("there is an issuer");
    /// assert!(String::from_utf8_lossy(document.body()).contains("op_policy_uri"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_metadata(&self, members: MetadataMembers) {
        *self.settings.metadata.write() = members;
    }

    /// Adds a resource that tokens can be for (RFC 8707) while requests are served, to an engine that
    /// [has some](crate::EngineBuilder::resource). The [default one](crate::EngineBuilder::default_resource) stays what it is, and
    /// nobody is logged out. None is taken away again while the engine lives; for that, exchange it for
    /// [another](crate::engine::EngineSlot). Where resources come and go, let the engine
    /// [look them up](crate::EngineBuilder::resources).
    ///
    /// Several nodes add it before a client hears of it: a node that does not have it yet answers `invalid_target` to who names it, and
    /// changes nothing; a [check](Self::bearer_for) for it there is 503. Give it to the builder as well, for the next start. A scope that it defines, and no other resource did, is no
    /// longer the engine's: tokens for other resources do not have it any more, as with a resource that the builder is given.
    ///
    /// # Errors
    ///
    /// As of [`EngineBuilder::build`](crate::EngineBuilder::build), and nothing changes then: [`BuildError::Resource`] where its URI is none;
    /// [`BuildError::DuplicateResource`]; [`BuildError::DefaultResource`] of an engine that was built without resources, which has no
    /// default one; [`BuildError::SigningKeyRequired`] where its tokens are to be JWTs and no key signs.
    ///
    /// ```
    /// # use regrant::{BuildError, Engine, MemoryStore, Resource, Scope, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .resource(Resource::new("https://mcp.example/mcp"))
    ///     .build()?;
    /// let files = Resource::new("https://mcp.example/files").with_scopes(Scope::parse("files:read")?);
    /// engine.add_resource(files.clone())?;
    /// assert!(engine.protected_resource_metadata("https://mcp.example/files").is_some());
    /// assert_eq!(engine.add_resource(files), Err(BuildError::DuplicateResource));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_resource(&self, resource: Resource) -> Result<(), BuildError> {
        let resources = self.settings.resources.as_deref().ok_or(BuildError::DefaultResource)?;
        let format = resource.format;
        // Tokens can be made before anybody can ask for them.
        resources
            .add(resource, || if self.makes_tokens_as(format) { Ok(()) } else { Err(BuildError::SigningKeyRequired) })
    }

    /// Whether access tokens can be that, and sees to it that they are.
    #[cfg(feature = "jwt")]
    fn makes_tokens_as(&self, format: Option<AccessTokenFormat>) -> bool {
        format != Some(AccessTokenFormat::Jwt) || self.jwt.make_access_tokens()
    }

    #[cfg(not(feature = "jwt"))]
    #[expect(clippy::unused_self, reason = "the feature is off")]
    const fn makes_tokens_as(&self, _: Option<AccessTokenFormat>) -> bool {
        true
    }
}
