//! Replays: each one ends its grant, so the grants are made before and the clock runs after.

use std::time::{Duration, Instant};

use super::fleet::{Fleet, login, post, refresh};
use super::{REFRESH_LEN, RefreshBody, refresh_token_of};

/// Times `count` replays among the fleet's grants, which stay as many as they were.
pub fn replay(fleet: &Fleet, first: usize, count: usize) -> Duration {
    let (engine, header) = (&fleet.engine, &fleet.header);
    let mut body = RefreshBody::new();
    let stolen: Vec<[u8; REFRESH_LEN]> = (first..first + count)
        .map(|i| {
            let stolen = refresh_token_of(&login(engine, header, i, 20));
            // Two steps on, no retry window covers it.
            let second = refresh(engine, header, &mut body, &stolen);
            refresh(engine, header, &mut body, &second);
            stolen
        })
        .collect();
    let start = Instant::now();
    for token in &stolen {
        assert_eq!(post(engine, header, body.with(token)).status(), 400);
    }
    start.elapsed()
}
