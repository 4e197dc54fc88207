//! The authorization endpoint: RFC 6749 section 4.1, with PKCE (RFC 7636) and the issuer in every answer (RFC 9207).

mod approval;
mod came;
mod denial;
mod ending;
mod error;
#[cfg(feature = "root-secret")]
mod interaction;
#[cfg(feature = "jwt")]
mod openid;
mod person;
#[cfg(feature = "root-secret")]
mod pushed;
mod request;
mod response_mode;
mod scope;
#[cfg(feature = "jwt")]
mod signed_answer;
#[cfg(feature = "proof")]
mod signed_request;

pub use approval::Approval;
pub use denial::Denial;
pub use error::{AuthorizationError, ShownError, WayOn};
#[cfg(feature = "root-secret")]
pub use interaction::{Interaction, InteractionError};
pub use person::Person;
pub use request::{AuthorizationRequest, Display, Prompt};

pub(in crate::engine) use came::Came;
#[cfg(all(feature = "jwt", feature = "root-secret"))]
pub(in crate::engine) use openid::OFFLINE_ACCESS;

#[cfg(feature = "root-secret")]
use request::Answering;
use response_mode::{ResponseMode, ReturnTo};

use std::time::Duration;

use smol_str::SmolStr;

use super::Engine;
use super::failure::Failure;
use super::head::check_head;
#[cfg(feature = "jwt")]
use super::host::RequestedClaims;
use super::jwt::IdTokenHint;
use super::refusal::{AuthorizationRefusal, ClientRefusal, GrantRefusal, Refusal, RequestRefusal};
use super::resources::Asked;
#[cfg(feature = "proof")]
use crate::client::strong::KeySource;
use crate::client::{AUTHORIZATION_CODE, Client, ClientRef, Clients, ClientsErrorKind, Lookup, Purpose};
use crate::grant::{AuthKey, Confirmation, Scope, Timestamp};
use crate::store::TokenStore;
use crate::token::decode_exact;
#[cfg(feature = "proof")]
use crate::token::encode_exact;
use crate::wire::{Form, Parameters, Request, has_control};

/// Of a pushed request, beside its parameters and sealed with them: the key that its client pushed it by. A client that sends one of
/// this name is not heard.
const AUTH_KEY: &str = "client_auth_key";
/// Of its 64 bytes as base64url.
const AUTH_KEY_LEN: usize = 86;

