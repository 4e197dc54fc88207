//! How a client says who it is by a key, or by the MAC of its secret: `private_key_jwt` and `client_secret_jwt` (RFC 7523 section
//! 2.2 and 3, its successor draft, OpenID Connect Core section 9).

use std::time::Duration;

use super::claims::{ClaimFault, LEEWAY};
use super::jws::{Jws, JwsFault, Signed};
use super::{ClientKey, ClientKeys, JwsAlgorithm};
use crate::grant::Timestamp;

/// The longest assertion that is read; some bring their certificates along.
const MAX_BYTES: usize = 16 * 1_024;

/// The shortest secret that a MAC is believed under (RFC 7518 section 3.2).
const MIN_SECRET_BYTES: usize = 32;

/// Why an assertion of a client is refused. On the wire all are `invalid_client`. Says nothing of what was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssertionFault {
    /// Not a signed JWT of that type.
    #[error("a malformed assertion: {0}")]
    Jws(#[from] JwsFault),
    /// A claim that must be there is not, or is of another type.
    #[error("an assertion without a claim that it must have: {0}")]
    Claim(#[from] ClaimFault),
    /// `iss` and `sub` are not both the client (RFC 7523 section 3, items 1 and 2).
    #[error("an assertion about somebody else")]
    Subject,
    /// Not for this issuer, or not for it alone (item 3, and section 4 of the successor draft).
    #[error("an assertion for somebody else")]
    Audience,
    /// It has expired (item 4).
    #[error("an assertion that has expired")]
    Expired,
    /// It is good for longer than is accepted.
    #[error("an assertion that is good for too long")]
    TooLong,
    /// Made later than now, or not good yet (items 5 and 6).
    #[error("an assertion from the future")]
    Ahead,
    /// By another algorithm than the one that the client registered.
    #[error("an assertion by another algorithm than the client's")]
    Algorithm,
    /// None of the client's keys is the one that it names.
    #[error("an assertion by a key that the client does not have")]
    UnknownKey,
    /// Neither of the client's keys, nor its secret, signed it.
    #[error("an assertion that the client did not sign")]
    Signature,
}

/// What an assertion must say.
#[derive(Clone, Copy)]
pub struct AssertionRules<'a> {
    pub(crate) client_id: &'a str,
    /// The audience.
    pub(crate) issuer: &'a str,
    /// What may stand for it, where the client has that switch: URLs of endpoints (RFC 7523 section 3, item 3; RFC 9126 section 2), which
    /// another server may have told the client to be its own.
    pub(crate) endpoints: &'a [String],
    /// Whether an array of the one audience is as good as a string; the FAPI 2.0 Security Profile says no (section 5.3.2.1).
    pub(crate) audience_array: bool,
    /// Whether it has to say when it was made (atproto, "Confidential Client Authentication").
    pub(crate) issued_at: bool,
    /// How far ahead the end may be.
    pub(crate) longest: Duration,
}

impl<'a> AssertionRules<'a> {
    /// How far ahead the end may be where it is used once: as long as somebody has to remember it.
    pub const LONGEST: Duration = Duration::from_secs(3_600);

    /// The same where nobody remembers it: introspection and revocation.
    pub const LONGEST_UNREMEMBERED: Duration = Duration::from_secs(300);

    /// For this client and issuer; a string alone names it, and the end is an hour ahead at most.
    pub const fn new(client_id: &'a str, issuer: &'a str) -> Self {
        Self { client_id, issuer, endpoints: &[], audience_array: false, issued_at: false, longest: Self::LONGEST }
    }
}

/// An assertion that was read: well-formed, and nothing more.
pub struct Assertion<'a>(Jws<'a>);

impl<'a> Assertion<'a> {
    /// Reads it, and sees that it is no other kind of JWT.
    ///
    /// # Errors
    ///
    /// [`AssertionFault`].
    pub fn read(text: &'a [u8]) -> Result<Self, AssertionFault> {
        let jws = Jws::read(text, MAX_BYTES)?;
        jws.may_be("client-authentication+jwt")?;
        jws.claims.required("sub")?;
        Ok(Self(jws))
    }

    /// The client that it says it is of: to look that one up.
    pub fn client_id(&self) -> &str {
        self.0.claims.text("sub").ok().flatten().unwrap_or_default()
    }

