//! The fingerprints of keys, which a durable store keeps.

use super::finding::Finding;
use super::stage::{Outcome, Stage, checks, ensure};
use crate::token::KeyFingerprint;

checks! {
    fingerprints_are_kept_and_all_returned:
        "an engine that was given the wrong key starts, and logs out every client, one by one";
    a_fingerprint_is_never_overwritten:
        "the wrong key is taken for the right one from then on, and the right one is refused";
    racing_fingerprints_agree:
        "two nodes start with different keys, and each refuses the other's tokens";
}

pub(super) fn fingerprint(key_id: u8) -> KeyFingerprint {
    KeyFingerprint::new(key_id, rand::random())
}

pub(super) fn is_durable(stage: &Stage) -> Outcome {
    if stage.is_durable() {
        Ok(())
    } else {
        Err(Finding::Nothing("the store says that nothing of it outlives the process"))
    }
}

/// Kept in any order; one for each id.
pub(super) async fn keeps(stage: &Stage, add: &[KeyFingerprint], expected: &[KeyFingerprint]) -> Outcome {
    let mut kept = stage.fingerprints(add).await?;
    kept.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    ensure!(
        kept == expected,
        "keep_key_fingerprints gave those of the keys {:?} where it should have given those of {:?}{}",
        ids(&kept),
        ids(&expected),
        if ids(&kept) == ids(&expected) { ", and not the ones that were kept first" } else { "" }
    );
    Ok(())
}

fn ids(fingerprints: &[KeyFingerprint]) -> Vec<u8> {
    fingerprints.iter().map(KeyFingerprint::key_id).collect()
}

async fn fingerprints_are_kept_and_all_returned(stage: Stage) -> Outcome {
    is_durable(&stage)?;
    keeps(&stage, &[], &[]).await?;
    let first = fingerprint(0);
    keeps(&stage, &[first], &[first]).await?;
    keeps(&stage, &[], &[first]).await?;
    let more = [fingerprint(255), fingerprint(1), fingerprint(128)];
    let all = [first, more[0], more[1], more[2]];
    keeps(&stage, &more, &all).await?;
    keeps(&stage, &all, &all).await?;
    let every: Vec<KeyFingerprint> = (0..=255)
        .map(|id| all.into_iter().find(|one| one.key_id() == id))
        .enumerate()
        .map(|(id, kept)| kept.unwrap_or_else(|| fingerprint(u8::try_from(id).unwrap_or_default())))
        .collect();
    keeps(&stage, &every, &every).await?;
    keeps(&stage, &[], &every).await
}

async fn a_fingerprint_is_never_overwritten(stage: Stage) -> Outcome {
    is_durable(&stage)?;
    let first = fingerprint(7);
    keeps(&stage, &[first], &[first]).await?;
    let fresh = fingerprint(8);
    keeps(&stage, &[fingerprint(7), fresh], &[first, fresh]).await?;
    keeps(&stage, &[], &[first, fresh]).await
}

async fn racing_fingerprints_agree(stage: Stage) -> Outcome {
    is_durable(&stage)?;
    for round in 0..stage.rounds.min(100) {
        let id = u8::try_from(round).unwrap_or_default();
        let kept = stage
            .at_once(stage.callers, |stage, _| async move {
                let kept = stage.fingerprints(&[fingerprint(id)]).await?;
                Ok(kept.into_iter().filter(|one| one.key_id() == id).collect::<Vec<_>>())
            })
            .await?;
        let after = stage.fingerprints(&[]).await?;
        let mut of_id = after.iter().filter(|one| one.key_id() == id);
        let (Some(first), None) = (of_id.next(), of_id.next()) else {
            return Err("of fingerprints that were added at once under one id, not exactly one was kept".into());
        };
        ensure!(
            kept.iter().all(|kept| kept[..] == [*first]),
            "callers that added fingerprints at once under one id were told of different ones"
        );
    }
    Ok(())
}
