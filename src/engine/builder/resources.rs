//! What of an engine's settings is about the resources that its tokens are for.

use super::EngineBuilder;
use crate::client::Clients;
use crate::engine::documents::MetadataMembers;
use crate::engine::resources::{Resource, Resources};
use crate::grant::Timestamp;
use crate::store::TokenStore;

impl<S: TokenStore, C: Clients> EngineBuilder<S, C> {
    /// A resource that tokens can be for (RFC 8707); one engine serves any number. Authorization and token requests name it by the parameter
    /// `resource`; a token works at the resources that it was issued for, and nowhere else. Default: none; then the engine
    /// passes the parameter over, and its tokens are for whatever it guards.
    ///
    /// Adding the first one to a running system logs nobody out: grants that were made before are for the [default
    /// one](Self::default_resource). They keep the scopes that it defines and those that no resource does; one whose scope is another
    /// resource's alone gives nothing any more, so that person logs in again. A grant that names resources takes more room in
    /// memory, and nodes of a version before this one cannot read it: add resources once every node can. To an engine that has some
    /// [`Engine::add_resource`](crate::Engine::add_resource) adds more while it serves.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Resource, Scope, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .resource(Resource::new("https://mcp.example/mcp").with_scopes(Scope::parse("mcp:read")?))
    ///     .resource(Resource::new("https://mcp.example/files").with_scopes(Scope::parse("files:read")?))
    ///     .default_resource("https://mcp.example/mcp")
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resource(mut self, resource: Resource) -> Self {
        self.resources.all.push(resource);
        self
    }

    /// Where resources are looked up that are not known yet, besides those that the builder is [given](Self::resource): there has to
    /// be one of these, the default one. Default: nowhere.
    pub fn resources(mut self, resources: impl Resources + 'static) -> Self {
        self.resources.others = Some(Box::new(resources));
        self
    }

    /// The resource that a request without `resource` is for, and a grant without any, and [`Engine::bearer`](crate::Engine::bearer). Default: the
    /// only one. Of several, one has to be said.
    ///
    /// Whoever named no resource has consented to this one, so to name another would turn their logins into logins for that.
    /// Keep it, or say with [`earlier_default_resource`](Self::earlier_default_resource) which one it was.
    ///
    /// ```
    /// # use regrant::{BuildError, Engine, MemoryStore, Resource, StaticClients};
    /// let two = || {
    ///     Engine::builder(MemoryStore::new(), StaticClients::new())
    ///         .resource(Resource::new("https://a.example"))
    ///         .resource(Resource::new("https://b.example"))
    /// };
    /// assert!(matches!(two().build(), Err(BuildError::DefaultResourceRequired)));
    /// assert!(two().default_resource("https://a.example/").build().is_ok());
    /// ```
    pub fn default_resource(mut self, uri: &str) -> Self {
        self.resources.default = Some(uri.to_owned());
        self
    }

    /// What the default resource was for grants made before this time: those that name none stay for it. With that, the
    /// default can be moved and nobody's consent becomes another. Give the time at which the first node moves it; where nodes' clocks
    /// differ, add what they may differ by.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Resource, StaticClients, Timestamp};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .resource(Resource::new("https://old.example"))
    ///     .resource(Resource::new("https://new.example"))
    ///     .default_resource("https://new.example")
    ///     .earlier_default_resource("https://old.example", Timestamp::from_secs(1_800_000_000))
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn earlier_default_resource(mut self, uri: &str, until: Timestamp) -> Self {
        self.resources.earlier_default = Some((uri.to_owned(), until));
        self
    }

    /// Refuses new logins that name no resource, with `invalid_target`. Grants that are there, and their refreshes, are not
    /// asked. Default: they are for the default one.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Resource, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .resource(Resource::new("https://mcp.example/mcp"))
    ///     .resource_must_be_named()
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn resource_must_be_named(mut self) -> Self {
        self.resources.must_be_named = true;
        self
    }

    /// A token request that names no resource, of a login for several of which none was named yet, gets a token for all of them. Each of them can present it to
    /// the others (RFC 9700 section 2.3). Default: `invalid_target`.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Resource, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .resource(Resource::new("https://mcp.example/mcp"))
    ///     .danger_unnamed_tokens_for_all_resources()
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn danger_unnamed_tokens_for_all_resources(mut self) -> Self {
        self.resources.unnamed_are_for_all = true;
        self
    }

    /// Which scopes imply which: whether who has the first may do what the second is for. It counts where a
    /// [resource](crate::Engine::bearer) asks for a scope, and never in what is granted or in what a token says. Default: none does.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .scope_implication(|has, wants| (has, wants) == ("mcp:admin", "mcp:read"))
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn scope_implication(mut self, implies: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> Self {
        self.settings.implies = Some(Box::new(implies));
        self
    }

    /// Members that [`Engine::metadata`](crate::Engine::metadata) and the configuration of an OpenID provider have besides. Default: none.
    /// [`Engine::set_metadata`](crate::Engine::set_metadata) changes them while the engine serves.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// use regrant::engine::MetadataMembers;
    /// let members = MetadataMembers::new().with("service_documentation", "https://id.example/docs")?;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).metadata(members).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn metadata(mut self, members: MetadataMembers) -> Self {
        *self.settings.metadata.get_mut() = members;
        self
    }
}
