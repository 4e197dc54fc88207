//! How a resource says what it wants: RFC 9449 section 7.1. SDKs look at how the header begins.

use super::house::{FILES, LOGIN, MAIL, house, street};
use crate::kit::at;
use crate::kit::proof::ProofKey;

const ALGS: &str = "algs=\"ES256 PS256 RS256 EdDSA Ed25519\"";

#[test]
fn the_scheme_of_the_request_comes_first_and_says_what_was_wrong() {
    let world = house();
    let key = ProofKey::of(1);
    let bound = world.proven("phone", LOGIN, &key, at(0)).access_token();
    let challenge =
        |headers: &[(&str, &str)]| world.at_resource(None, "/x", headers, at(1)).unwrap_err().challenge().to_owned();
    assert_eq!(challenge(&[]), format!("Bearer realm=\"token\", DPoP realm=\"token\", {ALGS}"));
    assert_eq!(
        challenge(&[("authorization", &format!("Bearer {bound}"))]),
        format!("Bearer realm=\"token\", error=\"invalid_token\", DPoP realm=\"token\", {ALGS}"),
    );
    let proof = key.proof("GET", "https://elsewhere.example/").sign();
    let header = format!("DPoP {bound}");
    assert_eq!(
        challenge(&[("authorization", &header), ("dpop", &proof)]),
        format!("DPoP realm=\"token\", error=\"invalid_dpop_proof\", {ALGS}, Bearer realm=\"token\""),
    );
    let refused =
        world.with_proof("/x", &bound, &key.proof("GET", &format!("{}/x", crate::kit::bank::ISSUER)).sign(), at(1));
    let refused = refused.unwrap_err();
    assert_eq!(
        refused.challenge(),
        format!("DPoP realm=\"token\", error=\"use_dpop_nonce\", {ALGS}, Bearer realm=\"token\""),
    );
    let response = refused.response();
    assert_eq!((response.status(), response.body()), (401, &br#"{"error":"use_dpop_nonce"}"#[..]));
}

/// RFC 9449 section 9: a nonce is for whoever sends proofs, and for nobody else.
#[test]
fn a_nonce_is_given_to_who_comes_with_a_proof_or_by_its_scheme() {
    let world = house();
    let proof = ProofKey::of(1).proof("GET", "https://elsewhere.example/").sign();
    let (bearer, scheme, proof) =
        (("authorization", "Bearer x"), ("authorization", "DPoP x"), ("dpop", proof.as_str()));
    for (headers, given) in [
        (&[][..], false),
        (&[bearer], false),
        (&[proof], true),
        (&[bearer, proof], true),
        (&[scheme], true),
        (&[scheme, proof], true),
    ] {
        let refused = world.at_resource(None, "/x", headers, at(1)).unwrap_err();
        assert_eq!(refused.dpop_nonce().is_some(), given, "{headers:?}");
    }
}

/// A resource that refuses bearer tokens says so, and its metadata too (RFC 9728 section 2).
#[test]
fn where_proofs_are_demanded_there_is_one_scheme() {
    let world = street();
    let refused = world.at_resource(Some(MAIL), "/", &[], at(1)).unwrap_err();
    assert!(refused.challenge().starts_with("DPoP "), "{}", refused.challenge());
    assert!(!refused.challenge().contains("Bearer"));
    let both = world.at_resource(Some(FILES), "/files", &[], at(1)).unwrap_err();
    assert!(both.challenge().starts_with("Bearer ") && both.challenge().contains(", DPoP "), "{}", both.challenge());
    let body = format!("{LOGIN}&resource=https%3A%2F%2Fmail.example%2F");
    let bearer = world.bare("phone", &body, at(0)).access_token();
    let refused =
        world.at_resource(Some(MAIL), "/", &[("authorization", &format!("Bearer {bearer}"))], at(1)).unwrap_err();
    assert!(
        refused.challenge().starts_with("DPoP realm=\"token\", error=\"invalid_token\""),
        "{}",
        refused.challenge()
    );
    let metadata = |resource| {
        let document = world.engine.protected_resource_metadata(resource).unwrap();
        serde_json::from_slice::<serde_json::Value>(document.body()).unwrap()
    };
    assert_eq!(metadata(MAIL)["dpop_bound_access_tokens_required"], true);
    assert_eq!(metadata(FILES).get("dpop_bound_access_tokens_required"), None);
    assert_eq!(metadata(FILES)["dpop_signing_alg_values_supported"][0], "ES256");
}
