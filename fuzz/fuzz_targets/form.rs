//! Any body gives what `form_urlencoded` reads, or an error for which there is a reason; what was read can be written
//! and read again.
#![no_main]

use form_urlencoded::Serializer;
use libfuzzer_sys::fuzz_target;
use regrant::internal::{Form, Repeated};
use regrant::wire::{FormError, Limits};

fuzz_target!(|body: &[u8]| {
    // One limit that bodies of a fuzzer reach, and two that they do not.
    check(body, &Limits::default().with_body_bytes(256).with_parameters(6).with_value_bytes(24));
    check(body, &Limits::default());
});

fn check(body: &[u8], limits: &Limits) {
    let faults = faults(body, limits);
    let form = match Form::parse(body, limits) {
        Ok(form) => form,
        Err(error) => {
            assert!(faults.contains(&error), "{error:?} is none of {faults:?}");
            return;
        }
    };
    assert!(faults.is_empty(), "accepted in spite of {faults:?}");

    let expected: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    assert!(form.iter().eq(expected.iter().map(|(n, v)| (&**n, &**v))));
    for (name, _) in &expected {
        let values: Vec<&str> = expected.iter().filter(|(n, _)| n == name).map(|(_, v)| &**v).collect();
        assert_eq!(form.count(name), values.len());
        assert!(form.all(name).eq(values.iter().copied().filter(|v| !v.is_empty())));
        let single = match values[..] {
            [""] => Ok(None),
            [value] => Ok(Some(value)),
            _ => Err(Repeated),
        };
        assert_eq!(form.single(name), single);
    }

    let written = Serializer::new(String::new()).extend_pairs(form.iter()).finish();
    let again = Form::parse(written.as_bytes(), &limits.with_body_bytes(usize::MAX));
    assert!(again.is_ok_and(|again| again.iter().eq(form.iter())));
}

/// Every reason there is to refuse a body.
fn faults(body: &[u8], limits: &Limits) -> Vec<FormError> {
    let mut faults = Vec::new();
    let segments: Vec<&[u8]> = body.split(|&b| b == b'&').filter(|s| !s.is_empty()).collect();
    if body.len() > limits.body_bytes() {
        faults.push(FormError::TooLarge);
    }
    if segments.len() > limits.parameters() {
        faults.push(FormError::TooManyParameters);
    }
    for piece in segments.iter().flat_map(|s| s.splitn(2, |&b| b == b'=')) {
        let mut decoded = Vec::new();
        let mut rest = piece;
        while let [byte, tail @ ..] = rest {
            rest = tail;
            match (byte, tail) {
                (b'%', [high, low, tail @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    let digit = |b: u8| char::from(b).to_digit(16).unwrap_or_default() as u8;
                    decoded.push(digit(*high) * 16 + digit(*low));
                    rest = tail;
                }
                (b'%', _) => {
                    // As the URL standard has it, so that there is a length to speak of.
                    decoded.push(b'%');
                    faults.push(FormError::PercentEncoding);
                }
                (b'+', _) => decoded.push(b' '),
                _ => decoded.push(*byte),
            }
        }
        if decoded.len() > limits.value_bytes() {
            faults.push(FormError::TooLong);
        }
        if std::str::from_utf8(&decoded).is_err() {
            faults.push(FormError::Utf8);
        }
    }
    faults
}
