//! Whom the host trusts, as it says it.

use std::fmt;
use std::time::Duration;

use super::{Issuer, IssuerKeys};
use crate::engine::builder::BuildError;
use crate::engine::host::{AssertionPolicy, DynAssertionPolicy};
use crate::fetch::FetchUrl;
use crate::proof::{AssertionProfile, ClientKeys, JwsAlgorithm, bare_type, may_type_grants};
use crate::wire::normal_form;

/// The longest that anything of an assertion may be set to.
const DAY: Duration = Duration::from_secs(86_400);

/// Which issuers' assertions are grants here, and who decides: see [`EngineBuilder::jwt_bearer`](crate::EngineBuilder::jwt_bearer).
#[must_use]
pub struct JwtBearer {
    pub(super) policy: Box<dyn DynAssertionPolicy>,
    pub(super) issuers: Vec<TrustedIssuer>,
}

impl JwtBearer {
    /// With the policy that says who somebody is here. At least one [issuer](Self::with_issuer) has to be trusted.
    pub fn new(policy: impl AssertionPolicy + 'static) -> Self {
        Self { policy: Box::new(policy), issuers: Vec::new() }
    }

    /// Trusts another issuer. One may be there twice, once for each [profile](TrustedIssuer::with_profile).
    ///
    /// ```
    /// use regrant::engine::{AssertionPolicy, JwtBearer, TrustedIssuer};
    /// use regrant::jwt::JwsAlgorithm;
    /// # struct Nobody;
    /// # impl AssertionPolicy for Nobody {}
    /// let bearer = JwtBearer::new(Nobody).with_issuer(TrustedIssuer::by_jwks_uri(
    ///     "https://idp.example",
    ///     [JwsAlgorithm::Es256],
    ///     "https://idp.example/jwks.json",
    /// ));
    /// # let _ = bearer;
    /// ```
    pub fn with_issuer(mut self, issuer: TrustedIssuer) -> Self {
        self.issuers.push(issuer);
        self
    }
}

impl fmt::Debug for JwtBearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtBearer").field("issuers", &self.issuers).finish_non_exhaustive()
    }
}

/// An issuer whose assertions are grants (RFC 7523 section 2.1), its keys, and how far it is trusted.
///
/// Whoever can sign in its name is whomever the [policy](crate::engine::AssertionPolicy) lets its subjects be, at every client that has
/// the grant type. So name the algorithms that it really uses, and no issuer that signs what others ask it to under the same keys and with
/// an audience of their choice.
///
/// ```
/// use std::time::Duration;
/// use regrant::client::ClientKeys;
/// use regrant::engine::{AssertionProfile, TrustedIssuer};
/// use regrant::jwt::JwsAlgorithm;
/// let keys = ClientKeys::from_json(
///     br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"one","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
/// )?;
/// // What a workload has of its platform: presented as often as it needs a token.
/// let platform = TrustedIssuer::by_keys("https://cluster.example", [JwsAlgorithm::Ed25519], keys)
///     .with_single_use(false)
///     .with_longest(Duration::from_secs(3_600));
/// // An identity provider, for single sign-on between applications.
/// let provider =
///     TrustedIssuer::by_jwks_uri("https://idp.example", [JwsAlgorithm::Es256], "https://idp.example/jwks.json")
///         .with_profile(AssertionProfile::IdJag);
/// # let _ = (platform, provider);
/// # Ok::<(), regrant::client::ClientKeysError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TrustedIssuer {
    name: String,
    keys: Keys,
    algorithms: Vec<JwsAlgorithm>,
    profile: AssertionProfile,
    typ: Option<String>,
    shared_audience: bool,
    single_use: bool,
    longest: Duration,
    longest_after: Duration,
}

#[derive(Clone, Debug)]
enum Keys {
    ByValue(ClientKeys),
    At(String),
}

impl TrustedIssuer {
    /// The issuer of this name, compared to the byte with the claim `iss`, which signs by these algorithms with these keys. It is never the
    /// engine's [own](crate::EngineBuilder::issuer) (ID-JAG section 9.3).
    pub fn by_keys(name: &str, algorithms: impl IntoIterator<Item = JwsAlgorithm>, keys: ClientKeys) -> Self {
        Self::new(name, algorithms, Keys::ByValue(keys))
    }

