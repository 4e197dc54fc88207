//! Refresh tokens that another server made: taken over, and what passes for one.

use std::collections::BTreeMap;
use std::time::Duration;

use regrant::client::ClientBuilder;
use regrant::engine::{EngineSlot, ExchangeError, ForeignLogin, KeyCheckError, RenewalPolicy};
use regrant::grant::Rotation;
use regrant::jwt::JwtAccessTokens;
use regrant::{
    Authorization, BuildError, Client, Engine, EngineBuilder, Grant, GrantId, HostData, Key, Lifetimes, ResponseFields,
    RootSecret, StaticClients, Timestamp, TokenStore,
};
use serde_json::json;
use std::sync::Arc;

use crate::kit::bank::{ISSUER, KEY};
use crate::kit::events::Seen;
use crate::kit::foreign::{OldServer, UUID};
use crate::kit::laws::world::{APP, Setup, World as Lawful};
use crate::kit::schedule::{Scheduler, run};
use crate::kit::store::bytes::BytesStore;
use crate::kit::store::faulty::{Fault as Broken, Op, Shelf as Faulty};
use crate::kit::store::stalling::Hand;
use crate::kit::wire::{Answer, Call};
use crate::kit::{Ask, Fault, Password, Reply, SECRET, Shelf, World, altered, app, at, form, renewal, scope, secret};

pub(super) type Building = EngineBuilder<Arc<Shelf>, StaticClients>;
/// A way in which the grant of a world ends, whose own token is this.
pub(super) type End = fn(&World, &str);

/// When the logins of the other server began.
pub(super) const BEGAN: Timestamp = Timestamp::from_secs(1_590_000_000);
/// 43 characters of base64url, as many servers have them: Doorkeeper, `secrets.token_urlsafe(32)`, node's oidc-provider.
pub(super) const OF_OUR_SHAPE: [&str; 3] = [
    // Key id 1, which there is.
    "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
    // Key id 255.
    "__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA",
    // Not canonical: the last character has bits that no byte has.
    "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQF",
];

pub(super) fn root() -> RootSecret {
    RootSecret::from_bytes(1, &[0x77; 32])
}

pub(super) fn world_of(client: ClientBuilder, old: &OldServer, change: impl FnOnce(Building) -> Building) -> World {
    let old = old.clone().ready();
    World::new([client, Client::public("mobile").grant_type("refresh_token").scope(scope("read write"))], |builder| {
        let builder = builder.grant_handler(Password).root_secret(root()).key(Key::from_bytes(1, &[0x11; 32]));
        change(builder.foreign_tokens(old))
    })
}

/// The other server has the token of the document, alice's at `app`.
pub(super) fn old() -> OldServer {
    OldServer::default().ready().with(UUID, "app", "alice", BEGAN)
}

pub(super) fn moved() -> (World, OldServer) {
    let old = old();
    (world_of(app(), &old, |builder| builder), old)
}

pub(super) fn post(
    world: &World,
    endpoint: fn(&World, &Ask, Timestamp) -> Reply,
    token: &str,
    now: Timestamp,
) -> Reply {
    let body = form_urlencoded::Serializer::new(String::new()).append_pair("token", token).finish();
    endpoint(world, &form(body).basic("app", SECRET), now)
}

pub(super) fn revoke(world: &World, ask: &Ask, now: Timestamp) -> Reply {
    Reply::of(&world.engine.blocking().revoke(&ask.request(), now).unwrap())
}

pub(super) fn introspect(world: &World, ask: &Ask, now: Timestamp) -> Reply {
    Reply::of(&world.engine.blocking().introspect(&ask.request(), now).unwrap())
}

pub(super) fn end_all(world: &World, now: Timestamp) -> usize {
    world.engine.blocking().end_sessions_of("alice", now).unwrap().unwrap()
}

pub(super) fn sessions(world: &World, now: Timestamp) -> usize {
    world.engine.blocking().sessions("alice", None, 10, now).unwrap().unwrap().sessions.len()
}

