//! Servers in Rust that are beside ours: tested by `examples/survival`, measured by `benches/peers`.

pub mod oauth_as;
pub mod oxide_auth;
