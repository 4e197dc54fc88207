//! Removing, which is revocation.

use std::time::Instant;

use super::finding::Finding;
use super::grants::{grant, next};
use super::stage::{Outcome, Stage, checks, ensure, same};
use crate::store::Swap;

checks! {
    remove_returns_a_grant_once:
        "one end of a grant is told twice or never, and a revocation that did nothing looks done";
    remove_takes_one_record_alone:
        "one person's log-out is another person's";
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
