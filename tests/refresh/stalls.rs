//! Requests that wait inside the engine, for a store, a hook or a provider: time that passes there is no evidence of a thief.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use regrant::client::ClientBuilder;
use regrant::engine::{HookError, IssueDecision, IssueHook, IssueRequest};
use regrant::{
    Authorization, Engine, GrantError, GrantHandler, GrantRequest, Key, Lifetimes, Request, Scope, StaticClients,
    Timestamp,
};

use crate::kit::events::Events;
use crate::kit::laws::world::{KEEPER, Setup, World as Lawful};
use crate::kit::schedule::{Scheduler, pause, run};
use crate::kit::store::bytes::BytesStore;
use crate::kit::store::faulty::{Fault as Broken, Op, Shelf as Faulty};
use crate::kit::store::shelf::Shelf;
use crate::kit::store::stalling::Hand;
use crate::kit::wire::Call;
use crate::kit::{LOGIN, Password, Reply, SECRET, World, app, at, form, renewal};

/// The longest that a retry may come after its refresh.
const WINDOW: Duration = Duration::from_secs(30);

/// While this node's host is asked about a refresh, another node answers the same refresh token.
#[derive(Clone, Default)]
struct Meanwhile(Arc<Mutex<Option<Other>>>);

struct Other {
    node: Engine<Arc<Shelf>, StaticClients>,
    token: String,
    now: Timestamp,
    /// Presents the successor as well, which closes the window.
    uses_successor: bool,
    reply: Arc<Mutex<Option<Reply>>>,
}

impl IssueHook for Meanwhile {
    async fn on_issue(&self, _: &IssueRequest<'_>) -> Result<IssueDecision, HookError> {
        let other = self.0.lock().unwrap().take();
        if let Some(Other { node, mut token, now, uses_successor, reply }) = other {
            let steps = if uses_successor { 2 } else { 1 };
            for _ in 0..steps {
                let ask = form(renewal(&token)).basic("app", SECRET);
                let answered = Reply::of(&node.blocking().token(&ask.request(), now).unwrap());
                token = answered.refresh_token();
                *reply.lock().unwrap() = Some(answered);
            }
        }
        Ok(IssueDecision::Allow)
    }
}

/// A request that begins at `begun`, and during whose wait another one answers the same token at `meanwhile`.
fn overtaken(
    client: impl Fn() -> ClientBuilder,
    begun: u64,
    meanwhile: u64,
    uses_successor: bool,
) -> (World, Reply, Reply) {
    let key = || Key::from_bytes(1, &[7; 32]);
    let hook = Meanwhile::default();
    let world = World::new([client()], |builder| builder.key(key()).grant_handler(Password).on_issue(hook.clone()));
    let clients = StaticClients::new().with(client().build().unwrap()).unwrap();
    let node = Engine::builder(Arc::clone(&world.store), clients).key(key()).build().unwrap();
    let token = world.login(at(0)).refresh_token();
    let reply = Arc::new(Mutex::new(None));
    let other = Other { node, token: token.clone(), now: at(meanwhile), uses_successor, reply: Arc::clone(&reply) };
    *hook.0.lock().unwrap() = Some(other);
    world.events.take();
    let slow = world.refresh(&token, at(begun));
    let quick = reply.lock().unwrap().take().unwrap();
    (world, slow, quick)
}

fn with_window() -> ClientBuilder {
    app().retry_window(WINDOW)
}

/// Law 24, RFC 9700 section 4.14.2: both saw their token current, so neither is a replay, however far apart their clocks are.
#[test]
fn a_request_that_saw_its_token_current_is_a_retry_however_long_it_took() {
    // The other began long before and was slow to write; it began long after, too.
    for (begun, meanwhile) in [(100, 1), (1, 100), (1, 31), (31, 1), (5_000, 1), (1, 3_000)] {
        let (world, slow, quick) = overtaken(with_window, begun, meanwhile, false);
        assert_eq!(slow.refresh_token(), quick.refresh_token(), "began at {begun}, the other at {meanwhile}");
        let events = world.events.take();
        assert!(events.iter().any(|event| event.contains("Retried")), "{events:?}");
        assert!(events.iter().all(|event| !event.contains("ReplayFound")), "{events:?}");
        // The one token that both got goes on.
        world.refresh(&slow.refresh_token(), at(begun.max(meanwhile) + 1)).refresh_token();
    }
}

/// It is answered by the record, so the successor's use closes the window for it as for every other: 503, nothing is ended.
#[test]
fn a_request_that_is_overtaken_by_two_steps_is_asked_to_come_again_and_ends_nothing() {
    let (world, slow, quick) = overtaken(with_window, 100, 1, true);
    slow.assert_error(503, "temporarily_unavailable");
    assert!(world.events.take().iter().all(|event| !event.contains("ReplayFound")));
    world.refresh(&quick.refresh_token(), at(101)).refresh_token();
}

/// With a window of zero whoever comes second is a replay, honest or not, as the documentation says.
#[test]
fn without_a_window_whoever_loses_is_a_replay() {
    let (world, slow, quick) = overtaken(|| app().retry_window(Duration::ZERO), 100, 1, false);
    slow.assert_error(400, "invalid_grant");
    assert!(world.events.take().iter().any(|event| event.contains("ReplayFound")));
    world.refresh(&quick.refresh_token(), at(101)).assert_error(400, "invalid_grant");
}

