//! What the policy does not say and the manifests depend on: the cluster's version, who the portal is, how its runners reach it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
    str::FromStr,
};

use ipnet::IpNet;
use windfirm_cluster::{Account, Impersonation};

/// Whoever renders says what differs from the defaults. What stands here must be what the portal's configuration says too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub kubernetes: Version,
    /// The account that the portal itself runs as.
    pub portal: Account,
    /// Where runners deliver what they measure. Empty: port 7700 of the portal's own namespace.
    pub ingest: Vec<Endpoint>,
    /// Where names are resolved.
    pub dns: Vec<Peer>,
    /// Read Argo CD's objects in this namespace only. `None`: in all, because Applications may live in any.
    pub argocd_namespace: Option<String>,
    /// What the names of services end with: `cluster.local`.
    pub cluster_domain: String,
    /// Addresses of target hosts outside the cluster that guardrails name by name.
    pub host_addresses: Vec<HostAddress>,
    /// Namespaces in which nothing but runs lives.
    pub dedicated: BTreeSet<String>,
    pub namespaces: Namespaces,
    pub sizes: Sizes,
    /// The portal's `runs.runner_image` of the cluster: what may come before k6 in a pod and fetch its files. `None`: nothing may.
    pub runner_image: Option<String>,
    /// Secrets of this cluster that the portal's own configuration names by `secretRef`, and nothing else may be read of it.
    pub secrets: BTreeMap<OwnSecret, BTreeSet<String>>,
}

/// A Secret that the portal reads for itself, in [`Settings::secrets`] with what it is for, in words; without any where nobody said it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OwnSecret {
    pub namespace: String,
    pub name: String,
}

/// Whether the manifests make the namespaces that they use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Namespaces {
    #[default]
    Made,
    /// They belong to somebody else, and exist.
    Expected,
}

/// How large runs may be, beside what the guardrails say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// TestRuns in one namespace at the same time: the portal's `runs.slots` of the cluster.
    pub runs: u32,
    /// The most runners of one run.
    pub runners: u32,
    /// What one runner asks for: the portal's `runs.cpu`.
    pub cpu_millis: u32,
    /// What one runner asks for and may have: the portal's `runs.memory_mib`.
    pub memory_mib: u32,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { runs: 20, runners: 20, cpu_millis: 500, memory_mib: 512 }
    }
}

impl Settings {
    /// With a portal's account, for the newest version that is known.
    #[must_use]
    pub fn new(portal: Account) -> Self {
        Self {
            kubernetes: Version::default(),
            portal,
            ingest: Vec::new(),
            dns: vec![Peer::Namespace("kube-system".to_owned())],
            argocd_namespace: None,
            cluster_domain: "cluster.local".to_owned(),
            host_addresses: Vec::new(),
            dedicated: BTreeSet::new(),
            namespaces: Namespaces::default(),
            sizes: Sizes::default(),
            runner_image: None,
            secrets: BTreeMap::new(),
        }
    }
}

impl FromStr for OwnSecret {
    type Err = BadSetting;
    /// `namespace/name`.
    fn from_str(text: &str) -> Result<Self, BadSetting> {
        // The names of accounts have the same form.
        let name: Account = text.parse().map_err(|_| BadSetting::Secret(text.to_owned()))?;
        Ok(Self { namespace: name.namespace().to_owned(), name: name.name().to_owned() })
    }
}

/// What is wrong with a setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSetting {
    #[error("“{0}” is no version of Kubernetes. Write two numbers, such as 1.36.")]
    Version(String),
    #[error("Kubernetes {0} is too old: without ValidatingAdmissionPolicies (1.30) nothing keeps the pods of a run on the account that it was created as.")]
    TooOld(Version),
    #[error("“{0}” is no place in a network. Write a namespace, or an address with or without /prefix.")]
    Peer(String),
    #[error("“{0}” is no place that runners deliver to. Write namespace:port, or address/prefix:port; brackets around an IPv6 address, as in [fd00::/8]:7700.")]
    Endpoint(String),
    #[error("“{0}” gives no host an address. Write name=address or name=address/prefix.")]
    HostAddress(String),
    #[error("“{0}” names no Secret. Write namespace/name, in the small letters, digits, dots and dashes that Kubernetes allows.")]
    Secret(String),
    #[error("“{0}” is no namespace. Use small letters, digits and dashes.")]
    Namespace(String),
}

/// A version of Kubernetes, by its two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u32,
    minor: u32,
}

impl Version {
    /// Of ValidatingAdmissionPolicies.
    const OLDEST: Self = Self { major: 1, minor: 30 };
    /// The first in which acting as an account can be granted call by call.
    const CONSTRAINED: Self = Self { major: 1, minor: 36 };
    /// The first whose MutatingAdmissionPolicies are `v1`.
    const MUTATING: Self = Self { major: 1, minor: 36 };

    /// How the right to act as an account is granted there.
    #[must_use]
    pub fn impersonation(self) -> Impersonation {
        if self >= Self::CONSTRAINED { Impersonation::Constrained } else { Impersonation::Legacy }
    }
    /// Whether its API server can complete pods by a rule.
    #[must_use]
    pub(crate) fn completes_pods(self) -> bool {
        self >= Self::MUTATING
    }
}

impl Default for Version {
    fn default() -> Self {
        Self::CONSTRAINED
    }
}

