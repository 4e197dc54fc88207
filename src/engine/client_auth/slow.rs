//! Secrets that people chose: slow to verify by design, so never where they can stall the endpoint.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::{Argon2, PasswordHash, PasswordVerifier};
use futures_channel::oneshot;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use sha2::Sha256;
use zeroize::Zeroizing;

/// A host's pool for work that blocks, such as `tokio::task::spawn_blocking`.
///
/// A closure is one.
///
/// ```
/// use regrant::engine::SlowVerifier;
/// let on_tokio = SlowVerifier::new(|job: Box<dyn FnOnce() + Send>| {
///     tokio::task::spawn_blocking(job);
/// });
/// # let _ = on_tokio;
/// ```
pub trait BlockingPool: Send + Sync {
    /// Runs the job on another thread, soon. A pool that is full may drop it: the request is then answered 503.
    fn run(&self, job: Box<dyn FnOnce() + Send>);
}

impl<F: Fn(Box<dyn FnOnce() + Send>) + Send + Sync> BlockingPool for F {
    fn run(&self, job: Box<dyn FnOnce() + Send>) {
        self(job);
    }
}

/// Verifies secrets that are kept as PHC strings (feature `argon2`), each on the host's blocking pool.
///
/// - A secret that was verified is remembered by a keyed digest, so that honest clients pay once; the cache is bounded.
/// - No more than a set number of verifications run at once. Beyond that a request is answered 503 at once: guessing
///   stalls neither the endpoint nor a client whose secret is remembered. A client whose secret is not, as after a
///   restart, waits until the guessing ends; a [throttle](crate::EngineBuilder::throttle) ends it, address by address.
///
/// A client that has two slow secrets at once costs two verifications where an unknown client costs one.
///
/// ```
/// use regrant::engine::SlowVerifier;
/// let verifier = SlowVerifier::inline().with_concurrent(4).with_remembered(10_000);
/// assert_eq!(format!("{verifier:?}"), "SlowVerifier { concurrent: 4, remembered: 10000, .. }");
/// ```
pub struct SlowVerifier {
    pool: Box<dyn BlockingPool>,
    concurrent: usize,
    running: Arc<AtomicUsize>,
    cache: Arc<Mutex<Cache>>,
    /// Made for this process: the cache is of no use to whoever reads it without this.
    cache_key: Hmac<Sha256>,
}

/// Digests of verified secrets, the oldest forgotten first.
struct Cache {
    most: usize,
    known: HashSet<[u8; 32]>,
    order: VecDeque<[u8; 32]>,
}

/// No verification is possible now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Busy;

impl SlowVerifier {
    /// Verifies on this pool: at most 2 at once, 1,024 secrets remembered.
    ///
    /// ```
    /// let _ = regrant::engine::SlowVerifier::new(|job: Box<dyn FnOnce() + Send>| {
    ///     std::thread::spawn(job);
    /// });
    /// ```
    pub fn new(pool: impl BlockingPool + 'static) -> Self {
        let key: Zeroizing<[u8; 64]> = Zeroizing::new(rand::random());
        Self {
            pool: Box::new(pool),
            concurrent: 2,
            running: Arc::default(),
            cache: Arc::new(Mutex::new(Cache { most: 1_024, known: HashSet::new(), order: VecDeque::new() })),
            cache_key: Hmac::new((&*key).into()),
        }
    }

    /// Verifies on the caller's thread, for hosts that have a thread for each request. Never on an async runtime.
    ///
    /// ```
    /// let _ = regrant::engine::SlowVerifier::inline();
    /// ```
    pub fn inline() -> Self {
        Self::new(|job: Box<dyn FnOnce() + Send>| job())
    }

    /// How many verifications may run at once, at least 1. Default: 2.
    ///
    /// ```
    /// let _ = regrant::engine::SlowVerifier::inline().with_concurrent(8);
    /// ```
    #[must_use]
    pub fn with_concurrent(self, most: usize) -> Self {
        Self { concurrent: most.max(1), ..self }
    }

    /// How many verified secrets are remembered. Default: 1,024.
    ///
    /// ```
    /// let _ = regrant::engine::SlowVerifier::inline().with_remembered(0);
    /// ```
    #[must_use]
    pub fn with_remembered(self, most: usize) -> Self {
        self.cache.lock().most = most;
        self
    }

    /// Whether the secret was found before to be one of these PHC strings'. Two secrets at once: the one in use must not pay for
    /// the other.
    pub(super) fn remembers_any<'a>(&self, mut kept: impl Iterator<Item = &'a Arc<str>>, presented: &[u8]) -> bool {
        kept.any(|phc| self.is_remembered(phc, presented))
    }

    /// Whether the secret is one of these PHC strings', asked of each. Without `remember` the cache is not filled.
    pub(super) async fn verify_any<'a>(
        &self,
        kept: impl Iterator<Item = &'a Arc<str>>,
        presented: &[u8],
        remember: bool,
    ) -> Result<bool, Busy> {
        for phc in kept {
            if self.verify(phc, presented, remember).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_remembered(&self, phc: &str, presented: &[u8]) -> bool {
        let digest = self.cache_digest(phc, presented);
        self.cache.lock().known.contains(&digest)
    }

    /// Verifies on the pool. Where the request is dropped meanwhile, the work goes on, counts as running, and is
    /// remembered all the same, so that the client's next try is quick.
    async fn verify(&self, phc: &Arc<str>, presented: &[u8], remember: bool) -> Result<bool, Busy> {
        let running = Running::begin(&self.running, self.concurrent)?;
        let (tell, told) = oneshot::channel();
        let cached = remember.then(|| (Arc::clone(&self.cache), self.cache_digest(phc, presented)));
        let phc = Arc::clone(phc);
        let presented = Zeroizing::new(presented.to_owned());
        self.pool.run(Box::new(move || {
            let right =
                PasswordHash::new(&phc).is_ok_and(|hash| Argon2::default().verify_password(&presented, &hash).is_ok());
            if let (true, Some((cache, digest))) = (right, cached) {
                cache.lock().remember(digest);
            }
            drop(running);
            // Whoever asked may be gone.
            let _ = tell.send(right);
        }));
        told.await.map_err(|_| Busy)
    }

    fn cache_digest(&self, phc: &str, presented: &[u8]) -> [u8; 32] {
        let mut mac = self.cache_key.clone();
        // The length first, so that no two pairs run into one.
        mac.update(&phc.len().to_be_bytes());
        mac.update(phc.as_bytes());
        mac.update(presented);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for SlowVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlowVerifier")
            .field("concurrent", &self.concurrent)
            .field("remembered", &self.cache.lock().most)
            .finish_non_exhaustive()
    }
}

impl Cache {
    fn remember(&mut self, digest: [u8; 32]) {
        if self.known.insert(digest) {
            self.order.push_back(digest);
        }
        while self.order.len() > self.most {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
}

/// One of the verifications that run; counted until dropped, also where the pool drops the job.
struct Running(Arc<AtomicUsize>);

impl Running {
    fn begin(count: &Arc<AtomicUsize>, most: usize) -> Result<Self, Busy> {
        count
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |running| (running < most).then_some(running + 1))
            .map(|_| Self(Arc::clone(count)))
            .map_err(|_| Busy)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
