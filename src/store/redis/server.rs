//! Whether a server is one that keeps grants.

use redis::Value;

use super::failure::{Failure, RedisStoreError};
use super::link::Link;

/// Looks at what each server says of itself, once, at the start. A server that does not let itself be asked is taken as
/// it is. Whether all that answered keep an append-only file, where all say so or not.
pub(super) async fn check(link: &Link, may_evict: bool) -> Result<Option<bool>, RedisStoreError> {
    let said = match link.ask_every(&redis::cmd("INFO")).await {
        Ok(said) => said,
        Err(failure) if failure.is_refusal_to_say() => return Ok(None),
        Err(failure) => return Err(RedisStoreError::Connect(Failure::into_cause(failure))),
    };
    let mut texts = Vec::new();
    gather(said, &mut texts);
    texts.iter().try_for_each(|text| check_one(text, may_evict))?;
    Ok(all_append(&texts))
}

/// Of nodes of which some do not say it nothing is known, unless another says no.
fn all_append(texts: &[String]) -> Option<bool> {
    let said: Vec<_> = texts.iter().map(|text| field(text, "aof_enabled")).collect();
    match &said[..] {
        said if said.contains(&Some("0")) => Some(false),
        said if !said.is_empty() && said.iter().all(|said| *said == Some("1")) => Some(true),
        _ => None,
    }
}

fn check_one(info: &str, may_evict: bool) -> Result<(), RedisStoreError> {
    let version = field(info, "redis_version").unwrap_or_default();
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| major < 7) {
        return Err(RedisStoreError::TooOld { version: version.to_owned() });
    }
    let policy = field(info, "maxmemory_policy").unwrap_or("noeviction");
    let is_limited = field(info, "maxmemory").is_some_and(|limit| limit != "0");
    if is_limited && policy != "noeviction" && !may_evict {
        return Err(RedisStoreError::Evicts { policy: policy.to_owned() });
    }
    Ok(())
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
}

/// One text, or one for each node.
fn gather(value: Value, texts: &mut Vec<String>) {
    match value {
        Value::BulkString(bytes) => texts.push(String::from_utf8_lossy(&bytes).into_owned()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => texts.push(text),
        Value::Array(values) => values.into_iter().for_each(|value| gather(value, texts)),
        Value::Map(values) => values.into_iter().for_each(|(_, value)| gather(value, texts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_node_without_an_append_only_file_is_enough() {
        let [on, off, silent] =
            ["# Persistence\r\naof_enabled:1\r\n", "aof_enabled:0\r\n", "loading:0\r\n"].map(str::to_owned);
        for (texts, expected) in [
            (vec![], None),
            (vec![on.clone()], Some(true)),
            (vec![off.clone()], Some(false)),
            (vec![silent.clone()], None),
            (vec![on.clone(), on.clone()], Some(true)),
            (vec![on.clone(), silent.clone()], None),
            (vec![on, silent, off], Some(false)),
        ] {
            assert_eq!(all_append(&texts), expected, "{texts:?}");
        }
    }

    #[test]
    fn only_a_limit_makes_a_policy_matter() {
        let info = |version, limit, policy| {
            format!("# Server\r\nredis_version:{version}\r\nmaxmemory:{limit}\r\nmaxmemory_policy:{policy}\r\n")
        };
        assert!(check_one(&info("7.0.15", 0, "allkeys-lru"), false).is_ok());
        assert!(check_one(&info("7.2.4", 9, "noeviction"), false).is_ok());
        assert!(check_one(&info("8.0.0", 9, "volatile-lru"), true).is_ok());
        let evicts = check_one(&info("7.0.15", 9, "volatile-lru"), false);
        assert!(matches!(evicts, Err(RedisStoreError::Evicts { policy }) if policy == "volatile-lru"));
        let too_old = check_one(&info("6.2.1", 0, "noeviction"), false);
        assert!(matches!(too_old, Err(RedisStoreError::TooOld { version }) if version == "6.2.1"));
        assert!(check_one("", false).is_ok());
    }
}
