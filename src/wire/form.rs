//! Form bodies: `application/x-www-form-urlencoded`.

use std::{fmt, str};

use smallvec::SmallVec;

use super::{
    limits::Limits,
    percent::decode_in_place,
    text::{SecretBytes, SecretText},
};

/// Why a body is not a form, or not one that is read.
///
/// The messages are fixed text: nothing of the body is in them.
///
/// ```
/// use regrant::{Form, FormError, Limits};
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
/// use regrant::{Form, Limits};
///
/// let body = b"grant_type=password&username=ann&password=p%2Bw&scope=";
/// let form = Form::parse(body, &Limits::default())?;
///
/// assert_eq!(form.single("grant_type"), Ok(Some("password")));
/// assert_eq!(form.single("password"), Ok(Some("p+w")));
/// assert_eq!(form.single("scope"), Ok(None)); // empty is absent
/// assert_eq!(form.single("client_id"), Ok(None));
/// assert_eq!(format!("{form:?}"), "Form { parameters: 4, .. }");
/// # Ok::<(), regrant::FormError>(())
/// ```
pub struct Form<'a> {
    /// The body, or nothing when it cannot be borrowed: then all text is in `decoded`.
    raw: &'a str,
    decoded: SecretText,
    parameters: SmallVec<[Parameter; 8]>,
}

#[derive(Clone, Copy)]
struct Parameter {
    name: Span,
    value: Span,
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
    /// use regrant::{Form, FormError, Limits};
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
        if body.len() > limits.get_body_bytes() {
            return Err(FormError::TooLarge);
        }
        let raw = match str::from_utf8(body) {
            Ok(raw) => raw,
            // An escape may complete a character that begins as a raw byte: then the body is decoded as a whole.
            Err(_) if body.iter().any(|&b| is_escape(b)) => "",
            Err(_) => return Err(FormError::Utf8),
        };
        // Filled in place: it is large enough for copies to be felt.
        let mut form = Form { raw, decoded: SecretText::new(), parameters: SmallVec::new() };
        form.read(body, limits)?;
        Ok(form)
    }

    fn read(&mut self, body: &[u8], limits: &Limits) -> Result<(), FormError> {
        let mut parser =
            Parser { body, raw: self.raw, value_bytes: limits.get_value_bytes(), decoded: SecretBytes::new() };
        let mut at = 0;
        while let Some(&byte) = body.get(at) {
            if byte == b'&' {
                at += 1;
                continue;
            }
            if self.parameters.len() == limits.get_parameters() {
                return Err(FormError::TooManyParameters);
            }
            let name = Piece::scan(body, at, AMPERSAND | EQUALS);
            let value = if body.get(name.end) == Some(&b'=') {
                Piece::scan(body, name.end + 1, AMPERSAND)
            } else {
                Piece { start: name.end, end: name.end, escaped: false }
            };
            at = value.end + 1;
            let parameter = Parameter { name: parser.span(name)?, value: parser.span(value)? };
            self.parameters.push(parameter);
        }
        if parser.decoded.len() > 0 {
            self.decoded = parser.decoded.into_text().ok_or(FormError::Utf8)?;
            // All decoded texts together are UTF-8. Each by itself is, too, unless one ends within a character.
            if !self.parameters.iter().all(|p| self.is_text(p.name) && self.is_text(p.value)) {
                return Err(FormError::Utf8);
            }
        }
        Ok(())
    }

    /// All parameters, in order, as (name, value), those with an empty value too.
    ///
    /// ```
    /// use regrant::{Form, Limits};
    ///
    /// let form = Form::parse(b"b=2&a=%C3%A9&b=", &Limits::default())?;
    /// assert!(form.iter().eq([("b", "2"), ("a", "é"), ("b", "")]));
    /// # Ok::<(), regrant::FormError>(())
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.parameters.iter().map(|p| (self.text(p.name), self.text(p.value)))
    }

    /// How often a parameter occurs, with an empty value or another.
    ///
    /// ```
    /// use regrant::{Form, Limits};
    ///
    /// let form = Form::parse(b"scope=&scope=mail", &Limits::default())?;
    /// assert_eq!(form.count("scope"), 2);
    /// # Ok::<(), regrant::FormError>(())
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
    /// use regrant::{Form, Limits, Repeated};
    ///
    /// let form = Form::parse(b"scope=mail&code=&state=&state=x", &Limits::default())?;
    /// assert_eq!(form.single("scope"), Ok(Some("mail")));
    /// assert_eq!(form.single("code"), Ok(None));
    /// assert_eq!(form.single("state"), Err(Repeated));
    /// # Ok::<(), regrant::FormError>(())
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
    /// use regrant::{Form, Limits};
    ///
    /// let form = Form::parse(b"resource=a&resource=&resource=b", &Limits::default())?;
    /// assert!(form.all("resource").eq(["a", "b"]));
    /// # Ok::<(), regrant::FormError>(())
    /// ```
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> + Clone {
        self.values(name).map(|span| self.text(span)).filter(|value| !value.is_empty())
    }

    fn values(&self, name: &str) -> impl Iterator<Item = Span> + Clone {
        // Most names differ in length, and that is known without touching the text.
        self.parameters.iter().filter(move |p| p.name.len() == name.len() && self.text(p.name) == name).map(|p| p.value)
    }

    fn text(&self, span: Span) -> &str {
        let Span { start, end } = span;
        let (start, end) = (start as usize, end as usize);
        // Never out of bounds or within a character, since `read` cut the spans from these very texts: raw ones lie
        // between ASCII characters or at an end, and for decoded ones it was checked.
        match start.checked_sub(self.raw.len()) {
            None => &self.raw[start..end],
            Some(start) => &self.decoded.as_str()[start..end - self.raw.len()],
        }
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

    fn len(self) -> usize {
        (self.end - self.start) as usize
    }
}