impl FromStr for Version {
    type Err = BadSetting;
    /// `1.36`, also `v1.36.1`.
    fn from_str(text: &str) -> Result<Self, BadSetting> {
        let bad = || BadSetting::Version(text.to_owned());
        let mut numbers = text.strip_prefix('v').unwrap_or(text).split('.').map(|number| {
            let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            number.parse::<u32>().ok().filter(|_| digits).ok_or_else(bad)
        });
        let mut next = || numbers.next().unwrap_or_else(|| Err(bad()));
        let version = Self { major: next()?, minor: next()? };
        // Further numbers make no difference, but must be some.
        if numbers.by_ref().take(2).any(|number| number.is_err()) {
            return Err(bad());
        }
        if version < Self::OLDEST { Err(BadSetting::TooOld(version)) } else { Ok(version) }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Whom a runner may talk to: the pods of a namespace, or addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    Namespace(String),
    Network(IpNet),
}

impl FromStr for Peer {
    type Err = BadSetting;
    fn from_str(text: &str) -> Result<Self, BadSetting> {
        match network(text) {
            Some(network) => Ok(Self::Network(network)),
            None if is_namespace(text) => Ok(Self::Namespace(text.to_owned())),
            None => Err(BadSetting::Peer(text.to_owned())),
        }
    }
}

/// A peer and a port of TCP.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    pub peer: Peer,
    pub port: u16,
}

impl FromStr for Endpoint {
    type Err = BadSetting;
    fn from_str(text: &str) -> Result<Self, BadSetting> {
        let bad = || BadSetting::Endpoint(text.to_owned());
        let (peer, port) = text.rsplit_once(':').ok_or_else(bad)?;
        let bare = peer.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
        // Without brackets nobody knows where an IPv6 address ends and its port begins.
        if peer.contains(':') && bare.is_none() {
            return Err(bad());
        }
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port| digits && *port > 0).ok_or_else(bad)?;
        Ok(Self { peer: bare.unwrap_or(peer).parse().map_err(|_| bad())?, port })
    }
}

/// Where a host outside the cluster is. A NetworkPolicy knows no names, and nothing is resolved here: the same command must write the
/// same bytes tomorrow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostAddress {
    pub host: String,
    pub network: IpNet,
}

impl FromStr for HostAddress {
    type Err = BadSetting;
    fn from_str(text: &str) -> Result<Self, BadSetting> {
        let read = text.split_once('=').and_then(|(host, address)| Some((host.trim_end_matches('.').to_ascii_lowercase(), network(address)?)));
        read.filter(|(host, _)| !host.is_empty()).map(|(host, network)| Self { host, network }).ok_or_else(|| BadSetting::HostAddress(text.to_owned()))
    }
}

/// An address is a network of its own. What follows the prefix is taken away: `10.1.2.3/8` is `10.0.0.0/8`.
fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok().map(|network| network.trunc())
}

/// # Errors
/// When Kubernetes would not take it as the name of a namespace.
pub fn namespace(text: &str) -> Result<String, BadSetting> {
    if is_namespace(text) { Ok(text.to_owned()) } else { Err(BadSetting::Namespace(text.to_owned())) }
}

fn is_namespace(text: &str) -> bool {
    // The part of an account before the slash has the same form.
    !text.contains('/') && format!("{text}/x").parse::<Account>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_decide_how_acting_is_granted() {
        for (text, impersonation) in [("1.30", Impersonation::Legacy), ("v1.35.4", Impersonation::Legacy), ("1.36", Impersonation::Constrained)] {
            assert_eq!(text.parse::<Version>().unwrap().impersonation(), impersonation, "{text}");
        }
        assert_eq!("2.0".parse::<Version>().unwrap().impersonation(), Impersonation::Constrained);
        for text in ["", "1", "1.x", "1.36.x", "1.-3", "+1.36", "latest"] {
            assert_eq!(text.parse::<Version>(), Err(BadSetting::Version(text.into())), "{text}");
        }
        assert!(matches!("1.29".parse::<Version>(), Err(BadSetting::TooOld(_))));
    }

    #[test]
    fn places_are_namespaces_or_networks() {
        let endpoint = |text: &str| text.parse::<Endpoint>();
        let in_namespace = Endpoint { peer: Peer::Namespace("windfirm".into()), port: 7700 };
        assert_eq!(endpoint("windfirm:7700"), Ok(in_namespace));
        for (text, network) in [("10.1.2.3:80", "10.1.2.3/32"), ("10.1.2.3/8:80", "10.0.0.0/8"), ("[fd00::1/8]:80", "fd00::/8"), ("[::1]:80", "::1/128")] {
            assert_eq!(endpoint(text), Ok(Endpoint { peer: Peer::Network(network.parse().unwrap()), port: 80 }), "{text}");
        }
        for text in
            ["", "windfirm", "windfirm:", ":80", "windfirm:0", "windfirm:+80", "windfirm:65536", "fd00::1:80", "a.b:80", "Windfirm:80", "10.0.0.0/33:80"]
        {
            assert_eq!(endpoint(text), Err(BadSetting::Endpoint(text.into())), "{text}");
        }
        assert_eq!("windfirm/oidc".parse(), Ok(OwnSecret { namespace: "windfirm".into(), name: "oidc".into() }));
        for text in ["oidc", "windfirm/", "windfirm/oidc/key", "windfirm/*"] {
            assert_eq!(text.parse::<OwnSecret>(), Err(BadSetting::Secret(text.into())), "{text}");
        }
        assert!("shop.example=203.0.113.7".parse::<HostAddress>().is_ok());
        for text in ["shop.example", "=203.0.113.7", "shop.example=somewhere"] {
            assert_eq!(text.parse::<HostAddress>(), Err(BadSetting::HostAddress(text.into())), "{text}");
        }
    }
}
