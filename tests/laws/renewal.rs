//! `non_renewable_never_renews`.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::TokenStore;
use regrant::engine::RenewalPolicy;
use serde_json::Value;

use super::{cases, setup};
use crate::kit::events::Seen;
use crate::kit::laws::world::{APP, Setup, World, grant_of};
use crate::kit::schedule::{interleave, run_and_drop};
use crate::kit::store::faulty::Shelf;
use crate::kit::wire::{Answer, Call};

const PARAMETER: &str = "refresh_token_active";

/// Why a grant is not renewable.
#[derive(Clone, Debug)]
enum Why {
    Never,
    HostSaysNo,
    /// Opt-in renewal, with these bytes in the login.
    NotOptedIn(String),
}

/// Everything that is not one occurrence with the exact value `true`.
fn not_opting_in() -> impl Strategy<Value = String> {
    let fixed = [
        "",
        "p",
        "p=",
        "p=True",
        "p=TRUE",
        "p=1",
        "p=yes",
        "p=on",
        "p=+true",
        "p=%20true",
        "p=true+",
        "p=true%20",
        "p=true%00",
        "p=true%0A",
        "p=%22true%22",
        "p=false",
        "p=tru",
        "p=truee",
        "p=true%2Ctrue",
        "p=true;",
        "p=true&p=true",
        "p=&p=true",
        "p=true&p=",
        "p&p=true",
        "p=true&%70=true",
        "p=false&p=true",
        "p=true&p=false",
        "P=true",
        "+p=true",
        "p+=true",
        "p%00=true",
        "p[]=true",
    ];
    let name = |text: &str| {
        // `p` alone stands for the name; an escape of its first letter is the same name.
        text.replace("%70", "%72efresh_token_active")
            .split('&')
            .map(|pair| pair.replacen('p', PARAMETER, usize::from(!pair.starts_with("%72"))))
            .collect::<Vec<_>>()
            .join("&")
            .replacen('P', "Refresh_token_active", 1)
    };
    let any_value = "[ -~]{0,8}".prop_filter_map("the value that opts in", |value| {
        let pair = form_urlencoded::Serializer::new(String::new()).append_pair(PARAMETER, &value).finish();
        (value != "true").then_some(pair)
    });
    prop_oneof![4 => prop::sample::select(fixed.map(name).to_vec()), 1 => any_value]
}

fn why() -> impl Strategy<Value = Why> {
    prop_oneof![1 => Just(Why::Never), 1 => Just(Why::HostSaysNo), 6 => not_opting_in().prop_map(Why::NotOptedIn)]
}

/// All that can be seen of an answer but for what must differ: names, kinds and lengths.
fn shape(answer: &Answer) -> Vec<(String, String)> {
    let kind = |value: &Value| match value {
        Value::String(text) => format!("{} characters", text.chars().count()),
        other => other.to_string(),
    };
    answer.json.as_object().unwrap().iter().map(|(name, value)| (name.clone(), kind(value))).collect()
}

fn never_renews<S: TokenStore>(
    store: Shelf<S>,
    why: &Why,
    times: usize,
    polls: usize,
    wait: u64,
    order: &[u8],
) -> TestCaseResult {
    let renewal = match why {
        Why::Never => RenewalPolicy::Never,
        Why::HostSaysNo => RenewalPolicy::Always,
        Why::NotOptedIn(_) => RenewalPolicy::OptIn(PARAMETER.into()),
    };
    let world = World::new(store, Setup { renewal, ..setup() });
    let login = Call::login(APP, "alice");
    let login = match why {
        Why::Never => login.with(PARAMETER, "true"),
        Why::HostSaysNo => login.with("host_says", "no"),
        Why::NotOptedIn(raw) => login.with_raw(raw),
    };
    let answer = world.send(login);
    prop_assert!(answer.is_ok(), "it still hands out tokens: {:?}", answer);
    let token = answer.refresh_token();
    let id = grant_of(token);
    let issued = world.events.take();
    prop_assert_eq!(issued, vec![Seen::Issued { grant: id, renewable: false }]);

    // It looks like one that renews.
    if !matches!(why, Why::Never) {
        let renewable = world.send(Call::login(APP, "alice").with(PARAMETER, "true"));
        prop_assert_eq!(shape(&answer), shape(&renewable));
        prop_assert_eq!(&answer.headers, &renewable.headers);
        prop_assert!(world.refresh(APP, renewable.refresh_token()).is_ok());
    }
    let unknown = world.refresh(APP, &"A".repeat(43));
    let stored = world.store.stored();
    world.events.take();

    // Every time, for ever, alone and at once, also where the refresh asks to be renewable.
    let call = Call::refresh(APP, token);
    run_and_drop(world.call(call.clone()), polls);
    let calls = (0..times).map(|_| Box::pin(world.call(call.clone())) as _).collect();
    let mut refusals = interleave(calls, order);
    refusals.push(world.send(call.clone().with(PARAMETER, "true")));
    refusals.push(world.send(call.clone().with("scope", "read")));
    refusals.push(world.send(call.clone().with("scope", "more than there is")));
    world.advance(Duration::from_millis(wait));
    refusals.push(world.send(call.clone()));
    for refusal in &refusals {
        prop_assert_eq!(refusal, &unknown, "one answer for all refusals");
    }
    prop_assert_eq!(world.store.stored(), stored, "and nothing changes");
    let events = world.events.take();
    prop_assert!(events.iter().all(|event| matches!(event, Seen::Refused { .. })), "no replay: {:?}", events);
    // Its access token is as good as any.
    let alive = Duration::from_millis(wait + 1_000) < world.setup.access_token;
    prop_assert!(!alive || world.lets_in(answer.access_token()));
    Ok(())
}

