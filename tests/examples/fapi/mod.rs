//! The FAPI example as a process: each of its clients, over http and https, and what it refuses them. Real clients drive it in
//! `tests/clients`.

mod atproto;
mod authority;
mod certificates;
mod client;
mod documents;
mod keys;
mod profiles;
mod refused;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use form_urlencoded::Serializer;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, StreamOwned};
use serde_json::Value;

use self::authority::{Authority, Identity, client_config};
use self::client::Client;
use crate::kit::servers::Folder;
use crate::kit::signer::Signer;
use crate::server::process::{Reply, Running};

const CALLBACK: &str = "http://127.0.0.1:49341/callback";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The example, and what its clients hold.
struct Town {
    server: Running,
    issuer: String,
    /// Who issued the server's certificate, and those of clients that it trusts; where it has one.
    authority: Option<Authority>,
    key: Signer,
    signed: Signer,
    older: Signer,
    mtls: Identity,
    /// Whether its profile has every client push.
    all_push: bool,
    scope: &'static str,
    _folder: Folder,
}

impl Town {
    fn http(options: &[&str]) -> Self {
        Self::start(None, options)
    }

    fn https(options: &[&str]) -> Self {
        Self::start(Some(Authority::new("the town")), options)
    }

    #[track_caller]
    fn start(authority: Option<Authority>, options: &[&str]) -> Self {
        let folder = Folder::new("fapi");
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let write = |name: &str, content: &str| {
            fs::write(path(name), content).unwrap();
            path(name)
        };
        let [key, signed, older] = ["of key-client", "of signed-client", "of older-client"].map(Signer::new);
        let mtls = Identity::self_signed("mtls-client");
        let mut all: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        for (client, set) in [
            ("key-client", key.jwks()),
            ("signed-client", signed.jwks()),
            ("older-client", older.jwks()),
            ("mtls-client", mtls.jwks()),
        ] {
            let file = write(&format!("{client}.json"), &set.to_string());
            all.extend(["--jwks".to_owned(), format!("{client}={file}")]);
        }
        if let Some(authority) = &authority {
            let server = authority.issue_server();
            all.extend(["--tls-cert".to_owned(), write("server.pem", &server.certificate_pem())]);
            all.extend(["--tls-key".to_owned(), write("server.key.pem", &server.key_pem())]);
            all.extend(["--client-ca".to_owned(), write("ca.pem", &authority.certificate_pem())]);
        }
        let server = Running::start_example("fapi", &all.iter().map(String::as_str).collect::<Vec<_>>());
        let scheme = if authority.is_some() { "https" } else { "http" };
        let issuer = format!("{scheme}://{}", server.address());
        let is_of = |profile: &str| options.contains(&profile);
        let all_push = is_of("fapi2") || is_of("atproto");
        let scope = if is_of("atproto") { "atproto" } else { "openid read" };
        Self { server, issuer, authority, key, signed, older, mtls, all_push, scope, _folder: folder }
    }

    /// Sends a request over a connection of its own, which shows this certificate.
    #[track_caller]
    fn send(&self, shows: Option<&Identity>, request: &str) -> Reply {
        if let Some(authority) = &self.authority {
            return self.send_over(client_config(authority, shows), request).0;
        }
        let mut stream = TcpStream::connect(self.server.address()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        Reply::of(&reply)
    }

    /// The same over https, by this client's TLS; and what the handshake was.
    #[track_caller]
    fn send_over(&self, tls: Arc<ClientConfig>, request: &str) -> (Reply, HandshakeKind) {
        let connection = ClientConnection::new(tls, "127.0.0.1".try_into().unwrap()).unwrap();
        let mut stream = StreamOwned::new(connection, TcpStream::connect(self.server.address()).unwrap());
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        (Reply::of(&reply), stream.conn.handshake_kind().unwrap())
    }

    fn post(&self, shows: Option<&Identity>, path: &str, headers: &str, form: &str) -> Reply {
        let length = form.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\n{headers}content-type: application/x-www-form-urlencoded\r\n\
             content-length: {length}\r\nhost: localhost\r\nconnection: close\r\n\r\n{form}"
        );
        self.send(shows, &request)
    }

    fn get(&self, shows: Option<&Identity>, path: &str, headers: &str) -> Reply {
        self.send(shows, &format!("GET {path} HTTP/1.1\r\n{headers}host: localhost\r\nconnection: close\r\n\r\n"))
    }

    /// A client of this name, with what it proves itself by.
    fn client(&self, id: &'static str) -> Client<'_> {
        Client::new(self, id)
    }

    /// Opens the page of a request, and allows what it asks for.
    #[track_caller]
    fn allow(&self, query: &str) -> Reply {
        let page = self.get(None, &format!("/authorize?{query}"), "");
        assert_eq!(page.status, 200, "{page:?}");
        let handle = page.body.split_once(r#"name="interaction" value=""#).unwrap().1.split('"').next().unwrap();
        let form = [("interaction", handle), ("username", "alice"), ("password", "wonderland"), ("decision", "allow")];
        self.post(None, "/authorize", "", &encoded(&form))
    }
}

/// A parameter of an answer that is a redirect.
#[track_caller]
fn told(reply: &Reply, name: &str) -> String {
    assert_eq!(reply.status, 303, "{reply:?}");
    let location = reply.header("location");
    let query = location.strip_prefix(CALLBACK).unwrap().trim_start_matches('?');
    let found = form_urlencoded::parse(query.as_bytes()).find(|(own, _)| own == name);
    found.unwrap_or_else(|| panic!("no {name} in {location}")).1.into_owned()
}

/// What a refusal says.
#[track_caller]
fn refused(reply: &Reply) -> (u16, String) {
    let error = match serde_json::from_str::<Value>(&reply.body) {
        Ok(body) => body["error"].as_str().unwrap_or_default().to_owned(),
        Err(_) => String::new(),
    };
    (reply.status, error)
}