/// RFC 6749 section 6. Nobody is logged out by the move, nor by a response that is lost.
#[test]
fn a_token_of_another_server_goes_on_here() {
    let fields = ResponseFields::new().with("name", "Usuário Teste").unwrap();
    let authorization = Authorization::of("alice")
        .with_scope(scope("read"))
        .with_fields(fields)
        .with_host_data(HostData::of("gold").unwrap());
    let old = old().with_login(UUID, "app", ForeignLogin::new(authorization, BEGAN, Timestamp::MAX));
    let world = world_of(app(), &old, |builder| builder);
    let first = world.refresh(UUID, at(0));
    assert_eq!((first.text("scope"), first.text("name")), ("read".into(), "Usuário Teste".into()));
    assert_eq!(world.events.names(), ["TakenOver"]);
    let [grant] = &world.store.grants()[..] else { panic!("one record") };
    assert_eq!((grant.subject(), grant.client_id(), grant.authenticated_at()), (Some("alice"), "app", Some(BEGAN)));
    assert_eq!(grant.host_data(), Some(&HostData::of("gold").unwrap()));
    assert_eq!(sessions(&world, at(0)), 1);
    let again = world.refresh(UUID, at(1));
    assert_eq!(again.refresh_token(), first.refresh_token());
    assert_eq!(world.events.names(), ["Retried"]);
    assert_eq!(old.asked(), [UUID], "once: then the record decides");
    let second = world.refresh(&first.refresh_token(), at(2));
    assert_eq!((second.text("scope"), second.text("name")), ("read".into(), "Usuário Teste".into()));
    // Law 3, RFC 9700 section 4.14.2.
    world.refresh(UUID, at(3)).assert_error(400, "invalid_grant");
    assert_eq!(world.events.names(), ["Refreshed", "ReplayFound", "Revoked"]);
    world.refresh(&second.refresh_token(), at(4)).assert_error(400, "invalid_grant");
    assert_eq!(sessions(&world, at(4)), 0);
    assert!(old.asked().is_empty());
}

/// The predecessor after the window is a replay, though there is but one step.
#[test]
fn after_the_window_it_is_a_replay() {
    let (world, _) = moved();
    let token = world.refresh(UUID, at(0)).refresh_token();
    world.refresh(UUID, at(119)).assert_ok();
    world.refresh(UUID, at(120)).assert_error(400, "invalid_grant");
    world.refresh(&token, at(121)).assert_error(400, "invalid_grant");
}

/// Tokens that look like this engine's.
#[test]
fn what_has_our_shape_is_asked_about_too() {
    for token in OF_OUR_SHAPE {
        let old = old().with(token, "app", "alice", BEGAN);
        let world = world_of(app(), &old, |builder| builder);
        world.refresh(token, at(0)).assert_ok();
        assert_eq!(world.events.names(), ["TakenOver"], "no key is missing");
        assert_eq!(old.asked(), [token]);
        // One that nobody knows is refused as before.
        let world = world_of(app(), &OldServer::default(), |builder| builder);
        world.refresh(token, at(0)).assert_error(400, "invalid_grant");
        let unknown = token.starts_with('_');
        assert_eq!(world.events.names(), if unknown { vec!["UnknownKey", "Refused"] } else { vec!["Refused"] });
        assert!(world.store.bytes().is_empty());
    }
}

/// Even one that names a grant of ours, with a MAC that is none: what the host knows is not for us to judge.
#[test]
fn a_wrong_mac_is_not_ours() {
    let (world, old) = moved();
    let own = world.login(at(0)).refresh_token();
    let foreign = altered(&own, 30);
    let old = old.with(&foreign, "app", "bob", BEGAN);
    let taken = world.refresh(&foreign, at(1));
    taken.assert_ok();
    assert_eq!(old.asked(), [foreign]);
    world.refresh(&own, at(2)).assert_ok();
    world.refresh(&taken.refresh_token(), at(2)).assert_ok();
}

/// Never about a token whose MAC holds, whatever is wrong with it then.
#[test]
fn the_host_is_not_asked_about_a_token_of_ours() {
    let (world, old) = moved();
    let first = world.login(at(0)).refresh_token();
    let second = world.refresh(&first, at(1)).refresh_token();
    world.refresh(&first, at(2)).assert_ok();
    let others = form(format!("{}&client_id=mobile", renewal(&second)));
    world.send(&others, at(3)).assert_error(400, "invalid_grant");
    world.refresh(&second, at(40_000_000)).assert_error(400, "invalid_grant");
    world.post(&format!("{}&scope=admin", renewal(&second)), at(4)).assert_error(400, "invalid_scope");
    world.refresh(&first, at(1_000)).assert_error(400, "invalid_grant");
    assert!(old.asked().is_empty());
    // Nor before its client has authenticated.
    world
        .send(&form(renewal(UUID)).basic("app", "wrong-secret-wrong-secret-wrong"), at(5))
        .assert_error(401, "invalid_client");
    assert!(old.asked().is_empty());
    // It is the client's: another one's is none of its business.
    world.send(&form(format!("{}&client_id=mobile", renewal(UUID))), at(5)).assert_error(400, "invalid_grant");
    assert_eq!(old.asked(), [UUID]);
    world.refresh(UUID, at(6)).assert_ok();
}

