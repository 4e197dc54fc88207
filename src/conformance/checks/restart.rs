//! A store that is closed and opened again, as every deployment does: it keeps what it says it keeps.

use super::finding::Finding;
use super::grants::{DAY, HOUR, expiring, grant, next, of_every_size};
use super::keys::{self, fingerprint, keeps};
use super::list::{finds, put_many};
use super::paging::alice;
use super::stage::{Outcome, Stage, checks, ensure};
use crate::grant::Grant;
use crate::store::{Insert, Swap};

checks! {
    durable_grants_are_there_when_the_store_is_opened_again:
        "every restart logs everyone out";
    a_restart_undoes_no_write:
        "a restart brings back sessions that were ended, and tokens that were used";
    lists_and_purges_go_on_when_the_store_is_opened_again:
        "sessions from before a restart are out of reach of \"log me out everywhere\", or are never purged";
    fingerprints_are_there_when_the_store_is_opened_again:
        "an engine that was given the wrong key starts, and logs out every client, one by one";
    volatile_grants_are_gone_when_the_store_is_opened_again:
        "an engine may start without a key on grants that are still there: each restart logs everyone out, and their \
         records stay";
    a_volatile_store_keeps_no_fingerprints:
        "a store that outlives the process passes for one that does not: an engine may start on it without a key, and \
         no key is checked";
}

const NOT_BY_PLACE: Finding = Finding::Nothing("the store is not opened again: see `check_reopening`");

fn is_durable(stage: &Stage) -> Outcome {
    keys::is_durable(stage)?;
    if stage.desk.is_none() { Err(NOT_BY_PLACE) } else { Ok(()) }
}

fn is_volatile(stage: &Stage) -> Outcome {
    if stage.is_durable() {
        return Err(Finding::Nothing("the store says that it outlives the process"));
    }
    Ok(())
}

async fn durable_grants_are_there_when_the_store_is_opened_again(stage: Stage) -> Outcome {
    is_durable(&stage)?;
    let mut kept = Vec::new();
    for (what, grant) in of_every_size(stage.now) {
        stage.remove(grant.id).await?;
        stage.put(&grant).await?;
        kept.retain(|(_, kept): &(&str, Grant)| kept.id != grant.id);
        kept.push((what, grant));
    }
    let stage = stage.reopened().await?;
    ensure!(stage.is_durable(), "the store said Durable, and Volatile when it was opened again");
    for (what, grant) in &kept {
        stage.has(grant, "after the store was opened again").await.map_err(|found| found.about(what))?;
        let inserted = stage.insert(grant).await?;
        ensure!(inserted == Insert::Duplicate, "insert of an id from before the store was opened again said Insert");
    }
    Ok(())
}

async fn a_restart_undoes_no_write(stage: Stage) -> Outcome {
    is_durable(&stage)?;
    let grants = put_many(&stage, 12).await?;
    let mut kept = Vec::new();
    for (at, grant) in grants.iter().enumerate() {
        let second = expiring(stage.now + DAY * 2, next(grant));
        match at % 3 {
            0 => drop(stage.remove(grant.id).await?),
            1 => {
                ensure!(stage.swap(grant.version, &second).await? == Swap::Swapped, "compare_and_swap said Lost");
                kept.push(second);
            }
            _ => {
                stage.swap(grant.version, &second).await?;
                stage.remove(grant.id).await?;
            }
        }
    }
    let mut stage = stage;
    // Twice, since what is replayed from a log at one start may be gone at the next.
    for _ in 0..2 {
        stage = stage.reopened().await?;
        for grant in &kept {
            stage.has(grant, "of a swapped grant, after the store was opened again,").await?;
        }
        for grant in grants.iter().filter(|grant| kept.iter().all(|kept| kept.id != grant.id)) {
            stage.has_not(grant.id, "of a removed grant, after the store was opened again,").await?;
        }
        finds(&stage, &alice(), 3, &kept).await.map_err(|found| found.about("after the store was opened again"))?;
    }
    Ok(())
}

async fn lists_and_purges_go_on_when_the_store_is_opened_again(stage: Stage) -> Outcome {
    is_durable(&stage)?;
    let mut kept = put_many(&stage, 5).await?;
    let dead = expiring(stage.now + HOUR, grant(stage.now));
    stage.put(&dead).await?;
    let (_, after) = super::paging::first_page(&stage, &alice(), 1).await?;
    let stage = stage.reopened().await?;
    let about = |found: Finding| found.about("after the store was opened again");
    kept.push(dead.clone());
    for owner in [alice(), alice().at_client("app")] {
        finds(&stage, &owner, 2, &kept).await.map_err(about)?;
    }
    // A cursor from before may be an error, and is no reason to panic or to show another's.
    let _ = (*stage.store).list_dyn(&alice(), after, 2).await;
    stage.purge(stage.now + HOUR * 2, 10).await?;
    if stage.load(dead.id).await?.is_some() {
        // By itself, or not at all: what is inserted now is purged the same way.
        let another = expiring(stage.now + HOUR, grant(stage.now));
        stage.put(&another).await?;
        stage.purge(stage.now + HOUR * 2, 10).await?;
        ensure!(
            stage.load(another.id).await?.is_some(),
            "a purge took what was inserted after the store was opened again, and left what was there before"
        );
    }
    Ok(())
}

async fn fingerprints_are_there_when_the_store_is_opened_again(stage: Stage) -> Outcome {
    is_durable(&stage)?;
    let kept = [fingerprint(0), fingerprint(7), fingerprint(255)];
    keeps(&stage, &kept, &kept).await?;
    let stage = stage.reopened().await?;
    let about = |found: Finding| found.about("after the store was opened again");
    keeps(&stage, &[], &kept).await.map_err(about)?;
    keeps(&stage, &[fingerprint(7)], &kept).await.map_err(about)
}

async fn volatile_grants_are_gone_when_the_store_is_opened_again(stage: Stage) -> Outcome {
    is_volatile(&stage)?;
    if stage.desk.is_none() {
        return Err(NOT_BY_PLACE);
    }
    let grants = put_many(&stage, 3).await?;
    let stage = stage.reopened().await?;
    for grant in &grants {
        let when = "of a store that says Volatile, after it was opened again,";
        stage.has_not(grant.id, when).await?;
    }
    let listed = stage.page(&alice(), None, 10).await?;
    ensure!(listed.grants.is_empty(), "a store that says Volatile listed grants after it was opened again");
    Ok(())
}

async fn a_volatile_store_keeps_no_fingerprints(stage: Stage) -> Outcome {
    is_volatile(&stage)?;
    stage.fingerprints(&[fingerprint(7)]).await?;
    let kept = stage.fingerprints(&[]).await?;
    ensure!(kept.is_empty(), "a store that says Volatile kept the fingerprint of a key: does it say so by mistake?");
    Ok(())
}
