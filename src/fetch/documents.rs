//! Documents of strangers as the engine asks for them: from the cache, or by a fetch that somebody's budget pays for.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::budget::{Asker, Budgets, PER_URL};
use super::cache::{Cache, Cached};
use super::fetch::{DynFetch, Fetch, FetchError, FetchLimits};
use super::flight::Flights;
use super::response::Unfit;
use super::url::FetchUrl;
use crate::grant::Timestamp;
use crate::store::BoxFuture;

/// Documents of one kind, each read once and kept for as long as its `Cache-Control` says.
///
/// What is kept is bounded by their number (1,000 if not set, of which half are for those that are in use), what is
/// fetched by budgets per URL, host and asking address, in constant memory. One fetch of a URL is under way at a time,
/// whoever waits for it; where nobody waits any more it is there for the next who asks, for a minute. Failures and documents that
/// cannot be read are not remembered.
pub struct Documents<T> {
    shelf: Arc<Shelf<T>>,
    budgets: Mutex<Budgets>,
    flights: Flights<Outcome<T>>,
}

/// What a fetch needs to end where it does, whoever began it.
struct Shelf<T> {
    fetch: Box<dyn DynFetch>,
    limits: FetchLimits,
    read: Box<Read<T>>,
    cache: Mutex<Cache<T>>,
}

type Read<T> = dyn Fn(&FetchUrl, &[u8]) -> Result<T, BoxError> + Send + Sync;
type BoxError = Box<dyn Error + Send + Sync>;
type Outcome<T> = Result<Arc<T>, Arc<FetchFault>>;

/// Why a fetch brought no document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchFault {
    /// There was no answer.
    #[error("the document could not be fetched")]
    Fetch(#[from] FetchError),
    /// The answer had no document in it.
    #[error("what was fetched is no document")]
    Unfit(#[from] Unfit),
    /// It could not be read.
    #[error("the document that was fetched is wrong")]
    Document(#[source] BoxError),
    /// The host's fetch panicked.
    #[error("the fetch panicked")]
    Panicked,
}

/// There is no document now: answered 503, never as if it did not exist.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// It may not be fetched that often.
    #[error("the document may not be fetched so often")]
    Limited {
        /// How long until it may.
        wait: Duration,
    },
    /// It cannot be had.
    #[error("the document is not to be had")]
    Failed(#[source] Arc<FetchFault>),
}

impl Unavailable {
    /// Seconds for `Retry-After`, where it is known.
    pub fn retry_after_secs(&self) -> Option<u64> {
        match self {
            Self::Limited { wait } => Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)),
            Self::Failed(_) => None,
        }
    }
}

/// How long a document is as new as it gets: nobody has it fetched anew within that.
const NEW: Duration = PER_URL;
/// Of each table of the budgets: 64 KiB in all of it.
const PLACES: usize = 4_096;
pub(super) const ROOM: usize = 1_000;

/// Why no fetch was begun.
enum NoFetch<T> {
    /// One has just ended.
    Fetched(Arc<T>),
    Limited(Duration),
}

