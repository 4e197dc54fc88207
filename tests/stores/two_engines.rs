//! Two whole engines on two nodes of one store, used in turns: each has a handle, keys, a registry and events of its own, and
//! what the one did the other goes on with.

use std::sync::Arc;

use regrant::store::{DynTokenStore, PostgresStore, RedisStore};
use regrant::{Engine, Key, MemoryStore, Request, Scope, StaticClients, Timestamp};

use crate::kit::servers::postgres::Postgres;
use crate::kit::servers::redis::{Redis, prefix};
use crate::kit::{Events, LOGIN, Password, Reply, SECRET, app, at, form, renewal};

type Handle = Arc<dyn DynTokenStore>;

struct Node {
    engine: Engine<Handle, StaticClients>,
    store: Handle,
    events: Events,
}

fn key(id: u8) -> Key {
    Key::from_bytes(id, &[id; 32])
}

impl Node {
    /// Signs with the first of these keys and accepts the others too. Starting checks them, as a host does.
    async fn start(store: Handle, keys: &[u8]) -> Self {
        let events = Events::default();
        let clients = StaticClients::new().with(app().build().unwrap()).unwrap();
        let (signing, accepted) = keys.split_first().unwrap();
        let builder = Engine::builder(Arc::clone(&store), clients).key(key(*signing)).grant_handler(Password);
        let builder = accepted.iter().fold(builder, |builder, id| builder.accept_key(key(*id)));
        let engine = builder.events(events.clone()).build().unwrap();
        engine.check_keys().await.unwrap();
        Self { engine, store, events }
    }

    /// The same node, started again with other keys.
    async fn restart(self, keys: &[u8]) -> Self {
        Self::start(self.store, keys).await
    }

    async fn post(&self, body: &str, now: Timestamp) -> Reply {
        let reply = Reply::of(&self.engine.token(&form(body).basic("app", SECRET).request(), now).await);
        crate::kit::check(&reply);
        reply
    }

    async fn login(&self, now: Timestamp) -> Reply {
        let reply = self.post(LOGIN, now).await;
        reply.assert_ok();
        reply
    }

    async fn refresh(&self, token: &str, now: Timestamp) -> Reply {
        self.post(&renewal(token), now).await
    }

    async fn refreshes(&self, token: &str, now: Timestamp) -> Reply {
        let reply = self.refresh(token, now).await;
        reply.assert_ok();
        reply
    }

    async fn lets_in(&self, token: &str, now: Timestamp) -> bool {
        let header = format!("Bearer {token}");
        let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
        self.engine.bearer(&request, &Scope::empty(), now).await.is_ok()
    }

    async fn revoke(&self, token: &str, now: Timestamp) {
        let ask = form(format!("token={token}")).basic("app", SECRET);
        assert_eq!(self.engine.revoke(&ask.request(), now).await.status(), 200);
    }

    async fn is_active(&self, token: &str, now: Timestamp) -> bool {
        let ask = form(format!("token={token}")).basic("app", SECRET);
        Reply::of(&self.engine.introspect(&ask.request(), now).await).json()["active"] == true
    }

    async fn sessions(&self, now: Timestamp) -> usize {
        self.engine.sessions("alice", None, 100, now).await.unwrap().sessions.len()
    }
}

/// All of it, on nodes with handles that `open` gives.
async fn take_turns(open: impl AsyncFn() -> Handle) {
    let (first, second) = (Node::start(open().await, &[1]).await, Node::start(open().await, &[1]).await);
    a_session_goes_on_at_the_other_node(&first, &second).await;
    a_replay_at_one_node_ends_it_at_both(&first, &second).await;
    what_one_node_revokes_the_other_refuses(&first, &second).await;
    requests_at_both_nodes_at_once_take_one_step(&first, &second).await;
    Box::pin(keys_are_replaced_node_by_node(first, second)).await;
}

