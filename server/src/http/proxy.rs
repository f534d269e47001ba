//! Behind a proxy, everybody comes from the proxy's address. Where the configuration names the proxies, the address that the last
//! of them saw stands in its place, for the bounds at the door and for the record.
//!
//! Each proxy adds the address of whoever it was asked by at the end of `X-Forwarded-For`. What stands before that came from outside
//! and may be invented: it is read from the end, and no further than the first address that is not one of our proxies.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::HeaderMap,
    middleware::Next,
    response::Response,
};
use ipnet::IpNet;

use crate::state::Portal;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The outermost layer: whoever asks after the address, asks after the person's.
pub async fn look_through(State(portal): State<Arc<Portal>>, mut request: Request, next: Next) -> Response {
    let trusted = &portal.settings.trusted_proxies;
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() {
        let client = client_behind(trusted, peer.ip(), request.headers());
        if client != peer.ip() {
            // The port is the proxy's and tells nothing.
            request.extensions_mut().insert(ConnectInfo(SocketAddr::new(client, 0)));
        }
    }
    next.run(request).await
}

fn client_behind(trusted: &[IpNet], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let is_proxy = |address: IpAddr| trusted.iter().any(|network| network.contains(&address.to_canonical()));
    if !is_proxy(peer) {
        return peer;
    }
    let named = headers.get_all(FORWARDED_FOR).iter().map(|value| value.to_str().unwrap_or_default()).collect::<Vec<_>>().join(",");
    let mut client = peer;
    for name in named.rsplit(',') {
        // Something else than an address: what stands before it cannot be told to be the proxy's word.
        let Some(address) = address(name.trim()) else { break };
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
    plain.parse().or_else(|_| name.parse::<SocketAddr>().map(|address| address.ip())).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn seen(peer: &str, lines: &[&str]) -> String {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "2001:db8:1::/48"].iter().map(|network| network.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        client_behind(&trusted, peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn a_proxy_is_believed_and_nobody_else() {
        assert_eq!(seen("10.0.0.1", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(seen("192.0.2.9", &["192.0.2.7"]), "192.0.2.9", "not a proxy of ours");
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
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
