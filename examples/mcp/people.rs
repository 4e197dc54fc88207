//! Who there is, and who is logged in in which browser.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use regrant::Timestamp;
use subtle::{Choice, ConstantTimeEq};

use crate::guard::Browser;

// For trying out only.
pub(crate) const USERS: [(&str, &str); 2] = [("alice", "wonderland"), ("bob", "builder")];

/// How long a browser is remembered.
const REMEMBERED: Duration = Duration::from_secs(8 * 3_600);
/// In how many browsers one person can be logged in; the oldest login makes room.
const MOST_BROWSERS: usize = 20;

/// Somebody who has logged in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) since: Timestamp,
}

/// The person that a name and a password are right for. A real host keeps a slow hash, and verifies it off the async
/// runtime.
pub(crate) fn log_in(name: &str, password: &str, now: Timestamp) -> Option<Person> {
    let is_right = |(user, secret): &(&str, &str)| -> Choice {
        user.as_bytes().ct_eq(name.as_bytes()) & secret.as_bytes().ct_eq(password.as_bytes())
    };
    // All of them, so that the time says nothing of who is among them.
    let found = USERS.iter().fold(None, |found, user| if bool::from(is_right(user)) { Some(user.0) } else { found });
    found.map(|name| Person { name, since: now })
}

/// The browsers that are remembered. Only who knows a password adds to them.
#[derive(Default)]
pub(crate) struct Logins(Mutex<HashMap<[u8; 32], Person>>);

impl Logins {
    pub(crate) fn of(&self, browser: &Browser, now: Timestamp) -> Option<Person> {
        self.lock().get(&browser.key()).copied().filter(|person| is_fresh(person, now))
    }

    pub(crate) fn remember(&self, browser: &Browser, person: Person) {
        let mut logins = self.lock();
        logins.retain(|_, other| is_fresh(other, person.since));
        let mut own: Vec<_> = logins
            .iter()
            .filter(|(_, other)| other.name == person.name)
            .map(|(&key, other)| (other.since, key))
            .collect();
        if own.len() >= MOST_BROWSERS {
            own.sort_unstable();
            for (_, key) in own.iter().take(own.len() - MOST_BROWSERS + 1) {
                logins.remove(key);
            }
        }
        logins.insert(browser.key(), person);
    }

    pub(crate) fn forget(&self, browser: &Browser) {
        self.lock().remove(&browser.key());
    }

    /// Forgets every browser of a person but this one.
    pub(crate) fn forget_others(&self, browser: &Browser, person: Person) {
        let key = browser.key();
        self.lock().retain(|other, owner| owner.name != person.name || *other == key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Person>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_fresh(person: &Person, now: Timestamp) -> bool {
    now.since(person.since) < REMEMBERED
}
