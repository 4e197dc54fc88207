//! A resource believes what is for it: RFC 8707 section 2, RFC 9068 section 5, RFC 9700 section 2.3. Challenges: RFC 6750 section
//! 3, RFC 9728 section 5.1, RFC 9470 section 3.

use std::time::Duration;

use regrant::engine::BearerErrorKind;
use regrant::{BearerError, Request, Timestamp};

use super::town::{FILES, MCP, OTHER, both, files, mcp, plain, poll, town, world};
use crate::kit::{World, altered, at, scope};

/// An access token for these.
#[track_caller]
fn token(world: &World, resources: &[&str]) -> String {
    world.machine("grant_type=client_credentials", resources, at(0)).access_token()
}

#[track_caller]
fn refused(world: &World, resource: &str, token: Option<&str>, wants: &str) -> BearerError {
    let header = token.map(|token| format!("Bearer {token}"));
    let request = Request::new("GET", b"");
    let request = match &header {
        Some(header) => request.with_header("authorization", header.as_bytes()),
        None => request,
    };
    poll(world.engine.bearer_for(resource).scope(&scope(wants)).check(&request, at(1))).unwrap_err()
}

#[test]
fn bearer_without_a_resource_is_that_of_the_default_one() {
    let world = town();
    for (resources, is_let_in) in [(&[][..], true), (&[MCP], true), (&[FILES], false), (&[FILES, MCP], true)] {
        let access = world.at_default(&token(&world, resources), at(1));
        assert_eq!(access.is_ok(), is_let_in, "{resources:?}");
        if let Err(error) = access {
            assert_eq!(error.kind(), BearerErrorKind::InvalidToken);
        }
    }
}

/// At each only what it defines, though the token has more.
#[test]
fn a_token_for_several_shows_each_its_own_scope() {
    let world = town();
    let token = token(&world, &[MCP, FILES]);
    let access = world.at(FILES, &token, at(1)).unwrap();
    assert_eq!(access.scope().as_str(), "files:read");
    assert_eq!(access.resources().collect::<Vec<_>>(), [MCP, FILES]);
    assert_eq!(access.grant().unwrap().resources().collect::<Vec<_>>(), [MCP, FILES]);
    assert_eq!(refused(&world, FILES, Some(&token), "mcp:read").kind(), BearerErrorKind::InsufficientScope);
}

/// Every bit of the mask is under the MAC, and a token with none is no token.
#[test]
fn no_altered_token_is_for_anything() {
    let world = town();
    let token = token(&world, &[FILES]);
    assert_eq!(token.len(), 70);
    for place in 0..70 {
        assert_eq!(world.lets_into(&altered(&token, place), at(1)), [None, None], "{place}");
    }
    let plain = self::token(&world, &[]);
    for forged in [format!("{plain}AAA"), plain[..66].to_owned(), token[..67].to_owned(), token[3..].to_owned()] {
        assert_eq!(world.lets_into(&forged, at(1)), [None, None], "{forged}");
    }
}

/// Another kind, so under another MAC: what is plain with the mask put in does not pass, and the other way round.
#[test]
fn a_plain_token_is_not_one_for_resources() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as TEXT;
    let world = town();
    let masked = TEXT.decode(token(&world, &[FILES])).unwrap();
    let plain = TEXT.decode(token(&world, &[])).unwrap();
    assert_eq!(masked[30..32], [0, 1]);
    let without = [&masked[..30], &masked[32..]].concat();
    for mask in [[0, 0], [0, 1], [0, 2], [0xff, 0xff]] {
        let with = [&plain[..30], &mask, &plain[30..]].concat();
        let other = [&masked[..30], &mask, &masked[32..]].concat();
        for forged in [&with, &without, &other] {
            let is_own = *forged == masked;
            let expected = if is_own { [None, Some("files:read".into())] } else { [None, None] };
            assert_eq!(world.lets_into(&TEXT.encode(forged), at(1)), expected, "{mask:?}");
        }
    }
}

