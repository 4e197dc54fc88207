//! An OAuth 2.0 and OpenID Connect token engine to embed in any Rust server.
//!
//! Bytes of a request go in, bytes of a response come out, and one small trait keeps what must be kept. The engine
//! validates authorization requests, authenticates clients, asks your code who is logged in, issues codes, access,
//! refresh and ID tokens, rotates refresh tokens, finds replays of every older one, re-sends a response that was lost,
//! revokes and introspects. It holds no socket, starts no task and reads no clock. (Documents of clients are fetched by what you
//! give it, and [kept](fetch::DocumentClients) by the system's clock unless you give that, too.)
//!
//! # The one idea
//!
//! Where each token is a row, tables grow with every refresh, clean-up jobs run after them, revocation races issuance, and
//! a lost response means a logout or a second line of tokens. This engine keeps **one record per grant**, that is
//! per login, for the whole life of the grant, and never stores a token. Tokens are computed from the record and a key:
//!
//! ```text
//! refresh token   key id 1 | grant id 8 | generation 3 | MAC 20                     43 characters
//! code            the same bytes under another kind, of generation 0               43 characters
//! access token    key id 1 | grant id 8 | generation 3 | epoch 3 | issued at 4
//!                 | lifetime 3 | scope mask 8 | MAC 20                              67 characters
//!                 | lifetime 3 | scope mask 8 | resource mask 2 | MAC 20            70, where resources are named
//!                                                    44 more where bound to a key or a certificate
//!
//! record          id, version, client, subject, scope, fields, salt, generation, times
//!
//!                      presented generation, against the record's
//!   older than the predecessor   the predecessor            the same          newer
//!   ──────────────────────────   ────────────────────────   ───────────────   ─────────────────────
//!   replay: the grant ends       in the retry window: the   the next step     the store lost writes:
//!                                same successor again;      (one winner)      move forward, go on
//!                                after it: replay
//! ```
//!
//! - **Rotation** is one compare-and-swap that adds 1 to the generation. Of any number of concurrent requests one takes
//!   the step.
//! - **Replay detection** covers *every* older token, for ever, in constant space (RFC 9700 section 4.14.2).
//! - **A lost response** is re-sent with the *same* successor, computed again, for a window of 120 seconds
//!   (confidential clients) or 30 (public ones). Nothing is written, nothing forks. The window closes when the successor
//!   is used.
//! - **Revocation** removes one record; every token of the grant is dead at once, and a rotation in flight loses.
//! - **An authorization code** is a grant that has not been redeemed; redeeming it is the first step.
//!
//! # In a server
//!
//! 1. Describe your clients: [`Client`], [`ClientSecret`], and [`StaticClients`] or a [`Clients`] of your own.
//! 2. Say who is logged in: show your login page for an [`AuthorizationRequest`] (see below), or add a [`GrantHandler`]
//!    for a grant type of your own. `refresh_token` is built in, `password` is off until you add it.
//! 3. Build an [`Engine`] on a store: [`MemoryStore`], one that outlives the process (see below), or your own [`TokenStore`].
//! 4. Mount [`Engine::token`] behind any HTTP stack: hand it a [`Request`], send its [`Response`]; or all endpoints at once by
//!    [`Engine::respond_at`]. With the feature `http` there is a `tower::Service` for either, `http::EndpointService`, which
//!    axum mounts in one line. Without an async runtime use [`Engine::blocking`], on a store that is never pending.
//! 5. Guard your resources with [`Engine::bearer`].
//!
//! ```
//! use regrant::{
//!     Authorization, Client, ClientSecret, Engine, GrantError, GrantHandler, GrantRequest, MemoryStore, Request, Scope,
//!     StaticClients, Timestamp,
//! };
//!
//! struct Password;
//!
//! impl GrantHandler for Password {
//!     fn grant_type(&self) -> &str {
//!         "password"
//!     }
//!
//!     async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
//!         // … ask your user directory …
//!         match (request.required("username")?, request.required("password")?) {
//!             ("alice", "wonderland") => Ok(Authorization::of("alice")),
//!             _ => Err(GrantError::invalid_grant()),
//!         }
//!     }
//! }
//!
//! let app = Client::confidential("app")
//!     .secret(ClientSecret::new("a-secret-of-32-characters-or-more")?)
//!     .grant_type("password")
//!     .grant_type("refresh_token")
//!     .scope(Scope::parse("read write")?)
//!     .build()?;
//! let engine = Engine::builder(MemoryStore::new(), StaticClients::new().with(app)?).grant_handler(Password).build()?;
//!
//! let body = b"grant_type=password&username=alice&password=wonderland&scope=read";
//! let request = Request::new("POST", body)
//!     .with_header("content-type", b"application/x-www-form-urlencoded")
//!     .with_header("authorization", b"Basic YXBwOmEtc2VjcmV0LW9mLTMyLWNoYXJhY3RlcnMtb3ItbW9yZQ==");
//! let response = engine.blocking().token(&request, Timestamp::now)?;
//! assert_eq!(response.status(), 200);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Authorization codes
//!
//! ```text
//! browser                      your host                                  the engine
//! GET /authorize?…       ───▶  Engine::authorize ──────────────────────▶  client, redirect URI, PKCE, scope, …
//!                              your login and consent page, or           ◀──  AuthorizationRequest | AuthorizationError
//!                              a session that is there already
//! POST, logged in        ───▶  Engine::approve, or Engine::deny ───────▶  a grant, not redeemed yet
//! 303 to the client      ◀───  code, state, iss                          ◀──  Response
//! client: POST /token    ───▶  Engine::token ──────────────────────────▶  code, client, redirect URI, verifier: tokens
//! ```
//!
//! A code lives 60 seconds, for one client, one redirect URI and one PKCE verifier; public clients cannot go without a
//! challenge. A request missing any of these leaves the code usable; a second request with all of them ends the grant.
//! Nothing is redirected to a URI that the client has not registered.
//!
//! Where [clients are let in that nobody made by hand](Client::is_stranger), anybody has registered one. There nobody is redirected
//! before a person is there: errors are shown until then, [`Engine::deny`] is told [who stands behind it](Person), and at addresses of the
//! person's own machine [`Engine::approve`] wants to be told that the page was shown.
//!
//! # JWTs and ID tokens
//!
//! Access tokens are opaque unless the engine is told otherwise: `EngineBuilder::jwt_access_tokens` makes them JWTs by
//! RFC 9068, for resource servers that are not behind this engine. They name their grant, so [`Engine::bearer`] asks the
//! store about them as about any other; by signature alone they work on until they expire, whatever happens to the grant.
//! `EngineBuilder::id_tokens` adds ID tokens; one that comes back as `id_token_hint` says whom the client means, and
//! `Engine::verify_id_token_hint` reads it where the host answers, as at log-out. Keys are `SigningKey`s: one signs, others are accepted, all are in
//! `Engine::jwks`. [`Engine::metadata`] and `Engine::openid_configuration` say what is enabled.
//!
//! # Proofs of possession
//!
//! `EngineBuilder::dpop` (feature `proof`) takes proofs of possession (RFC 9449): what a client gets with one is of use to nobody without
//! its key. The access token is bound to it, and so is the refresh token of a public client. [`Engine::bearer`] takes the scheme `DPoP`
//! and refuses such a token as a bearer token; give it the path by `Request::with_url`, and put `Access::dpop_nonce` or
//! `BearerError::dpop_nonce` into the answer, so that the client's next proof passes at once. Clients that send no proof are
//! served as ever, unless they are marked (`ClientBuilder::require_dpop`). An application of many processes on one login is spared being
//! logged out by `ClientBuilder::resync`. `ClientBuilder::certificate_bound_tokens` binds tokens to client certificates in place of keys.
//! `examples/fapi` is a server whose clients do all of that, over https by `rustls`, and under either profile.
//!
//! # Profiles
//!
//! `EngineBuilder::profile` (feature `proof`) makes the engine one of FAPI 2.0 or of atproto: what the profile demands is on, what is missing is
//! said when it is built, and a client that does not keep to it is refused. The guide `guide::profiles` says what each turns on, and what is left to you.
//!
//! # Several resources
//!
//! An engine that is told its [resources](EngineBuilder::resource) issues each token for one or more of them (RFC 8707):
//!
//! ```
//! use regrant::{Engine, MemoryStore, Request, Resource, Scope, StaticClients, Timestamp};
//!
//! let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
//!     .issuer("https://id.example")
//!     .resource(Resource::new("https://mcp.example/mcp").with_scopes(Scope::parse("mcp:read mcp:write")?))
//!     .resource(Resource::new("https://mcp.example/files").with_scopes(Scope::parse("files:read")?))
//!     .default_resource("https://mcp.example/mcp")
//!     .build()?;
//! // At /files, for a request without a token.
//! let files = engine.bearer_for("https://mcp.example/files").scope(&Scope::parse("files:read")?);
//! let refused = engine.blocking().check(files, &Request::new("GET", b""), Timestamp::now)?.unwrap_err();
//! assert_eq!(
//!     refused.challenge(),
//!     r#"Bearer realm="token", scope="files:read", resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/files""#
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - The authorization request names what the person consents to, each token request a part of it. One that names nothing is for
//!   what the first token request named, and a login that names nothing at all for the default resource.
//! - A scope belongs to the resources that define it; what none defines, such as `openid`, is the engine's. A token has
//!   what its resources define, and the response says so.
//! - [`Engine::bearer_for`] guards one resource, [`Engine::bearer`] the default one. Neither believes a token for another.
//! - [`Engine::document_at`] serves what clients look for first, the metadata of each resource (RFC 9728).
//!
//! A server of the Model Context Protocol is one of these, for clients that register themselves: the guide in `guide::mcp_server` makes
//! one from nothing, and `examples/mcp` is the whole of it.
//!
//! # Services that call others
//!
//! A service that was sent a token exchanges it for one for the service that it calls (RFC 8693): `EngineBuilder::token_exchange` (feature
//! `jwt`), by a policy of the host's, which refuses everything unless it says otherwise. The guide in `guide::token_exchange` has all of it.
//!
//! # Moving from another server
//!
//! Its refresh tokens go on here (feature `root-secret`, `EngineBuilder::foreign_tokens`), so that nobody is logged out by the move: each is
//! generation 0 of a grant, and used once. The guide in `guide::moving_in` has all of it.
//!
//! # Logging out
//!
//! - A client: [`Engine::revoke`] (RFC 7009).
//! - A browser, at whoever's wish: `Authorization::with_session` says which logins are of one session, `Engine::log_out` ends it and says
//!   which clients are to hear of it, `Engine::end_session_request` reads a client's wish for it (features `jwt` and `root-secret`). The host
//!   ends its own session first, and looks after each `Engine::approve` that named it whether it is still there; where it is not, the host
//!   calls `Engine::log_out` once more before it answers.
//! - A person: [`Engine::sessions`] lists what is logged in where, [`Engine::end_session`] ends one,
//!   [`Engine::end_sessions_of`] all of them.
//! - Everybody at a client, as after a breach: [`Client::void_grants_before`]; everybody: [`Engine::void_grants_before`].
//! - Grants of a client that is deleted or may have less: [`Clients`] says what becomes of them.
//!
//! # Guesses
//!
//! [`EngineBuilder::throttle`] limits guesses at passwords, client secrets and user codes, and registrations; the module [`throttle`] has what
//! is counted, by what, and whom it cannot be turned against. Passwords are the host's: [`GrantRequest::guess`] in a handler, [`Engine::guess`]
//! behind a page. Off by default.
//!
//! # What a refresh is checked for
//!
//! In this order, and the first match answers:
//!
//! ```text
//! shape → key id known → record → MAC → kind → client → what it is bound to → not_before and expiry → renewable →
//! older: retry in the window | resync | replay → ahead: move forward → scope → your hook → swap → mint
//! ```
//!
//! A client that is known by a document ([`DocumentClients`](fetch::DocumentClients)), and would have to be fetched, is looked up
//! and authenticates after "client": a genuine token is what allows the fetch.
//!
//! Every refusal of a refresh token is the same `invalid_grant`, whatever the reason; the reason goes to your
//! [`EventSink`](event::EventSink). But for a replay, a refused request changes nothing. A proof of possession is refused by a code of its
//! own, `invalid_dpop_proof` or `use_dpop_nonce`.
//!
//! # When something fails
//!
//! | what | answer | what to do |
//! |---|---|---|
//! | the request is malformed | 400 `invalid_request`, 405, 413 | the client is at fault |
//! | client authentication | 401 `invalid_client` | the client is at fault |
//! | the refresh token is not good for anything | 400 `invalid_grant` | log in again |
//! | there were too many guesses | 429 `temporarily_unavailable` | wait as long as `Retry-After` says |
//! | store, registry, handler, claims provider or hook | 503 `temporarily_unavailable` | send the same request again |
//! | what the host says makes no sense: an approval, a handler's answer, a setting | 500 `server_error` | the host is at fault: `Event::Failed` says how |
//!
//! After a 503, or no answer at all, the outcome may be unknown; the same token sent again within the retry window comes
//! to the same successor. A request that is dropped at any await leaves nothing that a retry does not make good. The one
//! exception is an authorization code, which has no retry window: if its redemption took place and the answer was lost,
//! the same code again ends the grant, and the person logs in again.
//!
//! # Keys
//!
//! A [`Key`] is 32 random bytes. On a store in memory the engine generates one; on a store that outlives the process it
//! must be given one. A leaked store forges nothing without the key, a leaked key forges nothing without the store; both
//! together do. To replace a key while several nodes serve, accept the new one everywhere
//! ([`EngineBuilder::accept_key`]) before any node signs with it ([`EngineBuilder::key`]).
//!
//! # Several engines on one store
//!
//! Two systems that share a store or a key are two engines, and each is given a [realm](EngineBuilder::realm). Without one
//! they are the same engine twice: where clients or people have the same names in both, the tokens of one are good in the other.
//! [`EngineBuilder::adopt_grants_of`] names a realm without logging anybody out.
//!
//! # Tokens that are worth nothing when they are stolen
//!
//! A client that proves a key gets tokens that are bound to it: by proofs of possession (`EngineBuilder::dpop`, feature `proof`), or to its
//! certificate (feature `mtls`). It may authenticate by a key instead of sending a secret. The guide in `guide::which_binding` (feature
//! `mtls`) says who should use what, what it costs, and what it does not guard against.
//!
//! # Authorization requests that nobody can change, and answers
//!
//! What stands in a query can be read and changed in the browser. A client may push its request first (RFC 9126): with
//! `EngineBuilder::pushed_authorization_requests` (feature `root-secret`) mount `Engine::push` beside the token endpoint, and go on as before:
//! [`Engine::authorize`] opens what comes back. Nothing is kept for it, so strangers may push too. It may sign its request (RFC 9101,
//! `EngineBuilder::signed_requests`, feature `proof`), and both may be demanded of one client or of all. Answers come by a form
//! with [`EngineBuilder::form_post`], and signed with `EngineBuilder::signed_responses` (feature `jwt`). Each is off until asked for,
//! and in the metadata when it is on.
//!
//! # Features
//!
//! All are off by default; none changes what works without it. Rust 1.85 is enough, with
//! dependencies that suit it, which cargo chooses for a package of edition 2024; `file`, `prefetch`, and all that has to do with JWTs, build on what asks for more.
//!
//! - `http`: the module of that name, for the `http` crate and tower.
//! - `argon2`: client secrets chosen by people, kept as PHC strings: `ClientSecret::from_phc`, `SlowVerifier`.
//! - `file`: `FileStore`, for grants in one file, which outlive the process and its crashes. Rust 1.90, for `redb`.
//! - `jwt-aws-lc-rs`: signed tokens by AWS-LC, with `SigningKey`. The one for production; it needs a C compiler, and Rust
//!   1.88, for `jsonwebtoken`, as the next two do.
//! - `jwt-rust-crypto`: the same in Rust alone. Its RSA leaks a little of the key through time (RUSTSEC-2023-0071), so it is
//!   for trying out, or for P-256 and Ed25519. With both features on AWS-LC signs. Who calls `jsonwebtoken` besides this
//!   crate and has both of its backends on must install one of them there; this crate neither needs nor touches that.
//! - `jwt`: what both have in common. Alone it compiles and has no keys.
//! - `postgres`: `PostgresStore`, which keeps grants in a PostgreSQL table for any number of processes.
//! - `conformance`: the module of that name: whether a store of your own is right, in one call, and how to write one; and
//!   whether a [`Fetch`](fetch::Fetch) is.
//! - `reqwest`: [`fetch::ReqwestFetch`](fetch), which fetches documents of strangers on tokio, by rustls and AWS-LC: it
//!   needs a C compiler.
//! - `redis`: grants in Redis or Valkey, one server or a cluster: `RedisStore`, which says what a failover loses.
//! - `root-secret`: `RootSecret`, and what is computed or sealed under it: the interaction handle that a page carries, requests that
//!   clients push ([`Engine`]`::push`), and the ids of clients that register themselves (`StatelessClients`).
//! - `proof`: keys of clients in place of secrets, proofs of possession, and assertions of other servers as grants: the module `dpop`,
//!   `ClientKeys`, `EngineBuilder::jwt_bearer`. It includes `jwt`
//!   and `root-secret`, and needs one of the two backends, as `jwt` does.
//! - `mtls`: client certificates (RFC 8705): `ClientCertificate`. It includes `proof`.
//! - `prefetch`: on x86-64 the memory store has a record fetched while its client is authenticated. It saves time where there are so
//!   many grants that no cache has them. Rust 1.89, for `safe_arch`.
//! - `metrics`: `MetricsEvents`, an [`EventSink`](event::EventSink) that counts for the `metrics` facade, and
//!   [`record_response`](event) for the time of responses.
//! - `tracing`: `TracingEvents`, an [`EventSink`](event::EventSink) that writes to `tracing`.
//!
//! The guides are in documentation that is built with `http`, `reqwest` and `root-secret`, and some of them with more: best with
//! `--all-features`.
//!
//! # Names
//!
//! They are those of the RFCs: client, resource owner (a grant's *subject*), grant, scope, rotation, replay. The crate
//! speaks of RFC 6749 (OAuth 2.0), RFC 6750 (bearer tokens), RFC 7009 (revocation), RFC 7521 and RFC 7523 (assertions), RFC 7591 and RFC 7592 (registration), RFC 7617 (Basic), RFC
//! 7636 (PKCE), RFC 7662 (introspection), RFC 8252 (native apps), RFC 8414 (metadata), RFC 8628 (devices), RFC 8693 (token exchange), RFC 8705
//! (certificates), RFC 8707 (resource indicators), RFC 9068 (JWT access tokens), RFC 9101 (signed requests), RFC 9126 (pushed requests), RFC 9207
//! (issuer identification), RFC 9449 (proofs of possession), RFC 9470 (step-up), RFC 9700 (security best practice), RFC 9728 (metadata of
//! resources), and of OpenID Connect Core, Discovery, RP-Initiated Logout and Back-Channel Logout 1.0.

