//! What the server does in one step, as scripts.
//!
//! Each touches one key, so that a cluster runs it too. One that writes a grant writes last: where it fails it
//! has written nothing.
//!
//! An answer that writes nothing could also come from a replica, which lags. So before it there is `GETEX`: it changes
//! nothing, and a server that may not write refuses it.

use std::sync::OnceLock;

/// A script, and the name that a server has it under once it has run.
pub(super) struct Script {
    code: &'static str,
    sha1: OnceLock<String>,
}

impl Script {
    const fn new(code: &'static str) -> Self {
        Self { code, sha1: OnceLock::new() }
    }

    pub(super) const fn code(&self) -> &'static str {
        self.code
    }

    pub(super) fn sha1(&self) -> &str {
        self.sha1.get_or_init(|| redis::Script::new(self.code).get_hash().to_owned())
    }
}

/// Makes room for a grant under its key, also where an insertion that was broken off has left room. -1 where a grant is. A grant that no
/// index has to know of may stand for its room.
///
/// The room, milliseconds to live.
pub(super) static TAKE: Script = Script::new(
    "local first = redis.call('GETRANGE', KEYS[1], 0, 0)
if first ~= '' and first ~= '\\0' then
  redis.call('GETEX', KEYS[1])
  return -1
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1",
);

/// Turns the room that was made into the grant, if it is still there. -1 where a grant is.
///
/// The room, the grant, milliseconds to live.
pub(super) static FILL: Script = Script::new(
    "local found = redis.call('GETRANGE', KEYS[1], 0, 8)
if found ~= ARGV[1] then
  redis.call('GETEX', KEYS[1])
  if found == '' or string.byte(found) == 0 then return 0 end
  return -1
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1",
);

/// The swap. The head of a stored grant is all that is looked at; a head that is not the expected one comes back, and is
/// empty where there is no grant. Every call to the server's own commands costs as much as a command, so there are two.
///
/// The expected head, the next value, milliseconds to live.
pub(super) static SWAP: Script = Script::new(
    "local head = redis.call('GETRANGE', KEYS[1], 0, 14)
if head ~= ARGV[1] then
  redis.call('GETEX', KEYS[1])
  return head
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1",
);

/// Enters a grant in its owner's index, which then lives so long at least. Returns a few entries of a long index, for
/// [`prune`](super::RedisStore::prune).
///
/// The entry, and milliseconds to live, or -1 for ever.
pub(super) static ENTER: Script = Script::new(
    "local left = redis.call('PTTL', KEYS[1])
local lives = tonumber(ARGV[2])
redis.call('ZADD', KEYS[1], 0, ARGV[1])
if lives < 0 then
  redis.call('PERSIST', KEYS[1])
elseif left ~= -1 and left < lives then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
if redis.call('ZCARD', KEYS[1]) <= 8 then return {} end
return redis.call('ZRANDMEMBER', KEYS[1], 4)",
);

/// A page of an index. The first line removes nothing: a server that may not write, as a replica, refuses it, where it
/// would otherwise answer with what it has seen so far.
pub(super) static PAGE: Script = Script::new(
    "redis.call('ZREMRANGEBYRANK', KEYS[1], 1, 0)
return redis.call('ZRANGE', KEYS[1], ARGV[1], '+', 'BYLEX', 'LIMIT', 0, ARGV[2])",
);

/// Keeps fingerprints of keys unless there is one of that id, and returns all.
pub(super) static FINGERPRINTS: Script = Script::new(
    "for at = 1, #ARGV, 2 do redis.call('HSETNX', KEYS[1], ARGV[at], ARGV[at + 1]) end
redis.call('HDEL', KEYS[1], '')
return redis.call('HGETALL', KEYS[1])",
);
