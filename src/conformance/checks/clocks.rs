//! The only clock is the caller's: tests have one of their own, and so has a node whose clock is off.

use std::time::Duration;

use super::finding::Finding;
use super::grants::{HOUR, expiring, grant, next};
use super::list::{finds, put_all};
use super::paging::alice;
use super::stage::{Outcome, Stage, checks, ensure, same};
use crate::grant::{Grant, Timestamp};
use crate::store::{Insert, Swap};

checks! {
    list_and_remove_go_by_no_clock_of_their_own:
        "where the clock of a node or of the store is off, \"log me out everywhere\" leaves sessions alive";
    a_write_purges_by_no_clock_of_its_own:
        "where the clock of a node or of the store is off, one person's login logs out others";
}

/// 2001 and 2100.
const CLOCKS: [Timestamp; 2] = [Timestamp::from_secs(1_000_000_000), Timestamp::from_secs(4_102_444_800)];

async fn list_and_remove_go_by_no_clock_of_their_own(stage: Stage) -> Outcome {
    for now in CLOCKS {
        let stage = Stage { now, ..stage.clone() };
        let mut grants: Vec<Grant> = (0..3).map(|_| expiring(now + HOUR, grant(now))).collect();
        put_all(&stage, &grants).await?;
        let second = expiring(now + HOUR * 2, next(&grants[1]));
        let swap = stage.swap_at(grants[1].version, &second, now + Duration::from_secs(60)).await?;
        ensure!(swap == Swap::Swapped, "compare_and_swap said Lost with the stored version");
        grants[1] = second;
        for owner in [alice(), alice().at_client("app")] {
            let about = |found: Finding| found.about("of grants with an hour to live by the clock that was given");
            finds(&stage, &owner, 2, &grants).await.map_err(about)?;
        }
        for grant in &grants {
            match stage.remove(grant.id).await? {
                Some(removed) => same(grant, &removed, "remove, by a clock that was given,")?,
                None => {
                    return Err(
                        "remove returned nothing of a grant with an hour to live by the clock that was given".into()
                    );
                }
            }
        }
    }
    Ok(())
}

async fn a_write_purges_by_no_clock_of_its_own(stage: Stage) -> Outcome {
    for now in CLOCKS {
        let first = expiring(now + HOUR, grant(now));
        ensure!(stage.insert_at(&first, now).await? == Insert::Added, "insert of a new id said Duplicate");
        let mut last = expiring(now + HOUR, grant(now));
        stage.insert_at(&last, now).await?;
        // More often than a store would do it that does it now and then.
        for _ in 0..40 {
            stage.insert_at(&expiring(now + HOUR, grant(now)), now).await?;
            let second = next(&last);
            stage.swap_at(last.version, &second, now).await?;
            last = second;
        }
        stage.has(&first, "of a grant with an hour to live by the clock of all writes after it").await?;
        stage.has(&last, "of a grant with an hour to live by the clock of its own writes").await?;
    }
    Ok(())
}
