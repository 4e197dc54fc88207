//! Stores that do wrong by records that cannot be read, and one that does right.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use regrant::conformance::Conformance;
use regrant::grant::{DecodeError, Owner, Version};
use regrant::store::{Cursor, Durability, Insert, Listed, Removed, StoreError, StoreErrorKind, Swap};
use regrant::{Engine, Grant, GrantId, StaticClients, Timestamp, TokenStore};

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    None,
    LoadFindsNothing,
    /// As after `Grant::decode(bytes).ok()`, by a store that knows the format apart.
    LoadFindsNothingThatIsCorrupt,
    LoadFindsNothingThatIsNewer,
    LoadFindsNothingWhereItIsEmpty,
    /// It knows the format by its first byte, and believes that this is all there is to know.
    LoadFindsNothingOfAnUnknownStage,
    LoadMends,
    LoadCallsAllDamaged,
    InsertReplaces,
    ListFails,
    ListLeavesOut,
    ListDoesNotCount,
    ListGoesOnAfterTheLastGrant,
    ListIsOfEverybody,
    RemoveKeeps,
    RemoveFails,
    RemoveFailsAfterwards,
    RemoveSaysNothing,
    PurgeFails,
    PurgeStops,
    PurgeTakesThemAll,
    PurgeCountsThemAll,
}

/// A table, as in the guide.
struct Table {
    fault: Fault,
    rows: Mutex<BTreeMap<GrantId, Row>>,
}

struct Row {
    version: Version,
    subject: Option<String>,
    client_id: String,
    expires_at: Timestamp,
    record: Vec<u8>,
}

impl Row {
    fn of(grant: &Grant) -> Self {
        Self {
            version: grant.version(),
            subject: grant.owner_key().map(str::to_owned),
            client_id: grant.client_id().to_owned(),
            expires_at: grant.expires_at(),
            record: grant.encode(),
        }
    }

    fn read(&self) -> Result<Grant, DecodeError> {
        Grant::decode(&self.record)
    }
}

impl Table {
    fn of(fault: Fault) -> Self {
        Self { fault, rows: Mutex::default() }
    }
}

impl TokenStore for Table {
    async fn insert(&self, grant: &Grant, _: Timestamp) -> Result<Insert, StoreError> {
        let mut rows = self.rows.lock();
        if rows.get(&grant.id()).is_some_and(|row| self.fault != Fault::InsertReplaces || row.read().is_ok()) {
            return Ok(Insert::Duplicate);
        }
        rows.insert(grant.id(), Row::of(grant));
        Ok(Insert::Added)
    }