#![forbid(unsafe_code)]
#![deny(clippy::incompatible_msrv)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod client;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod engine;
pub mod fetch;
pub mod grant;
// What its code needs is on.
#[cfg(all(any(doc, doctest), feature = "http", feature = "reqwest", feature = "root-secret"))]
pub mod guide;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "proof")]
mod proof;
#[cfg(feature = "root-secret")]
mod seal;
mod secret;
pub mod store;
pub mod throttle;
mod token;
pub mod wire;

pub use client::{Client, ClientSecret, Clients, StaticClients};
pub use engine::{
    Access, Authorization, AuthorizationError, AuthorizationRequest, BearerError, BuildError, Denial, Endpoints,
    Engine, EngineBuilder, GrantError, GrantHandler, GrantRequest, Person, Resource,
};
pub use grant::{Grant, GrantId, HostData, Lifetimes, ResponseFields, Scope, Timestamp};
#[cfg(feature = "root-secret")]
pub use secret::root::{RootSecret, SubjectSecret};
pub use store::{MemoryStore, TokenStore};
pub use token::Key;
pub use wire::{Request, Response};
// Their types are in signatures of the stores, so a host needs the very version that they are of.
#[cfg(feature = "postgres")]
pub use deadpool_postgres;
#[cfg(feature = "redis")]
pub use redis;

