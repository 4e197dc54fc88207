//! What passes for a grant and is none, and who asks for it: ATTACKS F31, G37, G38; RFC 7521 section 8, RFC 8725 section 3.

use regrant::engine::{JwtBearer, TrustedIssuer};
use regrant::jwt::JwsAlgorithm;
use regrant::{Authorization, RootSecret};
use serde_json::json;

use super::desk::*;
use crate::kit::portal::ISSUER;
use crate::kit::proof::ProofKey;
use crate::kit::schedule::run;
use crate::kit::signer::{Signer, claims, with_assertion};
use crate::kit::{OTHER_SECRET, Reply, SECRET, at, form};

/// A client's own assertion went to whomever it authenticated to. Even where the host trusts the client's name and keys as an issuer's, it
/// is no grant, typed or not; and what vouches for somebody authenticates no client.
#[test]
fn a_clients_own_assertion_is_no_grant_and_a_grant_authenticates_nobody() {
    let keyed = Signer::new("keyed");
    // As some servers have it: the client vouches for its people itself.
    let own_issuer = TrustedIssuer::by_keys("keyed", [JwsAlgorithm::EdDsa], keyed.keys());
    let everybody = {
        use regrant::engine::{AssertionPolicy, AssertionRequest};
        struct Everybody;
        impl AssertionPolicy for Everybody {
            async fn authorize(&self, request: &AssertionRequest<'_>) -> Result<Authorization, regrant::GrantError> {
                Ok(Authorization::of(request.subject()))
            }
        }
        Everybody
    };
    let desk = Desk::with(|builder| {
        let bearer = JwtBearer::new(everybody).with_issuer(own_issuer).with_issuer(trusted_idp());
        builder.jwt_bearer(bearer)
    });
    let header = |typ: &str| json!({"typ": typ, "alg": "EdDSA", "kid": "keyed"});
    for (what, text) in [
        ("untyped", keyed.assertion("keyed", "a", 0)),
        ("typed", keyed.jwt(&header("client-authentication+jwt"), &claims("keyed", "b", 0))),
        ("as a JWT", keyed.jwt(&header("JWT"), &claims("keyed", "c", 0))),
        (
            "typed, about somebody else",
            keyed.jwt(&header("client-authentication+jwt"), &but(claims("keyed", "d", 0), "sub", json!("alice"))),
        ),
        (
            "typed as a request object",
            keyed.jwt(&header("oauth-authz-req+jwt"), &but(claims("keyed", "e", 0), "sub", json!("alice"))),
        ),
        (
            "typed as a logout token",
            keyed.jwt(&header("logout+jwt"), &but(claims("keyed", "f", 0), "sub", json!("alice"))),
        ),
        (
            "typed as an access token",
            keyed.jwt(&header("at+jwt"), &but(claims("keyed", "g", 0), "sub", json!("alice"))),
        ),
    ] {
        desk.assert("chat", &text, "", 0).assert_error(400, "invalid_grant");
        // Nor by the client itself, in one request with itself.
        let ask = form(with_assertion(&body(&text, ""), &text));
        assert!(matches!(desk.send(&ask, 0).status, 400 | 401), "{what}");
        assert!(desk.store.bytes().is_empty(), "{what}");
    }
    // What it says of others is, where the host trusts it.
    let alice = but(claims("keyed", "h", 0), "sub", json!("alice"));
    desk.assert("chat", &keyed.jwt(&header("JWT"), &alice), "", 0).assert_ok();
    // And none of these authenticates a client: not at this grant, nor at any other.
    for (what, text) in [
        ("about somebody else", keyed.jwt(&header("JWT"), &but(alice.clone(), "jti", json!("i")))),
        ("typed as a grant", keyed.jwt(&header("authorization-grant+jwt"), &claims("keyed", "j", 0))),
        ("an identity assertion", keyed.jwt(&header("oauth-id-jag+jwt"), &claims("keyed", "k", 0))),
        ("of another issuer", jag("l", 0)),
    ] {
        let ask = form(with_assertion("grant_type=client_credentials", &text));
        assert_eq!(desk.send(&ask, 0).status, 401, "{what}");
    }
}

/// Whoever found an assertion of another client's: it is for that client, and where it is for nobody it is used once.
#[test]
fn a_found_assertion_is_no_use_to_another_client() {
    let desk = Desk::new();
    for client in ["mail", "marked", "opened"] {
        let reply = desk.assert(client, &jag("a", 0), "", 0);
        assert_eq!(reply.status, 400, "{client}");
    }
    assert!(desk.store.bytes().is_empty());
    desk.assert("chat", &jag("a", 0), "", 0).assert_ok();
}

