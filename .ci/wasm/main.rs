//! A host in WebAssembly: the script that every HTTP stack passes, by bytes and by types of `http`, with JWTs and `tracing`. It has no
//! socket: whatever loads the module hands it requests, as hosts at the edge do.

#[path = "../../examples/stacks/src/engine.rs"]
mod engine;
#[path = "../../examples/stacks/src/script.rs"]
mod script;

use std::convert::Infallible;
use std::error::Error;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use regrant::event::TracingEvents;
use regrant::http::EndpointService;
use regrant::jwt::{JwtAccessTokens, SigningAlgorithm, SigningKey};
use regrant::{Request, Scope, Timestamp};

use engine::Engine;
use script::{Ask, Reply};

fn main() -> Result<(), Box<dyn Error>> {
    NOW.store(Timestamp::now().as_millis(), Ordering::Relaxed);
    let (key, _) = SigningKey::generate(SigningAlgorithm::Es256)?;
    let signing = engine::builder()?.signing_key(key).jwt_access_tokens(JwtAccessTokens::new());
    let engine = Arc::new(signing.events(TracingEvents).build()?);

    script::run(|ask| by_bytes(&engine, ask))?;
    println!("by bytes: passed");
    let service = EndpointService::by_path(Arc::clone(&engine)).with_clock(clock);
    script::run(|ask| by_types(&service, ask))?;
    println!("by types of http: passed");
    signatures(&engine)?;
    println!("signatures: passed");
    Ok(())
}

/// The clock of a host whose target has none: what loads the module says the time. `run.mjs` lets the system's be read once.
static NOW: AtomicU64 = AtomicU64::new(0);

fn clock() -> Timestamp {
    Timestamp::from_millis(NOW.fetch_add(1, Ordering::Relaxed))
}

/// Nothing here waits, so that one poll is all.
fn ready<T>(future: impl Future<Output = T>) -> Result<T, Box<dyn Error>> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Ok(value),
        Poll::Pending => Err("a store in memory does not wait".into()),
    }
}

fn by_bytes(engine: &Engine, ask: &Ask) -> Result<Reply, Box<dyn Error>> {
    let headers = ask.headers.iter().map(|(name, value)| (*name, value.as_bytes()));
    let request = Request::new(ask.method, &ask.body).with_headers(headers);
    let path = ask.target.split('?').next().unwrap_or_default();
    let Some(response) = engine.blocking().respond_at(path, &request, clock)? else {
        return Ok(Reply { status: 404, headers: Vec::new(), body: String::new() });
    };
    let headers = response.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Ok(Reply { status: response.status(), headers, body: String::from_utf8(response.into_body())? })
}

type Service = EndpointService<regrant::MemoryStore, regrant::StaticClients>;

fn by_types(service: &Service, ask: &Ask) -> Result<Reply, Box<dyn Error>> {
    let request = http::Request::builder().method(ask.method).uri(&ask.target);
    let request = ask.headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
    // A stack hands over what comes as it comes.
    let body = Chunks { left: Bytes::from(ask.body.clone()), most: if ask.chunked { 1_000 } else { usize::MAX } };
    let (head, body) = ready(service.respond(request.body(body)?))?.into_parts();
    let headers = head.headers.iter().map(|(name, value)| Ok((name.to_string(), value.to_str()?.to_owned())));
    let headers = headers.collect::<Result<_, http::header::ToStrError>>()?;
    let body = ready(body.collect())??.to_bytes().into();
    Ok(Reply { status: head.status.as_u16(), headers, body: String::from_utf8(body)? })
}

struct Chunks {
    left: Bytes,
    most: usize,
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = self.left.len().min(self.most);
        let chunk = self.left.split_to(length);
        Poll::Ready((!chunk.is_empty()).then(|| Ok(Frame::data(chunk))))
    }
}

/// A JWT is signed here and believed, and one that was changed is not; its key is in the JWK set.
fn signatures(engine: &Engine) -> Result<(), Box<dyn Error>> {
    let login = by_bytes(engine, &script::login())?;
    let token = login.member("access_token")?;
    let bearer = |token: &str| {
        let value = format!("Bearer {token}");
        let request = Request::new("GET", b"").with_header("authorization", value.as_bytes());
        engine.blocking().bearer(&request, &Scope::empty(), clock)
    };
    let access = bearer(token)?.map_err(|refused| format!("a JWT was refused: {}", refused.status()))?;
    let changed = token.replacen("eyJ", "eyK", 1);
    let set = by_bytes(engine, &script::plain("GET", "/oauth2/jwks"))?;
    if access.subject() != Some("alice") || bearer(&changed)?.is_ok() || set.member("alg")? != "ES256" {
        return Err("a signature".into());
    }
    Ok(())
}
