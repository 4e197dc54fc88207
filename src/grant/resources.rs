//! The resources that a grant was consented for: RFC 8707.

use smol_str::SmolStr;

use super::codec::DecodeError;

/// What a grant keeps of the resources that its authorization named: fixed for its life, as its scope is.
///
/// ```text
/// those that the first token request named, a bit for each place 2 | of each: length 2, URI
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct GrantResources {
    /// As the engine spelt them, each once: 1 to [`MAX`](Self::MAX).
    pub(crate) uris: Box<[SmolStr]>,
    /// Places of this list; 0 where none was named yet.
    pub(crate) first_named: u16,
}

impl GrantResources {
    /// How many there can be: what the mask of an access token can select from.
    pub(crate) const MAX: usize = 16;

    /// Each with the bit that selects it.
    pub(crate) fn bits(&self) -> impl Iterator<Item = (u16, &str)> {
        self.uris.iter().take(Self::MAX).enumerate().map(|(at, uri)| (1 << at, uri.as_str()))
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = self.first_named.to_be_bytes().to_vec();
        for uri in &self.uris {
            // Within bounds that are checked where the engine is built.
            out.extend(u16::try_from(uri.len()).unwrap_or(u16::MAX).to_be_bytes());
            out.extend(uri.as_bytes());
        }
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (first_named, mut rest) = bytes.split_first_chunk().ok_or(DecodeError::Corrupt)?;
        let first_named = u16::from_be_bytes(*first_named);
        let mut uris: Vec<SmolStr> = Vec::new();
        while !rest.is_empty() {
            let (length, after) = rest.split_first_chunk().ok_or(DecodeError::Corrupt)?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (uri, after) = after.split_at_checked(length).ok_or(DecodeError::Corrupt)?;
            let uri = std::str::from_utf8(uri).map_err(|_| DecodeError::Corrupt)?;
            let is_uri = !uri.is_empty() && uri.bytes().all(|byte| byte.is_ascii_graphic());
            if !is_uri || uris.len() == Self::MAX || uris.iter().any(|earlier| earlier == uri) {
                return Err(DecodeError::Corrupt);
            }
            uris.push(uri.into());
            rest = after;
        }
        let outside = u32::from(first_named) >> uris.len();
        if uris.is_empty() || outside != 0 {
            Err(DecodeError::Corrupt)
        } else {
            Ok(Self { uris: uris.into(), first_named })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::members::Members;
    use super::*;
    use crate::grant::{Grant, Version};

    fn of(uris: &[&str], first_named: u16) -> Grant {
        let resources = GrantResources { uris: uris.iter().map(SmolStr::new).collect(), first_named };
        let members = Members { resources: Some(resources), ..Members::default() };
        Grant { members: Some(Arc::new(members)), ..Grant::sample("alice", "app") }
    }

    /// As bytes, since records on disk are for ever.
    #[test]
    fn what_is_stored_stays_what_it_is() {
        let grant = of(&["urn:a", "https://b"], 2);
        let bytes = grant.encode();
        assert_eq!(bytes[0], 2);
        assert!(bytes.ends_with(b"\x01\x10\x00\x14\x00\x02\x00\x05urn:a\x00\x09https://b"));
        let read = Grant::decode(&bytes).unwrap();
        assert_eq!(read, grant);
        assert_eq!(read.resources().collect::<Vec<_>>(), ["urn:a", "https://b"]);
        assert_eq!((read.subject(), read.realm(), read.is_login()), (Some("alice"), None, true));
    }

    #[test]
    fn what_was_named_first_stays_the_first_and_takes_no_more_room() {
        let mut grant = of(&["urn:a", "urn:b"], 0);
        let before = grant.encode().len();
        for named in [2, 3] {
            grant.version = Version::from_u64(2);
            grant.name_resources(named);
            assert_eq!(grant.resource_list().unwrap().first_named, 2);
        }
        assert_eq!(grant.encode().len(), before);
        let mut only = of(&["urn:a"], 0);
        only.name_resources(1);
        assert_eq!(only.resource_list().unwrap().first_named, 0, "of one there is nothing to choose");
    }

    #[test]
    fn what_no_version_writes_is_damaged() {
        let sixteen: Vec<u8> = (b'a'..=b'p').flat_map(|name| [0, 1, name]).collect();
        let whole = GrantResources::decode(&[&[0xff, 0xff], &sixteen[..]].concat()).unwrap();
        assert_eq!(whole.encode(), [&[0xff, 0xff], &sixteen[..]].concat());
        for (what, bytes) in [
            ("nothing", vec![]),
            ("half a mask", vec![0]),
            ("no resource", vec![0, 0]),
            ("an empty one", vec![0, 0, 0, 0]),
            ("one that is cut off", b"\0\0\0\x05urn:".to_vec()),
            ("one twice", b"\0\0\0\x01a\0\x01a".to_vec()),
            ("a space", b"\0\0\0\x03a b".to_vec()),
            ("no ASCII", "\0\0\0\u{2}\u{e9}".as_bytes().to_vec()),
            ("a named one that is not there", b"\0\x02\0\x01a".to_vec()),
            ("seventeen", [&[0, 0], &sixteen[..], &[0, 1, b'q']].concat()),
        ] {
            assert_eq!(GrantResources::decode(&bytes), Err(DecodeError::Corrupt), "{what}");
        }
    }
}