#[test]
fn a_resource_that_the_engine_does_not_have_is_the_hosts_fault_and_lets_nobody_in() {
    let world = town();
    let token = token(&world, &[MCP]);
    world.events.take();
    let refused = refused(&world, OTHER, Some(&token), "");
    assert_eq!((refused.status(), refused.kind()), (503, BearerErrorKind::Unavailable));
    let events = world.events.take();
    assert!(events.iter().any(|event| event.contains("UnknownResource")), "{events:?}");
    let none = super::town::world(plain);
    assert_eq!(none.at(MCP, &token, at(1)).unwrap_err().status(), 503);
}

/// Where a resource is taken away, its tokens are nobody's, and the grant gives none for it.
#[test]
fn a_resource_that_is_gone_takes_its_tokens_along() {
    let world = town();
    let code = world.agent_code(None, &[FILES, MCP], at(0));
    let reply = world.agent_redeem(&code, &[FILES], at(1));
    let both_token = world.machine("grant_type=client_credentials", &[FILES, MCP], at(1)).access_token();
    for without in
        [super::town::rebuilt(&world, |builder| plain(builder).resource(mcp())), super::town::rebuilt(&world, plain)]
    {
        let has_mcp = without.at(MCP, &both_token, at(2)).is_ok();
        assert!(without.at_default(&reply.access_token(), at(2)).is_err());
        assert_eq!(without.at_default(&both_token, at(2)).is_ok(), has_mcp);
        let before = world.store.bytes();
        let refresh = reply.refresh_token();
        without.agent_refresh(&refresh, &[], "", at(3)).assert_error(400, "invalid_target");
        if has_mcp {
            without.agent_refresh(&refresh, &[FILES], "", at(3)).assert_error(400, "invalid_target");
        }
        assert_eq!(world.store.bytes(), before);
    }
    // It comes back, and so do they.
    assert!(world.at(FILES, &reply.access_token(), at(4)).is_ok());
    let without = super::town::rebuilt(&world, |builder| plain(builder).resource(mcp()));
    without.agent_refresh(&reply.refresh_token(), &[MCP], "", at(5)).assert_ok();
}

