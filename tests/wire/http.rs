//! `EndpointService`: how far it reads a body, what it makes of headers, and the stacks it is mounted on.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use regrant::http::EndpointService;
use regrant::wire::{Limits, ResponseStyle};
use regrant::{StaticClients, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower_service::Service;

use crate::kit::ask::{Ask, FORM};
use crate::kit::http::{send, serve};
use crate::kit::{LOGIN, Password, Reply, SECRET, Shelf, T0, World, app, basic, check, form};

const LIMIT: usize = 64 * 1_024;

type TestService = EndpointService<Arc<Shelf>, StaticClients>;

fn service(world: &World) -> TestService {
    EndpointService::token(Arc::clone(&world.engine))
}

/// A body that gives frames of 1 KiB, as many as it has, and then ends or breaks. It counts what was taken of it.
struct Frames {
    taken: Arc<AtomicUsize>,
    left: usize,
    first: &'static [u8],
    breaks: bool,
    hint: SizeHint,
}

impl Frames {
    fn new(left: usize) -> (Self, Arc<AtomicUsize>) {
        let taken = Arc::new(AtomicUsize::new(0));
        let hint = SizeHint::default();
        (Self { taken: Arc::clone(&taken), left, first: b"", breaks: false, hint }, taken)
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if !self.first.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(std::mem::take(&mut self.first))))));
        }
        if self.left == 0 {
            return Poll::Ready(self.breaks.then(|| Err(std::io::Error::other("the connection broke"))));
        }
        self.left -= 1;
        self.taken.fetch_add(1_024, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'&'; 1_024])))))
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

async fn respond<B>(service: &TestService, request: http::Request<B>) -> Reply
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (parts, body) = service.respond(request).await.into_parts();
    let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()));
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    let reply = Reply { status: parts.status.as_u16(), headers: headers.collect(), body };
    check(&reply);
    reply
}

fn post<B>(body: B) -> http::Request<B> {
    let request = http::Request::post("/token").header("content-type", FORM);
    request.header("authorization", basic("app", SECRET)).body(body).unwrap()
}

/// Dropped that far beyond the limit, so that a client that still sends sees the answer.
const DROPPED: usize = 1 << 20;

#[tokio::test]
async fn an_endless_body_is_dropped_no_further_than_its_bound() {
    let world = World::simple();
    let (endless, taken) = Frames::new(usize::MAX);
    respond(&service(&world), post(endless)).await.assert_error(413, "invalid_request");
    let taken = taken.load(Ordering::Relaxed);
    assert_eq!(taken, LIMIT + DROPPED + 1_024);
}

#[tokio::test]
async fn a_body_that_says_its_length_is_not_read_at_all_where_that_is_too_much() {
    let world = World::simple();
    let too_long = |announced: usize, expects: bool| {
        let (mut long, taken) = Frames::new(LIMIT / 1_024 + 5);
        long.hint.set_lower(announced as u64);
        let mut request = post(long);
        if expects {
            request.headers_mut().insert("expect", http::HeaderValue::from_static("100-continue"));
        }
        (request, taken)
    };
    for (announced, expects, read) in [
        (LIMIT + DROPPED + 1, false, 0),
        (LIMIT + DROPPED, false, LIMIT + 5 * 1_024),
        (LIMIT + 1, false, LIMIT + 5 * 1_024),
        // RFC 9110 section 10.1.1: a client that asks first sends nothing when it is told so.
        (LIMIT + 1, true, 0),
    ] {
        let (request, taken) = too_long(announced, expects);
        respond(&service(&world), request).await.assert_error(413, "invalid_request");
        assert_eq!(taken.load(Ordering::Relaxed), read, "{announced}");
    }
    // What breaks off was too large all the same.
    let (long, _) = Frames::new(LIMIT / 1_024 + 1);
    let long = Frames { breaks: true, ..long };
    respond(&service(&world), post(long)).await.assert_error(413, "invalid_request");
    // One that is of the limit to the byte is.
    let (mut full, taken) = Frames::new(LIMIT / 1_024);
    full.hint.set_exact(LIMIT as u64);
    respond(&service(&world), post(full)).await.assert_error(400, "invalid_request");
    assert_eq!(taken.load(Ordering::Relaxed), LIMIT);
}

