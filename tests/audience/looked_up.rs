//! Resources that the engine asks its host about, and what accounts and audit logs hear of those that logins are for.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use regrant::engine::{AccessTokenFormat, ResourceRef, Resources};
use regrant::jwt::JwtAccessTokens;
use regrant::{BuildError, Engine, MemoryStore, Resource, StaticClients};

use super::town::{Builder, FILES, MCP, OTHER, both, files, mcp, plain, poll, town, world};
use crate::kit::bank::{ISSUER, KEY, claims};
use crate::kit::{World, at};

/// By the normal form of their URIs.
#[derive(Clone, Default)]
struct Tenants(Arc<RwLock<HashMap<&'static str, Arc<Resource>>>>);

impl Tenants {
    fn of(resource: Resource) -> Self {
        let tenants = Self::default();
        tenants.add(FILES, resource);
        tenants
    }

    fn add(&self, form: &'static str, resource: Resource) {
        self.0.write().insert(form, Arc::new(resource));
    }

    fn remove(&self, form: &str) {
        self.0.write().remove(form);
    }
}

impl Resources for Tenants {
    fn find(&self, uri: &str) -> Option<ResourceRef<'_>> {
        self.0.read().get(uri).cloned().map(ResourceRef::Shared)
    }

    fn defines_scope(&self, token: &str) -> bool {
        token.starts_with("files:")
    }
}

fn tenants(tenants: &Tenants) -> impl FnOnce(Builder) -> Builder + use<> {
    let tenants = tenants.clone();
    |builder| plain(builder).resource(mcp()).resources(tenants)
}

#[track_caller]
fn tokens(world: &World, resources: &[&str]) -> (String, String) {
    let reply = world.agent_redeem(&world.agent_code(None, resources, at(0)), &[], at(1));
    reply.assert_ok();
    (reply.access_token(), reply.refresh_token())
}

/// RFC 8707 section 2: as those that the builder was given.
#[test]
fn a_resource_that_is_looked_up_is_one_like_the_others() {
    let world = world(tenants(&Tenants::of(files())));
    for spelling in [FILES, "HTTPS://MCP.example:443/%66iles"] {
        let (access, _) = tokens(&world, &[spelling]);
        assert_eq!(world.lets_into(&access, at(2)), super::town::only_files("files:read"));
        // As the host spells it.
        assert_eq!(world.at(FILES, &access, at(2)).unwrap().resources().collect::<Vec<_>>(), [FILES]);
    }
    let (access, _) = tokens(&world, &[]);
    assert_eq!(world.lets_into(&access, at(2)), super::town::only_mcp("mcp:read mcp:write"));
    for unknown in [OTHER, "https://mcp.example/files/", "files"] {
        let reply = world.authorize(&super::town::query(None, &[unknown]), at(0));
        assert_eq!(reply.error(), "invalid_target", "{unknown}");
    }
}

/// One that came after the engine was built can be named at once; one that went takes its tokens along, and gives them back.
#[test]
fn they_come_and_go() {
    let tenants = Tenants::default();
    let world = world(self::tenants(&tenants));
    assert_eq!(world.authorize(&super::town::query(None, &[FILES]), at(0)).error(), "invalid_target");
    tenants.add(FILES, files());
    let (access, refresh) = tokens(&world, &[FILES]);
    assert!(world.at(FILES, &access, at(2)).is_ok());
    tenants.remove(FILES);
    let before = world.store.bytes();
    assert!(world.at(FILES, &access, at(2)).is_err());
    assert!(world.at(MCP, &access, at(2)).is_err(), "for another, so not for this");
    world.agent_refresh(&refresh, &[], "", at(3)).assert_error(400, "invalid_target");
    assert_eq!(world.store.bytes(), before);
    tenants.add(FILES, files());
    assert!(world.at(FILES, &access, at(4)).is_ok());
    world.agent_refresh(&refresh, &[], "", at(4)).assert_ok();
}

