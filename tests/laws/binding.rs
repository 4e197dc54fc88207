//! `scope_never_widens` and `tokens_are_client_bound`.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::{Scope, TokenStore};

use super::{cases, setup};
use crate::kit::events::Seen;
use crate::kit::laws::world::{APP, KEEPER, OTHER, PUBLIC, SCOPE, World};
use crate::kit::schedule::{interleave, run};
use crate::kit::store::faulty::Shelf;
use crate::kit::wire::{Answer, Call};

fn set(scope: &str) -> BTreeSet<String> {
    scope.split(' ').filter(|token| !token.is_empty()).map(str::to_owned).collect()
}

/// What `bearer` says the scope of a token is.
fn real_scope<S: TokenStore>(world: &World<S>, answer: &Answer) -> BTreeSet<String> {
    let access = run(world.check(answer.access_token())).expect("a live access token");
    set(access.scope().as_str())
}

/// A login for `granted`, and then refreshes that ask for these.
fn never_widens<S: TokenStore>(
    store: Shelf<S>,
    client: &str,
    granted: &str,
    asked: &[Option<String>],
) -> TestCaseResult {
    let world = World::new(store, setup());
    let login = world.send(Call::login(client, "alice").with("scope", granted));
    prop_assert!(login.is_ok(), "{:?}", login);
    prop_assert_eq!(real_scope(&world, &login), set(granted));
    let mut token = login.refresh_token().to_owned();
    for asked in asked {
        let call = Call::refresh(client, &token);
        let call = match asked {
            Some(scope) => call.with("scope", scope),
            None => call,
        };
        let stored = world.store.stored();
        let answer = world.send(call.clone());
        let wanted = asked.as_deref().filter(|scope| !scope.is_empty());
        let well_formed = wanted.is_none_or(|scope| Scope::parse(scope).is_ok());
        if !well_formed || wanted.is_some_and(|scope| !set(scope).is_subset(&set(granted))) {
            prop_assert_eq!((answer.status, answer.error()), (400, Some("invalid_scope")));
            prop_assert_eq!(world.store.stored(), stored, "nothing changes");
            continue;
        }
        prop_assert!(answer.is_ok(), "{:?}", answer);
        let expected = wanted.map_or_else(|| set(granted), set);
        prop_assert_eq!(set(answer.scope()), expected.clone(), "what it says");
        prop_assert_eq!(real_scope(&world, &answer), expected, "and what it is");
        prop_assert!(wanted.is_none() || set(answer.scope()).is_subset(&set(granted)));
        // A retry may ask for another part, and gets no more than that.
        let retry = world.send(Call::refresh(client, &token).with("scope", granted.split(' ').next().unwrap()));
        prop_assert_eq!(real_scope(&world, &retry), set(granted.split(' ').next().unwrap()));
        prop_assert_eq!(retry.refresh_token(), answer.refresh_token());
        answer.refresh_token().clone_into(&mut token);
    }
    // A narrowed refresh leaves the successor the whole scope.
    let whole = world.refresh(client, &token);
    prop_assert_eq!(real_scope(&world, &whole), set(granted));
    Ok(())
}

/// A required scope is met by the token's own part alone.
fn lets_in_by_its_part<S: TokenStore>(store: Shelf<S>, part: &str, required: &str) -> TestCaseResult {
    let world = World::new(store, setup());
    let login = world.send(Call::login(APP, "alice").with("scope", SCOPE));
    let narrowed = world.send(Call::refresh(APP, login.refresh_token()).with("scope", part));
    let header = format!("Bearer {}", narrowed.access_token());
    let request = regrant::Request::new("GET", b"").with_header("authorization", header.as_bytes());
    let outcome = run(world.engine.bearer(&request, &Scope::parse(required).unwrap(), world.now()));
    if set(required).is_subset(&set(part)) {
        prop_assert!(outcome.is_ok());
    } else {
        prop_assert_eq!(outcome.unwrap_err().status(), 403);
    }
    Ok(())
}

