//! The end of a session, and who hears of it: OpenID Connect Back-Channel Logout 1.0.

use regrant::engine::{LoggedOut, LogoutNotice};
use regrant::store::TokenStore;
use serde_json::json;

use super::provider::{alice_in, plain, provider, query, shop, world};
use crate::kit::bank::{ISSUER, KEY};
use crate::kit::jwt::{claims, part};
use crate::kit::schedule::run;
use crate::kit::{Fault, SECRET, T0, World, at};

fn log_out(world: &World, cookie: &str, secs: u64) -> LoggedOut {
    world.engine.blocking().log_out("alice", cookie, at(secs)).unwrap().unwrap()
}

fn told(out: &LoggedOut) -> Vec<&str> {
    let mut told: Vec<&str> = out.notices.iter().map(LogoutNotice::client_id).collect();
    told.sort_unstable();
    told
}

/// Section 2.4: each claim, no `nonce`, a `typ` of its own, two minutes at most.
#[test]
fn a_logout_token_says_who_what_and_of_which_session() {
    let world = provider();
    let id_token = claims(&world.log_in_to("shop", "c", at(1)).text("id_token"));
    let out = log_out(&world, "c", 50);
    let [notice] = &out.notices[..] else { panic!("{out:?}") };
    assert_eq!(notice.uri(), "https://shop.example/logout");
    assert_eq!(notice.body(), format!("logout_token={}", notice.logout_token()));
    assert_eq!(part(notice.logout_token(), 0), json!({"alg": "ES256", "typ": "logout+jwt", "kid": KEY.kid()}));
    let mut said = claims(notice.logout_token());
    let jti = said.as_object_mut().unwrap().remove("jti").unwrap();
    assert_eq!(jti.as_str().unwrap().len(), 43);
    let expected = json!({
        "iss": ISSUER, "sub": "alice", "aud": "shop", "iat": T0 + 50, "exp": T0 + 170, "sid": id_token["sid"],
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    });
    assert_eq!(said, expected);
    assert!(!format!("{out:?}").contains(notice.logout_token()));
    assert_ne!(claims(log_out(&world, "c", 50).notices[0].logout_token())["jti"], jti, "each is another");
}

/// It is no ID token, whoever signs it.
#[test]
fn a_logout_token_passes_for_nothing_else() {
    let world = world([shop("shop"), shop("news").id_token_signed_response_alg("HS256")], |builder| builder);
    for client in ["shop", "news"] {
        world.log_in_to(client, "c", at(1));
        let out = log_out(&world, "c", 2);
        let token = out.notices.iter().find(|notice| notice.client_id() == client).unwrap().logout_token();
        assert!(world.engine.blocking().verify_id_token_hint(token, Some(client)).unwrap().is_err());
        assert_eq!(world.userinfo(token, at(2)).status, 401);
    }
}

