//! Client authentication: RFC 6749 section 2.3. One way in each request: a secret in a header or in the body, an assertion (RFC 7523), a
//! certificate (RFC 8705), or none of a public client.

#[cfg(feature = "proof")]
mod assertion;
#[cfg(feature = "mtls")]
mod certificate;
#[cfg(feature = "proof")]
mod keys;
mod licence;
mod occasion;
#[cfg(feature = "argon2")]
mod slow;
#[cfg(feature = "proof")]
mod spending;

#[cfg(feature = "proof")]
pub(super) use keys::FetchedKeys;
pub(super) use occasion::{Authenticated, Occasion};
#[cfg(feature = "argon2")]
pub use slow::{BlockingPool, SlowVerifier};
#[cfg(feature = "proof")]
pub(super) use spending::{SpentFor, Unspent};

use subtle::Choice;
use zeroize::Zeroizing;

use super::Engine;
use super::failure::Failure;
use super::head::Desk;
#[cfg(feature = "argon2")]
use super::refusal::Unavailable;
use super::refusal::{ClientRefusal, RequestRefusal};
use crate::client::{AuthMethod, Client, ClientRef, ClientSecret, Clients, ClientsError, Lookup, Purpose, digest};
use crate::engine::binding::Presented;
use crate::engine::time::Time;
#[cfg(feature = "proof")]
use crate::proof::Assertion;
use crate::store::TokenStore;
use crate::throttle::Guessed;
use crate::wire::{BasicCredentials, BasicError, Form, Header, Parameters, Request, has_control};

/// What an unknown client's secret is compared with: a digest that no secret is known to have.
static DECOY: ClientSecret = ClientSecret::from_digest([0; 32]);

/// What a request authenticates by.
enum Credentials<'a> {
    /// `client_secret_basic`
    Basic(&'a mut BasicCredentials),
    /// `client_secret_post`
    Post { client_id: &'a str, client_secret: &'a [u8] },
    /// `private_key_jwt`, `client_secret_jwt`. Boxed: the requests of all other clients must not be larger for it.
    #[cfg(feature = "proof")]
    Assertion(Box<Assertion<'a>>),
    /// A public client says who it is, or one whose certificate came with the connection.
    Id { client_id: &'a str },
}

impl Credentials<'_> {
    #[inline]
    fn client_id(&self) -> &str {
        match self {
            Self::Basic(basic) => basic.client_id(),
            Self::Post { client_id, .. } | Self::Id { client_id } => client_id,
            #[cfg(feature = "proof")]
            Self::Assertion(assertion) => assertion.client_id(),
        }
    }

    fn client_secret(&self) -> Option<&[u8]> {
        match self {
            Self::Basic(basic) => Some(basic.secret_bytes()),
            Self::Post { client_secret, .. } => Some(client_secret),
            #[cfg(feature = "proof")]
            Self::Assertion(_) => None,
            Self::Id { .. } => None,
        }
    }

    /// Takes what came with the request as this client writes it.
    fn as_of(&mut self, client: &Client, header: Header<'_>) {
        if let (Self::Basic(basic), Header::One(header)) = (self, header) {
            if client.basic_is_raw() {
                basic.take_secret_raw(header);
            }
        }
    }

    fn are_readable(&self) -> bool {
        match self {
            Self::Basic(basic) => basic.is_readable(),
            _ => true,
        }
    }

    /// Whether these are of a way that the client may use. Of an assertion and a certificate that was judged with the proof.
    fn are_allowed_to(&self, client: &Client) -> bool {
        match self {
            Self::Basic(_) => client.allows(AuthMethod::ClientSecretBasic),
            Self::Post { .. } => client.allows(AuthMethod::ClientSecretPost),
            #[cfg(feature = "proof")]
            Self::Assertion(_) => true,
            Self::Id { .. } => true,
        }
    }
}

/// Reads the one way in which a request authenticates.
#[inline]
fn read<'a>(
    request: &Request<'_>,
    parameters: &Parameters<'a>,
    basic: &'a mut BasicCredentials,
) -> Result<Credentials<'a>, ClientRefusal> {
    let (client_id, client_secret) = (parameters.client_id(), parameters.client_secret());
    // RFC 7521 section 4.2; a way, so it is not to be beside another, whether this engine knows it or not.
    let assertion = parameters.has_client_assertion();
    match request.authorization() {
        Header::Repeated => Err(ClientRefusal::TwoAuthentications),
        Header::One(_) if client_secret.is_some() || assertion => Err(ClientRefusal::TwoAuthentications),
        Header::One(header) => {
            basic.read(header).map_err(|error| match error {
                BasicError::Scheme => ClientRefusal::Scheme,
                _ => ClientRefusal::Credentials,
            })?;
            match client_id {
                Some(client_id) if client_id != basic.client_id() => Err(ClientRefusal::ClientIdMismatch),
                _ => Ok(Credentials::Basic(basic)),
            }
        }
        Header::Absent if client_secret.is_some() && assertion => Err(ClientRefusal::TwoAuthentications),
        #[cfg(feature = "proof")]
        Header::Absent if assertion => Ok(Credentials::Assertion(Box::new(assertion::read_assertion(parameters)?))),
        #[cfg(not(feature = "proof"))]
        Header::Absent if assertion => Err(ClientRefusal::Credentials),
        Header::Absent => match (client_id, client_secret) {
            (Some(client_id), Some(client_secret)) => Ok(Credentials::Post { client_id, client_secret }),
            (Some(client_id), None) => Ok(Credentials::Id { client_id }),
            (None, _) => Err(ClientRefusal::Credentials),
        },
    }
}

