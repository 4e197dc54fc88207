//! The process is killed, again and again, while clients refresh, log out and present old tokens.
//!
//! A child process works on the file and reports what each client sends and receives, one line for each. The parent
//! kills it after so many lines, hands what the clients know to the next child, and goes on. The clock stands still, so
//! that every client retries within its window.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use regrant::{Client, Engine, Key, Request, Response, Scope, StaticClients};

use super::*;
use crate::kit::anyone::Anyone;

const FOLDER: &str = "REGRANT_TEST_KILL";
const SEED: &str = "REGRANT_TEST_KILL_SEED";
const LAST: &str = "REGRANT_TEST_KILL_LAST";
const KILLS: u64 = 200;
const CLIENTS: usize = 6;
const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

/// What a client knows of its session.
#[derive(Clone, Default)]
struct Session {
    /// The refresh tokens it was given, oldest first; empty before it logs in.
    tokens: Vec<String>,
    /// It has asked for the session's end, or presented an old token, and heard nothing.
    ending: bool,
}

/// All that the clients know.
#[derive(Default)]
struct Known {
    sessions: [Session; CLIENTS],
    /// The last tokens of sessions that have ended for certain.
    dead: Vec<String>,
}

impl Known {
    fn write(&self, place: &Place) {
        let mut text = Vec::new();
        for session in &self.sessions {
            writeln!(text, "{} {}", session.ending, session.tokens.join(" ")).unwrap();
        }
        text.extend(self.dead.join(" ").bytes());
        fs::write(place.folder().join("known"), text).unwrap();
    }

    fn read(text: &str) -> Self {
        let mut known = Self::default();
        let words = |line: &str| line.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        let mut lines = text.lines();
        for session in &mut known.sessions {
            let mut words = words(lines.next().unwrap());
            session.ending = words.remove(0) == "true";
            session.tokens = words;
        }
        known.dead = lines.next().map(words).unwrap_or_default();
        known
    }

    /// What the child reports: `client event token`.
    fn hear(&mut self, report: &str) {
        let words: Vec<&str> = report.split(' ').collect();
        let session = &mut self.sessions[words[0].parse::<usize>().unwrap()];
        match (words[1], words.get(2)) {
            ("ending", None) => session.ending = true,
            ("ended", None) => {
                self.dead.extend(session.tokens.pop());
                *session = Session::default();
            }
            ("token", Some(token)) => {
                session.ending = false;
                assert!(!session.tokens.iter().any(|old| old == token), "an old token was given again");
                session.tokens.push((*token).to_owned());
            }
            _ => panic!("the child says: {report}"),
        }
    }
}

type Host = Engine<FileStore, StaticClients>;

