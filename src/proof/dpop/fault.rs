//! Why a proof is refused.

use crate::proof::{ClaimFault, JwkFault, JwsFault};

/// Why a proof of possession is refused (RFC 9449 section 4.3). Says nothing of what was read. On the wire all are
/// `invalid_dpop_proof`, but for those that [ask for a nonce](Self::wants_nonce).
///
/// ```
/// use regrant::dpop::ProofFault;
/// assert!(ProofFault::NonceStale.wants_nonce());
/// assert!(!ProofFault::Signature.wants_nonce());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofFault {
    /// There is none.
    #[error("no proof")]
    Missing,
    /// More than one `DPoP` header (section 4.3, item 1).
    #[error("more than one proof")]
    Several,
    /// Not a JWT of the type `dpop+jwt`, by an asymmetric algorithm (items 2, 4 and 5).
    #[error("a malformed proof: {0}")]
    Jws(#[from] JwsFault),
    /// By an algorithm that is not accepted here (item 5).
    #[error("a proof by an algorithm that is not accepted")]
    Algorithm,
    /// Its key cannot be used, or is not there (items 4 and 7).
    #[error("the key of a proof cannot be used: {0}")]
    Key(#[from] JwkFault),
    /// A claim that must be there is not, or is of another type (item 3).
    #[error("a proof without a claim that it must have: {0}")]
    Claim(#[from] ClaimFault),
    /// For another method (item 8).
    #[error("a proof for another method")]
    Method,
    /// For another URL (item 9).
    #[error("a proof for another URL")]
    Target,
    /// Made longer ago than is accepted (item 11).
    #[error("a proof that is too old")]
    Stale,
    /// Made later than now (item 11).
    #[error("a proof from the future")]
    Ahead,
    /// Without the nonce that is demanded (item 10).
    #[error("a proof without a nonce")]
    NonceMissing,
    /// With a nonce that was not given here (item 10).
    #[error("a proof with a nonce that is not ours")]
    NonceUnknown,
    /// With a nonce that was given too long ago (item 11).
    #[error("a proof with a nonce that is too old")]
    NonceStale,
    /// For another access token, or for none (item 12).
    #[error("a proof for another access token")]
    AccessToken,
    /// Not signed by the key that it brings (item 6).
    #[error("a proof that its key did not sign")]
    Signature,
    /// By another key than the one that the access token is bound to (item 12).
    #[error("a proof by another key")]
    OtherKey,
}

impl ProofFault {
    /// Whether a new nonce helps: the answer is then `use_dpop_nonce`, with one in `DPoP-Nonce` (sections 8 and 9).
    ///
    /// ```
    /// use regrant::dpop::ProofFault;
    /// let challenge = |fault: ProofFault| {
    ///     let code = if fault.wants_nonce() { "use_dpop_nonce" } else { "invalid_dpop_proof" };
    ///     format!(r#"DPoP error="{code}", algs="ES256 EdDSA""#)
    /// };
    /// assert!(challenge(ProofFault::NonceStale).contains("use_dpop_nonce"));
    /// assert!(challenge(ProofFault::Method).contains("invalid_dpop_proof"));
    /// ```
    pub const fn wants_nonce(self) -> bool {
        matches!(self, Self::NonceMissing | Self::NonceUnknown | Self::NonceStale)
    }
}
