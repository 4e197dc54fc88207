//! Single use: a store refuses an id that exists, so what may be used once is inserted.
//!
//! The id is computed from what is used, and so is the same on every node. A marker keeps what the thing was spent for: seen before
//! for the same is a lost answer, and no replay.

use smallvec::SmallVec;

use super::Engine;
use super::failure::Failure;
use super::refusal::Unavailable;
use super::swap::{ATTEMPTS, new_version};
use super::time::Time;
use crate::client::Clients;
use crate::grant::members::{Marker, Special};
use crate::grant::{Grant, GrantId, Timestamp, Version};
use crate::secret::root::LabelledKey;
use crate::store::{Insert, StoreErrorKind, TokenStore};

/// How many things may share an id before the last of them is refused: 44 bits collide in a large deployment. Whatever is stepped over is
/// there for as long as what stepped over it, so a place that is free has nothing behind it.
const STEPS: u8 = 4;

/// Something that is used once.
pub(super) struct Thing<'a> {
    pub(super) kind: Kind,
    /// Whose it is.
    pub(super) issuer: &'a str,
    /// What its issuer calls it.
    pub(super) name: &'a [u8],
    /// Nobody accepts it from here on. It is a part of what the thing is, the same wherever it is shown.
    pub(super) until: Timestamp,
}

/// What kind of thing it is. The texts are for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// An authorization request that a page carries.
    Interaction,
    /// A proof of possession.
    #[cfg(feature = "proof")]
    Proof,
    /// An assertion of a client.
    #[cfg(feature = "proof")]
    Assertion,
    /// An assertion that is a grant.
    #[cfg(feature = "proof")]
    GrantAssertion,
    /// A code challenge.
    #[cfg(feature = "proof")]
    Challenge,
}

impl Kind {
    const fn text(self) -> &'static str {
        match self {
            Self::Interaction => "interaction",
            #[cfg(feature = "proof")]
            Self::Proof => "proof",
            #[cfg(feature = "proof")]
            Self::Assertion => "assertion",
            #[cfg(feature = "proof")]
            Self::GrantAssertion => "grant assertion",
            #[cfg(feature = "proof")]
            Self::Challenge => "challenge",
        }
    }
}

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Spending {
    /// This is the first time.
    First,
    /// It was spent for the same: the answer got lost. Where that is, and since when.
    Again { grant: Option<GrantId>, since: Timestamp },
    /// It was spent for something else.
    Elsewhere,
}

/// What a thing comes to under one key.
struct Traces {
    thing: [u8; 20],
    spent_for: [u8; 20],
}

impl Thing<'_> {
    fn traces(&self, key: &LabelledKey, spent_for: &[&[u8]]) -> Traces {
        let (kind, issuer) = (self.kind.text().as_bytes(), self.issuer.as_bytes());
        let until = self.until.as_millis().to_be_bytes();
        let thing: [&[u8]; 5] = [b"thing", kind, issuer, self.name, &until];
        let spent_for: Vec<&[u8]> =
            [&b"spent for"[..], kind, issuer, self.name, &until].into_iter().chain(spent_for.iter().copied()).collect();
        Traces { thing: cut(key.mac(&thing)), spent_for: cut(key.mac(&spent_for)) }
    }

    /// The place that is tried after so many others had things of the same id.
    fn place(&self, key: &LabelledKey, step: u8) -> GrantId {
        let until = self.until.as_millis().to_be_bytes();
        let members: [&[u8]; 6] =
            [b"place", self.kind.text().as_bytes(), self.issuer.as_bytes(), self.name, &until, &[step]];
        GrantId::computed_until(&key.mac(&members), self.until)
    }
}

/// What one is that was spent under the other secret and perhaps under its own. Under both it was by two at once, as by nodes that have them in
/// another order: again, where it comes to the same grant, whose record tells them apart; else neither, since nobody could.
fn of_both(other: Spending, own: Option<Spending>) -> Spending {
    match (other, own) {
        (Spending::Again { grant, .. }, Some(Spending::Again { grant: own, .. })) if grant == own => other,
        (other, None) => other,
        _ => Spending::Elsewhere,
    }
}

