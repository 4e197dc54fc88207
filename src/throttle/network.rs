//! What counts as one address.

use std::net::{IpAddr, Ipv4Addr};

/// One network for one asker: whoever has an IPv6 address has 2^64 of them. A mapped IPv4 address is that address (RFC 4291 section
/// 2.5.5.2), and so is one that a translator shows by the well-known prefix (RFC 6052 section 2.1): otherwise all of IPv4 would be one
/// asker behind it.
pub(crate) fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(peer) => match peer.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, _, _] => {
                let [.., a, b, c, d] = peer.octets();
                Ipv4Addr::from([a, b, c, d]).into()
            }
            _ => IpAddr::from((u128::from(peer) >> 64 << 64).to_be_bytes()),
        },
        peer @ IpAddr::V4(_) => peer,
    }
}
