//! Resources that are described wrongly: RFC 8707 section 2.

use regrant::engine::{AccessTokenFormat, MetadataError, MetadataMembers};
use regrant::jwt::JwtAccessTokens;
use regrant::{BuildError, Engine, EngineBuilder, MemoryStore, Resource, StaticClients, Timestamp};

use super::town::{FILES, MCP, OTHER};
use crate::kit::bank::KEY;

type Builder = EngineBuilder<MemoryStore, StaticClients>;

fn builder() -> Builder {
    Engine::builder(MemoryStore::new(), StaticClients::new()).issuer("https://id.example")
}

fn of(uris: &[&str]) -> Builder {
    uris.iter().fold(builder(), |builder, uri| builder.resource(Resource::new(uri)))
}

#[track_caller]
fn fault(builder: Builder) -> BuildError {
    builder.build().unwrap_err()
}

#[test]
fn a_resource_is_an_absolute_uri_without_a_fragment() {
    let long = format!("https://a.example/{}", "a".repeat(495));
    for bad in [
        "",
        "/mcp",
        "mcp.example/mcp",
        "https://mcp.example/#",
        "https://a@mcp.example",
        "https://mcp.example/\"",
        "https://mcp.example/ a",
        "https://mcp.example/\r\n",
        "https://mcp.example/\u{e9}",
        &long,
    ] {
        assert_eq!(fault(of(&[bad])), BuildError::Resource, "{bad:?}");
    }
    for good in [MCP, "https://mcp.example", "http://127.0.0.1:8090/mcp", "urn:example:api", "api:files", &long[1..512]]
    {
        let good = if good.starts_with("ttps") { &long[..512] } else { good };
        assert!(of(&[good]).build().is_ok(), "{good:?}");
    }
}

#[test]
fn two_that_are_the_same_are_one_too_many() {
    for twin in [MCP, "https://MCP.example/mcp", "https://mcp.example:443/mcp", "https://mcp.example/a/../mcp"] {
        assert_eq!(fault(of(&[MCP, twin]).default_resource(MCP)), BuildError::DuplicateResource, "{twin}");
    }
    assert!(of(&[MCP, "https://mcp.example/mcp/"]).default_resource(MCP).build().is_ok());
}

#[test]
fn of_several_one_is_the_default() {
    assert_eq!(fault(of(&[MCP, FILES])), BuildError::DefaultResourceRequired);
    assert_eq!(fault(of(&[MCP, FILES]).default_resource(OTHER)), BuildError::DefaultResource);
    assert_eq!(fault(of(&[MCP]).default_resource(OTHER)), BuildError::DefaultResource);
    assert_eq!(fault(of(&[]).default_resource(MCP)), BuildError::DefaultResource);
    let moved = |builder: Builder, from| builder.earlier_default_resource(from, Timestamp::from_secs(1));
    assert_eq!(fault(moved(of(&[MCP]), FILES)), BuildError::DefaultResource);
    assert_eq!(fault(moved(of(&[]), MCP)), BuildError::DefaultResource);
    assert!(of(&[MCP, FILES]).default_resource("HTTPS://mcp.example/files").build().is_ok());
    assert!(of(&[MCP]).build().is_ok());
}

#[test]
fn resources_are_the_audience_and_jwts_need_a_key() {
    let signing = |builder: Builder| builder.signing_key(KEY.clone());
    let tokens = JwtAccessTokens::new().with_audience("https://api.example");
    assert_eq!(fault(signing(of(&[MCP])).jwt_access_tokens(tokens)), BuildError::AudienceAndResource);
    assert!(signing(of(&[MCP])).jwt_access_tokens(JwtAccessTokens::new()).build().is_ok());
    let jwt = || builder().resource(Resource::new(MCP).with_token_format(AccessTokenFormat::Jwt));
    assert_eq!(fault(jwt()), BuildError::SigningKeyRequired);
    assert!(signing(jwt()).build().is_ok());
}

/// RFC 8414 section 2, RFC 9728 section 2: a host's word does not take the place of the engine's.
#[test]
fn members_that_the_engine_writes_are_its_own() {
    for name in [
        "issuer",
        "token_endpoint",
        "jwks_uri",
        "scopes_supported",
        "authorization_grant_profiles_supported",
        "resource",
        "authorization_servers",
        "bearer_methods_supported",
        "signed_metadata",
        "resource#pt-BR",
    ] {
        assert!(matches!(MetadataMembers::new().with(name, "mine"), Err(MetadataError::Own)), "{name}");
    }
    let one = MetadataMembers::new().with("resource_name", "Files").unwrap();
    assert!(matches!(one.clone().with("resource_name", "Files"), Err(MetadataError::Repeated)));
    assert!(one.with("resource_name#pt-BR", "Arquivos").is_ok());
}
