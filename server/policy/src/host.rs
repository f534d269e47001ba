//! Hosts that a run talks to, and the patterns of hosts that a guardrail allows.
//!
//! Pure text: no names are resolved here. `localhost` is a name and `127.0.0.1` an address; a pattern for one does not allow the
//! other. Whoever starts the run resolves names and holds the run to the addresses.

use std::{fmt, net::IpAddr, str::FromStr};

/// One host and port, in one spelling: names in lower case without a final dot, addresses in their shortest form,
/// IPv4-mapped IPv6 addresses as IPv4.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPort {
    host: String,
    port: u16,
}

/// Why a text is no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    #[error("the port is missing")]
    NoPort,
    #[error("the port is not a number from 1 to 65535")]
    BadPort,
    #[error("the host is empty")]
    NoHost,
    #[error("the host is neither a name nor an address")]
    BadHost,
    #[error("an IPv6 address stands in brackets")]
    NoBrackets,
    #[error("a “*” may only stand before a domain, as in “*.shop.svc”, or for the port")]
    Wildcard,
}

impl HostError {
    pub(crate) const fn why(&self) -> &'static str {
        match self {
            Self::NoPort => "the port is missing",
            Self::BadPort => "the port is neither “*” nor a number from 1 to 65535",
            Self::NoHost => "the host is empty",
            Self::BadHost => "the host is neither a name nor an address",
            Self::NoBrackets => "an IPv6 address stands in brackets",
            Self::Wildcard => "a “*” may only stand before a domain, or for the port; any host at all is never allowed",
        }
    }
}

impl HostPort {
    /// `host`: a name, an IPv4 address, or an IPv6 address with or without brackets (so `url::Url::host_str` fits).
    pub fn new(host: &str, port: u16) -> Result<Self, HostError> {
        if port == 0 {
            return Err(HostError::BadPort);
        }
        Ok(Self { host: canonical_host(host)?, port })
    }
    /// Name or address; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for HostPort {
    type Err = HostError;
    fn from_str(text: &str) -> Result<Self, HostError> {
        let (host, port) = split(text)?;
        Self::new(host, number(port)?)
    }
}
impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", bracketed(&self.host), self.port)
    }
}

/// What a guardrail allows: `127.0.0.1:*`, `*.shop.svc:8080`, `host:port`, `[::1]:80`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    host: HostMatch,
    /// `None`: any.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostMatch {
    Exact(String),
    /// Every name below this domain, at any depth, but not the domain itself. Kept with its leading dot.
    Below(String),
}

impl HostPattern {
    #[must_use]
    pub fn matches(&self, target: &HostPort) -> bool {
        let host = match &self.host {
            HostMatch::Exact(host) => *host == target.host,
            // The domain has its leading dot and no host begins with one, so the domain itself does not match.
            HostMatch::Below(domain) => target.host.ends_with(domain.as_str()),
        };
        host && self.port.is_none_or(|port| port == target.port)
    }
    /// The one name or address, when it is not a whole domain; an IPv6 address without brackets.
    #[must_use]
    pub fn exact_host(&self) -> Option<&str> {
        match &self.host {
            HostMatch::Exact(host) => Some(host),
            HostMatch::Below(_) => None,
        }
    }
    /// The domain whose names are meant, without a dot in front, when it is not one name.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        match &self.host {
            HostMatch::Exact(_) => None,
            HostMatch::Below(domain) => domain.strip_prefix('.'),
        }
    }
    /// What this one and `other` both allow; `None`: nothing.
    #[must_use]
    pub fn and(&self, other: &Self) -> Option<Self> {
        let host = match (&self.host, &other.host) {
            (HostMatch::Exact(one), HostMatch::Exact(two)) => (one == two).then_some(&self.host),
            (HostMatch::Exact(one), HostMatch::Below(domain)) => one.ends_with(domain.as_str()).then_some(&self.host),
            (HostMatch::Below(domain), HostMatch::Exact(two)) => two.ends_with(domain.as_str()).then_some(&other.host),
            // One of the two domains lies in the other, or no name is in both.
            (HostMatch::Below(one), HostMatch::Below(two)) if one.ends_with(two.as_str()) => Some(&self.host),
            (HostMatch::Below(one), HostMatch::Below(two)) => two.ends_with(one.as_str()).then_some(&other.host),
        };
        let port = match (self.port, other.port) {
            (None, port) | (port, None) => port,
            (Some(one), Some(two)) if one == two => Some(one),
            _ => return None,
        };
        Some(Self { host: host?.clone(), port })
    }
    /// `None`: any port.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }
    /// Whether everything that `other` allows is allowed by this one too.
    pub(crate) fn includes(&self, other: &Self) -> bool {
        let host = match (&self.host, &other.host) {
            (HostMatch::Exact(wide), HostMatch::Exact(narrow)) => wide == narrow,
            (HostMatch::Exact(_), HostMatch::Below(_)) => false,
            (HostMatch::Below(wide), HostMatch::Exact(narrow)) => narrow.ends_with(wide.as_str()),
            (HostMatch::Below(wide), HostMatch::Below(narrow)) => narrow.ends_with(wide.as_str()),
        };
        host && (self.port.is_none() || self.port == other.port)
    }
}

