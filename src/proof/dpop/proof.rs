//! A proof, and what is left of it when it is proven.

use std::time::Duration;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Nonces, ProofFault, Target};
use crate::grant::Timestamp;
use crate::proof::json::Object;
use crate::proof::jws::Jws;
use crate::proof::{ClaimFault, JwkFault, JwsAlgorithm, JwsFault, jwk};
use crate::token::{PublicKey, Thumbprint, decode};

/// How old a proof without a nonce may be (RFC 9449 section 4.3, item 11).
const LIFETIME: Duration = Duration::from_secs(60);

/// How far ahead of this clock the one may be that made a proof without a nonce.
const MOST_AHEAD: Duration = Duration::from_secs(10);

/// A proof of possession that was read: well-formed, and nothing more. What it says is believed when
/// [`verify_signature`](Self::verify_signature) has said so; what is cheaper is checked before that.
///
/// [`Verifier`](super::Verifier) does all of it in the right order.
pub struct Proof<'a> {
    jws: Jws<'a>,
    algorithm: JwsAlgorithm,
    key: PublicKey,
    /// Set where time or nonce were found right: until when the same proof would be.
    fresh_until: Option<Timestamp>,
    nonce_given_at: Option<Timestamp>,
}

impl<'a> Proof<'a> {
    /// The longest proof that is read: room for an RSA key of 4096 bits, its signature, and a long URL.
    pub const MAX_BYTES: usize = 8 * 1_024;

    /// Reads the value of the `DPoP` header: items 2 to 5 and 7 of RFC 9449 section 4.3. That there is one such header is the
    /// caller's to see, since two of them may come joined or apart.
    ///
    /// # Errors
    ///
    /// [`ProofFault`] says what it lacks.
    ///
    /// ```
    /// use regrant::dpop::Proof;
    ///
    /// // RFC 9449 section 4.1.
    /// let proof = Proof::read(
    ///     b"eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR\
    ///       nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHR\
    ///       tIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMU\
    ///       vwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg",
    /// )?;
    /// assert_eq!(proof.thumbprint().to_string(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    /// # Ok::<(), regrant::dpop::ProofFault>(())
    /// ```
    pub fn read(header: &'a [u8]) -> Result<Self, ProofFault> {
        let jws = Jws::read(header, Self::MAX_BYTES)?;
        if !jws.is_typed("dpop+jwt") {
            return Err(JwsFault::Type.into());
        }
        let algorithm = jws.algorithm()?;
        let members = jws.jwk().and_then(serde_json::Value::as_object).ok_or(JwkFault::Malformed)?;
        let key = read_key(members, algorithm)?;
        // Each must be there; what they say is looked at where it counts.
        jws.claims.jti()?;
        jws.claims.required("htm")?;
        jws.claims.required("htu")?;
        jws.claims.time("iat")?.ok_or(ClaimFault::Missing)?;
        jws.claims.text("nonce")?;
        jws.claims.text("ath")?;
        Ok(Self { jws, algorithm, key, fresh_until: None, nonce_given_at: None })
    }

    /// What it says it is signed by; it is of its key's kind.
    pub const fn algorithm(&self) -> JwsAlgorithm {
        self.algorithm
    }

    /// What the key is known by that it brings: `jkt` (section 6.1). Not proven yet.
    pub fn thumbprint(&self) -> Thumbprint {
        Thumbprint::from_bytes(self.key.thumbprint())
    }

    /// The nonce that it says.
    pub(crate) fn nonce(&self) -> Option<&str> {
        self.jws.claims.text("nonce").ok().flatten()
    }

    /// That it is for this method and URL (items 8 and 9). Methods are compared to the letter (RFC 9110 section 9.1).
    pub(crate) fn check_target(&self, method: &str, target: &Target) -> Result<(), ProofFault> {
        if self.jws.claims.required("htm")? != method {
            return Err(ProofFault::Method);
        }
        let own = Target::of(self.jws.claims.required("htu")?);
        if own.as_ref() == Some(target) { Ok(()) } else { Err(ProofFault::Target) }
    }

    /// That it was made with a nonce of these (items 10 and 11). With a right one the client's clock does not count.
    pub(crate) fn check_nonce(&mut self, nonces: &Nonces, now: Timestamp) -> Result<(), ProofFault> {
        let given = nonces.given_at(self.nonce().ok_or(ProofFault::NonceMissing)?, now)?;
        self.nonce_given_at = Some(given);
        self.fresh_until = Some(given + Nonces::LIFETIME);
        Ok(())
    }