/// A record is believed by 160 bits of the token, not by the 62 of its id (RFC 6749 section 10.10).
#[test]
fn a_token_is_not_found_by_its_id_alone() {
    let place = |token: &str| {
        let world = world_of(app(), &old().with(token, "app", "bob", BEGAN), |builder| builder);
        world.refresh(token, at(0)).assert_ok();
        world.store.grants()[0].id()
    };
    let (world, old) = moved();
    let alices = world.refresh(UUID, at(0)).refresh_token();
    // Alice's record, as if it had the id of bob's token.
    let mut bytes = world.store.grants()[0].encode();
    let collides = place("bob's");
    bytes[2..10].copy_from_slice(&collides.as_u64().to_be_bytes());
    world.store.misplace(collides, Grant::decode(&bytes).unwrap());
    let before = world.store.bytes();
    // Nobody knows it: a guess that hits an id.
    for secs in [1, 1_000] {
        world.refresh("bob's", at(secs)).assert_error(400, "invalid_grant");
        assert_eq!(post(&world, introspect, "bob's", at(secs)).json()["active"], json!(false));
        assert_eq!(post(&world, revoke, "bob's", at(secs)).status, 200);
        assert_eq!(world.store.bytes(), before, "no step, no end");
    }
    // The other server knows it: it goes to the next place, and both go on.
    let _ = old.with("bob's", "app", "bob", BEGAN);
    let bobs = world.refresh("bob's", at(2)).refresh_token();
    assert_eq!(world.store.grants().iter().filter(|grant| grant.subject() == Some("bob")).count(), 1);
    assert_eq!(world.refresh("bob's", at(3)).refresh_token(), bobs);
    world.refresh(&alices, at(3)).assert_ok();
    // What stood in its way goes, and it is found all the same.
    run(world.store.remove(collides)).unwrap();
    assert_eq!(world.refresh("bob's", at(4)).refresh_token(), bobs);
    world.refresh("bob's", at(1_000)).assert_error(400, "invalid_grant");
    world.refresh("bob's", at(1_001)).assert_error(400, "invalid_grant");
}

/// The first write of a login that moves in.
#[test]
fn a_token_is_taken_over_by_one_insert_however_the_store_answers() {
    for (fault, status) in
        [(Fault::InsertLost, 200), (Fault::InsertAppliedAndReplyLost, 200), (Fault::InsertNotApplied, 503)]
    {
        let (world, _) = moved();
        world.store.fail_next(fault);
        assert_eq!(world.refresh(UUID, at(1)).status, status, "{fault:?}");
        assert!(!world.store.fails_yet(), "{fault:?}");
        assert_eq!(world.store.bytes().len(), usize::from(status == 200), "{fault:?}");
        let own = world.refresh(UUID, at(2)).refresh_token();
        world.refresh(&own, at(3)).assert_ok();
        assert_eq!(world.store.bytes().len(), 1, "{fault:?}");
    }
}

/// The keys of tokens are replaced from time to time; what is found again is not computed under them.
#[test]
fn another_key_ring_finds_it_again() {
    let old = old();
    let world = world_of(app(), &old, |builder| builder);
    world.refresh(UUID, at(0)).assert_ok();
    let next = |key: u8, change: fn(Building) -> Building| {
        let clients = StaticClients::new().with(app().build().unwrap()).unwrap();
        let builder = Engine::builder(Arc::clone(&world.store), clients).key(Key::from_bytes(key, &[key; 32]));
        change(builder.foreign_tokens(old.clone()))
    };
    let send = |engine: &Engine<Arc<Shelf>, StaticClients>, secs| {
        let ask = form(renewal(UUID)).basic("app", SECRET);
        Reply::of(&engine.blocking().token(&ask.request(), at(secs)).unwrap())
    };
    let before = world.store.bytes();
    // Without the old key the successor cannot be made again; nobody is told that the token is wrong.
    let replaced = next(2, |builder| builder.root_secret(root())).build().unwrap();
    assert_eq!(send(&replaced, 1).status, 503);
    // Another root secret needs the subject secret of the first.
    let another = RootSecret::from_bytes(2, &[0x88; 32]);
    let rotated =
        next(2, |builder| builder.root_secret(RootSecret::from_bytes(2, &[0x88; 32])).accept_root(root(), at(9_000)));
    assert!(matches!(rotated.build(), Err(BuildError::SubjectSecretRequired)));
    assert!(matches!(next(2, |builder| builder).build(), Err(BuildError::SubjectSecretRequired)));
    let kept = next(2, |builder| {
        let builder = builder.root_secret(RootSecret::from_bytes(2, &[0x88; 32])).accept_root(root(), at(9_000));
        builder.subject_secret(root().subject_secret())
    });
    assert_eq!(send(&kept.build().unwrap(), 1).status, 503);
    assert_eq!(world.store.bytes(), before);
    assert_ne!(another.subject_secret().to_bytes(), root().subject_secret().to_bytes());
    // And a replay is one.
    send(&replaced, 1_000).assert_error(400, "invalid_grant");
    world.refresh(UUID, at(1_001)).assert_error(400, "invalid_grant");
}

