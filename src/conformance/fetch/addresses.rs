//! Only public addresses are connected to, whatever a name says and when.

use std::net::IpAddr;

use super::server::{JSON, PUBLIC, answer};
use super::{Bench, LONG, Outcome, fetch_checks};
use crate::conformance::stage::ensure;

fetch_checks! {
    only_public_addresses_are_connected_to:
        "a stranger's URL reaches what is on this machine, in its network, and the cloud's keys (SSRF)";
    a_name_of_both_kinds_leads_to_none_inside:
        "one public address beside an inner one opens the way to the inner one";
    a_name_is_looked_up_once:
        "the name says a public address when it is judged and an inner one when it is connected to (DNS rebinding)";
    a_name_without_addresses_is_an_error:
        "what is connected to instead is nobody's choice";
}

/// One of each kind; the table of all is beside `is_public`.
const INSIDE: &[&str] = &[
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::10.0.0.1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
];

fn inside() -> impl Iterator<Item = IpAddr> {
    INSIDE.iter().filter_map(|text| text.parse().ok())
}

async fn only_public_addresses_are_connected_to(bench: Bench) -> Outcome {
    for address in inside() {
        bench.server.site_at("inside.example", [vec![address]], |connection, _| connection.write(&answer(JSON, b"{}")));
        bench.no_document("inside.example", LONG, &format!("a name of {address}")).await?;
    }
    // All but the address is as here, so it was the address.
    bench.server.site("outside.example", |connection, _| connection.write(&answer(JSON, b"{}")));
    bench.document("outside.example", "/").await?;
    bench.only_public()
}

async fn a_name_of_both_kinds_leads_to_none_inside(bench: Bench) -> Outcome {
    for address in inside() {
        for both in [vec![PUBLIC, address], vec![address, PUBLIC]] {
            bench.server.site_at("both.example", [both], |connection, _| connection.write(&answer(JSON, b"{}")));
            // Whether it connects to the public one or not at all is its own affair.
            let _ = bench.get("both.example", "/", LONG).await?;
            bench.only_public()?;
        }
    }
    Ok(())
}

async fn a_name_is_looked_up_once(bench: Bench) -> Outcome {
    for address in inside() {
        let says = [vec![PUBLIC], vec![address]];
        bench.server.site_at("rebinding.example", says, |connection, _| connection.write(&answer(JSON, b"{}")));
        bench.document("rebinding.example", "/").await?;
        bench.only_public()?;
        // Now it is inside; whoever remembers where it was still goes there.
        let _ = bench.get("rebinding.example", "/", LONG).await?;
        bench.only_public()?;
    }
    ensure!(bench.server.dialled().contains(&PUBLIC), "it does not connect as the rig says");
    Ok(())
}

async fn a_name_without_addresses_is_an_error(bench: Bench) -> Outcome {
    bench.server.site_at("none.example", [vec![]], |connection, _| connection.write(&answer(JSON, b"{}")));
    bench.no_document("none.example", LONG, "a name without addresses").await?;
    ensure!(bench.server.dialled().is_empty(), "it connects to {:?}", bench.server.dialled());
    Ok(())
}
