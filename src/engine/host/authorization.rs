//! What a host allows, once it knows who is logged in.

use smol_str::SmolStr;

use crate::grant::owner::SEPARATOR;
use crate::grant::{Grant, HostData, ResponseFields, Scope, Timestamp};

/// What a handler allows: who, what of it, and what the response says besides.
///
/// ```
/// use regrant::{Authorization, Scope};
/// let authorization = Authorization::of("usuario.teste").with_scope(Scope::parse("scope_1")?).with_renewable(false);
/// # let _ = authorization;
/// # Ok::<(), regrant::grant::InvalidScope>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Authorization {
    pub(crate) subject: Option<SmolStr>,
    pub(crate) scope: Option<Scope>,
    pub(crate) fields: ResponseFields,
    pub(crate) host_data: Option<HostData>,
    pub(crate) renewable: bool,
    pub(crate) refresh_token: bool,
    pub(crate) authenticated_at: Option<Timestamp>,
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

    /// When the resource owner logged in, if that was earlier than now.
    ///
    /// ```
    /// use regrant::{Authorization, Timestamp};
    /// let authorization = Authorization::of("alice").with_authenticated_at(Timestamp::from_secs(1_597_240_260));
    /// # let _ = authorization;
    /// ```
    pub fn with_authenticated_at(self, time: Timestamp) -> Self {
        Self { authenticated_at: Some(time), ..self }
    }

    /// Whether the subject fits a record.
    pub(crate) fn subject_fits(&self) -> bool {
        self.subject.as_ref().is_none_or(|subject| {
            !subject.is_empty() && subject.len() <= Grant::MAX_SUBJECT_BYTES && !subject.contains(SEPARATOR)
        })
    }
}
