//! Refusals of whoever sent a request: it does not prove what its token is bound to.

#[cfg(feature = "proof")]
use crate::proof::dpop::ProofFault;
use crate::wire::ErrorCode;

/// What a request does not prove, and has to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SenderRefusal {
    /// No proof of possession, where the grant, the code, the client or the resource wants one (RFC 9449 sections 5 and 7).
    #[error("no proof of possession")]
    NoProof,
    /// A proof of possession that is none (RFC 9449 section 4.3).
    #[cfg(feature = "proof")]
    #[error("{0}")]
    Proof(ProofFault),
    /// A proof of possession that was used before (RFC 9449 section 11.1).
    #[error("a proof of possession that was used before")]
    ProofReplayed,
    /// A proof of possession of which nobody can tell any more whether it was used before; a new one is asked for.
    #[error("a proof of possession that is too old for as many as were used since")]
    ProofForgotten,
    /// A good proof, by another key than the one that the token or code is bound to.
    #[error("a proof by another key than the token is bound to")]
    AnotherKey,
    /// A good proof, by a key that its client authenticates by (atproto: the key of a session is of one device).
    #[cfg(feature = "proof")]
    #[error("a proof by a key that the client authenticates by")]
    KeyOfClient,
    /// No client certificate, or another than the one that the token is bound to (RFC 8705 section 3).
    #[error("no client certificate, or another than the token is bound to")]
    Certificate,
    /// A token that is bound to a key, presented as if whoever holds it might use it (RFC 9449 section 7.2).
    #[error("a bound token that is presented as a bearer token")]
    Downgrade,
    /// A token that is bound to no key, presented as if it were.
    #[error("an unbound token that is presented with a proof")]
    Unbound,
}

impl SenderRefusal {
    /// What the response of the token endpoint says. A resource says `invalid_token` where it is the token that is refused, not the
    /// proof.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::NoProof | Self::ProofReplayed => ErrorCode::InvalidDpopProof,
            #[cfg(feature = "proof")]
            Self::Proof(fault) if fault.wants_nonce() => ErrorCode::UseDpopNonce,
            #[cfg(feature = "proof")]
            Self::Proof(_) | Self::KeyOfClient => ErrorCode::InvalidDpopProof,
            Self::ProofForgotten => ErrorCode::UseDpopNonce,
            Self::AnotherKey | Self::Certificate => ErrorCode::InvalidGrant,
            Self::Downgrade | Self::Unbound => ErrorCode::InvalidToken,
        }
    }

    /// Whether it is the proof that is refused, and not what came with it.
    pub(crate) const fn is_of_the_proof(self) -> bool {
        matches!(self.code(), ErrorCode::InvalidDpopProof | ErrorCode::UseDpopNonce)
    }
}

#[cfg(feature = "proof")]
impl From<ProofFault> for SenderRefusal {
    fn from(fault: ProofFault) -> Self {
        match fault {
            ProofFault::Missing => Self::NoProof,
            fault => Self::Proof(fault),
        }
    }
}
