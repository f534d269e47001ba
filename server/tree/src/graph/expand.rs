//! From an app's sources to the apps that they make.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use super::{AppSource, TreeOptions, kustomize};
use crate::{
    address::Address,
    files::{Files, below, directly_in, is_file, join},
    glob,
    manifest::{self, At, Kind, MAX_MANIFEST_BYTES, Manifest, Problem, Source, SourceForm},
    yaml::Position,
};

/// Other repositories that one sentence names.
const MAX_NAMED: usize = 3;

/// What some sources make.
#[derive(Clone, Debug, Default)]
pub(super) struct Expansion {
    pub(super) children: Vec<Rc<Manifest>>,
    /// The files that were read as manifests of apps.
    pub(super) files: BTreeSet<String>,
    pub(super) problems: Vec<Problem>,
    pub(super) unresolved: Vec<String>,
}

impl Expansion {
    pub(super) fn append(&mut self, mut other: Self) {
        self.children.append(&mut other.children);
        self.files.append(&mut other.files);
        self.problems.append(&mut other.problems);
        self.unresolved.append(&mut other.unresolved);
    }
}

/// The files of the commit, each parsed once.
pub(super) struct Library<'a> {
    pub(super) files: &'a dyn Files,
    repositories: BTreeSet<Address>,
    revisions: BTreeSet<String>,
    parsed: BTreeMap<String, Rc<ParsedFile>>,
    folders: BTreeMap<(String, SourceForm), Rc<Expansion>>,
}

#[derive(Debug, Default)]
pub(super) struct ParsedFile {
    pub(super) manifests: Vec<Rc<Manifest>>,
    pub(super) problems: Vec<Problem>,
    /// It holds an app, but is a Helm template.
    pub(super) template: bool,
}

impl<'a> Library<'a> {
    pub(super) fn new(files: &'a dyn Files, options: &TreeOptions) -> Self {
        let repositories = options.repositories.iter().filter_map(|address| Address::read(address)).collect();
        let revisions = options.revisions.iter().map(|name| plain_revision(name).to_owned()).collect();
        Self { files, repositories, revisions, parsed: BTreeMap::new(), folders: BTreeMap::new() }
    }

    /// One file, parsed. A file that does not even mention Argo CD is not looked at.
    pub(super) fn parsed(&mut self, path: &str) -> Rc<ParsedFile> {
        if let Some(parsed) = self.parsed.get(path) {
            return Rc::clone(parsed);
        }
        let parsed = Rc::new(match self.files.read(path, MAX_MANIFEST_BYTES) {
            Ok(content) if !contains(&content, "argoproj.io/") => ParsedFile::default(),
            Ok(content) if in_chart(self.files, path) && contains(&content, "{{") => {
                ParsedFile { template: contains(&content, "Application"), ..ParsedFile::default() }
            }
            Ok(content) => {
                let parsed = manifest::parse(path, &content);
                ParsedFile { manifests: parsed.manifests.into_iter().map(Rc::new).collect(), problems: parsed.problems, template: false }
            }
            Err(error) => {
                let at = At { file: path.to_owned(), position: Position { line: 1, column: 1 } };
                ParsedFile { problems: vec![Problem { at, sentence: error.to_string() }], ..ParsedFile::default() }
            }
        });
        self.parsed.insert(path.to_owned(), Rc::clone(&parsed));
        parsed
    }

    /// Takes one file into an expansion.
    pub(super) fn file(&mut self, path: &str, into: &mut Expansion) {
        let parsed = self.parsed(path);
        if parsed.template {
            into.unresolved.push(format!("{path} is a Helm template; which apps it makes is known to Argo CD only."));
        }
        if !parsed.manifests.is_empty() || !parsed.problems.is_empty() {
            into.files.insert(path.to_owned());
        }
        into.children.extend(parsed.manifests.iter().cloned());
        into.problems.extend(parsed.problems.iter().cloned());
    }

