//! Stores that are made for tests.

pub(crate) mod bytes;
pub(crate) mod faulty;
pub(crate) mod shelf;
pub(crate) mod stalling;
pub(crate) mod waiting;

/// What stores index by is promised to them never to change, from insert to removal (`Grant::owner_key`): a swap that breaks it is a
/// fault of the engine, whatever a test is about.
#[track_caller]
pub(crate) fn keeps_its_owner(stored: &regrant::Grant, next: &regrant::Grant) {
    let indexed = |grant: &regrant::Grant| (grant.owner_key().map(str::to_owned), grant.client_id().to_owned());
    assert_eq!(indexed(stored), indexed(next), "the owner of a record never changes");
}
