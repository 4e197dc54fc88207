//! The fetch on `reqwest`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use regrant::conformance::{FetchRig, Report, check_fetch};
use regrant::fetch::{Fetch, FetchError, FetchLimits, FetchUrl, ReqwestFetch, ReqwestFetchBuilder};
use tokio::net::TcpListener;

async fn on_the_rig(rig: FetchRig) -> ReqwestFetch {
    let names = rig.clone();
    let fetch = ReqwestFetch::builder()
        .resolver(move |host| std::future::ready(Ok(names.resolve(&host))))
        .danger_dial_in_plain(move |address| rig.dial(address));
    fetch.build().unwrap()
}

async fn report() -> Report {
    check_fetch(on_the_rig).await
}

#[tokio::test]
async fn it_passes_all_checks() {
    let report = report().await;
    report.assert();
    assert_eq!(report.nothing_to_do().count(), 0);
}

/// On the runtime of a small server, with one thread.
#[tokio::test]
async fn it_passes_boxed_and_shared() {
    check_fetch(async |rig| Arc::new(Box::new(on_the_rig(rig).await))).await.assert();
}

const IN_THE_ENVIRONMENT: &str = "on_reqwest::no_proxy_of_the_environment_is_used";
const CHILD: &str = "REGRANT_TEST_PROXY_CHILD";

/// A proxy looks the name up again, and undoes the pinned address. In a process of its own, since the environment
/// is of all of it.
#[tokio::test]
async fn no_proxy_of_the_environment_is_used() {
    if std::env::var_os(CHILD).is_some() {
        report().await.assert();
        return;
    }
    let proxy = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((connection, _)) = proxy.accept().await {
            counting.fetch_add(1, Ordering::SeqCst);
            drop(connection);
        }
    });
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args([IN_THE_ENVIRONMENT, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .env_remove("NO_PROXY")
        .env_remove("no_proxy");
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        child.env(name, &address).env(name.to_lowercase(), &address);
    }
    let output = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

/// A resolver of the test's, and a dial that must not be reached.
async fn fetched(builder: ReqwestFetchBuilder, limits: FetchLimits) -> (FetchError, usize) {
    let dialled = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&dialled);
    let fetch = builder.danger_dial_in_plain(move |_| {
        counting.fetch_add(1, Ordering::SeqCst);
        SocketAddr::from((Ipv4Addr::LOCALHOST, 9))
    });
    let url = FetchUrl::parse("https://a.example/").unwrap();
    let error = fetch.build().unwrap().fetch(&url, &limits).await.unwrap_err();
    (error, dialled.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_look_up_that_does_not_end_ends_in_time() {
    let limits = FetchLimits::default().with_time(Duration::from_millis(100));
    let (error, dialled) = fetched(ReqwestFetch::builder().resolver(|_| std::future::pending()), limits).await;
    assert!(matches!(error, FetchError::TimedOut), "{error:?}");
    assert_eq!(dialled, 0);
}

/// Of a request that hung up the fetch is left, and nobody polls it: what came in time is there when somebody does, and the connection
/// is not held till then.
#[tokio::test]
async fn it_goes_on_where_nobody_polls_it() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let fetch = ReqwestFetch::builder()
        .resolver(|_| std::future::ready(Ok(vec![[1, 1, 1, 1].into()])))
        .danger_dial_in_plain(move |_| address)
        .build()
        .unwrap();
    let (url, limits) = (FetchUrl::parse("https://a.example/").unwrap(), FetchLimits::default());
    let mut left = Box::pin(fetch.fetch(&url, &limits));
    let mut stream = tokio::select! {
        biased;
        _ = &mut left => panic!("nobody has answered"),
        accepted = listener.accept() => accepted.unwrap().0,
    };
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    stream.write_all(answer).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut [0])).await;
    assert_eq!(ended.expect("the connection ends").unwrap(), 0);
    // Long past its time.
    tokio::time::pause();
    tokio::time::advance(limits.time() * 10).await;
    assert_eq!(left.await.unwrap().body(), b"{}");
}

#[tokio::test]
async fn an_error_says_what_it_was() {
    let says =
        |addresses: Vec<IpAddr>| ReqwestFetch::builder().resolver(move |_| std::future::ready(Ok(addresses.clone())));
    let inside = says(vec![Ipv4Addr::LOCALHOST.into()]);
    assert!(matches!(fetched(inside, FetchLimits::default()).await, (FetchError::Address, 0)));
    assert!(matches!(fetched(says(vec![]), FetchLimits::default()).await, (FetchError::Address, 0)));
    let fails = ReqwestFetch::builder().resolver(|_| std::future::ready(Err(std::io::Error::other("no DNS"))));
    assert!(matches!(fetched(fails, FetchLimits::default()).await, (FetchError::Failed(_), 0)));
}

