//! Reads beside writes: who was told of a write finds it, whoever asks and by whatever connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

use super::grants::{grant, next};
use super::stage::{Outcome, Stage, checks, ensure};
use crate::grant::Owner;
use crate::store::Swap;

checks! {
    a_load_sees_every_acknowledged_swap:
        "a stale record takes an old refresh token for the current one: a replay is answered with new tokens";
    a_load_sees_every_acknowledged_removal:
        "a revoked grant still refreshes and its access tokens still let in";
    a_load_and_a_list_see_every_acknowledged_insert:
        "a login is refused at once, or escapes the log-out from everywhere";
}

/// Tells the others that this caller is done, also where it panicked.
struct Tells(Arc<AtomicBool>);

impl Drop for Tells {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

async fn a_load_sees_every_acknowledged_swap(stage: Stage) -> Outcome {
    let first = grant(stage.now);
    stage.put(&first).await?;
    let id = first.id;
    let told = Arc::new(AtomicU32::new(first.generation.as_u32()));
    let done = Arc::new(AtomicBool::new(false));
    stage
        .at_once(stage.callers, |stage, caller| {
            let (told, done, first) = (Arc::clone(&told), Arc::clone(&done), first.clone());
            async move {
                if caller == 0 {
                    let _told = Tells(done);
                    return writes(&stage, first, &told).await;
                }
                while !done.load(Ordering::SeqCst) {
                    let least = told.load(Ordering::SeqCst);
                    let stored = stage.load(id).await?.ok_or("load found no grant while it was swapped")?;
                    let seen = stored.generation.as_u32();
                    ensure!(
                        seen >= least,
                        "generation {least} was acknowledged, and a load begun after that gave generation {seen}"
                    );
                    stage.turn().await?;
                }
                Ok(())
            }
        })
        .await
        .map(drop)
}

async fn writes(stage: &Stage, first: crate::grant::Grant, told: &AtomicU32) -> Outcome {
    let (mut stored, begun) = (first, Instant::now());
    for tries in 0.. {
        if !stage.goes_on(tries, begun) {
            break;
        }
        let next = next(&stored);
        ensure!(stage.swap(stored.version, &next).await? == Swap::Swapped, "the only writer's swap said Lost");
        told.store(next.generation.as_u32(), Ordering::SeqCst);
        stage.has(&next, "by the writer, after its swap").await?;
        stored = next;
        stage.turn().await?;
    }
    Ok(())
}

async fn a_load_sees_every_acknowledged_removal(stage: Stage) -> Outcome {
    for _ in 0..stage.rounds {
        let first = grant(stage.now);
        stage.put(&first).await?;
        let gone = Arc::new(AtomicBool::new(false));
        stage
            .at_once(stage.callers, |stage, caller| {
                let gone = Arc::clone(&gone);
                async move {
                    if caller == 0 {
                        for _ in 0..3 {
                            stage.load(first.id).await?;
                            stage.turn().await?;
                        }
                        let _told = Tells(gone);
                        return stage.remove(first.id).await.map(drop);
                    }
                    loop {
                        let was_gone = gone.load(Ordering::SeqCst);
                        let stored = stage.load(first.id).await?;
                        ensure!(
                            !was_gone || stored.is_none(),
                            "a remove was acknowledged, and a load begun after that found the grant"
                        );
                        if was_gone {
                            return Ok(());
                        }
                        stage.turn().await?;
                    }
                }
            })
            .await?;
    }
    Ok(())
}

async fn a_load_and_a_list_see_every_acknowledged_insert(stage: Stage) -> Outcome {
    for _ in 0..stage.rounds {
        let first = grant(stage.now);
        // Looked for while it is not there, by those who will look again.
        let look = |stage: Stage, _: usize| async move { Ok(stage.load(first.id).await?.is_some()) };
        stage.at_once(stage.callers, look).await?;
        stage.put(&first).await?;
        let found = stage
            .at_once(stage.callers, |stage, _| async move {
                let loaded = stage.load(first.id).await?.is_some();
                let listed = stage.page(&Owner::subject("alice"), None, 10).await?;
                Ok((loaded, listed.grants.iter().any(|grant| grant.id == first.id)))
            })
            .await?;
        ensure!(found.iter().all(|found| found.0), "an insert was acknowledged, and a load after that found nothing");
        ensure!(found.iter().all(|found| found.1), "an insert was acknowledged, and a list after that lacked it");
        stage.remove(first.id).await?;
    }
    Ok(())
}
