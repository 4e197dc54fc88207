//! Inserting.

use super::grants::{expiring, grant, next};
use super::stage::{Outcome, Stage, checks, ensure};
use crate::grant::Grant;
use crate::store::Insert;

checks! {
    insert_refuses_an_id_that_exists:
        "a second login takes over the record of the first, and with it another person's tokens";
    one_of_many_inserts_of_an_id_wins:
        "two logins believe that a record is theirs, and one of them has another person's";
}

/// Another grant of the same id.
fn rival(of: &Grant, stage: &Stage) -> Grant {
    Grant { id: of.id, owner: Some("mallory".into()), client_id: "other".into(), ..grant(stage.now) }
}

async fn insert_refuses_an_id_that_exists(stage: Stage) -> Outcome {
    let first = grant(stage.now);
    stage.put(&first).await?;
    for (what, second) in [
        ("another grant of that id", rival(&first, &stage)),
        ("the same grant again", first.clone()),
        ("a later record of it", next(&first)),
        ("an expired one of that id", expiring(stage.now, rival(&first, &stage))),
    ] {
        let inserted = stage.insert(&second).await?;
        ensure!(inserted == Insert::Duplicate, "insert of {what} said Insert");
        stage.has(&first, &format!("after an insert of {what}")).await?;
    }
    Ok(())
}

async fn one_of_many_inserts_of_an_id_wins(stage: Stage) -> Outcome {
    for _ in 0..stage.rounds {
        let first = grant(stage.now);
        let rivals: Vec<Grant> = (0..stage.callers).map(|_| rival(&first, &stage)).collect();
        let all = rivals.clone();
        let inserted = stage
            .at_once(stage.callers, |stage, caller| {
                let rival = all[caller].clone();
                async move { stage.insert(&rival).await }
            })
            .await?;
        let mut winners = rivals.iter().zip(&inserted).filter(|(_, said)| **said == Insert::Added);
        let count = winners.clone().count();
        ensure!(count == 1, "{count} of {} concurrent inserts of one id said Insert", stage.callers);
        if let Some((winner, _)) = winners.next() {
            stage.has(winner, "after concurrent inserts").await?;
        }
    }
    Ok(())
}
