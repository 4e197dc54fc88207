//! Grants that end because another takes their place: the one that a step-up came from, and, where a person has as many as they may,
//! the one that was refreshed longest ago. And clients that are to hear of a logout, of which there is a bound too.

use super::Engine;
use super::failure::Failure;
use super::host::Event;
use super::refusal::ServerFault;
use super::time::Time;
use crate::client::{Client, Clients};
use crate::grant::{Grant, GrantId, Lifetimes, Timestamp};
use crate::store::TokenStore;

/// How many grants of a person a login looks at, at most, and how many it ends: it costs the same however many there are. Where
/// a limit is new, the logins to come do the rest.
const PAGES: usize = 4;
const PAGE: usize = 256;
const MOST_ENDED: usize = 16;

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The grant that an approval says it takes the place of, if there is one.
    pub(super) async fn replaceable(
        &self,
        replaced: GrantId,
        subject: Option<&str>,
        client: &Client,
    ) -> Result<Option<GrantId>, Failure> {
        match self.store.load(replaced).await? {
            None => Ok(None),
            Some(grant) if grant.id == replaced && self.is_of(&grant, subject, client.id()) => Ok(Some(replaced)),
            // Somebody else's: what a host passes on as it came from a request would log others out.
            Some(_) => Err(ServerFault::Replaces.into()),
        }
    }

    /// Whether a record is a login of this person at this client, and in a realm of this engine.
    fn is_of(&self, grant: &Grant, subject: Option<&str>, client_id: &str) -> bool {
        self.realm.keys_of(grant).is_some()
            && subject.is_some()
            && grant.subject() == subject
            && grant.client_id() == client_id
    }

    /// Ends what a grant took the place of, now that its tokens are out. Where that fails, the host hears of it, and the other one
    /// lives on: the tokens of this one must get to their client.
    pub(super) async fn end_replaced(&self, replaced: GrantId, by: &Grant, now: Timestamp) {
        let ended = match self.store.load(replaced).await {
            // Looked at again: what was approved a minute ago says nothing of the record that has this id now.
            Ok(Some(grant)) if grant.id == replaced && self.is_of(&grant, by.subject(), by.client_id()) => {
                self.end(&grant, now).await.map(drop)
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            let failure = Failure::from(error).of_client(by.client_id.clone());
            self.tell(&failure.of_grant(replaced).of_subject(by.subject()));
        }
    }

    /// Makes room for a grant that is about to be one more of its person's. Before it is written: a request that is dropped
    /// right after would leave one too many.
    pub(super) async fn make_room(&self, grant: &Grant, client: &Client, time: &Time<'_>) -> Result<(), Failure> {
        let is_stranger = client.is_stranger();
        let usual = is_stranger.then_some(Lifetimes::MOST_PER_OWNER_AT_STRANGER);
        if let Some(most) = self.lifetimes(client).most_per_owner().or(usual) {
            self.displace(grant, Some(client.id()), most, time).await?;
        }
        if is_stranger {
            self.displace(grant, None, Lifetimes::MOST_AT_STRANGERS, time).await?;
        }
        Ok(())
    }

    /// Makes room for one more client of a stranger's that is to hear of a logout: of all sessions of a person together there are as many as
    /// grants at strangers, or whoever registers would have this server keep and post as much as they like. What is of the oldest login goes.
    #[cfg(all(feature = "jwt", feature = "root-secret"))]
    pub(super) async fn make_room_for_listener(
        &self,
        subject: &str,
        is_own: impl Fn(&Grant) -> bool + Send + Sync,
        time: &Time<'_>,
    ) -> Result<(), Failure> {
        let [Some(owner), _] = self.realm.owners(subject) else { return Ok(()) };
        let now = time.now();
        let counts = |other: &Grant| {
            other.listens_for().is_some() && other.is_of_stranger() && now < other.expires_at && !is_own(other)
        };
        let (mut others, mut after) = (Vec::new(), None);
        for _ in 0..PAGES {
            let listed = self.store.list(&owner, after, PAGE).await?;
            others.extend(listed.grants.into_iter().filter(|other| counts(other)));
            after = listed.next;
            if after.is_none() {
                break;
            }
        }
        let most = usize::try_from(Lifetimes::MOST_AT_STRANGERS).unwrap_or(usize::MAX);
        let too_many = (others.len() + 1).saturating_sub(most).min(MOST_ENDED);
        others.sort_unstable_by_key(|other| (other.created_at, other.id));
        for other in others.iter().take(too_many) {
            self.store.remove(other.id).await?;
        }
        Ok(())
    }

    /// `client_id`: at this client, or at all that nobody made by hand.
    async fn displace(
        &self,
        grant: &Grant,
        client_id: Option<&str>,
        most: u32,
        time: &Time<'_>,
    ) -> Result<(), Failure> {
        let Some(subject) = grant.subject() else { return Ok(()) };
        let now = time.now();
        let counts = |other: &Grant| {
            other.is_redeemed()
                // The same request at the same time, or an earlier write of this one, may have been first.
                && other.id != grant.id
                && now < other.expires_at
                && client_id.map_or_else(|| other.is_of_stranger(), |client_id| other.client_id() == client_id)
                // What it takes the place of makes room by itself.
                && grant.replaces() != Some(other.id)
        };
        let (mut others, mut after) = (Vec::new(), None);
        for _ in 0..PAGES {
            let (listed, next) = self.list(subject, client_id, after, PAGE).await?;
            others.extend(listed.grants.into_iter().filter(|other| counts(other)));
            after = next;
            if after.is_none() {
                break;
            }
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX).max(1);
        let too_many = (others.len() + 1).saturating_sub(most).min(MOST_ENDED);
        others.sort_unstable_by_key(|other| (other.rotated_at, other.id));
        for other in others.iter().take(too_many) {
            let (client_id, subject) = (other.client_id(), self.subject_of(other));
            self.emit(&Event::Displaced { grant: other.id, client_id, subject, by: grant.id });
            self.end(other, now).await?;
        }
        Ok(())
    }
}
