//! The engine on the real memory store on shuttle's locks, under many schedules: laws 1, 3 and 9.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use regrant::{
    Client, ClientSecret, Engine, GrantId, MemoryStore, Request, Scope, StaticClients, Timestamp, TokenStore,
};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::thread;

use crate::anyone::Anyone;
use crate::events::{Recorder, Seen};
use crate::wire::{Answer, Call, secret};

const SCHEDULES: usize = 1_500;
/// How often a schedule that prefers one thread changes its mind.
const CHANGES: usize = 3;
const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const APP: &str = "app";

fn explore(test: impl Fn() + Send + Sync + Copy + 'static) {
    // The futures of an engine that is not optimized are larger than the stacks that shuttle gives to threads.
    let config = || {
        let mut config = shuttle::Config::new();
        config.stack_size = 1 << 20;
        config
    };
    shuttle::Runner::new(RandomScheduler::new(SCHEDULES), config()).run(test);
    shuttle::Runner::new(PctScheduler::new(CHANGES, SCHEDULES), config()).run(test);
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a future of the memory store was pending"),
    }
}

struct Server {
    engine: Engine<MemoryStore, StaticClients>,
    events: Recorder,
}

impl Server {
    fn new() -> Arc<Self> {
        let client = Client::confidential(APP)
            .secret(ClientSecret::new(&secret(APP)).unwrap())
            .grant_type("password")
            .grant_type("refresh_token")
            .retry_window(Duration::from_secs(60))
            .build()
            .unwrap();
        let events = Recorder::default();
        let store = MemoryStore::builder().shards(1).build();
        let clients = StaticClients::new().with(client).unwrap();
        let engine = Engine::builder(store, clients).grant_handler(Anyone).events(events.clone()).build().unwrap();
        Arc::new(Self { engine, events })
    }

    fn send(&self, call: &Call, now: Timestamp) -> Answer {
        Answer::of(&self.engine.blocking().token(&call.request(), now).unwrap())
    }

    fn login(&self) -> Answer {
        self.send(&Call::login(APP, "alice"), NOW)
    }

    fn refresh(&self, token: &str, now: Timestamp) -> Answer {
        self.send(&Call::refresh(APP, token), now)
    }

    fn lets_in(&self, access_token: &str) -> bool {
        let header = format!("Bearer {access_token}");
        let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
        self.engine.blocking().bearer(&request, &Scope::empty(), NOW).unwrap().is_ok()
    }

    /// The one grant of these tests.
    fn grant(&self) -> GrantId {
        let issued = self.events.take().into_iter().find_map(|event| match event {
            Seen::Issued { grant, .. } => Some(grant),
            _ => None,
        });
        issued.expect("a login")
    }

    fn is_gone(&self, id: GrantId) -> bool {
        ready(self.engine.store().load(id)).unwrap().is_none()
    }

    fn remove(&self, id: GrantId) -> bool {
        ready(self.engine.store().remove(id)).unwrap().grant().is_some()
    }
}