/// RFC 9728 section 5.1; where nothing can be found out, as with a broken request, nothing is said.
#[test]
fn challenges_say_where_a_client_finds_out_how_to_get_in() {
    let world = town();
    let at_mcp = r#"resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/mcp""#;
    let at_files = r#"resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/files""#;
    let token = token(&world, &[MCP]);
    for (resource, sent, wants, status, challenge) in [
        (MCP, None, "", 401, format!(r#"Bearer realm="token", {at_mcp}"#)),
        (
            MCP,
            None,
            "mcp:read mcp:write",
            401,
            format!(r#"Bearer realm="token", scope="mcp:read mcp:write", {at_mcp}"#),
        ),
        (FILES, None, "", 401, format!(r#"Bearer realm="token", {at_files}"#)),
        (
            FILES,
            Some(&*token),
            "files:read",
            401,
            format!(r#"Bearer realm="token", error="invalid_token", scope="files:read", {at_files}"#),
        ),
        (
            MCP,
            Some(&token),
            "mcp:read mcp:admin",
            403,
            format!(r#"Bearer realm="token", error="insufficient_scope", scope="mcp:read mcp:admin", {at_mcp}"#),
        ),
        (MCP, Some("\u{20ac}"), "", 400, String::from(r#"Bearer realm="token", error="invalid_request""#)),
    ] {
        let refused = refused(&world, resource, sent, wants);
        assert_eq!((refused.status(), refused.challenge()), (status, &*challenge), "{resource} {sent:?}");
        assert_eq!(refused.response().headers().find(|header| header.0 == "www-authenticate").unwrap().1, challenge);
    }
    let default = world.at_default("", at(1)).unwrap_err();
    assert!(!default.challenge().contains("resource_metadata"), "a 400");
    let request = Request::new("GET", b"");
    let none = poll(world.engine.bearer(&request, &scope("mcp:read"), at(1))).unwrap_err();
    assert_eq!(none.challenge(), format!(r#"Bearer realm="token", scope="mcp:read", {at_mcp}"#));
}

/// An engine without resources says what it said.
#[test]
fn without_resources_challenges_are_those_of_rfc_6750() {
    let world = super::town::world(plain);
    let request = Request::new("GET", b"");
    let none = poll(world.engine.bearer(&request, &scope("mcp:read"), at(1))).unwrap_err();
    assert_eq!(none.challenge(), r#"Bearer realm="token""#);
    // A URN has no metadata that could be found.
    let urn = super::town::world(|builder| plain(builder).resource(regrant::Resource::new("urn:example:api")));
    let none = poll(urn.engine.bearer(&request, &scope("mcp:read"), at(1))).unwrap_err();
    assert_eq!(none.challenge(), r#"Bearer realm="token", scope="mcp:read""#);
}

/// `admin` implies `read`, at the resource alone.
#[test]
fn what_a_scope_implies_counts_at_the_resource_and_nowhere_else() {
    let implies = |has: &str, wants: &str| (has, wants) == ("mcp:admin", "mcp:read");
    let world = world(|builder| both(builder).scope_implication(implies));
    let reply = world.machine("grant_type=client_credentials&scope=mcp:admin", &[MCP], at(0));
    assert_eq!(reply.text("scope"), "mcp:admin");
    let header = format!("Bearer {}", reply.access_token());
    let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
    let check = |wants: &str| poll(world.engine.bearer_for(MCP).scope(&scope(wants)).check(&request, at(1)));
    for (wants, is_let_in) in
        [("mcp:read", true), ("mcp:admin mcp:read", true), ("mcp:write", false), ("mcp:read mcp:write", false)]
    {
        assert_eq!(check(wants).is_ok(), is_let_in, "{wants}");
        assert_eq!(poll(world.engine.bearer(&request, &scope(wants), at(1))).is_ok(), is_let_in, "{wants}");
    }
    assert_eq!(check("mcp:read").unwrap().scope().as_str(), "mcp:admin");
    // Not the other way round.
    let reply = world.machine("grant_type=client_credentials&scope=mcp:read", &[MCP], at(0));
    assert_eq!(refused(&world, MCP, Some(&reply.access_token()), "mcp:admin").status(), 403);
}

/// RFC 9470 section 3.
#[test]
fn a_login_that_is_too_old_for_the_resource_is_told_what_would_do() {
    let world = town();
    let login = world.agent_redeem(&world.agent_code(None, &[MCP], at(0)), &[], at(1)).access_token();
    let check = |token: &str, most: u64, now: Timestamp| {
        let header = format!("Bearer {token}");
        let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
        poll(world.engine.bearer_for(MCP).max_age(Duration::from_secs(most)).check(&request, now))
    };
    assert!(check(&login, 60, at(60)).is_ok());
    let refused = check(&login, 60, at(61)).unwrap_err();
    assert_eq!((refused.status(), refused.kind()), (401, BearerErrorKind::InsufficientUserAuthentication));
    assert_eq!(
        refused.challenge(),
        r#"Bearer realm="token", error="insufficient_user_authentication", max_age="60", resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/mcp""#
    );
    // A client by itself has logged nobody in.
    let machine = token(&world, &[MCP]);
    assert_eq!(check(&machine, 60, at(1)).unwrap_err().kind(), BearerErrorKind::InsufficientUserAuthentication);
    // A token for another resource does not say how old its login is.
    let other = world.agent_redeem(&world.agent_code(None, &[FILES], at(0)), &[], at(1)).access_token();
    assert_eq!(check(&other, 60, at(61)).unwrap_err().kind(), BearerErrorKind::InvalidToken);
}

/// RFC 9068 section 5: a scope that has the same name at two resources is each one's own.
#[test]
fn one_name_at_two_resources_is_of_the_tokens_resource() {
    let world = world(|builder| {
        let admin = |resource: regrant::Resource| resource.with_scopes(scope("mcp:admin"));
        plain(builder).resource(admin(mcp())).resource(admin(files())).default_resource(MCP)
    });
    let reply = world.machine("grant_type=client_credentials&scope=mcp:admin", &[FILES], at(0));
    assert_eq!(world.lets_into(&reply.access_token(), at(1)), [None, Some("mcp:admin".into())]);
}
