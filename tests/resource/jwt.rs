//! JWT access tokens at a resource (RFC 9068 section 4): what is checked, and what a signature alone does not tell.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey as Ed25519};
use regrant::engine::{BearerErrorKind, ClientCredentials};
use regrant::jwt::{JwtAccessTokens, SigningAlgorithm, SigningKey};
use regrant::{Authorization, Client, GrantError, GrantHandler, GrantRequest, Scope};
use rsa::RsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _, LineEnding};
use serde_json::{Value, json};

use crate::kit::bank::{Builder, Directory};
use crate::kit::jwt::{hs256, parts, signed};
use crate::kit::portal::{ISSUER, OnShelf, Portal, query, run};
use crate::kit::{Fault, Reply, SECRET, Shelf, World, altered, at, form, secret};

/// A key of which the tests have the private half too: that of a thief, or of the engine itself.
pub(super) fn ed25519(seed: u8) -> (SigningKey, Ed25519) {
    let der = [&hex(b"302e020100300506032b657004220420")[..], &[seed; 32]].concat();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", STANDARD.encode(der));
    (SigningKey::from_pkcs8_pem(&pem).unwrap(), Ed25519::from_bytes(&[seed; 32]))
}

fn hex(digits: &[u8]) -> Vec<u8> {
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[track_caller]
pub(super) fn is_refused(world: &OnShelf, token: &str) {
    let refused = world.bearer(token, at(2)).unwrap_err();
    assert_eq!(refused.kind(), BearerErrorKind::InvalidToken);
    let stored = world.store.bytes();
    assert!(!world.is_active("api", token, at(2)) && !world.is_active("portal", token, at(2)));
    assert_eq!(world.revoke("portal", token, at(2)).status, 200);
    assert_eq!(world.store.bytes(), stored);
}

/// In both modes; the second believes a signature, and has all the more to make sure of it.
pub(super) fn both() -> [JwtAccessTokens; 2] {
    [JwtAccessTokens::new(), JwtAccessTokens::new().danger_signature_alone()]
}

/// The engine's own signature under a header that says something else.
#[test]
fn only_the_type_and_the_algorithm_of_an_access_token_are_taken() {
    for tokens in both() {
        let (key, private) = ed25519(1);
        let world = OnShelf::signing(key, tokens);
        let (header, claims) = parts(&world.login("portal", at(1)).access_token());
        let sign = |header: &Value| signed(header, &claims, |message| private.sign(message).to_vec());
        assert!(world.bearer(&sign(&header), at(2)).is_ok());
        for (name, value) in [
            ("typ", json!("JWT")),
            ("typ", json!("at+JWTx")),
            ("typ", json!("")),
            ("typ", Value::Null),
            ("typ", json!(["at+jwt"])),
            ("alg", json!("none")),
            ("alg", json!("HS256")),
            ("alg", json!("RS256")),
            ("alg", json!("ES256")),
            ("alg", json!("eddsa")),
            ("alg", json!("Ed25519")),
            ("kid", json!("x")),
            ("kid", json!("")),
            ("kid", Value::Null),
            ("crit", json!(["exp"])),
            ("crit", json!([])),
        ] {
            let mut other = header.clone();
            other[name] = value;
            is_refused(&world, &sign(&other));
        }
        for gone in ["typ", "alg", "kid"] {
            let mut other = header.clone();
            other.as_object_mut().unwrap().remove(gone);
            is_refused(&world, &sign(&other));
        }
    }
}

static RSA: LazyLock<(SigningKey, RsaPrivateKey)> = LazyLock::new(|| {
    let (key, pem) = SigningKey::generate(SigningAlgorithm::Rs256).unwrap();
    (key, RsaPrivateKey::from_pkcs8_pem(pem.reveal()).unwrap())
});

/// A MAC under everything that is public of the key, in every form that a library may take it for a secret.
#[test]
fn a_mac_under_the_public_key_is_no_signature() {
    for tokens in both() {
        let world = OnShelf::signing(RSA.0.clone(), tokens);
        let token = world.login("portal", at(1)).access_token();
        let (header, claims) = parts(&token);
        let public = RSA.1.to_public_key();
        let jwks: Value = serde_json::from_slice(world.engine.jwks().body()).unwrap();
        let n = jwks["keys"][0]["n"].as_str().unwrap();
        let pem = public.to_public_key_pem(LineEnding::LF).unwrap();
        let keys = [
            pem.as_bytes().to_vec(),
            pem.trim_end().into(),
            public.to_public_key_der().unwrap().into_vec(),
            n.into(),
            URL_SAFE_NO_PAD.decode(n).unwrap(),
            jwks["keys"][0].to_string().into(),
            RSA.0.kid().into(),
            SECRET.into(),
            b"k".to_vec(),
        ];
        for key in keys {
            for alg in ["HS256", "RS256"] {
                let mut header = header.clone();
                header["alg"] = json!(alg);
                is_refused(&world, &signed(&header, &claims, |message| hs256(&key, message)));
            }
        }
        for alg in ["none", "None", "NONE", "", "RS256"] {
            let mut header = header.clone();
            header["alg"] = json!(alg);
            is_refused(&world, &signed(&header, &claims, |_| Vec::new()));
        }
        // A place of each part that is another.
        for place in (0..token.len()).step_by(29) {
            is_refused(&world, &altered(&token, place));
        }
        let (message, signature) = token.rsplit_once('.').unwrap();
        for bent in [
            format!("{message}."),
            format!("{message}.{signature}="),
            format!("{token}."),
            format!(".{token}"),
            message.into(),
        ] {
            is_refused(&world, &bent);
        }
    }
}

/// Claims that this engine never wrote, by keys that are none of its own, its own, or one that it accepts.
#[test]
fn claims_of_another_issuer_audience_grant_or_time_are_refused() {
    for (mode, tokens) in both().into_iter().enumerate() {
        let ((key, private), (_, thief)) = (ed25519(1), ed25519(2));
        let world = OnShelf::signing(key, tokens);
        let reply = world.login("portal", at(1));
        let (header, claims) = parts(&reply.access_token());
        let (_, others) = parts(&world.login("native", at(1)).access_token());
        let sign = |claims: &Value| signed(&header, claims, |message| private.sign(message).to_vec());
        is_refused(&world, &signed(&header, &claims, |message| thief.sign(message).to_vec()));
        let now = at(2).as_secs();
        let mut rows = vec![
            ("iss", json!("https://evil.example")),
            ("iss", json!("https://id.example/")),
            ("iss", json!("")),
            ("aud", json!("portal")),
            ("aud", json!([])),
            ("aud", json!("")),
            ("aud", json!("https://id.example/")),
            ("aud", json!({"a": ISSUER})),
            ("exp", json!(now)),
            ("exp", json!(0)),
            ("exp", json!(-1)),
            ("exp", json!(1e300)),
            ("exp", json!(format!("{}", now + 9))),
            ("iat", Value::Null),
            ("jti", json!("x")),
            ("jti", json!("A".repeat(44))),
            ("sub", json!("")),
            ("client_id", json!("")),
            ("client_id", json!("nobody")),
            ("scope", json!("a  b")),
            ("scope", json!(["read"])),
        ];
        if mode == 0 {
            // What a thief of the signing key cannot do where the store is asked.
            rows.extend([
                ("jti", others["jti"].clone()),
                ("jti", json!("A".repeat(43))),
                ("sub", json!("bob")),
                ("client_id", json!("native")),
                ("scope", json!("openid read write")),
                ("scope", json!("admin")),
            ]);
        }
        for (name, value) in rows {
            let mut other = claims.clone();
            other[name] = value;
            is_refused(&world, &sign(&other));
        }
        // Dead ends of time are survived, and nothing outlives its grant where there is one to ask.
        let mut endless = claims.clone();
        endless["exp"] = json!(u64::MAX);
        endless["iat"] = json!(u64::MAX);
        let access = world.bearer(&sign(&endless), at(2)).unwrap();
        assert!(mode == 1 || access.expires_at() == world.store.grants()[0].expires_at());
    }
}

/// The key that is accepted and does not sign yet, or no more; and one that is not accepted any longer.
#[test]
fn a_key_counts_for_as_long_as_it_is_accepted() {
    let shelf = Arc::new(Shelf::default());
    let engine = |signing: u8, accepted: &[u8]| {
        Portal::new(Arc::clone(&shelf), [], |builder| {
            let builder = builder.signing_key(ed25519(signing).0).jwt_access_tokens(JwtAccessTokens::new());
            accepted.iter().fold(builder, |builder, seed| builder.accept_signing_key(ed25519(*seed).0))
        })
    };
    let (old, both, new) = (engine(1, &[]), engine(2, &[1]), engine(2, &[]));
    let (first, second) = (old.login("portal", at(0)).access_token(), new.login("portal", at(0)).access_token());
    assert!(both.bearer(&first, at(1)).is_ok() && both.bearer(&second, at(1)).is_ok());
    assert!(old.bearer(&second, at(1)).is_err() && new.bearer(&first, at(1)).is_err());
    assert_eq!(both.revoke("portal", &first, at(1)).status, 200);
    assert!(old.bearer(&first, at(1)).is_err() && new.bearer(&second, at(1)).is_ok());
}

/// What believing a signature gives up, and what it does not.
#[test]
fn a_signature_alone_gives_up_what_the_documentation_says() {
    for (alone, tokens) in both().into_iter().enumerate().map(|(mode, tokens)| (mode == 1, tokens)) {
        let world = OnShelf::signing(ed25519(1).0, tokens);
        let [revoked, ended, live] = [(); 3].map(|()| world.login("portal", at(1)).access_token());
        let machine = world.token("portal", "grant_type=client_credentials", at(1)).access_token();
        world.revoke("portal", &revoked, at(1));
        let id = world.bearer(&ended, at(1)).unwrap().grant_id();
        assert!(run(world.engine.end_session("alice", id, regrant::Timestamp::EPOCH)).unwrap());
        for token in [&revoked, &ended] {
            let access = world.bearer(token, at(2));
            assert_eq!(access.is_ok(), alone);
            assert!(access.is_err() || access.unwrap().grant().is_none());
            assert!(!world.is_active("api", token, at(2)), "introspection asks the store in any case");
        }
        let stored = world.store.bytes();
        world.revoke("portal", &revoked, at(2));
        assert_eq!(world.store.bytes(), stored, "so does revocation");
        assert_eq!(world.bearer(&machine, at(2)).unwrap().subject(), None);
        world.store.fail_next(Fault::LoadFails);
        let down = world.bearer(&live, at(2));
        assert_eq!(
            down.map(drop).map_err(|refused| refused.kind()),
            if alone { Ok(()) } else { Err(BearerErrorKind::Unavailable) }
        );
        assert!(world.bearer(&live, at(3_601)).is_err(), "expired");
        assert!(world.bearer(&live, at(3_600)).is_ok());
        let required = Scope::parse("write").unwrap();
        let header = format!("Bearer {live}");
        let request = regrant::Request::new("GET", b"").with_header("authorization", header.as_bytes());
        let narrow = run(world.engine.bearer(&request, &required, at(4))).unwrap_err();
        assert_eq!(narrow.kind(), BearerErrorKind::InsufficientScope);
        world.engine.void_grants_before(at(2));
        assert!(world.bearer(&live, at(4)).is_err(), "not_before counts in any case");
    }
}

/// Claim: in signature-alone mode the documented things are given up, and `Access::subject` is "`None` where the client
/// acts for itself". `sub` of such a token is the client's id (RFC 9068 section 2.2), so whoever gets a user name that is
/// a client's id is taken for the client itself at a resource (section 5: "collisions"). Elsewhere `sub` is ambiguous too.
#[test]
fn a_person_named_as_a_client_is_not_that_client() {
    let world = OnShelf::on_shelf(|builder| {
        builder.signing_key(ed25519(1).0).jwt_access_tokens(JwtAccessTokens::new().danger_signature_alone())
    });
    let landing = world.approve(&query("portal"), Authorization::of("portal"), at(0));
    assert_eq!(landing.get("error"), Some("server_error"));
    let landing = world.approve(&query("portal"), Authorization::of("rival"), at(0));
    assert_eq!(landing.get("error"), Some("server_error"), "nor as another client");
    assert!(world.store.grants().is_empty());
}

/// Gives whoever asks this subject.
struct Names(String);

impl GrantHandler for Names {
    fn grant_type(&self) -> &'static str {
        "urn:example:names"
    }

    async fn authorize(&self, _: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        Ok(Authorization::of(&self.0))
    }
}