struct Parser<'a> {
    body: &'a [u8],
    raw: &'a str,
    value_bytes: usize,
    decoded: SecretBytes,
}

impl Parser<'_> {
    fn span(&mut self, piece: Piece) -> Result<Span, FormError> {
        if piece.escaped || self.raw.is_empty() {
            return self.decode(piece);
        }
        if piece.end - piece.start > self.value_bytes {
            return Err(FormError::TooLong);
        }
        Ok(Span::new(piece.start, piece.end))
    }

    #[inline(never)]
    fn decode(&mut self, piece: Piece) -> Result<Span, FormError> {
        // `scan` made it from this body.
        let bytes = &self.body[piece.start..piece.end];
        // Three bytes are decoded to one at best.
        if bytes.len() / 3 > self.value_bytes {
            return Err(FormError::TooLong);
        }
        // Enough for this piece and all that follow.
        self.decoded.allocate(self.body.len() - piece.start);
        let start = self.decoded.len();
        let len = decode_in_place(self.decoded.append(bytes)).map_err(|_| FormError::PercentEncoding)?;
        if len > self.value_bytes {
            return Err(FormError::TooLong);
        }
        self.decoded.truncate(start + len);
        Ok(Span::new(self.raw.len() + start, self.raw.len() + start + len))
    }
}

const AMPERSAND: u8 = 1;
const EQUALS: u8 = 2;
const ESCAPE: u8 = 4;

/// What a byte may mean in a form.
const CLASS: [u8; 256] = {
    let mut table = [0; 256];
    table[b'&' as usize] = AMPERSAND;
    table[b'=' as usize] = EQUALS;
    table[b'%' as usize] = ESCAPE;
    table[b'+' as usize] = ESCAPE;
    table
};

fn is_escape(byte: u8) -> bool {
    CLASS[usize::from(byte)] & ESCAPE != 0
}

const CHUNK: usize = 8;

/// A name or a value, not decoded.
#[derive(Clone, Copy)]
struct Piece {
    start: usize,
    end: usize,
    escaped: bool,
}

impl Piece {
    /// The piece from `start` to the first byte of the classes `stop`, or to the end.
    fn scan(body: &[u8], start: usize, stop: u8) -> Self {
        let mut end = start;
        let mut seen = 0;
        // Tokens and secrets are long and plain: pass over them many bytes at a time.
        while let Some(chunk) = body.get(end..).and_then(<[u8]>::first_chunk::<CHUNK>)
            && chunk.iter().fold(0, |seen, &b| seen | CLASS[usize::from(b)]) == 0
        {
            end += CHUNK;
        }
        while let Some(&byte) = body.get(end) {
            let class = CLASS[usize::from(byte)];
            if class & stop != 0 {
                break;
            }
            seen |= class;
            end += 1;
        }
        Self { start, end, escaped: seen & ESCAPE != 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_parameters_without_escapes_need_no_heap() -> Result<(), FormError> {
        for body in ["a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8", "a=é&b=2&c=3&d=4&e=5&f=6&g=7&h=8"] {
            let form = Form::parse(body.as_bytes(), &Limits::default())?;
            assert!(!form.parameters.spilled());
            assert!(form.decoded.as_str().is_empty());
        }
        Ok(())
    }

    #[test]
    fn pieces_end_where_they_should_at_any_distance() {
        for len in 0..40 {
            let plain = "x".repeat(len);
            for (rest, escaped) in
                [("", false), ("&y%", false), ("%41", true), ("+&", true), ("=+", true), ("==&", false)]
            {
                let body = format!("{plain}{rest}");
                let piece = Piece::scan(body.as_bytes(), 0, AMPERSAND);
                assert_eq!((piece.start, Some(piece.end)), (0, body.find('&').or(Some(body.len()))), "{body}");
                assert_eq!(piece.escaped, escaped, "{body}");
            }
        }
    }

    #[test]
    fn escapes_beside_borrowed_text() -> Result<(), FormError> {
        let form = Form::parse(b"a=%41&b=2&%43=&d=+&e", &Limits::default())?;
        assert!(form.iter().eq([("a", "A"), ("b", "2"), ("C", ""), ("d", " "), ("e", "")]));
        assert_eq!(form.decoded.as_str(), "AC ");
        Ok(())
    }
}
