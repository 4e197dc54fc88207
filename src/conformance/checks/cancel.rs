//! Futures that are dropped, as a server drops them when a connection is lost.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use super::finding::Finding;
use super::grants::{difference, grant, next};
use super::stage::{Outcome, Stage, checks, ensure};
use super::timer::after;
use crate::grant::{Grant, GrantId, Owner};
use crate::store::{BoxFuture, Swap};

checks! {
    a_dropped_insert_is_whole_or_nothing:
        "a login that was broken off leaves a grant that no list has, so no log-out reaches it";
    a_dropped_swap_is_whole_or_nothing:
        "a refresh that was broken off leaves a record of which nobody knows the token";
    a_dropped_remove_is_whole_or_nothing:
        "a log-out that was broken off leaves half a grant: listed for ever, or hidden and alive";
}

/// More polls than any write of a store takes.
const POLLS: usize = 16;

/// Polls a future so many times, and leaves it there. The output where it was done before.
pub(super) async fn polled<T>(future: &mut BoxFuture<'_, T>, mut polls: usize) -> Option<T> {
    poll_fn(|context| {
        let Some(left) = polls.checked_sub(1) else { return Poll::Ready(None) };
        polls = left;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// The record is as before or as after, and all that can be asked of it agree. A write that is still on its way gets
/// a while.
async fn settled(
    stage: &Stage,
    id: GrantId,
    before: Option<&Grant>,
    later: Option<&Grant>,
    what: &str,
) -> Result<Option<Grant>, Finding> {
    for _ in 0..60 {
        let stored = stage.load(id).await?;
        let is = |wanted: Option<&Grant>| match (wanted, &stored) {
            (None, None) => true,
            (Some(wanted), Some(stored)) => difference(wanted, stored).is_none(),
            _ => false,
        };
        ensure!(is(before) || is(later), "after {what} was dropped, the record was neither as before nor as after it");
        let mut agree = true;
        for owner in [Owner::subject("alice"), Owner::subject("alice").at_client("app")] {
            let listed = stage.page(&owner, None, 1_000).await?;
            let listed = listed.grants.into_iter().find(|grant| grant.id == id);
            agree &= listed.map(|grant| grant.version) == stored.as_ref().map(|grant| grant.version);
        }
        if agree {
            return Ok(stored);
        }
        after(Duration::from_millis(50)).await;
    }
    Err(format!("after {what} was dropped, load and list did not come to agree").into())
}

async fn a_dropped_insert_is_whole_or_nothing(stage: Stage) -> Outcome {
    for polls in 0..POLLS {
        let first = grant(stage.now);
        let mut insert = (*stage.store).insert_dyn(&first, stage.now);
        let done = polled(&mut insert, polls).await;
        drop(insert);
        settled(&stage, first.id, None, Some(&first), "an insert").await?;
        // Insert now, or there already.
        stage.insert(&first).await?;
        stage.has(&first, "after the insert was repeated").await?;
        settled(&stage, first.id, Some(&first), Some(&first), "an insert").await?;
        if done.is_some() {
            break;
        }
    }
    Ok(())
}

async fn a_dropped_swap_is_whole_or_nothing(stage: Stage) -> Outcome {
    for polls in 0..POLLS {
        let first = grant(stage.now);
        stage.put(&first).await?;
        let second = next(&first);
        let mut swap = (*stage.store).compare_and_swap_dyn(first.version, &second, stage.now);
        let done = polled(&mut swap, polls).await;
        drop(swap);
        settled(&stage, first.id, Some(&first), Some(&second), "a swap").await?;
        steps_to(&stage, &second).await?;
        stage.has(&second, "after the swap was repeated").await?;
        if done.is_some() {
            break;
        }
    }
    Ok(())
}

/// Repeats a swap until it has taken place, this one or the one that was dropped.
async fn steps_to(stage: &Stage, next: &Grant) -> Outcome {
    for _ in 0..10 {
        let stored = stage.load(next.id).await?.ok_or("load found no grant after a swap was dropped")?;
        if stored.version == next.version || stage.swap(stored.version, next).await? == Swap::Swapped {
            return Ok(());
        }
    }
    Err("after a swap was dropped, the same swap said Lost ten times, each time with the version just loaded".into())
}

async fn a_dropped_remove_is_whole_or_nothing(stage: Stage) -> Outcome {
    for polls in 0..POLLS {
        let first = grant(stage.now);
        stage.put(&first).await?;
        let mut remove = (*stage.store).remove_dyn(first.id);
        let done = polled(&mut remove, polls).await;
        drop(remove);
        settled(&stage, first.id, Some(&first), None, "a remove").await?;
        stage.remove(first.id).await?;
        settled(&stage, first.id, None, None, "a remove").await?;
        if done.is_some() {
            break;
        }
    }
    Ok(())
}