    async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        let mut rows = self.rows.lock();
        let is_empty = rows.get(&id).is_some_and(|row| row.record.is_empty());
        let is_of_this_format = rows.get(&id).is_some_and(|row| row.record.first() == Some(&2));
        let record = rows.get(&id).map(Row::read);
        match (record, self.fault) {
            (Some(Err(_)), Fault::LoadFindsNothing)
            | (Some(Err(DecodeError::Corrupt)), Fault::LoadFindsNothingThatIsCorrupt)
            | (Some(Err(DecodeError::NewerFormat)), Fault::LoadFindsNothingThatIsNewer) => Ok(None),
            (Some(_), Fault::LoadFindsNothingWhereItIsEmpty) if is_empty => Ok(None),
            (Some(Err(DecodeError::NewerFormat)), Fault::LoadFindsNothingOfAnUnknownStage) if is_of_this_format => {
                Ok(None)
            }
            (Some(Err(error)), Fault::LoadMends) => {
                rows.remove(&id);
                Err(error.into())
            }
            (Some(Err(_)), Fault::LoadCallsAllDamaged) => Err(DecodeError::Corrupt.into()),
            (record, _) => Ok(record.transpose()?),
        }
    }

    async fn compare_and_swap(&self, expected: Version, next: &Grant, _: Timestamp) -> Result<Swap, StoreError> {
        match self.rows.lock().get_mut(&next.id()) {
            Some(row) if row.version == expected => {
                *row = Row::of(next);
                Ok(Swap::Swapped)
            }
            _ => Ok(Swap::Lost),
        }
    }

    async fn remove(&self, id: GrantId) -> Result<Removed, StoreError> {
        let mut rows = self.rows.lock();
        let record = rows.get(&id).map(Row::read);
        let Some(Err(error)) = record else {
            rows.remove(&id);
            return Ok(record.transpose()?.into());
        };
        match self.fault {
            Fault::RemoveFails => return Err(error.into()),
            Fault::RemoveKeeps => return Ok(Removed::Unreadable),
            _ => rows.remove(&id),
        };
        match self.fault {
            Fault::RemoveFailsAfterwards => Err(error.into()),
            Fault::RemoveSaysNothing => Ok(Removed::Nothing),
            _ => Ok(Removed::Unreadable),
        }
    }

    async fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Result<Listed, StoreError> {
        let after = after.map(|cursor| cursor.to_u64().unwrap_or(u64::MAX));
        let limit = limit.max(1);
        let rows = self.rows.lock();
        let own = rows.iter().filter(|(id, row)| {
            after.is_none_or(|after| id.as_u64() > after)
                && (row.subject.as_deref() == Some(owner.owner_key())
                    && owner.client_id().is_none_or(|client_id| client_id == row.client_id)
                    || self.fault == Fault::ListIsOfEverybody && row.read().is_err())
        });
        let (mut listed, mut last) = (Listed::default(), None);
        for (id, row) in own {
            let record = row.read();
            match (self.fault, &record) {
                (Fault::ListFails, Err(error)) => return Err((*error).into()),
                (Fault::ListLeavesOut, Err(_)) => continue,
                _ => {}
            }
            let counted = if self.fault == Fault::ListDoesNotCount { listed.grants.len() } else { listed.len() };
            if counted == limit {
                listed.next = last.map(|id: GrantId| Cursor::from_u64(id.as_u64()));
                break;
            }
            let readable = record.is_ok();
            listed.add(*id, record);
            if readable || self.fault != Fault::ListGoesOnAfterTheLastGrant {
                last = Some(*id);
            }
        }
        Ok(listed)
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut rows = self.rows.lock();
        if self.fault == Fault::PurgeTakesThemAll {
            rows.retain(|_, row| row.read().is_ok());
        }
        let expired = |row: &Row| row.expires_at <= now;
        let mut due: Vec<(Timestamp, GrantId)> =
            rows.iter().filter(|(_, row)| expired(row)).map(|(id, row)| (row.expires_at, *id)).collect();
        due.sort_unstable();
        let mut removed = 0;
        for (_, id) in due.iter().take(limit) {
            match (self.fault, rows.get(id).map(Row::read)) {
                (Fault::PurgeFails, Some(Err(error))) => return Err(error.into()),
                (Fault::PurgeStops, Some(Err(_))) => break,
                (Fault::PurgeCountsThemAll, Some(Err(_))) => removed += 1,
                _ => {}
            }
            rows.remove(id);
            removed += 1;
        }
        Ok(removed)
    }

    fn durability(&self) -> Durability {
        Durability::Volatile
    }
}

async fn spoil(store: Arc<Table>, id: GrantId, record: Vec<u8>) {
    store.rows.lock().get_mut(&id).expect("it was inserted").record = record;
}

/// A grant of alice's. Its id is the number at this place of every record.
fn sample(id: u64) -> Grant {
    let grant = regrant::internal::sample_grant("alice", "app");
    let (mut record, old) = (grant.encode(), grant.id().as_u64().to_be_bytes());
    let at = record.windows(8).position(|window| window == old).unwrap();
    record[at..at + 8].copy_from_slice(&id.to_be_bytes());
    Grant::decode(&record).unwrap()
}

/// What a future comes to that never waits.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

fn failures(fault: Fault) -> Vec<String> {
    let report = Conformance::new().check_unreadable_blocking(async || Table::of(fault), spoil);
    report.failures().iter().map(|failure| format!("{}: {}", failure.name(), failure.seen())).collect()
}

