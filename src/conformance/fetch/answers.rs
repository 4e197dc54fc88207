//! Answers are handed over as they are, whole, and nothing is done about them.

use super::server::{JSON, PUBLIC, answer};
use super::{Bench, LONG, Outcome, fetch_checks, limits};
use crate::conformance::stage::ensure;

fetch_checks! {
    a_document_arrives_whole:
        "no client that is known by its URL can log anybody in";
    nothing_is_told_of_this_server:
        "a stranger's site gets what is another's: credentials, a referrer, a cookie";
    no_cookie_is_kept:
        "a site joins the logins of its users, and whoever shares it with others is served what is theirs";
    the_status_is_told_as_it_is:
        "the page of an error, which others may write into, is taken for the document of a client";
    the_type_is_told_as_it_is:
        "any file that somebody can upload to a site makes them a client of that site's name";
    redirects_are_not_followed:
        "an open redirector on a site makes anybody a client of that site's name, or the way to servers inside";
    a_body_that_breaks_off_is_no_document:
        "whoever cuts a connection decides what of a document counts";
    what_contradicts_itself_is_no_document:
        "what one proxy takes for the document is not what the site meant";
    answers_do_not_mix:
        "a site answers for another path of its, or for another site, by what it sends too much";
}

async fn a_document_arrives_whole(bench: Bench) -> Outcome {
    let body = br#"{"client_id":"https://whole.example/a/client.json?v=1"}"#;
    bench.server.site("whole.example", |connection, _| connection.write(&answer(JSON, body)));
    let response = bench.document("whole.example", "/a/client.json?v=1").await?;
    ensure!(response.body() == body, "the body is another: {} bytes of {}", response.body().len(), body.len());
    let fresh = response.check(&limits(LONG)).map_or(0, |fresh| fresh.as_secs());
    ensure!(fresh == 3_600, "Cache-Control says 3600 seconds, and what was handed over {fresh}");
    let heads = bench.server.heads();
    let first = heads.first().and_then(|head| head.lines().next()).unwrap_or_default();
    ensure!(first == "GET /a/client.json?v=1 HTTP/1.1", "it asks for {first:?}");
    ensure!(heads.len() == 1, "it asks {} times", heads.len());
    ensure!(heads[0].contains("\r\nhost: whole.example\r\n"), "it does not name the host as the URL does");
    ensure!(bench.server.dialled().contains(&PUBLIC), "it does not connect as the rig says");
    // In pieces of one byte, chunked.
    bench.server.site("pieces.example", |connection, _| {
        connection.write(format!("HTTP/1.1 {JSON}\r\nTransfer-Encoding: chunked\r\n\r\n").as_bytes())?;
        for byte in br#"{"a":1}"# {
            connection.write(&[b'1', b'\r', b'\n', *byte, b'\r', b'\n'])?;
        }
        connection.write(b"0\r\n\r\n")
    });
    let response = bench.document("pieces.example", "/").await?;
    ensure!(response.body() == br#"{"a":1}"#, "a body in chunks is another");
    Ok(())
}

async fn nothing_is_told_of_this_server(bench: Bench) -> Outcome {
    bench.server.site("told.example", |connection, _| connection.write(&answer(JSON, b"{}")));
    bench.document("told.example", "/").await?;
    for head in bench.server.heads() {
        for name in ["cookie:", "authorization:", "proxy-authorization:", "referer:", "origin:", "x-forwarded-for:"] {
            ensure!(!head.contains(&format!("\r\n{name}")), "it sends a header {name:?}");
        }
    }
    Ok(())
}

async fn no_cookie_is_kept(bench: Bench) -> Outcome {
    bench.server.site("cookie.example", |connection, _| {
        connection.write(&answer(&format!("{JSON}\r\nSet-Cookie: who=me; Path=/; Max-Age=9999"), b"{}"))
    });
    bench.document("cookie.example", "/1").await?;
    bench.document("cookie.example", "/2").await?;
    ensure!(bench.server.heads().iter().all(|head| !head.contains("who=me")), "it sends the cookie back");
    Ok(())
}

async fn the_status_is_told_as_it_is(bench: Bench) -> Outcome {
    for status in [201, 203, 204, 206, 300, 304, 400, 401, 403, 404, 407, 410, 429, 451, 500, 502, 503, 599] {
        let host = format!("s{status}.example");
        let head = JSON.replacen("200", &status.to_string(), 1);
        let body: &[u8] = if matches!(status, 204 | 304) { b"" } else { b"{}" };
        bench.server.site(&host, move |connection, _| connection.write(&answer(&head, body)));
        bench.no_document(&host, LONG, &format!("an answer with status {status}")).await?;
    }
    for interim in ["100 Continue", "102 Processing", "103 Early Hints\r\nLink: </x>; rel=preload"] {
        bench.server.site("interim.example", move |connection, _| {
            connection.write(format!("HTTP/1.1 {interim}\r\n\r\n").as_bytes())?;
            connection.write(&answer(&JSON.replacen("200", "404", 1), b"{}"))
        });
        bench.no_document("interim.example", LONG, "a 404 after an interim answer").await?;
    }
    Ok(())
}

