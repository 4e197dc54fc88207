//! One fetch at a time of each URL: whoever else wants it waits for the same.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::budget::PER_URL;
use super::url::FetchUrl;
use crate::grant::Timestamp;
use crate::store::BoxFuture;

/// The fetches that are under way, each with those who wait for it.
///
/// Nobody leads: a fetch belongs to all of its riders, and whichever is polled moves it on. So one that is dropped, or that
/// is never polled again, neither loses the fetch nor holds up the others, and no task has to be spawned.
///
/// A fetch whose last rider hangs up is left for whoever wants the URL next, who pays nothing: else one request that hangs up
/// would cost all others the fetch that the URL has for them. It is kept until the URL has another one, so that hanging up is no
/// way to use them up.
pub(super) struct Flights<O> {
    under_way: Mutex<HashMap<FetchUrl, Entry<O>>>,
    /// How many are kept that nobody rides.
    room: usize,
    /// The outcome of a fetch that panicked, for those who wait for it beside the one in which it did.
    panicked: fn() -> O,
}

struct Entry<O> {
    flight: Arc<Flight<O>>,
    riders: usize,
    began: Timestamp,
    /// Whether it is worth more than the document of a client whom nobody knows yet: of these there are any number.
    is_in_use: bool,
    /// Whether there was a time when nobody rode it.
    was_left: bool,
}

impl<O> Entry<O> {
    /// Left, for longer than it is kept. By a clock that was set back too.
    fn is_past(&self, now: Timestamp) -> bool {
        self.riders == 0 && now.since(self.began).max(self.began.since(now)) >= PER_URL
    }
}

struct Flight<O> {
    future: Mutex<Option<BoxFuture<'static, O>>>,
    outcome: OnceLock<O>,
    waiting: Arc<Waiting>,
}

/// Those to be polled when there is something new. It is what the future's waker holds, which the flight itself must not be:
/// they would hold each other for ever.
#[derive(Default)]
struct Waiting(Mutex<Wakers>);

#[derive(Default)]
struct Wakers {
    next_rider: u64,
    wakers: HashMap<u64, Waker>,
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    /// All of them: one alone might be dropped before it is polled.
    fn wake_by_ref(self: &Arc<Self>) {
        let wakers = std::mem::take(&mut self.0.lock().wakers);
        wakers.into_values().for_each(Waker::wake);
    }
}

impl<O> Flights<O> {
    /// With room for that many that nobody rides.
    pub(super) fn new(room: usize, panicked: fn() -> O) -> Self {
        Self { under_way: Mutex::default(), room, panicked }
    }

    /// Joins the fetch of this URL that is under way, or has `start` begin one, which may refuse. `is_in_use` says that the
    /// document is one that people are logged in by, or that has been here before.
    pub(super) fn join<E>(
        &self,
        url: &FetchUrl,
        is_in_use: bool,
        now: Timestamp,
        start: impl FnOnce() -> Result<BoxFuture<'static, O>, E>,
    ) -> Result<Ride<'_, O>, E> {
        let mut under_way = self.under_way.lock();
        // Whether this one begins or not. What the host's fetch does when it is dropped is done without the lock.
        let past: Vec<_> = under_way.extract_if(|_, entry| entry.is_past(now)).collect();
        let (flight, was_left) = if let Some(entry) = under_way.get_mut(url) {
            entry.riders += 1;
            entry.is_in_use |= is_in_use;
            (Arc::clone(&entry.flight), entry.was_left)
        } else {
            let future = match start() {
                Ok(future) => Mutex::new(Some(future)),
                Err(refused) => {
                    drop(under_way);
                    return Err(refused);
                }
            };
            let flight = Arc::new(Flight { future, outcome: OnceLock::new(), waiting: Arc::default() });
            let entry = Entry { flight: Arc::clone(&flight), riders: 1, began: now, is_in_use, was_left: false };
            under_way.insert(url.clone(), entry);
            (flight, false)
        };
        drop(under_way);
        drop(past);
        let mut wakers = flight.waiting.0.lock();
        let rider = wakers.next_rider;
        wakers.next_rider += 1;
        drop(wakers);
        Ok(Ride { flights: self, url: url.clone(), flight, rider, was_left })
    }

    /// Takes out what there is no room for, now that one more was left: what is not in use first, and the oldest of it.
    fn too_many(&self, under_way: &mut HashMap<FetchUrl, Entry<O>>) -> Option<Entry<O>> {
        let left = || under_way.iter().filter(|(_, entry)| entry.riders == 0);
        if left().count() <= self.room {
            return None;
        }
        let url = left().min_by_key(|(_, entry)| (entry.is_in_use, entry.began)).map(|(url, _)| url.clone())?;
        under_way.remove(&url)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.under_way.lock().len()
    }
}

