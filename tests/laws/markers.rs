//! What is answered once: a lost answer is no replay, under every interleaving, fault and dropped request.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::engine::{Interaction, Person, ShownError};
use regrant::{Authorization, Denial, Request, Response, TokenStore};

use super::cases;
use crate::kit::laws::codes::{Knows, REDIRECT_URI, redeem};
use crate::kit::laws::world::{APP, OTHER, Setup, World, grant_of};
use crate::kit::portal::CHALLENGE;
use crate::kit::schedule::{Scheduler, run};
use crate::kit::store::faulty::{Fault, Op, Shelf};

const PEOPLE: [&str; 2] = ["alice", "bob"];

#[derive(Clone, Copy, Debug)]
enum Action {
    /// The form is sent, by this person; nobody is a no.
    Send(Option<usize>),
    Poll(u8),
    Drop(u8),
    Advance(u64),
    Fail(Op, Fault),
}

fn action() -> impl Strategy<Value = Action> {
    let fault = prop_oneof![
        Just(Fault::NotApplied),
        Just(Fault::LostBefore),
        Just(Fault::LostAfter),
        (1..6_u8).prop_map(Fault::Late),
        (1..6_u8).prop_map(Fault::Slow),
    ];
    prop_oneof![
        // Mostly one person, since two of them hear different things.
        4 => Just(Action::Send(Some(0))),
        1 => Just(Action::Send(Some(1))),
        1 => Just(Action::Send(None)),
        10 => any::<u8>().prop_map(Action::Poll),
        2 => any::<u8>().prop_map(Action::Drop),
        1 => (0..20_000_u64).prop_map(Action::Advance),
        2 => (prop_oneof![Just(Op::Insert), Just(Op::Load)], fault).prop_map(|(op, fault)| Action::Fail(op, fault)),
    ]
}

fn shown<S: TokenStore>(world: &World<S>) -> Interaction {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("response_type", "code")
        .append_pair("client_id", APP)
        .append_pair("redirect_uri", REDIRECT_URI)
        .append_pair("code_challenge", CHALLENGE)
        .append_pair("code_challenge_method", "S256")
        .finish();
    let request = Request::new("GET", b"").with_query(query.as_bytes());
    let asked = run(world.engine.authorize(&request, regrant::Timestamp::EPOCH)).expect("a request that holds");
    let handle = world.engine.interaction_handle(&asked, world.now()).expect("a handle");
    world.engine.open_interaction(&handle, world.now()).expect("its own")
}

/// What a response hands out or says: `Ok` with the parameter `code` or `error` of a redirect, or what is shown.
fn said(answer: &Result<Response, ShownError>) -> Result<(String, String), u16> {
    let response = answer.as_ref().map_err(ShownError::status)?;
    let (_, location) = response.headers().find(|(name, _)| *name == "location").expect("a redirect");
    let (_, query) = location.split_once('?').expect("parameters");
    let one = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code" || name == "error");
    let (name, value) = one.expect("a code or an error");
    Ok((name.into_owned(), value.into_owned()))
}

fn is_answered_once<S: TokenStore>(store: Shelf<S>, actions: &[Action]) -> TestCaseResult {
    let world = World::new(store, Setup::default());
    let interaction = shown(&world);
    let mut tasks = Scheduler::new();
    let (mut codes, mut denied) = (BTreeSet::new(), false);
    let begun = world.now();
    let send = |person: Option<usize>| {
        let (world, interaction, now) = (&world, &interaction, world.now());
        async move {
            let asked = world.engine.resume(interaction).await.expect("a client that is there");
            match person {
                Some(person) => {
                    world.engine.approve(&asked, Authorization::of(PEOPLE[person]), now).await.map(|done| done.response)
                }
                None => world.engine.deny(&asked, Denial::AccessDenied, Person::LoggedIn(PEOPLE[0]), now).await,
            }
        }
    };
    let note =
        |response: &Result<Response, ShownError>, codes: &mut BTreeSet<String>, denied: &mut bool| -> TestCaseResult {
            match said(response) {
                Ok((name, value)) if name == "code" => drop(codes.insert(value)),
                Ok((_, error)) if error == "access_denied" => *denied = true,
                Ok((_, error)) => prop_assert_eq!(error, "temporarily_unavailable"),
                Err(status) => prop_assert!(status == 400, "{}", status),
            }
            Ok(())
        };
    for &action in actions {
        match action {
            Action::Send(person) if tasks.len() < 6 => drop(tasks.spawn(send(person))),
            Action::Send(_) => {}
            Action::Poll(number) => {
                if let Some(id) = tasks.pick(number.into()) {
                    if let Some(response) = tasks.poll(id) {
                        note(&response, &mut codes, &mut denied)?;
                    }
                }
            }
            Action::Drop(number) => {
                if let Some(id) = tasks.pick(number.into()) {
                    tasks.drop(id);
                }
            }
            Action::Advance(millis) => world.advance(Duration::from_millis(millis)),
            Action::Fail(op, fault) => world.store.plan(op, fault),
        }
    }
    let mut number = 0;
    while let Some(id) = tasks.pick(number) {
        if let Some(response) = tasks.poll(id) {
            note(&response, &mut codes, &mut denied)?;
        }
        number += 1;
    }
    world.store.heal();
    world.store.catch_up();
    // Whoever lost the answer sends the form again.
    for person in [Some(0), Some(1), None] {
        note(&run(send(person)), &mut codes, &mut denied)?;
    }
    prop_assert!(codes.len() <= 1, "one code: {:?}", codes);
    prop_assert!(codes.is_empty() || !denied, "one answer");
    let in_time = world.now() < begun + Duration::from_secs(60);
    prop_assert!(!codes.is_empty() || denied || !in_time, "an answer for whoever was first");
    for code in &codes {
        let answer = world.send(redeem(APP, OTHER, code, Knows::All));
        prop_assert!(answer.is_ok() || !in_time, "{:?}", answer);
        prop_assert!(!answer.is_ok() || grant_of(answer.refresh_token()) == grant_of(code));
        if answer.is_ok() {
            // Redeemed, it is heard no more.
            prop_assert_eq!(said(&run(send(Some(0)))), Err(400));
            prop_assert_eq!(said(&run(send(Some(1)))), Err(400));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn a_lost_answer_is_no_replay(actions in prop::collection::vec(action(), 1..60)) {
        on_every_store!(is_answered_once, &actions);
    }
}