fn some_of_the_scope() -> impl Strategy<Value = String> {
    let tokens: Vec<&str> = SCOPE.split(' ').collect();
    prop::sample::subsequence(tokens, 1..=3).prop_shuffle().prop_map(|tokens| tokens.join(" "))
}

fn any_ask() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(String::new())),
        5 => some_of_the_scope().prop_map(Some),
        2 => prop::sample::select(vec![
            "unknown", "read unknown", "Read", "read  write", " read", "read ", "read\"", "read\\write", "rea",
            "readwrite", "é", "read,write", "*",
        ]).prop_map(|text| Some(text.to_owned())),
    ]
}

proptest! {
    #![proptest_config(cases(120))]

    /// Law 5. An access token's scope is within the grant's; a narrowed refresh leaves the successor the whole scope.
    #[test]
    fn scope_never_widens(
        client in prop::sample::select(vec![APP, PUBLIC, KEEPER]),
        granted in some_of_the_scope(),
        asked in prop::collection::vec(any_ask(), 1..6),
    ) {
        on_every_store!(never_widens, client, &granted, &asked);
    }

    #[test]
    fn scope_is_required_of_the_token_itself(part in some_of_the_scope(), required in some_of_the_scope()) {
        on_every_store!(lets_in_by_its_part, &part, &required);
    }
}

/// The tokens of one client, presented by another, before, while and after their owner uses them.
fn bound<S: TokenStore>(
    store: Shelf<S>,
    owner: &str,
    thief: &str,
    steps: usize,
    which: usize,
    wait: u64,
    order: &[u8],
) -> TestCaseResult {
    let world = World::new(store, setup());
    let mut tokens = vec![world.login(owner).refresh_token().to_owned()];
    for _ in 0..steps {
        let next = world.refresh(owner, tokens.last().unwrap());
        tokens.push(next.refresh_token().to_owned());
    }
    let stolen = &tokens[which % tokens.len()];
    world.advance(Duration::from_millis(wait));
    let stored = world.store.stored();
    world.events.take();
    let unknown = world.refresh(thief, &"A".repeat(43));
    world.events.take();
    for call in [
        Call::refresh(thief, stolen),
        Call::refresh(thief, stolen).with("scope", "wider than anything"),
        Call::refresh(thief, stolen).with("scope", "read"),
    ] {
        prop_assert_eq!(world.send(call), unknown.clone());
    }
    prop_assert_eq!(world.store.stored(), stored, "nothing changes");
    let events = world.events.take();
    prop_assert!(events.iter().all(|event| matches!(event, Seen::Refused { .. })), "no replay: {:?}", events);

    // At the same time as its owner: who is not hindered.
    let newest = tokens.last().unwrap();
    let calls = vec![
        Box::pin(world.call(Call::refresh(thief, newest))) as _,
        Box::pin(world.call(Call::refresh(owner, newest))) as _,
        Box::pin(world.call(Call::refresh(thief, newest))) as _,
    ];
    let answers: Vec<Answer> = interleave(calls, order);
    prop_assert!(answers[0].is_invalid_grant() && answers[2].is_invalid_grant());
    prop_assert!(answers[1].is_ok(), "{:?}", answers[1]);
    prop_assert!(world.refresh(owner, answers[1].refresh_token()).is_ok());
    Ok(())
}

proptest! {
    #![proptest_config(cases(120))]

    /// Law 6. Another client's token is `invalid_grant` and changes nothing.
    #[test]
    fn tokens_are_client_bound(
        clients in prop::sample::subsequence(vec![APP, OTHER, PUBLIC, KEEPER], 2).prop_shuffle(),
        steps in 0..4_usize,
        which in 0..4_usize,
        wait in prop_oneof![0..60_000_u64, 60_000..200_000_u64],
        order in prop::collection::vec(any::<u8>(), 0..30),
    ) {
        on_every_store!(bound, clients[0], clients[1], steps, which, wait, &order);
    }
}
