//! The example server's identity provider, driven over real HTTP by the client of the `openidconnect` crate, which knows
//! nothing of this one.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGrantType, CoreIdTokenClaims, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType, CoreRevocableToken,
    CoreSubjectIdentifierType, CoreTokenIntrospectionResponse, CoreTokenResponse, CoreTokenType, CoreUserInfoClaims,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalProviderMetadata, AuthType, AuthorizationCode, ClaimsVerificationError,
    ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpClientError, HttpRequest,
    HttpResponse, IntrospectionUrl, IssuerUrl, JsonWebKey, Nonce, NonceVerifier, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata, RedirectUrl, RefreshToken, RequestTokenError, RevocationUrl,
    Scope, SignatureVerificationError, StandardErrorResponse, TokenIntrospectionResponse, TokenResponse, url::Url,
};
use serde::{Deserialize, Serialize};

/// TLS would end in front of the server: the crate revokes by https only.
const ISSUER: &str = "https://bank.example";
/// In the order in which the crate asks for them: `openid` it adds by itself.
const SCOPES: [&str; 5] = ["openid", "apps", "email", "profile", "webhooks"];
/// Any port of the loopback address will do (RFC 8252 section 7.3).
const REDIRECT_URI: &str = "http://127.0.0.1:49325/callback";

type HttpError = HttpClientError<std::io::Error>;
type Error = RequestTokenError<HttpError, StandardErrorResponse<CoreErrorResponseType>>;
type BankClient = CoreClient<EndpointSet, EndpointNotSet, EndpointSet, EndpointSet, EndpointMaybeSet, EndpointMaybeSet>;

/// What the crate leaves out of the metadata, as it is of RFC 8414.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct OfOAuth {
    revocation_endpoint: RevocationUrl,
    introspection_endpoint: IntrospectionUrl,
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for OfOAuth {}

type Metadata = ProviderMetadata<
    OfOAuth,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// A client of the bank, which found out about it by discovery.
struct App {
    server: SocketAddr,
    secret: Option<&'static str>,
    client: BankClient,
    /// By what its ID tokens are signed.
    algorithm: CoreJwsSigningAlgorithm,
}

/// What a client remembers of an authorization request, and the code that it got.
struct Login {
    code: AuthorizationCode,
    verifier: PkceCodeVerifier,
    nonce: Nonce,
}

/// The bank on a port of its own.
async fn serve() -> SocketAddr {
    let settings = crate::bank::Settings {
        store: Arc::new(regrant::MemoryStore::new()),
        keys: crate::key_file::Keys::generate(regrant::jwt::SigningAlgorithm::Rs256).unwrap(),
        issuer: ISSUER.to_owned(),
        cors_origins: Vec::new(),
        backchannel_logout: None,
        redirect_uris: Vec::new(),
        access_token: Duration::from_secs(86_400),
        idle: Duration::from_secs(2_592_000),
        retry_window: Duration::from_secs(120),
        clock: Arc::new(regrant::Timestamp::now),
        throttle: None,
    };
    crate::kit::http::serve(crate::bank::router(settings).await.unwrap()).await
}

/// The crate's requests on this crate's test client; all to the one server, whatever host they name.
async fn send(server: SocketAddr, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let (mut parts, body) = request.into_parts();
    assert_eq!(parts.uri.authority().unwrap(), "bank.example");
    parts.uri = parts.uri.path_and_query().unwrap().as_str().parse().unwrap();
    let response = crate::kit::http::exchange(server, http::Request::from_parts(parts, Full::from(body))).await;
    Ok(response.map(|body| body.to_vec()))
}

/// Sends what a browser would.
async fn browse(
    server: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: String,
) -> http::Response<Bytes> {
    let request = http::Request::builder().method(method).uri(path);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    crate::kit::http::exchange(server, request.body(Full::from(body)).unwrap()).await
}

