//! A fetch by hand, in plain HTTP on a socket: right, or wrong in one way.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use regrant::conformance::FetchRig;
use regrant::fetch::{Fetch, FetchError, FetchLimits, FetchResponse, FetchUrl, is_public};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    FollowsRedirects,
    KeepsCookies,
    TellsReferrer,
    SaysStatus200,
    SaysJson,
    HidesEncoding,
    CutsBodies,
    TakesHalfBodies,
    TakesFirstLength,
    ReadsAllBodies,
    ReadsAllHeads,
    HasNoTimeLimit,
    JudgesNoAddress,
    JudgesFirstAddress,
    LooksUpTwice,
    GuessesAddress,
    GoesOnWhenDropped,
    KeepsConnections,
    Panics,
    ForgetsCacheControl,
}

/// How far a fetch reads that has no limit: more than any system keeps for one that does not read.
const FAR: usize = 80 << 20;

#[derive(Clone)]
pub(crate) struct Naive(Arc<State>);

struct State {
    rig: FetchRig,
    fault: Option<Fault>,
    kept: Mutex<HashMap<String, Stream>>,
    cookie: Mutex<Option<String>>,
}

/// A connection, and what was read of it and belongs to the next answer.
struct Stream {
    socket: TcpStream,
    ahead: Vec<u8>,
}

impl Naive {
    pub(crate) fn new(rig: FetchRig, fault: Option<Fault>) -> Self {
        Self(Arc::new(State { rig, fault, kept: Mutex::default(), cookie: Mutex::default() }))
    }

    fn has(&self, fault: Fault) -> bool {
        self.0.fault == Some(fault)
    }

