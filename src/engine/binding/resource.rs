//! Proofs at a resource: RFC 9449 section 7, and certificates: RFC 8705 section 3.

use super::seen::Note;
use smallvec::SmallVec;

use super::{DpopEngine, Presented, UsedFor};
use crate::client::Clients;
use crate::engine::Engine;
use crate::engine::refusal::{Refusal, SenderRefusal};
use crate::engine::resource::{Access, Scheme};
use crate::engine::resources::Resource;
use crate::grant::{Confirmation, Timestamp};
use crate::proof::dpop::{ProofFault, Target};
use crate::store::TokenStore;
use crate::wire::{Header, Request, read_uri};

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Whether tokens may come by the scheme `DPoP`.
    pub(in crate::engine) const fn takes_proofs(&self) -> bool {
        self.dpop.is_some()
    }

    /// The algorithms that a challenge names; `None` where there are no proofs.
    pub(in crate::engine) fn proof_algorithms(&self) -> Option<&str> {
        self.dpop.as_ref().map(|dpop| dpop.algs.as_str())
    }

    /// Whether a resource refuses bearer tokens.
    pub(in crate::engine) fn demands_proofs(&self, guarded: Option<&Resource>) -> bool {
        self.dpop
            .as_ref()
            .is_some_and(|dpop| dpop.required_at_resources || guarded.is_some_and(Resource::requires_dpop))
    }

    /// Whether a token that is bound so may be used there at all, by whoever has its key.
    pub(in crate::engine) fn may_be_used_at(&self, bound_to: Option<Confirmation>, guarded: Option<&Resource>) -> bool {
        match bound_to {
            Some(Confirmation::Key(_)) => true,
            _ if self.demands_proofs(guarded) => false,
            Some(Confirmation::Certificate(_)) => true,
            // A token of before: under a profile none is anybody's who holds it.
            None => self.dpop.as_ref().is_none_or(|dpop| dpop.profile.is_none()),
        }
    }

    /// A nonce for the answer to a request that came with a proof, or by its scheme.
    pub(in crate::engine) fn nonce_for(
        &self,
        request: &Request<'_>,
        scheme: Scheme,
        now: Timestamp,
    ) -> Option<Box<str>> {
        let dpop = self.dpop.as_ref()?;
        let has_proof = scheme == Scheme::Dpop || request.dpop() != Header::Absent;
        has_proof.then(|| dpop.nonces.give(now).into())
    }

    /// All of a proof that is cheap to check, before the token is looked at.
    pub(in crate::engine) fn presented_at_resource<'r>(
        &self,
        request: &Request<'r>,
        scheme: Scheme,
        token: &str,
        guarded: Option<&Resource>,
        now: Timestamp,
    ) -> Result<Presented<'r>, SenderRefusal> {
        let target = || self.target_at_resource(guarded, request.url());
        self.presented_with(request, scheme, token, |_| target().into_iter().collect(), now)
    }

    /// The same at userinfo: whatever path this host sees, behind a proxy or a router that has cut it, clients know the URLs that the
    /// metadata publish.
    pub(in crate::engine) fn presented_at_userinfo<'r>(
        &self,
        request: &Request<'r>,
        scheme: Scheme,
        token: &str,
        now: Timestamp,
    ) -> Result<Presented<'r>, SenderRefusal> {
        let targets = |dpop: &DpopEngine| match &dpop.userinfo_targets[..] {
            [] => self.target_at_resource(None, request.url()).into_iter().collect(),
            published => SmallVec::from(published),
        };
        self.presented_with(request, scheme, token, targets, now)
    }

    fn presented_with<'r>(
        &self,
        request: &Request<'r>,
        scheme: Scheme,
        token: &str,
        targets: impl FnOnce(&DpopEngine) -> SmallVec<[Target; 1]>,
        now: Timestamp,
    ) -> Result<Presented<'r>, SenderRefusal> {
        let (Some(dpop), Scheme::Dpop) = (&self.dpop, scheme) else { return Ok(Presented::of(None, request, None)) };
        let mut proof = dpop.read(request)?.ok_or(ProofFault::Missing)?;
        dpop.check_at_resource(&mut proof, request.method(), &targets(dpop), now)?;
        proof.check_access_token(token)?;
        Ok(Presented::of(Some(proof), request, dpop.profile))
    }

    /// Where the request went. Of what the client wrote only the path is looked at, unless the host says the whole.
    fn target_at_resource(&self, guarded: Option<&Resource>, url: Option<&str>) -> Option<Target> {
        match (url, guarded.map(Resource::uri)) {
            (Some(path), base) if path.starts_with('/') => {
                let base = read_uri(base.or(self.issuer())?)?;
                Target::of(&format!("{}://{}{path}", base.scheme(), base.authority()?.as_str()))
            }
            (Some(url), _) => Target::of(url),
            (None, uri) => Target::of(uri?),
        }
    }

    /// Whether the request proves what a live access token is bound to.
    pub(in crate::engine) fn confirm(
        &self,
        access: &Access,
        scheme: Scheme,
        presented: &mut Presented<'_>,
        guarded: Option<&Resource>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        match (scheme, access.bound_to) {
            (Scheme::Bearer, Some(Confirmation::Key(_))) => Err(SenderRefusal::Downgrade.into()),
            (Scheme::Bearer, bound_to) if !self.may_be_used_at(bound_to, guarded) => Err(SenderRefusal::Unbound.into()),
            (Scheme::Bearer, None) => Ok(()),
            (Scheme::Bearer, Some(wanted)) => {
                let own = presented.certificate.as_deref().copied().map(Confirmation::Certificate);
                if own == Some(wanted) { Ok(()) } else { Err(SenderRefusal::Certificate.into()) }
            }
            (Scheme::Dpop, Some(wanted @ Confirmation::Key(_))) => {
                let key = presented.proof().map(|proof| Confirmation::Key(*proof.thumbprint().as_bytes()));
                if key != Some(wanted) {
                    return Err(SenderRefusal::AnotherKey.into());
                }
                presented.prove()?;
                let (Some(dpop), Some(proven)) = (&self.dpop, presented.proven()) else {
                    return Err(SenderRefusal::NoProof.into());
                };
                let skew = self.settings.clock_skew;
                match dpop.seen.of_grant(access.grant_id, proven, UsedFor::Once, skew, now) {
                    Note::First => Ok(()),
                    Note::Again(_) | Note::Elsewhere => Err(SenderRefusal::ProofReplayed.into()),
                    Note::Forgotten => Err(SenderRefusal::ProofForgotten.into()),
                }
            }
            (Scheme::Dpop, _) => Err(SenderRefusal::Unbound.into()),
        }
    }
}

impl Resource {
    /// Whether this resource refuses bearer tokens (`dpop_bound_access_tokens_required`, RFC 9728 section 2); with
    /// [`EngineBuilder::dpop`](crate::EngineBuilder::dpop). Default: false.
    ///
    /// ```
    /// let files = regrant::Resource::new("https://files.example").with_dpop_required(true);
    /// # let _ = files;
    /// ```
    pub fn with_dpop_required(self, required: bool) -> Self {
        Self { dpop_required: required, ..self }
    }

    pub(in crate::engine) const fn requires_dpop(&self) -> bool {
        self.dpop_required
    }
}
