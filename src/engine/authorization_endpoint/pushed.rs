//! Pushed authorization requests (RFC 9126): the endpoint that takes them, and how one is found again.
//!
//! Nothing is kept. The `request_uri` is the request itself, sealed, so that anybody may push as many as they like.

use std::pin::pin;

use zeroize::Zeroizing;

#[cfg(feature = "proof")]
use super::encode_auth_key;
use super::request::Answering;
use super::{AUTH_KEY, Arrived, Came};
use crate::client::{Client, Clients, Lookup, Purpose};
use crate::engine::Engine;
use crate::engine::binding::Presented;
#[cfg(feature = "proof")]
use crate::engine::client_auth::SpentFor;
use crate::engine::client_auth::{Authenticated, Occasion};
use crate::engine::failure::Failure;
use crate::engine::head::Desk;
use crate::engine::host::Clock;
use crate::engine::refusal::{AuthorizationRefusal, Refusal, RequestRefusal, ServerFault};
use crate::engine::roots::Sealed;
use crate::engine::time::Time;
use crate::grant::Timestamp;
use crate::seal::{Pushed, open, seal};
use crate::store::TokenStore;
use crate::wire::{Form, FormError, Parameters, Request, Response};

/// RFC 9126 section 2.2.
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// The longest that follows: it travels in a URL, and servers refuse lines of 8 KiB.
const MAX_SEALED_BYTES: usize = 4 * 1_024;

