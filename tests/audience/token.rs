//! The token endpoint: RFC 8707 section 2.2.

use regrant::engine::{HookError, IssueDecision, IssueHook, IssueKind, IssueRequest};

use super::town::{FILES, MCP, OTHER, both, only_files, only_mcp, town, world};
use crate::kit::{World, at};

/// A login for both, whose code was redeemed for this.
#[track_caller]
fn login(world: &World, first: &[&str]) -> (String, String) {
    let code = world.agent_code(None, &[MCP, FILES], at(0));
    let reply = world.agent_redeem(&code, first, at(1));
    reply.assert_ok();
    (reply.access_token(), reply.refresh_token())
}

#[test]
fn a_code_gives_a_token_for_what_the_request_names_and_the_response_says_what_is_left_of_the_scope() {
    for (consented, first, scope, lets_in) in [
        (&[][..], &[][..], "mcp:read mcp:write", only_mcp("mcp:read mcp:write")),
        (&[], &[MCP], "mcp:read mcp:write", only_mcp("mcp:read mcp:write")),
        (&[MCP], &[], "mcp:read mcp:write", only_mcp("mcp:read mcp:write")),
        (&[FILES], &[], "files:read", only_files("files:read")),
        (&[FILES], &[FILES], "files:read", only_files("files:read")),
        (&[MCP, FILES], &[FILES], "files:read", only_files("files:read")),
        (&[FILES, MCP], &["https://MCP.example/files"], "files:read", only_files("files:read")),
        (
            &[MCP, FILES],
            &[FILES, MCP],
            "mcp:read mcp:write files:read",
            [Some("mcp:read mcp:write".into()), Some("files:read".into())],
        ),
    ] {
        let world = town();
        let reply = world.agent_redeem(&world.agent_code(None, consented, at(0)), first, at(1));
        reply.assert_ok();
        assert_eq!(reply.text("scope"), scope, "{consented:?} {first:?}");
        assert_eq!(world.lets_into(&reply.access_token(), at(2)), lets_in, "{consented:?} {first:?}");
        // A plain grant has plain tokens.
        assert_eq!(reply.access_token().len(), if consented.is_empty() { 67 } else { 70 });
        assert_eq!(
            world.store.bytes().into_values().next().unwrap()[0],
            if consented.is_empty() { 1 } else { 2 },
            "the format"
        );
    }
}

/// What is refused is not burned: a client that names it right afterwards gets its tokens.
#[test]
fn a_code_is_refused_for_another_resource_and_stays_good() {
    for (consented, first) in [
        (&[][..], &[FILES][..]),
        (&[MCP], &[FILES]),
        (&[MCP], &[MCP, FILES]),
        (&[MCP, FILES], &[OTHER]),
        (&[MCP, FILES], &[MCP, "mcp"]),
        // Several were consented to: a token for all would be one that each can present to the others.
        (&[MCP, FILES], &[]),
    ] {
        let world = town();
        let code = world.agent_code(None, consented, at(0));
        let before = world.store.bytes();
        world.agent_redeem(&code, first, at(1)).assert_error(400, "invalid_target");
        assert_eq!(world.store.bytes(), before, "{consented:?} {first:?}");
        world.agent_redeem(&code, &[MCP], at(2)).assert_ok();
    }
}

/// RFC 6749 section 4.1.2: that it names a wrong resource does not hide that it comes a second time.
#[test]
fn a_code_that_comes_twice_ends_the_grant_whatever_it_names() {
    let world = town();
    let code = world.agent_code(None, &[MCP, FILES], at(0));
    let token = world.agent_redeem(&code, &[MCP], at(1)).access_token();
    world.agent_redeem(&code, &[OTHER], at(2)).assert_error(400, "invalid_grant");
    assert_eq!(world.lets_into(&token, at(3)), [None, None]);
}

#[test]
fn a_refresh_is_for_what_it_names_for_this_token_alone_or_for_what_was_named_first() {
    let world = town();
    let (_, mut token) = login(&world, &[FILES]);
    for (second, (named, scope, lets_in)) in [
        (&[][..], "files:read", only_files("files:read")),
        (&[MCP], "mcp:read mcp:write", only_mcp("mcp:read mcp:write")),
        // Not what came last (parallel refreshes would race), but first.
        (&[], "files:read", only_files("files:read")),
        (
            &[MCP, FILES],
            "mcp:read mcp:write files:read",
            [Some("mcp:read mcp:write".into()), Some("files:read".into())],
        ),
        (&[""], "files:read", only_files("files:read")),
    ]
    .into_iter()
    .enumerate()
    {
        let now = at(10 + second as u64);
        let reply = world.agent_refresh(&token, named, "", now);
        reply.assert_ok();
        assert_eq!(reply.text("scope"), scope, "{named:?}");
        assert_eq!(world.lets_into(&reply.access_token(), now), lets_in, "{named:?}");
        token = reply.refresh_token();
    }
}