/// Runs each on a thread of its own.
fn all<T: Send + 'static>(server: &Arc<Server>, tasks: Vec<Task<T>>) -> Vec<T> {
    let threads: Vec<_> = tasks
        .into_iter()
        .map(|task| {
            let server = Arc::clone(server);
            thread::spawn(move || task(&server))
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

type Task<T> = Box<dyn FnOnce(&Server) -> T + Send>;

fn refresh(token: &str, now: Timestamp) -> Task<Answer> {
    let token = token.to_owned();
    Box::new(move |server| server.refresh(&token, now))
}

fn count(events: &[Seen], kind: fn(&Seen) -> bool) -> usize {
    events.iter().filter(|event| kind(event)).count()
}

/// Law 1: one step, and one successor for all who were there.
#[test]
fn single_step() {
    explore(|| {
        let server = Server::new();
        let token = server.login().refresh_token().to_owned();
        let id = server.grant();
        let answers = all(&server, (0..3).map(|_| refresh(&token, NOW)).collect());
        for answer in &answers {
            assert!(answer.is_ok(), "{answer:?}");
            assert_eq!(answer.refresh_token(), answers[0].refresh_token());
        }
        let events = server.events.take();
        assert_eq!(count(&events, |event| matches!(event, Seen::Refreshed { .. })), 1);
        assert_eq!(count(&events, |event| matches!(event, Seen::Retried { .. })), 2);
        let grant = ready(server.engine.store().load(id)).unwrap().unwrap();
        assert_eq!(grant.generation().as_u32(), 2);
    });
}

/// Law 3: whatever the owner does at that moment, a replay ends the grant.
#[test]
fn replay_revokes() {
    explore(|| {
        let server = Server::new();
        let first = server.login();
        let id = server.grant();
        let second = server.refresh(first.refresh_token(), NOW);
        let third = server.refresh(second.refresh_token(), NOW);
        server.events.take();
        let old = first.refresh_token();
        let current = third.refresh_token();
        let answers = all(&server, vec![refresh(old, NOW), refresh(current, NOW), refresh(old, NOW)]);
        assert!(answers[0].is_invalid_grant() && answers[2].is_invalid_grant());
        assert!(answers[1].is_ok() || answers[1].is_invalid_grant(), "{:?}", answers[1]);
        let events = server.events.take();
        let found = count(&events, |event| matches!(event, Seen::ReplayFound { .. }));
        assert!((1..=2).contains(&found), "{events:?}");
        assert_eq!(count(&events, |event| matches!(event, Seen::Revoked { .. })), 1, "{events:?}");
        assert!(server.is_gone(id));
        for answer in [&first, &second, &third, &answers[1]].into_iter().filter(|answer| answer.is_ok()) {
            assert!(server.refresh(answer.refresh_token(), NOW).is_invalid_grant());
            assert!(!server.lets_in(answer.access_token()));
        }
    });
}

/// Law 3, where the owner's step is what closes the window: either it was a retry, or it ends the grant.
#[test]
fn a_predecessor_races_the_use_of_its_successor() {
    explore(|| {
        let server = Server::new();
        let first = server.login();
        let id = server.grant();
        let second = server.refresh(first.refresh_token(), NOW);
        server.events.take();
        let (first, second) = (first.refresh_token().to_owned(), second.refresh_token().to_owned());
        let answers = all(&server, vec![refresh(&first, NOW), refresh(&second, NOW), refresh(&second, NOW)]);
        let found = count(&server.events.take(), |event| matches!(event, Seen::ReplayFound { .. }));
        assert_eq!(found == 1, answers[0].is_invalid_grant());
        assert_eq!(server.is_gone(id), found == 1);
        if answers[0].is_ok() {
            assert_eq!(answers[0].refresh_token(), second);
            assert!(answers[1].is_ok() && answers[2].is_ok());
            assert_eq!(answers[1].refresh_token(), answers[2].refresh_token());
        }
    });
}

/// Law 9: a refresh that is in flight brings nothing back.
#[test]
fn revocation_is_final() {
    explore(|| {
        let server = Server::new();
        let first = server.login();
        let id = server.grant();
        let second = server.refresh(first.refresh_token(), NOW);
        let token = second.refresh_token().to_owned();
        let on_the_side = |token: String| -> Task<Option<Answer>> {
            Box::new(move |server| {
                let answer = server.refresh(&token, NOW);
                assert!(answer.is_ok() || answer.is_invalid_grant(), "{answer:?}");
                answer.is_ok().then_some(answer)
            })
        };
        let remove: Task<Option<Answer>> = Box::new(move |server| {
            assert!(server.remove(id));
            assert!(server.is_gone(id), "at once");
            None
        });
        let again = first.refresh_token().to_owned();
        let answers = all(&server, vec![on_the_side(token.clone()), remove, on_the_side(token)]);
        assert!(server.is_gone(id), "and for good");
        assert!(server.engine.store().is_empty());
        for answer in answers.iter().flatten().chain([&second]) {
            assert!(server.refresh(answer.refresh_token(), NOW).is_invalid_grant());
            assert!(!server.lets_in(answer.access_token()));
        }
        assert!(server.refresh(&again, NOW).is_invalid_grant());
        assert!(server.is_gone(id));
    });
}
