//! Any header gives what an independent decoder reads, or is refused by both; credentials that were read can be written
//! and read again.
//!
//! The input is taken as a header and, so that the fuzzer need not learn base64, as what a header encodes.
#![no_main]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzz_target;
use regrant::internal::{BasicCredentials, BasicError};

fuzz_target!(|input: &[u8]| {
    check(input);
    check(format!("Basic {}", STANDARD.encode(input)).as_bytes());
});

fn check(header: &[u8]) {
    match (BasicCredentials::parse(header), read(header)) {
        (Ok(got), Ok((id, secret))) => {
            assert_eq!(got.client_id(), id);
            assert_eq!(got.client_secret(), secret);

            let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let written = format!("bASIC  {}", STANDARD.encode(format!("{}:{}", encode(&id), encode(&secret))));
            match BasicCredentials::parse(written.as_bytes()) {
                Ok(again) => assert_eq!((again.client_id(), again.client_secret()), (&*id, &*secret)),
                Err(error) => assert!(error == BasicError::TooLong && written.len() > 4096, "{error:?}"),
            }
        }
        (Err(error), Err(faults)) => assert!(faults.contains(&error), "{error:?} is none of {faults:?}"),
        (got, expected) => panic!("{:?} where {expected:?}", got.err()),
    }
}

/// What a header says, or every reason to refuse it.
fn read(header: &[u8]) -> Result<(String, String), Vec<BasicError>> {
    let mut words = header.splitn(2, |&b| b == b' ');
    if words.next().unwrap_or_default().to_ascii_lowercase() != b"basic" {
        return Err(vec![BasicError::Scheme]);
    }
    if header.len() > 4096 {
        return Err(vec![BasicError::TooLong]);
    }
    let encoded: Vec<u8> = words.next().unwrap_or_default().iter().copied().skip_while(|&b| b == b' ').collect();
    let decoded = base64_bits(&encoded).ok_or(vec![BasicError::Base64])?;
    let halves: Vec<&[u8]> = decoded.splitn(2, |&b| b == b':').collect();
    let [id, secret] = halves[..] else {
        return Err(vec![BasicError::NoColon]);
    };
    let (id, secret) = (half(id), half(secret));
    let mut faults = Vec::new();
    if id.is_none() || secret.is_none() {
        faults.push(BasicError::Encoding);
    }
    if id.as_deref() == Some("") {
        faults.push(BasicError::EmptyClientId);
    }
    match (id, secret) {
        (Some(id), Some(secret)) if faults.is_empty() => Ok((id, secret)),
        _ => Err(faults),
    }
}

/// One half, form-decoded, unless it is not encoded as it should be.
fn half(mut rest: &[u8]) -> Option<String> {
    let mut decoded = Vec::new();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = tail.get(..2).filter(|two| two.iter().all(u8::is_ascii_hexdigit))?;
                rest = &tail[2..];
                u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?
            }
            other => *other,
        });
    }
    String::from_utf8(decoded).ok().filter(|text| !text.contains(char::is_control))
}

/// The bits of base64, or nothing unless it is the one way to write them.
fn base64_bits(text: &[u8]) -> Option<Vec<u8>> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let end = text.iter().position(|&b| b == b'=').unwrap_or(text.len());
    let (symbols, padding) = text.split_at(end);
    if text.len() % 4 != 0 || padding.len() > 2 || padding.iter().any(|&b| b != b'=') {
        return None;
    }
    let (mut out, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for symbol in symbols {
        let value = ALPHABET.iter().position(|s| s == symbol)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (bits == 0).then_some(out)
}
