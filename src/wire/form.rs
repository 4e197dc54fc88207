//! Form bodies: `application/x-www-form-urlencoded`.

use std::{fmt, str};

use smallvec::SmallVec;

use super::limits::Limits;
use super::marks::{Marks, is_plain};
use super::percent::decode_in_place;
use super::text::text;
use crate::secret::{SecretBytes, SecretText};

/// Why a body is not a form, or not one that is read.
///
/// The messages are fixed text: nothing of the body is in them.
///
/// ```
/// use regrant::internal::Form;
/// use regrant::wire::{FormError, Limits};
///
/// let error = Form::parse(b"code=%zz", &Limits::default()).unwrap_err();
/// assert_eq!(error, FormError::PercentEncoding);
/// assert_eq!(error.to_string(), "a percent sign is not followed by two hexadecimal digits");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// The body is longer than [`Limits::body_bytes`]. Nothing of it was read.
    #[error("the body is too large")]
    TooLarge,
    /// The body has more parameters than [`Limits::parameters`].
    #[error("the body has too many parameters")]
    TooManyParameters,
    /// A decoded name or value is longer than [`Limits::value_bytes`].
    #[error("a parameter is too long")]
    TooLong,
    /// A `%` is not followed by two hexadecimal digits.
    #[error("a percent sign is not followed by two hexadecimal digits")]
    PercentEncoding,
    /// A name or value is not UTF-8 after decoding.
    #[error("a parameter is not UTF-8")]
    Utf8,
}

/// A parameter that may occur only once occurs more than once (RFC 6749 section 3.2). See [`Form::single`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a parameter is repeated")]
#[expect(clippy::exhaustive_structs, reason = "its name says all that there is to say")]
pub struct Repeated;

/// The parameters of a form body, decoded.
///
/// What holds no escape is borrowed from the body; the rest is decoded into one buffer that is wiped when the form is
/// dropped, since passwords and client secrets travel here. A form of up to eight parameters without escapes allocates
/// nothing. `Debug` shows the number of parameters only.
///
/// A query string has the same grammar and may be parsed too.
///
/// ```
/// use regrant::internal::Form;
/// use regrant::wire::Limits;
///
/// let body = b"grant_type=password&username=ann&password=p%2Bw&scope=";
/// let form = Form::parse(body, &Limits::default())?;
///
/// assert_eq!(form.single("grant_type"), Ok(Some("password")));
/// assert_eq!(form.single("password"), Ok(Some("p+w")));
/// assert_eq!(form.single("scope"), Ok(None)); // empty is absent
/// assert_eq!(form.single("client_id"), Ok(None));
/// assert_eq!(format!("{form:?}"), "Form { parameters: 4, .. }");
/// # Ok::<(), regrant::wire::FormError>(())
/// ```
pub struct Form<'a> {
    /// The body, or nothing when it cannot be borrowed: then all text is in `decoded`.
    raw: &'a [u8],
    decoded: SecretText,
    parameters: SmallVec<[Parameter; 8]>,
    /// Whether it is a grant type and a refresh token, as [`REFRESH`] has them.
    is_refresh: bool,
}

/// How nearly every refresh begins; the token follows, and nothing else.
const REFRESH: &[u8; 39] = b"grant_type=refresh_token&refresh_token=";

#[derive(Clone, Copy)]
struct Parameter {
    name: Span,
    value: Span,
    /// Whether the value is printable ASCII for certain, since it was that before decoding and nothing was decoded.
    plain: bool,
}

/// Where a text is: in `raw`, or as far in `decoded` as it starts beyond the end of `raw`.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