#[tokio::test]
async fn a_host_can_refuse_more() {
    let public: IpAddr = [1, 1, 1, 1].into();
    let says = ReqwestFetch::builder().resolver(move |_| std::future::ready(Ok(vec![[8, 8, 8, 8].into(), public])));
    let refusing = says.refuse(move |address| address == public);
    assert!(matches!(fetched(refusing, FetchLimits::default()).await, (FetchError::Address, 0)));
    // As an IPv6 host reaches it (RFC 6052 section 2.1), and by the form itself.
    let nat64: IpAddr = "64:ff9b::1.1.1.1".parse().unwrap();
    let says = || ReqwestFetch::builder().resolver(move |_| std::future::ready(Ok(vec![nat64])));
    let refusing = says().refuse(move |address| address == public);
    assert!(matches!(fetched(refusing, FetchLimits::default()).await, (FetchError::Address, 0)));
    let refusing = says().refuse(|address| address.is_ipv6());
    assert!(matches!(fetched(refusing, FetchLimits::default()).await, (FetchError::Address, 0)));
    let other = says().refuse(|address| address == IpAddr::from([8, 8, 8, 8]));
    assert!(matches!(fetched(other, FetchLimits::default()).await, (FetchError::Failed(_), 1)));
}

/// A name with very many addresses does not have this server knock at all of them.
#[tokio::test]
async fn no_more_than_eight_addresses_are_tried() {
    let many = || (1..=200).map(|n| IpAddr::from([1, 1, 1, n])).collect();
    let says = ReqwestFetch::builder().resolver(move |_| std::future::ready(Ok(many())));
    // Nothing listens there, so that all are tried.
    let (error, dialled) = fetched(says, FetchLimits::default()).await;
    assert!(matches!(error, FetchError::Failed(_) | FetchError::TimedOut), "{error:?}");
    assert_eq!(dialled, 8);
}

#[test]
fn what_cannot_be_set_up_is_an_error() {
    let error = ReqwestFetch::builder().user_agent("a\nb").build().unwrap_err();
    assert_eq!(error.to_string(), "the fetch could not be set up");
}

/// What a client is told of a logout goes out by the same rules as a fetch (OpenID Connect Back-Channel Logout 1.0 section 2.5): a form, to a
/// public address, no redirect followed.
#[tokio::test]
async fn a_notice_of_a_logout_is_posted_where_a_fetch_may_go() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut text, mut buffer) = (String::new(), [0; 4_096]);
        while !text.contains("logout_token=") {
            let read = stream.read(&mut buffer).await.unwrap();
            text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
        let answer = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        text
    });
    let to = |found: IpAddr| {
        let builder = ReqwestFetch::builder().resolver(move |_| std::future::ready(Ok(vec![found])));
        builder.danger_dial_in_plain(move |_| address).build().unwrap()
    };
    let limits = FetchLimits::default();
    let notice = self::notice("https://app.example/hear?x=1");
    let inside = notice.send(&to(Ipv4Addr::LOCALHOST.into()), &limits).await;
    assert!(matches!(inside, Err(FetchError::Address)), "{inside:?}");
    let public = to(Ipv4Addr::new(93, 184, 215, 14).into());
    let never = self::notice("http://127.0.0.1/hear").send(&public, &limits).await;
    assert!(matches!(never, Err(FetchError::Failed(_))), "{never:?}");
    assert_eq!(notice.send(&public, &limits).await.unwrap(), 302, "not followed");
    let text = heard.await.unwrap();
    assert!(text.starts_with("POST /hear?x=1 HTTP/1.1\r\n"), "{text}");
    assert!(text.contains("content-type: application/x-www-form-urlencoded\r\n"), "{text}");
    assert!(text.ends_with(&notice.body()), "{text}");
}

/// The notice of a logout of a client that hears of it there.
fn notice(uri: &str) -> regrant::engine::LogoutNotice {
    use regrant::engine::HookError;
    use regrant::jwt::{ClaimsProvider, IdClaims, IdTokenRequest, SigningAlgorithm, SigningKey};
    use regrant::{Authorization, Client, Engine, MemoryStore, Request, RootSecret, Scope, StaticClients, Timestamp};

    struct Nothing;
    impl ClaimsProvider for Nothing {
        async fn claims(&self, _: &IdTokenRequest<'_>) -> Result<IdClaims, HookError> {
            Ok(IdClaims::new())
        }
    }
    let app = Client::public("app")
        .grant_type("authorization_code")
        .redirect_uri("https://app.example/cb")
        .scope(Scope::parse("openid").unwrap())
        .backchannel_logout_uri(uri, false)
        .build()
        .unwrap();
    let engine = Engine::builder(MemoryStore::new(), StaticClients::new().with(app).unwrap())
        .issuer("https://id.example")
        .authorization_code()
        .root_secret(RootSecret::generate(1))
        .signing_key(SigningKey::generate(SigningAlgorithm::EdDsa).unwrap().0)
        .id_tokens(Nothing)
        .build()
        .unwrap();
    let now = Timestamp::from_secs(1_800_000_000);
    let query = b"response_type=code&client_id=app&scope=openid\
        &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let request = Request::new("GET", b"").with_query(query);
    let asked = engine.blocking().authorize(&request, now).unwrap().unwrap();
    let alice = Authorization::of("alice").with_session("c", now + Duration::from_secs(60));
    let approved = engine.blocking().approve(&asked, alice, now).unwrap().unwrap();
    let location = approved.response.headers().find(|(name, _)| *name == "location").unwrap().1.to_owned();
    let code = location.split("code=").nth(1).unwrap().split('&').next().unwrap();
    // Who has redeemed its code hears of it. The verifier of RFC 7636 appendix B.
    let body = format!(
        "grant_type=authorization_code&client_id=app&code={code}&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    let redemption =
        Request::new("POST", body.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded");
    assert_eq!(engine.blocking().token(&redemption, now).unwrap().status(), 200);
    engine.blocking().log_out("alice", "c", now).unwrap().unwrap().notices.remove(0)
}
