//! A refresh by regrant and by others, on one machine in one run: `bash benches/peers/run`.

mod client;
mod in_process;
mod load;
mod peer;
mod plots;
mod process;
mod results;
mod run;
mod server;
mod table;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

use crate::peer::Result;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures all of them.
    Run(RunArguments),
    /// One of the servers in Rust.
    Serve { name: String, port: u16 },
    /// A refresh of a server in Rust without sockets, in microseconds.
    InProcess { name: String, sessions: usize, milliseconds: u64 },
}

#[derive(clap::Args)]
pub struct RunArguments {
    /// Where Node's packages and Python's are.
    #[arg(long)]
    folder: PathBuf,
    /// The JSON file to write, as DATE-MACHINE.json.
    #[arg(long)]
    json: PathBuf,
    /// A folder for the plots.
    #[arg(long)]
    plots: PathBuf,
    /// A Markdown file that has the table, between two marks.
    #[arg(long)]
    table: Option<PathBuf>,
    #[arg(long)]
    date: String,
    #[arg(long)]
    machine: String,
    /// What else has to be known of the run.
    #[arg(long, default_value = "")]
    note: String,
    /// Of each server in Rust; the others have a fifth.
    #[arg(long, default_value_t = 100_000)]
    sessions: usize,
    #[arg(long, default_value_t = 16)]
    connections: usize,
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Of each measure, in each round.
    #[arg(long, default_value_t = 1_000)]
    milliseconds: u64,
    /// Those of these names alone.
    #[arg(long)]
    only: Vec<String>,
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Run(arguments) => one_thread()?.block_on(run::run(&arguments)),
        // As `tokio::main` has it: a thread for each core that it is given.
        Command::Serve { name, port } => {
            Builder::new_multi_thread().enable_all().build()?.block_on(server::serve(&name, port))
        }
        Command::InProcess { name, sessions, milliseconds } => {
            let time = Duration::from_millis(milliseconds);
            println!("{}", one_thread()?.block_on(in_process::measure(peer::find(&name)?, sessions, time))?);
            Ok(())
        }
    }
}

fn one_thread() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}