/// What is of the client's authentication, or says where the request is, and so is none of its parameters.
const NOT_KEPT: [&str; 9] = [
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "username",
    "password",
    "request",
    "request_uri",
    AUTH_KEY,
];

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Answers a pushed authorization request (RFC 9126 section 2): the parameters of [`authorize`](Self::authorize) in the body of a
    /// POST, from a client that authenticates as at the token endpoint, public ones by their id. 201 with a `request_uri`, which the
    /// client sends to the authorization endpoint beside its `client_id` within `expires_in` seconds.
    ///
    /// Checked in this order: method, content type and form, the client, and then what [`authorize`](Self::authorize) checks, in its order;
    /// each refusal is JSON (section 2.3). All of that is checked again when the browser comes, and what the client may do when the
    /// person has decided. Nothing is kept: the `request_uri` is the request itself, sealed for this client. So it is longer than those of
    /// other servers, and a request that would come to more than 4 KiB is refused (413).
    ///
    /// Off until [`EngineBuilder::pushed_authorization_requests`](crate::EngineBuilder::pushed_authorization_requests); 404 before.
    ///
    /// ```
    /// use regrant::{Client, Engine, MemoryStore, Request, RootSecret, StaticClients, Timestamp};
    /// let app = Client::public("app").grant_type("authorization_code").redirect_uri("https://app.example/cb").build()?;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new().with(app)?)
    ///     .issuer("https://id.example")
    ///     .authorization_code()
    ///     .root_secret(RootSecret::from_bytes(1, &[7; 32]))
    ///     .pushed_authorization_requests()
    ///     .build()?;
    /// let body = b"response_type=code&client_id=app&state=af0ifjsldkj\
    ///     &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    /// let request = Request::new("POST", body).with_header("content-type", b"application/x-www-form-urlencoded");
    /// let response = engine.blocking().push(&request, Timestamp::now)?;
    /// assert_eq!(response.status(), 201);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn push(&self, request: &Request<'_>, clock: impl Clock) -> Response {
        let time = self.time(&clock);
        let response = match time.watch(pin!(self.try_push(request, &time))).await {
            Ok(response) => response,
            Err(failure) => self.refuse(&failure),
        };
        self.with_nonce(request, response, time.now())
    }

    async fn try_push(&self, request: &Request<'_>, time: &Time<'_>) -> Result<Response, Failure> {
        if !self.settings.pushed_requests || !self.settings.authorization_code {
            return Err(AuthorizationRefusal::PushOff.into());
        }
        let (mut form, mut parameters, mut presented) = (Form::unread(), Parameters::unread(), Presented::default());
        self.read_head(request, (&mut form, &mut parameters, &mut presented), Desk::Push, time.now())?;
        // What anybody may cause here is limited as at the authorization endpoint: a client may have to be fetched.
        let occasion = Occasion::to_write(time).with_purpose(Purpose::Authorization);
        let client = self.authenticate(request, &parameters, occasion).await?;
        #[cfg(feature = "proof")]
        if let Some(profile) = self.profile() {
            let lookup = Lookup::of(Purpose::Authorization, request.peer());
            let checked = self.check_push_under(profile, &client, &presented, lookup, time.now()).await;
            checked.map_err(|failure| failure.of_client(client.shared_id()))?;
        }
        #[cfg(feature = "proof")]
        let answered = self.answer_push(&client, form, request, &mut presented, time).await;
        #[cfg(not(feature = "proof"))]
        let answered = self.answer_push(&client, form, request, time).await;
        answered.map_err(|failure| failure.of_client(client.shared_id()))
    }

    async fn answer_push(
        &self,
        client: &Authenticated<'_>,
        form: Form<'_>,
        request: &Request<'_>,
        #[cfg(feature = "proof")] presented: &mut Presented<'_>,
        time: &Time<'_>,
    ) -> Result<Response, Failure> {
        // Section 2.1: one request is not another.
        if form.count("request_uri") > 0 {
            return Err(AuthorizationRefusal::PushedRequestUri.into());
        }
        let lookup = Lookup::of(Purpose::Authorization, request.peer());
        let arrived = self.unsign(client, form, request.body(), lookup, time.now()).await?;
        #[cfg(feature = "proof")]
        let key = {
            let named = arrived.form.single("dpop_jkt").ok().flatten();
            presented.key_of_push(client, named, self.takes_proofs())?
        };
        #[cfg(not(feature = "proof"))]
        let key: Option<String> = None;
        let response = self.seal_request(client, &arrived, key, time.now())?;
        // What nobody by hand let in leaves nothing behind, and there is nothing here to gain by an assertion that was used.
        #[cfg(feature = "proof")]
        if let Some(unspent) = client.unspent(SpentFor::Push(request.body())).filter(|_| !client.is_stranger()) {
            // Spent for the same before: the answer got lost, and another is as good.
            self.spend_assertion(unspent, None, time).await?;
        }
        Ok(response)
    }

    /// `key`: what the code is bound to, where a proof says so.
    fn seal_request(
        &self,
        client: &Authenticated<'_>,
        arrived: &Arrived<'_>,
        key: Option<String>,
        now: Timestamp,
    ) -> Result<Response, Refusal> {
        let Arrived { form, sent, .. } = arrived;
        let came = Came { pushed: true, ..arrived.came };
        self.redirect_uri_of(client, form)?;
        self.validate(client, form, sent, came, now)?;
        // Repeats are counted before empty ones are dropped (RFC 6749 section 3.1): one that stays behind alone would count.
        let counts = |name: &str, value: &str| !value.is_empty() || form.count(name) > 1;
        let kept = form.iter().filter(|(name, value)| counts(name, value) && !NOT_KEPT.contains(name));
        let is_proven = key.is_some();
        let kept = kept.filter(|(name, _)| !is_proven || *name != "dpop_jkt");
        let key = key.map(|key| (String::from("dpop_jkt"), key));
        #[cfg(feature = "proof")]
        let auth_key = self.auth_key_of(client).map(|key| (AUTH_KEY.to_owned(), encode_auth_key(key)));
        #[cfg(not(feature = "proof"))]
        let auth_key = None;
        let lifetime = self.settings.pushed_lifetime;
        let until = now + lifetime;
        let pushed = Pushed {
            id: rand::random(),
            until,
            // As long as if the page were shown at the last moment, and the same whenever it is.
            answered_until: until + self.settings.interaction_lifetime,
            came: came.to_bits(),
            parameters: Zeroizing::new(
                kept.map(|(name, value)| (name.to_owned(), value.to_owned())).chain(key).chain(auth_key).collect(),
            ),
        };
        let (root_id, key) = self.roots.as_ref().ok_or(ServerFault::Handler)?.to_seal(Sealed::Pushed);
        let sealed = seal(root_id, key, &self.pushed_for(client), &pushed.encode());
        let too_large = RequestRefusal::Form(FormError::TooLarge);
        let sealed = sealed.filter(|sealed| sealed.len() <= MAX_SEALED_BYTES).ok_or(too_large)?;
        let expires_in = lifetime.as_secs();
        // All of it is ASCII of ours.
        let body = format!(r#"{{"request_uri":"{PREFIX}{sealed}","expires_in":{expires_in}}}"#);
        Ok(Response::created(body.into_bytes()))
    }

    /// The request that a client pushed, where the browser came with one of ours. Beside it nothing counts but the client id
    /// (section 4, RFC 9101 section 5).
    pub(super) fn pushed_by<'a>(
        &self,
        client: &Client,
        form: &Form<'_>,
        now: Timestamp,
    ) -> Result<Option<Arrived<'a>>, Refusal> {
        if !self.settings.pushed_requests {
            return Ok(None);
        }
        let request_uri = form.single("request_uri").map_err(|_| RequestRefusal::RepeatedParameter)?;
        let Some(sealed) = request_uri.and_then(|uri| uri.strip_prefix(PREFIX)) else { return Ok(None) };
        let roots = self.roots.as_ref().filter(|_| sealed.len() <= MAX_SEALED_BYTES);
        let opened =
            roots.and_then(|roots| open(sealed, |id| roots.to_open(Sealed::Pushed, id, now), &self.pushed_for(client)));
        // It counts from its first arrival here, so a clock that is behind makes it no longer.
        let pushed = opened.and_then(|plain| Pushed::decode(&plain)).filter(|pushed| now < pushed.until);
        let pushed = pushed.ok_or(AuthorizationRefusal::PushedRequest)?;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("client_id", client.id());
        form.extend_pairs(pushed.parameters.iter().map(|(name, value)| (name, value)));
        let form = Zeroizing::new(form.finish());
        Ok(Some(Arrived {
            form: Form::parse_owned(form.as_bytes(), self.limits()).map_err(RequestRefusal::Form)?,
            came: Came::from_bits(pushed.came),
            sent: b"",
            answering: Some(Answering { id: pushed.id, expires_at: pushed.answered_until }),
        }))
    }

    /// Who may open it: this client at this issuer. The realm is in the key.
    fn pushed_for(&self, client: &Client) -> Vec<u8> {
        let issuer = self.sealed_for();
        [&issuer.len().to_be_bytes()[..], issuer, client.id().as_bytes()].concat()
    }
}