#[tokio::test]
async fn the_limit_is_the_engines() {
    let world = World::new([app()], |builder| {
        builder.grant_handler(Password).limits(Limits::default().with_body_bytes(LOGIN.len()))
    });
    respond(&service(&world), post(Full::<Bytes>::from(LOGIN))).await.assert_ok();
    let over = format!("{LOGIN}&");
    respond(&service(&world), post(Full::<Bytes>::from(over))).await.assert_error(413, "invalid_request");
}

/// A form whose end was lost is not a form, also where what is there would do.
#[tokio::test]
async fn a_body_that_breaks_logs_nobody_in() {
    let world = World::simple();
    for (whole, by_basic) in [(false, false), (false, true), (true, true)] {
        let (body, _) = Frames::new(0);
        let body = Frames { first: LOGIN.as_bytes(), breaks: !whole, ..body };
        let mut request = post(body);
        if !by_basic {
            // Nor is the client told that its secret is wrong, which was to come in the form.
            request.headers_mut().remove("authorization");
        }
        let reply = respond(&service(&world), request).await;
        if whole {
            reply.assert_ok();
        } else {
            reply.assert_error(400, "invalid_request");
        }
        assert_eq!(world.store.grants().len(), usize::from(whole));
    }
}

/// At each endpoint: nothing is said of what came with it, on which a client might throw its tokens away.
#[tokio::test]
async fn a_body_that_breaks_is_no_wrong_token() {
    let world = World::simple();
    for endpoint in [
        EndpointService::token,
        EndpointService::revocation,
        EndpointService::introspection,
        EndpointService::userinfo,
        EndpointService::registration,
        EndpointService::pushed_authorization,
        EndpointService::device_authorization,
    ] {
        let body = Frames { breaks: true, ..Frames::new(0).0 };
        let reply = respond(&endpoint(Arc::clone(&world.engine)), post(body)).await;
        reply.assert_error(400, "invalid_request");
        assert_eq!(reply.text("error_description"), "the body broke off");
        assert!(reply.header("www-authenticate").is_empty());
    }
    assert_eq!(world.events.take().iter().filter(|event| event.contains("BrokenBody")).count(), 7);
}

#[tokio::test]
async fn a_method_but_post_is_refused_without_reading() {
    let world = World::simple();
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "post"] {
        let (body, taken) = Frames::new(usize::MAX);
        let (mut parts, body) = post(body).into_parts();
        parts.method = method.parse().unwrap();
        let reply = respond(&service(&world), http::Request::from_parts(parts, body)).await;
        reply.assert_error(405, "invalid_request");
        assert_eq!(taken.load(Ordering::Relaxed), 0, "{method}");
    }
}

