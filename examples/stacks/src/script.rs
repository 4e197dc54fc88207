//! What each stack has to pass: discovery, a login, a refresh, a response that was lost, a replay, a revocation, and what a stack
//! has in its hands: methods, repeated headers, a query, paths that are nobody's, and bodies that are too large.

use std::error::Error;

use crate::engine::{CLIENT, ISSUER, SECRET};

/// The limit of the engine, `Limits::body_bytes`.
const LIMIT: usize = 64 * 1_024;

pub struct Ask {
    pub method: &'static str,
    /// With the query.
    pub target: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Whether the length of the body is said before it.
    pub chunked: bool,
}

pub struct Reply {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value)
    }

    /// A member of the JSON whose value is a string without escapes.
    pub fn member(&self, name: &str) -> Result<&str, Box<dyn Error>> {
        let found = self.body.split_once(&format!("\"{name}\":\"")).and_then(|(_, rest)| rest.split_once('"'));
        Ok(found.ok_or_else(|| format!("no {name} in the answer of status {}", self.status))?.0)
    }
}

type Asked = Result<Reply, Box<dyn Error>>;

/// Runs the script. `ask` sends a request to whatever is tried, and gives what came back.
pub fn run(mut ask: impl FnMut(&Ask) -> Asked) -> Result<(), Box<dyn Error>> {
    discovery(&mut ask)?;
    refreshes(&mut ask)?;
    revocation(&mut ask)?;
    requests(&mut ask)?;
    bodies(&mut ask)
}

/// RFC 8414 section 3.
fn discovery(ask: &mut impl FnMut(&Ask) -> Asked) -> Result<(), Box<dyn Error>> {
    const PLACE: &str = "/.well-known/oauth-authorization-server";
    let metadata = expect("discovery", ask(&plain("GET", PLACE))?, 200)?;
    check("discovery: the issuer", metadata.member("issuer")? == ISSUER)?;
    check("discovery: the token endpoint", metadata.member("token_endpoint")? == format!("{ISSUER}/oauth2/token"))?;
    check("discovery: JSON", metadata.header("content-type") == "application/json")?;
    check("discovery: may be cached", metadata.header("cache-control").starts_with("public"))?;
    let posted = expect("discovery by POST", ask(&plain("POST", PLACE))?, 405)?;
    check("discovery by POST: what is allowed", posted.header("allow") == "GET, HEAD")
}

fn refreshes(ask: &mut impl FnMut(&Ask) -> Asked) -> Result<(), Box<dyn Error>> {
    let login = expect("login", ask(&login())?, 200)?;
    check("login: JSON", login.header("content-type") == "application/json")?;
    check(
        "login: not to be kept",
        login.header("cache-control") == "no-store" && login.header("pragma") == "no-cache",
    )?;
    let first = login.member("refresh_token")?;
    check("login: a token of 32 bytes", first.len() == 43)?;

    let refreshed = expect("refresh", ask(&refresh(first))?, 200)?;
    let second = refreshed.member("refresh_token")?;
    check("refresh: another token", second != first)?;
    let again = expect("a response that was lost", ask(&refresh(first))?, 200)?;
    check("a response that was lost comes again", again.member("refresh_token")? == second)?;
    let third = expect("the successor", ask(&refresh(second))?, 200)?;

    // RFC 9700 section 4.14.2.
    let replay = expect("replay", ask(&refresh(first))?, 400)?;
    check("replay: invalid_grant", replay.member("error")? == "invalid_grant")?;
    let ended = expect("replay ends the grant", ask(&refresh(third.member("refresh_token")?))?, 400)?;
    check("what has ended looks the same", ended.body == replay.body)
}

/// RFC 7009 section 2.
fn revocation(ask: &mut impl FnMut(&Ask) -> Asked) -> Result<(), Box<dyn Error>> {
    let login = expect("another login", ask(&login())?, 200)?;
    let token = login.member("refresh_token")?;
    expect("revocation", ask(&form("/oauth2/revoke", &format!("token={token}")))?, 200)?;
    expect("a token that was revoked", ask(&refresh(token))?, 400)?;
    Ok(())
}

