//! The claim `aud` of JWT access tokens: RFC 9068 sections 2.2, 3, 4 and 5.

use regrant::engine::AccessTokenFormat::{Jwt, Opaque};
use regrant::jwt::JwtAccessTokens;
use serde_json::{Value, json};

use super::town::{Builder, FILES, MCP, both, files, mcp, only_files, only_mcp, plain, poll, rebuilt, world};
use crate::kit::bank::{ISSUER, KEY, claims};
use crate::kit::{Reply, SECRET, at, basic, form};

fn signing(builder: Builder) -> Builder {
    builder.signing_key(KEY.clone()).jwt_access_tokens(JwtAccessTokens::new())
}

fn by_signature(builder: Builder) -> Builder {
    builder.signing_key(KEY.clone()).jwt_access_tokens(JwtAccessTokens::new().danger_signature_alone())
}

#[test]
fn the_audience_is_what_the_request_named_as_it_is_registered() {
    for change in [signing, by_signature] {
        let world = world(|builder| change(both(builder)));
        for (named, audience, scope, lets_in) in [
            (&[][..], json!(MCP), "mcp:read", only_mcp("mcp:read")),
            (&["HTTPS://mcp.example/mcp"], json!(MCP), "mcp:read", only_mcp("mcp:read")),
            (&[FILES], json!(FILES), "files:read", only_files("files:read")),
            (
                &[FILES, MCP],
                json!([FILES, MCP]),
                "mcp:read files:read",
                [Some("mcp:read".into()), Some("files:read".into())],
            ),
        ] {
            let token = world.machine("grant_type=client_credentials", named, at(0)).access_token();
            let claims = claims(&token);
            assert_eq!((&claims["aud"], &claims["scope"]), (&audience, &Value::from(scope)), "{named:?}");
            assert_eq!(world.lets_into(&token, at(1)), lets_in, "{named:?}");
        }
    }
}

/// The tokens that are out had the issuer for an audience: they are for what their grant is for.
#[test]
fn jwts_from_before_there_were_resources_are_for_the_default_one() {
    for change in [signing, by_signature] {
        let before = world(|builder| change(plain(builder)));
        let reply = before.agent_redeem(&before.agent_code(None, &[], at(0)), &[], at(1));
        assert_eq!(claims(&reply.access_token())["aud"], ISSUER);
        let after = rebuilt(&before, |builder| change(both(builder)));
        assert_eq!(after.lets_into(&reply.access_token(), at(2)), only_mcp("mcp:read mcp:write"));
        let next = after.agent_refresh(&reply.refresh_token(), &[], "", at(3));
        assert_eq!(claims(&next.access_token())["aud"], MCP);
    }
}

/// A signature says what was issued, and the record what was consented to.
#[test]
fn an_audience_outside_of_the_grant_is_not_believed() {
    // The same key signs for an engine whose default is another: its tokens of this grant are not for that.
    let first = world(|builder| signing(both(builder)));
    // By a scope that both know, so that it is the audience alone that keeps the token out.
    let reply = first.agent_redeem(&first.agent_code(Some("openid"), &[], at(0)), &[], at(1));
    let other = rebuilt(&first, |builder| signing(plain(builder).resource(files())));
    let foreign = other.agent_refresh(&reply.refresh_token(), &[], "", at(2));
    foreign.assert_ok();
    assert_eq!(claims(&foreign.access_token())["aud"], FILES);
    assert_eq!(first.lets_into(&foreign.access_token(), at(3)), [None, None]);
}

#[test]
fn a_resource_may_have_a_form_of_its_own_and_no_token_is_for_two_forms() {
    let world = world(|builder| {
        let builder = plain(builder).resource(mcp().with_token_format(Jwt)).resource(files());
        builder.default_resource(FILES).signing_key(KEY.clone())
    });
    let is_jwt = |token: &str| token.contains('.');
    for (named, form) in [(&[][..], false), (&[MCP], true), (&[FILES], false)] {
        let token = world.machine("grant_type=client_credentials", named, at(0)).access_token();
        assert_eq!(is_jwt(&token), form, "{named:?}");
        assert_eq!(world.lets_into(&token, at(1)).map(|at| at.is_some()), [form, !form], "{named:?}");
    }
    world.machine("grant_type=client_credentials", &[MCP, FILES], at(2)).assert_error(400, "invalid_target");
    let world = super::town::world(|builder| {
        signing(plain(builder).resource(mcp()).resource(files().with_token_format(Opaque)).default_resource(MCP))
    });
    for (named, form) in [(&[][..], true), (&[MCP], true), (&[FILES], false)] {
        let token = world.machine("grant_type=client_credentials", named, at(0)).access_token();
        assert_eq!(is_jwt(&token), form, "{named:?}");
    }
}

#[test]
fn a_jwt_for_a_resource_that_is_gone_lets_nobody_in() {
    for change in [signing, by_signature] {
        let world = world(|builder| change(both(builder)));
        let token = world.machine("grant_type=client_credentials", &[FILES], at(0)).access_token();
        let without = rebuilt(&world, |builder| change(plain(builder).resource(mcp())));
        assert!(without.at(MCP, &token, at(1)).is_err());
        let none = rebuilt(&world, |builder| change(plain(builder)));
        assert!(none.at_default(&token, at(1)).is_err());
    }
}

/// Nor does whoever asks about it where there are no resources any more: its login was for that one.
#[test]
fn a_jwt_for_a_resource_is_not_active_where_there_is_none() {
    let before = world(|builder| signing(both(builder)));
    let none = rebuilt(&before, |builder| signing(plain(builder)));
    let is_active = |token: &str| {
        let ask = form(format!("token={token}")).authorization(basic("api", SECRET));
        Reply::of(&poll(none.engine.introspect(&ask.request(), at(2)))).json()["active"] == true
    };
    let login = before.agent_redeem(&before.agent_code(None, &[FILES], at(0)), &[], at(1));
    assert!(!is_active(&login.access_token()));
    assert!(none.at_default(&login.access_token(), at(2)).is_err());
    let own = none.machine("grant_type=client_credentials", &[], at(1));
    assert!(is_active(&own.access_token()));
}

/// An issuer that is a resource itself: its name in `aud` is that resource, and no more.
#[test]
fn an_audience_that_is_the_issuer_may_be_a_resource() {
    for change in [signing, by_signature] {
        let world = world(|builder| change(both(builder).resource(regrant::Resource::new(ISSUER))));
        let token = world.machine("grant_type=client_credentials&scope=openid", &[ISSUER], at(0)).access_token();
        assert_eq!(claims(&token)["aud"], ISSUER);
        assert_eq!(world.lets_into(&token, at(1)), [None, None]);
        assert!(world.at(ISSUER, &token, at(1)).is_ok());
    }
}
