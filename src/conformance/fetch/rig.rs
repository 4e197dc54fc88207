//! What a fetch under test is built on.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::server::Server;

/// The names and addresses of a test of a [`Fetch`](crate::fetch::Fetch), in place of the DNS and the network.
///
/// A fetch under test asks it where it would ask those, and does all else as ever. In plain HTTP: the URL says `https`, and
/// the server behind [`dial`](Self::dial) has no TLS.
#[derive(Clone)]
pub struct FetchRig {
    server: Arc<Server>,
}

impl FetchRig {
    pub(super) const fn new(server: Arc<Server>) -> Self {
        Self { server }
    }

    /// The addresses of a name. Asked again, it may say others.
    pub fn resolve(&self, host: &str) -> Vec<IpAddr> {
        self.server.resolve(host)
    }

    /// Where to connect to instead of this address, which the fetch has found fit to connect to.
    pub fn dial(&self, address: IpAddr) -> SocketAddr {
        self.server.dial(address)
    }
}

impl fmt::Debug for FetchRig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchRig").finish_non_exhaustive()
    }
}
