//! Keys of a client, and how it authenticates by a key or a certificate instead of sending a secret: RFC 7523, RFC 8705.

use smol_str::SmolStr;

use super::client::{Client, ClientError};
use super::secret::ClientSecret;
use super::{AuthMethod, ClientBuilder};
#[cfg(feature = "mtls")]
use crate::proof::CertificateName;
use crate::proof::{ClientKeys, JwsAlgorithm};
use crate::wire::{read_uri, web_host};

/// What a client has besides secrets.
#[derive(Clone, Debug, Default)]
pub(super) struct Strong {
    keys: Option<KeySource>,
    algorithm: Option<JwsAlgorithm>,
    private_key_jwt: bool,
    secret_jwt: bool,
    token_endpoint_audience: bool,
    #[cfg(feature = "mtls")]
    certificate: Option<CertificateName>,
    #[cfg(feature = "mtls")]
    self_signed: bool,
}

/// Where a client's keys are.
#[derive(Clone, Debug)]
pub(crate) enum KeySource {
    ByValue(ClientKeys),
    /// To be fetched.
    At(SmolStr),
}

impl Strong {
    pub(super) const fn is_a_way(&self) -> bool {
        self.private_key_jwt || self.secret_jwt || self.is_by_certificate()
    }

    #[cfg_attr(not(feature = "mtls"), expect(clippy::unused_self, reason = "the feature is off"))]
    const fn is_by_certificate(&self) -> bool {
        #[cfg(feature = "mtls")]
        return self.certificate.is_some() || self.self_signed;
        #[cfg(not(feature = "mtls"))]
        false
    }

    pub(super) const fn allows(&self, method: AuthMethod) -> bool {
        match method {
            AuthMethod::PrivateKeyJwt => self.private_key_jwt,
            AuthMethod::ClientSecretJwt => self.secret_jwt,
            #[cfg(feature = "mtls")]
            AuthMethod::TlsClientAuth => self.certificate.is_some(),
            #[cfg(feature = "mtls")]
            AuthMethod::SelfSignedTlsClientAuth => self.self_signed,
            _ => false,
        }
    }

    const fn needs_keys(&self) -> bool {
        #[cfg(feature = "mtls")]
        return self.private_key_jwt || self.self_signed;
        #[cfg(not(feature = "mtls"))]
        self.private_key_jwt
    }
}

const MAX_URI_BYTES: usize = 2_048;

/// Whether the ways that were said go together.
pub(super) fn check(client: &Client) -> Result<(), ClientError> {
    let Some(strong) = client.strong.as_deref() else { return Ok(()) };
    if client.public && strong.is_a_way() {
        return Err(ClientError::MethodOfPublicClient);
    }
    if strong.needs_keys() && strong.keys.is_none() {
        return Err(ClientError::NoKeys);
    }
    if let Some(KeySource::At(uri)) = &strong.keys {
        let is_https = |text: &str| {
            read_uri(text).is_some_and(|uri| !uri.has_fragment() && web_host(&uri).is_some_and(|(_, https)| https))
        };
        if uri.len() > MAX_URI_BYTES || !is_https(uri) {
            return Err(ClientError::JwksUri);
        }
    }
    if strong.secret_jwt && !client.secrets.iter().any(|secret| secret.as_kept().is_some()) {
        return Err(ClientError::SecretNotKept);
    }
    Ok(())
}

impl ClientBuilder {
    fn strong(mut self, change: impl FnOnce(&mut Strong)) -> Self {
        change(self.client.strong.get_or_insert_default());
        self
    }

