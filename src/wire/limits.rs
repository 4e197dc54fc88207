//! How much a request may carry.

/// How much a form body may carry before it is refused.
///
/// A token request is a few hundred bytes; these limits bound the work that a hostile one can cause. They are checked
/// by [`Form::parse`](crate::internal::Form::parse).
///
/// | limit | default | what exceeding it is |
/// |---|---|---|
/// | [`body_bytes`](Self::body_bytes) | 64 KiB | [`FormError::TooLarge`](crate::wire::FormError::TooLarge) |
/// | [`parameters`](Self::parameters) | 64 | [`FormError::TooManyParameters`](crate::wire::FormError::TooManyParameters) |
/// | [`value_bytes`](Self::value_bytes) | 8 KiB | [`FormError::TooLong`](crate::wire::FormError::TooLong) |
///
/// # Example
///
/// ```
/// use regrant::wire::Limits;
///
/// let limits = Limits::default().with_body_bytes(16 * 1024).with_parameters(32);
/// assert_eq!(limits.body_bytes(), 16 * 1024);
/// assert_eq!(limits.parameters(), 32);
/// assert_eq!(limits.value_bytes(), 8 * 1024);
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
    /// use regrant::internal::Form;
    /// use regrant::wire::{FormError, Limits};
    ///
    /// let limits = Limits::default().with_body_bytes(3);
    /// assert!(Form::parse(b"a=1", &limits).is_ok());
    /// assert_eq!(Form::parse(b"a=12", &limits).unwrap_err(), FormError::TooLarge);
    /// ```
    #[must_use]
    pub fn with_body_bytes(mut self, n: usize) -> Self {
        // `Form` keeps positions in 32 bits.
        self.body_bytes = n.min(1 << 30);
        self
    }

    /// Sets the greatest number of parameters in one body, repeated and empty ones included. Default: 64.
    ///
    /// ```
    /// use regrant::internal::Form;
    /// use regrant::wire::{FormError, Limits};
    ///
    /// let limits = Limits::default().with_parameters(2);
    /// assert!(Form::parse(b"a=1&b=2", &limits).is_ok());
    /// assert_eq!(Form::parse(b"a=1&b=2&c", &limits).unwrap_err(), FormError::TooManyParameters);
    /// ```
    #[must_use]
    pub fn with_parameters(mut self, n: usize) -> Self {
        self.parameters = n;
        self
    }

    /// Sets the greatest length of one name and of one value, in bytes after decoding. Default: 8 KiB.
    ///
    /// ```
    /// use regrant::internal::Form;
    /// use regrant::wire::{FormError, Limits};
    ///
    /// let limits = Limits::default().with_value_bytes(2);
    /// assert!(Form::parse(b"a=%41%42", &limits).is_ok());
    /// assert_eq!(Form::parse(b"a=ABC", &limits).unwrap_err(), FormError::TooLong);
    /// ```
    #[must_use]
    pub fn with_value_bytes(mut self, n: usize) -> Self {
        self.value_bytes = n;
        self
    }

    /// The greatest length of a body, in bytes as they were sent.
    ///
    /// ```
    /// assert_eq!(regrant::wire::Limits::default().body_bytes(), 64 * 1024);
    /// ```
    pub fn body_bytes(&self) -> usize {
        self.body_bytes
    }

    /// The greatest number of parameters in one body.
    ///
    /// ```
    /// assert_eq!(regrant::wire::Limits::default().parameters(), 64);
    /// ```
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// The greatest length of one name or value, in bytes after decoding.
    ///
    /// ```
    /// assert_eq!(regrant::wire::Limits::default().value_bytes(), 8 * 1024);
    /// ```
    pub fn value_bytes(&self) -> usize {
        self.value_bytes
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes: 64 * 1024, parameters: 64, value_bytes: 8 * 1024 }
    }
}
