//! Client authentication: RFC 6749 section 2.3.

mod licence;
#[cfg(feature = "argon2")]
mod slow;

#[cfg(feature = "argon2")]
pub use slow::{BlockingPool, SlowVerifier};

use subtle::Choice;
use zeroize::Zeroizing;

use super::Engine;
use super::failure::{Failure, check_head};
use super::refusal::{ClientRefusal, RequestRefusal, Unavailable};
use crate::client::{Client, ClientRef, ClientSecret, Clients, ClientsError, Lookup, Purpose, digest};
use crate::store::TokenStore;
use crate::wire::{BasicCredentials, BasicError, Form, Header, Parameters, Request, has_control};

/// What an unknown client's secret is compared with: a digest that no secret is known to have.
static DECOY: ClientSecret = ClientSecret::from_digest([0; 32]);

/// What a request authenticates by.
enum Credentials<'a> {
    /// `client_secret_basic`
    Basic(&'a mut BasicCredentials),
    /// `client_secret_post`
    Post { client_id: &'a str, client_secret: &'a [u8] },
    /// A public client says who it is.
    Public { client_id: &'a str },
}

impl Credentials<'_> {
    fn client_id(&self) -> &str {
        match self {
            Self::Basic(basic) => basic.client_id(),
            Self::Post { client_id, .. } | Self::Public { client_id } => client_id,
        }
    }

    fn client_secret(&self) -> Option<&[u8]> {
        match self {
            Self::Basic(basic) => Some(basic.secret_bytes()),
            Self::Post { client_secret, .. } => Some(client_secret),
            Self::Public { .. } => None,
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
            Self::Post { .. } | Self::Public { .. } => true,
        }
    }

    const fn are_allowed_to(&self, client: &Client) -> bool {
        match self {
            Self::Basic(_) => client.allows_basic(),
            Self::Post { .. } => client.allows_post(),
            Self::Public { .. } => client.is_public(),
        }
    }
}

/// Reads the one way in which a request authenticates.
fn read<'a>(
    request: &Request<'_>,
    parameters: &Parameters<'a>,
    basic: &'a mut BasicCredentials,
) -> Result<Credentials<'a>, ClientRefusal> {
    let (client_id, client_secret) = (parameters.client_id(), parameters.client_secret());
    // RFC 7521 section 4.2; none of its methods is supported, but it is a way, so it is not to be beside another.
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
        Header::Absent if assertion => Err(ClientRefusal::Credentials),
        Header::Absent => match (client_id, client_secret) {
            (Some(client_id), Some(client_secret)) => Ok(Credentials::Post { client_id, client_secret }),
            (Some(client_id), None) => Ok(Credentials::Public { client_id }),
            (None, _) => Err(ClientRefusal::Credentials),
        },
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The client that a request is from, proven. Where it is not at hand, [`is_unlicensed`](Failure::is_unlicensed) says so.
    pub(super) async fn authenticate(
        &self,
        request: &Request<'_>,
        parameters: &Parameters<'_>,
        purpose: Purpose,
    ) -> Result<ClientRef<'_>, Failure> {
        let mut basic = BasicCredentials::unread();
        let mut credentials = read(request, parameters, &mut basic)?;
        let lookup = Lookup::of(purpose, request.peer());
        let found = match self.find_client(credentials.client_id(), lookup).await {
            Ok(found) => found,
            Err(error) => return Err(error.into()),
        };
        if let Some(client) = &found {
            credentials.as_of(client, request.authorization());
        }
        // An unknown client is refused only after the comparison: how long the answer takes must not tell which ids exist.
        let proven = match credentials.client_secret() {
            None => found.as_ref().is_some_and(|client| client.is_public()),
            // An unknown client takes as long as one with a wrong secret.
            Some(secret) => {
                let decoy = std::slice::from_ref(self.clients.decoy().unwrap_or(&DECOY));
                let secrets = found.as_ref().map_or(decoy, |client| client.secrets());
                let right =
                    recognize(secrets, secret) || self.recognize_slowly(secrets, secret, found.is_some()).await?;
                right && found.is_some()
            }
        };
        if !credentials.are_readable() {
            return Err(ClientRefusal::Credentials.into());
        }
        let client = found.ok_or(ClientRefusal::UnknownClient)?;
        // The way is judged last: the host hears that it is not allowed only where the secret was right.
        let why = match (proven, credentials.are_allowed_to(&client)) {
            (true, true) => return Ok(client),
            (true, false) => ClientRefusal::AuthMethod,
            (false, _) => ClientRefusal::WrongSecret,
        };
        Err(Failure::from(why).of_client(client.shared_id()))
    }

    /// The client of an id that a stranger sent. What no client can be called is not asked for: a registry in a database
    /// fails at a NUL, and looks long for a long one.
    pub(super) async fn find_client(&self, id: &str, lookup: Lookup) -> Result<Option<ClientRef<'_>>, ClientsError> {
        if id.len() > Client::MAX_ID_BYTES || has_control(id) { Ok(None) } else { self.clients.find(id, lookup).await }
    }

    /// What a request to the revocation or introspection endpoint is made of: a client, proven, and a token. A refusal that is
    /// [about the token](Failure::is_about_a_token) is of a client that is not at hand, and that the token says nothing for.
    pub(super) async fn token_of_request(
        &self,
        request: &Request<'_>,
    ) -> Result<(ClientRef<'_>, Zeroizing<String>), Failure> {
        check_head(request)?;
        let form = Form::parse(request.body(), self.limits()).map_err(RequestRefusal::Form)?;
        let mut parameters = Parameters::unread();
        parameters.read(&form).map_err(RequestRefusal::from)?;
        let client = match self.authenticate(request, &parameters, Purpose::Authentication).await {
            Ok(client) => client,
            Err(failure) if failure.is_unlicensed() => self.authenticate_by_token(request, &parameters, &form).await?,
            Err(failure) => return Err(failure),
        };
        match form.single("token") {
            Ok(Some(token)) => Ok((client, Zeroizing::new(token.to_owned()))),
            _ => Err(Failure::from(RequestRefusal::MissingParameter).of_client(client.shared_id())),
        }
    }

    /// Where the client is not known, the verification of the decoy is neither remembered nor looked for among those that
    /// are: a quick answer would tell that the secret it was made of had been guessed.
    #[cfg(feature = "argon2")]
    async fn recognize_slowly(
        &self,
        secrets: &[ClientSecret],
        presented: &[u8],
        is_known: bool,
    ) -> Result<bool, Unavailable> {
        let slow = secrets.iter().filter_map(ClientSecret::phc);
        if slow.clone().next().is_none() {
            return Ok(false);
        }
        match &self.slow {
            Some(verifier) => {
                verifier.verify_any(slow, presented, is_known).await.map_err(|_| Unavailable::SlowVerifier)
            }
            None => Err(Unavailable::SlowVerifier),
        }
    }

    #[cfg(not(feature = "argon2"))]
    #[expect(clippy::unused_async, reason = "without the feature there are no slow secrets")]
    async fn recognize_slowly(&self, _: &[ClientSecret], _: &[u8], _: bool) -> Result<bool, Unavailable> {
        Ok(false)
    }
}

/// Whether a secret is one of those that are kept as digests.
pub(super) fn recognize(secrets: &[ClientSecret], presented: &[u8]) -> bool {
    let presented = digest(presented);
    // All of them, so that time does not tell which.
    secrets.iter().fold(Choice::from(0), |right, secret| right | secret.matches_digest(&presented)).into()
}