    /// That it was not made later than now by more than clocks may differ, whatever its nonce: FAPI 2.0 Security Profile section
    /// 5.3.2.1.
    pub(crate) fn check_begun(&self, now: Timestamp) -> Result<(), ProofFault> {
        if self.jws.claims.has_begun(now)? { Ok(()) } else { Err(ProofFault::Ahead) }
    }

    /// That it was made just now by the client's clock (item 11): what counts where no nonce is demanded.
    pub(crate) fn check_time(&mut self, now: Timestamp) -> Result<(), ProofFault> {
        let claims = &self.jws.claims;
        let made = claims.time("iat")?.ok_or(ClaimFault::Missing)?;
        let ends = claims.time("exp")?.unwrap_or(Timestamp::MAX);
        let begins = claims.time("nbf")?.unwrap_or(Timestamp::EPOCH);
        if made.max(begins) > now + MOST_AHEAD {
            return Err(ProofFault::Ahead);
        }
        if now > made + LIFETIME || now > ends + MOST_AHEAD {
            return Err(ProofFault::Stale);
        }
        self.fresh_until = Some(made + LIFETIME);
        Ok(())
    }

    /// That it is for this access token (item 12; section 7).
    pub(crate) fn check_access_token(&self, token: &str) -> Result<(), ProofFault> {
        let ath = self.jws.claims.text("ath")?.and_then(decode).ok_or(ProofFault::AccessToken)?;
        let is_for_it: bool = Sha256::digest(token).as_slice().ct_eq(&ath).into();
        if is_for_it { Ok(()) } else { Err(ProofFault::AccessToken) }
    }

    /// That the key signed it which it brings (item 6): what is dear, and so comes last.
    ///
    /// # Errors
    ///
    /// [`ProofFault::Signature`].
    pub fn verify_signature(self) -> Result<Proven, ProofFault> {
        if !self.jws.is_signed_by(&self.key) {
            return Err(ProofFault::Signature);
        }
        let thumbprint = self.thumbprint();
        let jti = self.jws.claims.jti()?.to_owned();
        Ok(Proven { thumbprint, jti, fresh_until: self.fresh_until, nonce_given_at: self.nonce_given_at })
    }
}

/// The key of a proof. What it is for needs no saying, but an algorithm that it names must be the proof's.
fn read_key(members: &Object, algorithm: JwsAlgorithm) -> Result<PublicKey, ProofFault> {
    let key = jwk::read_public_key(members)?;
    if !algorithm.is_of(&key) {
        return Err(JwsFault::Algorithm.into());
    }
    let named = members.get("alg").map(|name| name.as_str().and_then(JwsAlgorithm::from_name));
    match named {
        None => Ok(key),
        Some(Some(own)) if own.is(algorithm) => Ok(key),
        Some(_) => Err(JwsFault::Algorithm.into()),
    }
}

impl std::fmt::Debug for Proof<'_> {
    /// The key alone: what it is for is the client's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proof({} {})", self.algorithm, self.thumbprint())
    }
}

/// What a proof has proven: who sent the request holds this key.
///
/// A proof is for one request (RFC 9449 section 11.1). Where nothing else makes a request single, remember its `jti` with its key until
/// [`fresh_until`](Self::fresh_until), and refuse it the second time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proven {
    thumbprint: Thumbprint,
    jti: String,
    fresh_until: Option<Timestamp>,
    nonce_given_at: Option<Timestamp>,
}

impl Proven {
    /// What the key is known by: `jkt` (section 6.1).
    pub const fn thumbprint(&self) -> &Thumbprint {
        &self.thumbprint
    }

    /// What tells this proof from the others of its key: 1 to 256 bytes of the client's choice.
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// The last moment at which the same proof would be accepted on this node; `None` where neither nonce nor time were checked. On
    /// another, by as much later as its clock is behind.
    pub const fn fresh_until(&self) -> Option<Timestamp> {
        self.fresh_until
    }

    /// When the nonce was given that it was made with; `None` where it was accepted by its time.
    pub const fn nonce_given_at(&self) -> Option<Timestamp> {
        self.nonce_given_at
    }
}
