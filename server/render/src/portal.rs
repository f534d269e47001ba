//! The portal's own account: what it may do as itself, which is to look and to ask.

use windfirm_cluster::Kind;

use crate::{
    object::{CLUSTER_ROLE, CLUSTER_ROLE_BINDING, NAMESPACE, Object, ROLE, ROLE_BINDING},
    settings::{OwnSecret, Settings},
    yaml::{Yaml, list, map, text, texts, told_list},
};

const RBAC: &str = "rbac.authorization.k8s.io";

/// A right of the portal itself, and what it is for.
#[derive(Clone, Copy, Debug)]
struct Own {
    verb: &'static str,
    kind: Kind,
    needed_for: &'static str,
}

const fn own(verb: &'static str, kind: Kind, needed_for: &'static str) -> Own {
    Own { verb, kind, needed_for }
}

/// What the watches of the tree ask for.
const READS: [Own; 6] = [
    own("list", Kind::APPLICATION, "To read the tree of apps."),
    own("watch", Kind::APPLICATION, "To see at once when an app changes."),
    own("list", Kind::APPLICATION_SET, "To read which apps are made by which set."),
    own("watch", Kind::APPLICATION_SET, "To see at once when a set changes."),
    own("list", Kind::APP_PROJECT, "To read the projects of the apps."),
    own("watch", Kind::APP_PROJECT, "To see at once when a project changes."),
];
const REVIEWS: Kind = Kind::new("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview");
/// What the preflight asks.
const ASKS: Own = own("create", REVIEWS, "To ask beforehand what the accounts of the policy may do. It changes nothing.");

/// How the objects of one portal are called. Two portals in one cluster do not touch each other's.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// What belongs to the portal's account.
    pub(crate) portal: String,
    /// What holds for all runs of a namespace.
    pub(crate) runs: String,
}

impl Names {
    pub(crate) fn of(settings: &Settings) -> Self {
        let (namespace, name) = (settings.portal.namespace(), settings.portal.name());
        let suffix = if (namespace, name) == ("windfirm", "portal") { String::new() } else { format!("-{namespace}.{name}") };
        Self { portal: format!("windfirm-portal{suffix}"), runs: format!("windfirm-runs{suffix}") }
    }
    /// What the portal reads for its own configuration.
    pub(crate) fn secrets(&self) -> String {
        format!("{}-secrets", self.portal)
    }
    /// What belongs to one account of the policy.
    pub(crate) fn of_account(&self, account: &str) -> String {
        format!("{}-{account}", self.runs)
    }
}

/// What belongs to the cluster.
pub(crate) fn cluster(settings: &Settings, names: &Names) -> Vec<Object> {
    let reads: &[Own] = if settings.argocd_namespace.is_some() { &[] } else { &READS };
    let rules = rules(reads.iter().chain([&ASKS]));
    let about = vec![
        "What the portal may do as itself in all namespaces, whatever the grants say: it looks and asks, and changes nothing.".to_owned(),
        "It also needs what Kubernetes gives everybody who is authenticated (system:basic-user, system:discovery).".to_owned(),
    ];
    vec![
        Object::new(CLUSTER_ROLE, None, &names.portal, about, map([("rules", rules)])),
        bound(CLUSTER_ROLE_BINDING, None, &names.portal, vec!["Gives that to the portal's account.".to_owned()], CLUSTER_ROLE, settings),
    ]
}

/// What belongs to the portal's namespace, the namespace itself first.
pub(crate) fn own_namespace(settings: &Settings) -> Vec<Object> {
    let namespace = settings.portal.namespace();
    let about = vec!["As whom the portal talks to the cluster. No grant names it; what it may do is what stands here and no more.".to_owned()];
    vec![Object::new(Kind::SERVICE_ACCOUNT, Some(namespace), settings.portal.name(), about, map::<&str>([]))]
}

