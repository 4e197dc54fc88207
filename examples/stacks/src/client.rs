//! Sends the script's requests over TCP, one connection each. It writes everything before it reads, as many clients do.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::script::{Ask, Reply};

pub fn send(server: SocketAddr, ask: &Ask) -> Result<Reply, Box<dyn Error>> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut request = format!("{} {} HTTP/1.1\r\nhost: id.example\r\nconnection: close\r\n", ask.method, ask.target);
    for (name, value) in &ask.headers {
        request += &format!("{name}: {value}\r\n");
    }
    let mut request = if ask.chunked {
        format!("{request}transfer-encoding: chunked\r\n\r\n").into_bytes()
    } else {
        format!("{request}content-length: {}\r\n\r\n", ask.body.len()).into_bytes()
    };
    if ask.chunked {
        for chunk in ask.body.chunks(10_000) {
            write!(request, "{:x}\r\n", chunk.len())?;
            request.extend_from_slice(chunk);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"0\r\n\r\n");
    } else {
        request.extend_from_slice(&ask.body);
    }
    // A server that has heard enough may close its end. What it answered is there all the same, if it did well.
    let _ = stream.write_all(&request);
    read(BufReader::new(stream))
}

fn read(mut stream: impl BufRead) -> Result<Reply, Box<dyn Error>> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).ok_or("no answer")?.parse()?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let header = |name: &str| headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
    let mut body = Vec::new();
    if header("transfer-encoding") == Some("chunked") {
        loop {
            line.clear();
            stream.read_line(&mut line)?;
            let length = u64::from_str_radix(line.trim_end(), 16)?;
            if length == 0 {
                break;
            }
            stream.by_ref().take(length).read_to_end(&mut body)?;
            stream.read_line(&mut line)?;
        }
    } else {
        let length = header("content-length").ok_or("neither a length nor chunks")?.parse()?;
        stream.by_ref().take(length).read_to_end(&mut body)?;
    }
    Ok(Reply { status, headers, body: String::from_utf8(body)? })
}
