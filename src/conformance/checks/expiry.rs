//! Expiry, for stores that expire records by themselves and for those that are purged. Time passes on the wall here.

use std::time::Duration;

use super::grants::{DAY, HOUR, expiring, grant, next};
use super::stage::{Outcome, Stage, checks, ensure};
use super::timer::after;
use crate::grant::{Grant, Owner, Timestamp};
use crate::store::{Insert, Swap};

checks! {
    a_grant_stays_until_it_expires:
        "people are logged out early";
    a_grant_outlives_its_refresh_token:
        "access tokens die before their time, and a login that another server began begins once more";
    a_swap_to_a_later_expiry_keeps_the_grant:
        "people who refresh are logged out all the same, when their first expiry comes";
    a_swap_to_an_earlier_expiry_lets_the_grant_go:
        "records of dead grants pile up, with the subjects in them";
    an_expired_grant_goes_or_can_be_purged:
        "records of dead grants pile up, with the subjects in them";
    expiry_counts_from_the_time_that_was_given:
        "a node whose clock is off, or a test with a clock of its own, logs everyone out";
    an_expiry_that_has_passed_is_no_error:
        "a request that comes a moment too late is answered 503, and is sent again and again";
    the_latest_expiry_does_not_overflow:
        "a grant that never expires expires at once, or fails to be written";
}

pub(super) const SHORT: Duration = Duration::from_millis(1_500);
/// When what is short is over, also for servers that look now and then.
pub(super) const LONG_AFTER: Duration = Duration::from_millis(3_000);

/// Later than any granularity of a purge.
fn much_later(stage: &Stage) -> Timestamp {
    stage.now + DAY * 2
}

/// A grant that is written now and has this long to live.
fn short(stage: &Stage, life: Duration) -> (Grant, Timestamp) {
    let now = Timestamp::now();
    (expiring(now + life, grant(stage.now)), now)
}

/// It is gone by itself, or a purge takes it.
async fn goes(stage: &Stage, grant: &Grant, when: &str) -> Outcome {
    for _ in 0..40 {
        let purged = stage.purge(much_later(stage), 1_000).await?;
        if stage.load(grant.id).await?.is_none() {
            return Ok(());
        }
        if purged == 0 {
            after(Duration::from_millis(50)).await;
        }
    }
    Err(format!("{when}, the grant was still there, and no purge took it").into())
}

async fn a_grant_stays_until_it_expires(stage: Stage) -> Outcome {
    let (short, now) = short(&stage, SHORT);
    stage.insert_at(&short, now).await?;
    let (swapped, now) = self::short(&stage, HOUR);
    stage.insert_at(&swapped, now).await?;
    let now = Timestamp::now();
    let cut = expiring(now + SHORT, next(&swapped));
    stage.swap_at(swapped.version, &cut, now).await?;
    loop {
        let stored = [stage.load(short.id).await?, stage.load(cut.id).await?];
        let asked = Timestamp::now();
        // What is over by now may be gone.
        for (stored, grant) in stored.iter().zip([&short, &cut]) {
            ensure!(stored.is_some() || asked >= grant.expires_at, "a grant was gone before its expiry");
        }
        if asked >= short.expires_at {
            return Ok(());
        }
        after(Duration::from_millis(100)).await;
    }
}

/// What a record is kept until is its expiry, whatever other times are in it.
async fn a_grant_outlives_its_refresh_token(stage: Stage) -> Outcome {
    let now = Timestamp::now();
    let outliving = |grant: Grant| Grant { refresh_expires_at: now + SHORT, ..expiring(now + DAY, grant) };
    let (first, swapped) = (outliving(grant(stage.now)), expiring(now + DAY, grant(stage.now)));
    stage.insert_at(&first, now).await?;
    stage.insert_at(&swapped, now).await?;
    let cut = outliving(next(&swapped));
    stage.swap_at(swapped.version, &cut, now).await?;
    after(LONG_AFTER).await;
    stage.purge(Timestamp::now(), 1_000).await?;
    for grant in [&first, &cut] {
        stage.has(grant, "before its expiry, when its refresh token had expired").await?;
    }
    Ok(())
}

