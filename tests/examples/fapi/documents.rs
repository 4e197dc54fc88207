//! What clients read first, and how the example starts.

use serde_json::json;

use super::Town;
use crate::server::process::{Running, fails_to_start_example};

/// RFC 8414 section 2, and the members of RFC 9126 section 5, RFC 9449 section 5.1, RFC 9101 section 10.5, JARM section 4.
#[test]
fn everything_that_a_client_needs_is_in_the_documents() {
    let town = Town::http(&[]);
    let issuer = &town.issuer;
    for path in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"] {
        let metadata = town.get(None, path, "").json();
        assert_eq!(metadata["issuer"], *issuer);
        for (member, at) in [
            ("authorization_endpoint", "/authorize"),
            ("token_endpoint", "/token"),
            ("pushed_authorization_request_endpoint", "/par"),
            ("revocation_endpoint", "/revoke"),
            ("introspection_endpoint", "/introspect"),
            ("jwks_uri", "/jwks"),
        ] {
            assert_eq!(metadata[member], format!("{issuer}{at}"));
        }
        let has = |member: &str, value: &str| {
            let all = metadata[member].as_array().unwrap_or_else(|| panic!("{member}"));
            assert!(all.contains(&json!(value)), "{member}: {all:?}");
        };
        for method in ["none", "private_key_jwt", "client_secret_jwt", "tls_client_auth", "self_signed_tls_client_auth"]
        {
            has("token_endpoint_auth_methods_supported", method);
        }
        for algorithm in ["ES256", "PS256", "RS256", "EdDSA", "Ed25519"] {
            has("dpop_signing_alg_values_supported", algorithm);
            has("token_endpoint_auth_signing_alg_values_supported", algorithm);
            has("request_object_signing_alg_values_supported", algorithm);
        }
        for mode in ["query", "form_post", "jwt", "query.jwt", "form_post.jwt"] {
            has("response_modes_supported", mode);
        }
        has("authorization_signing_alg_values_supported", "ES256");
        has("code_challenge_methods_supported", "S256");
        assert_eq!(metadata["request_parameter_supported"], true);
        assert_eq!(metadata["request_uri_parameter_supported"], false);
        assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
        assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
        assert_eq!(metadata["mtls_endpoint_aliases"], json!(null), "there is no TLS");
    }
}

/// RFC 8705 section 5.
#[test]
fn over_https_there_are_aliases() {
    let town = Town::https(&[]);
    let metadata = town.get(None, "/.well-known/oauth-authorization-server", "").json();
    let aliases = metadata["mtls_endpoint_aliases"].as_object().unwrap();
    assert_eq!(aliases["token_endpoint"], metadata["token_endpoint"]);
    assert_eq!(aliases["pushed_authorization_request_endpoint"], metadata["pushed_authorization_request_endpoint"]);
}

/// RFC 9728 sections 3.1 and 5.1.
#[test]
fn the_resource_says_where_to_begin() {
    let town = Town::http(&[]);
    let issuer = &town.issuer;
    let refused = town.get(None, "/resource", "");
    assert_eq!(refused.status, 401);
    let document = format!("{issuer}/.well-known/oauth-protected-resource/resource");
    assert!(refused.header("www-authenticate").contains(&format!(r#"resource_metadata="{document}""#)), "{refused:?}");
    let metadata = town.get(None, document.strip_prefix(issuer.as_str()).unwrap(), "").json();
    assert_eq!(metadata["resource"], format!("{issuer}/resource"));
    assert_eq!(metadata["authorization_servers"], json!([issuer]));
}

/// The Fetch standard, section 3.2: what a page needs for proofs, and nothing for the authorization endpoint (RFC 9700 section 2.6).
#[test]
fn pages_may_send_proofs_and_read_nonces() {
    let town = Town::http(&[]);
    let origin = "origin: https://app.example\r\n";
    for path in ["/token", "/par", "/revoke", "/resource", "/.well-known/oauth-authorization-server"] {
        let preflight = town.send(
            None,
            &format!(
                "OPTIONS {path} HTTP/1.1\r\n{origin}access-control-request-method: POST\r\n\
                 access-control-request-headers: dpop\r\nhost: localhost\r\nconnection: close\r\n\r\n"
            ),
        );
        assert_eq!(preflight.header("access-control-allow-origin"), "*", "{path}");
        assert!(preflight.header("access-control-allow-headers").contains("dpop"), "{path}");
        let answer = town.get(None, path, origin);
        let exposed = answer.header("access-control-expose-headers");
        assert!(exposed.contains("dpop-nonce") && exposed.contains("www-authenticate"), "{path}: {exposed}");
    }
    assert_eq!(town.get(None, "/authorize", origin).find_header("access-control-allow-origin"), None);
}

/// A proxy may send on the path of the issuer, or take it off; proofs are for what clients were told.
#[test]
fn an_issuer_with_a_path_is_served() {
    let server = Running::start_example("fapi", &["--issuer", "https://id.example/tenant/"]);
    for prefix in ["", "/tenant"] {
        assert_eq!(server.get(&format!("{prefix}/resource"), None).status, 401);
        assert_eq!(server.post(&format!("{prefix}/token"), "").status, 401);
    }
    let metadata = server.get("/.well-known/oauth-authorization-server/tenant", None).json();
    assert_eq!(metadata["issuer"], "https://id.example/tenant");
    assert_eq!(metadata["token_endpoint"], "https://id.example/tenant/token");
}

#[test]
fn what_it_cannot_start_with() {
    for (options, said) in [
        (&["--jwks", "key-client"][..], "a client, =, and the file of its JWK set"),
        (&["--jwks", "ca-client=keys.json"], "nobody here who has keys is called"),
        (&["--jwks", "key-client=nowhere.json"], "cannot read nowhere.json"),
        (&["--jwks", "key-client=Cargo.toml"], "no JWK set"),
        (&["--tls-cert", "Cargo.toml"], "--tls-key"),
        (&["--tls-key", "Cargo.toml"], "--tls-cert"),
        (&["--client-ca", "Cargo.toml"], "--tls-cert"),
        (&["--tls-cert", "Cargo.toml", "--tls-key", "Cargo.toml"], "Cargo.toml: "),
        (&["--profile", "fapi1"], "fapi1"),
        (&["--access", "saml"], "saml"),
    ] {
        let error = fails_to_start_example("fapi", options);
        assert!(error.contains(said), "{options:?}: {error}");
    }
}
