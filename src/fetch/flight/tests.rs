use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

type TestFlights = Flights<u32>;

fn flights() -> TestFlights {
    Flights::new(2, || 666)
}

const T0: Timestamp = Timestamp::from_secs(1_700_000_000);

fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(T0.as_secs() + secs)
}

fn url(path: &str) -> FetchUrl {
    FetchUrl::parse(&format!("https://a.example/{path}")).unwrap()
}

/// Counts how often it is woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Bell {
    fn rang(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A fetch in the hands of the test: what it will come to, its waker, and how many there are.
#[derive(Clone, Default)]
struct Remote(Arc<Mutex<(Option<u32>, Option<Waker>)>>);

impl Remote {
    fn future(&self) -> BoxFuture<'static, u32> {
        let remote = self.clone();
        Box::pin(std::future::poll_fn(move |context| {
            let mut state = remote.0.lock();
            state.1 = Some(context.waker().clone());
            state.0.map_or(Poll::Pending, Poll::Ready)
        }))
    }

    fn answer(&self, outcome: u32) {
        let mut state = self.0.lock();
        state.0 = Some(outcome);
        let waker = state.1.clone();
        drop(state);
        waker.unwrap().wake();
    }

    /// Whether the future is still somewhere.
    fn is_alive(&self) -> bool {
        self.0.lock().1.take();
        Arc::strong_count(&self.0) > 1
    }
}

fn ride<'a>(flights: &'a TestFlights, remote: &Remote) -> Ride<'a, u32> {
    ride_to(flights, "x", remote, false, T0)
}

fn ride_to<'a>(
    flights: &'a TestFlights,
    path: &str,
    remote: &Remote,
    is_in_use: bool,
    now: Timestamp,
) -> Ride<'a, u32> {
    flights.join(&url(path), is_in_use, now, || Ok::<_, Infallible>(remote.future())).unwrap()
}

fn poll(ride: &mut Ride<'_, u32>, bell: &Arc<Bell>) -> Poll<u32> {
    Pin::new(ride).poll(&mut Context::from_waker(&Waker::from(Arc::clone(bell))))
}

/// Woken while it is polled, for those who were waiting then; one that comes to wait in that very moment is not among them, and the one
/// that was woken may hang up.
#[test]
fn who_hangs_up_when_woken_for_all_wakes_the_others() {
    let flights: &'static TestFlights = Box::leak(Box::new(flights()));
    let other: Arc<Mutex<Option<Ride<'static, u32>>>> = Arc::default();
    let bell = Arc::<Bell>::default();
    let (inner, rings) = (Arc::clone(&other), Arc::clone(&bell));
    let mut is_polled = false;
    let future = std::future::poll_fn(move |context| {
        if std::mem::replace(&mut is_polled, true) {
            return Poll::Ready(7);
        }
        context.waker().wake_by_ref();
        // As on another thread.
        assert_eq!(poll(inner.lock().as_mut().unwrap(), &rings), Poll::Pending);
        Poll::Pending
    });
    let join = |future: BoxFuture<'static, u32>| flights.join(&url("x"), false, T0, || Ok::<_, Infallible>(future));
    let mut first = join(Box::pin(future)).unwrap();
    *other.lock() = Some(join(Box::pin(std::future::pending())).unwrap());
    assert_eq!(poll(&mut first, &Arc::default()), Poll::Pending);
    assert_eq!(bell.rang(), 0);
    drop(first);
    assert_eq!(bell.rang(), 1);
    let mut other = other.lock().take().unwrap();
    assert_eq!(poll(&mut other, &bell), Poll::Ready(7));
}

/// One whose fetch goes on by nobody is not kept.
#[test]
fn without_room_what_is_left_is_dropped_at_once() {
    let (flights, remote) = (TestFlights::new(0, || 666), Remote::default());
    let mut first = ride(&flights, &remote);
    assert_eq!(poll(&mut first, &Arc::default()), Poll::Pending);
    drop(first);
    assert!(flights.len() == 0 && !remote.is_alive());
}

