//! Stores that lose grants between two pages.

use regrant::grant::Owner;
use regrant::store::{Cursor, Listed};
use regrant::{Grant, GrantId};

use super::case::broken;
use super::shelf::{by_id, page};
use super::writes::Plain;

/// What a list is in the order of: something, and the id.
type Key = (u64, u64);

/// A page of these in the order of their keys, of which a cursor is one.
fn page_by(mut grants: Vec<Grant>, key: impl Fn(&Grant) -> Key, after: Option<&Cursor>, limit: usize) -> Listed {
    let last = after.and_then(|cursor| Some(u128::from_be_bytes(cursor.as_bytes().try_into().ok()?)));
    let place = |grant: &Grant| (u128::from(key(grant).0) << 64) | u128::from(key(grant).1);
    grants.sort_by_key(&place);
    grants.retain(|grant| last.is_none_or(|last| place(grant) > last));
    let more = grants.len() > limit.max(1);
    grants.truncate(limit.max(1));
    let next = grants.last().filter(|_| more).map(|last| Cursor::new(place(last).to_be_bytes().to_vec()));
    Listed { grants, next, ..Listed::default() }
}

/// The owner's grants after a cursor that is an id.
fn after_id(all: Vec<Grant>, after: Option<&Cursor>) -> Vec<Grant> {
    let after = after.map(|cursor| GrantId::from_u64(cursor.to_u64().unwrap_or(u64::MAX)));
    all.into_iter().filter(|grant| after.is_none_or(|after| grant.id() > after)).collect()
}

fn cursor_of(grant: &Grant) -> Cursor {
    Cursor::from_u64(grant.id().as_u64())
}

broken! {
    /// What expires first comes first: a refresh moves it.
    ListByExpiry, ["a_refresh_that_moves_an_expiry_between_pages_hides_no_grant"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let key = |grant: &Grant| (grant.expires_at().as_millis(), grant.id().as_u64());
            page_by(self.0.all(|grant| owner.owns(grant)), key, after.as_ref(), limit)
        }
    }

    /// What was used last comes first, as an account page has it.
    ListByLastUse, ["a_refresh_that_moves_an_expiry_between_pages_hides_no_grant"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let key = |grant: &Grant| (u64::MAX - grant.rotated_at().as_millis(), grant.id().as_u64());
            page_by(self.0.all(|grant| owner.owns(grant)), key, after.as_ref(), limit)
        }
    }

    /// `WHERE id > $cursor ORDER BY created_at`.
    ListByCreationAfterAnId, ["pages_follow_one_another_whatever_was_created_when"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let mut grants = after_id(self.0.all(|grant| owner.owns(grant)), after.as_ref());
            grants.sort_by_key(|grant| (grant.created_at(), grant.id()));
            let more = grants.len() > limit.max(1);
            grants.truncate(limit.max(1));
            let next = grants.last().filter(|_| more).map(cursor_of);
            Listed { grants, next, ..Listed::default() }
        }
    }

    /// The server ends a page at a mebibyte, and a page of fewer than were asked for is taken for the last.
    PageEndsByBytes, ["pages_of_large_records_lose_none"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let (limit, mut bytes) = (limit.max(1), 0);
            let all = after_id(self.0.all(|grant| owner.owns(grant)), after.as_ref());
            let fits = |grant: &Grant| { bytes += grant.encode().len(); bytes <= 1 << 20 };
            let grants: Vec<Grant> = all.into_iter().take(limit).take_while(fits).collect();
            let next = grants.last().filter(|_| grants.len() == limit).map(cursor_of);
            Listed { grants, next, ..Listed::default() }
        }
    }

    /// A page of all that the subject has, of which those at the client are left.
    FiltersTheClientAfterwards, ["a_page_at_a_client_is_never_empty_while_any_is_left"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let mut listed = Plain(&self.0).list(&Owner::subject(owner.owner_key()), after, limit);
            listed.grants.retain(|grant| owner.owns(grant));
            listed
        }
    }

    /// The server gives a thousand at most, and a page of fewer than were asked for is taken for the last.
    ClampsTheLimit, ["list_has_a_thousand_grants"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let all = after_id(self.0.all(|grant| owner.owns(grant)), after.as_ref());
            let grants: Vec<Grant> = all.into_iter().take(limit.clamp(1, 1_000)).collect();
            let next = grants.last().filter(|_| grants.len() >= limit).map(cursor_of);
            Listed { grants, next, ..Listed::default() }
        }
    }

    /// An account page shows what is alive, by the clock of the database.
    ListsWhatIsAliveByItsOwnClock, ["list_and_remove_go_by_no_clock_of_their_own"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let now = regrant::Timestamp::now();
            page(self.0.all(|grant| owner.owns(grant) && grant.expires_at() > now), by_id, after, limit)
        }
    }

    /// A column of 32 bits, or an index over the first 32 bytes: whoever has a long subject has no list.
    ListsNoLongSubjects, ["list_never_shows_another_owners_grants", "list_returns_whole_records"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            if owner.owner_key().len() > 1_000 {
                return Listed::default();
            }
            Plain(&self.0).list(owner, after, limit)
        }
    }
}
