//! Documents of strangers as the engine asks for them: from the cache, or by a fetch that somebody's budget pays for.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::budget::{Asker, Budgets};
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
/// whoever waits for it. Failures and documents that cannot be read are not remembered.
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
const NEW: Duration = Duration::from_secs(60);
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
        let shelf = Shelf { fetch: Box::new(fetch), limits, read: Box::new(read), cache };
        Self {
            shelf: Arc::new(shelf),
            budgets: Mutex::new(Budgets::new(PLACES)),
            flights: Flights::new(|| Err(Arc::new(FetchFault::Panicked))),
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
        may: impl FnOnce(&Self) -> Result<(), NoFetch<T>>,
    ) -> Result<Arc<T>, Unavailable> {
        let ride = self.flights.join(url, || {
            may(self)?;
            let (kept, url) = (Arc::clone(&self.shelf), url.clone());
            let flight: BoxFuture<'static, _> =
                Box::pin(async move { kept.fetch(&url, asker == Asker::Licensed, now).await.map_err(Arc::new) });
            Ok(flight)
        });
        match ride {
            Ok(ride) => {
                let document = ride.await.map_err(Unavailable::Failed)?;
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
mod tests {
    use std::future::Future;
    use std::net::IpAddr;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::fetch::FetchResponse;

    const T0: Timestamp = Timestamp::from_secs(1_700_000_000);
    const PEER: Asker = Asker::Peer(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(T0.as_secs() + secs)
    }

    fn url(path: &str) -> FetchUrl {
        FetchUrl::parse(&format!("https://a.example/{path}")).unwrap()
    }

    /// A site that answers as the test says, and counts.
    #[derive(Clone, Default)]
    struct Site(Arc<Mutex<SiteState>>);

    #[derive(Default)]
    struct SiteState {
        fetched: usize,
        dropped: usize,
        body: Option<&'static str>,
        waits: bool,
        wakers: Vec<Waker>,
    }

    impl Site {
        fn of(body: &'static str) -> Self {
            let site = Self::default();
            site.0.lock().body = Some(body);
            site
        }

        fn says(&self, body: Option<&'static str>) {
            self.0.lock().body = body;
        }

        fn waits(&self, waits: bool) {
            let mut state = self.0.lock();
            state.waits = waits;
            state.wakers.drain(..).for_each(Waker::wake);
        }

        fn fetched(&self) -> usize {
            self.0.lock().fetched
        }
    }

    struct OnDrop(Site);

    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.0.lock().dropped += 1;
        }
    }

    impl Fetch for Site {
        async fn fetch(&self, _: &FetchUrl, _: &FetchLimits) -> Result<FetchResponse, FetchError> {
            self.0.lock().fetched += 1;
            let _on_drop = OnDrop(self.clone());
            std::future::poll_fn(|context| {
                let mut state = self.0.lock();
                if state.waits {
                    state.wakers.push(context.waker().clone());
                    return Poll::Pending;
                }
                Poll::Ready(())
            })
            .await;
            let body = self.0.lock().body.ok_or(FetchError::TimedOut)?;
            let response = FetchResponse::new(if body == "gone" { 404 } else { 200 }, body.into());
            Ok(response.with_header("content-type", b"application/json").with_header("cache-control", b"max-age=600"))
        }
    }

    fn documents(site: &Site) -> Documents<String> {
        let read = |_: &FetchUrl, body: &[u8]| match body {
            b"wrong" => Err("wrong".into()),
            body => Ok(String::from_utf8_lossy(body).into_owned()),
        };
        Documents::new(site.clone(), read)
    }

    fn poll<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn ready<T>(future: impl Future<Output = T>) -> T {
        match poll(pin!(future)) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("the site does not wait"),
        }
    }

    fn get(documents: &Documents<String>, path: &str, asker: Asker, now: Timestamp) -> Result<String, Unavailable> {
        ready(documents.get(&url(path), asker, now)).map(|document| (*document).clone())
    }

    #[test]
    fn fetched_once_while_fresh() {
        let site = Site::of("one");
        let documents = documents(&site);
        for secs in [0, 1, 599] {
            assert_eq!(get(&documents, "x", PEER, at(secs)).unwrap(), "one");
        }
        assert_eq!(site.fetched(), 1);
        site.says(Some("two"));
        assert_eq!(get(&documents, "x", PEER, at(600)).unwrap(), "two");
        assert_eq!(site.fetched(), 2);
    }

    /// ATTACKS F16: failures and invalid documents are never cached.
    #[test]
    fn no_failure_is_remembered() {
        for bad in [None, Some("wrong"), Some("gone")] {
            let site = Site::default();
            let documents = documents(&site);
            site.says(bad);
            let failed = get(&documents, "x", PEER, T0).unwrap_err();
            assert!(matches!(failed, Unavailable::Failed(_)), "{failed:?}");
            assert_eq!(failed.retry_after_secs(), None);
            site.says(Some("good"));
            assert_eq!(get(&documents, "x", PEER, T0).unwrap(), "good");
            // Nor does a failure displace the good one, for a day.
            site.says(bad);
            assert_eq!(get(&documents, "x", PEER, at(600)).unwrap(), "good");
            assert_eq!(get(&documents, "x", PEER, at(600 + 86_399)).unwrap(), "good");
            assert!(get(&documents, "x", PEER, at(600 + 86_400)).is_err());
            assert!(documents.at_hand(&url("x"), PEER, at(600 + 86_400)).is_none());
        }
    }

    #[test]
    fn the_limit_says_unavailable_and_how_long() {
        let site = Site::default();
        let documents = documents(&site);
        for _ in 0..5 {
            assert!(matches!(get(&documents, "x", PEER, T0), Err(Unavailable::Failed(_))));
        }
        let limited = get(&documents, "x", PEER, at(1)).unwrap_err();
        assert!(matches!(limited, Unavailable::Limited { .. }));
        assert_eq!(limited.retry_after_secs(), Some(59));
        assert_eq!(site.fetched(), 5);
        // A licence pays for itself, and what it fetched is there for all.
        site.says(Some("good"));
        assert_eq!(get(&documents, "x", Asker::Licensed, at(1)).unwrap(), "good");
        assert_eq!(get(&documents, "x", PEER, at(1)).unwrap(), "good");
        assert_eq!(site.fetched(), 6);
    }

    #[test]
    fn one_that_is_stale_and_may_not_be_fetched_is_used() {
        let site = Site::of("good");
        let documents = documents(&site);
        assert_eq!(get(&documents, "x", PEER, T0).unwrap(), "good");
        site.says(None);
        for _ in 0..20 {
            assert_eq!(get(&documents, "x", PEER, at(700)).unwrap(), "good");
        }
        assert_eq!(site.fetched(), 1 + 5);
    }

    #[test]
    fn many_requests_are_one_fetch_and_one_spent() {
        let site = Site::of("good");
        site.waits(true);
        let documents = documents(&site);
        let url = url("x");
        let mut waiting: Vec<_> = (0..50).map(|_| Box::pin(documents.get(&url, PEER, T0))).collect();
        assert!(waiting.iter_mut().all(|one| poll(one.as_mut()).is_pending()));
        assert_eq!(site.fetched(), 1);
        // Half of the clients hang up, the first among them.
        waiting.drain(..25);
        assert_eq!(site.0.lock().dropped, 0);
        site.waits(false);
        for one in &mut waiting {
            assert!(matches!(poll(one.as_mut()), Poll::Ready(Ok(_))));
        }
        assert_eq!(site.fetched(), 1);
        assert_eq!(get(&documents, "x", PEER, T0).unwrap(), "good");
        assert_eq!(site.fetched(), 1);
    }

    #[test]
    fn whom_all_have_left_is_dropped_and_can_be_begun_again() {
        let site = Site::of("good");
        site.waits(true);
        let documents = documents(&site);
        let url = url("x");
        for n in 1..=5 {
            let mut one = Box::pin(documents.get(&url, PEER, T0));
            assert!(poll(one.as_mut()).is_pending());
            drop(one);
            assert_eq!((site.fetched(), site.0.lock().dropped), (n, n));
        }
        // Hanging up gives nothing back.
        assert!(matches!(get(&documents, "x", PEER, T0), Err(Unavailable::Limited { .. })));
    }

    /// A stranger's fetch that fails is not the licensed one's last word either: its own budget is whole.
    #[test]
    fn a_licence_can_ride_along() {
        let site = Site::of("good");
        site.waits(true);
        let documents = documents(&site);
        let url = url("x");
        let mut stranger = Box::pin(documents.get(&url, PEER, T0));
        let mut licensed = Box::pin(documents.get(&url, Asker::Licensed, T0));
        assert!(poll(stranger.as_mut()).is_pending() && poll(licensed.as_mut()).is_pending());
        site.waits(false);
        drop(stranger);
        assert!(matches!(poll(licensed.as_mut()), Poll::Ready(Ok(_))));
        assert_eq!(site.fetched(), 1);
    }

    /// ATTACKS F39.
    #[test]
    fn anew_is_once_a_minute() {
        let site = Site::of("old keys");
        let documents = documents(&site);
        let anew = |now| ready(documents.get_anew(&url("x"), PEER, now)).map(|document| (*document).clone());
        assert_eq!(anew(T0).unwrap(), "old keys");
        site.says(Some("new keys"));
        assert_eq!(anew(at(59)).unwrap(), "old keys");
        assert_eq!(site.fetched(), 1);
        for _ in 0..100 {
            assert_eq!(anew(at(60)).unwrap(), "new keys");
        }
        assert_eq!(site.fetched(), 2);
        assert_eq!(get(&documents, "x", PEER, at(61)).unwrap(), "new keys");
        // Where it cannot be had, nobody says that the key is not there.
        site.says(None);
        assert!(matches!(anew(at(120)), Err(Unavailable::Failed(_))));
        assert!(matches!(anew(at(121)), Err(Unavailable::Limited { .. })));
        assert_eq!(site.fetched(), 3);
    }

    #[test]
    fn at_hand_fetches_nothing() {
        let site = Site::of("good");
        let documents = documents(&site);
        assert!(documents.at_hand(&url("x"), Asker::Licensed, T0).is_none());
        assert_eq!(site.fetched(), 0);
        get(&documents, "x", PEER, T0).unwrap();
        assert!(documents.at_hand(&url("x"), Asker::Licensed, at(600 + 86_399)).is_some());
        assert_eq!(site.fetched(), 1);
    }

    /// A stranger with any number of URLs takes no more memory than there is room for.
    #[test]
    fn a_flood_of_urls_stays_within_its_room() {
        let site = Site::of("good");
        let read = |_: &FetchUrl, _: &[u8]| Ok(());
        let documents = Documents::with(site.clone(), read, FetchLimits::default(), 10);
        for n in 0..5_000 {
            let url = FetchUrl::parse(&format!("https://a{n}.example/{n}")).unwrap();
            let _ = ready(documents.get(&url, Asker::Unknown, T0));
        }
        assert_eq!(documents.shelf.cache.lock().len(), 10);
    }

    #[test]
    fn it_can_be_shared_between_threads() {
        fn is_shared<T: Send + Sync>() {}
        fn is_sent<T: Send>(_: T) {}
        is_shared::<Documents<String>>();
        let (site, url) = (Site::of("good"), url("x"));
        let documents = documents(&site);
        is_sent(documents.get(&url, PEER, T0));
        is_sent(documents.get_anew(&url, PEER, T0));
    }
}
