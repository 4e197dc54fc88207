//! Client secrets, as the server keeps them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::Choice;
use zeroize::Zeroizing;

use crate::secret::{constant_time_eq, sha_256};

/// What the server keeps of a client secret: enough to recognize it, not to tell it.
///
/// - A generated secret, or one of at least 32 characters, is kept as its SHA-256 digest: there is nothing to guess, so
///   a slow hash would protect nothing and cost each request milliseconds.
/// - A shorter one, chosen by a person, is kept as a PHC string (feature `argon2`).
/// - One that keys signatures is kept as it is: `From<RecoverableSecret>` (feature `proof`), for `client_secret_jwt`.
///
/// ```
/// use regrant::ClientSecret;
///
/// let (kept, shown_once) = ClientSecret::generate();
/// assert_eq!(shown_once.reveal().len(), 43);
/// assert_eq!(ClientSecret::new(shown_once.reveal())?.digest(), kept.digest());
/// # Ok::<(), regrant::client::SecretError>(())
/// ```
#[derive(Clone)]
pub struct ClientSecret(Verifier);

#[derive(Clone)]
enum Verifier {
    Digest([u8; 32]),
    /// And the secret itself.
    #[cfg(feature = "proof")]
    Kept([u8; 32], RecoverableSecret),
    #[cfg(feature = "argon2")]
    Phc(std::sync::Arc<str>),
}

/// Why a secret is not registered.
///
/// ```
/// use regrant::client::SecretError;
/// use regrant::ClientSecret;
/// assert!(matches!(ClientSecret::new("hunter2"), Err(SecretError::TooShort)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// Shorter than 32 characters: register it as a PHC string instead.
    #[error("a secret of fewer than {} characters can be guessed; keep it as a PHC string", ClientSecret::MIN_CHARS)]
    TooShort,
    /// It has a `%`, a `+` or a control character. Clients form-encode secrets in a Basic header (RFC 6749 section
    /// 2.3.1), or forget to: only where both come to the same do all of them get in.
    #[error("a secret in which form-decoding changes something is not understood by all clients")]
    Ambiguous,
    /// Not a PHC string of Argon2.
    #[error("not a PHC string of a known algorithm")]
    Phc,
}

impl ClientSecret {
    /// The fewest characters of a secret that is kept as a digest.
    pub const MIN_CHARS: usize = 32;

    /// Makes a secret of 256 random bits. What is returned beside the kept half is shown once and then forgotten.
    ///
    /// ```
    /// let (kept, shown_once) = regrant::ClientSecret::generate();
    /// println!("client secret: {}", shown_once.reveal());
    /// # let _ = kept;
    /// ```
    pub fn generate() -> (Self, GeneratedSecret) {
        let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(rand::random());
        let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes));
        (Self(Verifier::Digest(digest(text.as_bytes()))), GeneratedSecret(text))
    }

    /// Keeps the digest of a secret of at least 32 characters.
    ///
    /// # Errors
    ///
    /// [`SecretError::TooShort`] and [`SecretError::Ambiguous`].
    ///
    /// ```
    /// let secret = regrant::ClientSecret::new("marketplace-secret-for-trying-out-only")?;
    /// # let _ = secret;
    /// # Ok::<(), regrant::client::SecretError>(())
    /// ```
    pub fn new(secret: &str) -> Result<Self, SecretError> {
        if secret.chars().count() < Self::MIN_CHARS {
            return Err(SecretError::TooShort);
        }
        if !is_plain(secret) {
            return Err(SecretError::Ambiguous);
        }
        Ok(Self(Verifier::Digest(digest(secret.as_bytes()))))
    }

    /// The secret with this SHA-256 digest, for a registry that keeps digests.
    ///
    /// What it was made of cannot be checked, as [`new`](Self::new) does: where the text has a `%` or a `+`, the digest has to be
    /// that of the text itself, and a client that does not form-encode it in its Basic header (RFC 6749 section 2.3.1) is
    /// refused, since decoding changes it. See
    /// [`client_secret_basic_raw`](crate::client::ClientBuilder::client_secret_basic_raw) for such a client. A control
    /// character is refused in every header that is decoded.
    ///
    /// ```
    /// let (kept, _) = regrant::ClientSecret::generate();
    /// let again = regrant::ClientSecret::from_digest(kept.digest().expect("kept as a digest"));
    /// assert_eq!(again.digest(), kept.digest());
    /// ```
    pub const fn from_digest(sha256: [u8; 32]) -> Self {
        Self(Verifier::Digest(sha256))
    }

    /// The SHA-256 digest, for a registry to keep; `None` for a PHC string.
    ///
    /// ```
    /// assert_eq!(regrant::ClientSecret::from_digest([1; 32]).digest(), Some([1; 32]));
    /// ```
    pub const fn digest(&self) -> Option<[u8; 32]> {
        match self.0 {
            Verifier::Digest(digest) => Some(digest),
            #[cfg(feature = "proof")]
            Verifier::Kept(digest, _) => Some(digest),
            #[cfg(feature = "argon2")]
            Verifier::Phc(_) => None,
        }
    }

    /// Keeps a secret that a person chose as a PHC string (feature `argon2`), such as a registry reads from its table.
    /// Use parameters that cost tens of milliseconds.
    ///
    /// The engine verifies it through its [`SlowVerifier`](crate::engine::SlowVerifier). What it was made of cannot be checked:
    /// where that has a `%` or a `+`, what [`from_digest`](Self::from_digest) says holds here too.
    ///
    /// # Errors
    ///
    /// [`SecretError::Phc`] for what is not a PHC string of Argon2.
    ///
    /// ```
    /// use regrant::client::SecretError;
    /// use regrant::ClientSecret;
    /// assert!(matches!(ClientSecret::from_phc("hunter2"), Err(SecretError::Phc)));
    /// ```
    #[cfg(feature = "argon2")]
    pub fn from_phc(phc: &str) -> Result<Self, SecretError> {
        let hash = argon2::PasswordHash::new(phc).map_err(|_| SecretError::Phc)?;
        let known = argon2::Algorithm::try_from(hash.algorithm.as_str()).is_ok();
        let verifiable = argon2::Params::try_from(&hash).is_ok() && hash.salt.is_some() && hash.hash.is_some();
        if known && verifiable { Ok(Self(Verifier::Phc(phc.into()))) } else { Err(SecretError::Phc) }
    }

    /// The PHC string, if it is kept as one.
    #[cfg(feature = "argon2")]
    pub(crate) const fn phc(&self) -> Option<&std::sync::Arc<str>> {
        if let Verifier::Phc(phc) = &self.0 { Some(phc) } else { None }
    }

    /// Whether it takes a slow verification.
    pub(crate) const fn is_phc(&self) -> bool {
        match self.0 {
            Verifier::Digest(_) => false,
            #[cfg(feature = "proof")]
            Verifier::Kept(..) => false,
            #[cfg(feature = "argon2")]
            Verifier::Phc(_) => true,
        }
    }

    /// The secret, where it is kept as it is.
    #[cfg(feature = "proof")]
    pub(crate) fn as_kept(&self) -> Option<&[u8]> {
        if let Verifier::Kept(_, secret) = &self.0 { Some(secret.as_bytes()) } else { None }
    }

    /// Whether `presented`, the digest of a secret, is this one's; in constant time. Never for a PHC string.
    pub(crate) fn matches_digest(&self, presented: &[u8; 32]) -> Choice {
        match &self.0 {
            Verifier::Digest(kept) => constant_time_eq(kept, presented),
            #[cfg(feature = "proof")]
            Verifier::Kept(kept, _) => constant_time_eq(kept, presented),
            #[cfg(feature = "argon2")]
            Verifier::Phc(_) => Choice::from(0),
        }
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Verifier::Digest(_) => "ClientSecret(digest)",
            #[cfg(feature = "proof")]
            Verifier::Kept(..) => "ClientSecret(kept)",
            #[cfg(feature = "argon2")]
            Verifier::Phc(_) => "ClientSecret(phc)",
        })
    }
}

