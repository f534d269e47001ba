//! Where the pods of runs may connect to: the target hosts of the guardrails, name resolution, the portal's ingest, and each other.
//!
//! A NetworkPolicy knows addresses and namespaces, no names and no Services, and it finds pods by label, not by account. So all runs of a
//! namespace have one, which allows what any account of the namespace needs; and a target in the cluster stands for its whole namespace,
//! at any port, because the port of a Service is not the port that its pods listen on. The portal judges each launch by the exact host.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use windfirm_policy::HostPattern;

use crate::{
    admission::EXECUTION,
    demand::Namespace,
    object::{NETWORK_POLICY, Object, asked_for},
    portal::Names,
    settings::{Endpoint, Peer, Settings},
    yaml::{Yaml, list, map, text, texts, told_list},
};

/// Of the portal, where nothing else is said.
const INGEST: u16 = 7700;
const DNS: u16 = 53;
/// Of k6, by which the starter starts and the operator asks.
const REST: u16 = 6565;

/// What a pattern of a guardrail is for a network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    /// Any pod of it.
    Namespace(String),
    EveryNamespace,
    Network(IpNet, Option<u16>),
    /// The pod itself.
    Itself,
    /// A name that this cluster does not know.
    Outside,
}

/// The policy of a namespace, and the patterns that could not be said in it.
pub(crate) fn network(namespace: &Namespace, settings: &Settings, names: &Names) -> (Vec<Object>, Vec<String>) {
    if !namespace.has_runs() {
        return (Vec::new(), Vec::new());
    }
    let hosts: BTreeMap<&String, &HostPattern> = namespace.accounts.iter().flat_map(|need| &need.hosts).collect();
    let mut outside = Vec::new();
    // By peer, so that one peer has one rule: the patterns it stands for, and the ports; none: all.
    let mut peers: BTreeMap<Peerage, (BTreeSet<&str>, Option<BTreeSet<u16>>)> = BTreeMap::new();
    for (written, pattern) in hosts {
        for target in targets(pattern, settings) {
            let (peer, port) = match target {
                Target::Namespace(name) => (Peerage::Of(Peer::Namespace(name)), None),
                Target::EveryNamespace => (Peerage::EveryNamespace, None),
                Target::Network(network, port) => (Peerage::Of(Peer::Network(network)), port),
                Target::Itself => continue,
                Target::Outside => {
                    outside.push(written.clone());
                    continue;
                }
            };
            let (patterns, ports) = peers.entry(peer).or_insert_with(|| (BTreeSet::new(), Some(BTreeSet::new())));
            patterns.insert(written);
            match (port, ports.as_mut()) {
                (Some(port), Some(ports)) => {
                    ports.insert(port);
                }
                _ => *ports = None,
            }
        }
    }
    let mut rules = Vec::new();
    for (peer, (patterns, ports)) in peers {
        let told = format!("Guardrails allow {}.", patterns.into_iter().collect::<Vec<_>>().join(", "));
        let ports = ports.map(|ports| ports.into_iter().map(|port| ("TCP", port)).collect()).unwrap_or_default();
        rules.push((vec![told], egress(vec![peer.yaml()], ports)));
    }
    let dns = settings.dns.iter().map(|peer| Peerage::Of(peer.clone()).yaml()).collect::<Vec<_>>();
    if !dns.is_empty() {
        rules.push((vec!["To resolve names.".to_owned()], egress(dns, vec![("UDP", DNS), ("TCP", DNS)])));
    }
    for Endpoint { peer, port } in ingest(settings) {
        rules.push((vec!["To deliver to the portal what was measured.".to_owned()], egress(vec![Peerage::Of(peer).yaml()], vec![("TCP", port)])));
    }
    let each_other = map([("podSelector", of_runs())]);
    rules.push((vec!["The starter starts the runners.".to_owned()], egress(vec![each_other], vec![("TCP", REST)])));
    let mut about = vec!["Where the pods of runs may connect to. Nothing else in this namespace is touched by it.".to_owned()];
    if !outside.is_empty() {
        about.push(format!(
            "Not in it, because a NetworkPolicy knows no names: {}. Say where they are with --host-address name=address/prefix.",
            outside.join(", ")
        ));
    }
    about.extend(asked_for(namespace.grants()));
    let spec = map([("podSelector", of_runs()), ("policyTypes", texts(["Egress"])), ("egress", told_list(rules))]);
    (vec![Object::new(NETWORK_POLICY, Some(&namespace.name), &names.runs, about, map([("spec", spec)]))], outside)
}

