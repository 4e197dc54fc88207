//! The userinfo endpoint: OpenID Connect Core section 5.3, RFC 6750 sections 2 and 3, RFC 9449 section 7.

use regrant::jwt::{JwtAccessTokens, OpenIdProvider};
use regrant::{Authorization, Request, Resource};
use serde_json::json;

use super::provider::{alice_in, provider, query, shop, sub_in, with_proofs, world};
use crate::kit::bank::ISSUER;
use crate::kit::jwt::claims;
use crate::kit::proof::ProofKey;
use crate::kit::{Reply, SECRET, World, at, forged, form};

#[track_caller]
fn ask(world: &World, request: &Request<'_>) -> Reply {
    Reply::of(&world.engine.blocking().userinfo(request, at(2)).unwrap())
}

#[track_caller]
fn challenge(reply: &Reply) -> (u16, String) {
    let [challenge] = reply.header("www-authenticate")[..] else { panic!("one challenge in {reply:?}") };
    (reply.status, challenge.to_owned())
}

/// Section 5.3.2: `sub` always, the same as in the ID token, and what the scope opens; JSON that nobody keeps.
#[test]
fn a_live_token_reads_who_it_is_of() {
    let world = provider();
    let tokens = world.log_in_to("shop", "c", at(1));
    let reply = world.userinfo(&tokens.access_token(), at(2));
    assert_eq!(reply.header("content-type"), ["application/json"]);
    assert_eq!(reply.header("cache-control"), ["no-store"]);
    assert_eq!(
        json!(reply.assert_ok().json()),
        json!({"sub": "alice", "place": "userinfo", "asked": [], "email": "alice@example.com"})
    );
    assert_eq!(sub_in(&tokens), "alice");
    let narrow = world.tokens("shop", &query("shop").set("scope", "openid"), alice_in("c"), at(1));
    assert!(
        !world.userinfo(&narrow.access_token(), at(2)).json().contains_key("email"),
        "section 5.4: not in the scope"
    );
}

