//! A root secret that is replaced: people and sessions go on being called what they were (OpenID Connect Core section 8.1, Back-Channel Logout
//! section 2.7), or somebody hears of it.

use std::sync::Arc;

use regrant::client::ClientBuilder;
use regrant::engine::KeyCheckError;
use regrant::{Client, Engine, RootSecret, StaticClients, Timestamp};

use super::provider::{Builder, plain, shop};
use crate::kit::schedule::run;
use crate::kit::{Events, Shelf, World, at};

/// That of [`plain`] is the first.
fn root(id: u8) -> RootSecret {
    RootSecret::from_bytes(id, &[id + 1; 32])
}

/// A node on this store, after a restart.
fn node(store: &Arc<Shelf>, clients: &[ClientBuilder], change: impl FnOnce(Builder) -> Builder) -> World {
    let clients =
        clients.iter().fold(StaticClients::new(), |all, client| all.with(client.clone().build().unwrap()).unwrap());
    let events = Events::default();
    let builder = plain(Engine::builder(Arc::clone(store), clients)).events(events.clone());
    World { engine: Arc::new(change(builder).build().unwrap()), store: Arc::clone(store), events }
}

/// A session that was begun under the first root secret ends at each step of its replacement, and after it.
#[test]
fn a_session_ends_whichever_root_secret_there_is() {
    let store = Arc::new(Shelf::durable());
    let first = node(&store, &[shop("shop")], |builder| builder);
    let steps: [fn(Builder) -> Builder; 2] = [
        |builder| {
            let kept = root(1).subject_secret();
            builder.root_secret(root(2)).accept_root(root(1), at(90_000)).subject_secret(kept)
        },
        |builder| builder.root_secret(root(2)).subject_secret(root(1).subject_secret()),
    ];
    run(first.engine.check_keys()).unwrap();
    for step in steps {
        let token = first.log_in_to("shop", "c", at(1)).refresh_token();
        let next = node(&store, &[shop("shop")], step);
        run(next.engine.check_keys()).unwrap();
        let out = next.engine.blocking().log_out("alice", "c", at(2)).unwrap().unwrap();
        assert_eq!((out.ended, out.notices.len()), (1, 1));
        next.renew("shop", &token, at(3)).assert_error(400, "invalid_grant");
    }
}

/// The subject secret that was kept is forgotten once the old root secret is gone: it is said at start, though no client has pairwise subjects and
/// no other server's tokens are served.
#[test]
fn a_kept_secret_that_is_forgotten_is_found_out_at_start() {
    for realm in [None, Some("town")] {
        let store = Arc::new(Shelf::durable());
        let check = |change: fn(Builder) -> Builder| {
            let of_realm = |builder: Builder| realm.into_iter().fold(builder, regrant::EngineBuilder::realm);
            run(node(&store, &[shop("shop")], |builder| change(of_realm(builder))).engine.check_keys())
        };
        check(|builder| builder).unwrap();
        let before = store.bytes();
        // A wrong one is not written down, nor is the root secret that came with it.
        let wrong = check(|builder| {
            builder.root_secret(root(2)).accept_root(root(1), at(9)).subject_secret(root(2).subject_secret())
        });
        assert!(matches!(wrong, Err(KeyCheckError::SubjectSecret)), "{wrong:?}");
        assert_eq!(store.bytes(), before);
        check(|builder| {
            builder.root_secret(root(2)).accept_root(root(1), at(9)).subject_secret(root(1).subject_secret())
        })
        .unwrap();
        let forgotten = check(|builder| builder.root_secret(root(2)));
        assert!(matches!(forgotten, Err(KeyCheckError::SubjectSecret)), "{forgotten:?}");
        check(|builder| builder.root_secret(root(2)).subject_secret(root(1).subject_secret())).unwrap();
    }
}

/// What is lost is lost: it can be abandoned, by who says so. Not where another server's tokens would begin anew by it.
#[test]
fn a_subject_secret_that_was_lost_is_abandoned_on_demand() {
    let store = Arc::new(Shelf::durable());
    let of = |change: fn(Builder) -> Builder| node(&store, &[shop("shop")], change).engine;
    run(of(|builder| builder).check_keys()).unwrap();
    let new = || of(|builder| builder.root_secret(root(2)));
    assert!(run(new().check_keys()).is_err());
    run(new().abandon_other_keys()).unwrap();
    let kept = store.bytes();
    run(new().abandon_other_keys()).unwrap();
    run(new().check_keys()).unwrap();
    assert_eq!(store.bytes(), kept, "there is nothing left to say");
    let back = run(of(|builder| builder).check_keys());
    assert!(matches!(back, Err(KeyCheckError::SubjectSecret)), "{back:?}");
    let serving = of(|builder| builder.root_secret(root(3)).foreign_tokens(crate::kit::foreign::OldServer::default()));
    assert!(matches!(run(serving.abandon_other_keys()), Err(KeyCheckError::SubjectSecret)));
}

/// A realm that adopts logins from before calls people by the secret from before, if there was any; where there was none, each realm may have its
/// first one only now. Abandoned is what was lost.
#[test]
fn a_realm_that_adopts_logins_has_the_secret_that_these_had() {
    let adopting = |store: &Arc<Shelf>, realm: &str, id: u8| {
        let of = |builder: Builder| builder.root_secret(root(id)).realm(realm).adopt_grants_of(["shop"]);
        node(store, &[shop("shop")], of).engine
    };
    let store = Arc::new(Shelf::durable());
    run(adopting(&store, "town", 1).check_keys()).unwrap();
    run(adopting(&store, "village", 2).check_keys()).unwrap();
    let store = Arc::new(Shelf::durable());
    run(node(&store, &[shop("shop")], |builder| builder).engine.check_keys()).unwrap();
    let wrong = run(adopting(&store, "town", 2).check_keys());
    assert!(matches!(wrong, Err(KeyCheckError::SubjectSecret)), "{wrong:?}");
    run(adopting(&store, "town", 1).check_keys()).unwrap();
    run(adopting(&store, "village", 2).abandon_other_keys()).unwrap();
}

/// An engine that can have named no session says so, rather than that all is well.
#[test]
fn a_logout_where_no_session_can_be_named_is_an_error() {
    let clients = StaticClients::new().with(Client::public("app").build().unwrap()).unwrap();
    let engine = Engine::builder(Arc::new(Shelf::default()), clients).build().unwrap();
    let out = engine.blocking().log_out("alice", "c", Timestamp::EPOCH).unwrap();
    assert_eq!(out.unwrap_err().kind(), regrant::store::StoreErrorKind::NotApplied);
}