#[tokio::test]
async fn repeated_headers_are_seen() {
    let world = World::simple();
    let service = service(&world);
    for (name, value, status, code) in [
        ("authorization", basic("app", SECRET), 400, "invalid_request"),
        ("Authorization", "Bearer x".into(), 400, "invalid_request"),
        ("content-type", FORM.into(), 400, "invalid_request"),
        ("Content-Type", "text/plain".into(), 400, "invalid_request"),
    ] {
        let mut request = post(Full::<Bytes>::from(LOGIN));
        request.headers_mut().append(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        respond(&service, request).await.assert_error(status, code);
    }
    let mut request = post(Full::<Bytes>::from(LOGIN));
    request.headers_mut().insert("authorization", http::HeaderValue::from_bytes(b"Basic \xff").unwrap());
    respond(&service, request).await.assert_error(401, "invalid_client");
    assert!(world.store.bytes().is_empty());
}

#[tokio::test]
async fn the_clock_is_the_hosts() {
    let world = World::new([app()], |builder| builder.grant_handler(Password).response_style(ResponseStyle::Katana));
    let then = service(&world).with_clock(|| Timestamp::from_secs(T0));
    let reply = respond(&then, post(Full::<Bytes>::from(LOGIN))).await;
    assert_eq!(reply.text(".issued"), "Wed, 12 Aug 2020 13:51:00 GMT");
    assert_eq!(reply.text(".expires"), "Wed, 12 Aug 2020 14:51:00 GMT");
    // A clone keeps it; without it the system's counts, by which that grant is long gone.
    let renewal = format!("grant_type=refresh_token&refresh_token={}", reply.refresh_token());
    let reply = respond(&then.clone(), post(Full::<Bytes>::from(renewal.clone()))).await;
    assert_eq!(reply.text(".issued"), "Wed, 12 Aug 2020 13:51:00 GMT");
    let next = format!("grant_type=refresh_token&refresh_token={}", reply.refresh_token());
    respond(&service(&world), post(Full::<Bytes>::from(next))).await.assert_error(400, "invalid_grant");
    assert!(world.events.take().last().unwrap().contains("why: Grant(Expired)"));
}

#[tokio::test]
async fn it_is_a_tower_service_that_is_always_ready() {
    let world = World::simple();
    let mut service = service(&world);
    let ready = Service::<http::Request<Full<Bytes>>>::poll_ready(
        &mut service,
        &mut Context::from_waker(std::task::Waker::noop()),
    );
    assert!(matches!(ready, Poll::Ready(Ok(()))));
    let response = service.call(post(Full::<Bytes>::from(LOGIN))).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(!format!("{service:?}").contains(SECRET));
}

fn ours(body: &str) -> Ask {
    form(body).basic("app", SECRET)
}

/// Through whichever stack: a login, its refresh, and the refusals that depend on the stack.
async fn walk(server: SocketAddr, path: &str) {
    let login = send(server, path, &ours(LOGIN)).await;
    check(login.assert_ok());
    let renewal = format!("grant_type=refresh_token&refresh_token={}", login.refresh_token());
    check(send(server, path, &ours(&renewal)).await.assert_ok());
    check(send(server, path, &ours(LOGIN).basic("app", SECRET)).await.assert_error(400, "invalid_request"));
    check(send(server, path, &ours(LOGIN).header("content-type", FORM)).await.assert_error(400, "invalid_request"));
    check(send(server, path, &ours("").method("GET")).await.assert_error(405, "invalid_request"));
    check(send(server, path, &form(LOGIN)).await.assert_error(401, "invalid_client"));
    check(send(server, path, &ours(&"&".repeat(LIMIT + 1))).await.assert_error(413, "invalid_request"));
    let head = send(server, path, &ours("").method("HEAD")).await;
    assert_eq!((head.status, head.header("allow"), &*head.body), (405, vec!["POST"], &b""[..]));
}

#[tokio::test]
async fn it_serves_when_mounted_on_axum() {
    let world = World::simple();
    walk(serve(Router::new().route_service("/token", service(&world))).await, "/token").await;
    let nested = Router::new().nest("/oauth", Router::new().route_service("/token", service(&world)));
    walk(serve(nested).await, "/oauth/token").await;
    walk(serve(Router::new().fallback_service(service(&world))).await, "/anything").await;
}

/// Plain hyper, with no framework between.
async fn serve_on_hyper(service: TestService) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = service.clone();
            let answer = hyper::service::service_fn(move |request| {
                let service = service.clone();
                async move { Ok::<_, Infallible>(service.respond(request).await) }
            });
            let io = hyper_util::rt::TokioIo::new(stream);
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, answer));
        }
    });
    address
}

#[tokio::test]
async fn served_by_hyper_alone() {
    let world = World::simple();
    walk(serve_on_hyper(service(&world)).await, "/token").await;
}

/// Writes bytes as they are, and reads until the server closes or has said enough, ten seconds at most.
async fn raw(server: SocketAddr, bytes: &[u8]) -> String {
    let answer = async {
        let mut stream = TcpStream::connect(server).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let (mut answer, mut buffer) = (Vec::new(), [0; 4_096]);
        while let Ok(read) = stream.read(&mut buffer).await {
            answer.extend_from_slice(&buffer[..read]);
            if read == 0 || answer.ends_with(b"}") {
                break;
            }
        }
        String::from_utf8(answer).unwrap()
    };
    tokio::time::timeout(Duration::from_secs(10), answer).await.expect("an answer")
}

