//! The laws of the engine that depend on its store: a whole engine, with many requests at once.

use std::sync::Arc;
use std::time::Duration;

use super::cancel::polled;
use super::engine::{Tokens, World};
use super::finding::{Finding, failed};
use super::keys::is_durable;
use super::list::{put_many, walk};
use super::stage::{Outcome, Stage, checks, ensure};
use super::timer::within;
use crate::engine::KeyCheckError;
use crate::grant::{GrantId, Owner};
use crate::store::BoxFuture;
use crate::token::Key;

checks! {
    law_single_step:
        "one refresh token gives two successors, and a stolen one is never found out";
    law_retry_is_idempotent:
        "a client whose answer was lost is logged out, or gets a second successor";
    law_replay_revokes:
        "a thief who was found out stays logged in";
    law_revocation_is_final:
        "a refresh that was in flight undoes a revocation: the thief stays logged in";
    law_non_renewable_never_renews:
        "a login that was for once goes on for ever";
    law_code_is_single_use:
        "an authorization code that leaked gives the thief tokens besides the owner's";
    law_end_all_is_complete:
        "\"log me out everywhere\" leaves sessions alive";
    law_storage_is_constant:
        "records grow with each refresh until the store is full";
    law_cancellation_is_safe:
        "a client whose connection broke is logged out when it tries again";
    law_a_changed_key_is_found_at_start:
        "an engine that was given the wrong key starts, and logs out every client, one by one";
}

/// More polls than any refresh takes.
const POLLS: usize = 24;
/// How long whoever holds no lock may take.
const LOCKED: Duration = Duration::from_millis(250);
const SECOND: Duration = Duration::from_secs(1);

async fn law_single_step(stage: Stage) -> Outcome {
    let world = World::new(&stage)?;
    let mut tokens = world.login("alice").await?;
    // At every await of a refresh, where the store has any.
    for polls in 0..POLLS {
        world.steps();
        let (one, other, now) = (Arc::clone(&world), Arc::clone(&world), stage.now);
        let (presented, again) = (tokens.refresh.clone(), tokens.refresh.clone());
        let first = Box::pin(async move { one.refresh(&presented, now).await?.tokens("a refresh") });
        let second = async move { other.refresh(&again, now).await?.tokens("a refresh that overtook another") };
        let (first, second, was_done) = overtaken(&stage, polls, first, second).await?;
        let taken = world.steps();
        ensure!(taken == 1, "of two refreshes of one token at once, {taken} believe to have taken the step");
        ensure!(first.refresh == second.refresh, "two refreshes of one token at once were given different successors");
        tokens = first;
        if was_done {
            break;
        }
    }
    for _ in 0..stage.rounds {
        let before = world.stored(&tokens).await?.generation().as_u32();
        world.steps();
        let answers = at_once(&world, &tokens.refresh).await?;
        let taken = world.steps();
        ensure!(taken == 1, "of concurrent refreshes of one token, {taken} believe to have taken the step");
        let successor = answers.first().cloned().ok_or("nobody called")?;
        ensure!(
            answers.iter().all(|answer| answer.refresh == successor.refresh),
            "concurrent refreshes of one token were given different successors"
        );
        let steps = world.stored(&tokens).await?.generation().as_u32() - before;
        ensure!(steps == 1, "concurrent refreshes of one token took {steps} steps");
        tokens = successor;
    }
    Ok(())
}

/// The same refresh by all callers, each of which has to succeed.
async fn at_once(world: &Arc<World>, token: &str) -> Result<Vec<Tokens>, Finding> {
    world
        .stage
        .at_once(world.stage.callers, |stage, _| {
            let (world, token) = (Arc::clone(world), token.to_owned());
            async move { world.refresh(&token, stage.now).await?.tokens("one of concurrent refreshes") }
        })
        .await
}

async fn law_retry_is_idempotent(stage: Stage) -> Outcome {
    let world = World::new(&stage)?;
    let mut tokens = world.login("alice").await?;
    for _ in 0..stage.rounds {
        let successor = world.refresh(&tokens.refresh, stage.now).await?.tokens("a refresh")?;
        let stored = world.stored(&tokens).await?;
        for retry in at_once(&world, &tokens.refresh).await? {
            ensure!(retry.refresh == successor.refresh, "a retry was given another successor");
        }
        stage.has(&stored, "after retries").await?;
        tokens = successor;
    }
    Ok(())
}

