//! Where clients are let in that nobody made by hand, nobody is redirected before a person is there: RFC 9700 section 4.11.2.

use std::future::Future;
use std::sync::Arc;

use regrant::client::{
    ClientBuilder, ClientIdKeys, ClientMetadata, ClientRef, ClientRegistry, ClientsError, Destination, Lookup,
    RegisteredClient, RegistrationDenial, StatelessClients,
};
use regrant::engine::{Person, ShownError};
use regrant::{
    Authorization, AuthorizationError, AuthorizationRequest, Client, Clients, Denial, Engine, EngineBuilder,
    MemoryStore, Request, Response, RootSecret, StaticClients, Timestamp,
};

use crate::kit::portal::{CALLBACK, ISSUER, Landing, OnShelf, PKCE, Portal, STATE, portal, query, run};
use crate::kit::{Shelf, at, scope, secret};

const EVIL: &str = "https://evil.example/cb";

/// Anybody's.
fn stranger() -> ClientBuilder {
    Client::public("stranger")
        .stranger(true)
        .name("Bank of Atlantis")
        .grant_type("authorization_code")
        .grant_type("refresh_token")
        .redirect_uri(EVIL)
        .redirect_uri("http://127.0.0.1/cb")
        .scope(scope("read"))
}

fn asks(rest: &str) -> String {
    format!("response_type=code&client_id=stranger&redirect_uri={EVIL}&state={STATE}{PKCE}{rest}")
}

fn world() -> OnShelf {
    Portal::new(Arc::new(Shelf::default()), [stranger()], |builder| builder)
}