fn ingest(settings: &Settings) -> Vec<Endpoint> {
    if settings.ingest.is_empty() {
        vec![Endpoint { peer: Peer::Namespace(settings.portal.namespace().to_owned()), port: INGEST }]
    } else {
        // In whatever order they were named.
        settings.ingest.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Peerage {
    Of(Peer),
    EveryNamespace,
}

impl Peerage {
    fn yaml(&self) -> Yaml {
        match self {
            Self::Of(Peer::Namespace(name)) => map([("namespaceSelector", map([("matchLabels", map([("kubernetes.io/metadata.name", text(name))]))]))]),
            Self::Of(Peer::Network(network)) => map([("ipBlock", map([("cidr", text(network.to_string()))]))]),
            Self::EveryNamespace => map([("namespaceSelector", map::<&str>([]))]),
        }
    }
}

fn of_runs() -> Yaml {
    map([("matchExpressions", list([map([("key", text(EXECUTION)), ("operator", text("Exists"))])]))])
}

fn egress(to: Vec<Yaml>, ports: Vec<(&str, u16)>) -> Yaml {
    let rule = map([("to", list(to))]);
    if ports.is_empty() {
        return rule;
    }
    rule.with("ports", list(ports.into_iter().map(|(protocol, port)| map([("protocol", text(protocol)), ("port", Yaml::Whole(u64::from(port)))]))))
}

/// At least one.
fn targets(pattern: &HostPattern, settings: &Settings) -> Vec<Target> {
    let port = pattern.port();
    let name = match (pattern.exact_host(), pattern.domain()) {
        (Some(host), _) => {
            if let Ok(address) = host.parse::<IpAddr>() {
                let itself = address.is_loopback() || address.is_unspecified();
                return vec![if itself { Target::Itself } else { Target::Network(IpNet::from(address), port) }];
            }
            let told: Vec<Target> = settings.host_addresses.iter().filter(|told| told.host == host).map(|told| Target::Network(told.network, port)).collect();
            if !told.is_empty() {
                return told;
            }
            if host == "localhost" {
                return vec![Target::Itself];
            }
            host
        }
        (None, Some(domain)) => domain,
        (None, None) => return vec![Target::Outside],
    };
    vec![in_cluster(name, pattern.exact_host().is_some(), &settings.cluster_domain)]
}

/// `cart.shop.svc`, `cart.shop.svc.cluster.local`, and for a whole domain also `shop.svc` and `svc`.
fn in_cluster(name: &str, is_one: bool, cluster_domain: &str) -> Target {
    let inner = name.strip_suffix(cluster_domain).and_then(|rest| rest.strip_suffix('.')).unwrap_or(name);
    let mut labels = inner.rsplit('.');
    if !matches!(labels.next(), Some("svc" | "pod")) {
        return Target::Outside;
    }
    match (labels.next(), labels.next().is_some() || !is_one) {
        (Some(namespace), true) => Target::Namespace(namespace.to_owned()),
        (None, true) => Target::EveryNamespace,
        // The name of a namespace alone leads to no pod.
        (_, false) => Target::Outside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pattern: &str) -> Target {
        let mut settings = Settings::new("windfirm/portal".parse().unwrap());
        settings.host_addresses.push("shop.example=203.0.113.0/24".parse().unwrap());
        let found = targets(&pattern.parse().unwrap(), &settings);
        assert_eq!(found.len(), 1, "{pattern}");
        found[0].clone()
    }

    #[test]
    fn a_pattern_is_a_namespace_a_network_or_nothing_that_a_network_knows() {
        for name in [
            "cart.shop.svc:80",
            "cart.shop.svc.cluster.local:80",
            "*.shop.svc:*",
            "*.shop.svc.cluster.local:8080",
            "pod-0.cart.shop.svc:80",
            "*.cart.shop.svc:80",
        ] {
            assert_eq!(of(name), Target::Namespace("shop".into()), "{name}");
        }
        for name in ["*.svc:80", "*.svc.cluster.local:*"] {
            assert_eq!(of(name), Target::EveryNamespace, "{name}");
        }
        for name in
            ["shop.svc:80", "svc:80", "cart:80", "cart.shop:80", "api.example:443", "*.example:443", "cart.shop.svc.example:80", "shop.svc.cluster.local:80"]
        {
            assert_eq!(of(name), Target::Outside, "{name}");
        }
        for name in ["127.0.0.1:*", "[::1]:80", "localhost:80"] {
            assert_eq!(of(name), Target::Itself, "{name}");
        }
        assert_eq!(of("10.0.0.1:80"), Target::Network("10.0.0.1/32".parse().unwrap(), Some(80)));
        assert_eq!(of("[fd00::1]:*"), Target::Network("fd00::1/128".parse().unwrap(), None));
        assert_eq!(of("shop.example:443"), Target::Network("203.0.113.0/24".parse().unwrap(), Some(443)));
    }
}
