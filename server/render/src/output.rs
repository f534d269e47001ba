//! The manifests as text: one stream, or a folder for Kustomize.

use std::collections::BTreeMap;

use crate::{Rendered, object::NAMESPACE, yaml};

/// Begins every file, so that a later render knows which files are its own.
pub(crate) const FIRST_LINE: &str = "# Written by `windfirm policy render`. Do not change it here: change the policy, and render again.";

impl Rendered {
    /// Everything in one text, for `kubectl apply -f -` and `kubectl diff -f -`.
    #[must_use]
    pub fn stream(&self) -> String {
        self.file(self.objects.iter())
    }
    /// Files by name: `kustomization.yaml`, `cluster.yaml`, and one for each namespace.
    #[must_use]
    pub fn folder(&self) -> BTreeMap<String, String> {
        let mut parts: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for object in &self.objects {
            let namespace = if object.kind == NAMESPACE { Some(&object.name) } else { object.namespace.as_ref() };
            let file = namespace.map_or_else(|| "cluster.yaml".to_owned(), |name| format!("namespace-{name}.yaml"));
            parts.entry(file).or_default().push(object);
        }
        let resources = yaml::texts(parts.keys());
        let list = yaml::map([("apiVersion", yaml::text("kustomize.config.k8s.io/v1beta1")), ("kind", yaml::text("Kustomization")), ("resources", resources)]);
        let mut files: BTreeMap<String, String> = parts.into_iter().map(|(name, objects)| (name, self.file(objects.into_iter()))).collect();
        files.insert("kustomization.yaml".to_owned(), format!("{}{}", self.head(), list.document()));
        files
    }
    /// Whether a text is a file of an earlier render.
    #[must_use]
    pub fn is_own_file(text: &str) -> bool {
        text.lines().next() == Some(FIRST_LINE)
    }

    fn head(&self) -> String {
        let digest = &self.stamp.digest;
        format!("{FIRST_LINE}\n# Policy {digest}, portal {}, Kubernetes {}.\n", self.stamp.portal, self.kubernetes)
    }
    fn file<'a>(&self, objects: impl Iterator<Item = &'a crate::Object>) -> String {
        let documents: Vec<String> = objects.map(|object| object.document(&self.stamp)).collect();
        format!("{}---\n{}", self.head(), documents.join("---\n"))
    }
}
