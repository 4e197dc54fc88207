//! Interaction handles: only what this engine sealed is opened, and what comes back is the request that was shown.
//!
//! The first byte of an input says what becomes of the rest: it is presented as a handle, or it is the query of a request, which
//! is shown, carried and asked again.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use regrant::{Client, Engine, MemoryStore, Request, RootSecret, StaticClients, Timestamp};

const NOW: Timestamp = Timestamp::from_secs(1_597_240_260);

fn engine() -> &'static Engine<MemoryStore, StaticClients> {
    static ENGINE: OnceLock<Engine<MemoryStore, StaticClients>> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let app = Client::public("app").grant_type("authorization_code").redirect_uri("https://app.example/cb");
        let clients = StaticClients::new().with(app.build().expect("a client")).expect("the first");
        let builder = Engine::builder(MemoryStore::new(), clients).issuer("https://id.example").authorization_code();
        builder.root_secret(RootSecret::from_bytes(1, &[7; 32])).build().expect("an engine")
    })
}

fuzz_target!(|input: &[u8]| {
    let Some((&first, rest)) = input.split_first() else { return };
    if first % 2 == 0 {
        if let Ok(text) = std::str::from_utf8(rest) {
            assert!(engine().open_interaction(text, NOW).is_err(), "nobody has the key");
        }
        return;
    }
    let request = Request::new("GET", b"").with_query(rest);
    let Ok(asked) = engine().blocking().authorize(&request, regrant::Timestamp::EPOCH).expect("ready") else { return };
    let Ok(handle) = engine().interaction_handle(&asked, NOW) else { return };
    let interaction = engine().open_interaction(&handle, NOW).expect("its own");
    let again = futures_now(engine().resume(&interaction)).expect("what held before");
    assert_eq!(again.redirect_uri(), asked.redirect_uri());
    assert_eq!(again.scope(), asked.scope());
    assert_eq!(again.parameter("state"), asked.parameter("state"));
    assert_eq!(again.prompt(), asked.prompt());
    assert!(again.resources().eq(asked.resources()));
});

/// A registry in memory never waits.
fn futures_now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => unreachable!("nothing waits here"),
    }
}