/// A scope that some resource defines is not the engine's, wherever that resource is known from.
#[test]
fn what_they_define_is_theirs() {
    let world = world(tenants(&Tenants::of(files())));
    let asked = super::town::query(Some("files:read"), &[MCP]);
    assert_eq!(world.authorize(&asked, at(0)).error(), "invalid_scope");
    let asked = super::town::query(Some("files:read openid"), &[FILES]);
    let reply = world.agent_redeem(&world.authorize(&asked, at(0)).code(), &[], at(1));
    assert_eq!(reply.text("scope"), "files:read openid");
}

/// A host that looks up carelessly does not hand out a token for another than was asked for.
#[test]
fn one_of_another_uri_than_was_asked_for_is_none() {
    for wrong in [Resource::new(OTHER), Resource::new("files"), Resource::new("https://mcp.example/files#top")] {
        let world = world(tenants(&Tenants::of(wrong)));
        let reply = world.authorize(&super::town::query(None, &[FILES]), at(0));
        assert_eq!(reply.error(), "invalid_target");
    }
}

#[test]
fn their_tokens_are_as_they_say() {
    fn signing(tenants: &Tenants) -> impl FnOnce(Builder) -> Builder + use<> {
        let change = self::tenants(tenants);
        |builder| change(builder).signing_key(KEY.clone()).jwt_access_tokens(JwtAccessTokens::new())
    }
    let jwts = world(signing(&Tenants::of(files())));
    let (access, _) = tokens(&jwts, &[FILES]);
    assert_eq!(claims(&access)["aud"], FILES);
    assert!(jwts.at(FILES, &access, at(2)).is_ok() && jwts.at(MCP, &access, at(2)).is_err());

    let opaque = world(signing(&Tenants::of(files().with_token_format(AccessTokenFormat::Opaque))));
    let (access, _) = tokens(&opaque, &[FILES]);
    assert!(!access.contains('.') && opaque.at(FILES, &access, at(2)).is_ok());

    // What this engine does not make: the host's fault.
    let without = world(tenants(&Tenants::of(files().with_token_format(AccessTokenFormat::Jwt))));
    let code = without.agent_code(None, &[FILES], at(0));
    without.agent_redeem(&code, &[], at(1)).assert_error(500, "server_error");
}

/// What cannot be made is refused before anything is spent: the same code, and the same token, work when the host has mended it.
#[test]
fn one_that_wants_what_is_not_made_costs_no_login() {
    let (good, bad) = (|| files(), || files().with_token_format(AccessTokenFormat::Jwt));
    let known = Tenants::of(bad());
    let world = world(tenants(&known));
    let code = world.agent_code(None, &[FILES], at(0));
    let held = world.store.bytes();
    for secs in [1, 2] {
        world.agent_redeem(&code, &[], at(secs)).assert_error(500, "server_error");
    }
    assert_eq!(world.store.bytes(), held);
    known.add(FILES, good());
    let token = world.agent_redeem(&code, &[], at(3)).assert_ok().refresh_token();
    known.add(FILES, bad());
    let held = world.store.bytes();
    for secs in [100, 200, 300] {
        world.agent_refresh(&token, &[], "", at(secs)).assert_error(500, "server_error");
    }
    assert_eq!(world.store.bytes(), held);
    known.add(FILES, good());
    world.agent_refresh(&token, &[], "", at(400)).assert_ok();
}

