//! How often the heap is asked: counted by the allocator, for each kind of request.
//!
//! Each count is for a world in steady state, by a body in the caller's hands, with no event sink and no hook: what the
//! engine itself does.
//!
//! A program of its own: its allocator counts, and would count for all the other tests too.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "kit/mod.rs"]
mod kit;

#[path = "allocations/floods.rs"]
mod floods;
#[path = "allocations/strangers.rs"]
mod strangers;
#[path = "allocations/throttle.rs"]
mod throttle;

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use regrant::http::{BodyError, EndpointService, read_body};
use regrant::internal::{BasicCredentials, Form};
use regrant::wire::{Limits, ResponseStyle};
use regrant::{
    Authorization, Client, Engine, GrantError, GrantHandler, GrantRequest, MemoryStore, ResponseFields, Scope,
    StaticClients, Timestamp,
};

use crate::kit::{Ask, LOGIN, Reply, SECRET, app, at, form};

/// As long as a subject is in most databases, and of the 22 bytes that need no heap.
const SUBJECT: &str = "subject-of-20-bytes-";

struct Subject(ResponseFields);

impl GrantHandler for Subject {
    fn grant_type(&self) -> &'static str {
        "password"
    }

    async fn authorize(&self, _: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        Ok(Authorization::of(SUBJECT).with_fields(self.0.clone()))
    }
}

type TestEngine = Engine<MemoryStore, StaticClients>;

fn engine(style: ResponseStyle, fields: ResponseFields) -> TestEngine {
    let mobile = Client::public("mobile").grant_type("password").grant_type("refresh_token");
    let clients = StaticClients::new().with(app().build().unwrap()).unwrap().with(mobile.build().unwrap()).unwrap();
    // One shard, so that warming up reaches all of it.
    let store = MemoryStore::builder().shards(1).build();
    Engine::builder(store, clients).grant_handler(Subject(fields)).response_style(style).build().unwrap()
}

fn ours(body: &str) -> Ask {
    form(body).basic("app", SECRET)
}

fn renewal(token: &str) -> Ask {
    ours(&format!("grant_type=refresh_token&refresh_token={token}"))
}

/// One request, and what it took.
fn counted(engine: &TestEngine, ask: &Ask, now: Timestamp) -> (Reply, AllocationInfo) {
    let request = ask.request();
    let mut response = None;
    let info = measure(|| response = Some(engine.blocking().token(&request, now).unwrap()));
    (Reply::of(&response.unwrap()), info)
}

/// An engine that has served: its random generator is seeded, its shards and tables have room, and what its client's
/// grants share is there.
fn warm(style: ResponseStyle, fields: ResponseFields) -> TestEngine {
    let engine = engine(style, fields);
    for _ in 0..200 {
        let token = counted(&engine, &ours(LOGIN), at(0)).0.refresh_token();
        counted(&engine, &renewal(&token), at(1));
    }
    engine
}

/// One allocation, which is the response body: no more bytes than that holds, and it is still there.
#[track_caller]
fn assert_only_the_body(reply: &Reply, info: AllocationInfo) {
    assert_eq!((info.count_total, info.count_current), (1, 1), "{info:?}");
    let len = reply.body.len() as u64;
    assert!((len..=len + 160).contains(&info.bytes_total), "{} bytes for a body of {len}", info.bytes_total);
}

/// The same and what is known of a refusal, which is gone with it: in a box, so that no answer that is none carries it.
#[track_caller]
fn assert_only_the_body_and_the_refusal(reply: &Reply, info: AllocationInfo) {
    assert_eq!((info.count_total, info.count_current), (2, 1), "{info:?}");
    let len = reply.body.len() as u64;
    assert!((len..=len + 240).contains(&info.bytes_total), "{} bytes for a body of {len}", info.bytes_total);
}

/// Without this the counts below would prove nothing.
#[test]
fn the_counter_counts() {
    let info = measure(|| drop(std::hint::black_box(vec![0_u8; 100])));
    assert_eq!((info.count_total, info.count_current, info.bytes_total), (1, 0, 100));
    let info = measure(|| {
        let mut grows = Vec::with_capacity(8);
        grows.extend_from_slice(&[0_u8; 8]);
        grows.push(1);
        drop(std::hint::black_box(grows));
    });
    assert_eq!(info.count_total, 2, "growing counts");
}

#[test]
fn a_refresh_and_a_retry_allocate_the_response_body_alone() {
    let fields = ResponseFields::new().with("participant_id", "7301").unwrap().with("home_uri", "/").unwrap();
    for style in [ResponseStyle::Rfc6749, ResponseStyle::Katana] {
        for fields in [ResponseFields::new(), fields.clone()] {
            let engine = warm(style, fields.clone());
            let mut token = counted(&engine, &ours(LOGIN), at(0)).0.refresh_token();
            for secs in 1..20 {
                let (refreshed, info) = counted(&engine, &renewal(&token), at(secs));
                refreshed.assert_ok();
                assert_only_the_body(&refreshed, info);
                let (retried, info) = counted(&engine, &renewal(&token), at(secs));
                retried.assert_ok();
                assert_eq!(retried.refresh_token(), refreshed.refresh_token());
                assert_only_the_body(&retried, info);
                token = refreshed.refresh_token();
            }
        }
    }
}

