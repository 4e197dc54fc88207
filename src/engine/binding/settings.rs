//! What a host says of proofs of possession, and what an engine has of them.

use std::sync::Arc;

use smol_str::SmolStr;

use super::seen::Seen;
use crate::engine::builder::error::BuildError;
use crate::engine::profile::Profile;
use crate::grant::Timestamp;
use crate::proof::JwsAlgorithm;
use crate::proof::dpop::{Nonces, Target};
use crate::secret::root::RootSecret;

/// Proofs of possession (RFC 9449): a client that sends one with its token request gets an access token that is bound to its key.
/// Given to [`EngineBuilder::dpop`](crate::EngineBuilder::dpop).
///
/// ```
/// use regrant::engine::Dpop;
/// use regrant::jwt::JwsAlgorithm;
/// use regrant::{Endpoints, Engine, MemoryStore, RootSecret, StaticClients};
///
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
///     .issuer("https://id.example")
///     .endpoints(Endpoints::new().with_token("/token"))
///     .root_secret(RootSecret::generate(1))
///     .dpop(Dpop::new().with_algorithms([JwsAlgorithm::Es256, JwsAlgorithm::Ed25519]))
///     .build()?;
/// # Ok::<(), regrant::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Dpop {
    algorithms: Vec<JwsAlgorithm>,
    resource_nonces: bool,
    required_at_resources: bool,
    markers: bool,
}

impl Default for Dpop {
    fn default() -> Self {
        Self::new()
    }
}

impl Dpop {
    /// All algorithms, and nonces everywhere.
    pub fn new() -> Self {
        Self {
            algorithms: JwsAlgorithm::ALL.to_vec(),
            resource_nonces: true,
            required_at_resources: false,
            markers: false,
        }
    }

    /// Accepts these algorithms alone; metadata and challenges name them.
    ///
    /// ```
    /// use regrant::engine::Dpop;
    /// use regrant::jwt::JwsAlgorithm;
    /// let dpop = Dpop::new().with_algorithms([JwsAlgorithm::Es256]);
    /// # let _ = dpop;
    /// ```
    pub fn with_algorithms(self, algorithms: impl IntoIterator<Item = JwsAlgorithm>) -> Self {
        Self { algorithms: algorithms.into_iter().collect(), ..self }
    }

    /// Whether a resource demands a nonce (section 9); the token endpoint always does. Without, a proof counts that was made up to 60
    /// seconds ago by the client's clock, or up to 10 ahead. Default: true.
    ///
    /// ```
    /// let dpop = regrant::engine::Dpop::new().with_resource_nonces(false);
    /// # let _ = dpop;
    /// ```
    pub fn with_resource_nonces(self, demanded: bool) -> Self {
        Self { resource_nonces: demanded, ..self }
    }

    /// Whether every resource refuses bearer tokens. Default: false, and each may
    /// [say so itself](crate::Resource::with_dpop_required).
    ///
    /// ```
    /// let dpop = regrant::engine::Dpop::new().with_required_at_resources(true);
    /// # let _ = dpop;
    /// ```
    pub fn with_required_at_resources(self, required: bool) -> Self {
        Self { required_at_resources: required, ..self }
    }

    /// Whether the token endpoint keeps a record for each proof in the store, for some minutes, so that a proof is used once over all
    /// nodes (section 11.1). Default: false. Then each node knows what it has seen itself, in memory; a code and a refresh token are
    /// single steps in any case. A proof at a resource is known to its node alone.
    ///
    /// It costs one insert for each token request with a proof.
    ///
    /// ```
    /// let dpop = regrant::engine::Dpop::new().with_markers(true);
    /// # let _ = dpop;
    /// ```
    pub fn with_markers(self, kept: bool) -> Self {
        Self { markers: kept, ..self }
    }

    pub(in crate::engine) fn algorithms(&self) -> impl Iterator<Item = JwsAlgorithm> {
        self.algorithms.iter().copied()
    }

    pub(in crate::engine) const fn demands_resource_nonces(&self) -> bool {
        self.resource_nonces
    }

    pub(in crate::engine) fn build(
        self,
        root: Option<&RootSecret>,
        old: Option<(&RootSecret, Timestamp)>,
        realm: Option<&str>,
        [token, push, device, userinfo]: [Vec<String>; 4],
        profile: Option<Profile>,
    ) -> Result<DpopEngine, BuildError> {
        let root = root.ok_or(BuildError::NonceRootRequired)?;
        if self.algorithms.is_empty() {
            return Err(BuildError::ProofAlgorithms);
        }
        let nonces = Nonces::new(root, realm);
        let nonces = match old {
            Some((old, not_after)) => nonces.with_accepted_until(old, realm, not_after),
            None => nonces,
        };
        let read = |urls: Vec<String>| urls.iter().filter_map(|url| Target::of(url)).collect::<Vec<_>>();
        let (targets, push_targets, device_targets) = (read(token), read(push), read(device));
        let userinfo_targets = read(userinfo);
        if targets.is_empty() {
            return Err(BuildError::ProofTarget);
        }
        let names: Vec<&str> = self.algorithms.iter().map(|algorithm| algorithm.as_str()).collect();
        Ok(DpopEngine {
            algs: names.join(" ").into(),
            algorithms: self.algorithms,
            nonces,
            targets,
            push_targets,
            userinfo_targets,
            device_targets,
            resource_nonces: self.resource_nonces,
            required_at_resources: self.required_at_resources,
            markers: self.markers,
            profile,
            seen: Arc::new(Seen::default()),
        })
    }
}

/// What an engine has of them.
pub(in crate::engine) struct DpopEngine {
    pub(super) algorithms: Vec<JwsAlgorithm>,
    /// Their names, as a challenge has them (section 7.1).
    pub(in crate::engine) algs: SmolStr,
    pub(in crate::engine) nonces: Nonces,
    /// The URLs that the metadata publish for the token endpoint.
    pub(super) targets: Vec<Target>,
    /// And for the one that requests are pushed to.
    pub(super) push_targets: Vec<Target>,
    /// Where userinfo is published, if it is.
    pub(super) userinfo_targets: Vec<Target>,
    /// The same of the endpoint where devices begin.
    pub(super) device_targets: Vec<Target>,
    pub(super) resource_nonces: bool,
    pub(super) required_at_resources: bool,
    pub(super) markers: bool,
    pub(super) profile: Option<Profile>,
    pub(super) seen: Arc<Seen>,
}

impl DpopEngine {
    /// Takes over what the engine before has seen: what was used there is used.
    pub(in crate::engine) fn inherit(&mut self, before: &Self) {
        self.seen = Arc::clone(&before.seen);
    }

    /// For the metadata.
    pub(in crate::engine) fn algorithm_names(&self) -> impl Iterator<Item = &'static str> {
        self.algorithms.iter().map(|algorithm| algorithm.as_str())
    }
}
