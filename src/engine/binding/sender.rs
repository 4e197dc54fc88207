//! Whether a request proves what a grant, a code or a client wants.

use super::seen::Note;
use super::{Presented, UsedFor};
use crate::client::{Client, Clients};
use crate::engine::Engine;
use crate::engine::failure::{Failure, of_grant};
use crate::engine::refusal::SenderRefusal;
use crate::grant::{Confirmation, Grant, Sender, Timestamp};
use crate::store::TokenStore;

impl Presented<'_> {
    /// Whether the request proves this; the signature of its proof was checked before.
    pub(in crate::engine) fn is_from(&self, wanted: Sender) -> Result<(), SenderRefusal> {
        let (key, certificate) = (self.key(), self.certificate.as_deref());
        match (wanted, key, certificate) {
            (Sender::Is(Confirmation::Key(_)) | Sender::AnyKey, None, _) => Err(SenderRefusal::NoProof),
            (Sender::Is(wanted @ Confirmation::Key(_)), Some(key), _) if key != wanted => {
                Err(SenderRefusal::AnotherKey)
            }
            (Sender::Is(wanted @ Confirmation::Certificate(_)), _, Some(own))
                if Confirmation::Certificate(*own) != wanted =>
            {
                Err(SenderRefusal::Certificate)
            }
            (Sender::Is(Confirmation::Certificate(_)) | Sender::AnyCertificate, _, None) => {
                Err(SenderRefusal::Certificate)
            }
            _ => Ok(()),
        }
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Whether the request proves what the grant and its code are bound to; the signature of its proof. Before anything is said of
    /// generation and age: who finds an old token must not end a login by it.
    #[inline]
    pub(in crate::engine) fn check_sender(
        &self,
        grant: &Grant,
        presented: &mut Presented<'_>,
        used_for: UsedFor,
        now: Timestamp,
    ) -> Result<(), Failure> {
        if grant.members.is_none() && !presented.has_proof() {
            return Ok(());
        }
        self.check_sender_of(grant, presented, used_for, now).map_err(|why| of_grant(grant, why))
    }

    fn check_sender_of(
        &self,
        grant: &Grant,
        presented: &mut Presented<'_>,
        used_for: UsedFor,
        now: Timestamp,
    ) -> Result<(), SenderRefusal> {
        presented.prove()?;
        grant.code_key().map_or(Ok(()), |wanted| presented.is_from(Sender::Is(wanted)))?;
        grant.sender().map_or(Ok(()), |sender| presented.is_from(sender))?;
        // Only now: what is remembered is of a genuine token, and of who may use it. Once, however often the record is looked at.
        if let (Some(dpop), Some(proven), false) = (&self.dpop, presented.proven(), presented.is_noted()) {
            match dpop.seen.of_grant(grant.id, proven, used_for, self.settings.clock_skew, now) {
                Note::First => presented.note(None),
                Note::Again(used_at) => presented.note(Some(used_at)),
                Note::Elsewhere => return Err(SenderRefusal::ProofReplayed),
                Note::Forgotten => return Err(SenderRefusal::ProofForgotten),
            }
        }
        Ok(())
    }

    /// Remembers the proof that a new grant is made by, right before it is stored.
    pub(in crate::engine) fn note_new_sender(
        &self,
        client: &Client,
        presented: &Presented<'_>,
        now: Timestamp,
    ) -> Result<(), SenderRefusal> {
        let (Some(dpop), Some(proven)) = (&self.dpop, presented.proven()) else { return Ok(()) };
        match dpop.seen.of_client(client.id(), proven, self.settings.clock_skew, now) {
            Note::First => Ok(()),
            Note::Again(_) | Note::Elsewhere => Err(SenderRefusal::ProofReplayed),
            Note::Forgotten => Err(SenderRefusal::ProofForgotten),
        }
    }

    /// It came to nothing, so the same request may be sent again.
    pub(in crate::engine) fn forget_new_sender(&self, client: &Client, presented: &Presented<'_>) {
        if let (Some(dpop), Some(proven)) = (&self.dpop, presented.proven()) {
            dpop.seen.forget(client.id(), proven);
        }
    }
}