    /// Its public keys. They are for [`private_key_jwt`](Self::private_key_jwt), for
    /// `self_signed_tls_client_auth` and for signed requests; by themselves they open nothing. The last of this and
    /// [`jwks_uri`](Self::jwks_uri) counts (RFC 7591 section 2: not both). Default: none.
    ///
    /// ```
    /// use regrant::Client;
    /// use regrant::client::ClientKeys;
    /// let keys = ClientKeys::from_json(
    ///     br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"one","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
    /// )?;
    /// let client = Client::confidential("key-client").keys(keys).private_key_jwt(true).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn keys(self, keys: ClientKeys) -> Self {
        self.strong(|strong| strong.keys = Some(KeySource::ByValue(keys)))
    }

    /// Where its public keys are: an https URL, which is fetched when the client authenticates, by what
    /// [`EngineBuilder::fetch`](crate::EngineBuilder::fetch) was given, and kept as long as its `Cache-Control` says, 5 minutes
    /// to a day. So the client can replace its keys by itself. For a key that is not in the set, the set is fetched anew, at most once a minute.
    /// While it cannot be had, the client is answered 503 and loses nothing. Default: nowhere.
    ///
    /// ```
    /// use regrant::Client;
    /// let client =
    ///     Client::confidential("key-client").jwks_uri("https://app.example/jwks.json").private_key_jwt(true).build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn jwks_uri(self, url: &str) -> Self {
        self.strong(|strong| strong.keys = Some(KeySource::At(url.into())))
    }

    /// Whether it may authenticate by an assertion that one of its keys signed (`private_key_jwt`, RFC 7523 sections 2.2 and 3).
    /// The engine then needs an [issuer](crate::EngineBuilder::issuer), which is the assertion's audience, and a
    /// [root secret](crate::EngineBuilder::root_secret), since each assertion is used once. Default: no.
    ///
    /// An assertion lives an hour at most, at revocation and introspection five minutes. It is spent by the write that it
    /// protects and by no refusal; the same request with the same assertion again is a lost answer, as without one.
    ///
    /// ```
    /// use regrant::Client;
    /// use regrant::client::ClientError;
    /// assert!(matches!(Client::confidential("app").private_key_jwt(true).build(), Err(ClientError::NoKeys)));
    /// ```
    pub fn private_key_jwt(self, allowed: bool) -> Self {
        self.strong(|strong| strong.private_key_jwt = allowed)
    }

    /// The algorithm that its assertions are signed by (`token_endpoint_auth_signing_alg`); by another they are refused. Default:
    /// any that its keys sign by.
    pub fn assertion_algorithm(self, algorithm: JwsAlgorithm) -> Self {
        self.strong(|strong| strong.algorithm = Some(algorithm))
    }

    /// Whether its assertions may name the token endpoint as their audience, as RFC 7523 section 3 once had it and some clients still
    /// do (Authlib, if nothing else is set); by its mTLS alias too, and where a request is pushed the URL that it is pushed to (RFC 9126
    /// section 2). Default: no; the issuer alone is.
    ///
    /// What it risks: a client learns the URL of a token endpoint from metadata. A server that the client also uses, and that is
    /// hostile, names *this* server's token endpoint as its own, is sent an assertion for it, and presents it here. The issuer cannot be
    /// borrowed so, since the client compares it with where it found the metadata (RFC 8414 section 3.3). So leave it off for clients that
    /// use several servers; the FAPI 2.0 Security Profile forbids it (section 5.3.2.1).
    pub fn danger_token_endpoint_as_audience(self, allowed: bool) -> Self {
        self.strong(|strong| strong.token_endpoint_audience = allowed)
    }

    /// Whether it may authenticate by an assertion under the MAC of its secret (`client_secret_jwt`, by `HS256`). It needs a secret that
    /// is kept as it is: a [`RecoverableSecret`](crate::client::RecoverableSecret), of 32 characters or more. Prefer keys: whoever reads
    /// this server's secrets can then not sign in the client's name. Default: no.
    ///
    /// ```
    /// use regrant::client::{ClientError, RecoverableSecret};
    /// use regrant::{Client, ClientSecret};
    /// let secret = RecoverableSecret::new("a-secret-of-32-characters-or-more")?;
    /// assert!(Client::confidential("app").secret(secret.into()).client_secret_jwt(true).build().is_ok());
    /// let digest = ClientSecret::new("a-secret-of-32-characters-or-more")?;
    /// let refused = Client::confidential("app").secret(digest).client_secret_jwt(true).build();
    /// assert!(matches!(refused, Err(ClientError::SecretNotKept)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn client_secret_jwt(self, allowed: bool) -> Self {
        self.strong(|strong| strong.secret_jwt = allowed)
    }

    /// Lets it authenticate by a certificate of this name, from an issuer that the host trusts (`tls_client_auth`, RFC 8705 section
    /// 2.1). A certificate whose chain the host's TLS has not [verified](crate::client::CertificateChain) is nobody's, whatever
    /// name stands in it. Any certificate of the name will do, so one that is renewed goes on. Default: not.
    ///
    /// ```
    /// use regrant::Client;
    /// use regrant::client::CertificateName;
    /// let client = Client::confidential("ca-client").tls_client_auth(CertificateName::subject("CN=ca-client")?).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "mtls")]
    pub fn tls_client_auth(self, name: CertificateName) -> Self {
        self.strong(|strong| strong.certificate = Some(name))
    }

    /// Whether it may authenticate by a certificate of one of its [keys](Self::keys), whoever issued it
    /// (`self_signed_tls_client_auth`, RFC 8705 section 2.2). The key counts, and nothing else that stands in the certificate.
    /// Default: no.
    #[cfg(feature = "mtls")]
    pub fn self_signed_tls_client_auth(self, allowed: bool) -> Self {
        self.strong(|strong| strong.self_signed = allowed)
    }
}

impl Client {
    /// Its keys, or where they are.
    pub(crate) fn key_source(&self) -> Option<&KeySource> {
        self.strong.as_deref()?.keys.as_ref()
    }

    /// The one that it registered for its assertions.
    pub(crate) fn assertion_algorithm(&self) -> Option<JwsAlgorithm> {
        self.strong.as_deref()?.algorithm
    }

    pub(crate) fn takes_token_endpoint_as_audience(&self) -> bool {
        self.strong.as_deref().is_some_and(|strong| strong.token_endpoint_audience)
    }

    /// The secrets that are kept as they are.
    pub(crate) fn kept_secrets(&self) -> impl Iterator<Item = &[u8]> {
        self.secrets.iter().filter_map(ClientSecret::as_kept)
    }

    /// The name that a certificate of it has, where it authenticates by one.
    #[cfg(feature = "mtls")]
    pub(crate) fn certificate_name(&self) -> Option<&CertificateName> {
        self.strong.as_deref()?.certificate.as_ref()
    }
}
