//! Distinguished names (RFC 5280 section 4.1.2.4) and their text form (RFC 4514), brought to one form in which equal names are
//! equal.

use x509_cert::attr::AttributeValue;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode as _, Encode as _, Tag, Tagged as _};
use x509_cert::name::Name;

/// The sequence of relative names, as it stands in the certificate; each a set of attributes, in order of their form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct DistinguishedName(Vec<Vec<(ObjectIdentifier, Value)>>);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Value {
    /// A text, in small letters of ASCII and with single spaces (RFC 5280 section 7.1). Letters beyond ASCII are compared as they
    /// are: what is not the same may be said to be another, never the other way round.
    Text(String),
    /// Something else, in DER.
    Der(Vec<u8>),
}

/// Attributes by name: those of RFC 4514 section 3, and what else certificates of clients have.
const NAMES: [(&str, &str); 18] = [
    ("CN", "2.5.4.3"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("C", "2.5.4.6"),
    ("STREET", "2.5.4.9"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("SN", "2.5.4.4"),
    ("GN", "2.5.4.42"),
    ("serialNumber", "2.5.4.5"),
    ("businessCategory", "2.5.4.15"),
    ("organizationIdentifier", "2.5.4.97"),
    ("emailAddress", "1.2.840.113549.1.9.1"),
    ("jurisdictionC", "1.3.6.1.4.1.311.60.2.1.3"),
    ("jurisdictionST", "1.3.6.1.4.1.311.60.2.1.2"),
    ("jurisdictionL", "1.3.6.1.4.1.311.60.2.1.1"),
];

impl DistinguishedName {
    /// The name in a certificate.
    pub(super) fn of(name: &Name) -> Self {
        Self(name.iter_rdn().map(|rdn| set(rdn.iter().map(|one| (one.oid, Value::of(&one.value))))).collect())
    }

    /// Reads the text form; spaces around attributes are passed over, as older texts have them. The empty name is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let (mut name, mut rdn) = (Vec::new(), Vec::new());
        loop {
            let (kind, after) = rest.split_once('=')?;
            let (value, end, after) = read_value(after)?;
            rdn.push((object_identifier(kind.trim_matches(' '))?, value));
            if end != Some('+') {
                name.push(set(rdn.drain(..)));
            }
            if end.is_none() {
                break;
            }
            rest = after;
        }
        name.reverse();
        Some(Self(name))
    }
}

/// A set has no order.
fn set(attributes: impl Iterator<Item = (ObjectIdentifier, Value)>) -> Vec<(ObjectIdentifier, Value)> {
    let mut set: Vec<_> = attributes.collect();
    set.sort();
    set
}

fn object_identifier(kind: &str) -> Option<ObjectIdentifier> {
    let known = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(kind));
    ObjectIdentifier::new(known.map_or(kind, |(_, dotted)| dotted)).ok()
}