async fn law_replay_revokes(stage: Stage) -> Outcome {
    let world = World::new(&stage)?;
    for _ in 0..stage.rounds {
        let mut issued = vec![world.login("alice").await?];
        for _ in 0..3 {
            let last = issued.last().map(|tokens| tokens.refresh.clone()).unwrap_or_default();
            issued.push(world.refresh(&last, stage.now).await?.tokens("a refresh")?);
        }
        // The thief comes with the first, while the owner goes on.
        let (stolen, current) = (issued[0].refresh.clone(), issued[3].refresh.clone());
        let answers = stage
            .at_once(stage.callers, |stage, caller| {
                let (world, token) = (Arc::clone(&world), if caller == 0 { stolen.clone() } else { current.clone() });
                async move { world.refresh(&token, stage.now).await }
            })
            .await?;
        ensure!(answers[0].is_invalid_grant(), "a replayed refresh token was given a successor");
        for answer in answers.iter().filter(|answer| answer.is_ok()) {
            issued.push(answer.tokens("a refresh")?);
        }
        stage.has_not(issued[0].grant()?, "after a replay").await?;
        world.are_dead(issued.iter(), "after a replay").await?;
    }
    Ok(())
}

async fn law_revocation_is_final(stage: Stage) -> Outcome {
    let world = World::new(&stage)?;
    // At every await of a refresh, where the store has any.
    for polls in 0..POLLS {
        let first = world.login("alice").await?;
        let id = first.grant()?;
        let (refresher, token, now) = (Arc::clone(&world), first.refresh.clone(), stage.now);
        let refresh = async move { refresher.refresh(&token, now).await };
        let host = Arc::clone(&world);
        let (answer, (), was_done) =
            overtaken(&stage, polls, Box::pin(refresh), async move { ends(&host, id).await }).await?;
        stage.has_not(id, "after its session was ended while it was refreshed").await?;
        let issued = if answer.is_ok() { Some(answer.tokens("a refresh")?) } else { None };
        world.are_dead([&first].into_iter().chain(&issued), "after its session was ended").await?;
        if was_done {
            break;
        }
    }
    for round in 0..stage.rounds {
        let first = world.login("alice").await?;
        let id = first.grant()?;
        let answers = stage
            .at_once(stage.callers, |stage, caller| {
                let (world, token) = (Arc::clone(&world), first.refresh.clone());
                async move {
                    if caller > 0 {
                        return world.refresh(&token, stage.now).await.map(Some);
                    }
                    for _ in 0..round % 4 {
                        stage.turn().await?;
                    }
                    ends(&world, id).await.map(|()| None)
                }
            })
            .await?;
        let mut issued = vec![first];
        for answer in answers.iter().flatten().filter(|answer| answer.is_ok()) {
            issued.push(answer.tokens("a refresh")?);
        }
        stage.has_not(id, "after its session was ended").await?;
        world.are_dead(issued.iter(), "after its session was ended").await?;
    }
    Ok(())
}

/// Begins the first, lets the second overtake it, and finishes the first. What both come to, and whether the first was
/// done before.
async fn overtaken<T, U: Send + 'static>(
    stage: &Stage,
    polls: usize,
    mut first: BoxFuture<'_, Result<T, Finding>>,
    second: impl Future<Output = Result<U, Finding>> + Send + 'static,
) -> Result<(T, U, bool), Finding> {
    let done = polled(&mut first, polls).await;
    let was_done = done.is_some();
    let mut second = stage.start(second);
    // A first one that was left holding a lock has to go on before anything else can.
    let overtook = within(LOCKED, &mut second).await;
    let first = match done {
        Some(done) => done?,
        None => first.await?,
    };
    let second = match overtook {
        Some(second) => second?,
        None => second.await?,
    };
    Ok((first, second, was_done))
}

/// Ends the session, which is there.
async fn ends(world: &World, id: GrantId) -> Outcome {
    match world.engine.end_session("alice", id, world.stage.now).await {
        Ok(true) => Ok(()),
        Ok(false) => Err("the end of a session found no session to end".into()),
        Err(error) => Err(failed("the end of a session", &error)),
    }
}

async fn law_non_renewable_never_renews(stage: Stage) -> Outcome {
    let world = World::new(&stage)?;
    let tokens = world.login_for_once("alice").await?;
    let stored = world.stored(&tokens).await?;
    let answers = stage
        .at_once(stage.callers, |stage, _| {
            let (world, token) = (Arc::clone(&world), tokens.refresh.clone());
            async move { world.refresh(&token, stage.now).await }
        })
        .await?;
    ensure!(answers.iter().all(super::engine::Answer::is_invalid_grant), "a grant that does not renew was renewed");
    stage.has(&stored, "after refreshes were refused").await
}