    async fn connect(&self, host: &str) -> Result<Stream, FetchError> {
        let mut addresses = self.0.rig.resolve(host);
        if self.has(Fault::GuessesAddress) && addresses.is_empty() {
            addresses.push(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 9).into());
        }
        let judged = if self.has(Fault::JudgesFirstAddress) { addresses.len().min(1) } else { addresses.len() };
        let is_inside = |address: &IpAddr| !is_public(*address);
        let is_judged = !self.has(Fault::JudgesNoAddress);
        if addresses.is_empty() || is_judged && addresses[..judged].iter().any(is_inside) {
            return Err(FetchError::Address);
        }
        if self.has(Fault::LooksUpTwice) {
            addresses = self.0.rig.resolve(host);
        }
        let mut failed = io::Error::other("no address");
        for address in addresses.into_iter().rev() {
            match TcpStream::connect(self.0.rig.dial(address)).await {
                Ok(socket) => return Ok(Stream { socket, ahead: Vec::new() }),
                Err(error) => failed = error,
            }
        }
        Err(FetchError::failed(failed))
    }

    async fn get(&self, url: &FetchUrl, limits: &FetchLimits) -> Result<FetchResponse, FetchError> {
        assert!(!self.has(Fault::Panics), "a fetch that panics");
        let kept = self.0.kept.lock().await.remove(url.host());
        let mut stream = match kept {
            Some(stream) => stream,
            None => self.connect(url.host()).await?,
        };
        let mut request = format!("GET {} HTTP/1.1\r\nHost: {}\r\n", url.path_and_query(), url.host());
        if self.has(Fault::TellsReferrer) {
            request.push_str("Referer: https://login.example/\r\n");
        }
        if let Some(cookie) = self.0.cookie.lock().await.as_ref() {
            request.extend(["Cookie: ", cookie, "\r\n"]);
        }
        stream.socket.write_all(format!("{request}\r\n").as_bytes()).await.map_err(FetchError::failed)?;
        let (status, headers) = loop {
            let head = self.read_head(&mut stream).await?;
            let (status, headers) = parse_head(&head)?;
            if status >= 200 {
                break (status, headers);
            }
        };
        let value = |name: &str| headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
        if self.has(Fault::KeepsCookies) {
            *self.0.cookie.lock().await = value("set-cookie");
        }
        if self.has(Fault::FollowsRedirects) && (300..400).contains(&status) {
            let to = value("location").unwrap_or_default();
            let to = if to.starts_with('/') { format!("https://{}{to}", url.host()) } else { to };
            if let Ok(to) = FetchUrl::parse(&to) {
                return Box::pin(self.get(&to, limits)).await;
            }
        }
        let body = self.read_body(&mut stream, status, &headers, limits).await?;
        if self.has(Fault::KeepsConnections) {
            self.0.kept.lock().await.insert(url.host().to_owned(), stream);
        }
        let status = if self.has(Fault::SaysStatus200) { 200 } else { status };
        let mut response = FetchResponse::new(status, body);
        for (name, value) in &headers {
            let is_hidden = self.has(Fault::HidesEncoding) && name == "content-encoding"
                || self.has(Fault::SaysJson) && name == "content-type"
                || self.has(Fault::ForgetsCacheControl) && name == "cache-control";
            if !is_hidden {
                response = response.with_header(name, value.as_bytes());
            }
        }
        Ok(if self.has(Fault::SaysJson) { response.with_header("content-type", b"application/json") } else { response })
    }

    async fn read_head(&self, stream: &mut Stream) -> Result<String, FetchError> {
        let most = if self.has(Fault::ReadsAllHeads) { FAR } else { 64 << 10 };
        let mut searched: usize = 0;
        loop {
            let from = searched.saturating_sub(3);
            if let Some(at) = stream.ahead[from..].windows(4).position(|four| four == b"\r\n\r\n") {
                let rest = stream.ahead.split_off(from + at + 4);
                let head = std::mem::replace(&mut stream.ahead, rest);
                return Ok(String::from_utf8_lossy(&head).into_owned());
            }
            searched = stream.ahead.len();
            if searched > most || !stream.more().await? {
                return Err(FetchError::failed("there is no head"));
            }
        }
    }

    async fn read_body(
        &self,
        stream: &mut Stream,
        status: u16,
        headers: &[(String, String)],
        limits: &FetchLimits,
    ) -> Result<Vec<u8>, FetchError> {
        let most = if self.has(Fault::ReadsAllBodies) { FAR } else { limits.body_bytes() };
        if matches!(status, 204 | 304) {
            return Ok(Vec::new());
        }
        let of =
            |name: &str| headers.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str()).collect();
        let (lengths, codings): (Vec<&str>, Vec<&str>) = (of("content-length"), of("transfer-encoding"));
        let whole = match (&lengths[..], &codings[..]) {
            ([], ["chunked"]) => return self.read_chunks(stream, most).await,
            ([], []) => None,
            ([length], []) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(length.parse::<usize>().map_err(FetchError::failed)?)
            }
            ([length, ..], _) if self.has(Fault::TakesFirstLength) => {
                Some(length.parse::<usize>().map_err(FetchError::failed)?)
            }
            _ => return Err(FetchError::failed("contradictory framing")),
        };
        while stream.ahead.len() < whole.unwrap_or(usize::MAX) {
            if stream.ahead.len() > most {
                break;
            }
            if !stream.more().await? {
                if whole.is_none() || self.has(Fault::TakesHalfBodies) {
                    return Ok(std::mem::take(&mut stream.ahead));
                }
                return Err(FetchError::failed("the body broke off"));
            }
        }
        let length = whole.unwrap_or(usize::MAX);
        if length > most {
            if self.has(Fault::CutsBodies) {
                stream.ahead.truncate(most);
                return Ok(std::mem::take(&mut stream.ahead));
            }
            return Err(FetchError::TooLarge);
        }
        let rest = stream.ahead.split_off(length);
        Ok(std::mem::replace(&mut stream.ahead, rest))
    }

    async fn read_chunks(&self, stream: &mut Stream, most: usize) -> Result<Vec<u8>, FetchError> {
        let mut body = Vec::new();
        loop {
            while !stream.ahead.contains(&b'\n') {
                if !stream.more().await? {
                    let is_good = self.has(Fault::TakesHalfBodies);
                    return if is_good { Ok(body) } else { Err(FetchError::failed("no last chunk")) };
                }
            }
            let at = stream.ahead.iter().position(|&byte| byte == b'\n').unwrap();
            let line: Vec<u8> = stream.ahead.drain(..=at).collect();
            let size = usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16).map_err(FetchError::failed)?;
            if size > most - body.len() {
                return Err(FetchError::TooLarge);
            }
            while stream.ahead.len() < size + 2 {
                if !stream.more().await? {
                    return Err(FetchError::failed("half a chunk"));
                }
            }
            let chunk: Vec<u8> = stream.ahead.drain(..size + 2).collect();
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }
}

impl Stream {
    /// Reads some more; `false` at the end.
    async fn more(&mut self) -> Result<bool, FetchError> {
        self.ahead.reserve(16 << 10);
        Ok(self.socket.read_buf(&mut self.ahead).await.map_err(FetchError::failed)? > 0)
    }
}

fn parse_head(head: &str) -> Result<(u16, Vec<(String, String)>), FetchError> {
    let bad = || FetchError::failed("that is no HTTP");
    let mut lines = head.split("\r\n");
    let first = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).ok_or_else(bad)?;
    let status = first.split(' ').next().filter(|status| status.len() == 3).ok_or_else(bad)?;
    let mut headers = Vec::new();
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or_else(bad)?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Ok((status.parse().map_err(FetchError::failed)?, headers))
}

impl Fetch for Naive {
    async fn fetch(&self, url: &FetchUrl, limits: &FetchLimits) -> Result<FetchResponse, FetchError> {
        if self.has(Fault::HasNoTimeLimit) {
            return self.get(url, limits).await;
        }
        let timed = {
            let (fetch, url, limits) = (self.clone(), url.clone(), *limits);
            async move { tokio::time::timeout(limits.time(), fetch.get(&url, &limits)).await }
        };
        let ended = if self.has(Fault::GoesOnWhenDropped) {
            tokio::spawn(timed).await.map_err(FetchError::failed)?
        } else {
            timed.await
        };
        ended.unwrap_or(Err(FetchError::TimedOut))
    }
}
