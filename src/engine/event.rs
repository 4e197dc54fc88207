//! What the engine tells its host.

use std::error::Error;
use std::fmt;

use super::refusal::Refusal;
use crate::grant::{Generation, GrantId};

/// An outcome. Everything in it is safe to log: ids and numbers, never a token, a secret or what a stranger sent.
///
/// ```
/// use regrant::{Engine, Event, MemoryStore, StaticClients};
///
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
///     .events(|event: &Event<'_>| {
///         if let Event::ReplayFound { grant, presented, current, .. } = event {
///             eprintln!("grant {grant}: generation {presented:?} came back at {current:?}");
///         }
///     })
///     .build()?;
/// # Ok::<(), regrant::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// An authorization code was issued: somebody is logged in, and the client may redeem the code.
    CodeIssued {
        /// The new grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
    },
    /// A code was redeemed a second time, by someone who knew redirect URI and verifier. Emitted before the grant is
    /// removed, so it stands even where the request is dropped at that moment.
    CodeReplayed {
        /// The grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
    },
    /// A login: the first tokens of a grant were handed out.
    Issued {
        /// The new grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
        /// Whether its refresh token renews anything.
        renewable: bool,
    },
    /// A refresh: the grant took a step, or was extended where the client does not rotate.
    Refreshed {
        /// The grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
        /// The generation of the refresh token that was handed out.
        generation: Generation,
    },
    /// The predecessor came within the retry window and got the same successor again. Honest clients lose responses; a
    /// thief in step with the owner looks the same.
    Retried {
        /// The grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
        /// The generation of the refresh token that was handed out again.
        generation: Generation,
    },
    /// An older refresh token came back: stolen, or restored from a backup. Emitted before the grant is removed, so it
    /// stands even where the request is dropped at that moment.
    ReplayFound {
        /// The grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
        /// The generation that came.
        presented: Generation,
        /// The generation that is current.
        current: Generation,
    },
    /// A grant was ended; every token of it is dead.
    Revoked {
        /// The grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
    },
    /// The access tokens of a grant that were issued up to now were revoked; its refresh token works.
    AccessRevoked {
        /// The grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
    },
    /// A request was refused; nothing was issued and nothing changed.
    Refused {
        /// The client, once it is known to be a registered one.
        client_id: Option<&'a str>,
        /// The grant, once a token was proven to be of it.
        grant: Option<GrantId>,
        /// Why.
        why: Refusal,
    },
    /// A genuine token is ahead of the record: the store lost writes that it had acknowledged (a failover, a restored
    /// backup). Revocations may be among them. The record was moved forward.
    StoreBehind {
        /// The grant.
        grant: GrantId,
        /// The generation that came.
        presented: Generation,
        /// The generation that was stored.
        stored: Generation,
    },
    /// A token names a key that this engine does not have: a stranger's, or a key was retired too early.
    UnknownKey {
        /// The id of the key.
        key_id: u8,
    },
    /// The store, the registry, a handler, the claims provider or the hook failed, or could not be asked; the request was answered 503, or 500
    /// where a retry cannot help. A write may have taken place.
    Failed {
        /// The client, once it is known to be a registered one.
        client_id: Option<&'a str>,
        /// The grant, once a token was proven to be of it.
        grant: Option<GrantId>,
        /// What failed.
        why: Refusal,
        /// The cause, as it was given.
        cause: Option<Cause<'a>>,
    },
}

/// The cause of a failure, as a store, a registry, a handler or a hook gave it. Its text is theirs: whether it is safe to
/// log is for whoever wrote it to say, so `Debug` does not show it.
///
/// ```
/// use regrant::Event;
/// fn log(event: &Event<'_>) {
///     if let Event::Failed { why, cause: Some(cause), .. } = event {
///         eprintln!("{why}: {}", cause.error());
///     }
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Cause<'a>(pub(super) &'a (dyn Error + 'static));

impl<'a> Cause<'a> {
    /// The error itself.
    ///
    /// ```
    /// fn is_io(cause: regrant::Cause<'_>) -> bool {
    ///     cause.error().is::<std::io::Error>()
    /// }
    /// ```
    pub const fn error(&self) -> &'a (dyn Error + 'static) {
        self.0
    }
}

impl fmt::Debug for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cause(..)")
    }
}

/// Where events go. Called inline: hand over to a queue what takes time.
///
/// A closure is one.
///
/// ```
/// use regrant::{Event, EventSink};
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// #[derive(Default)]
/// struct Replays(AtomicU64);
///
/// impl EventSink for Replays {
///     fn event(&self, event: &Event<'_>) {
///         if matches!(event, Event::ReplayFound { .. }) {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait EventSink: Send + Sync {
    /// Takes one event.
    fn event(&self, event: &Event<'_>);
}

impl<F: Fn(&Event<'_>) + Send + Sync> EventSink for F {
    fn event(&self, event: &Event<'_>) {
        self(event);
    }
}
