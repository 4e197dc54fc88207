//! The authorization endpoint: RFC 6749 section 4.1, with PKCE (RFC 7636) and the issuer in every answer (RFC 9207).

mod approval;
mod denial;
#[cfg(feature = "root-secret")]
mod interaction;
mod request;
mod scope;

pub use approval::Approval;
pub use denial::Denial;
#[cfg(feature = "root-secret")]
pub use interaction::{Interaction, InteractionError};
use request::age_of;
pub use request::{AuthorizationError, AuthorizationRequest, Prompt, ShownError};

use std::pin::pin;
use std::time::Duration;

use smol_str::SmolStr;

use super::Engine;
use super::failure::{Failure, check_head};
use super::host::{Audience, Authorization, Clock, Event};
use super::jwt::IdTokenHint;
#[cfg(feature = "root-secret")]
use super::markers::Spending;
use super::refusal::{AuthorizationRefusal, ClientRefusal, GrantRefusal, Refusal, RequestRefusal, ServerFault};
use super::resources::Asked;
use super::time::Time;
use crate::client::{AUTHORIZATION_CODE, Client, ClientRef, Clients, digest};
use crate::grant::code_details::{CodeBinding, CodeDetails};
use crate::grant::login::Login;
use crate::grant::{Grant, GrantId, Scope};
use crate::store::TokenStore;
use crate::token::{GRANT_TEXT_LEN, decode_exact, mint_code};
use crate::wire::{Form, Parameters, Request, Response, has_control, location};