/// A host that answers at the second poll: a handler and a hook.
struct Slow;

impl GrantHandler for Slow {
    fn grant_type(&self) -> &'static str {
        "password"
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        pause().await;
        Ok(Authorization::of(request.required("username")?))
    }
}

impl IssueHook for Slow {
    async fn on_issue(&self, _: &IssueRequest<'_>) -> Result<IssueDecision, HookError> {
        pause().await;
        Ok(IssueDecision::Allow)
    }
}

/// What is written and handed out counts from the end of the wait: when tokens were issued, and how long they live.
#[test]
fn lifetimes_begin_when_the_wait_is_over() {
    let lifetimes =
        Lifetimes::default().with_access_token(Duration::from_secs(300)).with_idle(Duration::from_secs(1_000));
    let world = World::new([app()], |builder| builder.lifetimes(lifetimes).grant_handler(Slow).on_issue(Slow));
    let hand = Hand::at(at(0));
    let wait_for = |body: &str, by: u64| {
        let ask = form(body).basic("app", SECRET);
        let mut tasks = Scheduler::new();
        let id = tasks.spawn(async { Reply::of(&world.engine.token(&ask.request(), hand.clone()).await) });
        assert!(tasks.poll(id).is_none(), "the host makes it wait");
        // Each time that it waits.
        loop {
            hand.advance(Duration::from_secs(by));
            if let Some(reply) = tasks.poll(id) {
                return reply;
            }
        }
    };
    let issued_at = |reply: &Reply| {
        let header = format!("Bearer {}", reply.access_token());
        let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
        let access = world.engine.blocking().bearer(&request, &Scope::empty(), hand.clone()).unwrap().unwrap();
        (access.issued_at(), access.expires_at())
    };
    // Longer than either lifetime: for the handler, and for the hook.
    let login = wait_for(LOGIN, 2_500);
    assert_eq!(login.json()["expires_in"], 300);
    assert_eq!(issued_at(&login), (at(5_000), at(5_300)));
    let refreshed = wait_for(&renewal(&login.refresh_token()), 900);
    assert_eq!(refreshed.json()["expires_in"], 300);
    assert_eq!(issued_at(&refreshed), (at(5_900), at(6_200)));
    // Not 1,000 seconds from when it was asked for.
    hand.advance(Duration::from_secs(999));
    wait_for(&renewal(&refreshed.refresh_token()), 0).refresh_token();
    // An expiry that passes during the wait is an expiry: it is a promise to the owner.
    let last = wait_for(&renewal(&refreshed.refresh_token()), 0).refresh_token();
    wait_for(&renewal(&last), 1_000).assert_error(400, "invalid_grant");
}

/// Whoever was quicker has revoked the access tokens, and extended nothing.
#[test]
fn a_kept_token_is_extended_though_its_access_token_is_revoked_meanwhile() {
    let mut waited = 0;
    for polls in 0..40 {
        let world = Lawful::new(Faulty::of(BytesStore::default()), Setup::default());
        let login = world.login(KEEPER);
        world.advance(Duration::from_secs(200));
        let mut scheduler = Scheduler::new();
        let task = scheduler.spawn(world.call(Call::refresh(KEEPER, login.refresh_token())));
        if (0..polls).any(|_| scheduler.poll(task).is_some()) {
            break;
        }
        waited += 1;
        let revocation = Call::from(KEEPER).with("token", login.access_token());
        assert_eq!(run(world.engine.revoke(&revocation.request(), world.now())).status(), 200);
        assert!(!world.lets_in(login.access_token()));
        let answer = (0..1_000).find_map(|_| scheduler.poll(task)).unwrap();
        assert!(answer.is_ok(), "after {polls}: {answer:?}");
        // An hour without a refresh ends it.
        world.advance(Duration::from_secs(3_599));
        assert!(world.refresh(KEEPER, login.refresh_token()).is_ok(), "after {polls}");
    }
    assert!(waited > 2, "it waits for the store");
}

/// The reply of the write is lost, and a refresh has followed before it is looked for: its version is another by then.
#[test]
fn a_revocation_of_access_tokens_is_told_whatever_comes_after_it() {
    let mut waited = 0;
    for polls in 0..40 {
        let (store, events) = (Faulty::of(BytesStore::default()), Events::default());
        let clients = StaticClients::new().with(app().build().unwrap()).unwrap();
        let builder = Engine::builder(Arc::clone(&store), clients).key(Key::from_bytes(1, &[7; 32]));
        let engine = builder.grant_handler(Password).events(events.clone()).build().unwrap();
        let send = |ask: &str| Reply::of(&run(engine.token(&form(ask).basic("app", SECRET).request(), at(0))));
        let login = send(LOGIN);
        store.plan(Op::Swap, Broken::LostAfter);
        let revocation = form(format!("token={}", login.access_token())).basic("app", SECRET);
        let mut scheduler = Scheduler::new();
        let task = scheduler.spawn(async { engine.revoke(&revocation.request(), at(0)).await.status() });
        if (0..polls).any(|_| scheduler.poll(task).is_some()) {
            break;
        }
        waited += 1;
        send(&renewal(&login.refresh_token())).assert_ok();
        assert_eq!((0..1_000).find_map(|_| scheduler.poll(task)), Some(200), "after {polls}");
        assert!(events.names().contains(&"AccessRevoked".to_owned()), "after {polls}");
    }
    assert!(waited > 3, "it waits for the store");
}
