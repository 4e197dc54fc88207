//! "Log me out everywhere", for logins at another server whose tokens nobody has presented yet: a record says since when somebody's
//! logins count, and is moved forward by the next such call.

use super::{ForeignEngine, ForeignKeys, PLACES, cut};
use crate::client::Clients;
use crate::engine::Engine;
use crate::engine::swap::{ATTEMPTS, new_version};
use crate::grant::foreign::CutOff;
use crate::grant::members::Special;
use crate::grant::{Grant, GrantId, Timestamp};
use crate::store::{Insert, StoreError, StoreErrorKind, Swap, TokenStore};

impl ForeignKeys {
    /// Where it is kept, for a subject at one client or at all.
    fn cut_off_place(&self, subject: &str, client_id: Option<&str>, step: u8) -> GrantId {
        let members: [&[u8]; 5] =
            [b"place", subject.as_bytes(), &[u8::from(client_id.is_some())], named(client_id), &[step]];
        GrantId::computed(&self.cut_offs.mac(&members))
    }

    /// What it is believed by.
    fn cut_off_of(&self, subject: &str, client_id: Option<&str>) -> [u8; 20] {
        let members: [&[u8]; 4] = [b"whose", subject.as_bytes(), &[u8::from(client_id.is_some())], named(client_id)];
        cut(self.cut_offs.mac(&members))
    }
}

fn named(client_id: Option<&str>) -> &[u8] {
    client_id.unwrap_or_default().as_bytes()
}

/// The cut-off that a record keeps.
fn kept_in(record: &Grant) -> Option<CutOff> {
    match record.members.as_deref()?.special {
        Some(Special::CutOff(cut_off)) => Some(cut_off),
        _ => None,
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// From now on logins at another server that began until now count no more. Where there is no such server, nothing is done.
    pub(in crate::engine) async fn cut_off(
        &self,
        subject: &str,
        client_id: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(foreign) = &self.foreign else { return Ok(()) };
        let until = foreign.hook.until_dyn();
        if now >= until {
            return Ok(());
        }
        let of = foreign.keys.cut_off_of(subject, client_id);
        let mut step = 0;
        for _ in 0..ATTEMPTS + usize::from(PLACES) {
            if step == PLACES {
                break;
            }
            let id = foreign.keys.cut_off_place(subject, client_id, step);
            let next = |at: Timestamp, expires_at: Timestamp| {
                let special = Special::CutOff(CutOff { of, at });
                Grant::special(id, new_version(), self.realm(), special, now, expires_at)
            };
            let kept_for = self.kept_for(until);
            let written = match self.store.load(id).await? {
                None => self.store.insert(&next(now, kept_for), now).await.map(|insert| insert == Insert::Added),
                Some(stored) => match kept_in(&stored).filter(|cut_off| cut_off.of == of) {
                    // Somebody else's thing.
                    None => {
                        step += 1;
                        continue;
                    }
                    // By a clock that is ahead of this one, or by this call, whose reply was lost.
                    Some(cut_off) if cut_off.at >= now => return Ok(()),
                    Some(_) => {
                        let next = next(now, kept_for.max(stored.expires_at));
                        let swapped = self.store.compare_and_swap(stored.version, &next, now).await;
                        swapped.map(|swap| swap == Swap::Swapped)
                    }
                },
            };
            match written {
                Ok(true) => return Ok(()),
                // Another call was first, or nobody can tell: look again.
                Ok(false) => {}
                Err(error) if error.kind() == StoreErrorKind::Indeterminate => {}
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::not_applied("other calls were first, again and again"))
    }

    /// Whether a login at another server, which began then, counts no more.
    pub(super) async fn is_cut_off(
        &self,
        foreign: &ForeignEngine,
        subject: &str,
        client_id: &str,
        began_at: Timestamp,
    ) -> Result<bool, StoreError> {
        // Of an adopted client also what was said before there was a realm.
        let adopted = self.adopted_keys(foreign, client_id);
        for keys in [Some(&foreign.keys), adopted].into_iter().flatten() {
            for client_id in [None, Some(client_id)] {
                if self.is_cut_off_under(keys, subject, client_id, began_at).await? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    async fn is_cut_off_under(
        &self,
        keys: &ForeignKeys,
        subject: &str,
        client_id: Option<&str>,
        began_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let of = keys.cut_off_of(subject, client_id);
        for step in 0..PLACES {
            let Some(stored) = self.store.load(keys.cut_off_place(subject, client_id, step)).await? else {
                break;
            };
            if let Some(cut_off) = kept_in(&stored).filter(|cut_off| cut_off.of == of) {
                // In the same millisecond: it was there when the call was made, for all that anybody can tell.
                return Ok(began_at <= cut_off.at);
            }
        }
        Ok(false)
    }
}