async fn the_type_is_told_as_it_is(bench: Bench) -> Outcome {
    for (n, types) in [
        "",
        "\r\nContent-Type: text/html",
        "\r\nContent-Type: text/plain",
        "\r\nContent-Type: application/octet-stream",
        "\r\nContent-Type:",
        "\r\nContent-Type: application/json\r\nContent-Type: text/html",
        "\r\nContent-Type: text/html\r\nContent-Type: application/json",
        "\r\nX-Content-Type: application/json",
    ]
    .into_iter()
    .enumerate()
    {
        let host = format!("t{n}.example");
        bench.server.site(&host, move |connection, _| connection.write(&answer(&format!("200 OK{types}"), b"{}")));
        bench.no_document(&host, LONG, &format!("an answer with {types:?}")).await?;
    }
    Ok(())
}

async fn redirects_are_not_followed(bench: Bench) -> Outcome {
    bench.server.site("target.example", |connection, _| connection.write(&answer(JSON, b"{}")));
    for status in [300, 301, 302, 303, 307, 308] {
        for location in ["https://target.example/", "//target.example/", "/there", "http://target.example/"] {
            let host = format!("r{status}.example");
            bench.server.site(&host, move |connection, head| {
                if head.starts_with("GET /there ") {
                    return connection.write(&answer(JSON, b"{}"));
                }
                connection
                    .write(&answer(&JSON.replacen("200 OK", &format!("{status} X\r\nLocation: {location}"), 1), b"{}"))
            });
            bench.no_document(&host, LONG, &format!("a redirect with {status} to {location}")).await?;
            let followed = bench
                .server
                .heads()
                .iter()
                .any(|head| head.starts_with("GET /there ") || head.contains("\r\nhost: target.example\r\n"));
            ensure!(!followed, "a redirect with {status} to {location} is followed");
        }
    }
    // Not a redirect by its status, but some follow it.
    bench.server.site("refresh.example", |connection, _| {
        connection.write(&answer(&format!("{JSON}\r\nRefresh: 0; url=https://target.example/"), b"{}"))
    });
    bench.document("refresh.example", "/").await?;
    let asked = bench.server.heads().iter().any(|head| head.contains("\r\nhost: target.example\r\n"));
    ensure!(!asked, "a header Refresh is followed");
    Ok(())
}

async fn a_body_that_breaks_off_is_no_document(bench: Bench) -> Outcome {
    bench.server.site("length.example", |connection, _| {
        connection.write(format!("HTTP/1.1 {JSON}\r\nContent-Length: 100\r\n\r\n{{}}").as_bytes())?;
        connection.close()
    });
    bench.no_document("length.example", LONG, "2 bytes of a body of 100").await?;
    bench.server.site("chunks.example", |connection, _| {
        let head = format!("HTTP/1.1 {JSON}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n");
        connection.write(head.as_bytes())?;
        connection.close()
    });
    bench.no_document("chunks.example", LONG, "chunks without the last one").await?;
    bench.server.site("head.example", |connection, _| {
        connection.write(format!("HTTP/1.1 {JSON}\r\n").as_bytes())?;
        connection.close()
    });
    bench.no_document("head.example", LONG, "half of a head").await?;
    bench.server.site("nothing.example", |connection, _| connection.close());
    bench.no_document("nothing.example", LONG, "no answer").await
}

async fn what_contradicts_itself_is_no_document(bench: Bench) -> Outcome {
    for (n, framing) in [
        "Content-Length: 2\r\nContent-Length: 20",
        "Content-Length: -2",
        "Content-Length: 2, 3",
        "Content-Length: 0x2",
        "Content-Length: 18446744073709551618",
    ]
    .into_iter()
    .enumerate()
    {
        let host = format!("f{n}.example");
        bench.server.site(&host, move |connection, _| {
            connection.write(format!("HTTP/1.1 {JSON}\r\n{framing}\r\n\r\n{{}}                  ").as_bytes())?;
            connection.close()
        });
        bench.no_document(&host, LONG, &format!("an answer with {framing:?}")).await?;
    }
    for (n, text) in
        ["{}", "\r\n\r\n{}", "SSH-2.0-OpenSSH_9.6\r\n", "HTTP/9.9 200 OK\r\n\r\n{}", "HTTP/1.1 0200 OK\r\n\r\n{}"]
            .into_iter()
            .enumerate()
    {
        let host = format!("g{n}.example");
        bench.server.site(&host, move |connection, _| {
            connection.write(text.as_bytes())?;
            connection.close()
        });
        bench.no_document(&host, LONG, &format!("an answer that is {text:?}")).await?;
    }
    Ok(())
}

async fn answers_do_not_mix(bench: Bench) -> Outcome {
    for (n, excess) in
        [answer(JSON, b"{\"a\":\"too much\"}"), b"x".to_vec(), vec![b'\n'; 5_000]].into_iter().enumerate()
    {
        let host = format!("m{n}.example");
        bench.server.site(&host, move |connection, head| {
            let own = if head.starts_with("GET /1 ") { answer(JSON, b"{\"a\":1}") } else { answer(JSON, b"{\"a\":2}") };
            let with_excess = [own, if head.starts_with("GET /1 ") { excess.clone() } else { Vec::new() }].concat();
            connection.write(&with_excess)
        });
        let first = bench.document(&host, "/1").await?;
        ensure!(first.body() == b"{\"a\":1}", "more than the body's length is taken for the body");
        let second = bench.document(&host, "/2").await?;
        ensure!(second.body() == b"{\"a\":2}", "the second fetch gets what was sent too much with the first");
    }
    Ok(())
}
