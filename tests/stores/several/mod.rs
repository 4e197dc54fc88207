//! Eight processes, each with an engine, on one store: clients ask whichever they like, lose responses, retry, ask twice
//! at once, and present tokens of long ago. What happened is written down, and checked.
//!
//! `SEVERAL_SEED=7 cargo test --test stores several` repeats what the clients did; how the processes took turns, nobody can.

mod client;
mod history;
mod killed;
mod node;

use std::sync::Arc;

use client::{Fleet, live};
use history::History;

use crate::kit::servers::{Folder, postgres::Postgres, redis::Redis};

const NODES: usize = 8;
const GRANTS: u64 = 100;

/// Not a test of its own: the process that the tests below start eight of.
#[test]
#[ignore = "a part of the tests beside it"]
fn node() {
    node::serve();
}

#[test]
fn eight_engines_share_one_postgresql() {
    let Some(postgres) = Postgres::start() else { return };
    share(&postgres.url());
}

#[test]
fn eight_engines_share_one_redis() {
    let Some(redis) = Redis::start() else { return };
    share(&redis.url());
}

fn share(url: &str) {
    let seed: u64 = std::env::var("SEVERAL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("SEVERAL_SEED={seed}");
    let folder = Folder::new("several");
    let nodes: Vec<_> = (0..NODES).map(|number| node::Node::start(folder.path(), number, url)).collect();
    let fleet = Arc::new(Fleet::new(&nodes));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let lives = runtime.block_on(async {
        let lives: Vec<_> =
            (0..GRANTS).map(|number| tokio::spawn(live(Arc::clone(&fleet), number, seed ^ (number << 32)))).collect();
        let mut ended = Vec::new();
        for life in lives {
            ended.push(life.await.unwrap());
        }
        ended
    });
    let events = nodes.into_iter().flat_map(node::Node::stop).collect();
    History { lives, events }.check();
}
