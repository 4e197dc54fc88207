//! For whom a new token is: RFC 8693 section 2.1, law 19, and the policy's list.

use regrant::engine::ExchangeTerms;
use regrant::{Resource, Scope};
use serde_json::json;

use crate::kit::{World, at};
use crate::town::{
    API, Exchange, LEDGER, VAULT, anywhere, claims, clients, lone, now, on, open_town, plain, town, with_resources,
};

/// No resource believes a token that is not for it.
#[test]
fn a_token_is_believed_where_it_is_for() {
    let town = open_town();
    let alice = town.alice(at(0)).access_token();
    for (named, here, there) in [(LEDGER, false, true), (API, true, false), (VAULT, false, false)] {
        let token = town.exchanged("shop", &Exchange::of(&alice).to(named), now());
        assert_eq!(claims(&token)["aud"], named);
        assert_eq!((town.at(API, &token, now()).is_ok(), town.at(LEDGER, &token, now()).is_ok()), (here, there));
        assert_eq!(town.bearer(&token, now()).is_ok(), here, "the default one");
        assert_eq!(
            town.asked_about("ledger", &token, now())["active"],
            there,
            "what is for others is nobody's business"
        );
        let own = town.asked_about("shop", &token, now());
        assert_eq!((&own["active"], &own["aud"]), (&json!(true), &json!(named)));
    }
    let both = town.exchanged("shop", &Exchange::of(&alice).to(LEDGER).to(API), now());
    assert_eq!(town.at(LEDGER, &both, now()).unwrap().scope().as_str(), "ledger:read ledger:write");
    assert_eq!(town.at(API, &both, now()).unwrap().scope().as_str(), "read");
}

/// Which it is for where the request does not say it.
#[test]
fn an_unnamed_audience_is_the_only_one_or_the_default() {
    for (terms, aud) in [
        (ExchangeTerms::new().with_audience(LEDGER), Some(LEDGER)),
        (ExchangeTerms::new().with_audience(VAULT), Some(VAULT)),
        (anywhere(), Some(API)),
        (ExchangeTerms::new().with_audience(LEDGER).with_audience(VAULT), None),
        (ExchangeTerms::new(), None),
    ] {
        let town = town(on(terms.clone()));
        let alice = town.log_in_as(
            "phone",
            "alice",
            &format!("scope=read+ledger:read&resource={API}&resource={LEDGER}"),
            at(0),
        );
        let reply = town.exchange("shop", &Exchange::of(&alice.access_token()).without("scope"), now());
        match aud {
            Some(aud) => assert_eq!(claims(&reply.assert_ok().access_token())["aud"], aud, "{terms:?}"),
            None => drop(reply.assert_error(400, "invalid_target")),
        }
    }
    let strict = World::new(clients(), |builder| {
        with_resources(plain(builder)).resource_must_be_named().token_exchange(on(anywhere()))
    });
    let alice = strict.alice(at(0)).access_token();
    strict.exchange("shop", &Exchange::of(&alice), now()).assert_error(400, "invalid_target");
    strict.exchange("shop", &Exchange::of(&alice).to(API), now()).assert_ok();
}

/// Names are the policy's, to the letter or as URIs are compared; what a client writes is in no token.
#[test]
fn an_audience_is_spelt_as_the_policy_has_it() {
    let town =
        town(on(ExchangeTerms::new().with_audience("https://LEDGER.example").with_audience("https://b.example/x")));
    let alice = town.alice(at(0)).access_token();
    for (asked, aud) in [
        ("https://ledger.example/", Some(LEDGER)),
        ("https://ledger.example", Some(LEDGER)),
        ("https://LEDGER.example:443", Some(LEDGER)),
        ("https://b.example/x", Some("https://b.example/x")),
        ("https://B.example:443/x", Some("https://b.example/x")),
        ("https://b.example/y", None),
        ("https://b.example/x/", None),
        ("http://b.example/x", None),
        ("B", None),
    ] {
        for name in ["audience", "resource"] {
            let reply = town.exchange("shop", &Exchange::of(&alice).and(name, asked), now());
            match aud {
                Some(aud) => assert_eq!(claims(&reply.assert_ok().access_token())["aud"], aud, "{asked}"),
                None => drop(reply.assert_error(400, "invalid_target")),
            }
        }
    }
}

/// The number and the length of what is asked for are bounded.
#[test]
fn too_many_audiences_are_refused() {
    let names: Vec<String> = (0..17).map(|at| format!("urn:example:{at}")).collect();
    let terms = names.iter().fold(ExchangeTerms::new(), |terms, name| terms.with_audience(name));
    let town = town(on(terms.with_audience(&"x".repeat(513))));
    let alice = town.alice(at(0)).access_token();
    let asking = |most: usize| names[..most].iter().fold(Exchange::of(&alice), |exchange, name| exchange.to(name));
    town.exchange("shop", &asking(16).to(&names[0]), now()).assert_ok();
    town.exchange("shop", &asking(17), now()).assert_error(400, "invalid_target");
    town.exchange("shop", &Exchange::of(&alice).to(&"x".repeat(513)), now()).assert_error(400, "invalid_target");
}

