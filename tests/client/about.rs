//! What a client says of itself (RFC 7591 section 2), so that a page needs no second look-up.

use regrant::client::ClientError;
use regrant::{Client, HostData};

use crate::kit::portal::{native, query, run};

#[test]
fn a_page_has_it_with_the_request() {
    let described = native()
        .name("Bank of Atlantis – Ålesund")
        .client_uri("https://bank.example/")
        .logo_uri("https://bank.example/logo.svg")
        .policy_uri("https://bank.example/privacy")
        .tos_uri("https://bank.example/terms")
        .host_data(HostData::of(&("team", 7)).unwrap());
    let clients = regrant::StaticClients::new().with(described.build().unwrap()).unwrap();
    let builder = regrant::Engine::builder(regrant::MemoryStore::new(), clients).issuer("https://id.example");
    let engine = builder.authorization_code().build().unwrap();
    let query = query("native");
    let request = regrant::Request::new("GET", b"").with_query(query.as_bytes());
    let asked = run(engine.authorize(&request, regrant::Timestamp::EPOCH)).unwrap();
    let client = asked.client();
    assert_eq!(client.name(), Some("Bank of Atlantis – Ålesund"));
    assert_eq!(client.client_uri(), Some("https://bank.example/"));
    assert_eq!(client.logo_uri(), Some("https://bank.example/logo.svg"));
    assert_eq!(client.policy_uri(), Some("https://bank.example/privacy"));
    assert_eq!(client.tos_uri(), Some("https://bank.example/terms"));
    assert_eq!(client.host_data().unwrap().read::<(String, u8)>().unwrap(), ("team".into(), 7));
}

#[test]
fn one_that_says_nothing_has_nothing() {
    let client = Client::public("app").build().unwrap();
    let said = [client.name(), client.client_uri(), client.logo_uri(), client.policy_uri(), client.tos_uri()];
    assert_eq!(said, [None; 5]);
    assert!(client.host_data().is_none());
}

#[test]
fn what_a_page_could_not_show_without_harm_is_refused() {
    let long_name = "n".repeat(513);
    for name in ["", "Bank\n", "Bank\0", "\u{9b}Bank", &long_name] {
        assert_eq!(Client::public("app").name(name).build().err(), Some(ClientError::Name), "{name:?}");
    }
    assert!(Client::public("app").name(&"n".repeat(512)).build().is_ok());
    let long_link = format!("https://bank.example/{}", "a".repeat(2_048));
    for link in [
        "",
        "/logo.svg",
        "//bank.example/logo.svg",
        "javascript:alert(1)",
        "data:image/svg+xml,x",
        "https:logo.svg",
        "https://user@bank.example/",
        "https://bank.example/ logo.svg",
        "https://bank.example/\"onload=\"",
        &long_link,
    ] {
        let app = || Client::public("app");
        for client in [app().client_uri(link), app().logo_uri(link), app().policy_uri(link), app().tos_uri(link)] {
            assert_eq!(client.build().err(), Some(ClientError::Link), "{link:?}");
        }
    }
}
