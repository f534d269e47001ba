//! What a `kustomization.yaml` pulls in, as far as it can be told without running kustomize: resources, bases, components,
//! name prefix and suffix, namespace. Patches are not applied, and that is said.

use std::rc::Rc;

use super::expand::{Expansion, Library};
use crate::{
    files::{directly_in, is_file, is_folder, join, name_of},
    manifest::{At, MAX_MANIFEST_BYTES, Manifest, Problem},
    yaml::{self, Node},
};

const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
const MAX_DEPTH: usize = 20;
const PATCHES: [&str; 5] = ["patches", "patchesStrategicMerge", "patchesJson6902", "replacements", "transformers"];

/// The kustomization of a folder, if it has one.
pub(super) fn file_in(library: &Library<'_>, folder: &str) -> Option<String> {
    directly_in(library.files, folder).find(|path| NAMES.contains(&name_of(path))).map(str::to_owned)
}

/// All that the folder makes. `above` are the folders that led here.
pub(super) fn expand(library: &mut Library<'_>, folder: &str, above: &mut Vec<String>, into: &mut Expansion) {
    let Some(file) = file_in(library, folder) else {
        into.unresolved.push(format!("{} has no kustomization.yaml.", shown(folder)));
        return;
    };
    if above.iter().any(|seen| seen == folder) || above.len() >= MAX_DEPTH {
        into.problems.push(problem(&file, None, "This kustomization leads back to itself. Take it out of its own resources."));
        return;
    }
    let Some(kustomization) = read(library, &file, into) else { return };
    above.push(folder.to_owned());
    let mut own = Expansion::default();
    for list in ["resources", "bases", "components"] {
        for entry in kustomization.get(list).map(Node::list).unwrap_or_default() {
            if let Some(text) = entry.text() {
                resource(library, folder, &file, entry, text, above, &mut own);
            }
        }
    }
    above.pop();
    let text = |field: &str| kustomization.get(field).and_then(Node::text).unwrap_or_default();
    let (prefix, suffix, namespace) = (text("namePrefix"), text("nameSuffix"), text("namespace"));
    if PATCHES.iter().any(|field| kustomization.get(field).is_some_and(|node| !node.list().is_empty())) && !own.children.is_empty() {
        own.unresolved.push(format!("{file} patches its resources; the apps are shown as they are before."));
    }
    own.children = own.children.iter().map(|child| renamed(child, prefix, suffix, namespace)).collect();
    into.append(own);
}

fn resource(library: &mut Library<'_>, folder: &str, file: &str, entry: &Node, text: &str, above: &mut Vec<String>, into: &mut Expansion) {
    if text.contains("://") || text.starts_with("git@") || text.starts_with("github.com/") {
        into.unresolved.push(format!("{file} pulls in {text}, which is not in this repository."));
        return;
    }
    match join(folder, text) {
        None => into.problems.push(problem(file, Some(entry), "This leads out of the repository, and is not followed.")),
        Some(path) if is_file(library.files, &path) => library.file(&path, into),
        Some(path) if is_folder(library.files, &path) => expand(library, &path, above, into),
        Some(path) => into.problems.push(problem(file, Some(entry), &format!("There is no {path} in the repository. Correct the entry, or commit the file."))),
    }
}

fn read(library: &Library<'_>, file: &str, into: &mut Expansion) -> Option<Node> {
    let content = match library.files.read(file, MAX_MANIFEST_BYTES) {
        Ok(content) => content,
        Err(error) => {
            into.problems.push(problem(file, None, &error.to_string()));
            return None;
        }
    };
    let (documents, bad) = yaml::documents(&String::from_utf8_lossy(&content));
    for error in bad {
        into.problems.push(Problem { at: At { file: file.to_owned(), position: error.at }, sentence: error.sentence });
    }
    documents.into_iter().next()
}

/// With what kustomize puts around a name; the same value where it puts nothing.
pub(super) fn renamed(manifest: &Rc<Manifest>, prefix: &str, suffix: &str, namespace: &str) -> Rc<Manifest> {
    if prefix.is_empty() && suffix.is_empty() && namespace.is_empty() {
        return Rc::clone(manifest);
    }
    let mut changed = Manifest::clone(manifest);
    changed.name = format!("{prefix}{}{suffix}", changed.name);
    if !namespace.is_empty() {
        changed.namespace = Some(namespace.to_owned());
    }
    Rc::new(changed)
}

fn problem(file: &str, node: Option<&Node>, sentence: &str) -> Problem {
    Problem {
        at: At { file: file.to_owned(), position: node.map(|node| node.at).unwrap_or(yaml::Position { line: 1, column: 1 }) },
        sentence: sentence.to_owned(),
    }
}

fn shown(folder: &str) -> &str {
    if folder.is_empty() { "The top folder" } else { folder }
}
