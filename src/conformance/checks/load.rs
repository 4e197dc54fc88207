//! What comes back is what was written.

use super::finding::Finding;
use super::grants::{grant, life, of_every_size, version};
use super::stage::{Outcome, Stage, checks, ensure, same};
use crate::grant::{GrantId, Owner};
use crate::store::Swap;

checks! {
    load_finds_nothing_that_was_not_inserted:
        "a token of no grant is taken for one of another's";
    load_returns_what_was_inserted:
        "a field that changes in the store is another scope, another person, another lifetime, or a dead token";
    load_returns_what_was_swapped_in:
        "a field that is not rewritten leaves a revoked token alive, or logs out who has just refreshed";
    remove_returns_the_whole_record:
        "the host is told the wrong grant's end";
    list_returns_whole_records:
        "a session that looks expired or not begun is hidden from the person who should end it";
}

async fn load_finds_nothing_that_was_not_inserted(stage: Stage) -> Outcome {
    let there = grant(stage.now);
    stage.has_not(there.id, "of an empty store").await?;
    stage.put(&there).await?;
    for id in [there.id.as_u64() ^ 1, there.id.as_u64() ^ (1 << 63), there.id.as_u64() ^ (1 << 31)] {
        stage.has_not(GrantId::from_u64(id), "of an id that was not inserted").await?;
    }
    Ok(())
}

async fn load_returns_what_was_inserted(stage: Stage) -> Outcome {
    for (what, grant) in of_every_size(stage.now) {
        // Ids at the ends of their range are the same each time; a table may have them from an earlier run.
        stage.remove(grant.id).await?;
        let with = |found: Finding| found.about(format_args!("with {what}"));
        stage.put(&grant).await.map_err(with)?;
        stage.has(&grant, "after the insert").await.map_err(with)?;
    }
    Ok(())
}

async fn load_returns_what_was_swapped_in(stage: Stage) -> Outcome {
    let life = life(stage.now);
    let Some(((_, first), later)) = life.split_first() else { return Ok(()) };
    stage.put(first).await?;
    let mut stored = first;
    // There and back, so that each field also changes back.
    for (what, next) in later.iter().chain(life.iter().rev().skip(1)) {
        let swap = stage.swap(stored.version, next).await?;
        ensure!(swap == Swap::Swapped, "compare_and_swap to {what} said Lost though the version was the stored one");
        stage.has(next, &format!("after a swap to {what}")).await?;
        stored = next;
    }
    for (what, grant) in of_every_size(stage.now) {
        stage.remove(grant.id).await?;
        stage.put(&grant).await?;
        let mut next = grant.clone();
        next.version = version();
        let swap = stage.swap(grant.version, &next).await?;
        ensure!(swap == Swap::Swapped, "with {what}, compare_and_swap said Lost though the version was the stored one");
        stage.has(&next, &format!("after a swap of {what}")).await?;
    }
    Ok(())
}

async fn remove_returns_the_whole_record(stage: Stage) -> Outcome {
    for (what, grant) in of_every_size(stage.now) {
        stage.remove(grant.id).await?;
        stage.put(&grant).await?;
        match stage.remove(grant.id).await? {
            Some(removed) => same(&grant, &removed, &format!("remove of {what}"))?,
            None => return Err(format!("remove of {what} returned nothing").into()),
        }
        stage.has_not(grant.id, &format!("after a remove of {what}")).await?;
    }
    Ok(())
}

async fn list_returns_whole_records(stage: Stage) -> Outcome {
    for (what, grant) in of_every_size(stage.now) {
        let Some(subject) = grant.owner_key() else { continue };
        stage.remove(grant.id).await?;
        stage.put(&grant).await?;
        let listed = stage.page(&Owner::subject(subject).at_client(grant.client_id()), None, 1_000).await?;
        match listed.grants.iter().find(|listed| listed.id == grant.id) {
            Some(listed) => same(&grant, listed, &format!("list of {what}"))?,
            None => return Err(format!("{what} was not listed").into()),
        }
    }
    Ok(())
}
