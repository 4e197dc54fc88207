//! Which addresses a document of a stranger may be fetched from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is a public one: what a stranger may have this server connect to.
///
/// A [`Fetch`](super::Fetch) of your own asks it of every address that a name resolves to, and then connects to the very
/// addresses it asked about: a second look-up may give others (DNS rebinding).
///
/// Not public is whatever is multicast, or in one of the IANA special-purpose registries (RFC 6890, as of 2025): also those
/// few entries which are reachable from everywhere, since none of them serves documents. Of IPv6 only `2000::/3` is
/// public, and of that neither Teredo nor 6to4, which carry an IPv4 address of anybody's choice. One kind is judged by the
/// address in it: a NAT64 address (`64:ff9b::/96`, RFC 6052 section 2.1), since it is all that an IPv6 host with DNS64
/// sees of a site on IPv4. An IPv4-mapped address is never public: a resolver has no reason to give one. Nor is
/// `64:ff9b:1::/48` (RFC 8215), where it cannot be told which bits of an address are the IPv4 one.
///
/// It cannot know which public addresses are *yours*: an internal service on one, or a NAT64 prefix out of your own space.
/// `168.63.129.16` is refused, which looks public and is a service of the machine itself at one cloud.
///
/// ```
/// use regrant::fetch::is_public;
/// assert!(is_public([1, 1, 1, 1].into()));
/// for inside in ["127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::a00:1", "fd00::1"] {
///     assert!(!is_public(inside.parse()?));
/// }
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// First address and length of the prefix.
type Block4 = ([u8; 4], u32);
type Block6 = ([u16; 8], u32);

/// <https://www.iana.org/assignments/iana-ipv4-special-registry>, multicast, and one more.
const NOT_PUBLIC_V4: &[Block4] = &[
    ([0, 0, 0, 0], 8),        // this network
    ([10, 0, 0, 0], 8),       // private use
    ([100, 64, 0, 0], 10),    // shared address space (CGNAT)
    ([127, 0, 0, 0], 8),      // loopback
    ([168, 63, 129, 16], 32), // the host's own services at Azure
    ([169, 254, 0, 0], 16),   // link-local
    ([172, 16, 0, 0], 12),    // private use
    ([192, 0, 0, 0], 24),     // IETF protocol assignments
    ([192, 0, 2, 0], 24),     // documentation
    ([192, 31, 196, 0], 24),  // AS112-v4
    ([192, 52, 193, 0], 24),  // AMT
    ([192, 88, 99, 0], 24),   // 6to4 relay anycast
    ([192, 168, 0, 0], 16),   // private use
    ([192, 175, 48, 0], 24),  // direct delegation AS112
    ([198, 18, 0, 0], 15),    // benchmarking
    ([198, 51, 100, 0], 24),  // documentation
    ([203, 0, 113, 0], 24),   // documentation
    ([224, 0, 0, 0], 4),      // multicast
    ([240, 0, 0, 0], 4),      // reserved, and limited broadcast
];

/// What of `2000::/3` is in <https://www.iana.org/assignments/iana-ipv6-special-registry>.
const NOT_PUBLIC_V6: &[Block6] = &[
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // IETF protocol assignments: Teredo, benchmarking, ORCHID, DRIP, AMT
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), // 6to4
    ([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), // direct delegation AS112
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation
];

