//! An authorization request that a client pushed (RFC 9126), as its `request_uri` has it: it travels in a URL, so it is compact.
//!
//! ```text
//! version and how it came 1 | id 16 | until, ms 6 | answered until, ms 6 | parameters
//! parameter: a name of `NAMES` 1, or 255 | length and name      length and value, or a challenge by S256: its 32 bytes
//! ```
//!
//! A length is 7 bits a byte, the least first, the highest bit set where more follow.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::grant::Timestamp;

/// What is left of the version when how it came is taken off.
const VERSION: u8 = 0x10;

/// Names by their places, which are for as long as a pushed request lives on any node: a new one stands at the end.
const NAMES: [&str; 20] = [
    CHALLENGE,
    METHOD,
    "response_type",
    "response_mode",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "resource",
    "prompt",
    "max_age",
    "display",
    "ui_locales",
    "acr_values",
    "login_hint",
    "id_token_hint",
    "claims",
    "claims_locales",
    "dpop_jkt",
    "audience",
];
const CHALLENGE: &str = "code_challenge";
const METHOD: &str = "code_challenge_method";
/// A challenge and its method in one.
const S256: u8 = 254;
const OTHER: u8 = 255;

/// A pushed request, opened or to be sealed.
pub(crate) struct Pushed {
    /// 128 random bits: what is answered once.
    pub(crate) id: [u8; 16],
    /// Until when its `request_uri` is taken at the authorization endpoint.
    pub(crate) until: Timestamp,
    /// Until when it may be answered, by whatever page shows it.
    pub(crate) answered_until: Timestamp,
    /// How it came: two bits of the engine's.
    pub(crate) came: u8,
    /// As a form has them, decoded.
    pub(crate) parameters: Zeroizing<Vec<(String, String)>>,
}

impl Pushed {
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(512));
        bytes.push(VERSION + self.came % 4);
        bytes.extend_from_slice(&self.id);
        for time in [self.until, self.answered_until] {
            bytes.extend_from_slice(&time.as_millis().to_be_bytes()[2..]);
        }
        let digest = self.challenge();
        if let Some(digest) = &digest {
            bytes.push(S256);
            bytes.extend_from_slice(digest);
        }
        for (name, value) in self.parameters.iter() {
            match NAMES.iter().position(|known| known == name).and_then(|place| u8::try_from(place).ok()) {
                // Said above.
                Some(0 | 1) if digest.is_some() => continue,
                Some(place) => bytes.push(place),
                None => {
                    bytes.push(OTHER);
                    push_text(&mut bytes, name);
                }
            }
            push_text(&mut bytes, value);
        }
        bytes
    }

    /// The digest of a challenge by S256 which is written in the one way that it can be, so that nothing of it is lost.
    fn challenge(&self) -> Option<[u8; 32]> {
        let value = |wanted: &str| {
            let mut values = self.parameters.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value);
            values.next().filter(|_| values.next().is_none())
        };
        let digest: [u8; 32] = URL_SAFE_NO_PAD.decode(value(CHALLENGE)?).ok()?.try_into().ok()?;
        (value(METHOD)? == "S256").then_some(digest)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&[version], bytes) = bytes.split_first_chunk()?;
        let came = version.checked_sub(VERSION).filter(|came| *came < 4)?;
        let (id, bytes) = bytes.split_first_chunk::<16>()?;
        let (until, bytes) = bytes.split_first_chunk::<6>()?;
        let (answered_until, mut bytes) = bytes.split_first_chunk::<6>()?;
        let mut parameters = Zeroizing::new(Vec::new());
        while let Some((&tag, rest)) = bytes.split_first() {
            bytes = rest;
            if tag == S256 {
                let (digest, rest) = bytes.split_first_chunk::<32>()?;
                bytes = rest;
                parameters.push((CHALLENGE.to_owned(), URL_SAFE_NO_PAD.encode(digest)));
                parameters.push((METHOD.to_owned(), String::from("S256")));
                continue;
            }
            let name = match tag {
                OTHER => take_text(&mut bytes)?,
                place => (*NAMES.get(usize::from(place))?).to_owned(),
            };
            parameters.push((name, take_text(&mut bytes)?));
        }
        Some(Self { id: *id, until: time(*until), answered_until: time(*answered_until), came, parameters })
    }
}

