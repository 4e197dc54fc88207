//! What happens to the people of an OAuth 2.0 server when responses get lost, requests race, processes share a login and servers restart or
//! are killed; and to thieves, when they use a copied refresh token. From outside, over HTTP: it knows the token endpoint and nothing else,
//! so it can be run against any server.
//!
//! ```text
//! cargo run --manifest-path examples/survival/Cargo.toml -- examples/survival/servers/regrant-memory.toml --json result.json
//! ```
//!
//! A client is honest as clients are: it keeps the newest token that it was given, asks again with the same one where there was no answer,
//! or none that says anything about its login (503, 429, a broken connection), and logs in anew where the server says that the login is over.

mod client;
mod config;
mod honest;
mod report;
mod server;
mod thief;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use client::{Answer, Client};
use config::{Config, Load};
use honest::{Fault, Outage};
use report::{Growth, Honest, Report};
use server::Server;
use thief::Attack;
use tokio::task::JoinSet;

/// What happens to honest clients of a token endpoint when things go wrong, and to thieves.
#[derive(Parser)]
struct Options {
    /// What is tested, and how
    config: PathBuf,
    /// Where the results go as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// Fails where an honest client is logged out, or a thief who is out of time goes on
    #[arg(long)]
    strict: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<ExitCode, String> {
    let path = options.config.display();
    let text = std::fs::read_to_string(&options.config).map_err(|error| format!("{path}: {error}"))?;
    let config: Config = toml::from_str(&text).map_err(|error| format!("{path}: {error}"))?;
    if config.token_endpoints.is_empty() {
        return Err(format!("{path}: no token endpoint"));
    }
    let mut server = Server::start(&config).await?;
    let report = test(&config, &mut server).await;
    server.stop().await?;
    let report = report?;
    println!("{}", report.table());
    if let Some(path) = &options.json {
        let json = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
        std::fs::write(path, json + "\n").map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let outside = [Attack::TwoBehind, Attack::PredecessorLate, Attack::ThiefFirstOwnerLate, Attack::ThiefFarAhead];
    let thieves: u32 = outside.iter().map(|attack| report.thieves(attack.name())).sum();
    if options.strict && (report.logged_out() > 0 || thieves > 0) {
        eprintln!("{} honest people had to log in again, and {thieves} thieves go on.", report.logged_out());
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

async fn test(config: &Config, server: &mut Server) -> Result<Report, String> {
    let load = config.load;
    let client = Arc::new(Client::new(config.clone())?);
    let mut report = Report::of(config);
    // Whoever waits for long does so beside all others.
    let mut thefts = JoinSet::new();
    for (place, attack) in Attack::ALL.into_iter().enumerate() {
        let client = Arc::clone(&client);
        thefts.spawn(async move { thief::attack(&client, load, attack).await.map(|theft| (place, theft)) });
    }
    for fault in Fault::ALL {
        eprintln!("{}", fault.name());
        report.honest.push(honest::suffer(&client, load, fault).await?);
    }
    eprintln!("thieves");
    let mut done = Vec::new();
    while let Some(theft) = thefts.join_next().await {
        done.push(theft.map_err(|error| error.to_string())??);
    }
    done.sort_by_key(|(place, _)| *place);
    report.thefts.extend(done.into_iter().map(|(_, theft)| theft));
    eprintln!("memory");
    report.growth = grow(&client, load, server).await?;
    if report.growth.is_none() {
        report.left_out.push("memory, since the process is not known".to_owned());
    }
    if !server.is_ours() {
        report.left_out.push("restarts, since this program did not start the server".to_owned());
    } else if !config.server.durable {
        report.left_out.push("restarts, since logins do not outlive the process".to_owned());
    } else {
        for (name, kills) in [("the server restarts under load", false), ("the server is killed under load", true)] {
            eprintln!("{name}");
            report.honest.push(restart(&client, load, server, name, kills).await?);
        }
    }
    Ok(report)
}

/// Everybody refreshes, and the server goes away and comes back. What nobody met does not count: a restart that left no refresh without
/// an answer, and a kill that cut off no request that the server had.
async fn restart(
    client: &Arc<Client>,
    load: Load,
    server: &mut Server,
    name: &str,
    kills: bool,
) -> Result<Honest, String> {
    let outage = Arc::new(Outage::default());
    let mut people = JoinSet::new();
    for _ in 0..load.people {
        let (client, outage) = (Arc::clone(client), Arc::clone(&outage));
        people.spawn(async move { honest::live_through(&client, load, &outage).await });
    }
    let cut_off = client.cut_off();
    let done = take_away(client, load, server, &outage, kills).await;
    outage.end();
    // What a person's client has to say first: it is why nobody was answered.
    let mut row = honest::gather(people, name).await?;
    row.times = done?;
    row.cut_off = client.cut_off() - cut_off;
    Ok(row)
}

/// How often somebody met it: as often as is wanted, or an error.
async fn take_away(
    client: &Client,
    load: Load,
    server: &mut Server,
    outage: &Outage,
    kills: bool,
) -> Result<u32, String> {
    let met = || if kills { client.cut_off() } else { outage.met() };
    let mut done = 0;
    for _ in 0..10 * load.restarts {
        outage.some_answers(2 * load.people).await?;
        let before = met();
        server.restart(kills).await?;
        // Who met it has noticed by then.
        outage.some_answers(2 * load.people).await?;
        done += u32::from(met() > before);
        if done == load.restarts {
            return Ok(done);
        }
    }
    Err(format!("of {} times that the server went away somebody met {done}", 10 * load.restarts))
}

/// A few logins that are refreshed again and again.
async fn grow(client: &Arc<Client>, load: Load, server: &Server) -> Result<Option<Growth>, String> {
    const LOGINS: u32 = 10;
    let round = async || {
        let mut people = JoinSet::new();
        for _ in 0..LOGINS {
            let client = Arc::clone(client);
            people.spawn(async move {
                let mut token = client.log_in().await?;
                for _ in 0..load.growth / LOGINS {
                    match client.refresh_until_answered(&token).await {
                        Answer::Token(next) => token = next,
                        Answer::LoggedOut(why) | Answer::Nothing(why) => return Err(format!("a refresh: {why}")),
                    }
                }
                Ok(())
            });
        }
        while let Some(one) = people.join_next().await {
            one.map_err(|error| error.to_string())??;
        }
        Ok::<(), String>(())
    };
    if server.resident().is_none() {
        return Ok(None);
    }
    // What a first round leaves behind is heaps that grow to their working size.
    round().await?;
    let Some(before) = server.resident() else { return Ok(None) };
    round().await?;
    Ok(server.resident().map(|after| Growth { refreshes: load.growth / LOGINS * LOGINS, before, after }))
}
