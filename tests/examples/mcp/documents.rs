//! Clients that are known by a document, which is fetched from where `--client-document` says.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use super::{ALICE, asks, call, log_in, page, refresh, said, start, with_cookie};
use crate::kit::servers::Folder;

const ID: &str = "https://app.example/client.json";

/// A site with the document, which can be down, and counts.
struct Site {
    address: String,
    is_down: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Site {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (is_down, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (down, count) = (Arc::clone(&is_down), Arc::clone(&asked));
        let document = json!({
            "client_id": ID,
            "client_name": "A known app",
            "redirect_uris": ["http://localhost/callback"],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none",
        });
        let body = document.to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4_096]);
                count.fetch_add(1, Ordering::Relaxed);
                let status = if down.load(Ordering::Relaxed) { "503 Service Unavailable" } else { "200 OK" };
                let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n");
                let _ = write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len());
            }
        });
        Self { address, is_down, asked }
    }

    fn option(&self) -> String {
        format!("{ID}=http://{}/client.json", self.address)
    }
}

#[test]
fn a_client_that_is_known_by_a_document_logs_in() {
    let site = Site::start();
    let server = start(&["--client-document", &site.option()]);
    let metadata = server.get("/.well-known/oauth-authorization-server", None).json();
    assert_eq!(metadata["client_id_metadata_document_supported"], true);
    let shown = page(&server, &asks(ID, &[]), "");
    assert!(shown.html.contains("A known app") && shown.html.contains("app.example"), "{}", shown.html);
    assert!(shown.html.contains("Nobody here has checked"), "{}", shown.html);
    let (tokens, cookie) = log_in(&server, ID, &[], &ALICE);
    assert!(said(&call(&server, "/mcp", &tokens.member("access_token"), "whoami")).contains(ID));
    assert_eq!(refresh(&server, ID, &tokens.member("refresh_token")).status, 200);
    assert_eq!(site.asked.load(Ordering::Relaxed), 1);
    let account = server.ask("GET", "/account", &with_cookie(&cookie));
    assert!(account.body.contains("A known app"), "{account:?}");
}

/// draft-ietf-oauth-client-id-metadata-document: a client whose document cannot be had now is told to come again, and not to
/// forget what it has.
#[test]
fn a_restart_while_the_site_is_down_logs_nobody_out() {
    let site = Site::start();
    let folder = Folder::new("mcp");
    let store = format!("file:{}", folder.path().join("grants").display());
    let key_file = folder.path().join("keys.json");
    let option = site.option();
    let options = [
        "--store",
        &store,
        "--key-file",
        key_file.to_str().unwrap(),
        "--client-document",
        &option,
        "--issuer",
        "http://id.example",
    ];
    let server = start(&options);
    let (tokens, _) = log_in(&server, ID, &[], &ALICE);
    let (access, token) = (tokens.member("access_token"), tokens.member("refresh_token"));
    server.kill();
    site.is_down.store(true, Ordering::Relaxed);
    let server = start(&options);
    // What a person has allowed goes on.
    assert!(said(&call(&server, "/mcp", &access, "whoami")).contains("alice"));
    let later = refresh(&server, ID, &token);
    assert_eq!((later.status, later.member("error").as_str()), (503, "temporarily_unavailable"));
    let reply = server.get(&format!("/authorize?{}", asks(ID, &[])), None);
    assert_eq!(reply.status, 503, "{reply:?}");
    site.is_down.store(false, Ordering::Relaxed);
    assert_eq!(refresh(&server, ID, &token).status, 200);
    server.kill();
}

/// Who has no token that was made here makes the server fetch nothing at the token endpoint.
#[test]
fn a_strangers_token_request_fetches_nothing() {
    let site = Site::start();
    let server = start(&["--client-document", &site.option()]);
    for token in ["made-up", &"A".repeat(43)] {
        let refused = refresh(&server, ID, token);
        assert!(refused.status == 400 || refused.status == 401, "{refused:?}");
    }
    assert_eq!(site.asked.load(Ordering::Relaxed), 0);
}

#[test]
fn what_is_no_place_of_a_document_is_told() {
    for (text, wanted) in [
        (ID, "an https URL, =, and an http URL"),
        ("http://app.example/client.json=http://127.0.0.1/", "the id of a client"),
        ("https://app.example=http://127.0.0.1/", "the id of a client"),
        ("https://app.example/client.json=ftp://127.0.0.1/", "an https URL, =, and an http URL"),
        ("https://app.example/client.json=http://", "the document is at"),
    ] {
        let told = crate::server::process::fails_to_start_example("mcp", &["--client-document", text]);
        assert!(told.contains(wanted), "{text}: {told}");
    }
}
