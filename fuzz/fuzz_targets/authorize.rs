//! No authorization request, whatever its bytes, redirects to a URI that the client has not registered.
//!
//! The first byte of an input says by which method the rest comes: as the query of a GET, or as the form of a POST. A request
//! that holds is denied, approved, and carried along to be made again.
#![no_main]

#[path = "../../tests/authorize/oracle.rs"]
mod oracle;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use regrant::engine::Person;
use regrant::{
    Authorization, AuthorizationError, Client, ClientSecret, Denial, Engine, MemoryStore, Request, Response, Scope,
    StaticClients, Timestamp,
};

const NOW: Timestamp = Timestamp::from_secs(1_597_240_260);

type Bank = Engine<MemoryStore, StaticClients>;

fn engine() -> &'static Bank {
    static ENGINE: OnceLock<Bank> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let clients = oracle::REGISTERED.iter().fold(StaticClients::new(), |clients, (id, uris)| {
            let client = if *id == "mobile-app" {
                Client::public(id)
            } else {
                let secret = ClientSecret::new("the-secret-of-a-client-for-fuzzing").expect("a secret");
                Client::confidential(id).secret(secret)
            };
            let client = uris.iter().fold(client, |client, uri| client.redirect_uri(uri));
            let client = if uris.is_empty() { client } else { client.grant_type("authorization_code") };
            let scope = Scope::parse("openid email").expect("a scope");
            clients.with(client.scope(scope).build().expect("a client")).expect("a new id")
        });
        Engine::builder(MemoryStore::builder().shards(1).capacity(1_024).build(), clients)
            .issuer(oracle::ISSUER)
            .authorization_code()
            .build()
            .expect("an engine")
    })
}

fn check(response: &Response, sent: &[u8]) {
    assert_eq!(response.status(), 303);
    let (_, location) = response.headers().find(|(name, _)| *name == "location").expect("a location");
    assert_eq!(oracle::fault(location, sent), None);
}

fuzz_target!(|input: &[u8]| {
    let Some((method, sent)) = input.split_first() else { return };
    let request = if method % 2 == 0 {
        Request::new("GET", b"").with_query(sent)
    } else {
        Request::new("POST", sent).with_header("content-type", b"application/x-www-form-urlencoded")
    };
    let blocking = engine().blocking();
    match blocking.authorize(&request, regrant::Timestamp::EPOCH).expect("ready") {
        Ok(asked) => {
            // Carried along, it is the same request again.
            let again = form_urlencoded::Serializer::new(String::new()).extend_pairs(asked.carried()).finish();
            let again = Request::new("GET", b"").with_query(again.as_bytes());
            let again = blocking.authorize(&again, regrant::Timestamp::EPOCH).expect("ready").expect("what held once");
            assert_eq!((again.redirect_uri(), again.scope()), (asked.redirect_uri(), asked.scope()));
            let denied = blocking.deny(&asked, Denial::AccessDenied, Person::Nobody, NOW).expect("ready");
            check(&denied.expect("no strangers here"), sent);
            let approval = blocking.approve(&asked, Authorization::of("alice"), NOW).expect("ready");
            let response = approval.expect("no page is asked for").response;
            check(&response, sent);
            // So that the store does not fill up.
            blocking.end_sessions_of("alice", regrant::Timestamp::EPOCH).expect("ready").expect("a store in memory");
        }
        Err(AuthorizationError::Redirect(response)) => check(&response, sent),
        Err(AuthorizationError::Show(error)) => assert!((400..=413).contains(&error.status())),
    }
});
