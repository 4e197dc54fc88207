//! What strangers sign: proofs of possession (RFC 9449), assertions of clients and grants (RFC 7523), and signed requests (RFC 9101).
//! Pure: the time is passed in, and nothing is kept.
//!
//! ```text
//! json            objects whose members do not repeat
//! algorithm       what strangers may sign by
//! jwk             a stranger's public key; jwks: the keys of a client
//! jws             the compact form of strangers: its shape first, its signature when the rest holds
//! claims          what stands in one: texts, times, audiences
//! dpop/           proofs of possession, their nonces, and the check of a resource server
//! assertion       how a client says who it is by a key; request_object: what it asks for, signed
//! grant_assertion what another server says of somebody, as a grant
//! certificate/    client certificates (RFC 8705), with the feature `mtls`
//! ```

mod algorithm;
mod assertion;
#[cfg(feature = "mtls")]
mod certificate;
mod claims;
pub(crate) mod dpop;
mod grant_assertion;
mod json;
mod jwk;
mod jwks;
mod jws;
mod request_object;
#[cfg(test)]
mod tests;

pub use algorithm::JwsAlgorithm;
pub use assertion::{Assertion, AssertionFault, AssertionRules, ProvenAssertion};
#[cfg(feature = "mtls")]
pub use certificate::{CertificateChain, CertificateError, CertificateName, CertificateNameError, ClientCertificate};
pub use claims::ClaimFault;
pub use grant_assertion::{AssertionProfile, GrantAssertion, GrantAssertionFault, GrantAssertionRules};
pub(crate) use grant_assertion::{GrantTerms, may_type_grants};
pub use jwk::JwkFault;
pub use jwks::{ClientKey, ClientKeys, ClientKeysError};
pub use jws::JwsFault;
pub(crate) use jws::bare_type;
pub use request_object::{RequestObject, RequestObjectFault, RequestObjectRules};
