//! The authorization endpoint: RFC 6749 section 4.1, with PKCE (RFC 7636) and the issuer in every answer (RFC 9207).

use std::time::Duration;

use smol_str::SmolStr;

use super::Engine;
use super::authorization::{AuthorizationError, AuthorizationRequest, Denial, Prompt, ShownError, age_of};
use super::event::Event;
use super::handler::Authorization;
use super::refusal::Refusal;
use super::token::Failure;
use crate::client::{AUTHORIZATION_CODE, Client, ClientRef, Clients, digest};
use crate::grant::code::{CodeBinding, CodeDetails};
use crate::grant::rotation::Login;
use crate::grant::{Scope, Timestamp};
use crate::store::TokenStore;
use crate::token::{GRANT_TEXT_LEN, decode_exact, mint_code};
use crate::wire::{Form, Parameters, Request, Response, has_control, location};

/// How old a login may be whatever `max_age` says: who has just logged in still has to read what is asked of them.
const MAX_AGE_GRACE: Duration = Duration::from_secs(60);

/// The longest `nonce` that is kept for the ID token.
const MAX_NONCE_BYTES: usize = 1_024;

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Validates an authorization request: the query of a GET, or the form of a POST (RFC 6749 section 3.1). Parameters that
    /// no specification defines, such as those of the host's own login page, are left to the host.
    ///
    /// Checked in this order: method and form, client, redirect URI; from here on the client hears of what is wrong:
    /// repeated parameters, response type, PKCE, scope, the parameters of OpenID Connect. Public clients need a challenge
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
    /// let request = Request::new("GET", b"").query(query);
    /// let asked = engine.authorize(&request).await?;
    /// assert_eq!(asked.redirect_uri(), "https://app.example/cb");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn authorize<'a>(
        &'a self,
        request: &Request<'a>,
    ) -> Result<AuthorizationRequest<'a>, AuthorizationError> {
        let (client, form) = match self.authorization_client(request).await {
            Ok(found) => found,
            Err(failure) => return Err(self.show(&failure)),
        };
        let (redirect_uri, redirect_uri_named) = match redirect_uri_of(&client, &form) {
            Ok(found) => found,
            Err(why) => return Err(self.show(&Failure::from(why).of_client(client.shared_id()))),
        };
        // From here on there is somewhere to send the answer.
        match validate(&client, &form) {
            Ok((scope, challenge, prompt, max_age)) => Ok(AuthorizationRequest {
                client,
                form,
                redirect_uri,
                redirect_uri_named,
                scope,
                challenge,
                prompt,
                max_age,
                opt_in: self.renewal.parameter(),
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
    /// than `max_age` allows (`login_required`; never less than a minute, which reading the page may take), and where the
    /// authorization is one that cannot be granted (`server_error`): it has no subject, one that is the id of a client
    /// while access tokens are JWTs (RFC 9068 section 5), a wider scope, or no
    /// [time of login](Authorization::authenticated_at) where the client asked for a `max_age`.
    ///
    /// ```
    /// # async fn logged_in<S: regrant::TokenStore, C: regrant::Clients>(
    /// #     engine: &regrant::Engine<S, C>, asked: &regrant::AuthorizationRequest<'_>,
    /// # ) -> regrant::Response {
    /// use regrant::{Authorization, Timestamp};
    /// let now = Timestamp::now();
    /// engine.approve(asked, Authorization::of("alice").authenticated_at(now), now).await
    /// # }
    /// ```
    pub async fn approve(
        &self,
        request: &AuthorizationRequest<'_>,
        authorization: Authorization,
        now: Timestamp,
    ) -> Response {
        match self.issue_code(request, authorization, now).await {
            Ok(code) => self.redirect(&request.redirect_uri, request.state(), &[("code", &code)]),
            Err(failure) => {
                self.tell(&failure);
                self.redirect_error(&request.redirect_uri, request.state(), failure.why)
            }
        }
    }

    /// Answers an authorization request with an error: the person said no, or `prompt=none` forbids to ask.
    ///
    /// ```
    /// # fn page<S: regrant::TokenStore, C: regrant::Clients>(
    /// #     engine: &regrant::Engine<S, C>, asked: &regrant::AuthorizationRequest<'_>,
    /// # ) -> Option<regrant::Response> {
    /// use regrant::Denial;
    /// let is_logged_in = false;
    /// (asked.prompt().none && !is_logged_in).then(|| engine.deny(asked, Denial::LoginRequired))
    /// # }
    /// ```
    pub fn deny(&self, request: &AuthorizationRequest<'_>, denial: Denial) -> Response {
        let why = Refusal::Denied(denial.code());
        self.tell(&Failure::from(why).of_client(request.client.shared_id()));
        self.redirect_error(&request.redirect_uri, request.state(), why)
    }

    /// What has to hold before there is a redirect URI: the form and the client.
    async fn authorization_client<'a>(&'a self, request: &Request<'a>) -> Result<(ClientRef<'a>, Form<'a>), Failure> {
        if !self.authorization_code {
            return Err(Refusal::UnsupportedGrantType.into());
        }
        let form = match request.method() {
            "GET" | "HEAD" => request.query_string(),
            "POST" => {
                Self::check_head(request)?;
                request.body()
            }
            _ => return Err(Refusal::GetOrPost.into()),
        };
        let form = Form::parse(form, &self.limits).map_err(Refusal::Form)?;
        let client_id = form.single("client_id").map_err(|_| Refusal::RepeatedParameter)?;
        let client_id = client_id.ok_or(Refusal::MissingParameter)?;
        match self.clients.find(client_id).await {
            Ok(Some(client)) => Ok((client, form)),
            Ok(None) => Err(Refusal::UnknownClient.into()),
            Err(error) => Err(Failure { cause: Some(error.into()), ..Refusal::Clients.into() }),
        }
    }

    async fn issue_code(
        &self,
        request: &AuthorizationRequest<'_>,
        authorization: Authorization,
        now: Timestamp,
    ) -> Result<[u8; GRANT_TEXT_LEN], Failure> {
        let client = &*request.client;
        let refused = |why: Refusal| Failure::from(why).of_client(client.shared_id());
        let authenticated_at = match (authorization.authenticated_at, request.max_age) {
            (Some(time), Some(most)) if age_of(time, now) > most.max(MAX_AGE_GRACE) => {
                return Err(refused(Refusal::LoginTooOld));
            }
            // The client relies on it, so it is not to be guessed.
            (None, Some(_)) => return Err(refused(Refusal::HandlerFault)),
            (time, _) => time.unwrap_or(now),
        };
        let scope = authorization.scope.clone().unwrap_or_else(|| request.scope.clone());
        if authorization.subject.is_none() || !authorization.subject_fits() || !scope.is_subset_of(&request.scope) {
            return Err(refused(Refusal::HandlerFault));
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
            renewable: with_refresh_token && authorization.renewable && self.renewal.allows(&request.form),
            authenticated_at,
            code: Some(code),
        };
        self.check_subject(&login).await.map_err(|failure| failure.of_client(client.shared_id()))?;
        let mut grant = self.new_grant(login, client, now);
        self.insert(&mut grant, now).await.map_err(|failure| failure.of_client(client.shared_id()))?;
        self.emit(&Event::CodeIssued { grant: grant.id, client_id: client.id() });
        Ok(mint_code(&grant, self.keys.signing()))
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
        let issuer = self.issuer.as_deref().map(|issuer| ("iss", issuer));
        Response::see_other(location(redirect_uri, ours.chain(state).chain(issuer)))
    }
}

/// Where the answer goes, and whether the request named it. Decided by the registration alone.
fn redirect_uri_of(client: &Client, form: &Form<'_>) -> Result<(SmolStr, bool), Refusal> {
    let named = form.single("redirect_uri").map_err(|_| Refusal::RepeatedParameter)?;
    match (named, client.redirect_uris()) {
        (Some(named), registered) if registered.iter().any(|uri| uri.matches(named)) => Ok((named.into(), true)),
        (Some(_), _) | (None, []) => Err(Refusal::UnregisteredRedirectUri),
        (None, [only]) => Ok((only.as_str().into(), false)),
        (None, _) => Err(Refusal::MissingParameter),
    }
}

type Validated = (Scope, Option<[u8; 32]>, Prompt, Option<Duration>);

fn validate(client: &Client, form: &Form<'_>) -> Result<Validated, Refusal> {
    Parameters::none().read(form)?;
    // Nothing that is defined is repeated, so each of these is there once or not at all.
    let parameter = |name: &str| form.single(name).ok().flatten();
    for (name, refusal) in [
        ("request", Refusal::RequestObject),
        ("request_uri", Refusal::RequestUri),
        ("registration", Refusal::Registration),
    ] {
        if parameter(name).is_some() {
            return Err(refusal);
        }
    }
    if parameter("response_type").ok_or(Refusal::MissingParameter)? != "code" {
        return Err(Refusal::ResponseType);
    }
    if !client.may_use(AUTHORIZATION_CODE) {
        return Err(Refusal::UnauthorizedClient);
    }
    if parameter("response_mode").is_some_and(|mode| mode != "query") {
        return Err(Refusal::ResponseMode);
    }
    let challenge = match (parameter("code_challenge"), parameter("code_challenge_method")) {
        (Some(challenge), Some("S256")) => Some(read_challenge(challenge).ok_or(Refusal::Challenge)?),
        (None, None) if !client.requires_pkce() => None,
        _ => return Err(Refusal::Challenge),
    };
    let scope = match parameter("scope") {
        Some(text) => Scope::parse(text).map_err(|_| Refusal::Scope)?,
        None => client.default_scope().clone(),
    };
    if !scope.is_subset_of(client.scope()) {
        return Err(Refusal::Scope);
    }
    if parameter("nonce").is_some_and(|nonce| nonce.len() > MAX_NONCE_BYTES) {
        return Err(Refusal::OpenIdParameter);
    }
    let prompt = Prompt::parse(parameter("prompt").unwrap_or_default()).ok_or(Refusal::OpenIdParameter)?;
    let max_age = match parameter("max_age") {
        Some(secs) if secs.bytes().all(|byte| byte.is_ascii_digit()) => {
            // More than fits is longer than any login is old.
            Some(Duration::from_secs(secs.parse().unwrap_or(u64::MAX)))
        }
        Some(_) => return Err(Refusal::OpenIdParameter),
        None => None,
    };
    Ok((scope, challenge, prompt, max_age))
}

/// The digest that a challenge by `S256` writes, RFC 7636 section 4.2.
fn read_challenge(text: &str) -> Option<[u8; 32]> {
    decode_exact::<32, 43>(text.as_bytes().try_into().ok()?)
}