    /// All that an app makes.
    pub(super) fn expand(&mut self, manifest: &Manifest) -> Expansion {
        let mut all = Expansion::default();
        if manifest.kind == Kind::ApplicationSet {
            all.children = manifest.generated.iter().cloned().map(Rc::new).collect();
            all.unresolved = manifest.unresolved.clone();
            return all;
        }
        for source in &manifest.sources {
            if self.is_elsewhere(source) {
                all.unresolved.push(elsewhere(source));
            } else if let Some(folder) = self.folder(source) {
                let made = self.folder_expansion(&folder, &source.form);
                all.append(Expansion::clone(&made));
            }
        }
        all
    }

    fn is_ours(&self, source: &Source) -> bool {
        Address::read(&source.repository).is_some_and(|address| self.repositories.contains(&address))
    }

    /// Whether it renders manifests of this repository, or lends values of it: its revision is a commit of ours.
    pub(super) fn renders_ours(&self, source: &Source) -> bool {
        self.is_ours(source) && !matches!(source.form, SourceForm::Chart(_))
    }

    /// Whether it renders manifests that are not in this repository. Charts and lent values render none of Git.
    fn is_elsewhere(&self, source: &Source) -> bool {
        renders_git(source) && !self.is_ours(source)
    }

    /// The folder of a source, if it lies in this repository.
    pub(super) fn folder(&self, source: &Source) -> Option<String> {
        let folder = join("", source.path.as_deref()?)?;
        (self.is_ours(source) && below(self.files, &folder).next().is_some()).then_some(folder)
    }

    /// What is wrong when a source of ours asks for another commit than the one that is read.
    pub(super) fn other_revision(&self, source: &Source) -> Option<String> {
        let asked = plain_revision(&source.revision);
        let is_short_id = asked.len() >= 7 && asked.chars().all(|c| c.is_ascii_hexdigit());
        let names = |name: &String| name == asked || (is_short_id && name.starts_with(&asked.to_ascii_lowercase()));
        let read = matches!(asked, "" | "HEAD") || self.revisions.iter().any(names);
        (renders_git(source) && self.is_ours(source) && !read).then(|| {
            let path = source.path.as_deref().unwrap_or(".");
            format!("Its source `{path}` asks for the revision `{asked}`, which is not the one that this tree is read at; what stands here may not be what is deployed. Let the source name the tree's branch, or let the portal read `{asked}`.")
        })
    }