/// What the engine tells its host: every outcome, and why a request was refused.
pub mod event {
    #[cfg(feature = "tracing")]
    pub use crate::engine::host::TracingEvents;
    pub use crate::engine::host::{Audience, Cause, Event, EventSink, Subject};
    #[cfg(feature = "metrics")]
    pub use crate::engine::host::{MetricsEvents, record_response};
    #[cfg(feature = "proof")]
    pub use crate::engine::profile::ProfileFault;
    pub use crate::engine::refusal::{
        AuthorizationRefusal, ClientRefusal, ExchangeRefusal, GrantRefusal, Refusal, RegistrationRefusal,
        RequestRefusal, ResourceRefusal, SenderRefusal, ServerFault, ThrottleRefusal, TokenFault, Unavailable,
    };
    #[cfg(feature = "proof")]
    pub use crate::proof::{AssertionFault, ClaimFault, GrantAssertionFault, JwkFault, JwsFault, RequestObjectFault};
}

/// Signed tokens: keys, JWT access tokens (RFC 9068), ID tokens and what a host says in them (feature `jwt`).
#[cfg(feature = "jwt")]
pub mod jwt {
    pub use crate::engine::host::{ClaimsProvider, IdTokenRequest, RequestedClaim, RequestedClaims};
    pub use crate::engine::id_token_hint::{IdTokenHint, IdTokenHintError};
    pub use crate::engine::jwt::JwtAccessTokens;
    pub use crate::engine::openid::OpenIdProvider;
    pub use crate::token::{
        ClaimError, GeneratedPem, IdClaims, SigningAlgorithm, SigningKey, SigningKeyError, SigningKeyStepError,
    };
    #[cfg(feature = "proof")]
    pub use crate::{
        proof::JwsAlgorithm,
        token::{InvalidThumbprint, Thumbprint},
    };
}

