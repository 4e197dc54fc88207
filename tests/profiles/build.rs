//! What an engine of a profile must have: `build` says in words what is missing.

use std::time::Duration;

use regrant::client::{ClientIdKeys, StatelessClients};
use regrant::engine::{
    ClientCredentials, DeviceAuthorization, Dpop, EngineSlot, ExchangeError, ExchangePolicy, Profile, ProfileGap,
};
use regrant::fetch::DocumentClients;
use regrant::jwt::{JwsAlgorithm, SigningAlgorithm, SigningKey};
use regrant::{BuildError, Clients, Endpoints, Engine, EngineBuilder, Key, MemoryStore, RootSecret, StaticClients};

use crate::kit::portal::ISSUER;
use crate::kit::profiles::{Hand, SQUARE_SCOPE, endpoints, key_client, profiled, site, strangers};
use crate::kit::{Events, Password, app, scope};

type Bank = EngineBuilder<MemoryStore, StaticClients>;
type Square = EngineBuilder<MemoryStore, DocumentClients<StaticClients>>;

fn bank() -> Bank {
    let clients = StaticClients::new().with(key_client().build().unwrap()).unwrap();
    profiled(MemoryStore::new(), clients, Profile::Fapi2Security, &Events::default())
}

fn square_of(clients: DocumentClients<StaticClients>) -> Square {
    profiled(MemoryStore::new(), clients, Profile::Atproto, &Events::default())
        .endpoints(endpoints().with_scopes(scope(SQUARE_SCOPE)))
        .fetch(site())
}

fn square() -> Square {
    square_of(strangers(&site(), &Hand::default()))
}

fn gap<C: Clients>(builder: EngineBuilder<MemoryStore, C>) -> Option<ProfileGap> {
    match builder.build() {
        Ok(_) => None,
        Err(BuildError::Profile(gap)) => {
            // In words, each its own, and of whole sentences' length.
            assert!(gap.to_string().len() > 30 && BuildError::Profile(gap).to_string() == gap.to_string());
            Some(gap)
        }
        Err(other) => panic!("{other:?}"),
    }
}

fn rsa() -> SigningKey {
    SigningKey::generate(SigningAlgorithm::Rs256).unwrap().0
}

#[test]
fn a_bank_says_what_it_lacks() {
    assert_eq!(gap(bank()), None);
    let all = Endpoints::new;
    for (builder, missing) in vec![
        (bank().issuer("http://id.example"), ProfileGap::Issuer),
        (bank().issuer("id.example"), ProfileGap::Issuer),
        (bank().endpoints(all()), ProfileGap::AuthorizationEndpoint),
        (bank().endpoints(all().with_authorization("/authorize")), ProfileGap::TokenEndpoint),
        (
            bank().endpoints(all().with_authorization("/authorize").with_token("/token")),
            ProfileGap::PushedAuthorizationEndpoint,
        ),
        (bank().grant_handler(Password), ProfileGap::PasswordGrant),
        (bank().pushed_request_lifetime(Duration::from_secs(600)), ProfileGap::PushedRequestLifetime),
        (bank().dpop(Dpop::new()), ProfileGap::ProofAlgorithm),
        (bank().signing_key(rsa()), ProfileGap::SigningAlgorithm),
        (
            bank().signing_key(SigningKey::generate(SigningAlgorithm::Es256).unwrap().0).accept_signing_key(rsa()),
            ProfileGap::SigningAlgorithm,
        ),
    ] {
        assert_eq!(gap(builder), Some(missing));
    }
    let changes: [fn(Bank) -> Bank; 6] = [
        |bank| bank.pushed_request_lifetime(Duration::from_secs(599)),
        |bank| bank.issuer("http://127.0.0.1:8091"),
        |bank| bank.issuer("https://id.example/tenant"),
        |bank| bank.grant_handler(ClientCredentials),
        |bank| bank.dpop(Dpop::new().with_algorithms([JwsAlgorithm::Ps256]).with_resource_nonces(false)),
        |bank| bank.signing_key(SigningKey::generate(SigningAlgorithm::EdDsa).unwrap().0),
    ];
    for change in changes {
        assert_eq!(gap(change(bank())), None);
    }
    let rootless = Engine::builder(MemoryStore::new(), StaticClients::new())
        .issuer("https://id.example")
        .endpoints(endpoints())
        .profile(Profile::Fapi2Security);
    assert_eq!(gap(rootless), Some(ProfileGap::RootSecret));
    let secrets = StaticClients::new().with(app().build().unwrap()).unwrap();
    let secrets = profiled(MemoryStore::new(), secrets, Profile::Fapi2Security, &Events::default());
    assert_eq!(gap(secrets), Some(ProfileGap::ClientMethod));
}