    /// The same with keys that are fetched from an https URL by the engine's [fetch](crate::EngineBuilder::fetch), kept as long as it says, and
    /// fetched anew, at most once a minute, where an assertion names a key that is not there.
    pub fn by_jwks_uri(name: &str, algorithms: impl IntoIterator<Item = JwsAlgorithm>, url: &str) -> Self {
        Self::new(name, algorithms, Keys::At(url.to_owned()))
    }

    fn new(name: &str, algorithms: impl IntoIterator<Item = JwsAlgorithm>, keys: Keys) -> Self {
        Self {
            name: name.to_owned(),
            keys,
            algorithms: algorithms.into_iter().collect(),
            profile: AssertionProfile::Jwt,
            typ: None,
            shared_audience: false,
            single_use: true,
            longest: Duration::from_secs(3_600),
            longest_after: Duration::from_secs(600),
        }
    }

    /// By what rules its assertions are grants, and no others. Default: [`AssertionProfile::Jwt`].
    pub fn with_profile(self, profile: AssertionProfile) -> Self {
        Self { profile, ..self }
    }

    /// The type (`typ`, RFC 7515 section 4.1.9) that its assertions have; no other is taken then, nor one without. Where it is not said they
    /// have none, or `JWT`, or `authorization-grant+jwt`. Say it where you can: it keeps other JWTs of the issuer's from being grants. Of
    /// an identity assertion it is fixed. A type that is that of something else cannot be said.
    pub fn with_typ(self, typ: &str) -> Self {
        Self { typ: Some(bare_type(typ).to_owned()), ..self }
    }

    /// Whether an assertion may be for others as well, an array of audiences. Each of them can present it here, if it is a client. Of an
    /// identity assertion it never may. Default: no, the audience is this server alone: its issuer or its token endpoint, a string or an array
    /// of one.
    pub fn with_shared_audience(self, shared: bool) -> Self {
        Self { shared_audience: shared, ..self }
    }

    /// Whether an assertion is used once, by its `jti` or, where it has none, by what was signed; the same request again is answered
    /// again within the client's [retry window](crate::client::ClientBuilder::retry_window). Default: yes. Turn it off for tokens that are
    /// presented many times, as those of Kubernetes and SPIFFE workloads are; then whoever finds one has what its client has, until it ends.
    ///
    /// With it the engine needs a [root secret](crate::EngineBuilder::root_secret), and writes one record for each assertion that expires with it.
    pub fn with_single_use(self, single_use: bool) -> Self {
        Self { single_use, ..self }
    }

    /// How far ahead an assertion may end, from a second to a day. Default: an hour.
    pub fn with_longest(self, longest: Duration) -> Self {
        Self { longest, ..self }
    }

    /// How long an access token may live after the end of the assertion that it was got by, at most a day (RFC 7521 section 4.1: not by "a
    /// significant period"), and ten seconds more, since clocks differ. It never lives longer than the client's [lifetimes](crate::EngineBuilder::lifetimes) say. Default: ten minutes.
    pub fn with_longest_after(self, longest: Duration) -> Self {
        Self { longest_after: longest, ..self }
    }

    /// As an engine has it that is not this issuer itself.
    pub(super) fn build(self, own: &str) -> Result<Issuer, BuildError> {
        let is_own = |name: &str| name.trim_end_matches('/') == own.trim_end_matches('/');
        if is_own(&self.name) || normal_form(&self.name).is_some_and(|form| normal_form(own).as_ref() == Some(&form)) {
            return Err(BuildError::OwnIssuer);
        }
        let is_fit = !self.name.is_empty()
            && !self.algorithms.is_empty()
            && (Duration::from_secs(1)..=DAY).contains(&self.longest)
            && self.longest_after <= DAY
            && self.typ.as_deref().is_none_or(|typ| may_type_grants(typ) && self.profile == AssertionProfile::Jwt);
        let keys = match self.keys {
            Keys::ByValue(keys) => IssuerKeys::ByValue(keys),
            Keys::At(url) if FetchUrl::parse(&url).is_ok() => IssuerKeys::At(url),
            Keys::At(_) => return Err(BuildError::TrustedIssuer),
        };
        if !is_fit {
            return Err(BuildError::TrustedIssuer);
        }
        let Self { name, algorithms, profile, typ, shared_audience, single_use, longest, longest_after, .. } = self;
        Ok(Issuer { name, profile, keys, algorithms, typ, shared_audience, single_use, longest, longest_after })
    }
}