/// In the ways to authenticate that are not Basic, and for less than the whole scope.
#[test]
fn other_refreshes_do_too() {
    let engine = warm(ResponseStyle::Rfc6749, ResponseFields::new());
    let token = counted(&engine, &ours(LOGIN), at(0)).0.refresh_token();
    let body = format!("grant_type=refresh_token&refresh_token={token}&client_id=app&client_secret={SECRET}");
    let (reply, info) = counted(&engine, &form(&body), at(1));
    assert_only_the_body(reply.assert_ok(), info);
    let body = format!("grant_type=refresh_token&refresh_token={}&scope=read", reply.refresh_token());
    let (reply, info) = counted(&engine, &ours(&body), at(2));
    assert_eq!(reply.text("scope"), "read");
    assert_only_the_body(&reply, info);

    // A grant of less than the client's scope, and than its default: of each token it is asked whether the client still has it.
    let token = counted(&engine, &ours(&format!("{LOGIN}&scope=admin+read")), at(0)).0.refresh_token();
    let (reply, info) = counted(&engine, &renewal(&token), at(1));
    assert_eq!(reply.text("scope"), "admin read");
    assert_only_the_body(&reply, info);

    let login = form(format!("{LOGIN}&client_id=mobile"));
    let token = counted(&engine, &login, at(0)).0.refresh_token();
    let (reply, info) =
        counted(&engine, &form(format!("grant_type=refresh_token&refresh_token={token}&client_id=mobile")), at(1));
    assert_only_the_body(reply.assert_ok(), info);
}

#[test]
fn parsing_allocates_nothing() {
    let body =
        format!("grant_type=refresh_token&refresh_token={}&scope=read&client_id=app&a=&b=2&c=3&d", "A".repeat(43));
    let limits = Limits::default();
    let info =
        measure(|| assert_eq!(Form::parse(body.as_bytes(), &limits).unwrap().single("client_id"), Ok(Some("app"))));
    assert_eq!(info.count_total, 0);
    // An escape costs one buffer for all of them.
    let info = measure(|| assert!(Form::parse(b"username=a%40b&password=c+d&e=%66", &limits).is_ok()));
    assert_eq!(info.count_total, 1);
    let header = crate::kit::basic("app", SECRET);
    let info = measure(|| assert_eq!(BasicCredentials::parse(header.as_bytes()).unwrap().client_secret(), SECRET));
    assert_eq!(info.count_total, 0);
}

#[test]
fn refusals_allocate_the_response_body_and_what_is_known_of_them() {
    let engine = warm(ResponseStyle::Rfc6749, ResponseFields::new());
    let token = counted(&engine, &ours(LOGIN), at(0)).0.refresh_token();
    let many = "&".repeat(70_000);
    for ask in [
        ours(LOGIN).method("GET"),
        ours(LOGIN).without_content_type(),
        ours(&many),
        ours("grant_type=password&grant_type=password"),
        form(LOGIN),
        form(LOGIN).basic("app", "wrong"),
        form(LOGIN).basic("unknown", SECRET),
        ours("grant_type=unknown"),
        renewal("made-up"),
        renewal(&crate::kit::forged(&token)),
        renewal(&crate::kit::altered(&token, 5)),
        ours(&format!("grant_type=refresh_token&refresh_token={token}&scope=root")),
    ] {
        let (reply, info) = counted(&engine, &ask, at(1));
        assert_ne!(reply.status, 200);
        assert_only_the_body_and_the_refusal(&reply, info);
    }
    // An escape is decoded before it is known to be bad.
    let (reply, info) = counted(&engine, &ours("grant_type=%zz"), at(1));
    assert_eq!((reply.status, info.count_total, info.count_current), (400, 3, 1));
}

/// A replay is refused like everything else, and gives back what it removes.
#[test]
fn a_replay_allocates_what_a_refusal_does() {
    let engine = warm(ResponseStyle::Rfc6749, ResponseFields::new());
    let token = counted(&engine, &ours(LOGIN), at(0)).0.refresh_token();
    counted(&engine, &renewal(&token), at(1)).0.assert_ok();
    let grants = engine.store().len();
    let (reply, info) = counted(&engine, &renewal(&token), at(1_000));
    reply.assert_error(400, "invalid_grant");
    assert_eq!(engine.store().len(), grants - 1);
    assert_only_the_body_and_the_refusal(&reply, info);
}