/// What belongs to Argo CD's namespace, where it is the only one that is read.
pub(crate) fn argocd(settings: &Settings, names: &Names) -> Vec<Object> {
    let Some(namespace) = settings.argocd_namespace.as_deref() else { return Vec::new() };
    let about = vec!["What the portal reads of Argo CD, in its own namespace only, whatever the grants say.".to_owned()];
    vec![
        Object::new(ROLE, Some(namespace), format!("{}-tree", names.portal), about, map([("rules", rules(&READS))])),
        bound(ROLE_BINDING, Some(namespace), &format!("{}-tree", names.portal), vec!["Gives that to the portal's account.".to_owned()], ROLE, settings),
    ]
}

/// The portal's right to read what its own configuration names in this namespace: these Secrets by their names, and no others.
pub(crate) fn secrets(namespace: &str, settings: &Settings, names: &Names) -> Vec<Object> {
    let here = settings.secrets.iter().filter(|(secret, _)| secret.namespace == namespace);
    let rules = here.flat_map(|(OwnSecret { name, .. }, uses)| {
        let uses = if uses.is_empty() { String::new() } else { format!(" ({})", uses.iter().map(String::as_str).collect::<Vec<_>>().join(", ")) };
        let told = [("list", format!("To read Secret {name}{uses}.")), ("watch", format!("To see at once when Secret {name} changes."))];
        told.map(|(verb, told)| (vec![told], rule(Kind::SECRET.group, Kind::SECRET.plural, &[name], verb)))
    });
    let about = vec![
        "The secrets of the portal's own configuration (secretRef), whatever the grants say. It lists and watches each by its name alone;".to_owned(),
        "other Secrets of this namespace it cannot read.".to_owned(),
    ];
    vec![
        Object::new(ROLE, Some(namespace), names.secrets(), about, map([("rules", told_list(rules))])),
        bound(ROLE_BINDING, Some(namespace), &names.secrets(), vec!["Gives that to the portal's account.".to_owned()], ROLE, settings),
    ]
}

pub(crate) fn namespace(name: &str, mut comments: Vec<String>) -> Object {
    comments.push("To delete it is to delete all that is in it. Where it is somebody else's, render with --without-namespaces.".to_owned());
    let mut object = Object::new(NAMESPACE, None, name, comments, map::<&str>([]));
    // What Argo CD is told to leave alone when it no longer finds it in Git.
    object.annotations.push(("argocd.argoproj.io/sync-options".to_owned(), "Prune=false,Delete=false".to_owned()));
    object
}

/// A binding by the name of its role, for the portal's account.
pub(crate) fn bound(kind: Kind, namespace: Option<&str>, name: &str, about: Vec<String>, role: Kind, settings: &Settings) -> Object {
    let portal = &settings.portal;
    Object::new(kind, namespace, name, about, binding(role, name, portal.namespace(), portal.name()))
}

/// The body of a binding of a role to an account.
pub(crate) fn binding(role: Kind, name: &str, namespace: &str, account: &str) -> Yaml {
    let reference = map([("apiGroup", text(RBAC)), ("kind", text(role.kind)), ("name", text(name))]);
    let subject = map([("kind", text("ServiceAccount")), ("name", text(account)), ("namespace", text(namespace))]);
    map([("roleRef", reference), ("subjects", list([subject]))])
}

/// One rule of a role.
pub(crate) fn rule(group: &str, resource: &str, names: &[&str], verb: &str) -> Yaml {
    let rule = map([("apiGroups", texts([group])), ("resources", texts([resource]))]);
    let rule = if names.is_empty() { rule } else { rule.with("resourceNames", texts(names.iter().copied())) };
    rule.with("verbs", texts([verb]))
}

fn rules<'a>(rights: impl IntoIterator<Item = &'a Own>) -> Yaml {
    told_list(rights.into_iter().map(|own| (vec![own.needed_for.to_owned()], rule(own.kind.group, own.kind.plural, &[], own.verb))))
}
