//! What becomes of thieves: a token was copied, and both have it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::client::{Answer, Client};
use crate::config::Load;
use crate::report::Theft;

/// One way to use a copy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attack {
    /// The owner has gone on by two steps; the thief has the first token.
    TwoBehind,
    /// The owner has gone on by one step; the thief is late.
    PredecessorLate,
    /// The owner has gone on by one step; the thief comes at once.
    PredecessorAtOnce,
    /// The thief is first; the owner comes at once.
    ThiefFirst,
    /// The thief is first; the owner is late.
    ThiefFirstOwnerLate,
    /// The thief has gone on by three steps before the owner comes.
    ThiefFarAhead,
}

impl Attack {
    pub(crate) const ALL: [Self; 6] = [
        Self::TwoBehind,
        Self::PredecessorLate,
        Self::PredecessorAtOnce,
        Self::ThiefFirst,
        Self::ThiefFirstOwnerLate,
        Self::ThiefFarAhead,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::TwoBehind => "the thief comes two steps behind",
            Self::PredecessorLate => "the thief comes one step behind, late",
            Self::PredecessorAtOnce => "the thief comes one step behind, at once",
            Self::ThiefFirst => "the thief is first, the owner comes at once",
            Self::ThiefFirstOwnerLate => "the thief is first, the owner is late",
            Self::ThiefFarAhead => "the thief is three steps ahead, the owner comes",
        }
    }
}

/// Each of them at the same time, since most of it is waiting.
pub(crate) async fn attack(client: &Arc<Client>, load: Load, attack: Attack) -> Result<Theft, String> {
    let mut thefts = JoinSet::new();
    for _ in 0..load.thefts {
        let client = Arc::clone(client);
        thefts.spawn(async move { steal(&client, load, attack).await });
    }
    let mut all = Theft::of(attack.name());
    while let Some(one) = thefts.join_next().await {
        let (owner_lives, thief_lives) = one.map_err(|error| error.to_string())??;
        all.count(owner_lives, thief_lives);
    }
    Ok(all)
}

/// Whether the owner's line of tokens goes on at last, and whether the thief's does.
async fn steal(client: &Client, load: Load, attack: Attack) -> Result<(bool, bool), String> {
    let late = Duration::from_secs(load.late_after_s);
    let stolen = client.log_in().await?;
    let step = async |token: &str| match client.refresh_until_answered(token).await {
        Answer::Token(next) => Ok(next),
        Answer::LoggedOut(why) | Answer::Nothing(why) => {
            Err(format!("{}: a refresh that nobody disturbs: {why}", attack.name()))
        }
    };
    let (mut owner, mut thief) = (Some(stolen.clone()), Some(stolen));
    // Who has been before.
    let (before, owner_first) = match attack {
        Attack::TwoBehind => (2, true),
        Attack::PredecessorLate | Attack::PredecessorAtOnce => (1, true),
        Attack::ThiefFirst | Attack::ThiefFirstOwnerLate => (1, false),
        Attack::ThiefFarAhead => (3, false),
    };
    for _ in 0..before {
        let first = if owner_first { &mut owner } else { &mut thief };
        if let Some(token) = first {
            *token = step(token).await?;
        }
    }
    if matches!(attack, Attack::PredecessorLate | Attack::ThiefFirstOwnerLate) {
        tokio::time::sleep(late).await;
    }
    // Then the other one, and each once more with what it has: the one that was first has the newest token.
    let order = if owner_first { [false, true, false] } else { [true, false, true] };
    for owners_turn in order {
        let who = if owners_turn { &mut owner } else { &mut thief };
        if let Some(token) = who.take() {
            *who = client.refresh_until_answered(&token).await.token();
        }
    }
    Ok((owner.is_some(), thief.is_some()))
}
