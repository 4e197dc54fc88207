use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::table::Table;
use super::{Counted, Guess, GuessLimits, GuessRate, Guessed, MemoryThrottle, Throttle, TooManyGuesses, network};
use crate::grant::Timestamp;

fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + secs)
}

/// One of 2^24 addresses of strangers.
fn v4(number: u32) -> IpAddr {
    Ipv4Addr::from(0x0a00_0000 + number).into()
}

fn home() -> IpAddr {
    "198.51.100.7".parse().unwrap()
}

/// Seconds to wait; 0 where it was let through and counted.
fn guess(throttle: &MemoryThrottle, what: Guessed<'_>, from: IpAddr, now: Timestamp) -> u32 {
    throttle.guess(&Guess::new(what, Some(from)), now).map_or_else(TooManyGuesses::retry_after_secs, |_| 0)
}

/// How many of so many are let through at one time, each from an address by its number.
fn let_through(
    throttle: &MemoryThrottle,
    what: Guessed<'_>,
    most: u32,
    from: impl Fn(u32) -> IpAddr,
    now: Timestamp,
) -> u32 {
    (0..most).map(|number| u32::from(guess(throttle, what, from(number), now) == 0)).sum()
}

fn log_in(throttle: &MemoryThrottle, person: &str, from: IpAddr, now: Timestamp) {
    let guess = Guess::new(Guessed::Password(person), Some(from));
    let counted = throttle.guess(&guess, now).unwrap();
    throttle.right(&guess, counted);
}

const ALICE: Guessed<'_> = Guessed::Password("alice");
const BOB: Guessed<'_> = Guessed::Password("bob");

/// Each row: what is guessed, how many pass at once from one address, and after how many seconds there is another.
#[test]
fn each_kind_has_its_own_limit() {
    for (what, most, secs) in [
        (ALICE, 10, 60),
        (Guessed::ClientSecret("app"), 20, 10),
        (Guessed::UserCode("alice"), 5, 720),
        (Guessed::Registration, 20, 60),
        (Guessed::RegistrationToken, 20, 10),
        (Guessed::Token, 10, 60),
        (Guessed::ForeignToken("app"), 100, 1),
    ] {
        let throttle = MemoryThrottle::new();
        assert_eq!(let_through(&throttle, what, 1_000, |_| home(), at(0)), most, "{what:?}");
        assert_eq!(guess(&throttle, what, home(), at(0)), secs, "{what:?}");
        assert_eq!(guess(&throttle, what, home(), at(u64::from(secs) - 1)), 1, "{what:?}");
        assert_eq!(guess(&throttle, what, home(), at(u64::from(secs))), 0, "{what:?}");
        assert_eq!(guess(&throttle, what, home(), at(u64::from(secs))), secs, "{what:?}");
    }
}

#[test]
fn an_address_has_a_limit_for_all_that_it_guesses_at() {
    let names: Vec<_> = (0..1_000).map(|number| format!("person {number}")).collect();
    let count = |what: fn(&str) -> Guessed<'_>| {
        let throttle = MemoryThrottle::new();
        let passed = names.iter().filter(|name| guess(&throttle, what(name), home(), at(0)) == 0).count();
        // And nobody elsewhere has to wait for that.
        assert_eq!(guess(&throttle, what("person 1"), v4(1), at(0)), 0);
        passed
    };
    assert_eq!(count(|name| Guessed::Password(name)), 50);
    assert_eq!(count(|name| Guessed::ClientSecret(name)), 100);
    assert_eq!(count(|name| Guessed::UserCode(name)), 15);
}

/// RFC 8628 section 5.1: 10 wrong codes an hour for a person and 30 for an address, whichever hour one looks at.
#[test]
fn user_codes_in_any_hour() {
    let names: Vec<_> = (0..50).map(|number| format!("person {number}")).collect();
    let (by_person, by_address) = (MemoryThrottle::new(), MemoryThrottle::new());
    let (mut person, mut address) = (Vec::new(), Vec::new());
    for secs in 0..4 * 3_600 {
        if guess(&by_person, Guessed::UserCode("alice"), v4(u32::try_from(secs).unwrap()), at(secs)) == 0 {
            person.push(secs);
        }
        let name = &names[usize::try_from(secs).unwrap() % names.len()];
        if guess(&by_address, Guessed::UserCode(name), home(), at(secs)) == 0 {
            address.push(secs);
        }
    }
    let most = |times: &[u64]| {
        times.iter().map(|from| times.iter().filter(|&time| (*from..=from + 3_600).contains(time)).count()).max()
    };
    assert_eq!(most(&person), Some(10));
    assert_eq!(most(&address), Some(30));
}

