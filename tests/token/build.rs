//! Engines that are described wrongly: each is a typed error when it is built, not a surprise afterwards.

use std::time::Duration;

use regrant::engine::{ClientCredentials, RenewalPolicy};
use regrant::jwt::{JwtAccessTokens, SigningAlgorithm, SigningKey};
use regrant::{
    Authorization, BuildError, Engine, EngineBuilder, GrantError, GrantHandler, GrantRequest, Key, Lifetimes,
    MemoryStore, StaticClients,
};

use crate::kit::Password;

const ISSUER: &str = "https://id.example";

type Builder = EngineBuilder<MemoryStore, StaticClients>;

fn builder() -> Builder {
    Engine::builder(MemoryStore::new(), StaticClients::new())
}

fn key() -> SigningKey {
    SigningKey::generate(SigningAlgorithm::EdDsa).unwrap().0
}

struct Taken(&'static str);

impl GrantHandler for Taken {
    fn grant_type(&self) -> &str {
        self.0
    }

    async fn authorize(&self, _: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        Ok(Authorization::of("mallory"))
    }
}

/// RFC 8414 section 2.
#[test]
fn an_issuer_is_a_url_without_anything_after_its_path() {
    for bad in [
        "",
        "id.example",
        "//id.example",
        "ftp://id.example",
        "HTTPS://id.example",
        "https://",
        "https:///",
        "https:///a",
        "https://id.example//",
        "https://id.example/a//",
        "https://id.example?a",
        "https://id.example#a",
        "https://id.example/ a",
        "https://id.example/\r\na",
        "https://id.example/\u{e9}",
        "https://id.example\\a",
        "https://id.example/\"",
        "javascript:a",
    ] {
        assert_eq!(builder().issuer(bad).build().map(drop), Err(BuildError::Issuer), "{bad:?}");
    }
    for good in [
        ISSUER,
        "https://id.example/",
        "https://id.example/tenant",
        "https://id.example/tenant/",
        "https://id.example:8443/a//b/",
        "http://127.0.0.1:8080",
    ] {
        assert!(builder().issuer(good).build().is_ok(), "{good}");
    }
}

#[test]
fn an_engine_that_contradicts_itself_is_not_built() {
    type Change = fn(Builder) -> Builder;
    let rows: [(Change, BuildError); 11] = [
        (|builder| builder.authorization_code(), BuildError::IssuerRequired),
        (|builder| builder.signing_key(key()), BuildError::IssuerRequired),
        (|builder| builder.issuer(ISSUER).accept_signing_key(key()), BuildError::SigningKeyRequired),
        (|builder| builder.issuer(ISSUER).jwt_access_tokens(JwtAccessTokens::new()), BuildError::SigningKeyRequired),
        (|builder| builder.grant_handler(ClientCredentials).grant_handler(ClientCredentials), BuildError::GrantType),
        (|builder| builder.grant_handler(Taken("authorization_code")), BuildError::GrantType),
        (|builder| builder.grant_handler(Taken("refresh_token")), BuildError::GrantType),
        (|builder| builder.grant_handler(Taken("")), BuildError::GrantType),
        (|builder| builder.renewal(RenewalPolicy::OptIn("state".into())), BuildError::OptInParameter),
        (|builder| builder.renewal(RenewalPolicy::OptIn("".into())), BuildError::OptInParameter),
        (
            |builder| builder.key(Key::from_bytes(1, &[1; 32])).accept_key(Key::from_bytes(1, &[2; 32])),
            BuildError::DuplicateKey,
        ),
    ];
    for (change, error) in rows {
        assert_eq!(change(builder()).build().map(drop), Err(error));
    }
}

/// Claim: "an issuer is an http or https URL without query and fragment". These are none, or have a path that is a host.
#[test]
fn an_issuer_has_a_host_and_a_port_and_no_user() {
    let mut built = Vec::new();
    for issuer in [
        "https://user:password@id.example",
        "https://id.example:99999",
        "https://:443",
        "https://[",
        "https://id.example//a",
    ] {
        if Engine::builder(MemoryStore::new(), StaticClients::new()).issuer(issuer).build().is_ok() {
            built.push(issuer);
        }
    }
    assert!(built.is_empty(), "{built:?}");
}

#[test]
fn grant_types_parameters_realms_keys_and_lifetimes_are_checked() {
    let opt_in = |name: &str| builder().renewal(RenewalPolicy::OptIn(name.into())).build().unwrap_err();
    assert_eq!(builder().grant_handler(Password).grant_handler(Password).build().unwrap_err(), BuildError::GrantType);
    for name in ["", "scope", "refresh_token", "resource"] {
        assert_eq!(opt_in(name), BuildError::OptInParameter);
    }
    for realm in ["", "a\"b", "a\\b", "a\r\nset-cookie: b", "é"] {
        assert_eq!(builder().challenge_realm(realm).build().unwrap_err(), BuildError::ChallengeRealm, "{realm:?}");
    }
    let key = || Key::from_bytes(7, &[7; 32]);
    assert_eq!(builder().key(key()).accept_key(key()).build().unwrap_err(), BuildError::DuplicateKey);
    // Where nobody gives a key, one is made under an id that none of these has.
    let accepting = |ids: &[u8]| {
        let accepted = ids.iter().fold(builder(), |builder, id| builder.accept_key(Key::from_bytes(*id, &[7; 32])));
        accepted.build().map(drop)
    };
    assert_eq!(accepting(&[0]), Ok(()));
    assert_eq!(accepting(&[1, 0]), Ok(()));
    let all: Vec<u8> = (0..=u8::MAX).collect();
    assert_eq!(accepting(&all[..255]), Ok(()));
    assert_eq!(accepting(&all), Err(BuildError::DuplicateKey));
    let none = Lifetimes::default().with_idle(Duration::ZERO);
    assert_eq!(builder().lifetimes(none).build().unwrap_err(), BuildError::Lifetimes);
    for name in ["", "refresh_token"] {
        assert_eq!(builder().grant_handler(Taken(name)).build().unwrap_err(), BuildError::GrantType);
    }
}
