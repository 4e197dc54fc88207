//! How a purge finds what has expired, and what it says that it did.

use super::finding::Finding;
use super::grants::{DAY, HOUR, expiring, grant, next};
use super::list::put_all;
use super::purge::count;
use super::stage::{BY_ITSELF, Outcome, Stage, checks, ensure};
use crate::grant::{Grant, Timestamp};
use crate::store::Swap;

checks! {
    stale_expiries_do_not_stop_a_purge:
        "once enough grants have been refreshed, no purge removes anything any more, until the store is full";
    racing_purges_count_each_grant_once:
        "a purge that is repeated until it says 0 never ends, or what it reports is not so";
    a_purge_takes_what_expires_at_that_very_moment:
        "a purge by a clock that stands still, as in tests and simulations, leaves records of dead grants";
}

async fn stale_expiries_do_not_stop_a_purge(stage: Stage) -> Outcome {
    // These were to expire first, and do not: they are refreshed, or removed.
    let first: Vec<Grant> = (0..30).map(|_| expiring(stage.now + HOUR, grant(stage.now))).collect();
    put_all(&stage, &first).await?;
    let dead: Vec<Grant> = (0..6).map(|_| expiring(stage.now + HOUR * 2, grant(stage.now))).collect();
    put_all(&stage, &dead).await?;
    for (at, grant) in first.iter().enumerate() {
        if at % 3 == 2 {
            stage.remove(grant.id).await?;
            continue;
        }
        let swap = stage.swap(grant.version, &expiring(stage.now + DAY * 30, next(grant))).await?;
        ensure!(swap == Swap::Swapped, "compare_and_swap said Lost with the stored version");
    }
    let now = stage.now + HOUR * 3;
    let (mut purged, mut calls) = (0, 0);
    // More calls than there are stale expiries: each may clear some away, and find no dead grant.
    while count(&stage, &dead).await? > 0 && calls < 50 {
        purged += stage.purge(now, 3).await?;
        calls += 1;
    }
    let left = count(&stage, &dead).await?;
    if purged == 0 && left == dead.len() && purges_nothing(&stage).await? {
        return Err(Finding::Nothing(BY_ITSELF));
    }
    ensure!(
        left == 0,
        "{calls} calls of purge_expired with a limit of 3 left {left} of {} expired grants, where {} others had been \
         refreshed or removed",
        dead.len(),
        first.len()
    );
    Ok(())
}

/// Whether a purge does not even take the one grant that has expired.
async fn purges_nothing(stage: &Stage) -> Result<bool, Finding> {
    let dead = expiring(stage.now - HOUR, grant(stage.now));
    // With an hour to live by the clock of the insert, so that it does not go by itself meanwhile.
    stage.insert_at(&dead, stage.now - HOUR * 2).await?;
    // Long before any other of this check expires.
    stage.purge(stage.now, 100).await?;
    Ok(stage.remove(dead.id).await?.is_some())
}

async fn racing_purges_count_each_grant_once(stage: Stage) -> Outcome {
    let now = stage.now + DAY * 3;
    for _ in 0..stage.rounds.min(10) {
        let dead: Vec<Grant> = (0..24).map(|_| grant(stage.now)).collect();
        put_all(&stage, &dead).await?;
        let said = stage
            .at_once(stage.callers, |stage, _| async move {
                let mut said = 0;
                for _ in 0..4 {
                    said += stage.purge(now, 5).await?;
                    stage.turn().await?;
                }
                Ok(said)
            })
            .await?;
        let said: usize = said.iter().sum();
        let gone = dead.len() - count(&stage, &dead).await?;
        if gone == 0 && said == 0 {
            return Err(Finding::Nothing(BY_ITSELF));
        }
        ensure!(
            said == gone,
            "{} purges at once said that they removed {said}, and {gone} were gone",
            stage.callers * 4
        );
        for grant in &dead {
            stage.remove(grant.id).await?;
        }
    }
    Ok(())
}

async fn a_purge_takes_what_expires_at_that_very_moment(stage: Stage) -> Outcome {
    // At a midnight, in case that a store counts in seconds, hours or days.
    let days = stage.now.as_millis() / 86_400_000 + 2;
    let moment = Timestamp::from_millis(days * 86_400_000);
    let dead = expiring(moment, grant(stage.now));
    stage.put(&dead).await?;
    stage.purge(moment, 10).await?;
    if stage.load(dead.id).await?.is_none() {
        return Ok(());
    }
    stage.purge(moment + DAY * 2, 10).await?;
    if stage.load(dead.id).await?.is_some() {
        return Err(Finding::Nothing(BY_ITSELF));
    }
    Err("a purge left a grant whose expiry was the very time of the purge, and a later one took it".into())
}