/// The longest `nonce` that is kept for the ID token.
const MAX_NONCE_BYTES: usize = 1_024;

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Validates an authorization request: the query of a GET, or the form of a POST (RFC 6749 section 3.1). Parameters that
    /// no specification defines, such as those of the host's own login page, are left to the host. All are decoded as a form
    /// is: a `+` that a client does not encode is a space, and comes back as `+` in the `state` of the answer.
    ///
    /// Checked in this order: method and form, client, redirect URI; from here on the client hears of what is wrong:
    /// repeated parameters, response type, PKCE, resources, scope, the parameters of OpenID Connect, the last of them `id_token_hint`,
    /// where the engine issues ID tokens: it has to be one of them, for this client; one by a key that is gone counts as none. Public clients need a challenge
    /// by `S256`; `plain`, and a challenge without a method, which would be that, are refused for everyone (RFC 9700
    /// section 2.1.1).
    ///
    /// # Errors
    ///
    /// [`AuthorizationError`]: a redirect to send, or an error to show. A client that is known by a
    /// [document](crate::fetch::DocumentClients) is fetched here, within limits for the address that
    /// [asks](Request::with_peer); where that cannot be now, the page is a 503 and [may say when](ShownError::retry_after_secs).
    ///
    /// Where clients are let in that [nobody made by hand](Client::is_stranger), since they
    /// [register themselves](crate::EngineBuilder::registration) or the registry
    /// [says so](Clients::lets_strangers_in), a redirect may lead to a site that only looks like one, whoever the client is. So there
    /// errors are shown (RFC 9700 section 4.11.2): those of a client made by hand until somebody is logged in
    /// ([`ShownError::redirect_for`]), unless it asked with `prompt=none`; a stranger's in any case, and the page may offer the
    /// [way on](ShownError::way_on).
    ///
    /// ```
    /// use regrant::{Client, Engine, MemoryStore, Request, StaticClients, Timestamp};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let app = Client::public("app").grant_type("authorization_code").redirect_uri("https://app.example/cb").build()?;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new().with(app)?)
    ///     .issuer("https://id.example")
    ///     .authorization_code()
    ///     .build()?;
    /// let query = b"response_type=code&client_id=app&state=af0ifjsldkj\
    ///     &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    /// let request = Request::new("GET", b"").with_query(query);
    /// let asked = engine.authorize(&request, Timestamp::now()).await?;
    /// assert_eq!(asked.redirect_uri(), "https://app.example/cb");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn authorize<'a>(
        &'a self,
        request: &Request<'a>,
        now: Timestamp,
    ) -> Result<AuthorizationRequest<'a>, AuthorizationError> {
        // Until the redirect URI is known to be the client's, a page shows what is wrong: to redirect would make this an
        // open redirector (RFC 9700 section 4.11).
        let (client, form) = self.authorization_client(request).await.map_err(|failure| self.show(&failure))?;
        let lookup = Lookup::of(Purpose::Authorization, request.peer());
        let arrived = match self.unpack(&client, form, sent_in(request), lookup, now).await {
            Ok(arrived) => arrived,
            Err(failure) => return Err(self.show(&failure.of_client(client.shared_id()))),
        };
        self.judge_request(client, arrived, now)
    }

    /// The parameters that count: those of the request, or those that a client pushed or signed.
    async fn unpack<'a>(
        &self,
        client: &Client,
        form: Form<'a>,
        sent: &'a [u8],
        lookup: Lookup,
        now: Timestamp,
    ) -> Result<Arrived<'a>, Failure> {
        #[cfg(feature = "root-secret")]
        if let Some(pushed) = self.pushed_by(client, &form, now)? {
            return Ok(pushed);
        }
        self.unsign(client, form, sent, lookup, now).await
    }

    /// The parameters that count of a request that was not pushed, or is being pushed.
    #[cfg_attr(not(feature = "proof"), expect(clippy::unused_async, reason = "the feature is off"))]
    async fn unsign<'a>(
        &self,
        client: &Client,
        form: Form<'a>,
        sent: &'a [u8],
        lookup: Lookup,
        now: Timestamp,
    ) -> Result<Arrived<'a>, Failure> {
        #[cfg(feature = "proof")]
        if let Some(form) = self.signed_by(client, &form, lookup, now).await? {
            let came = Came { signed: true, ..Came::default() };
            return Ok(Arrived { form, came, sent: b"", answering: None });
        }
        let _ = (client, lookup, now);
        Ok(Arrived {
            form,
            came: Came::default(),
            sent,
            #[cfg(feature = "root-secret")]
            answering: None,
        })
    }

    /// What a request comes to whose client is known.
    fn judge_request<'a>(
        &'a self,
        client: ClientRef<'a>,
        arrived: Arrived<'a>,
        now: Timestamp,
    ) -> Result<AuthorizationRequest<'a>, AuthorizationError> {
        let Arrived { form, came, sent, .. } = arrived;
        let (redirect_uri, redirect_uri_named) = match self.redirect_uri_of(&client, &form) {
            Ok(found) => found,
            Err(why) => return Err(self.show(&Failure::from(why).of_client(client.shared_id()))),
        };
        // From here on there is somewhere to send the answer.
        match self.validate(&client, &form, sent, came, now) {
            Ok(Validated {
                mode,
                challenge,
                code_key,
                auth_key,
                resources,
                scope,
                prompt,
                max_age,
                hint,
                #[cfg(feature = "jwt")]
                claims,
            }) => Ok(AuthorizationRequest {
                client,
                form,
                redirect_uri,
                redirect_uri_named,
                mode,
                came,
                scope,
                resources,
                challenge,
                code_key,
                auth_key,
                prompt,
                max_age,
                hint,
                #[cfg(feature = "jwt")]
                claims,
                #[cfg(all(feature = "jwt", feature = "root-secret"))]
                subjects: self.subjects.as_deref(),
                #[cfg(feature = "root-secret")]
                answering: arrived.answering,
                opt_in: self.settings.renewal.parameter(),
            }),
            Err(why) => {
                let parameter = |name: &str| form.single(name).ok().flatten();
                let state = parameter("state").filter(|state| !has_control(state));
                let silent = parameter("prompt") == Some("none");
                // What is wrong is told in the way that was asked for, unless it is that.
                let mode = self.asked_mode(&client, &form, now).unwrap_or_default();
                let to = ReturnTo { client: &client, redirect_uri: &redirect_uri, state, mode };
                Err(self.end_early(to, silent, why, now))
            }
        }
    }

    /// What has to hold before there is a redirect URI: the form and the client.
    async fn authorization_client<'a>(&'a self, request: &Request<'a>) -> Result<(ClientRef<'a>, Form<'a>), Failure> {
        if !self.settings.authorization_code {
            return Err(GrantRefusal::UnsupportedGrantType.into());
        }
        match request.method() {
            "GET" | "HEAD" => {}
            "POST" => check_head(request)?,
            _ => return Err(RequestRefusal::GetOrPost.into()),
        }
        let form = Form::parse(sent_in(request), self.limits()).map_err(RequestRefusal::Form)?;
        let client_id = form.single("client_id").map_err(|_| RequestRefusal::RepeatedParameter)?;
        let client_id = client_id.ok_or(RequestRefusal::MissingParameter)?;
        match self.find_client(client_id, Lookup::of(Purpose::Authorization, request.peer())).await {
            Ok(Some(client)) => {
                let checked = self.check_profile_of(&client);
                #[cfg(feature = "proof")]
                let checked = checked.and_then(|()| self.check_keys_of(&client));
                match checked {
                    Ok(()) => Ok((client, form)),
                    Err(why) => Err(Failure::from(why).of_client(client.shared_id())),
                }
            }
            Ok(None) => Err(ClientRefusal::UnknownClient.into()),
            Err(error) => Err(match error.kind() {
                // A page can say what is wrong with it: whoever sees it may be the one who wrote it.
                ClientsErrorKind::Document(fault) => ClientRefusal::Document(fault).into(),
                _ => error.into(),
            }),
        }
    }

    /// A stranger who authenticates by keys alone that are never fetched would get a code that it cannot redeem: 503, whenever it tries.
    #[cfg(feature = "proof")]
    fn check_keys_of(&self, client: &Client) -> Result<(), ClientRefusal> {
        match client.key_source() {
            Some(KeySource::At(at)) if client.is_stranger() && client.has_keys_alone() => {
                self.check_jwks_uri(at).map_err(ClientRefusal::Document)
            }
            _ => Ok(()),
        }
    }

    /// What has to hold of the rest of the request, in the order that [`authorize`](Self::authorize) tells. `sent` as it stood in the query
    /// or the body.
    pub(in crate::engine) fn validate(
        &self,
        client: &Client,
        form: &Form<'_>,
        sent: &[u8],
        came: Came,
        now: Timestamp,
    ) -> Result<Validated<'_>, Refusal> {
        #[cfg(not(feature = "jwt"))]
        let _ = now;
        Parameters::check_defined(form).map_err(RequestRefusal::from)?;
        // Who does not encode it does not decode it either, and would not know its state again.
        if has_plain_space(sent, "state=") {
            return Err(AuthorizationRefusal::State.into());
        }
        // What stands in a query anybody can have written or read.
        if !came.pushed && (client.requires_pushed() || self.settings.requires_pushed) {
            return Err(AuthorizationRefusal::NotPushed.into());
        }
        #[cfg(feature = "proof")]
        if !came.signed && (client.requires_signed() || self.settings.requires_signed) {
            return Err(AuthorizationRefusal::NotSigned.into());
        }
        // Nothing that is defined is repeated now, so each of these is there once or not at all.
        let parameter = |name: &str| form.single(name).ok().flatten();
        for (name, refusal) in [
            ("request", AuthorizationRefusal::RequestObject),
            ("request_uri", AuthorizationRefusal::RequestUri),
            ("registration", AuthorizationRefusal::Registration),
        ] {
            if parameter(name).is_some() {
                return Err(refusal.into());
            }
        }
        // Before the client's own rights: this is wrong whoever asks.
        if parameter("response_type").ok_or(RequestRefusal::MissingParameter)? != "code" {
            return Err(AuthorizationRefusal::ResponseType.into());
        }
        if !client.may_use(AUTHORIZATION_CODE) {
            return Err(ClientRefusal::UnauthorizedClient.into());
        }
        let mode = self.asked_mode(client, form, now)?;
        let challenge = match (parameter("code_challenge"), parameter("code_challenge_method")) {
            (Some(challenge), Some("S256")) => Some(read_challenge(challenge).ok_or(AuthorizationRefusal::Challenge)?),
            (None, None) if !client.requires_pkce() && !self.demands_pkce() => None,
            _ => return Err(AuthorizationRefusal::Challenge.into()),
        };
        // Of an engine that takes no proofs it says nothing: nobody could redeem the code.
        let code_key = match parameter("dpop_jkt").filter(|_| self.takes_proofs()) {
            Some(jkt) => Some(read_jkt(jkt).ok_or(AuthorizationRefusal::DpopJkt)?),
            None => None,
        };
        let resources = self.asked_resources(form)?;
        let scope = self.asked_scope(client, parameter("scope"), resources.as_ref())?;
        self.check_asked(form, &scope)?;
        if parameter("nonce").is_some_and(|nonce| nonce.len() > MAX_NONCE_BYTES) {
            return Err(AuthorizationRefusal::OpenIdParameter.into());
        }
        let prompt =
            Prompt::parse(parameter("prompt").unwrap_or_default()).ok_or(AuthorizationRefusal::OpenIdParameter)?;
        let max_age = match parameter("max_age") {
            Some(secs) if secs.bytes().all(|byte| byte.is_ascii_digit()) => {
                // More than fits is longer than any login is old.
                Some(Duration::from_secs(secs.parse().unwrap_or(u64::MAX)))
            }
            Some(_) => return Err(AuthorizationRefusal::OpenIdParameter.into()),
            None => None,
        };
        #[cfg(feature = "jwt")]
        let claims = self.asked_claims(client, &scope, parameter("claims"), now)?;
        let hint = self.asked_hint(client, parameter("id_token_hint"))?;
        let auth_key = parameter(AUTH_KEY).filter(|_| came.pushed).and_then(read_auth_key);
        Ok(Validated {
            mode,
            challenge,
            code_key,
            auth_key,
            resources,
            scope,
            prompt,
            max_age,
            hint,
            #[cfg(feature = "jwt")]
            claims,
        })
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Where the answer goes, and whether the request named it.
    fn redirect_uri_of(&self, client: &Client, form: &Form<'_>) -> Result<(SmolStr, bool), Refusal> {
        let found = redirect_uri_of(client, form)?;
        if self.may_answer_to(&found.0) { Ok(found) } else { Err(AuthorizationRefusal::UnregisteredRedirectUri.into()) }
    }
}

