//! The registration endpoint: RFC 7591, and RFC 7592 where the registry keeps clients.

use std::pin::pin;

use super::Engine;
use super::client_auth::recognize;
use super::failure::Failure;
use super::host::{Clock, Event};
use super::refusal::{RegistrationRefusal, RequestRefusal, Unavailable};
use super::resource::bearer_token;
use super::time::Time;
use crate::client::{
    AuthMethod, ClientMetadata, Clients, DynClientRegistry, Lookup, MetadataFault, Purpose, RegisteredClient,
    RegistrationDenial,
};
#[cfg(feature = "proof")]
use crate::fetch::FetchUrl;
use crate::store::TokenStore;
use crate::throttle::Guessed;
use crate::wire::{Form, FormError, Header, Request, Response, is_json};

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Answers a client that registers itself (RFC 7591 section 3), where [registration](crate::EngineBuilder::registration) is
    /// on: 201 with all that it was registered with, 400 with `invalid_redirect_uri` or `invalid_client_metadata` and words that say
    /// the rule, 401 where the host wants an initial access token, 404 where registration is off.
    ///
    /// Checked in this order: method, content type, initial access token, metadata, and then whatever the registry wants.
    /// Anybody may ask as often as they like unless there is a [throttle](crate::EngineBuilder::throttle).
    ///
    /// Where the registry [keeps clients](crate::client::ClientRegistry::is_managed), it answers them here too (RFC 7592): GET, PUT and
    /// DELETE with a registration access token. The client is named by `client_id` in the query, as
    /// `registration_client_uri` has it.
    ///
    /// ```
    /// use regrant::client::{ClientIdKeys, StatelessClients};
    /// use regrant::{Engine, MemoryStore, Request, RootSecret, StaticClients, Timestamp};
    ///
    /// let clients = StatelessClients::new(StaticClients::new(), ClientIdKeys::new(&RootSecret::generate(1), None));
    /// let engine = Engine::builder(MemoryStore::new(), clients).registration().build()?;
    /// let body = br#"{"client_name":"Editor","redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"none"}"#;
    /// let request = Request::new("POST", body).with_header("content-type", b"application/json");
    /// let response = engine.blocking().register(&request, Timestamp::now)?;
    /// assert_eq!(response.status(), 201);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn register(&self, request: &Request<'_>, clock: impl Clock) -> Response {
        let time = self.time(&clock);
        match time.watch(pin!(self.try_register(request, &time))).await {
            Ok(response) => response,
            Err(failure) => self.refuse(&failure),
        }
    }

    async fn try_register(&self, request: &Request<'_>, time: &Time<'_>) -> Result<Response, Failure> {
        let as_registry = self.registry.ok_or(RegistrationRefusal::Off)?;
        let registry = as_registry(&self.clients);
        match request.method() {
            "POST" => self.create_client(registry, request, time).await,
            "GET" | "PUT" | "DELETE" if registry.is_managed_dyn() => self.manage_client(registry, request, time).await,
            _ if registry.is_managed_dyn() => Err(RegistrationRefusal::Method.into()),
            _ => Err(RequestRefusal::Method.into()),
        }
    }

    /// RFC 7591 section 3.
    async fn create_client(
        &self,
        registry: &dyn DynClientRegistry,
        request: &Request<'_>,
        time: &Time<'_>,
    ) -> Result<Response, Failure> {
        self.check_json(request)?;
        // Before anything is read that only those may send who have a token.
        let token = bearer_of(request)?;
        if !registry.may_register_dyn(token) {
            return Err(match token {
                Some(_) => self.wrong_token(RegistrationRefusal::InitialAccessToken, request, time),
                None => RegistrationRefusal::NoInitialAccessToken.into(),
            });
        }
        // Where anybody may register, each costs, the malformed ones too. Whoever was given a token has been let in by it.
        if token.is_none() || registry.may_register_dyn(None) {
            drop(self.host.guess(Guessed::Registration, request.peer(), time.now())?);
        }
        let native = registry.native_redirects_dyn();
        let metadata =
            ClientMetadata::from_json_with(request.body(), &native).map_err(RegistrationRefusal::Metadata)?;
        let metadata = self.fit(metadata)?;
        self.check_sector(&metadata, request, time).await?;
        let registered = registry.create_dyn(metadata, time.now()).await.map_err(failure_of)?;
        self.emit(&Event::ClientRegistered { client_id: registered.id() });
        Ok(Response::created(self.registration_answer(&registered)))
    }

    /// RFC 7592 section 2. A client that there is not is answered as one with another token is.
    async fn manage_client(
        &self,
        registry: &dyn DynClientRegistry,
        request: &Request<'_>,
        time: &Time<'_>,
    ) -> Result<Response, Failure> {
        let form = Form::parse(request.query_string(), self.limits()).map_err(RequestRefusal::Form)?;
        let client_id = form.single("client_id").map_err(|_| RequestRefusal::RepeatedParameter)?;
        let client_id = client_id.ok_or(RequestRefusal::MissingParameter)?;
        let token = bearer_of(request)?.ok_or(RegistrationRefusal::NoAccessToken)?;
        // An id that no client can have is not asked for.
        let wrong_token = || self.wrong_token(RegistrationRefusal::AccessToken, request, time);
        let found = self.find_client(client_id, Lookup::of(Purpose::Registration, request.peer())).await?;
        let client = found.ok_or_else(wrong_token)?;
        let registered = match request.method() {
            "GET" => registry.read_dyn(client_id, token).await,
            "PUT" => {
                self.check_json(request)?;
                // Whose token it is, before what it sent: what is wrong with that is no stranger's business.
                let there = registry.read_dyn(client_id, token).await.map_err(failure_of)?;
                #[cfg_attr(
                    not(all(feature = "jwt", feature = "root-secret")),
                    expect(unused_variables, reason = "off")
                )]
                let there = there.ok_or_else(wrong_token)?;
                let read = ClientMetadata::from_update(request.body(), client_id, &registry.native_redirects_dyn());
                let (metadata, secret) = read.map_err(RegistrationRefusal::Metadata)?;
                if secret.is_some_and(|secret| !recognize(client.secrets(), secret.as_bytes())) {
                    return Err(RegistrationRefusal::Metadata(MetadataFault::ClientSecret).into());
                }
                let metadata = self.fit(metadata)?;
                // Its logins go on, so it would learn what another's clients call the same people (OpenID Connect Core section 8.1).
                #[cfg(all(feature = "jwt", feature = "root-secret"))]
                if !client.keeps_sector(there.metadata(), &metadata) {
                    return Err(RegistrationRefusal::Metadata(MetadataFault::AnotherSector).into());
                }
                self.check_sector(&metadata, request, time).await?;
                registry.update_dyn(client_id, token, metadata, time.now()).await
            }
            _ => {
                let gone = registry.delete_dyn(client_id, token).await.map_err(failure_of)?;
                return if gone { Ok(Response::no_content()) } else { Err(wrong_token()) };
            }
        };
        let registered = registered.map_err(failure_of)?.ok_or_else(wrong_token)?;
        Ok(Response::ok(self.registration_answer(&registered)))
    }

    /// A token that was looked at and is wrong: that, or that there were too many. A right one passes whatever was guessed before.
    fn wrong_token(&self, why: RegistrationRefusal, request: &Request<'_>, time: &Time<'_>) -> Failure {
        match self.host.guess(Guessed::RegistrationToken, request.peer(), time.now()) {
            Ok(_) => why.into(),
            Err(throttled) => throttled.into(),
        }
    }

    /// What of it can be had of this engine. A client that asks to be held to what is not done here would get nothing, or less than it
    /// counts on: it is refused. How requests and answers are signed is dropped where none are (RFC 7591 section 3.2.1).
    ///
    /// Keys and certificates are taken where the registry says that it has clients of that kind: one that has not heard of them would give
    /// such a client a secret, or tokens that are bound to nothing. Nor is a client taken that could never authenticate, since its keys
    /// are where nobody fetches them, or since the engine's profile has no such clients.
    fn fit(&self, metadata: ClientMetadata) -> Result<ClientMetadata, RegistrationRefusal> {
        let features = self.features();
        let demands = *metadata.demands();
        #[cfg(feature = "proof")]
        let (takes_proofs, reads_signed) = (self.dpop.is_some(), self.settings.signed_requests);
        #[cfg(not(feature = "proof"))]
        let (takes_proofs, reads_signed) = (false, false);
        let is_by_keys = metadata.auth_method() == AuthMethod::PrivateKeyJwt;
        for (is_asked, is_there, fault) in [
            (is_by_keys, features.private_key_jwt, MetadataFault::AuthMethod),
            (demands.pushed, self.takes_pushed_requests(), MetadataFault::PushedRequestsNotServed),
            (demands.signed, reads_signed, MetadataFault::SignedRequestsNotServed),
            (demands.dpop, takes_proofs, MetadataFault::DpopNotServed),
            (demands.certificate, features.certificate_bound_tokens, MetadataFault::CertificatesNotServed),
        ] {
            if is_asked && !is_there {
                return Err(RegistrationRefusal::Metadata(fault));
            }
        }
        #[cfg(feature = "proof")]
        if let Some(uri) = metadata.jwks_uri() {
            self.check_jwks_uri(uri).map_err(RegistrationRefusal::Metadata)?;
        }
        let signs_answers = self.settings.signed_answers;
        if let Some(algorithm) = demands.answer_algorithm.filter(|_| signs_answers) {
            if !self.answer_algorithms().contains(&algorithm) {
                return Err(RegistrationRefusal::Metadata(MetadataFault::ResponseSigningAlgorithm));
            }
        }
        let metadata = metadata.without_algorithms(!reads_signed, !signs_answers);
        #[cfg(feature = "proof")]
        if let Some(profile) = self.profile() {
            profile.check_registration(&metadata).map_err(RegistrationRefusal::Metadata)?;
        }
        #[cfg(feature = "jwt")]
        let metadata = metadata
            .without_wishes(!features.pairwise_subjects, !features.backchannel_logout)
            .without_backchannel_elsewhere();
        Ok(metadata)
    }

    /// Whether keys that a client has there can be fetched at all.
    #[cfg(feature = "proof")]
    pub(super) fn check_jwks_uri(&self, uri: &str) -> Result<(), MetadataFault> {
        if self.client_keys.is_none() {
            return Err(MetadataFault::JwksUriNotServed);
        }
        FetchUrl::parse(uri).map(drop).map_err(|_| MetadataFault::JwksUri)
    }

    /// That the list of a sector has all redirect URIs of the client: else it could know people by the names that another's clients know
    /// (OpenID Connect Registration section 5). Fetched out of the asking address's budget.
    #[cfg(feature = "proof")]
    async fn check_sector(
        &self,
        metadata: &ClientMetadata,
        request: &Request<'_>,
        time: &Time<'_>,
    ) -> Result<(), Failure> {
        let Some(uri) = metadata.sector_identifier_uri() else { return Ok(()) };
        let wrong = || Failure::from(RegistrationRefusal::Metadata(MetadataFault::SectorIdentifier));
        let listed = self.sector_list(uri, request.peer(), time.now()).await?.ok_or_else(wrong)?;
        let is_listed = |uri: &str| listed.iter().any(|listed| listed == uri);
        if metadata.redirect_uris().all(is_listed) { Ok(()) } else { Err(wrong()) }
    }

    /// Nothing is fetched in this build.
    #[cfg(all(feature = "jwt", not(feature = "proof")))]
    #[expect(clippy::unused_async, reason = "the feature is off")]
    async fn check_sector(&self, metadata: &ClientMetadata, _: &Request<'_>, _: &Time<'_>) -> Result<(), Failure> {
        match metadata.sector_identifier_uri() {
            None => Ok(()),
            Some(_) => Err(RegistrationRefusal::Metadata(MetadataFault::SectorIdentifier).into()),
        }
    }

    #[cfg(not(feature = "jwt"))]
    #[expect(clippy::unused_async, reason = "the feature is off")]
    async fn check_sector(&self, _: &ClientMetadata, _: &Request<'_>, _: &Time<'_>) -> Result<(), Failure> {
        Ok(())
    }

    fn check_json(&self, request: &Request<'_>) -> Result<(), Failure> {
        match request.content_type() {
            Header::One(content_type) if is_json(content_type) => {}
            _ => return Err(RegistrationRefusal::ContentType.into()),
        }
        if request.body().len() > self.limits().body_bytes() {
            return Err(RequestRefusal::Form(FormError::TooLarge).into());
        }
        Ok(())
    }

    fn registration_answer(&self, registered: &RegisteredClient) -> Vec<u8> {
        let place = self.registration_endpoint().map(|mut place| {
            place.push(if place.contains('?') { '&' } else { '?' });
            place.push_str("client_id=");
            place.extend(form_urlencoded::byte_serialize(registered.id().as_bytes()));
            place
        });
        registered.to_json(place.as_deref())
    }
}

/// The bearer token of a request, if it has one (RFC 6750 section 2.1).
fn bearer_of<'a>(request: &Request<'a>) -> Result<Option<&'a str>, RegistrationRefusal> {
    match request.authorization() {
        Header::Absent => Ok(None),
        Header::One(header) => match bearer_token(header) {
            Ok(Some(token)) => Ok(Some(token)),
            _ => Err(RegistrationRefusal::Authorization),
        },
        Header::Repeated => Err(RegistrationRefusal::Authorization),
    }
}

fn failure_of(denial: RegistrationDenial) -> Failure {
    match denial {
        RegistrationDenial::Metadata(fault) => RegistrationRefusal::Metadata(fault).into(),
        RegistrationDenial::Unwanted => RegistrationRefusal::Unwanted.into(),
        RegistrationDenial::InvalidSoftwareStatement => RegistrationRefusal::InvalidSoftwareStatement.into(),
        RegistrationDenial::UnapprovedSoftwareStatement => RegistrationRefusal::UnapprovedSoftwareStatement.into(),
        RegistrationDenial::Busy => Unavailable::Host.into(),
        RegistrationDenial::Failed(error) => error.into(),
    }
}