    /// What is wrong when no manifest names this repository: most likely nobody told us the address that they use.
    pub(super) fn nobody_names_us<'m>(&self, manifests: impl Iterator<Item = &'m Manifest>) -> Option<String> {
        let sources = manifests.flat_map(|manifest| manifest.sources.iter().chain(manifest.generated.iter().flat_map(|made| &made.sources)));
        let mut others = BTreeSet::new();
        for source in sources.filter(|source| renders_git(source)) {
            if self.is_ours(source) {
                return None;
            }
            others.extend(Address::read(&source.repository).map(|address| format!("`{address}`")));
        }
        let known: Vec<String> = self.repositories.iter().map(|address| format!("`{address}`")).collect();
        let others: Vec<String> = others.into_iter().take(MAX_NAMED).collect();
        (!others.is_empty()).then(|| {
            format!(
                "No manifest names this repository, known as {}; they name {}. If that is this repository too, add it to tree.repositories in the configuration.",
                known.join(", "),
                others.join(", ")
            )
        })
    }

    pub(super) fn app_source(&self, source: &Source) -> AppSource {
        let folder = self.folder(source);
        let elsewhere = self.is_elsewhere(source);
        let form = folder.as_deref().map_or_else(|| source.form.clone(), |folder| self.detect(folder, &source.form));
        let kind = match form {
            SourceForm::Detect if elsewhere => "unknown",
            SourceForm::Detect | SourceForm::Directory { .. } => "directory",
            SourceForm::Helm => "helm",
            SourceForm::Kustomize { .. } => "kustomize",
            SourceForm::Chart(_) => "chart",
            SourceForm::Plugin => "plugin",
            SourceForm::Values => "values",
        };
        AppSource { source: source.clone(), folder, elsewhere, kind }
    }

    /// Argo CD's own order of guessing: a chart, a kustomization, plain manifests.
    fn detect(&self, folder: &str, form: &SourceForm) -> SourceForm {
        if *form != SourceForm::Detect {
            return form.clone();
        }
        if join(folder, "Chart.yaml").is_some_and(|chart| is_file(self.files, &chart)) {
            SourceForm::Helm
        } else if kustomize::file_in(self, folder).is_some() {
            SourceForm::Kustomize { name_prefix: String::new(), name_suffix: String::new() }
        } else {
            SourceForm::Directory { recurse: false, include: None, exclude: None }
        }
    }

    fn folder_expansion(&mut self, folder: &str, form: &SourceForm) -> Rc<Expansion> {
        let key = (folder.to_owned(), form.clone());
        if let Some(made) = self.folders.get(&key) {
            return Rc::clone(made);
        }
        let mut made = Expansion::default();
        match self.detect(folder, form) {
            SourceForm::Directory { recurse, include, exclude } => {
                let paths: Vec<&str> = if recurse { below(self.files, folder).collect() } else { directly_in(self.files, folder).collect() };
                for path in paths.into_iter().filter(|path| is_manifest(path)) {
                    let inner = path.strip_prefix(folder).unwrap_or(path).trim_start_matches('/');
                    let excluded = exclude.as_deref().is_some_and(|pattern| glob::matches(pattern, inner));
                    let included = include.as_deref().is_none_or(|pattern| glob::matches(pattern, inner));
                    if included && !excluded {
                        self.file(path, &mut made);
                    }
                }
            }
            SourceForm::Helm => {
                let templates = join(folder, "templates").unwrap_or_default();
                for path in below(self.files, &templates).filter(|path| is_manifest(path)).collect::<Vec<_>>() {
                    self.file(path, &mut made);
                }
            }
            SourceForm::Kustomize { name_prefix, name_suffix } => {
                kustomize::expand(self, folder, &mut Vec::new(), &mut made);
                made.children = made.children.iter().map(|child| kustomize::renamed(child, &name_prefix, &name_suffix, "")).collect();
            }
            SourceForm::Plugin => made.unresolved.push("A plugin renders this app; which apps it makes is known to Argo CD only.".into()),
            SourceForm::Chart(_) | SourceForm::Values | SourceForm::Detect => {}
        }
        let made = Rc::new(made);
        self.folders.insert(key, Rc::clone(&made));
        made
    }
}

/// What Argo CD takes as a plain manifest.
pub(super) fn is_manifest(path: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|ending| path.ends_with(ending))
}

/// Whether a file is one of a chart's templates.
pub(super) fn in_chart(files: &dyn Files, path: &str) -> bool {
    path.match_indices("templates/").any(|(at, _)| {
        let above = path.get(..at).unwrap_or_default();
        (above.is_empty() || above.ends_with('/')) && is_file(files, &format!("{above}Chart.yaml"))
    })
}

const fn renders_git(source: &Source) -> bool {
    !matches!(source.form, SourceForm::Chart(_) | SourceForm::Values)
}

fn elsewhere(source: &Source) -> String {
    let path = source.path.as_deref().unwrap_or(".");
    match Address::read(&source.repository) {
        Some(address) => format!("Its manifests `{path}` stand in another repository, `{address}`; which apps they make is known to Argo CD only."),
        None => format!("Its source `{path}` names no repository, so nothing can stand below it. Give it a repoURL."),
    }
}

/// A branch or tag by its short name.
fn plain_revision(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix("refs/heads/").or_else(|| text.strip_prefix("refs/tags/")).unwrap_or(text)
}

fn contains(content: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(content).contains(text)
}
