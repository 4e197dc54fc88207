//! Claims that a host adds to an ID token.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

/// The claims that the engine writes itself, or would have to mean what OpenID Connect Core says of them.
const RESERVED: [&str; 13] =
    ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "s_hash", "c_hash", "azp", "realm", "sid"];

/// What a host adds to an ID token (OpenID Connect Core section 5.1): `email`, `name`, or claims of its own.
///
/// 8 KiB of JSON at most: the token goes out with every response.
///
/// ```
/// use regrant::jwt::IdClaims;
///
/// let claims = IdClaims::new().with("email", "ada@example.com")?.with("email_verified", &true)?;
/// assert!(!claims.is_empty());
/// assert!(IdClaims::new().with("sub", "someone else").is_err());
/// # Ok::<(), regrant::jwt::ClaimError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct IdClaims {
    claims: Map<String, Value>,
    /// How long they are as JSON, without braces.
    len: usize,
}

/// Why a claim could not be added.
///
/// ```
/// use regrant::jwt::{ClaimError, IdClaims};
/// let twice = IdClaims::new().with("name", "Ada")?.with("name", "Grace");
/// assert!(matches!(twice, Err(ClaimError::Repeated)));
/// # Ok::<(), ClaimError>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// The engine writes the claim of this name itself.
    #[error("the engine writes the claim of this name itself")]
    Reserved,
    /// The name was given before.
    #[error("a claim of this name is there already")]
    Repeated,
    /// More than [`IdClaims::MAX_BYTES`] of JSON.
    #[error("more than {} bytes of claims", IdClaims::MAX_BYTES)]
    TooLong,
    /// The value cannot be written as JSON.
    #[error("the value cannot be written as JSON")]
    Json(#[source] serde_json::Error),
}

impl IdClaims {
    /// The most bytes that all claims together can take, as JSON.
    pub const MAX_BYTES: usize = 8 * 1_024;

    /// No claims.
    ///
    /// ```
    /// assert!(regrant::jwt::IdClaims::new().is_empty());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a claim; `value` is anything that serde writes as JSON.
    ///
    /// # Errors
    ///
    /// [`ClaimError`] where the engine writes a claim of that name itself or it was given before, where all of it gets too
    /// long, and where the value cannot be written as JSON.
    ///
    /// ```
    /// use regrant::jwt::IdClaims;
    /// let claims = IdClaims::new().with("groups", &["staff", "audit"])?;
    /// assert_eq!(format!("{claims:?}"), "IdClaims(1)");
    /// # Ok::<(), regrant::jwt::ClaimError>(())
    /// ```
    pub fn with<T: Serialize + ?Sized>(mut self, name: &str, value: &T) -> Result<Self, ClaimError> {
        if RESERVED.contains(&name) {
            return Err(ClaimError::Reserved);
        }
        if self.claims.contains_key(name) {
            return Err(ClaimError::Repeated);
        }
        let value = serde_json::to_value(value).map_err(ClaimError::Json)?;
        let written = [serde_json::to_string(name), serde_json::to_string(&value)];
        for part in written {
            // One more for the colon or the comma.
            self.len += part.map_err(ClaimError::Json)?.len() + 1;
        }
        if self.len > Self::MAX_BYTES {
            return Err(ClaimError::TooLong);
        }
        self.claims.insert(name.to_owned(), value);
        Ok(self)
    }

    /// Whether there are none.
    ///
    /// ```
    /// assert!(!regrant::jwt::IdClaims::new().with("name", "Ada")?.is_empty());
    /// # Ok::<(), regrant::jwt::ClaimError>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.claims.iter()
    }
}

impl fmt::Debug for IdClaims {
    /// How many alone: they are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdClaims({})", self.claims.len())
    }
}
