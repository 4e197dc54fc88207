//! In what order pages come, and what ends one: whatever it is, no grant is lost between two.

use std::time::Duration;

use super::grants::{DAY, HOUR, expiring, grant, grant_of, large, next};
use super::list::{finds, put_all, walk_from};
use super::paging::{alice, by_id, complete, first_page};
use super::stage::{Outcome, Stage, checks, ensure};
use crate::grant::{Grant, GrantId};
use crate::store::Swap;

checks! {
    a_refresh_that_moves_an_expiry_between_pages_hides_no_grant:
        "a session that is refreshed while \"log me out everywhere\" is at work survives it";
    pages_follow_one_another_whatever_was_created_when:
        "a grant that is left out survives \"log me out everywhere\"";
    pages_of_large_records_lose_none:
        "a person with many or large sessions keeps some of them alive through \"log me out everywhere\"";
    a_page_at_a_client_is_never_empty_while_any_is_left:
        "a host that stops at an empty page leaves sessions alive";
}

const MINUTE: Duration = Duration::from_secs(60);

async fn a_refresh_that_moves_an_expiry_between_pages_hides_no_grant(stage: Stage) -> Outcome {
    for limit in [1, 2, 3] {
        for owner in [alice(), alice().at_client("app")] {
            let grants: Vec<Grant> =
                (0..12).map(|at| expiring(stage.now + DAY * 10 + HOUR * (at * 7 % 12), grant(stage.now))).collect();
            put_all(&stage, &grants).await?;
            let (seen, after) = first_page(&stage, &owner, limit).await?;
            for (at, grant) in (0..).zip(&grants) {
                // To the one end and to the other of all that a list can be in the order of.
                let expires_at = stage.now + if at % 2 == 0 { DAY } else { DAY * 25 } + HOUR * at;
                let rotated_at = stage.now + MINUTE * (1 + at);
                let refreshed = expiring(expires_at, Grant { rotated_at, ..next(grant) });
                let swap = stage.swap(grant.version, &refreshed).await?;
                ensure!(swap == Swap::Swapped, "compare_and_swap said Lost with the stored version");
            }
            let listed = walk_from(&stage, &owner, after, limit, by_id(&seen)).await?;
            complete(&listed, &grants, "when all were refreshed after the first page, to other expiries")?;
            for grant in &grants {
                stage.remove(grant.id).await?;
            }
        }
    }
    Ok(())
}

async fn pages_follow_one_another_whatever_was_created_when(stage: Stage) -> Outcome {
    const MANY: u32 = 10;
    // Against the order of ids, and across it.
    for order in [|at: u32| MANY - at, |at: u32| at * 7 % MANY] {
        let mut ids: Vec<u64> = (0..MANY).map(|_| rand::random()).collect();
        ids.sort_unstable();
        let grants: Vec<Grant> = (0..MANY)
            .zip(ids)
            .map(|(at, id)| {
                let created_at = stage.now - HOUR + MINUTE * order(at);
                let grant = Grant { id: GrantId::from_u64(id), created_at, ..grant(stage.now) };
                Grant { authenticated_at: created_at, rotated_at: created_at, ..grant }
            })
            .collect();
        put_all(&stage, &grants).await?;
        for limit in [1, 2, 3, 7] {
            finds(&stage, &alice(), limit, &grants).await?;
            finds(&stage, &alice().at_client("app"), limit, &grants).await?;
        }
        for grant in &grants {
            stage.remove(grant.id).await?;
        }
    }
    Ok(())
}

async fn pages_of_large_records_lose_none(stage: Stage) -> Outcome {
    // A page of 64 KiB ends after five of them, one of a mebibyte after eighty.
    let grants: Vec<Grant> = (0..120).map(|_| large(stage.now)).collect();
    put_all(&stage, &grants).await?;
    for limit in [8, 256, 1_000] {
        finds(&stage, &alice(), limit, &grants).await?;
    }
    finds(&stage, &alice().at_client("app"), 256, &grants).await
}

async fn a_page_at_a_client_is_never_empty_while_any_is_left(stage: Stage) -> Outcome {
    // Theirs first, in the order of ids, and last, in the order in which they were made.
    let of = |id: u64, client| Grant { id: GrantId::from_u64(id), ..grant_of(Some("alice"), client, stage.now) };
    let start = u64::from(rand::random::<u32>()) << 16;
    let wanted: Vec<Grant> = (24..28).map(|at| of(start + at, "app")).collect();
    put_all(&stage, &wanted).await?;
    let others: Vec<Grant> = (0..24).chain(28..40).map(|at| of(start + at, "other")).collect();
    put_all(&stage, &others).await?;
    let owner = alice().at_client("app");
    for limit in [1, 3, 4, 10] {
        let (mut seen, mut after) = (0, None);
        while seen < wanted.len() {
            let page = stage.page(&owner, after, limit).await?;
            ensure!(
                !page.grants.is_empty(),
                "list at a client, {limit} at a time, gave an empty page after {seen} of {} grants",
                wanted.len()
            );
            seen += page.grants.len();
            after = page.next;
            ensure!(after.is_some() || seen >= wanted.len(), "list at a client ended after {seen} of {}", wanted.len());
        }
        finds(&stage, &owner, limit, &wanted).await?;
    }
    Ok(())
}
