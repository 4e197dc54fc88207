//! Floods of proofs of possession (RFC 9449 section 11.1): what is remembered is bounded, and of strangers it is nothing.

use std::time::Duration;

use allocation_counter::measure;
use regrant::engine::Dpop;
use regrant::{Client, Endpoints, Engine, MemoryStore, Request, RootSecret, Scope, StaticClients, Timestamp};

use super::at_once;
use crate::kit::proof::{Making, ProofKey};
use crate::kit::{Ask, LOGIN, Password, Reply, at, form, renewal};

const ISSUER: &str = "https://id.example";

type House = Engine<MemoryStore, StaticClients>;

fn house() -> House {
    let phone = Client::public("phone")
        .grant_type("password")
        .grant_type("refresh_token")
        .grant_type("authorization_code")
        .redirect_uri("http://127.0.0.1/cb")
        .scope(Scope::parse("read").unwrap());
    let clients = StaticClients::new().with(phone.build().unwrap()).unwrap();
    Engine::builder(MemoryStore::builder().shards(1).build(), clients)
        .issuer(ISSUER)
        .authorization_code()
        .root_secret(RootSecret::from_bytes(1, &[5; 32]))
        .pushed_authorization_requests()
        .endpoints(Endpoints::new().with_token("/token").with_pushed_authorization("/par"))
        .grant_handler(Password)
        .dpop(Dpop::new())
        .build()
        .unwrap()
}

fn ask(house: &House, body: &str, proof: &str, now: Timestamp) -> Reply {
    let ask: Ask = form(format!("{body}&client_id=phone")).header("dpop", proof);
    Reply::of(&at_once(house.token(&ask.request(), now)))
}

fn nonce(house: &House, now: Timestamp) -> String {
    let proof = ProofKey::of(9).proof("POST", &format!("{ISSUER}/token")).sign();
    ask(house, LOGIN, &proof, now).header("dpop-nonce")[0].to_owned()
}

fn proof(key: u8, place: &str, nonce: &str) -> Making {
    ProofKey::of(key).proof("POST", &format!("{ISSUER}/{place}")).nonce(nonce)
}

/// Whether a resource takes it; else the nonce that it asks for.
fn takes(house: &House, token: &str, proof: &str, now: Timestamp) -> Result<(), Option<String>> {
    let header = format!("DPoP {token}");
    let request = Request::new("POST", b"").with_url("/x");
    let request = request.with_header("authorization", header.as_bytes()).with_header("dpop", proof.as_bytes());
    let checked = at_once(house.bearer(&request, &Scope::empty(), now));
    checked.map(drop).map_err(|refused| refused.dpop_nonce().map(str::to_owned))
}

/// Anybody has keys without end, signs what is right by each, and gets a nonce for asking. Without a genuine token nothing is kept of it.
#[test]
fn proofs_of_strangers_leave_nothing_behind() {
    let house = house();
    let token = ask(&house, LOGIN, &proof(1, "token", &nonce(&house, at(0))).sign(), at(0)).assert_ok().access_token();
    let nonce = nonce(&house, at(0));
    let forged = crate::kit::altered(&token, 30);
    let attack = |number: u64| {
        let key = 2 + u8::try_from(number % 200).unwrap();
        let guess = renewal(&"A".repeat(43));
        ask(&house, &guess, &proof(key, "token", &nonce).sign(), at(1)).assert_error(400, "invalid_grant");
        let wrong = "grant_type=password&username=alice&password=wrong";
        ask(&house, wrong, &proof(key, "token", &nonce).sign(), at(1)).assert_error(400, "invalid_grant");
        for text in [&token, &forged] {
            let of_another = proof(key, "x", &nonce).ath(text).sign();
            assert!(takes(&house, text, &of_another, at(1)).is_err());
        }
        let pushed = form(
            "response_type=code&client_id=phone&redirect_uri=http://127.0.0.1/cb\
             &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
        );
        let pushed = pushed.header("dpop", proof(key, "par", &nonce).sign());
        assert_eq!(at_once(house.push(&pushed.request(), at(1))).status(), 201);
    };
    attack(0);
    let info = measure(|| (1..100).for_each(attack));
    assert_eq!((info.count_current, info.bytes_current), (0, 0));
    assert_eq!(house.store().len(), 1, "the one login");
}

/// Who has the key floods its own grant: the newest 64 are kept, the others are refused, and a client that does as it is told passes
/// each time.
#[test]
fn a_flood_of_one_grant_takes_no_more_memory() {
    let house = house();
    let login = ask(&house, LOGIN, &proof(1, "token", &nonce(&house, at(0))).sign(), at(0));
    let token = login.assert_ok().access_token();
    let mut current = nonce(&house, at(0));
    let mut told_again = 0;
    let mut flood = |number: u64| {
        let now = at(0) + Duration::from_millis(10 * number);
        if let Err(told) = takes(&house, &token, &proof(1, "x", &current).ath(&token).sign(), now) {
            told_again += 1;
            current = told.expect("a nonce of now");
            takes(&house, &token, &proof(1, "x", &current).ath(&token).sign(), now).expect("with that nonce");
        }
    };
    (0..300).for_each(&mut flood);
    let info = measure(|| (300..900).for_each(&mut flood));
    assert!(info.bytes_current <= 0, "{} bytes more for 600 proofs", info.bytes_current);
    assert!(told_again > 10, "{told_again}: more than 64 at a time");
}
