//! What a store keeps beside the records, to find those of an owner: it has to agree with them.

use std::time::Duration;

use super::finding::Finding;
use super::grants::{HOUR, expiring, grant};
use super::list::{finds, put_all, walk};
use super::paging::{alice, complete};
use super::stage::{BY_ITSELF, Outcome, Stage, checks};
use crate::grant::Grant;

checks! {
    a_grant_inserted_beside_removals_is_listed:
        "who logs in while another session of theirs ends has one that \"log me out everywhere\" does not reach";
    list_shows_no_purged_grant:
        "a person is shown sessions that are long gone, and the store grows with them";
}

async fn a_grant_inserted_beside_removals_is_listed(stage: Stage) -> Outcome {
    const EACH: usize = 4;
    for round in 0..stage.rounds {
        let (soon, later) = (stage.now + HOUR, stage.now + HOUR * 2);
        let old: Vec<Vec<Grant>> =
            (0..stage.callers).map(|_| (0..EACH).map(|_| expiring(soon, grant(stage.now))).collect()).collect();
        put_all(&stage, &old.concat()).await?;
        let purges = round % 4 == 3;
        let inserted = stage
            .at_once(stage.callers, |stage, caller| {
                let mine = old[caller].clone();
                async move {
                    let mut inserted = Vec::new();
                    for old in mine {
                        if caller % 2 == 0 {
                            let new = grant(stage.now);
                            stage.put(&new).await?;
                            inserted.push(new);
                        } else if purges {
                            stage.purge(later, 1).await?;
                        } else {
                            stage.remove(old.id).await?;
                        }
                        stage.turn().await?;
                    }
                    Ok(inserted)
                }
            })
            .await?
            .concat();
        let when = if purges { "that were inserted beside purges" } else { "that were inserted beside removals" };
        for owner in [alice(), alice().at_client("app")] {
            complete(&walk(&stage, &owner, 100).await?, &inserted, when)?;
        }
        for grant in old.iter().flatten().chain(&inserted) {
            stage.remove(grant.id).await?;
        }
    }
    Ok(())
}

async fn list_shows_no_purged_grant(stage: Stage) -> Outcome {
    let dead: Vec<Grant> = (0..6).map(|_| expiring(stage.now + HOUR, grant(stage.now))).collect();
    let alive: Vec<Grant> = (0..4).map(|_| grant(stage.now)).collect();
    put_all(&stage, &[&dead[..], &alive[..]].concat()).await?;
    let now = stage.now + HOUR + Duration::from_secs(60);
    let mut purged = 0;
    for _ in 0..dead.len() {
        purged += stage.purge(now, 2).await?;
    }
    if purged == 0 {
        return Err(Finding::Nothing(BY_ITSELF));
    }
    let mut left = alive;
    for grant in dead {
        // Of those that a purge has left there, which another check is for.
        left.extend(stage.load(grant.id).await?);
    }
    for limit in [1, 2, 100] {
        let after = |found: Finding| found.about("after a purge");
        finds(&stage, &alice(), limit, &left).await.map_err(after)?;
        finds(&stage, &alice().at_client("app"), limit, &left).await.map_err(after)?;
    }
    Ok(())
}
