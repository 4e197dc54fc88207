//! What a host allows, once it knows who is logged in.

use std::fmt;

use smol_str::SmolStr;

use crate::grant::members::{is_acr, is_amr};
use crate::grant::owner::SEPARATOR;
use crate::grant::{Grant, GrantId, HostData, ResponseFields, Scope, Timestamp};

/// What a handler allows: who, what of it, and what the response says besides.
///
/// ```
/// use regrant::{Authorization, Scope};
/// let authorization = Authorization::of("usuario.teste").with_scope(Scope::parse("scope_1")?).with_renewable(false);
/// # let _ = authorization;
/// # Ok::<(), regrant::grant::InvalidScope>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Authorization {
    pub(crate) subject: Option<SmolStr>,
    pub(crate) scope: Option<Scope>,
    pub(crate) fields: ResponseFields,
    pub(crate) host_data: Option<HostData>,
    pub(crate) renewable: bool,
    pub(crate) refresh_token: bool,
    pub(crate) authenticated_at: Option<Timestamp>,
    pub(crate) acr: Option<SmolStr>,
    pub(crate) amr: Option<SmolStr>,
    #[cfg(all(feature = "jwt", feature = "root-secret"))]
    pub(crate) session: Option<(SmolStr, Timestamp)>,
    pub(crate) page_shown: bool,
    pub(crate) replaces: Option<GrantId>,
}

impl fmt::Debug for Authorization {
    /// What is allowed, and neither to whom nor by which session of theirs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization")
            .field("scope", &self.scope)
            .field("renewable", &self.renewable)
            .field("refresh_token", &self.refresh_token)
            .finish_non_exhaustive()
    }
}

impl Authorization {
    /// This resource owner is logged in: an id that is never given to another, of at most
    /// [`Grant::MAX_SUBJECT_BYTES`] bytes. Where the engine issues ID tokens or JWT access tokens it has at most 255
    /// characters, all ASCII (OpenID Connect Core section 2). One that does not fit is the host's error: the client gets
    /// `server_error`, and nothing is stored.
    ///
    /// ```
    /// let authorization = regrant::Authorization::of("usuario.teste");
    /// # let _ = authorization;
    /// ```
    pub fn of(subject: &str) -> Self {
        Self { subject: Some(subject.into()), refresh_token: true, ..Self::of_client() }
    }

    /// The client acts for itself (RFC 6749 section 4.4): there is no resource owner, and no refresh token.
    ///
    /// ```
    /// let authorization = regrant::Authorization::of_client();
    /// # let _ = authorization;
    /// ```
    pub const fn of_client() -> Self {
        Self {
            subject: None,
            scope: None,
            fields: ResponseFields::new(),
            host_data: None,
            renewable: true,
            refresh_token: false,
            authenticated_at: None,
            acr: None,
            amr: None,
            #[cfg(all(feature = "jwt", feature = "root-secret"))]
            session: None,
            page_shown: false,
            replaces: None,
        }
    }

    /// The scope that is granted, within the client's. Default: what the request asks for.
    ///
    /// ```
    /// use regrant::{Authorization, Scope};
    /// let authorization = Authorization::of("alice").with_scope(Scope::empty());
    /// # let _ = authorization;
    /// ```
    pub fn with_scope(self, scope: Scope) -> Self {
        Self { scope: Some(scope), ..self }
    }

    /// Members that this response and that of every later refresh have besides. Default: none.
    ///
    /// ```
    /// use regrant::{Authorization, ResponseFields};
    /// let authorization = Authorization::of("alice").with_fields(ResponseFields::new().with("home_uri", "/")?);
    /// # let _ = authorization;
    /// # Ok::<(), regrant::grant::FieldError>(())
    /// ```
    pub fn with_fields(self, fields: ResponseFields) -> Self {
        Self { fields, ..self }
    }

    /// Data of the host's own, kept with the grant and published by no response: [`Grant::host_data`] has it in hooks and at
    /// resources, [`Session::host_data`](crate::engine::Session::host_data) on account pages. Default: none.
    ///
    /// ```
    /// use regrant::{Authorization, HostData};
    /// let authorization = Authorization::of("alice").with_host_data(HostData::of(&("Pixel 9", 7))?);
    /// # let _ = authorization;
    /// # Ok::<(), regrant::grant::HostDataError>(())
    /// ```
    pub fn with_host_data(self, data: HostData) -> Self {
        Self { host_data: Some(data), ..self }
    }

    /// Whether the grant may be renewed, where the engine's [`RenewalPolicy`](crate::engine::RenewalPolicy) allows it too. One
    /// that may not still hands out a refresh token, which renews nothing. Default: yes.
    ///
    /// ```
    /// let authorization = regrant::Authorization::of("alice").with_renewable(false);
    /// # let _ = authorization;
    /// ```
    pub fn with_renewable(self, renewable: bool) -> Self {
        Self { renewable, ..self }
    }

    /// Hands out no refresh token at all.
    ///
    /// ```
    /// let authorization = regrant::Authorization::of("alice").without_refresh_token();
    /// # let _ = authorization;
    /// ```
    pub fn without_refresh_token(self) -> Self {
        Self { refresh_token: false, ..self }
    }

