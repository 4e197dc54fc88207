//! What another server says of a person or a workload, as a grant: RFC 7521 sections 4.1 and 5.2, RFC 7523 sections 2.1 and 3 with its
//! successor draft, and their profile for identity providers (draft-ietf-oauth-identity-assertion-authz-grant).

use std::time::Duration;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::claims::{ClaimFault, LEEWAY};
use super::jws::{Jws, JwsFault, bare_type};
use super::{ClientKeys, JwsAlgorithm};
use crate::grant::{Scope, Timestamp};
use crate::token::Thumbprint;

/// The longest one that is read; some say much of whom they are about.
const MAX_BYTES: usize = 16 * 1_024;

/// How long names of strangers may be, and the URIs of resources.
const MAX_NAME_BYTES: usize = 1_024;

/// How many resources one may name: as many as a grant keeps.
const MAX_RESOURCES: usize = 16;

/// The type of identity assertions (ID-JAG section 3.1).
const ID_JAG: &str = "oauth-id-jag+jwt";

/// The type that an early version of the successor draft gave the others.
const GRANT: &str = "authorization-grant+jwt";

/// Types of what is something else: none of them is ever a grant.
const OTHERS: [&str; 12] = [
    ID_JAG,
    "client-authentication+jwt",
    "oauth-client-attestation+jwt",
    "oauth-client-attestation-pop+jwt",
    "at+jwt",
    "dpop+jwt",
    "logout+jwt",
    "oauth-authz-req+jwt",
    "secevent+jwt",
    "token-introspection+jwt",
    "jwk-set+jwt",
    "entity-statement+jwt",
];

/// By what rules an assertion is a grant.
///
/// ```
/// use regrant::engine::AssertionProfile;
/// assert_eq!(AssertionProfile::IdJag.identifier(), Some("urn:ietf:params:oauth:grant-profile:id-jag"));
/// assert_eq!(AssertionProfile::Jwt.identifier(), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum AssertionProfile {
    /// RFC 7523 sections 2.1 and 3 alone: what a workload has of its platform, or another server says.
    Jwt,
    /// An identity assertion (draft-ietf-oauth-identity-assertion-authz-grant), the ID-JAG: what an identity provider says of a person
    /// for one client here.
    IdJag,
}

impl AssertionProfile {
    /// Its name in `authorization_grant_profiles_supported`, where it has one.
    pub const fn identifier(self) -> Option<&'static str> {
        match self {
            Self::Jwt => None,
            Self::IdJag => Some("urn:ietf:params:oauth:grant-profile:id-jag"),
        }
    }
}

/// Why an assertion is no grant. On the wire all are `invalid_grant` (RFC 7521 section 4.1.1). Says nothing of what was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GrantAssertionFault {
    /// Not a signed JWT of that type.
    #[error("a malformed assertion: {0}")]
    Jws(#[from] JwsFault),
    /// A claim that must be there is not, or is of another type.
    #[error("an assertion without a claim that it must have: {0}")]
    Claim(#[from] ClaimFault),
    /// Of no issuer that is trusted for assertions of this kind.
    #[error("an assertion of nobody who is trusted")]
    Issuer,
    /// Its issuer is its subject, as where a client says who it is itself (RFC 7523 section 3, item 2).
    #[error("an assertion of somebody about themselves")]
    Itself,
    /// Not for this issuer, or not for it alone (RFC 7523 section 3, item 3; ID-JAG section 4.4.1).
    #[error("an assertion for somebody else")]
    Audience,
    /// For another client than the one that sends it (ID-JAG section 4.4.1).
    #[error("an assertion for another client")]
    Client,
    /// It has expired.
    #[error("an assertion that has expired")]
    Expired,
    /// It is good for longer than is accepted of its issuer.
    #[error("an assertion that is good for too long")]
    TooLong,
    /// Made later than now, or not good yet.
    #[error("an assertion from the future")]
    Ahead,
    /// By another algorithm than those that its issuer is trusted with.
    #[error("an assertion by another algorithm than its issuer's")]
    Algorithm,
    /// None of the issuer's keys is the one that it names.
    #[error("an assertion by a key that its issuer does not have")]
    UnknownKey,
    /// The issuer did not sign it.
    #[error("an assertion that its issuer did not sign")]
    Signature,
    /// It limits what comes of it by `authorization_details` (RFC 9396), which this server does not know: what it cannot limit it does not grant.
    #[error("an assertion with authorization_details, which are not served")]
    Details,
    /// It is bound to something that nobody can prove here (RFC 7800 section 3.1).
    #[error("an assertion that is bound to what cannot be proven here")]
    Confirmation,
    /// It is bound to a key or a certificate that the request does not prove, or what it is for takes no bearer tokens (ID-JAG section
    /// 9.6.1).
    #[error("no proof of the key that an assertion is bound to, or of any where one is needed")]
    Unproven,
    /// It was presented before, for something else or too long ago (RFC 7523 section 3, item 7).
    #[error("an assertion that was used before")]
    Used,
}

/// What an assertion must say.
#[derive(Clone, Copy)]
pub struct GrantAssertionRules<'a> {
    /// Who sends it.
    pub(crate) client_id: &'a str,
    /// The audience.
    pub(crate) issuer: &'a str,
    /// What may stand for it: the token endpoint, by each of its URLs. Of an identity assertion nothing may.
    pub(crate) endpoints: &'a [String],
    /// Whether it may be for others as well.
    pub(crate) shared: bool,
    /// The type, where its issuer has one of its own.
    pub(crate) typ: Option<&'a str>,
    /// By what it may be signed.
    pub(crate) algorithms: &'a [JwsAlgorithm],
    /// How far ahead the end may be.
    pub(crate) longest: Duration,
}