/// The parameters as they were sent: the form of a POST, or the query.
fn sent_in<'a>(request: &Request<'a>) -> &'a [u8] {
    if request.method() == "POST" { request.body() } else { request.query_string() }
}

/// Whether a parameter has a space that is not encoded (RFC 6749 appendix B). The name with its `=`.
fn has_plain_space(sent: &[u8], name: &str) -> bool {
    sent.split(|byte| *byte == b'&').any(|pair| pair.starts_with(name.as_bytes()) && pair.contains(&b' '))
}

/// Where the answer goes, and whether the request named it. Decided by the registration alone.
pub(in crate::engine) fn redirect_uri_of(client: &Client, form: &Form<'_>) -> Result<(SmolStr, bool), Refusal> {
    let named = form.single("redirect_uri").map_err(|_| RequestRefusal::RepeatedParameter)?;
    match (named, client.redirect_uris()) {
        (Some(named), registered) if registered.iter().any(|uri| uri.matches(named)) => Ok((named.into(), true)),
        (Some(_), _) | (None, []) => Err(AuthorizationRefusal::UnregisteredRedirectUri.into()),
        (None, [only]) => Ok((only.as_str().into(), false)),
        (None, _) => Err(RequestRefusal::MissingParameter.into()),
    }
}

/// The thumbprint of the key that the code is bound to (RFC 9449 section 10): canonical base64url of 32 bytes.
fn read_jkt(text: &str) -> Option<Confirmation> {
    decode_exact::<32, 43>(text.as_bytes().try_into().ok()?).map(Confirmation::Key)
}