impl<'a> Form<'a> {
    /// Parses a body as the URL standard does (`&` between parameters, the first `=` ends a name, `+` is a space, empty
    /// segments are skipped, a segment without `=` is a name with an empty value), with two differences: a `%` that
    /// begins no escape and bytes that are not UTF-8 are errors, where the standard repairs them (RFC 6749 appendix B).
    ///
    /// `;` separates nothing. Names are not looked at; what may be repeated is asked with [`single`](Self::single) and
    /// [`all`](Self::all).
    ///
    /// # Errors
    ///
    /// [`FormError`] says what is wrong, or which of `limits` was exceeded. If there are several faults, any of them is
    /// given; the length of the body is checked first.
    ///
    /// ```
    /// use regrant::internal::Form;
    /// use regrant::wire::{FormError, Limits};
    ///
    /// let limits = Limits::default();
    /// let form = Form::parse(b"a=1;b=2&&c", &limits)?;
    /// assert!(form.iter().eq([("a", "1;b=2"), ("c", "")]));
    ///
    /// assert_eq!(Form::parse(b"a=100%", &limits).unwrap_err(), FormError::PercentEncoding);
    /// assert_eq!(Form::parse(b"a=%FF", &limits).unwrap_err(), FormError::Utf8);
    /// # Ok::<(), FormError>(())
    /// ```
    pub fn parse(body: &'a [u8], limits: &Limits) -> Result<Form<'a>, FormError> {
        let mut form = Self::unread();
        form.read(body, limits)?;
        Ok(form)
    }

    /// As [`parse`](Self::parse), of a body that is gone before the form is: all of it is copied.
    #[cfg(feature = "root-secret")]
    pub(crate) fn parse_owned(body: &[u8], limits: &Limits) -> Result<Form<'static>, FormError> {
        if body.len() > limits.body_bytes() {
            return Err(FormError::TooLarge);
        }
        let mut form = Form::unread();
        // It borrows nothing, so every text is decoded, and is UTF-8 or refused.
        form.split(body, limits)?;
        Ok(form)
    }

    /// A form of nothing, to [`read`](Self::read) into: see [`wire`](crate::wire).
    pub(crate) fn unread() -> Self {
        Self { raw: &[], decoded: SecretText::new(), parameters: SmallVec::new(), is_refresh: false }
    }

    /// As [`parse`](Self::parse), in place.
    pub(crate) fn read(&mut self, body: &'a [u8], limits: &Limits) -> Result<(), FormError> {
        if body.len() > limits.body_bytes() {
            return Err(FormError::TooLarge);
        }
        self.raw = body;
        if self.read_refresh(body, limits) {
            return Ok(());
        }
        let is_ascii = self.split(body, limits)?;
        if !is_ascii && str::from_utf8(body).is_err() {
            // An escape may complete a character that begins as a raw byte: then the body is decoded as a whole.
            if !body.contains(&b'%') {
                return Err(FormError::Utf8);
            }
            *self = Self::unread();
            self.split(body, limits)?;
        }
        Ok(())
    }

    /// Reads the body of nearly every refresh, whose parameters need not be looked for; says whether it is one.
    #[inline]
    fn read_refresh(&mut self, body: &[u8], limits: &Limits) -> bool {
        let Some((head, token)) = body.split_first_chunk() else { return false };
        let fits = limits.parameters() >= 2 && token.len() <= limits.value_bytes();
        self.is_refresh = fits && head == REFRESH && is_plain(token);
        if self.is_refresh {
            let parameter = |name, value| Parameter { name, value, plain: true };
            self.parameters.push(parameter(Span::new(0, 10), Span::new(11, 24)));
            self.parameters.push(parameter(Span::new(25, 38), Span::new(REFRESH.len(), body.len())));
        }
        self.is_refresh
    }

    /// Grant type and token, where the form is a grant type of `refresh_token` and a token and no more.
    pub(crate) fn refresh_alone(&self) -> Option<(&[u8], &[u8])> {
        if !self.is_refresh {
            return None;
        }
        // The places that `read_refresh` gave them.
        Some((self.raw.get(11..24)?, self.raw.get(REFRESH.len()..)?))
    }