/// Section 2.7, and Core section 11: what was granted for while the person is away stays.
#[test]
fn a_logout_ends_what_is_of_the_session_and_was_not_granted_for_longer() {
    let world = provider();
    let offline = query("shop").set("scope", "openid offline_access");
    let kept = world.tokens("shop", &offline, alice_in("c"), at(1));
    let gone = world.log_in_to("shop", "c", at(1));
    let other_browser = world.log_in_to("shop", "d", at(1));
    let no_session = world.tokens("shop", &query("shop"), regrant::Authorization::of("alice"), at(1));
    let waiting = world.authorize_as(&query("news"), alice_in("c"), at(1)).code();
    // Of a code no refresh token is out that could be spared, and its ID token would have the `sid` of a session that is over.
    let offline_waiting = query("news").set("scope", "openid offline_access");
    let offline_waiting = world.authorize_as(&offline_waiting, alice_in("c"), at(1)).code();
    // Without `openid` the word means nothing, and nobody was asked about it.
    let plain = query("shop").set("scope", "read offline_access");
    let silent = regrant::Authorization::of("alice").with_session("c", at(80_000));
    let plain = world.tokens("shop", &plain, silent, at(1));
    assert_eq!(plain.text("scope"), "read offline_access");
    let out = log_out(&world, "c", 2);
    assert_eq!((out.ended, told(&out)), (4, vec!["shop"]), "news has not redeemed its codes");
    world.renew("shop", &plain.refresh_token(), at(3)).assert_error(400, "invalid_grant");
    world.renew("shop", &gone.refresh_token(), at(3)).assert_error(400, "invalid_grant");
    assert_eq!(world.userinfo(&gone.access_token(), at(3)).status, 401);
    for alive in [kept, other_browser, no_session] {
        world.renew("shop", &alive.refresh_token(), at(3)).assert_ok();
    }
    for code in [waiting, offline_waiting] {
        let body = format!("grant_type=authorization_code&code={code}&redirect_uri=https://news.example/cb");
        let late = world.send(&crate::kit::form(body).basic("news", SECRET), at(3));
        late.assert_error(400, "invalid_grant");
    }
}

/// Another person's session of that name, a name that nobody has, and one that is too long end nothing.
#[test]
fn nobody_elses_session_ends() {
    let world = provider();
    world.log_in_to("shop", "c", at(1));
    let stored = world.store.bytes();
    for (who, name) in [("bob", "c"), ("alice", "C"), ("alice", ""), ("alice", &"c".repeat(1_025)), ("", "c")] {
        let out = world.engine.blocking().log_out(who, name, at(2)).unwrap().unwrap();
        assert_eq!((out.ended, out.notices.len()), (0, 0), "{who} {name}");
    }
    assert_eq!(world.store.bytes(), stored);
}

/// Section 2.5: each client of the session hears of it, also where its own login ended long before: it may have wanted the login alone.
#[test]
fn who_was_logged_in_to_is_told_though_its_grant_is_gone() {
    let world = provider();
    world.log_in_to("shop", "c", at(1));
    world.log_in_to("news", "c", at(1));
    let owner = regrant::grant::Owner::subject("alice");
    for session in world.engine.blocking().sessions("alice", None, 50, at(2)).unwrap().unwrap().sessions {
        world.engine.blocking().end_session("alice", session.id(), at(2)).unwrap().unwrap();
    }
    world.engine.blocking().end_sessions_of("alice", at(2)).unwrap().unwrap();
    run(world.store.purge_expired(at(40_000), 100)).unwrap();
    let left = run(world.store.list(&owner, None, 100)).unwrap();
    assert_eq!(left.grants.len(), 2, "what is kept is no login");
    assert!(left.grants.iter().all(|grant| !grant.is_redeemed()));
    assert!(!world.engine.blocking().has_grants_at("alice", "shop", at(2)).unwrap().unwrap());
    assert_eq!(told(&log_out(&world, "c", 40_000)), ["news", "shop"]);
    assert_eq!(told(&log_out(&world, "c", 40_001)), ["news", "shop"], "said again, in case it got lost");
    assert!(log_out(&world, "c", 80_000).notices.is_empty(), "the session was to end then");
}

/// One record for each client and session, however often it is logged in to; as long as the session.
#[test]
fn a_session_that_lasts_longer_is_remembered_for_longer() {
    let world = provider();
    let listeners =
        || world.store.grants().into_iter().filter(|grant| grant.subject() == Some("alice") && !grant.is_redeemed());
    world.log_in_to("shop", "c", at(1));
    let first: Vec<_> = listeners().map(|grant| grant.encode()).collect();
    for _ in 0..5 {
        world.log_in_to("shop", "c", at(1));
    }
    // It says what it is to say, so nothing is written to it.
    assert_eq!(listeners().map(|grant| grant.encode()).collect::<Vec<_>>(), first);
    assert_eq!(first.len(), 1);
    for (ends, kept) in [(90_000, 90_000), (70_000, 90_000)] {
        let who = regrant::Authorization::of("alice").with_session("c", at(ends));
        world.tokens("shop", &query("shop"), who, at(2));
        assert_eq!(listeners().map(|grant| grant.expires_at()).collect::<Vec<_>>(), [at(kept)]);
    }
}

