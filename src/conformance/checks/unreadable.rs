//! Records that cannot be read: damaged ones, and those that a later version of this crate has written.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use super::engine::World;
use super::finding::{Finding, failed};
use super::grants::{DAY, HOUR, expiring, grant, grant_of, next};
use super::options::Conformance;
use super::report::Report;
use super::spawn::{Spawner, block_on, on_a_thread};
use super::stage::{Check, Outcome, Stage, ensure};
use super::timer::within;
use crate::grant::{Grant, GrantId, Owner};
use crate::store::{BoxFuture, Insert, Removed, StoreErrorKind, Swap, TokenStore};

/// What a check stands on, and how it spoils records.
#[derive(Clone)]
struct Spoilt {
    stage: Stage,
    spoil: Arc<dyn Fn(GrantId, Vec<u8>) -> BoxFuture<'static, ()> + Send + Sync>,
}

/// A check, and its name and what it costs.
struct Spoiled(Check, fn(Spoilt) -> BoxFuture<'static, Outcome>);

macro_rules! spoiled {
    ($($name:ident: $cost:literal;)*) => {
        const CHECKS: &[Spoiled] = &[$(Spoiled(
            // It is run by the other function.
            Check { name: stringify!($name), cost: $cost, run: |_| Box::pin(std::future::ready(Ok(()))) },
            |spoilt| Box::pin($name(spoilt)),
        )),*];
    };
}

spoiled! {
    a_record_that_cannot_be_read_is_an_error_and_not_nothing:
        "a damaged grant looks revoked, and its id free";
    a_list_goes_on_past_what_cannot_be_read:
        "one damaged record keeps its owner logged in everywhere: nothing can be listed, so nothing can be ended";
    what_cannot_be_read_can_be_removed:
        "a grant that another version wrote survives its revocation, and lets in again whoever comes to a node of that one";
    a_purge_goes_on_past_what_cannot_be_read:
        "one damaged record keeps all that expire after it, for ever";
    law_end_all_ends_what_cannot_be_read:
        "\"log me out everywhere\" leaves sessions alive while a new version is rolled out";
}

impl Conformance {
    /// Runs the checks of records that cannot be read, which those of [`check`](Self::check) leave out.
    ///
    /// `spoil` puts other bytes in the place of the record of this id, as [`Grant::encode`] gave it, and leaves everything
    /// else as it is: columns, keys, indexes, times to live. The store is one that `make` gave. It panics where it cannot.
    ///
    /// ```
    /// # use parking_lot::Mutex;
    /// # use regrant::grant::{Owner, Version};
    /// # use regrant::store::{Cursor, Durability, Insert, Listed, Removed, StoreError, Swap};
    /// # use regrant::{Grant, GrantId, Timestamp, TokenStore};
    /// # use std::collections::BTreeMap;
    /// # #[derive(Default)]
    /// # struct MyStore(Mutex<BTreeMap<GrantId, Vec<u8>>>);
    /// # impl TokenStore for MyStore {
    /// #     async fn insert(&self, grant: &Grant, _: Timestamp) -> Result<Insert, StoreError> {
    /// #         self.0.lock().insert(grant.id(), grant.encode());
    /// #         Ok(Insert::Added)
    /// #     }
    /// #     async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
    /// #         Ok(self.0.lock().get(&id).map(|bytes| Grant::decode(bytes)).transpose()?)
    /// #     }
    /// #     async fn compare_and_swap(&self, _: Version, _: &Grant, _: Timestamp) -> Result<Swap, StoreError> {
    /// #         Ok(Swap::Lost)
    /// #     }
    /// #     async fn remove(&self, id: GrantId) -> Result<Removed, StoreError> {
    /// #         Ok(self.0.lock().remove(&id).map_or(Removed::Nothing, |bytes| Grant::decode(&bytes).into()))
    /// #     }
    /// #     async fn list(&self, _: &Owner, _: Option<Cursor>, _: usize) -> Result<Listed, StoreError> {
    /// #         Ok(Listed::default())
    /// #     }
    /// #     async fn purge_expired(&self, _: Timestamp, _: usize) -> Result<usize, StoreError> {
    /// #         Ok(0)
    /// #     }
    /// #     fn durability(&self) -> Durability {
    /// #         Durability::Volatile
    /// #     }
    /// # }
    /// # impl MyStore {
    /// #     async fn put(&self, id: GrantId, record: Vec<u8>) {
    /// #         self.0.lock().insert(id, record);
    /// #     }
    /// # }
    /// # #[tokio::main]
    /// # async fn main() {
    /// use regrant::conformance::Conformance;
    /// use std::sync::Arc;
    ///
    /// let spoil = |store: Arc<MyStore>, id, record| async move { store.put(id, record).await };
    /// let kit = Conformance::new();
    /// let report =
    ///     kit.check_unreadable(|task| drop(tokio::spawn(task)), async || MyStore::default(), spoil).await;
    /// assert!(!report.is_ok(), "it lists nothing");
    /// # }
    /// ```
    pub async fn check_unreadable<S: TokenStore + 'static, F: Future<Output = ()> + Send + 'static>(
        &self,
        spawn: impl Fn(BoxFuture<'static, ()>) + Send + Sync + 'static,
        make: impl AsyncFn() -> S,
        spoil: impl Fn(Arc<S>, GrantId, Vec<u8>) -> F + Send + Sync + 'static,
    ) -> Report {
        let spawner: Spawner = Arc::new(spawn);
        let spoil = Arc::new(spoil);
        let mut report = self.report(CHECKS.iter().map(|check| &check.0));
        for Spoiled(check, run) in CHECKS.iter().filter(|check| self.includes(&check.0)) {
            let store = Arc::new(make().await);
            let stage = self.stage(&spawner, Arc::<S>::clone(&store));
            let spoil = Arc::clone(&spoil);
            let spoil = Arc::new(move |id, record| Box::pin(spoil(Arc::clone(&store), id, record)) as BoxFuture<'_, _>);
            let run = stage.start(run(Spoilt { stage: stage.clone(), spoil }));
            let over = stage.over;
            self.note(&mut report, check, &over, within(self.deadline_of_each(), run).await);
        }
        report
    }

    /// The same without an async runtime: every task has a thread of its own.
    ///
    /// ```
    /// # use regrant::{GrantId, MemoryStore};
    /// # use regrant::conformance::{Conformance, Report};
    /// # use std::sync::Arc;
    /// fn check(make: impl AsyncFn() -> MemoryStore, spoil: fn(Arc<MemoryStore>, GrantId, Vec<u8>)) -> Report {
    ///     Conformance::new().check_unreadable_blocking(make, move |store, id, record| {
    ///         spoil(store, id, record);
    ///         std::future::ready(())
    ///     })
    /// }
    /// ```
    pub fn check_unreadable_blocking<S: TokenStore + 'static, F: Future<Output = ()> + Send + 'static>(
        &self,
        make: impl AsyncFn() -> S,
        spoil: impl Fn(Arc<S>, GrantId, Vec<u8>) -> F + Send + Sync + 'static,
    ) -> Report {
        block_on(self.check_unreadable(on_a_thread, make, spoil))
    }
}

impl Spoilt {
    const WAYS: usize = 5;

    /// One of these ways, in turn.
    async fn spoil(&self, grant: &Grant, way: usize) -> StoreErrorKind {
        let mut record = grant.encode();
        let kind = match way % Self::WAYS {
            0 => {
                record[0] = Grant::FORMAT + 1;
                StoreErrorKind::NewerFormat
            }
            1 => {
                record.truncate(record.len() / 2);
                StoreErrorKind::Corrupt
            }
            // Of a later version in the format of this one: of a stage, and with a member, that nobody knows yet.
            3 => {
                record[0] = Grant::FORMAT;
                record.push(u8::MAX);
                StoreErrorKind::NewerFormat
            }
            4 => {
                record[0] = Grant::FORMAT;
                record.extend(b"\x01\xfe\x00\x01x");
                StoreErrorKind::NewerFormat
            }
            // Which is not the same as none.
            _ => {
                record.clear();
                StoreErrorKind::Corrupt
            }
        };
        (self.spoil)(grant.id, record).await;
        kind
    }

    /// Grants of an owner, every third of them spoilt: those that can be read, and the ids of the others.
    async fn put_some(&self, subject: &str, many: usize) -> Result<(Vec<Grant>, BTreeSet<GrantId>), Finding> {
        let (mut readable, mut unreadable) = (Vec::new(), BTreeSet::new());
        for number in 0..many {
            let grant = grant_of(Some(subject), "app", self.stage.now);
            self.stage.put(&grant).await?;
            if number % 3 == 0 {
                self.spoil(&grant, number / 3).await;
                unreadable.insert(grant.id);
            } else {
                readable.push(grant);
            }
        }
        Ok((readable, unreadable))
    }

    /// It is there still and cannot be read.
    async fn is_unreadable(&self, id: GrantId, kind: StoreErrorKind, when: &str) -> Outcome {
        match (*self.stage.store).load_dyn(id).await {
            Ok(None) => Err(format!("load of a record that cannot be read, {when}, found no grant").into()),
            Ok(Some(_)) => Err(format!("load of a record that cannot be read, {when}, found a grant").into()),
            Err(error) if error.kind() == kind => Ok(()),
            Err(error) => Err(failed("load", &error).about(format!("of a record whose error is {kind:?}, {when}"))),
        }
    }

    async fn remove(&self, id: GrantId) -> Result<Removed, Finding> {
        (*self.stage.store).remove_dyn(id).await.map_err(|error| failed("remove", &error))
    }

    /// A walk of pages: how many grants there were, and the ids of what could not be read, each once.
    async fn walk(&self, owner: &Owner, limit: usize) -> Result<(usize, BTreeSet<GrantId>), Finding> {
        let (mut grants, mut unreadable, mut after) = (BTreeSet::new(), BTreeSet::new(), None);
        // More pages than there are records.
        for _ in 0..100 {
            let page = self.stage.page(owner, after.clone(), limit).await?;
            let had = page.grants.len() + page.unreadable.len();
            ensure!(had <= limit, "list gave {had} grants and unreadable records for a limit of {limit}");
            ensure!(page.next.is_none() || page.next != after, "list gave a cursor that leads to where it was");
            ensure!(had > 0 || page.next.is_none(), "list gave an empty page, and another after it");
            for grant in page.grants {
                ensure!(owner.owns(&grant), "list gave a grant of another owner");
                ensure!(grants.insert(grant.id), "list, {limit} at a time, gave a grant twice");
            }
            for id in page.unreadable {
                ensure!(unreadable.insert(id), "list, {limit} at a time, gave an unreadable record twice");
            }
            after = page.next;
            if after.is_none() {
                return Ok((grants.len(), unreadable));
            }
        }
        Err(format!("list, {limit} at a time, did not end").into())
    }
}

async fn a_record_that_cannot_be_read_is_an_error_and_not_nothing(spoilt: Spoilt) -> Outcome {
    let stage = &spoilt.stage;
    for number in 0..Spoilt::WAYS {
        let first = grant(stage.now);
        stage.put(&first).await?;
        let kind = spoilt.spoil(&first, number).await;
        spoilt.is_unreadable(first.id, kind, "after it was spoilt").await?;
        let second = next(&first);
        // Whether it knows the version without the record is the store's business. This one it is not.
        let swap = (*stage.store).compare_and_swap_dyn(second.version, &next(&second), stage.now).await;
        ensure!(!matches!(swap, Ok(Swap::Swapped)), "compare_and_swap of a version that is not stored said Swapped");
        spoilt.is_unreadable(first.id, kind, "after a swap").await?;
        let inserted = (*stage.store).insert_dyn(&second, stage.now).await;
        ensure!(!matches!(inserted, Ok(Insert::Added)), "insert of the id of an unreadable record said Insert");
        spoilt.is_unreadable(first.id, kind, "after an insert of its id").await?;
    }
    Ok(())
}

async fn a_list_goes_on_past_what_cannot_be_read(spoilt: Spoilt) -> Outcome {
    let (readable, unreadable) = spoilt.put_some("alice", 16).await?;
    let (others, spoilt_others) = spoilt.put_some("bob", 4).await?;
    for limit in [1, 2, 3, 10, 100] {
        for (subject, readable, unreadable) in
            [("alice", &readable, &unreadable), ("bob", &others, &spoilt_others), ("nobody", &vec![], &BTreeSet::new())]
        {
            for owner in [Owner::subject(subject), Owner::subject(subject).at_client("app")] {
                let (found, named) = spoilt.walk(&owner, limit).await?;
                ensure!(found == readable.len(), "list had {found} of {} grants that can be read", readable.len());
                let (many, missing) = (unreadable.len(), unreadable.difference(&named).count());
                ensure!(missing == 0, "list left out {missing} of {many} records that cannot be read");
                ensure!(named.len() == many, "list named {} records that cannot be read, of {many}", named.len());
            }
        }
    }
    Ok(())
}

async fn what_cannot_be_read_can_be_removed(spoilt: Spoilt) -> Outcome {
    let stage = &spoilt.stage;
    for number in 0..stage.rounds.max(Spoilt::WAYS) {
        let (first, other) = (grant(stage.now), grant(stage.now));
        stage.put(&first).await?;
        stage.put(&other).await?;
        spoilt.spoil(&first, number).await;
        let asking = spoilt.clone();
        let removed = stage.at_once(stage.callers, |_, _| {
            let asking = asking.clone();
            async move { asking.remove(first.id).await }
        });
        let removed = removed.await?;
        let many = removed.iter().filter(|removed| **removed == Removed::Unreadable).count();
        ensure!(many == 1, "{many} of {} removals of one unreadable record said Unreadable", stage.callers);
        let many = removed.iter().filter(|removed| matches!(removed, Removed::Grant(_))).count();
        ensure!(many == 0, "remove of an unreadable record said that it was a grant");
        stage.has_not(first.id, "after the remove of an unreadable record").await?;
        stage.has(&other, "of another grant of the same owner, after that").await?;
        let alice = Owner::subject("alice");
        let (found, named) = spoilt.walk(&alice, 100).await?;
        ensure!(named.is_empty(), "list named an unreadable record that had been removed");
        ensure!(found == 1, "list had {found} grants after the remove of an unreadable record beside one");
        // Nothing of it is in the way of another.
        stage.put(&first).await?;
        let (found, _) = spoilt.walk(&alice, 1).await?;
        ensure!(found == 2, "list had {found} of 2 grants, one of them of the id of a removed unreadable record");
        stage.remove(first.id).await?;
        stage.remove(other.id).await?;
    }
    Ok(())
}

async fn a_purge_goes_on_past_what_cannot_be_read(spoilt: Spoilt) -> Outcome {
    let stage = &spoilt.stage;
    let (mut readable, mut spoilt_first) = (Vec::new(), Vec::new());
    // One before them, so that a store that purges is told from one that expires records by itself.
    for number in 0..10 {
        let first = expiring(stage.now + HOUR * (number + 1), grant(stage.now));
        stage.put(&first).await?;
        if (1..6).contains(&number) {
            spoilt.spoil(&first, number as usize).await;
            spoilt_first.push(first);
        } else {
            readable.push(first);
        }
    }
    let lasting = expiring(stage.now + DAY * 90, grant(stage.now));
    stage.put(&lasting).await?;
    let kind = spoilt.spoil(&lasting, 0).await;
    let (later, mut said) = (stage.now + DAY, 0);
    for _ in 0..13 {
        let purged = stage.purge(later, 1).await?;
        ensure!(purged <= 1, "purge_expired with a limit of 1 said {purged}");
        said += purged;
    }
    let mut left = 0;
    for grant in &readable {
        left += usize::from(stage.load(grant.id).await?.is_some());
    }
    // A store that expires records by itself does nothing here; its records have hours to go, on the wall.
    ensure!(
        left == 0 || (said == 0 && left == readable.len()),
        "purge_expired, past records that cannot be read, left {left} of {} expired grants",
        readable.len()
    );
    let mut removed = readable.len() - left;
    for grant in &spoilt_first {
        removed += usize::from(matches!((*stage.store).load_dyn(grant.id).await, Ok(None)));
    }
    ensure!(removed == said, "purge_expired removed {removed} and said {said}");
    let after_that = stage.purge(later, usize::MAX).await?;
    ensure!(after_that == 0, "purge_expired said {after_that} where nothing was left to purge");
    spoilt.is_unreadable(lasting.id, kind, "after a purge long before it expires").await?;
    // What an insert sweeps is in the way of none.
    let new = expiring(later + DAY, grant(later));
    let inserted = stage.insert_at(&new, later).await?;
    ensure!(inserted == Insert::Added, "insert said Duplicate of an id that was never inserted");
    stage.has(&new, "after an insert beside unreadable records").await
}

async fn law_end_all_ends_what_cannot_be_read(spoilt: Spoilt) -> Outcome {
    let stage = &spoilt.stage;
    let world = World::new(stage)?;
    let (mut sessions, mut ids) = (Vec::new(), Vec::new());
    for number in 0..6 {
        let tokens = world.login("alice").await?;
        if number % 2 == 0 {
            let grant = world.stored(&tokens).await?;
            spoilt.spoil(&grant, number / 2).await;
            ids.push(grant.id);
        }
        sessions.push(tokens);
    }
    let bobs = world.login("bob").await?;
    let page = world.engine.sessions("alice", None, 100, stage.now).await;
    let page = page.map_err(|error| failed("the list of sessions", &error))?;
    let (had, named) = (page.sessions.len(), page.unreadable.len());
    ensure!((had, named) == (3, 3), "of 3 sessions and 3 unreadable ones the list had {had} and {named}");
    let end = async |subject, id| {
        world
            .engine
            .end_session(subject, id, world.stage.now)
            .await
            .map_err(|error| failed("the end of an unreadable session", &error))
    };
    ensure!(!end("bob", ids[0]).await?, "an unreadable session was ended by another subject");
    ensure!(end("alice", ids[0]).await?, "an unreadable session was not ended by its own subject");
    let ended = world
        .engine
        .end_sessions_of("alice", world.stage.now)
        .await
        .map_err(|error| failed("the end of all sessions", &error))?;
    ensure!(ended == 5, "the end of all sessions ended {ended} of 5, 2 of them unreadable");
    world.are_dead(sessions.iter(), "after the end of all sessions").await?;
    let bobs = world.refresh(&bobs.refresh, stage.now).await?;
    ensure!(bobs.is_ok(), "another subject's session was ended");
    Ok(())
}
