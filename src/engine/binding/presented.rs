//! What came with a request: a proof, read and not yet believed, and a certificate.

use super::DpopEngine;
use crate::client::{Client, Clients};
use crate::engine::Engine;
use crate::engine::client_auth::Authenticated;
use crate::engine::head::Desk;
use crate::engine::profile::Profile;
use crate::engine::refusal::{AuthorizationRefusal, Refusal, SenderRefusal};
use crate::grant::{Confirmation, Grant, Sender, Timestamp};
use crate::proof::dpop::{Proof, ProofFault, Proven, Target};
use crate::store::TokenStore;
use crate::token::Thumbprint;
use crate::wire::{Header, Request, Response};

/// What a request shows of its sender. Of a request that shows nothing it is two empty words.
#[derive(Default)]
pub(in crate::engine) struct Presented<'r> {
    shown: Option<Box<Shown<'r>>>,
    pub(super) certificate: Option<Box<[u8; 32]>>,
    /// The engine's.
    profile: Option<Profile>,
}

/// Boxed: requests without a proof must not be larger for it.
struct Shown<'r> {
    /// Until its signature is checked, once.
    proof: Option<Proof<'r>>,
    proven: Option<Proven>,
    noted: bool,
    /// When the same came first, if it did before this request.
    used_at: Option<Timestamp>,
    spent: bool,
}

impl<'r> Shown<'r> {
    fn boxed(proof: Proof<'r>) -> Box<Self> {
        Box::new(Self { proof: Some(proof), proven: None, noted: false, used_at: None, spent: false })
    }
}

impl<'r> Presented<'r> {
    pub(super) fn of(proof: Option<Proof<'r>>, request: &Request<'_>, profile: Option<Profile>) -> Self {
        Self { shown: proof.map(Shown::boxed), certificate: certificate_of(request).map(Box::new), profile }
    }

    /// Whether it shows nothing, as most requests do.
    pub(in crate::engine) const fn is_bare(&self) -> bool {
        self.shown.is_none() && self.certificate.is_none()
    }

    pub(super) const fn has_proof(&self) -> bool {
        self.shown.is_some()
    }

    pub(in crate::engine) const fn has_certificate(&self) -> bool {
        self.certificate.is_some()
    }