/// Who asked for no notices gets none, nor does a client that nobody made by hand: its URL is anybody's. Nor where there is no ID token.
#[test]
fn a_stranger_is_sent_nothing() {
    let stranger = shop("news").stranger(true).require_pkce(false);
    let quiet = regrant::Client::confidential("quiet")
        .secret(crate::kit::secret(SECRET))
        .grant_type("authorization_code")
        .grant_type("refresh_token")
        .redirect_uri("https://quiet.example/cb")
        .scope(crate::kit::scope("openid email"));
    let world = world([stranger, quiet, shop("shop")], |builder| builder);
    let code = crate::kit::bank::CHALLENGE;
    let pkce = query("news").and("code_challenge", code).and("code_challenge_method", "S256");
    world.authorize_as(&pkce, alice_in("c"), at(1)).code();
    world.log_in_to("quiet", "c", at(1));
    world.tokens("shop", &query("shop").set("scope", "read"), alice_in("c"), at(1));
    assert!(log_out(&world, "c", 2).notices.is_empty());
}

fn stranger(id: &str) -> regrant::client::ClientBuilder {
    shop(id).stranger(true).require_pkce(false).danger_backchannel_logout_of_stranger(true)
}

/// Where the host sends strangers' clients notices all the same, it is on the host of all their redirect URIs, or of their sector, by `https`: what is
/// said there is what the redirect URIs' owner calls the person.
#[test]
fn a_stranger_is_told_at_its_own_host_alone() {
    for (uri, own) in [
        ("https://news.example/logout", true),
        ("https://sector.example/logout", true),
        ("https://evil.example/logout", false),
        ("http://127.0.0.1/logout", false),
    ] {
        let news = stranger("news").sector_identifier("sector.example").backchannel_logout_uri(uri, true);
        let world = world([news], |builder| builder);
        let pkce =
            query("news").and("code_challenge", crate::kit::bank::CHALLENGE).and("code_challenge_method", "S256");
        let code = world.authorize_as(&pkce, alice_in("c"), at(1)).code();
        let body = format!(
            "grant_type=authorization_code&code={code}&redirect_uri=https://news.example/cb&code_verifier={}",
            crate::kit::bank::VERIFIER
        );
        world.send(&crate::kit::form(body).basic("news", SECRET), at(1)).assert_ok();
        assert_eq!(log_out(&world, "c", 2).notices.len(), usize::from(own), "{uri}");
    }
}

fn log_in_to_stranger(world: &World, id: &str, who: regrant::Authorization, now: u64) {
    let pkce = query(id).and("code_challenge", crate::kit::bank::CHALLENGE).and("code_challenge_method", "S256");
    let code = world.authorize_as(&pkce, who, at(now)).code();
    let body = format!(
        "grant_type=authorization_code&code={code}&redirect_uri=https://{id}.example/cb&code_verifier={}",
        crate::kit::bank::VERIFIER
    );
    world.send(&crate::kit::form(body).basic(id, SECRET), at(now)).assert_ok();
}

