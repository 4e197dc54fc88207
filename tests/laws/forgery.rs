//! `forgeries_fail`.

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::{Key, TokenStore};

use super::{cases, setup};
use crate::kit::events::Seen;
use crate::kit::laws::world::{APP, Setup, World, decode, encode};
use crate::kit::store::bytes::BytesStore;
use crate::kit::store::faulty::Shelf;

const REFRESH_HEAD: usize = 12;
const ACCESS_HEAD: usize = 30;

/// What is done to a token. Numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Forgery {
    FlipBit(u16),
    /// Any character at any place.
    Character(u16, char),
    Truncate(u16),
    Extend(String),
    /// The text of this token in another alphabet or with padding.
    Respell(u8),
    /// Bytes from one place on are those of another token of the same kind.
    Splice {
        at: u16,
        of_other_grant: bool,
    },
    /// This generation, key id, epoch, time, lifetime or scope, with the MAC as it was.
    Field {
        at: u16,
        bytes: Vec<u8>,
    },
    OtherKind,
    /// The head of this one with the MAC of the token of the other kind.
    MacOfOtherKind,
    /// A token that another engine made for the same kind of grant: with another key of the same id, or the same key
    /// and another salt.
    OfAnotherEngine {
        same_key: bool,
    },
    Bytes(Vec<u8>),
    Empty,
}

fn forgery() -> impl Strategy<Value = Forgery> {
    prop_oneof![
        4 => any::<u16>().prop_map(Forgery::FlipBit),
        2 => (any::<u16>(), any::<char>()).prop_map(|(at, character)| Forgery::Character(at, character)),
        2 => (any::<u16>(), "[A-Za-z0-9_-]").prop_map(|(at, text)| Forgery::Character(at, text.chars().next().unwrap())),
        1 => any::<u16>().prop_map(Forgery::Truncate),
        1 => "[A-Za-z0-9_=. -]{1,30}".prop_map(Forgery::Extend),
        1 => any::<u8>().prop_map(Forgery::Respell),
        2 => (any::<u16>(), any::<bool>()).prop_map(|(at, of_other_grant)| Forgery::Splice { at, of_other_grant }),
        2 => (any::<u16>(), prop::collection::vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Forgery::Field { at, bytes }),
        1 => Just(Forgery::OtherKind),
        1 => Just(Forgery::MacOfOtherKind),
        1 => any::<bool>().prop_map(|same_key| Forgery::OfAnotherEngine { same_key }),
        1 => prop_oneof![prop::collection::vec(any::<u8>(), 32), prop::collection::vec(any::<u8>(), 50)].prop_map(Forgery::Bytes),
        1 => Just(Forgery::Empty),
    ]
}

/// The tokens that a forger may have.
struct Loot {
    token: String,
    other_kind: String,
    earlier: String,
    of_other_grant: String,
    of_another_engine: [String; 2],
    head: usize,
}

fn forge(forgery: &Forgery, loot: &Loot) -> String {
    let text = loot.token.clone();
    let mut bytes = decode(&text);
    match forgery {
        Forgery::FlipBit(bit) => {
            let bit = usize::from(*bit) % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            encode(&bytes)
        }
        Forgery::Character(at, character) => {
            let at = usize::from(*at) % text.len();
            let mut characters: Vec<char> = text.chars().collect();
            characters[at] = *character;
            characters.into_iter().collect()
        }
        Forgery::Truncate(len) => text[..usize::from(*len) % text.len()].to_owned(),
        Forgery::Extend(more) => text + more,
        Forgery::Respell(number) => match number % 5 {
            0 => text.replace('-', "+").replace('_', "/"),
            1 => text + "=",
            2 => format!(" {text}"),
            3 => text + "\n",
            _ => text.to_ascii_lowercase(),
        },
        Forgery::Splice { at, of_other_grant } => {
            let from = decode(if *of_other_grant { &loot.of_other_grant } else { &loot.earlier });
            let at = 1 + usize::from(*at) % (bytes.len() - 1);
            bytes[at..].copy_from_slice(&from[at..]);
            encode(&bytes)
        }
        Forgery::Field { at, bytes: new } => {
            let at = usize::from(*at) % (loot.head - new.len());
            bytes[at..at + new.len()].copy_from_slice(new);
            encode(&bytes)
        }
        Forgery::OtherKind => loot.other_kind.clone(),
        Forgery::MacOfOtherKind => {
            let other = decode(&loot.other_kind);
            let head = bytes.len() - 20;
            bytes[head..].copy_from_slice(&other[other.len() - 20..]);
            encode(&bytes)
        }
        Forgery::OfAnotherEngine { same_key } => loot.of_another_engine[usize::from(*same_key)].clone(),
        Forgery::Bytes(random) => encode(random),
        Forgery::Empty => String::new(),
    }
}

