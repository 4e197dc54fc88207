//! What a protected resource says of itself: RFC 9728.

use serde_json::{Value, json};

use crate::client::Clients;
use crate::engine::Engine;
use crate::engine::resources::Resource;
use crate::store::TokenStore;
use crate::wire::{Response, read_uri, web_host};

const PLACE: &str = "/.well-known/oauth-protected-resource";

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The metadata of a [resource](crate::EngineBuilder::resource) (RFC 9728 section 2), by its URI in any spelling: whose
    /// tokens it takes, which scopes it defines, and what the host has added. Caches may keep it for five minutes. `None` where the
    /// engine has no such resource, or its URI is no web address.
    ///
    /// To be served by the resource where [`protected_resource_metadata_url`](Self::protected_resource_metadata_url) says;
    /// [`document_at`](Self::document_at) has it there, too. `signed_metadata` (section 2.2) is not in it, and the server's own
    /// metadata does not list its resources (section 4).
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Resource, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .resource(Resource::new("https://mcp.example/mcp"))
    ///     .build()?;
    /// let document = engine.protected_resource_metadata("https://mcp.example/mcp").expect("a web address");
    /// assert!(String::from_utf8_lossy(document.body()).contains(r#""authorization_servers":["https://id.example"]"#));
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn protected_resource_metadata(&self, resource: &str) -> Option<Response> {
        let resource = self.settings.resources.as_deref()?.find(resource)?;
        metadata_url(&resource)?;
        let mut members = resource.metadata.begin();
        members.insert("resource".into(), json!(resource.uri()));
        if let Some(issuer) = self.issuer() {
            members.insert("authorization_servers".into(), json!([issuer]));
        }
        if !resource.scopes().is_empty() {
            members.insert("scopes_supported".into(), json!(resource.scopes().iter().collect::<Vec<_>>()));
        }
        members.insert("bearer_methods_supported".into(), json!(["header"]));
        #[cfg(feature = "proof")]
        if let Some(dpop) = &self.dpop {
            members
                .insert("dpop_signing_alg_values_supported".into(), json!(dpop.algorithm_names().collect::<Vec<_>>()));
            if self.demands_proofs(Some(&resource)) {
                members.insert("dpop_bound_access_tokens_required".into(), json!(true));
            }
        }
        if self.features().show_certificates() {
            members.insert("tls_client_certificate_bound_access_tokens".into(), json!(true));
        }
        Some(Response::public(Value::Object(members).to_string().into_bytes()))
    }

    /// Where clients look for the metadata of a resource, which challenges say in `resource_metadata`: between host and path
    /// (RFC 9728 section 3.1). `None` as for [`protected_resource_metadata`](Self::protected_resource_metadata).
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Resource, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .resource(Resource::new("https://mcp.example/mcp"))
    ///     .build()?;
    /// let url = engine.protected_resource_metadata_url("https://mcp.example/mcp");
    /// assert_eq!(url.as_deref(), Some("https://mcp.example/.well-known/oauth-protected-resource/mcp"));
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn protected_resource_metadata_url(&self, resource: &str) -> Option<String> {
        metadata_url(&*self.settings.resources.as_deref()?.find(resource)?)
    }

    /// The metadata that is looked for at this path, by this query. Of two resources with one path on two hosts it is that of the
    /// issuer's; one that the host looks up is found here on the issuer's alone, since a path does not say which host was asked.
    ///
    /// One whose URI has a query is never there by another one: who compares `resource` with what it asked for would believe neither
    /// (RFC 9728 section 3.3).
    pub(super) fn resource_document_at(&self, path: &str, query: &str) -> Option<Response> {
        // A path, or nothing: what is put behind the issuer's host below must not make another host of it.
        let rest = path.strip_prefix(PLACE).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
        let resources = self.settings.resources.as_deref()?;
        let host = |uri: &str| read_uri(uri).and_then(|uri| web_host(&uri).map(|(host, _)| host.to_ascii_lowercase()));
        let own = self.issuer().and_then(host);
        let issuer = self.issuer().and_then(read_uri);
        // What a request has beside the path of a resource without a query is not looked at.
        for query in [query, ""] {
            let is_there = |resource: &Resource| {
                path_of(resource).is_some_and(|path| is_same_path(path, rest)) && query_of(resource) == query
            };
            let here = || resources.iter().filter(|resource| is_there(resource));
            let known = here().find(|resource| own.is_some() && host(resource.uri()) == own).or_else(|| here().next());
            if let Some(resource) = known {
                return self.protected_resource_metadata(resource.uri());
            }
            let Some((scheme, authority)) = issuer.as_ref().and_then(|uri| Some((uri.scheme(), uri.authority()?)))
            else {
                continue;
            };
            let mark = if query.is_empty() { "" } else { "?" };
            let looked_up = format!("{scheme}://{}{rest}{mark}{query}", authority.as_str());
            if let Some(document) = self.protected_resource_metadata(&looked_up) {
                return Some(document);
            }
        }
        None
    }
}

/// Between host and path. The slash that may follow the host goes, and the query stays behind.
pub(in crate::engine) fn metadata_url(resource: &Resource) -> Option<String> {
    let path = path_of(resource)?;
    let uri = read_uri(resource.uri())?;
    let query = uri.query().map(|query| format!("?{}", query.as_str())).unwrap_or_default();
    let path = if path == "/" { "" } else { path };
    Some(format!("{}://{}{PLACE}{path}{query}", uri.scheme(), uri.authority()?.as_str()))
}

/// The path of a web address.
fn path_of(resource: &Resource) -> Option<&str> {
    let uri = read_uri(resource.uri())?;
    web_host(&uri)?;
    Some(uri.path().as_str())
}

/// The query of a resource, without the `?`; empty where it has none.
fn query_of(resource: &Resource) -> &str {
    read_uri(resource.uri()).and_then(|uri| uri.query()).map_or("", |query| query.as_str())
}

/// Some clients take off the slash that ends a path.
fn is_same_path(one: &str, other: &str) -> bool {
    one.strip_suffix('/').unwrap_or(one) == other.strip_suffix('/').unwrap_or(other)
}
