//! Grants that another server vouches for: RFC 7521 section 4.1, RFC 7523 section 2.1, and identity assertions (ID-JAG).
//!
//! The host names the issuers that it trusts, with their keys, and a policy that says who somebody of theirs is here. The assertion is read
//! in `proof/`, the request in `token_endpoint/assertion.rs`; this is what an engine has of both.

mod settings;

use std::time::Duration;

pub use settings::{JwtBearer, TrustedIssuer};

use super::builder::BuildError;
use super::host::{DynAssertionPolicy, Host};
use crate::client::JWT_BEARER;
use crate::proof::{AssertionProfile, ClientKeys, JwsAlgorithm};

/// What an engine has of it.
pub(super) struct JwtBearerEngine {
    pub(super) policy: Box<dyn DynAssertionPolicy>,
    issuers: Vec<Issuer>,
}

/// One whom the host trusts, for one kind of assertions.
pub(super) struct Issuer {
    /// The claim `iss`, to the byte.
    pub(super) name: String,
    pub(super) profile: AssertionProfile,
    pub(super) keys: IssuerKeys,
    pub(super) algorithms: Vec<JwsAlgorithm>,
    pub(super) typ: Option<String>,
    pub(super) shared_audience: bool,
    pub(super) single_use: bool,
    pub(super) longest: Duration,
    pub(super) longest_after: Duration,
}

/// Where the keys of an issuer are.
pub(super) enum IssuerKeys {
    ByValue(ClientKeys),
    At(String),
}

impl JwtBearerEngine {
    /// Where the host asks for it.
    pub(super) fn build(
        bearer: Option<Box<JwtBearer>>,
        own_issuer: Option<&str>,
        host: &Host,
        (has_root, has_fetch): (bool, bool),
    ) -> Result<Option<Box<Self>>, BuildError> {
        let Some(bearer) = bearer else { return Ok(None) };
        // The grant type is the engine's own then.
        if host.handler(JWT_BEARER.as_bytes()).is_some() {
            return Err(BuildError::GrantType);
        }
        let own_issuer = own_issuer.ok_or(BuildError::IssuerForAssertions)?;
        let JwtBearer { policy, issuers } = *bearer;
        let issuers = issuers.into_iter().map(|issuer| issuer.build(own_issuer)).collect::<Result<Vec<_>, _>>()?;
        if issuers.is_empty() || (1..issuers.len()).any(|at| issuers[..at].iter().any(|one| one.is_as(&issuers[at]))) {
            return Err(BuildError::TrustedIssuer);
        }
        if !has_root && issuers.iter().any(|issuer| issuer.single_use) {
            return Err(BuildError::RootSecretForAssertions);
        }
        if !has_fetch && issuers.iter().any(|issuer| matches!(issuer.keys, IssuerKeys::At(_))) {
            return Err(BuildError::FetchForIssuers);
        }
        Ok(Some(Box::new(Self { policy, issuers })))
    }

    /// The one of this name that is trusted for this kind of assertions.
    pub(super) fn issuer(&self, name: &str, profile: AssertionProfile) -> Option<&Issuer> {
        self.issuers.iter().find(|issuer| issuer.profile == profile && issuer.name == name)
    }

    /// The profiles that metadata name. They say nothing of who is trusted (ID-JAG section 9.4).
    pub(super) fn profiles(&self) -> Option<[&'static str; 1]> {
        let is_jag = |issuer: &Issuer| issuer.profile == AssertionProfile::IdJag;
        let identifier = AssertionProfile::IdJag.identifier().filter(|_| self.issuers.iter().any(is_jag));
        identifier.map(|identifier| [identifier])
    }
}

impl Issuer {
    fn is_as(&self, other: &Self) -> bool {
        self.name == other.name && self.profile == other.profile
    }
}
