//! One object of the manifests: what it is, where it is, and for whom.

use serde_json::Value;
use windfirm_cluster::Kind;
use windfirm_model::view::access::GrantRow;

use crate::yaml::{self, Yaml, map, text};

/// Who made it, as a label.
pub const MANAGED_BY: &str = "windfirm-policy-render";
/// Of which policy, as an annotation: the SHA-256 of the file.
pub const POLICY: &str = "windfirm.dev/policy-digest";
/// For which portal, as an annotation.
pub const PORTAL: &str = "windfirm.dev/portal-account";

/// The kinds that are rendered, in the order in which they are applied.
pub const KINDS: [Kind; 13] = [
    NAMESPACE,
    Kind::SERVICE_ACCOUNT,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    ROLE,
    ROLE_BINDING,
    ADMISSION_POLICY,
    ADMISSION_BINDING,
    MUTATING_POLICY,
    MUTATING_BINDING,
    RESOURCE_QUOTA,
    LIMIT_RANGE,
    NETWORK_POLICY,
];

pub(crate) const NAMESPACE: Kind = Kind::new("", "v1", "namespaces", "Namespace");
pub(crate) const CLUSTER_ROLE: Kind = Kind::new("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole");
pub(crate) const CLUSTER_ROLE_BINDING: Kind = Kind::new("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding");
pub(crate) const ROLE: Kind = Kind::new("rbac.authorization.k8s.io", "v1", "roles", "Role");
pub(crate) const ROLE_BINDING: Kind = Kind::new("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding");
pub(crate) const ADMISSION_POLICY: Kind = Kind::new("admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy");
pub(crate) const ADMISSION_BINDING: Kind =
    Kind::new("admissionregistration.k8s.io", "v1", "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding");
pub(crate) const MUTATING_POLICY: Kind = Kind::new("admissionregistration.k8s.io", "v1", "mutatingadmissionpolicies", "MutatingAdmissionPolicy");
pub(crate) const MUTATING_BINDING: Kind = Kind::new("admissionregistration.k8s.io", "v1", "mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding");
pub(crate) const RESOURCE_QUOTA: Kind = Kind::new("", "v1", "resourcequotas", "ResourceQuota");
pub(crate) const LIMIT_RANGE: Kind = Kind::new("", "v1", "limitranges", "LimitRange");
pub(crate) const NETWORK_POLICY: Kind = Kind::new("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy");

/// Grants that a comment names before it only counts.
const NAMED: usize = 12;

/// An object of a cluster, as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub(crate) kind: Kind,
    /// `None`: it belongs to the cluster.
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
    /// What it is for, and which grants asked for it; lines.
    pub(crate) comments: Vec<String>,
    pub(crate) annotations: Vec<(String, String)>,
    /// All but `apiVersion`, `kind` and `metadata`: a map.
    pub(crate) body: Yaml,
}

/// What every object carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) digest: String,
    pub(crate) portal: String,
}

impl Object {
    pub(crate) fn new(kind: Kind, namespace: Option<&str>, name: impl Into<String>, comments: Vec<String>, body: Yaml) -> Self {
        Self { kind, namespace: namespace.map(str::to_owned), name: name.into(), comments, annotations: Vec::new(), body }
    }
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }
    /// `None`: it belongs to the cluster.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
    /// As it is sent.
    #[must_use]
    pub(crate) fn value(&self, stamp: &Stamp) -> Value {
        self.yaml(stamp).value()
    }
    /// With its comments above it.
    pub(crate) fn document(&self, stamp: &Stamp) -> String {
        let mut out = String::new();
        yaml::comments(&mut out, 0, &self.comments);
        out.push_str(&self.yaml(stamp).document());
        out
    }
    fn yaml(&self, stamp: &Stamp) -> Yaml {
        let version = if self.kind.group.is_empty() { self.kind.version.to_owned() } else { format!("{}/{}", self.kind.group, self.kind.version) };
        let mut annotations: Vec<(String, String)> = self.annotations.clone();
        annotations.extend([(POLICY.to_owned(), stamp.digest.clone()), (PORTAL.to_owned(), stamp.portal.clone())]);
        annotations.sort();
        let mut metadata = map([("name", text(&self.name))]);
        if let Some(namespace) = &self.namespace {
            metadata = metadata.with("namespace", text(namespace));
        }
        let metadata = metadata
            .with("labels", map([("app.kubernetes.io/managed-by", text(MANAGED_BY))]))
            .with("annotations", map(annotations.into_iter().map(|(key, value)| (key, text(value)))));
        let head = map([("apiVersion", text(version)), ("kind", text(self.kind.kind)), ("metadata", metadata)]);
        head.followed_by(self.body.clone())
    }
}

/// The comments of an object: what it is for, and which grants asked for it.
pub(crate) fn told<'a>(first: impl Into<String>, grants: impl IntoIterator<Item = &'a GrantRow>) -> Vec<String> {
    std::iter::once(first.into()).chain(asked_for(grants)).collect()
}

/// `For grant “shop developers”: tester on /shop/ in dev.` A line for each.
pub(crate) fn asked_for<'a>(grants: impl IntoIterator<Item = &'a GrantRow>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut more = 0_usize;
    for grant in grants {
        let line = sentence(grant);
        if lines.contains(&line) {
            continue;
        }
        if lines.len() < NAMED {
            lines.push(line);
        } else {
            more += 1;
        }
    }
    if more > 0 {
        lines.push(format!("And for {more} more."));
    }
    lines
}

fn sentence(grant: &GrantRow) -> String {
    let on = grant.on.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let within = match grant.environments.as_slice() {
        [] => "all environments".to_owned(),
        names => names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    format!("For grant “{}”: {} on {on} in {within}.", grant.name, grant.role)
}