fn time([a, b, c, d, e, f]: [u8; 6]) -> Timestamp {
    Timestamp::from_millis(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    let mut left = text.len();
    while left >= 0x80 {
        bytes.push(left.to_le_bytes()[0] | 0x80);
        left >>= 7;
    }
    bytes.push(left.to_le_bytes()[0]);
    bytes.extend_from_slice(text.as_bytes());
}

fn take_text(bytes: &mut &[u8]) -> Option<String> {
    let mut len = 0usize;
    for place in 0.. {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        // Longer than anything that is sealed.
        if place == 3 {
            return None;
        }
        len |= usize::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            break;
        }
    }
    let (text, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pushed(parameters: &[(&str, &str)]) -> Pushed {
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Pushed {
            id: [7; 16],
            until: Timestamp::from_secs(60),
            answered_until: Timestamp::from_secs(1_860),
            came: 1,
            parameters: Zeroizing::new(parameters),
        }
    }

    fn sorted(parameters: &[(String, String)]) -> Vec<(String, String)> {
        let mut sorted = parameters.to_vec();
        sorted.sort();
        sorted
    }

    #[track_caller]
    fn comes_back(before: &Pushed) {
        let after = Pushed::decode(&before.encode()).unwrap();
        assert_eq!((after.id, after.until, after.answered_until), (before.id, before.until, before.answered_until));
        assert_eq!(after.came, before.came);
        assert_eq!(sorted(&after.parameters), sorted(&before.parameters));
    }

    const DIGEST: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn a_request_comes_back_as_it_was() {
        for parameters in [
            &[][..],
            &[("scope", "read"), ("code_challenge_method", "S256"), ("code_challenge", DIGEST), ("of_the_host", "é")],
            &[("code_challenge", DIGEST)],
            &[("code_challenge", DIGEST), ("code_challenge_method", "plain")],
            &[("code_challenge", "short"), ("code_challenge_method", "S256")],
            // Its last two bits say nothing, so another writing of the same digest is not the same challenge.
            &[("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cN"), ("code_challenge_method", "S256")],
            &[("resource", "https://a"), ("resource", "https://b"), ("", "")],
        ] {
            comes_back(&pushed(parameters));
        }
        let long = "x".repeat(70_000);
        comes_back(&pushed(&[("state", &long[..128]), ("nonce", &long[..127]), ("claims", &long)]));
    }

    #[test]
    fn what_everybody_sends_is_short() {
        let usual = pushed(&[
            ("response_type", "code"),
            ("redirect_uri", "https://portal.example/cb"),
            ("scope", "openid read"),
            ("state", "af0ifjsldkjaf0ifjsldkj"),
            ("code_challenge", DIGEST),
            ("code_challenge_method", "S256"),
        ]);
        assert_eq!(usual.encode().len(), 29 + 33 + 6 + 27 + 13 + 24);
    }

    #[test]
    fn what_is_cut_or_of_another_version_is_none() {
        let bytes = pushed(&[("state", "x"), ("of_the_host", "y")]).encode();
        let whole: Vec<usize> = (0..bytes.len()).filter(|end| Pushed::decode(&bytes[..*end]).is_some()).collect();
        // After the head, and after the first parameter.
        assert_eq!(whole, [29, 32]);
        for version in (0..=u8::MAX).filter(|version| !(VERSION..VERSION + 4).contains(version)) {
            let mut other = bytes.clone();
            other[0] = version;
            assert!(Pushed::decode(&other).is_none(), "{version}");
        }
        assert!(
            Pushed::decode(&[&bytes[..29], &[6, 0x80, 0x80, 0x80, 0x00]].concat()).is_none(),
            "a length without an end"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_request_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..200), tail in ".{0,40}") {
            for bytes in [bytes.clone(), [&pushed(&[("state", &tail)]).encode()[..], &bytes].concat()] {
                if let Some(read) = Pushed::decode(&bytes) {
                    comes_back(&read);
                }
            }
        }
    }
}
