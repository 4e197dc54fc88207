//! Compare-and-swap, one caller after the other and many at once.

use std::time::Instant;

use super::grants::{grant, next, version};
use super::stage::{LONG_BURST, Outcome, Stage, checks, ensure};
use crate::grant::{Generation, Grant, Version};
use crate::store::Swap;

checks! {
    swap_needs_the_expected_version:
        "one refresh token gives two successors, and a stolen one is never found out";
    a_lost_swap_changes_nothing:
        "a request that was refused has rotated the token, and its owner is logged out as a thief";
    swap_never_writes_onto_an_absent_record:
        "a revoked grant comes back to life with all its tokens";
    swap_changes_one_record_alone:
        "one person's refresh changes another person's grant";
    one_of_many_swaps_wins:
        "one refresh token gives two successors, and a stolen one is never found out";
    no_update_is_lost:
        "a rotation that was answered is undone: its token looks forged or too new, and older ones work again";
}

async fn swap_needs_the_expected_version(stage: Stage) -> Outcome {
    let first = grant(stage.now);
    stage.put(&first).await?;
    let second = next(&first);
    for near in [first.version.as_u64() ^ 1, first.version.as_u64() ^ (1 << 63), second.version.as_u64(), 0] {
        let swap = stage.swap(Version::from_u64(near), &second).await?;
        ensure!(swap == Swap::Lost, "compare_and_swap said Swapped with a version that is not the stored one");
    }
    let swap = stage.swap(first.version, &second).await?;
    ensure!(swap == Swap::Swapped, "compare_and_swap said Lost with the stored version");
    let swap = stage.swap(first.version, &next(&first)).await?;
    ensure!(swap == Swap::Lost, "compare_and_swap said Swapped with the version before the stored one");
    Ok(())
}

async fn a_lost_swap_changes_nothing(stage: Stage) -> Outcome {
    let first = grant(stage.now);
    stage.put(&first).await?;
    for other in [version(), Version::from_u64(0)] {
        // Whatever it says, which another check is for.
        stage.swap(other, &next(&first)).await?;
        stage.has(&first, "after a swap that expected another version").await?;
    }
    let second = next(&first);
    stage.swap(first.version, &second).await?;
    stage.swap(first.version, &next(&first)).await?;
    stage.has(&second, "after a second swap from the same version").await
}

async fn swap_never_writes_onto_an_absent_record(stage: Stage) -> Outcome {
    let never = grant(stage.now);
    for expected in [never.version, Version::from_u64(0)] {
        let swap = stage.swap(expected, &next(&never)).await?;
        ensure!(swap == Swap::Lost, "compare_and_swap of a grant that was never inserted said Swapped");
        stage.has_not(never.id, "after a swap onto nothing").await?;
    }
    let removed = grant(stage.now);
    stage.put(&removed).await?;
    stage.remove(removed.id).await?;
    let swap = stage.swap(removed.version, &next(&removed)).await?;
    ensure!(swap == Swap::Lost, "compare_and_swap of a removed grant said Swapped");
    stage.has_not(removed.id, "after the grant was removed and then swapped").await
}

async fn swap_changes_one_record_alone(stage: Stage) -> Outcome {
    // Versions are random, so two records may well have the same one.
    let one = grant(stage.now);
    let other = Grant { version: one.version, ..grant(stage.now) };
    stage.put(&one).await?;
    stage.put(&other).await?;
    let second = next(&one);
    stage.swap(one.version, &second).await?;
    stage.has(&second, "after its swap").await?;
    stage.has(&other, "of another grant of the same owner and version, after a swap of the first").await
}

async fn one_of_many_swaps_wins(stage: Stage) -> Outcome {
    for _ in 0..stage.rounds {
        let first = grant(stage.now);
        stage.put(&first).await?;
        let rivals: Vec<Grant> = (0..stage.callers).map(|_| next(&first)).collect();
        let all = rivals.clone();
        let swaps = stage
            .at_once(stage.callers, |stage, caller| {
                let (expected, rival) = (first.version, all[caller].clone());
                async move { stage.swap(expected, &rival).await }
            })
            .await?;
        let mut winners = rivals.iter().zip(&swaps).filter(|(_, said)| **said == Swap::Swapped);
        let count = winners.clone().count();
        ensure!(count == 1, "{count} of {} concurrent swaps from one version said Swapped", stage.callers);
        if let Some((winner, _)) = winners.next() {
            stage.has(winner, "after concurrent swaps").await?;
        }
    }
    Ok(())
}

async fn no_update_is_lost(stage: Stage) -> Outcome {
    let first = grant(stage.now);
    stage.put(&first).await?;
    let id = first.id;
    let counts = stage
        .at_once(stage.callers, |stage, _| async move {
            let (mut swapped, mut tries, begun) = (0_usize, 0, Instant::now());
            while stage.goes_on_for(LONG_BURST, tries, begun) {
                tries += 1;
                let stored = stage.load(id).await?.ok_or("load found no grant while others swapped it")?;
                if stored.generation == Generation::MAX {
                    break;
                }
                // Whoever is faster now makes this one lose.
                stage.turn().await?;
                swapped += usize::from(stage.swap(stored.version, &next(&stored)).await? == Swap::Swapped);
            }
            Ok(swapped)
        })
        .await?;
    let said: usize = counts.iter().sum();
    let stored = stage.load(id).await?.ok_or("load found no grant after concurrent swaps")?;
    let took = stored.generation.as_u32() - first.generation.as_u32();
    ensure!(
        usize::try_from(took).is_ok_and(|took| took == said),
        "{said} concurrent swaps of one step each said Swapped, and the record is {took} steps further"
    );
    Ok(())
}
