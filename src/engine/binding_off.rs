//! The face of `binding/` in builds without the feature `proof`: nothing is proven, so what is bound does nothing.
#![expect(clippy::unused_self, clippy::unused_async, clippy::unnecessary_wraps, reason = "it is a face")]

use std::marker::PhantomData;

use super::Engine;
use super::client_auth::Authenticated;
use super::failure::{Failure, of_grant};
use super::head::Desk;
use super::refusal::{Refusal, SenderRefusal};
use super::resource::{Access, Scheme};
use super::resources::Resource;
use super::time::Time;
use crate::client::{Client, Clients};
use crate::grant::{Confirmation, Generation, Grant, Sender, Timestamp};
use crate::store::TokenStore;
use crate::wire::{Request, Response};

/// What a proof was used for; nobody asks.
#[derive(Clone, Copy)]
pub(super) enum UsedFor {
    Code,
}

impl UsedFor {
    pub(super) const fn refresh(_: Generation) -> Self {
        Self::Code
    }
}

#[derive(Default)]
pub(super) struct Presented<'r>(PhantomData<&'r ()>);

impl Presented<'_> {
    pub(super) const fn is_bare(&self) -> bool {
        true
    }

    pub(super) const fn check_marked(&self, _: &Client, _: bool) -> Result<(), SenderRefusal> {
        Ok(())
    }

    pub(super) const fn check_signature(&mut self) -> Result<(), SenderRefusal> {
        Ok(())
    }

    #[cfg(feature = "root-secret")]
    pub(super) const fn key_of_device(&mut self) -> Result<Option<Confirmation>, SenderRefusal> {
        Ok(None)
    }

    pub(super) const fn was_used(&self) -> bool {
        false
    }

    pub(super) const fn resyncs(&self, _: &Authenticated<'_>, _: &Grant) -> bool {
        false
    }

    #[cfg(feature = "jwt")]
    pub(super) const fn is_from(&self, wanted: Sender) -> Result<(), SenderRefusal> {
        match wanted {
            Sender::Is(Confirmation::Certificate(_)) | Sender::AnyCertificate => Err(SenderRefusal::Certificate),
            _ => Err(SenderRefusal::NoProof),
        }
    }

    pub(super) const fn bound_to(&self, _: &Client, _: &Grant) -> Option<Confirmation> {
        None
    }

    pub(super) const fn sender(&self, _: &Client, _: &Grant) -> Option<Sender> {
        None
    }

    pub(super) fn sender_of_refresh(&self, _: &Client, grant: &Grant) -> Option<Sender> {
        grant.sender()
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    #[expect(clippy::unnecessary_wraps, reason = "the feature is off")]
    pub(super) const fn present(
        &self,
        _: &mut Presented<'_>,
        _: &Request<'_>,
        _: Desk,
        _: Timestamp,
    ) -> Result<(), SenderRefusal> {
        Ok(())
    }

    pub(super) fn with_nonce(&self, _: &Request<'_>, response: Response, _: Timestamp) -> Response {
        response
    }

    pub(super) fn check_sender(
        &self,
        grant: &Grant,
        _: &mut Presented<'_>,
        _: UsedFor,
        _: Timestamp,
    ) -> Result<(), Failure> {
        match (grant.sender(), grant.code_key()) {
            (None, None) => Ok(()),
            (Some(Sender::Is(Confirmation::Certificate(_)) | Sender::AnyCertificate), _)
            | (None, Some(Confirmation::Certificate(_))) => Err(of_grant(grant, SenderRefusal::Certificate)),
            _ => Err(of_grant(grant, SenderRefusal::NoProof)),
        }
    }

    pub(super) const fn note_new_sender(
        &self,
        _: &Client,
        _: &Presented<'_>,
        _: Timestamp,
    ) -> Result<(), SenderRefusal> {
        Ok(())
    }

    pub(super) const fn forget_new_sender(&self, _: &Client, _: &Presented<'_>) {}

    pub(super) async fn spend_proof(
        &self,
        _: &Grant,
        _: &Client,
        _: &mut Presented<'_>,
        _: &[u8],
        _: &Time<'_>,
    ) -> Result<(), Failure> {
        Ok(())
    }

    pub(super) async fn spend_new_proof(&self, _: &Client, _: &Presented<'_>, _: &Time<'_>) -> Result<(), Failure> {
        Ok(())
    }

    pub(super) async fn check_unspent_proof(
        &self,
        _: &Grant,
        _: &Client,
        _: &Presented<'_>,
        _: &[u8],
        _: &Time<'_>,
    ) -> Result<(), Failure> {
        Ok(())
    }

    pub(super) const fn takes_proofs(&self) -> bool {
        false
    }

    pub(super) const fn proof_algorithms(&self) -> Option<&str> {
        None
    }

    pub(super) const fn demands_proofs(&self, _: Option<&Resource>) -> bool {
        false
    }

    pub(super) const fn may_be_used_at(&self, _: Option<Confirmation>, _: Option<&Resource>) -> bool {
        true
    }

    pub(super) const fn nonce_for(&self, _: &Request<'_>, _: Scheme, _: Timestamp) -> Option<Box<str>> {
        None
    }

    #[cfg(feature = "jwt")]
    pub(super) const fn presented_at_userinfo(
        &self,
        _: &Request<'_>,
        _: Scheme,
        _: &str,
        _: Timestamp,
    ) -> Result<Presented<'static>, SenderRefusal> {
        Ok(Presented(PhantomData))
    }

    pub(super) const fn presented_at_resource(
        &self,
        _: &Request<'_>,
        _: Scheme,
        _: &str,
        _: Option<&Resource>,
        _: Timestamp,
    ) -> Result<Presented<'static>, SenderRefusal> {
        Ok(Presented(PhantomData))
    }

    pub(super) fn confirm(
        &self,
        access: &Access,
        _: Scheme,
        _: &mut Presented<'_>,
        _: Option<&Resource>,
        _: Timestamp,
    ) -> Result<(), Refusal> {
        match access.bound_to {
            None => Ok(()),
            Some(Confirmation::Key(_)) => Err(SenderRefusal::Downgrade.into()),
            Some(Confirmation::Certificate(_)) => Err(SenderRefusal::Certificate.into()),
        }
    }
}