impl<'a> GrantAssertionRules<'a> {
    /// For this client and issuer alone, by any algorithm, for an hour at most.
    pub const fn new(client_id: &'a str, issuer: &'a str) -> Self {
        let (algorithms, longest) = (&JwsAlgorithm::ALL, Duration::from_secs(3_600));
        Self { client_id, issuer, endpoints: &[], shared: false, typ: None, algorithms, longest }
    }
}

/// An assertion that was read: well-formed, and nothing more.
pub struct GrantAssertion<'a> {
    jws: Jws<'a>,
    profile: AssertionProfile,
}

/// What an assertion limits what comes of it to.
pub struct GrantTerms {
    /// No more than this, where it says so.
    pub(crate) scope: Option<Scope>,
    /// For these alone, where it says so.
    pub(crate) resources: Option<Vec<String>>,
    /// For whoever proves this key.
    pub(crate) key: Option<Thumbprint>,
    /// For whoever shows this certificate.
    pub(crate) certificate: Option<Thumbprint>,
    /// When it was made, if it says so.
    pub(crate) issued_at: Option<Timestamp>,
    /// When it ends.
    pub(crate) expires_at: Timestamp,
}

impl GrantTerms {
    /// From then on it is refused here: how long a marker of it lasts.
    pub(crate) fn acceptable_until(&self) -> Timestamp {
        self.expires_at + LEEWAY
    }
}