async fn law_code_is_single_use(stage: Stage) -> Outcome {
    let world = World::new(&stage)?;
    // At every await of a redemption, where the store has any.
    for polls in 0..POLLS {
        let code = world.code("alice").await?;
        let (one, other, again) = (Arc::clone(&world), Arc::clone(&world), code.clone());
        let first = Box::pin(async move { one.redeem(&code).await });
        let second = async move { other.redeem(&again).await };
        let (first, second, was_done) = overtaken(&stage, polls, first, second).await?;
        ensure!(first.is_ok() != second.is_ok(), "of two redemptions at once, both or neither succeeded");
        if was_done {
            break;
        }
    }
    for _ in 0..stage.rounds {
        let code = world.code("alice").await?;
        let answers = stage
            .at_once(stage.callers, |_, _| {
                let (world, code) = (Arc::clone(&world), code.clone());
                async move { world.redeem(&code).await }
            })
            .await?;
        let redeemed: Vec<_> = answers.iter().filter(|answer| answer.is_ok()).collect();
        ensure!(redeemed.len() == 1, "{} of {} concurrent redemptions succeeded", redeemed.len(), stage.callers);
        let tokens = redeemed[0].tokens("a redemption")?;
        world.are_dead([&tokens].into_iter(), "after its code was redeemed twice").await?;
    }
    Ok(())
}

async fn law_end_all_is_complete(stage: Stage) -> Outcome {
    let world = World::new(&stage)?;
    // More than the engine lists at a time.
    let grants = put_many(&stage, 300).await?;
    let bob = world.login("bob").await?;
    let mut logins = Vec::new();
    for _ in 0..stage.callers {
        logins.push(world.login("alice").await?);
    }
    let issued = stage
        .at_once(stage.callers, |stage, caller| {
            let (world, mut tokens) = (Arc::clone(&world), logins[caller].clone());
            async move {
                if caller == 0 {
                    let ended = world.engine.end_sessions_of("alice", world.stage.now).await;
                    ended.map_err(|error| failed("the end of all sessions", &error))?;
                    return Ok(tokens);
                }
                for _ in 0..100 {
                    let answer = world.refresh(&tokens.refresh, stage.now).await?;
                    if !answer.is_ok() {
                        break;
                    }
                    tokens = answer.tokens("a refresh")?;
                    stage.turn().await?;
                }
                Ok(tokens)
            }
        })
        .await?;
    let left = walk(&stage, &Owner::subject("alice"), 100).await?;
    ensure!(left.is_empty(), "{} sessions were left after the end of all", left.len());
    for grant in &grants {
        stage.has_not(grant.id(), "after the end of all sessions").await?;
    }
    world.are_dead(logins.iter().chain(&issued), "after the end of all sessions").await?;
    world.refresh(&bob.refresh, stage.now).await?.tokens("the refresh of somebody else").map(drop)
}

async fn law_storage_is_constant(stage: Stage) -> Outcome {
    let world = World::new(&stage)?;
    let mut tokens = world.login("alice").await?;
    let size = world.stored(&tokens).await?.encode().len();
    for refresh in 1..=20 {
        tokens = world.refresh(&tokens.refresh, stage.now + SECOND * refresh).await?.tokens("a refresh")?;
        let now = world.stored(&tokens).await?.encode().len();
        ensure!(now == size, "a record of {size} bytes had {now} after {refresh} refreshes");
    }
    Ok(())
}

async fn law_cancellation_is_safe(stage: Stage) -> Outcome {
    let world = World::new(&stage)?;
    let mut tokens = world.login("alice").await?;
    for polls in 0..POLLS {
        let mut refresh: BoxFuture<'_, _> = Box::pin(world.refresh(&tokens.refresh, stage.now));
        let done = polled(&mut refresh, polls).await;
        drop(refresh);
        let successor = world.refresh(&tokens.refresh, stage.now).await?.tokens("the retry of a dropped refresh")?;
        let again = world.refresh(&tokens.refresh, stage.now).await?.tokens("another retry of a dropped refresh")?;
        ensure!(again.refresh == successor.refresh, "two retries of a dropped refresh were given different successors");
        tokens = successor;
        if done.is_some() {
            break;
        }
    }
    Ok(())
}

async fn law_a_changed_key_is_found_at_start(stage: Stage) -> Outcome {
    is_durable(&stage)?;
    let key = Key::generate(1);
    for _ in 0..2 {
        let fits = World::with_key(&stage, key.clone())?.engine.check_keys().await;
        fits.map_err(|error| format!("the engine's own key did not fit its store: {error}"))?;
    }
    let changed = World::with_key(&stage, Key::generate(1))?.engine.check_keys().await;
    ensure!(matches!(changed, Err(KeyCheckError::Changed(1))), "another key of the same id was taken for the same key");
    let unknown = World::with_key(&stage, Key::generate(2))?.engine.check_keys().await;
    ensure!(matches!(unknown, Err(KeyCheckError::Unknown)), "a key that was never in use on the store was let in");
    Ok(())
}
