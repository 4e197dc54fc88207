//! What an engine needs that takes proofs, and what it says of itself (RFC 9449 section 5.1).

use regrant::engine::Dpop;
use regrant::jwt::JwsAlgorithm;
use regrant::{BuildError, Endpoints, Engine, MemoryStore, RootSecret, StaticClients};

use super::house::{LOGIN, ask, house, node, token_url};
use crate::kit::at;
use crate::kit::proof::ProofKey;

#[test]
fn what_is_missing_is_said_in_words() {
    let builder = || Engine::builder(MemoryStore::new(), StaticClients::new());
    let ready = || {
        builder()
            .issuer("https://id.example")
            .endpoints(Endpoints::new().with_token("/token"))
            .root_secret(RootSecret::generate(1))
    };
    ready().dpop(Dpop::new()).build().unwrap();
    builder()
        .endpoints(Endpoints::new().with_token("https://id.example/token"))
        .root_secret(RootSecret::generate(1))
        .dpop(Dpop::new())
        .build()
        .unwrap();
    for (wrong, expected) in [
        (
            builder().issuer("https://id.example").endpoints(Endpoints::new().with_token("/token")).dpop(Dpop::new()),
            BuildError::NonceRootRequired,
        ),
        (
            builder().issuer("https://id.example").root_secret(RootSecret::generate(1)).dpop(Dpop::new()),
            BuildError::ProofTarget,
        ),
        (
            builder()
                .endpoints(Endpoints::new().with_token("/token"))
                .root_secret(RootSecret::generate(1))
                .dpop(Dpop::new()),
            BuildError::ProofTarget,
        ),
        (ready().dpop(Dpop::new().with_algorithms([])), BuildError::ProofAlgorithms),
    ] {
        assert_eq!(wrong.build().unwrap_err(), expected);
    }
}

#[test]
fn metadata_name_the_algorithms_and_others_are_refused() {
    let world = house();
    let metadata =
        |engine: &Engine<_, _>| serde_json::from_slice::<serde_json::Value>(engine.metadata().unwrap().body()).unwrap();
    let all = &metadata(&world.engine)["dpop_signing_alg_values_supported"];
    assert_eq!(*all, serde_json::json!(["ES256", "PS256", "RS256", "EdDSA", "Ed25519"]));
    let off = node(&world, |builder| builder);
    assert_eq!(metadata(&off.engine).get("dpop_signing_alg_values_supported"), None);
    let narrow = node(&world, |builder| builder.dpop(Dpop::new().with_algorithms([JwsAlgorithm::Ed25519])));
    let proof = ProofKey::of(1).proof("POST", &token_url()).nonce(&world.nonce(at(0))).sign();
    narrow.send(&ask("phone", LOGIN).header("dpop", proof), at(0)).assert_error(400, "invalid_dpop_proof");
}

/// Law 25: what one realm gives another does not take.
#[test]
fn a_nonce_of_another_realm_is_none() {
    let world = house();
    let shop = node(&world, |builder| builder.realm("shop").dpop(Dpop::new()));
    let proof = shop.fresh(&ProofKey::of(1), at(0)).sign();
    world.send(&ask("phone", LOGIN).header("dpop", &proof), at(0)).assert_error(400, "use_dpop_nonce");
    shop.send(&ask("phone", LOGIN).header("dpop", &proof), at(0)).assert_ok();
}
