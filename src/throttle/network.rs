//! What counts as one address.

use std::net::IpAddr;

/// One network for one asker: whoever has an IPv6 address has 2^64 of them. A mapped IPv4 address is that address.
pub(crate) fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(peer) => IpAddr::from((u128::from(peer) >> 64 << 64).to_be_bytes()),
        peer @ IpAddr::V4(_) => peer,
    }
}
