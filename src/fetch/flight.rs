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
mod tests;
