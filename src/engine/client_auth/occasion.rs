//! What a client authenticates for, and what came of it.

use std::ops::Deref;

use crate::client::{Client, ClientRef, Purpose};
use crate::engine::time::Time;
#[cfg(feature = "proof")]
use crate::grant::AuthKey;
#[cfg(feature = "proof")]
use crate::proof::ProvenAssertion;

/// What a client authenticates for.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Occasion<'t> {
    pub(super) purpose: Purpose,
    /// Whether an assertion is remembered: where something is written for the request, so is that.
    #[cfg(feature = "proof")]
    pub(super) remembered: bool,
    pub(super) time: &'t Time<'t>,
}

impl<'t> Occasion<'t> {
    /// A request that something is written for, and so its assertion too.
    pub(in crate::engine) const fn to_write(time: &'t Time<'t>) -> Self {
        Self::new(time, true)
    }

    /// One that nothing new is made for: revocation, introspection. Its assertion is good for minutes, and nobody remembers it.
    pub(in crate::engine) const fn to_look(time: &'t Time<'t>) -> Self {
        Self::new(time, false)
    }

    #[cfg(feature = "proof")]
    const fn new(time: &'t Time<'t>, remembered: bool) -> Self {
        Self { purpose: Purpose::Authentication, remembered, time }
    }

    #[cfg(not(feature = "proof"))]
    const fn new(time: &'t Time<'t>, _: bool) -> Self {
        Self { purpose: Purpose::Authentication, time }
    }

    /// The same for another purpose: where the request has shown that somebody let the client in, or may fetch for another reason.
    pub(in crate::engine) const fn with_purpose(self, purpose: Purpose) -> Self {
        Self { purpose, ..self }
    }
}

/// A client that has authenticated.
pub(in crate::engine) struct Authenticated<'e> {
    client: ClientRef<'e>,
    /// By this, if by one; to be spent.
    #[cfg(feature = "proof")]
    pub(super) assertion: Option<Box<ProvenAssertion>>,
    /// Whether it was by the certificate of its connection: one that may also send a secret has not shown that.
    #[cfg(feature = "mtls")]
    by_certificate: bool,
}

#[cfg(feature = "proof")]
impl Authenticated<'_> {
    /// Whether it has proven a key of its own now: by an assertion that a key signed, or by the certificate of its connection.
    pub(in crate::engine) fn proves_a_key(&self) -> bool {
        #[cfg(feature = "mtls")]
        if self.by_certificate {
            return true;
        }
        self.assertion.as_ref().is_some_and(|assertion| assertion.key().is_some())
    }
}

#[cfg(feature = "proof")]
impl Authenticated<'_> {
    /// The key that it has authenticated by, by an assertion.
    pub(in crate::engine) fn auth_key(&self) -> Option<AuthKey> {
        self.assertion.as_deref()?.auth_key()
    }
}

#[cfg(feature = "proof")]
impl<'e> Authenticated<'e> {
    pub(super) fn by_assertion(client: ClientRef<'e>, proven: ProvenAssertion) -> Self {
        Self { assertion: Some(Box::new(proven)), ..client.into() }
    }

    #[cfg(feature = "mtls")]
    pub(super) fn by_certificate(client: ClientRef<'e>) -> Self {
        Self { by_certificate: true, ..client.into() }
    }
}

impl<'e> From<ClientRef<'e>> for Authenticated<'e> {
    fn from(client: ClientRef<'e>) -> Self {
        Self {
            client,
            #[cfg(feature = "proof")]
            assertion: None,
            #[cfg(feature = "mtls")]
            by_certificate: false,
        }
    }
}

impl Deref for Authenticated<'_> {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}
