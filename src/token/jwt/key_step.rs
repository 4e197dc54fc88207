//! Why a signing key does not take its next step yet.

use crate::grant::Timestamp;

/// Why a signing key cannot take this step now. Nothing has changed.
///
/// ```
/// use regrant::Timestamp;
/// use regrant::jwt::SigningKeyStepError;
/// fn try_again_at(error: &SigningKeyStepError) -> Option<Timestamp> {
///     match *error {
///         SigningKeyStepError::TooEarly { at, .. } => Some(at),
///         _ => None,
///     }
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningKeyStepError {
    /// The engine was built without a signing key, so it signs nothing.
    #[error("the engine was built without a signing key")]
    NoSigningKeys,
    /// The key signs by an algorithm that the engine's profile forbids (FAPI 2.0 Security Profile section 5.4.1).
    #[error("the engine's profile forbids the algorithm of the key")]
    Algorithm,
    /// No key of this name is published.
    #[error("no key of this name is published")]
    NotPublished,
    /// The key signs: another has to sign before it is retired.
    #[error("the key signs, so another has to sign before it is retired")]
    Signing,
    /// Somebody may have a JWK set without the key yet, or a token that it signed.
    #[error("it is too early: a JWK set without the key, or a token that it signed, may be in use")]
    #[non_exhaustive]
    TooEarly {
        /// When it can be done, if nothing else happens.
        at: Timestamp,
    },
}