    /// Splits the body, and says whether it is ASCII before decoding.
    fn split(&mut self, body: &[u8], limits: &Limits) -> Result<bool, FormError> {
        let mut parser = Parser { body, raw_len: self.raw.len(), limits, decoded: SecretBytes::new() };
        let mut segment = Segment::at(0);
        let mut is_ascii = true;
        let mut marks = Marks::<b'='>::of(body);
        loop {
            let at = marks.next().unwrap_or(body.len());
            match body.get(at) {
                Some(b'&') | None => {
                    if segment.start < at {
                        let parameter = parser.parameter(&segment, at, self.parameters.len())?;
                        self.parameters.push(parameter);
                    }
                    if at == body.len() {
                        break;
                    }
                    segment = Segment::at(at + 1);
                }
                Some(b'=') => segment.equals = segment.equals.or(Some(at)),
                Some(b'%' | b'+') => segment.content().escaped = true,
                Some(b' '..=b'~') => {}
                Some(&byte) => {
                    segment.content().unusual = true;
                    is_ascii &= byte.is_ascii();
                }
            }
        }
        if parser.decoded.len() > 0 {
            self.decoded = parser.decoded.into_text().ok_or(FormError::Utf8)?;
            // All decoded texts together are UTF-8. Each by itself is, too, unless one ends within a character.
            if !self.parameters.iter().all(|p| self.is_text(p.name) && self.is_text(p.value)) {
                return Err(FormError::Utf8);
            }
        }
        Ok(is_ascii)
    }

    /// All parameters, in order, as (name, value), those with an empty value too.
    ///
    /// ```
    /// use regrant::internal::Form;
    /// use regrant::wire::Limits;
    ///
    /// let form = Form::parse(b"b=2&a=%C3%A9&b=", &Limits::default())?;
    /// assert!(form.iter().eq([("b", "2"), ("a", "é"), ("b", "")]));
    /// # Ok::<(), regrant::wire::FormError>(())
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.parameters.iter().map(|p| (self.text(p.name), self.text(p.value)))
    }

    /// How often a parameter occurs, with an empty value or another.
    ///
    /// ```
    /// use regrant::internal::Form;
    /// use regrant::wire::Limits;
    ///
    /// let form = Form::parse(b"scope=&scope=mail", &Limits::default())?;
    /// assert_eq!(form.count("scope"), 2);
    /// # Ok::<(), regrant::wire::FormError>(())
    /// ```
    pub fn count(&self, name: &str) -> usize {
        self.values(name).count()
    }

    /// The value of a parameter that may occur once. An empty value counts as none (RFC 6749 section 3.2).
    ///
    /// # Errors
    ///
    /// [`Repeated`] when there is more than one, empty ones included.
    ///
    /// ```
    /// use regrant::internal::{Form, Repeated};
    /// use regrant::wire::Limits;
    ///
    /// let form = Form::parse(b"scope=mail&code=&state=&state=x", &Limits::default())?;
    /// assert_eq!(form.single("scope"), Ok(Some("mail")));
    /// assert_eq!(form.single("code"), Ok(None));
    /// assert_eq!(form.single("state"), Err(Repeated));
    /// # Ok::<(), regrant::wire::FormError>(())
    /// ```
    pub fn single(&self, name: &str) -> Result<Option<&str>, Repeated> {
        let mut values = self.values(name);
        let first = values.next();
        if values.next().is_some() {
            return Err(Repeated);
        }
        Ok(first.map(|span| self.text(span)).filter(|value| !value.is_empty()))
    }

    /// The values of a parameter that may be repeated, in order, without the empty ones: `resource` (RFC 8707
    /// section 2) and `audience` (RFC 8693 section 2.1).
    ///
    /// ```
    /// use regrant::internal::Form;
    /// use regrant::wire::Limits;
    ///
    /// let form = Form::parse(b"resource=a&resource=&resource=b", &Limits::default())?;
    /// assert!(form.all("resource").eq(["a", "b"]));
    /// # Ok::<(), regrant::wire::FormError>(())
    /// ```
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> + Clone {
        self.values(name).map(|span| self.text(span)).filter(|value| !value.is_empty())
    }

    /// Names, values, and whether the value is known to be printable ASCII.
    pub(crate) fn raw_parameters(&self) -> impl Iterator<Item = (&[u8], &[u8], bool)> {
        self.parameters.iter().map(|p| (self.bytes(p.name), self.bytes(p.value), p.plain))
    }

    fn values(&self, name: &str) -> impl Iterator<Item = Span> + Clone {
        self.parameters.iter().filter(move |p| self.bytes(p.name) == name.as_bytes()).map(|p| p.value)
    }

    fn bytes(&self, span: Span) -> &[u8] {
        let Span { start, end } = span;
        let (start, end) = (start as usize, end as usize);
        // Never out of bounds: `read` cut the spans from these very texts.
        match start.checked_sub(self.raw.len()) {
            None => &self.raw[start..end],
            Some(start) => &self.decoded.as_str().as_bytes()[start..end - self.raw.len()],
        }
    }

    fn text(&self, span: Span) -> &str {
        text(self.bytes(span))
    }

    /// Whether a text begins at a character; it ends where the next begins, or at the end of all.
    fn is_text(&self, span: Span) -> bool {
        (span.start as usize)
            .checked_sub(self.raw.len())
            .is_none_or(|start| self.decoded.as_str().is_char_boundary(start))
    }
}

