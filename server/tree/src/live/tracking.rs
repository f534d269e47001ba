//! The annotation `argocd.argoproj.io/tracking-id`: who applied an object.

use crate::manifest::{Kind, is_name};

/// Longer ones are not read: names of Kubernetes cannot make them.
const MAX_BYTES: usize = 2_000;

/// `<instance>:<group>/<kind>:<namespace>/<name>`, where the instance is `name`, or `namespace_name` for an app outside the
/// namespace of its Argo CD. Names in Kubernetes have no `_`, so the first one parts the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackingId<'a> {
    /// The namespace of the app that applied the object; `None` is the one where its Argo CD lives.
    pub parent_namespace: Option<&'a str>,
    pub parent_name: &'a str,
    pub group: &'a str,
    pub kind: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
}

impl<'a> TrackingId<'a> {
    /// `None` for what is no tracking id at all.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let (instance, kind, object) = (parts.next()?, parts.next()?, parts.next()?);
        let (group, kind) = kind.split_once('/')?;
        let (namespace, name) = object.split_once('/')?;
        let (parent_namespace, parent_name) = instance.split_once('_').map_or((None, instance), |(namespace, name)| (Some(namespace), name));
        let good = text.len() <= MAX_BYTES && is_name(parent_name) && parent_namespace.is_none_or(is_name);
        good.then_some(Self { parent_namespace, parent_name, group, kind, namespace, name })
    }

    /// Whether it speaks of the object that it sits on. Who copies an object copies the annotation too: that one means nothing.
    #[must_use]
    pub fn is_about(&self, kind: Kind, namespace: &str, name: &str) -> bool {
        self.group == "argoproj.io" && self.kind == kind.word() && self.namespace == namespace && self.name == name
    }
}

/// What Argo CD writes into the instance label for an app: labels end at 63 characters, and never in a special one.
pub(crate) fn label_of(instance: &str) -> &str {
    let cut = instance.get(..63).unwrap_or(instance);
    if cut.len() == instance.len() { instance } else { cut.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_parent_and_object() {
        let id = TrackingId::parse("shop:argoproj.io/Application:argocd/cart").unwrap();
        assert_eq!((id.parent_namespace, id.parent_name), (None, "shop"));
        assert!(id.is_about(Kind::Application, "argocd", "cart"));
        for (kind, namespace, name) in
            [(Kind::ApplicationSet, "argocd", "cart"), (Kind::Application, "team", "cart"), (Kind::Application, "argocd", "cart-renamed")]
        {
            assert!(!id.is_about(kind, namespace, name), "{kind:?} {namespace} {name}");
        }
        let id = TrackingId::parse("team-a_shop:argoproj.io/Application:argocd/cart").unwrap();
        assert_eq!((id.parent_namespace, id.parent_name), (Some("team-a"), "shop"));
        // At most three parts: what follows belongs to the name, and so to no object.
        assert!(!TrackingId::parse("shop:argoproj.io/Application:argocd/cart:x").unwrap().is_about(Kind::Application, "argocd", "cart"));
    }

    #[test]
    fn what_is_no_id_is_none() {
        for text in ["", "shop", "shop:Application:argocd/cart", "shop:argoproj.io/Application:cart", "_:a/b:c/d", "a/b:c/d:e/f", ":a/b:c/d"] {
            assert_eq!(TrackingId::parse(text), None, "{text}");
        }
        assert_eq!(TrackingId::parse(&format!("{}:argoproj.io/Application:a/b", "a".repeat(3_000))), None);
    }

    #[test]
    fn labels_are_cut_as_argo_cd_cuts_them() {
        assert_eq!(label_of("shop"), "shop");
        let long = format!("{}-{}", "a".repeat(62), "b".repeat(20));
        assert_eq!(label_of(&long), "a".repeat(62));
    }
}
