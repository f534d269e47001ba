//! How much memory is held, so that the portal can tell, and tests can bound it.

use super::{Condition, Deployment, Identity, Listed, LiveApplication, Marks, Operation, Owner, Text};
use crate::manifest::{Source, SourceForm};

/// What the allocator adds to each piece, about.
const PIECE: usize = 16;

impl LiveApplication {
    /// Bytes held for this app, on the heap and off it; the shared name of the cluster is not counted. An estimate: each piece on
    /// the heap counts its own bytes and 16 more.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let pairs = |pairs: &[(Text, Text)]| list(pairs, |(key, value)| text(key) + text(value));
        let Marks { tracking_id, installation_id, instance_labels, windfirm, managed_by_url, link } = &self.marks;
        let Identity { namespace, name, uid, resource_version, .. } = &self.id;
        let single = [Some(namespace), Some(name), Some(uid), Some(resource_version), Some(&self.project), tracking_id.as_ref(), installation_id.as_ref()];
        let optional = [managed_by_url.as_ref(), link.as_ref(), self.info.as_ref(), self.health.message.as_ref(), self.controller_namespace.as_ref()];
        let operation = self.operation.as_ref().map_or(0, |operation| {
            let Operation { message, by, revisions, .. } = &**operation;
            size_of::<Operation>() + PIECE + [message, by].into_iter().flatten().map(|piece| text(piece)).sum::<usize>() + texts(revisions)
        });
        size_of::<Self>()
            + single.into_iter().chain(optional).flatten().map(|piece| text(piece)).sum::<usize>()
            + pairs(instance_labels)
            + pairs(windfirm)
            + list(&self.owners, |Owner { kind, name, uid, .. }| text(kind) + text(name) + text(uid))
            + string(&self.destination.cluster)
            + string(&self.destination.namespace)
            + self.sources.capacity() * size_of::<Source>()
            + self.sources.iter().map(source).sum::<usize>()
            + texts(&self.revisions)
            + texts(&self.images)
            + texts(&self.external_urls)
            + operation
            + list(&self.history, |Deployment { by, revisions, .. }| by.as_deref().map_or(0, text) + texts(revisions))
            + list(&self.listed, |Listed { namespace, name, .. }| text(namespace) + text(name))
            + list(&self.conditions, |Condition { kind, message }| text(kind) + text(message))
    }
}

fn list<T>(items: &[T], of: impl Fn(&T) -> usize) -> usize {
    if items.is_empty() { 0 } else { size_of_val(items) + PIECE + items.iter().map(of).sum::<usize>() }
}

fn texts(items: &[Text]) -> usize {
    list(items, |item| text(item))
}

const fn text(text: &str) -> usize {
    if text.is_empty() { 0 } else { text.len() + PIECE }
}

const fn string(text: &String) -> usize {
    if text.capacity() == 0 { 0 } else { text.capacity() + PIECE }
}

fn source(source: &Source) -> usize {
    let form = match &source.form {
        SourceForm::Detect | SourceForm::Helm | SourceForm::Plugin | SourceForm::Values => 0,
        SourceForm::Directory { include, exclude, .. } => include.as_ref().map_or(0, string) + exclude.as_ref().map_or(0, string),
        SourceForm::Kustomize { name_prefix, name_suffix } => string(name_prefix) + string(name_suffix),
        SourceForm::Chart(chart) => string(chart),
    };
    string(&source.repository) + source.path.as_ref().map_or(0, string) + string(&source.revision) + form
}