async fn a_session_goes_on_at_the_other_node(first: &Node, second: &Node) {
    let login = first.login(at(0)).await;
    assert!(second.lets_in(&login.access_token(), at(1)).await);
    let mut token = login.refresh_token();
    assert_eq!((first.events.names(), second.events.names()), (vec!["Issued".to_owned()], vec![]));
    for secs in (10..50).step_by(10) {
        let (one, other) = if secs % 20 == 0 { (first, second) } else { (second, first) };
        let refreshed = one.refreshes(&token, at(secs)).await;
        assert!(other.lets_in(&refreshed.access_token(), at(secs)).await);
        // The response got lost, and the retry comes to the other node.
        let retried = other.refreshes(&token, at(secs + 5)).await;
        assert_eq!(retried.refresh_token(), refreshed.refresh_token());
        assert!(one.lets_in(&retried.access_token(), at(secs + 5)).await);
        assert_eq!((one.events.names(), other.events.names()), (vec!["Refreshed".into()], vec!["Retried".into()]));
        token = refreshed.refresh_token();
    }
    assert_eq!((first.sessions(at(50)).await, second.sessions(at(50)).await), (1, 1));
    first.revoke(&token, at(50)).await;
    first.events.take();
    second.events.take();
}

/// RFC 9700 section 4.14.2.
async fn a_replay_at_one_node_ends_it_at_both(first: &Node, second: &Node) {
    for (one, other) in [(first, second), (second, first)] {
        let login = one.login(at(100)).await;
        let refreshed = other.refreshes(&login.refresh_token(), at(101)).await;
        let last = other.refreshes(&refreshed.refresh_token(), at(102)).await;
        one.events.take();
        other.events.take();
        one.refresh(&login.refresh_token(), at(103)).await.assert_error(400, "invalid_grant");
        assert_eq!(one.events.names(), ["ReplayFound", "Revoked"]);
        for node in [other, one] {
            node.refresh(&last.refresh_token(), at(104)).await.assert_error(400, "invalid_grant");
            for tokens in [&login, &refreshed, &last] {
                assert!(!node.lets_in(&tokens.access_token(), at(104)).await);
            }
            assert_eq!(node.sessions(at(104)).await, 0);
        }
        assert!(!other.events.names().contains(&"ReplayFound".to_owned()), "it was told once");
        // The predecessor is a replay at the other node too, once its window is over, and as long as a commit may take.
        let login = one.login(at(200)).await;
        let last = one.refreshes(&login.refresh_token(), at(201)).await;
        other.events.take();
        other.refresh(&login.refresh_token(), at(1_000)).await.assert_error(400, "invalid_grant");
        assert_eq!(other.events.names(), ["ReplayFound", "Revoked"]);
        one.refresh(&last.refresh_token(), at(1_001)).await.assert_error(400, "invalid_grant");
    }
}

/// RFC 7009 section 2.
async fn what_one_node_revokes_the_other_refuses(first: &Node, second: &Node) {
    for (one, other) in [(first, second), (second, first)] {
        // The access tokens alone.
        let login = one.login(at(300)).await;
        let refreshed = other.refreshes(&login.refresh_token(), at(301)).await;
        assert!(one.is_active(&refreshed.access_token(), at(302)).await);
        one.revoke(&refreshed.access_token(), at(302)).await;
        for tokens in [&login, &refreshed] {
            assert!(!other.lets_in(&tokens.access_token(), at(302)).await);
            assert!(!other.is_active(&tokens.access_token(), at(302)).await);
        }
        let last = other.refreshes(&refreshed.refresh_token(), at(303)).await;
        assert!(one.lets_in(&last.access_token(), at(303)).await);
        // The grant, by a token that is not its last.
        one.revoke(&login.refresh_token(), at(304)).await;
        assert!(!other.lets_in(&last.access_token(), at(304)).await);
        assert!(!other.is_active(&last.refresh_token(), at(304)).await);
        other.refresh(&last.refresh_token(), at(304)).await.assert_error(400, "invalid_grant");
        // Everything of one person, wherever they logged in.
        let tokens = [one.login(at(305)).await, other.login(at(305)).await, one.login(at(305)).await];
        assert_eq!(other.engine.end_sessions_of("alice", regrant::Timestamp::EPOCH).await.unwrap(), 3);
        for tokens in &tokens {
            assert!(!one.lets_in(&tokens.access_token(), at(306)).await);
            one.refresh(&tokens.refresh_token(), at(306)).await.assert_error(400, "invalid_grant");
        }
    }
}

