//! A fetch takes so much time and memory, whatever the other side does.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::server::{JSON, answer};
use super::{BUFFERED, Bench, LONG, Outcome, PATIENCE, SHORT, fetch_checks, limits};
use crate::conformance::stage::ensure;
use crate::conformance::timer::{after, within};

fetch_checks! {
    the_limit_counts_to_the_byte:
        "a document that the draft allows is refused, or a longer one is taken by the part that fits";
    an_endless_body_is_not_read:
        "a site takes this server's memory or its line";
    an_endless_head_is_not_read:
        "a site takes this server's memory by headers instead of a body";
    nothing_is_decompressed:
        "five kilobytes become gigabytes, or what is judged is not what was sent";
    slow_answers_end_in_time:
        "a site holds requests of this server for ever, and with them whoever wants to log in";
    a_dropped_fetch_ends_its_connection:
        "clients that hang up leave connections behind, one for each time that they ask";
}

/// 1 MiB of JSON, of which this is what gzip makes.
const BOMB: &[u8] = include_bytes!("bomb.json.gz");
/// `{"a":1}`
const SMALL: &[u8] = include_bytes!("small.json.gz");

async fn the_limit_counts_to_the_byte(bench: Bench) -> Outcome {
    let most = limits(LONG).body_bytes();
    let padded = |bytes: usize| [b"{}".to_vec(), vec![b' '; bytes - 2]].concat();
    bench.server.site("most.example", move |connection, _| connection.write(&answer(JSON, &padded(most))));
    let response = bench.document("most.example", "/").await?;
    ensure!(response.body().len() == most, "of {most} bytes {} arrive", response.body().len());
    bench.server.site("more.example", move |connection, _| connection.write(&answer(JSON, &padded(most + 1))));
    bench.no_document("more.example", LONG, "one byte more than the limit").await?;
    bench.server.site("chunk.example", move |connection, _| {
        connection.write(format!("HTTP/1.1 {JSON}\r\nTransfer-Encoding: chunked\r\n\r\n").as_bytes())?;
        connection.write(format!("{most:x}\r\n").as_bytes())?;
        connection.write(&padded(most))?;
        connection.write(b"\r\n1\r\n \r\n0\r\n\r\n")
    });
    bench.no_document("chunk.example", LONG, "one chunk of a byte more than the limit").await
}

async fn an_endless_body_is_not_read(bench: Bench) -> Outcome {
    for (n, framing) in [
        "Content-Length: 18446744073709551615",
        "Content-Length: 1099511627776",
        "Connection: close",
        "Transfer-Encoding: chunked",
    ]
    .into_iter()
    .enumerate()
    {
        let host = format!("b{n}.example");
        bench.server.site(&host, move |connection, _| {
            connection.write(format!("HTTP/1.1 {JSON}\r\n{framing}\r\n\r\n").as_bytes())?;
            let piece = if framing.ends_with("chunked") {
                [b"1000\r\n".to_vec(), vec![b' '; 0x1000], b"\r\n".to_vec()].concat()
            } else {
                vec![b' '; 0x1000]
            };
            connection.write_for_ever(&piece, Duration::ZERO)
        });
        let before = bench.server.written.load(Ordering::SeqCst);
        bench.no_document(&host, LONG, &format!("an endless body with {framing:?}")).await?;
        let read = bench.server.written.load(Ordering::SeqCst) - before;
        ensure!(read <= BUFFERED, "of an endless body with {framing:?} {read} bytes are taken");
    }
    Ok(())
}

