//! Hostile proofs through the engine (RFC 9449 section 4.3; RFC 7515 sections 4.1 and 10; RFC 8725 sections 2 and 3): each row breaks one
//! thing, is refused at the token endpoint, where requests are pushed and at a resource by what the host is told, and changes nothing.
//! What is wrong with the text alone is in `src/proof/tests`; replays are in `replays.rs`.

use regrant::engine::BearerErrorKind::{InvalidDpopProof, InvalidToken};
use serde_json::{Value, json};

use super::house::{LOGIN, ask, nonce_of, pushing, renewal, token_url};
use crate::kit::bank::ISSUER;
use crate::kit::jwt::{hs256, part};
use crate::kit::proof::{Making, ProofKey};
use crate::kit::signer::Signer;
use crate::kit::{Reply, World, at};

fn key() -> ProofKey {
    ProofKey::of(1)
}

/// What a stranger makes of a good proof: what the host is told, and the text.
type Break = (&'static str, fn(Making) -> String);

fn with_header(mut proof: Making, name: &str, value: Value) -> String {
    proof.header[name] = value;
    proof.sign()
}

fn with_jwk(mut proof: Making, name: &str, value: Value) -> String {
    proof.header["jwk"][name] = value;
    proof.sign()
}

fn with_key(mut proof: Making, jwk: Value) -> String {
    proof.header["jwk"] = jwk;
    proof.sign()
}

fn without(mut proof: Making, part: &str, name: &str) -> String {
    let members = if part == "header" { &mut proof.header } else { &mut proof.claims };
    members.as_object_mut().unwrap().remove(name);
    proof.sign()
}

/// The URL that this proof is for, changed.
fn at_url(proof: Making, change: impl FnOnce(&str) -> String) -> String {
    let url = proof.claims["htu"].as_str().unwrap().to_owned();
    proof.with("htu", change(&url)).sign()
}

const ROWS: &[Break] = &[
    // The algorithm: none, a MAC under what everybody knows, another than the key's, another in no list.
    ("Algorithm", |proof| with_header(proof, "alg", json!("none"))),
    ("Algorithm", |mut proof| {
        proof.header["alg"] = json!("none");
        proof.sign_by(|_| Vec::new()) + "AA"
    }),
    ("Algorithm", |proof| with_header(proof, "alg", json!("nOnE"))),
    ("Algorithm", |mut proof| {
        proof.header["alg"] = json!("HS256");
        let public = proof.header["jwk"].to_string();
        proof.sign_by(|message| hs256(public.as_bytes(), message))
    }),
    ("Algorithm", |mut proof| {
        proof.header["alg"] = json!("HS256");
        let x = proof.header["jwk"]["x"].as_str().unwrap().to_owned();
        proof.sign_by(|message| hs256(x.as_bytes(), message))
    }),
    ("Symmetric", |mut proof| {
        proof.header["jwk"] = json!({"kty": "oct", "k": "c2VjcmV0"});
        proof.sign_by(|message| hs256(b"secret", message))
    }),
    ("Algorithm", |proof| with_header(proof, "alg", json!("RS256"))),
    ("Algorithm", |proof| with_header(proof, "alg", json!("EdDSA"))),
    ("Algorithm", |proof| with_header(proof, "alg", json!("ES384"))),
    ("Algorithm", |proof| with_header(proof, "alg", json!("es256"))),
    ("Algorithm", |proof| with_header(proof, "alg", json!(["ES256"]))),
    ("Algorithm", |proof| without(proof, "header", "alg")),
    ("Algorithm", |proof| with_jwk(proof, "alg", json!("ES512"))),
    // The type: each other kind of JWT that this client signs.
    ("Type", |proof| without(proof, "header", "typ")),
    ("Type", |proof| with_header(proof, "typ", json!("JWT"))),
    ("Type", |proof| with_header(proof, "typ", json!("at+jwt"))),
    ("Type", |proof| with_header(proof, "typ", json!("client-authentication+jwt"))),
    ("Type", |proof| with_header(proof, "typ", json!("oauth-authz-req+jwt"))),
    ("Critical", |proof| with_header(proof, "crit", json!(["exp"]))),
    ("Critical", |proof| with_header(proof, "b64", json!(false))),
    // The key: private halves, none, others' kinds, points and moduli that are no keys.
    ("Private", |proof| with_jwk(proof, "d", json!("AAAA"))),
    ("Private", |proof| with_jwk(proof, "d", Value::Null)),
    ("Private", |proof| with_jwk(proof, "k", json!("AAAA"))),
    ("Private", |proof| with_jwk(proof, "p", json!("AAAA"))),
    ("Malformed", |proof| without(proof, "header", "jwk")),
    ("Malformed", |proof| with_key(proof, json!("https://evil.example/key"))),
    ("Malformed", |proof| with_jwk(proof, "x", json!("AA"))),
    ("Unsupported", |proof| with_jwk(proof, "crv", json!("P-521"))),
    ("Unsupported", |proof| with_jwk(proof, "crv", json!("secp256k1"))),
    ("Signature", |proof| with_jwk(proof, "x", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))),
    ("Rsa", |mut proof| {
        proof.header["alg"] = json!("RS256");
        with_key(proof, json!({"kty": "RSA", "n": format!("w{}Q", "8".repeat(169)), "e": "AQAB"}))
    }),
    ("Rsa", |mut proof| {
        // 16,384 bits, and an exponent to match.
        proof.header["alg"] = json!("PS256");
        with_key(proof, json!({"kty": "RSA", "n": format!("w{}Q", "8".repeat(2_729)), "e": "AQAB"}))
    }),
    ("Rsa", |mut proof| {
        proof.header["alg"] = json!("RS256");
        with_key(proof, json!({"kty": "RSA", "n": format!("w{}Q", "8".repeat(340)), "e": "Aw"}))
    }),
    ("Weak", |mut proof| {
        // The neutral element: a signature of it, and of zero, is good for every message.
        proof.header["alg"] = json!("EdDSA");
        let neutral = format!("AQ{}", "A".repeat(41));
        proof.header["jwk"] = json!({"kty": "OKP", "crv": "Ed25519", "x": neutral});
        proof.sign_by(|_| [&[1][..], &[0; 63]].concat())
    }),
    // Somebody else's key in the header, and keys that it points to.
    ("Signature", |proof| with_key(proof, ProofKey::of(2).jwk())),
    ("Signature", |mut proof| {
        proof.header["jwk"] = ProofKey::of(2).jwk();
        proof.header["kid"] = json!("../../key");
        proof.header["jku"] = json!("https://evil.example/jwks");
        proof.sign()
    }),
    ("Signature", |proof| proof.sign_by(|_| vec![0; 64])),
    ("Signature", |proof| proof.sign_by(|message| ProofKey::of(2).sign(message))),
    ("Signature", |proof| {
        let stranger = Signer::new("evil");
        proof.sign_by(|message| stranger.sign("EdDSA", message))
    }),
    ("Json", |proof| with_header(proof, "kid", json!(1))),
    // The claims: each that has to be there, and each type.
    ("Missing", |proof| without(proof, "claims", "jti")),
    ("Missing", |proof| without(proof, "claims", "htm")),
    ("Missing", |proof| without(proof, "claims", "htu")),
    ("Missing", |proof| without(proof, "claims", "iat")),
    ("Missing", |proof| proof.with("jti", "").sign()),
    ("Type", |proof| proof.with("jti", "j".repeat(257)).sign()),
    ("Type", |proof| proof.with("iat", "now").sign()),
    ("Type", |proof| proof.with("iat", -1).sign()),
    ("Type", |proof| proof.with("nonce", json!(["n"])).sign()),
    // For what: another method or URL, and texts that another reader would take for this one.
    ("Method", |proof| proof.with("htm", "DELETE").sign()),
    ("Method", |proof| proof.with("htm", "Post").sign()),
    ("Target", |proof| at_url(proof, |url| url.replace("https:", "http:"))),
    ("Target", |proof| at_url(proof, |url| url.replace("://", "://evil."))),
    ("Target", |proof| at_url(proof, |url| url.replace("://", "://user@"))),
    ("Target", |proof| at_url(proof, |url| url.replacen("id.example", "id.example:8443", 1))),
    ("Target", |proof| at_url(proof, |url| url.replacen("id.example", "id.example.evil.example", 1))),
    ("Target", |proof| at_url(proof, |url| url.replacen("id.example", "id.example@evil.example", 1))),
    ("Target", |proof| at_url(proof, |url| format!("{url}/"))),
    ("Target", |proof| at_url(proof, |url| format!("{url}%2f"))),
    ("Target", |proof| at_url(proof, |url| format!("{url}/../admin"))),
    ("Target", |proof| at_url(proof, str::to_uppercase)),
    ("Target", |proof| at_url(proof, |url| format!("https://evil.example/?{url}"))),
    ("Target", |proof| at_url(proof, |url| url.trim_start_matches("https:").to_owned())),
    // Shapes.
    ("Compact", |proof| proof.sign() + "."),
    ("Compact", |proof| proof.sign() + "="),
    ("Compact", |proof| format!("{0}, {0}", proof.sign())),
    ("Compact", |proof| proof.sign().replacen('.', "..", 1)),
    ("Compact", |_| String::new()),
    ("TooLong", |proof| proof.with("padding", "p".repeat(9_000)).sign()),
];