#[test]
fn a_refresh_for_what_was_not_consented_to_changes_nothing() {
    let world = town();
    let code = world.agent_code(None, &[MCP], at(0));
    let token = world.agent_redeem(&code, &[], at(1)).refresh_token();
    let before = world.store.bytes();
    for named in [&[FILES][..], &[MCP, FILES], &[OTHER], &["https://mcp.example/mcp#"]] {
        world.agent_refresh(&token, named, "", at(2)).assert_error(400, "invalid_target");
        assert_eq!(world.store.bytes(), before, "{named:?}");
    }
    world.agent_refresh(&token, &[MCP], "", at(3)).assert_ok();
}

/// A thief is found, whatever the old token is sent for.
#[test]
fn a_replay_for_another_resource_is_a_replay() {
    let world = town();
    let (_, first) = login(&world, &[MCP]);
    let second = world.agent_refresh(&first, &[], "", at(2)).refresh_token();
    world.agent_refresh(&second, &[], "", at(3)).assert_ok();
    world.agent_refresh(&first, &[OTHER], "", at(4)).assert_error(400, "invalid_grant");
    assert!(world.store.bytes().is_empty());
}

/// Law 2: a retry is answered for what it names itself, and nothing is written.
#[test]
fn a_retry_names_its_own_resource() {
    let world = town();
    let (_, token) = login(&world, &[MCP]);
    let lost = world.agent_refresh(&token, &[MCP], "", at(2));
    let before = world.store.bytes();
    for (named, lets_in) in [
        (&[FILES][..], only_files("files:read")),
        (&[MCP], only_mcp("mcp:read mcp:write")),
        (&[], only_mcp("mcp:read mcp:write")),
    ] {
        let again = world.agent_refresh(&token, named, "", at(3));
        again.assert_ok();
        assert_eq!(again.refresh_token(), lost.refresh_token());
        assert_eq!(world.lets_into(&again.access_token(), at(4)), lets_in, "{named:?}");
    }
    world.agent_refresh(&token, &[OTHER], "", at(5)).assert_error(400, "invalid_target");
    assert_eq!(world.store.bytes(), before);
}

/// The scope of a refresh is that of the token's resources; nothing of what was asked is an error.
#[test]
fn a_cut_that_leaves_nothing_is_an_invalid_scope() {
    let world = town();
    let (_, mut token) = login(&world, &[MCP]);
    for (named, asked, left) in [
        (&[FILES][..], "files:read", Ok("files:read")),
        (&[FILES], "files:read mcp:read", Ok("files:read")),
        (&[MCP, FILES], "mcp:read files:read", Ok("mcp:read files:read")),
        (&[FILES], "mcp:read", Err("invalid_scope")),
        (&[], "files:read", Err("invalid_scope")),
        (&[FILES], "files:write", Err("invalid_scope")),
    ] {
        let reply = world.agent_refresh(&token, named, &format!("&scope={}", asked.replace(' ', "+")), at(2));
        match left {
            Ok(left) => {
                assert_eq!(reply.text("scope"), left, "{named:?} {asked}");
                token = reply.refresh_token();
            }
            Err(code) => drop(reply.assert_error(400, code)),
        }
    }
}

#[test]
fn all_that_were_never_named_is_a_switch_with_danger_in_its_name() {
    let world = world(|builder| both(builder).danger_unnamed_tokens_for_all_resources());
    let (access, refresh) = login(&world, &[]);
    let everywhere = [Some("mcp:read mcp:write".to_owned()), Some("files:read".to_owned())];
    assert_eq!(world.lets_into(&access, at(2)), everywhere);
    let reply = world.agent_refresh(&refresh, &[], "", at(3));
    assert_eq!(world.lets_into(&reply.access_token(), at(4)), everywhere);
    let only = world.agent_refresh(&reply.refresh_token(), &[FILES], "", at(5));
    assert_eq!(world.lets_into(&only.access_token(), at(6)), only_files("files:read"));
}

