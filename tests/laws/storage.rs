//! `storage_is_constant` and `store_holds_no_token`.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::{GrantId, MemoryStore, TokenStore};

use super::{cases, setup};
use crate::kit::laws::world::{APP, Hook, KEEPER, PUBLIC, Says, Setup, World, decode, grant_of};
use crate::kit::schedule::{interleave, run_and_drop};
use crate::kit::store::bytes::BytesStore;
use crate::kit::store::faulty::Shelf;
use crate::kit::wire::{Answer, Call};

/// A refresh, and how it is done.
#[derive(Clone, Debug)]
enum Step {
    Alone,
    Dropped(u8),
    AtOnce(u8),
    Narrowed,
    /// With other extra fields of the same size.
    Renamed(String),
    After(u32),
    /// Presented by another client, or for too much.
    Refused(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Alone),
        1 => (0..12_u8).prop_map(Step::Dropped),
        1 => (2..5_u8).prop_map(Step::AtOnce),
        1 => Just(Step::Narrowed),
        // "alice" has five letters.
        1 => "[a-z]{5}".prop_map(Step::Renamed),
        1 => (0..50_000_u32).prop_map(Step::After),
        1 => any::<bool>().prop_map(Step::Refused),
    ]
}

/// Goes so many steps; every answer that there was.
fn walk<S: TokenStore>(world: &World<S>, client: &str, steps: &[Step]) -> Vec<Answer> {
    let hook = world.setup.hook.clone().expect("a hook");
    let mut answers = vec![world.login(client)];
    for step in steps {
        let token = answers.last().expect("a login").refresh_token().to_owned();
        let call = Call::refresh(client, &token);
        match step {
            Step::Alone => {}
            Step::Dropped(polls) => drop(run_and_drop(world.call(call.clone()), usize::from(*polls))),
            Step::AtOnce(times) => {
                let calls = (0..*times).map(|_| Box::pin(world.call(call.clone())) as _).collect();
                answers.extend(interleave(calls, &[]));
            }
            Step::Narrowed => answers.push(world.send(call.clone().with("scope", "read"))),
            Step::Renamed(name) => hook.say(Says::Rename(name.clone())),
            Step::After(millis) => world.advance(Duration::from_millis(u64::from(*millis))),
            Step::Refused(true) => assert!(world.refresh("other", &token).is_invalid_grant()),
            Step::Refused(false) => assert!(!world.send(call.clone().with("scope", "all of it")).is_ok()),
        }
        let answer = world.send(call);
        assert!(answer.is_ok(), "{answer:?}");
        answers.push(answer);
    }
    answers
}

fn world<S: TokenStore>(store: Shelf<S>) -> World<S> {
    World::new(store, Setup { hook: Some(Hook::default()), ..setup() })
}

fn is_constant<S: TokenStore>(store: Shelf<S>, client: &str, steps: &[Step]) -> TestCaseResult {
    let world = world(store);
    let first = world.login(client);
    let len = world.store.stored().values().map(Vec::len).sum::<usize>();
    let stored = world.store.stored();
    world.engine.store().roll_back(&BTreeMap::new());
    prop_assert_eq!(stored.len(), 1);
    drop(first);
    let answers = walk(&world, client, steps);
    let stored = world.store.stored();
    prop_assert_eq!(stored.len(), 1, "one record");
    prop_assert_eq!(stored.values().map(Vec::len).sum::<usize>(), len, "of the same length");
    prop_assert!(stored.contains_key(&grant_of(answers[0].refresh_token())), "under the same id");
    Ok(())
}

/// What a store may hold nothing of: each token, its bytes, and any half of its MAC.
fn find_token(raw: &[u8], answers: &[Answer]) -> Option<String> {
    let contains = |needle: &[u8]| raw.windows(needle.len()).any(|window| window == needle);
    let tokens = answers.iter().flat_map(|answer| [answer.access_token(), answer.refresh_token()]);
    for token in tokens {
        let bytes = decode(token);
        let mac = &bytes[bytes.len() - 20..];
        let parts = [
            token.as_bytes(),
            // In the middle of the text, wherever it is cut.
            &token.as_bytes()[token.len() - 20..],
            bytes.as_slice(),
            mac,
            &mac[..10],
            &mac[10..],
        ];
        if parts.iter().any(|part| contains(part)) {
            return Some(token.to_owned());
        }
        let hex: Vec<u8> = mac.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect();
        if contains(&hex) || contains(&hex.to_ascii_uppercase()) {
            return Some(token.to_owned());
        }
    }
    None
}

fn holds_no_token(raw: &BTreeMap<GrantId, Vec<u8>>, answers: &[Answer]) -> TestCaseResult {
    prop_assert!(!raw.is_empty());
    for bytes in raw.values() {
        prop_assert_eq!(find_token(bytes, answers), None);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(60))]

    /// Law 10. A redeemed grant takes the same space after any number of refreshes.
    #[test]
    fn storage_is_constant(
        client in prop::sample::select(vec![APP, PUBLIC, KEEPER]),
        steps in prop::collection::vec(step(), 0..40),
    ) {
        on_every_store!(is_constant, client, &steps);
    }

    /// Law 11. The raw stored bytes contain no token and no MAC of one.
    #[test]
    fn store_holds_no_token(
        client in prop::sample::select(vec![APP, PUBLIC, KEEPER]),
        steps in prop::collection::vec(step(), 0..12),
    ) {
        let world = world(Shelf::of(BytesStore::default()));
        let mut answers = walk(&world, client, &steps);
        answers.push(world.login(client));
        let raw = world.store.inner().raw();
        prop_assert_eq!(raw.len(), 2);
        holds_no_token(&raw, &answers)?;

        let world = self::world(Shelf::of(MemoryStore::new()));
        let answers = walk(&world, client, &steps);
        prop_assert_eq!(world.store.inner().len(), 1, "and no second record that the trait does not show");
        holds_no_token(&world.store.stored(), &answers)?;
    }
}

/// The search finds what it is there to find.
#[test]
fn a_token_in_a_record_would_be_found() {
    let world = world(Shelf::of(BytesStore::default()));
    let answer = world.login(APP);
    let token = decode(answer.refresh_token());
    for hidden in [answer.refresh_token().as_bytes(), answer.access_token().as_bytes(), &token, &token[12..]] {
        let raw = [b"before".as_slice(), hidden, b"after"].concat();
        assert!(find_token(&raw, std::slice::from_ref(&answer)).is_some());
    }
}
