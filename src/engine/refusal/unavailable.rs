//! What keeps the engine from answering, for now or until it is mended.

use crate::client::{ClientsError, ClientsErrorKind};
use crate::store::{StoreError, StoreErrorKind};
use crate::wire::ErrorCode;

/// Why nobody can tell now: the same request may be sent again, and is answered 503 until then.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// The store failed.
    #[error("the store failed")]
    Store(StoreErrorKind),
    /// The client registry failed.
    #[error("the client registry failed")]
    Clients,
    /// The client is not at hand, and nothing allows to fetch it: see
    /// [`ClientsError::not_at_hand`](crate::client::ClientsError::not_at_hand).
    #[error("the client is not at hand")]
    ClientNotAtHand,
    /// The document that the client is known by is not to be had, or wrong, or may not be fetched so often.
    #[error("the client's metadata document is not to be had")]
    ClientDocument {
        /// After how many seconds it is worth asking again, where that is known.
        retry_after_secs: Option<u32>,
    },
    /// The keys of the client are to be fetched from its [`jwks_uri`](crate::client::ClientBuilder::jwks_uri), and are not to be had, or
    /// wrong, or may not be fetched so often, or the engine has nothing to [fetch](crate::EngineBuilder::fetch) them by.
    #[cfg(feature = "proof")]
    #[error("the client's keys are not to be had")]
    ClientKeys {
        /// After how many seconds it is worth asking again, where that is known.
        retry_after_secs: Option<u32>,
    },
    /// The keys of a [trusted issuer](crate::engine::TrustedIssuer) are not to be had, or wrong, or may not be fetched so often.
    #[cfg(feature = "proof")]
    #[error("the keys of an issuer are not to be had")]
    IssuerKeys {
        /// After how many seconds it is worth asking again, where that is known.
        retry_after_secs: Option<u32>,
    },
    /// The host's hook or handler failed.
    #[error("the host failed")]
    Host,
    /// A secret takes a slow verification, and the cap on concurrent ones is reached or there is no verifier.
    #[error("no slow verification is possible now")]
    SlowVerifier,
    /// Too many requests for one grant at once.
    #[error("too much contention for one grant")]
    Contention,
    /// The token was current when the request came, and its grant has gone on by two steps since: the client gave the
    /// request up, or a thief and the owner raced.
    #[error("overtaken by other requests for the grant")]
    Overtaken,
    /// This engine has not got the key that the record's refresh token is made under; another node may.
    #[error("the key of the record is missing")]
    MissingKey,
    /// The predecessor came at a time that is before the last rotation, by more than clocks may differ: the request hung
    /// since before it, or this node's clock is wrong.
    #[error("the time is before the last rotation")]
    ClockBehind,
}

impl Unavailable {
    /// `temporarily_unavailable`, for each of them.
    pub const fn code(self) -> ErrorCode {
        ErrorCode::TemporarilyUnavailable
    }

    /// What `Retry-After` says, where it is known.
    pub const fn retry_after_secs(self) -> Option<u32> {
        match self {
            Self::ClientDocument { retry_after_secs } => retry_after_secs,
            #[cfg(feature = "proof")]
            Self::ClientKeys { retry_after_secs } | Self::IssuerKeys { retry_after_secs } => retry_after_secs,
            _ => None,
        }
    }
}

impl From<&StoreError> for Unavailable {
    fn from(error: &StoreError) -> Self {
        Self::Store(error.kind())
    }
}

impl From<&ClientsError> for Unavailable {
    fn from(error: &ClientsError) -> Self {
        match error.kind() {
            ClientsErrorKind::NotAtHand => Self::ClientNotAtHand,
            ClientsErrorKind::Unavailable { retry_after_secs } => Self::ClientDocument { retry_after_secs },
            // Its client may mend it, and is not to throw its tokens away until then.
            ClientsErrorKind::Document(_) => Self::ClientDocument { retry_after_secs: None },
            ClientsErrorKind::Failed => Self::Clients,
        }
    }
}

/// What is wrong on the server's side, and will be wrong again: answered 500.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerFault {
    /// The handler gave a scope that the client may not have, or a subject that does not fit a record or a JWT.
    #[error("the grant handler gave what cannot be granted")]
    Handler,
    /// The host approved a request without saying that the page [was shown](crate::Authorization::with_page_shown), where the
    /// person [is asked each time](crate::AuthorizationRequest::is_asked_each_time).
    #[error("an approval of what the person has to be asked each time, without the page")]
    PageNotShown,
    /// The host approved a grant that takes the place of one that is [another's](crate::Authorization::with_replaces).
    #[error("a grant that is to take the place of another person's or client's")]
    Replaces,
    /// The host guards a [resource](crate::EngineBuilder::resource) that the engine does not have.
    #[error("a resource that the engine does not have")]
    UnknownResource,
    /// A client authenticated by an assertion, and the engine has no [issuer](crate::EngineBuilder::issuer) or no
    /// [root secret](crate::EngineBuilder::root_secret); `build` had not heard of it, since the registry does not
    /// [say so](crate::client::ClientFeatures).
    #[cfg(feature = "proof")]
    #[error("a client assertion, and the engine lacks an issuer or a root secret")]
    Assertions,
    /// A JWT could not be signed.
    #[error("a signature that could not be made")]
    Signing,
}

impl ServerFault {
    /// `server_error`, for each of them.
    pub const fn code(self) -> ErrorCode {
        ErrorCode::ServerError
    }
}