/// Sections 5.3.1 and 5.3.3: GET and POST, the token in the header or in the form; else as RFC 6750 section 3 has it.
#[test]
fn each_way_of_asking_has_its_answer() {
    let world = provider();
    let token = world.log_in_to("shop", "c", at(1)).access_token();
    let bearer = format!("Bearer {token}");
    let (form, form_type) = (format!("access_token={token}"), b"application/x-www-form-urlencoded");
    for request in [
        Request::new("GET", b"").with_header("authorization", bearer.as_bytes()),
        Request::new("POST", b"").with_header("authorization", bearer.as_bytes()),
        Request::new("POST", form.as_bytes()).with_header("content-type", form_type),
    ] {
        assert_eq!(ask(&world, &request).assert_ok().text("sub"), "alice");
    }
    let query = Request::new("GET", b"").with_query(form.as_bytes());
    assert_eq!(challenge(&ask(&world, &query)), (401, r#"Bearer realm="token""#.to_owned()), "not in the query");
    for other in ["PUT", "DELETE", "OPTIONS"] {
        let reply = ask(&world, &Request::new(other, b"").with_header("authorization", bearer.as_bytes()));
        assert_eq!((reply.status, reply.header("allow")), (405, vec!["GET, POST"]));
    }
    let twice = Request::new("POST", form.as_bytes())
        .with_header("content-type", form_type)
        .with_header("authorization", bearer.as_bytes());
    assert_eq!(ask(&world, &twice).status, 400);
    let forged = forged(&token);
    assert_eq!(
        challenge(&world.userinfo(&forged, at(2))),
        (401, r#"Bearer realm="token", error="invalid_token""#.to_owned())
    );
    assert!(!String::from_utf8(world.userinfo(&forged, at(2)).body).unwrap().contains(&forged));
    assert_eq!(challenge(&world.userinfo(&token, at(4_000))).0, 401, "expired");
}

#[test]
fn without_openid_nobody_is_read() {
    let world = provider();
    let token = world.tokens("shop", &query("shop").set("scope", "email read"), alice_in("c"), at(1)).access_token();
    let expected = r#"Bearer realm="token", error="insufficient_scope", scope="openid""#;
    assert_eq!(challenge(&world.userinfo(&token, at(2))), (403, expected.to_owned()));
    // The refresh token, a code and an ID token are no access tokens.
    let tokens = world.log_in_to("shop", "c", at(1));
    for other in [tokens.refresh_token(), tokens.text("id_token")] {
        assert_eq!(challenge(&world.userinfo(&other, at(2))).0, 401);
    }
}

/// Revoked, and where a JWT's signature alone lets in elsewhere, too.
#[test]
fn an_ended_login_is_not_read() {
    for signature_alone in [false, true] {
        let tokens =
            if signature_alone { JwtAccessTokens::new().danger_signature_alone() } else { JwtAccessTokens::new() };
        let world = world([shop("shop")], |builder| builder.jwt_access_tokens(tokens));
        let reply = world.log_in_to("shop", "c", at(1));
        let token = reply.access_token();
        assert!(claims(&token)["jti"].is_string());
        world.userinfo(&token, at(2)).assert_ok();
        assert_eq!(world.engine.blocking().end_sessions_of("alice", at(2)).unwrap().unwrap(), 1);
        assert_eq!(challenge(&world.userinfo(&token, at(2))).0, 401);
        assert_eq!(world.lets_in(&token, at(2)), signature_alone, "as its own word has it");
    }
}

/// RFC 9449 section 7: what is bound needs its proof here as at any resource, for the URL that the metadata publish.
#[test]
fn a_bound_token_needs_its_proof() {
    let world = world([shop("shop")], with_proofs);
    let key = ProofKey::of(1);
    let nonce = || {
        let request = form("grant_type=x").header("dpop", "x").basic("shop", SECRET);
        let reply = world.send(&request, at(1));
        reply.header("dpop-nonce")[0].to_owned()
    };
    let code = world.authorize_as(&query("shop"), Authorization::of("alice"), at(1)).code();
    let body = format!("grant_type=authorization_code&code={code}&redirect_uri=https://shop.example/cb");
    let proof = key.proof("POST", &format!("{ISSUER}/token")).nonce(&nonce()).sign();
    let token = world.send(&form(body).basic("shop", SECRET).header("dpop", proof), at(1)).assert_ok().access_token();
    let with = |scheme: &str, proof: Option<String>, path: &str| {
        let header = format!("{scheme} {token}");
        let request = Request::new("GET", b"").with_header("authorization", header.as_bytes()).with_url(path);
        match &proof {
            Some(proof) => ask(&world, &request.with_header("dpop", proof.as_bytes())),
            None => ask(&world, &request),
        }
    };
    let good = || key.proof("GET", &format!("{ISSUER}/userinfo")).nonce(&nonce()).ath(&token).sign();
    let reply = with("DPoP", Some(good()), "/userinfo");
    assert_eq!((reply.assert_ok().text("sub"), reply.header("dpop-nonce").len()), ("alice".to_owned(), 1));
    assert_eq!(with("Bearer", None, "/userinfo").status, 401, "a bearer has stolen it");
    assert_eq!(with("DPoP", None, "/userinfo").text("error"), "invalid_dpop_proof");
    // Behind a proxy or a router that cuts the path, or adds to it, clients know the published URL alone (section 4.3, item 9).
    with("DPoP", Some(good()), "/mounted/userinfo").assert_ok();
    let elsewhere = key.proof("GET", &format!("{ISSUER}/mounted/userinfo")).nonce(&nonce()).ath(&token).sign();
    assert_eq!(with("DPoP", Some(elsewhere), "/mounted/userinfo").text("error"), "invalid_dpop_proof");
    let used = good();
    with("DPoP", Some(used.clone()), "/userinfo").assert_ok();
    assert_eq!(with("DPoP", Some(used), "/userinfo").status, 401, "once");
    let stale = key.proof("GET", &format!("{ISSUER}/userinfo")).ath(&token).sign();
    let reply = with("DPoP", Some(stale), "/userinfo");
    assert_eq!((reply.text("error"), reply.header("dpop-nonce").len()), ("use_dpop_nonce".to_owned(), 1));
}

/// A token for a resource reads nothing here, or each resource could read what its clients may.
#[test]
fn a_token_for_a_resource_is_for_that() {
    const FILES: &str = "https://files.example/";
    for (unnamed, status) in [(true, 200), (false, 401)] {
        let world = world([shop("shop")], |builder| {
            let provider = OpenIdProvider::new().with_userinfo_for_unnamed_resource(unnamed);
            builder
                .openid(provider)
                .resource(Resource::new(FILES))
                .resource(Resource::new(ISSUER))
                .default_resource(FILES)
        });
        let token_for = |resource: Option<&str>| {
            let query = resource.map_or(query("shop"), |resource| query("shop").and("resource", resource));
            world.tokens("shop", &query, alice_in("c"), at(1)).access_token()
        };
        assert_eq!(world.userinfo(&token_for(Some(FILES)), at(2)).status, 401);
        assert_eq!(world.userinfo(&token_for(Some(ISSUER)), at(2)).status, 200, "the issuer is its audience");
        assert_eq!(world.userinfo(&token_for(None), at(2)).status, status);
    }
}