/// Under another subject secret each token would be a new one.
#[test]
fn another_subject_secret_is_found_out() {
    let store = Arc::new(Shelf::durable());
    let engine = |root: RootSecret| {
        let builder = Engine::builder(Arc::clone(&store), StaticClients::new()).key(Key::from_bytes(1, &[1; 32]));
        builder.root_secret(root).foreign_tokens(OldServer::default())
    };
    run(engine(root()).build().unwrap().check_keys()).unwrap();
    run(engine(root()).build().unwrap().check_keys()).unwrap();
    let another = || RootSecret::from_bytes(2, &[0x88; 32]);
    let found = run(engine(another())
        .accept_root(root(), at(0))
        .subject_secret(another().subject_secret())
        .build()
        .unwrap()
        .check_keys());
    assert!(matches!(found, Err(KeyCheckError::SubjectSecret)), "{found:?}");
    let kept = engine(another()).accept_root(root(), at(0)).subject_secret(root().subject_secret());
    run(kept.build().unwrap().check_keys()).unwrap();
    // A realm has keys of its own; what it adopts has those from before.
    let named = |root: RootSecret| engine(root).realm("shop").adopt_grants_of(["app"]).build().unwrap();
    assert!(matches!(run(named(another()).check_keys()), Err(KeyCheckError::SubjectSecret)));
    let in_realm = engine(another()).realm("shop").subject_secret(root().subject_secret()).adopt_grants_of(["app"]);
    run(in_realm.accept_root(root(), at(0)).build().unwrap().check_keys()).unwrap();
    // One that has tokens from before to serve writes it down for all that come after it, whatever realm they are of.
    let store = Arc::new(Shelf::durable());
    let of = |realm: Option<&str>, secret: RootSecret| {
        let builder = Engine::builder(Arc::clone(&store), StaticClients::new()).key(Key::from_bytes(1, &[1; 32]));
        let builder = builder.root_secret(secret).foreign_tokens(OldServer::default());
        let builder = realm.into_iter().fold(builder, |all, realm| all.realm(realm).adopt_grants_of(["app"]));
        run(builder.build().unwrap().check_keys())
    };
    of(Some("shop"), root()).unwrap();
    for realm in [Some("bank"), None] {
        assert!(matches!(of(realm, another()), Err(KeyCheckError::SubjectSecret)), "{realm:?}");
        of(realm, root()).unwrap();
    }
    let slot = EngineSlot::new(engine(root()).build().unwrap());
    let next = engine(another()).accept_root(root(), at(9_000)).subject_secret(another().subject_secret());
    assert!(matches!(slot.exchange(next.build().unwrap()), Err(ExchangeError::SubjectSecret)));
}

