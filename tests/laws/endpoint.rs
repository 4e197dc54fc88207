//! `parser_is_total`, over the whole endpoint, and `refusal_changes_nothing`.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::{
    Authorization, Client, Engine, GrantError, GrantHandler, GrantRequest, MemoryStore, Request, Scope, StaticClients,
    Timestamp, TokenStore,
};

use super::{cases, setup};
use crate::kit::laws::actions::{Action, Mix};
use crate::kit::laws::sim::Sim;
use crate::kit::laws::world::{APP, Hook, KEEPER, OTHER, PUBLIC, Says, Setup, World};
use crate::kit::store::faulty::{Fault, Op, Shelf};
use crate::kit::wire::{Answer, Call};

/// Keeps what reaches a handler.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Option<[Option<String>; 4]>>>);

const NAMES: [&str; 4] = ["username", "note", "grant_type", "client_id"];

impl GrantHandler for Heard {
    fn grant_type(&self) -> &'static str {
        "password"
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        let mut heard = [const { None }; 4];
        for (name, heard) in NAMES.iter().zip(&mut heard) {
            *heard = request.parameter(name)?.map(str::to_owned);
        }
        *self.0.lock() = Some(heard);
        Ok(Authorization::of("alice"))
    }
}

/// What the specification of URLs makes of a body: the one value of a name that is there once and not empty.
fn independent(body: &[u8], name: &str) -> Option<String> {
    let mut values = form_urlencoded::parse(body).filter(|pair| pair.0 == name).map(|pair| pair.1.into_owned());
    let first = values.next();
    assert_eq!(values.next(), None, "{name} is accepted once");
    first.filter(|value| !value.is_empty())
}

/// Bytes that look like requests: pieces that mean something, and any others.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => prop::sample::select(vec![
            "grant_type=password", "grant_type=refresh_token", "grant%5Ftype=password", "client_id=public-app",
            "client_id=app", "client_secret=x", "username=alice", "username=al%C3%ADce+b", "username=", "note=1",
            "note=%F0%9F%A6%80", "note=%f", "note=%zz", "note=%ff", "note=%00", "username=%00", "scope=read", "scope=a b",
            "refresh_token=", "&", "=", "&&", "%", "+", ";", "username=a;note=b", "client_assertion=x", "note=a=b",
            "refresh_token=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..12),
        1 => "[ -~]{0,12}".prop_map(String::into_bytes),
    ];
    let usual = prop::bool::weighted(0.6);
    (usual, prop::collection::vec(piece, 0..8)).prop_map(|(usual, pieces)| {
        let mut body = if usual { b"grant_type=password&client_id=public-app".to_vec() } else { Vec::new() };
        for piece in pieces {
            body.push(b'&');
            body.extend(piece);
        }
        body
    })
}

fn method() -> impl Strategy<Value = String> {
    prop_oneof![8 => Just("POST".to_owned()), 1 => "[A-Z]{0,7}", 1 => any::<String>()]
}

fn headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let content_type = prop_oneof![
        6 => Just(b"application/x-www-form-urlencoded".to_vec()),
        1 => Just(b"application/x-www-form-urlencoded; charset=utf-8".to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ];
    let authorization = prop_oneof![
        Just(b"Basic YXBwOnNlY3JldA==".to_vec()),
        Just(b"Bearer abc".to_vec()),
        prop::collection::vec(any::<u8>(), 0..20),
    ];
    let header = prop_oneof![
        1 => authorization.prop_map(|value| ("Authorization".to_owned(), value)),
        1 => ("[A-Za-z-]{1,12}", prop::collection::vec(any::<u8>(), 0..20)),
    ];
    (content_type, prop::collection::vec(header, 0..2)).prop_map(|(content_type, mut headers)| {
        headers.push(("content-TYPE".to_owned(), content_type));
        headers
    })
}

proptest! {
    #![proptest_config(cases(2_000))]

    /// Law 12, over the endpoint. Any bytes give an answer; what reaches a handler agrees with an independent decoder.
    #[test]
    fn parser_is_total(method in method(), headers in headers(), body in body()) {
        let heard = Heard::default();
        let public = Client::public("public-app").grant_type("password").grant_type("refresh_token");
        let public = public.scope(Scope::parse("read").unwrap()).build().unwrap();
        let clients = StaticClients::new().with(public).unwrap();
        let store = MemoryStore::builder().shards(1).build();
        let engine = Engine::builder(store, clients).grant_handler(heard.clone()).build().unwrap();
        let request = headers
            .iter()
            .fold(Request::new(&method, &body), |request, (name, value)| request.with_header(name, value));
        let now = Timestamp::from_secs(1_700_000_000);
        let answer = Answer::of(&engine.blocking().token(&request, now).unwrap());
        prop_assert!([200, 400, 401, 405].contains(&answer.status), "{:?}", answer);
        prop_assert_eq!(answer.status == 405, method != "POST");
        prop_assert_eq!(engine.store().len(), usize::from(answer.is_ok()), "a grant for a success alone");
        let heard = heard.0.lock().take();
        prop_assert!(heard.is_some() || !answer.is_ok());
        if let Some(heard) = heard {
            for (name, heard) in NAMES.iter().zip(heard) {
                prop_assert_eq!(heard, independent(&body, name), "{}", name);
            }
        }
        // Resources read the same bytes.
        if let Err(refused) = engine.blocking().bearer(&request, &Scope::empty(), now).unwrap() {
            prop_assert!([400, 401].contains(&refused.status()));
        }
    }
}