fn requests(ask: &mut impl FnMut(&Ask) -> Asked) -> Result<(), Box<dyn Error>> {
    let mut wrong = login();
    wrong.headers.retain(|(name, _)| *name != "authorization");
    let wrong = expect("no credentials", ask(&wrong)?, 401)?;
    check("no credentials: how they are given", wrong.header("www-authenticate").starts_with("Basic "))?;

    // RFC 6749 section 2.3: one way to authenticate. A stack that hands over one of two headers hides it.
    let mut twice = login();
    twice.headers.push(("authorization", basic(CLIENT, SECRET)));
    let twice = expect("credentials twice", ask(&twice)?, 400)?;
    check("credentials twice: invalid_request", twice.member("error")? == "invalid_request")?;

    let got = expect("the token endpoint by GET", ask(&plain("GET", "/oauth2/token"))?, 405)?;
    check("the token endpoint by GET: what is allowed", got.header("allow") == "POST")?;
    let with_query = Ask { target: "/oauth2/token?a=b".into(), ..login() };
    expect("a query says nothing here", ask(&with_query)?, 200)?;
    for nothing in ["/", "/oauth2", "/oauth2/token/", "/oauth2/tokens", "/.well-known/other"] {
        expect(nothing, ask(&Ask { target: nothing.into(), ..login() })?, 404)?;
    }
    Ok(())
}

/// One that fits to the byte is read, and one that does not is refused, however it comes, in an answer that its client gets.
fn bodies(ask: &mut impl FnMut(&Ask) -> Asked) -> Result<(), Box<dyn Error>> {
    for chunked in [false, true] {
        let of = |bytes: usize| {
            let mut padded = login();
            padded.body.resize(bytes, b'&');
            Ask { chunked, ..padded }
        };
        let which = |what: &str| format!("{what}{}", if chunked { ", in chunks" } else { "" });
        expect(&which("a body of the limit"), ask(&of(LIMIT))?, 200)?;
        for bytes in [LIMIT + 1, 8 * LIMIT] {
            let refused = expect(&which("a body too large"), ask(&of(bytes))?, 413)?;
            check("a body too large: invalid_request", refused.member("error")? == "invalid_request")?;
        }
    }
    Ok(())
}

pub fn plain(method: &'static str, target: &str) -> Ask {
    Ask { method, target: target.into(), headers: Vec::new(), body: Vec::new(), chunked: false }
}

fn form(target: &str, body: &str) -> Ask {
    let content_type = "application/x-www-form-urlencoded".into();
    let headers = vec![("content-type", content_type), ("authorization", basic(CLIENT, SECRET))];
    Ask { headers, body: body.into(), ..plain("POST", target) }
}

pub fn login() -> Ask {
    form("/oauth2/token", "grant_type=password&username=alice&password=wonderland")
}

fn refresh(token: &str) -> Ask {
    form("/oauth2/token", &format!("grant_type=refresh_token&refresh_token={token}"))
}

/// RFC 7617 section 2, with base64 of RFC 4648 section 4.
fn basic(id: &str, secret: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut value = String::from("Basic ");
    for three in format!("{id}:{secret}").as_bytes().chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, i| bits << 8 | three.get(i).copied().map_or(0, usize::from));
        for i in 0..4 {
            let letter = char::from(ALPHABET[bits >> (18 - 6 * i) & 63]);
            value.push(if i > three.len() { '=' } else { letter });
        }
    }
    value
}

fn expect(what: &str, reply: Reply, status: u16) -> Asked {
    if reply.status == status {
        Ok(reply)
    } else {
        Err(format!("{what}: {} in place of {status}", reply.status).into())
    }
}

fn check(what: &str, holds: bool) -> Result<(), Box<dyn Error>> {
    if holds { Ok(()) } else { Err(what.into()) }
}
