//! The clients: each has one grant, a clock of its own, and a careless network.

use std::path::PathBuf;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::history::{Asked, Ending, Life};
use super::node::{CLIENT, Node, SECRET, WINDOW};

/// Refreshes of one client.
const STEPS: usize = 60;
/// When the first login takes place.
pub(crate) const BEGIN: u64 = 1_700_000_000_000;

/// Where the nodes are.
pub(crate) struct Fleet(Vec<PathBuf>);

/// What came back: status, and the refresh token if there is one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) token: Option<String>,
}

impl Answer {
    pub(crate) fn is_refused(&self) -> bool {
        self.status == 400 && self.token.is_none()
    }
}

impl Fleet {
    pub(crate) fn new(nodes: &[Node]) -> Self {
        Self(nodes.iter().map(|node| node.socket.clone()).collect())
    }

    async fn send(&self, node: usize, now: u64, form: &str) -> UnixStream {
        let mut stream = UnixStream::connect(&self.0[node % self.0.len()]).await.unwrap();
        let credentials = format!("client_id={CLIENT}&client_secret={SECRET}");
        stream.write_all(format!("{now} {form}&{credentials}\n").as_bytes()).await.unwrap();
        stream
    }

    async fn ask(&self, node: usize, now: u64, form: &str) -> Answer {
        let stream = self.send(node, now, form).await;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await.unwrap();
        let (status, json) = line.trim_end().split_once(' ').unwrap();
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        let token = json["refresh_token"].as_str().map(str::to_owned);
        Answer { status: status.parse().unwrap(), token }
    }

    /// Sends, and hangs up: at once, or a moment later. Waits until the node knows, since a request that is acted upon
    /// long after its client went on is a replay.
    async fn ask_and_hang_up(&self, node: usize, now: u64, form: &str, moments: u32) {
        let mut stream = self.send(node, now, form).await;
        for _ in 0..moments {
            tokio::task::yield_now().await;
        }
        let _ = stream.shutdown().await;
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    }
}

/// What a client carries through its life.
struct Walker {
    fleet: std::sync::Arc<Fleet>,
    random: StdRng,
    now: u64,
    life: Life,
}

impl Walker {
    /// Up to so much later; less than a quarter of the window, so that a retry or three are always within it.
    fn wait(&mut self) {
        self.now += self.random.random_range(0..u64::try_from(WINDOW.as_millis()).unwrap() / 4);
    }

    fn node(&mut self) -> usize {
        self.random.random_range(0..super::NODES)
    }

    fn current(&self) -> String {
        self.life.tokens.last().unwrap().clone()
    }

    /// One request whose answer arrives.
    async fn present(&mut self, token: &str) -> Answer {
        let (node, now) = (self.node(), self.now);
        let answer = self.fleet.ask(node, now, &form(token)).await;
        self.life.asked.push(Asked { token: token.to_owned(), answer: answer.clone() });
        answer
    }

    /// The same, so often at once, wherever.
    async fn present_at_once(&mut self, tokens: &[String]) {
        let mut calls = tokio::task::JoinSet::new();
        for token in tokens.iter().cloned() {
            let (fleet, node, now) = (self.fleet.clone(), self.node(), self.now);
            calls.spawn(async move { (fleet.ask(node, now, &form(&token)).await, token) });
        }
        while let Some(call) = calls.join_next().await {
            let (answer, token) = call.unwrap();
            self.life.asked.push(Asked { token, answer });
        }
    }

    /// A refresh, by one of the ways in which it can go.
    async fn refresh(&mut self) {
        let token = self.current();
        match self.random.random_range(0..10) {
            0..3 => {}
            // Answers get lost: the client hangs up, or gives up on an answer that it would have got.
            3..6 => {
                for _ in 0..self.random.random_range(1..3) {
                    let (node, now, moments) = (self.node(), self.now, self.random.random_range(0..40));
                    self.fleet.ask_and_hang_up(node, now, &form(&token), moments).await;
                    self.wait();
                }
            }
            6..8 => {
                self.present(&token).await;
                self.wait();
            }
            _ => {
                let times = self.random.random_range(2..5);
                self.present_at_once(&vec![token.clone(); times]).await;
                self.wait();
            }
        }
        // A lost swap that comes back too often is a 503, and asked again.
        let mut answer = self.present(&token).await;
        while answer.status == 503 {
            answer = self.present(&token).await;
        }
        assert_eq!(
            answer.status,
            200,
            "client {} lost its session at step {}",
            self.life.number,
            self.life.tokens.len()
        );
        self.life.tokens.push(answer.token.unwrap());
        // Sometimes long after; nothing is in doubt now.
        self.now += if self.random.random_bool(0.2) { 10 * millis(WINDOW) } else { 0 };
        self.wait();
    }

    /// How it ends.
    async fn end(&mut self) {
        let (current, predecessor) = (self.current(), self.life.tokens[STEPS - 1].clone());
        let older = self.life.tokens[..STEPS - 1].choose(&mut self.random).unwrap().clone();
        self.life.ending = match self.random.random_range(0..4) {
            0 => Ending::Alive,
            1 => {
                self.present(&older).await;
                Ending::Replayed
            }
            2 => {
                // The predecessor, once its window has passed.
                self.now += 2 * millis(WINDOW);
                self.present(&predecessor).await;
                Ending::Replayed
            }
            _ => {
                // The thief and the owner at the same moment.
                self.present_at_once(&[older, current.clone(), current.clone()]).await;
                Ending::Replayed
            }
        };
        let tokens: Vec<String> = match self.life.ending {
            Ending::Alive => vec![current],
            // Also one that was handed out in the race.
            Ending::Replayed => {
                let handed_out = self.life.asked.iter().filter_map(|asked| asked.answer.token.clone());
                self.life.tokens.iter().cloned().chain(handed_out).rev().take(6).collect()
            }
        };
        for token in tokens {
            let answer = self.present(&token).await;
            self.life.last.push(answer);
        }
    }
}

/// A client's whole life.
pub(crate) async fn live(fleet: std::sync::Arc<Fleet>, number: u64, seed: u64) -> Life {
    let mut walker =
        Walker { fleet, random: StdRng::seed_from_u64(seed), now: BEGIN + number, life: Life::new(number) };
    let login = format!("grant_type=password&username=user-{number}");
    let node = walker.node();
    let mut answer = walker.fleet.ask(node, walker.now, &login).await;
    // On a busy machine a store may have more to do than its patience lasts.
    while answer.status == 503 {
        answer = walker.fleet.ask(node, walker.now, &login).await;
    }
    walker.life.tokens.push(answer.token.unwrap());
    for _ in 0..STEPS {
        walker.refresh().await;
    }
    walker.end().await;
    walker.life
}

pub(crate) fn form(token: &str) -> String {
    format!("grant_type=refresh_token&refresh_token={token}")
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap()
}
