//! How somebody logged in (`acr`): said of the login, in what is issued, and asked for by a resource. RFC 9470; OpenID Connect Core
//! section 2; RFC 9068 section 2.2.1.

use std::time::Duration;

use regrant::engine::{BearerErrorKind, HookError};
use regrant::jwt::{ClaimsProvider, IdClaims, IdTokenRequest, JwtAccessTokens};
use regrant::{Authorization, BearerError, Request, Timestamp};

use crate::kit::bank::{KEY, claims};
use crate::kit::{World, at, basic, form};
use crate::town::{FILES, MCP, both, poll, query, town, world};

const MFA: &str = "urn:example:mfa";
const KEYS: &str = "urn:example:passkey";

struct Silent;

impl ClaimsProvider for Silent {
    async fn claims(&self, _: &IdTokenRequest<'_>) -> Result<IdClaims, HookError> {
        Ok(IdClaims::new())
    }
}

impl World {
    /// A login of this kind, a minute ago; what the client gets.
    fn logged_in(&self, scope: &str, acr: Option<&str>) -> crate::kit::Reply {
        let alice = Authorization::of("alice").with_authenticated_at(at(0));
        let alice = acr.into_iter().fold(alice, Authorization::with_acr);
        let code = self.authorize_as(&query(Some(scope), &[MCP]), alice, at(60)).code();
        let reply = self.agent_redeem(&code, &[], at(61));
        reply.assert_ok();
        reply
    }

    fn asks_for(&self, token: &str, acr: &[&str], max_age: Option<u64>) -> Result<(), BearerError> {
        let header = format!("Bearer {token}");
        let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
        let check = acr.iter().fold(self.engine.bearer_for(MCP), |check, acr| check.acr(acr));
        let check = max_age.into_iter().fold(check, |check, secs| check.max_age(Duration::from_secs(secs)));
        poll(check.check(&request, at(70))).map(drop)
    }
}

const METADATA: &str = r#", resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/mcp""#;

/// Section 3: what the client is to send the person through, the best first.
#[test]
fn a_resource_asks_for_a_kind_of_login() {
    for jwt in [false, true] {
        let world = world(|builder| {
            let builder = both(builder);
            if jwt { builder.signing_key(KEY.clone()).jwt_access_tokens(JwtAccessTokens::new()) } else { builder }
        });
        let strong = world.logged_in("mcp:read", Some(MFA)).access_token();
        let weak = world.logged_in("mcp:read", None).access_token();
        assert_eq!(strong.contains('.'), jwt);
        for (wanted, right) in
            [(&[][..], true), (&[MFA], true), (&[KEYS, MFA], true), (&[KEYS], false), (&["urn:example"], false)]
        {
            assert_eq!(world.asks_for(&strong, wanted, None).is_ok(), right, "{wanted:?}");
            assert_eq!(world.asks_for(&weak, wanted, None).is_ok(), wanted.is_empty(), "{wanted:?}");
        }
        let refused = world.asks_for(&weak, &[KEYS, MFA], None).unwrap_err();
        assert_eq!((refused.status(), refused.kind()), (401, BearerErrorKind::InsufficientUserAuthentication));
        let step_up = r#"Bearer realm="token", error="insufficient_user_authentication", acr_values="urn:example:passkey urn:example:mfa""#;
        assert_eq!(refused.challenge(), format!("{step_up}{METADATA}"));
        // One login is to do for both.
        let refused = world.asks_for(&weak, &[MFA, KEYS], Some(300)).unwrap_err();
        assert!(refused.challenge().contains(r#"acr_values="urn:example:mfa urn:example:passkey", max_age="300""#));
        assert!(world.asks_for(&strong, &[MFA], Some(300)).is_ok());
        assert!(world.asks_for(&strong, &[MFA], Some(60)).is_err());
        // What cannot be said in a challenge is not said.
        let refused = world.asks_for(&weak, &["a\"b", "a b"], None).unwrap_err();
        assert!(!refused.challenge().contains("acr_values"));
    }
}

/// It is of the login, so it stays the same however often that is refreshed, for another resource and in introspection.
#[test]
fn a_kind_of_login_stays_for_its_life() {
    let world = world(|builder| {
        let tokens = JwtAccessTokens::new();
        both(builder).signing_key(KEY.clone()).jwt_access_tokens(tokens).id_tokens(Silent)
    });
    let first = world.logged_in("openid mcp:read", Some(MFA));
    let next = world.agent_refresh(&first.refresh_token(), &[], "", at(1_000));
    for reply in [&first, next.assert_ok()] {
        for token in ["access_token", "id_token"] {
            let said = claims(&reply.text(token));
            assert_eq!(
                (said["acr"].as_str(), said["auth_time"].as_u64()),
                (Some(MFA), Some(at(0).as_secs())),
                "{token}"
            );
        }
    }
    let ask = form(format!("token={}", next.access_token())).authorization(basic("mcp-server", crate::kit::SECRET));
    let said = crate::kit::Reply::of(&poll(world.engine.introspect(&ask.request(), at(1_001)))).json();
    assert_eq!((said["acr"].as_str(), said["auth_time"].as_u64()), (Some(MFA), Some(at(0).as_secs())));
    // Nothing is said where the host said nothing.
    let silent = world.logged_in("openid mcp:read", None);
    assert!(claims(&silent.access_token()).get("acr").is_none());
    assert!(claims(&silent.access_token()).get("auth_time").is_none());
    assert!(claims(&silent.text("id_token")).get("acr").is_none());
}

/// A host whose text does not fit hears of it before anything is stored.
#[test]
fn what_does_not_fit_is_the_hosts_fault() {
    let world = town();
    let long = "a".repeat(256);
    for acr in ["", "two words", "a\"b", "a\\b", "\u{e9}", "a\nb", &long] {
        let alice = Authorization::of("alice").with_acr(acr);
        let ended = world.authorize_as(&query(None, &[FILES]), alice, Timestamp::from_secs(crate::kit::T0));
        assert_eq!(ended.error(), "server_error", "{acr:?}");
    }
    assert!(world.store.grants().is_empty());
    let most = "a".repeat(255);
    world.authorize_as(&query(None, &[FILES]), Authorization::of("alice").with_acr(&most), at(0)).code();
}
