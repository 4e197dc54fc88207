//! `grant_type=authorization_code`, one refusal after the other.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regrant::Authorization;
use regrant::engine::RenewalPolicy;
use sha2::{Digest, Sha256};

use crate::kit::bank::{
    APP, APP_URI, CHALLENGE, PORTAL, PORTAL_URI, Query, VERIFIER, bank, issuing, mobile_app, portal, portal_form,
};
use crate::kit::{Ask, Fault, OTHER_SECRET, SECRET, World, at, forged, form, secret};

fn app_form(code: &str, uri: &str, verifier: &str) -> Ask {
    form(format!(
        "grant_type=authorization_code&client_id={APP}&code={code}&redirect_uri={uri}&code_verifier={verifier}"
    ))
}

/// RFC 6749 section 4.1.2: a code is used once, and a second use ends what the first one gave.
#[test]
fn a_code_becomes_tokens_once() {
    let world = bank();
    let code = world.authorize(&Query::app(), at(0)).code();
    let tokens = world.send(&app_form(&code, APP_URI, VERIFIER), at(59));
    tokens.assert_ok();
    assert_eq!(tokens.refresh_token().len(), 43);
    assert_eq!(world.events.names(), ["CodeIssued", "Issued"]);
    assert!(world.lets_in(&tokens.access_token(), at(60)));
    world.send(&app_form(&code, APP_URI, VERIFIER), at(59)).assert_error(400, "invalid_grant");
    assert_eq!(world.events.names(), ["CodeReplayed", "Revoked"]);
    assert!(!world.lets_in(&tokens.access_token(), at(60)));
}

/// RFC 6749 section 4.1.3 and RFC 7636 section 4.6.
#[test]
fn a_redemption_that_lacks_anything_changes_nothing() {
    let world = World::new([portal(), mobile_app(), portal_twin()], issuing);
    let code = world.authorize(&Query::app(), at(0)).code();
    let stored = world.store.bytes();
    let other_verifier = VERIFIER.replace('d', "e");
    let long = "v".repeat(129);
    let at_portal = |id: &str| {
        form(format!("grant_type=authorization_code&code={code}&redirect_uri={APP_URI}&code_verifier={VERIFIER}"))
            .basic(id, if id == PORTAL { SECRET } else { OTHER_SECRET })
    };
    let whole: Vec<(&str, Ask)> = vec![
        (
            "no verifier",
            form(format!("grant_type=authorization_code&client_id={APP}&code={code}&redirect_uri={APP_URI}")),
        ),
        ("an empty verifier", app_form(&code, APP_URI, "")),
        ("another verifier", app_form(&code, APP_URI, &other_verifier)),
        ("the challenge as the verifier", app_form(&code, APP_URI, CHALLENGE)),
        ("too short a verifier", app_form(&code, APP_URI, &VERIFIER[1..])),
        ("too long a verifier", app_form(&code, APP_URI, &long)),
        ("a verifier with a space", app_form(&code, APP_URI, &format!("{VERIFIER}+"))),
        (
            "no redirect URI",
            form(format!("grant_type=authorization_code&client_id={APP}&code={code}&code_verifier={VERIFIER}")),
        ),
        ("another redirect URI", app_form(&code, "http://127.0.0.1:5000/callback", VERIFIER)),
        ("another client", at_portal(PORTAL)),
        ("a third one", at_portal("twin")),
        ("a forged code", app_form(&forged(&code), APP_URI, VERIFIER)),
        ("not the shape of one", app_form("abc", APP_URI, VERIFIER)),
    ];
    let bodies: Vec<Vec<u8>> = whole
        .iter()
        .map(|(name, ask)| {
            let reply = world.send(ask, at(1));
            reply.assert_error(400, "invalid_grant");
            assert_eq!(world.store.bytes(), stored, "{name}");
            reply.body
        })
        .collect();
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "one answer for all of them");
    world.send(&app_form(&code, APP_URI, VERIFIER), at(2)).assert_ok();
    for (name, ask) in &whole {
        world.send(ask, at(3)).assert_error(400, "invalid_grant");
        assert_eq!(world.store.grants().len(), 1, "{name} logs nobody out");
    }
}

