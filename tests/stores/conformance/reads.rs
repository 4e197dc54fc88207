//! Stores that read or list wrongly.

use regrant::grant::{Owner, Version};
use regrant::store::{Cursor, Listed, StoreError, Swap};
use regrant::{Grant, GrantId, Timestamp};

use super::case::broken;
use super::shelf::{by_id, page};
use super::writes::Plain;

fn place(after: Option<&Cursor>) -> usize {
    after.and_then(Cursor::to_u64).and_then(|place| usize::try_from(place).ok()).unwrap_or_default()
}

broken! {
    /// Looks up by the upper half of the id.
    LoadsByHalfTheId, ["load_finds_nothing_that_was_not_inserted"], {
        fn load(&self, id: GrantId) -> Option<Grant> {
            let near = self.0.grants.lock().values().find(|grant| grant.id().as_u64() >> 32 == id.as_u64() >> 32).cloned();
            self.0.get(id).or(near)
        }
    }

    /// A replica that lags behind.
    StaleLoads, [
        "a_load_sees_every_acknowledged_swap", "a_load_sees_every_acknowledged_removal",
        "a_load_and_a_list_see_every_acknowledged_insert",
    ], {
        fn load(&self, id: GrantId) -> Option<Grant> {
            let mut replica = self.0.copies.lock();
            if self.0.every(5) {
                *replica = self.0.grants.lock().clone();
            }
            replica.get(&id).cloned()
        }
    }

    /// A cache in the process that is brought up to date now and then.
    CachedLoads, ["a_load_sees_every_acknowledged_swap", "a_load_sees_every_acknowledged_removal"], {
        fn load(&self, id: GrantId) -> Option<Grant> {
            let mut cache = self.0.copies.lock();
            if self.0.every_of(id, 3) || !cache.contains_key(&id) {
                match self.0.get(id) {
                    Some(stored) => cache.insert(id, stored),
                    None => cache.remove(&id),
                };
            }
            cache.get(&id).cloned()
        }
    }

    /// What was looked for and not found is not looked for again.
    RemembersWhatWasNotThere, ["a_load_and_a_list_see_every_acknowledged_insert"], {
        fn load(&self, id: GrantId) -> Option<Grant> {
            let stored = self.0.get(id);
            let mut absent = self.0.ends.lock();
            if stored.is_none() {
                absent.insert(id, None);
            }
            stored.filter(|_| !absent.contains_key(&id))
        }
    }

    /// An index of its own that is brought up to date now and then.
    StaleList, [
        "list_shows_what_is_stored_now", "list_shows_no_removed_grant", "list_has_all_grants_of_an_owner",
        "a_load_and_a_list_see_every_acknowledged_insert",
    ], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let mut replica = self.0.copies.lock();
            if self.0.every(4) {
                *replica = self.0.grants.lock().clone();
            }
            page(replica.values().filter(|grant| owner.owns(grant)).cloned().collect(), by_id, after, limit)
        }
    }

    /// The last page lacks its last grant.
    ListDropsTheLast, ["list_has_all_grants_of_an_owner", "law_end_all_is_complete"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let mut listed = Plain(&self.0).list(owner, after, limit);
            if listed.next.is_none() {
                listed.grants.pop();
            }
            listed
        }
    }

    /// `LIMIT` without a cursor.
    ListStopsAtTheFirstPage, [
        "list_has_a_thousand_grants", "pages_have_between_one_grant_and_the_limit", "law_end_all_is_complete",
        "a_swap_between_pages_neither_hides_nor_repeats_a_grant",
        "an_insert_between_pages_neither_hides_nor_repeats_a_grant", "list_is_complete_while_others_come_and_go",
    ], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            Listed { next: None, ..Plain(&self.0).list(owner, after, limit) }
        }
    }

    /// Each page begins with the last grant of the one before.
    ListRepeatsOne, [
        "list_has_a_thousand_grants", "a_swap_between_pages_neither_hides_nor_repeats_a_grant",
        "list_is_complete_while_others_come_and_go",
    ], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let after = after.and_then(|cursor| cursor.to_u64()).map(|place| Cursor::from_u64(place.saturating_sub(1)));
            Plain(&self.0).list(owner, after, limit.max(2))
        }
    }

    /// Each page is the first.
    ListDoesNotEnd, ["list_has_a_thousand_grants", "list_at_a_client_is_of_that_client"], {
        fn list(&self, owner: &Owner, _: Option<Cursor>, limit: usize) -> Listed {
            Plain(&self.0).list(owner, None, limit)
        }
    }

    /// `OFFSET`: what is removed meanwhile moves the rest to the front.
    ListByOffset, [
        "removing_a_listed_grant_loses_none_of_the_rest", "an_insert_between_pages_neither_hides_nor_repeats_a_grant",
        "list_is_complete_while_others_come_and_go",
    ], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let (limit, from) = (limit.max(1), place(after.as_ref()));
            let all = self.0.all(|grant| owner.owns(grant));
            let grants: Vec<Grant> = all.iter().skip(from).take(limit).cloned().collect();
            let next = from.saturating_add(limit);
            let next = (next < all.len()).then(|| Cursor::from_u64(next as u64));
            Listed { grants, next, ..Listed::default() }
        }
    }

    /// In the order of versions, which every swap changes.
    ListByVersion, ["a_swap_between_pages_neither_hides_nor_repeats_a_grant"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let mut grants = self.0.all(|grant| owner.owns(grant));
            grants.sort_by_key(|grant| grant.version().as_u64());
            page(grants, |grant| grant.version().as_u64(), after, limit)
        }
    }

    /// An index over the first bytes of a subject.
    ListCutsSubjectsShort, ["list_never_shows_another_owners_grants"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let cut = |subject: &str| subject.bytes().take(255).collect::<Vec<_>>();
            let owns = |grant: &Grant| {
                grant.owner_key().is_some_and(|subject| cut(subject) == cut(owner.owner_key()))
                    && owner.client_id().is_none_or(|client| client == grant.client_id())
            };
            page(self.0.all(owns), by_id, after, limit)
        }
    }

    /// A column that client ids once fitted.
    ListCutsClientsShort, ["list_never_shows_another_owners_grants"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let cut = |client: &str| client.bytes().take(255).collect::<Vec<_>>();
            let owns = |grant: &Grant| {
                grant.owner_key() == Some(owner.owner_key())
                    && owner.client_id().is_none_or(|client| cut(client) == cut(grant.client_id()))
            };
            page(self.0.all(owns), by_id, after, limit)
        }
    }

    /// Keys are no ids: whoever asks by the key of a client as if it were an id asks for another client.
    ListTakesIdsForKeys, ["list_never_shows_another_owners_grants"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let owns = |grant: &Grant| {
                grant.owner_key() == Some(owner.owner_key())
                    && owner.client_id().is_none_or(|client| client == grant.client_key() || client == grant.client_id())
            };
            page(self.0.all(owns), by_id, after, limit)
        }
    }

    ListIgnoresTheClient, ["list_at_a_client_is_of_that_client", "list_never_shows_another_owners_grants"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            Plain(&self.0).list(&Owner::subject(owner.owner_key()), after, limit)
        }
    }

    /// `LIKE 'subject%'`.
    ListBySubjectsPrefix, ["list_never_shows_another_owners_grants"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let owns = |grant: &Grant| {
                grant.owner_key().is_some_and(|subject| subject.starts_with(owner.owner_key()))
                    && owner.client_id().is_none_or(|client| client == grant.client_id())
            };
            page(self.0.all(owns), by_id, after, limit)
        }
    }

    /// A key of subject and client with nothing in between.
    ListByBothInOne, ["list_never_shows_another_owners_grants"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let Some(client) = owner.client_id() else { return Plain(&self.0).list(owner, after, limit) };
            let key = [owner.owner_key(), client].concat();
            let owns = |grant: &Grant| grant.owner_key().is_some_and(|subject| [subject, grant.client_id()].concat() == key);
            page(self.0.all(owns), by_id, after, limit)
        }
    }

    /// Whatever has no owner is everybody's.
    ListTakesMarkersAlong, ["markers_are_in_no_list"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            page(self.0.all(|grant| owner.owns(grant) || grant.is_marker()), by_id, after, limit)
        }
    }

    /// A column that is not null.
    ListTakesNobodyForTheEmptySubject, ["grants_without_a_subject_are_in_no_list", "markers_are_in_no_list"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let owns = |grant: &Grant| {
                grant.owner_key().unwrap_or_default() == owner.owner_key()
                    && owner.client_id().is_none_or(|client| client == grant.client_id())
            };
            page(self.0.all(owns), by_id, after, limit)
        }
    }

    /// Takes a page of all that there is and leaves out what is not the owner's.
    ListFiltersAfterTheLimit, ["pages_have_between_one_grant_and_the_limit"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let mut listed = Plain(&self.0).list(owner, after, limit);
            if listed.next.is_some() && limit == 1 && self.0.every(2) {
                listed.grants.clear();
            }
            listed
        }
    }

    /// One more than asked for, to know whether there is more.
    ListAddsToTheLimit, ["list_takes_any_limit"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let wanted = limit.checked_add(1).expect("a limit that is not the largest");
            Plain(&self.0).list(owner, after, wanted - 1)
        }
    }

    ListTrustsItsCursor, ["list_survives_any_cursor"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let after = after.map(|cursor| Cursor::from_u64(cursor.to_u64().expect("a cursor of this store")));
            Plain(&self.0).list(owner, after, limit)
        }
    }

    /// A view for the account page, without what that does not show.
    ListIsAView, ["list_returns_whole_records"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let mut listed = Plain(&self.0).list(owner, after, limit);
            for grant in &mut listed.grants {
                let mut bytes = grant.encode();
                bytes[18..34].fill(0); // the salt
                *grant = Grant::decode(&bytes).unwrap();
            }
            listed
        }
    }

    /// Every swap adds to the record.
    Grows, ["law_storage_is_constant", "load_returns_what_was_swapped_in"], {
        fn swap(&self, expected: Version, next: &Grant, now: Timestamp) -> Result<Swap, StoreError> {
            let name = format!("was_{}", next.version().as_u64());
            let longer = super::fields::with_a_field(next, &name);
            Plain(&self.0).swap(expected, &longer, now)
        }
    }
}
