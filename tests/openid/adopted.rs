//! A realm that is named for logins from before: names, sessions and logouts are what they were (OpenID Connect Core sections 8.1 and 12.2,
//! Back-Channel Logout section 2.7).

use std::sync::Arc;

use regrant::client::ClientBuilder;
use regrant::engine::{LoggedOut, LogoutConsent, LogoutNotice};
use regrant::{Authorization, Engine, Request, StaticClients};

use super::provider::{plain, query, shop, sub_in};
use crate::kit::bank::Query;
use crate::kit::jwt::claims;
use crate::kit::{Events, Reply, Shelf, World, at};

/// Each of a sector of its own, and people have other names at all but `open`; `fresh` has no logins from before that count.
fn clients() -> [ClientBuilder; 4] {
    [
        shop("shop").pairwise_subjects(),
        shop("news").pairwise_subjects(),
        shop("fresh").pairwise_subjects(),
        shop("open"),
    ]
}

/// An engine of this realm, which adopts these.
fn node(store: &Arc<Shelf>, realm: Option<&str>, adopted: &[&str]) -> World {
    let clients = clients();
    let clients = clients.into_iter().fold(StaticClients::new(), |all, one| all.with(one.build().unwrap()).unwrap());
    let events = Events::default();
    let mut builder = plain(Engine::builder(Arc::clone(store), clients)).events(events.clone());
    if let Some(realm) = realm {
        builder = builder.realm(realm).adopt_grants_of(adopted.iter().copied());
    }
    World { engine: Arc::new(builder.build().unwrap()), store: Arc::clone(store), events }
}

fn log_out(world: &World, cookie: &str, secs: u64) -> LoggedOut {
    world.engine.blocking().log_out("alice", cookie, at(secs)).unwrap().unwrap()
}

fn sid_in(reply: &Reply) -> String {
    claims(&reply.text("id_token"))["sid"].as_str().unwrap().to_owned()
}

/// Whom a notice is for, of which session, and about whom.
fn told(out: &LoggedOut) -> Vec<(String, String, String)> {
    let said = |notice: &LogoutNotice| {
        let claims = claims(notice.logout_token());
        let said = |name: &str| claims[name].as_str().unwrap().to_owned();
        (notice.client_id().to_owned(), said("sid"), said("sub"))
    };
    let mut told: Vec<_> = out.notices.iter().map(said).collect();
    told.sort_unstable();
    told
}

/// Core sections 8.1 and 12.2: a refresh and a new login, a client that is adopted and one that is not.
#[test]
fn a_client_that_is_adopted_knows_people_by_the_names_it_had() {
    let store = Arc::new(Shelf::default());
    let before = node(&store, None, &[]);
    let (old, foreign) = (before.log_in_to("shop", "c", at(1)), before.log_in_to("fresh", "c", at(1)));
    let after = node(&store, Some("town"), &["shop", "open"]);
    let renewed = after.renew("shop", &old.refresh_token(), at(2));
    assert_eq!((sub_in(&renewed), sid_in(&renewed)), (sub_in(&old), sid_in(&old)));
    assert_eq!(after.userinfo(&renewed.access_token(), at(3)).assert_ok().text("sub"), sub_in(&old));
    let new = after.log_in_to("shop", "d", at(3));
    assert_eq!(claims(&new.text("id_token"))["realm"], "town");
    assert_eq!(sub_in(&new), sub_in(&old), "new logins too");
    // A hint from before means the same person, and nobody else.
    let hinted = query("shop").and("id_token_hint", &old.text("id_token"));
    assert_eq!(after.authorize_as(&hinted, super::provider::alice_in("d"), at(4)).code().len(), 43);
    assert_eq!(after.authorize_as(&hinted, Authorization::of("bob"), at(4)).error(), "login_required");
    // Who is not adopted begins anew; and another realm's people are others.
    let fresh = sub_in(&after.log_in_to("fresh", "d", at(3)));
    assert_ne!(fresh, sub_in(&foreign));
    assert_ne!(sub_in(&node(&store, Some("village"), &["shop"]).log_in_to("fresh", "d", at(3))), fresh);
}

/// A session that was begun before the realm was named ends whole: the logins from before it and those since, and each client hears by the
/// names that it was told.
#[test]
fn a_logout_ends_the_session_on_both_sides_of_the_realm() {
    let store = Arc::new(Shelf::default());
    let before = node(&store, None, &[]);
    let old = ["shop", "news", "open"].map(|client| (client, before.log_in_to(client, "c", at(1))));
    let other_browser = before.log_in_to("shop", "d", at(1));
    let kept = before.tokens(
        "shop",
        &query("shop").set("scope", "openid offline_access"),
        super::provider::alice_in("c"),
        at(1),
    );
    let waiting = before.authorize_as(&query("open"), super::provider::alice_in("c"), at(1)).code();
    let after = node(&store, Some("town"), &["shop", "open"]);
    let new = ["shop", "fresh"].map(|client| (client, after.log_in_to(client, "c", at(2))));
    let out = log_out(&after, "c", 3);
    assert_eq!(out.ended, 5, "two from before and a code, two since");
    let mut expected: Vec<_> = [&old[0], &old[2], &new[0], &new[1]]
        .map(|(client, login)| ((*client).to_owned(), sid_in(login), sub_in(login)))
        .into();
    expected.sort_unstable();
    assert_eq!(told(&out), expected);
    assert_ne!(sid_in(&old[0].1), sid_in(&new[0].1));
    for (client, login) in [&old[0], &old[2], &new[0], &new[1]] {
        after.renew(client, &login.refresh_token(), at(4)).assert_error(400, "invalid_grant");
    }
    let body = format!("grant_type=authorization_code&code={waiting}&redirect_uri=https://open.example/cb");
    after.send(&crate::kit::form(body).basic("open", crate::kit::SECRET), at(4)).assert_error(400, "invalid_grant");
    for alive in [&other_browser, &kept] {
        after.renew("shop", &alive.refresh_token(), at(4)).assert_ok();
    }
    // What is another engine's is none of this one's business (law 25).
    before.renew("news", &old[1].1.refresh_token(), at(4)).assert_ok();
    assert_eq!(log_out(&after, "c", 5).ended, 0);
    assert_eq!(log_out(&node(&store, Some("village"), &["news"]), "c", 6).ended, 1);
}

/// An ID token from before is of the browser's session, and needs no question (RP-Initiated Logout section 2); that of a client that is not
/// adopted is nobody's.
#[test]
fn a_hint_from_before_the_realm_is_of_the_session() {
    let store = Arc::new(Shelf::default());
    let before = node(&store, None, &[]);
    let hints = ["shop", "news"].map(|client| (client, before.log_in_to(client, "c", at(1)).text("id_token")));
    let after = node(&store, Some("town"), &["shop"]);
    let own = ("shop", after.log_in_to("shop", "c", at(2)).text("id_token"));
    for ((client, hint), counts) in hints.iter().zip([true, false]).chain([(&own, true)]) {
        let query = Query::of(&[("id_token_hint", hint), ("client_id", client)]).encoded();
        let request = Request::new("GET", b"").with_query(query.as_bytes());
        let asked = after.engine.blocking().end_session_request(&request).unwrap().unwrap();
        assert_eq!(asked.needs_question(Some(("alice", "c"))), !counts, "{client}");
        assert!(asked.needs_question(Some(("alice", "d"))) && asked.needs_question(Some(("bob", "c"))), "{client}");
        let other = LogoutConsent::Session { subject: "bob", name: "c" };
        assert!(asked.way_back(other).is_none());
    }
}
