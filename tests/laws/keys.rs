//! `retry_survives_key_rotation`.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::{Key, TokenStore};

use super::{cases, setup};
use crate::kit::events::Seen;
use crate::kit::laws::world::{APP, PUBLIC, Setup, World, decode, grant_of};
use crate::kit::schedule::{interleave, run_and_drop};
use crate::kit::store::faulty::Shelf;
use crate::kit::wire::{Answer, Call};

fn key(id: u8) -> Key {
    Key::from_bytes(id, &[id.wrapping_mul(37); 32])
}

fn node<S: TokenStore>(store: &Shelf<S>, sign: u8, accept: &[u8]) -> World<S> {
    let accept = accept.iter().map(|&id| key(id)).collect();
    World::new(store.clone(), Setup { sign: key(sign), accept, ..setup() })
}

/// One refresh: at which node, and at which nodes it is then sent again.
type Round = (bool, Vec<bool>);

fn survives<S: TokenStore>(
    store: Shelf<S>,
    client: &str,
    born: bool,
    rounds: &[Round],
    polls: usize,
    order: &[u8],
) -> TestCaseResult {
    // In the middle of the change from key 1 to key 2: each node accepts what the other signs.
    let nodes = [node(&store, 1, &[2]), node(&store, 2, &[1])];
    let at = |second: bool| &nodes[usize::from(second)];
    let mut token = at(born).login(client).refresh_token().to_owned();
    prop_assert_eq!(decode(&token)[0], 1 + u8::from(born));
    for (first, retries) in rounds {
        // Begun at one node and dropped, finished at another.
        run_and_drop(at(!first).call(Call::refresh(client, &token)), polls);
        let answer = at(*first).refresh(client, &token);
        prop_assert!(answer.is_ok(), "{:?}", answer);
        let stored = store.stored();
        for retry in retries {
            for node in &nodes {
                node.advance(Duration::from_secs(3));
            }
            let again = at(*retry).refresh(client, &token);
            prop_assert!(again.is_ok(), "{:?}", again);
            prop_assert_eq!(again.refresh_token(), answer.refresh_token(), "the byte-identical successor");
            prop_assert!(nodes.iter().all(|node| node.lets_in(again.access_token())));
        }
        prop_assert_eq!(store.stored(), stored);
        answer.refresh_token().clone_into(&mut token);
    }

    // Both nodes at once.
    let calls = [true, false, true, false].map(|node| Box::pin(at(node).call(Call::refresh(client, &token))) as _);
    let answers: Vec<Answer> = interleave(calls.into(), order);
    for answer in &answers {
        prop_assert!(answer.is_ok(), "{:?}", answer);
        prop_assert_eq!(answer.refresh_token(), answers[0].refresh_token());
    }
    let generation = store.peek(grant_of(&token)).unwrap().generation().as_u32();
    prop_assert_eq!(generation as usize, rounds.len() + 2, "one step");

    // The first key may go once the token was refreshed under the second.
    let token = at(true).refresh(client, answers[0].refresh_token());
    let later = node(&store, 2, &[]);
    later.set_now(at(true).now());
    let next = later.refresh(client, token.refresh_token());
    prop_assert!(next.is_ok(), "{:?}", next);
    Ok(())
}

/// A node that does not know the key refuses, says so to its host, and changes nothing.
fn unknown_key_changes_nothing<S: TokenStore>(store: Shelf<S>, steps: usize) -> TestCaseResult {
    let (new, old) = (node(&store, 2, &[1]), node(&store, 1, &[]));
    let mut answer = new.login(APP);
    for _ in 0..steps {
        answer = new.refresh(APP, answer.refresh_token());
    }
    let stored = store.stored();
    let told = Seen::UnknownKey { key_id: 2 };
    prop_assert!(old.refresh(APP, answer.refresh_token()).is_invalid_grant());
    prop_assert!(old.events.take().contains(&told));
    prop_assert!(!old.lets_in(answer.access_token()));
    prop_assert!(old.events.take().contains(&told));
    prop_assert_eq!(store.stored(), stored);
    prop_assert!(new.refresh(APP, answer.refresh_token()).is_ok(), "and loses nobody's session");
    Ok(())
}

proptest! {
    #![proptest_config(cases(120))]

    /// Law 16. A retry gets the byte-identical successor at a node that signs with another key.
    #[test]
    fn retry_survives_key_rotation(
        public in any::<bool>(),
        born in any::<bool>(),
        rounds in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<bool>(), 0..3)), 0..5),
        polls in 0..10_usize,
        order in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        on_every_store!(survives, if public { PUBLIC } else { APP }, born, &rounds, polls, &order);
    }

    #[test]
    fn an_unknown_key_changes_nothing(steps in 0..3_usize) {
        on_every_store!(unknown_key_changes_nothing, steps);
    }
}
