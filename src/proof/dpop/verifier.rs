//! The whole check, for a resource server.

use super::{Nonces, Proof, ProofFault, Proven, Target};
use crate::grant::Timestamp;
use crate::proof::JwsAlgorithm;
use crate::token::Thumbprint;

/// Checks proofs of possession (RFC 9449 section 4.3) for a resource server that has no engine of its own: one that validates access
/// tokens as JWTs, or by introspection, and knows from there the key that each is bound to (`cnf.jkt`).
///
/// It reads no clock and keeps nothing. That each proof is used [once](Proven) is the host's to see.
///
/// ```
/// use regrant::dpop::{Presented, ProofFault, Verifier};
/// use regrant::{RootSecret, Timestamp};
///
/// let nonces = regrant::dpop::Nonces::new(&RootSecret::from_bytes(1, &[7; 32]), None);
/// let verifier = Verifier::new().nonces(nonces);
/// let request = Presented::new("GET", "https://api.example/files/7?page=2")
///     .with_access_token("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU")
///     .with_bound_key("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".parse()?);
/// // As `http::HeaderMap::get_all("dpop")` gives them.
/// let headers: [&[u8]; 0] = [];
/// let now = Timestamp::from_secs(1_597_240_260);
/// assert_eq!(verifier.verify(headers, &request, now), Err(ProofFault::Missing));
/// // What goes into `DPoP-Nonce` of every answer, refusals too.
/// assert!(verifier.new_nonce(now).is_some());
/// # Ok::<(), regrant::jwt::InvalidThumbprint>(())
/// ```
#[derive(Debug)]
pub struct Verifier {
    algorithms: Vec<JwsAlgorithm>,
    nonces: Option<Nonces>,
    nonce_demanded: bool,
}

impl Default for Verifier {
    fn default() -> Self {
        Self::new()
    }
}

impl Verifier {
    /// One that accepts all algorithms, and proofs made up to 60 seconds ago, or up to 10 ahead, by the client's clock.
    pub fn new() -> Self {
        Self { algorithms: JwsAlgorithm::ALL.to_vec(), nonces: None, nonce_demanded: false }
    }

    /// Accepts these algorithms alone, which are for the challenge to name: `algs` (section 7.1).
    ///
    /// ```
    /// use regrant::dpop::Verifier;
    /// use regrant::jwt::JwsAlgorithm;
    /// let verifier = Verifier::new().algorithms([JwsAlgorithm::Es256]);
    /// assert_eq!(verifier.get_algorithms(), [JwsAlgorithm::Es256]);
    /// ```
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = JwsAlgorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// Demands a nonce of these (section 9). With a right one the client's clock does not count.
    #[must_use]
    pub fn nonces(mut self, nonces: Nonces) -> Self {
        self.nonces = Some(nonces);
        self.nonce_demanded = true;
        self
    }

    /// Accepts proofs without a nonce by their time, too. One that says a nonce must still say a right one.
    #[must_use]
    pub fn nonce_optional(mut self) -> Self {
        self.nonce_demanded = false;
        self
    }

    /// Those that it accepts.
    pub fn get_algorithms(&self) -> &[JwsAlgorithm] {
        &self.algorithms
    }

    /// A nonce for the client to use from now on: `DPoP-Nonce` of an answer. `None` without [`nonces`](Self::nonces).
    pub fn new_nonce(&self, now: Timestamp) -> Option<String> {
        self.nonces.as_ref().map(|nonces| nonces.give(now))
    }

