//! Whom a token is for.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// The claim `aud` (RFC 7519 section 4.1.3): one string where it is one, else an array. Never empty when it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Audience<'a>(Vec<Cow<'a, str>>);

impl<'a> Audience<'a> {
    /// These, in this order.
    pub(crate) fn new<T: Into<Cow<'a, str>>>(names: impl IntoIterator<Item = T>) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }

    /// Whether this name is among them, byte for byte.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.iter().any(|one| one == name)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }
}

impl Serialize for Audience<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &*self.0 {
            [one] => serializer.serialize_str(one),
            several => serializer.collect_seq(several),
        }
    }
}

impl<'de> Deserialize<'de> for Audience<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;

        impl<'de> Visitor<'de> for OneOrMore {
            type Value = Vec<Cow<'static, str>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of strings")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
                Ok(vec![Cow::Owned(name.to_owned())])
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = array.next_element::<String>()? {
                    names.push(Cow::Owned(name));
                }
                Ok(names)
            }
        }

        let names = deserializer.deserialize_any(OneOrMore)?;
        if names.is_empty() || names.iter().any(|name| name.is_empty()) {
            return Err(D::Error::custom("an empty audience"));
        }
        Ok(Self(names))
    }
}
