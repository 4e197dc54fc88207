//! Sessions, and refreshes of them: each connection has a part of the sessions and one request at a time.

use std::mem::take;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::JoinSet;

use crate::client::Way;
use crate::peer::{Login, Result};

/// Coprime to any count of sessions that is not a multiple of it, so that the order is none that a cache could guess.
const STEP: usize = 7_919;

const FOREVER: Duration = Duration::from_secs(1 << 32);

pub struct Sessions {
    port: u16,
    login: Login,
    /// The refresh tokens, a part for each connection.
    parts: Vec<Vec<String>>,
}

/// What a round gave.
#[derive(Clone, Copy)]
pub struct Round {
    pub per_second: f64,
    pub p50: Duration,
    pub p99: Duration,
    pub refreshes: usize,
}

/// What became of logins whose old token came back, two steps behind.
#[derive(Clone, Copy, Serialize)]
pub struct Replays {
    pub tried: usize,
    /// Old tokens that were refused.
    pub refused: usize,
    /// Logins whose newest token was refused after that.
    pub ended: usize,
    pub p50_us: f64,
}

type Part = (Vec<String>, Vec<Duration>);

impl Sessions {
    pub async fn open(port: u16, login: Login, count: usize, connections: usize) -> Result<Self> {
        let mut all = JoinSet::new();
        for _ in 0..connections {
            all.spawn(open_part(port, login, count / connections));
        }
        let mut parts = Vec::new();
        while let Some(part) = all.join_next().await {
            parts.push(part??);
        }
        Ok(Self { port, login, parts })
    }

    pub fn len(&self) -> usize {
        self.parts.iter().map(Vec::len).sum()
    }

    /// Refreshes every session once.
    pub async fn refresh_all(&mut self) -> Result<()> {
        let most = self.parts.first().map_or(0, Vec::len);
        self.run(self.parts.len(), FOREVER, most).await?;
        Ok(())
    }

    /// Refreshes for so long, by so many of the connections.
    pub async fn refresh_for(&mut self, connections: usize, time: Duration) -> Result<Round> {
        let start = Instant::now();
        let mut took = self.run(connections, time, usize::MAX).await?;
        let elapsed = start.elapsed();
        took.sort_unstable();
        #[expect(clippy::cast_precision_loss, reason = "counts of seconds")]
        let per_second = took.len() as f64 / elapsed.as_secs_f64();
        let at = |part: usize| took.get(took.len() * part / 100).copied().ok_or("nothing was refreshed");
        Ok(Round { per_second, p50: at(50)?, p99: at(99)?, refreshes: took.len() })
    }

    async fn run(&mut self, connections: usize, time: Duration, most: usize) -> Result<Vec<Duration>> {
        let mut all = JoinSet::new();
        for place in 0..connections.min(self.parts.len()) {
            let (tokens, port) = (take(&mut self.parts[place]), self.port);
            all.spawn(async move { (place, refresh_part(tokens, port, time, most).await) });
        }
        let mut took = Vec::new();
        while let Some(ended) = all.join_next().await {
            let (place, part) = ended?;
            let (tokens, times) = part?;
            self.parts[place] = tokens;
            took.extend(times);
        }
        Ok(took)
    }

    /// Replays of new logins, one after another.
    pub async fn replay(&self, count: usize) -> Result<Replays> {
        let mut way = Way::to(self.port).await?;
        let (mut refused, mut ended, mut took) = (0, 0, Vec::with_capacity(count));
        for _ in 0..count {
            let stolen = way.login(self.login).await?;
            let second = way.refresh(&stolen).await?.refresh_token()?;
            let newest = way.refresh(&second).await?.refresh_token()?;
            let start = Instant::now();
            refused += usize::from(way.refresh(&stolen).await?.status != 200);
            took.push(start.elapsed());
            ended += usize::from(way.refresh(&newest).await?.status != 200);
        }
        took.sort_unstable();
        let p50 = took.get(count / 2).ok_or("no replay")?;
        Ok(Replays { tried: count, refused, ended, p50_us: micros(*p50) })
    }
}

pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

async fn open_part(port: u16, login: Login, count: usize) -> Result<Vec<String>> {
    let mut way = Way::to(port).await?;
    let mut tokens = Vec::with_capacity(count);
    for _ in 0..count {
        tokens.push(way.login(login).await?);
    }
    Ok(tokens)
}

async fn refresh_part(mut tokens: Vec<String>, port: u16, time: Duration, most: usize) -> Result<Part> {
    let mut way = Way::to(port).await?;
    let (mut at, mut times) = (0, Vec::new());
    let begin = Instant::now();
    let step = if tokens.len().is_multiple_of(STEP) { 1 } else { STEP };
    for _ in 0..most {
        at = (at + step) % tokens.len();
        let start = Instant::now();
        if start - begin >= time {
            break;
        }
        let answer = way.refresh(&tokens[at]).await?;
        times.push(start.elapsed());
        tokens[at] = answer.refresh_token()?;
    }
    Ok((tokens, times))
}
