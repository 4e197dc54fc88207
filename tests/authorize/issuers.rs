//! Issuers that end in a slash or have a path: RFC 8414 sections 2, 3.1 and 3.3, OpenID Connect Discovery 1.0 section 4, RFC
//! 9207 section 2.4.

use std::sync::Arc;

use regrant::Endpoints;
use regrant::http::EndpointService;
use regrant::jwt::JwtAccessTokens;
use serde_json::Value;

use crate::kit::bank::{Query, api, api_form, bank, claims, issuing, portal};
use crate::kit::{World, at};

/// Issuer, its path, and what stands before a path of [`Endpoints`].
const ISSUERS: [(&str, &str, &str); 6] = [
    ("https://id.example", "", "https://id.example"),
    ("https://id.example/", "", "https://id.example"),
    ("https://id.example/tenant", "/tenant", "https://id.example/tenant"),
    ("https://id.example/tenant/", "/tenant", "https://id.example/tenant"),
    ("https://id.example:8443/a/b", "/a/b", "https://id.example:8443/a/b"),
    ("http://[::1]:8080/a%20b/", "/a%20b", "http://[::1]:8080/a%20b"),
];

fn world(issuer: &str) -> World {
    let endpoints = Endpoints::new()
        .with_authorization("/authorize")
        .with_token("/token")
        .with_revocation("https://other.example/revoke")
        .with_jwks("/jwks");
    World::new([portal(), api()], |builder| {
        issuing(builder).issuer(issuer).jwt_access_tokens(JwtAccessTokens::new()).endpoints(endpoints)
    })
}

fn json(response: &regrant::Response) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

#[test]
fn the_issuer_is_the_same_to_the_byte_wherever_it_is_named() {
    for (issuer, ..) in ISSUERS {
        let world = world(issuer);
        let ended = world.authorize(&Query::portal(), at(0));
        assert_eq!(ended.parameter("iss"), Some(issuer), "RFC 9207 section 2");
        let error = world.authorize(&Query::portal().set("prompt", "none login"), at(0));
        assert_eq!(error.parameter("iss"), Some(issuer), "of an error too");
        let tokens = world.redeem_portal(&ended.code(), at(1));
        let id_token = tokens.text("id_token");
        assert_eq!(claims(&id_token)["iss"], issuer, "OpenID Connect Core section 2");
        let access = tokens.access_token();
        assert_eq!((&claims(&access)["iss"], &claims(&access)["aud"]), (&issuer.into(), &issuer.into()), "RFC 9068");
        assert!(world.lets_in(&access, at(2)));
        let told = world.introspect(&api_form(&format!("token={access}")), at(2)).json();
        assert_eq!((&told["active"], &told["iss"]), (&Value::Bool(true), &issuer.into()), "RFC 7662 section 2.2");
        for document in [world.engine.metadata(), world.engine.openid_configuration()] {
            assert_eq!(json(&document.unwrap())["issuer"], issuer, "RFC 8414 section 3.3");
        }
        let hint = Query::portal().and("id_token_hint", &id_token);
        assert_eq!(world.authorize(&hint, at(3)).code().len(), 43, "its own ID token");
    }
    // One with a slash and one without are two issuers.
    let (with, without) = (world("https://id.example/"), world("https://id.example"));
    let id_token = with.log_in(at(0)).text("id_token");
    assert_eq!(without.authorize(&Query::portal().and("id_token_hint", &id_token), at(1)).error(), "invalid_request");
    assert!(!without.lets_in(&with.log_in(at(0)).access_token(), at(1)));
}

#[test]
fn an_endpoint_stands_after_the_issuer_with_one_slash_between() {
    for (issuer, _, base) in ISSUERS {
        let openid = json(&world(issuer).engine.openid_configuration().unwrap());
        for (name, path) in
            [("authorization_endpoint", "/authorize"), ("token_endpoint", "/token"), ("jwks_uri", "/jwks")]
        {
            assert_eq!(openid[name], format!("{base}{path}"), "{issuer}");
        }
        assert_eq!(openid["revocation_endpoint"], "https://other.example/revoke");
    }
}

/// Where the specifications say that clients look, without what [`regrant::Engine::issuer_path`] says.
fn places(path: &str, document: &str) -> [String; 2] {
    [format!("/.well-known/{document}{path}"), format!("{path}/.well-known/{document}")]
}

#[tokio::test]
async fn both_documents_are_at_both_standard_places() {
    const DOCUMENTS: [&str; 2] = ["oauth-authorization-server", "openid-configuration"];
    for (issuer, path, _) in ISSUERS {
        let engine = Arc::clone(&world(issuer).engine);
        assert_eq!(engine.issuer_path(), path);
        let service = EndpointService::documents(Arc::clone(&engine));
        let get = |at: &str, method: &str| {
            let request = http::Request::builder().method(method).uri(at);
            service.respond(request.body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap())
        };
        for document in DOCUMENTS {
            let is_openid = document == "openid-configuration";
            for place in places(path, document) {
                let found = json(&engine.document_at(&place).unwrap_or_else(|| panic!("{place} of {issuer}")));
                assert_eq!(found["issuer"], issuer);
                assert_eq!(found.get("subject_types_supported").is_some(), is_openid, "{place}");
                let response = get(&place, "GET").await;
                assert_eq!(
                    (response.status().as_u16(), &response.headers()["content-type"]),
                    (200, &"application/json".parse().unwrap())
                );
                assert_eq!(get(&format!("{place}?a=b"), "HEAD").await.status(), 200);
                assert_eq!(get(&place, "POST").await.status(), 405);
            }
            // A proxy that takes the path off sends it here.
            assert!(engine.document_at(&format!("/.well-known/{document}")).is_some());
            for other in ["/other", "/tenantx", "/", "/tenant/x"] {
                for place in places(other, document) {
                    assert!(engine.document_at(&place).is_none(), "{place} of {issuer}");
                    assert_eq!(get(&place, "GET").await.status(), 404);
                }
            }
        }
        for nothing in ["", "/", "/.well-known", "/.well-known/", "/.well-known/jwks.json", path] {
            assert!(engine.document_at(nothing).is_none(), "{nothing}");
        }
    }
}

/// Nothing that is off is found.
#[test]
fn a_document_that_there_is_not_is_nowhere() {
    let no_issuer = World::new([portal()], |builder| builder);
    let no_openid = World::new([portal()], |builder| builder.issuer("https://id.example"));
    assert_eq!(no_issuer.engine.issuer_path(), "");
    assert!(no_issuer.engine.document_at("/.well-known/oauth-authorization-server").is_none());
    assert!(no_openid.engine.document_at("/.well-known/oauth-authorization-server").is_some());
    assert!(no_openid.engine.document_at("/.well-known/openid-configuration").is_none());
    assert!(bank().engine.document_at("/.well-known/openid-configuration").is_some());
}
