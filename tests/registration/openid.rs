//! What clients that nobody made by hand ask of OpenID Connect: pairwise subjects (Core section 8.1, Registration section 5) and logouts
//! (RP-Initiated Logout section 3.1, Back-Channel Logout section 2.2).

use regrant::client::ClientMetadata;
use regrant::engine::LoggedOut;
use regrant::jwt::{SigningAlgorithm, SigningKey};
use regrant::{Authorization, BuildError, Request};
use serde_json::{Value, json};

use crate::desk::{Desk, Strangers, desk, id, json_post, root, site, strangers};
use crate::kit::jwt::claims;
use crate::kit::portal::{PKCE, STATE, ScopeAsClaim, VERIFIER, run};
use crate::kit::{Reply, at, form};
use crate::site::{APP, Hand, Web, document, port_on};

const LIST: &str = "https://sector.example/uris.json";
const SITE: &str = "https%3A%2F%2Fsite.example%2Fcb";

fn offering() -> Strangers {
    strangers().with_pairwise_subjects(true).with_backchannel_logout(true)
}

fn house(web: &Web, clients: Strangers) -> Desk {
    let (key, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let web = web.clone();
    desk(clients, |builder| builder.root_secret(root(7)).signing_key(key).id_tokens(ScopeAsClaim).fetch(web))
}

fn wishing(wishes: &Value) -> Value {
    let mut metadata = site();
    metadata["token_endpoint_auth_method"] = json!("none");
    for (name, value) in wishes.as_object().unwrap() {
        metadata[name] = value.clone();
    }
    metadata
}

fn ask(desk: &Desk, metadata: &Value) -> Reply {
    Reply::of(&run(desk.engine.register(&json_post(metadata.to_string()).request(), at(0))))
}

#[track_caller]
fn registered(desk: &Desk, wishes: &Value) -> Value {
    let reply = ask(desk, &wishing(wishes));
    assert_eq!(reply.status, 201, "{}", String::from_utf8_lossy(&reply.body));
    Value::Object(reply.json())
}

/// The ID token of a login by this client, in a session of the host's.
fn id_token(desk: &Desk, client: &Value) -> String {
    let query =
        format!("response_type=code&client_id={}&redirect_uri={SITE}&scope=openid&state={STATE}{PKCE}", id(client));
    let approved = desk.approve(&query, Authorization::of("alice").with_session("cookie", at(80_000)), at(1));
    let body = format!(
        "grant_type=authorization_code&code={}&redirect_uri={SITE}&code_verifier={VERIFIER}&client_id={}",
        approved.get("code").unwrap(),
        id(client)
    );
    let reply = Reply::of(&run(desk.engine.token(&form(body).request(), at(2))));
    reply.assert_ok().text("id_token")
}

fn log_out(desk: &Desk) -> LoggedOut {
    run(desk.engine.log_out("alice", "cookie", at(3))).unwrap()
}

#[test]
fn pairwise_subjects_are_given_to_who_asks_where_they_are_offered() {
    let desk = house(&Web::default(), offering());
    let (one, plain) = (registered(&desk, &json!({"subject_type": "pairwise"})), registered(&desk, &json!({})));
    assert_eq!((one["subject_type"].as_str(), plain.get("subject_type")), (Some("pairwise"), None));
    let sub = claims(&id_token(&desk, &one))["sub"].as_str().unwrap().to_owned();
    assert_eq!(sub.len(), 43);
    assert_eq!(claims(&id_token(&desk, &plain))["sub"], "alice");
    // Another registration of the same site is of the same sector, which is the host of its redirect URIs.
    let again = registered(&desk, &json!({"subject_type": "pairwise"}));
    assert_eq!(claims(&id_token(&desk, &again))["sub"], sub.as_str());
    let metadata: Value = serde_json::from_slice(desk.engine.metadata().unwrap().body()).unwrap();
    assert_ne!(metadata["issuer"], Value::Null);
    // Without a secret to compute them under there is no such engine.
    let built = regrant::Engine::builder(regrant::MemoryStore::new(), offering()).registration().build();
    assert!(matches!(built, Err(BuildError::SubjectSecretRequired)));
}

/// Where they are not offered the wish is passed by, as it was before there were any, and the answer says so.
#[test]
fn what_is_not_offered_is_dropped() {
    let web = Web::default();
    let desk = house(&web, strangers());
    let wishes = json!({
        "subject_type": "pairwise", "sector_identifier_uri": LIST, "backchannel_logout_uri": "https://site.example/logout",
        "backchannel_logout_session_required": true, "post_logout_redirect_uris": ["https://site.example/out"],
    });
    let client = registered(&desk, &wishes);
    for dropped in
        ["subject_type", "sector_identifier_uri", "backchannel_logout_uri", "backchannel_logout_session_required"]
    {
        assert_eq!(client.get(dropped), None, "{dropped}");
    }
    assert_eq!(client["post_logout_redirect_uris"], json!(["https://site.example/out"]));
    assert_eq!(claims(&id_token(&desk, &client))["sub"], "alice");
    assert!(log_out(&desk).notices.is_empty());
    assert_eq!(web.fetches(), 0);
}

/// Registration section 5: the list has to have every redirect URI; then its host is the sector.
#[test]
fn a_sector_is_fetched_and_checked() {
    let web = Web::default();
    let desk = house(&web, offering());
    let pairwise = json!({"subject_type": "pairwise", "sector_identifier_uri": LIST});
    let list = |uris: &Value| web.answers(LIST, 200, "application/json", uris.to_string().into_bytes());
    // Not to be had: nobody can tell, and it may be asked again.
    assert_eq!(ask(&desk, &wishing(&pairwise)).status, 503);
    for (minute, (what, body)) in [
        ("another's", json!(["https://other.example/cb"])),
        ("none", json!([])),
        ("no list", json!({"redirect_uris": ["https://site.example/cb"]})),
        ("no texts", json!([7])),
        ("nearly the same", json!(["https://site.example/cb/"])),
    ]
    .into_iter()
    .enumerate()
    {
        let web = Web::default();
        let desk = house(&web, offering());
        web.answers(LIST, 200, "application/json", body.to_string().into_bytes());
        let reply = ask(&desk, &wishing(&pairwise));
        assert_eq!(reply.outcome(), (400, Some("invalid_client_metadata".into())), "{minute} {what}");
        assert_eq!(web.fetched(), [LIST]);
    }
    list(&json!(["https://other.example/cb", "https://site.example/cb"]));
    let one = registered(&house(&web, offering()), &pairwise);
    assert_eq!(one["sector_identifier_uri"], LIST);
    let desk = house(&web, offering());
    let (one, own) = (registered(&desk, &pairwise), registered(&desk, &json!({"subject_type": "pairwise"})));
    let sub = |client: &Value| claims(&id_token(&desk, client))["sub"].as_str().unwrap().to_owned();
    assert_ne!(sub(&one), sub(&own), "another sector");
    assert_eq!(sub(&one), sub(&registered(&desk, &pairwise)));
    // What may not be fetched is refused, and without pairwise subjects it means nothing.
    web.fetched();
    for uri in [
        "http://sector.example/uris.json",
        "https://169.254.169.254/",
        "https://localhost/",
        "uris.json",
        "https://10.0.0.1/",
    ] {
        let wishes = json!({"subject_type": "pairwise", "sector_identifier_uri": uri});
        assert_eq!(ask(&desk, &wishing(&wishes)).outcome(), (400, Some("invalid_client_metadata".into())), "{uri}");
        registered(&desk, &json!({"sector_identifier_uri": uri}));
    }
    assert_eq!(web.fetches(), 0);
    // Nor where there is nothing to fetch by.
    let bare = desk_without_fetch();
    assert_eq!(ask(&bare, &wishing(&pairwise)).status, 400);
}

fn desk_without_fetch() -> Desk {
    desk(offering(), |builder| builder.root_secret(root(7)))
}

/// Who registers often does not make this server fetch often.
#[test]
fn a_sector_is_no_button_for_fetches() {
    let web = Web::default();
    let desk = house(&web, offering());
    let peer = "192.0.2.1".parse().unwrap();
    for number in 0..200 {
        let wishes =
            json!({"subject_type": "pairwise", "sector_identifier_uri": format!("https://victim.example/{number}")});
        let body = wishing(&wishes).to_string();
        let ask = json_post(body);
        let request = ask.request().with_peer(peer);
        assert_eq!(run(desk.engine.register(&request, at(0))).status(), 503);
    }
    let fetches = web.fetches();
    assert!((1..=50).contains(&fetches), "{fetches}");
}

#[test]
fn logouts_are_told_to_strangers_where_the_host_says_so() {
    let wishes = json!({
        "backchannel_logout_uri": "https://site.example/logout", "backchannel_logout_session_required": true,
    });
    let desk = house(&Web::default(), offering());
    let client = registered(&desk, &wishes);
    assert_eq!(
        (&client["backchannel_logout_uri"], &client["backchannel_logout_session_required"]),
        (&json!("https://site.example/logout"), &json!(true))
    );
    let sid = claims(&id_token(&desk, &client))["sid"].clone();
    let out = log_out(&desk);
    let [notice] = &out.notices[..] else { panic!("{out:?}") };
    assert_eq!((notice.client_id(), notice.uri()), (id(&client), "https://site.example/logout"));
    assert_eq!(claims(notice.logout_token())["sid"], sid);
    // URIs of other schemes and places are passed by.
    for uri in
        ["http://site.example/logout", "http://169.254.169.254/", "https://site.example/logout#x", "javascript:x", ""]
    {
        let client = registered(&desk, &json!({"backchannel_logout_uri": uri}));
        assert_eq!(client.get("backchannel_logout_uri"), None, "{uri}");
    }
}

/// A stranger registers another's redirect URI, and an address of their own to hear at: what is posted there would be the name that the other
/// knows the person by. It hears at the host of all its redirect URIs alone (or of its sector), and the answer says so.
#[test]
fn a_stranger_hears_of_logouts_on_its_own_host_alone() {
    let wishes = |uri: &str| json!({"subject_type": "pairwise", "backchannel_logout_uri": uri, "backchannel_logout_session_required": true});
    for (uri, own) in [
        ("https://site.example/hear", true),
        ("https://SITE.example:8443/hear?x", true),
        ("https://evil.example/hear", false),
        ("https://site.example.evil.example/hear", false),
        ("https://evil.example/site.example/", false),
        ("https://sub.site.example/hear", false),
        ("https://site.example./hear", false),
    ] {
        let desk = house(&Web::default(), offering());
        let client = registered(&desk, &wishes(uri));
        assert_eq!(client.get("backchannel_logout_uri").is_some(), own, "{uri}");
        assert_eq!(client.get("backchannel_logout_session_required").is_some(), own, "{uri}");
        id_token(&desk, &client);
        assert_eq!(log_out(&desk).notices.len(), usize::from(own), "{uri}");
    }
    // On several hosts there is none that is its own, unless somebody vouches for a sector.
    let several = |more: Value| {
        let web = Web::default();
        let uris = json!(["https://site.example/cb", "https://other.example/cb"]);
        web.answers(LIST, 200, "application/json", uris.to_string().into_bytes());
        let mut wishes = more;
        wishes["redirect_uris"] = uris;
        let client = registered(&house(&web, offering()), &wishes);
        client.get("backchannel_logout_uri").is_some()
    };
    assert!(!several(wishes("https://site.example/hear")));
    let mut with_sector = wishes("https://sector.example/hear");
    with_sector["sector_identifier_uri"] = json!(LIST);
    assert!(several(with_sector.clone()));
    with_sector["backchannel_logout_uri"] = json!("https://site.example/hear");
    assert!(!several(with_sector));
}

/// Nor does one hear that only had somebody begin a login: the code went to whoever has the redirect URI, and they did not redeem it.
#[test]
fn a_stranger_hears_of_nobody_whose_code_it_never_had() {
    let desk = house(&Web::default(), offering());
    let wishes = json!({"subject_type": "pairwise", "backchannel_logout_uri": "https://site.example/~evil/hear"});
    let thief = registered(&desk, &wishes);
    let query =
        format!("response_type=code&client_id={}&redirect_uri={SITE}&scope=openid&state={STATE}{PKCE}", id(&thief));
    let approved = desk.approve(&query, Authorization::of("alice").with_session("cookie", at(80_000)), at(1));
    assert!(approved.get("code").is_some());
    let out = log_out(&desk);
    assert_eq!((out.ended, out.notices.len(), desk.store.grants().len()), (1, 0, 0));
}

/// What it registered with decides, and not what the host has left of that: its logins go on.
#[test]
fn a_client_that_loses_a_redirect_uri_moves_into_nobodys_sector() {
    use regrant::client::NativeRedirects;
    let (key, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let schemes = || NativeRedirects::new().with_schemes(["vscode"]);
    let first = desk(offering().with_native_redirects(schemes()), |builder| {
        builder.root_secret(root(7)).signing_key(key.clone()).id_tokens(ScopeAsClaim)
    });
    let mixed = json!({
        "subject_type": "pairwise", "redirect_uris": ["https://site.example/cb", "vscode://vendor.extension/cb"],
    });
    let mixed = registered(&first, &mixed);
    let site = registered(&first, &json!({"subject_type": "pairwise"}));
    let second = crate::desk::desk_on(std::sync::Arc::clone(&first.store), offering(), |builder| {
        builder.root_secret(root(7)).signing_key(key.clone()).id_tokens(ScopeAsClaim)
    });
    let sub = |desk: &Desk, client: &Value| claims(&id_token(desk, client))["sub"].as_str().unwrap().to_owned();
    let before = sub(&first, &mixed);
    assert_eq!(sub(&second, &mixed), before);
    assert_ne!(sub(&second, &site), before);
}

/// RP-Initiated Logout section 3: back to a registered URI, to the character, and to no other.
#[test]
fn people_are_sent_back_to_what_was_registered() {
    let desk = house(&Web::default(), offering());
    let uris = [
        "https://site.example/out",
        "http://evil.example/",
        "javascript:x",
        "com.example.app:/out",
        "https://site.example/out",
    ];
    let client = registered(&desk, &json!({ "post_logout_redirect_uris": uris }));
    assert_eq!(client["post_logout_redirect_uris"], json!(["https://site.example/out", "com.example.app:/out"]));
    let hint = id_token(&desk, &client);
    let back = |uri: &str| {
        let query = format!("id_token_hint={hint}&post_logout_redirect_uri={uri}&state=s");
        let request = Request::new("GET", b"").with_query(query.as_bytes());
        run(desk.engine.end_session_request(&request)).is_ok_and(|request| request.fault().is_none())
    };
    assert!(back("https://site.example/out"));
    for other in ["https://site.example/out/", "https://site.example/", "http://evil.example/"] {
        assert!(!back(other), "{other}");
    }
}

/// A client that is known by a document: the list of its sector is on the document's host, which vouches for it unasked.
#[test]
fn documents_ask_for_the_same() {
    let web = Web::default();
    let wishing = |sector: &str| {
        let mut says = document(APP);
        says["subject_type"] = json!("pairwise");
        says["backchannel_logout_uri"] = json!("https://app.example/logout");
        says["sector_identifier_uri"] = json!(sector);
        says
    };
    let (key, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let port = |offered: bool| {
        let clients = crate::site::strangers(&web, &Hand::new());
        let clients = clients.with_pairwise_subjects(offered).with_backchannel_logout(offered);
        port_on(std::sync::Arc::default(), clients, |builder| {
            builder.root_secret(root(7)).signing_key(key.clone()).id_tokens(ScopeAsClaim)
        })
    };
    let query = format!(
        "response_type=code&client_id={APP}&redirect_uri=https://portal.example/cb&scope=openid&state={STATE}{PKCE}"
    );
    let begins = |offered: bool, sector: &str| {
        web.puts(APP, &wishing(sector));
        let port = port(offered);
        run(port.engine.authorize(&Request::new("GET", b"").with_query(query.as_bytes()), at(0))).is_ok()
    };
    assert!(begins(true, "https://app.example/uris.json"));
    assert!(begins(true, "https://APP.example:8443/uris.json"));
    assert!(!begins(true, "https://victim.example/uris.json"), "another's sector");
    assert!(!begins(true, "app.example"));
    assert!(begins(false, "https://victim.example/uris.json"), "not offered, so passed by");
    assert!(web.fetched().iter().all(|url| url == APP));
}

/// Core section 8.1: a document changes when its author likes, and its logins go on. So its redirect URIs bring it into no sector but that of its own
/// host, or it would learn what another's clients call the same people.
#[test]
fn a_document_is_of_its_own_hosts_sector_or_its_own() {
    const BANK: &str = "https://bank.example/client.json";
    const EVIL: &str = "https://evil.example/client.json";
    let (web, hand) = (Web::default(), Hand::new());
    let (key, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let clients = crate::site::strangers(&web, &hand).with_pairwise_subjects(true);
    let port = port_on(std::sync::Arc::default(), clients, |builder| {
        builder.root_secret(root(7)).signing_key(key).id_tokens(ScopeAsClaim)
    });
    let puts = |url: &str, redirects: &[&str]| {
        let mut says = document(url);
        says["subject_type"] = json!("pairwise");
        says["redirect_uris"] = json!(redirects);
        web.puts(url, &says);
    };
    let log_in = |url: &str, redirect: &str, now: u64| {
        let query =
            format!("response_type=code&client_id={url}&redirect_uri={redirect}&scope=openid&state={STATE}{PKCE}");
        let approved = port.approve(&query, Authorization::of("alice"), at(now));
        let body = format!(
            "grant_type=authorization_code&code={}&redirect_uri={redirect}&code_verifier={VERIFIER}&client_id={url}",
            approved.get("code").unwrap()
        );
        let reply = Reply::of(&run(port.engine.token(&form(body).request(), at(now))));
        reply.assert_ok();
        reply
    };
    let sub = |reply: &Reply| claims(&reply.text("id_token"))["sub"].as_str().unwrap().to_owned();
    let other = "https://bank.example/other.json";
    puts(BANK, &["https://bank.example/cb"]);
    puts(other, &["https://bank.example/other"]);
    puts(EVIL, &["https://evil.example/cb"]);
    let bank = sub(&log_in(BANK, "https://bank.example/cb", 1));
    assert_eq!(sub(&log_in(other, "https://bank.example/other", 1)), bank, "of one host");
    let evil = log_in(EVIL, "https://evil.example/cb", 1);
    assert_ne!(sub(&evil), bank);
    puts(EVIL, &["https://bank.example/cb"]);
    hand.is_at(at(700));
    let body = format!("grant_type=refresh_token&refresh_token={}&client_id={EVIL}", evil.text("refresh_token"));
    let again = Reply::of(&run(port.engine.token(&form(body).request(), at(700))));
    again.assert_ok();
    assert_ne!(sub(&again), bank, "its redirect URIs are the bank's now");
    let own = sub(&log_in(EVIL, "https://bank.example/cb", 701));
    assert!(own != bank && own == sub(&again));
    // Two such documents are two.
    let evils = "https://evil.example/second.json";
    puts(evils, &["https://bank.example/cb"]);
    assert!(![own, bank].contains(&sub(&log_in(evils, "https://bank.example/cb", 701))));
}

/// Whatever the members are, nothing but their types is a reason to refuse.
#[test]
fn members_of_other_types_are_refused() {
    let read = |wishes: Value| ClientMetadata::from_json(wishing(&wishes).to_string().as_bytes());
    for wishes in [
        json!({"subject_type": 7}),
        json!({"sector_identifier_uri": [LIST]}),
        json!({"post_logout_redirect_uris": "https://site.example/out"}),
        json!({"post_logout_redirect_uris": [7]}),
        json!({"backchannel_logout_uri": {}}),
        json!({"backchannel_logout_session_required": "true"}),
    ] {
        assert_eq!(read(wishes.clone()).unwrap_err().code().as_str(), "invalid_client_metadata", "{wishes}");
    }
    assert!(!read(json!({"subject_type": "public"})).unwrap().pairwise_subjects());
    assert!(!read(json!({"subject_type": "Pairwise"})).unwrap().pairwise_subjects());
    let many: Vec<String> = (0..40).map(|number| format!("https://site.example/{number}")).collect();
    assert_eq!(read(json!({ "post_logout_redirect_uris": many })).unwrap().post_logout_redirect_uris().len(), 16);
}