/// OpenID Connect Core section 2: `sub` "MUST NOT exceed 255 ASCII characters in length". A host that names another one
/// hears of it before anything is written; where nothing is signed, the limit is the record's.
#[test]
fn a_subject_that_does_not_fit_a_claim_is_the_hosts_error() {
    let subjects = ["s".repeat(255), "s".repeat(256), "é".repeat(100)];
    let signing: [fn(Builder) -> Builder; 3] = [
        |builder| builder,
        |builder| builder.signing_key(ed25519(1).0).jwt_access_tokens(JwtAccessTokens::new()),
        |builder| builder.signing_key(ed25519(1).0).id_tokens(Directory),
    ];
    for (subject, fits) in subjects.iter().zip([true, false, false]) {
        for (place, sign) in signing.iter().enumerate() {
            let allowed = fits || place == 0;
            let client = Client::public("names").grant_type("urn:example:names");
            let by_handler = World::new([client], |builder| {
                sign(builder.issuer("https://id.example").grant_handler(Names(subject.clone())))
            });
            let reply = by_handler.send(&form("grant_type=urn:example:names&client_id=names"), at(0));
            assert_eq!(reply.status, if allowed { 200 } else { 500 }, "{place} {subject}");
            assert_eq!(by_handler.store.grants().is_empty(), !allowed);

            let by_approval = OnShelf::on_shelf(sign);
            let landing = by_approval.approve(&query("portal"), Authorization::of(subject), at(0));
            assert_eq!(landing.get("error"), (!allowed).then_some("server_error"), "{place} {subject}");
            assert_eq!(by_approval.store.grants().is_empty(), !allowed);
        }
    }
}