impl<T: Send + Sync + 'static> Documents<T> {
    /// With room for 1,000 documents. `read` makes something of a body, or says that it is not right.
    pub fn new(
        fetch: impl Fetch + 'static,
        read: impl Fn(&FetchUrl, &[u8]) -> Result<T, BoxError> + Send + Sync + 'static,
    ) -> Self {
        Self::with(fetch, read, FetchLimits::default(), ROOM)
    }

    /// With other limits of a fetch, and room for that many documents, at least two.
    pub fn with(
        fetch: impl Fetch + 'static,
        read: impl Fn(&FetchUrl, &[u8]) -> Result<T, BoxError> + Send + Sync + 'static,
        limits: FetchLimits,
        room: usize,
    ) -> Self {
        let cache = Mutex::new(Cache::new(room));
        // Of what nobody would see to there is none to keep.
        let left = if fetch.goes_on_unpolled() { room } else { 0 };
        let shelf = Shelf { fetch: Box::new(fetch), limits, read: Box::new(read), cache };
        Self {
            shelf: Arc::new(shelf),
            budgets: Mutex::new(Budgets::new(PLACES)),
            flights: Flights::new(left, || Err(Arc::new(FetchFault::Panicked))),
        }
    }

    /// The document: one that is fresh, or a new one, or one of the last day where a new one cannot be had.
    ///
    /// # Errors
    ///
    /// [`Unavailable`], where there is none of these now.
    pub async fn get(&self, url: &FetchUrl, asker: Asker, now: Timestamp) -> Result<Arc<T>, Unavailable> {
        let known = match self.cached(url, asker, now) {
            Some(cached) if cached.is_fresh => return Ok(cached.document),
            known => known,
        };
        let fetched = self.fetch(url, asker, now, |documents| {
            match documents.cached(url, asker, now) {
                // It came between the look above and this one.
                Some(cached) if cached.is_fresh => return Err(NoFetch::Fetched(cached.document)),
                _ => {}
            }
            documents.budgets.lock().spend(url, asker, now).map_err(NoFetch::Limited)
        });
        match (fetched.await, known) {
            (Err(_), Some(stale)) => Ok(stale.document),
            (fetched, _) => fetched,
        }
    }

    /// The document as it is now, where the one that is at hand lacks something, a key perhaps: fetched at most once a
    /// minute, whoever asks. One that is not a minute old is given as it is.
    ///
    /// # Errors
    ///
    /// [`Unavailable`], where it cannot be had anew: whether it has what was missed is not known then.
    pub async fn get_anew(&self, url: &FetchUrl, asker: Asker, now: Timestamp) -> Result<Arc<T>, Unavailable> {
        let is_new = |cached: &Cached<T>| cached.is_fresh && now.since(cached.fetched) < NEW;
        match self.cached(url, asker, now) {
            None => return self.get(url, asker, now).await,
            Some(cached) if is_new(&cached) => return Ok(cached.document),
            Some(_) => {}
        }
        let fetched = self.fetch(url, asker, now, |documents| {
            match documents.cached(url, asker, now) {
                Some(cached) if is_new(&cached) => return Err(NoFetch::Fetched(cached.document)),
                _ => {}
            }
            documents.budgets.lock().spend_again(url, now).map_err(NoFetch::Limited)
        });
        fetched.await
    }

    /// The document that is at hand, if there is one. Fetches nothing.
    pub fn at_hand(&self, url: &FetchUrl, asker: Asker, now: Timestamp) -> Option<Arc<T>> {
        self.cached(url, asker, now).map(|cached| cached.document)
    }

    async fn fetch(
        &self,
        url: &FetchUrl,
        asker: Asker,
        now: Timestamp,
        may: impl Fn(&Self) -> Result<(), NoFetch<T>>,
    ) -> Result<Arc<T>, Unavailable> {
        let is_in_use = asker == Asker::Licensed || self.cached(url, asker, now).is_some();
        let ride = || {
            self.flights.join(url, is_in_use, now, || {
                may(self)?;
                let (kept, url) = (Arc::clone(&self.shelf), url.clone());
                let flight: BoxFuture<'static, _> =
                    Box::pin(async move { kept.fetch(&url, asker == Asker::Licensed, now).await.map_err(Arc::new) });
                Ok(flight)
            })
        };
        let fetched = async {
            let first = ride()?;
            let was_left = first.was_left();
            match first.await {
                // Of a fetch that others have left: this request has one of its own.
                Err(_) if was_left => Ok(ride()?.await),
                outcome => Ok(outcome),
            }
        };
        match fetched.await {
            Ok(outcome) => {
                let document = outcome.map_err(Unavailable::Failed)?;
                // Somebody with a licence may have joined the fetch of one without.
                let _ = self.cached(url, asker, now);
                Ok(document)
            }
            Err(NoFetch::Fetched(document)) => Ok(document),
            Err(NoFetch::Limited(wait)) => Err(Unavailable::Limited { wait }),
        }
    }

    fn cached(&self, url: &FetchUrl, asker: Asker, now: Timestamp) -> Option<Cached<T>> {
        self.shelf.cache.lock().get(url, asker == Asker::Licensed, now)
    }
}

impl<T> Shelf<T> {
    async fn fetch(&self, url: &FetchUrl, is_licensed: bool, now: Timestamp) -> Result<Arc<T>, FetchFault> {
        let response = self.fetch.fetch_dyn(url, &self.limits).await?;
        let fresh = response.check(&self.limits)?;
        let document = Arc::new((self.read)(url, response.body()).map_err(FetchFault::Document)?);
        // Fresh from when it was asked for, as RFC 9111 section 4.2.3 counts.
        self.cache.lock().insert(url, Arc::clone(&document), fresh, is_licensed, now);
        Ok(document)
    }
}

impl<T> fmt::Debug for Documents<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Documents")
            .field("limits", &self.shelf.limits)
            .field("kept", &self.shelf.cache.lock().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
