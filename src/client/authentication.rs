//! How a client that is being described authenticates: RFC 6749 section 2.3.

use super::builder::ClientBuilder;
use super::secret::ClientSecret;
#[cfg(feature = "jwt")]
use super::secret::RecoverableSecret;

impl ClientBuilder {
    /// Adds a secret. With two, either one authenticates, so that a secret is replaced without downtime.
    ///
    /// ```
    /// use regrant::{Client, ClientSecret};
    /// let ((old, _), (new, _)) = (ClientSecret::generate(), ClientSecret::generate());
    /// let client = Client::confidential("app").secret(old).secret(new).build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn secret(mut self, secret: ClientSecret) -> Self {
        self.client.secrets.push(secret);
        self
    }

    /// Adds a secret that is kept as it is: it authenticates as any other, and its bytes key the `HS256` signatures of the
    /// client's ID tokens (OpenID Connect Core section 10.1). Of two, the one added last signs. Without one, ID tokens are
    /// signed by the engine's key, by its algorithm, which is what most clients expect and some insist on: add one only where
    /// the client wants `HS256`.
    ///
    /// ```
    /// use regrant::client::RecoverableSecret;
    /// use regrant::Client;
    /// let secret = RecoverableSecret::new("a-secret-of-32-characters-or-more")?;
    /// let client = Client::confidential("portal").recoverable_secret(secret).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "jwt")]
    pub fn recoverable_secret(mut self, secret: RecoverableSecret) -> Self {
        self.client.secrets.push(secret.to_secret());
        self.client.id_token_secret = Some(secret);
        self
    }

    /// Whether it may authenticate by a Basic header (`client_secret_basic`). Default: yes, if confidential.
    ///
    /// ```
    /// use regrant::{Client, ClientSecret};
    /// let (secret, _) = ClientSecret::generate();
    /// let client = Client::confidential("app").secret(secret).client_secret_basic(false).build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn client_secret_basic(mut self, allowed: bool) -> Self {
        self.client.basic = allowed;
        self
    }

    /// Whether the secret in its Basic header is taken as it stands there, and not form-decoded as RFC 6749 section 2.3.1 has
    /// it. For a client that does not encode, and whose secret, known here by its [digest](ClientSecret::from_digest) or PHC
    /// string alone, has a `%` or a `+` in it. Only the header is meant: a body is a form in any case. A client that does encode
    /// such a secret is then refused, so turn it on for a client that you have seen fail. Default: no.
    ///
    /// ```
    /// use regrant::{Client, ClientSecret};
    /// # let sha256_of_the_text = [7; 32];
    /// let imported = ClientSecret::from_digest(sha256_of_the_text);
    /// let client = Client::confidential("old-portal").secret(imported).client_secret_basic_raw(true).build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn client_secret_basic_raw(mut self, raw: bool) -> Self {
        self.client.basic_is_raw = raw;
        self
    }

    /// Whether it may authenticate by `client_id` and `client_secret` in the body (`client_secret_post`). Default: yes,
    /// if confidential.
    ///
    /// ```
    /// use regrant::{Client, ClientSecret};
    /// let (secret, _) = ClientSecret::generate();
    /// let client = Client::confidential("app").secret(secret).client_secret_post(false).build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn client_secret_post(mut self, allowed: bool) -> Self {
        self.client.post = allowed;
        self
    }
}