impl FromStr for HostPattern {
    type Err = HostError;
    fn from_str(text: &str) -> Result<Self, HostError> {
        let (host, port) = split(text)?;
        let port = if port == "*" { None } else { Some(number(port)?) };
        let host = match host.strip_prefix("*.") {
            Some(domain) => {
                let domain = canonical_host(domain)?;
                if domain.parse::<IpAddr>().is_ok() {
                    return Err(HostError::Wildcard);
                }
                HostMatch::Below(format!(".{domain}"))
            }
            None => HostMatch::Exact(canonical_host(host)?),
        };
        Ok(Self { host, port })
    }
}
impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            HostMatch::Exact(host) => write!(f, "{}:", bracketed(host))?,
            HostMatch::Below(domain) => write!(f, "*{domain}:")?,
        }
        match self.port {
            Some(port) => write!(f, "{port}"),
            None => f.write_str("*"),
        }
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// `host:port` or `[address]:port`, apart.
fn split(text: &str) -> Result<(&str, &str), HostError> {
    if text.starts_with('[') {
        let (host, port) = text.rsplit_once("]:").ok_or(HostError::NoPort)?;
        let address = host.strip_prefix('[').unwrap_or(host);
        return if address.contains(':') { Ok((address, port)) } else { Err(HostError::BadHost) };
    }
    let (host, port) = text.rsplit_once(':').ok_or(HostError::NoPort)?;
    if host.contains(':') {
        return Err(HostError::NoBrackets);
    }
    Ok((host, port))
}

fn number(port: &str) -> Result<u16, HostError> {
    let digits = !port.is_empty() && port.chars().all(|c| c.is_ascii_digit());
    port.parse::<u16>().ok().filter(|port| digits && *port > 0).ok_or(HostError::BadPort)
}

