//! What is guessed, at what and from where.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::network;
use crate::grant::Timestamp;

/// What is guessed at.
///
/// ```
/// use regrant::throttle::{GuessKind, Guessed};
/// assert_eq!(Guessed::Password("alice").kind(), GuessKind::Password);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Guessed<'a> {
    /// The password of this person (RFC 6749 section 4.3.2). Spell a name in one way, or each spelling has guesses of its own.
    Password(&'a str),
    /// The secret of the client with this id (RFC 6749 section 10.10).
    ClientSecret(&'a str),
    /// A user code, by this person, who is logged in (RFC 8628 section 5.1).
    UserCode(&'a str),
    /// Nothing: a client registers itself (RFC 7591).
    Registration,
    /// An initial access token, or a registration access token (RFC 7592).
    RegistrationToken,
    /// Whether a token that is none of the client's own is alive.
    Token,
    /// A refresh token of another server, by the public client with this id: the host's hook looks for it
    /// (`EngineBuilder::foreign_tokens`).
    ForeignToken(&'a str),
}

impl Guessed<'_> {
    /// Its kind, without whose it is.
    pub const fn kind(self) -> GuessKind {
        match self {
            Self::Password(_) => GuessKind::Password,
            Self::ClientSecret(_) => GuessKind::ClientSecret,
            Self::UserCode(_) => GuessKind::UserCode,
            Self::Registration => GuessKind::Registration,
            Self::RegistrationToken => GuessKind::RegistrationToken,
            Self::Token => GuessKind::Token,
            Self::ForeignToken(_) => GuessKind::ForeignToken,
        }
    }
}

impl fmt::Debug for Guessed<'_> {
    /// The kind alone: a name is a person's, or what a stranger sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.kind(), f)
    }
}

/// The kinds of things that are guessed at.
///
/// ```
/// assert_eq!(regrant::throttle::GuessKind::UserCode.to_string(), "too many guesses at a user code");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuessKind {
    /// The password of a person.
    #[error("too many guesses at a password")]
    Password,
    /// The secret of a client.
    #[error("too many guesses at a client secret")]
    ClientSecret,
    /// A user code.
    #[error("too many guesses at a user code")]
    UserCode,
    /// A registration.
    #[error("too many registrations from one address")]
    Registration,
    /// A token that registrations are made or changed with.
    #[error("too many guesses at a token of a registration")]
    RegistrationToken,
    /// Tokens that are another's.
    #[error("too many tokens of others")]
    Token,
    /// Nothing: too many devices ask to be logged in (RFC 8628), from one address or at one client. No throttle is asked.
    #[error("too many devices ask to be logged in")]
    Device,
    /// A refresh token of another server.
    #[error("too many unknown refresh tokens")]
    ForeignToken,
}

/// A guess: at what, and from where.
///
/// ```
/// use regrant::throttle::{Guess, Guessed};
/// let peer = "2001:db8::7".parse()?;
/// let guess = Guess::new(Guessed::Password("alice"), Some(peer));
/// assert_eq!(guess.network(), Some("2001:db8::".parse()?));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Guess<'a> {
    at: Guessed<'a>,
    peer: Option<IpAddr>,
}

impl<'a> Guess<'a> {
    /// A guess from this address, or from nobody knows where.
    pub const fn new(at: Guessed<'a>, peer: Option<IpAddr>) -> Self {
        Self { at, peer }
    }

    /// What is guessed at.
    pub const fn at(&self) -> Guessed<'a> {
        self.at
    }

    /// The kind of it.
    pub const fn kind(&self) -> GuessKind {
        self.at.kind()
    }

    /// The address that it comes from.
    pub const fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// The address to count by: the /64 of an IPv6 address, since whoever has one has 2^64 of them; the IPv4 address in a
    /// mapped one, and in one of the well-known prefix of translators (RFC 6052 section 2.1).
    pub fn network(&self) -> Option<IpAddr> {
        self.peer.map(network)
    }
}

impl fmt::Debug for Guess<'_> {
    /// The kind alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guess").field("at", &self.at).finish_non_exhaustive()
    }
}

/// How a guess was counted, which its [`Throttle`](super::Throttle) is told again when it is given back: meanwhile others may have
/// guessed, failed and logged in.
///
/// ```
/// use regrant::Timestamp;
/// use regrant::throttle::Counted;
/// let counted = Counted::at(Timestamp::from_secs(0)).with_note(7);
/// assert_eq!((counted.time(), counted.note()), (Timestamp::from_secs(0), 7));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counted {
    time: Timestamp,
    note: u64,
}

impl Counted {
    /// Counted at this time.
    pub const fn at(time: Timestamp) -> Self {
        Self { time, note: 0 }
    }

    /// With a note of the throttle to itself, such as by what it was counted. Nobody else reads it. Default: 0.
    #[must_use]
    pub const fn with_note(self, note: u64) -> Self {
        Self { note, ..self }
    }

    /// When.
    pub const fn time(self) -> Timestamp {
        self.time
    }

    /// The throttle's note.
    pub const fn note(self) -> u64 {
        self.note
    }
}

/// There were too many guesses; after this long there may be another.
///
/// ```
/// use std::time::Duration;
/// use regrant::throttle::TooManyGuesses;
/// assert_eq!(TooManyGuesses::until(Duration::from_millis(1_200)).retry_after_secs(), 2);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too many guesses")]
pub struct TooManyGuesses(Duration);

impl TooManyGuesses {
    /// For so long from now.
    pub const fn until(wait: Duration) -> Self {
        Self(wait)
    }

    /// What `Retry-After` says: whole seconds, at least one.
    pub fn retry_after_secs(self) -> u32 {
        let secs = self.0.as_secs().saturating_add(u64::from(self.0.subsec_nanos() > 0));
        u32::try_from(secs).unwrap_or(u32::MAX).max(1)
    }
}
