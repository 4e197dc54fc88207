//! The profile that an engine is of.

use super::EngineBuilder;
use crate::client::Clients;
use crate::engine::profile::{Described, Profile, ProfileGap};
use crate::store::TokenStore;
use crate::token::Key;

impl<S: TokenStore, C: Clients> EngineBuilder<S, C> {
    /// Makes the engine one of a [profile](Profile): what the profile demands is turned on, [`build`](Self::build) says in words what is missing,
    /// and a client that does not keep to it is refused at run time with an event. The guide `guide::profiles` lists all of it, and what
    /// only the host can do. Default: none.
    ///
    /// Codes, pushed requests and proofs of possession are on with it. What else is set, such as [`dpop`](Self::dpop), counts as far as
    /// the profile allows it.
    ///
    /// ```
    /// use regrant::client::ClientKeys;
    /// use regrant::engine::Profile;
    /// use regrant::{Client, Endpoints, Engine, MemoryStore, RootSecret, StaticClients};
    /// let keys = ClientKeys::from_json(
    ///     br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"one","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
    /// )?;
    /// let bank = Client::confidential("bank-app")
    ///     .grant_type("authorization_code")
    ///     .redirect_uri("https://app.example/cb")
    ///     .keys(keys)
    ///     .private_key_jwt(true)
    ///     .build()?;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new().with(bank)?)
    ///     .profile(Profile::Fapi2Security)
    ///     .issuer("https://id.example")
    ///     .endpoints(
    ///         Endpoints::new().with_authorization("/authorize").with_token("/token").with_pushed_authorization("/par"),
    ///     )
    ///     .root_secret(RootSecret::from_bytes(1, &[7; 32]))
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn profile(mut self, profile: Profile) -> Self {
        self.settings.profile = Some(profile);
        self
    }
}

impl<S: TokenStore, C: Clients> EngineBuilder<S, C> {
    /// A key that is being withdrawn: its tokens are [accepted](Self::accept_key). Where a [profile](Self::profile) keeps refresh tokens
    /// from rotating, one that was made under this key rotates once, so that the key can be left out when the grants of before have been
    /// refreshed or have ended. Say it when every node signs with another key.
    ///
    /// The window for a lost answer is the client's, as with any rotation; it begins anew whenever the new token is refreshed, which is no
    /// step. Without such a profile it is the same as
    /// [`accept_key`](Self::accept_key): a client of [`Rotation::Never`](crate::grant::Rotation::Never) was promised one token for good.
    ///
    /// ```
    /// # use regrant::{Engine, Key, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .key(Key::generate(2))
    ///     .retire_key(Key::generate(1))
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn retire_key(mut self, key: Key) -> Self {
        self.settings.retiring.push(key.id());
        self.accept_key(key)
    }
}

impl<S: TokenStore, C: Clients> EngineBuilder<S, C> {
    /// What the profile turns on, and whether all is there that it demands.
    pub(super) fn under_profile(mut self) -> Result<Self, ProfileGap> {
        let Some(profile) = self.settings.profile else { return Ok(self) };
        profile.turn_on(&mut self.settings, &mut self.dpop);
        if let Some(dpop) = &self.dpop {
            profile.check(&Described {
                settings: &self.settings,
                endpoints: &self.endpoints,
                host: &self.host,
                clients: &self.clients,
                dpop,
                has_root: self.root.is_some(),
                has_fetch: self.client_keys.is_some(),
                has_registration: self.registry.is_some(),
                has_other_grants: self.device.is_some() || self.jwt_bearer.is_some() || self.host.exchange().is_some(),
            })?;
        }
        Ok(self)
    }
}