/// The fields of the form on a page.
fn fields(page: &str) -> Vec<(String, String)> {
    let attribute = |tag: &str, name: &str| {
        let value = tag.split_once(&format!(" {name}=\""))?.1.split_once('"')?.0;
        Some(value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&"))
    };
    let inputs = page.split("<input").skip(1).map(|rest| rest.split_once('>').unwrap().0);
    inputs.map(|tag| (attribute(tag, "name").unwrap(), attribute(tag, "value").unwrap_or_default())).collect()
}

impl App {
    async fn portal(auth: AuthType) -> Self {
        let mut app = Self::new(crate::bank::CLIENT_ID, Some(crate::bank::CLIENT_SECRET)).await;
        app.client = app.client.set_auth_type(auth);
        app
    }

    async fn mobile() -> Self {
        Self::new(crate::bank::PUBLIC_CLIENT_ID, None).await
    }

    async fn new(id: &str, secret: Option<&'static str>) -> Self {
        let server = serve().await;
        let issuer = IssuerUrl::new(ISSUER.to_owned()).unwrap();
        let metadata = Metadata::discover_async(issuer, &move |request| send(server, request)).await.unwrap();
        let client = CoreClient::from_provider_metadata(
            metadata.clone(),
            ClientId::new(id.to_owned()),
            secret.map(|secret| ClientSecret::new(secret.to_owned())),
        )
        .set_redirect_uri(RedirectUrl::new(REDIRECT_URI.to_owned()).unwrap())
        .set_revocation_url(metadata.additional_metadata().revocation_endpoint.clone())
        .set_introspection_url(metadata.additional_metadata().introspection_endpoint.clone());
        let algorithm = match secret {
            Some(_) => CoreJwsSigningAlgorithm::HmacSha256,
            None => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
        };
        Self { server, secret, client, algorithm }
    }

    /// Asks for a code, and logs in at the page.
    async fn log_in(&self) -> Login {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let request = self.client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
        let scopes = SCOPES[1..].iter().map(|&scope| Scope::new(scope.to_owned()));
        let (url, state, nonce) =
            request.add_scopes(scopes).set_max_age(Duration::from_secs(60)).set_pkce_challenge(challenge).url();
        let path = format!("{}?{}", url.path(), url.query().unwrap());
        let page = browse(self.server, "GET", &path, &[], String::new()).await;
        assert_eq!(page.status(), 200);
        let cookie = page.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap();

        let mut form = fields(std::str::from_utf8(page.body()).unwrap());
        for (name, value) in &mut form {
            match name.as_str() {
                "username" => crate::bank::USERNAME.clone_into(value),
                "password" => crate::bank::PASSWORD.clone_into(value),
                _ => {}
            }
        }
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let answer = browse(self.server, "POST", url.path(), &[("origin", ISSUER), ("cookie", cookie)], form).await;
        assert_eq!(answer.status(), 303);
        let location = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        assert!(location.as_str().starts_with(REDIRECT_URI));
        let mut answer: HashMap<String, String> = location.query_pairs().into_owned().collect();
        assert_eq!(answer.remove("state").as_ref(), Some(state.secret()));
        assert_eq!(answer.remove("iss").as_deref(), Some(ISSUER));
        Login { code: AuthorizationCode::new(answer.remove("code").unwrap()), verifier, nonce }
    }

    async fn redeem(&self, code: &AuthorizationCode, verifier: &str) -> Result<CoreTokenResponse, Error> {
        let request = self.client.exchange_code(code.clone()).unwrap();
        request
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()))
            .request_async(&|request| send(self.server, request))
            .await
    }

    async fn refresh(&self, token: &RefreshToken) -> Result<CoreTokenResponse, Error> {
        self.client.exchange_refresh_token(token).unwrap().request_async(&|request| send(self.server, request)).await
    }

    async fn revoke(&self, token: impl Into<CoreRevocableToken>) {
        self.client
            .revoke_token(token.into())
            .unwrap()
            .request_async(&|request| send(self.server, request))
            .await
            .unwrap();
    }

    async fn introspect(&self, token: &str) -> CoreTokenIntrospectionResponse {
        self.client
            .introspect(&AccessToken::new(token.to_owned()))
            .request_async(&|request| send(self.server, request))
            .await
            .unwrap()
    }

    /// The status of the resource.
    async fn resource(&self, token: &AccessToken) -> u16 {
        let request = http::Request::builder().uri("/oauth2/resource");
        let request = request.header("authorization", format!("Bearer {}", token.secret()));
        crate::kit::http::exchange(self.server, request.body(Full::default()).unwrap()).await.status().as_u16()
    }

    fn claims<'t>(
        &self,
        tokens: &'t CoreTokenResponse,
        nonce: impl NonceVerifier,
    ) -> Result<&'t CoreIdTokenClaims, ClaimsVerificationError> {
        tokens.id_token().unwrap().claims(&self.client.id_token_verifier(), nonce)
    }

    /// What every token response has, and the claims of its ID token.
    fn check<'t>(&self, tokens: &'t CoreTokenResponse, nonce: impl NonceVerifier) -> &'t CoreIdTokenClaims {
        assert_eq!(tokens.token_type(), &CoreTokenType::Bearer);
        assert_eq!(tokens.expires_in(), Some(Duration::from_secs(86_400)));
        assert_eq!(tokens.scopes().unwrap().iter().map(|scope| scope.as_str()).collect::<Vec<_>>(), SCOPES);
        let verifier = self.client.id_token_verifier();
        let id_token = tokens.id_token().unwrap();
        assert_eq!(id_token.signing_alg().unwrap(), &self.algorithm);
        let claims = self.claims(tokens, nonce).unwrap();
        assert_eq!(claims.subject().as_str(), crate::bank::USERNAME);
        assert_eq!(
            claims.audiences().iter().map(|audience| audience.as_str()).collect::<Vec<_>>(),
            [self.client.client_id().as_str()]
        );
        assert_eq!(claims.email_verified(), Some(true));
        assert!(claims.email().is_some());
        assert!(claims.auth_time().unwrap() <= claims.issue_time());
        // A secret the crate does not find as a key, though it verifies by it.
        let secret = self.secret.map(|secret| CoreJsonWebKey::new_symmetric(secret.into()));
        let key = secret.as_ref().unwrap_or_else(|| id_token.signing_key(&verifier).unwrap());
        let hash = AccessTokenHash::from_token(tokens.access_token(), &self.algorithm, key).unwrap();
        assert_eq!(claims.access_token_hash(), Some(&hash));
        claims
    }

    /// From the login to the end of the session.
    async fn walk(&self) {
        let login = self.log_in().await;
        let first = self.redeem(&login.code, login.verifier.secret()).await.unwrap();
        let claims = self.check(&first, &login.nonce);
        assert_eq!(self.resource(first.access_token()).await, 200);
        let server = self.server;
        let asked = self.client.user_info(first.access_token().clone(), Some(claims.subject().clone())).unwrap();
        let userinfo: CoreUserInfoClaims = asked.request_async(&move |request| send(server, request)).await.unwrap();
        assert_eq!((userinfo.subject(), userinfo.email()), (claims.subject(), claims.email()));

        // In the next second, so that a refresh that changes the time of the login would be seen.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let second = self.refresh(first.refresh_token().unwrap()).await.unwrap();
        let refreshed = self.check(&second, |nonce: Option<&Nonce>| match nonce {
            None => Ok(()),
            Some(_) => Err("a refresh has no nonce".to_owned()),
        });
        assert_eq!(refreshed.auth_time(), claims.auth_time());
        assert!(refreshed.issue_time() > claims.issue_time());
        assert_ne!(second.refresh_token().unwrap().secret(), first.refresh_token().unwrap().secret());

        self.revoke(second.access_token()).await;
        assert_eq!(self.resource(second.access_token()).await, 401);
        let third = self.refresh(second.refresh_token().unwrap()).await.unwrap();
        assert_eq!(self.resource(third.access_token()).await, 200);
        self.revoke(third.refresh_token().unwrap()).await;
        assert_eq!(self.resource(third.access_token()).await, 401);
        refused(self.refresh(third.refresh_token().unwrap()).await, &CoreErrorResponseType::InvalidGrant);
    }
}

