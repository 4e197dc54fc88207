//! What an engine needs that trusts others, and whom it never trusts.

use std::time::Duration;

use regrant::engine::{AssertionPolicy, AssertionProfile, JwtBearer, TrustedIssuer};
use regrant::jwt::JwsAlgorithm;
use regrant::{
    Authorization, BuildError, Engine, GrantError, GrantHandler, GrantRequest, MemoryStore, RootSecret, StaticClients,
};

use super::desk::*;
use crate::kit::portal::ISSUER;

fn build(
    bearer: JwtBearer,
    change: impl FnOnce(Bare) -> Bare,
) -> Result<Engine<MemoryStore, StaticClients>, BuildError> {
    change(Engine::builder(MemoryStore::new(), StaticClients::new())).jwt_bearer(bearer).build()
}

type Bare = regrant::EngineBuilder<MemoryStore, StaticClients>;

fn whole(builder: Bare) -> Bare {
    builder.issuer(ISSUER).root_secret(RootSecret::from_bytes(1, &[5; 32]))
}

fn only(issuer: TrustedIssuer) -> JwtBearer {
    JwtBearer::new(Directory).with_issuer(issuer)
}

#[test]
fn an_engine_that_lacks_something_is_not_built() {
    assert!(build(bearer(), whole).is_ok());
    let why = |bearer: JwtBearer, change: fn(Bare) -> Bare| build(bearer, change).err();
    let rooted = |builder: Bare| builder.root_secret(RootSecret::from_bytes(1, &[5; 32]));
    assert!(matches!(why(bearer(), rooted), Some(BuildError::IssuerForAssertions)));
    assert!(matches!(why(bearer(), |builder| builder.issuer(ISSUER)), Some(BuildError::RootSecretForAssertions)));
    // Where nothing is remembered, nothing is needed for that.
    assert!(build(only(trusted_cluster()), |builder| builder.issuer(ISSUER)).is_ok());
    assert!(matches!(why(JwtBearer::new(Directory), whole), Some(BuildError::TrustedIssuer)));
    let at = |url: &str| TrustedIssuer::by_jwks_uri(IDP, [JwsAlgorithm::Es256], url);
    assert!(matches!(why(only(at("https://idp.example/jwks")), whole), Some(BuildError::FetchForIssuers)));
    for wrong in [
        at("http://idp.example/jwks"),
        at("https://127.0.0.1/jwks"),
        at("/jwks"),
        TrustedIssuer::by_keys("", [JwsAlgorithm::Es256], idp().keys()),
        TrustedIssuer::by_keys(IDP, [], idp().keys()),
        trusted_idp().with_longest(Duration::ZERO),
        trusted_idp().with_longest(Duration::from_secs(86_401)),
        trusted_idp().with_longest_after(Duration::from_secs(86_401)),
        trusted_idp().with_typ("JWT"),
        trusted_partner().with_typ("oauth-id-jag+jwt"),
        trusted_partner().with_typ("application/client-authentication+jwt"),
        trusted_partner().with_typ("at+jwt"),
        trusted_partner().with_typ(""),
    ] {
        assert!(matches!(why(only(wrong.clone()), whole), Some(BuildError::TrustedIssuer)), "{wrong:?}");
    }
    // Twice for the same, but not for two kinds.
    assert!(matches!(why(only(trusted_idp()).with_issuer(trusted_idp()), whole), Some(BuildError::TrustedIssuer)));
    assert!(build(only(trusted_idp()).with_issuer(trusted_idp().with_profile(AssertionProfile::Jwt)), whole).is_ok());
}

/// ID-JAG section 9.3: never one that this server made itself.
#[test]
fn nobody_trusts_themselves() {
    for own in [ISSUER, "https://id.example/", "HTTPS://ID.example:443", "https://id.example//"] {
        for profile in [AssertionProfile::Jwt, AssertionProfile::IdJag] {
            let issuer = TrustedIssuer::by_keys(own, [JwsAlgorithm::Es256], idp().keys()).with_profile(profile);
            assert!(matches!(build(only(issuer), whole), Err(BuildError::OwnIssuer)), "{own}");
        }
    }
}

struct Own;

impl GrantHandler for Own {
    fn grant_type(&self) -> &'static str {
        JWT_BEARER
    }

    async fn authorize(&self, _: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        Ok(Authorization::of("alice"))
    }
}

/// A host's own handler of this grant type is served as before, and not beside the engine's.
#[test]
fn a_handler_of_the_hosts_own_is_one_or_the_other() {
    let both = build(bearer(), |builder| whole(builder).grant_handler(Own));
    assert!(matches!(both, Err(BuildError::GrantType)));
    let desk = Desk::with(|builder| builder.grant_handler(Own));
    desk.assert("chat", "x", "", 0).assert_ok();
}

/// As the trait stands, a policy lets nobody in.
#[test]
fn a_policy_refuses_everybody_until_it_says_otherwise() {
    struct Nobody;
    impl AssertionPolicy for Nobody {}
    let desk = Desk::with(|builder| {
        let bearer = JwtBearer::new(Nobody).with_issuer(trusted_idp()).with_issuer(trusted_cluster());
        builder.jwt_bearer(bearer)
    });
    desk.assert("chat", &jag("a", 0), "", 0).assert_error(400, "invalid_grant");
    desk.assert("chat", &workload(0), "", 0).assert_error(400, "invalid_grant");
    assert!(desk.store.bytes().is_empty());
}

/// An assertion for several audiences, and a type of the issuer's own, where the host says so.
#[test]
fn what_a_host_says_of_an_issuer_counts() {
    use serde_json::json;
    let shared = but(partner_claims(0), "aud", json!(["https://another.example", ISSUER]));
    let text = signed_by(&partner(), &shared);
    let desk = Desk::with(|builder| builder.jwt_bearer(only(trusted_partner().with_shared_audience(true))));
    desk.assert("chat", &text, "", 0).assert_ok();
    // Of identity assertions never (section 4.4.1).
    let desk = Desk::with(|builder| builder.jwt_bearer(only(trusted_idp().with_shared_audience(true))));
    let jag = signed_jag(&but(jag_claims("a", 0), "aud", json!(["https://another.example", ISSUER])));
    desk.assert("chat", &jag, "", 0).assert_error(400, "invalid_grant");
    // A type is the same with `application/` in front (RFC 7515 section 4.1.9).
    for wanted in ["wit+jwt", "application/wit+jwt"] {
        for typ in ["wit+jwt", "application/wit+jwt"] {
            let desk = Desk::with(|builder| builder.jwt_bearer(only(trusted_partner().with_typ(wanted))));
            desk.assert("chat", &signed_by(&partner(), &partner_claims(0)), "", 0).assert_error(400, "invalid_grant");
            let typed = partner().jwt(&json!({"typ": typ, "alg": "EdDSA", "kid": "partner"}), &partner_claims(0));
            desk.assert("chat", &typed, "", 0).assert_ok();
        }
    }
    let desk = Desk::with(|builder| builder.jwt_bearer(only(trusted_partner().with_longest(Duration::from_secs(60)))));
    desk.assert("chat", &signed_by(&partner(), &partner_claims(0)), "", 0).assert_error(400, "invalid_grant");
    let narrow = TrustedIssuer::by_keys(PARTNER, [JwsAlgorithm::Es256], partner().keys());
    let desk = Desk::with(|builder| builder.jwt_bearer(only(narrow)));
    desk.assert("chat", &signed_by(&partner(), &partner_claims(0)), "", 0).assert_error(400, "invalid_grant");
}
