//! Resource indicators (RFC 8707): whatever is registered and whatever is asked for, only what means the same is the same.
//!
//! An input is two lines: the URI that a host registers, and the one that a client sends. The oracle is a parser of the URL
//! standard, which knows nothing of RFC 3986: two web addresses that are the same here have one origin there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use regrant::engine::BearerErrorKind;
use regrant::{BuildError, Engine, Key, MemoryStore, Request, Resource, Scope, StaticClients, Timestamp};
use url::Url;

type Town = Engine<MemoryStore, StaticClients>;

const NOW: Timestamp = Timestamp::from_secs(1_597_240_260);

fn town(uri: &str) -> Option<Town> {
    let store = MemoryStore::builder().shards(1).capacity(1).build();
    let built = Engine::builder(store, StaticClients::new())
        .key(Key::from_bytes(1, &[1; 32]))
        .issuer("https://id.example")
        .resource(Resource::new(uri))
        .build();
    match built {
        Ok(engine) => Some(engine),
        Err(error) => {
            assert_eq!(error, BuildError::Resource);
            None
        }
    }
}

/// Whether the engine knows the resource by this spelling.
fn knows(engine: &Town, uri: &str) -> bool {
    let request = Request::new("GET", b"");
    let check = engine.bearer_for(uri).scope(&Scope::empty()).check(&request, NOW);
    let check = std::pin::pin!(check);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(Err(refused)) = check.poll(&mut context) else { panic!("a token") };
    // What goes into a header.
    assert!(refused.challenge().bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()));
    assert_eq!(refused.challenge().matches('"').count() % 2, 0);
    match refused.kind() {
        BearerErrorKind::NoToken => true,
        BearerErrorKind::Unavailable => false,
        other => panic!("{other:?}"),
    }
}

fn web(uri: &str) -> Option<Url> {
    Url::parse(uri).ok().filter(|url| ["http", "https"].contains(&url.scheme()))
}

fuzz_target!(|input: &str| {
    let Some((registered, asked)) = input.split_once('\n') else { return };
    let Some(engine) = town(registered) else { return };
    assert!(knows(&engine, registered), "by its own spelling");
    assert!(!registered.contains(['#', '"', '\\', ' ']) && registered.is_ascii());
    if let Some(at) = engine.protected_resource_metadata_url(registered) {
        let document = engine.protected_resource_metadata(registered).expect("where it is, it is");
        let document = String::from_utf8(document.into_body()).expect("JSON");
        assert!(document.contains(registered), "as it was registered");
        let (place, own) = (web(&at), web(registered));
        if let (Some(place), Some(own)) = (place, own) {
            assert_eq!(place.origin(), own.origin());
            // By its query too, if it has one (RFC 9728 section 3.1).
            let path = at.split_once("://").and_then(|(_, rest)| rest.find('/').map(|path| &rest[path..]));
            let found = engine.document_at(path.unwrap_or_default()).expect("what a challenge leads to");
            assert!(found.body() == document.as_bytes());
        }
    }
    let same = knows(&engine, asked);
    // Both ways round, unless the spelling is too long to be registered.
    if let Some(other) = town(asked) {
        assert_eq!(knows(&other, registered), same);
    } else if same {
        assert!(asked.len() > Resource::MAX_URI_BYTES);
    }
    if same {
        assert!(!asked.contains('#'));
        if let (Some(one), Some(other)) = (web(registered), web(asked)) {
            assert_eq!(one.origin(), other.origin(), "{registered} {asked}");
            assert_eq!(one.query().is_some(), other.query().is_some());
        }
    }
});
