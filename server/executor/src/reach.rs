//! Where k6 may connect to, as k6 understands it: everything that is *not* allowed, in CIDR blocks.
//!
//! k6 knows only a deny list, checked when it dials, after names are resolved. The complement of the allowed addresses in that list
//! (33 blocks for one IPv4 address) is an allow list. k6 does not know ports; Landlock does (see [`crate::confine`]), though not addresses.
//! So the border is the *product* of allowed addresses and allowed ports: with `a:80` and `b:90` allowed, `a:90` is within it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use crate::orders::AllowedTarget;

/// CIDR blocks that cover every address but `allowed`, IPv4 first, ascending.
///
/// IPv4-mapped IPv6 addresses count as the IPv4 address that they carry, as they do in k6.
#[must_use]
pub fn blocked_ranges(allowed: &[IpAddr]) -> Vec<String> {
    let mut v4 = BTreeSet::new();
    let mut v6 = BTreeSet::new();
    for address in allowed {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                v4.insert(u128::from(address.to_bits()));
            }
            IpAddr::V6(address) => {
                v6.insert(address.to_bits());
            }
        }
    }
    let v4_text = |start: u128, length: u32| format!("{}/{length}", Ipv4Addr::from_bits(u32::try_from(start).unwrap_or(u32::MAX)));
    let v6_text = |start: u128, length: u32| format!("{}/{length}", Ipv6Addr::from_bits(start));
    let mut ranges = Vec::new();
    complement(&v4, 0, 0, 32, &mut |start, length| ranges.push(v4_text(start, length)));
    complement(&v6, 0, 0, 128, &mut |start, length| ranges.push(v6_text(start, length)));
    ranges
}

/// Walks the binary tree of addresses: a block without an allowed address is blocked whole, a single allowed address is left out,
/// anything else is halved.
fn complement(allowed: &BTreeSet<u128>, start: u128, length: u32, bits: u32, block: &mut dyn FnMut(u128, u32)) {
    let free_bits = bits.saturating_sub(length);
    let last = if free_bits >= 128 { u128::MAX } else { start | ((1_u128 << free_bits) - 1) };
    if allowed.range(start..=last).next().is_none() {
        block(start, length);
    } else if length < bits {
        let half = 1_u128 << (free_bits - 1);
        complement(allowed, start, length + 1, bits, block);
        complement(allowed, start | half, length + 1, bits, block);
    }
}

/// Every allowed address, once.
#[must_use]
pub fn addresses(allowed: &[AllowedTarget]) -> Vec<IpAddr> {
    allowed.iter().flat_map(|target| target.addresses.iter().map(IpAddr::to_canonical)).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The allowed TCP ports; `None` when one target allows all of them.
#[must_use]
pub fn ports(allowed: &[AllowedTarget]) -> Option<BTreeSet<u16>> {
    allowed.iter().map(|target| target.port).collect()
}

/// `hosts` for k6's configuration: each name pinned to the first address that was resolved for it.
#[must_use]
pub fn pinned_hosts(allowed: &[AllowedTarget]) -> BTreeMap<String, String> {
    allowed
        .iter()
        .filter(|target| target.host.parse::<IpAddr>().is_err())
        .filter_map(|target| target.addresses.first().map(|address| (target.host.clone(), address.to_string())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(range: &str, address: IpAddr) -> bool {
        let (start, length) = range.split_once('/').unwrap();
        let length: u32 = length.parse().unwrap();
        match (start.parse::<IpAddr>().unwrap(), address) {
            (IpAddr::V4(start), IpAddr::V4(address)) => length == 0 || (start.to_bits() ^ address.to_bits()) >> (32 - length) == 0,
            (IpAddr::V6(start), IpAddr::V6(address)) => length == 0 || (start.to_bits() ^ address.to_bits()) >> (128 - length) == 0,
            _ => false,
        }
    }

    #[test]
    fn one_address_leaves_32_blocks_and_all_of_ipv6() {
        let ranges = blocked_ranges(&["127.0.0.1".parse().unwrap()]);
        assert_eq!(ranges.len(), 33);
        assert_eq!(ranges.last().unwrap(), "::/0");
    }

    #[test]
    fn nothing_allowed_blocks_everything() {
        assert_eq!(blocked_ranges(&[]), ["0.0.0.0/0", "::/0"]);
    }

    #[test]
    fn every_address_is_blocked_exactly_once_or_allowed() {
        let allowed: Vec<IpAddr> = ["127.0.0.1", "10.0.0.255", "10.1.0.0", "255.255.255.255", "0.0.0.0", "::1", "fd00::7", "::ffff:10.9.9.9"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let ranges = blocked_ranges(&allowed);
        let blocked = |address: IpAddr| ranges.iter().filter(|range| covers(range, address)).count();
        for address in &allowed {
            assert_eq!(blocked(address.to_canonical()), 0, "{address}");
        }
        for other in ["127.0.0.2", "126.255.255.255", "10.0.1.0", "10.0.0.254", "10.1.0.1", "0.0.0.1", "8.8.8.8", "::", "::2", "fd00::6", "2001:db8::1"] {
            assert_eq!(blocked(other.parse().unwrap()), 1, "{other}");
        }
    }

    #[test]
    fn one_open_port_opens_all() {
        let target = |port| AllowedTarget { host: "shop".into(), addresses: vec!["127.0.0.1".parse().unwrap()], port };
        assert_eq!(ports(&[target(Some(80)), target(Some(443))]), Some(BTreeSet::from([80, 443])));
        assert_eq!(ports(&[target(Some(80)), target(None)]), None);
        assert_eq!(ports(&[]), Some(BTreeSet::new()));
        assert_eq!(pinned_hosts(&[target(None)]).get("shop").map(String::as_str), Some("127.0.0.1"));
    }
}
