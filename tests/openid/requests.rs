//! What OpenID Connect Core demands of a provider for the code flow, by section: a request, and what it comes to. Where a whole
//! file has more of it, that is said in `tests/README.md`.