/// Whoever registers makes this server keep and post no more than the bound, in all sessions of a person together; clients made by hand are not
/// counted, and none of them makes room.
#[test]
fn strangers_have_a_bound_together() {
    let most = usize::try_from(regrant::Lifetimes::MOST_AT_STRANGERS).unwrap();
    let ids: Vec<String> = (0..most + 5).map(|number| format!("s{number}")).collect();
    let clients = ids.iter().map(|id| stranger(id)).chain([shop("shop"), shop("news")]);
    let world = world(clients, |builder| builder);
    let log_in = |id: &str, cookie: &str, now: u64| log_in_to_stranger(&world, id, alice_in(cookie), now);
    world.log_in_to("shop", "c", at(0));
    for (second, id) in (1..).zip(&ids) {
        log_in(id, if second % 2 == 0 { "c" } else { "d" }, second);
    }
    world.log_in_to("news", "c", at(300));
    let remembered = || world.store.grants().into_iter().filter(|grant| grant.expires_at() == at(80_000)).count();
    assert_eq!(remembered(), most + 2);
    // Again at one that is remembered: nobody goes for it.
    log_in(&ids[most], "c", 301);
    assert_eq!(remembered(), most + 2);
    let (c, d) = (log_out(&world, "c", 302), log_out(&world, "d", 302));
    assert_eq!(c.notices.len() + d.notices.len(), most + 2);
    assert!(told(&c).contains(&"shop") && told(&c).contains(&"news"));
    let first = ids[..5].iter().any(|id| told(&c).contains(&id.as_str()) || told(&d).contains(&id.as_str()));
    assert!(!first, "the oldest have gone");
}

/// What is over takes no place among them.
#[test]
fn one_of_strangers_goes_while_all_of_them_would_hear() {
    let most = usize::try_from(regrant::Lifetimes::MOST_AT_STRANGERS).unwrap();
    let ids: Vec<String> = (0..=most).map(|number| format!("s{number}")).collect();
    for (now, left) in [(499, most - 1), (500, most)] {
        let world = world(ids.iter().map(|id| stranger(id)), |builder| builder);
        let short = || regrant::Authorization::of("alice").with_session("c", at(500)).with_page_shown();
        ids[..most].iter().for_each(|id| log_in_to_stranger(&world, id, short(), 1));
        log_in_to_stranger(&world, &ids[most], alice_in("d"), now);
        let until = |end| world.store.grants().into_iter().filter(|grant| grant.expires_at() == at(end)).count();
        assert_eq!((until(500), until(80_000)), (left, 1), "{now}");
    }
}

/// Another engine on the same store, with these clients.
fn again(world: &World, clients: impl IntoIterator<Item = regrant::client::ClientBuilder>) -> World {
    let clients = clients
        .into_iter()
        .fold(regrant::StaticClients::new(), |all, client| all.with(client.build().unwrap()).unwrap());
    let builder = regrant::Engine::builder(std::sync::Arc::clone(&world.store), clients);
    World {
        engine: std::sync::Arc::new(plain(builder).build().unwrap()),
        store: std::sync::Arc::clone(&world.store),
        events: world.events.clone(),
    }
}

/// A client that has another's old id never had the person, until it is logged in to.
#[test]
fn a_new_client_under_an_old_id_hears_of_nobody_it_never_had() {
    let before = provider();
    before.log_in_to("shop", "c", at(1));
    before.log_in_to("news", "c", at(1));
    let after = again(&before, [shop("shop").registered_at(at(100)), shop("news")]);
    assert_eq!(told(&log_out(&after, "c", 200)), ["news"]);
    after.log_in_to("shop", "c", at(201));
    assert_eq!(told(&log_out(&after, "c", 202)), ["news", "shop"]);
    after.engine.void_grants_before(at(300));
    assert!(log_out(&after, "c", 301).notices.is_empty(), "what is void is nobody's login");
    after.log_in_to("news", "c", at(302));
    assert_eq!(told(&log_out(&after, "c", 303)), ["news"]);
}

/// Core section 8.1: a session that goes on while subjects become pairwise tells nobody what the person is called here.
#[test]
fn a_notice_names_the_person_as_the_last_login_did() {
    let before = provider();
    before.log_in_to("shop", "c", at(1));
    let after = again(&before, [shop("shop").danger_pairwise_subjects_from(at(100))]);
    let sub = |out: &LoggedOut| claims(out.notices[0].logout_token())["sub"].as_str().unwrap().to_owned();
    assert_eq!(sub(&log_out(&after, "c", 50)), "alice");
    before.log_in_to("shop", "c", at(1));
    let own = super::provider::sub_in(&after.log_in_to("shop", "c", at(150)));
    assert_ne!(own, "alice");
    assert_eq!(sub(&log_out(&after, "c", 200)), own);
}

