//! Minting and checking tokens. Tokens are computed from the record and a key; none is ever stored.

mod access;
mod fingerprint;
mod grant_token;
#[cfg(feature = "jwt")]
mod jwt;
mod key;
mod text;

pub(crate) use access::{ACCESS_TEXT_LEN, AccessToken, mint_access, mint_access_bound, mint_access_for};
pub use fingerprint::KeyFingerprint;
#[cfg(feature = "root-secret")]
pub(crate) use grant_token::mint_device;
pub(crate) use grant_token::{GRANT_TEXT_LEN, GrantToken, mint_code, mint_refresh, mint_refresh_into};
#[cfg(all(test, feature = "proof"))]
pub(crate) use jwt::tests::pem as test_keys;
#[cfg(feature = "jwt")]
pub(crate) use jwt::{
    AccessClaims, Act, Audience, Cnf, IdToken, IdTokenClaims, IdTokenKey, Jti, MayAct, Published, SigningKeys,
    UnverifiedIdToken, half_hash, sign_access, sign_answer, sign_id_token, verify_access,
};
#[cfg(feature = "jwt")]
pub use jwt::{ClaimError, GeneratedPem, IdClaims, SigningAlgorithm, SigningKey, SigningKeyError, SigningKeyStepError};
#[cfg(feature = "proof")]
pub use jwt::{InvalidThumbprint, Thumbprint};
#[cfg(all(feature = "jwt", feature = "root-secret"))]
pub(crate) use jwt::{LogoutEvents, LogoutToken, sign_logout_token};
#[cfg(feature = "proof")]
pub(crate) use jwt::{PublicKey, decode, is_hs256, split, verify};
pub use key::Key;
pub(crate) use key::{KeyRing, TokenKind};
#[cfg(feature = "proof")]
pub(crate) use text::encode_exact;
pub(crate) use text::{base64url, decode_exact};
