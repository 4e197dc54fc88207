//! Assertions that are bound to a key or a certificate (`cnf`, RFC 7800 section 3.1): useless without it, and so is what comes of them.

use regrant::client::CertificateChain;
use regrant::engine::{Dpop, ExchangeDecision, ExchangePolicy, ExchangeRequest, ExchangeTerms, HookError};
use regrant::jwt::{SigningAlgorithm, SigningKey};
use regrant::{Request, Scope};
use serde_json::{Value, json};

use super::desk::*;
use crate::kit::portal::ScopeAsClaim;
use crate::kit::proof::ProofKey;
use crate::kit::schedule::run;
use crate::kit::signer::Signer;
use crate::kit::{Ask, Reply, SECRET, at, form};

fn bound(claims: Value, cnf: Value) -> Value {
    but(claims, "cnf", cnf)
}

fn to_key(key: u8) -> Value {
    json!({"jkt": ProofKey::of(key).thumbprint()})
}

fn certificate_of(name: &'static str) -> regrant::client::ClientCertificate {
    Signer::new(name).certificate("a client", 1, CertificateChain::NotVerified)
}

fn to_certificate(name: &'static str) -> Value {
    json!({"x5t#S256": certificate_of(name).thumbprint().to_string()})
}

fn shown(desk: &Desk, ask: &Ask, name: &'static str) -> Reply {
    let certificate = certificate_of(name);
    Reply::of(&run(desk.engine.token(&ask.request().with_certificate(&certificate), at(0))))
}

/// Both kinds, and whether the issuer's are used once or not.
#[test]
fn one_that_is_bound_is_nothing_without_its_key() {
    type Made = fn() -> String;
    let made: [Made; 3] = [
        || signed_jag(&bound(jag_claims("a", 0), to_key(1))),
        || signed_by(&cluster(), &bound(cluster_claims(0), to_key(1))),
        || signed_by(&partner(), &bound(partner_claims(0), to_key(1))),
    ];
    for text in made {
        let desk = Desk::new();
        desk.assert("chat", &text(), "", 0).assert_error(400, "invalid_grant");
        desk.proven(asking("chat", &text(), ""), 2, 0).assert_error(400, "invalid_grant");
        assert!(desk.store.bytes().is_empty(), "neither spends it");
        // Where no proofs are taken nobody can prove it.
        let off = Desk::with(|builder| builder.jwt_bearer(bearer()));
        off.assert("chat", &text(), "", 0).assert_error(400, "invalid_grant");
        let reply = desk.proven(asking("chat", &text(), ""), 1, 1);
        assert_eq!(reply.assert_ok().text("token_type"), "DPoP");
        let token = reply.access_token();
        assert_eq!(desk.introspect(&token, 1)["cnf"], to_key(1));
        // At the resource too.
        let bearer = format!("Bearer {token}");
        let request = Request::new("GET", b"").with_url("/x").with_header("authorization", bearer.as_bytes());
        assert!(run(desk.engine.bearer(&request, &Scope::empty(), at(1))).is_err());
    }
}

/// A proof whose signature is wrong proves nothing, though it names the key.
#[test]
fn a_key_that_is_named_is_not_proven() {
    let desk = Desk::new();
    let proof = desk.proof(1, 0);
    let unsigned = format!("{}.{}", proof.rsplit_once('.').unwrap().0, "A".repeat(86));
    let ask = asking("chat", &signed_jag(&bound(jag_claims("a", 0), to_key(1))), "");
    desk.send(&ask.header("dpop", unsigned), 1).assert_error(400, "invalid_dpop_proof");
    assert!(desk.store.bytes().is_empty());
}

#[test]
fn to_a_certificate_it_is_the_same() {
    let text = || signed_jag(&bound(jag_claims("a", 0), to_certificate("one")));
    let desk = Desk::new();
    let ask = asking("chat", &text(), "");
    desk.send(&ask, 0).assert_error(400, "invalid_grant");
    shown(&desk, &ask, "two").assert_error(400, "invalid_grant");
    desk.proven(asking("chat", &text(), ""), 1, 0).assert_error(400, "invalid_grant");
    assert!(desk.store.bytes().is_empty());
    let reply = shown(&desk, &ask, "one");
    assert_eq!(reply.assert_ok().text("token_type"), "Bearer");
    assert_eq!(desk.introspect(&reply.access_token(), 1)["cnf"], to_certificate("one"));
    // A proof beside it does not take the certificate's place.
    let desk = Desk::new();
    let proof = desk.proof(1, 0);
    let reply = shown(&desk, &asking("chat", &text(), "").header("dpop", proof), "one");
    assert_eq!(desk.introspect(&reply.assert_ok().access_token(), 1)["cnf"], to_certificate("one"));
}

/// Exchanges whatever may be exchanged.
struct Anything;

impl ExchangePolicy for Anything {
    async fn decide(&self, _: &ExchangeRequest<'_>) -> Result<ExchangeDecision, HookError> {
        Ok(ExchangeDecision::Allow(ExchangeTerms::new().with_audience(VAULT)))
    }
}

const VAULT: &str = "urn:example:vault";