fn form(call: impl Fn(&Request<'_>) -> Response, body: &str) -> Response {
    call(&Request::new("POST", body.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded"))
}

/// The refresh token of a 200; `None` for a 400.
fn token(host: &Host, body: &str) -> Option<String> {
    let response = form(|request| wait(host.token(request, NOW)), body);
    let text = std::str::from_utf8(response.body()).unwrap();
    match response.status() {
        200 => Some(text.split_once("\"refresh_token\":\"").unwrap().1.split_once('"').unwrap().0.to_owned()),
        400 => None,
        status => panic!("{status}: {text}"),
    }
}

fn refresh(host: &Host, current: &str) -> Option<String> {
    token(host, &format!("grant_type=refresh_token&client_id=app&refresh_token={current}"))
}

/// One line, whole or not at all: less than a pipe takes at once.
fn report(client: usize, what: &str) {
    std::io::stdout().write_all(format!("@{client} {what}\n").as_bytes()).unwrap();
}

/// A client's life: it begins with a retry of whatever it did last.
fn live(host: &Host, client: usize, mut session: Session, mut random: StdRng, last: bool) {
    loop {
        match session.tokens.last().cloned() {
            None => {
                let body = format!("grant_type=password&client_id=app&username=user{client}&password=x&scope=read");
                session.tokens.push(token(host, &body).unwrap());
            }
            Some(current) => match refresh(host, &current) {
                Some(next) => session.tokens.push(next),
                None if session.ending => {
                    report(client, "ended");
                    session = Session::default();
                    continue;
                }
                None => return report(client, "lost-its-session"),
            },
        }
        session.ending = false;
        report(client, &format!("token {}", session.tokens.last().unwrap()));
        if last {
            return;
        }
        // Now and then the session ends: by a logout, or by an old token that somebody presents. The predecessor of the
        // current one is none: it would get the current one again.
        let old = session.tokens.len().saturating_sub(2);
        let ended = match random.random_range(0..20) {
            0 => {
                report(client, "ending");
                let body = format!("client_id=app&token={}", session.tokens.last().unwrap());
                form(|request| wait(host.revoke(request, NOW)), &body).status() == 200
            }
            1 if old > 0 => {
                report(client, "ending");
                if refresh(host, &session.tokens[random.random_range(0..old)]).is_some() {
                    return report(client, "old-token-was-accepted");
                }
                true
            }
            _ => false,
        };
        if ended {
            report(client, "ended");
            session = Session::default();
        }
    }
}

#[test]
#[ignore = "a process that another test starts"]
fn child_that_is_killed() {
    let Ok(folder) = env::var(FOLDER) else { return };
    let known = Known::read(&fs::read_to_string(format!("{folder}/known")).unwrap());
    let mut random = StdRng::seed_from_u64(env::var(SEED).unwrap().parse().unwrap());
    println!("@opening");
    // Killed within the milliseconds of its first start, it left an empty file, which only who knows that nothing was in it accepts.
    let is_new = known.dead.is_empty() && known.sessions.iter().all(|session| session.tokens.is_empty());
    // Full after fifty commits or so.
    let store = FileStore::builder().log_bytes(16 << 10).accept_empty(is_new);
    let store = store.open(format!("{folder}/grants")).unwrap();
    println!("@opened");
    let app = Client::public("app").grant_type("password").grant_type("refresh_token");
    let app = app.scope(Scope::parse("read").unwrap()).build().unwrap();
    let clients = StaticClients::new().with(app).unwrap();
    let host = Engine::builder(store, clients).key(Key::from_bytes(1, &[7; 32])).grant_handler(Anyone).build().unwrap();
    for dead in &known.dead {
        if refresh(&host, dead).is_some() {
            report(0, "a-dead-session-is-back");
        }
    }
    thread::scope(|scope| {
        for (client, session) in known.sessions.into_iter().enumerate() {
            let (host, random) = (&host, StdRng::seed_from_u64(random.random()));
            scope.spawn(move || live(host, client, session, random, env::var_os(LAST).is_some()));
        }
    });
}

/// Lets a child work until so many lines were heard of it, kills it, and hears the rest. Whether it ended by itself.
fn work(place: &Place, known: &mut Known, lines: usize, seed: u64, last: bool) -> bool {
    known.write(place);
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "file::killed::child_that_is_killed", "--ignored", "--nocapture"]);
    command.env(FOLDER, place.folder()).env(SEED, seed.to_string()).stdout(Stdio::piped());
    if last {
        command.env(LAST, "1");
    }
    let mut child = command.spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let (mut heard, mut line) = (0, String::new());
    loop {
        if heard == lines {
            child.kill().unwrap();
        }
        line.clear();
        // What was written before the end is still there after it; a line that was cut short is none.
        if output.read_line(&mut line).unwrap() == 0 || !line.ends_with('\n') {
            break;
        }
        // The harness writes the test's name before the first.
        let Some((_, said)) = line.trim_end().split_once('@') else { continue };
        heard += 1;
        if !matches!(said, "opening" | "opened") {
            known.hear(said);
        }
    }
    let status = child.wait().unwrap();
    assert!(status.success() || status.code().is_none(), "the child failed by itself: {status}");
    status.success()
}

#[test]
#[cfg(unix)]
fn two_hundred_kills_cost_nobody_a_session_and_bring_nothing_back() {
    let seed = env::var(SEED).map_or_else(|_| 20_260_101, |seed| seed.parse().unwrap());
    println!("{SEED}={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let place = Place::new();
    let mut known = Known::default();
    let mut heard_of_ends = 0;
    for kill in 0..KILLS {
        // Early ones hit the opening of the file, the others whatever is going on.
        let lines = if kill % 10 == 0 { random.random_range(0..3) } else { random.random_range(3..120) };
        println!("kill {kill} after {lines} lines");
        assert!(!work(&place, &mut known, lines, random.random(), false), "nothing was killed");
        heard_of_ends = known.dead.len().max(heard_of_ends);
        let forget = known.dead.len().saturating_sub(30);
        known.dead.drain(..forget);
    }
    assert!(heard_of_ends > 20, "hardly a session ended");
    assert!(work(&place, &mut known, usize::MAX, 1, true));
    assert!(known.sessions.iter().all(|session| !session.tokens.is_empty() && !session.ending));
}