    pub(in crate::engine) fn proof(&self) -> Option<&Proof<'r>> {
        self.shown.as_deref().and_then(|shown| shown.proof.as_ref())
    }

    /// Whether it proves what an assertion is bound to: a key, a certificate, or both. After
    /// [`check_signature`](Self::check_signature).
    pub(in crate::engine) fn proves(&self, key: Option<&Thumbprint>, certificate: Option<&Thumbprint>) -> bool {
        let own_key = self.proven().map(Proven::thumbprint);
        let own_certificate = self.certificate.as_deref().copied().map(Thumbprint::from_bytes);
        let holds = |wanted: Option<&Thumbprint>, own: Option<&Thumbprint>| {
            wanted.is_none_or(|wanted| own.is_some_and(|own| own.is(wanted)))
        };
        holds(key, own_key) && holds(certificate, own_certificate.as_ref())
    }

    /// Checks the signature, the first time. What it proves, if there is a proof.
    pub(super) fn prove(&mut self) -> Result<Option<&Proven>, SenderRefusal> {
        let Some(shown) = &mut self.shown else { return Ok(None) };
        if let Some(proof) = shown.proof.take() {
            shown.proven = Some(proof.verify_signature()?);
        }
        match &shown.proven {
            Some(proven) => Ok(Some(proven)),
            // It was wrong the first time.
            None => Err(ProofFault::Signature.into()),
        }
    }

    pub(super) fn proven(&self) -> Option<&Proven> {
        self.shown.as_deref().and_then(|shown| shown.proven.as_ref())
    }

    pub(super) fn key(&self) -> Option<Confirmation> {
        self.proven().map(|proven| Confirmation::Key(*proven.thumbprint().as_bytes()))
    }

    /// Whether this request has looked it up among those that were used.
    pub(super) fn is_noted(&self) -> bool {
        self.shown.as_deref().is_some_and(|shown| shown.noted)
    }

    pub(super) fn note(&mut self, used_at: Option<Timestamp>) {
        if let Some(shown) = &mut self.shown {
            (shown.noted, shown.used_at) = (true, shown.used_at.into_iter().chain(used_at).min());
        }
    }

    /// Whether a marker has been written for it by this request.
    pub(super) fn is_spent(&self) -> bool {
        self.shown.as_deref().is_none_or(|shown| shown.spent)
    }

    pub(super) fn spend(&mut self) {
        if let Some(shown) = &mut self.shown {
            shown.spent = true;
        }
    }

    /// Whether the same proof came before with the same token: it is then no sign that the key is at hand now.
    pub(in crate::engine) fn was_used(&self) -> bool {
        self.used_at().is_some()
    }

    /// When it came first, if it was used before.
    pub(in crate::engine) fn used_at(&self) -> Option<Timestamp> {
        self.shown.as_deref().and_then(|shown| shown.used_at)
    }

    /// What an access token is bound to that this request gets: the key of its proof, else the certificate where the client or
    /// the grant wants one.
    pub(in crate::engine) fn bound_to(&self, client: &Client, grant: &Grant) -> Option<Confirmation> {
        if self.shown.is_none() && self.certificate.is_none() {
            return None;
        }
        // Under FAPI 2.0 no token is unbound, so the certificate counts where there is no proof.
        let of_certificate = client.has_certificate_bound_tokens()
            || self.profile == Some(Profile::Fapi2Security)
            || matches!(grant.sender(), Some(Sender::AnyCertificate | Sender::Is(Confirmation::Certificate(_))));
        let certificate = self.certificate.as_deref().filter(|_| of_certificate);
        self.key().or(certificate.copied().map(Confirmation::Certificate))
    }

    /// Whose the refresh tokens of a grant are from now on that gets its first tokens by this request.
    pub(in crate::engine) fn sender(&self, client: &Client, grant: &Grant) -> Option<Sender> {
        Some(match self.bound_to(client, grant)? {
            // It has nothing else to be known by (RFC 9449 section 5, RFC 8705 section 4).
            bound_to if client.is_public() || self.profile == Some(Profile::Atproto) => Sender::Is(bound_to),
            Confirmation::Key(_) => Sender::AnyKey,
            Confirmation::Certificate(_) => Sender::AnyCertificate,
        })
    }

    /// The same of a grant that is refreshed: a public client that proves a key gets no refresh token any more that is not
    /// bound to it (RFC 9449 section 5). A confidential one may be in the middle of a change, with some of its nodes that prove a key and
    /// some that do not yet.
    pub(in crate::engine) fn sender_of_refresh(&self, client: &Client, grant: &Grant) -> Option<Sender> {
        let is_certain = matches!(grant.sender(), Some(Sender::Is(_)));
        let binds = if self.profile == Some(Profile::Atproto) {
            // A session from before the profile was on.
            !is_certain
        } else {
            grant.sender().is_none() && client.is_public()
        };
        if binds { self.sender(client, grant) } else { grant.sender() }
    }

    /// Whether it is by a key that the grant is bound to, fresh, and the client may have the current token for an older one.
    pub(in crate::engine) fn resyncs(&self, client: &Authenticated<'_>, grant: &Grant) -> bool {
        if !client.may_resync() || self.was_used() {
            return false;
        }
        let is_bound = matches!(grant.sender(), Some(Sender::Is(Confirmation::Key(_))));
        let is_fresh = self.proven().is_some_and(|proven| proven.nonce_given_at().is_some());
        // A confidential client proves who it is, whatever its tokens are bound to.
        is_bound && is_fresh || !client.is_public() && client.proves_a_key()
    }

    /// What a client is marked for, whatever its grant is. Of the proof it is only that there is one.
    /// `takes_proofs`: whether the engine does.
    pub(in crate::engine) const fn check_marked(
        &self,
        client: &Client,
        takes_proofs: bool,
    ) -> Result<(), SenderRefusal> {
        if is_to_prove(client, takes_proofs) && !self.has_proof() {
            return Err(SenderRefusal::NoProof);
        }
        if client.has_certificate_bound_tokens() && self.certificate.is_none() {
            return Err(SenderRefusal::Certificate);
        }
        Ok(())
    }

    /// The proof of a request that begins a grant of its own: its signature alone, since there is nothing yet that it could be bound to.
    pub(in crate::engine) fn check_signature(&mut self) -> Result<(), SenderRefusal> {
        self.prove().map(drop)
    }

    /// The key that a pushed request proves, which its code is then bound to: the value of `dpop_jkt`, which has to agree where it is
    /// there as well (RFC 9449 section 10.1). Nothing is remembered of it: anybody can push requests, and one that is pushed again is
    /// bound to the same key, which is of use to its holder alone.
    ///
    /// A client that is marked binds its code here, by one or by the other: a code of its own that waits for any key would be worth
    /// something to whoever reads it.
    pub(in crate::engine) fn key_of_push(
        &mut self,
        client: &Client,
        named: Option<&str>,
        takes_proofs: bool,
    ) -> Result<Option<String>, Refusal> {
        let Some(proven) = self.prove()? else {
            let is_wanted = is_to_prove(client, takes_proofs) && named.is_none();
            return if is_wanted { Err(SenderRefusal::NoProof.into()) } else { Ok(None) };
        };
        let thumbprint = proven.thumbprint().to_string();
        if named.is_some_and(|named| named != thumbprint) {
            return Err(AuthorizationRefusal::DpopJkt.into());
        }
        Ok(Some(thumbprint))
    }

    /// The key that a device begins with, which its code is then bound to (RFC 9449 section 10 has it of authorization codes): whoever reads
    /// the code on its way has no use for it.
    pub(in crate::engine) fn key_of_device(&mut self) -> Result<Option<Confirmation>, SenderRefusal> {
        self.prove()?;
        Ok(self.key())
    }
}