/// A registry that cannot say who one client is.
struct Away;

impl regrant::Clients for Away {
    async fn find(
        &self,
        client_id: &str,
        _: regrant::client::Lookup,
    ) -> Result<Option<regrant::client::ClientRef<'_>>, regrant::client::ClientsError> {
        if client_id == "news" {
            return Err(regrant::client::ClientsError::not_at_hand());
        }
        Ok(Some(std::sync::Arc::new(shop(client_id).build().unwrap()).into()))
    }
}

/// One that is not at hand keeps nobody else from hearing of it, and the host learns that somebody was not told.
#[test]
fn a_client_that_is_not_at_hand_keeps_no_other_from_hearing() {
    let world = provider();
    let token = world.log_in_to("shop", "c", at(1)).refresh_token();
    world.log_in_to("news", "c", at(1));
    let builder = regrant::Engine::builder(std::sync::Arc::clone(&world.store), Away);
    let away = plain(builder).build().unwrap();
    let out = run(away.log_out("alice", "c", || at(2))).unwrap();
    assert_eq!((out.ended, told(&out), out.untold), (2, vec!["shop"], 1));
    world.renew("shop", &token, at(3)).assert_error(400, "invalid_grant");
    let out = log_out(&world, "c", 4);
    assert_eq!((told(&out), out.untold), (vec!["news", "shop"], 0));
}

/// The store holds a MAC of the name: it may be what the cookie says.
#[test]
fn the_store_has_no_cookie() {
    let world = provider();
    let cookie = "a-cookie-that-would-open-the-door";
    world.log_in_to("shop", cookie, at(1));
    let found = |bytes: &[u8]| bytes.windows(8).any(|window| cookie.as_bytes().windows(8).any(|part| part == window));
    assert!(!world.store.bytes().values().any(|bytes| found(bytes)));
    assert!(!world.events.take().concat().contains(cookie));
}

/// A host that names a session has a secret to keep it under.
#[test]
fn a_session_that_cannot_be_kept_is_the_hosts_fault() {
    let world = provider();
    for name in [String::new(), "c".repeat(1_025)] {
        let ended = world.authorize_as(&query("shop"), alice_in(&name), at(1));
        assert_eq!(ended.error(), "server_error");
    }
    let clients = regrant::StaticClients::new().with(shop("shop").build().unwrap()).unwrap();
    let bare = regrant::Engine::builder(std::sync::Arc::default(), clients)
        .issuer(ISSUER)
        .authorization_code()
        .signing_key(KEY.clone())
        .id_tokens(super::provider::Directory);
    let bare = World { engine: std::sync::Arc::new(bare.build().unwrap()), ..provider() };
    assert_eq!(bare.authorize_as(&query("shop"), alice_in("c"), at(1)).error(), "server_error");
}

fn redeem(world: &World, client: &str, code: &str, secs: u64) -> crate::kit::Reply {
    let body = format!("grant_type=authorization_code&code={code}&redirect_uri=https://{client}.example/cb");
    world.send(&crate::kit::form(body).basic(client, SECRET), at(secs))
}

/// A store that fails, or loses its answer, where a code is redeemed: no tokens without the memory of it, and the code is good yet.
#[test]
fn a_login_is_remembered_or_there_are_no_tokens() {
    for (fault, ok) in
        [(Fault::InsertNotApplied, false), (Fault::InsertAppliedAndReplyLost, true), (Fault::InsertLost, true)]
    {
        let world = provider();
        let code = world.authorize_as(&query("shop"), alice_in("c"), at(1)).code();
        world.store.fail_next(fault);
        let first = redeem(&world, "shop", &code, 2);
        assert_eq!(first.status == 200, ok, "{fault:?}");
        if !ok {
            redeem(&world, "shop", &code, 3).assert_ok();
        }
        assert_eq!(told(&log_out(&world, "c", 4)), ["shop"], "{fault:?}");
    }
}

