//! Keys that sign tokens which others verify.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zeroize::Zeroizing;

use super::SigningAlgorithm;
use super::backend::{self, KeyPair};
use super::compact::{self, SigningFailed};
use super::key_error::SigningKeyError;
use super::pkcs8;
use super::public::{KID_LEN, PublicKey};
use crate::grant::Timestamp;

/// A private key that signs access tokens and ID tokens, named by the thumbprint of its public half (RFC 7638).
///
/// The algorithm follows from the key: RSA signs by `RS256`, P-256 by `ES256`, Ed25519 by `EdDSA`. Whoever holds the key can
/// make any token of yours, so keep it as you keep the engine's [`Key`](crate::Key). Cloning shares it; what it holds is
/// zeroized on drop, and `Debug` shows the algorithm and the name alone.
///
/// With the feature `jwt-aws-lc-rs` signatures are made by AWS-LC, which is the one for production. `jwt-rust-crypto` is Rust
/// alone; its RSA leaks a little of the key through time (RUSTSEC-2023-0071). With both it is AWS-LC, and with neither
/// there are no keys.
///
/// ```
/// use regrant::jwt::{SigningAlgorithm, SigningKey};
///
/// let (key, pem) = SigningKey::generate(SigningAlgorithm::EdDsa)?;
/// let again = SigningKey::from_pkcs8_pem(pem.reveal())?;
/// assert_eq!(again.kid(), key.kid());
/// assert_eq!(again.algorithm(), SigningAlgorithm::EdDsa);
/// # Ok::<(), regrant::jwt::SigningKeyError>(())
/// ```
#[derive(Clone)]
pub struct SigningKey(Arc<Inner>);

struct Inner {
    pair: KeyPair,
    public: PublicKey,
    algorithm: SigningAlgorithm,
    kid: [u8; KID_LEN],
    /// What every access token by it begins with (RFC 9068 section 2.1), as it is written.
    access_header: String,
    /// When the last of the tokens that it signed here expires, in seconds since the epoch.
    last_expiry: AtomicU64,
}

impl SigningKey {
    /// Reads a private key as `openssl genpkey` writes it: one PEM block labelled `PRIVATE KEY`, which is PKCS#8 (RFC 7468
    /// section 10). RSA of 2048 to 4096 bits, P-256 or Ed25519. The key signs once before it is taken.
    ///
    /// # Errors
    ///
    /// [`SigningKeyError`] says what is wrong with it.
    ///
    /// ```
    /// use regrant::jwt::{SigningAlgorithm, SigningKey};
    ///
    /// // The key of RFC 8037 appendix A.1.
    /// let key = SigningKey::from_pkcs8_pem(
    ///     "-----BEGIN PRIVATE KEY-----
    /// MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
    /// -----END PRIVATE KEY-----",
    /// )?;
    /// assert_eq!(key.algorithm(), SigningAlgorithm::EdDsa);
    /// assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    /// # Ok::<(), regrant::jwt::SigningKeyError>(())
    /// ```
    pub fn from_pkcs8_pem(pem: &str) -> Result<Self, SigningKeyError> {
        Self::from_pkcs8_der(pkcs8::from_pem(pem)?.as_bytes())
    }

    /// Makes a key; RSA keys have 2048 bits. What is returned beside it is its PEM, to be kept where secrets are kept.
    ///
    /// # Errors
    ///
    /// [`SigningKeyError::NoBackend`] and [`SigningKeyError::Generation`].
    ///
    /// ```
    /// use regrant::jwt::{SigningAlgorithm, SigningKey};
    /// let (key, pem) = SigningKey::generate(SigningAlgorithm::Es256)?;
    /// assert_eq!(key.kid().len(), 43);
    /// assert!(pem.reveal().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    /// # Ok::<(), regrant::jwt::SigningKeyError>(())
    /// ```
    pub fn generate(algorithm: SigningAlgorithm) -> Result<(Self, GeneratedPem), SigningKeyError> {
        let der = backend::generate(algorithm)?;
        Ok((Self::from_pkcs8_der(&der)?, GeneratedPem(pkcs8::to_pem(&der)?)))
    }

