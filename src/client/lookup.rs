//! What a client is looked up for.

use std::net::IpAddr;

/// What a client is looked up for, and for whom.
///
/// A registry whose clients are all at hand does not look at it. One that has to go out for some of them, to an address that a
/// stranger names, goes by it: [`DocumentClients`](crate::fetch::DocumentClients) does, so that no token request of a
/// stranger makes this server fetch more than an authorization request may, most of them nothing, and no check of an access token waits for somebody else's server.
///
/// ```
/// use regrant::client::{Lookup, Purpose};
/// let lookup = Lookup::new(Purpose::Authorization).with_peer("192.0.2.1".parse()?);
/// assert!(lookup.may_fetch() && !Lookup::new(Purpose::AccessToken).may_fetch());
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lookup {
    purpose: Purpose,
    peer: Option<IpAddr>,
}

/// What a client is looked up for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Purpose {
    /// An authorization request. Anybody can send one, so what it may cause is limited. The same of a token that may be another server's,
    /// where the host knows those (`EngineBuilder::foreign_tokens`).
    Authorization,
    /// A request that says it is from this client, at an endpoint where clients authenticate, and has proven nothing yet. A
    /// registry that would have to go out answers [`ClientsError::not_at_hand`](super::ClientsError::not_at_hand), and is asked
    /// again with [`Licensed`](Self::Licensed) where the request turns out to have a genuine token.
    Authentication,
    /// The same, of a request that has shown a genuine code or token of a grant of this client's: somebody let the client in,
    /// and is logged out if it cannot be looked up.
    Licensed,
    /// The same where what is at hand may be too old: a session ends if a key is gone from what the client says now. A registry that goes
    /// out answers with what it has fetched within the last minute, or that it [cannot be had](super::ClientsError::unavailable).
    Anew,
    /// An access token, which is genuine, is judged: at a resource, or for another client that introspects it. Where the client is
    /// [not at hand](super::ClientsError::not_at_hand), the scope of its grant counts.
    AccessToken,
    /// A person's sessions are listed. One whose client is not at hand is listed all the same.
    Sessions,
    /// An ID token came back as a hint; nothing is proven of it yet.
    IdTokenHint,
    /// Whether the subject of a login is the id of a client that gets tokens of its own.
    Subject,
    /// A client looks after its registration (RFC 7592).
    Registration,
}

impl Lookup {
    /// For this, from nobody knows where.
    pub const fn new(purpose: Purpose) -> Self {
        Self { purpose, peer: None }
    }

    /// The same for a request from this address.
    #[must_use]
    pub const fn with_peer(self, peer: IpAddr) -> Self {
        Self { peer: Some(peer), ..self }
    }

    pub(crate) const fn of(purpose: Purpose, peer: Option<IpAddr>) -> Self {
        Self { purpose, peer }
    }

    /// What for.
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The address that the request came from, where the host [says it](crate::Request::with_peer).
    pub const fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// Whether the registry may go out for the client, within limits, and make the request wait for it.
    pub const fn may_fetch(&self) -> bool {
        matches!(self.purpose, Purpose::Authorization | Purpose::Licensed | Purpose::Anew)
    }
}
