//! The engine behind HTTP stacks of others: each has a file of its own, which is all that it takes.
//!
//! ```text
//! cargo run                     the script against each of them
//! cargo run -- actix            against this one
//! cargo run -- actix 3000       serves with it, until it is stopped
//! ```

mod actix;
mod axum;
mod client;
mod engine;
mod hyper;
mod poem;
mod rocket;
mod salvo;
mod script;
mod tiny_http;
mod warp;

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::Engine;

type Outcome = Result<(), Box<dyn Error>>;
/// Serves until the process ends.
type Serve = fn(Arc<Engine>, SocketAddr) -> Outcome;

const STACKS: [(&str, Serve); 8] = [
    ("actix", |engine, address| Ok(actix_web::rt::System::new().block_on(actix::serve(engine, address))?)),
    ("axum", |engine, address| on_tokio(axum::serve(engine, address))),
    ("hyper", |engine, address| on_tokio(hyper::serve(engine, address))),
    ("poem", |engine, address| on_tokio(poem::serve(engine, address))),
    ("rocket", |engine, address| on_tokio(rocket::serve(engine, address))),
    ("salvo", |engine, address| on_tokio(salvo::serve(engine, address))),
    ("tiny_http", tiny_http::serve),
    ("warp", |engine, address| on_tokio(warp::serve(engine, address))),
];

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => all(),
        [name] => try_out(find(name)?),
        [name, port] => {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse()?));
            println!("curl -u {}:{} http://{address}/oauth2/token \\", engine::CLIENT, engine::SECRET);
            println!("  -d grant_type=password -d username=alice -d password=wonderland");
            find(name)?(Arc::new(engine::builder()?.build()?), address)
        }
        _ => Err("the name of a stack, and a port".into()),
    }
}

fn find(name: &str) -> Result<Serve, Box<dyn Error>> {
    let found = STACKS.iter().find(|(given, _)| *given == name);
    Ok(found.ok_or_else(|| format!("{name} is none of {}", STACKS.map(|(name, _)| name).join(", ")))?.1)
}

/// Each in a process of its own, since some of them take the whole process.
fn all() -> Outcome {
    for (name, _) in STACKS {
        let began = Instant::now();
        if !Command::new(std::env::current_exe()?).arg(name).status()?.success() {
            return Err(format!("{name} failed").into());
        }
        println!("{name}: passed in {} ms", began.elapsed().as_millis());
    }
    Ok(())
}

/// The script against this stack, on a port that is free.
fn try_out(serve: Serve) -> Outcome {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let engine = Arc::new(engine::builder()?.build()?);
    std::thread::spawn(move || {
        let ended = serve(engine, address);
        eprintln!("it ended: {ended:?}");
        std::process::exit(1);
    });
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        if began.elapsed() > Duration::from_secs(10) {
            return Err("it does not listen".into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    script::run(|ask| client::send(address, ask))
}

fn on_tokio<E: Into<Box<dyn Error>>>(serving: impl Future<Output = Result<(), E>>) -> Outcome {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(serving)
        .map_err(Into::into)
}