/// Proofs of possession (RFC 9449): their nonces, and the check of a resource server that has no engine (feature `proof`).
#[cfg(feature = "proof")]
pub mod dpop {
    pub use crate::proof::dpop::{Nonces, Presented, Proof, ProofFault, Proven, Verifier};
}

/// For this crate's own tests, benches and fuzz targets; no promise covers it.
#[doc(hidden)]
pub mod internal {
    pub use crate::client::dynamic::compact::{decode_metadata, encode_metadata};
    pub use crate::fetch::budget::Asker;
    pub use crate::fetch::documents::{Documents, FetchFault, Unavailable};
    pub use crate::grant::rotation::{Advance, Decision, RefreshPolicy, Tried, Void, decide};
    pub use crate::grant::sample::{sample_advanced, sample_grant, sample_login, sample_marker, sample_rotated};
    #[cfg(feature = "proof")]
    pub use crate::proof::{
        Assertion, AssertionRules, ClientKey, GrantAssertion, GrantAssertionRules, ProvenAssertion, RequestObject,
        RequestObjectRules,
    };
    pub use crate::wire::basic::{BasicCredentials, BasicError};
    pub use crate::wire::form::{Form, Repeated};
}

/// The README's code is compiled with the documentation's.
#[cfg(all(doctest, feature = "http", feature = "jwt"))]
#[doc = include_str!("../README.md")]
struct Readme;