    /// When the resource owner logged in, if that was earlier than now. Left out by a policy for another server's assertions it is what the
    /// assertion says (`auth_time`), or unknown.
    ///
    /// ```
    /// use regrant::{Authorization, Timestamp};
    /// let authorization = Authorization::of("alice").with_authenticated_at(Timestamp::from_secs(1_597_240_260));
    /// # let _ = authorization;
    /// ```
    pub fn with_authenticated_at(self, time: Timestamp) -> Self {
        Self { authenticated_at: Some(time), ..self }
    }

    /// How the resource owner logged in, as `acr` of OpenID Connect Core section 2 names it: an agreement between the host and those
    /// who read it, such as `urn:example:mfa`. It is kept with the grant, in ID tokens and JWT access tokens
    /// (RFC 9068 section 2.2.1), and a resource can [ask for it](crate::engine::BearerCheck::acr). 1 to 255 printable ASCII
    /// characters without space, quotation mark and backslash; anything else is the host's error. Default: nothing is said.
    ///
    /// ```
    /// let authorization = regrant::Authorization::of("alice").with_acr("urn:example:mfa");
    /// # let _ = authorization;
    /// ```
    pub fn with_acr(self, acr: &str) -> Self {
        Self { acr: Some(acr.into()), ..self }
    }

    /// By what means the resource owner logged in, as `amr` of OpenID Connect Core section 2 and RFC 8176 name them: `pwd`, `otp`. It
    /// is kept with the grant, and in ID tokens. Each is as an [`acr`](Self::with_acr), and together they have at most 255
    /// characters; anything else is the host's error. Default: nothing is said.
    ///
    /// ```
    /// let authorization = regrant::Authorization::of("alice").with_amr(["pwd", "otp"]);
    /// # let _ = authorization;
    /// ```
    pub fn with_amr<'a>(self, means: impl IntoIterator<Item = &'a str>) -> Self {
        let means = means.into_iter().collect::<Vec<_>>().join(" ");
        Self { amr: Some(means.into()), ..self }
    }

    /// The session of the host's own, such as that of the browser, that this login belongs to, by a name that is never given to another, of 1
    /// to 1,024 bytes, and when that session ends at the latest. ID tokens then have a `sid`, another one for each client, and
    /// [`Engine::log_out`](crate::Engine::log_out) ends the session; look after the approval whether it has not ended meanwhile. The store sees a MAC of the name alone, so it may be what the browser's
    /// cookie says. Needs a [subject secret](crate::EngineBuilder::subject_secret) or the root secret that it comes from; without one, and
    /// with a name that does not fit, it is the host's error. Of authorization requests alone. Default: none.
    ///
    /// ```
    /// # fn approved(cookie: &str, ends_at: regrant::Timestamp) {
    /// let authorization = regrant::Authorization::of("alice").with_session(cookie, ends_at);
    /// # let _ = authorization;
    /// # }
    /// ```
    #[cfg(all(feature = "jwt", feature = "root-secret"))]
    pub fn with_session(self, name: &str, ends_at: Timestamp) -> Self {
        Self { session: Some((name.into(), ends_at)), ..self }
    }

    /// The page that asks was shown for this very request, with where the answer goes
    /// ([`destination`](crate::AuthorizationRequest::destination)), and the person said yes to it. [`Engine::approve`](crate::Engine::approve)
    /// needs to know where the person [is asked each time](crate::AuthorizationRequest::is_asked_each_time); elsewhere it
    /// makes no difference. Do not say it of consent that was given earlier.
    ///
    /// ```
    /// let authorization = regrant::Authorization::of("alice").with_page_shown();
    /// # let _ = authorization;
    /// ```
    pub fn with_page_shown(self) -> Self {
        Self { page_shown: true, ..self }
    }

    /// The grant that this one takes the place of, as where a client comes back for more scope or a fresh login and would have two
    /// then. It ends once the code is redeemed, and works until then. It has to be of the same person, client and realm:
    /// another's is the host's error. One that has ended meanwhile is nothing to end. Of authorization requests alone; a grant
    /// handler's is ignored.
    ///
    /// ```
    /// # fn step_up(grant: regrant::GrantId) {
    /// let authorization = regrant::Authorization::of("alice").with_replaces(grant);
    /// # let _ = authorization;
    /// # }
    /// ```
    pub fn with_replaces(self, grant: GrantId) -> Self {
        Self { replaces: Some(grant), ..self }
    }

    /// Whether what is to be stored fits a record.
    pub(crate) fn fits(&self) -> bool {
        self.subject_fits() && self.acr.as_deref().is_none_or(is_acr) && self.amr.as_deref().is_none_or(is_amr)
    }

    fn subject_fits(&self) -> bool {
        self.subject.as_ref().is_none_or(|subject| {
            !subject.is_empty() && subject.len() <= Grant::MAX_SUBJECT_BYTES && !subject.contains(SEPARATOR)
        })
    }
}