    /// What it says it is signed by; `None` for the client's secret.
    pub fn algorithm(&self) -> Option<JwsAlgorithm> {
        self.0.algorithm().ok()
    }

    /// What its claims say, which is cheaper than the signature.
    ///
    /// # Errors
    ///
    /// [`AssertionFault`].
    pub fn check(&self, rules: &AssertionRules<'_>, now: Timestamp) -> Result<(), AssertionFault> {
        let claims = &self.0.claims;
        if claims.required("iss")? != rules.client_id || claims.required("sub")? != rules.client_id {
            return Err(AssertionFault::Subject);
        }
        let is_for = |name: &str| claims.is_only_for(name, rules.audience_array);
        if !is_for(rules.issuer) && !rules.endpoints.iter().any(|endpoint| is_for(endpoint)) {
            return Err(AssertionFault::Audience);
        }
        claims.jti()?;
        if rules.issued_at && claims.time("iat")?.is_none() {
            return Err(ClaimFault::Missing.into());
        }
        let ends = claims.time("exp")?.ok_or(ClaimFault::Missing)?;
        if now >= ends + LEEWAY {
            return Err(AssertionFault::Expired);
        }
        // The other clock may be behind, and then the end is further away here by as much.
        if ends > now + rules.longest + LEEWAY {
            return Err(AssertionFault::TooLong);
        }
        if claims.has_begun(now)? { Ok(()) } else { Err(AssertionFault::Ahead) }
    }

    /// Whether its key is among these: of its `kid`, or where it has none, the one that signed it. If not, a newer set may have it.
    pub fn knows_key(&self, keys: &ClientKeys) -> bool {
        keys.know(&self.0)
    }

    /// That one of the client's keys signed it, by the algorithm that the client registered, if it has.
    ///
    /// # Errors
    ///
    /// [`AssertionFault`].
    pub fn verify(
        &self,
        keys: &ClientKeys,
        registered: Option<JwsAlgorithm>,
    ) -> Result<ProvenAssertion, AssertionFault> {
        let algorithm = self.0.algorithm()?;
        if registered.is_some_and(|registered| !registered.is(algorithm)) {
            return Err(AssertionFault::Algorithm);
        }
        let mut tried = false;
        for key in keys.candidates(algorithm, self.0.kid()) {
            if self.0.is_signed_by(key.public()) {
                return self.proven(Some(key.clone()));
            }
            tried = true;
        }
        Err(if tried { AssertionFault::Signature } else { AssertionFault::UnknownKey })
    }

    /// That the client's secret signed it: `client_secret_jwt`.
    ///
    /// # Errors
    ///
    /// [`AssertionFault`].
    pub fn verify_secret(&self, secret: &[u8]) -> Result<ProvenAssertion, AssertionFault> {
        if self.0.signed() != Signed::BySecret {
            return Err(AssertionFault::Algorithm);
        }
        let is_signed = secret.len() >= MIN_SECRET_BYTES && self.0.is_signed_by_secret(secret);
        if is_signed { self.proven(None) } else { Err(AssertionFault::Signature) }
    }

    fn proven(&self, key: Option<ClientKey>) -> Result<ProvenAssertion, AssertionFault> {
        let claims = &self.0.claims;
        let expires_at = claims.time("exp")?.ok_or(ClaimFault::Missing)?;
        let jti = claims.jti()?.to_owned();
        Ok(ProvenAssertion { jti, acceptable_until: expires_at + LEEWAY, key, algorithm: self.algorithm() })
    }
}

/// What is left of an assertion when it is proven.
#[derive(Clone)]
pub struct ProvenAssertion {
    jti: String,
    acceptable_until: Timestamp,
    key: Option<ClientKey>,
    algorithm: Option<JwsAlgorithm>,
}

impl ProvenAssertion {
    /// What tells it from the others of the client.
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// From then on it is refused here, and on another node by as much later as its clock is behind: how long a marker of it lasts.
    pub const fn acceptable_until(&self) -> Timestamp {
        self.acceptable_until
    }

    /// The key that signed it; `None` where it was the secret.
    pub const fn key(&self) -> Option<&ClientKey> {
        self.key.as_ref()
    }

    /// What that key signed it by.
    pub const fn algorithm(&self) -> Option<JwsAlgorithm> {
        self.algorithm
    }
}