fn portal_twin() -> regrant::client::ClientBuilder {
    regrant::Client::confidential("twin")
        .secret(secret(OTHER_SECRET))
        .grant_type("authorization_code")
        .redirect_uri(PORTAL_URI)
}

/// RFC 9700 section 4.8.2: the downgrade of PKCE.
/// RFC 7636 section 4.1: 43 to 128 unreserved characters, whatever challenge was made of others.
#[test]
fn a_verifier_is_as_long_and_of_such_characters_as_it_has_to_be() {
    let world = bank();
    for (verifier, is_one) in [
        ("v".repeat(42), false),
        ("v".repeat(43), true),
        ("-._~09azAZ".repeat(5), true),
        ("v".repeat(128), true),
        ("v".repeat(129), false),
        (format!("{}!", "v".repeat(43)), false),
    ] {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        let code = world.authorize(&Query::app().set("code_challenge", &challenge), at(0)).code();
        let reply = world.send(&app_form(&code, APP_URI, &verifier), at(1));
        if is_one {
            reply.assert_ok();
        } else {
            reply.assert_error(400, "invalid_grant");
        }
    }
}

#[test]
fn a_verifier_without_a_challenge_is_refused() {
    let world = bank();
    let code = world.authorize(&Query::portal(), at(0)).code();
    let body = format!("grant_type=authorization_code&code={code}&redirect_uri={PORTAL_URI}&code_verifier={VERIFIER}");
    world.send(&portal_form(&body), at(1)).assert_error(400, "invalid_grant");
    world.redeem_portal(&code, at(1)).assert_ok();
}

/// RFC 6749 section 4.1.3.
#[test]
fn a_redirect_uri_is_presented_again_if_it_was_named() {
    let world = bank();
    for (named, presented, accepted) in [
        (true, Some(PORTAL_URI), true),
        (true, None, false),
        (false, None, true),
        (false, Some(PORTAL_URI), true),
        (false, Some(APP_URI), false),
    ] {
        let query = if named { Query::portal() } else { Query::portal().without("redirect_uri") };
        let code = world.authorize(&query, at(0)).code();
        let uri = presented.map_or(String::new(), |uri| format!("&redirect_uri={uri}"));
        let reply = world.send(&portal_form(&format!("grant_type=authorization_code&code={code}{uri}")), at(1));
        assert_eq!(reply.status == 200, accepted, "{named} {presented:?}");
    }
}

/// RFC 6749 section 4.1.2: at most ten minutes; here it is one.
#[test]
fn a_code_lives_sixty_seconds() {
    let world = bank();
    let code = world.authorize(&Query::portal(), at(0)).code();
    world.redeem_portal(&code, at(60)).assert_error(400, "invalid_grant");
    world.redeem_portal(&code, at(59)).assert_ok();
    let stored = world.store.bytes();
    world.redeem_portal(&code, at(60)).assert_error(400, "invalid_grant");
    assert_eq!(world.store.bytes(), stored, "after that it is no replay");
}

#[test]
fn the_record_forgets_the_code() {
    let world = bank();
    world.authorize(&Query::portal(), at(0)).code();
    let outstanding = world.store.grants()[0].encode().len();
    world.store.clear();
    let tokens = world.log_in(at(0));
    let redeemed = world.store.grants()[0].encode().len();
    assert!(redeemed < outstanding, "the nonce is gone");
    let refresh = |token: &str, now| {
        let reply = world.send(&portal_form(&format!("grant_type=refresh_token&refresh_token={token}")), now);
        reply.assert_ok();
        reply.refresh_token()
    };
    let second = refresh(&tokens.refresh_token(), at(30));
    assert_eq!(world.store.grants()[0].encode().len(), redeemed, "within the code's life");
    let third = refresh(&second, at(60));
    let settled = world.store.grants()[0].encode().len();
    assert!(settled + 32 <= redeemed, "the digests are gone, {settled} of {redeemed}");
    refresh(&third, at(120));
    assert_eq!(world.store.grants()[0].encode().len(), settled, "and from then on it takes the same space");
}