/// A value, what ended it, and what comes after that.
fn read_value(text: &str) -> Option<(Value, Option<char>, &str)> {
    let text = text.trim_start_matches(' ');
    if let Some(hex) = text.strip_prefix('#') {
        let len = hex.find([',', '+']).unwrap_or(hex.len());
        let (hex, rest) = hex.split_at_checked(len)?;
        let value = Value::of(&AttributeValue::from_der(&bytes(hex.trim_end_matches(' '))?).ok()?);
        let mut rest = rest.chars();
        return Some((value, rest.next(), rest.as_str()));
    }
    let mut value = Vec::new();
    let mut chars = text.chars();
    let end = loop {
        match chars.next() {
            end @ (None | Some(',' | '+')) => break end,
            // To be escaped wherever they stand (RFC 4514 section 2.4).
            Some('"' | ';' | '<' | '>' | '\0') => return None,
            Some('\\') => match chars.next()? {
                special @ (' ' | '"' | '#' | '+' | ',' | ';' | '<' | '=' | '>' | '\\') => {
                    value.extend_from_slice(special.encode_utf8(&mut [0; 4]).as_bytes());
                }
                first => {
                    let (first, second) = (first.to_digit(16)?, chars.next()?.to_digit(16)?);
                    value.push(u8::try_from(first * 16 + second).ok()?);
                }
            },
            Some(plain) => value.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    };
    Some((Value::text(&String::from_utf8(value).ok()?), end, chars.as_str()))
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = hex.chars().map(|digit| digit.to_digit(16)).collect();
    let pairs = digits?;
    if pairs.len() % 2 != 0 {
        return None;
    }
    pairs.chunks_exact(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect()
}

impl Value {
    fn of(value: &AttributeValue) -> Self {
        let bytes = value.value();
        let text = match value.tag() {
            Tag::Utf8String => std::str::from_utf8(bytes).ok().map(str::to_owned),
            Tag::PrintableString | Tag::Ia5String | Tag::TeletexString | Tag::VisibleString => {
                std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii()).map(str::to_owned)
            }
            Tag::BmpString if bytes.len() % 2 == 0 => {
                let units: Vec<u16> =
                    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
                String::from_utf16(&units).ok()
            }
            _ => None,
        };
        text.map_or_else(|| Self::Der(value.to_der().unwrap_or_default()), |text| Self::text(&text))
    }

    fn text(text: &str) -> Self {
        let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
        Self::Text(words.join(" ").to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<DistinguishedName> {
        DistinguishedName::parse(text)
    }

    #[test]
    fn names_that_are_the_same_have_one_form() {
        for (one, other) in [
            ("CN=ca-client", "cn=CA-Client"),
            ("CN=a b", "CN = a   b "),
            ("CN=a,O=b", "CN=a, O=b"),
            ("CN=a+OU=b,O=c", "OU=b + CN=a , O=c"),
            ("CN=a", "2.5.4.3=a"),
            ("CN=a", "CN=#0C0161"),
            ("CN=a", "CN=#130161"),
            ("CN=a", "CN=#1e020041"),
            (r"CN=a\,b", r"CN=a\2Cb"),
            (r"CN=a\\\,b", r"CN=a\5c\2cb"),
            (r"CN=L\C4\8Di", "CN=L\u{10d}i"),
            (r"CN=\#a", r"CN=\23a"),
            ("CN=a=b", r"CN=a\=b"),
        ] {
            assert_eq!(parse(one), parse(other), "{one} {other}");
            assert!(parse(one).is_some(), "{one}");
        }
    }

    #[test]
    fn names_that_are_not_are_told_apart() {
        let texts = [
            "CN=a",
            "CN=b",
            "O=a",
            "CN=a,O=b",
            "O=b,CN=a",
            "CN=a+O=b",
            "CN=a,CN=a",
            "CN=ab",
            "CN=a b",
            "CN=",
            r"CN=a\00",
            r"CN=a\,O=b",
            "CN=\u{c9}",
            "CN=\u{e9}",
            "CN=#0500",
            "CN=#020101",
        ];
        for (at, one) in texts.iter().enumerate() {
            assert!(parse(one).is_some(), "{one}");
            for other in &texts[at + 1..] {
                assert_ne!(parse(one), parse(other), "{one} {other}");
            }
        }
    }

    #[test]
    fn what_is_no_name_is_none() {
        for text in [
            "",
            "a",
            "CN",
            "=a",
            "CN=a,",
            "CN=a+",
            ",CN=a",
            "XX=a",
            "CN=a;O=b",
            "CN=\"a\"",
            r"CN=a\",
            r"CN=a\zz",
            r"CN=\ff",
            "CN=#",
            "CN=#0",
            "CN=#0C",
            "CN=#0C0161ff",
            "CN=#zz",
            "CN=<a>",
            "1.2.3",
            "9.9=a",
            "CN=a\0b",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