#[test]
fn a_right_guess_is_given_back() {
    let throttle = MemoryThrottle::new();
    for _ in 0..1_000 {
        log_in(&throttle, "alice", home(), at(0));
    }
    assert_eq!(let_through(&throttle, ALICE, 100, |_| home(), at(0)), 10);
}

/// An attack: whoever fills the verifier gets their guesses back unseen, and becomes neither known for the person nor displaces
/// the addresses that are.
#[test]
fn what_nobody_looked_at_is_no_login() {
    let throttle = MemoryThrottle::new();
    log_in(&throttle, "alice", home(), at(0));
    for number in 0..1_000 {
        let unseen = Guess::new(ALICE, Some(v4(number % 10)));
        let counted = throttle.guess(&unseen, at(1)).unwrap();
        throttle.give_back(&unseen, counted);
    }
    // None of them is known, none of their guesses counts, and home is home.
    assert_eq!(let_through(&throttle, ALICE, 1_000, |number| v4(number % 10), at(1)), 100);
    assert_eq!(guess(&throttle, ALICE, v4(10), at(1)), 60);
    assert_eq!(let_through(&throttle, ALICE, 100, |_| home(), at(1)), 10);
}

/// Of two first logins under way at once the second gives back what it took, although the person is known there by then.
#[test]
fn two_first_logins_at_once_leave_no_failure() {
    let throttle = MemoryThrottle::new();
    for number in 0..1_000 {
        let login = Guess::new(ALICE, Some(v4(number)));
        for counted in [throttle.guess(&login, at(0)).unwrap(), throttle.guess(&login, at(0)).unwrap()] {
            throttle.right(&login, counted);
        }
    }
    assert_eq!(let_through(&throttle, ALICE, 1_000, |number| v4(10_000 + number), at(0)), 100);
}

/// And one that was counted as known, and is forgotten when it ends, gives back nothing that others took.
#[test]
fn a_login_gives_back_what_it_took() {
    let throttle = MemoryThrottle::new();
    log_in(&throttle, "alice", home(), at(0));
    let login = Guess::new(ALICE, Some(home()));
    let counted = throttle.guess(&login, at(1)).unwrap();
    for number in 0..4 {
        log_in(&throttle, "alice", v4(number), at(2));
    }
    assert_eq!(let_through(&throttle, ALICE, 1_000, |number| v4(10_000 + number), at(2)), 100);
    throttle.right(&login, counted);
    assert_eq!(guess(&throttle, ALICE, v4(20_000), at(2)), 60);
}

/// An attack: guesses at made-up names from one address (an office, a carrier) shut out everybody behind it who had logged in there.
#[test]
fn a_neighbour_shuts_out_nobody_who_is_known_there() {
    let throttle = MemoryThrottle::new();
    log_in(&throttle, "alice", home(), at(0));
    let names: Vec<_> = (0..1_000).map(|number| format!("made up {number}")).collect();
    let passed = |now| names.iter().filter(|name| guess(&throttle, Guessed::Password(name), home(), now) == 0).count();
    assert_eq!(passed(at(1)), 50);
    log_in(&throttle, "alice", home(), at(1));
    assert_eq!(let_through(&throttle, ALICE, 100, |_| home(), at(1)), 10, "her own, as before");
    // Whoever is not known there waits, and her slips are not counted against them.
    assert_eq!(guess(&throttle, BOB, home(), at(1)), 10);
    assert_eq!(let_through(&throttle, ALICE, 5, |_| home(), at(1_000)), 5);
    assert_eq!(passed(at(1_000)), 50);
}

/// An attack on those who clear counters at a login: with an account of one's own one would guess for ever.
#[test]
fn a_login_of_ones_own_between_guesses_buys_none() {
    let throttle = MemoryThrottle::new();
    let names: Vec<_> = (0..1_000).map(|number| format!("person {number}")).collect();
    let mut passed = 0;
    for name in &names {
        if guess(&throttle, Guessed::Password(name), home(), at(0)) == 0 {
            passed += 1;
        }
        let own = Guess::new(Guessed::Password("mallory"), Some(home()));
        if let Ok(counted) = throttle.guess(&own, at(0)) {
            throttle.right(&own, counted);
        }
    }
    assert_eq!(passed, 50);
}

