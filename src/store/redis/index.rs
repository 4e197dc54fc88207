//! The index of an owner's grants: which there may be. It may name some that are gone, never too few.
//!
//! A sorted set whose members begin with the id, for each owner, that is for each subject. In a cluster it lies elsewhere
//! than the grants, so nothing can be done to both in one step. What holds it together:
//!
//! - A grant is inserted in three steps: *room* for it is made under its key, then it is *entered* in the index, then the
//!   room is *filled*, if it is still the same. Room is no grant, and goes by itself after a minute; another insertion of
//!   that id may take its place, and then the first begins again.
//! - Entries are thrown out only where nothing is under the grant's key, not even room. Such a grant was removed, has
//!   expired, or its room was lost; in each case nothing comes under that key by that insertion any more. So an entry is
//!   never taken from a grant that is just being inserted, however long its steps take.
//! - Each insertion has an entry of its own, random beside the id. So an entry is never thrown out for another's sake.
//! - Both the grant and the index expire. The index is made to live [`until`] some time after the grant does; that is written
//!   beside the grant, and follows from the grant alone. Where a swap would move it, the swap is turned back, the grant
//!   entered again, which has the index live longer, and then the swap is made. It moves in steps that double, so this
//!   happens three times in a year.

use redis::{Cmd, Value};

use super::RedisStore;
use super::failure::Failure;
use super::link::Deadline;
use super::script;
use super::value::{id_of, member};
use crate::grant::{Grant, GrantId, Timestamp};
use crate::store::StoreError;

/// The first step of [`until`], in milliseconds.
const STEP: u64 = 64 * 86_400_000;
/// How much longer an index lives, for clocks that disagree: those of the callers, and of a cluster's nodes.
const SPARE: u64 = 7 * 86_400_000;

/// Until when an owner's index is to be there for this grant: never before the grant expires, and seldom another time for
/// the same grant refreshed.
pub(super) fn until(grant: &Grant) -> Timestamp {
    let lives = grant.expires_at().since(grant.created_at()).as_millis();
    let mut step = STEP;
    while u128::from(step) < lives {
        step *= 2;
    }
    let end = grant.created_at().as_millis().saturating_add(step);
    let at_most = grant.absolute_expires_at().max(grant.expires_at());
    Timestamp::from_millis(end).min(at_most)
}

/// The place after every entry of that id: they go on with a hexadecimal digit.
pub(super) fn past(id: GrantId) -> Vec<u8> {
    format!("({id}g").into_bytes()
}

/// The place after an entry, whatever it is, and after all others of its grant, if it has one.
pub(super) fn past_entry(entry: &[u8]) -> Vec<u8> {
    let past_itself = [b"(", entry].concat();
    id_of(entry).map_or_else(Vec::new, past).max(past_itself)
}

impl RedisStore {
    /// Enters a grant in its owner's index, which lives until then. Returns a few entries, where the index is long.
    pub(super) async fn enter(
        &self,
        subject: &str,
        id: GrantId,
        until: Timestamp,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<Vec<Vec<u8>>, Failure> {
        let lives = match until {
            Timestamp::MAX => "-1".to_owned(),
            until => until.as_millis().saturating_sub(now.as_millis()).saturating_add(SPARE).to_string(),
        };
        let member = member(id);
        let args: [&[u8]; 2] = [member.as_bytes(), lives.as_bytes()];
        let some = self.link.run(&script::ENTER, &self.owner_key(subject), &args, deadline).await?;
        members(some).ok_or_else(Failure::unexpected_answer)
    }

    /// The entries from a place on, at most so many.
    pub(super) async fn entries(&self, subject: &str, from: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let limit = limit.to_string();
        let args: [&[u8]; 2] = [from, limit.as_bytes()];
        let page = self.link.run(&script::PAGE, &self.owner_key(subject), &args, self.link.deadline()).await;
        let page = page.map_err(Failure::of_nothing)?;
        members(page).ok_or_else(|| Failure::unexpected_answer().of_nothing())
    }

    /// Throws out entries. That it fails is of no account: they are thrown out another time.
    pub(super) async fn throw_out(&self, subject: &str, dead: &[Vec<u8>]) {
        if dead.is_empty() {
            return;
        }
        let mut command = redis::cmd("ZREM");
        command.arg(self.owner_key(subject)).arg(dead);
        let _ = self.link.send(&command).await;
    }

    /// Looks at a few entries of a long index, and throws out those whose grants are gone. With four looked at for each
    /// that is entered, those that are gone stay fewer than a third of the others, in the long run.
    pub(super) async fn prune(&self, subject: &str, some: Vec<Vec<u8>>) {
        let commands: Option<Vec<Cmd>> = some.iter().map(|member| Some(self.get(id_of(member)?))).collect();
        let Some(commands) = commands else { return };
        let Ok(found) = self.link.send_all(commands).await else { return };
        let dead = some.into_iter().zip(found).filter(|(_, found)| *found == Value::Nil);
        self.throw_out(subject, &dead.map(|(member, _)| member).collect::<Vec<_>>()).await;
    }
}

fn members(value: Value) -> Option<Vec<Vec<u8>>> {
    let member = |value| match value {
        Value::BulkString(member) => Some(member),
        _ => None,
    };
    match value {
        Value::Array(values) | Value::Set(values) => values.into_iter().map(member).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(created: u64, expires: u64, absolute: u64) -> u64 {
        let mut grant = Grant::sample("alice", "app");
        grant.created_at = Timestamp::from_millis(created);
        grant.expires_at = Timestamp::from_millis(expires);
        grant.absolute_expires_at = Timestamp::from_millis(absolute);
        until(&grant).as_millis()
    }

    #[test]
    fn an_index_lives_as_long_as_the_grant_in_steps_that_double() {
        let (day, never) = (86_400_000, Timestamp::MAX.as_millis());
        assert_eq!(of(0, 60_000, never), 64 * day, "a code, and what it is redeemed for, have the same");
        assert_eq!(of(0, 64 * day, never), 64 * day);
        assert_eq!(of(0, 64 * day + 1, never), 128 * day);
        assert_eq!(of(0, 300 * day, never), 512 * day);
        assert_eq!(of(0, 300 * day, 365 * day), 365 * day);
        assert_eq!(of(0, never, never), never);
        assert_eq!(of(9 * day, day, day), day, "of one that has expired before it was made");
    }
}