/// Clients that nobody vouches for: strangers', unless the host says so, and those without a secret.
#[test]
fn strangers_clients_have_it_where_the_host_says_so_alone() {
    use regrant::Client;
    use regrant::client::ClientError;
    let stranger = Client::confidential("x").secret(crate::kit::secret(SECRET)).stranger(true);
    assert!(matches!(stranger.grant_type(JWT_BEARER).build(), Err(ClientError::GrantTypeOfStranger)));
    let desk = Desk::new();
    let of = |client: &str| signed_jag(&but(jag_claims(client, 0), "client_id", json!(client)));
    desk.assert("stranger", &of("stranger"), "", 0).assert_error(400, "unauthorized_client");
    desk.assert("phone", &of("phone"), "", 0).assert_error(400, "unauthorized_client");
    assert!(desk.store.bytes().is_empty());
    desk.assert("opened", &of("opened"), "", 0).assert_ok();
}

/// Law 20: whoever is not a client that the host made leaves nothing behind, whatever they send.
#[test]
fn strangers_leave_nothing_behind() {
    let desk = Desk::new();
    for n in 0..200 {
        let texts = [jag(&format!("{n}"), 0), workload(n), "x".repeat(usize::try_from(n).unwrap())];
        for text in &texts {
            let ask = form(body(text, "")).basic("chat", OTHER_SECRET);
            desk.send(&ask, 0).assert_error(401, "invalid_client");
            desk.send(&form(body(text, "&client_id=phone")), 0);
        }
    }
    assert!(desk.store.bytes().is_empty());
}

/// The issuer signs many things, for many: an ID token for another of its clients, an access token for its own resources.
#[test]
fn other_things_that_the_issuer_signed_are_no_grants() {
    let desk = Desk::with(|builder| {
        let both = JwtBearer::new(Directory)
            .with_issuer(trusted_idp())
            .with_issuer(trusted_idp().with_profile(regrant::engine::AssertionProfile::Jwt));
        builder.jwt_bearer(both)
    });
    let now = at(0).as_secs();
    let id_token = json!({"iss": IDP, "sub": "U1", "aud": "chat", "iat": now, "exp": now + 300, "nonce": "n"});
    let access =
        json!({"iss": IDP, "sub": "U1", "aud": ISSUER, "client_id": "chat", "jti": "a", "iat": now, "exp": now + 300});
    let logout = json!({
        "iss": IDP, "sub": "U1", "aud": ISSUER, "jti": "l", "iat": now, "exp": now + 300,
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    });
    for (what, typ, claims) in [
        ("an ID token for a client of the same name", "JWT", &id_token),
        ("an access token", "at+jwt", &access),
        ("an access token", "application/at+jwt", &access),
        ("a logout token", "logout+jwt", &logout),
        ("a security event", "secevent+jwt", &logout),
        ("an introspection response", "token-introspection+jwt", &access),
    ] {
        let text = idp().jwt(&json!({"typ": typ, "alg": "EdDSA", "kid": "idp"}), claims);
        desk.assert("chat", &text, "", 0).assert_error(400, "invalid_grant");
        assert!(desk.store.bytes().is_empty(), "{what}");
    }
}

/// Of two issuers each vouches for its own people alone, with its own key, under its own rules.
#[test]
fn an_issuer_speaks_for_nobody_elses_people() {
    let desk = Desk::new();
    let now = at(0).as_secs();
    for (what, signer, claims) in [
        ("the partner, about somebody of the provider's", partner(), but(partner_claims(0), "sub", json!("U1"))),
        ("the partner in the provider's name", partner(), but(partner_claims(0), "iss", json!(IDP))),
        ("the cluster in the partner's name", cluster(), partner_claims(0)),
        (
            "the provider by rules that are not its own",
            idp(),
            json!({"iss": IDP, "sub": "U1", "aud": ISSUER, "exp": now + 60}),
        ),
    ] {
        desk.assert("chat", &signed_by(&signer, &claims), "", 0).assert_error(400, "invalid_grant");
        assert!(desk.store.bytes().is_empty(), "{what}");
    }
    // The partner's key under the type of an identity assertion: it is not trusted for those.
    let typed = partner().jwt(
        &json!({"typ": "oauth-id-jag+jwt", "alg": "EdDSA", "kid": "partner"}),
        &but(jag_claims("a", 0), "iss", json!(PARTNER)),
    );
    desk.assert("chat", &typed, "", 0).assert_error(400, "invalid_grant");
}