/// A request that waits for a fetch.
pub(super) struct Ride<'a, O> {
    flights: &'a Flights<O>,
    url: FetchUrl,
    flight: Arc<Flight<O>>,
    rider: u64,
    was_left: bool,
}

impl<O> Ride<'_, O> {
    /// Whether nobody rode it for a while before: it may be older than the request, and have come to nothing since nobody saw
    /// to it.
    pub(super) const fn was_left(&self) -> bool {
        self.was_left
    }

    /// Ends the flight for all: the next that wants the URL begins another.
    fn land(&self, outcome: O) {
        // First, so that whoever hears the outcome and asks again does not ride it once more.
        let mut under_way = self.flights.under_way.lock();
        if under_way.get(&self.url).is_some_and(|entry| Arc::ptr_eq(&entry.flight, &self.flight)) {
            under_way.remove(&self.url);
        }
        drop(under_way);
        let _ = self.flight.outcome.set(outcome);
        self.flight.waiting.wake_by_ref();
    }
}

impl<O: Clone> Future for Ride<'_, O> {
    type Output = O;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<O> {
        // Before anything is looked at, so that nothing that happens after the look is missed.
        self.flight.waiting.0.lock().wakers.insert(self.rider, context.waker().clone());
        if let Some(outcome) = self.flight.outcome.get() {
            return Poll::Ready(outcome.clone());
        }
        // Another that polls it now has a waker that wakes this one too.
        let Some(mut place) = self.flight.future.try_lock() else { return Poll::Pending };
        let Some(mut future) = place.take() else {
            drop(place);
            return self.flight.outcome.get().cloned().map_or(Poll::Pending, Poll::Ready);
        };
        let on_panic = OnPanic(Some(&self));
        let waker = Waker::from(Arc::clone(&self.flight.waiting));
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        on_panic.forget();
        let Poll::Ready(outcome) = polled else {
            *place = Some(future);
            return Poll::Pending;
        };
        drop((place, future));
        self.land(outcome.clone());
        Poll::Ready(outcome)
    }
}

impl<O> Drop for Ride<'_, O> {
    fn drop(&mut self) {
        self.flight.waiting.0.lock().wakers.remove(&self.rider);
        let mut under_way = self.flights.under_way.lock();
        let Some(entry) = under_way.get_mut(&self.url) else { return };
        if !Arc::ptr_eq(&entry.flight, &self.flight) {
            return;
        }
        entry.riders -= 1;
        if entry.riders == 0 {
            entry.was_left = true;
            let one_too_many = self.flights.too_many(&mut under_way);
            drop(under_way);
            drop(one_too_many);
        } else {
            drop(under_way);
            // This one may have been woken for all of them, and hung up before it was polled.
            self.flight.waiting.wake_by_ref();
        }
    }
}

/// Ends the flight if the future panics.
struct OnPanic<'a, 'b, O>(Option<&'a Ride<'b, O>>);

impl<O> OnPanic<'_, '_, O> {
    fn forget(mut self) {
        self.0 = None;
    }
}

impl<O> Drop for OnPanic<'_, '_, O> {
    fn drop(&mut self) {
        if let Some(ride) = self.0 {
            ride.land((ride.flights.panicked)());
        }
    }
}

#[cfg(test)]
mod tests {
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
}
