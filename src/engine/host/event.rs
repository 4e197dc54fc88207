//! What the engine tells its host.

use std::error::Error;
use std::fmt;

use smol_str::SmolStr;

use crate::engine::refusal::Refusal;
use crate::engine::resources::ResourceRef;
use crate::grant::{Generation, GrantId};

/// An outcome. Everything in it is safe to log: ids and numbers, never a token, a secret or what a stranger sent.
///
/// Whose grant it is about is said where the host has asked for it
/// ([`subjects_in_events`](crate::EngineBuilder::subjects_in_events)), so that a line of an audit log needs no look-up.
///
/// ```
/// use regrant::event::Event;
/// use regrant::{Engine, MemoryStore, StaticClients};
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
    #[non_exhaustive]
    CodeIssued {
        /// The new grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
        /// The resource owner, where there is one and the host has asked for it.
        subject: Option<Subject<'a>>,
        /// What the login is for; empty in an engine without resources.
        audience: Audience<'a>,
    },
    /// A code was redeemed a second time, by someone who knew the redirect URI and the verifier. Emitted before the
    /// grant is removed, so that the host hears of it even if the request is dropped at that moment.
    #[non_exhaustive]
    CodeReplayed {
        /// The grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
        /// The resource owner, where there is one and the host has asked for it.
        subject: Option<Subject<'a>>,
    },
    /// A grant was made for what another server says of somebody (`EngineBuilder::jwt_bearer`); [`Issued`](Self::Issued) follows.
    #[non_exhaustive]
    Asserted {
        /// The new grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
        /// Who that is here, where it is a person and the host has asked for it.
        subject: Option<Subject<'a>>,
        /// The server that said it, as the host has it.
        issuer: &'a str,
    },
    /// A login: the first tokens of a grant were handed out.
    #[non_exhaustive]
    Issued {
        /// The new grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
        /// The resource owner, where there is one and the host has asked for it.
        subject: Option<Subject<'a>>,
        /// Whether its refresh token renews anything.
        renewable: bool,
        /// What the access token is for; empty in an engine without resources.
        audience: Audience<'a>,
    },
    /// A refresh: the grant took a step, or was extended where the client does not rotate.
    #[non_exhaustive]
    Refreshed {
        /// The grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
        /// The resource owner, where there is one and the host has asked for it.
        subject: Option<Subject<'a>>,
        /// The generation of the refresh token that was handed out.
        generation: Generation,
        /// What the access token is for; empty in an engine without resources.
        audience: Audience<'a>,
    },
    /// The previous refresh token came within the retry window, and was answered with the same successor again. Honest
    /// clients lose responses; a thief who refreshes at the same time as the owner looks the same.
    #[non_exhaustive]
    Retried {
        /// The grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
        /// The resource owner, where there is one and the host has asked for it.
        subject: Option<Subject<'a>>,
        /// The generation of the refresh token that was handed out again.
        generation: Generation,
        /// What the access token is for; empty in an engine without resources.
        audience: Audience<'a>,
    },
    /// An older refresh token was answered with the current one, since whoever sent it proved the key that the grant is bound to: see
    /// `ClientBuilder::resync`. Nothing was written.
    #[non_exhaustive]
    Resynced {
        /// The grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
        /// The resource owner, where there is one and the host has asked for it.
        subject: Option<Subject<'a>>,
        /// The generation of the refresh token that came.
        presented: Generation,
        /// The generation of the one that was handed out.
        current: Generation,
        /// What the access token is for; empty in an engine without resources.
        audience: Audience<'a>,
    },
    /// A login at another server was taken over: its refresh token, of generation 0, began a grant. See
    /// `EngineBuilder::foreign_tokens`.
    #[non_exhaustive]
    TakenOver {
        /// The new grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
        /// The resource owner, where there is one and the host has asked for it.
        subject: Option<Subject<'a>>,
        /// The generation of the refresh token that was handed out: 0 where the client keeps the one that it has.
        generation: Generation,
        /// What the access token is for; empty in an engine without resources.
        audience: Audience<'a>,
    },
    /// The refresh token that another server made came again, and was answered with the current one, since its client may still
    /// [send it](crate::client::ClientBuilder::foreign_grace). Nothing was written.
    #[non_exhaustive]
    ForeignAgain {
        /// The grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
        /// The resource owner, where there is one and the host has asked for it.
        subject: Option<Subject<'a>>,
        /// The generation of the one that was handed out.
        current: Generation,
        /// What the access token is for; empty in an engine without resources.
        audience: Audience<'a>,
    },
    /// A token was exchanged for another (RFC 8693), which the grant of the first ends with. See `EngineBuilder::token_exchange`.
    #[non_exhaustive]
    Exchanged {
        /// The grant that both tokens are of.
        grant: GrantId,
        /// The client that got the new one.
        client_id: &'a str,
        /// The resource owner, where there is one and the host has asked for it.
        subject: Option<Subject<'a>>,
        /// The client that the exchanged one was issued to.
        of_client: &'a str,
        /// Who acts, where an actor token was there and the host has asked for people.
        actor: Option<Subject<'a>>,
        /// Whom the new one is for, as the policy names them.
        audience: Audience<'a>,
    },
    /// From now on the refresh tokens of a grant are for whoever proves a key or shows a certificate (RFC 9449 section 5, RFC 8705
    /// section 4): for a public client always the same, for a confidential one any.
    #[non_exhaustive]
    SenderBound {
        /// The grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
        /// The resource owner, where there is one and the host has asked for it.
        subject: Option<Subject<'a>>,
    },
    /// A client has taken the key out of its set that a session is bound to (atproto): the session ends with it. Emitted before the grant
    /// is removed; [`Revoked`](Self::Revoked) follows when it is.
    #[non_exhaustive]
    ClientKeyGone {
        /// The grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
        /// The resource owner, where there is one and the host has asked for it.
        subject: Option<Subject<'a>>,
    },
    /// An older refresh token came back: stolen, or restored from a backup. Emitted before the grant is removed, so
    /// that the host hears of it even if the request is dropped at that moment.
    #[non_exhaustive]
    ReplayFound {
        /// The grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
        /// The resource owner, where there is one and the host has asked for it.
        subject: Option<Subject<'a>>,
        /// The generation that came.
        presented: Generation,
        /// The generation that is current.
        current: Generation,
    },
    /// A client asked at the introspection endpoint about a refresh token that a later one has replaced; nothing changed. A
    /// client that lost a response, or a thief who wants to know whether the owner has refreshed.
    #[non_exhaustive]
    RetiredIntrospected {
        /// The grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
        /// The resource owner, where there is one and the host has asked for it.
        subject: Option<Subject<'a>>,
        /// The generation that was asked about.
        presented: Generation,
        /// The generation that is current.
        current: Generation,
        /// What the answer said: yes within the retry window of the immediate predecessor.
        active: bool,
    },
    /// A grant was ended; every token of it is dead.
    #[non_exhaustive]
    Revoked {
        /// The grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
        /// The resource owner, where there is one and the host has asked for it.
        subject: Option<Subject<'a>>,
    },
    /// A grant ends since its person has as many as they may ([`Lifetimes::most_per_owner`](crate::Lifetimes::most_per_owner)), and it
    /// was refreshed longest ago. Emitted before it is removed; then comes [`Revoked`](Self::Revoked).
    #[non_exhaustive]
    Displaced {
        /// The grant that ends.
        grant: GrantId,
        /// Its client. A stranger's id is no label for a metric.
        client_id: &'a str,
        /// The resource owner, where there is one and the host has asked for it.
        subject: Option<Subject<'a>>,
        /// The login that took its place.
        by: GrantId,
    },
    /// A grant was ended whose record could not be read, so nobody knows its client: it was damaged, or written by a later
    /// version of this crate.
    UnreadableRevoked {
        /// The grant.
        grant: GrantId,
    },
    /// The access tokens of a grant that were issued up to now were revoked; its refresh token works.
    #[non_exhaustive]
    AccessRevoked {
        /// The grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
        /// The resource owner, where there is one and the host has asked for it.
        subject: Option<Subject<'a>>,
    },
    /// Somebody let a device in (RFC 8628). Its login is a session once the device has fetched its tokens:
    /// [`Issued`](Self::Issued) follows then.
    #[non_exhaustive]
    DeviceApproved {
        /// The grant.
        grant: GrantId,
        /// Its client.
        client_id: &'a str,
        /// Who it was, where the host has asked for it.
        subject: Option<Subject<'a>>,
    },
    /// Somebody said no to a device.
    #[non_exhaustive]
    DeviceDenied {
        /// The client that asked.
        client_id: &'a str,
        /// Who said it, where the host has asked for it.
        subject: Option<Subject<'a>>,
    },
    /// Many wrong user codes were typed within an hour at this engine, by whomever: somebody may be guessing, with many accounts (RFC 8628
    /// section 5.1). Emitted at 100, and each time the number has doubled; nobody is locked out by it.
    #[non_exhaustive]
    UserCodesGuessed {
        /// How many in this hour.
        wrong: u32,
    },
    /// A client registered itself. Its id is a stranger's, and each is another: no label for a metric.
    #[non_exhaustive]
    ClientRegistered {
        /// The new client.
        client_id: &'a str,
    },
    /// A request was refused; nothing was issued and nothing changed.
    #[non_exhaustive]
    Refused {
        /// The client, once it is known to be a registered one.
        client_id: Option<&'a str>,
        /// The grant, once a token was proven to be of it.
        grant: Option<GrantId>,
        /// The resource owner of that grant, or who was to be logged in, where the host has asked for it.
        subject: Option<Subject<'a>>,
        /// Why.
        why: Refusal,
    },
    /// A genuine token is ahead of the record: the store lost writes that it had acknowledged (a failover, a restored
    /// backup). Revocations may be among them. The record was moved forward; but one of a device whose tokens are not known to be out
    /// stays, and the token is refused.
    #[non_exhaustive]
    StoreBehind {
        /// The grant.
        grant: GrantId,
        /// The resource owner, where there is one and the host has asked for it.
        subject: Option<Subject<'a>>,
        /// The generation that came; of a JWT, which does not say it, the first.
        presented: Generation,
        /// The generation that was stored.
        stored: Generation,
    },
    /// A token names a key that this engine does not have: a stranger's, or a key was retired too early.
    #[non_exhaustive]
    UnknownKey {
        /// The id of the key.
        key_id: u8,
    },
    /// A guess came to the [throttle](crate::EngineBuilder::throttle) without the address that it was made from, so that limits are looser
    /// than they should be; or a client's [document](crate::fetch::DocumentClients) was not fetched since too many were asked for, and from
    /// where is not known, so that one stranger may keep all others waiting. The host does not give
    /// [`Request::with_peer`](crate::Request::with_peer). Emitted once.
    #[non_exhaustive]
    PeerUnknown,
    /// The store, the registry, a handler, the claims provider or the hook failed, or could not be asked; the request was answered 503, or 500
    /// where a retry cannot help. A write may have taken place. Or what goes with an answer could not be done: a grant lives on that
    /// another [takes the place of](crate::Authorization::with_replaces).
    #[non_exhaustive]
    Failed {
        /// The client, once it is known to be a registered one.
        client_id: Option<&'a str>,
        /// The grant, once a token was proven to be of it.
        grant: Option<GrantId>,
        /// The resource owner of that grant, or who was to be logged in, where the host has asked for it.
        subject: Option<Subject<'a>>,
        /// What failed.
        why: Refusal,
        /// The cause, as it was given.
        cause: Option<Cause<'a>>,
    },
}