    /// Reads the proof out of the `DPoP` headers of a request, and sees that its algorithm is accepted: the first step of
    /// [`verify`](Self::verify).
    ///
    /// # Errors
    ///
    /// [`ProofFault::Missing`] without a header, [`ProofFault::Several`] with more than one, and as [`Proof::read`].
    pub fn read<'a, T>(&self, headers: impl IntoIterator<Item = &'a T>) -> Result<Proof<'a>, ProofFault>
    where
        T: AsRef<[u8]> + ?Sized + 'a,
    {
        let mut headers = headers.into_iter();
        let header = headers.next().ok_or(ProofFault::Missing)?;
        if headers.next().is_some() {
            return Err(ProofFault::Several);
        }
        let proof = Proof::read(header.as_ref())?;
        if self.algorithms.contains(&proof.algorithm()) { Ok(proof) } else { Err(ProofFault::Algorithm) }
    }

    /// Method, URL, and nonce or time: the second step.
    pub(crate) fn check(
        &self,
        proof: &mut Proof<'_>,
        method: &str,
        target: &Target,
        now: Timestamp,
    ) -> Result<(), ProofFault> {
        proof.check_target(method, target)?;
        match &self.nonces {
            Some(nonces) if self.nonce_demanded || proof.nonce().is_some() => proof.check_nonce(nonces, now),
            _ => proof.check_time(now),
        }
    }

    /// The whole check: one header, its shape, algorithm, method, URL, nonce or time, access token, bound key, and the signature last.
    ///
    /// The proof of RFC 9449 section 7.1, and the same again:
    ///
    /// ```
    /// use regrant::dpop::{Presented, ProofFault, Verifier};
    /// use regrant::Timestamp;
    /// use std::collections::HashSet;
    ///
    /// let header = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXp\
    ///     Da0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In\
    ///     19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXN\
    ///     vdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtN\
    ///     P86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
    /// // What the access token says, which the host has checked: its text, and `cnf.jkt`.
    /// let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
    /// let request = Presented::new("GET", "https://resource.example.org/protectedresource")
    ///     .with_access_token(token)
    ///     .with_bound_key("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".parse()?);
    /// let mut seen = HashSet::new();
    /// let mut let_in = |now: Timestamp| -> Result<bool, ProofFault> {
    ///     let proven = Verifier::new().verify([header], &request, now)?;
    ///     // Until `fresh_until`; then it is refused by its time.
    ///     Ok(seen.insert((*proven.thumbprint(), proven.jti().to_owned())))
    /// };
    /// let now = Timestamp::from_secs(1_562_262_618);
    /// assert_eq!(let_in(now), Ok(true));
    /// assert_eq!(let_in(now), Ok(false), "used before");
    /// assert_eq!(let_in(Timestamp::from_secs(1_562_262_679)), Err(ProofFault::Stale));
    /// # Ok::<(), regrant::jwt::InvalidThumbprint>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ProofFault`]: answer 401 with `WWW-Authenticate: DPoP error="invalid_dpop_proof"`, or `"use_dpop_nonce"` where it
    /// [wants a nonce](ProofFault::wants_nonce), and with a `DPoP-Nonce`.
    pub fn verify<'a, T>(
        &self,
        headers: impl IntoIterator<Item = &'a T>,
        presented: &Presented<'_>,
        now: Timestamp,
    ) -> Result<Proven, ProofFault>
    where
        T: AsRef<[u8]> + ?Sized + 'a,
    {
        let mut proof = self.read(headers)?;
        let target = Target::of(presented.url).ok_or(ProofFault::Target)?;
        self.check(&mut proof, presented.method, &target, now)?;
        if let Some(token) = presented.access_token {
            proof.check_access_token(token)?;
        }
        if presented.bound_key.is_some_and(|key| !key.is(&proof.thumbprint())) {
            return Err(ProofFault::OtherKey);
        }
        proof.verify_signature()
    }
}

/// The request that a proof came with.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    method: &'a str,
    url: &'a str,
    access_token: Option<&'a str>,
    bound_key: Option<Thumbprint>,
}

impl<'a> Presented<'a> {
    /// The method, and the URL as clients write it: with the scheme and host that they know the server by, which behind a proxy are not
    /// those that it sees. Take them from your configuration, never from `Host` or a `Forwarded` header that a client
    /// could have written. Query and fragment do not count.
    pub const fn new(method: &'a str, url: &'a str) -> Self {
        Self { method, url, access_token: None, bound_key: None }
    }

    /// The access token of its `Authorization` header: the proof must be for it.
    #[must_use]
    pub const fn with_access_token(self, token: &'a str) -> Self {
        Self { access_token: Some(token), ..self }
    }

    /// The key that this token is bound to (`cnf.jkt`): the proof must be by it.
    #[must_use]
    pub const fn with_bound_key(self, jkt: Thumbprint) -> Self {
        Self { bound_key: Some(jkt), ..self }
    }
}

impl std::fmt::Debug for Presented<'_> {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presented").field("method", &self.method).finish_non_exhaustive()
    }
}
