//! A server that is killed and started again, while clients go on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use regrant::store::PostgresStore;
use regrant::{Client, ClientSecret, Engine, Key, Scope, StaticClients, Timestamp};

use crate::kit::anyone::Anyone;
use crate::kit::events::{Recorder, Seen};
use crate::kit::servers::postgres::Postgres;
use crate::kit::servers::until;
use crate::kit::wire::{Answer, Call, secret};

const CRASHES: usize = 50;
const CLIENTS: usize = 12;
const APP: &str = "app";

type World = Engine<PostgresStore, StaticClients>;

fn engine(store: PostgresStore, events: Recorder) -> World {
    let app = Client::confidential(APP)
        .secret(ClientSecret::new(&secret(APP)).unwrap())
        .grant_type("password")
        .grant_type("refresh_token")
        .scope(Scope::parse("read").unwrap())
        .default_scope(Scope::parse("read").unwrap())
        .build()
        .unwrap();
    let clients = StaticClients::new().with(app).unwrap();
    let key = Key::from_bytes(1, &[7; 32]);
    Engine::builder(store, clients).key(key).grant_handler(Anyone).events(events).build().unwrap()
}

/// Sends it again until the server is there. A client waits a moment in between.
async fn send(engine: &World, call: &Call) -> Answer {
    loop {
        let answer = Answer::of(&engine.token(&call.request(), Timestamp::now()).await);
        if !answer.is_unavailable() {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn revoke(engine: &World, token: &str) {
    let call = Call::from(APP).with("token", token);
    while engine.revoke(&call.request(), Timestamp::now()).await.status() != 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What a client knows in the end.
#[derive(Default)]
struct History {
    /// Of the grant that it has, in their order.
    tokens: Vec<String>,
    /// The last tokens of those that it has ended.
    ended: Vec<String>,
}

/// A client that refreshes again and again, sometimes as if the answer got lost, and sometimes logs out and in again.
async fn client(engine: Arc<World>, name: String, steps: Arc<AtomicUsize>, stop: Arc<AtomicBool>) -> History {
    let mut history = History::default();
    while !stop.load(Ordering::Relaxed) {
        let Some(current) = history.tokens.last().cloned() else {
            let login = send(&engine, &Call::login(APP, &name)).await;
            history.tokens.push(login.refresh_token().to_owned());
            continue;
        };
        let call = Call::refresh(APP, &current);
        let answer = send(&engine, &call).await;
        assert!(answer.is_ok(), "{name} lost its session: {answer:?}");
        steps.fetch_add(1, Ordering::Relaxed);
        if rand::random_ratio(1, 10) {
            let again = send(&engine, &call).await;
            assert_eq!(again.refresh_token(), answer.refresh_token(), "a retry");
        }
        history.tokens.push(answer.refresh_token().to_owned());
        if rand::random_ratio(1, 40) {
            revoke(&engine, answer.refresh_token()).await;
            history.ended.extend(history.tokens.pop());
            history.tokens.clear();
        }
    }
    history
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_fifty_times_the_server_costs_nobody_a_session() {
    let begun = Instant::now();
    let Some(server) = Postgres::durable() else { return };
    let builder = PostgresStore::builder().pool_size(8).statement_timeout(Duration::from_secs(2));
    let store = builder.connect(&server.url()).await.unwrap();
    store.migrate().await.unwrap();
    let events = Recorder::default();
    let engine = Arc::new(engine(store, events.clone()));
    let (steps, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| {
            tokio::spawn(client(Arc::clone(&engine), format!("client-{n}"), Arc::clone(&steps), Arc::clone(&stop)))
        })
        .collect();
    let killer = tokio::task::spawn_blocking({
        let steps = Arc::clone(&steps);
        move || {
            for _ in 0..CRASHES {
                let goal = steps.load(Ordering::Relaxed) + rand::random_range(1..60);
                until("clients to go on", || steps.load(Ordering::Relaxed) >= goal);
                server.kill9();
                server.restart();
            }
            server
        }
    });
    let server = killer.await.unwrap();
    stop.store(true, Ordering::Relaxed);
    let mut histories = Vec::new();
    for client in clients {
        histories.push(client.await.unwrap());
    }
    check_events(&events.take());
    let mut ended = 0;
    for history in &histories {
        for token in &history.ended {
            ended += 1;
            assert!(send(&engine, &Call::refresh(APP, token)).await.is_invalid_grant(), "what was revoked came back");
        }
        let Some(current) = history.tokens.last() else { continue };
        let answer = send(&engine, &Call::refresh(APP, current)).await;
        assert!(answer.is_ok(), "a session was lost: {answer:?}");
        // An older one is a replay, and ends it.
        let Some(older) = history.tokens.first().filter(|older| *older != current) else { continue };
        assert!(send(&engine, &Call::refresh(APP, older)).await.is_invalid_grant());
        assert!(send(&engine, &Call::refresh(APP, answer.refresh_token())).await.is_invalid_grant());
    }
    let all = steps.load(Ordering::Relaxed);
    eprintln!("{CRASHES} crashes, {all} refreshes, {ended} revocations, {:?}", begun.elapsed());
    assert!(ended > 0 && all >= CRASHES);
    drop(server);
}

/// Nobody was taken for a thief, the store lost nothing, and each generation was stepped to once.
fn check_events(events: &[Seen]) {
    let mut stepped = BTreeMap::new();
    for event in events {
        match event {
            Seen::ReplayFound { .. } | Seen::StoreBehind { .. } => panic!("{event:?}"),
            Seen::Refreshed { grant, generation } => {
                let times = stepped.entry((*grant, *generation)).or_insert(0);
                *times += 1;
                assert_eq!(*times, 1, "{event:?}");
            }
            _ => {}
        }
    }
    let in_doubt = events.iter().filter(|event| matches!(event, Seen::Retried { .. })).count();
    eprintln!("{} steps, {in_doubt} retries", stepped.len());
}