#[test]
fn all_riders_hear_the_one_outcome() {
    let (flights, remote, other) = (flights(), Remote::default(), Remote::default());
    let bells: Vec<Arc<Bell>> = (0..5).map(|_| Arc::default()).collect();
    let mut rides: Vec<_> = bells.iter().map(|_| ride(&flights, &remote)).collect();
    let mut apart = ride_to(&flights, "y", &other, false, T0);
    for (ride, bell) in rides.iter_mut().zip(&bells) {
        assert_eq!(poll(ride, bell), Poll::Pending);
    }
    assert_eq!(poll(&mut apart, &bells[0]), Poll::Pending);
    assert_eq!(flights.len(), 2);
    remote.answer(7);
    assert!(bells.iter().all(|bell| bell.rang() >= 1));
    for (ride, bell) in rides.iter_mut().zip(&bells) {
        assert_eq!(poll(ride, bell), Poll::Ready(7));
    }
    assert_eq!(flights.len(), 1, "the next one begins anew");
    other.answer(8);
    assert_eq!(poll(&mut apart, &bells[0]), Poll::Ready(8));
    assert_eq!(flights.len(), 0);
    drop((rides, apart));
    assert!(!remote.is_alive() && !other.is_alive());
}

#[test]
fn the_first_one_dropped_leaves_the_fetch_to_the_others() {
    let (flights, remote) = (flights(), Remote::default());
    let bells: [Arc<Bell>; 3] = Default::default();
    let mut first = ride(&flights, &remote);
    let mut second = ride(&flights, &Remote::default());
    let mut third = ride(&flights, &Remote::default());
    assert_eq!(poll(&mut first, &bells[0]), Poll::Pending);
    assert_eq!(poll(&mut second, &bells[1]), Poll::Pending);
    // Woken and dropped before it is polled, as by a client that hangs up.
    remote.answer(7);
    drop(first);
    assert_eq!(bells[1].rang(), 1);
    assert_eq!(poll(&mut third, &bells[2]), Poll::Ready(7), "and one that was never polled moves it on");
    assert_eq!(poll(&mut second, &bells[1]), Poll::Ready(7));
}

/// Hanging up costs nobody else the fetch.
#[test]
fn what_all_have_left_is_there_for_the_next() {
    let (flights, remote) = (flights(), Remote::default());
    let bell = Arc::default();
    let mut first = ride(&flights, &remote);
    let second = ride(&flights, &remote);
    assert_eq!(poll(&mut first, &bell), Poll::Pending);
    drop((first, second));
    // With nobody there to be woken.
    remote.answer(7);
    let mut third = ride_to(&flights, "x", &Remote::default(), false, at(59));
    assert!(third.was_left());
    assert_eq!(poll(&mut third, &bell), Poll::Ready(7));
    assert_eq!(flights.len(), 0);
}

#[test]
fn what_was_left_wakes_the_one_that_came_later() {
    let (flights, remote) = (flights(), Remote::default());
    let bells: [Arc<Bell>; 2] = Default::default();
    let mut first = ride(&flights, &remote);
    assert_eq!(poll(&mut first, &bells[0]), Poll::Pending);
    drop(first);
    let mut second = ride(&flights, &Remote::default());
    assert_eq!(poll(&mut second, &bells[1]), Poll::Pending);
    remote.answer(7);
    assert_eq!((bells[0].rang(), bells[1].rang()), (0, 1));
    assert_eq!(poll(&mut second, &bells[1]), Poll::Ready(7));
}

/// By then the URL has another fetch. Whatever begins takes with it all that nobody came for.
#[test]
fn nobody_comes_for_it_within_a_minute() {
    for other_time in [T0, at(120)] {
        let flights = flights();
        let [left, ridden, again, other]: [Remote; 4] = Default::default();
        drop(ride_to(&flights, "x", &left, true, at(60)));
        let ride = ride_to(&flights, "y", &ridden, false, at(60));
        assert!(left.is_alive());
        let third = ride_to(&flights, "z", &other, false, other_time);
        assert!(!left.is_alive() && ridden.is_alive());
        let fourth = ride_to(&flights, "x", &again, false, other_time);
        assert!(again.is_alive() && !fourth.was_left());
        drop((ride, third, fourth));
    }
    // The one that is too old is not ridden either.
    let flights = flights();
    let [old, new]: [Remote; 2] = Default::default();
    drop(ride(&flights, &old));
    let later = ride_to(&flights, "x", &new, false, at(60));
    assert!(!old.is_alive() && new.is_alive() && !later.was_left());
}