#[track_caller]
fn refused(result: Result<CoreTokenResponse, Error>, expected: &CoreErrorResponseType) {
    match result {
        Err(RequestTokenError::ServerResponse(response)) => assert_eq!(response.error(), expected),
        other => panic!("not an error of the server: {other:?}"),
    }
}

#[tokio::test]
async fn the_portal_in_either_way() {
    for auth in [AuthType::BasicAuth, AuthType::RequestBody] {
        App::portal(auth).await.walk().await;
    }
}

#[tokio::test]
async fn the_public_client() {
    App::mobile().await.walk().await;
}

/// The crate finds what is forged, so that it found nothing above means something.
#[tokio::test]
async fn what_is_forged_is_found() {
    for app in [App::portal(AuthType::BasicAuth).await, App::mobile().await] {
        let login = app.log_in().await;
        let tokens = app.redeem(&login.code, login.verifier.secret()).await.unwrap();
        let another = app.claims(&tokens, &Nonce::new_random());
        assert!(matches!(another, Err(ClaimsVerificationError::InvalidNonce(_))), "{another:?}");

        // Another server of the same name has other keys, and the portal might have another secret.
        let mut other = App::new(app.client.client_id(), app.secret).await;
        if app.secret.is_some() {
            other.client =
                other.client.set_client_secret(ClientSecret::new("another-secret-of-the-portal-here".into()));
        }
        let foreign = other.claims(&tokens, &login.nonce);
        assert!(
            matches!(
                foreign,
                Err(ClaimsVerificationError::SignatureVerification(
                    SignatureVerificationError::CryptoError(_) | SignatureVerificationError::NoMatchingKey
                ))
            ),
            "{foreign:?}"
        );
    }
}

