//! What profiles make of records: `sessions_need_the_key_of_their_client`, `a_challenge_is_for_one_session` and
//! `a_withdrawn_key_rotates_once`.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::{Authorization, Grant, Key, TokenStore};
use serde_json::json;

use super::cases;
use crate::kit::profiles::{
    Hand, Pkce, SERVICE, Square, asking, bank, key_app, key_client, keys_of, phone, said, service, service_document,
    site, square,
};
use crate::kit::store::faulty::{Faulty, Shelf};

const DAY: u64 = 86_400;

fn logins<S: TokenStore>(store: &Shelf<S>) -> BTreeMap<regrant::GrantId, Vec<u8>> {
    let mut stored = store.stored();
    stored.retain(|_, bytes| Grant::decode(bytes).is_ok_and(|grant| !grant.is_marker()));
    stored
}

/// What the client's site has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Set {
    Both,
    One,
    Two,
    Empty,
    Down,
}

impl Set {
    const fn has(self, kid: &str) -> bool {
        match self {
            Self::Both => true,
            Self::One => kid.len() == 3 && kid.as_bytes()[0] == b'o',
            Self::Two => kid.len() == 3 && kid.as_bytes()[0] == b't',
            Self::Empty | Self::Down => false,
        }
    }

    const fn is_good(self) -> bool {
        matches!(self, Self::Both | Self::One | Self::Two)
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Site(Set),
    /// With the current token, or one so many steps back; by this key of the client, and of this device.
    Refresh {
        back: usize,
        kid: &'static str,
        device: u8,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let set = prop_oneof![Just(Set::Both), Just(Set::One), Just(Set::Two), Just(Set::Empty), Just(Set::Down)];
    let kid = prop_oneof![2 => Just("one"), 1 => Just("two")];
    prop_oneof![
        1 => set.prop_map(Step::Site),
        3 => (0..3_usize, kid, 1..3_u8).prop_map(|(back, kid, device)| Step::Refresh { back, kid, device }),
    ]
}

fn needs_its_key<S: TokenStore>(store: Shelf<S>, steps: &[Step]) -> TestCaseResult {
    let (site, hand) = (site(), Hand::default());
    let square: Square<Arc<Faulty<S>>> = square(Arc::clone(&store), &site, &hand, |builder| builder);
    let mut tokens = vec![square.login(&service(), 0).refresh_token()];
    // What the site has, and what was there when it was asked last.
    let (mut set, mut known) = (Set::Both, Set::Both);
    let mut secs = 0;
    for step in steps {
        match *step {
            Step::Site(next) => {
                set = next;
                site.is_down(next == Set::Down);
                let keys = match next {
                    Set::Both => keys_of(&["one", "two"]),
                    Set::One => keys_of(&["one"]),
                    Set::Two => keys_of(&["two"]),
                    Set::Empty | Set::Down => json!({"keys": []}),
                };
                site.puts(SERVICE, &service_document(&keys));
            }
            Step::Refresh { back, kid, device } => {
                // Longer than a document is fresh, so that it is asked for; shorter than it is at hand.
                secs += 700;
                hand.is_at(secs);
                if set.is_good() {
                    known = set;
                }
                let back = back.min(tokens.len() - 1);
                let app = service().with_signer(kid).with_proof(device);
                let before = logins(&store);
                square.events.take();
                let reply = square.refresh(&app, &tokens[tokens.len() - 1 - back], secs);
                let is_current = back == 0;
                let expected = match (known.has(kid), device, kid) {
                    (false, ..) => "401 invalid_client",
                    (true, 1, "one") if is_current => "200",
                    // By all that the session is bound to, and long after: a replay, and the end of this history.
                    (true, 1, "one") => {
                        prop_assert_eq!(said(&reply), "400 invalid_grant");
                        prop_assert!(logins(&store).is_empty());
                        return Ok(());
                    }
                    (true, 1, _) if !set.is_good() => "503 temporarily_unavailable",
                    (true, 1, _) if !set.has("one") => {
                        prop_assert_eq!(said(&reply), "400 invalid_grant");
                        let told = square.events.names();
                        prop_assert!(told.contains(&String::from("ClientKeyGone")), "{:?}", told);
                        prop_assert!(logins(&store).is_empty(), "the key is gone");
                        return Ok(());
                    }
                    _ => "400 invalid_grant",
                };
                prop_assert_eq!(said(&reply), expected, "{:?} of {:?}, known {:?}", step, set, known);
                if expected == "200" {
                    tokens.push(reply.refresh_token());
                } else {
                    prop_assert_eq!(logins(&store), before, "nothing changes");
                    let told = square.events.names();
                    prop_assert!(!told.iter().any(|name| name == "ReplayFound" || name == "Revoked"), "{:?}", told);
                }
            }
        }
    }
    Ok(())
}

/// At so many seconds, with the challenge of this number.
fn is_for_one<S: TokenStore>(store: Shelf<S>, approvals: &[(u64, u64)]) -> TestCaseResult {
    let (site, hand) = (site(), Hand::default());
    let square: Square<Arc<Faulty<S>>> = square(Arc::clone(&store), &site, &hand, |builder| builder);
    // When each was spent last.
    let mut spent: BTreeMap<u64, u64> = BTreeMap::new();
    let mut secs = 0;
    for &(later, number) in approvals {
        secs += later;
        hand.is_at(secs);
        let query = square.pushed(&phone(), &asking(&phone(), &Pkce::of(number)), secs);
        let landing = square.approve(&query, Authorization::of("alice"), secs).unwrap();
        let is_spent = landing.get("error") == Some("invalid_request");
        prop_assert_ne!(is_spent, landing.get("code").is_some());
        match spent.get(&number) {
            None => prop_assert!(!is_spent, "the first time"),
            Some(then) if secs - then < DAY => prop_assert!(is_spent, "again after {} s", secs - then),
            // Stores keep it to the end of the next day, and what has expired until it is purged.
            Some(_) => {}
        }
        if !is_spent {
            spent.insert(number, secs);
        }
    }
    Ok(())
}

/// At a node that withdraws the key, or one that still signs by it; with the newest token, or the one before.
fn rotates_once<S: TokenStore>(store: Shelf<S>, uses: &[(bool, bool, u64)]) -> TestCaseResult {
    // The store may take its time, which counts for the client.
    let window = std::time::Duration::from_secs(120) + store.longest_commit();
    let (old, new) = (|| Key::from_bytes(7, &[9; 32]), || Key::from_bytes(8, &[10; 32]));
    let before = bank(Arc::clone(&store), [key_client()], |builder| builder.accept_key(new()));
    let after = bank(Arc::clone(&store), [key_client()], |builder| builder.key(new()).retire_key(old()));
    let first = before.login(&key_app(), 0).refresh_token();
    let mut second: Option<(String, u64)> = None;
    let mut secs = 0;
    for &(withdraws, newest, later) in uses {
        secs += later;
        let token = second.as_ref().filter(|_| newest).map_or(&first, |(token, _)| token).clone();
        let node = if withdraws { &after } else { &before };
        let reply = node.refresh(&key_app(), &token, secs);
        match &second {
            Some((_, since)) if token == first && std::time::Duration::from_secs(secs - since) >= window => {
                prop_assert_eq!(said(&reply), "400 invalid_grant", "a replay");
                return Ok(());
            }
            Some((own, since)) => {
                prop_assert_eq!(&reply.refresh_token(), own, "there are two, and no third");
                // A token that stays is refreshed without a step, which begins the window anew; a lost answer is not.
                let since = if token == *own { secs } else { *since };
                second = Some((own.clone(), since));
            }
            None if withdraws => {
                let own = reply.refresh_token();
                prop_assert_ne!(&own, &first);
                second = Some((own, secs));
            }
            None => prop_assert_eq!(reply.refresh_token(), first.clone()),
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn sessions_need_the_key_of_their_client(steps in prop::collection::vec(step(), 1..16)) {
        on_every_store!(needs_its_key, &steps);
    }

    #[test]
    fn a_challenge_is_for_one_session(
        approvals in prop::collection::vec((prop_oneof![0..100_u64, 0..DAY, DAY..3 * DAY], 0..3_u64), 2..10),
    ) {
        on_every_store!(is_for_one, &approvals);
    }

    #[test]
    fn a_withdrawn_key_rotates_once(
        uses in prop::collection::vec((any::<bool>(), any::<bool>(), 1..90_u64), 1..12),
    ) {
        on_every_store!(rotates_once, &uses);
    }
}