impl fmt::Debug for Form<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form").field("parameters", &self.parameters.len()).finish_non_exhaustive()
    }
}

impl Span {
    #[expect(clippy::cast_possible_truncation, reason = "`Limits` keeps twice the length of a body below 4 GiB")]
    fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }
}

/// What is known of a segment between two `&`.
struct Segment {
    start: usize,
    equals: Option<usize>,
    name: Content,
    value: Content,
}

/// What a name or a value has in it.
#[derive(Clone, Copy, Default)]
struct Content {
    escaped: bool,
    /// Control characters or characters beyond ASCII.
    unusual: bool,
}

impl Segment {
    const fn at(start: usize) -> Self {
        let plain = Content { escaped: false, unusual: false };
        Self { start, equals: None, name: plain, value: plain }
    }

    fn content(&mut self) -> &mut Content {
        if self.equals.is_none() { &mut self.name } else { &mut self.value }
    }
}

struct Parser<'a> {
    body: &'a [u8],
    /// How much of the body can be borrowed: all of it or nothing.
    raw_len: usize,
    limits: &'a Limits,
    decoded: SecretBytes,
}

impl Parser<'_> {
    /// The parameter of a segment that ends there, after so many others.
    #[inline]
    fn parameter(&mut self, segment: &Segment, end: usize, before: usize) -> Result<Parameter, FormError> {
        if before == self.limits.parameters() {
            return Err(FormError::TooManyParameters);
        }
        let (name_end, value_start) = segment.equals.map_or((end, end), |equals| (equals, equals + 1));
        let name = self.span(segment.start, name_end, segment.name.escaped)?;
        let value = self.span(value_start, end, segment.value.escaped)?;
        Ok(Parameter { name, value, plain: !segment.value.escaped && !segment.value.unusual })
    }

    #[inline]
    fn span(&mut self, start: usize, end: usize, escaped: bool) -> Result<Span, FormError> {
        if escaped || self.raw_len == 0 {
            return self.decode(start, end);
        }
        if end - start > self.limits.value_bytes() {
            return Err(FormError::TooLong);
        }
        Ok(Span::new(start, end))
    }

    #[inline(never)]
    fn decode(&mut self, start: usize, end: usize) -> Result<Span, FormError> {
        // Places of this body.
        let bytes = &self.body[start..end];
        let limit = self.limits.value_bytes();
        // Three bytes are decoded to one at best.
        if bytes.len() / 3 > limit {
            return Err(FormError::TooLong);
        }
        // Enough for this piece and all that follow.
        self.decoded.allocate(self.body.len() - start);
        let start = self.decoded.len();
        let len = decode_in_place(self.decoded.append(bytes)).map_err(|_| FormError::PercentEncoding)?;
        if len > limit {
            return Err(FormError::TooLong);
        }
        self.decoded.truncate(start + len);
        Ok(Span::new(self.raw_len + start, self.raw_len + start + len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Parameters;

    #[test]
    fn eight_parameters_without_escapes_need_no_heap() -> Result<(), FormError> {
        for body in ["a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8", "a=é&b=2&c=3&d=4&e=5&f=6&g=7&h=8"] {
            let form = Form::parse(body.as_bytes(), &Limits::default())?;
            assert!(!form.parameters.spilled());
            assert!(form.decoded.as_str().is_empty());
        }
        Ok(())
    }

    /// What is read without being split is what splitting reads.
    #[test]
    fn the_usual_refresh_is_the_same_form() {
        let head = str::from_utf8(REFRESH).unwrap();
        let limits = Limits::default();
        for rest in [
            "",
            "a",
            "AbC-_09~.",
            "a&b",
            "a&refresh_token=b",
            "a=b",
            "a+b",
            "%41",
            "%zz",
            "\u{e9}",
            "a\0",
            "&",
            "a&scope=x",
        ] {
            for body in
                [format!("{head}{rest}"), format!("&{head}{rest}"), head[..38].to_owned(), format!("x{head}{rest}")]
            {
                for limits in
                    [limits, limits.with_parameters(1), limits.with_parameters(2), limits.with_value_bytes(13)]
                {
                    let read = Form::parse(body.as_bytes(), &limits);
                    let mut split = Form::unread();
                    split.raw = body.as_bytes();
                    let split = split.split(body.as_bytes(), &limits).map(|_| split);
                    match (read, split) {
                        (Ok(read), Ok(split)) => {
                            assert!(read.iter().eq(split.iter()), "{body}");
                            assert!(read.raw_parameters().eq(split.raw_parameters()), "{body}");
                            let (mut fast, mut slow) = (Parameters::unread(), Parameters::unread());
                            assert_eq!(fast.read(&read), slow.read(&split), "{body}");
                            assert_eq!(fast.grant_type(), slow.grant_type(), "{body}");
                            assert_eq!(fast.refresh_token(), slow.refresh_token(), "{body}");
                            assert_eq!(fast.scope(), slow.scope(), "{body}");
                        }
                        (Err(read), Err(split)) => assert_eq!(read, split, "{body}"),
                        other => panic!("{other:?} of {body}"),
                    }
                }
            }
        }
        let token = "a".repeat(43);
        assert!(Form::parse(format!("{head}{token}").as_bytes(), &limits).unwrap().refresh_alone().is_some());
    }

    #[cfg(feature = "root-secret")]
    #[test]
    fn an_owned_form_is_the_same_form() {
        let limits = Limits::default();
        for body in ["", "a", "a=1&b=%41+x&c=&c=2&=v&&d=é", "a=%zz", "a=%FF", "a=\u{e9}%C3"] {
            let (borrowed, owned) =
                (Form::parse(body.as_bytes(), &limits), Form::parse_owned(body.as_bytes(), &limits));
            match (borrowed, owned) {
                (Ok(borrowed), Ok(owned)) => assert!(borrowed.iter().eq(owned.iter()), "{body}"),
                (Err(borrowed), Err(owned)) => assert_eq!(borrowed, owned, "{body}"),
                other => panic!("{other:?} of {body}"),
            }
        }
        assert_eq!(Form::parse_owned(b"a=1", &limits.with_body_bytes(2)).unwrap_err(), FormError::TooLarge);
    }

    #[test]
    fn escapes_beside_borrowed_text() -> Result<(), FormError> {
        let form = Form::parse(b"a=%41&b=2&%43=&d=+&e", &Limits::default())?;
        assert!(form.iter().eq([("a", "A"), ("b", "2"), ("C", ""), ("d", " "), ("e", "")]));
        assert_eq!(form.decoded.as_str(), "AC ");
        Ok(())
    }
}