/// Naming a realm logs nobody out, and brings nobody back: what was taken over, ended or cut off outside of all realms stays so.
#[test]
fn what_a_realm_adopts_is_found_again() {
    let old = old();
    let old = ["live", "revoked", "of another"].iter().fold(old, |old, token| old.with(token, "app", "alice", BEGAN));
    let old = old.with("cut off", "app", "bob", BEGAN).with("new", "app", "alice", BEGAN).with(
        "on the phone",
        "mobile",
        "bob",
        BEGAN,
    );
    let before = world_of(app(), &old, |builder| builder);
    let own = before.refresh("live", at(0)).refresh_token();
    before.refresh(UUID, at(0)).assert_ok();
    before.refresh(UUID, at(1_000)).assert_error(400, "invalid_grant");
    assert_eq!(post(&before, revoke, "revoked", at(0)).status, 200);
    before.engine.blocking().end_sessions_of("bob", at(0)).unwrap().unwrap();
    old.asked();
    let clients = || StaticClients::new().with(app().build().unwrap()).unwrap();
    let clients = || {
        clients()
            .with(Client::public("mobile").grant_type("refresh_token").scope(scope("read write")).build().unwrap())
            .unwrap()
    };
    let of = |change: fn(Building) -> Building| {
        let builder = Engine::builder(Arc::clone(&before.store), clients()).root_secret(root());
        let builder = builder.key(Key::from_bytes(1, &[0x11; 32])).foreign_tokens(old.clone());
        change(builder).build().unwrap()
    };
    let named = of(|builder| builder.realm("shop").adopt_grants_of(["app"]));
    let walled = of(|builder| builder.realm("bank"));
    let send = |engine: &Engine<Arc<Shelf>, StaticClients>, token: &str, secs| {
        let ask = form(renewal(token)).basic("app", SECRET);
        Reply::of(&engine.blocking().token(&ask.request(), at(secs)).unwrap())
    };
    assert_eq!(send(&named, "live", 1).refresh_token(), own, "a retry");
    assert!(old.asked().is_empty(), "the record says it");
    for dead in [UUID, "revoked", "cut off"] {
        send(&named, dead, 1).assert_error(400, "invalid_grant");
        let ask = form(format!("token={}", dead.replace(' ', "+"))).basic("app", SECRET);
        let seen = Reply::of(&named.blocking().introspect(&ask.request(), at(1)).unwrap());
        assert_eq!(seen.json()["active"], json!(false));
    }
    // What begins now is of the realm.
    let new = send(&named, "new", 2);
    assert_eq!(send(&named, "new", 3).refresh_token(), new.refresh_token());
    // Law 25: another realm knows of nothing of it. Nor does this one of a client that it does not adopt.
    send(&walled, UUID, 4).assert_ok();
    let phone = form(format!("{}&client_id=mobile", renewal("on+the+phone")));
    assert_eq!(Reply::of(&named.blocking().token(&phone.request(), at(4)).unwrap()).status, 200);
    // And it ends as others do.
    send(&named, "live", 1_000).assert_error(400, "invalid_grant");
    send(&named, &own, 1_001).assert_error(400, "invalid_grant");
    send(&named, "live", 1_001).assert_error(400, "invalid_grant");
    assert_eq!(named.blocking().end_sessions_of("alice", at(1_002)).unwrap().unwrap(), 1, "the new one");
    send(&named, "of another", 1_003).assert_error(400, "invalid_grant");
}

/// Who counts those that have come counts each of them, though the store's reply got lost.
#[test]
fn a_login_whose_first_write_was_in_doubt_is_told_as_taken_over() {
    // The late ones take place while the request looks whether they did, and before it writes again.
    let late = (1..6).map(|operations| (Broken::Late(operations), 1));
    for (fault, polls) in
        [(Broken::LostAfter, 1), (Broken::LostBefore, 1), (Broken::NotApplied, 2)].into_iter().chain(late)
    {
        let old = OldServer::default().with(UUID, APP, "alice", BEGAN);
        let world = Lawful::new(Faulty::of(BytesStore::default()), Setup { foreign: Some(old), ..Setup::default() });
        world.store.plan(Op::Insert, fault);
        let answers: Vec<_> = (0..polls).map(|_| world.refresh(APP, UUID)).collect();
        assert!(answers.last().is_some_and(Answer::is_ok), "{fault:?}");
        world.advance(Duration::from_secs(1));
        assert!(world.refresh(APP, answers.last().unwrap().refresh_token()).is_ok());
        let told = world.events.take();
        let count = |is: fn(&Seen) -> bool| told.iter().filter(|event| is(event)).count();
        assert_eq!(count(|event| matches!(event, Seen::TakenOver { .. })), 1, "{fault:?}: {told:?}");
        assert_eq!(count(|event| matches!(event, Seen::Refreshed { .. })), 1, "{fault:?}: {told:?}");
    }
}

/// A host that cannot tell now is 503 everywhere, and nothing is written.
#[test]
fn a_host_that_fails_is_503() {
    let (world, old) = moved();
    old.fail(true);
    world.refresh(UUID, at(0)).assert_error(503, "temporarily_unavailable");
    assert_eq!(world.events.names(), ["Failed"]);
    assert_eq!(post(&world, revoke, UUID, at(0)).status, 503);
    assert_eq!(post(&world, introspect, UUID, at(0)).status, 503);
    assert!(world.store.bytes().is_empty());
    old.fail(false);
    world.refresh(UUID, at(0)).assert_ok();
    // It is not asked about what has begun.
    old.fail(true);
    world.refresh(UUID, at(1)).assert_ok();
}

