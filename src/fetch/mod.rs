//! Documents of strangers: what a host brings to fetch them, and what bounds it.
//!
//! A client may be known by the URL of a document that describes it
//! (draft-ietf-oauth-client-id-metadata-document), and a registered one may have its keys at a URL (`jwks_uri`). Such a
//! URL is a stranger's, and fetching it makes this server connect to wherever it says: server-side request forgery (RFC
//! 9700 has no section of it; the draft's is 6.5).
//!
//! | who | sees to it that |
//! |---|---|
//! | [`FetchUrl`] | only https URLs of public names, in one spelling, are fetched at all |
//! | a [`Fetch`] | it connects to public addresses ([`is_public`]), follows nothing, and ends in time |
//! | [`FetchResponse::check`] | only a whole JSON document with status 200 counts, for 5 minutes to 24 hours |
//! | [`DocumentClients`] | one URL, one site, one address do not cause more fetches than their share, and good documents are kept |
//!
//! [`DocumentClients`] is what a host puts around its registry to let such clients in.
//!
//! `ReqwestFetch` (feature `reqwest`) is a `Fetch` that is ready; `conformance::check_fetch` (feature `conformance`) tries
//! any, against a hostile server.

mod address;
pub(crate) mod budget;
mod cache;
mod cache_control;
mod clients;
pub(crate) mod documents;
#[allow(clippy::module_inception, reason = "the trait has the name of the room")]
mod fetch;
mod flight;
#[cfg(feature = "reqwest")]
mod reqwest;
mod response;
mod url;

#[cfg(feature = "reqwest")]
pub use self::reqwest::{ReqwestFetch, ReqwestFetchBuilder, ReqwestFetchError};
pub use address::is_public;
pub use clients::DocumentClients;
#[cfg(feature = "conformance")]
pub(crate) use fetch::DynFetch;
pub use fetch::{Fetch, FetchError, FetchLimits};
pub use response::{FetchResponse, Unfit};
pub use url::{FetchUrl, FetchUrlError};
