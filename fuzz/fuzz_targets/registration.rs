//! No client, whatever it says of itself, gets an id that says something else, or one that is longer than the host allows; and no
//! bytes are two clients.
//!
//! An input is metadata as a client sends them, metadata as an id carries them, and the text of an id, all at once.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use regrant::client::{ClientIdKeys, ClientMetadata, Lookup, Purpose, StatelessClients};
use regrant::internal::{decode_metadata, encode_metadata};
use regrant::{Clients as _, Engine, MemoryStore, Request, RootSecret, Scope, StaticClients, Timestamp};

const NOW: Timestamp = Timestamp::from_secs(1_597_240_260);

type Desk = Engine<MemoryStore, StatelessClients<StaticClients>>;

fn desk() -> &'static Desk {
    static DESK: OnceLock<Desk> = OnceLock::new();
    DESK.get_or_init(|| {
        let clients =
            StatelessClients::new(StaticClients::new(), ClientIdKeys::new(&RootSecret::from_bytes(7, &[7; 32]), None))
                .with_scope(Scope::parse("read write").expect("a scope"));
        Engine::builder(MemoryStore::builder().shards(1).build(), clients).registration().build().expect("an engine")
    })
}

fn known(id: &str) -> Option<ClientMetadata> {
    let mut find = std::pin::pin!(desk().clients().find(id, Lookup::new(Purpose::AccessToken)));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::future::Future::poll(find.as_mut(), &mut context) {
        std::task::Poll::Ready(found) => found.expect("nothing fails")?.metadata().cloned(),
        std::task::Poll::Pending => panic!("it waits for nothing"),
    }
}

fuzz_target!(|input: &[u8]| {
    let request = Request::new("POST", input).with_header("content-type", b"application/json");
    let response = desk().blocking().register(&request, NOW).expect("it waits for nothing");
    let said = ClientMetadata::from_json(input);
    match (&said, response.status()) {
        (Ok(said), 201) => {
            let body = std::str::from_utf8(response.body()).expect("text");
            let id = body.split("\"client_id\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id");
            assert!(id.len() <= 512);
            let known = known(id).expect("it was just registered");
            assert!(known.redirect_uris().eq(said.redirect_uris()));
            assert_eq!((known.name(), known.auth_method()), (said.name(), said.auth_method()));
            assert!(known.logo_uri().is_none() || known.logo_uri() == said.logo_uri());
            assert!(known.redirect_uris().all(|uri| !uri.contains('#') && uri.is_ascii()));
        }
        // What is well-formed may be too long for an id, or ask for nothing that there is.
        (Ok(_) | Err(_), 400) => {}
        other => panic!("{other:?}"),
    }
    if let Some(metadata) = decode_metadata(input) {
        assert_eq!(encode_metadata(&metadata).as_deref(), Some(input), "one value, one form");
    }
    if let Ok(text) = std::str::from_utf8(input) {
        assert_eq!(known(text), None, "128 bits were guessed");
    }
});