/// The key that a client pushed its request by.
fn read_auth_key(text: &str) -> Option<AuthKey> {
    decode_exact::<{ AuthKey::LEN }, AUTH_KEY_LEN>(text.as_bytes().try_into().ok()?)
        .map(|bytes| AuthKey::from_bytes(&bytes))
}

#[cfg(feature = "proof")]
fn encode_auth_key(key: AuthKey) -> String {
    let text: [u8; AUTH_KEY_LEN] = encode_exact(&key.to_bytes());
    // Base64url is ASCII.
    String::from_utf8_lossy(&text).into_owned()
}

/// A request whose client is known.
struct Arrived<'a> {
    /// The parameters that count.
    form: Form<'a>,
    came: Came,
    /// The parameters as they were sent.
    sent: &'a [u8],
    #[cfg(feature = "root-secret")]
    answering: Option<Answering>,
}

/// What the parameters of a request come to.
pub(in crate::engine) struct Validated<'e> {
    mode: ResponseMode,
    challenge: Option<[u8; 32]>,
    code_key: Option<Confirmation>,
    auth_key: Option<AuthKey>,
    resources: Option<Asked<'e>>,
    scope: Scope,
    prompt: Prompt,
    max_age: Option<Duration>,
    hint: Option<IdTokenHint>,
    #[cfg(feature = "jwt")]
    claims: Option<RequestedClaims>,
}

/// The digest that a challenge by `S256` writes, RFC 7636 section 4.2.
fn read_challenge(text: &str) -> Option<[u8; 32]> {
    decode_exact::<32, 43>(text.as_bytes().try_into().ok()?)
}
