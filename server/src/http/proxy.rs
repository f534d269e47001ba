//! Behind a proxy, everybody comes from the proxy's address. Where the configuration names the proxies, the address that the last
//! of them saw stands in its place, for the bounds at the door and for the record.
//!
//! Each proxy adds the address of whoever it was asked by at the end of `X-Forwarded-For`. What stands before that came from outside
//! and may be invented: it is read from the end, and no further than the first address that is not one of our proxies.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue},
    middleware::Next,
    response::Response,
};
use ipnet::IpNet;

use crate::state::Portal;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The outermost layer: whoever asks after the address, asks after the person's.
pub async fn look_through(State(portal): State<Arc<Portal>>, mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() {
        let seen = seen_from(&portal.settings.trusted_proxies, peer, request.headers());
        request.extensions_mut().insert(ConnectInfo(seen));
    }
    next.run(request).await
}

/// The address in its plain form: what comes in over a socket for both families is recorded as what it is.
fn seen_from(trusted: &[IpNet], peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
    let here = peer.ip().to_canonical();
    let client = client_behind(trusted, here, headers);
    // The port of a proxy tells nothing.
    SocketAddr::new(client, if client == here { peer.port() } else { 0 })
}

fn client_behind(trusted: &[IpNet], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let is_proxy = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    if !is_proxy(peer) {
        return peer;
    }
    let mut client = peer;
    // From the end, name by name: what somebody outside put before must not spoil what a proxy of ours added.
    let lines: Vec<&[u8]> = headers.get_all(FORWARDED_FOR).iter().map(HeaderValue::as_bytes).collect();
    for name in lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b',')) {
        // Something else than an address: what stands before it cannot be told to be the proxy's word.
        let Some(address) = std::str::from_utf8(name).ok().and_then(|name| address(name.trim())) else { break };
        client = address;
        if !is_proxy(address) {
            break;
        }
    }
    client
}

/// With or without a port; an address of IPv6 in brackets when there is one.
fn address(name: &str) -> Option<IpAddr> {
    let plain = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    let address: Option<IpAddr> = plain.parse().or_else(|_| name.parse::<SocketAddr>().map(|address| address.ip())).ok();
    address.map(|address| address.to_canonical())
}

/// The address under which somebody is counted.
#[must_use]
pub fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        // Whoever has one address of IPv6 has the 2^64 beside it.
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: &[&str] = &[];

    fn seen(peer: &str, lines: &[impl AsRef<[u8]>]) -> String {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "2001:db8:1::/48"].iter().map(|network| network.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line.as_ref()).unwrap());
        }
        seen_from(&trusted, SocketAddr::new(peer.parse().unwrap(), 4711), &headers).ip().to_string()
    }

    #[test]
    fn what_is_no_text_spoils_nothing_but_itself() {
        let lines: [&[u8]; 1] = [b"\xff, 192.0.2.99"];
        assert_eq!(seen("10.0.0.1", &lines), "192.0.2.99");
        let lines: [&[u8]; 2] = [b"\xff\xfe", b"192.0.2.99, 10.0.0.7"];
        assert_eq!(seen("10.0.0.1", &lines), "192.0.2.99");
        let lines: [&[u8]; 1] = [b"192.0.2.99, \xff"];
        assert_eq!(seen("10.0.0.1", &lines), "10.0.0.1");
    }

    #[test]
    fn an_address_is_told_in_its_plain_form() {
        assert_eq!(seen("::ffff:192.0.2.9", NOTHING), "192.0.2.9");
        assert_eq!(seen("10.0.0.1", &["::ffff:192.0.2.7"]), "192.0.2.7");
        assert_eq!(seen("10.0.0.1", &["192.0.2.7, ::ffff:10.0.0.2"]), "192.0.2.7", "a proxy is one however it is written");
        assert_eq!(seen_from(&[], "[::ffff:192.0.2.9]:4711".parse().unwrap(), &HeaderMap::new()), "192.0.2.9:4711".parse().unwrap());
    }

    #[test]
    fn a_proxy_is_believed_and_nobody_else() {
        assert_eq!(seen("10.0.0.1", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(seen("192.0.2.9", &["192.0.2.7"]), "192.0.2.9", "not a proxy of ours");
        assert_eq!(seen("10.0.0.1", NOTHING), "10.0.0.1");
        assert_eq!(seen("::ffff:10.0.0.1", &["192.0.2.7"]), "192.0.2.7", "a socket for both families");
        assert_eq!(seen("2001:db8:1::5", &["2001:db8:9::7"]), "2001:db8:9::7");
    }

    #[test]
    fn only_the_end_that_our_proxies_wrote_counts() {
        assert_eq!(seen("10.0.0.1", &["1.1.1.1, 192.0.2.7"]), "192.0.2.7", "the first was invented");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1, 192.0.2.7, 10.0.0.2"]), "192.0.2.7", "two proxies");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1", "192.0.2.7"]), "192.0.2.7", "two lines are one list");
        assert_eq!(seen("10.0.0.1", &["192.0.2.7, unknown, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(seen("10.0.0.1", &["<script>"]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["10.0.0.3"]), "10.0.0.3", "somebody inside");
    }

    #[test]
    fn ports_and_brackets_are_read() {
        assert_eq!(seen("10.0.0.1", &["192.0.2.7:4711"]), "192.0.2.7");
        assert_eq!(seen("10.0.0.1", &["[2001:db8:9::7]:4711"]), "2001:db8:9::7");
        assert_eq!(seen("10.0.0.1", &["[2001:db8:9::7]"]), "2001:db8:9::7");
    }
}