#[test]
fn a_store_that_goes_on_passes() {
    assert_eq!(failures(Fault::None), [""; 0]);
    // In everything else too.
    Conformance::new().check_blocking(async || Table::of(Fault::None)).assert();
}

#[test]
fn stores_that_do_wrong_by_what_cannot_be_read_are_caught() {
    let (load, list, remove, purge, end) = (
        "a_record_that_cannot_be_read_is_an_error_and_not_nothing",
        "a_list_goes_on_past_what_cannot_be_read",
        "what_cannot_be_read_can_be_removed",
        "a_purge_goes_on_past_what_cannot_be_read",
        "law_end_all_ends_what_cannot_be_read",
    );
    let cases: [(Fault, &[&str]); 21] = [
        (Fault::LoadFindsNothing, &[load]),
        (Fault::LoadFindsNothingThatIsCorrupt, &[load]),
        (Fault::LoadFindsNothingThatIsNewer, &[load]),
        (Fault::LoadFindsNothingWhereItIsEmpty, &[load]),
        (Fault::LoadFindsNothingOfAnUnknownStage, &[load]),
        (Fault::LoadMends, &[load]),
        (Fault::LoadCallsAllDamaged, &[load]),
        (Fault::InsertReplaces, &[load]),
        (Fault::ListFails, &[list, end]),
        (Fault::ListLeavesOut, &[list, end]),
        (Fault::ListDoesNotCount, &[list]),
        (Fault::ListGoesOnAfterTheLastGrant, &[list]),
        (Fault::ListIsOfEverybody, &[list, end]),
        (Fault::RemoveKeeps, &[remove, end]),
        (Fault::RemoveFails, &[remove, end]),
        (Fault::RemoveFailsAfterwards, &[remove, end]),
        (Fault::RemoveSaysNothing, &[remove, end]),
        (Fault::PurgeFails, &[purge]),
        (Fault::PurgeStops, &[purge]),
        (Fault::PurgeTakesThemAll, &[purge]),
        (Fault::PurgeCountsThemAll, &[purge]),
    ];
    // A check that no store fails checks nothing.
    let passed = Conformance::new().check_unreadable_blocking(async || Table::of(Fault::None), spoil);
    let checks: BTreeSet<String> = passed.passed().map(str::to_owned).collect();
    assert_eq!(checks, cases.iter().flat_map(|(_, checks)| *checks).map(|check| (*check).to_owned()).collect());
    for (fault, caught_by) in cases {
        let failures = failures(fault);
        for check in caught_by {
            assert!(
                failures.iter().any(|failure| failure.starts_with(check)),
                "{fault:?} passes {check}: {failures:#?}"
            );
        }
    }
}

/// Of a store that does not remove it the host is told, once the rest has ended.
#[test]
fn one_that_stays_is_an_error_after_the_rest_has_ended() {
    for (fault, left) in [(Fault::RemoveFails, 1), (Fault::RemoveFailsAfterwards, 0)] {
        let engine = Engine::builder(Table::of(fault), StaticClients::new()).build().unwrap();
        for id in 1..=5 {
            ready(engine.store().insert(&sample(id), Timestamp::EPOCH)).unwrap();
        }
        engine.store().rows.lock().get_mut(&GrantId::from_u64(3)).unwrap().record = vec![0xff];
        let error = ready(engine.end_sessions_of("alice", regrant::Timestamp::EPOCH)).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::NewerFormat);
        assert_eq!(engine.store().rows.lock().len(), left);
    }
}

#[test]
fn kinds_are_those_of_decoding() {
    // What the kit takes for granted of the records that it spoils.
    for (record, kind) in [(&[200, 0][..], StoreErrorKind::NewerFormat), (&[1][..], StoreErrorKind::Corrupt)] {
        assert_eq!(StoreError::from(Grant::decode(record).unwrap_err()).kind(), kind);
    }
}