/// A request that is refused, and not for a replay.
#[derive(Clone, Debug)]
enum Refused {
    WiderScope,
    MalformedScope,
    OtherClient,
    WrongSecret,
    UnknownToken,
    NoToken,
    TwoTokens,
    NoGrantType,
    UnknownGrantType,
    HookRefuses,
    HookFails,
    LoadFails,
    SwapNotApplied,
    LoginWithoutUser,
    LoginForTooMuch,
    InsertNotApplied,
    AccessTokenInstead,
    Expired,
}

fn refused() -> impl Strategy<Value = Refused> {
    use Refused::*;
    prop::sample::select(vec![
        WiderScope,
        MalformedScope,
        OtherClient,
        WrongSecret,
        UnknownToken,
        NoToken,
        TwoTokens,
        NoGrantType,
        UnknownGrantType,
        HookRefuses,
        HookFails,
        LoadFails,
        SwapNotApplied,
        LoginWithoutUser,
        LoginForTooMuch,
        InsertNotApplied,
        AccessTokenInstead,
        Expired,
    ])
}

fn refuse<S: TokenStore>(
    world: &World<S>,
    client: &str,
    refused: &Refused,
    last: &Answer,
) -> (Answer, u16, &'static str) {
    let hook = world.setup.hook.as_ref().expect("a hook");
    let token = last.refresh_token();
    let call = Call::refresh(client, token);
    let (call, status, error) = match refused {
        Refused::WiderScope => (call.with("scope", "read write admin"), 400, "invalid_scope"),
        Refused::MalformedScope => (call.with("scope", "read  write"), 400, "invalid_scope"),
        Refused::OtherClient => (Call::refresh(OTHER, token), 400, "invalid_grant"),
        Refused::WrongSecret => (
            Call::from(PUBLIC)
                .with("client_secret", "wrong")
                .with("grant_type", "refresh_token")
                .with("refresh_token", token),
            401,
            "invalid_client",
        ),
        Refused::UnknownToken => (Call::refresh(client, &"A".repeat(43)), 400, "invalid_grant"),
        Refused::NoToken => (Call::refresh(client, ""), 400, "invalid_request"),
        Refused::TwoTokens => (call.with("refresh_token", token), 400, "invalid_request"),
        Refused::NoGrantType => (Call::from(client).with("refresh_token", token), 400, "invalid_request"),
        Refused::UnknownGrantType => {
            (Call::from(client).with("grant_type", "magic").with("refresh_token", token), 400, "unsupported_grant_type")
        }
        Refused::HookRefuses => {
            hook.say(Says::Refuse);
            (call, 400, "invalid_grant")
        }
        Refused::HookFails => {
            hook.say(Says::Fail);
            (call, 503, "temporarily_unavailable")
        }
        Refused::LoadFails => {
            world.store.plan(Op::Load, Fault::LostBefore);
            (call, 503, "temporarily_unavailable")
        }
        Refused::SwapNotApplied => {
            world.store.plan(Op::Swap, Fault::NotApplied);
            (call, 503, "temporarily_unavailable")
        }
        Refused::LoginWithoutUser => {
            (Call::from(client).with("grant_type", "password").with("password", "x"), 400, "invalid_request")
        }
        Refused::LoginForTooMuch => (Call::login(client, "alice").with("scope", "read unknown"), 400, "invalid_scope"),
        Refused::InsertNotApplied => {
            world.store.plan(Op::Insert, Fault::NotApplied);
            (Call::login(client, "alice"), 503, "temporarily_unavailable")
        }
        Refused::AccessTokenInstead => (Call::refresh(client, last.access_token()), 400, "invalid_grant"),
        Refused::Expired => {
            let now = world.now();
            world.advance(Duration::from_secs(3_600));
            let answer = world.send(call);
            world.set_now(now);
            return (answer, 400, "invalid_grant");
        }
    };
    let answer = world.send(call);
    hook.say(Says::Allow);
    world.store.heal();
    (answer, status, error)
}

fn changes_nothing<S: TokenStore>(store: Shelf<S>, client: &str, rounds: &[(Refused, bool)]) -> TestCaseResult {
    let world = World::new(store, Setup { hook: Some(Hook::default()), ..setup() });
    let mut last = world.login(client);
    for (refused, retried) in rounds {
        // Also where it would have been a retry.
        let next = retried.then(|| world.refresh(client, last.refresh_token()));
        let stored = world.store.stored();
        let (answer, status, error) = refuse(&world, client, refused, &last);
        let no_swap = next.is_some() && client != KEEPER && matches!(refused, Refused::SwapNotApplied);
        if !no_swap {
            prop_assert_eq!((answer.status, answer.error()), (status, Some(error)), "{:?}", refused);
        }
        prop_assert_eq!(world.store.stored(), stored, "{:?}", refused);
        last = next.unwrap_or(last);
        prop_assert!(world.lets_in(last.access_token()));
        let answer = world.refresh(client, last.refresh_token());
        prop_assert!(answer.is_ok(), "{:?}: {:?}", refused, answer);
        last = answer;
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(150))]

    /// Law 13. But for replay, a refused request leaves the stored bytes as they were.
    #[test]
    fn refusal_changes_nothing(
        client in prop::sample::select(vec![APP, PUBLIC, KEEPER]),
        rounds in prop::collection::vec((refused(), any::<bool>()), 1..6),
    ) {
        on_every_store!(changes_nothing, client, &rounds);
    }
}

fn history<S: TokenStore>(store: Shelf<S>, actions: &[Action]) -> TestCaseResult {
    Sim::new(&World::new(store, setup()))?.run(actions)
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn refusal_changes_nothing_over_histories(actions in Mix { refused: 8, ..Mix::CALM }.actions(50)) {
        on_every_store!(history, &actions);
    }
}
