//! Removing, which is revocation.

use std::time::Instant;

use super::finding::Finding;
use super::grants::{HOUR, expiring, grant, grant_of, next};
use super::stage::{Outcome, Stage, checks, ensure, same};
use crate::grant::{Grant, Owner};
use crate::store::{Insert, Swap};

checks! {
    remove_returns_a_grant_once:
        "one end of a grant is told twice or never, and a revocation that did nothing looks done";
    remove_takes_one_record_alone:
        "one person's log-out is another person's";
    a_removed_id_is_free_again:
        "ids that the engine computes are used up: no device of that place, no login of that name, begins again";
    one_of_many_removals_gets_the_grant:
        "one end of a grant is told twice, or never";
    a_removed_grant_is_never_written_back:
        "a refresh that was in flight undoes a revocation: the thief stays logged in";
}

async fn remove_returns_a_grant_once(stage: Stage) -> Outcome {
    let first = grant(stage.now);
    ensure!(stage.remove(first.id).await?.is_none(), "remove of a grant that was never inserted returned one");
    stage.put(&first).await?;
    let second = next(&first);
    stage.swap(first.version, &second).await?;
    let removed = stage.remove(first.id).await?.ok_or("remove returned nothing of a grant that was there")?;
    same(&second, &removed, "remove, after a swap,")?;
    ensure!(stage.remove(first.id).await?.is_none(), "a second remove of a grant returned it again");
    stage.has_not(first.id, "after the remove").await
}

async fn remove_takes_one_record_alone(stage: Stage) -> Outcome {
    let (one, other) = (grant(stage.now), grant(stage.now));
    stage.put(&one).await?;
    stage.put(&other).await?;
    stage.remove(one.id).await?;
    stage.has(&other, "of another grant of the same owner, after a remove of the first").await?;
    stage.has_not(one.id, "after the remove").await
}

/// Whether a revocation took it or a purge; and nothing of the one before is in the way of the next.
async fn a_removed_id_is_free_again(stage: Stage) -> Outcome {
    let id = grant(stage.now).id;
    let of_alice = || Grant { id, ..expiring(stage.now + HOUR, grant(stage.now)) };
    let of_bob = || Grant { id, ..expiring(stage.now + HOUR, grant_of(Some("bob"), "web", stage.now)) };
    for round in 0..4 {
        let (own, others) = if round % 2 == 0 { (of_alice(), "bob") } else { (of_bob(), "alice") };
        let inserted = stage.insert(&own).await?;
        ensure!(inserted == Insert::Added, "insert said Duplicate of an id whose grant had gone");
        stage.has(&own, "of an id that another grant had before it").await?;
        let owner = Owner::subject(own.subject().unwrap_or_default());
        let listed = stage.page(&owner, None, 10).await?;
        ensure!(listed.len() == 1, "list had {} grants of an owner of one, whose id had been another's", listed.len());
        let listed = stage.page(&Owner::subject(others), None, 10).await?;
        ensure!(listed.is_empty(), "list had a grant that had gone, when its id was another owner's");
        // A store that purges has nothing left to remove then.
        if round >= 2 {
            stage.purge(stage.now + HOUR, 1_000).await?;
        }
        stage.remove(id).await?;
        stage.has_not(id, "after it had been removed").await?;
    }
    Ok(())
}

async fn one_of_many_removals_gets_the_grant(stage: Stage) -> Outcome {
    for _ in 0..stage.rounds {
        let first = grant(stage.now);
        stage.put(&first).await?;
        let removed = stage.at_once(stage.callers, |stage, _| async move { stage.remove(first.id).await }).await?;
        let count = removed.iter().flatten().count();
        ensure!(count == 1, "{count} of {} concurrent removals of one grant returned it", stage.callers);
        for removed in removed.iter().flatten() {
            same(&first, removed, "a concurrent remove")?;
        }
        stage.has_not(first.id, "after concurrent removals").await?;
    }
    Ok(())
}

/// What each caller comes to: how often its swap won, and what it removed.
type Race = (u32, Option<u32>);

async fn a_removed_grant_is_never_written_back(stage: Stage) -> Outcome {
    for round in 0..stage.rounds {
        let first = grant(stage.now);
        stage.put(&first).await?;
        let races = stage
            .at_once(stage.callers, |stage, caller| async move {
                if caller == 0 { ends(&stage, first.id, round % 8).await } else { steps(&stage, first.id).await }
            })
            .await?;
        stage.has_not(first.id, "after a remove that raced swaps").await?;
        let steps: u32 = races.iter().map(|(steps, _)| steps).sum();
        let Some(removed) = races.iter().find_map(|(_, removed)| *removed) else {
            return Err("remove returned nothing of a grant that was there, while it was swapped".into());
        };
        let at = removed - first.generation.as_u32();
        ensure!(steps == at, "{steps} swaps said Swapped, and the removed record had taken {at} steps");
        let swap = stage.swap(first.version, &next(&first)).await?;
        ensure!(swap == Swap::Lost, "compare_and_swap of a removed grant said Swapped");
    }
    Ok(())
}

async fn ends(stage: &Stage, id: crate::grant::GrantId, patience: usize) -> Result<Race, Finding> {
    for _ in 0..patience {
        stage.load(id).await?;
        stage.turn().await?;
    }
    Ok((0, stage.remove(id).await?.map(|removed| removed.generation.as_u32())))
}

async fn steps(stage: &Stage, id: crate::grant::GrantId) -> Result<Race, Finding> {
    let (mut steps, begun) = (0, Instant::now());
    for tries in 0.. {
        let Some(stored) = stage.load(id).await? else { break };
        if !stage.goes_on(tries, begun) {
            break;
        }
        stage.turn().await?;
        steps += u32::from(stage.swap(stored.version, &next(&stored)).await? == Swap::Swapped);
    }
    Ok((steps, None))
}