    fn from_pkcs8_der(der: &[u8]) -> Result<Self, SigningKeyError> {
        let key = pkcs8::parse(der)?;
        let (pair, public) = KeyPair::load(&key)?;
        let (algorithm, kid) = (key.algorithm, public.kid());
        let header = format!(r#"{{"alg":"{algorithm}","typ":"at+jwt","kid":"{}"}}"#, text(&kid));
        let access_header = compact::encode(&header);
        Ok(Self(Arc::new(Inner { pair, public, algorithm, kid, access_header, last_expiry: AtomicU64::new(0) })))
    }

    /// What it signs by.
    ///
    /// ```
    /// use regrant::jwt::{SigningAlgorithm, SigningKey};
    /// let (key, _) = SigningKey::generate(SigningAlgorithm::Es256)?;
    /// assert_eq!(key.algorithm(), SigningAlgorithm::Es256);
    /// # Ok::<(), regrant::jwt::SigningKeyError>(())
    /// ```
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.0.algorithm
    }

    /// Its name in the `kid` header and in the JWK set: the SHA-256 thumbprint of the public half (RFC 7638), 43
    /// characters of base64url.
    ///
    /// ```
    /// use regrant::jwt::{SigningAlgorithm, SigningKey};
    /// assert_eq!(SigningKey::generate(SigningAlgorithm::EdDsa)?.0.kid().len(), 43);
    /// # Ok::<(), regrant::jwt::SigningKeyError>(())
    /// ```
    pub fn kid(&self) -> &str {
        text(&self.0.kid)
    }

    /// The first part of an access token.
    pub(super) fn access_header(&self) -> &str {
        &self.0.access_header
    }

    /// The raw signature over these bytes.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        self.0.pair.sign(message)
    }

    /// The same over a token that expires then: until that has passed, somebody may ask for the public half.
    pub(super) fn sign_token(&self, message: &[u8], expires_at_secs: u64) -> Result<Vec<u8>, SigningFailed> {
        // Written once a second and not for each token: every core that signs would have to wait for the line.
        if self.0.last_expiry.load(Ordering::Relaxed) < expires_at_secs {
            self.0.last_expiry.fetch_max(expires_at_secs, Ordering::Relaxed);
        }
        self.sign(message)
    }

    /// When the last of the tokens that it signed here expires.
    pub(super) fn last_expiry(&self) -> Timestamp {
        Timestamp::from_secs(self.0.last_expiry.load(Ordering::Relaxed))
    }

    /// Whether this key made that signature.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.pair.verify(message, signature)
    }

    /// The public half as a JWK.
    pub(super) fn jwk(&self) -> String {
        self.0.public.jwk(self.0.algorithm, self.kid())
    }
}

/// Base64url is ASCII.
fn text(kid: &[u8; KID_LEN]) -> &str {
    std::str::from_utf8(kid).unwrap_or_default()
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {})", self.algorithm(), self.kid())
    }
}

/// The PEM of a key that was just made. Zeroized on drop; `Debug` shows nothing.
///
/// ```
/// use regrant::jwt::{SigningAlgorithm, SigningKey};
/// let (_, pem) = SigningKey::generate(SigningAlgorithm::EdDsa)?;
/// assert_eq!(format!("{pem:?}"), "GeneratedPem");
/// # Ok::<(), regrant::jwt::SigningKeyError>(())
/// ```
pub struct GeneratedPem(Zeroizing<String>);

impl GeneratedPem {
    /// The PEM text, which [`SigningKey::from_pkcs8_pem`] reads.
    ///
    /// ```
    /// use regrant::jwt::{SigningAlgorithm, SigningKey};
    /// let (_, pem) = SigningKey::generate(SigningAlgorithm::EdDsa)?;
    /// assert!(pem.reveal().ends_with("-----END PRIVATE KEY-----\n"));
    /// # Ok::<(), regrant::jwt::SigningKeyError>(())
    /// ```
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for GeneratedPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GeneratedPem")
    }
}