/// A request with this proof at each place where one is taken.
struct Place {
    name: &'static str,
    method: &'static str,
    url: String,
}

fn places() -> [Place; 3] {
    let place = |name, method, path: &str| Place { name, method, url: format!("{ISSUER}/{path}") };
    [place("token", "POST", "token"), place("push", "POST", "par"), place("resource", "GET", "x")]
}

fn push(world: &World, proof: &str) -> Reply {
    let body = "response_type=code&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcb\
                &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let request = ask("phone", body).header("dpop", proof);
    Reply::of(&world.engine.blocking().push(&request.request(), at(1)).unwrap())
}

#[test]
fn each_is_refused_at_each_place_and_changes_nothing() {
    let world = pushing();
    let login = world.proven("phone", LOGIN, &key(), at(0));
    let (token, refresh) = (login.access_token(), renewal(&login.refresh_token()));
    let nonce = world.nonce(at(1));
    let stored = world.store.bytes();
    assert!(ROWS.len() >= 65, "{}", ROWS.len());
    for Place { name, method, url } in places() {
        let good = || key().proof(method, &url).nonce(&nonce).ath(&token);
        for (number, (why, change)) in ROWS.iter().enumerate() {
            let proof = change(good());
            world.events.take();
            if name == "resource" {
                let refused = world.with_proof("/x", &token, &proof, at(1)).expect_err(why);
                // Another key than the token's is known before a signature is checked, which costs more (RFC 9449 section 7.1).
                let is_of_another = *why == "Signature" && part(&proof, 0)["jwk"] != key().jwk();
                let kind = if is_of_another { InvalidToken } else { InvalidDpopProof };
                assert_eq!((refused.kind(), refused.status()), (kind, 401), "{number} {why}");
                assert_eq!(refused.response().headers().filter(|header| header.0 == "dpop-nonce").count(), 1);
            } else {
                let reply = match name {
                    "push" => push(&world, &proof),
                    _ => world.send(&ask("phone", &refresh).header("dpop", &proof), at(1)),
                };
                reply.assert_error(400, "invalid_dpop_proof");
                // So that a client whose proof was wrong by accident goes on.
                nonce_of(&reply);
                let told = world.events.take();
                assert!(told.len() == 1 && told[0].contains(why), "{number} {why} at {name}: {told:?}");
                assert!(!told[0].contains("eyJ") && !told[0].contains(&nonce), "{told:?}");
            }
            assert_eq!(world.store.bytes(), stored, "{number} {why} at {name}");
        }
    }
    // None of them has used up the nonce, or the token.
    let proof = key().proof("GET", &format!("{ISSUER}/x")).nonce(&nonce).ath(&token).sign();
    world.with_proof("/x", &token, &proof, at(1)).unwrap();
    assert_eq!(push(&world, &key().proof("POST", &format!("{ISSUER}/par")).nonce(&nonce).sign()).status, 201);
    let proof = key().proof("POST", &token_url()).nonce(&nonce).sign();
    world.send(&ask("phone", &refresh).header("dpop", proof), at(1)).assert_ok();
}

/// RFC 9449 section 4.3, item 1: two headers, whichever of them is right.
#[test]
fn two_headers_are_none() {
    let world = pushing();
    let login = world.proven("phone", LOGIN, &key(), at(0));
    let nonce = world.nonce(at(1));
    let good = || key().proof("POST", &token_url()).nonce(&nonce).sign();
    let refresh = renewal(&login.refresh_token());
    for (first, second) in [(good(), good()), (good(), String::new()), ("none".to_owned(), good())] {
        for names in [["dpop", "dpop"], ["DPoP", "dpop"], ["DPOP", "DPoP"]] {
            let request = ask("phone", &refresh).header(names[0], &first).header(names[1], &second);
            world.send(&request, at(1)).assert_error(400, "invalid_dpop_proof");
        }
    }
    world.send(&ask("phone", &refresh).header("dpop", good()), at(1)).assert_ok();
}
