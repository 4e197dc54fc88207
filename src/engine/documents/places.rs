//! Where clients look for the documents: RFC 8414 section 3.1, OpenID Connect Discovery 1.0 section 4, RFC 9728 section 3.1.

use crate::client::Clients;
use crate::engine::Engine;
use crate::store::TokenStore;
use crate::wire::{Response, read_uri};

const METADATA: &str = "/.well-known/oauth-authorization-server";
#[cfg(feature = "jwt")]
const OPENID: &str = "/.well-known/openid-configuration";

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The path of the issuer, without the slash that may end it: `/tenant` of `https://id.example/tenant/`. Empty where it
    /// has none, or there is no issuer. What [`Endpoints`](crate::Endpoints) gives as a path is advertised after it.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine =
    ///     Engine::builder(MemoryStore::new(), StaticClients::new()).issuer("https://id.example/tenant/").build()?;
    /// assert_eq!(engine.issuer_path(), "/tenant");
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn issuer_path(&self) -> &str {
        let path = self.issuer().and_then(read_uri).map_or("", |uri| uri.path().as_str());
        path.strip_suffix('/').unwrap_or(path)
    }

    /// The document that is looked for at this path, with the query where a request has one: [`metadata`](Self::metadata), with the feature `jwt`
    /// the configuration of an OpenID provider, or the [metadata of a resource](Self::protected_resource_metadata). `None` at
    /// any other path, and where there is none.
    ///
    /// Of an issuer with a path, both are at both standard places, between host and path (RFC 8414 section 3.1) and after
    /// the path (OpenID Connect Discovery section 4), since clients know one or the other: for
    /// `https://id.example/tenant` these are `/.well-known/openid-configuration/tenant` and
    /// `/tenant/.well-known/openid-configuration`. A slash that ends the issuer is not in them. They are at the plain place
    /// too, where a router or a proxy that takes the issuer's path off sends the request.
    ///
    /// The query tells resources apart whose URIs differ in nothing else (RFC 9728 section 3.1).
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine =
    ///     Engine::builder(MemoryStore::new(), StaticClients::new()).issuer("https://id.example/tenant/").build()?;
    /// assert!(engine.document_at("/.well-known/oauth-authorization-server/tenant").is_some());
    /// assert!(engine.document_at("/tenant/.well-known/oauth-authorization-server").is_some());
    /// assert!(engine.document_at("/.well-known/oauth-authorization-server/other").is_none());
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn document_at(&self, path: &str) -> Option<Response> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        self.document_of(path, query)
    }

    pub(in crate::engine) fn document_of(&self, path: &str, query: &str) -> Option<Response> {
        let is_place_of = |document: &str| {
            let issuer_path = self.issuer_path();
            path == document
                || path.strip_prefix(document) == Some(issuer_path)
                || path.strip_prefix(issuer_path) == Some(document)
        };
        if is_place_of(METADATA) {
            return self.metadata();
        }
        #[cfg(feature = "jwt")]
        if is_place_of(OPENID) {
            return self.openid_configuration();
        }
        self.resource_document_at(path, query)
    }
}
