//! A login, a refresh, its retry and a replay, through the `http` types, on the oldest Rust that the crate supports.

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use regrant::conformance;
use regrant::engine::SlowVerifier;
use regrant::event::TracingEvents;
use regrant::http::EndpointService;
use regrant::{
    Authorization, Client, ClientSecret, Engine, GrantError, GrantHandler, GrantRequest, MemoryStore, StaticClients,
};

struct Password;

impl GrantHandler for Password {
    fn grant_type(&self) -> &str {
        "password"
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        match (request.required("username")?, request.required("password")?) {
            ("alice", "wonderland") => Ok(Authorization::of("alice")),
            _ => Err(GrantError::invalid_grant()),
        }
    }
}

type Service = EndpointService<MemoryStore, StaticClients>;

/// Nothing here waits, so that one poll is all.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a store in memory does not wait"),
    }
}

/// The status, and the refresh token if there is one.
fn ask(service: &Service, form: &str) -> Result<(u16, String), Box<dyn Error>> {
    let request = http::Request::post("/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", "Basic YXBwOmNob3NlbiBieSBhIHBlcnNvbg==")
        .body(Full::new(Bytes::from(form.to_owned())))?;
    let response = ready(service.respond(request));
    let status = response.status().as_u16();
    let body = ready(response.into_body().collect())?.to_bytes();
    let token =
        std::str::from_utf8(&body)?.split_once("\"refresh_token\":\"").and_then(|(_, rest)| rest.split_once('"'));
    Ok((status, token.map(|(token, _)| token.to_owned()).unwrap_or_default()))
}

fn refresh(service: &Service, token: &str) -> Result<(u16, String), Box<dyn Error>> {
    ask(service, &format!("grant_type=refresh_token&refresh_token={token}"))
}

fn main() -> Result<(), Box<dyn Error>> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None)?);
    let phc = argon2.hash_password_with_salt(b"chosen by a person", b"salt of the test")?.to_string();
    let app = Client::confidential("app")
        .secret(ClientSecret::from_phc(&phc)?)
        .grant_type("password")
        .grant_type("refresh_token")
        .build()?;
    let engine = Engine::builder(MemoryStore::new(), StaticClients::new().with(app)?)
        .grant_handler(Password)
        .slow_verifier(SlowVerifier::inline())
        .events(TracingEvents)
        .build()?;
    let service = EndpointService::token(Arc::new(engine));

    let (status, first) = ask(&service, "grant_type=password&username=alice&password=wonderland")?;
    assert_eq!((status, first.len()), (200, 43), "login");
    let (status, second) = refresh(&service, &first)?;
    assert!(status == 200 && second != first, "refresh");
    assert_eq!(refresh(&service, &first)?, (200, second.clone()), "a response that was lost comes again");
    let (status, third) = refresh(&service, &second)?;
    assert_eq!(status, 200, "the successor");
    assert_eq!(refresh(&service, &first)?.0, 400, "replay");
    assert_eq!(refresh(&service, &third)?.0, 400, "which ended the grant");
    assert_eq!(ask(&service, "grant_type=password&username=alice&password=guess")?.0, 400, "another password");

    conformance::check_blocking(async || MemoryStore::new()).assert();
    println!("a login, a refresh, a retry, a replay, and the conformance kit");
    Ok(())
}
