//! Two processes with an engine each on one store, and one of them is killed while both have requests: six times, in turns, each
//! time another takes its place. A client whose request is cut off sends it to the other one. Nobody is logged out by a kill, no
//! generation is handed out twice, and at the end a replay ends its grant as ever.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::client::{Answer, BEGIN, form, millis};
use super::history::{Asked, Ending, History, Life};
use super::node::{CLIENT, Node, SECRET, WINDOW};
use crate::kit::servers::postgres::{PgBouncer, Postgres};
use crate::kit::servers::redis::{Redis, RedisCluster};
use crate::kit::servers::{Folder, until};

/// A run that failed, again with the same draws.
const SEED: &str = "SEVERAL_SEED";
const CLIENTS: u64 = 24;
const KILLS: usize = 6;
/// Steps of all clients together, before each kill and after it.
const STEPS: usize = 200;

#[test]
fn a_node_on_postgresql_is_killed() {
    let Some(postgres) = Postgres::start() else { return };
    kill_under_load(&postgres.url());
}

#[test]
fn a_node_behind_a_pooler_is_killed() {
    let Some(postgres) = Postgres::start() else { return };
    let Some(bouncer) = PgBouncer::start(&postgres, "postgres", 3) else { return };
    kill_under_load(bouncer.url());
}

#[test]
fn a_node_on_redis_is_killed() {
    let Some(redis) = Redis::start() else { return };
    kill_under_load(&redis.url());
}

#[test]
fn a_node_on_a_redis_cluster_is_killed() {
    let Some(cluster) = RedisCluster::start() else { return };
    kill_under_load(&cluster.url());
}

/// What the clients share.
struct Pair {
    /// What all clients' draws follow from.
    seed: u64,
    places: [Place; 2],
    /// Refreshes that were answered.
    steps: AtomicUsize,
    /// Requests that a node had, and that it never answered.
    cut_off: AtomicUsize,
    stop: AtomicBool,
}

/// Where one of the two listens, which changes when another takes its place.
struct Place {
    socket: RwLock<PathBuf>,
    under_way: AtomicUsize,
}

impl Pair {
    /// `None`, if there is nobody, or if whoever was there is gone before the answer.
    async fn ask(&self, place: usize, now: u64, form: &str) -> Option<Answer> {
        let place = &self.places[place];
        let socket = place.socket.read().clone();
        let mut stream = UnixStream::connect(&socket).await.ok()?;
        let line = format!("{now} {form}&client_id={CLIENT}&client_secret={SECRET}\n");
        place.under_way.fetch_add(1, Ordering::Relaxed);
        let mut answer = String::new();
        let sent = stream.write_all(line.as_bytes()).await;
        let came = BufReader::new(stream).read_line(&mut answer).await;
        place.under_way.fetch_sub(1, Ordering::Relaxed);
        // A node writes its answer at once, so half of one is none.
        if sent.is_err() || came.is_err() || !answer.ends_with('\n') {
            self.cut_off.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let (status, json) = answer.trim_end().split_once(' ').unwrap();
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        Some(Answer { status: status.parse().unwrap(), token: json["refresh_token"].as_str().map(str::to_owned) })
    }

    /// Asks one, then the other, until one of them answers. The other of two always lives.
    async fn insist(&self, random: &mut StdRng, now: u64, form: &str) -> Answer {
        let mut place = usize::from(random.random::<bool>());
        // Of what the store may make a client wait there is an end.
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            match self.ask(place, now, form).await {
                Some(answer) if answer.status != 503 => return answer,
                _ => place = 1 - place,
            }
            assert!(tokio::time::Instant::now() < deadline, "neither of them answers; {SEED}={}", self.seed);
            tokio::task::yield_now().await;
        }
    }
}