/// The same where the session is to end later than was said the last time.
#[test]
fn a_session_that_lasts_longer_is_remembered_over_lost_replies() {
    for (fault, ok) in [(Fault::SwapNotApplied, false), (Fault::SwapAppliedAndReplyLost, true), (Fault::SwapLost, true)]
    {
        let world = provider();
        world.log_in_to("shop", "c", at(1));
        let longer = regrant::Authorization::of("alice").with_session("c", at(90_000)).with_page_shown();
        let code = world.authorize_as(&query("shop"), longer, at(2)).code();
        world.store.fail_next(fault);
        let first = redeem(&world, "shop", &code, 3);
        assert_eq!(first.status == 200, ok, "{fault:?}");
        if !ok {
            redeem(&world, "shop", &code, 4).assert_ok();
        }
        assert_eq!(told(&log_out(&world, "c", 85_000)), ["shop"], "{fault:?}");
    }
}

/// A store that lost a redemption, and who is to hear of the end of its session as well: the refresh that moves the login on is remembered.
#[test]
fn a_redemption_that_the_store_lost_is_remembered_once_more() {
    let world = provider();
    let code = world.authorize_as(&query("shop"), alice_in("c"), at(1)).code();
    let before = world.store.grants().pop().unwrap();
    let token = redeem(&world, "shop", &code, 2).refresh_token();
    for grant in world.store.grants() {
        run(world.store.remove(grant.id())).unwrap();
    }
    world.store.misplace(before.id(), before);
    // One that asks for less than a login: the first one had all of it.
    let body = format!("grant_type=refresh_token&refresh_token={token}&scope=email");
    world.send(&crate::kit::form(body).basic("shop", SECRET), at(3)).assert_ok();
    assert_eq!(told(&log_out(&world, "c", 4)), ["shop"]);
}

/// Of a client that wants to hear of nothing, or of a session that is over by then, nothing is kept; and what says it all is not written again.
#[test]
fn nothing_is_remembered_that_nobody_would_hear_of() {
    let world = world([shop("shop"), crate::kit::bank::portal()], |builder| builder);
    let records = || world.store.bytes().len();
    world.log_in_to("portal", "c", at(1));
    assert_eq!(records(), 1);
    for (ends, kept) in [(5, 1), (6, 2)] {
        let short = regrant::Authorization::of("alice").with_session("d", at(ends)).with_page_shown();
        let code = world.authorize_as(&query("shop"), short, at(2)).code();
        let before = records() - 1;
        redeem(&world, "shop", &code, 5).assert_ok();
        assert_eq!(records() - before, kept, "{ends}");
    }
    world.log_in_to("shop", "e", at(7));
    let before = world.store.bytes();
    world.log_in_to("shop", "e", at(8));
    let after = world.store.bytes();
    assert_eq!(after.len(), before.len() + 1);
    assert!(before.iter().all(|(id, record)| after.get(id) == Some(record)));
}

/// A code that nobody redeems, or not by its verifier, at its client and for its redirect URI, makes no part of the session of anybody.
#[test]
fn a_code_that_is_not_redeemed_is_nobodys_to_hear_of() {
    let world = provider();
    let code = || world.authorize_as(&query("shop"), alice_in("c"), at(1)).code();
    let (waiting, refused) = (code(), code());
    redeem(&world, "news", &refused, 2).assert_error(400, "invalid_grant");
    let wrong_uri = format!("grant_type=authorization_code&code={refused}&redirect_uri=https://news.example/cb");
    world.send(&crate::kit::form(wrong_uri).basic("shop", SECRET), at(2)).assert_error(400, "invalid_grant");
    redeem(&world, "shop", &refused, 62).assert_error(400, "invalid_grant");
    assert!(world.store.grants().iter().all(|grant| grant.expires_at() < at(80_000)), "nobody is remembered");
    assert!(log_out(&world, "c", 3).notices.is_empty());
    redeem(&world, "shop", &waiting, 4).assert_error(400, "invalid_grant");
    assert!(log_out(&world, "c", 5).notices.is_empty());
}

