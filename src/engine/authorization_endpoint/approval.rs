//! How an approval ends, and what it comes to.

use std::pin::pin;
use std::time::Duration;

use smol_str::SmolStr;

use super::request::age_of;
use super::{AuthorizationRequest, Person, ShownError};
use crate::client::{Clients, digest};
use crate::engine::Engine;
use crate::engine::failure::Failure;
#[cfg(feature = "jwt")]
use crate::engine::host::RequestedClaims;
use crate::engine::host::{Audience, Authorization, Clock, Event};
use crate::engine::refusal::{AuthorizationRefusal, ClientRefusal, ServerFault};
use crate::engine::resources::Asked;
use crate::engine::time::Time;
use crate::grant::code_details::{CodeBinding, CodeDetails};
use crate::grant::login::Login;
use crate::grant::members::Members;
use crate::grant::{Grant, GrantId};
use crate::store::TokenStore;
use crate::token::{GRANT_TEXT_LEN, mint_code};
use crate::wire::Response;

/// How old a login may be whatever `max_age` says: who has just logged in still has to read what is asked of them.
const MAX_AGE_GRACE: Duration = Duration::from_secs(60);

/// What [`Engine::approve`](crate::Engine::approve) comes to.
///
/// ```
/// fn answer(approval: regrant::engine::Approval) -> regrant::Response {
///     approval.response
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use = "the browser waits for the response"]
pub struct Approval {
    /// What to send to the browser, with the code or with an error: a redirect, or a page that sends itself on.
    pub response: Response,
    /// The grant that was made, a session from the moment at which its code is redeemed; `None` where the response is an
    /// error.
    pub grant: Option<GrantId>,
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Answers an authorization request with a code, once the person is logged in and has consented. The scope that the
    /// authorization names is within the one asked for; without one it is all of that.
    ///
    /// Nearly every outcome is a redirect (303), or a page that posts itself to the client where it asked for
    /// `response_mode=form_post` ([`EngineBuilder::form_post`](crate::EngineBuilder::form_post)), also where the store fails (`temporarily_unavailable`), where the login is older
    /// than `max_age` allows, or `prompt=login`, which is a `max_age` of nothing (`login_required`; never less than a minute, which reading
    /// the page may take), where the subject
    /// is not the one that the client's `id_token_hint` or `claims` means (`login_required`), where the login is of none of the kinds that its
    /// `claims` calls essential (`unmet_authentication_requirements`), and where the
    /// authorization is one that cannot be granted (`server_error`): it has no subject, one that is
    /// not 1 to 255 ASCII characters while there are ID tokens or JWTs (OpenID Connect Core section 2), one that is the id of a client
    /// while access tokens are JWTs (RFC 9068 section 5), a wider scope, or no
    /// [time of login](Authorization::with_authenticated_at) where the client asked for a `max_age`, for `prompt=login`, or by `claims` for an
    /// essential `auth_time`, or it
    /// [takes the place](Authorization::with_replaces) of a grant that is another's.
    ///
    /// # Errors
    ///
    /// A [`ShownError`] is for a page of the host's own, and nothing was stored:
    ///
    /// - the person [is asked each time](AuthorizationRequest::is_asked_each_time), and the host did not say that the page
    ///   [was shown](Authorization::with_page_shown): its own fault, 500. With `prompt=none` it is `consent_required`, which a client made
    ///   by hand hears by redirect;
    /// - the page came back a second time, or the request had been pushed (`EngineBuilder::pushed_authorization_requests`) and was
    ///   answered before;
    /// - the client wants its answer as a JWT, and signing failed;
    /// - a client that [nobody made by hand](crate::Client::is_stranger) asked with `prompt=none`, and there is no code for it.
    ///
    /// ```
    /// # async fn logged_in<S: regrant::TokenStore, C: regrant::Clients>(
    /// #     engine: &regrant::Engine<S, C>, asked: &regrant::AuthorizationRequest<'_>,
    /// # ) -> Result<regrant::Response, regrant::engine::ShownError> {
    /// use regrant::{Authorization, Timestamp};
    /// // She has just pressed "Allow".
    /// let alice = Authorization::of("alice").with_authenticated_at(Timestamp::now()).with_page_shown();
    /// let approval = engine.approve(asked, alice, Timestamp::now).await?;
    /// if let Some(grant) = approval.grant {
    ///     println!("logged in, grant {grant}");
    /// }
    /// Ok(approval.response)
    /// # }
    /// ```
    pub async fn approve(
        &self,
        request: &AuthorizationRequest<'_>,
        authorization: Authorization,
        clock: impl Clock,
    ) -> Result<Approval, ShownError> {
        let time = self.time(&clock);
        let subject = authorization.subject.clone();
        match time.watch(pin!(self.issue_code(request, authorization, &time))).await {
            Ok((grant, code)) => {
                let response = self.answer_with_code(request, &code, time.now())?;
                Ok(Approval { response, grant: Some(grant) })
            }
            Err(failure) => {
                let person = subject.as_deref().map_or(Person::Nobody, Person::LoggedIn);
                let response = self.end_request(request, failure, person, time.now())?;
                Ok(Approval { response, grant: None })
            }
        }
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
        // A login that the client wants anew is one of now (Core section 3.1.2.1).
        let max_age = if request.prompt.login { Some(Duration::ZERO) } else { request.max_age };
        let authenticated_at = match (authorization.authenticated_at, max_age) {
            (Some(login), Some(most)) if age_of(login, now) > most.max(MAX_AGE_GRACE) => {
                return Err(AuthorizationRefusal::LoginTooOld.into());
            }
            // The client relies on it, so it is not to be guessed.
            (None, Some(_)) => return Err(ServerFault::Handler.into()),
            #[cfg(feature = "jwt")]
            (None, None) if request.needs_auth_time() => return Err(ServerFault::Handler.into()),
            (login, _) => login.unwrap_or(now),
        };
        // Without a subject it is the host's fault, below.
        if authorization.subject.as_deref().is_some_and(|subject| !request.accepts_subject(subject)) {
            return Err(AuthorizationRefusal::AnotherSubject.into());
        }
        #[cfg(feature = "jwt")]
        if authorization.subject.is_some() && !request.accepts_acr(authorization.acr.as_deref()) {
            return Err(AuthorizationRefusal::AnotherLogin.into());
        }
        if request.is_asked_each_time() && !authorization.page_shown {
            return Err(if request.prompt.none {
                AuthorizationRefusal::PageNotShown.into()
            } else {
                ServerFault::PageNotShown.into()
            });
        }
        let scope = authorization.scope.clone().unwrap_or_else(|| request.scope.clone());
        if authorization.subject.is_none() || !authorization.fits() || !scope.is_subset_of(&request.scope) {
            return Err(ServerFault::Handler.into());
        }
        #[cfg(feature = "jwt")]
        let scope = self.granted_scope(&authorization, scope);
        #[cfg(feature = "jwt")]
        let may_renew = self.may_renew(&scope);
        #[cfg(not(feature = "jwt"))]
        let may_renew = true;
        #[cfg(all(feature = "jwt", feature = "root-secret"))]
        let (session, session_ends_at) = self.begin_session(&authorization, client, &scope, now)?;
        #[cfg(not(all(feature = "jwt", feature = "root-secret")))]
        let (session, session_ends_at) = (None, None);
        if !self.may_be_of(&scope) {
            return Err(ServerFault::Handler.into());
        }
        let replaces = match authorization.replaces {
            Some(replaced) => self.replaceable(replaced, authorization.subject.as_deref(), client).await?,
            None => None,
        };
        let with_refresh_token = authorization.refresh_token && client.may_refresh() && may_renew;
        let code = CodeDetails {
            state_hash: request.state().and_then(|state| self.state_hash(client, &scope, state, now)),
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
            members: self.realm.members(Members {
                resources: request.resources.as_ref().and_then(|resources| resources.to_store(false)),
                of_stranger: client.is_stranger(),
                replaces,
                acr: authorization.acr,
                amr: authorization.amr,
                session,
                session_ends_at,
                #[cfg(feature = "jwt")]
                claims: request.claims.as_ref().and_then(RequestedClaims::to_store),
                code_key: request.code_key,
                auth_key: request.auth_key,
                ..Members::default()
            }),
        };
        self.check_subject(&login).await?;
        let mut grant = self.new_grant(login, client, time.now());
        #[cfg(feature = "root-secret")]
        if let Some(answering) = request.answering {
            #[cfg(feature = "proof")]
            if let Some(challenge) = &request.challenge {
                self.spend_challenge(challenge, &answering.id, time).await?;
            }
            return self.code_once(answering, grant, request, time).await;
        }
        // Stored before it is minted: a code that is out has a grant.
        self.insert(&mut grant, time).await?;
        self.emit_code_issued(&grant, request);
        Ok((grant.id, mint_code(&grant, self.signing_key_of(&grant))))
    }

    pub(super) fn emit_code_issued(&self, grant: &Grant, request: &AuthorizationRequest<'_>) {
        self.emit(&Event::CodeIssued {
            grant: grant.id,
            client_id: request.client.id(),
            subject: self.subject_of(grant),
            audience: request.resources.as_ref().map_or(Audience::of(&[]), Asked::audience),
        });
    }
}