async fn requests_at_both_nodes_at_once_take_one_step(first: &Node, second: &Node) {
    let mut token = first.login(at(400)).await.refresh_token();
    first.events.take();
    second.events.take();
    for secs in 401..421 {
        let (here, there) = tokio::join!(first.refreshes(&token, at(secs)), second.refreshes(&token, at(secs)));
        assert_eq!(here.refresh_token(), there.refresh_token());
        let mut names = [first.events.names(), second.events.names()].concat();
        names.sort_unstable();
        assert_eq!(names, ["Refreshed", "Retried"]);
        token = here.refresh_token();
    }
    first.revoke(&token, at(421)).await;
}

/// A key is accepted everywhere before anybody signs with it; then nobody notices.
async fn keys_are_replaced_node_by_node(first: Node, second: Node) {
    let mut token = first.login(at(500)).await.refresh_token();
    let mut access = Vec::new();
    let (mut first, mut second) = (first, second);
    let steps: [(&[u8], &[u8]); 5] =
        [(&[1, 2], &[1]), (&[1, 2], &[1, 2]), (&[2, 1], &[1, 2]), (&[2, 1], &[2, 1]), (&[2], &[2, 1])];
    for (secs, (keys_of_first, keys_of_second)) in (510..).step_by(10).zip(steps) {
        first = first.restart(keys_of_first).await;
        second = second.restart(keys_of_second).await;
        for (one, other) in [(&first, &second), (&second, &first)] {
            let refreshed = one.refreshes(&token, at(secs)).await;
            let retried = other.refreshes(&token, at(secs + 1)).await;
            assert_eq!(retried.refresh_token(), refreshed.refresh_token(), "made by the key of the step");
            access = vec![refreshed.access_token(), retried.access_token()];
            for token in &access {
                assert!(one.lets_in(token, at(secs + 1)).await && other.lets_in(token, at(secs + 1)).await);
            }
            token = refreshed.refresh_token();
        }
    }
    assert!(second.lets_in(&access[0], at(560)).await);

    // In the wrong order nobody is logged out either: what a node cannot check, it refuses and leaves.
    first = first.restart(&[3, 2]).await;
    let ahead = first.refreshes(&token, at(570)).await;
    second.events.take();
    // Its key is known, that of the successor is not: another node can answer.
    second.refresh(&token, at(571)).await.assert_error(503, "temporarily_unavailable");
    second.refresh(&ahead.refresh_token(), at(571)).await.assert_error(400, "invalid_grant");
    assert!(second.events.names().contains(&"UnknownKey".to_owned()));
    assert!(!second.lets_in(&ahead.access_token(), at(571)).await);
    second = second.restart(&[2, 3]).await;
    let last = second.refreshes(&ahead.refresh_token(), at(572)).await;
    first.refreshes(&last.refresh_token(), at(573)).await;
    assert_eq!((first.sessions(at(574)).await, second.sessions(at(574)).await), (1, 1));
}

#[tokio::test]
async fn in_memory() {
    let store: Handle = Arc::new(MemoryStore::new());
    Box::pin(take_turns(async || Arc::clone(&store))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgresql() {
    let Some(server) = Postgres::start() else { return };
    Box::pin(take_turns(async || {
        let store = PostgresStore::connect(&server.url()).await.unwrap();
        store.migrate().await.unwrap();
        Arc::new(store) as Handle
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_redis() {
    let Some(server) = Redis::shared() else { return };
    let prefix = prefix();
    Box::pin(take_turns(async || {
        Arc::new(RedisStore::builder().key_prefix(&prefix).connect(&server.url()).await.unwrap()) as Handle
    }))
    .await;
}