fn asked<T>(world: &OnShelf, query: &str, then: impl AsyncFnOnce(&AuthorizationRequest<'_>) -> T) -> T {
    run(async {
        let request = Request::new("GET", b"").with_query(query.as_bytes());
        then(&world.engine.authorize(&request, at(0)).await.unwrap()).await
    })
}

fn denied(world: &OnShelf, query: &str, person: Person<'_>) -> Result<Response, ShownError> {
    asked(world, query, async |asked| world.engine.deny(asked, Denial::AccessDenied, person, at(0)).await)
}

fn approved(world: &OnShelf, query: &str, authorization: Authorization) -> Result<Landing, ShownError> {
    asked(world, query, async |asked| {
        world.engine.approve(asked, authorization, at(0)).await.map(|approval| Landing::of(&approval.response))
    })
}

/// A link as a page has it, read as a redirect is.
fn way_on(error: &ShownError) -> (String, Vec<(String, String)>) {
    let url = url::Url::parse(error.way_on().unwrap().url()).unwrap();
    let parameters = url.query_pairs().into_owned().collect();
    (url.as_str().split('?').next().unwrap().to_owned(), parameters)
}

const PEOPLE: [Person<'_>; 3] = [Person::LoggedIn("alice"), Person::AtThePage, Person::Nobody];

/// What is wrong with a request beyond its client and redirect URI, and what the client would hear.
const WRONG: [(&str, &str); 7] = [
    ("&scope=admin", "invalid_scope"),
    ("&scope=read&scope=read", "invalid_request"),
    ("&prompt=none+login", "invalid_request"),
    ("&prompt=none&prompt=none", "invalid_request"),
    ("&response_mode=form_post", "invalid_request"),
    ("&request=e30.e30.", "request_not_supported"),
    ("&max_age=soon", "invalid_request"),
];

/// "Errors of good clients are enough for phishing": a client made by hand hears of them when somebody is logged in.
#[test]
fn an_error_of_a_client_made_by_hand_waits_for_a_login() {
    let world = world();
    let query = query("portal").replace("&scope=openid+read", "");
    for (wrong, code) in WRONG {
        let error = world.shown(&format!("{query}{wrong}"));
        assert_eq!((error.status(), error.code().as_str()), (400, code), "{wrong}");
        for person in [Person::AtThePage, Person::Nobody] {
            assert!(error.redirect_for(person).is_none(), "{wrong} {person:?}");
        }
        let landing = Landing::of(&error.redirect_for(Person::LoggedIn("alice")).unwrap());
        assert_eq!(
            (landing.uri.as_str(), landing.get("error"), landing.get("iss")),
            (CALLBACK, Some(code), Some(ISSUER))
        );
        assert_eq!(landing.get("state"), Some(STATE));
        assert_eq!(error.way_on().unwrap().destination(), Destination::Site("portal.example"));
    }
    assert!(world.store.grants().is_empty());
}

/// Iframes of relying parties live by it, and the RFC excepts it: what asks with `prompt=none` shows no page.
#[test]
fn silent_authentication_of_a_client_made_by_hand_is_answered_by_redirect() {
    let world = world();
    let silent = format!("{}&prompt=none", query("portal"));
    let refused = world.refused(&format!("{silent}&max_age=soon")).unwrap();
    assert_eq!(refused.get("error"), Some("invalid_request"));
    for person in PEOPLE {
        let landing = Landing::of(&denied(&world, &silent, person).unwrap());
        assert_eq!((landing.uri.as_str(), landing.get("error")), (CALLBACK, Some("access_denied")), "{person:?}");
    }
    // The same without: nobody is there, so nobody is sent anywhere.
    let error = denied(&world, &query("portal"), Person::Nobody).unwrap_err();
    assert!(error.redirect_for(Person::LoggedIn("alice")).is_some());
    for person in [Person::AtThePage, Person::LoggedIn("alice")] {
        assert!(denied(&world, &query("portal"), person).is_ok(), "{person:?}");
    }
}

/// Whoever is logged in: the page stays, and says where the link on it leads.
#[test]
fn an_error_of_a_strangers_client_stays_on_the_page() {
    let world = world();
    for (wrong, code) in WRONG.into_iter().chain([("&prompt=none&scope=admin", "invalid_scope")]) {
        let error = world.shown(&asks(wrong));
        assert_eq!((error.status(), error.code().as_str()), (400, code), "{wrong}");
        assert!(PEOPLE.into_iter().all(|person| error.redirect_for(person).is_none()), "{wrong}");
        let (uri, parameters) = way_on(&error);
        let value = |name: &str| parameters.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        assert_eq!((uri.as_str(), value("error"), value("state")), (EVIL, Some(code), Some(STATE)), "{wrong}");
        assert_eq!(error.way_on().unwrap().destination().to_string(), "evil.example");
        let printed = format!("{error:?} {:?}", error.way_on());
        assert!(printed.contains("WayOn") && !printed.contains(STATE), "{printed}");
    }
}

/// RFC 6749 section 4.1.2.1: the page names the client or the redirect URI where one of them is what is missing, and nothing else as if it were.
#[test]
fn the_page_says_what_is_missing() {
    let world = world();
    let without_type = asks("").replace("response_type=code&", "");
    assert_eq!(world.shown(&without_type).description(), "a required parameter is missing");
    let request = Request::new("GET", b"").with_query(b"response_type=code");
    let Err(AuthorizationError::Show(nobody)) = run(world.engine.authorize(&request, at(0))) else { panic!("a page") };
    assert!(nobody.way_on().is_none() && nobody.description().starts_with("client_id, or"), "{nobody:?}");
}

/// "`prompt=none` of such a client is answered by a page": a link in a mail would otherwise lead through this server to
/// anybody's site, without a click.
#[test]
fn a_stranger_hears_of_a_denial_when_a_person_stands_behind_it() {
    let world = world();
    for (rest, person, heard) in [
        ("", Person::Nobody, false),
        ("", Person::AtThePage, true),
        ("", Person::LoggedIn("alice"), true),
        ("&prompt=login", Person::Nobody, false),
        ("&prompt=none", Person::Nobody, false),
        ("&prompt=none", Person::AtThePage, false),
        ("&prompt=none", Person::LoggedIn("alice"), false),
    ] {
        match denied(&world, &asks(rest), person) {
            Ok(response) => {
                assert!(heard, "{rest} {person:?}");
                assert_eq!(Landing::of(&response).get("error"), Some("access_denied"));
            }
            Err(error) => {
                assert!(!heard, "{rest} {person:?}");
                assert_eq!((error.code().as_str(), way_on(&error).0.as_str()), ("access_denied", EVIL));
                assert!(error.redirect_for(Person::LoggedIn("alice")).is_none());
            }
        }
    }
    assert!(world.store.grants().is_empty());
}

/// A code goes to a site once a person has said yes, now or earlier; what else comes of an approval goes there for a person alone.
#[test]
fn an_approval_is_for_a_person() {
    let world = world();
    let alice = || Authorization::of("alice");
    assert!(approved(&world, &asks("&prompt=none"), alice()).unwrap().get("code").is_some());
    let wider = || alice().with_scope(scope("admin"));
    assert_eq!(approved(&world, &asks(""), wider()).unwrap().get("error"), Some("server_error"));
    // A host without a login, or one that made a mistake.
    let error = approved(&world, &asks(""), Authorization::of_client()).unwrap_err();
    assert_eq!((error.status(), error.code().as_str()), (500, "server_error"));
    // Silent, and no code: nobody has seen where this leads.
    let old = alice().with_authenticated_at(Timestamp::EPOCH);
    let error = approved(&world, &asks("&prompt=none&max_age=60"), old.clone()).unwrap_err();
    assert_eq!((error.code().as_str(), error.way_on().is_some()), ("login_required", true));
    let landing = approved(&world, &asks("&max_age=60"), old).unwrap();
    assert_eq!(landing.get("error"), Some("login_required"));
}

/// What is wrong before there is a redirect URI leads nowhere, not by a link either.
#[test]
fn what_is_not_registered_is_no_way_on() {
    let world = world();
    for query in [
        "client_id=nobody&redirect_uri=https://evil.example/cb&response_type=code".to_owned(),
        asks("").replace(EVIL, "https://evil.example/other"),
        asks("").replace(EVIL, CALLBACK),
        query("portal").replace(CALLBACK, EVIL),
        asks("&client_id=stranger"),
        format!("{}&redirect_uri={EVIL}", asks("")),
    ] {
        assert_eq!(world.refused(&query), None, "{query}");
    }
}

/// Off until asked for: where nobody is let in, all is as RFC 6749 section 4.1.2.1 has it.
#[test]
fn where_no_stranger_is_let_in_errors_are_redirected_at_once() {
    let world = OnShelf::simple();
    let query = query("portal");
    for wrong in ["&max_age=soon", "&response_mode=form_post"] {
        assert_eq!(world.refused(&format!("{query}{wrong}")).unwrap().get("error"), Some("invalid_request"));
    }
    for person in PEOPLE {
        assert!(denied(&world, &query, person).is_ok(), "{person:?}");
    }
    let faulty = approved(&world, &query, Authorization::of_client()).unwrap();
    assert_eq!(faulty.get("error"), Some("server_error"));
}

/// A registry of a host's own, which may say so.
struct Own {
    lets_in: bool,
    clients: StaticClients,
}

impl Clients for Own {
    fn find(
        &self,
        client_id: &str,
        lookup: Lookup,
    ) -> impl Future<Output = Result<Option<ClientRef<'_>>, ClientsError>> + Send {
        self.clients.find(client_id, lookup)
    }

    fn lets_strangers_in(&self) -> bool {
        self.lets_in
    }
}

impl ClientRegistry for Own {
    async fn create(&self, _: ClientMetadata, _: Timestamp) -> Result<RegisteredClient, RegistrationDenial> {
        Err(RegistrationDenial::Busy)
    }
}

/// Whether an error of a client made by hand waits.
fn waits<C: Clients>(clients: C, change: impl FnOnce(Builder<C>) -> Builder<C>) -> bool {
    let builder = Engine::builder(MemoryStore::new(), clients).issuer(ISSUER).authorization_code();
    let engine = change(builder).build().unwrap();
    let query = format!("{}&max_age=soon", query("portal"));
    let request = Request::new("GET", b"").with_query(query.as_bytes());
    matches!(run(engine.authorize(&request, at(0))), Err(AuthorizationError::Show(_)))
}

type Builder<C> = EngineBuilder<MemoryStore, C>;

/// "Strangers are let in" has a moment, and each way to let them in says so by itself.
#[test]
fn each_way_to_let_strangers_in_counts() {
    let by_hand = || StaticClients::new().with(portal().build().unwrap()).unwrap();
    let with_one = || by_hand().with(stranger().build().unwrap()).unwrap();
    let keys = || ClientIdKeys::new(&RootSecret::from_bytes(1, &[1; 32]), None);
    assert!(!waits(by_hand(), |builder| builder));
    assert!(waits(with_one(), |builder| builder));
    assert!(waits(&with_one(), |builder| builder));
    assert!(waits(Arc::new(with_one()), |builder| builder));
    // Ids that another node made are good here.
    assert!(waits(StatelessClients::new(by_hand(), keys()), |builder| builder));
    assert!(waits(StatelessClients::new(by_hand(), keys()), EngineBuilder::registration));
    assert!(!waits(Own { lets_in: false, clients: by_hand() }, |builder| builder));
    assert!(waits(Own { lets_in: true, clients: by_hand() }, |builder| builder));
    // Who registers clients lets them in, also where the registry forgot to say so.
    assert!(waits(Own { lets_in: false, clients: by_hand() }, EngineBuilder::registration));
}

/// Codes and refresh tokens, PKCE by S256: a host's own registry cannot forget it.
#[test]
fn a_strangers_client_may_little() {
    use regrant::client::ClientError;
    let secret = || Client::confidential("site").secret(secret(crate::kit::SECRET)).stranger(true);
    for grant_type in ["client_credentials", "password", "urn:ietf:params:oauth:grant-type:token-exchange"] {
        let refused = secret().grant_type(grant_type).build();
        assert!(matches!(refused, Err(ClientError::GrantTypeOfStranger)), "{grant_type}");
        assert!(secret().danger_grant_type_of_stranger(grant_type).build().unwrap().may_use(grant_type));
        // In whatever order it is said.
        let refused = Client::public("app").grant_type("password").stranger(true).build();
        assert!(matches!(refused, Err(ClientError::GrantTypeOfStranger)));
    }
    let site = secret().grant_type("authorization_code").redirect_uri(EVIL).scope(scope("read")).require_pkce(false);
    let world = Portal::new(Arc::new(Shelf::default()), [site], |builder| builder);
    let plain = format!("response_type=code&client_id=site&redirect_uri={EVIL}");
    let error = world.shown(&plain);
    assert!(error.description().contains("S256"));
    assert!(approved(&world, &format!("{plain}{PKCE}"), Authorization::of("alice")).unwrap().get("code").is_some());
}

/// RFC 6749 section 10.16, RFC 7591 section 5: the page can say what is the client's own word and what is known.
#[test]
fn the_page_is_told_what_it_has_to_show() {
    let world = world();
    asked(&world, &asks(""), async |asked| {
        assert!(asked.client().is_stranger() && !asked.is_asked_each_time());
        assert_eq!(asked.client().name(), Some("Bank of Atlantis"));
        assert_eq!(asked.destination(), Destination::Site("evil.example"));
    });
    let local = asks("").replace(EVIL, "http%3A%2F%2F127.0.0.1%3A9004%2Fcb");
    asked(&world, &local, async |asked| {
        assert!(asked.is_asked_each_time());
        assert_eq!(asked.destination(), Destination::ThisMachine("127.0.0.1"));
    });
    asked(&world, &query("portal"), async |asked| assert!(!asked.client().is_stranger()));
}

#[test]
fn nothing_of_the_request_or_the_person_is_in_what_is_logged() {
    let world = world();
    let error = world.shown(&asks("&scope=admin"));
    let shown = format!("{error} {error:?} {:?} {:?}", error.way_on(), Person::LoggedIn("alice"));
    assert!(!["evil", STATE, "alice", "admin"].iter().any(|text| shown.contains(text)), "{shown}");
}

/// Rule 1: a stranger leaves nothing behind. Anybody can press "Cancel".
#[test]
fn a_no_is_kept_where_somebody_is_logged_in() {
    let world = Portal::new(Arc::new(Shelf::default()), [stranger()], |builder| {
        builder.root_secret(RootSecret::from_bytes(1, &[1; 32]))
    });
    // Not heard by the client, so not answered.
    let handle =
        asked(&world, &asks("&prompt=none"), async |asked| world.engine.interaction_handle(asked, at(0)).unwrap());
    let interaction = world.engine.open_interaction(&handle, at(1)).unwrap();
    let silent = run(world.engine.resume(&interaction)).unwrap();
    assert!(run(world.engine.deny(&silent, Denial::ConsentRequired, Person::LoggedIn("alice"), at(1))).is_err());
    assert!(world.store.grants().is_empty());
    for (person, kept) in [(Person::Nobody, 0), (Person::AtThePage, 0), (Person::LoggedIn("alice"), 1)] {
        let handle = asked(&world, &asks(""), async |asked| world.engine.interaction_handle(asked, at(0)).unwrap());
        let interaction = world.engine.open_interaction(&handle, at(1)).unwrap();
        let again = run(world.engine.resume(&interaction)).unwrap();
        let answer = run(world.engine.deny(&again, Denial::AccessDenied, person, at(1)));
        assert_eq!(answer.is_ok(), person != Person::Nobody);
        assert_eq!(world.store.grants().len(), kept, "{person:?}");
        // Who was not logged in may have changed their mind.
        let approval = run(world.engine.approve(&again, Authorization::of("alice"), at(2)));
        assert_eq!(approval.is_ok(), kept == 0, "{person:?}");
        let second = run(world.engine.deny(&again, Denial::AccessDenied, Person::AtThePage, at(3)));
        assert_eq!(second.is_err(), kept == 0, "a no after a yes comes too late");
        run(world.engine.end_sessions_of("alice", regrant::Timestamp::EPOCH)).unwrap();
        for marker in world.store.grants() {
            run(regrant::TokenStore::remove(&*world.store, marker.id())).unwrap();
        }
    }
}
