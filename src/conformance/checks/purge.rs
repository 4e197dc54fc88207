//! Purging, which must never be in the way of who is still there.

use super::finding::Finding;
use super::grants::{DAY, HOUR, expiring, grant, next};
use super::stage::{Outcome, Stage, checks, ensure};
use crate::grant::{Grant, Timestamp};
use crate::store::{BoxFuture, Swap};

checks! {
    purge_takes_only_what_has_expired:
        "people are logged out early";
    purge_keeps_to_its_limit_and_counts_truly:
        "a purge of everything at once stalls the server, or one that is believed done never ends";
    a_purge_spares_a_grant_that_is_extended_meanwhile:
        "a client that has just refreshed is logged out";
}

async fn purge_takes_only_what_has_expired(stage: Stage) -> Outcome {
    let mut grants = Vec::new();
    for hours in 1..=10 {
        let grant = expiring(stage.now + HOUR * hours, grant(stage.now));
        stage.put(&grant).await?;
        grants.push(grant);
    }
    let now = stage.now + HOUR * 5;
    stage.purge(stage.now, 1_000).await?;
    for grant in &grants {
        stage.has(grant, "after a purge before anything had expired").await?;
    }
    stage.purge(Timestamp::from_millis(now.as_millis() - 1), 1_000).await?;
    stage.has(&grants[4], "after a purge a millisecond before its expiry").await?;
    stage.purge(now, 1_000).await?;
    for grant in &grants[5..] {
        stage.has(grant, "after a purge of what had expired earlier").await?;
    }
    Ok(())
}

async fn purge_keeps_to_its_limit_and_counts_truly(stage: Stage) -> Outcome {
    let mut grants = Vec::new();
    for _ in 0..10 {
        let grant = grant(stage.now);
        stage.put(&grant).await?;
        grants.push(grant);
    }
    let later = stage.now + DAY * 3;
    let purged = stage.purge(later, 0).await?;
    ensure!(purged == 0, "purge_expired with a limit of 0 said {purged}");
    let mut left = count(&stage, &grants).await?;
    ensure!(left == grants.len(), "purge_expired with a limit of 0 removed {}", grants.len() - left);
    let mut total = 0;
    for _ in 0..=grants.len() {
        let purged = stage.purge(later, 3).await?;
        let now_left = count(&stage, &grants).await?;
        ensure!(left - now_left <= 3, "purge_expired with a limit of 3 removed {}", left - now_left);
        ensure!(left - now_left == purged, "purge_expired removed {} and said {purged}", left - now_left);
        left = now_left;
        total += purged;
    }
    // A store that expires records by itself does nothing here; its records have a day to go, on the wall.
    ensure!(total == 0 || left == 0, "purge_expired left {left} of {} expired grants", grants.len());
    let purged = stage.purge(later, usize::MAX).await?;
    ensure!(purged == 0, "purge_expired said {purged} where nothing was left to purge");
    Ok(())
}

pub(super) async fn count(stage: &Stage, grants: &[Grant]) -> Result<usize, Finding> {
    let mut there = 0;
    for grant in grants {
        there += usize::from(stage.load(grant.id).await?.is_some());
    }
    Ok(there)
}

async fn a_purge_spares_a_grant_that_is_extended_meanwhile(stage: Stage) -> Outcome {
    let (later, far) = (stage.now + DAY * 3, stage.now + DAY * 60);
    for round in 0..stage.rounds {
        let mut races = Vec::new();
        for _ in 0..stage.callers {
            let first = grant(stage.now);
            stage.put(&first).await?;
            let extended = expiring(far, next(&first));
            races.push((first, extended));
        }
        let mut tasks: Vec<BoxFuture<'static, Result<Option<Swap>, Finding>>> = Vec::new();
        for (first, extended) in &races {
            let (swapper, purger) = (stage.at(0), stage.at(1));
            let (expected, extended) = (first.version, extended.clone());
            tasks.push(Box::pin(async move {
                for _ in 0..round % 4 {
                    swapper.turn().await?;
                }
                swapper.swap_at(expected, &extended, later).await.map(Some)
            }));
            tasks.push(Box::pin(async move { purger.purge(later, 1_000).await.map(|_| None) }));
        }
        let swaps = stage.together(tasks).await?;
        for ((first, extended), swap) in races.iter().zip(swaps.iter().flatten()) {
            match swap {
                Swap::Swapped => stage.has(extended, "after a swap to a later expiry that raced a purge").await?,
                Swap::Lost => stage.has_not(first.id, "after a purge had won against a swap").await?,
            }
            stage.remove(first.id).await?;
        }
    }
    Ok(())
}
