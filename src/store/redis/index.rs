//! The index of an owner's grants: which there may be. It may name some that are gone, never too few.
//!
//! A sorted set whose members begin with the id, for each owner, that is for each subject. In a cluster it lies elsewhere
//! than the grants, so nothing can be done to both in one step. What holds it together:
//!
//! - A grant is inserted in three steps: *room* for it is made under its key, then it is *entered* in the index, then the
//!   room is *filled*, if it is still there. Room is no grant, and goes by itself after a minute.
//! - Entries are thrown out only where nothing is under the grant's key, not even room. Such a grant was removed, has
//!   expired, or its room was lost; in each case nothing comes under that key by that insertion any more. So an entry is
//!   never taken from a grant that is just being inserted, however long its steps take.
//! - Each insertion has an entry of its own, random beside the id. So an entry is never thrown out for another's sake.
//! - Both the grant and the index expire. Beside each grant is written until when its index is sure to be there, and no
//!   swap has a grant live longer than that: it is turned back, enters the grant again, which has the index live longer, and
//!   then is made.

use redis::{Cmd, Value};

use super::RedisStore;
use super::failure::Failure;
use super::script;
use super::value::{Entry, Reach, id_of};
use crate::grant::{Grant, GrantId, Timestamp};
use crate::store::StoreError;

/// How much longer than the reach an index lives, for clocks of a cluster's nodes that disagree, in milliseconds.
const SPARE: u64 = 3_600_000;
const SPARE_TEXT: &[u8] = b"3600000";
/// An index that lives for 30 days at least is made to live longer less often.
const LEAST_REACH: u64 = 30 * 86_400_000;

impl RedisStore {
    /// Enters a grant in its owner's index, and says until when the index is sure to be there.
    pub(super) async fn enter(&self, grant: &Grant, entry: Entry, now: Timestamp) -> Result<Entered, Failure> {
        let Some(subject) = grant.subject() else { return Ok(Entered { reach: Reach::FOREVER, some: Vec::new() }) };
        let member = entry.member(grant.id());
        let reach = reach(grant, now).to_string();
        let args: [&[u8]; 3] = [member.as_bytes(), reach.as_bytes(), SPARE_TEXT];
        match self.link.run(&script::ENTER, &self.owner_key(subject), &args).await? {
            Value::Array(answer) => match <[Value; 2]>::try_from(answer) {
                Ok([Value::Int(reach), some]) => {
                    Ok(Entered { reach: Reach::from_millis(reach), some: members(some).unwrap_or_default() })
                }
                _ => Err(Failure::unexpected_answer()),
            },
            _ => Err(Failure::unexpected_answer()),
        }
    }

    /// The entries after a grant's, at most so many.
    pub(super) async fn entries(
        &self,
        subject: &str,
        after: Option<GrantId>,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        // After every entry of that id: they go on with a hexadecimal digit.
        let from = after.map_or_else(|| "-".to_owned(), |id| format!("({id}g"));
        let limit = limit.to_string();
        let args: [&[u8]; 2] = [from.as_bytes(), limit.as_bytes()];
        let page = self.link.run(&script::PAGE, &self.owner_key(subject), &args).await.map_err(Failure::of_nothing)?;
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

/// What comes of [`RedisStore::enter`].
pub(super) struct Entered {
    pub(super) reach: Reach,
    /// A few members of the index, where it is long.
    pub(super) some: Vec<Vec<u8>>,
}

/// For how many milliseconds the index is to be there: for more than the grant lives as it is, so that few of its refreshes
/// come to the end of it; -1 is for ever.
fn reach(grant: &Grant, now: Timestamp) -> i64 {
    if grant.expires_at() == Timestamp::MAX {
        return -1;
    }
    let lives = super::lives(grant, now);
    let at_most = grant.absolute_expires_at().as_millis().saturating_sub(now.as_millis()).max(lives);
    let reach = lives.saturating_mul(2).max(LEAST_REACH).min(at_most).saturating_add(SPARE);
    i64::try_from(reach).unwrap_or(-1)
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