async fn an_endless_head_is_not_read(bench: Bench) -> Outcome {
    for (n, piece) in ["X: y\r\n", "x", "HTTP/1.1 100 Continue\r\n\r\n"].into_iter().enumerate() {
        let host = format!("h{n}.example");
        // Interim answers are no head, and small: there time is the limit. They come a little slower than they are read: a client that
        // never has to wait for the next one may take them in turns that are long where the machine is busy.
        let (time, pause) = if n == 2 { (SHORT, Duration::from_millis(1)) } else { (LONG, Duration::ZERO) };
        bench.server.site(&host, move |connection, _| {
            if n < 2 {
                connection.write(format!("HTTP/1.1 {JSON}\r\nX-").as_bytes())?;
            }
            connection.write_for_ever(piece.repeat(200).as_bytes(), pause)
        });
        let before = bench.server.written.load(Ordering::SeqCst);
        bench.no_document(&host, time, &format!("an endless head of {piece:?}")).await?;
        let read = bench.server.written.load(Ordering::SeqCst) - before;
        ensure!(n == 2 || read <= BUFFERED, "of an endless head {read} bytes are taken");
    }
    Ok(())
}

async fn nothing_is_decompressed(bench: Bench) -> Outcome {
    for (host, body) in [("bomb.example", BOMB), ("small.example", SMALL)] {
        bench.server.site(host, move |connection, _| {
            connection.write(&answer(&format!("{JSON}\r\nContent-Encoding: gzip"), body))
        });
        bench.no_document(host, LONG, "a compressed document").await?;
    }
    let asks = bench.server.heads().iter().any(|head| head.contains("\r\naccept-encoding: ") && head.contains("gzip"));
    ensure!(!asks, "it asks for compressed answers");
    Ok(())
}

async fn slow_answers_end_in_time(bench: Bench) -> Outcome {
    let pause = Duration::from_millis(50);
    bench.server.site("silent.example", |connection, _| connection.wait_for_close());
    bench.no_document("silent.example", SHORT, "a site that says nothing").await?;
    bench.server.site("head.example", move |connection, _| {
        connection.write(format!("HTTP/1.1 {JSON}\r\nX-").as_bytes())?;
        connection.write_for_ever(b"x", pause)
    });
    bench.no_document("head.example", SHORT, "a head that comes byte by byte").await?;
    bench.server.site("body.example", move |connection, _| {
        connection.write(format!("HTTP/1.1 {JSON}\r\nContent-Length: 5000\r\n\r\n{{}}").as_bytes())?;
        connection.write_for_ever(b" ", pause)
    });
    bench.no_document("body.example", SHORT, "a body that comes byte by byte").await?;
    bench.server.site("chunks.example", move |connection, _| {
        connection.write(format!("HTTP/1.1 {JSON}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n").as_bytes())?;
        connection.write_for_ever(b"1\r\n \r\n", pause)
    });
    bench.no_document("chunks.example", SHORT, "chunks that come one by one").await?;
    bench.server.site("stops.example", |connection, _| {
        connection.write(format!("HTTP/1.1 {JSON}\r\nContent-Length: 100\r\n\r\n{{}}").as_bytes())?;
        connection.wait_for_close()
    });
    bench.no_document("stops.example", SHORT, "a body that does not go on").await
}

async fn a_dropped_fetch_ends_its_connection(bench: Bench) -> Outcome {
    bench.server.site("dropped.example", |connection, _| connection.wait_for_close());
    // As long as it takes to ask, which is far less than its time.
    let asked = async {
        while bench.server.heads().is_empty() {
            after(Duration::from_millis(10)).await;
        }
    };
    let mut fetch = Box::pin(bench.get("dropped.example", "/", LONG));
    let mut asked = Box::pin(asked);
    let ended = std::future::poll_fn(|context| {
        if let std::task::Poll::Ready(ended) = fetch.as_mut().poll(context) {
            return std::task::Poll::Ready(Some(ended.is_ok()));
        }
        asked.as_mut().poll(context).map(|()| None)
    })
    .await;
    ensure!(ended.is_none(), "it ends before the site has answered");
    drop(fetch);
    let closed = async {
        while bench.server.closed.load(Ordering::SeqCst) == 0 {
            after(Duration::from_millis(10)).await;
        }
    };
    ensure!(within(PATIENCE, closed).await.is_some(), "the connection is still there");
    Ok(())
}