impl Event<'_> {
    /// What kind it is, for counters and logs: the name of the variant, in lower case and with `_` between its words.
    ///
    /// ```
    /// # fn of(event: &regrant::event::Event<'_>) -> bool {
    /// event.name() == "replay_found"
    /// # }
    /// ```
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CodeIssued { .. } => "code_issued",
            Self::CodeReplayed { .. } => "code_replayed",
            Self::Asserted { .. } => "asserted",
            Self::Issued { .. } => "issued",
            Self::Refreshed { .. } => "refreshed",
            Self::Retried { .. } => "retried",
            Self::Resynced { .. } => "resynced",
            Self::TakenOver { .. } => "taken_over",
            Self::ForeignAgain { .. } => "foreign_again",
            Self::Exchanged { .. } => "exchanged",
            Self::SenderBound { .. } => "sender_bound",
            Self::ClientKeyGone { .. } => "client_key_gone",
            Self::ReplayFound { .. } => "replay_found",
            Self::RetiredIntrospected { .. } => "retired_introspected",
            Self::Revoked { .. } => "revoked",
            Self::Displaced { .. } => "displaced",
            Self::UnreadableRevoked { .. } => "unreadable_revoked",
            Self::AccessRevoked { .. } => "access_revoked",
            Self::DeviceApproved { .. } => "device_approved",
            Self::DeviceDenied { .. } => "device_denied",
            Self::UserCodesGuessed { .. } => "user_codes_guessed",
            Self::ClientRegistered { .. } => "client_registered",
            Self::Refused { .. } => "refused",
            Self::StoreBehind { .. } => "store_behind",
            Self::UnknownKey { .. } => "unknown_key",
            Self::PeerUnknown => "peer_unknown",
            Self::Failed { .. } => "failed",
        }
    }
}