/// RFC 6749 section 4.4, and 4.5 for every other handler.
#[test]
fn handlers_grant_what_the_request_names() {
    let password = "grant_type=password&username=alice&password=wonderland";
    for body in ["grant_type=client_credentials", password] {
        for (named, more, expected) in [
            (&[][..], "", Ok(only_mcp("mcp:read"))),
            (&[MCP], "", Ok(only_mcp("mcp:read"))),
            (&[FILES], "", Ok(only_files("files:read"))),
            (&[MCP, FILES], "", Ok([Some("mcp:read".into()), Some("files:read".into())])),
            (&[FILES], "&scope=files:write", Ok(only_files("files:write"))),
            (&[FILES], "&scope=mcp:read", Err("invalid_scope")),
            (&[FILES], "&scope=files:read+mcp:read", Err("invalid_scope")),
            (&[], "&scope=files:read", Err("invalid_scope")),
            (&[OTHER], "", Err("invalid_target")),
            (&["mcp"], "", Err("invalid_target")),
            (&[MCP, OTHER], "", Err("invalid_target")),
        ] {
            let world = town();
            let reply = world.machine(&format!("{body}{more}"), named, at(0));
            match expected {
                Ok(lets_in) => {
                    reply.assert_ok();
                    assert_eq!(world.lets_into(&reply.access_token(), at(1)), lets_in, "{body} {named:?} {more}");
                }
                Err(code) => {
                    reply.assert_error(400, code);
                    assert!(world.store.bytes().is_empty(), "{body} {named:?} {more}");
                }
            }
        }
    }
}

#[test]
fn a_login_by_a_handler_is_for_all_that_it_named_at_each_refresh() {
    let world = town();
    let body = "grant_type=password&username=alice&password=wonderland";
    let token = world.machine(body, &[FILES, MCP], at(0)).refresh_token();
    let reply = world.machine(&format!("grant_type=refresh_token&refresh_token={token}"), &[], at(1));
    assert_eq!(reply.text("scope"), "mcp:read files:read");
    assert_eq!(world.lets_into(&reply.access_token(), at(2)), [Some("mcp:read".into()), Some("files:read".into())]);
    let body = format!("grant_type=refresh_token&refresh_token={}", reply.refresh_token());
    let narrowed = world.machine(&body, &[FILES], at(3));
    assert_eq!(world.lets_into(&narrowed.access_token(), at(4)), only_files("files:read"));
}

/// What the mask of a token can select from; more is more than anybody consents to.
#[test]
fn a_request_names_sixteen_at_most() {
    let uri = |at: usize| format!("https://mcp.example/{at}");
    let world = world(|builder| {
        let all = (0..17).map(|at| regrant::Resource::new(&uri(at)));
        all.fold(super::town::plain(builder), regrant::EngineBuilder::resource).default_resource(&uri(0))
    });
    let uris: Vec<String> = (0..17).map(uri).collect();
    let uris: Vec<&str> = uris.iter().map(String::as_str).collect();
    let reply = world.machine("grant_type=client_credentials&scope=openid", &uris[1..], at(0));
    reply.assert_ok();
    for (place, uri) in uris.iter().enumerate() {
        assert_eq!(world.at(uri, &reply.access_token(), at(1)).is_ok(), place > 0, "{uri}");
    }
    world.machine("grant_type=client_credentials&scope=openid", &uris, at(2)).assert_error(400, "invalid_target");
}

struct Shown;

impl IssueHook for Shown {
    async fn on_issue(&self, request: &IssueRequest<'_>) -> Result<IssueDecision, HookError> {
        // What is issued, not what was granted.
        match (request.kind(), request.scope().as_str()) {
            (IssueKind::Refresh | IssueKind::Retry, "files:read") => Ok(IssueDecision::Allow),
            (IssueKind::Refresh | IssueKind::Retry, _) => Ok(IssueDecision::Refuse),
            _ => Ok(IssueDecision::Allow),
        }
    }
}

#[test]
fn the_hook_sees_the_scope_of_the_token_to_be() {
    let world = world(|builder| both(builder).on_issue(Shown));
    let (_, token) = login(&world, &[MCP]);
    world.agent_refresh(&token, &[MCP], "", at(2)).assert_error(400, "invalid_grant");
    world.agent_refresh(&token, &[FILES], "", at(3)).assert_ok();
}
