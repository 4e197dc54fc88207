//! What the server does in one step, as scripts.
//!
//! Each touches one key, so that a cluster runs it too, and writes last: a script that fails has written nothing.

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

/// Turns what [`reserve`](super::reserve) left under a key into the grant: only if it is still there.
pub(super) static FILL: Script = Script::new(
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1",
);

/// The swap. Of what is there only the header is looked at, which comes back where the owner's index has to live longer
/// first. The layout is that of [`value`](super::value).
///
/// Expected version, next version, record, milliseconds to live, and a reach to write or nothing to keep the one there.
pub(super) static SWAP: Script = Script::new(
    "local head = redis.call('GETRANGE', KEYS[1], 0, 18)
if #head < 19 or string.byte(head) ~= 1 or string.sub(head, 2, 9) ~= ARGV[1] then return 0 end
local reach = ARGV[5]
if reach == '' then reach = string.sub(head, 10, 15) end
local a, b, c, d, e, f = string.byte(reach, 1, 6)
local last = ((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f
if last ~= 281474976710655 then
  local time = redis.call('TIME')
  if time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[4] > last then return head end
end
redis.call('SET', KEYS[1], '\\1' .. ARGV[2] .. reach .. string.sub(head, 16, 19) .. ARGV[3], 'PX', ARGV[4])
return 1",
);

/// Removes a grant and returns it; one that was written by a later version of this crate is returned and stays.
///
/// The latest format of a record that is known here.
pub(super) static REMOVE: Script = Script::new(
    "local value = redis.call('GET', KEYS[1])
if not value then return false end
local kind, format = string.byte(value), string.byte(value, 20) or 0
if kind and (kind > 1 or (kind == 1 and format > tonumber(ARGV[1]))) then return value end
redis.call('DEL', KEYS[1])
return value",
);

/// Enters a grant in its owner's index, and has the index live at least as long as the grant's reach, and a while longer.
/// Returns the reach as the server's time, or -1 for ever, and of a long index a few entries for [`prune`](super::index).
///
/// Entry, milliseconds of reach or -1, milliseconds more.
pub(super) static ENTER: Script = Script::new(
    "local left = redis.call('PTTL', KEYS[1])
local reach = tonumber(ARGV[2])
redis.call('ZADD', KEYS[1], 0, ARGV[1])
if reach < 0 then
  redis.call('PERSIST', KEYS[1])
elseif left ~= -1 and left < reach + ARGV[3] then
  redis.call('PEXPIRE', KEYS[1], reach + ARGV[3])
end
local some = {}
if redis.call('ZCARD', KEYS[1]) > 8 then some = redis.call('ZRANDMEMBER', KEYS[1], 4) end
if reach < 0 then return {-1, some} end
local time = redis.call('TIME')
return {time[1] * 1000 + math.floor(time[2] / 1000) + reach, some}",
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
