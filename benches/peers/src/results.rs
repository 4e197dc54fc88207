//! What a run found, as it is written.

use serde::Serialize;

use crate::load::Replays;

#[derive(Serialize)]
pub struct Results {
    pub date: String,
    pub machine: String,
    pub cores: usize,
    pub note: String,
    pub rust: String,
    pub node: String,
    pub python: String,
    pub rounds: usize,
    pub seconds_a_round: f64,
    pub connections: usize,
    pub peers: Vec<Found>,
}

#[derive(Serialize)]
pub struct Found {
    pub name: &'static str,
    pub version: &'static str,
    pub settings: &'static str,
    pub sessions: usize,
    /// Medians of the rounds.
    pub busy: Load,
    pub one_connection: Load,
    /// Time of the server's processes a refresh, over all rounds of `busy`.
    pub server_cpu_us: f64,
    /// Likewise, by the router alone, for servers in Rust.
    pub in_process_us: Option<f64>,
    /// Resident bytes a session, by the refreshes that each has had.
    pub memory: Vec<Memory>,
    pub bytes_a_refresh: f64,
    /// Of servers that know tokens.
    pub replays: Option<Replays>,
}

#[derive(Clone, Copy, Serialize)]
pub struct Load {
    pub per_second: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub refreshes: usize,
}

#[derive(Clone, Copy, Serialize)]
pub struct Memory {
    pub refreshes: u32,
    pub bytes_a_session: f64,
}

pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert!((median([9.0, 1.0, 5.0]) - 5.0).abs() < f64::EPSILON);
        assert!(median([]).is_nan());
    }
}
