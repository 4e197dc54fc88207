//! What can happen to honest clients, and how many people have to log in again for it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use rand::RngExt;
use tokio::task::JoinSet;

use crate::client::{Answer, Client};
use crate::config::Load;
use crate::report::Honest;

/// One thing that goes wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// The server answers, and the answer never arrives. The client asks again soon.
    Lost,
    /// The same, twice in a row.
    LostTwice,
    /// The same, and the client waits for its time-out before it asks again.
    LostSlow,
    /// The connection breaks somewhere in the middle.
    Cut,
    /// Several requests with the same token at once, as from tabs of a browser; the last answer is kept.
    Race,
    /// Two processes with a copy each, which refresh one after the other with the token that both had, and go on with their own.
    Shared,
}

impl Fault {
    pub(crate) const ALL: [Self; 7] =
        [Self::None, Self::Lost, Self::LostTwice, Self::LostSlow, Self::Cut, Self::Race, Self::Shared];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "nothing goes wrong",
            Self::Lost => "the answer gets lost",
            Self::LostTwice => "two answers in a row get lost",
            Self::LostSlow => "the answer gets lost, asked again after the time-out",
            Self::Cut => "the connection breaks somewhere",
            Self::Race => "requests race with one token",
            Self::Shared => "two processes share a login",
        }
    }
}

/// Everybody, at the same time.
pub(crate) async fn suffer(client: &Arc<Client>, load: Load, fault: Fault) -> Result<Honest, String> {
    let mut people = JoinSet::new();
    for number in 0..load.people {
        let client = Arc::clone(client);
        people.spawn(async move { live(&client, load, fault, number).await });
    }
    gather(people, fault.name()).await
}

/// Sums up.
pub(crate) async fn gather(mut people: JoinSet<Result<Honest, String>>, name: &str) -> Result<Honest, String> {
    let mut all = Honest::of(name);
    while let Some(one) = people.join_next().await {
        all.add(one.map_err(|error| error.to_string())??);
    }
    Ok(all)
}

/// One person's client.
async fn live(client: &Client, load: Load, fault: Fault, number: u32) -> Result<Honest, String> {
    let mut seen = Honest::default();
    let mut token = client.log_in().await?;
    // One more than they want: a race, or another process, is often found out at the next refresh alone, so nothing happens to the last one.
    for refresh in 0..=load.refreshes {
        // Not everybody at the same step.
        let disturbed = refresh < load.refreshes && (refresh + number).is_multiple_of(load.one_in.max(1));
        let meets = fault != Fault::None && disturbed;
        seen.refreshes += 1;
        let answer = if meets {
            meet(client, load, fault, &token, &mut seen).await
        } else {
            client.refresh_until_answered(&token).await
        };
        match answer {
            Answer::Token(next) => token = next,
            Answer::LoggedOut(why) => {
                seen.log_out(&why);
                token = client.log_in().await?;
            }
            Answer::Nothing(why) => {
                seen.no_answer(&why);
                token = client.log_in().await?;
            }
        }
    }
    Ok(seen)
}

/// What whoever takes the server away and the people share.
#[derive(Default)]
pub(crate) struct Outage {
    /// Refreshes that were answered.
    answered: AtomicU32,
    /// Refreshes that were not, at first.
    met: AtomicU32,
    over: AtomicBool,
}

