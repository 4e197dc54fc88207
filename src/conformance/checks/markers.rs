//! Markers: records that say that something was used. They have ids that are computed, no owner, and live for minutes; a store may keep
//! them [apart](crate::Grant::is_marker).

use std::time::Duration;

use super::grants::{DAY, marker, marker_of};
use super::list::finds;
use super::paging::alice;
use super::stage::{Outcome, Stage, checks, ensure};
use crate::grant::{Grant, Owner, Timestamp};
use crate::store::Insert;

checks! {
    a_marker_stays_until_its_end:
        "what may be used once is used twice: an assertion, a proof, an approval that was caught";
    one_of_many_inserts_of_a_marker_wins:
        "what may be used once is used by several at once";
    markers_are_in_no_list:
        "a person's account page shows sessions that are none, and ending them lets in what was used";
}

async fn a_marker_stays_until_its_end(stage: Stage) -> Outcome {
    // Of one minute, so that a store that drops minutes must not drop the first with the others.
    let minute = stage.now.as_secs() / 60 * 60 + 3_600;
    let markers: Vec<Grant> = [0, 1, 30, 59].map(|secs| marker(Timestamp::from_secs(minute + secs), &stage)).into();
    for first in &markers {
        ensure!(first.id.as_u64() >> 62 == 0b11, "a marker's id does not begin as those of markers do");
        stage.put(first).await?;
        for (what, other) in [
            ("another marker of that id", marker_of(first.id, first.expires_at, &stage)),
            ("the same marker again", first.clone()),
            ("an expired one of that id", marker_of(first.id, stage.now, &stage)),
        ] {
            let inserted = stage.insert(&other).await?;
            ensure!(inserted == Insert::Duplicate, "insert of {what} said Insert");
        }
    }
    let mut purged = 0;
    for first in &markers {
        stage.has(first, "of a marker, after inserts of its id").await?;
        purged += stage.purge(first.expires_at - Duration::from_millis(1), 1_000).await?;
        stage.has(first, "of a marker, after a purge a millisecond before its end").await?;
    }
    purged += stage.purge(stage.now + DAY * 2, 1_000).await?;
    let mut left = 0;
    for first in &markers {
        left += usize::from(stage.load(first.id).await?.is_some());
    }
    // A store that expires records by itself does nothing here.
    ensure!(
        purged == markers.len() && left == 0 || purged == 0 && left == markers.len(),
        "purge_expired of {} markers said {purged} and left {left}",
        markers.len()
    );
    Ok(())
}

async fn one_of_many_inserts_of_a_marker_wins(stage: Stage) -> Outcome {
    for _ in 0..stage.rounds {
        let end = stage.now + DAY;
        let first = marker(end, &stage);
        let rivals: Vec<Grant> = (0..stage.callers).map(|_| marker_of(first.id, end, &stage)).collect();
        let all = rivals.clone();
        let inserted = stage
            .at_once(stage.callers, |stage, caller| {
                let rival = all[caller].clone();
                async move { stage.insert(&rival).await }
            })
            .await?;
        let mut winners = rivals.iter().zip(&inserted).filter(|(_, said)| **said == Insert::Added);
        let count = winners.clone().count();
        ensure!(count == 1, "{count} of {} concurrent inserts of one marker said Insert", stage.callers);
        if let Some((winner, _)) = winners.next() {
            stage.has(winner, "of a marker, after concurrent inserts").await?;
        }
    }
    Ok(())
}

async fn markers_are_in_no_list(stage: Stage) -> Outcome {
    let own = super::grants::grant(stage.now);
    stage.put(&own).await?;
    for _ in 0..8 {
        stage.put(&marker(stage.now + DAY, &stage)).await?;
    }
    for (owner, has) in [(alice(), &[own][..]), (Owner::subject(""), &[]), (Owner::subject("").at_client(""), &[])] {
        for limit in [1, 100] {
            finds(&stage, &owner, limit, has).await.map_err(|found| found.about("beside markers"))?;
        }
    }
    Ok(())
}
