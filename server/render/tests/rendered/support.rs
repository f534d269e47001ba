//! Policies, and manifests read back as any reader of YAML reads them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use windfirm_policy::{Policy, compile};
use windfirm_render::{Rendered, Settings, render};

pub(crate) const EVERYTHING: &str = include_str!("../fixtures/everything.yaml");
pub(crate) const DEMO: &str = include_str!("../../../../deploy/demo/policy.yaml");

/// What the cluster of `make cluster` has, and the policy that it is of.
pub(crate) const ACCESS: &str = include_str!("../../../../deploy/cluster/manifests/access.yaml");
pub(crate) const EXAMPLE: &str = include_str!("../../../../deploy/example/cluster-policy.yaml");

pub(crate) fn policy(text: &str) -> Policy {
    compile(text, "policy.yaml").unwrap_or_else(|errors| panic!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

pub(crate) fn settings() -> Settings {
    Settings::new("windfirm/portal".parse().unwrap())
}

/// All that can be said, for the policy that says everything.
pub(crate) fn all_settings() -> Settings {
    let mut settings = settings();
    settings.portal = "tools/portal".parse().unwrap();
    settings.ingest = vec!["tools:8080".parse().unwrap(), "10.1.0.0/16:443".parse().unwrap()];
    settings.dns.push("169.254.20.10".parse().unwrap());
    settings.argocd_namespace = Some("argocd".to_owned());
    settings.host_addresses = vec!["shop.example=203.0.113.0/24".parse().unwrap()];
    settings.secrets = BTreeMap::from([
        ("tools/windfirm-oidc".parse().unwrap(), BTreeSet::from(["client of company".to_owned()])),
        ("tools/windfirm-database".parse().unwrap(), BTreeSet::from(["database".to_owned()])),
        ("vault/shared".parse().unwrap(), BTreeSet::new()),
    ]);
    settings.dedicated = BTreeSet::from(["shop-loadtest".to_owned()]);
    settings.runner_image = Some(format!("registry.example/windfirm-runner@sha256:{}", "5e".repeat(32)));
    settings
}

pub(crate) fn rendered(text: &str, settings: &Settings) -> Rendered {
    render(&policy(text), settings).unwrap()
}

pub(crate) fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

pub(crate) fn objects(rendered: &Rendered) -> Vec<Value> {
    documents(&rendered.stream())
}

pub(crate) fn of_kind<'a>(objects: &'a [Value], kind: &str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

pub(crate) fn find<'a>(objects: &'a [Value], kind: &str, namespace: &str, name: &str) -> &'a Value {
    of_kind(objects, kind)
        .find(|object| object["metadata"]["name"] == name && object["metadata"]["namespace"].as_str().unwrap_or_default() == namespace)
        .unwrap_or_else(|| panic!("there is no {kind} {namespace}/{name}"))
}

pub(crate) fn texts(value: &Value) -> Vec<&str> {
    value.as_array().map(|all| all.iter().map(|one| one.as_str().unwrap()).collect()).unwrap_or_default()
}