/// Of two engines on one store, in other realms, neither ends what the other made (law 25).
#[test]
fn a_logout_stays_in_its_realm() {
    let one = world([shop("shop")], |builder| builder.realm("one"));
    let clients = regrant::StaticClients::new().with(shop("shop").build().unwrap()).unwrap();
    let builder = regrant::Engine::builder(std::sync::Arc::clone(&one.store), clients);
    let two = World {
        engine: std::sync::Arc::new(plain(builder).realm("two").build().unwrap()),
        store: std::sync::Arc::clone(&one.store),
        events: one.events.clone(),
    };
    let token = one.log_in_to("shop", "c", at(1)).refresh_token();
    let out = log_out(&two, "c", 2);
    assert_eq!((out.ended, out.notices.len()), (0, 0));
    one.renew("shop", &token, at(3)).assert_ok();
    assert_eq!(log_out(&one, "c", 4).ended, 1);
}

/// A record by which a client hears is believed by the session, the person and the client, not by the 62 bits of its id: what is in its way
/// is stepped over, and after the fourth nobody is logged in who would not be logged out.
#[test]
fn a_listener_goes_to_another_place_where_something_is_in_its_way() {
    // Its last member is the session: tag 28, 20 bytes.
    let is_one = |grant: &regrant::Grant| grant.encode().iter().rev().nth(22) == Some(&28);
    let listener = |world: &World, known: &[regrant::Grant]| {
        let is_new = |grant: &regrant::Grant| is_one(grant) && known.iter().all(|known| known.id() != grant.id());
        world.store.grants().into_iter().find(is_new).unwrap()
    };
    // The same of another session.
    let of_another = |listener: &regrant::Grant| {
        let mut record = listener.encode();
        *record.last_mut().unwrap() ^= 1;
        regrant::Grant::decode(&record).unwrap()
    };
    let taken_by_others = |world: &World, places: &[regrant::Grant]| {
        for place in places {
            world.store.misplace(place.id(), of_another(place));
        }
    };
    let mut places: Vec<regrant::Grant> = Vec::new();
    for taken in 0..4 {
        let world = provider();
        taken_by_others(&world, &places);
        world.log_in_to("shop", "c", at(1));
        places.push(listener(&world, &places));
        assert_eq!(told(&log_out(&world, "c", 2)), ["shop"], "{taken}");
    }
    let world = provider();
    taken_by_others(&world, &places);
    let code = world.authorize_as(&query("shop"), alice_in("c"), at(1)).code();
    world.redeem("shop", &code, at(1)).assert_error(503, "temporarily_unavailable");
    // The code is as good as it was.
    run(world.store.remove(places[2].id())).unwrap();
    world.redeem("shop", &code, at(2)).assert_ok();
    // Nor does what is in its way stand for it, where a code was on its way when the session ended.
    let world = provider();
    taken_by_others(&world, &places);
    world.authorize_as(&query("shop"), alice_in("c"), at(1)).code();
    assert!(log_out(&world, "c", 2).notices.is_empty());
}

/// A log of the host's has neither the person nor the browser's cookie in it.
#[test]
fn an_authorization_is_printed_without_whose_it_is() {
    let printed = format!("{:?}", regrant::Authorization::of("alice").with_session("cookie-value", at(9)));
    assert!(
        printed.starts_with("Authorization") && !printed.contains("alice") && !printed.contains("cookie"),
        "{printed}"
    );
}