/// Keeps the secret as it is, so that the client can authenticate by
/// [`client_secret_jwt`](crate::client::ClientBuilder::client_secret_jwt). Signs no ID tokens:
/// [`recoverable_secret`](crate::client::ClientBuilder::recoverable_secret) does both.
#[cfg(feature = "proof")]
impl From<RecoverableSecret> for ClientSecret {
    fn from(secret: RecoverableSecret) -> Self {
        Self(Verifier::Kept(digest(secret.as_bytes()), secret))
    }
}

/// A client secret that is kept as it is, not as a digest, since it keys signatures: see
/// [`ClientBuilder::recoverable_secret`](crate::client::ClientBuilder::recoverable_secret). At least 32 bytes, which is what `HS256`
/// asks for (RFC 7518 section 3.2). Zeroized on drop; `Debug` shows nothing.
///
/// ```
/// use regrant::client::{RecoverableSecret, SecretError};
/// assert!(RecoverableSecret::new("a-secret-of-32-characters-or-more").is_ok());
/// assert!(matches!(RecoverableSecret::new("too short"), Err(SecretError::TooShort)));
/// ```
#[cfg(feature = "jwt")]
#[derive(Clone)]
pub struct RecoverableSecret(std::sync::Arc<Zeroizing<String>>);

#[cfg(feature = "jwt")]
impl RecoverableSecret {
    /// The secret of this text.
    ///
    /// # Errors
    ///
    /// [`SecretError`], as for [`ClientSecret::new`].
    ///
    /// ```
    /// # use regrant::client::RecoverableSecret;
    /// let secret = RecoverableSecret::new("a-secret-of-32-characters-or-more")?;
    /// assert_eq!(format!("{secret:?}"), "RecoverableSecret");
    /// # Ok::<(), regrant::client::SecretError>(())
    /// ```
    pub fn new(secret: &str) -> Result<Self, SecretError> {
        ClientSecret::new(secret)?;
        Ok(Self(std::sync::Arc::new(Zeroizing::new(secret.to_owned()))))
    }

    /// The same secret as it authenticates.
    pub(super) fn to_secret(&self) -> ClientSecret {
        #[cfg(feature = "proof")]
        return self.clone().into();
        #[cfg(not(feature = "proof"))]
        ClientSecret(Verifier::Digest(digest(self.as_bytes())))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[cfg(feature = "jwt")]
impl fmt::Debug for RecoverableSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoverableSecret")
    }
}

/// A secret that was just made, to be shown to its owner once. Zeroized on drop; `Debug` shows nothing.
///
/// ```
/// let (_, shown_once) = regrant::ClientSecret::generate();
/// assert_eq!(format!("{shown_once:?}"), "GeneratedSecret");
/// ```
pub struct GeneratedSecret(Zeroizing<String>);

impl GeneratedSecret {
    /// The secret: 43 characters of base64url.
    ///
    /// ```
    /// assert_eq!(regrant::ClientSecret::generate().1.reveal().len(), 43);
    /// ```
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for GeneratedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GeneratedSecret")
    }
}

/// The digest that secrets are compared by.
pub(crate) fn digest(secret: &[u8]) -> [u8; 32] {
    sha_256(secret)
}

/// Whether form-decoding leaves it as it is.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.contains(['%', '+']) && !text.chars().any(char::is_control)
}
