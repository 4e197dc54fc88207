//! A token endpoint without any async runtime: one thread for each connection, on the standard library's sockets.
//!
//! It speaks just enough HTTP to show where the engine goes. A real host brings its own HTTP stack, and gives the engine
//! the method, the headers and the body in the same way.
//!
//! ```text
//! cargo run --example blocking
//! ```

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use regrant::{
    Authorization, Client, ClientSecret, Engine, GrantError, GrantHandler, GrantRequest, MemoryStore, Request,
    StaticClients, Timestamp,
};

struct Password;

impl GrantHandler for Password {
    fn grant_type(&self) -> &str {
        "password"
    }

    // Ready at the first poll, as everything behind `Engine::blocking` has to be.
    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        match (request.required("username")?, request.required("password")?) {
            ("alice", "wonderland") => Ok(Authorization::of("alice")),
            _ => Err(GrantError::invalid_grant()),
        }
    }
}

type AppEngine = Engine<MemoryStore, StaticClients>;

fn main() -> Result<(), Box<dyn Error>> {
    let (kept, shown_once) = ClientSecret::generate();
    let app = Client::confidential("app").secret(kept).grant_type("password").grant_type("refresh_token").build()?;
    let engine =
        Engine::builder(MemoryStore::new(), StaticClients::new().with(app)?).grant_handler(Password).build()?;

    let listener = TcpListener::bind("127.0.0.1:3000")?;
    println!("curl -u app:{} http://127.0.0.1:3000/ \\", shown_once.reveal());
    println!("  -d grant_type=password -d username=alice -d password=wonderland");
    std::thread::scope(|scope| {
        for stream in listener.incoming() {
            let engine = &engine;
            scope.spawn(move || {
                if let Err(error) = stream.map_err(Into::into).and_then(|stream| serve(engine, &stream)) {
                    eprintln!("connection: {error}");
                }
            });
        }
    });
    Ok(())
}

/// Reads one request, answers it, and closes the connection.
fn serve(engine: &AppEngine, stream: &TcpStream) -> Result<(), Box<dyn Error>> {
    let slow = Timed { stream, over: Instant::now() + Duration::from_secs(10) };
    let mut reader = BufReader::new(slow.take(2 << 20));
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let method = line.split(' ').next().unwrap_or_default().to_owned();

    let mut headers = Vec::new();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse()?;
        }
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let response = if length > engine.limits().body_bytes() {
        // Dropped as far as that goes: a client that is still sending would see a reset, and not the answer.
        io::copy(&mut reader.take(length.min(1 << 20) as u64), &mut io::sink())?;
        engine.body_too_large()
    } else {
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let headers = headers.iter().map(|(name, value)| (name, value.as_bytes()));
        let request = Request::new(&method, &body).with_headers(headers);
        engine.blocking().token(&request, Timestamp::now)?
    };

    let mut out = Vec::new();
    write!(out, "HTTP/1.1 {} -\r\nconnection: close\r\n", response.status())?;
    for (name, value) in response.headers() {
        write!(out, "{name}: {value}\r\n")?;
    }
    write!(out, "content-length: {}\r\n\r\n", response.body().len())?;
    out.extend_from_slice(response.body());
    let mut stream = stream;
    stream.write_all(&out)?;
    Ok(())
}

/// Reads until a time that is for the whole request: a time-out for each read lets a client send a byte now and then.
struct Timed<'a> {
    stream: &'a TcpStream,
    over: Instant,
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.over.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(buffer)
    }
}