fn kill_under_load(url: &str) {
    let seed = env::var(SEED).map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("{SEED}={seed}");
    let folder = Folder::new("killed");
    let start = |number| Node::start(folder.path(), number, url);
    let mut nodes = [Some(start(0)), Some(start(1))];
    let place = |node: &Option<Node>| Place {
        socket: RwLock::new(node.as_ref().unwrap().socket.clone()),
        under_way: AtomicUsize::new(0),
    };
    let pair = Arc::new(Pair {
        seed,
        places: [place(&nodes[0]), place(&nodes[1])],
        steps: AtomicUsize::new(0),
        cut_off: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let clients: Vec<_> = (0..CLIENTS).map(|number| runtime.spawn(live(Arc::clone(&pair), number))).collect();
    let some_steps = || {
        let enough = pair.steps.load(Ordering::Relaxed) + STEPS;
        // A client that has failed takes no more.
        until("some steps", || {
            pair.steps.load(Ordering::Relaxed) >= enough || clients.iter().any(tokio::task::JoinHandle::is_finished)
        });
    };
    let mut events = Vec::new();
    for kill in 0..KILLS {
        let killed = kill % 2;
        some_steps();
        until("the node to have a request", || pair.places[killed].under_way.load(Ordering::Relaxed) > 0);
        events.extend(nodes[killed].take().unwrap().kill());
        // The other one alone.
        some_steps();
        let node = start(2 + kill);
        pair.places[killed].socket.write().clone_from(&node.socket);
        nodes[killed] = Some(node);
    }
    some_steps();
    pair.stop.store(true, Ordering::Relaxed);
    let lives = clients.into_iter().map(|client| runtime.block_on(client).unwrap()).collect();
    events.extend(nodes.into_iter().flatten().flat_map(Node::stop));
    History { lives, events }.check();
    let cut_off = pair.cut_off.load(Ordering::Relaxed);
    println!("{KILLS} kills, {cut_off} requests cut off");
    assert!(cut_off >= KILLS, "there was load: {cut_off}; {SEED}={seed}");
}

/// A client's whole life: a login, refreshes until it is told to stop, and at half of them a replay.
async fn live(pair: Arc<Pair>, number: u64) -> Life {
    let (mut now, mut life) = (BEGIN + number, Life::new(number));
    // What a client does follows from the seed; when a node is killed, and what it has answered by then, does not.
    let mut random = StdRng::seed_from_u64(pair.seed ^ (number << 32));
    let seed = pair.seed;
    let login = pair.insist(&mut random, now, &format!("grant_type=password&username=user-{number}")).await;
    life.tokens.push(login.token.unwrap());
    while !pair.stop.load(Ordering::Relaxed) {
        let token = life.tokens.last().unwrap().clone();
        // An answer that gets lost on its way, too.
        for _ in 0..random.random_range(1..3) {
            present(&pair, &mut random, &mut life, now, &token).await;
            now += random.random_range(0..millis(WINDOW) / 4);
        }
        let answer = &life.asked.last().unwrap().answer;
        let step = life.tokens.len();
        assert_eq!(answer.status, 200, "client {number} was logged out at step {step}; {SEED}={seed}");
        let next = answer.token.clone().unwrap();
        life.tokens.push(next);
        pair.steps.fetch_add(1, Ordering::Relaxed);
        // Sometimes long after.
        now += if random.random::<u8>() < 50 { 10 * millis(WINDOW) } else { 0 };
    }
    let [.., predecessor, current] = &life.tokens[..] else { panic!("client {number} took no step; {SEED}={seed}") };
    let (older, predecessor, current) = (life.tokens[0].clone(), predecessor.clone(), current.clone());
    let mut rest = vec![current];
    if number % 2 == 1 {
        life.ending = Ending::Replayed;
        // One of long ago, or the predecessor once its window has passed.
        now += 2 * millis(WINDOW);
        let replayed = if number % 4 == 1 { older } else { predecessor.clone() };
        present(&pair, &mut random, &mut life, now, &replayed).await;
        rest.extend([predecessor, life.tokens[0].clone()]);
    }
    for token in rest {
        present(&pair, &mut random, &mut life, now, &token).await;
        life.last.push(life.asked.last().unwrap().answer.clone());
    }
    life
}

async fn present(pair: &Pair, random: &mut StdRng, life: &mut Life, now: u64, token: &str) {
    let answer = pair.insist(random, now, &form(token)).await;
    life.asked.push(Asked { token: token.to_owned(), answer });
}
