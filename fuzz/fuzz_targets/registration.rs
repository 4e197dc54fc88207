//! No client, whatever it says of itself, gets an id that says something else, or one that is longer than the host allows; and no
//! bytes are two clients.
//!
//! An input is metadata as a client sends them, metadata as an id carries them, and the text of an id, all at once.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use regrant::client::{
    ClientIdKeys, ClientMetadata, ClientRegistry as _, ClientSecret, Lookup, NativeRedirects, Purpose, StatelessClients,
};
use regrant::internal::{decode_metadata, encode_metadata};
use regrant::{Clients as _, Engine, MemoryStore, Request, RootSecret, Scope, StaticClients, Timestamp};

const NOW: Timestamp = Timestamp::from_secs(1_597_240_260);

type Strangers = StatelessClients<StaticClients>;
type Desk = Engine<MemoryStore, Strangers>;

fn strangers() -> Strangers {
    StatelessClients::new(StaticClients::new(), ClientIdKeys::new(&RootSecret::from_bytes(7, &[7; 32]), None))
        .with_scope(Scope::parse("read write").expect("a scope"))
}

fn desk() -> &'static Desk {
    static DESK: OnceLock<Desk> = OnceLock::new();
    DESK.get_or_init(|| {
        let store = MemoryStore::builder().shards(1).build();
        Engine::builder(store, strangers()).registration().build().expect("an engine")
    })
}

/// Where such clients may have all that there is.
fn liberal() -> &'static Strangers {
    static LIBERAL: OnceLock<Strangers> = OnceLock::new();
    LIBERAL.get_or_init(|| {
        let all = strangers().with_private_key_jwt(true).with_certificate_bound_tokens(true);
        all.with_pairwise_subjects(true).with_backchannel_logout(true).with_max_id_bytes(1_024)
    })
}

fn at_once<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("it waits for nothing"),
    }
}

fn found(clients: &Strangers, id: &str) -> Option<ClientMetadata> {
    let found = at_once(clients.find(id, Lookup::new(Purpose::AccessToken)));
    found.expect("nothing fails")?.metadata().cloned()
}

fn known(id: &str) -> Option<ClientMetadata> {
    found(desk().clients(), id)
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
    if let Ok(said) = ClientMetadata::from_json_with(input, &NativeRedirects::new().with_free_localhost_port(true)) {
        let is_by_secret = ["client_secret_basic", "client_secret_post"].contains(&said.auth_method().as_str());
        let secret =
            is_by_secret.then(|| ClientSecret::new("a secret of some length, for trying out").expect("a secret"));
        let client = said.client("app", secret, &Scope::parse("read").expect("a scope")).build();
        assert!(client.is_ok(), "what is read can be built: {client:?}");
        if let Ok(registered) = at_once(liberal().create(said, NOW)) {
            assert!(found(liberal(), registered.id()).is_some(), "what is registered is known");
        }
    }
    if let Some(metadata) = decode_metadata(input) {
        assert_eq!(encode_metadata(&metadata).as_deref(), Some(input), "one value, one form");
    }
    if let Ok(text) = std::str::from_utf8(input) {
        assert_eq!(known(text), None, "128 bits were guessed");
    }
});
