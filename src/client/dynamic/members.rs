//! The members of a JSON object, each at most once.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::MetadataFault;

/// What a client may say; what else it says is passed by (RFC 7591 section 2: an unknown member is ignored).
const KNOWN: [&str; 35] = [
    "application_type",
    "authorization_signed_response_alg",
    "backchannel_logout_session_required",
    "backchannel_logout_uri",
    "client_id",
    "client_id_issued_at",
    "client_name",
    "client_secret",
    "client_secret_expires_at",
    "client_uri",
    "contacts",
    "dpop_bound_access_tokens",
    "grant_types",
    "jwks",
    "jwks_uri",
    "logo_uri",
    "policy_uri",
    "post_logout_redirect_uris",
    "redirect_uris",
    "registration_access_token",
    "registration_client_uri",
    "request_object_signing_alg",
    "require_pushed_authorization_requests",
    "require_signed_request_object",
    "response_types",
    "scope",
    "sector_identifier_uri",
    "software_id",
    "software_statement",
    "software_version",
    "subject_type",
    "tls_client_certificate_bound_access_tokens",
    "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg",
    "tos_uri",
];

/// The members that mean something, without those that are `null`, which stands for absent (RFC 7592 section 2.2).
#[derive(Default)]
pub(super) struct Members(BTreeMap<&'static str, Value>);

impl Members {
    pub(super) fn read(json: &[u8]) -> Result<Self, MetadataFault> {
        // What is passed by is not decoded, so it is not found there (RFC 8259 section 8.1).
        let json = std::str::from_utf8(json).map_err(|_| MetadataFault::NotJson)?;
        let first = json.trim_ascii_start().bytes().next();
        let Read { members, repeated } = match serde_json::from_str(json) {
            Ok(read) => read,
            Err(_) if first != Some(b'{') && serde_json::from_str::<IgnoredAny>(json).is_ok() => {
                return Err(MetadataFault::NotAnObject);
            }
            Err(_) => return Err(MetadataFault::NotJson),
        };
        if repeated { Err(MetadataFault::Repeated) } else { Ok(members) }
    }

    /// A text; an empty one is none.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, MetadataFault> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(MetadataFault::Type),
        }
    }

    /// A list of texts.
    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<&str>>, MetadataFault> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) => {
                items.iter().map(|item| item.as_str().ok_or(MetadataFault::Type)).collect::<Result<_, _>>().map(Some)
            }
            Some(_) => Err(MetadataFault::Type),
        }
    }

    /// True or false; absent is false.
    pub(super) fn switch(&self, name: &str) -> Result<bool, MetadataFault> {
        match self.0.get(name) {
            None => Ok(false),
            Some(Value::Bool(is_on)) => Ok(*is_on),
            Some(_) => Err(MetadataFault::Type),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

struct Read {
    members: Members,
    repeated: bool,
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ReadMembers)
    }
}

struct ReadMembers;

impl<'de> Visitor<'de> for ReadMembers {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read, A::Error> {
        let (mut names, mut members, mut repeated) = (HashSet::new(), Members::default(), false);
        while let Some(name) = map.next_key::<String>()? {
            match KNOWN.iter().find(|known| **known == name) {
                Some(known) => match map.next_value()? {
                    Value::Null => {}
                    value => drop(members.0.insert(known, value)),
                },
                None => {
                    let IgnoredAny = map.next_value()?;
                }
            }
            repeated |= !names.insert(name);
        }
        Ok(Read { members, repeated })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_object_is_told_from_what_is_no_json() {
        for (json, fault) in [
            ("", MetadataFault::NotJson),
            ("{", MetadataFault::NotJson),
            ("{}x", MetadataFault::NotJson),
            ("{\"a\":}", MetadataFault::NotJson),
            ("{'a':1}", MetadataFault::NotJson),
            ("{\"\\ud800\":1}", MetadataFault::NotJson),
            ("[", MetadataFault::NotJson),
            ("[]", MetadataFault::NotAnObject),
            ("null", MetadataFault::NotAnObject),
            (" \"{}\" ", MetadataFault::NotAnObject),
            ("1", MetadataFault::NotAnObject),
            ("{\"x\":1,\"x\":1}", MetadataFault::Repeated),
            ("{\"scope\":\"a\",\"sc\\u006fpe\":\"a\"}", MetadataFault::Repeated),
        ] {
            assert_eq!(Members::read(json.as_bytes()).err(), Some(fault), "{json}");
        }
        assert_eq!(Members::read(b"{\"x\":\"\xff\"}").err(), Some(MetadataFault::NotJson));
        assert!(Members::read(b" {\"x\":null,\"scope\":null}\n").is_ok_and(|members| members.0.is_empty()));
    }
}