/// NAT64 with an IPv4 address in the last 32 bits.
const NAT64: Block6 = ([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
/// All that is assigned for global unicast.
const GLOBAL_UNICAST: Block6 = ([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

fn is_public_v4(address: Ipv4Addr) -> bool {
    !NOT_PUBLIC_V4
        .iter()
        .any(|&(block, length)| (u32::from(address) ^ u32::from(Ipv4Addr::from(block))).leading_zeros() >= length)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = of_nat64(address) {
        return is_public_v4(inner);
    }
    is_in(address, GLOBAL_UNICAST) && !NOT_PUBLIC_V6.iter().any(|&block| is_in(address, block)) && !is_isatap(address)
}

/// The address by which another is judged, since it is where a connection goes.
#[cfg(feature = "reqwest")]
pub(super) fn judged_by(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => of_nat64(address).map(IpAddr::V4),
    }
}

fn of_nat64(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = address.octets();
    is_in(address, NAT64).then(|| Ipv4Addr::new(a, b, c, d))
}

fn is_in(address: Ipv6Addr, (block, length): Block6) -> bool {
    (u128::from(address) ^ u128::from(Ipv6Addr::from(block))).leading_zeros() >= length
}

/// An interface identifier that says which IPv4 address inside a site it stands for (RFC 5214 section 6.1).
const fn is_isatap(address: Ipv6Addr) -> bool {
    let [.., a, b, _, _] = address.segments();
    b == 0x5efe && a & 0xfdff == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, first and last address of every row of the two registries, and of multicast.
    const ROWS: &[(&str, &str, &str)] = &[
        ("this network", "0.0.0.0", "0.255.255.255"),
        ("private use", "10.0.0.0", "10.255.255.255"),
        ("shared address space", "100.64.0.0", "100.127.255.255"),
        ("loopback", "127.0.0.0", "127.255.255.255"),
        ("Azure's host", "168.63.129.16", "168.63.129.16"),
        ("link-local", "169.254.0.0", "169.254.255.255"),
        ("private use", "172.16.0.0", "172.31.255.255"),
        ("IETF protocol assignments", "192.0.0.0", "192.0.0.255"),
        ("service continuity", "192.0.0.0", "192.0.0.7"),
        ("dummy address", "192.0.0.8", "192.0.0.8"),
        ("PCP anycast", "192.0.0.9", "192.0.0.9"),
        ("TURN anycast", "192.0.0.10", "192.0.0.10"),
        ("NAT64/DNS64 discovery", "192.0.0.170", "192.0.0.171"),
        ("a cloud's metadata", "192.0.0.192", "192.0.0.192"),
        ("TEST-NET-1", "192.0.2.0", "192.0.2.255"),
        ("AS112-v4", "192.31.196.0", "192.31.196.255"),
        ("AMT", "192.52.193.0", "192.52.193.255"),
        ("6to4 relay anycast", "192.88.99.0", "192.88.99.255"),
        ("private use", "192.168.0.0", "192.168.255.255"),
        ("direct delegation AS112", "192.175.48.0", "192.175.48.255"),
        ("benchmarking", "198.18.0.0", "198.19.255.255"),
        ("TEST-NET-2", "198.51.100.0", "198.51.100.255"),
        ("TEST-NET-3", "203.0.113.0", "203.0.113.255"),
        ("multicast", "224.0.0.0", "239.255.255.255"),
        ("reserved", "240.0.0.0", "255.255.255.254"),
        ("limited broadcast", "255.255.255.255", "255.255.255.255"),
        ("unspecified", "::", "::"),
        ("loopback", "::1", "::1"),
        ("IPv4-compatible", "::2", "::ffff:ffff"),
        ("IPv4-compatible public", "::1.1.1.1", "::8.8.8.8"),
        ("IPv4-mapped", "::ffff:0.0.0.0", "::ffff:255.255.255.255"),
        ("IPv4-mapped public", "::ffff:1.1.1.1", "::ffff:8.8.8.8"),
        ("IPv4-translated (SIIT)", "::ffff:0:0:0", "::ffff:0:ffff:ffff"),
        ("NAT64 of loopback", "64:ff9b::127.0.0.0", "64:ff9b::127.255.255.255"),
        ("NAT64 of private use", "64:ff9b::10.0.0.0", "64:ff9b::10.255.255.255"),
        ("NAT64 of link-local", "64:ff9b::169.254.169.254", "64:ff9b::169.254.169.254"),
        ("NAT64 of broadcast", "64:ff9b::255.255.255.255", "64:ff9b::255.255.255.255"),
        ("NAT64, beside /96", "64:ff9b::1:101:101", "64:ff9b::ffff:101:101"),
        ("local-use NAT64", "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
        ("local-use NAT64 of a public one", "64:ff9b:1::1.1.1.1", "64:ff9b:1:101:1:100::"),
        ("discard-only", "100::", "100::ffff:ffff:ffff:ffff"),
        ("dummy prefix", "100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff"),
        ("IETF protocol assignments", "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("Teredo", "2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("PCP anycast", "2001:1::1", "2001:1::1"),
        ("TURN anycast", "2001:1::2", "2001:1::2"),
        ("DNS-SD SRP anycast", "2001:1::3", "2001:1::3"),
        ("benchmarking", "2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff"),
        ("AMT", "2001:3::", "2001:3:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("AS112-v6", "2001:4:112::", "2001:4:112:ffff:ffff:ffff:ffff:ffff"),
        ("ORCHID", "2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("ORCHIDv2", "2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("DRIP", "2001:30::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("documentation", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("6to4", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("6to4 of a public one", "2002:101:101::", "2002:101:101::1"),
        ("direct delegation AS112", "2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff"),
        ("documentation", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("segment routing", "5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("unassigned", "4000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("unique-local", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("a cloud's metadata", "fd00:ec2::254", "fd00:ec2::254"),
        ("link-local", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("site-local", "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("multicast", "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("ISATAP", "2600::5efe:10.0.0.1", "2600::200:5efe:10.0.0.1"),
    ];

    fn parsed(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// The address halfway, so that a prefix that is too long is seen.
    fn between(first: IpAddr, last: IpAddr) -> IpAddr {
        match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                let (first, last) = (u32::from(first), u32::from(last));
                Ipv4Addr::from(first + (last - first) / 2).into()
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                let (first, last) = (u128::from(first), u128::from(last));
                Ipv6Addr::from(first.min(last) + first.abs_diff(last) / 2).into()
            }
            _ => panic!("of two families"),
        }
    }

    #[test]
    fn no_row_of_the_registries_is_public() {
        for &(name, first, last) in ROWS {
            let (first, last) = (parsed(first), parsed(last));
            assert!(!is_public(first), "{name}: {first}");
            assert!(!is_public(last), "{name}: {last}");
            let is_range = !name.contains("public") && name != "ISATAP";
            assert!(!is_range || !is_public(between(first, last)), "{name}");
        }
    }

    #[test]
    fn what_lies_beside_a_row_is_public() {
        for address in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.31.195.255",
            "192.31.197.0",
            "192.52.192.255",
            "192.52.194.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "192.175.47.255",
            "192.175.49.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "8.8.8.8",
            "2000::1",
            "2001:200::",
            "2001:db7:ffff::",
            "2001:db9::",
            "2001:4860:4860::8888",
            "2003::",
            "2600::",
            "2620:4f:7fff::1",
            "2620:4f:8001::",
            "2a00::1",
            "3ffe::1",
            "3fff:1000::",
            "3ffe:ffff::",
            "64:ff9b::8.8.8.8",
            "64:ff9b::101:101",
            "2600::5eff:a00:1",
        ] {
            assert!(is_public(parsed(address)), "{address}");
        }
    }

    /// The standard library's own judgement, where it has one.
    #[test]
    fn nothing_that_the_standard_library_calls_private_is_public() {
        let mut state = 0x9e37_79b9_u32;
        for _ in 0..200_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let address = Ipv4Addr::from(state.rotate_left(13));
            let inside = address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_multicast()
                || address.is_documentation()
                || address.is_broadcast()
                || address.is_unspecified();
            assert!(!inside || !is_public(address.into()), "{address}");
            assert!(!is_public(address.to_ipv6_mapped().into()), "{address}");
            assert!(!is_public(address.to_ipv6_compatible().into()), "{address}");
            let nat64 = Ipv6Addr::from(u128::from(Ipv6Addr::from(NAT64.0)) | u128::from(u32::from(address)));
            assert_eq!(is_public(nat64.into()), is_public(address.into()), "{nat64}");
        }
    }
}
