//! Another server's refresh tokens under a profile: they were anybody's who held them there, and are not here.

use std::sync::Arc;

use regrant::engine::ForeignLogin;
use regrant::{Authorization, Timestamp};

use crate::kit::Shelf;
use crate::kit::foreign::{OldServer, UUID};
use crate::kit::profiles::{
    App, Hand, Place, SERVICE, bank, key_app, key_client, mtls_app, mtls_client, said, service, site, square,
};
use crate::kit::world::scope;

const BEGAN: Timestamp = Timestamp::from_secs(1_590_000_000);

fn old(client_id: &str, granted: &str) -> OldServer {
    let authorization = Authorization::of("alice").with_scope(scope(granted));
    OldServer::default().ready().with_login(UUID, client_id, ForeignLogin::new(authorization, BEGAN, Timestamp::MAX))
}

/// FAPI 2.0 section 5.3.2.1: only sender-constrained access tokens, and refresh tokens that stay.
#[test]
fn no_bearer_token_comes_of_one_at_a_bank() {
    let naked = |app: &App| App { proof: None, certificate: None, ..app.clone() };
    for (client, app, token_type) in [(key_client(), key_app(), "DPoP"), (mtls_client(), mtls_app(), "Bearer")] {
        let old = old(&app.id, "accounts");
        let bank = bank(Arc::new(Shelf::default()), [client], |builder| builder.foreign_tokens(old));
        let refused = bank.refresh(&naked(&app), UUID, 1);
        assert!((400..=401).contains(&refused.status), "{}", said(&refused));
        assert!(bank.store.grants().is_empty(), "nothing is begun, and no assertion spent");
        let taken = bank.refresh(&app, UUID, 2);
        assert_eq!((taken.text("token_type").as_str(), taken.refresh_token().as_str()), (token_type, UUID));
        let live = || bank.store.grants().into_iter().filter(|grant| !grant.is_marker()).map(|grant| grant.encode());
        let before: Vec<_> = live().collect();
        // It is live, and still nobody's who only holds it.
        let again = bank.refresh(&naked(&app), UUID, 1_000);
        assert!((400..=401).contains(&again.status), "{}", said(&again));
        assert_eq!(live().collect::<Vec<_>>(), before);
        assert_eq!(bank.refresh(&app, UUID, 2_000).refresh_token(), UUID);
        assert_eq!(said(&bank.send(Place::Revocation, &app, &format!("token={UUID}"), 2_001)), "200");
        assert_eq!(said(&bank.refresh(&app, UUID, 2_002)), "400 invalid_grant");
    }
}

/// atproto, "Confidential Client Authentication": the first refresh binds it to the key of the device and to that of the client.
#[test]
fn a_session_of_one_at_a_square_is_bound_to_two_keys() {
    let (site, hand) = (site(), Hand::default());
    let old = old(SERVICE, "atproto transition:generic");
    let square = square(Arc::new(Shelf::default()), &site, &hand, |builder| builder.foreign_tokens(old));
    let first = square.refresh(&service(), UUID, 1);
    assert_eq!((first.text("token_type"), first.text("sub")), ("DPoP".into(), "alice".into()));
    let own = first.refresh_token();
    let live = || square.store.grants().into_iter().filter(|grant| !grant.is_marker()).map(|grant| grant.encode());
    let before: Vec<_> = live().collect();
    for (token, secs) in [(UUID, 10), (&*own, 10), (UUID, 500)] {
        // Of whoever has the token, or one key of the client's, or one of the device's.
        assert_eq!(said(&square.refresh(&service().with_signer("two"), token, secs)), "400 invalid_grant");
        assert_eq!(square.refresh(&service().with_proof(2), token, secs).status, 400);
        assert_eq!(square.refresh(&service().without_proof(), token, secs).status, 400);
    }
    assert_eq!(live().collect::<Vec<_>>(), before, "no step, and no replay");
    assert!(!square.events.names().contains(&String::from("ReplayFound")));
    assert_eq!(said(&square.refresh(&service(), &own, 501)), "200");
    assert_eq!(said(&square.refresh(&service(), UUID, 502)), "400 invalid_grant");
    assert_eq!(said(&square.refresh(&service(), &own, 503)), "400 invalid_grant", "by both keys it is a replay");
}

/// A session has the scope `atproto`, whoever says what it has.
#[test]
fn a_session_without_the_scope_of_atproto_is_the_host_s_fault() {
    let (site, hand) = (site(), Hand::default());
    let old = old(SERVICE, "transition:generic");
    let square = square(Arc::new(Shelf::default()), &site, &hand, |builder| builder.foreign_tokens(old));
    assert_eq!(said(&square.refresh(&service(), UUID, 1)), "500 server_error");
    assert!(square.store.grants().is_empty());
}
