//! Inserting.

use super::grants::{expiring, grant, next};
use super::stage::{Outcome, Stage, checks, ensure};
use crate::grant::{Grant, GrantId};
use crate::store::Insert;

checks! {
    insert_refuses_an_id_that_exists:
        "a second login takes over the record of the first, and with it another person's tokens";
    one_of_many_inserts_of_an_id_wins:
        "two logins believe that a record is theirs, and one of them has another person's";
    a_proposed_id_is_one_grants:
        "two logins at once get one id, and one of them has another person's record or none";
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

/// As the engine draws ids, by what the store [proposes](crate::TokenStore::propose_id), if it does: what is proposed to several
/// at once is one's, and one that never comes, or comes late, is in nobody's way.
async fn a_proposed_id_is_one_grants(stage: Stage) -> Outcome {
    for _ in 0..stage.rounds {
        let inserted = stage
            .at_once(stage.callers, |stage, caller| async move {
                let id = || stage.store.propose_id_dyn(stage.now).map(|lower| GrantId::at(stage.now, lower));
                // Every third never comes.
                let _ = (caller % 3 == 0).then(id);
                let Some(id) = id() else { return Ok(None) };
                let grant = Grant { id, ..grant(stage.now) };
                Ok((stage.insert(&grant).await? == Insert::Added).then_some(grant))
            })
            .await?;
        for grant in inserted.iter().flatten() {
            stage.has(grant, "by an id that the store proposed").await?;
            stage.remove(grant.id).await?;
            stage.has_not(grant.id, "after it was removed").await?;
        }
    }
    Ok(())
}