/// What a host may not give: nothing is written, and it is the server's fault.
#[test]
fn what_cannot_be_granted_is_the_host_s_fault() {
    for authorization in [
        Authorization::of("alice").with_scope(scope("read delete")),
        Authorization::of_client(),
        Authorization::of(""),
        Authorization::of("alice").with_acr("a b"),
    ] {
        let old = old().with_login(UUID, "app", ForeignLogin::new(authorization, BEGAN, Timestamp::MAX));
        let world = world_of(app(), &old, |builder| builder);
        world.refresh(UUID, at(0)).assert_error(500, "server_error");
        post(&world, introspect, UUID, at(0)).assert_error(500, "server_error");
        assert!(world.store.bytes().is_empty());
    }
}

/// A token that the other server would not have renewed. Law 4.
#[test]
fn what_does_not_renew_there_does_not_here() {
    let fixed = ForeignLogin::new(Authorization::of("alice").with_renewable(false), BEGAN, Timestamp::MAX);
    for (old, renews) in [(old().with_login(UUID, "app", fixed), false), (old(), true)] {
        let opt_in =
            world_of(app(), &old, |builder| builder.renewal(RenewalPolicy::OptIn("refresh_token_active".into())));
        let never = world_of(app(), &old, |builder| builder.renewal(RenewalPolicy::Never));
        never.refresh(UUID, at(0)).assert_error(400, "invalid_grant");
        assert!(never.store.bytes().is_empty());
        // The parameter does nothing in a refresh, and who opted in did so there.
        let reply = opt_in.post(&format!("{}&refresh_token_active=true", renewal(UUID)), at(0));
        let is_kept = !opt_in.store.bytes().is_empty();
        assert_eq!((reply.status == 200, is_kept), (renews, renews));
        if renews {
            opt_in.refresh(&reply.refresh_token(), at(1)).assert_ok();
        } else {
            reply.assert_error(400, "invalid_grant");
        }
    }
}

/// Until when, since when: to the millisecond.
#[test]
fn a_token_counts_until_its_end_and_since_not_before() {
    let until = |until| ForeignLogin::new(Authorization::of("alice"), BEGAN, until);
    for (end, now, counts) in [(at(10), at(9), true), (at(10), at(10), false), (at(0), at(10), false)] {
        let old = old().with_login(UUID, "app", until(end));
        let world = world_of(app(), &old, |builder| builder);
        assert_eq!(world.refresh(UUID, now).status == 200, counts);
        assert_eq!(world.store.bytes().is_empty(), !counts);
        // Nor is anything kept of one that is revoked when it counts no more.
        let world = world_of(app(), &old, |builder| builder);
        assert_eq!(post(&world, revoke, UUID, now).status, 200);
        assert_eq!(world.store.bytes().is_empty(), !counts);
    }
    let (world, _) = moved();
    world.engine.void_grants_before(Timestamp::from_millis(BEGAN.as_millis() + 1));
    world.refresh(UUID, at(0)).assert_error(400, "invalid_grant");
    let (world, _) = moved();
    world.engine.void_grants_before(BEGAN);
    world.refresh(UUID, at(0)).assert_ok();
}

/// A server that signed its refresh tokens, and an engine that signs its access tokens.
#[test]
fn one_that_looks_like_a_jwt_of_ours_is_asked_about() {
    for token in ["a.b.c", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"] {
        let old = old().with(token, "app", "alice", BEGAN);
        let world = world_of(app(), &old, |builder| {
            builder.issuer(ISSUER).signing_key(KEY.clone()).jwt_access_tokens(JwtAccessTokens::new())
        });
        let own = world.login(at(0)).access_token();
        for (text, is_asked, active) in [(token, true, true), ("d.e.f", true, false), (own.as_str(), false, true)] {
            let said = post(&world, introspect, text, at(1)).json();
            assert_eq!((&said["active"], old.asked().is_empty()), (&json!(active), !is_asked), "{text}");
        }
        world.refresh(token, at(2)).assert_ok();
        assert_eq!(post(&world, introspect, token, at(3)).json()["active"], json!(true));
    }
}