fn cut(mac: [u8; 32]) -> [u8; 20] {
    let mut cut = [0; 20];
    cut.copy_from_slice(&mac[..20]);
    cut
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Spends a thing for something, which comes to this grant if to any.
    pub(super) async fn spend(
        &self,
        thing: &Thing<'_>,
        spent_for: &[&[u8]],
        grant: Option<GrantId>,
        time: &Time<'_>,
    ) -> Result<Spending, Failure> {
        let Some(roots) = &self.roots else { return Ok(Spending::Elsewhere) };
        let (key, other) = roots.markers(time.now());
        // Looked at first: what was refused since it was spent under the other one must leave nothing here that reads as this one's own use.
        if let Some(other) = other {
            if let Some(spending) = self.spent_under(other, thing, spent_for).await? {
                return Ok(of_both(spending, self.spent_under(key, thing, spent_for).await?));
            }
        }
        let spending = self.spend_under(key, thing, spent_for, grant, time).await?;
        // And again once it is written: of two nodes that have the secrets in another order, one sees the other, or each does.
        match (spending, other) {
            (Spending::First, Some(other)) => Ok(match self.spent_under(other, thing, spent_for).await? {
                None => Spending::First,
                Some(other) => of_both(other, Some(Spending::Again { grant, since: time.now() })),
            }),
            (spending, _) => Ok(spending),
        }
    }

    /// What a thing was spent for, if it was; nothing is written.
    pub(super) async fn spent(
        &self,
        thing: &Thing<'_>,
        spent_for: &[&[u8]],
        time: &Time<'_>,
    ) -> Result<Option<Spending>, Failure> {
        let Some(roots) = &self.roots else { return Ok(None) };
        let (key, other) = roots.markers(time.now());
        let own = self.spent_under(key, thing, spent_for).await?;
        let Some(other) = other else { return Ok(own) };
        Ok(match (self.spent_under(other, thing, spent_for).await?, own) {
            (Some(other), own) => Some(of_both(other, own)),
            (None, own) => own,
        })
    }

    async fn spend_under(
        &self,
        key: &LabelledKey,
        thing: &Thing<'_>,
        spent_for: &[&[u8]],
        grant: Option<GrantId>,
        time: &Time<'_>,
    ) -> Result<Spending, Failure> {
        let traces = thing.traces(key, spent_for);
        let marker = Marker { thing: traces.thing, spent_for: traces.spent_for, grant };
        // As long as any node could accept it: clocks differ in both directions, and a write takes its time.
        let skew = self.settings.clock_skew;
        let expires_at = thing.until + skew + skew + self.settings.longest_commit;
        let (mut step, mut in_doubt) = (0, SmallVec::<[Version; 2]>::new());
        for _ in 0..ATTEMPTS + usize::from(STEPS) {
            if step == STEPS {
                break;
            }
            let (id, version, now) = (thing.place(key, step), new_version(), time.now());
            // It was kept waiting for so long that the marker of whoever was first may be gone.
            if now >= expires_at {
                return Ok(Spending::Elsewhere);
            }
            let special = Special::Marker(marker);
            let record = Grant::special(id, version, self.realm.name(), special, now, expires_at);
            match self.store.insert(&record, now).await {
                Ok(Insert::Added) => return Ok(Spending::First),
                Ok(Insert::Duplicate) => {}
                Err(error) if error.kind() == StoreErrorKind::Indeterminate => in_doubt.push(version),
                Err(error) => return Err(error.into()),
            }
            match self.store.load(id).await? {
                // A write that was in doubt took place, perhaps an earlier one.
                Some(stored) if in_doubt.contains(&stored.version) => return Ok(Spending::First),
                Some(stored) => match judge(&stored, &traces) {
                    Some(spending) => return Ok(spending),
                    // Stepped over, it would be gone while this thing is still accepted, and its place free for this thing again. Within
                    // minutes it is gone first.
                    None if stored.expires_at < expires_at => break,
                    None => step += 1,
                },
                // It did not, or what was there is gone.
                None => {}
            }
        }
        Err(Unavailable::Contention.into())
    }

    /// Whether it was spent under this key.
    async fn spent_under(
        &self,
        key: &LabelledKey,
        thing: &Thing<'_>,
        spent_for: &[&[u8]],
    ) -> Result<Option<Spending>, Failure> {
        let traces = thing.traces(key, spent_for);
        for step in 0..STEPS {
            let Some(stored) = self.store.load(thing.place(key, step)).await? else { return Ok(None) };
            if let Some(spending) = judge(&stored, &traces) {
                return Ok(Some(spending));
            }
        }
        Ok(None)
    }
}

/// What a record says of a thing; `None` where it is of another.
fn judge(stored: &Grant, traces: &Traces) -> Option<Spending> {
    let Some(Special::Marker(marker)) = stored.members.as_deref().and_then(|members| members.special.as_ref()) else {
        return None;
    };
    if marker.thing != traces.thing {
        return None;
    }
    Some(if marker.spent_for == traces.spent_for {
        Spending::Again { grant: marker.grant, since: stored.created_at }
    } else {
        Spending::Elsewhere
    })
}