/// A login boxes its handler's future and, now and then, makes room in the store.
#[test]
fn a_login_allocates_the_handlers_future_and_the_response_body() {
    let engine = warm(ResponseStyle::Rfc6749, ResponseFields::new());
    let counts: Vec<u64> = (0..100).map(|_| counted(&engine, &ours(LOGIN), at(2)).1.count_total).collect();
    assert_eq!(counts.iter().min(), Some(&2));
    assert!(counts.iter().filter(|count| **count == 2).count() >= 95, "{counts:?}");
}

#[test]
fn a_check_of_an_access_token_allocates_nothing() {
    let fields = ResponseFields::new().with("participant_id", "7301").unwrap();
    let engine = warm(ResponseStyle::Rfc6749, fields);
    let login = counted(&engine, &ours(LOGIN), at(0)).0;
    let authorization = format!("Bearer {}", login.access_token());
    let required = Scope::parse("read").unwrap();
    let request = regrant::Request::new("GET", b"").with_header("authorization", authorization.as_bytes());
    let info = measure(|| assert!(engine.blocking().bearer(&request, &required, at(1)).unwrap().is_ok()));
    assert_eq!(info.count_total, 0);
}

/// A body of frames that are all of one length, and count for nothing themselves. It never ends if it has more than
/// anybody reads.
struct Frames {
    length: usize,
    left: usize,
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let taken = self.length.min(self.left);
        self.left -= taken;
        Poll::Ready((taken > 0).then(|| Ok(Frame::data(Bytes::from_static(&[b'&'; 5_000][..taken])))))
    }
}

/// Of a future that waits for nothing.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waited"),
    }
}

/// A client chooses how its body is cut, and not how much memory that takes: 64 KiB of one byte each were 2 MiB.
#[test]
fn a_body_takes_its_limit_of_memory_however_it_is_cut() {
    for limit in [1, 1_000, 64 * 1_024, 100_000] {
        let limits = Limits::default().with_body_bytes(limit);
        for length in [1, 2, 3, 100, 1_023, 1_024, 4_095, 5_000] {
            for (left, outcome) in [
                (limit - 1, Ok(limit - 1)),
                (limit, Ok(limit)),
                (limit + 1, Err(BodyError::TooLarge)),
                (usize::MAX, Err(BodyError::TooLarge)),
            ] {
                let mut read = Err(BodyError::Broken);
                let info = measure(|| {
                    let body = at_once(read_body(&HeaderMap::new(), Frames { length, left }, &limits));
                    read = body.map(|body| body.len());
                });
                assert_eq!(read, outcome);
                let most = limit + limit / 16 + 100;
                assert!(info.bytes_max <= most as u64, "{limit} in {length}: {} bytes", info.bytes_max);
                assert!(info.count_total <= 5, "{limit} in {length}: {} times", info.count_total);
            }
        }
    }
}

type Endpoint = fn(Arc<TestEngine>) -> EndpointService<MemoryStore, StaticClients>;

#[test]
fn a_body_of_one_byte_chunks_that_never_ends_takes_its_limit_of_memory_at_the_endpoint() {
    let engine = Arc::new(warm(ResponseStyle::Rfc6749, ResponseFields::new()));
    let limit = engine.limits().body_bytes() as u64;
    let endpoints: [Endpoint; 3] =
        [EndpointService::token, EndpointService::revocation, EndpointService::introspection];
    for endpoint in endpoints {
        let service = endpoint(Arc::clone(&engine));
        let request = http::Request::post("/").body(Frames { length: 1, left: usize::MAX }).unwrap();
        let mut status = 0;
        let info = measure(|| status = at_once(service.respond(request)).status().as_u16());
        assert_eq!(status, 413);
        assert!((limit..limit + limit / 16 + 4_096).contains(&info.bytes_max), "{} bytes", info.bytes_max);
    }
}

/// As every short form comes from hyper.
#[test]
fn a_body_in_one_frame_is_not_copied() {
    let info = measure(|| {
        let body = at_once(read_body(&HeaderMap::new(), Frames { length: 300, left: 300 }, &Limits::default()));
        assert_eq!(body.map(|body| body.len()), Ok(300));
    });
    assert_eq!(info.count_total, 0);
}

/// A plain login takes 160 bytes of memory at most, whatever else a grant may carry: its slot, its place in the index and its part of the
/// owners' list, with the room that tables keep for more.
#[test]
fn a_plain_grant_takes_160_bytes_at_most() {
    use regrant::store::TokenStore;
    // A shard takes some room before it has grants, so there is one. Its tables double, and are nearly full at these numbers: the allocator
    // counts what is reserved, which takes no memory until it is used.
    for logins in [60_000_u32, 120_000] {
        let store = MemoryStore::builder().shards(1).build();
        let info = measure(|| {
            for number in 0..logins {
                let grant = regrant::internal::sample_login(number);
                let mut inserting = pin!(store.insert(&grant, at(0)));
                assert!(inserting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
            }
        });
        let each = info.bytes_current / i64::from(logins);
        assert!((100..=160).contains(&each), "{each} bytes each of {logins}");
    }
}