#[tokio::test]
async fn a_wrong_verifier_and_a_code_used_twice() {
    for app in [App::portal(AuthType::BasicAuth).await, App::mobile().await] {
        let login = app.log_in().await;
        let (_, wrong) = PkceCodeChallenge::new_random_sha256();
        refused(app.redeem(&login.code, wrong.secret()).await, &CoreErrorResponseType::InvalidGrant);
        let tokens = app.redeem(&login.code, login.verifier.secret()).await.unwrap();
        let again = app.redeem(&login.code, login.verifier.secret()).await;
        refused(again, &CoreErrorResponseType::InvalidGrant);
        refused(app.refresh(tokens.refresh_token().unwrap()).await, &CoreErrorResponseType::InvalidGrant);
        assert_eq!(app.resource(tokens.access_token()).await, 401);
    }
}

#[tokio::test]
async fn introspection_answers_the_client() {
    for auth in [AuthType::BasicAuth, AuthType::RequestBody] {
        let app = App::portal(auth).await;
        let login = app.log_in().await;
        let tokens = app.redeem(&login.code, login.verifier.secret()).await.unwrap();
        let access = app.introspect(tokens.access_token().secret()).await;
        assert!(access.active());
        assert_eq!(access.sub(), Some(crate::bank::USERNAME));
        assert_eq!(access.client_id().map(|id| id.as_str()), Some(crate::bank::CLIENT_ID));
        assert_eq!(access.iss(), Some(ISSUER));
        assert_eq!(access.scopes(), tokens.scopes());
        assert_eq!(access.jti().map(str::len), Some(43));
        assert_eq!((access.exp().unwrap() - access.iat().unwrap()).num_seconds(), 86_400);
        assert!(app.introspect(tokens.refresh_token().unwrap().secret()).await.active());
        app.revoke(tokens.refresh_token().unwrap()).await;
        for token in [tokens.access_token().secret(), tokens.refresh_token().unwrap().secret(), "made-up"] {
            assert!(!app.introspect(token).await.active());
        }
    }
}

#[tokio::test]
async fn client_credentials() {
    for auth in [AuthType::BasicAuth, AuthType::RequestBody] {
        let app = App::portal(auth).await;
        let request = app.client.exchange_client_credentials().unwrap();
        let tokens = request
            .add_scope(Scope::new("apps".to_owned()))
            .request_async(&|request| send(app.server, request))
            .await
            .unwrap();
        assert_eq!(tokens.scopes(), Some(&vec![Scope::new("apps".to_owned())]));
        assert!(tokens.refresh_token().is_none());
        assert!(tokens.id_token().is_none());
        assert_eq!(app.resource(tokens.access_token()).await, 200);
    }
    let app = App::mobile().await;
    let refusal =
        app.client.exchange_client_credentials().unwrap().request_async(&|request| send(app.server, request)).await;
    refused(refusal, &CoreErrorResponseType::UnauthorizedClient);
}

#[tokio::test]
async fn the_metadata_is_understood() {
    let server = serve().await;
    let issuer = IssuerUrl::new(ISSUER.to_owned()).unwrap();
    let metadata = Metadata::discover_async(issuer, &move |request| send(server, request)).await.unwrap();
    assert!(metadata.additional_metadata().authorization_response_iss_parameter_supported);
    assert_eq!(metadata.jwks().keys().len(), 1);
    assert_eq!(metadata.subject_types_supported(), &vec![CoreSubjectIdentifierType::Public]);
    let algorithms = metadata.id_token_signing_alg_values_supported();
    assert!(algorithms.contains(&CoreJwsSigningAlgorithm::HmacSha256));
    assert!(algorithms.contains(&CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256));
    // The other server would be somebody who says they are this one.
    let impostor = IssuerUrl::new("https://bank.example/other".to_owned()).unwrap();
    assert!(Metadata::discover_async(impostor, &move |request| send(server, request)).await.is_err());
}
