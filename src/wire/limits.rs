//! How much a request may carry.

/// How much a form body may carry before it is refused.
///
/// A token request is a few hundred bytes; these limits bound the work that a hostile one can cause. They are checked
/// by [`Form::parse`](crate::Form::parse).
///
/// | limit | default | what exceeding it is |
/// |---|---|---|
/// | [`body_bytes`](Self::body_bytes) | 64 KiB | [`FormError::TooLarge`](crate::FormError::TooLarge) |
/// | [`parameters`](Self::parameters) | 64 | [`FormError::TooManyParameters`](crate::FormError::TooManyParameters) |
/// | [`value_bytes`](Self::value_bytes) | 8 KiB | [`FormError::TooLong`](crate::FormError::TooLong) |
///
/// # Example
///
/// ```
/// use regrant::Limits;
///
/// let limits = Limits::default().body_bytes(16 * 1024).parameters(32);
/// assert_eq!(limits.get_body_bytes(), 16 * 1024);
/// assert_eq!(limits.get_parameters(), 32);
/// assert_eq!(limits.get_value_bytes(), 8 * 1024);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    body_bytes: usize,
    parameters: usize,
    value_bytes: usize,
}

impl Limits {
    /// Sets the greatest length of a body, in bytes as they were sent. Default: 64 KiB.
    ///
    /// A host that reads bodies itself should stop reading at this length. More than 1 GiB counts as 1 GiB.
    ///
    /// ```
    /// use regrant::{Form, FormError, Limits};
    ///
    /// let limits = Limits::default().body_bytes(3);
    /// assert!(Form::parse(b"a=1", &limits).is_ok());
    /// assert_eq!(Form::parse(b"a=12", &limits).unwrap_err(), FormError::TooLarge);
    /// ```
    #[must_use]
    pub fn body_bytes(mut self, n: usize) -> Self {
        // `Form` keeps positions in 32 bits.
        self.body_bytes = n.min(1 << 30);
        self
    }

    /// Sets the greatest number of parameters in one body, repeated and empty ones included. Default: 64.
    ///
    /// ```
    /// use regrant::{Form, FormError, Limits};
    ///
    /// let limits = Limits::default().parameters(2);
    /// assert!(Form::parse(b"a=1&b=2", &limits).is_ok());
    /// assert_eq!(Form::parse(b"a=1&b=2&c", &limits).unwrap_err(), FormError::TooManyParameters);
    /// ```
    #[must_use]
    pub fn parameters(mut self, n: usize) -> Self {
        self.parameters = n;
        self
    }

    /// Sets the greatest length of one name and of one value, in bytes after decoding. Default: 8 KiB.
    ///
    /// ```
    /// use regrant::{Form, FormError, Limits};
    ///
    /// let limits = Limits::default().value_bytes(2);
    /// assert!(Form::parse(b"a=%41%42", &limits).is_ok());
    /// assert_eq!(Form::parse(b"a=ABC", &limits).unwrap_err(), FormError::TooLong);
    /// ```
    #[must_use]
    pub fn value_bytes(mut self, n: usize) -> Self {
        self.value_bytes = n;
        self
    }

    /// The greatest length of a body, in bytes as they were sent.
    ///
    /// ```
    /// assert_eq!(regrant::Limits::default().get_body_bytes(), 64 * 1024);
    /// ```
    pub fn get_body_bytes(&self) -> usize {
        self.body_bytes
    }

    /// The greatest number of parameters in one body.
    ///
    /// ```
    /// assert_eq!(regrant::Limits::default().get_parameters(), 64);
    /// ```
    pub fn get_parameters(&self) -> usize {
        self.parameters
    }

    /// The greatest length of one name or value, in bytes after decoding.
    ///
    /// ```
    /// assert_eq!(regrant::Limits::default().get_value_bytes(), 8 * 1024);
    /// ```
    pub fn get_value_bytes(&self) -> usize {
        self.value_bytes
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes: 64 * 1024, parameters: 64, value_bytes: 8 * 1024 }
    }
}