/// Refuses everything.
struct Nothing;

impl ExchangePolicy for Nothing {}

#[test]
fn a_square_says_what_it_lacks() {
    assert_eq!(gap(square()), None);
    let documents = || DocumentClients::new(StaticClients::new(), site()).with_scope(scope(SQUARE_SCOPE));
    for (builder, missing) in vec![
        (square().issuer("http://id.example"), ProfileGap::Issuer),
        (square().issuer("https://id.example/tenant"), ProfileGap::IssuerPath),
        (square().issuer("https://id.example/"), ProfileGap::IssuerPath),
        (square().issuer("https://id.example:443"), ProfileGap::IssuerPath),
        (square().endpoints(endpoints()), ProfileGap::Scope),
        (square().grant_handler(ClientCredentials), ProfileGap::GrantHandler),
        (square().device_authorization(DeviceAuthorization::new("/device")), ProfileGap::GrantHandler),
        (square().token_exchange(Nothing), ProfileGap::GrantHandler),
        (square().dpop(Dpop::new().with_algorithms([JwsAlgorithm::EdDsa])), ProfileGap::ProofAlgorithm),
        (square().dpop(Dpop::new().with_resource_nonces(false)), ProfileGap::ResourceNonces),
        (square_of(documents()), ProfileGap::ClientDocuments),
        (square_of(documents().with_private_key_jwt(true).with_scope(scope("read"))), ProfileGap::Scope),
    ] {
        assert_eq!(gap(builder), Some(missing));
    }
    assert_eq!(gap(square().issuer("https://id.example:8443")), None);
    let clients = StaticClients::new().with(key_client().build().unwrap()).unwrap();
    let by_hand = profiled(MemoryStore::new(), clients, Profile::Atproto, &Events::default());
    assert_eq!(gap(by_hand), Some(ProfileGap::ClientDocuments));
    let fetchless = Engine::builder(MemoryStore::new(), strangers(&site(), &Hand::default()))
        .issuer("https://id.example")
        .root_secret(RootSecret::from_bytes(1, &[2; 32]))
        .endpoints(endpoints().with_scopes(scope(SQUARE_SCOPE)))
        .profile(Profile::Atproto);
    assert_eq!(gap(fetchless), Some(ProfileGap::Fetch));
    // Ids that are no URLs of documents would be refused at every endpoint.
    let registering = StatelessClients::new(
        strangers(&site(), &Hand::default()),
        ClientIdKeys::new(&RootSecret::from_bytes(2, &[3; 32]), None),
    );
    let registering = profiled(MemoryStore::new(), registering, Profile::Atproto, &Events::default())
        .endpoints(endpoints().with_scopes(scope(SQUARE_SCOPE)))
        .fetch(site())
        .registration();
    assert_eq!(gap(registering), Some(ProfileGap::Registration));
}

/// An engine that takes another's place goes on with its signing keys, so those have to be allowed too.
#[test]
fn a_profile_does_not_inherit_a_key_that_it_does_not_allow() {
    let es256 = || SigningKey::generate(SigningAlgorithm::Es256).unwrap().0;
    for (signing, goes_on) in [(rsa(), false), (es256(), true)] {
        let clients = StaticClients::new().with(key_client().build().unwrap()).unwrap();
        let before = Engine::builder(MemoryStore::new(), clients)
            .key(Key::from_bytes(7, &[9; 32]))
            .root_secret(RootSecret::from_bytes(1, &[2; 32]))
            .issuer(ISSUER)
            .signing_key(signing);
        let slot = EngineSlot::new(before.build().unwrap());
        let exchanged = slot.exchange(bank().signing_key(es256()).build().unwrap());
        assert_eq!(exchanged, if goes_on { Ok(()) } else { Err(ExchangeError::SigningKeys) });
    }
}