fn head() -> String {
    format!("POST /token HTTP/1.1\r\nhost: x\r\ncontent-type: {FORM}\r\nauthorization: {}\r\n", basic("app", SECRET))
}

async fn servers(world: &World) -> [SocketAddr; 2] {
    [serve(Router::new().route_service("/token", service(world))).await, serve_on_hyper(service(world)).await]
}

/// A client that sends everything before it reads, which a reset would rob of the answer.
#[tokio::test]
async fn over_the_wire_a_body_that_is_too_large_is_answered_and_the_connection_goes_on() {
    let world = World::simple();
    let head = head();
    let over = LIMIT + 900 * 1_024;
    let chunk = format!("400\r\n{}\r\n", "&".repeat(1_024));
    for server in servers(&world).await {
        for too_large in [
            format!("{head}content-length: {over}\r\n\r\n{}", "&".repeat(over)),
            format!("{head}transfer-encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk.repeat(over / 1_024)),
        ] {
            let then = format!("{head}connection: close\r\ncontent-length: {}\r\n\r\n{LOGIN}", LOGIN.len());
            let answer = raw(server, too_large.as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
            assert!(answer.contains("cache-control: no-store"), "{answer}");
            assert!(!answer.contains("connection: close"), "{answer}");
            let answer = whole(server, &[too_large, then].concat()).await;
            assert_eq!(answer.matches("HTTP/1.1 413 ").count(), 1, "{answer}");
            assert_eq!(answer.matches("HTTP/1.1 200 ").count(), 1, "{answer}");
        }
    }
}

/// What the server says until it closes.
async fn whole(server: SocketAddr, bytes: &str) -> String {
    let answer = async {
        let mut stream = TcpStream::connect(server).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    tokio::time::timeout(Duration::from_secs(10), answer).await.expect("an answer")
}

#[tokio::test]
async fn over_the_wire_a_body_beyond_all_bounds_is_cut() {
    let world = World::simple();
    let head = head();
    for server in servers(&world).await {
        // A gigabyte is announced, and nothing of it sent.
        let answer = raw(server, format!("{head}content-length: 1073741824\r\n\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        // Chunks without end: what fits into the buffers of two sockets is written beyond the bound, and no more.
        let sent = async {
            let mut stream = TcpStream::connect(server).await.unwrap();
            stream.write_all(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes()).await.unwrap();
            let chunk = format!("400\r\n{}\r\n", "&".repeat(1_024));
            let mut sent = 0;
            while sent < 64 * DROPPED && stream.write_all(chunk.as_bytes()).await.is_ok() {
                sent += 1_024;
            }
            sent
        };
        let sent = tokio::time::timeout(Duration::from_secs(30), sent).await.expect("it closes");
        assert!((LIMIT + DROPPED..64 * DROPPED).contains(&sent), "{sent} bytes");
    }
    assert!(world.store.bytes().is_empty());
}

static CLOCK: AtomicU64 = AtomicU64::new(T0);

/// A body whose second half takes a day.
struct Trickle(Vec<&'static [u8]>);

impl Body for Trickle {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        CLOCK.fetch_add(43_200, Ordering::Relaxed);
        Poll::Ready(self.0.pop().map(|part| Ok(Frame::data(Bytes::from_static(part)))))
    }
}

/// A request that is begun before something ends, and finished after it.
#[tokio::test]
async fn a_body_that_trickles_in_does_not_stop_the_clock() {
    let world = World::new([app()], |b| b.grant_handler(Password).response_style(ResponseStyle::Katana));
    let service = EndpointService::token(Arc::clone(&world.engine))
        .with_clock(|| Timestamp::from_secs(CLOCK.load(Ordering::Relaxed)));
    let (head, tail) = LOGIN.as_bytes().split_at(20);
    let request = http::Request::post("/token")
        .header("content-type", FORM)
        .header("authorization", basic("app", SECRET))
        .body(Trickle(vec![tail, head]))
        .unwrap();
    let response = service.respond(request).await;
    assert_eq!(response.status(), 200);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&body).contains("Fri, 14 Aug 2020 01:51:00 GMT"), "{body:?}");
}