/// RFC 7662 section 2.2: as the token endpoint would answer; nothing changes.
#[test]
fn introspection_knows_them() {
    let old = old().with_login("ends", "app", ForeignLogin::new(Authorization::of("alice"), BEGAN, at(900)));
    let world = world_of(app(), &old, |builder| builder);
    let about = |token: &str, secs| post(&world, introspect, token, at(secs)).json();
    let all = about("ends", 0);
    assert_eq!(
        serde_json::Value::from(all),
        json!({
            "active": true, "client_id": "app", "sub": "alice", "scope": "read write", "exp": at(900).as_secs(),
        })
    );
    assert!(!about(UUID, 0).contains_key("exp"), "it never expires");
    assert_eq!(about("unknown", 0)["active"], json!(false));
    assert_eq!(about("ends", 900)["active"], json!(false));
    assert!(world.store.bytes().is_empty());
    world.refresh(UUID, at(1)).assert_ok();
    let before = world.store.bytes();
    assert_eq!((about(UUID, 2)["active"].clone(), about(UUID, 500)["active"].clone()), (json!(true), json!(false)));
    assert_eq!(world.events.names().iter().filter(|name| *name == "RetiredIntrospected").count(), 2);
    assert_eq!(world.store.bytes(), before);
}

/// RFC 6749 section 6: a new refresh token may be issued, or not.
#[test]
fn a_client_that_does_not_rotate_keeps_it() {
    let hour = Duration::from_secs(3_600);
    let lifetimes = Lifetimes::default().with_access_token(hour / 60).with_idle(hour).with_absolute(Some(hour * 3));
    let world = world_of(app().rotation(Rotation::Never).lifetimes(lifetimes), &old(), |builder| builder);
    for secs in [0, 3_000, 6_000, 9_000] {
        assert_eq!(world.refresh(UUID, at(secs)).refresh_token(), UUID);
        let [grant] = &world.store.grants()[..] else { panic!("one record") };
        assert_eq!((grant.generation().as_u32(), grant.is_redeemed()), (0, true), "no code, for all that");
        assert_eq!(sessions(&world, at(secs)), 1);
    }
    assert_eq!(world.events.names(), ["TakenOver", "Refreshed", "Refreshed", "Refreshed"]);
    // Three hours after it came here, and an hour after its last use.
    world.refresh(UUID, at(10_800)).assert_error(400, "invalid_grant");
    run(world.store.purge_expired(at(1_000_000), 10)).unwrap();
    world.refresh(UUID, at(1_000_000)).assert_error(400, "invalid_grant");
}

/// A mobile app of a server that never rotated ignores the new token.
#[test]
fn a_client_may_go_on_with_it_for_a_while() {
    let mobile = |grace: u64| {
        let old = OldServer::default().with(UUID, "phone", "alice", BEGAN);
        let client = Client::public("phone").grant_type("refresh_token").scope(scope("read write"));
        let world = world_of(client.foreign_grace(Duration::from_secs(grace)), &old, |builder| builder);
        (world, form(format!("{}&client_id=phone", renewal(UUID))))
    };
    let (world, ask) = mobile(10_000);
    let first = world.send(&ask, at(0)).refresh_token();
    let before = world.store.bytes();
    assert_eq!(world.send(&ask, at(1)).refresh_token(), first);
    assert_eq!(world.send(&ask, at(9_000)).refresh_token(), first);
    assert_eq!(world.store.bytes(), before, "nothing is written");
    assert_eq!(world.events.names(), ["TakenOver", "Retried", "ForeignAgain"]);
    // One device of two goes on, by the token of now; the other gets that one.
    let second = form(format!("grant_type=refresh_token&refresh_token={first}&client_id=phone"));
    let second = world.send(&second, at(9_500)).refresh_token();
    assert_eq!(world.send(&ask, at(9_999)).refresh_token(), second);
    // The first of ours is as old, and no exception.
    world.events.take();
    world.send(&ask, at(10_000)).assert_error(400, "invalid_grant");
    assert_eq!(world.events.names(), ["ReplayFound", "Revoked"]);
    let (world, ask) = mobile(10_000);
    let first = world.send(&ask, at(0)).refresh_token();
    let own = form(format!("grant_type=refresh_token&refresh_token={first}&client_id=phone"));
    world.send(&own, at(1)).assert_ok();
    world.send(&own, at(100)).assert_error(400, "invalid_grant");
    world.send(&ask, at(101)).assert_error(400, "invalid_grant");
    let (world, ask) = mobile(0);
    world.send(&ask, at(0)).assert_ok();
    world.send(&ask, at(31)).assert_error(400, "invalid_grant");
}

