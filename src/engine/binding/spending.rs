//! Proofs that were used, over nodes: by markers in the store, where the host says so.

use super::Presented;
use crate::client::{Client, Clients};
use crate::engine::Engine;
use crate::engine::client_auth::Unspent;
use crate::engine::failure::{Failure, of_grant};
use crate::engine::markers::{Kind, Spending, Thing};
use crate::engine::refusal::{GrantRefusal, Refusal, SenderRefusal};
use crate::engine::time::Time;
use crate::grant::{Grant, Timestamp};
use crate::proof::dpop::Proven;
use crate::store::{BoxFuture, TokenStore};

fn name_of(proven: &Proven) -> Vec<u8> {
    [&proven.thumbprint().as_bytes()[..], proven.jti().as_bytes()].concat()
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The proof of this request, where it has one that the store is to know of.
    fn to_spend<'p>(&self, presented: &'p Presented<'_>) -> Option<&'p Proven> {
        self.dpop.as_ref().filter(|dpop| dpop.markers)?;
        presented.proven()
    }

    /// Writes the marker of a proof, last of all, for a token that was spent for it. Seen before for the same token it is the same use:
    /// the record judges that.
    pub(in crate::engine) async fn spend_proof(
        &self,
        grant: &Grant,
        client: &Client,
        presented: &mut Presented<'_>,
        token: &[u8],
        time: &Time<'_>,
    ) -> Result<(), Failure> {
        if presented.is_spent() || self.to_spend(presented).is_none() {
            return Ok(());
        }
        // Boxed: other requests must not be larger for it.
        let spending: BoxFuture<'_, Result<Spending, Failure>> = Box::pin(self.mark(client, presented, token, time));
        match spending.await? {
            Spending::First => {}
            Spending::Again { since, .. } => presented.note(Some(since)),
            Spending::Elsewhere => return Err(of_grant(grant, SenderRefusal::ProofReplayed)),
        }
        presented.spend();
        Ok(())
    }

    /// Where a request is to spend both a proof and an assertion: that neither is spent for something else, or for the same at a time that is
    /// `too_late`. So a refusal of the one does not spend the other.
    pub(in crate::engine) async fn check_both(
        &self,
        (grant, client): (&Grant, &Client),
        presented: &Presented<'_>,
        (token, unspent): (&[u8], Unspent<'_>),
        too_late: impl Fn(Timestamp) -> bool,
        time: &Time<'_>,
    ) -> Result<(), Failure> {
        if presented.is_spent() || self.to_spend(presented).is_none() {
            return Ok(());
        }
        match self.marked(client, presented, token, time).await? {
            Some(Spending::Elsewhere) => return Err(of_grant(grant, SenderRefusal::ProofReplayed)),
            Some(Spending::Again { since, .. }) if too_late(since) => {
                return Err(of_grant(grant, SenderRefusal::ProofForgotten));
            }
            _ => {}
        }
        match self.spent_assertion(unspent, time).await? {
            Some(Spending::Elsewhere) => Err(of_grant(grant, GrantRefusal::AssertionSpent)),
            Some(Spending::Again { since, .. }) if too_late(since) => {
                Err(of_grant(grant, GrantRefusal::AssertionSpent))
            }
            _ => Ok(()),
        }
    }

    /// The same for a request that begins a grant of its own: such a proof is used once, whatever for.
    pub(in crate::engine) async fn spend_new_proof(
        &self,
        client: &Client,
        presented: &Presented<'_>,
        time: &Time<'_>,
    ) -> Result<(), Failure> {
        if self.to_spend(presented).is_none() {
            return Ok(());
        }
        let spending: BoxFuture<'_, Result<Spending, Failure>> = Box::pin(self.mark(client, presented, b"", time));
        match spending.await? {
            Spending::First => Ok(()),
            Spending::Again { .. } | Spending::Elsewhere => Err(SenderRefusal::ProofReplayed.into()),
        }
    }

    /// The same where an assertion makes the request single, too: who has sent it before is asked for a new proof, and is then
    /// answered as before.
    pub(in crate::engine) async fn note_asserted_sender(
        &self,
        client: &Client,
        presented: &Presented<'_>,
        unspent: Unspent<'_>,
        time: &Time<'_>,
    ) -> Result<(), Failure> {
        // An assertion that was used for something else marks no proof.
        if self.to_spend(presented).is_some() {
            Box::pin(self.check_unspent(unspent, time)).await?;
        }
        self.note_sender_of_once(client, presented, time).await
    }

    /// The same once it is known that what makes the request single is not spent elsewhere.
    pub(in crate::engine) async fn note_sender_of_once(
        &self,
        client: &Client,
        presented: &Presented<'_>,
        time: &Time<'_>,
    ) -> Result<(), Failure> {
        let anew = |failure: Failure| match failure.why {
            Refusal::Sender(SenderRefusal::ProofReplayed) => SenderRefusal::ProofForgotten.into(),
            _ => failure,
        };
        self.spend_new_proof(client, presented, time).await.map_err(anew)?;
        self.note_new_sender(client, presented, time.now()).map_err(|why| anew(why.into()))
    }

    async fn mark(
        &self,
        client: &Client,
        presented: &Presented<'_>,
        token: &[u8],
        time: &Time<'_>,
    ) -> Result<Spending, Failure> {
        let Some((proven, until)) = presented.proven().and_then(|proven| Some((proven, proven.fresh_until()?))) else {
            return Ok(Spending::First);
        };
        let thing = Thing { kind: Kind::Proof, issuer: client.id(), name: &name_of(proven), until };
        self.spend(&thing, &[token], None, time).await
    }

    /// Whether another node has seen the proof that comes with an older token: then it is no sign that the key is at hand, and
    /// whoever has got hold of an old request does not end the login.
    pub(in crate::engine) async fn check_unspent_proof(
        &self,
        grant: &Grant,
        client: &Client,
        presented: &Presented<'_>,
        token: &[u8],
        time: &Time<'_>,
    ) -> Result<(), Failure> {
        if presented.is_spent() {
            return Ok(());
        }
        match self.marked(client, presented, token, time).await? {
            None => Ok(()),
            Some(_) => Err(of_grant(grant, SenderRefusal::ProofForgotten)),
        }
    }

    /// What the store knows of the proof, where it is to know of it; nothing is written.
    async fn marked(
        &self,
        client: &Client,
        presented: &Presented<'_>,
        token: &[u8],
        time: &Time<'_>,
    ) -> Result<Option<Spending>, Failure> {
        let Some((proven, until)) = self.to_spend(presented).and_then(|proven| Some((proven, proven.fresh_until()?)))
        else {
            return Ok(None);
        };
        let thing = Thing { kind: Kind::Proof, issuer: client.id(), name: &name_of(proven), until };
        self.spent(&thing, &[token], time).await
    }
}
