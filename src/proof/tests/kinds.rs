//! Each kind of JWT presented as each other kind (RFC 8725 sections 3.11 and 3.12), signed by the right key: what tells them apart is
//! their type, and where that is not said, what they must say.

use super::dpop::{Presented, Verifier};
use super::*;

/// What somebody may have heard of a client, or got from a server, and now presents.
fn texts() -> Vec<(&'static str, String)> {
    let holder = Holder::P256;
    let named = named_header(holder);
    let typed = |typ: &str| with(&named, "typ", json!(typ));
    let access = json!({
        "iss": ISSUER, "sub": CLIENT, "aud": ISSUER, "client_id": CLIENT, "jti": "one", "iat": NOW_SECS, "exp": NOW_SECS + 60,
    });
    let id = json!({"iss": ISSUER, "sub": "alice", "aud": CLIENT, "iat": NOW_SECS, "exp": NOW_SECS + 60});
    let logout = json!({
        "iss": ISSUER, "aud": CLIENT, "iat": NOW_SECS, "exp": NOW_SECS + 60, "jti": "one", "sub": "alice",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    });
    let grant = grant_claims();
    let of_client = with(&grant, "iss", json!(CLIENT));
    let proof = proof_header(holder);
    vec![
        ("proof", holder.jwt(&proof, &proof_claims())),
        ("assertion", holder.jwt(&named, &assertion_claims())),
        ("assertion", holder.jwt(&typed("client-authentication+jwt"), &assertion_claims())),
        ("request", holder.jwt(&named, &request_claims())),
        ("request", holder.jwt(&typed("oauth-authz-req+jwt"), &request_claims())),
        ("access token", holder.jwt(&typed("at+jwt"), &access)),
        ("access token without a type", holder.jwt(&named, &access)),
        ("ID token", holder.jwt(&typed("JWT"), &id)),
        ("ID token without a type", holder.jwt(&named, &id)),
        ("logout token", holder.jwt(&typed("logout+jwt"), &logout)),
        ("logout token of old", holder.jwt(&named, &logout)),
        ("grant", holder.jwt(&typed("authorization-grant+jwt"), &grant)),
        ("grant", holder.jwt(&named, &grant)),
        ("grant", holder.jwt(&typed("oauth-id-jag+jwt"), &grant)),
        ("grant", holder.jwt(&typed("authorization-grant+jwt"), &of_client)),
        ("grant typed as an assertion", holder.jwt(&typed("client-authentication+jwt"), &grant)),
        ("grant typed as a request", holder.jwt(&typed("oauth-authz-req+jwt"), &grant)),
        ("grant typed as an access token", holder.jwt(&typed("at+jwt"), &grant)),
        ("assertion typed as a grant", holder.jwt(&typed("oauth-id-jag+jwt"), &assertion_claims())),
        ("assertion typed as another grant", holder.jwt(&typed("authorization-grant+jwt"), &assertion_claims())),
        ("introspection response", holder.jwt(&typed("token-introspection+jwt"), &access)),
        ("security event", holder.jwt(&typed("secevent+jwt"), &logout)),
        // The claims of one under the type of another.
        ("assertion typed as a request", holder.jwt(&typed("oauth-authz-req+jwt"), &assertion_claims())),
        ("request typed as an assertion", holder.jwt(&typed("client-authentication+jwt"), &request_claims())),
        ("assertion typed as a proof", holder.jwt(&with(&proof, "kid", json!(holder.kid())), &assertion_claims())),
        ("proof typed as an assertion", holder.jwt(&typed("client-authentication+jwt"), &proof_claims())),
        ("proof without a type", holder.jwt(&without(&proof, "typ"), &proof_claims())),
    ]
}

#[test]
fn no_kind_passes_for_another() {
    let keys = Holder::P256.keys();
    for (kind, text) in texts() {
        let as_proof = Verifier::new().verify([&text], &Presented::new("POST", "https://id.example/token"), NOW);
        assert_eq!(as_proof.is_ok(), kind == "proof", "{kind} as a proof");

        let as_assertion = Assertion::read(text.as_bytes()).and_then(|assertion| {
            assertion.check(&AssertionRules::new(CLIENT, ISSUER), NOW)?;
            assertion.verify(&keys, None)
        });
        assert_eq!(as_assertion.is_ok(), kind == "assertion", "{kind} as an assertion");

        let as_request = RequestObject::read(text.as_bytes()).and_then(|object| {
            object.check(&RequestObjectRules::new(CLIENT, ISSUER), NOW)?;
            object.verify(&keys, None)
        });
        // Of a grant about somebody else that names the client nothing says that it is no request: it asks for nothing.
        assert_eq!(as_request.is_ok(), kind == "request", "{kind} as a request");

        let as_grant = GrantAssertion::read(text.as_bytes()).and_then(|grant| {
            // Whoever is looked for by this name is trusted; the issuer's own is never (`BuildError::OwnIssuer`).
            let is_trusted = [IDP, CLIENT].contains(&grant.issuer());
            is_trusted.then_some(()).ok_or(GrantAssertionFault::Issuer)?;
            grant.check(&GrantAssertionRules::new(CLIENT, ISSUER), NOW)?;
            grant.verify(&keys)
        });
        assert_eq!(as_grant.is_ok(), kind == "grant", "{kind} as a grant");
    }
}

/// RFC 9101 section 10.8: an assertion, which travels to every server, with what a request object has besides.
#[test]
fn an_assertion_is_no_request_however_it_is_dressed() {
    let mut claims = request_claims();
    for (name, value) in assertion_claims().as_object().unwrap() {
        claims[name] = value.clone();
    }
    for typ in [None, Some("JWT"), Some("oauth-authz-req+jwt")] {
        let mut header = named_header(Holder::P256);
        if let Some(typ) = typ {
            header["typ"] = json!(typ);
        }
        let text = Holder::P256.jwt(&header, &claims);
        let object = RequestObject::read(text.as_bytes()).unwrap();
        let checked = object.check(&RequestObjectRules::new(CLIENT, ISSUER), NOW);
        assert_eq!(checked, Err(RequestObjectFault::Assertion));
    }
}
