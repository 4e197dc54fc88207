//! Where resources are looked up that come and go.

use std::ops::Deref;
use std::sync::Arc;

use super::Resource;

/// Resources of the host that are not known when the engine is built, such as those of its tenants.
///
/// They are beside those that the builder was [given](crate::EngineBuilder::resource), of which one is the [default
/// one](crate::EngineBuilder::default_resource). Asked several times for each request, so answer from memory.
///
/// A grant keeps the URIs of its resources. Of one that is not found any more its tokens are refused, and it gives no new
/// ones; the grant goes on for the others, and for all of them if it is found again.
///
/// ```
/// use regrant::engine::{ResourceRef, Resources};
/// use regrant::{Engine, MemoryStore, Resource, Scope, StaticClients};
/// use std::collections::HashMap;
/// use std::sync::{Arc, RwLock};
///
/// /// By the normal form of their URIs.
/// #[derive(Default)]
/// struct Tenants(RwLock<HashMap<String, Arc<Resource>>>);
///
/// impl Resources for Tenants {
///     fn find(&self, uri: &str) -> Option<ResourceRef<'_>> {
///         self.0.read().ok()?.get(uri).cloned().map(ResourceRef::Shared)
///     }
///
///     fn defines_scope(&self, token: &str) -> bool {
///         matches!(token, "files:read" | "files:write")
///     }
/// }
///
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
///     .resource(Resource::new("https://id.example/api").with_scopes(Scope::parse("account")?))
///     .resources(Tenants::default())
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Resources: Send + Sync {
    /// The resource of this URI, if there is one. `uri` is what a stranger sent, or what a grant keeps, in the normal form of RFC
    /// 3986 section 6.2.2: scheme and host in lower case, no default port, `/` where a web address has no path, no percent-encoding
    /// that is not needed. One whose own URI has another normal form counts as not found.
    fn find(&self, uri: &str) -> Option<ResourceRef<'_>>;

    /// Whether any of them defines this scope: then only tokens for those that do have it. One that none defines is the engine's.
    fn defines_scope(&self, token: &str) -> bool;
}

/// A resource on loan from where it was found, or shared with it.
///
/// ```
/// use regrant::engine::ResourceRef;
/// use regrant::Resource;
/// use std::sync::Arc;
/// let shared: ResourceRef<'_> = Arc::new(Resource::new("https://files.example")).into();
/// assert_eq!(shared.uri(), "https://files.example");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ResourceRef<'a> {
    /// Borrowed, so that threads do not contend for a count.
    Borrowed(&'a Resource),
    /// Shared.
    Shared(Arc<Resource>),
}

impl Deref for ResourceRef<'_> {
    type Target = Resource;

    fn deref(&self) -> &Resource {
        match self {
            Self::Borrowed(resource) => resource,
            Self::Shared(resource) => resource,
        }
    }
}

/// The same resource: of one URI.
impl PartialEq for ResourceRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.uri == other.uri
    }
}

impl Eq for ResourceRef<'_> {}

impl<'a> From<&'a Resource> for ResourceRef<'a> {
    fn from(resource: &'a Resource) -> Self {
        Self::Borrowed(resource)
    }
}

impl From<Arc<Resource>> for ResourceRef<'_> {
    fn from(resource: Arc<Resource>) -> Self {
        Self::Shared(resource)
    }
}