/// RFC 6749 sections 3.2 and 5.2.
#[test]
fn a_redemption_has_one_code_and_a_client_that_may() {
    let world = World::new([portal(), mobile_app(), no_codes()], issuing);
    world.send(&portal_form("grant_type=authorization_code"), at(0)).assert_error(400, "invalid_request");
    world.send(&portal_form("grant_type=authorization_code&code="), at(0)).assert_error(400, "invalid_request");
    let twice = "grant_type=authorization_code&code=a&code=a";
    world.send(&portal_form(twice), at(0)).assert_error(400, "invalid_request");
    let other = form("grant_type=authorization_code&code=a").basic("no-codes", SECRET);
    world.send(&other, at(0)).assert_error(400, "unauthorized_client");
    let off = World::new([no_codes()], |builder| builder);
    off.send(&other, at(0)).assert_error(400, "unsupported_grant_type");
}

fn no_codes() -> regrant::client::ClientBuilder {
    regrant::Client::confidential("no-codes").secret(secret(SECRET)).redirect_uri(PORTAL_URI)
}

#[test]
fn the_opt_in_parameter_counts_in_the_authorization_request_alone() {
    let world = World::new([portal(), mobile_app()], |builder| {
        issuing(builder).renewal(RenewalPolicy::OptIn("refresh_token_active".into()))
    });
    let on = Query::portal().and("refresh_token_active", "true");
    for (query, more, renewable) in [
        (on.clone(), "", true),
        (Query::portal(), "&refresh_token_active=true", false),
        (Query::portal().and("refresh_token_active", "True"), "", false),
        (on.clone().and("refresh_token_active", "true"), "", false),
        (on.and("refresh_token_active", ""), "", false),
    ] {
        let code = world.authorize(&query, at(0)).code();
        let body = format!("grant_type=authorization_code&code={code}&redirect_uri={PORTAL_URI}{more}");
        let tokens = world.send(&portal_form(&body), at(1));
        tokens.assert_ok();
        assert_eq!(tokens.refresh_token().len(), 43, "a refresh token in every case");
        let body = format!("grant_type=refresh_token&refresh_token={}{more}", tokens.refresh_token());
        assert_eq!(world.send(&portal_form(&body), at(2)).status == 200, renewable, "{more}");
    }
}

#[test]
fn no_refresh_token_where_the_host_or_the_client_wants_none() {
    let world = World::new([portal(), once()], issuing);
    let authorization = Authorization::of("alice").without_refresh_token();
    let code = world.authorize_as(&Query::portal(), authorization, at(0)).code();
    assert!(!world.redeem_portal(&code, at(1)).json().contains_key("refresh_token"));
    let code = world.authorize(&Query::portal().set("client_id", "once").without("scope"), at(0)).code();
    let body = format!("grant_type=authorization_code&code={code}&redirect_uri={PORTAL_URI}");
    let tokens = world.send(&form(body).basic("once", SECRET), at(1));
    assert!(!tokens.assert_ok().json().contains_key("refresh_token"));
    assert!(world.store.grants().iter().all(|grant| !grant.is_renewable()));
}

fn once() -> regrant::client::ClientBuilder {
    regrant::Client::confidential("once")
        .secret(secret(SECRET))
        .grant_type("authorization_code")
        .redirect_uri(PORTAL_URI)
}

#[test]
fn a_store_that_fails_is_503_and_the_code_is_good_or_was_redeemed() {
    for (fault, redeemed) in [
        (Fault::LoadFails, false),
        (Fault::SwapNotApplied, false),
        // Looked at again: the write took place after all, or has to be done again.
        (Fault::SwapAppliedAndReplyLost, true),
        (Fault::SwapLost, true),
    ] {
        let world = bank();
        let code = world.authorize(&Query::portal(), at(0)).code();
        world.store.fail_next(fault);
        let reply = world.redeem_portal(&code, at(1));
        if redeemed {
            assert!(world.lets_in(&reply.assert_ok().access_token(), at(1)), "{fault:?}");
        } else {
            reply.assert_error(503, "temporarily_unavailable");
            world.redeem_portal(&code, at(2)).assert_ok();
        }
    }
}