/// Whether it always sends a proof. Where the engine takes none, a client that only says so of itself is not kept to it: what it says
/// it says to all servers.
const fn is_to_prove(client: &Client, takes_proofs: bool) -> bool {
    client.requires_dpop() && (takes_proofs || !client.is_stranger())
}

/// What the connection has proven.
#[cfg(feature = "mtls")]
pub(super) fn certificate_of(request: &Request<'_>) -> Option<[u8; 32]> {
    request.certificate().map(|certificate| *certificate.thumbprint().as_bytes())
}

#[cfg(not(feature = "mtls"))]
pub(super) const fn certificate_of(_: &Request<'_>) -> Option<[u8; 32]> {
    None
}

impl DpopEngine {
    /// Reads the proof of a request, if there is one: its shape, algorithm and key.
    pub(super) fn read<'r>(&self, request: &Request<'r>) -> Result<Option<Proof<'r>>, ProofFault> {
        let proof = match request.dpop() {
            Header::Absent => return Ok(None),
            Header::Repeated => return Err(ProofFault::Several),
            Header::One(header) => Proof::read(header)?,
        };
        if self.algorithms.contains(&proof.algorithm()) { Ok(Some(proof)) } else { Err(ProofFault::Algorithm) }
    }

    /// What a proof for this is for. The URL of the one is no URL of the other (RFC 9126 section 2, RFC 8628 section 3.1).
    fn targets_of(&self, desk: Desk) -> &[Target] {
        match desk {
            Desk::Token => &self.targets,
            Desk::Push => &self.push_targets,
            Desk::Device => &self.device_targets,
            Desk::AboutToken => &[],
        }
    }

    /// For what the proof is, and whether it is fresh.
    fn check(
        &self,
        proof: &mut Proof<'_>,
        method: &str,
        targets: &[Target],
        nonce_demanded: bool,
        now: Timestamp,
    ) -> Result<(), ProofFault> {
        let mut checked = Err(ProofFault::Target);
        for target in targets {
            checked = proof.check_target(method, target);
            if checked != Err(ProofFault::Target) {
                break;
            }
        }
        checked?;
        if nonce_demanded || proof.nonce().is_some() {
            proof.check_nonce(&self.nonces, now)?;
            // FAPI 2.0 section 5.3.2.1 has it of every JWT, whatever nonce is in it.
            if self.profile == Some(Profile::Fapi2Security) { proof.check_begun(now) } else { Ok(()) }
        } else {
            proof.check_time(now)
        }
    }

    pub(super) fn check_at_resource(
        &self,
        proof: &mut Proof<'_>,
        method: &str,
        targets: &[Target],
        now: Timestamp,
    ) -> Result<(), ProofFault> {
        self.check(proof, method, targets, self.resource_nonces, now)
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// What a request shows: all of the proof that is cheap to check, before anybody is authenticated. It is read in place, where
    /// nothing is there yet.
    #[inline]
    pub(in crate::engine) fn present<'r>(
        &self,
        presented: &mut Presented<'r>,
        request: &Request<'r>,
        desk: Desk,
        now: Timestamp,
    ) -> Result<(), SenderRefusal> {
        if let Some(dpop) = self.dpop.as_ref().filter(|_| desk != Desk::AboutToken) {
            presented.profile = dpop.profile;
            if request.dpop() != Header::Absent {
                let mut proof = dpop.read(request)?;
                if let Some(proof) = &mut proof {
                    dpop.check(proof, request.method(), dpop.targets_of(desk), true, now)?;
                }
                presented.shown = proof.map(Shown::boxed);
            }
        }
        presented.certificate = certificate_of(request).map(Box::new);
        Ok(())
    }

    /// Every answer to a request with a proof has the nonce of the next one, refusals too (RFC 9449 section 8.2).
    pub(in crate::engine) fn with_nonce(&self, request: &Request<'_>, response: Response, now: Timestamp) -> Response {
        match &self.dpop {
            Some(dpop) if request.dpop() != Header::Absent => response.with_dpop_nonce(dpop.nonces.give(now)),
            _ => response,
        }
    }
}