/// However many a stranger begins and leaves.
#[test]
fn there_is_room_for_so_many_and_what_is_in_use_goes_last() {
    let flights = flights();
    let (in_use, ridden, strangers) = (Remote::default(), Remote::default(), [(); 9].map(|()| Remote::default()));
    let ride = ride_to(&flights, "ridden", &ridden, false, T0);
    drop(ride_to(&flights, "in-use", &in_use, true, T0));
    for (n, remote) in strangers.iter().enumerate() {
        drop(ride_to(&flights, &n.to_string(), remote, false, at(n as u64)));
    }
    assert!(in_use.is_alive() && ridden.is_alive());
    assert_eq!(strangers.iter().filter(|remote| remote.is_alive()).count(), 1);
    assert_eq!(flights.len(), 3);
    drop(ride);
    assert_eq!(flights.len(), 2);
    let newer = Remote::default();
    drop(ride_to(&flights, "newer", &newer, true, at(10)));
    drop(ride_to(&flights, "newest", &Remote::default(), true, at(11)));
    assert!(!in_use.is_alive() && newer.is_alive());
}

#[test]
fn a_refused_start_leaves_nothing_behind() {
    let flights = flights();
    assert!(matches!(flights.join(&url("x"), false, T0, || Err("no")), Err("no")));
    assert_eq!(flights.len(), 0);
}

#[test]
fn a_panic_is_one_riders_and_the_others_hear_of_it() {
    let flights = flights();
    let start = || -> Result<BoxFuture<'static, u32>, Infallible> { Ok(Box::pin(async { panic!("a bad fetch") })) };
    let bells: [Arc<Bell>; 2] = Default::default();
    let mut second = flights.join(&url("x"), false, T0, start).unwrap();
    flights.under_way.lock().get_mut(&url("x")).unwrap().riders += 1;
    let waiting = &second.flight.waiting;
    waiting.0.lock().wakers.insert(second.rider, Waker::from(Arc::clone(&bells[1])));
    let (flight, rider) = (Arc::clone(&second.flight), second.rider + 1);
    let mut first = Ride { flights: &flights, url: url("x"), flight, rider, was_left: false };
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut first, &bells[0]))).is_err());
    assert_eq!(bells[1].rang(), 1);
    assert_eq!(poll(&mut second, &bells[1]), Poll::Ready(666));
    assert_eq!(flights.len(), 0);
}

/// Threads that join, poll a while and drop, as clients do; each start is a fetch of its own.
#[test]
fn many_threads_lose_nothing() {
    let (flights, started) = (flights(), AtomicUsize::new(0));
    let started = &started;
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let flights = &flights;
            scope.spawn(move || {
                for round in 0..2_000_u32 {
                    let start = || {
                        started.fetch_add(1, Ordering::SeqCst);
                        let mut left = 3;
                        Ok::<BoxFuture<'static, u32>, Infallible>(Box::pin(std::future::poll_fn(move |context| {
                            left -= 1;
                            // At once, from another thread's point of view: while it is still being polled.
                            context.waker().wake_by_ref();
                            if left == 0 { Poll::Ready(7) } else { Poll::Pending }
                        })))
                    };
                    let mut ride = pin!(flights.join(&url("x"), false, T0, start).unwrap());
                    let bell = Arc::new(Unpark(std::thread::current()));
                    let waker = Waker::from(bell);
                    let polls = if (round + thread) % 3 == 0 { 1 } else { u32::MAX };
                    for _ in 0..polls {
                        if let Poll::Ready(outcome) = ride.as_mut().poll(&mut Context::from_waker(&waker)) {
                            assert_eq!(outcome, 7);
                            break;
                        }
                        if polls > 1 {
                            std::thread::park();
                        }
                    }
                }
            });
        }
    });
    assert!(flights.len() <= 1, "the last of them may have left one");
    assert!(started.load(Ordering::SeqCst) > 0);
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