/// What the same login gets elsewhere: refresh token and access token of a second generation.
fn elsewhere(key: Key) -> [String; 2] {
    let world = World::new(Shelf::of(BytesStore::default()), Setup { sign: key, ..setup() });
    let first = world.login(APP);
    let second = world.refresh(APP, first.refresh_token());
    [second.refresh_token().to_owned(), second.access_token().to_owned()]
}

fn fail<S: TokenStore>(store: Shelf<S>, forgeries: &[Forgery]) -> TestCaseResult {
    let setup = setup();
    let strangers = [elsewhere(Key::from_bytes(1, &[0x22; 32])), elsewhere(setup.sign.clone())];
    let world = World::new(store, setup);
    let first = world.login(APP);
    let second = world.refresh(APP, first.refresh_token());
    let bystander = world.login(APP);
    let refresh = Loot {
        token: second.refresh_token().to_owned(),
        other_kind: second.access_token().to_owned(),
        earlier: first.refresh_token().to_owned(),
        of_other_grant: bystander.refresh_token().to_owned(),
        of_another_engine: strangers.clone().map(|tokens| tokens[0].clone()),
        head: REFRESH_HEAD,
    };
    let access = Loot {
        token: second.access_token().to_owned(),
        other_kind: second.refresh_token().to_owned(),
        earlier: first.access_token().to_owned(),
        of_other_grant: bystander.access_token().to_owned(),
        of_another_engine: strangers.map(|tokens| tokens[1].clone()),
        head: ACCESS_HEAD,
    };
    let genuine = [&first, &second, &bystander].map(|answer| [answer.refresh_token(), answer.access_token()]).concat();
    let stored = world.store.stored();
    world.events.take();
    for forgery in forgeries {
        let forged = forge(forgery, &refresh);
        let is_known = genuine.contains(&forged.as_str()) && forged.len() == 43;
        if !is_known {
            let answer = world.refresh(APP, &forged);
            let expected = if forged.is_empty() || forged.chars().any(char::is_control) {
                "invalid_request"
            } else {
                "invalid_grant"
            };
            prop_assert_eq!((answer.status, answer.error()), (400, Some(expected)), "{:?}: {}", forgery, forged);
        }
        // Spaces after the scheme belong to the header: RFC 7235 section 2.1 allows more than one.
        let forged = forge(forgery, &access).trim_start().to_owned();
        if !genuine.contains(&forged.as_str()) || forged.len() == 43 {
            prop_assert!(!world.lets_in(&forged), "{:?}: {}", forgery, forged);
        }
        prop_assert_eq!(&world.store.stored(), &stored, "{:?}", forgery);
    }
    let events = world.events.take();
    let harmless = |event: &Seen| matches!(event, Seen::Refused { .. } | Seen::UnknownKey { .. });
    prop_assert!(events.iter().all(harmless), "nobody is told of a replay: {:?}", events);
    // The genuine ones still work.
    prop_assert!(world.lets_in(&access.token));
    prop_assert!(world.refresh(APP, &refresh.token).is_ok());
    Ok(())
}

/// No bit of a token is free.
fn every_bit_counts<S: TokenStore>(store: Shelf<S>, more: u8) -> TestCaseResult {
    let world = World::new(store, setup());
    let first = world.login(APP);
    let stored = world.store.stored();
    for (text, is_refresh) in [(first.refresh_token(), true), (first.access_token(), false)] {
        let bytes = decode(text);
        for bit in 0..bytes.len() * 8 {
            let mut forged = bytes.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            // Two bits at once now and then.
            forged[usize::from(more) % bytes.len()] ^= more & 1;
            if forged == bytes {
                continue;
            }
            let forged = encode(&forged);
            let refused =
                if is_refresh { world.refresh(APP, &forged).is_invalid_grant() } else { !world.lets_in(&forged) };
            prop_assert!(refused, "bit {} of {}", bit, text);
        }
    }
    prop_assert_eq!(world.store.stored(), stored);
    Ok(())
}

proptest! {
    #![proptest_config(cases(120))]

    /// Law 8. Any altered token, and any token presented as another kind, is refused; the stored bytes stay the same.
    #[test]
    fn forgeries_fail(forgeries in prop::collection::vec(forgery(), 1..12)) {
        on_every_store!(fail, &forgeries);
    }
}

proptest! {
    #![proptest_config(cases(2))]

    #[test]
    fn forgeries_of_every_bit_fail(more in any::<u8>()) {
        on_every_store!(every_bit_counts, more);
    }
}
