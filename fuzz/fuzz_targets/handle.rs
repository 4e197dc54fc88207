//! Interaction handles and pushed requests: only what this engine sealed is opened, and what comes back is the request that was shown or
//! pushed.
//!
//! The first byte of an input says what becomes of the rest: it is presented as a handle or as a `request_uri`, or it is the query of a
//! request, which is shown, carried and asked again, or pushed and asked for.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use regrant::{AuthorizationRequest, Client, Engine, MemoryStore, Request, RootSecret, StaticClients, Timestamp};

const NOW: Timestamp = Timestamp::from_secs(1_597_240_260);

fn engine() -> &'static Engine<MemoryStore, StaticClients> {
    static ENGINE: OnceLock<Engine<MemoryStore, StaticClients>> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let app = Client::public("app").grant_type("authorization_code").redirect_uri("https://app.example/cb");
        let clients = StaticClients::new().with(app.build().expect("a client")).expect("the first");
        let builder = Engine::builder(MemoryStore::new(), clients).issuer("https://id.example").authorization_code();
        let builder = builder.root_secret(RootSecret::from_bytes(1, &[7; 32])).pushed_authorization_requests();
        builder.build().expect("an engine")
    })
}

fuzz_target!(|input: &[u8]| {
    let Some((&first, rest)) = input.split_first() else { return };
    if first % 2 == 0 {
        if let Ok(text) = std::str::from_utf8(rest) {
            assert!(engine().open_interaction(text, NOW).is_err(), "nobody has the key");
            let uri = format!("{PREFIX}{text}");
            assert!(arrives(&uri).is_none(), "nor that of pushed requests");
        }
        return;
    }
    if first % 4 == 3 {
        push(rest);
        return;
    }
    let request = Request::new("GET", b"").with_query(rest);
    let Ok(asked) = engine().blocking().authorize(&request, NOW).expect("ready") else { return };
    let Ok(handle) = engine().interaction_handle(&asked, NOW) else { return };
    let interaction = engine().open_interaction(&handle, NOW).expect("its own");
    let again = futures_now(engine().resume(&interaction)).expect("what held before");
    assert_eq!(again.redirect_uri(), asked.redirect_uri());
    assert_eq!(again.scope(), asked.scope());
    assert_eq!(again.parameter("state"), asked.parameter("state"));
    assert_eq!(again.prompt(), asked.prompt());
    assert!(again.resources().eq(asked.resources()));
});

const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// What the request of that `request_uri` asks for: where the answer goes, the scope, the state and the prompt.
fn arrives(uri: &str) -> Option<(String, String, Option<String>, String)> {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", "app")
        .append_pair("request_uri", uri)
        // Nothing beside it counts.
        .append_pair("state", "another")
        .finish();
    let request = Request::new("GET", b"").with_query(query.as_bytes());
    let asked = engine().blocking().authorize(&request, NOW).expect("ready").ok()?;
    Some(shape(&asked))
}

fn shape(asked: &AuthorizationRequest<'_>) -> (String, String, Option<String>, String) {
    let state = asked.parameter("state").map(String::from);
    (asked.redirect_uri().into(), asked.scope().as_str().into(), state, format!("{:?}", asked.prompt()))
}

/// What can be pushed is what could be asked, and comes back as the same.
fn push(body: &[u8]) {
    let request = Request::new("POST", body).with_header("content-type", b"application/x-www-form-urlencoded");
    let response = engine().blocking().push(&request, NOW).expect("ready");
    let direct = Request::new("GET", b"").with_query(body);
    let direct = engine().blocking().authorize(&direct, NOW).expect("ready").ok();
    let answer: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
    match (response.status(), direct) {
        (201, Some(direct)) => {
            let uri = answer["request_uri"].as_str().expect("a text");
            assert!(uri.len() <= PREFIX.len() + 4_096);
            assert_eq!(arrives(uri), Some(shape(&direct)));
        }
        (201, None) => panic!("pushed, and not to be asked"),
        (status, _) => assert!((400..500).contains(&status), "{status}"),
    }
}

/// A registry in memory never waits.
fn futures_now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => unreachable!("nothing waits here"),
    }
}