async fn a_swap_to_a_later_expiry_keeps_the_grant(stage: Stage) -> Outcome {
    let (first, now) = short(&stage, SHORT);
    stage.insert_at(&first, now).await?;
    let extended = expiring(now + DAY * 30, next(&first));
    let swap = stage.swap_at(first.version, &extended, now).await?;
    ensure!(swap == Swap::Swapped, "compare_and_swap said Lost with the stored version");
    // Its owner's last write is of a grant that ends soon, which must not take the others along.
    let (brief, now) = short(&stage, SHORT);
    stage.insert_at(&brief, now).await?;
    after(LONG_AFTER).await;
    stage.has(&extended, "after the expiry before the swap had passed").await?;
    stage.purge(Timestamp::now(), 1_000).await?;
    stage.has(&extended, "after a purge").await?;
    for owner in [Owner::subject("alice"), Owner::subject("alice").at_client("app")] {
        let listed = stage.page(&owner, None, 10).await?;
        ensure!(
            listed.grants.iter().any(|grant| grant.id == extended.id),
            "list left out a grant that was extended, after its first expiry and that of another grant of its owner"
        );
    }
    Ok(())
}

async fn a_swap_to_an_earlier_expiry_lets_the_grant_go(stage: Stage) -> Outcome {
    let (first, now) = short(&stage, DAY * 30);
    stage.insert_at(&first, now).await?;
    let cut = expiring(now + SHORT, next(&first));
    stage.swap_at(first.version, &cut, now).await?;
    after(LONG_AFTER).await;
    goes(&stage, &cut, "after the expiry that a swap had moved nearer").await
}

async fn an_expired_grant_goes_or_can_be_purged(stage: Stage) -> Outcome {
    let (first, now) = short(&stage, SHORT);
    stage.insert_at(&first, now).await?;
    after(LONG_AFTER).await;
    goes(&stage, &first, "after its expiry").await
}

async fn expiry_counts_from_the_time_that_was_given(stage: Stage) -> Outcome {
    // A clock of 2001, and one of 2100.
    for now in [Timestamp::from_secs(1_000_000_000), Timestamp::from_secs(4_102_444_800)] {
        let first = expiring(now + HOUR, grant(now));
        ensure!(stage.insert_at(&first, now).await? == Insert::Added, "insert of a new id said Duplicate");
        stage.has(&first, "of a grant with an hour to live by the clock that was given").await?;
        let second = expiring(now + HOUR * 2, next(&first));
        let swap = stage.swap_at(first.version, &second, now + Duration::from_secs(60)).await?;
        ensure!(swap == Swap::Swapped, "compare_and_swap said Lost with the stored version");
        stage.has(&second, "of a grant with two hours to live by the clock that was given").await?;
        stage.purge(now + HOUR, 1_000).await?;
        stage.has(&second, "after a purge by the clock that was given").await?;
        // Out of the way of the other clock.
        stage.remove(first.id).await?;
    }
    Ok(())
}

async fn an_expiry_that_has_passed_is_no_error(stage: Stage) -> Outcome {
    for expires_at in [stage.now, stage.now - HOUR, Timestamp::EPOCH] {
        let dead = expiring(expires_at, grant(stage.now));
        stage.put(&dead).await?;
        if let Some(stored) = stage.load(dead.id).await? {
            super::stage::same(&dead, &stored, "load of an expired grant")?;
        }
        let first = grant(stage.now);
        stage.put(&first).await?;
        let over = expiring(expires_at, next(&first));
        let swap = stage.swap(first.version, &over).await?;
        ensure!(swap == Swap::Swapped, "compare_and_swap to a record that has expired said Lost");
        if let Some(stored) = stage.load(over.id).await? {
            super::stage::same(&over, &stored, "load after a swap to a record that has expired")?;
        }
        goes(&stage, &dead, "inserted when it had expired").await?;
        goes(&stage, &over, "swapped when it had expired").await?;
    }
    Ok(())
}

async fn the_latest_expiry_does_not_overflow(stage: Stage) -> Outcome {
    for now in [Timestamp::EPOCH, stage.now, Timestamp::from_millis(Timestamp::MAX.as_millis() - 1)] {
        let first = expiring(Timestamp::MAX, grant(now));
        ensure!(stage.insert_at(&first, now).await? == Insert::Added, "insert of a new id said Duplicate");
        stage.has(&first, "of a grant that never expires").await?;
        let second = next(&first);
        let swap = stage.swap_at(first.version, &second, now).await?;
        ensure!(swap == Swap::Swapped, "compare_and_swap said Lost with the stored version");
        stage.has(&second, "of a swapped grant that never expires").await?;
        stage.purge(Timestamp::from_millis(Timestamp::MAX.as_millis() - 1), 1_000).await?;
        stage.has(&second, "of a grant that never expires, after a purge").await?;
    }
    Ok(())
}
