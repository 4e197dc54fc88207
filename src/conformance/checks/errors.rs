//! What is true after an error.
//!
//! A kit cannot make a store fail. Where one does, under load or because a test has seen to it, what its error says of
//! the write has to be so.

use std::time::Duration;

use super::finding::{Finding, failed};
use super::grants::{grant, next};
use super::stage::{Outcome, Stage, checks, ensure};
use super::timer::after;
use crate::grant::{Grant, GrantId, Version};
use crate::store::{StoreError, StoreErrorKind};

checks! {
    an_error_tells_what_happened_to_the_write:
        "the engine repeats or gives up what has taken place, and its own write then looks like a thief's";
}

/// After which nothing may have been written: which grant, and the version that was there.
type Untouched = (GrantId, Option<Version>);

async fn an_error_tells_what_happened_to_the_write(stage: Stage) -> Outcome {
    let untouched = stage
        .at_once(stage.callers, |stage, _| async move {
            let mut untouched = Vec::new();
            for _ in 0..stage.rounds {
                untouched.push(a_life(&stage).await?);
                stage.turn().await?;
            }
            Ok(untouched)
        })
        .await?;
    if untouched.iter().flatten().all(|told| matches!(told, Told::NoError)) {
        return Err(Finding::Nothing("no call of the store failed"));
    }
    let untouched: Vec<Untouched> = untouched
        .into_iter()
        .flatten()
        .filter_map(|told| if let Told::Untouched(it) = told { Some(it) } else { None })
        .collect();
    if !untouched.is_empty() {
        // "Nothing will be written" is about later, too.
        after(Duration::from_millis(200)).await;
    }
    for (id, version) in untouched {
        is_untouched(&stage, "a write", id, version, "a while later").await?;
    }
    Ok(())
}

/// What a grant came to.
enum Told {
    NoError,
    /// It may have been written.
    InDoubt,
    Untouched(Untouched),
}

/// A grant is inserted, swapped and removed. The last error of it, if that one said that nothing was written.
async fn a_life(stage: &Stage) -> Result<Told, Finding> {
    let first = grant(stage.now);
    let inserted = (*stage.store).insert_dyn(&first, stage.now).await;
    if let Err(error) = inserted {
        return told(stage, "insert", &error, first.id, None).await;
    }
    let second = next(&first);
    let swapped = (*stage.store).compare_and_swap_dyn(first.version, &second, stage.now).await;
    if let Err(error) = swapped {
        return told(stage, "compare_and_swap", &error, first.id, Some(first.version)).await;
    }
    match (*stage.store).remove_dyn(first.id).await {
        Ok(_) => Ok(Told::NoError),
        Err(error) => told(stage, "remove", &error, first.id, Some(second.version)).await,
    }
}

/// Whether what the error says is so.
async fn told(
    stage: &Stage,
    what: &str,
    error: &StoreError,
    id: GrantId,
    before: Option<Version>,
) -> Result<Told, Finding> {
    match error.kind() {
        StoreErrorKind::Indeterminate => Ok(Told::InDoubt),
        StoreErrorKind::NotApplied => {
            is_untouched(stage, what, id, before, "afterwards").await?;
            Ok(Told::Untouched((id, before)))
        }
        StoreErrorKind::Corrupt | StoreErrorKind::NewerFormat => Err(failed(what, error)),
    }
}

async fn is_untouched(stage: &Stage, what: &str, id: GrantId, before: Option<Version>, when: &str) -> Outcome {
    let stored = patient_load(stage, id).await?.map(|stored| stored.version);
    ensure!(stored == before, "{what} failed, NotApplied, and {when} the record was found to have been written");
    Ok(())
}

/// Loads may fail as well.
async fn patient_load(stage: &Stage, id: GrantId) -> Result<Option<Grant>, Finding> {
    for _ in 0..50 {
        if let Ok(stored) = stage.load(id).await {
            return Ok(stored);
        }
        after(Duration::from_millis(10)).await;
    }
    stage.load(id).await.map_err(|found| found.about("after fifty others in a row that failed"))
}