/// A secret that is none of those that are compared.
#[derive(Clone, Copy)]
struct SecretGuess<'a> {
    /// As it came.
    client_id: &'a str,
    #[cfg_attr(not(feature = "argon2"), expect(dead_code, reason = "only slow secrets are looked at again"))]
    secret: &'a [u8],
    #[cfg_attr(not(feature = "argon2"), expect(dead_code, reason = "only slow secrets are looked at again"))]
    is_known: bool,
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The client that a request is from, proven. Where it is not at hand, [`is_unlicensed`](Failure::is_unlicensed) says so.
    #[expect(clippy::manual_async_fn, reason = "what an `async fn` is given is moved once more when it begins")]
    pub(super) fn authenticate(
        &self,
        request: &Request<'_>,
        parameters: &Parameters<'_>,
        occasion: Occasion<'_>,
    ) -> impl Future<Output = Result<Authenticated<'_>, Failure>> {
        async move {
            let mut basic = BasicCredentials::unread();
            let mut credentials = read(request, parameters, &mut basic)?;
            let lookup = Lookup::of(occasion.purpose, request.peer());
            #[cfg(feature = "proof")]
            if let Credentials::Assertion(assertion) = credentials {
                return Box::pin(self.authenticate_by_assertion(assertion, lookup, occasion)).await;
            }
            // Without control characters: they were looked for where the header and the form were read.
            let found = match self.find_read_client(credentials.client_id(), &lookup).await {
                Ok(found) => found,
                Err(error) => return Err(error.into()),
            };
            if let Some(client) = &found {
                credentials.as_of(client, request.authorization());
            }
            // An unknown client is refused only after the comparison: how long the answer takes must not tell which ids exist.
            let proven = match credentials.client_secret() {
                #[cfg(feature = "mtls")]
                None if found.as_ref().is_some_and(|client| certificate::is_by_certificate(client)) => {
                    return match found {
                        Some(client) => {
                            Box::pin(self.authenticate_by_certificate(client, request, lookup, occasion)).await
                        }
                        None => Err(ClientRefusal::UnknownClient.into()),
                    };
                }
                None => found.as_ref().is_some_and(|client| client.is_public()),
                // An unknown client takes as long as one with a wrong secret.
                Some(secret) => {
                    let decoy = std::slice::from_ref(self.clients.decoy().unwrap_or(&DECOY));
                    let secrets = found.as_ref().map_or(decoy, |client| client.secrets());
                    let is_known = found.is_some();
                    // A right one passes whatever was guessed before: nobody shuts a client out by wrong ones (RFC 6749 section 10.10).
                    let right = recognize(secrets, secret) || {
                        let guess = SecretGuess { client_id: credentials.client_id(), secret, is_known };
                        let recognized = self.recognize_slowly(secrets, guess, lookup, occasion).await;
                        recognized.map_err(|failure| match &found {
                            Some(client) => failure.of_client(client.shared_id()),
                            None => failure,
                        })?
                    };
                    right && is_known
                }
            };
            if !credentials.are_readable() {
                return Err(ClientRefusal::Credentials.into());
            }
            let client = found.ok_or(ClientRefusal::UnknownClient)?;
            // The way is judged last: the host hears that it is not allowed only where the secret was right.
            let why = match (proven, credentials.are_allowed_to(&client)) {
                (true, true) => return Ok(client.into()),
                (true, false) => ClientRefusal::AuthMethod,
                (false, _) => ClientRefusal::WrongSecret,
            };
            Err(Failure::from(why).of_client(client.shared_id()))
        }
    }

    /// An id that no client has is told from one that a client has by the time that a signature takes: ids are no secrets, and who makes
    /// one up has no key to have it looked for.
    #[cfg(feature = "proof")]
    async fn authenticate_by_assertion(
        &self,
        assertion: Box<Assertion<'_>>,
        lookup: Lookup,
        occasion: Occasion<'_>,
    ) -> Result<Authenticated<'_>, Failure> {
        // Out of a JWT, so nobody has looked at its characters.
        let found = self.find_client(assertion.client_id(), lookup).await?;
        let client = found.ok_or(ClientRefusal::UnknownClient)?;
        match self.prove_assertion(&assertion, &client, lookup, occasion).await {
            Ok(proven) => Ok(Authenticated::by_assertion(client, proven)),
            Err(failure) => Err(failure.of_client(client.shared_id())),
        }
    }

    #[cfg(feature = "mtls")]
    async fn authenticate_by_certificate<'e>(
        &'e self,
        client: ClientRef<'e>,
        request: &Request<'_>,
        lookup: Lookup,
        occasion: Occasion<'_>,
    ) -> Result<Authenticated<'e>, Failure> {
        let proven = match request.certificate() {
            None => Ok(false),
            Some(certificate) => self.is_certificate_of(certificate, &client, lookup, occasion.time.now()).await,
        };
        match proven {
            Ok(true) => Ok(Authenticated::by_certificate(client)),
            Ok(false) => Err(Failure::from(ClientRefusal::Certificate).of_client(client.shared_id())),
            Err(failure) => Err(failure.of_client(client.shared_id())),
        }
    }

    /// The same as [`find_client`](Self::find_client) for an id that was read and found to have no control characters. The lookup by
    /// reference: one that is moved as soon as it is written keeps the processor waiting.
    #[expect(clippy::manual_async_fn, reason = "what an `async fn` is given is moved once more when it begins")]
    fn find_read_client(
        &self,
        id: &str,
        lookup: &Lookup,
    ) -> impl Future<Output = Result<Option<ClientRef<'_>>, ClientsError>> {
        async move { if id.len() > Client::MAX_ID_BYTES { Ok(None) } else { self.look_up(id, lookup).await } }
    }

    /// What the registry says; under atproto, whom an id describes that it does not know.
    #[expect(clippy::manual_async_fn, reason = "what an `async fn` is given is moved once more when it begins")]
    pub(super) fn look_up(
        &self,
        id: &str,
        lookup: &Lookup,
    ) -> impl Future<Output = Result<Option<ClientRef<'_>>, ClientsError>> {
        async move {
            match self.clients.find(id, *lookup).await {
                Ok(None) => Ok(self.of_localhost(id)),
                Err(error) => {
                    let is_of_anybody = lookup.purpose() == Purpose::Authorization && lookup.peer().is_none();
                    if is_of_anybody && error.is_limited() {
                        self.host.tell_peer_unknown();
                    }
                    Err(error)
                }
                found => found,
            }
        }
    }

    /// The client of an id that a stranger sent. What no client can be called is not asked for: a registry in a database
    /// fails at a NUL, and looks long for a long one.
    pub(super) async fn find_client(&self, id: &str, lookup: Lookup) -> Result<Option<ClientRef<'_>>, ClientsError> {
        if has_control(id) { Ok(None) } else { self.find_read_client(id, &lookup).await }
    }

    /// What a request to the revocation or introspection endpoint is made of: a client, proven, and a token. A refusal that is
    /// [about the token](Failure::is_about_a_token) is of a client that is not at hand, and that the token says nothing for.
    pub(super) async fn token_of_request(
        &self,
        request: &Request<'_>,
        time: &Time<'_>,
    ) -> Result<(Authenticated<'_>, Zeroizing<String>), Failure> {
        let (mut form, mut parameters, mut presented) = (Form::unread(), Parameters::unread(), Presented::default());
        let read = (&mut form, &mut parameters, &mut presented);
        let form = self.read_head(request, read, Desk::AboutToken, time.now())?;
        let client = match self.authenticate(request, &parameters, Occasion::to_look(time)).await {
            Ok(client) => client,
            Err(failure) if failure.is_unlicensed() => {
                self.authenticate_by_token(request, &parameters, form, time).await?
            }
            Err(failure) => return Err(failure),
        };
        match form.single("token") {
            Ok(Some(token)) => Ok((client, Zeroizing::new(token.to_owned()))),
            _ => Err(Failure::from(RequestRefusal::MissingParameter).of_client(client.shared_id())),
        }
    }

    /// Whether a secret that is none of the digests is one of those that are verified slowly.
    ///
    /// Where the client is not known, the verification of the decoy is neither remembered nor looked for among those that
    /// are: a quick answer would tell that the secret it was made of had been guessed.
    #[cfg(feature = "argon2")]
    async fn recognize_slowly(
        &self,
        secrets: &[ClientSecret],
        guess: SecretGuess<'_>,
        lookup: Lookup,
        occasion: Occasion<'_>,
    ) -> Result<bool, Failure> {
        let SecretGuess { secret, is_known, .. } = guess;
        let slow = secrets.iter().filter_map(ClientSecret::phc);
        if slow.clone().next().is_none() {
            return self.count_wrong_secret(guess, lookup, occasion);
        }
        let Some(verifier) = &self.slow else { return Err(Unavailable::SlowVerifier.into()) };
        // Before it is counted: what strangers guess keeps out nobody who was let in before.
        if is_known && verifier.remembers_any(slow.clone(), secret) {
            return Ok(true);
        }
        // Before it is verified, since that is what costs; by the client and the address, never by the client alone.
        let counted = self.host.guess(Guessed::ClientSecret(guess.client_id), lookup.peer(), occasion.time.now())?;
        match verifier.verify_any(slow, secret, is_known).await {
            Ok(false) => Ok(false),
            Ok(true) => {
                counted.right();
                Ok(true)
            }
            Err(_) => {
                counted.not_looked_at();
                Err(Unavailable::SlowVerifier.into())
            }
        }
    }

    #[cfg(not(feature = "argon2"))]
    #[expect(clippy::unused_async, reason = "without the feature there are no slow secrets")]
    async fn recognize_slowly(
        &self,
        _: &[ClientSecret],
        guess: SecretGuess<'_>,
        lookup: Lookup,
        occasion: Occasion<'_>,
    ) -> Result<bool, Failure> {
        self.count_wrong_secret(guess, lookup, occasion)
    }

    /// A secret that was looked at and is wrong. Where there were too many, that is what is answered.
    fn count_wrong_secret(
        &self,
        guess: SecretGuess<'_>,
        lookup: Lookup,
        occasion: Occasion<'_>,
    ) -> Result<bool, Failure> {
        let counted = self.host.guess(Guessed::ClientSecret(guess.client_id), lookup.peer(), occasion.time.now())?;
        // It stays counted.
        drop(counted);
        Ok(false)
    }
}

/// Whether a secret is one of those that are kept as digests.
pub(super) fn recognize(secrets: &[ClientSecret], presented: &[u8]) -> bool {
    let presented = digest(presented);
    // All of them, so that time does not tell which.
    secrets.iter().fold(Choice::from(0), |right, secret| right | secret.matches_digest(&presented)).into()
}