/// RFC 9728 section 3.1; only the issuer's host can be told from a path.
#[test]
fn they_have_metadata() {
    let uri: &'static str = "https://id.example/tenants/7";
    let tenants = Tenants::of(files());
    tenants.add(uri, Resource::new(uri));
    let world = world(self::tenants(&tenants));
    assert_eq!(ISSUER, "https://id.example");
    assert!(world.engine.protected_resource_metadata(FILES).is_some());
    let at_path = |path: &str| world.engine.document_at(path).is_some();
    assert!(at_path("/.well-known/oauth-protected-resource/tenants/7"));
    assert!(!at_path("/.well-known/oauth-protected-resource/tenants/8"));
    assert!(!at_path("/.well-known/oauth-protected-resource/files"));
    // A query tells them apart too, also from one at that path that the builder was given.
    let of_a_query: &'static str = "https://id.example/tenants?t=7";
    tenants.add(of_a_query, Resource::new(of_a_query));
    assert!(at_path("/.well-known/oauth-protected-resource/tenants?t=7"));
    assert!(!at_path("/.well-known/oauth-protected-resource/tenants?t=8"));
    let before = self::tenants(&tenants);
    let beside = self::world(|builder| {
        before(builder).resource(Resource::new("https://id.example/tenants")).default_resource(MCP)
    });
    let document = |path: &str| {
        let response = beside.engine.document_at(path).unwrap();
        serde_json::from_slice::<serde_json::Value>(response.body()).unwrap()["resource"].as_str().unwrap().to_owned()
    };
    assert_eq!(document("/.well-known/oauth-protected-resource/tenants?t=7"), of_a_query);
    assert_eq!(document("/.well-known/oauth-protected-resource/tenants"), "https://id.example/tenants");
    // Nor does anything make another host of the issuer's.
    for rest in [".org/tenants/7", ":8443/tenants/7", "s/tenants/7"] {
        let elsewhere: &'static str = format!("{ISSUER}{rest}").leak();
        tenants.add(elsewhere, Resource::new(elsewhere));
        assert!(world.engine.protected_resource_metadata(elsewhere).is_some(), "the host knows {elsewhere}");
        assert!(!at_path(&format!("/.well-known/oauth-protected-resource{rest}")), "{rest}");
    }
}

#[test]
fn there_has_to_be_one_that_is_known() {
    let built = Engine::builder(MemoryStore::new(), StaticClients::new()).resources(Tenants::default()).build();
    assert!(matches!(built, Err(BuildError::DefaultResource)));
}

#[test]
fn sessions_say_what_was_consented_to() {
    for (named, resources) in [(&[][..], &[MCP][..]), (&[FILES], &[FILES]), (&[MCP, FILES], &[MCP, FILES])] {
        let world = town();
        world.agent_redeem(&world.agent_code(None, named, at(0)), resources, at(1)).assert_ok();
        let page = poll(world.engine.sessions("alice", None, 10, at(2))).unwrap();
        assert_eq!(page.sessions[0].resources().collect::<Vec<_>>(), resources);
    }
    let world = world(plain);
    world.agent_redeem(&world.agent_code(None, &[], at(0)), &[], at(1)).assert_ok();
    assert_eq!(poll(world.engine.sessions("alice", None, 10, at(2))).unwrap().sessions[0].resources().count(), 0);
}

#[test]
fn an_audit_line_says_what_a_token_is_for() {
    let world = world(both);
    let code = world.agent_code(None, &[MCP, FILES], at(0));
    let refresh = world.agent_redeem(&code, &[MCP], at(1)).refresh_token();
    world.agent_refresh(&refresh, &[FILES], "", at(2)).assert_ok();
    world.agent_refresh(&refresh, &[MCP, FILES], "", at(3)).assert_ok();
    world.machine("grant_type=client_credentials", &[], at(4)).assert_ok();
    let events = world.events.take();
    let said = |name: &str| -> Vec<_> {
        let named = events.iter().filter(|event| event.starts_with(&format!("{name} ")));
        named.map(|event| event.split_once("audience: ").unwrap().1.trim_end_matches(" }").to_owned()).collect()
    };
    let list = |uris: &[&str]| format!("{uris:?}");
    assert_eq!(said("CodeIssued"), [list(&[MCP, FILES])]);
    assert_eq!(said("Issued"), [list(&[MCP]), list(&[MCP])]);
    assert_eq!(said("Refreshed"), [list(&[FILES])]);
    assert_eq!(said("Retried"), [list(&[MCP, FILES])]);
}
