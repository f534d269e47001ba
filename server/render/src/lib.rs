//! From a policy to the Kubernetes manifests that it needs: `windfirm policy render`.
//!
//! Applied to a cluster, they are all that the portal and the accounts of the policy need there, and nothing wider: no right on groups or
//! users, no wildcard, nothing that the portal could change as itself. The portal never applies them. The same policy and the same
//! [`Settings`] give the same bytes.
//!
//! - [`demand`](self) (private) says what the policy asks for, namespace by namespace; `portal`, `account`, `admission`, `deadline`, `bounds`
//!   and `network` give that the form of objects; `yaml` writes them.
//! - [`diff()`] compares them with what a cluster has.
//!
//! Pure: no async, no I/O. Of the cluster layer it knows plain data: [`windfirm_cluster::RUN_RIGHTS`], how accounts and kinds are
//! written, how acting as an account is granted.

mod account;
mod admission;
mod bounds;
mod deadline;
mod demand;
mod diff;
mod error;
mod network;
mod object;
mod output;
mod portal;
mod settings;
mod yaml;

use std::collections::BTreeSet;

use windfirm_policy::Policy;

pub use diff::{Change, Found, How, diff};
pub use error::RenderError;
pub use object::{KINDS, MANAGED_BY, Object, POLICY, PORTAL};
pub use settings::{BadSetting, Endpoint, HostAddress, Namespaces, OwnSecret, Peer, Settings, Sizes, Version, namespace};

use object::Stamp;
use portal::Names;

/// The manifests of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    objects: Vec<Object>,
    stamp: Stamp,
    kubernetes: Version,
    /// What whoever renders should know, a sentence each.
    pub warnings: Vec<String>,
}

impl Rendered {
    /// In the order in which they can be applied.
    #[must_use]
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }
}

/// # Errors
/// When the policy and the settings contradict each other.
pub fn render(policy: &Policy, settings: &Settings) -> Result<Rendered, RenderError> {
    let names = Names::of(settings);
    let namespaces = demand::of(policy, settings)?;
    let mut warnings = Vec::new();
    let mut objects = portal::cluster(settings, &names);
    objects.extend(admission::policy(&namespaces, settings, &names));
    objects.extend(deadline::policy(&namespaces, settings, &names));
    let mut by_namespace: Vec<(String, Vec<Object>)> = Vec::new();
    let mut add = |namespace: &str, objects: Vec<Object>| match by_namespace.iter_mut().find(|(name, _)| name == namespace) {
        Some((_, there)) => there.extend(objects),
        None => by_namespace.push((namespace.to_owned(), objects)),
    };
    add(settings.portal.namespace(), portal::own_namespace(settings));
    if let Some(argocd) = &settings.argocd_namespace {
        add(argocd, portal::argocd(settings, &names));
    }
    let of_secrets: BTreeSet<&str> = settings.secrets.keys().map(|secret| secret.namespace.as_str()).collect();
    for namespace in &of_secrets {
        add(namespace, portal::secrets(namespace, settings, &names));
    }
    for namespace in &namespaces {
        let (network, outside) = network::network(namespace, settings, &names);
        if !outside.is_empty() {
            warnings.push(format!(
                "Runs in namespace {} are to reach {}, which a NetworkPolicy cannot say, because it knows no names. Where NetworkPolicies are enforced they cannot be reached. Say where they are with --host-address name=address/prefix.",
                namespace.name,
                outside.join(", ")
            ));
        }
        for need in &namespace.accounts {
            if need.account.name() == "default" {
                warnings.push(format!(
                    "The account {} is what every pod of the namespace runs as that names none: all of them would have the rights of runs. Name another one in the policy.",
                    need.account
                ));
            }
            add(&namespace.name, account::account(need, &names));
        }
        add(&namespace.name, account::acting(namespace, settings, &names));
        add(&namespace.name, bounds::bounds(namespace, settings.sizes, &names));
        add(&namespace.name, network);
    }
    by_namespace.sort_by(|(one, _), (two, _)| one.cmp(two));
    for (name, mut inner) in by_namespace {
        // Argo CD's own is there, or there would be nothing to read; so is one that only holds Secrets.
        let only_read = settings.argocd_namespace.as_ref() == Some(&name) || inner.iter().all(|object| object.name == names.secrets());
        if settings.namespaces == Namespaces::Made && !only_read {
            let grants: Vec<_> = namespaces.iter().filter(|namespace| namespace.name == name).flat_map(demand::Namespace::grants).collect();
            let mut about = object::asked_for(grants);
            if name == settings.portal.namespace() {
                about.insert(0, "For the portal itself.".to_owned());
            }
            inner.insert(0, portal::namespace(&name, about));
        }
        objects.extend(inner);
    }
    let stamp = Stamp { digest: policy.digest().to_owned(), portal: settings.portal.to_string() };
    Ok(Rendered { objects, stamp, kubernetes: settings.kubernetes, warnings })
}
