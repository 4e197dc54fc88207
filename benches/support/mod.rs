//! What the engine's benchmarks and the capacity planner share: an engine full of grants, driven by bytes, and the
//! floor beside it.

#![allow(dead_code, reason = "each user takes a part of it")]
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, reason = "not part of the crate")]

pub mod fleet;
pub mod floor;
pub mod replays;
pub mod resident;
pub mod threads;

pub const CLIENT_ID: &str = "benchmark-client";
pub const CLIENT_SECRET: &str = "a-client-secret-that-is-made-of-43-characters";

/// `Authorization: Basic …` of the client.
pub fn basic_header() -> Vec<u8> {
    use base64::Engine as _;
    let credentials = base64::engine::general_purpose::STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
    format!("Basic {credentials}").into_bytes()
}

/// Characters of a refresh token.
pub const REFRESH_LEN: usize = 43;

/// A refresh request's body, into which each token is copied.
pub struct RefreshBody(Vec<u8>);

impl RefreshBody {
    const PREFIX: &'static [u8] = b"grant_type=refresh_token&refresh_token=";

    pub fn new() -> Self {
        Self([Self::PREFIX, &[b'A'; REFRESH_LEN]].concat())
    }

    pub fn with(&mut self, token: &[u8; REFRESH_LEN]) -> &[u8] {
        self.0[Self::PREFIX.len()..].copy_from_slice(token);
        &self.0
    }

    /// The token of a body.
    pub fn token(body: &[u8]) -> &[u8] {
        &body[Self::PREFIX.len()..]
    }
}

/// The refresh token of a response in the RFC 6749 style: it stands behind an access token of 67 characters.
pub fn refresh_token_of(response: &[u8]) -> [u8; REFRESH_LEN] {
    let at = b"{\"access_token\":\"".len() + 67 + b"\",\"refresh_token\":\"".len();
    response[at..at + REFRESH_LEN].try_into().unwrap()
}

/// Visits 0..n in an order that caches cannot guess, each place once.
pub struct Shuffled {
    n: usize,
    at: usize,
    step: usize,
}

impl Shuffled {
    pub fn new(n: usize, start: usize) -> Self {
        // A step near n over the golden ratio, without a common divisor with n.
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a start"
        )]
        let mut step = ((n as f64) * 0.618_033_988) as usize | 1;
        while gcd(step, n) != 1 {
            step += 2;
        }
        Self { n, at: start % n, step: step % n.max(2) }
    }

    pub fn next(&mut self) -> usize {
        self.at = (self.at + self.step) % self.n;
        self.at
    }
}

const fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