#[test]
fn what_was_refused_was_counted_nowhere() {
    let throttle = MemoryThrottle::new();
    assert_eq!(let_through(&throttle, ALICE, 1_000, |_| home(), at(0)), 10);
    // The address has 40 of its 50 left.
    let names: Vec<_> = (0..100).map(|number| format!("person {number}")).collect();
    assert_eq!(names.iter().filter(|name| guess(&throttle, Guessed::Password(name), home(), at(0)) == 0).count(), 40);
}

/// Counted before they are looked at: a burst is not a way round.
#[test]
fn a_thousand_at_once_are_not_a_thousand_free_guesses() {
    let throttle = MemoryThrottle::new();
    let passed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                for _ in 0..100 {
                    if guess(&throttle, ALICE, home(), at(0)) == 0 {
                        passed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(passed.into_inner(), 10);
}

/// A limit by the person alone is what locks the person out.
#[test]
fn a_flood_at_one_account_from_a_hundred_thousand_addresses() {
    let throttle = MemoryThrottle::new();
    log_in(&throttle, "alice", home(), at(0));
    assert_eq!(let_through(&throttle, ALICE, 100_000, v4, at(1)), 100, "all addresses together");
    assert_eq!(let_through(&throttle, ALICE, 100_000, v4, at(86_401)), 100, "and one a minute, no more than at once");
    // At home nothing has changed, and a slip there is not counted against those who wait elsewhere.
    log_in(&throttle, "alice", home(), at(86_401));
    assert_eq!(guess(&throttle, ALICE, home(), at(86_401)), 0);
    // Elsewhere she waits as the others do.
    assert_eq!(guess(&throttle, ALICE, "203.0.113.9".parse().unwrap(), at(86_401)), 60);
    // Whoever guesses from there has to do with nobody else.
    for number in 0..1_000 {
        log_in(&throttle, "bob", v4(number), at(86_401));
        log_in(&throttle, &format!("person {number}"), "203.0.113.9".parse().unwrap(), at(86_401));
    }
}

/// Nobody else's failures are counted for a thing: each of many people gets in at an address of their own, whatever the flood was.
#[test]
fn a_flood_of_names_and_addresses_makes_nobody_wait() {
    let throttle = MemoryThrottle::with_places(1_024);
    for number in 0..200_000 {
        guess(&throttle, Guessed::Password(&format!("made up {number}")), v4(number), at(0));
        guess(&throttle, Guessed::ClientSecret(&format!("made up {number}")), v4(number), at(0));
        guess(&throttle, Guessed::Registration, v4(number), at(0));
    }
    for number in 0..1_000 {
        let from = v4(1_000_000 + number);
        assert_eq!(guess(&throttle, Guessed::Password(&format!("person {number}")), from, at(0)), 0);
        assert_eq!(guess(&throttle, Guessed::ClientSecret(&format!("app {number}")), from, at(0)), 0);
        assert_eq!(guess(&throttle, Guessed::Registration, from, at(0)), 0);
    }
}

/// Made-up names push out what little was counted of, not the account that is under attack.
#[test]
fn a_flood_of_made_up_names_makes_no_count_begin_anew() {
    let throttle = MemoryThrottle::with_places(1_024);
    assert_eq!(let_through(&throttle, ALICE, 1_000, v4, at(0)), 100);
    for number in 0..100_000 {
        guess(&throttle, Guessed::Password(&format!("made up {number}")), v4(10_000 + number), at(0));
    }
    assert_eq!(let_through(&throttle, ALICE, 1_000, |number| v4(1_000_000 + number), at(0)), 0);
}

/// Wrong secrets for a client, from anywhere and of any number.
#[test]
fn a_client_is_never_counted_by_itself() {
    let throttle = MemoryThrottle::new();
    assert_eq!(let_through(&throttle, Guessed::ClientSecret("app"), 10_000, v4, at(0)), 10_000);
    assert_eq!(guess(&throttle, Guessed::ClientSecret("app"), home(), at(0)), 0);
    // Where nobody says the address, there is nothing to count by but the client.
    for what in [
        Guessed::ClientSecret("app"),
        Guessed::Registration,
        Guessed::RegistrationToken,
        Guessed::Token,
        Guessed::ForeignToken("app"),
    ] {
        assert!((0..10_000).all(|_| throttle.guess(&Guess::new(what, None), at(0)).is_ok()), "{what:?}");
    }
}

#[test]
fn without_an_address_people_are_counted_by_themselves() {
    let throttle = MemoryThrottle::new();
    let passed = |what, now| (0..1_000).filter(|_| throttle.guess(&Guess::new(what, None), now).is_ok()).count();
    assert_eq!(passed(ALICE, at(0)), 100);
    assert_eq!(passed(BOB, at(0)), 100);
    assert_eq!(passed(Guessed::UserCode("alice"), at(0)), 5);
    // A login from nobody knows where makes no address known.
    let somewhere = Guess::new(ALICE, None);
    throttle.right(&somewhere, Counted::at(at(0)));
    assert_eq!(guess(&throttle, ALICE, home(), at(0)), 0, "the one that was given back");
    assert_eq!(guess(&throttle, ALICE, home(), at(0)), 60);
}

/// 2^64 addresses are one asker's, and a socket for both families shows IPv4 as IPv6.
#[test]
fn addresses_that_are_one() {
    let throttle = MemoryThrottle::new();
    let in_one_64 = |number: u32| Ipv6Addr::from(0x2001_0db8_0001_0002_u128 << 64 | u128::from(number)).into();
    assert_eq!(let_through(&throttle, ALICE, 1_000, in_one_64, at(0)), 10);
    assert_eq!(guess(&throttle, ALICE, "2001:db8:1:3::1".parse().unwrap(), at(0)), 0, "another /64");
    let spellings = ["198.51.100.7", "::ffff:198.51.100.7", "64:ff9b::198.51.100.7"].map(|peer| peer.parse().unwrap());
    let both = |number: u32| spellings[usize::try_from(number).unwrap() % 3];
    assert_eq!(let_through(&throttle, BOB, 1_000, both, at(0)), 10);
    for (peer, of) in [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.1"),
        // RFC 6052 section 2.1: the well-known prefix and nothing else.
        ("64:ff9b::192.0.2.1", "192.0.2.1"),
        ("64:ff9b::1:192.0.2.1", "64:ff9b::"),
        ("64:ff9b:1::192.0.2.1", "64:ff9b:1::"),
    ] {
        assert_eq!(network(peer.parse().unwrap()), of.parse::<IpAddr>().unwrap(), "{peer}");
    }
}

/// A clock that jumped ahead and was set back must not make anybody wait until it is there again.
#[test]
fn a_clock_that_went_back_locks_nobody_out() {
    let throttle = MemoryThrottle::new();
    let then = at(10_000_000);
    assert_eq!(let_through(&throttle, ALICE, 100, |_| home(), then), 10);
    assert_eq!(guess(&throttle, ALICE, home(), at(0)), 60);
    assert_eq!(guess(&throttle, ALICE, home(), at(60)), 0);
    // From years ahead, in places that others need now.
    let small = MemoryThrottle::with_places(8);
    for number in 0..100 {
        let_through(&small, Guessed::Registration, 20, |_| v4(number), then);
    }
    assert_eq!(let_through(&small, Guessed::Registration, 100, |_| home(), at(0)), 20);
    assert_eq!(guess(&small, Guessed::Registration, home(), at(0)), 60);
}

/// A right guess leaves nothing that a clock which is set back could take for guesses.
#[test]
fn a_clock_that_went_back_after_a_login_finds_nothing_counted() {
    let throttle = MemoryThrottle::new();
    log_in(&throttle, "alice", home(), at(10_000_000));
    assert_eq!(let_through(&throttle, ALICE, 100, |_| home(), at(0)), 10);
    let code = Guess::new(Guessed::UserCode("alice"), Some(home()));
    let counted = throttle.guess(&code, at(10_000_000)).unwrap();
    throttle.give_back(&code, counted);
    assert_eq!(let_through(&throttle, code.at(), 100, |_| home(), at(0)), 5);
    // A failure before it is still one, and so is one that was under way at the same time.
    for wrong_at in [0, 30] {
        let throttle = MemoryThrottle::new();
        let login = Guess::new(ALICE, Some(home()));
        assert_eq!(guess(&throttle, ALICE, home(), at(wrong_at)), 0);
        let counted = throttle.guess(&login, at(30)).unwrap();
        throttle.right(&login, counted);
        assert_eq!(let_through(&throttle, ALICE, 100, |_| home(), at(30)), 9);
    }
}

/// Settings change while it serves; who had to wait by the old limits waits by the new ones.
#[test]
fn limits_change_at_once() {
    let throttle = MemoryThrottle::new();
    assert_eq!(let_through(&throttle, ALICE, 100, |_| home(), at(0)), 10);
    let shorter = GuessLimits::default().with_password_here(GuessRate::new(2, Duration::from_secs(5)));
    throttle.set_limits(shorter);
    assert_eq!(throttle.limits(), shorter);
    assert_eq!(guess(&throttle, ALICE, home(), at(0)), 5);
    assert_eq!(let_through(&throttle, BOB, 100, |_| home(), at(0)), 2);
    throttle.set_limits(GuessLimits::default().with_password_here(GuessRate::new(20, Duration::from_secs(5))));
    assert_eq!(let_through(&throttle, ALICE, 100, |_| home(), at(0)), 18);
}

/// What does not fit is not tried: the memory is bounded, whatever the setting says.
#[test]
fn places_are_bounded() {
    let throttle = MemoryThrottle::with_places(usize::MAX);
    assert_eq!(let_through(&throttle, ALICE, 100, |_| home(), at(0)), 10);
    assert_eq!(let_through(&MemoryThrottle::with_places(0), ALICE, 100, |_| home(), at(0)), 10);
}

/// Many more people have logged in than are guessed at: there are four times as many places for them.
#[test]
fn more_logins_are_remembered_than_guesses() {
    let throttle = MemoryThrottle::with_places(1_024);
    let names: Vec<_> = (0..2_048).map(|number| format!("person {number}")).collect();
    for name in &names {
        log_in(&throttle, name, home(), at(0));
    }
    // Known there: the address may be spent.
    let made_up = (0..1_000).map(|number| format!("made up {number}"));
    assert_eq!(made_up.filter(|name| guess(&throttle, Guessed::Password(name), home(), at(1)) == 0).count(), 50);
    let known = names.iter().filter(|name| guess(&throttle, Guessed::Password(name), home(), at(1)) == 0).count();
    assert!(known > 1_900, "{known}");
}

/// With an account of one's own, and any number of addresses, one pushes out one's own addresses and nobody else's.
#[test]
fn nobody_makes_the_addresses_of_another_forgotten() {
    // Eight for logins: all of them have the same.
    let throttle = MemoryThrottle::with_places(2);
    log_in(&throttle, "alice", home(), at(0));
    for number in 0..10_000 {
        log_in(&throttle, "mallory", v4(number), at(1 + u64::from(number)));
    }
    let now = at(20_000);
    assert_eq!(let_through(&throttle, ALICE, 10_000, v4, now), 100);
    assert_eq!(guess(&throttle, ALICE, home(), now), 0, "still known");
    // The newest four of the other are.
    assert_eq!(let_through(&throttle, Guessed::Password("mallory"), 10_000, |number| v4(100_000 + number), now), 100);
    let known = (0..10_000).filter(|&number| guess(&throttle, Guessed::Password("mallory"), v4(number), now) == 0);
    assert_eq!(known.collect::<Vec<_>>(), [9_996, 9_997, 9_998, 9_999]);
}

/// Any history: the rate holds for each thing, a wait is long enough and not too long, and nothing is counted for another. The model
/// is the times themselves.
#[test]
fn a_table_counts_as_the_times_themselves_say() {
    use proptest::prelude::*;
    proptest!(|(
        at_once in 1_u32..6,
        every in 1_u64..50_000,
        steps in proptest::collection::vec((0_u8..4, 0_u64..60_000), 1..80),
    )| {
        let rate = GuessRate::new(at_once, Duration::from_millis(every));
        // Four things never need more than the eight places that each of them may have.
        let mut table = Table::new(8);
        let mut model: HashMap<u8, u64> = HashMap::new();
        let mut now = at(0).as_millis();
        for (thing, gap) in steps {
            now += gap;
            let time = Timestamp::from_millis(now);
            let slot = table.slot(thing);
            let wait = table.wait(slot, rate, time);
            // What is left of a bucket that one leaves each interval.
            let whole = model.get(&thing).copied().unwrap_or(0).max(now);
            let free = whole + every <= now + every * u64::from(at_once);
            prop_assert_eq!(wait.is_zero(), free);
            if free {
                table.take(slot, rate, time);
                model.insert(thing, whole + every);
            } else {
                let then = now + u64::try_from(wait.as_millis()).unwrap();
                prop_assert!(!table.wait(slot, rate, Timestamp::from_millis(then - 1)).is_zero());
                prop_assert!(table.wait(slot, rate, Timestamp::from_millis(then)).is_zero());
            }
        }
    });
}

/// What is guessed at is a person's name, or what a stranger sent.
#[test]
fn nothing_of_it_is_shown() {
    let guess = Guess::new(Guessed::Password("alice"), Some(home()));
    assert_eq!(format!("{guess:?}"), "Guess { at: Password, .. }");
    let throttle = format!("{:?}", MemoryThrottle::with_places(1));
    assert!(throttle.starts_with("MemoryThrottle { limits: ") && throttle.ends_with(", .. }"), "{throttle}");
}