/// RFC 7662 section 2.2: what it may go on with is active for as long, and the first of ours is not.
#[test]
fn introspection_knows_of_the_while() {
    let world = world_of(app().foreign_grace(Duration::from_secs(10_000)), &old(), |builder| builder);
    let first = world.refresh(UUID, at(0)).refresh_token();
    let second = world.refresh(&first, at(1)).refresh_token();
    let active = |token: &str, secs| post(&world, introspect, token, at(secs)).json()["active"] == json!(true);
    for secs in [500, 9_999] {
        assert_eq!([UUID, &first, &second].map(|token| active(token, secs)), [true, false, true], "{secs}");
    }
    assert!(!active(UUID, 10_000) && active(&second, 10_000));
    let world = world_of(app(), &old(), |builder| builder);
    world.refresh(UUID, at(0)).assert_ok();
    assert_eq!(post(&world, introspect, UUID, at(500)).json()["active"], json!(false), "there is no such while");
}

/// Law 24. What came in time came in time: a store that keeps it waiting past the end makes no thief of it.
#[test]
fn a_wait_inside_the_engine_does_not_use_up_what_a_client_is_given() {
    let grace = Duration::from_secs(10_000);
    for (late, counts) in [(0, true), (1, false)] {
        let store = Faulty::of(BytesStore::default());
        let client = Client::public("public-phone").grant_type("refresh_token").foreign_grace(grace).build().unwrap();
        let old = OldServer::default().with(UUID, "public-phone", "alice", BEGAN);
        let builder = Engine::builder(Arc::clone(&store), StaticClients::new().with(client).unwrap());
        let engine = builder.root_secret(root()).foreign_tokens(old).build().unwrap();
        let clock = Hand::at(at(0));
        let mut scheduler: Scheduler<'_, Answer> = Scheduler::new();
        let mut send = |wait: Duration| {
            let request = clock.clone();
            let engine = &engine;
            let task = scheduler.spawn(async move {
                Answer::of(&engine.token(&Call::refresh("public-phone", UUID).request(), request).await)
            });
            assert!(scheduler.poll(task).is_none(), "it waits for the store");
            clock.advance(wait);
            (0..1_000).find_map(|_| scheduler.poll(task)).unwrap()
        };
        let first = send(Duration::ZERO);
        clock.advance(Duration::from_millis(9_999_999 + late));
        let again = send(Duration::from_secs(60));
        assert_eq!(again.is_ok(), counts);
        assert_eq!(again.is_invalid_grant(), !counts);
        if counts {
            assert_eq!(again.refresh_token(), first.refresh_token());
        }
    }
}

/// RFC 6749 section 5.2: what is refused looks the same, and no token is in an event.
#[test]
fn nothing_is_told_and_nothing_is_logged() {
    let (world, _) = moved();
    let unknown = world.refresh("88642e36-ef83-49fe-baf9-40afda247050", at(0));
    world.refresh(UUID, at(0)).assert_ok();
    world.refresh(UUID, at(1_000)).assert_error(400, "invalid_grant");
    let ended = world.refresh(UUID, at(1_001));
    assert_eq!((unknown.status, unknown.headers, unknown.body), (ended.status, ended.headers, ended.body));
    let events = world.events.take();
    assert!(events.len() >= 4);
    for event in events {
        assert!(!event.contains("88642e36") && !event.contains("alice"), "{event}");
    }
    let bytes: BTreeMap<GrantId, Vec<u8>> = world.store.bytes();
    assert!(bytes.values().all(|record| !record.windows(8).any(|part| part == b"88642e36")), "law 11");
}

/// So that it counts among what strangers' clients have.
#[test]
fn it_says_whose_client_it_is_at() {
    for is_stranger in [false, true] {
        let client = Client::confidential("app").secret(secret(SECRET)).grant_type("refresh_token");
        let client = client.scope(scope("read write")).stranger(is_stranger);
        let world = world_of(client, &old(), |builder| builder);
        world.refresh(UUID, at(0)).assert_ok();
        assert_eq!(world.store.grants()[0].is_of_stranger(), is_stranger);
    }
}

/// It is one login more, and where a person may have only so many, another one goes.
#[test]
fn it_counts_as_a_login() {
    let one = Lifetimes::default().with_most_per_owner(Some(1));
    let old = old().with("second", "app", "alice", BEGAN);
    let world = world_of(app().lifetimes(one), &old, |builder| builder);
    let first = world.refresh(UUID, at(0)).refresh_token();
    world.refresh("second", at(1)).assert_ok();
    world.refresh(&first, at(2)).assert_error(400, "invalid_grant");
    world.refresh(UUID, at(2)).assert_error(400, "invalid_grant");
    assert_eq!(sessions(&world, at(2)), 1);
}
