//! Client authentication: RFC 6749 section 2.3.

use subtle::Choice;

use super::Engine;
use super::refusal::Refusal;
use super::token::Failure;
use crate::client::{Client, ClientRef, ClientSecret, Clients, digest};
use crate::store::TokenStore;
use crate::wire::{BasicCredentials, Header, Parameters, Request};

/// What an unknown client's secret is compared with: a digest that no secret is known to have.
static DECOY: ClientSecret = ClientSecret::from_digest([0; 32]);

/// What a request authenticates by.
enum Credentials<'a> {
    /// `client_secret_basic`
    Basic(&'a BasicCredentials),
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
) -> Result<Credentials<'a>, Refusal> {
    let (client_id, client_secret) = (parameters.client_id(), parameters.client_secret());
    // RFC 7521 section 4.2; none of its methods is supported, but it is a way, so it is not to be beside another.
    let assertion = parameters.has_client_assertion();
    match request.authorization() {
        Header::Repeated => Err(Refusal::TwoAuthentications),
        Header::One(_) if client_secret.is_some() || assertion => Err(Refusal::TwoAuthentications),
        Header::One(header) => {
            basic.read(header).map_err(|_| Refusal::Credentials)?;
            match client_id {
                Some(client_id) if client_id != basic.client_id() => Err(Refusal::ClientIdMismatch),
                _ => Ok(Credentials::Basic(basic)),
            }
        }
        Header::Absent if client_secret.is_some() && assertion => Err(Refusal::TwoAuthentications),
        Header::Absent if assertion => Err(Refusal::Credentials),
        Header::Absent => match (client_id, client_secret) {
            (Some(client_id), Some(client_secret)) => Ok(Credentials::Post { client_id, client_secret }),
            (Some(client_id), None) => Ok(Credentials::Public { client_id }),
            (None, _) => Err(Refusal::Credentials),
        },
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The client that a request is from, proven.
    pub(super) async fn authenticate(
        &self,
        request: &Request<'_>,
        parameters: &Parameters<'_>,
    ) -> Result<ClientRef<'_>, Failure> {
        let mut basic = BasicCredentials::unread();
        let credentials = read(request, parameters, &mut basic)?;
        let found = match self.clients.find(credentials.client_id()).await {
            Ok(found) => found,
            Err(error) => return Err(Failure { cause: Some(error.into()), ..Refusal::Clients.into() }),
        };
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
        let client = found.ok_or(Refusal::UnknownClient)?;
        let why = match (proven, credentials.are_allowed_to(&client)) {
            (true, true) => return Ok(client),
            (true, false) => Refusal::AuthMethod,
            (false, _) => Refusal::WrongSecret,
        };
        Err(Failure::from(why).of_client(client.shared_id()))
    }

    /// Where the client is not known, the verification of the decoy is neither remembered nor looked for among those that
    /// are: a quick answer would tell that the secret it was made of had been guessed.
    #[cfg(feature = "argon2")]
    async fn recognize_slowly(
        &self,
        secrets: &[ClientSecret],
        presented: &[u8],
        is_known: bool,
    ) -> Result<bool, Refusal> {
        let slow = secrets.iter().filter_map(ClientSecret::phc);
        if slow.clone().next().is_none() {
            return Ok(false);
        }
        match &self.slow {
            Some(verifier) => verifier.verify_any(slow, presented, is_known).await.map_err(|_| Refusal::SlowVerifier),
            None => Err(Refusal::SlowVerifier),
        }
    }

    #[cfg(not(feature = "argon2"))]
    #[expect(clippy::unused_async, reason = "without the feature there are no slow secrets")]
    async fn recognize_slowly(&self, _: &[ClientSecret], _: &[u8], _: bool) -> Result<bool, Refusal> {
        Ok(false)
    }
}

/// Whether a secret is one of those that are kept as digests.
fn recognize(secrets: &[ClientSecret], presented: &[u8]) -> bool {
    let presented = digest(presented);
    // All of them, so that time does not tell which.
    secrets.iter().fold(Choice::from(0), |right, secret| right | secret.matches_digest(&presented)).into()
}