fn canonical_host(text: &str) -> Result<String, HostError> {
    let bare = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(address.to_canonical().to_string());
    }
    let name = bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase();
    if name.is_empty() {
        return Err(HostError::NoHost);
    }
    if name.contains('*') {
        return Err(HostError::Wildcard);
    }
    let good_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
    };
    // Short and hexadecimal spellings of addresses (127.1, 0x7f000001) would slip past patterns of addresses.
    let like_address = name
        .rsplit('.')
        .next()
        .is_some_and(|last| last.chars().all(|c| c.is_ascii_digit()) || last.strip_prefix("0x").is_some_and(|hex| hex.chars().all(|c| c.is_ascii_hexdigit())));
    if name.len() > 253 || like_address || !name.split('.').all(good_label) {
        return Err(HostError::BadHost);
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> HostPort {
        text.parse().unwrap()
    }
    fn pattern(text: &str) -> HostPattern {
        text.parse().unwrap()
    }

    #[test]
    fn patterns_allow_what_they_say_and_nothing_near() {
        for (allowed, target, expected) in [
            ("127.0.0.1:*", "127.0.0.1:8080", true),
            ("127.0.0.1:*", "127.0.0.10:8080", false),
            ("127.0.0.1:*", "localhost:8080", false),
            ("127.0.0.1:*", "[::ffff:127.0.0.1]:8080", true),
            ("*.shop.svc:8080", "cart.shop.svc:8080", true),
            ("*.shop.svc:8080", "a.cart.shop.svc:8080", true),
            ("*.shop.svc:8080", "shop.svc:8080", false),
            ("*.shop.svc:8080", "workshop.svc:8080", false),
            ("*.shop.svc:8080", "evil-shop.svc:8080", false),
            ("*.shop.svc:8080", "cart.shop.svc:80", false),
            ("*.shop.svc:8080", "cart.shop.svc.evil.example:8080", false),
            ("Cart.Example.:80", "cart.example:80", true),
            ("[::1]:80", "[0:0:0:0:0:0:0:1]:80", true),
            ("[::1]:80", "[::2]:80", false),
            ("cart.example:80", "cart.example:81", false),
        ] {
            assert_eq!(pattern(allowed).matches(&host(target)), expected, "{allowed} for {target}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "host",
            ":80",
            "host:",
            "host:0",
            "host:65536",
            "host:+80",
            "::1:80",
            "[::1]",
            "[host]:80",
            "127.1:80",
            "2130706433:80",
            "0x7f000001:80",
            "a b:80",
            "a..b:80",
            "-a:80",
            "a/b:80",
            "u@h:80",
        ] {
            assert!(text.parse::<HostPort>().is_err(), "{text}");
            assert!(text.parse::<HostPattern>().is_err(), "{text}");
        }
        for text in ["*:80", "*", "*:*", "*.*:80", "a.*.b:80", "a*:80", "*.127.0.0.1:80", "*.:80"] {
            assert!(text.parse::<HostPattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_narrower_pattern_is_included() {
        for (wide, narrow, expected) in [
            ("127.0.0.1:*", "127.0.0.1:80", true),
            ("127.0.0.1:80", "127.0.0.1:*", false),
            ("*.svc:*", "*.shop.svc:80", true),
            ("*.shop.svc:*", "*.svc:80", false),
            ("*.svc:80", "cart.svc:80", true),
            ("cart.svc:80", "*.svc:80", false),
            ("*.svc:80", "*.svc:80", true),
        ] {
            assert_eq!(pattern(wide).includes(&pattern(narrow)), expected, "{wide} for {narrow}");
        }
    }

    #[test]
    fn two_patterns_allow_together_what_each_allows() {
        for (one, two, both) in [
            ("127.0.0.1:*", "127.0.0.1:80", Some("127.0.0.1:80")),
            ("127.0.0.1:81", "127.0.0.1:80", None),
            ("*.svc:*", "*.shop.svc:80", Some("*.shop.svc:80")),
            ("*.shop.svc:*", "*.svc:80", Some("*.shop.svc:80")),
            ("*.shop.svc:*", "*.bank.svc:*", None),
            ("*.svc:80", "cart.shop.svc:*", Some("cart.shop.svc:80")),
            ("*.shop.svc:80", "shop.svc:80", None),
        ] {
            assert_eq!(pattern(one).and(&pattern(two)), both.map(pattern), "{one} and {two}");
            assert_eq!(pattern(two).and(&pattern(one)), both.map(pattern), "{two} and {one}");
        }
    }

    #[test]
    fn a_host_reads_back_as_it_is_written() {
        for text in ["127.0.0.1:80", "[::1]:80", "cart.shop.svc:8080"] {
            assert_eq!(host(text).to_string(), text);
            assert_eq!(pattern(text).to_string(), text);
        }
        assert_eq!(pattern("*.shop.svc:*").to_string(), "*.shop.svc:*");
    }
}
