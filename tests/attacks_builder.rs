//! Engines and clients that are described wrongly: each is a typed error when it is built, not a surprise afterwards.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

use regrant::{
    Authorization, BuildError, Client, ClientCredentials, ClientError, ClientSecret, Engine, EngineBuilder, GrantError,
    GrantHandler, GrantRequest, JwtAccessTokens, Key, MemoryStore, RecoverableSecret, RenewalPolicy, SigningAlgorithm,
    SigningKey, StaticClients,
};

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
        "https://id.example/",
        "https://id.example/a/",
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
    for good in [ISSUER, "https://id.example/tenant", "http://127.0.0.1:8080"] {
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
        (|builder| builder.grant(ClientCredentials).grant(ClientCredentials), BuildError::GrantType),
        (|builder| builder.grant(Taken("authorization_code")), BuildError::GrantType),
        (|builder| builder.grant(Taken("refresh_token")), BuildError::GrantType),
        (|builder| builder.grant(Taken("")), BuildError::GrantType),
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

#[test]
fn a_redirect_uri_that_leads_astray_is_not_registered() {
    for bad in [
        "",
        ":",
        "/cb",
        "//portal.example/cb",
        "portal.example/cb",
        "http://portal.example/cb",
        "HTTPS://portal.example/cb",
        "https:portal.example/cb",
        "https:/portal.example/cb",
        "https:///cb",
        "https://?a",
        "https://portal.example/cb#",
        "https://portal.example/cb#a",
        "https://portal.example/c b",
        "https://portal.example/cb\r\nset-cookie: a=b",
        "https://portal.example\\@evil.example",
        "https://portal.exampl\u{435}/cb",
        "https://portal.example/\0",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,a",
        "blob:https://portal.example/a",
        "vbscript:a",
        "file:///etc/passwd",
        "app:/cb",
        "1com.example:/cb",
        "com.exam_ple:/cb",
        "com.example:",
        "http://127.0.0.1.evil.example/cb",
        "http://127.0.0.1@evil.example/cb",
        "http://127.0.0.1:80@evil.example/cb",
        "http://127.0.0.1:80:80/cb",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.2/cb",
        "http://127.1/cb",
        "http://2130706433/cb",
        "http://0/cb",
        "http://[::1%25lo]/cb",
        "http://[::ffff:127.0.0.1]/cb",
        "http://[::1].evil.example/cb",
        "http://localhost.evil.example/cb",
        "http://localhost@evil.example/cb",
        "http://LOCALHOST/cb",
        &format!("https://portal.example/{}", "a".repeat(2_048)),
    ] {
        let built = Client::public("app").redirect_uri(bad).build();
        assert_eq!(built.map(drop), Err(ClientError::RedirectUri), "{bad:?}");
        // Nor does a good one beside it hide it.
        let built = Client::public("app").redirect_uri(bad).redirect_uri("https://portal.example/cb").build();
        assert_eq!(built.map(drop), Err(ClientError::RedirectUri), "{bad:?}");
    }
}

#[test]
fn a_client_that_contradicts_itself_is_not_built() {
    let (secret, _) = ClientSecret::generate();
    let recoverable = || RecoverableSecret::new("a-secret-of-32-characters-or-more").unwrap();
    let codes = Client::confidential("app").secret(secret.clone()).grant_type("authorization_code");
    for (client, error) in [
        (codes, ClientError::NoRedirectUri),
        (Client::public("app").resource_server(true), ClientError::PublicResourceServer),
        (Client::public("app").grant_type("client_credentials"), ClientError::PublicClientCredentials),
        // Anybody could sign with it.
        (Client::public("app").recoverable_secret(recoverable()), ClientError::SecretOfPublicClient),
        (
            Client::confidential("app").secret(secret.clone()).secret(secret).recoverable_secret(recoverable()),
            ClientError::TooManySecrets,
        ),
    ] {
        assert_eq!(client.build().map(drop), Err(error));
    }
    assert!(RecoverableSecret::new("short").is_err());
}
