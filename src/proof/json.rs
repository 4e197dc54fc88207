//! JSON of strangers: an object in which no member stands twice, at any depth. Of two members of one name some readers
//! take the first and some the last (RFC 8259 section 4), so that two of them would check different things.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

pub(super) type Object = Map<String, Value>;

/// Why there is no object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum JsonFault {
    /// No JSON, or not an object.
    NotAnObject,
    /// A member stands twice.
    Repeated,
}

/// Reads it. How deep it may be is `serde_json`'s to say (128), how long the caller's.
pub(super) fn read_object(json: &[u8]) -> Result<Object, JsonFault> {
    let json = std::str::from_utf8(json).map_err(|_| JsonFault::NotAnObject)?;
    // Twice, since a `Value` forgets what it overwrites, and its own reader knows how numbers are written where a
    // feature of `serde_json` that somebody else turned on writes them as maps.
    let repeated = Cell::new(false);
    let mut reader = serde_json::Deserializer::from_str(json);
    let read = Names(&repeated).deserialize(&mut reader);
    if repeated.get() {
        return Err(JsonFault::Repeated);
    }
    if read.is_err() {
        return Err(JsonFault::NotAnObject);
    }
    serde_json::from_str(json).map_err(|_| JsonFault::NotAnObject)
}

/// Looks at the names alone.
#[derive(Clone, Copy)]
struct Names<'a>(&'a Cell<bool>);

impl<'de> DeserializeSeed<'de> for Names<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Names<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if !names.insert(name) {
                self.0.set(true);
                return Err(A::Error::custom("a member stands twice"));
            }
            members.next_value_seed(self)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_member_stands_twice() {
        for json in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":[{"b":null,"c":1.5,"b":true}]}"#,
        ] {
            assert_eq!(read_object(json.as_bytes()), Err(JsonFault::Repeated), "{json}");
        }
        let json = r#" {"a":{"b":1},"b":[{"a":-1},{"a":1e3}],"c":"a"} "#;
        assert_eq!(read_object(json.as_bytes()).map(|object| object.len()), Ok(3));
    }

    #[test]
    fn nothing_but_an_object_is_one() {
        for json in [&b""[..], b"1", b"null", b"[]", b"\"{}\"", b"{", b"{}{}", b"{} x", b"{\"a\":\"\xff\"}", b"{\"a\"}"]
        {
            assert_eq!(read_object(json), Err(JsonFault::NotAnObject), "{json:?}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        assert_eq!(read_object(deep.as_bytes()), Err(JsonFault::NotAnObject));
    }
}
