//! Refusals of a grant: of what is asked for, or of a token or code.

#[cfg(feature = "proof")]
use crate::proof::GrantAssertionFault;
use crate::wire::ErrorCode;

/// Why a grant is not made, or renews nothing: what was asked for, or the token or code that was presented.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GrantRefusal {
    /// No handler has this grant type.
    #[error("an unsupported grant type")]
    UnsupportedGrantType,
    /// A malformed scope, or more than the client or the grant may have.
    #[error("a scope that is malformed or too wide")]
    Scope,
    /// Nothing of the scope that was granted is left to the client: it may have none of it any more.
    #[error("nothing of the granted scope is left to the client")]
    ScopeTaken,
    /// A resource that is malformed or unknown, that the grant is not for, or none where one has to be named (RFC 8707 section 2).
    #[error("a resource that is unknown, or none where one has to be named")]
    Target,
    /// Not the shape of a token of this engine.
    #[error("not the shape of a token")]
    Shape,
    /// The token names a key that this engine does not have.
    #[error("a token of an unknown key")]
    UnknownKey,
    /// No such grant, or no longer.
    #[error("no such grant")]
    NoGrant,
    /// The grant was made by an engine of another [realm](crate::EngineBuilder::realm), or the record is no login.
    #[error("a grant of another realm")]
    AnotherRealm,
    /// The grant has ended: it is remembered so that the refresh token that another server made for it cannot begin it anew. Or it
    /// would be one of a person whose logins were ended everywhere since.
    #[error("a grant that has ended")]
    Ended,
    /// The MAC is wrong: a forgery, or a token of another kind.
    #[error("a wrong MAC")]
    Mac,
    /// The token is another client's.
    #[error("the token of another client")]
    AnotherClient,
    /// The grant was made before the `not_before` of its client or of the engine.
    #[error("the grant was made before its client's not_before")]
    NotBefore,
    /// The token or its grant has expired.
    #[error("the grant has expired")]
    Expired,
    /// The grant renews nothing.
    #[error("the grant is not renewable")]
    NotRenewable,
    /// An older refresh token came back. [`Event::ReplayFound`](crate::event::Event::ReplayFound) tells more.
    #[error("a replayed refresh token")]
    Replay,
    /// The grant was refreshed 16,777,214 times.
    #[error("the last generation of the grant")]
    Exhausted,
    /// Another redirect URI than the one that the code was sent to, or one that the client has no longer.
    #[error("another redirect URI than that of the code, or one that the client has no longer")]
    RedirectUri,
    /// A verifier that is not that of the code's challenge, or a code without a challenge of a client that now needs one.
    #[error("a verifier that is not that of the code, or no challenge where the client now needs one")]
    Verifier,
    /// The client's assertion was spent before, for something else, or too long ago for an answer that got lost (RFC 7523 section 3, item
    /// 7).
    #[cfg(feature = "proof")]
    #[error("an assertion that was spent before")]
    AssertionSpent,
    /// What another server says of somebody is no grant (RFC 7521 section 4.1.1).
    #[cfg(feature = "proof")]
    #[error("{0}")]
    Assertion(GrantAssertionFault),
    /// The client authenticated by another key than the one that the grant is bound to, and has that one still (atproto, "Confidential
    /// Client Authentication").
    #[cfg(feature = "proof")]
    #[error("another key of the client than the one that the grant is bound to")]
    AnotherClientKey,
    /// The key that the grant is bound to is none of the client's any more: it has ended.
    #[cfg(feature = "proof")]
    #[error("the key of the client that the grant is bound to is gone")]
    ClientKeyGone,
    /// Nobody has answered yet (RFC 8628 section 3.5). No event says so: a device asks every few seconds.
    #[error("nobody has answered the device yet")]
    DevicePending,
    /// The same, of a device that asks too often.
    #[error("a device asks too often")]
    DeviceTooFast,
    /// Somebody said no to the device, or has logged it out before it had its tokens.
    #[error("somebody said no to the device")]
    DeviceDenied,
    /// Nobody has answered in time, or the device has not asked in time after somebody had.
    #[error("the device code has expired")]
    DeviceExpired,
    /// The device has its tokens, and its code counts once.
    #[error("a device code that was used")]
    DeviceUsed,
    /// No device waits under the user code that somebody typed.
    #[error("no device waits under this user code")]
    UserCode,
    /// The host's hook refused the refresh.
    #[error("the host refused the refresh")]
    Hook,
    /// The grant handler refused.
    #[error("the grant handler refused: {}", .0.as_str())]
    Handler(ErrorCode),
}

impl GrantRefusal {
    /// What the response of the token endpoint says. A resource says `invalid_token` for all of them (RFC 6750 section 3.1).
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::UnsupportedGrantType => ErrorCode::UnsupportedGrantType,
            Self::Scope => ErrorCode::InvalidScope,
            Self::Target => ErrorCode::InvalidTarget,
            Self::Handler(code) => code,
            // RFC 8628 section 3.5.
            Self::DevicePending => ErrorCode::Extension("authorization_pending"),
            Self::DeviceTooFast => ErrorCode::Extension("slow_down"),
            Self::DeviceDenied => ErrorCode::AccessDenied,
            Self::DeviceExpired => ErrorCode::Extension("expired_token"),
            #[cfg(feature = "proof")]
            Self::AssertionSpent | Self::Assertion(_) | Self::AnotherClientKey | Self::ClientKeyGone => {
                ErrorCode::InvalidGrant
            }
            Self::ScopeTaken
            | Self::Shape
            | Self::UnknownKey
            | Self::NoGrant
            | Self::AnotherRealm
            | Self::Ended
            | Self::Mac
            | Self::AnotherClient
            | Self::NotBefore
            | Self::Expired
            | Self::NotRenewable
            | Self::Replay
            | Self::Exhausted
            | Self::RedirectUri
            | Self::Verifier
            | Self::DeviceUsed
            | Self::UserCode
            | Self::Hook => ErrorCode::InvalidGrant,
        }
    }
}
