//! Lists of an owner most of whose grants have expired. Time passes on the wall here.

use std::time::Duration;

use super::expiry::{LONG_AFTER, SHORT};
use super::grants::{expiring, grant_of};
use super::list::walk;
use super::paging::complete;
use super::stage::{Outcome, Stage, checks};
use super::timer::after;
use crate::grant::{Grant, GrantId, Owner, Timestamp};

checks! {
    a_page_short_of_expired_grants_is_not_the_last:
        "a person with old sessions keeps all newer ones alive through \"log me out everywhere\"";
}

async fn a_page_short_of_expired_grants_is_not_the_last(stage: Stage) -> Outcome {
    // Alice's expired grants come first, and bob's in between.
    let lives = |subject: &str, at: u64| if subject == "alice" { at >= 30 } else { at % 3 == 2 };
    let mut alive: Vec<(&str, Vec<Grant>)> = Vec::new();
    for subject in ["alice", "bob"] {
        let (start, mut living) = (u64::from(rand::random::<u32>()) << 24, Vec::new());
        for at in 0..50 {
            let now = Timestamp::now();
            let grant = Grant { id: GrantId::from_u64(start + at), ..grant_of(Some(subject), "app", stage.now) };
            let grant = if lives(subject, at) { grant } else { expiring(now + SHORT, grant) };
            stage.insert_at(&grant, now).await?;
            if lives(subject, at) {
                living.push(grant);
            }
        }
        alive.push((subject, living));
    }
    after(LONG_AFTER + Duration::from_millis(100)).await;
    for (subject, living) in &alive {
        for owner in [Owner::subject(subject), Owner::subject(subject).at_client("app")] {
            // All grants of an owner are fewer than the largest of these; more expired ones than the others take.
            for limit in [1, 4, 20, 45, 256] {
                let listed = walk(&stage, &owner, limit).await?;
                complete(&listed, living, &format!("beside others that have expired, {limit} at a time"))?;
            }
        }
    }
    Ok(())
}
