//! Clients that are slow or silent keep no connection of the example servers. The clock is tokio's own, and stands still
//! while anything is to be done.

use std::net::Ipv4Addr;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep};

use crate::marketplace::{CAMPAIGN, CLIENT_ID, CLIENT_SECRET, PASSWORD, USERNAME, router};
use crate::marketplace_routes::settings;
use crate::serve::{BODY, HEAD, connection};

const SECOND: Duration = Duration::from_secs(1);

async fn connect() -> DuplexStream {
    let (client, server) = tokio::io::duplex(1 << 20);
    let router = router(settings()).await.unwrap();
    tokio::spawn(connection(TokioIo::new(server), (Ipv4Addr::LOCALHOST, 1).into(), router));
    client
}

fn login() -> (String, String) {
    let form = format!(
        "grant_type=password&campaign_id={CAMPAIGN}&username={USERNAME}&password={PASSWORD}\
         &client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}"
    );
    let head = format!(
        "POST /token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
        form.len()
    );
    (head, form)
}

/// What it says until it closes.
async fn rest(mut client: impl AsyncReadExt + Unpin) -> String {
    let mut said = String::new();
    client.read_to_string(&mut said).await.unwrap();
    said
}

/// Sends a byte each second until the server closes; what that said, and after which time.
async fn trickle(client: DuplexStream, bytes: &str) -> (String, Duration) {
    let begun = Instant::now();
    let (from, mut to) = tokio::io::split(client);
    let said = tokio::select! {
        said = rest(from) => said,
        () = async {
            for byte in bytes.as_bytes() {
                sleep(SECOND).await;
                // The server may have closed.
                let _ = to.write_all(&[*byte]).await;
            }
            std::future::pending::<()>().await;
        } => unreachable!(),
    };
    (said, begun.elapsed())
}

#[track_caller]
fn assert_took(elapsed: Duration, time: Duration) {
    // The timer counts in milliseconds.
    assert!((time..time + Duration::from_millis(5)).contains(&elapsed), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_cut() {
    let (said, elapsed) = trickle(connect().await, "").await;
    assert_eq!(said, "");
    assert_took(elapsed, HEAD);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_trickles_is_cut() {
    let (head, _) = login();
    let (said, elapsed) = trickle(connect().await, &head).await;
    assert!(!said.contains("200"), "{said}");
    assert_took(elapsed, HEAD);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_is_refused_and_its_connection_closed() {
    let (head, form) = login();
    let mut client = connect().await;
    client.write_all(head.as_bytes()).await.unwrap();
    let (said, elapsed) = trickle(client, &form).await;
    assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
    assert!(said.contains("invalid_request"), "{said}");
    assert_took(elapsed, BODY);
}

/// A body that is too large is dropped within the same time.
#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_large_and_trickles_is_too() {
    let mut client = connect().await;
    let head = login().0.lines().filter(|line| !line.starts_with("content-length")).collect::<Vec<_>>().join("\r\n");
    let head = format!("{}\r\ntransfer-encoding: chunked\r\n\r\n", head.trim_end());
    let chunk = format!("{:x}\r\n{}\r\n", 100_000, "&".repeat(100_000));
    client.write_all(format!("{head}{chunk}").as_bytes()).await.unwrap();
    let (said, elapsed) = trickle(client, &"1\r\n&\r\n".repeat(100)).await;
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
    assert_took(elapsed, BODY);
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_is_served_and_an_idle_connection_closed() {
    let (head, form) = login();
    let mut client = connect().await;
    let begun = Instant::now();
    sleep(HEAD * 9 / 10).await;
    client.write_all(head.as_bytes()).await.unwrap();
    sleep(BODY * 9 / 10).await;
    client.write_all(form.as_bytes()).await.unwrap();
    let said = rest(client).await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    assert_took(begun.elapsed(), HEAD * 9 / 10 + BODY * 9 / 10 + HEAD);
}