/// Law 19: with a token of its own a client reaches nothing that its person did not consent to, whatever the policy says.
#[test]
fn an_own_token_reaches_what_was_consented_to() {
    let town = open_town();
    let narrow = town.log_in_as("shop", "alice", &format!("scope=openid+read&resource={API}"), at(0));
    let wide = town.log_in_as(
        "shop",
        "alice",
        &format!("scope=openid+read+ledger:read&resource={API}&resource={LEDGER}"),
        at(0),
    );
    let unnamed = town.log_in_as("shop", "alice", "scope=openid+read", at(0));
    for (login, to, is_right) in [
        (&narrow, API, true),
        (&narrow, LEDGER, false),
        (&narrow, VAULT, false),
        (&wide, LEDGER, true),
        (&wide, VAULT, false),
        (&unnamed, API, true),
        (&unnamed, LEDGER, false),
    ] {
        for exchange in [Exchange::of(&login.access_token()), Exchange::of_id_token(&login.text("id_token"))] {
            let reply = town.exchange("shop", &exchange.to(to), now());
            if is_right {
                assert!(town.at(to, &reply.assert_ok().access_token(), now()).is_ok());
            } else {
                reply.assert_error(400, "invalid_target");
            }
        }
    }
    // Another client, with a token that it was sent: that is what exchange is for.
    town.exchange("ledger", &Exchange::of(&narrow.access_token()).to(API), now()).assert_ok();
    town.exchange("ledger", &Exchange::of(&wide.access_token()).to(VAULT), now()).assert_ok();
}

/// The same where such a token was signed all the same: the resource has the last word.
#[test]
fn what_was_not_consented_to_is_not_believed() {
    let engine = |known: &[&str]| {
        let known: Vec<Resource> = known.iter().map(|uri| Resource::new(uri)).collect();
        World::new(clients(), move |builder| {
            let builder = known.into_iter().fold(plain(builder), regrant::EngineBuilder::resource);
            builder.default_resource(API).token_exchange(on(anywhere()))
        })
    };
    let before = engine(&[API, LEDGER]);
    let login = before.log_in_as("shop", "alice", &format!("scope=read&resource={LEDGER}"), at(0));
    let token = before.exchanged("shop", &Exchange::of(&login.access_token()).to(LEDGER), now());
    assert!(before.at(LEDGER, &token, now()).is_ok());
    // The engine does not have it any more.
    let after = regrant::Engine::builder(std::sync::Arc::clone(&before.store), before.engine.clients().clone());
    let after = plain(after).resource(Resource::new(API)).token_exchange(on(anywhere())).build().unwrap();
    let after = World { engine: after.into(), store: before.store.clone(), events: before.events.clone() };
    assert!(after.at(API, &token, now()).is_err());
    assert_eq!(after.asked_about("shop", &token, now())["active"], false);
}

/// The issuer as a name is no way into the default resource.
#[test]
fn the_issuer_is_not_the_default_resource() {
    let town = town(on(anywhere().with_audience(crate::town::ISSUER)));
    let alice = town.alice(at(0)).access_token();
    let token = town.exchanged("shop", &Exchange::of(&alice).to(crate::town::ISSUER), now());
    assert!(town.bearer(&token, now()).is_err() && town.at(API, &token, now()).is_err());
    // Nor where signatures are believed.
    let believing = World::new(clients(), |builder| {
        let tokens = regrant::jwt::JwtAccessTokens::new().danger_signature_alone();
        with_resources(plain(builder))
            .jwt_access_tokens(tokens)
            .token_exchange(on(anywhere().with_audience(crate::town::ISSUER)))
    });
    let alice = believing.alice(at(0)).access_token();
    let token = believing.exchanged("shop", &Exchange::of(&alice).to(crate::town::ISSUER), now());
    assert!(believing.bearer(&token, now()).is_err());
    let token = believing.exchanged("shop", &Exchange::of(&alice).to(LEDGER), now());
    assert!(believing.at(API, &token, now()).is_err());
    let access = believing.at(LEDGER, &token, now()).unwrap();
    assert_eq!((access.subject(), access.is_exchanged(), access.grant().is_none()), (Some("alice"), true, true));
}

/// What resources define is theirs, also in an exchanged token; what none defines is the engine's.
#[test]
fn a_scope_is_cut_to_the_audience() {
    let town = open_town();
    let login = town.log_in_as(
        "phone",
        "alice",
        &format!("scope=openid+read+ledger:read&resource={API}&resource={LEDGER}"),
        at(0),
    );
    let of = |to: &str| town.exchange("shop", &Exchange::of(&login.access_token()).to(to), now()).text("scope");
    assert_eq!(
        (of(API).as_str(), of(LEDGER).as_str(), of(VAULT).as_str()),
        ("openid read", "openid ledger:read", "openid")
    );
    let named = Exchange::of(&login.access_token()).to(VAULT).and("scope", "read");
    town.exchange("shop", &named, now()).assert_error(400, "invalid_scope");
    // Nothing asked for, nothing left out.
    let bare = lone(on(ExchangeTerms::new().with_audience(VAULT).with_scope(Scope::empty())));
    let login = bare.log_in_as("phone", "alice", "scope=read", at(0));
    bare.exchange("shop", &Exchange::of(&login.access_token()), now()).assert_error(400, "invalid_scope");
}

/// Of whom the engine knows nothing the policy knows what a scope means there, and says so.
#[test]
fn a_policy_gives_a_scope_to_whom_the_engine_does_not_know() {
    let town = town(on(anywhere().with_scope(Scope::parse("openid read").unwrap())));
    let all = format!("scope=openid+read+ledger:read&resource={API}&resource={LEDGER}");
    let login = town.log_in_as("phone", "alice", &all, at(0));
    for (to, scope) in [(VAULT, "openid read"), (API, "openid read"), (LEDGER, "openid")] {
        let exchange = Exchange::of(&login.access_token()).to(to);
        assert_eq!(town.exchange("shop", &exchange, now()).text("scope"), scope, "{to}");
        let named = town.exchange("shop", &exchange.and("scope", "read"), now());
        if to == LEDGER {
            named.assert_error(400, "invalid_scope");
        } else {
            assert_eq!(named.text("scope"), "read", "{to}");
        }
    }
}
