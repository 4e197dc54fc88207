//! Logins, refreshes and logouts through the engine, on a disk that fails.

use super::{Disk, at_every_operation, open, open_with, wait};
use crate::store::FileStore;
use crate::{
    Authorization, Client, Engine, GrantError, GrantHandler, GrantRequest, Key, Request, Scope, StaticClients,
    Timestamp,
};

struct Anyone;

impl GrantHandler for Anyone {
    fn grant_type(&self) -> &str {
        "password"
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        Ok(Authorization::of(request.required("username")?))
    }
}

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn engine(store: &FileStore) -> Engine<&FileStore, StaticClients> {
    let app = Client::public("app").grant_type("password").grant_type("refresh_token");
    let app = app.scope(Scope::parse("read").unwrap()).build().unwrap();
    let clients = StaticClients::new().with(app).unwrap();
    let key = Key::from_bytes(1, &[7; 32]);
    Engine::builder(store, clients).key(key).grant_handler(Anyone).build().unwrap()
}

/// The refresh token of a 200, or the status of what is none.
fn ask(engine: &Engine<&FileStore, StaticClients>, body: &str) -> Result<String, u16> {
    let request =
        Request::new("POST", body.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded");
    let response = wait(engine.token(&request, NOW));
    let text = std::str::from_utf8(response.body()).unwrap();
    match response.status() {
        200 => Ok(text.split_once("\"refresh_token\":\"").unwrap().1.split_once('"').unwrap().0.to_owned()),
        status => Err(status),
    }
}

fn refresh(engine: &Engine<&FileStore, StaticClients>, token: &str) -> Result<String, u16> {
    ask(engine, &format!("grant_type=refresh_token&client_id=app&refresh_token={token}"))
}

/// One client's session, as it knows it.
#[derive(Default)]
struct Session {
    /// Every refresh token it was given, oldest first.
    tokens: Vec<String>,
    logout: Logout,
}

#[derive(Default, PartialEq)]
enum Logout {
    #[default]
    No,
    Asked,
    Done,
}

/// Three people log in, refresh three times each, and one logs out.
fn script(disk: &Disk, log: (u64, usize)) -> Vec<Session> {
    let Ok(store) = open_with(disk, log) else { return Vec::new() };
    let engine = engine(&store);
    let mut sessions: Vec<Session> = Vec::new();
    for name in ["a", "b", "c"] {
        let login = format!("grant_type=password&client_id=app&username={name}&password=x&scope=read");
        sessions.push(Session { tokens: ask(&engine, &login).into_iter().collect(), ..Session::default() });
    }
    for _ in 0..3 {
        for session in &mut sessions {
            if let Some(Ok(token)) = session.tokens.last().map(|token| refresh(&engine, token)) {
                session.tokens.push(token);
            }
        }
    }
    if let Some(token) = sessions[0].tokens.last() {
        let body = format!("client_id=app&token={token}");
        let request =
            Request::new("POST", body.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded");
        let response = wait(engine.revoke(&request, NOW));
        sessions[0].logout = if response.status() == 200 { Logout::Done } else { Logout::Asked };
    }
    sessions
}

#[test]
fn nobody_loses_a_session_and_nothing_comes_back_after_a_fault_at_any_operation() {
    at_every_operation(script, |store, sessions| {
        let engine = engine(store);
        for session in sessions {
            let Some(token) = session.tokens.last() else { continue };
            let refreshed = refresh(&engine, token);
            match session.logout {
                Logout::Done => assert_eq!(refreshed, Err(400), "a logout was undone"),
                Logout::Asked => assert!(matches!(refreshed, Ok(_) | Err(400)), "{refreshed:?}"),
                Logout::No => {
                    let next = refreshed.expect("a session was lost");
                    // A retry gives the same again, also when the store is opened once more.
                    assert_eq!(refresh(&engine, token).as_ref(), Ok(&next));
                    assert!(!session.tokens.contains(&next), "an older token was given again");
                }
            }
        }
    });
}

#[test]
fn an_older_token_ends_its_grant_after_a_crash_as_before() {
    let disk = Disk::new(Vec::new(), super::Fault::Never);
    let sessions = script(&disk, super::LOGS[1]);
    let store = open(&Disk::new(disk.after(super::Crash::DropAll), super::Fault::Never)).unwrap();
    let engine = engine(&store);
    assert_eq!(refresh(&engine, &sessions[1].tokens[0]), Err(400));
    assert_eq!(refresh(&engine, sessions[1].tokens.last().unwrap()), Err(400));
    assert!(refresh(&engine, sessions[2].tokens.last().unwrap()).is_ok());
}
