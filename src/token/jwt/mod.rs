//! Signed tokens: access tokens as JWTs (RFC 9068), ID tokens (OpenID Connect Core section 2) and answers of the authorization endpoint (JARM).
//!
//! ```text
//! pkcs8     private keys as PEM, far enough to tell what key it is
//! backend   who computes: AWS-LC or Rust's own crates, through one table of functions
//! public    the public half: JWK and thumbprint
//! key       a private key; keys is the one that signs, those whose signatures are accepted, and how one follows another
//! compact   three parts and two dots (RFC 7515 section 3.1)
//! answer    answers of the authorization endpoint
//! access    access tokens; jti names the grant in them, act who acts for whom
//! id_token  ID tokens, and what a host adds to them; id_token_hint is how one comes back; logout_token says that a session has ended
//! ```

mod access;
mod act;
mod algorithm;
mod answer;
mod audience;
mod backend;
mod cnf;
mod compact;

mod half_hash;
mod id_claims;
mod id_token;
mod id_token_hint;
mod jti;
mod key;
mod key_error;
mod key_step;
mod keys;
#[cfg(feature = "root-secret")]
mod logout_token;
mod pkcs8;
mod public;
#[cfg(test)]
pub(super) mod tests;
#[cfg(feature = "proof")]
mod thumbprint;

pub(crate) use access::{AccessClaims, sign_access, verify_access};
pub(crate) use act::{Act, MayAct};
pub use algorithm::SigningAlgorithm;
pub(crate) use answer::sign_answer;
pub(crate) use audience::Audience;
#[cfg(feature = "proof")]
pub(crate) use backend::verify;
pub(crate) use cnf::Cnf;
#[cfg(feature = "proof")]
pub(crate) use compact::{decode, split};
pub(crate) use half_hash::half_hash;
pub use id_claims::{ClaimError, IdClaims};
pub(crate) use id_token::{IdToken, IdTokenKey, sign_id_token};
#[cfg(feature = "proof")]
pub(crate) use id_token_hint::is_hs256;
pub(crate) use id_token_hint::{IdTokenClaims, UnverifiedIdToken};
pub(crate) use jti::Jti;
pub use key::{GeneratedPem, SigningKey};
pub use key_error::SigningKeyError;
pub use key_step::SigningKeyStepError;
pub(crate) use keys::{Published, SigningKeys};
#[cfg(feature = "root-secret")]
pub(crate) use logout_token::{LogoutEvents, LogoutToken, sign_logout_token};
#[cfg(feature = "proof")]
pub(crate) use public::PublicKey;
#[cfg(feature = "proof")]
pub use thumbprint::{InvalidThumbprint, Thumbprint};
