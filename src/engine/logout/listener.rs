//! Who hears of the end of a session: one record for each client that was logged in to.
//!
//! It is written where the code is redeemed, and never where it is made: whoever made a person begin a login at their own client, with
//! another's redirect URI, is no part of the session, and would hear what that other calls the person.

use smol_str::SmolStr;

use crate::client::{Client, Clients};
use crate::engine::Engine;
use crate::engine::failure::Failure;
use crate::engine::refusal::{ServerFault, Unavailable};
use crate::engine::swap::{ATTEMPTS, new_version};
use crate::engine::time::Time;
use crate::grant::members::{SessionKey, Special};
use crate::grant::owner::owner_key;
use crate::grant::{Grant, GrantId, Timestamp};
use crate::store::{Insert, StoreError, StoreErrorKind, Swap, TokenStore};

/// How many records may share an id before no more is tried: 62 bits do not collide twice.
const STEPS: u8 = 4;

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Remembers the client of a code that is about to be redeemed, where it wants to hear of the end of the session and gets an ID token. Before
    /// the swap, so that who has tokens is remembered whenever the request is dropped; behind all that can refuse, so that nobody is who has
    /// not proven that the code is theirs.
    pub(in crate::engine) async fn remember_listener(
        &self,
        grant: &Grant,
        client: &Client,
        time: &Time<'_>,
    ) -> Result<(), Failure> {
        let (Some(session), Some(ends_at), Some(subject)) = (grant.session(), grant.session_ends_at(), grant.subject())
        else {
            return Ok(());
        };
        if client.hears_logouts_at().is_none() || time.now() >= ends_at {
            return Ok(());
        }
        // It names the person as the ID tokens of this login do, so it is as old as that.
        let since = grant.created_at;
        let still_says = |stored: &Grant| {
            stored.created_at >= self.not_before(client)
                && client.is_pairwise_at(stored.created_at) == client.is_pairwise_at(since)
        };
        let subjects = self.subjects.as_ref().ok_or(ServerFault::Handler)?;
        let owner = owner_key(self.realm.name(), subject);
        if client.is_stranger() {
            let is_own = |stored: &Grant| is_it(stored, session, &owner, client.id());
            self.make_room_for_listener(subject, is_own, time).await?;
        }
        let mut step = 0;
        for _ in 0..ATTEMPTS + usize::from(STEPS) {
            if step == STEPS {
                break;
            }
            let now = time.now();
            let id = GrantId::computed(&subjects.place(session, client.id(), step));
            let record = |created_at: Timestamp, expires_at: Timestamp| {
                let special = Special::Listener(*session);
                let mut record = Grant::special(id, new_version(), self.realm.name(), special, created_at, expires_at);
                record.owner = Some(owner.clone());
                record.client_id = client.shared_id();
                if client.is_stranger() {
                    record.set_of_stranger();
                }
                record
            };
            match self.store.insert(&record(since, ends_at), now).await {
                Ok(Insert::Added) => return Ok(()),
                Ok(Insert::Duplicate) => {}
                Err(error) if error.kind() == StoreErrorKind::Indeterminate => {}
                Err(error) => return Err(error.into()),
            }
            match self.store.load(id).await? {
                Some(stored) if !is_it(&stored, session, &owner, client.id()) => step += 1,
                Some(stored) if still_says(&stored) && stored.expires_at >= ends_at => return Ok(()),
                Some(stored) => {
                    // The session was to end earlier, the last time; or the record is of a client that had this id before, or names the
                    // person as the client did before its subjects became pairwise: then it begins with this login.
                    let created_at = if still_says(&stored) { stored.created_at } else { since };
                    let next = record(created_at, ends_at.max(stored.expires_at));
                    match self.store.compare_and_swap(stored.version, &next, now).await {
                        Ok(Swap::Swapped) => return Ok(()),
                        Ok(Swap::Lost) => {}
                        Err(error) if error.kind() == StoreErrorKind::Indeterminate => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                None => {}
            }
        }
        Err(Unavailable::Contention.into())
    }

    /// The record by which a client hears of the end of a session, if there is one.
    pub(super) async fn listener(
        &self,
        session: &SessionKey,
        subject: &str,
        client_id: &str,
    ) -> Result<Option<Grant>, StoreError> {
        let Some(subjects) = self.subjects.as_ref() else { return Ok(None) };
        let owner = owner_key(self.realm.name(), subject);
        for step in 0..STEPS {
            let id = GrantId::computed(&subjects.place(session, client_id, step));
            match self.store.load(id).await? {
                Some(stored) if is_it(&stored, session, &owner, client_id) => return Ok(Some(stored)),
                Some(_) => {}
                None => break,
            }
        }
        Ok(None)
    }
}

/// Whether a record is that of this client and session, and of no other that shares its id.
fn is_it(stored: &Grant, session: &SessionKey, owner: &SmolStr, client_id: &str) -> bool {
    stored.listens_for() == Some(session)
        && stored.client_id() == client_id
        && stored.owner_key() == Some(owner.as_str())
}