/// How old a login may be whatever `max_age` says: who has just logged in still has to read what is asked of them.
const MAX_AGE_GRACE: Duration = Duration::from_secs(60);

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
    /// [`AuthorizationError`]: a redirect to send, or an error to show. Where strangers can register clients, a redirect
    /// may lead to a site that only looks like one: a host of such lets the person log in first, or warns them (RFC 9700
    /// section 4.11.2).
    ///
    /// ```
    /// use regrant::{Client, Engine, MemoryStore, Request, StaticClients};
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
    /// let asked = engine.authorize(&request).await?;
    /// assert_eq!(asked.redirect_uri(), "https://app.example/cb");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn authorize<'a>(
        &'a self,
        request: &Request<'a>,
    ) -> Result<AuthorizationRequest<'a>, AuthorizationError> {
        // Until the redirect URI is known to be the client's, a page shows what is wrong: to redirect would make this an
        // open redirector (RFC 9700 section 4.11).
        let (client, form) = match self.authorization_client(request).await {
            Ok(found) => found,
            Err(failure) => return Err(self.show(&failure)),
        };
        let (redirect_uri, redirect_uri_named) = match redirect_uri_of(&client, &form) {
            Ok(found) => found,
            Err(why) => return Err(self.show(&Failure::from(why).of_client(client.shared_id()))),
        };
        // From here on there is somewhere to send the answer.
        match self.validate(&client, &form, sent_in(request)) {
            Ok((scope, resources, challenge, prompt, max_age, hint)) => Ok(AuthorizationRequest {
                client,
                form,
                redirect_uri,
                redirect_uri_named,
                scope,
                resources,
                challenge,
                prompt,
                max_age,
                hint,
                #[cfg(feature = "root-secret")]
                answering: None,
                opt_in: self.settings.renewal.parameter(),
            }),
            Err(why) => {
                self.tell(&Failure::from(why).of_client(client.shared_id()));
                let state = form.single("state").ok().flatten().filter(|state| !has_control(state));
                Err(AuthorizationError::Redirect(self.redirect_error(&redirect_uri, state, why)))
            }
        }
    }

    /// Answers an authorization request with a code, once the person is logged in and has consented. The scope that the
    /// authorization names is within the one asked for; without one it is all of that.
    ///
    /// Every outcome is a redirect (303), also where the store fails (`temporarily_unavailable`), where the login is older
    /// than `max_age` allows (`login_required`; never less than a minute, which reading the page may take), where the subject
    /// is not the one that the client's `id_token_hint` means (`login_required`), and where the
    /// authorization is one that cannot be granted (`server_error`): it has no subject, one that is
    /// not 1 to 255 ASCII characters while there are ID tokens or JWTs (OpenID Connect Core section 2), one that is the id of a client
    /// while access tokens are JWTs (RFC 9068 section 5), a wider scope, or no
    /// [time of login](Authorization::with_authenticated_at) where the client asked for a `max_age`.
    ///
    /// ```
    /// # async fn logged_in<S: regrant::TokenStore, C: regrant::Clients>(
    /// #     engine: &regrant::Engine<S, C>, asked: &regrant::AuthorizationRequest<'_>,
    /// # ) -> regrant::Response {
    /// use regrant::{Authorization, Timestamp};
    /// let alice = Authorization::of("alice").with_authenticated_at(Timestamp::now());
    /// let approval = engine.approve(asked, alice, Timestamp::now).await;
    /// if let Some(grant) = approval.grant {
    ///     println!("logged in, grant {grant}");
    /// }
    /// approval.response
    /// # }
    /// ```
    pub async fn approve(
        &self,
        request: &AuthorizationRequest<'_>,
        authorization: Authorization,
        clock: impl Clock,
    ) -> Approval {
        let time = self.time(&clock);
        let subject = authorization.subject.clone();
        match time.watch(pin!(self.issue_code(request, authorization, &time))).await {
            Ok((grant, code)) => {
                let response = self.redirect(&request.redirect_uri, request.state(), &[("code", &code)]);
                Approval { response, grant: Some(grant) }
            }
            Err(failure) => {
                let response = self.answer_failure(request, failure.of_subject(subject.as_deref()));
                Approval { response, grant: None }
            }
        }
    }

    /// Answers an authorization request with an error: the person said no, or `prompt=none` forbids to ask.
    ///
    /// ```
    /// # async fn page<S: regrant::TokenStore, C: regrant::Clients>(
    /// #     engine: &regrant::Engine<S, C>, asked: &regrant::AuthorizationRequest<'_>, is_logged_in: bool,
    /// # ) -> Option<regrant::Response> {
    /// use regrant::{Denial, Timestamp};
    /// if asked.prompt().none && !is_logged_in {
    ///     return Some(engine.deny(asked, Denial::LoginRequired, Timestamp::now).await);
    /// }
    /// # None
    /// # }
    /// ```
    pub async fn deny(&self, request: &AuthorizationRequest<'_>, denial: Denial, clock: impl Clock) -> Response {
        let code = denial.code();
        let why = AuthorizationRefusal::Denied(code).into();
        let time = self.time(&clock);
        #[cfg(feature = "root-secret")]
        if let Some(answering) = request.answering {
            let spent_for = [&b"denied"[..], request.client.id().as_bytes(), code.as_str().as_bytes()];
            return match time.watch(pin!(self.answer_once(answering, &spent_for, None, &time))).await {
                Ok(Spending::First | Spending::Again { .. }) => self.answer_failure(request, why),
                Ok(Spending::Elsewhere) => self.answer_failure(request, AuthorizationRefusal::Answered.into()),
                Err(failure) => self.answer_failure(request, failure),
            };
        }
        time.watch(pin!(async { self.answer_failure(request, why) })).await
    }

    /// Tells the client what became of its request; what was answered before, the person alone.
    fn answer_failure(&self, request: &AuthorizationRequest<'_>, failure: Failure) -> Response {
        let failure = failure.of_client(request.client.shared_id());
        if failure.why == Refusal::Authorization(AuthorizationRefusal::Answered) {
            return self.refuse(&failure);
        }
        self.tell(&failure);
        self.redirect_error(&request.redirect_uri, request.state(), failure.why)
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
        match self.find_client(client_id).await {
            Ok(Some(client)) => Ok((client, form)),
            Ok(None) => Err(ClientRefusal::UnknownClient.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// What has to hold of the rest of the request, in the order that [`authorize`](Self::authorize) tells.
    fn validate(&self, client: &Client, form: &Form<'_>, sent: &[u8]) -> Result<Validated<'_>, Refusal> {
        Parameters::check_defined(form).map_err(RequestRefusal::from)?;
        // Who does not encode it does not decode it either, and would not know its state again.
        if has_plain_space(sent, "state=") {
            return Err(AuthorizationRefusal::State.into());
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
        if parameter("response_mode").is_some_and(|mode| mode != "query") {
            return Err(AuthorizationRefusal::ResponseMode.into());
        }
        let challenge = match (parameter("code_challenge"), parameter("code_challenge_method")) {
            (Some(challenge), Some("S256")) => Some(read_challenge(challenge).ok_or(AuthorizationRefusal::Challenge)?),
            (None, None) if !client.requires_pkce() => None,
            _ => return Err(AuthorizationRefusal::Challenge.into()),
        };
        let resources = self.asked_resources(form)?;
        let scope = self.asked_scope(client, parameter("scope"), resources.as_ref())?;
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
        let hint = self.asked_hint(client, parameter("id_token_hint"))?;
        Ok((scope, resources, challenge, prompt, max_age, hint))
    }

    async fn issue_code(
        &self,
        request: &AuthorizationRequest<'_>,
        authorization: Authorization,
        time: &Time<'_>,
    ) -> Result<(GrantId, [u8; GRANT_TEXT_LEN]), Failure> {
        let client = &*request.client;
        let now = time.now();
        if !client.starts_logins_at(now) {
            return Err(ClientRefusal::UnauthorizedClient.into());
        }
        let authenticated_at = match (authorization.authenticated_at, request.max_age) {
            (Some(login), Some(most)) if age_of(login, now) > most.max(MAX_AGE_GRACE) => {
                return Err(AuthorizationRefusal::LoginTooOld.into());
            }
            // The client relies on it, so it is not to be guessed.
            (None, Some(_)) => return Err(ServerFault::Handler.into()),
            (login, _) => login.unwrap_or(now),
        };
        // Without a subject it is the host's fault, below.
        if authorization.subject.as_deref().is_some_and(|subject| !request.accepts_subject(subject)) {
            return Err(AuthorizationRefusal::AnotherSubject.into());
        }
        let scope = authorization.scope.clone().unwrap_or_else(|| request.scope.clone());
        if authorization.subject.is_none() || !authorization.subject_fits() || !scope.is_subset_of(&request.scope) {
            return Err(ServerFault::Handler.into());
        }
        let with_refresh_token = authorization.refresh_token && client.may_refresh();
        let code = CodeDetails {
            state_hash: request.state().and_then(|state| self.state_hash(client, &scope, state)),
            nonce: request.parameter("nonce").map(SmolStr::new),
            with_refresh_token,
            binding: Some(Box::new(CodeBinding {
                redirect_uri: digest(request.redirect_uri.as_bytes()),
                redirect_uri_named: request.redirect_uri_named,
                challenge: request.challenge,
            })),
        };
        let login = Login {
            client_id: client.shared_id(),
            subject: authorization.subject,
            scope,
            fields: authorization.fields,
            host_data: authorization.host_data,
            renewable: with_refresh_token && authorization.renewable && self.settings.renewal.allows(&request.form),
            authenticated_at,
            code: Some(code),
            members: self.realm.members(request.resources.as_ref().and_then(|resources| resources.to_store(false))),
        };
        self.check_subject(&login).await?;
        let mut grant = self.new_grant(login, client, time.now());
        #[cfg(feature = "root-secret")]
        if let Some(answering) = request.answering {
            return self.code_once(answering, grant, request, time).await;
        }
        // Stored before it is minted: a code that is out has a grant.
        self.insert(&mut grant, time).await?;
        self.emit_code_issued(&grant, request);
        Ok((grant.id, mint_code(&grant, self.signing_key_of(&grant))))
    }

    fn emit_code_issued(&self, grant: &Grant, request: &AuthorizationRequest<'_>) {
        self.emit(&Event::CodeIssued {
            grant: grant.id,
            client_id: request.client.id(),
            subject: self.subject_of(grant),
            audience: request.resources.as_ref().map_or(Audience(&[]), Asked::audience),
        });
    }

    fn show(&self, failure: &Failure) -> AuthorizationError {
        self.tell(failure);
        AuthorizationError::Show(ShownError(failure.why))
    }

    fn redirect_error(&self, redirect_uri: &str, state: Option<&str>, why: Refusal) -> Response {
        let description = why.description().as_bytes();
        self.redirect(
            redirect_uri,
            state,
            &[("error", why.code().as_str().as_bytes()), ("error_description", description)],
        )
    }

    /// Parameters of ours, which are ASCII, then `state` as it came and `iss` (RFC 9207 section 2).
    fn redirect(&self, redirect_uri: &str, state: Option<&str>, ours: &[(&'static str, &[u8])]) -> Response {
        let ours = ours.iter().filter_map(|(name, value)| Some((*name, std::str::from_utf8(value).ok()?)));
        let state = state.map(|state| ("state", state));
        let issuer = self.issuer().map(|issuer| ("iss", issuer));
        Response::see_other(location(redirect_uri, ours.chain(state).chain(issuer)))
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
fn redirect_uri_of(client: &Client, form: &Form<'_>) -> Result<(SmolStr, bool), Refusal> {
    let named = form.single("redirect_uri").map_err(|_| RequestRefusal::RepeatedParameter)?;
    match (named, client.redirect_uris()) {
        (Some(named), registered) if registered.iter().any(|uri| uri.matches(named)) => Ok((named.into(), true)),
        (Some(_), _) | (None, []) => Err(AuthorizationRefusal::UnregisteredRedirectUri.into()),
        (None, [only]) => Ok((only.as_str().into(), false)),
        (None, _) => Err(RequestRefusal::MissingParameter.into()),
    }
}

type Validated<'e> = (Scope, Option<Asked<'e>>, Option<[u8; 32]>, Prompt, Option<Duration>, Option<IdTokenHint>);

/// The digest that a challenge by `S256` writes, RFC 7636 section 4.2.
fn read_challenge(text: &str) -> Option<[u8; 32]> {
    decode_exact::<32, 43>(text.as_bytes().try_into().ok()?)
}
