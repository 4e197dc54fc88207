//! The parsers of form bodies and Basic headers: one case for each rule, then properties against naive decoders that
//! share no code with them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::{collection::vec, prelude::*, sample::select, test_runner::TestCaseResult};
use regrant::internal::{BasicCredentials, BasicError, Form, Repeated};
use regrant::wire::{FormError, Limits};

type Pairs<'a> = &'a [(&'a str, &'a str)];
/// A rule, a header, and its id and secret.
type Header<'a> = (&'a str, String, Result<(&'a str, &'a str), BasicError>);
/// A rule, a body, and how often `p` occurs in it, its single value, its values.
type Lookup<'a> = (&'a str, &'a [u8], usize, Result<Option<&'a str>, Repeated>, &'a [&'a str]);

#[test]
fn form_rules() {
    use FormError::{PercentEncoding, Utf8};

    #[rustfmt::skip]
    let cases: &[(&str, &[u8], Result<Pairs<'_>, FormError>)] = &[
        // URL standard, section 5.1, and RFC 6749 appendix B.
        ("URL 5.1: nothing is no parameter", b"", Ok(&[])),
        ("URL 5.1: & separates", b"a=1&b=2", Ok(&[("a", "1"), ("b", "2")])),
        ("URL 5.1: empty segments are skipped", b"&a=1&&b=2&", Ok(&[("a", "1"), ("b", "2")])),
        ("URL 5.1: only empty segments", b"&&&", Ok(&[])),
        ("URL 5.1: a segment without = is a name", b"a&b=", Ok(&[("a", ""), ("b", "")])),
        ("URL 5.1: the first = ends a name", b"a=b=c==", Ok(&[("a", "b=c==")])),
        ("URL 5.1: an empty name", b"=1&=", Ok(&[("", "1"), ("", "")])),
        ("URL 5.1: + is a space", b"a+b=+c+", Ok(&[("a b", " c ")])),
        ("URL 5.1: escapes, either case", b"%41%4d=%e2%82%AC", Ok(&[("AM", "\u{20ac}")])),
        ("URL 5.1: decoded once", b"a=%252B%2B", Ok(&[("a", "%2B+")])),
        ("URL 5.1: split before decoding", b"a%3Db=c%26d", Ok(&[("a=b", "c&d")])),
        ("URL 5.1: order and repeats stay", b"b=1&a=2&b=3", Ok(&[("b", "1"), ("a", "2"), ("b", "3")])),
        ("URL 5.1: a character begun raw, ended escaped", b"a=\xc3%a9&b=x", Ok(&[("a", "\u{e9}"), ("b", "x")])),
        ("URL 5.1: a byte order mark is text", b"\xef\xbb\xbfa=1", Ok(&[("\u{feff}a", "1")])),
        ("URL 5.1: raw UTF-8", "n=é&ß".as_bytes(), Ok(&[("n", "é"), ("ß", "")])),
        ("URL 5.1: raw UTF-8 beside escapes", "n=é&m=%20&ß".as_bytes(), Ok(&[("n", "é"), ("m", " "), ("ß", "")])),
        ("; separates nothing", b"a=1;b=2", Ok(&[("a", "1;b=2")])),
        ("control characters are not the form's affair", b"a=%00%0A\t", Ok(&[("a", "\0\n\t")])),
        ("white space is text", b" a = 1 \r\n", Ok(&[(" a ", " 1 \r\n")])),
        ("RFC 3986 2.1: % at the end", b"a=%", Err(PercentEncoding)),
        ("RFC 3986 2.1: half an escape", b"a=%4", Err(PercentEncoding)),
        ("RFC 3986 2.1: half an escape before &", b"a=%4&b=1", Err(PercentEncoding)),
        ("RFC 3986 2.1: half an escape before =", b"%4=1", Err(PercentEncoding)),
        ("RFC 3986 2.1: no hexadecimal digit", b"a=%4g", Err(PercentEncoding)),
        ("RFC 3986 2.1: a sign is no digit", b"a=%+1", Err(PercentEncoding)),
        ("RFC 3986 2.1: in a name nobody asks for", b"a=1&%zz=1", Err(PercentEncoding)),
        ("RFC 3629: a lone byte, escaped", b"a=%ff", Err(Utf8)),
        ("RFC 3629: a lone byte, raw", b"a=\xff", Err(Utf8)),
        ("RFC 3629: in a name", b"%80=1", Err(Utf8)),
        ("RFC 3629: overlong", b"a=%c0%80", Err(Utf8)),
        ("RFC 3629: a surrogate", b"a=%ed%a0%80", Err(Utf8)),
        ("RFC 3629: beyond U+10FFFF", b"a=%f4%90%80%80", Err(Utf8)),
        ("RFC 3629: halves in two values", b"a=%c3&%a9=1", Err(Utf8)),
        ("RFC 3629: halves in a name and its value", b"%c3=%a9", Err(Utf8)),
        ("RFC 3629: halves in two values, raw", b"a=\xc3&\xa9=%20", Err(Utf8)),
    ];
    for (rule, body, expected) in cases {
        match (Form::parse(body, &Limits::default()), expected) {
            (Ok(form), Ok(pairs)) => {
                let got: Vec<_> = form.iter().collect();
                assert_eq!(&got, pairs, "{rule}");
            }
            (got, expected) => assert_eq!(got.err(), expected.err(), "{rule}"),
        }
    }
}

#[test]
fn form_lookup() {
    // RFC 6749 section 3.2: no repeats, and empty is absent; repeats are counted first.
    #[rustfmt::skip]
    let cases: &[Lookup<'_>] = &[
        ("absent", b"q=1", 0, Ok(None), &[]),
        ("nothing at all", b"", 0, Ok(None), &[]),
        ("once", b"q=1&p=true", 1, Ok(Some("true")), &["true"]),
        ("empty is absent", b"p=", 1, Ok(None), &[]),
        ("without = is empty", b"p", 1, Ok(None), &[]),
        ("a space is not empty", b"p=+", 1, Ok(Some(" ")), &[" "]),
        ("repeated", b"p=1&p=2", 2, Err(Repeated), &["1", "2"]),
        ("repeated with one value", b"p=1&p=1", 2, Err(Repeated), &["1", "1"]),
        ("repeated, first empty", b"p=&p=true", 2, Err(Repeated), &["true"]),
        ("repeated, last empty", b"p=true&p", 2, Err(Repeated), &["true"]),
        ("repeated, all empty", b"p&p=&p", 3, Err(Repeated), &[]),
        ("repeated under an escaped name", b"p=1&%70=2", 2, Err(Repeated), &["1", "2"]),
        ("names have case", b"P=1&p=2", 1, Ok(Some("2")), &["2"]),
        ("names are whole", b"pp=1&p%00=2&+p=3", 0, Ok(None), &[]),
    ];
    for (rule, body, count, single, all) in cases {
        let form = Form::parse(body, &Limits::default());
        assert!(form.is_ok(), "{rule}");
        let Ok(form) = form else { return };
        assert_eq!(form.count("p"), *count, "{rule}");
        assert_eq!(&form.single("p"), single, "{rule}");
        assert!(form.all("p").eq(all.iter().copied()), "{rule}");
    }
}

#[test]
fn form_limits() {
    let limits = Limits::default().with_body_bytes(20).with_parameters(3).with_value_bytes(4);
    let error = |body: &str| Form::parse(body.as_bytes(), &limits).err();

    assert_eq!(error("a=1234&b=1234&c=1234"), None, "20 bytes");
    assert_eq!(error("a=1234&b=1234&c=1234&"), Some(FormError::TooLarge), "21 bytes");
    assert_eq!(error("%%%%%%%%%%%%%%%%%%%%%"), Some(FormError::TooLarge), "not read at all");
    assert_eq!(error("a&b&&c&"), None, "empty segments do not count");
    assert_eq!(error("a&a&a=&a"), Some(FormError::TooManyParameters), "empty values and repeats do");
    assert_eq!(error("a=12345"), Some(FormError::TooLong));
    assert_eq!(error("12345"), Some(FormError::TooLong), "names too");
    assert_eq!(error("a=%31%32%33%34"), None, "decoded length counts");
    assert_eq!(error("a=%31%32%33%34%35"), Some(FormError::TooLong));
    assert_eq!(error("a=%311234"), Some(FormError::TooLong));
    assert_eq!(error("a=éé"), None, "bytes, not characters");
    assert_eq!(error("a=ééx"), Some(FormError::TooLong));

    let of = |n: usize, c: &str| c.repeat(n);
    let default = |body: String| Form::parse(body.as_bytes(), &Limits::default()).err();
    assert_eq!(default(of(65536, "&")), None);
    assert_eq!(default(of(65537, "&")), Some(FormError::TooLarge));
    assert_eq!(default(of(64, "a&")), None);
    assert_eq!(default(of(65, "a&")), Some(FormError::TooManyParameters));
    assert_eq!(default(of(8192, "a")), None);
    assert_eq!(default(of(8193, "a")), Some(FormError::TooLong));
}

#[test]
fn basic_rules() {
    use BasicError::{Base64, EmptyClientId, Encoding, NoColon, Scheme, TooLong};

    let of = |credentials: &str| format!("Basic {}", STANDARD.encode(credentials));
    let longest = of(&format!("web:{}", "s".repeat(3062)));
    assert_eq!(longest.len(), 4094);

    #[rustfmt::skip]
    let cases: &[Header<'_>] = &[
        ("RFC 7617 2: the example", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".into(), Ok(("Aladdin", "open sesame"))),
        ("RFC 6749 2.3.1: the example", "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3".into(),
            Ok(("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw"))),
        ("RFC 9110 11.1: the scheme in any case", "bAsIc YTpi".into(), Ok(("a", "b"))),
        ("RFC 9110 11.4: one or more spaces", "Basic   YTpi".into(), Ok(("a", "b"))),
        ("RFC 9110 11.4: no tab", "Basic\tYTpi".into(), Err(Scheme)),
        ("RFC 9110 11.4: no space", "BasicYTpi".into(), Err(Scheme)),
        ("RFC 9110 11.1: another scheme", "Bearer YTpi".into(), Err(Scheme)),
        ("RFC 9110 11.1: a longer scheme", "Basics YTpi".into(), Err(Scheme)),
        ("RFC 9110 11.1: no scheme", String::new(), Err(Scheme)),
        ("RFC 9110 11.1: a space before it", " Basic YTpi".into(), Err(Scheme)),
        ("RFC 7617 2: the scheme alone", "Basic".into(), Err(NoColon)),
        ("RFC 7617 2: the scheme and a space", "Basic ".into(), Err(NoColon)),
        ("RFC 4648 4: no padding", "Basic YTpiYw".into(), Err(Base64)),
        ("RFC 4648 4: half the padding", "Basic YTpiYw=".into(), Err(Base64)),
        ("RFC 4648 4: too much padding", "Basic YTpi====".into(), Err(Base64)),
        ("RFC 4648 4: nothing but padding", "Basic ====".into(), Err(Base64)),
        ("RFC 4648 3.5: stray bits", "Basic YTpiYx==".into(), Err(Base64)),
        ("RFC 4648 5: the other alphabet", "Basic YTo_".into(), Err(Base64)),
        ("RFC 4648 3.3: white space at the end", "Basic YTpi ".into(), Err(Base64)),
        ("RFC 4648 3.3: white space within", "Basic YT pi".into(), Err(Base64)),
        ("RFC 9110 11.4: more after the credentials", "Basic YTpi, Basic YTpi".into(), Err(Base64)),
        ("RFC 7617 2: no colon", of("web"), Err(NoColon)),
        ("RFC 7617 2: an escaped colon is none", of("web%3Apw"), Err(NoColon)),
        ("RFC 7617 2: the first colon", of("web:p:w"), Ok(("web", "p:w"))),
        ("RFC 6749 2.3.1: an escaped colon in the id", of("a%3Ab:c"), Ok(("a:b", "c"))),
        ("RFC 6749 2.3.1: + is a space", of("a+b:c+d"), Ok(("a b", "c d"))),
        ("RFC 6749 2.3.1: decoded once", of("a%252B:%2525"), Ok(("a%2B", "%25"))),
        ("RFC 6749 2.3.1: & and = mean nothing", of("a=b&c:d&e=f"), Ok(("a=b&c", "d&e=f"))),
        ("RFC 6749 appendix B: UTF-8, escaped and not", of("é:%C3%A9"), Ok(("é", "é"))),
        ("RFC 6749 appendix B: not UTF-8", of("a:%FF"), Err(Encoding)),
        ("RFC 6749 appendix B: a character across the colon", of("a%C3:%A9"), Err(Encoding)),
        ("RFC 3986 2.1: % begins no escape", of("a:100%"), Err(Encoding)),
        ("RFC 3986 2.1: in the id", of("%zz:b"), Err(Encoding)),
        ("RFC 7617 2: a control character", of("a:b\n"), Err(Encoding)),
        ("RFC 7617 2: an escaped control character", of("a%00:b"), Err(Encoding)),
        ("RFC 7617 2: U+007F", of("a:\u{7f}"), Err(Encoding)),
        ("RFC 7617 2: U+0085", of("a:\u{85}"), Err(Encoding)),
        ("RFC 6749 A.1, A.2: an empty secret", of("web:"), Ok(("web", ""))),
        ("an empty id", of(":secret"), Err(EmptyClientId)),
        ("only a colon", of(":"), Err(EmptyClientId)),
        ("up to 4 KiB", format!("{}  {}", &longest[..5], &longest[5..]), Ok(("web", &"s".repeat(3062)))),
        ("over 4 KiB", format!("{}   {}", &longest[..5], &longest[5..]), Err(TooLong)),
        ("over 4 KiB of another scheme", format!("Bearer {longest}"), Err(Scheme)),
    ];
    for (rule, header, expected) in cases {
        match (BasicCredentials::parse(header.as_bytes()), expected) {
            (Ok(got), Ok(expected)) => assert_eq!((got.client_id(), got.client_secret()), *expected, "{rule}"),
            (got, expected) => assert_eq!(got.err(), expected.err(), "{rule}"),
        }
    }
}

/// Wherever it is among many bytes that are decoded at once, what is none of the alphabet is refused (RFC 4648 section 3.3).
#[test]
fn basic_is_base64_at_every_place() -> TestCaseResult {
    let header = format!("Basic {}", STANDARD.encode(format!("web:{}", "s3cret!>".repeat(12)))).into_bytes();
    assert_eq!(header.len(), 6 + 136);
    for place in 6..header.len() {
        for byte in 0..=255 {
            let mut header = header.clone();
            header[place] = byte;
            is_read_as_basic(&header)?;
        }
    }
    Ok(())
}

#[test]
fn nothing_shows_what_was_sent() {
    let form = Form::parse(b"password=hunter2&client_secret=%68unter2", &Limits::default());
    assert_eq!(format!("{form:?}"), "Ok(Form { parameters: 2, .. })");

    let header = format!("Basic {}", STANDARD.encode("hunter2:hunter2"));
    let basic = BasicCredentials::parse(header.as_bytes());
    assert_eq!(format!("{basic:?}"), "Ok(BasicCredentials { .. })");
}

/// The parser beside one that takes its time.
fn is_read_as_basic(header: &[u8]) -> TestCaseResult {
    match (BasicCredentials::parse(header), naive_basic(header)) {
        (Ok(got), Ok((id, secret))) => {
            prop_assert_eq!(got.client_id(), id);
            prop_assert_eq!(got.client_secret(), secret);
        }
        (Err(error), Err(faults)) => prop_assert!(faults.contains(&error), "{error:?} is none of {faults:?}"),
        (got, expected) => prop_assert!(false, "{:?} where {expected:?}", got.err()),
    }
    Ok(())
}

/// Percent-decoding as the URL standard has it, byte by byte, and whether each `%` began an escape.
fn naive_decode(piece: &[u8]) -> (Vec<u8>, bool) {
    let (mut out, mut strict, mut rest) = (Vec::new(), true, piece);
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = tail.get(..2).filter(|two| two.iter().all(u8::is_ascii_hexdigit));
        let hex = hex.and_then(|two| std::str::from_utf8(two).ok()).and_then(|two| u8::from_str_radix(two, 16).ok());
        rest = tail;
        match (byte, hex) {
            (b'%', Some(decoded)) => {
                out.push(decoded);
                rest = &tail[2..];
            }
            (b'%', None) => {
                out.push(b'%');
                strict = false;
            }
            (b'+', _) => out.push(b' '),
            _ => out.push(byte),
        }
    }
    (out, strict)
}

/// Every reason there is to refuse a body.
fn form_faults(body: &[u8], limits: &Limits) -> Vec<FormError> {
    let mut faults = Vec::new();
    let segments: Vec<&[u8]> = body.split(|&b| b == b'&').filter(|s| !s.is_empty()).collect();
    if body.len() > limits.body_bytes() {
        faults.push(FormError::TooLarge);
    }
    if segments.len() > limits.parameters() {
        faults.push(FormError::TooManyParameters);
    }
    for piece in segments.iter().flat_map(|s| s.splitn(2, |&b| b == b'=')) {
        let (decoded, strict) = naive_decode(piece);
        if !strict {
            faults.push(FormError::PercentEncoding);
        }
        if decoded.len() > limits.value_bytes() {
            faults.push(FormError::TooLong);
        }
        if String::from_utf8(decoded).is_err() {
            faults.push(FormError::Utf8);
        }
    }
    faults
}

/// The bits of base64, or nothing unless it is the one way to write them.
fn naive_base64(text: &[u8]) -> Option<Vec<u8>> {
    let symbols: Vec<u8> = text.iter().copied().take_while(|&b| b != b'=').collect();
    let mut bits = Vec::new();
    for symbol in &symbols {
        let value =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".iter().position(|s| s == symbol)?;
        bits.extend((0..6).rev().map(|shift| u8::from(value >> shift & 1 == 1)));
    }
    let padding = &text[symbols.len()..];
    let (octets, stray) = bits.split_at(bits.len() / 8 * 8);
    let canonical = text.len() % 4 == 0 && padding.len() < 3 && padding.iter().all(|&b| b == b'=');
    (canonical && stray.len() < 6 && !stray.contains(&1))
        .then(|| octets.chunks(8).map(|octet| octet.iter().fold(0, |byte, bit| byte << 1 | bit)).collect())
}

/// What a header says, or every reason to refuse it.
fn naive_basic(header: &[u8]) -> Result<(String, String), Vec<BasicError>> {
    let mut words = header.splitn(2, |&b| b == b' ');
    if !words.next().unwrap_or_default().eq_ignore_ascii_case(b"basic") {
        return Err(vec![BasicError::Scheme]);
    }
    if header.len() > 4096 {
        return Err(vec![BasicError::TooLong]);
    }
    let encoded: Vec<u8> = words.next().unwrap_or_default().iter().copied().skip_while(|&b| b == b' ').collect();
    let decoded = naive_base64(&encoded).ok_or(vec![BasicError::Base64])?;
    let halves: Vec<&[u8]> = decoded.splitn(2, |&b| b == b':').collect();
    let [id, secret] = halves[..] else {
        return Err(vec![BasicError::NoColon]);
    };
    let mut faults = Vec::new();
    let mut half = |half: &[u8]| {
        let (bytes, strict) = naive_decode(half);
        let text = String::from_utf8(bytes).ok().filter(|t| strict && !t.contains(char::is_control));
        text.unwrap_or_else(|| {
            faults.push(BasicError::Encoding);
            "refused".into()
        })
    };
    let (id, secret) = (half(id), half(secret));
    if id.is_empty() {
        faults.push(BasicError::EmptyClientId);
    }
    if faults.is_empty() { Ok((id, secret)) } else { Err(faults) }
}

#[rustfmt::skip]
const SOUND: &[&str] = &[
    "&", "=", "+", ";", ":", " ", "a", "p", "p=", "&p=", "é", "€", "%41", "%2B", "%25", "%26", "%3d", "%3A", "%C3%A9",
    "%e2%82%aC", "grant_type", "refresh_token=", "AQIDBAUGBwgJCgsMDQ4PEBESExQ",
];

#[rustfmt::skip]
const BROKEN: &[&[u8]] = &[
    b"%", b"%4", b"%2", b"%zz", b"%c3", b"%a9", b"\xc3", b"\xa9", b"\xff", b"\xc3%a9", b"%c3&%a9", b"%c3=%a9", b"%c3:%a9",
    b"%00", b"%7F", b"%c2%85", b"\t", b"\x7f", b"\xc2\x85",
];

/// Bytes that are a form more often than not, and nearly one otherwise.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let sound = || select(SOUND).prop_map(str::as_bytes);
    prop_oneof![
        4 => vec(sound(), 0..30).prop_map(|pieces| pieces.concat()),
        3 => vec(prop_oneof![5 => sound(), 1 => select(BROKEN)], 0..16).prop_map(|pieces| pieces.concat()),
        1 => vec(select(&b"&=%+;a1fF\x00\x80\xc3"[..]), 0..24),
        1 => vec(any::<u8>(), 0..100),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    prop_oneof![
        3 => Just(Limits::default()),
        1 => (0..100_usize).prop_map(|n| Limits::default().with_body_bytes(n)),
        1 => (0..12_usize).prop_map(|n| Limits::default().with_parameters(n)),
        1 => (0..12_usize).prop_map(|n| Limits::default().with_value_bytes(n)),
    ]
}

/// Headers that hold credentials more often than not.
fn header() -> impl Strategy<Value = Vec<u8>> {
    let scheme =
        prop_oneof![5 => Just("Basic "), 3 => select(&["basic ", "BASIC   ", "Bearer ", "Basic", "Basi ", ""][..])];
    let text = prop_oneof![
        3 => (soup(), soup()).prop_map(|(id, secret)| [id, secret].join(&b':')),
        1 => soup(),
    ];
    // The end, where padding is, may be cut off or followed by more.
    let cut = prop_oneof![8 => Just(0), 1 => 1..3_usize];
    let more = prop_oneof![8 => Just(String::new()), 1 => "[ =A-Za-z+/,-]{0,3}"];
    let whole = (scheme, text, cut, more).prop_map(|(scheme, text, cut, more)| {
        let encoded = STANDARD.encode(text);
        let kept = encoded.len().saturating_sub(cut);
        format!("{scheme}{}{more}", &encoded[..kept]).into_bytes()
    });
    prop_oneof![8 => whole, 1 => vec(any::<u8>(), 0..40)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Law 12: any bytes give a form or a typed error.
    #[test]
    fn the_form_parser_is_total(body in soup(), limits in limits()) {
        let faults = form_faults(&body, &limits);
        match Form::parse(&body, &limits) {
            Ok(form) => {
                prop_assert_eq!(faults, vec![]);
                let expected: Vec<_> = form_urlencoded::parse(&body).collect();
                prop_assert!(form.iter().eq(expected.iter().map(|(n, v)| (&**n, &**v))));
                for (name, _) in &expected {
                    let values: Vec<&str> = expected.iter().filter(|(n, _)| n == name).map(|(_, v)| &**v).collect();
                    prop_assert_eq!(form.count(name), values.len());
                    prop_assert!(form.all(name).eq(values.iter().copied().filter(|v| !v.is_empty())));
                    match values[..] {
                        [""] => prop_assert_eq!(form.single(name), Ok(None)),
                        [value] => prop_assert_eq!(form.single(name), Ok(Some(value))),
                        _ => prop_assert_eq!(form.single(name), Err(Repeated)),
                    }
                }
            }
            Err(error) => prop_assert!(faults.contains(&error), "{error:?} is none of {faults:?}"),
        }
    }

    #[test]
    fn the_basic_parser_is_total(header in header()) {
        is_read_as_basic(&header)?;
    }

    #[test]
    fn what_a_client_serializes_is_read_back(pairs in vec((any::<String>(), any::<String>()), 0..12)) {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let form = Form::parse(body.as_bytes(), &Limits::default());
        prop_assert!(form.is_ok());
        let got: Vec<_> = form.iter().flat_map(Form::iter).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        prop_assert_eq!(got, pairs);
    }

    #[test]
    fn what_a_client_puts_in_basic_is_read_back(id in "[^\\p{Cc}]{1,60}", secret in "[^\\p{Cc}]{0,200}") {
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let header = format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(&id), encode(&secret))));
        prop_assume!(header.len() <= 4096);
        let got = BasicCredentials::parse(header.as_bytes());
        prop_assert_eq!(got.as_ref().map(|got| (got.client_id(), got.client_secret())), Ok((&*id, &*secret)));
    }
}