/// Older generations and newer ones of a grant that is not renewable: replay and "ahead" are not even looked at.
fn no_generation_renews<S: TokenStore>(store: Shelf<S>, steps: u32) -> TestCaseResult {
    let world = World::new(store, setup());
    let mut tokens = vec![world.login(APP).refresh_token().to_owned()];
    for _ in 0..steps {
        let next = world.refresh(APP, tokens.last().unwrap());
        tokens.push(next.refresh_token().to_owned());
    }
    let id = grant_of(&tokens[0]);
    // The record as it was, but not renewable, and at an earlier generation: so that there are tokens on both sides.
    for generation in 1..=steps + 1 {
        let mut bytes = world.store.peek(id).unwrap().encode();
        // The layout of records, format 1: flags, and generation.
        bytes[1] &= !1;
        bytes[34..37].copy_from_slice(&generation.to_be_bytes()[1..]);
        world.store.roll_back(&[(id, bytes)].into());
        let stored = world.store.stored();
        prop_assert!(!world.store.peek(id).unwrap().is_renewable());
        world.events.take();
        for token in &tokens {
            prop_assert!(world.refresh(APP, token).is_invalid_grant());
        }
        prop_assert_eq!(world.store.stored(), stored);
        let events = world.events.take();
        prop_assert!(events.iter().all(|event| matches!(event, Seen::Refused { .. })), "{:?}", events);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(150))]

    /// Law 4. A grant that is not renewable still hands out a refresh token that looks like any other, and that token is
    /// `invalid_grant` every time, for ever, and changes nothing.
    #[test]
    fn non_renewable_never_renews(
        why in why(),
        times in 1..4_usize,
        polls in 0..8_usize,
        wait in prop_oneof![0..100_000_u64, Just(299_000), 300_000..30_000_000_u64],
        order in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        on_every_store!(never_renews, &why, times, polls, wait, &order);
    }

    #[test]
    fn no_generation_of_a_non_renewable_grant_renews(steps in 2..5_u32) {
        on_every_store!(no_generation_renews, steps);
    }

    /// The one way in: the parameter once, as it is or with its name or value escaped.
    #[test]
    fn the_exact_value_once_opts_in(pair in prop::sample::select(vec![
        "refresh_token_active=true",
        "%72efresh_token_active=true",
        "refresh_token_active=%74rue",
        "refresh%5Ftoken%5factive=tr%75e",
    ])) {
        on_every_store!(opts_in, pair);
    }
}

fn opts_in<S: TokenStore>(store: Shelf<S>, pair: &str) -> TestCaseResult {
    let world = World::new(store, Setup { renewal: RenewalPolicy::OptIn(PARAMETER.into()), ..setup() });
    let answer = world.send(Call::login(APP, "alice").with_raw(pair));
    let next = world.refresh(APP, answer.refresh_token());
    prop_assert!(next.is_ok(), "{:?}", next);
    // The grant stays renewable, with nothing further said.
    prop_assert!(world.refresh(APP, next.refresh_token()).is_ok());
    // Both have to allow it.
    let refused_by_host = world.send(Call::login(APP, "alice").with_raw(pair).with("host_says", "no"));
    prop_assert!(world.refresh(APP, refused_by_host.refresh_token()).is_invalid_grant());
    Ok(())
}