impl Outage {
    pub(crate) fn met(&self) -> u32 {
        self.met.load(Ordering::Relaxed)
    }

    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Waits for so many more answers, for two minutes at most.
    pub(crate) async fn some_answers(&self, more: u32) -> Result<(), String> {
        let enough = self.answered.load(Ordering::Relaxed) + more;
        for _ in 0..12_000 {
            if self.answered.load(Ordering::Relaxed) >= enough {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err("nobody is answered any more".to_owned())
    }
}

/// One person's client while the server goes away and comes back, without a pause; and once when it has come back for the last time.
pub(crate) async fn live_through(client: &Client, load: Load, outage: &Outage) -> Result<Honest, String> {
    let mut seen = Honest::default();
    let mut token = client.log_in().await?;
    let mut is_last = false;
    while !is_last {
        is_last = outage.is_over();
        seen.refreshes += 1;
        let mut answer = client.refresh(&token).await;
        if matches!(answer, Answer::Nothing(_)) {
            seen.faults += 1;
            outage.met.fetch_add(1, Ordering::Relaxed);
        }
        // How long the server takes to come back is nothing that a login may depend on; whoever waits for it says when that is over.
        while matches!(answer, Answer::Nothing(_)) {
            let is_over = outage.is_over();
            tokio::time::sleep(Duration::from_millis(load.again_after_ms)).await;
            answer = client.refresh_until_answered(&token).await;
            if is_over {
                break;
            }
        }
        outage.answered.fetch_add(1, Ordering::Relaxed);
        match answer {
            Answer::Token(next) => token = next,
            Answer::LoggedOut(why) => {
                seen.log_out(&why);
                token = client.log_in_when_it_is_back().await?;
            }
            Answer::Nothing(why) => {
                seen.no_answer(&why);
                token = client.log_in_when_it_is_back().await?;
            }
        }
    }
    Ok(seen)
}

/// One refresh that meets the fault: what the client has at last.
async fn meet(client: &Client, load: Load, fault: Fault, token: &str, seen: &mut Honest) -> Answer {
    let soon = Duration::from_millis(load.again_after_ms);
    seen.faults += 1;
    match fault {
        Fault::None => {}
        Fault::Lost | Fault::LostTwice | Fault::LostSlow => {
            let times = if fault == Fault::LostTwice { 2 } else { 1 };
            let mut given = BTreeSet::new();
            for _ in 0..times {
                // Whatever it says, nobody hears it; that it was sent is what counts.
                given.extend(client.refresh_until_answered(token).await.token());
                let slow = fault == Fault::LostSlow;
                tokio::time::sleep(if slow { Duration::from_secs(load.slow_after_s) } else { soon }).await;
            }
            let answer = client.refresh_until_answered(token).await;
            if let Answer::Token(next) = &answer {
                given.insert(next.clone());
            }
            seen.count_siblings(token, &given);
            return answer;
        }
        Fault::Cut => {
            let after = Duration::from_micros(rand::rng().random_range(0..5_000));
            let _ = tokio::time::timeout(after, client.refresh(token)).await;
            tokio::time::sleep(soon).await;
        }
        Fault::Race => {
            let racers = (0..load.racers).map(|_| client.refresh_until_answered(token));
            let answers = at_once(racers).await;
            let given: BTreeSet<_> = answers.iter().filter_map(|answer| answer.clone().token()).collect();
            seen.count_siblings(token, &given);
            // The last one that has a token is what the client keeps.
            return answers
                .iter()
                .rev()
                .find(|answer| matches!(answer, Answer::Token(_)))
                .unwrap_or(&answers[0])
                .clone();
        }
        Fault::Shared => return share(client, soon, token, seen).await,
    }
    client.refresh_until_answered(token).await
}

/// In the order in which they are answered.
async fn at_once(requests: impl Iterator<Item = impl Future<Output = Answer>>) -> Vec<Answer> {
    let mut pending: Vec<_> = requests.map(Box::pin).collect();
    let mut answers = Vec::new();
    while !pending.is_empty() {
        let (answer, place) = std::future::poll_fn(|context| {
            pending
                .iter_mut()
                .enumerate()
                .find_map(|(place, request)| match request.as_mut().poll(context) {
                    std::task::Poll::Ready(answer) => Some((answer, place)),
                    std::task::Poll::Pending => None,
                })
                .map_or(std::task::Poll::Pending, std::task::Poll::Ready)
        })
        .await;
        drop(pending.swap_remove(place));
        answers.push(answer);
    }
    answers
}

/// Two processes, each with what it was given itself, for two rounds; the login is lost where one of them is told so. The first one's is
/// what goes on.
async fn share(client: &Client, soon: Duration, token: &str, seen: &mut Honest) -> Answer {
    let (mut first, mut second) = (token.to_owned(), token.to_owned());
    for _ in 0..2 {
        let answer = client.refresh_until_answered(&first).await;
        let Answer::Token(next) = answer else { return answer };
        tokio::time::sleep(soon).await;
        let answer = client.refresh_until_answered(&second).await;
        let Answer::Token(other) = answer else { return answer };
        seen.refreshes += 2;
        if first == second {
            seen.count_siblings(&first, &BTreeSet::from([next.clone(), other.clone()]));
        }
        (first, second) = (next, other);
    }
    Answer::Token(first)
}

#[cfg(test)]
mod tests;