impl<'a> GrantAssertion<'a> {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`GrantAssertionFault`].
    pub fn read(text: &'a [u8]) -> Result<Self, GrantAssertionFault> {
        let jws = Jws::read(text, MAX_BYTES)?;
        jws.algorithm()?;
        name(jws.claims.required("iss")?)?;
        name(jws.claims.required("sub")?)?;
        let profile = if jws.is_typed(ID_JAG) { AssertionProfile::IdJag } else { AssertionProfile::Jwt };
        Ok(Self { jws, profile })
    }

    /// Of what kind it says it is.
    pub const fn profile(&self) -> AssertionProfile {
        self.profile
    }

    /// Who says that they made it: to look up whether they are trusted.
    pub fn issuer(&self) -> &str {
        self.text("iss").unwrap_or_default()
    }

    /// Whom it is about, by the name that its issuer has for them.
    pub fn subject(&self) -> &str {
        self.text("sub").unwrap_or_default()
    }

    /// When its issuer last saw the person log in, where it says so (OpenID Connect Core section 2).
    pub fn authenticated_at(&self) -> Option<Timestamp> {
        self.jws.claims.time("auth_time").ok().flatten()
    }

    /// What it says it is signed by.
    pub fn algorithm(&self) -> Option<JwsAlgorithm> {
        self.jws.algorithm().ok()
    }

    /// A claim that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.jws.claims.text(name).ok().flatten()
    }

    /// A claim, whatever it is.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.jws.claims.0.get(name)
    }

    /// What its claims say, which is cheaper than the signature.
    ///
    /// # Errors
    ///
    /// [`GrantAssertionFault`].
    pub fn check(&self, rules: &GrantAssertionRules<'_>, now: Timestamp) -> Result<GrantTerms, GrantAssertionFault> {
        let claims = &self.jws.claims;
        let is_jag = self.profile == AssertionProfile::IdJag;
        // RFC 8725 section 3.11: what says that it is something else is not looked at any further.
        match rules.typ {
            _ if is_jag => {}
            Some(typ) if self.jws.is_typed(typ) => {}
            Some(_) => return Err(JwsFault::Type.into()),
            None => self.jws.may_be(GRANT)?,
        }
        // A client's own assertion says this, typed or not, and went to whomever it authenticated to.
        if self.issuer() == self.subject() {
            return Err(GrantAssertionFault::Itself);
        }
        let algorithm = self.jws.algorithm()?;
        if !rules.algorithms.iter().any(|allowed| allowed.is(algorithm)) {
            return Err(GrantAssertionFault::Algorithm);
        }
        let is_for = |name: &str| {
            if rules.shared && !is_jag { claims.is_for(name) } else { claims.is_only_for(name, true) }
        };
        if !is_for(rules.issuer) && (is_jag || !rules.endpoints.iter().any(|endpoint| is_for(endpoint))) {
            return Err(GrantAssertionFault::Audience);
        }
        let (issued_at, jti) = (claims.time("iat")?, claims.text("jti")?.map(|_| claims.jti()).transpose()?);
        if is_jag {
            if claims.required("client_id")? != rules.client_id {
                return Err(GrantAssertionFault::Client);
            }
            issued_at.ok_or(ClaimFault::Missing)?;
            jti.ok_or(ClaimFault::Missing)?;
        }
        let expires_at = claims.time("exp")?.ok_or(ClaimFault::Missing)?;
        if now >= expires_at + LEEWAY {
            return Err(GrantAssertionFault::Expired);
        }
        if expires_at > now + rules.longest + LEEWAY {
            return Err(GrantAssertionFault::TooLong);
        }
        if !claims.has_begun(now)? {
            return Err(GrantAssertionFault::Ahead);
        }
        // What decides whom it is about must be what it seems to be.
        claims.text("tenant")?.map_or(Ok(()), name)?;
        let scope = match claims.text("scope")? {
            None => None,
            Some(text) => Some(Scope::parse(text).map_err(|_| ClaimFault::Type)?),
        };
        match self.claim("authorization_details") {
            None => {}
            Some(Value::Array(details)) if details.is_empty() => {}
            Some(_) => return Err(GrantAssertionFault::Details),
        }
        let [key, certificate] = self.confirmations()?;
        Ok(GrantTerms { scope, resources: self.resources()?, key, certificate, issued_at, expires_at })
    }

    /// One URI, or a list of them (ID-JAG section 3.1).
    fn resources(&self) -> Result<Option<Vec<String>>, GrantAssertionFault> {
        let items = match self.claim("resource") {
            None => return Ok(None),
            Some(one @ Value::String(_)) => std::slice::from_ref(one),
            Some(Value::Array(several)) if (1..=MAX_RESOURCES).contains(&several.len()) => several,
            Some(_) => return Err(ClaimFault::Type.into()),
        };
        let text = |item: &Value| {
            let text = item.as_str().ok_or(ClaimFault::Type)?;
            name(text).map(|()| text.to_owned())
        };
        Ok(Some(items.iter().map(text).collect::<Result<_, ClaimFault>>()?))
    }

    /// The key and the certificate that it is bound to. Of members that nobody understands some may be passed over, but not all: what is
    /// bound must never be taken for what is not (RFC 7800 section 3.1).
    fn confirmations(&self) -> Result<[Option<Thumbprint>; 2], GrantAssertionFault> {
        let cnf = match self.claim("cnf") {
            None => return Ok([None, None]),
            Some(Value::Object(cnf)) => cnf,
            Some(_) => return Err(GrantAssertionFault::Confirmation),
        };
        let thumbprint = |name: &str| match cnf.get(name) {
            None => Ok(None),
            Some(value) => {
                let text = value.as_str().ok_or(GrantAssertionFault::Confirmation)?;
                text.parse().map(Some).map_err(|_| GrantAssertionFault::Confirmation)
            }
        };
        let confirmations = [thumbprint("jkt")?, thumbprint("x5t#S256")?];
        if confirmations == [None, None] { Err(GrantAssertionFault::Confirmation) } else { Ok(confirmations) }
    }

    /// Whether its key is among these: of its `kid`, or where it has none, the one that signed it. If not, a newer set may have it.
    pub fn knows_key(&self, keys: &ClientKeys) -> bool {
        keys.know(&self.jws)
    }

    /// That one of its issuer's keys signed it.
    ///
    /// # Errors
    ///
    /// [`GrantAssertionFault`].
    pub fn verify(&self, keys: &ClientKeys) -> Result<(), GrantAssertionFault> {
        let algorithm = self.jws.algorithm()?;
        let mut candidates = keys.candidates(algorithm, self.jws.kid()).peekable();
        if candidates.peek().is_none() {
            return Err(GrantAssertionFault::UnknownKey);
        }
        let is_signed = candidates.any(|key| self.jws.is_signed_by(key.public()));
        is_signed.then_some(()).ok_or(GrantAssertionFault::Signature)
    }

    /// What tells it from the others of its issuer: its `jti`, else a digest of what was signed. Not of the signature: of one by ECDSA
    /// anybody makes another that holds as well.
    pub fn name(&self) -> Vec<u8> {
        match self.text("jti") {
            Some(jti) => [b"j", jti.as_bytes()].concat(),
            None => [&b"d"[..], &Sha256::digest(self.jws.message())[..]].concat(),
        }
    }
}

/// Whether this can be the type of grants: it is that of nothing else.
pub(crate) fn may_type_grants(typ: &str) -> bool {
    let typ = bare_type(typ);
    !typ.is_empty() && !OTHERS.iter().any(|other| typ.eq_ignore_ascii_case(other))
}

/// A name that a stranger made up, or a URI: of a length that others can keep, and without control characters.
fn name(text: &str) -> Result<(), ClaimFault> {
    let is_one = (1..=MAX_NAME_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    is_one.then_some(()).ok_or(ClaimFault::Type)
}