/// The resource owner of a grant, in an event. A person, so `Debug` does not show it: to write it down is a decision.
///
/// ```
/// use regrant::event::Event;
/// fn audit(event: &Event<'_>) {
///     if let Event::Issued { grant, client_id, subject: Some(subject), .. } = event {
///         println!("login of {} at {client_id}, grant {grant}", subject.as_str());
///     }
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Subject<'a>(pub(crate) &'a str);

impl<'a> Subject<'a> {
    /// The subject itself.
    ///
    /// ```
    /// fn is_a_robot(subject: regrant::event::Subject<'_>) -> bool {
    ///     subject.as_str().starts_with("robot-")
    /// }
    /// ```
    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}

impl fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subject(..)")
    }
}

/// The resources that a login or a token is for (RFC 8707), in an event or an [`IssueRequest`](crate::engine::IssueRequest), as the engine
/// spells them.
///
/// ```
/// use regrant::event::Event;
/// fn audit(event: &Event<'_>) {
///     if let Event::Refreshed { grant, audience, .. } = event {
///         println!("{grant} has a token for {:?}", audience.iter().collect::<Vec<_>>());
///     }
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Audience<'a>(&'a [ResourceRef<'a>], &'a [SmolStr]);

impl<'a> Audience<'a> {
    pub(in crate::engine) const fn of(resources: &'a [ResourceRef<'a>]) -> Self {
        Self(resources, &[])
    }

    /// Of an exchange, which may be for others than the engine's own resources.
    #[cfg(feature = "jwt")]
    pub(in crate::engine) const fn named(names: &'a [SmolStr]) -> Self {
        Self(&[], names)
    }

    /// Their URIs, and what a policy of exchanges names besides.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.0.iter().map(|resource| resource.uri()).chain(self.1.iter().map(SmolStr::as_str))
    }
}

impl fmt::Debug for Audience<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The cause of a failure, as a store, a registry, a handler or a hook gave it. Its text is not the engine's, and may
/// not be safe to log, so `Debug` does not show it.
///
/// ```
/// use regrant::event::Event;
/// fn log(event: &Event<'_>) {
///     if let Event::Failed { why, cause: Some(cause), .. } = event {
///         eprintln!("{why}: {}", cause.error());
///     }
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Cause<'a>(pub(crate) &'a (dyn Error + 'static));

impl<'a> Cause<'a> {
    /// The error itself.
    ///
    /// ```
    /// fn is_io(cause: regrant::event::Cause<'_>) -> bool {
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

/// Where events go. Called inline: what takes time belongs in a queue.
///
/// A closure works too.
///
/// ```
/// use regrant::event::{Event, EventSink};
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
