//! What an engine needs that takes proofs, and what it says of itself (RFC 9449 section 5.1).

use regrant::engine::Dpop;
use regrant::jwt::JwsAlgorithm;
use regrant::{BuildError, Endpoints, Engine, MemoryStore, RootSecret, StaticClients};

use super::house::{LOGIN, ask, house, node, token_url};
use crate::kit::at;
use crate::kit::bank::ISSUER;
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

/// RFC 9449 section 8: what was given under the root secret before counts for as long as the host said, so that whoever has that secret yet makes
/// none for later.
#[test]
fn a_nonce_under_the_root_secret_before_counts_until_its_time() {
    let before = house();
    let old = RootSecret::from_bytes(1, &[2; 32]);
    let after = node(&before, |builder| {
        let builder = builder.root_secret(RootSecret::from_bytes(2, &[3; 32])).subject_secret(old.subject_secret());
        builder.accept_root(old, at(100)).dpop(Dpop::new())
    });
    let key = ProofKey::of(1);
    for (now, counts) in [(99, true), (100, false), (101, false)] {
        let proof = before.fresh(&key, at(now)).sign();
        let reply = after.send(&ask("phone", LOGIN).header("dpop", &proof), at(now));
        if counts {
            reply.assert_ok()
        } else {
            reply.assert_error(400, "use_dpop_nonce")
        };
        let token = after.proven("phone", LOGIN, &key, at(now)).access_token();
        let proof = key.proof("GET", &format!("{ISSUER}/x")).ath(&token).nonce(&before.nonce(at(now))).sign();
        assert_eq!(after.with_proof("/x", &token, &proof, at(now)).is_ok(), counts, "{now}");
    }
}

/// RFC 8705 section 5: a client that uses an alias has signed for what it calls. Nothing is taken from a header of the request.
#[test]
fn a_proof_is_for_the_endpoint_by_each_url_that_is_published() {
    let world = node(&house(), |builder| {
        let aliases = Endpoints::new()
            .with_token("https://mtls.id.example/t")
            .with_pushed_authorization("https://mtls.id.example/p");
        let places = Endpoints::new().with_token("/token").with_pushed_authorization("/par").with_mtls_aliases(aliases);
        builder.endpoints(places).pushed_authorization_requests().dpop(Dpop::new())
    });
    let nonce = world.nonce(at(0));
    let sign = |url: &str| ProofKey::of(1).proof("POST", url).nonce(&nonce).sign();
    let push = |proof: String| {
        let body = "response_type=code&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcb\
                    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
        let request = ask("phone", body).header("dpop", proof).header("host", "evil.example");
        world.engine.blocking().push(&request.request(), at(0)).unwrap().status()
    };
    let token = |proof: String| {
        let request = ask("phone", LOGIN).header("dpop", proof);
        world.send(&request.header("host", "evil.example").header("x-forwarded-host", "evil.example"), at(0)).status
    };
    for (url, at_token, pushed) in [
        (token_url(), 200, 400),
        ("https://mtls.id.example/t".to_owned(), 200, 400),
        ("https://id.example/par".to_owned(), 400, 201),
        ("https://mtls.id.example/p".to_owned(), 400, 201),
        ("https://mtls.id.example/token".to_owned(), 400, 400),
        ("https://evil.example/token".to_owned(), 400, 400),
        ("https://evil.example/par".to_owned(), 400, 400),
    ] {
        assert_eq!((token(sign(&url)), push(sign(&url))), (at_token, pushed), "{url}");
    }
}
