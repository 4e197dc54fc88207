//! Documents from a site that answers as the test says.

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

    /// Stands for one that is a task.
    fn goes_on_unpolled(&self) -> bool {
        true
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

/// Failures and invalid documents are never cached.
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

/// Requests that hang up are one fetch, and it is there for the next: else whoever asks and hangs up would keep all others out.
#[test]
fn hanging_up_costs_nobody_else_a_fetch() {
    for asker in [PEER, Asker::Licensed] {
        let site = Site::of("good");
        site.waits(true);
        let documents = documents(&site);
        let url = url("x");
        for _ in 0..20 {
            assert!(poll(pin!(documents.get(&url, asker, T0))).is_pending());
        }
        assert_eq!((site.fetched(), site.0.lock().dropped), (1, 0));
        site.waits(false);
        assert_eq!(get(&documents, "x", asker, at(59)).unwrap(), "good");
        assert_eq!((site.fetched(), site.0.lock().dropped), (1, 1));
        // As old as it is.
        assert_eq!(get(&documents, "x", asker, at(600)).unwrap(), "good");
        assert_eq!(site.fetched(), 2);
    }
}

/// Whenever they hang up, the URL has a fetch for those who do not.
#[test]
fn hanging_up_for_hours_costs_nobody_else_a_fetch() {
    let site = Site::of("good");
    site.waits(true);
    let documents = documents(&site);
    let url = url("x");
    for secs in 0..7_200 {
        let _ = poll(pin!(documents.get(&url, PEER, at(secs))));
    }
    assert!(site.fetched() <= 120, "{} in two hours", site.fetched());
    site.waits(false);
    assert_eq!(get(&documents, "x", PEER, at(7_200)).unwrap(), "good");
    // And one that lacks something can be had anew.
    site.says(Some("new keys"));
    site.waits(true);
    for secs in 7_260..9_000 {
        let asked = [documents.get(&url, PEER, at(secs)), documents.get(&url, Asker::Licensed, at(secs))];
        for one in asked {
            let _ = poll(pin!(one));
        }
        let _ = poll(pin!(documents.get_anew(&url, PEER, at(secs))));
    }
    site.waits(false);
    let anew = ready(documents.get_anew(&url, PEER, at(9_000)));
    assert_eq!(*anew.unwrap(), "new keys");
}

/// What came to nothing while nobody saw to it is no answer to who comes later.
#[test]
fn what_others_left_and_failed_is_fetched_again() {
    let site = Site::default();
    site.waits(true);
    let documents = documents(&site);
    let url = url("x");
    assert!(poll(pin!(documents.get(&url, PEER, T0))).is_pending());
    let mut later = Box::pin(documents.get(&url, PEER, at(30)));
    assert!(poll(later.as_mut()).is_pending());
    site.waits(false);
    assert!(matches!(poll(later.as_mut()), Poll::Ready(Err(Unavailable::Failed(_)))));
    assert_eq!(site.fetched(), 2, "once for itself, and no more");
}

/// A stranger who leaves any number of fetches behind has so many of them kept.
#[test]
fn what_is_left_stays_within_its_room() {
    let site = Site::of("good");
    site.waits(true);
    let read = |_: &FetchUrl, _: &[u8]| Ok(());
    let documents = Documents::with(site.clone(), read, FetchLimits::default(), 10);
    for n in 0..500 {
        let url = FetchUrl::parse(&format!("https://a{n}.example/{n}")).unwrap();
        let _ = poll(pin!(documents.get(&url, Asker::Unknown, T0)));
    }
    assert_eq!((site.fetched(), site.0.lock().dropped), (500, 490));
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
