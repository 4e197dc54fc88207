//! A server that is hard: each token once.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;

use super::*;

/// A server that takes each refresh token once, and ends its family at the second time.
#[derive(Default)]
struct Once {
    /// The newest of each, by number.
    families: Mutex<BTreeMap<u32, u32>>,
    /// It answers nothing that says anything.
    is_away: AtomicBool,
    asked_while_away: AtomicU32,
}

fn form(stream: &TcpStream) -> Option<BTreeMap<String, String>> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().ok()?,
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(form_urlencoded::parse(&body).into_owned().collect())
}

fn serve(server: &Once, mut stream: &TcpStream) {
    let Some(form) = form(stream) else { return };
    if server.is_away.load(Ordering::Relaxed) {
        server.asked_while_away.fetch_add(1, Ordering::Relaxed);
        let _ = stream.write_all(b"HTTP/1.1 503 Away\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        return;
    }
    let mut families = server.families.lock().unwrap();
    let next = match form.get("refresh_token").and_then(|token| token.split_once('.')) {
        None => {
            let family = families.keys().next_back().map_or(0, |last| last + 1);
            Some((family, 0))
        }
        Some((family, number)) => {
            let (family, number): (u32, u32) = (family.parse().unwrap(), number.parse().unwrap());
            if families.get(&family) == Some(&number) {
                Some((family, number + 1))
            } else {
                // What is not kept is ended.
                families.insert(family, u32::MAX);
                None
            }
        }
    };
    let (status, body) = match next {
        Some((family, number)) => {
            families.insert(family, number);
            ("200 OK", format!(r#"{{"access_token":"a","refresh_token":"{family}.{number}"}}"#))
        }
        None => ("400 Bad Request", r#"{"error":"invalid_grant"}"#.to_owned()),
    };
    let length = body.len();
    let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
}

/// A client of it, each of whose refreshes meets the fault.
fn client() -> (Arc<Client>, Load, Arc<Once>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/token", listener.local_addr().unwrap());
    let server = Arc::new(Once::default());
    std::thread::spawn({
        let server = Arc::clone(&server);
        move || {
            for stream in listener.incoming() {
                let server = Arc::clone(&server);
                std::thread::spawn(move || serve(&server, &stream.unwrap()));
            }
        }
    });
    let config = format!(
        "name = 'once'\ntoken_endpoints = ['{endpoint}']\n[client]\nid = 'app'\nauth = 'none'\n\
         [login.form]\nurl = '{endpoint}'\nfields = {{}}\n\
         [load]\npeople = 3\nrefreshes = 1\none_in = 1\nagain_after_ms = 1\nslow_after_s = 0\n"
    );
    let config: crate::config::Config = toml::from_str(&config).unwrap();
    let load = config.load;
    (Arc::new(Client::new(config).unwrap()), load, server)
}

/// It is told to whoever is next, who may be after the last fault.
#[tokio::test]
async fn what_ends_a_login_is_counted_after_the_last_fault_too() {
    let (client, load, _) = client();
    for fault in [Fault::Lost, Fault::LostTwice, Fault::LostSlow, Fault::Race, Fault::Shared] {
        let seen = suffer(&client, load, fault).await.unwrap();
        assert_eq!((seen.faults, seen.logged_out, seen.refreshes), (3, 3, 6), "{}", fault.name());
    }
    let seen = suffer(&client, load, Fault::None).await.unwrap();
    assert_eq!((seen.faults, seen.logged_out, seen.refreshes), (0, 0, 6));
}

/// However long the outage takes: a person goes on until it has ended, and has one more refresh then.
#[tokio::test]
async fn people_go_on_until_the_outage_has_ended() {
    let (client, load, _) = client();
    let outage = Arc::new(Outage::default());
    let person = tokio::spawn({
        let (client, outage) = (Arc::clone(&client), Arc::clone(&outage));
        async move { live_through(&client, load, &outage).await }
    });
    outage.some_answers(5).await.unwrap();
    assert!(!person.is_finished());
    outage.end();
    let seen = person.await.unwrap().unwrap();
    assert!(seen.refreshes > 5);
    assert_eq!((seen.faults, seen.logged_out, outage.met()), (0, 0, 0));
    let after = live_through(&client, load, &outage).await.unwrap();
    assert_eq!(after.refreshes, 1);
}

/// Longer than a client insists otherwise.
#[tokio::test]
async fn a_server_that_takes_long_to_come_back_logs_nobody_out() {
    let (client, load, server) = client();
    let outage = Arc::new(Outage::default());
    let person = tokio::spawn({
        let (client, outage) = (Arc::clone(&client), Arc::clone(&outage));
        async move { live_through(&client, load, &outage).await }
    });
    outage.some_answers(1).await.unwrap();
    server.is_away.store(true, Ordering::Relaxed);
    while server.asked_while_away.load(Ordering::Relaxed) < 150 {
        tokio::task::yield_now().await;
    }
    assert_eq!(outage.met(), 1);
    server.is_away.store(false, Ordering::Relaxed);
    outage.some_answers(1).await.unwrap();
    outage.end();
    let seen = person.await.unwrap().unwrap();
    assert_eq!((seen.faults, seen.unanswered, seen.logged_out), (1, 0, 0));
}
