//! A protected resource, as a host describes it.

use smol_str::SmolStr;

use crate::engine::documents::MetadataMembers;
use crate::grant::Scope;
use crate::wire::normal_form;

/// What access tokens for a [`Resource`] are.
///
/// ```
/// use regrant::engine::AccessTokenFormat;
/// use regrant::Resource;
/// let files = Resource::new("https://files.example").with_token_format(AccessTokenFormat::Opaque);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum AccessTokenFormat {
    /// For resources behind this engine, or that introspect.
    Opaque,
    /// By RFC 9068, for resources that verify them on their own. Needs a signing key.
    #[cfg(feature = "jwt")]
    Jwt,
}

/// A protected resource that tokens can be for: a resource indicator of RFC 8707, with what RFC 9728 says of it.
///
/// ```
/// use regrant::{Engine, MemoryStore, Resource, Scope, StaticClients};
/// let mcp = Resource::new("https://mcp.example/mcp").with_scopes(Scope::parse("mcp:read mcp:write")?);
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).resource(mcp).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Resource {
    pub(in crate::engine) uri: SmolStr,
    pub(in crate::engine) scopes: Scope,
    pub(in crate::engine) format: Option<AccessTokenFormat>,
    pub(in crate::engine) metadata: MetadataMembers,
    #[cfg(feature = "proof")]
    pub(in crate::engine) dpop_required: bool,
}

impl Resource {
    /// The most bytes that its URI can have.
    pub const MAX_URI_BYTES: usize = 512;

    /// The resource of this URI: absolute, without a fragment (RFC 8707 section 2), of at most
    /// [`MAX_URI_BYTES`](Self::MAX_URI_BYTES). Clients may spell it in any way that RFC 3986 section 6.2.2 calls the same;
    /// tokens and documents have it as it is written here. One that is no such URI is an error of
    /// [`EngineBuilder::build`](crate::EngineBuilder::build).
    ///
    /// ```
    /// assert_eq!(regrant::Resource::new("https://mcp.example/mcp").uri(), "https://mcp.example/mcp");
    /// ```
    pub fn new(uri: &str) -> Self {
        Self {
            uri: uri.into(),
            scopes: Scope::empty(),
            format: None,
            metadata: MetadataMembers::new(),
            #[cfg(feature = "proof")]
            dpop_required: false,
        }
    }

    /// The scopes that it defines. A token that is not for it does not have them; two resources may define the same. Scopes
    /// that no resource defines, such as `openid`, are the engine's, and every token may have them. Default: none.
    ///
    /// ```
    /// use regrant::{Resource, Scope};
    /// let files = Resource::new("https://files.example").with_scopes(Scope::parse("files:read")?);
    /// assert_eq!(files.scopes().as_str(), "files:read");
    /// # Ok::<(), regrant::grant::InvalidScope>(())
    /// ```
    pub fn with_scopes(self, scopes: Scope) -> Self {
        Self { scopes, ..self }
    }

    /// What its access tokens are. Default: what the engine's are. One token cannot be for two resources that want
    /// different ones: `invalid_target`.
    ///
    /// ```
    /// use regrant::engine::AccessTokenFormat;
    /// use regrant::Resource;
    /// let own = Resource::new("https://id.example/api").with_token_format(AccessTokenFormat::Opaque);
    /// ```
    pub fn with_token_format(self, format: AccessTokenFormat) -> Self {
        Self { format: Some(format), ..self }
    }

    /// Members that its metadata (RFC 9728 section 2) has besides, such as `resource_name`. Default: none. Those that the
    /// engine writes are its own: one of them is an error of [`EngineBuilder::build`](crate::EngineBuilder::build).
    ///
    /// ```
    /// use regrant::engine::MetadataMembers;
    /// use regrant::Resource;
    /// let files = Resource::new("https://files.example")
    ///     .with_metadata(MetadataMembers::new().with("resource_name", "Files")?);
    /// # Ok::<(), regrant::engine::MetadataError>(())
    /// ```
    pub fn with_metadata(self, members: MetadataMembers) -> Self {
        Self { metadata: members, ..self }
    }

    /// Its URI, as it was given.
    ///
    /// ```
    /// assert_eq!(regrant::Resource::new("urn:example:api").uri(), "urn:example:api");
    /// ```
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The scopes that it defines.
    ///
    /// ```
    /// assert!(regrant::Resource::new("urn:example:api").scopes().is_empty());
    /// ```
    pub const fn scopes(&self) -> &Scope {
        &self.scopes
    }

    /// What its URI has in common with all that are the same; `None` where it is none.
    pub(super) fn normal_form(&self) -> Option<String> {
        normal_form(&self.uri).filter(|_| self.uri.len() <= Self::MAX_URI_BYTES)
    }
}