/// The same assertion in two realms of one store is two requests, and what one made the other does not believe (law 25).
#[test]
fn realms_are_walls() {
    let store = std::sync::Arc::new(crate::kit::Shelf::default());
    let realm = |name: &'static str| {
        Desk::on(std::sync::Arc::clone(&store), |builder| builder.realm(name).jwt_bearer(bearer()))
    };
    let (shop, bank) = (realm("shop"), realm("bank"));
    let one = jag("a", 0);
    let token = shop.assert("chat", &one, "", 0).assert_ok().access_token();
    let other = bank.assert("chat", &one, "", 0).assert_ok().access_token();
    assert_eq!(
        (shop.introspect(&token, 1)["active"].as_bool(), bank.introspect(&token, 1)["active"].as_bool()),
        (Some(true), Some(false))
    );
    assert_eq!(
        (bank.introspect(&other, 1)["active"].as_bool(), shop.introspect(&other, 1)["active"].as_bool()),
        (Some(true), Some(false))
    );
    for desk in [&shop, &bank] {
        desk.assert("chat", &one, "&scope=read", 1).assert_error(400, "invalid_grant");
    }
}

/// A subject that is a client's id would be taken for that client where tokens are JWTs (RFC 9068 section 5).
#[test]
fn nobody_is_vouched_for_as_a_client() {
    use regrant::engine::{AssertionPolicy, AssertionRequest};
    use regrant::jwt::{JwtAccessTokens, SigningAlgorithm, SigningKey};
    struct Whoever;
    impl AssertionPolicy for Whoever {
        async fn authorize(&self, request: &AssertionRequest<'_>) -> Result<Authorization, regrant::GrantError> {
            Ok(Authorization::of(request.subject()))
        }
    }
    let (key, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let desk = Desk::with(|builder| {
        builder
            .signing_key(key)
            .jwt_access_tokens(JwtAccessTokens::new())
            .jwt_bearer(JwtBearer::new(Whoever).with_issuer(trusted_partner()))
    });
    for (subject, status) in [("mail", 500), ("chat", 500), ("alice", 200)] {
        let text = signed_by(&partner(), &but(partner_claims(0), "sub", json!(subject)));
        let reply = desk.assert("chat", &text, "", 0);
        assert_eq!(reply.status, status, "{subject}");
        if status == 200 {
            let claims = crate::kit::jwt::claims(&reply.access_token());
            assert_eq!((claims["sub"].as_str(), claims["client_id"].as_str()), (Some("alice"), Some("chat")));
        }
    }
}

/// Nothing of an assertion is in what is stored.
#[test]
fn the_store_holds_nothing_of_an_assertion() {
    let desk = Desk::new();
    let claims = but(but(jag_claims("zq-jti-Marker", 0), "email", json!("zq-mail-Marker")), "tenant", json!("acme"));
    let text = signed_jag(&claims);
    desk.assert("chat", &text, "", 0).assert_ok();
    let held: Vec<u8> = desk.store.bytes().into_values().flatten().collect();
    let held = String::from_utf8_lossy(&held);
    assert!(!held.contains("Marker") && !held.contains("U1") && !held.contains(IDP));
    assert!(text.split('.').all(|part| !held.contains(part)));
}

/// Profiles: FAPI 2.0 wants proofs and other algorithms; atproto has no such grant.
#[test]
fn profiles_hold_here_too() {
    use regrant::client::ClientBuilder;
    use regrant::engine::{Profile, ProfileGap};
    use regrant::{BuildError, Client, Endpoints, Engine, MemoryStore, StaticClients};
    let client = |builder: ClientBuilder| StaticClients::new().with(builder.build().unwrap()).unwrap();
    let keyed = || {
        Client::confidential("keyed")
            .keys(Signer::new("keyed").keys())
            .private_key_jwt(true)
            .grant_type(JWT_BEARER)
            .scope(crate::kit::scope("read write"))
    };
    let places = || Endpoints::new().with_authorization("/a").with_token("/token").with_pushed_authorization("/par");
    let engine = |profile, clients| {
        Engine::builder(MemoryStore::new(), clients)
            .issuer(ISSUER)
            .root_secret(RootSecret::from_bytes(1, &[5; 32]))
            .endpoints(places())
            .profile(profile)
            .jwt_bearer(bearer())
            .build()
    };
    assert!(matches!(engine(Profile::Atproto, client(keyed())), Err(BuildError::Profile(ProfileGap::GrantHandler))));
    let fapi = engine(Profile::Fapi2Security, client(keyed())).unwrap();
    let text = |jti: &str| signed_jag(&but(jag_claims(jti, 0), "client_id", json!("keyed")));
    let ask = |jti: &str| form(with_assertion(&body(&text(jti), ""), &Signer::new("keyed").assertion("keyed", jti, 0)));
    let send = |ask: &crate::kit::Ask| Reply::of(&run(fapi.token(&ask.request(), at(0))));
    assert_eq!(send(&ask("a")).status, 400, "a token without a sender");
    let proof = || ProofKey::of(1).proof("POST", &format!("{ISSUER}/token"));
    let asked = send(&ask("a").header("dpop", proof().sign()));
    let nonce = asked.header("dpop-nonce")[0].to_owned();
    let reply = send(&ask("a").header("dpop", proof().nonce(&nonce).sign()));
    assert_eq!(reply.assert_ok().text("token_type"), "DPoP");
}