/// Claim: `not_before` voids what was made before it. In signature-alone mode there is only the second of `iat`: what is
/// issued later in the same second is void too, as the documentation says, rather than what was issued before it good.
#[test]
fn not_before_counts_from_the_second_of_issue_at_a_resource_that_asks_no_store() {
    let world = OnShelf::on_shelf(|builder| {
        builder.signing_key(ed25519(1).0).jwt_access_tokens(JwtAccessTokens::new().danger_signature_alone())
    });
    let before = world.login("portal", at(10));
    world.engine.void_grants_before(at(10) + Duration::from_millis(100));
    let later = at(10) + Duration::from_millis(900);
    let same_second = world.login("portal", later);
    let next_second = world.login("portal", at(11));
    let lets_in = |reply: &Reply| world.bearer(&reply.access_token(), at(11)).is_ok();
    assert_eq!([&before, &same_second, &next_second].map(lets_in), [false, false, true]);
}

/// A client that acts for itself is the subject of its JWTs, and a subject has 255 characters (OpenID Connect Core section
/// 2; RFC 9068 section 2.2).
#[test]
fn a_client_whose_id_is_longer_than_a_subject_gets_no_tokens_of_its_own() {
    let ids = [255, 256].map(|length| "m".repeat(length));
    let machine = |id: &str| Client::confidential(id).secret(secret(SECRET)).grant_type("client_credentials");
    let machines = || ids.iter().map(|id| machine(id));
    let opaque = World::new(machines(), |builder| builder.grant_handler(ClientCredentials));
    let jwt = World::new(machines(), |builder| {
        let builder = builder.grant_handler(ClientCredentials).issuer("https://id.example");
        builder.signing_key(ed25519(1).0).jwt_access_tokens(JwtAccessTokens::new())
    });
    let ask = |id: &str| form("grant_type=client_credentials").basic(id, SECRET);
    for id in &ids {
        opaque.send(&ask(id), at(0)).assert_ok();
    }
    jwt.send(&ask(&ids[0]), at(0)).assert_ok();
    jwt.send(&ask(&ids[1]), at(0)).assert_error(400, "unauthorized_client");
    assert_eq!(jwt.store.grants().len(), 1);
}