/// Nor does the way by the ID token lead round the key (RFC 8693, ID-JAG section 9.6.1): what the assertion said was its key's stays so.
#[test]
fn its_id_token_is_nothing_without_its_key_either() {
    let (key, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let desk = Desk::with(|builder| {
        let builder = builder.jwt_bearer(bearer()).dpop(Dpop::new()).signing_key(key).id_tokens(ScopeAsClaim);
        builder.token_exchange(Anything)
    });
    let claims = but(but(jag_claims("a", 0), "client_id", json!("trader")), "scope", json!("openid read"));
    for (number, claims) in [bound(claims.clone(), to_key(1)), claims].into_iter().enumerate() {
        let text = signed_jag(&but(claims, "jti", json!(format!("a-{number}"))));
        let reply = desk.proven(asking("trader", &text, ""), 1, 0);
        assert_eq!(reply.assert_ok().text("token_type"), "DPoP");
        let id_token = reply.text("id_token");
        let exchange = || {
            let body = format!(
                "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token={id_token}&audience={VAULT}\
                 &subject_token_type=urn:ietf:params:oauth:token-type:id_token&scope=read"
            );
            form(body).basic("trader", SECRET)
        };
        desk.send(&exchange(), 1).assert_error(400, "invalid_dpop_proof");
        let by_another = desk.proven(exchange(), 2, 1);
        // What nobody said is whose is any key's of the client.
        if number == 0 {
            by_another.assert_error(400, "invalid_request");
        } else {
            by_another.assert_ok();
        }
        assert_eq!(desk.proven(exchange(), 1, 1).assert_ok().text("token_type"), "DPoP");
    }
}

/// To both: both are proven, and the token is bound to the key.
#[test]
fn to_both_takes_both() {
    let mut both = to_key(1);
    both["x5t#S256"] = to_certificate("one")["x5t#S256"].clone();
    let text = || signed_jag(&bound(jag_claims("a", 0), both.clone()));
    let desk = Desk::new();
    shown(&desk, &asking("chat", &text(), ""), "one").assert_error(400, "invalid_grant");
    desk.proven(asking("chat", &text(), ""), 1, 0).assert_error(400, "invalid_grant");
    let proof = desk.proof(1, 0);
    let reply = shown(&desk, &asking("chat", &text(), "").header("dpop", proof), "one");
    assert_eq!(desk.introspect(&reply.assert_ok().access_token(), 1)["cnf"], to_key(1));
}

/// A client that is marked gets no token without a proof, whatever the assertion is bound to.
#[test]
fn a_marked_client_proves_a_key() {
    let desk = Desk::new();
    let of_marked = |jti: &str| but(jag_claims(jti, 0), "client_id", json!("marked"));
    desk.assert("marked", &signed_jag(&of_marked("a")), "", 0).assert_error(400, "invalid_dpop_proof");
    let reply = desk.proven(asking("marked", &signed_jag(&of_marked("a")), ""), 1, 0);
    assert_eq!(reply.assert_ok().text("token_type"), "DPoP");
    // Bound to a certificate, the token would not be bound to a key.
    let proof = desk.proof(1, 0);
    let text = signed_jag(&bound(of_marked("b"), to_certificate("one")));
    shown(&desk, &asking("marked", &text, "").header("dpop", proof), "one").assert_error(400, "invalid_grant");
}

/// The proof of a request that was caught is used once: with another assertion it is nothing, and the same request is asked for a new one.
#[test]
fn a_proof_is_used_once() {
    for dpop in [Dpop::new(), Dpop::new().with_markers(true)] {
        let desk = Desk::with(|builder| builder.jwt_bearer(bearer()).dpop(dpop));
        let proof = desk.proof(1, 0);
        let ask = |text: &str| asking("chat", text, "").header("dpop", &proof);
        desk.send(&ask(&jag("a", 0)), 0).assert_ok();
        let grants = desk.grants().len();
        desk.send(&ask(&jag("a", 0)), 1).assert_error(400, "use_dpop_nonce");
        desk.send(&ask(&jag("b", 0)), 1).assert_error(400, "use_dpop_nonce");
        assert_eq!(desk.grants().len(), grants);
        // With a new proof the lost answer is given again; by another key it is another request.
        desk.proven(asking("chat", &jag("a", 0), ""), 1, 2).assert_ok();
        desk.proven(asking("chat", &jag("a", 0), ""), 2, 2).assert_error(400, "invalid_grant");
        assert_eq!(desk.grants().len(), grants);
        // Where assertions are used many times, the proof is not.
        let proof = desk.proof(1, 3);
        let again = || asking("chat", &workload(0), "").header("dpop", &proof);
        desk.send(&again(), 3).assert_ok();
        desk.send(&again(), 4).assert_error(400, "invalid_dpop_proof");
    }
}

/// Where the token is for a resource that takes no bearer tokens.
#[test]
fn for_a_resource_that_wants_proofs_a_key_is_proven() {
    use regrant::Resource;
    let desk = Desk::with(|builder| {
        builder
            .jwt_bearer(bearer())
            .dpop(Dpop::new())
            .resource(Resource::new("https://open.example/"))
            .resource(Resource::new("https://bound.example/").with_dpop_required(true))
            .default_resource("https://open.example/")
    });
    let text = |jti: &str, resource: &str| signed_jag(&but(jag_claims(jti, 0), "resource", json!(resource)));
    desk.assert("chat", &text("a", "https://open.example"), "", 0).assert_ok();
    desk.assert("chat", &text("b", "https://bound.example"), "", 0).assert_error(400, "invalid_grant");
    desk.proven(asking("chat", &text("b", "https://bound.example"), ""), 1, 0).assert_ok();
}
