//! From an app's sources to the apps that they make.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use super::{AppSource, TreeOptions, kustomize};
use crate::{
    files::{Files, below, directly_in, is_file, join},
    glob,
    manifest::{self, At, Kind, MAX_MANIFEST_BYTES, Manifest, Problem, Source, SourceForm},
    yaml::Position,
};

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
    repositories: BTreeSet<String>,
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
        let repositories = options.repositories.iter().map(|address| plain_address(address)).collect();
        Self { files, repositories, parsed: BTreeMap::new(), folders: BTreeMap::new() }
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
            if let Some(folder) = self.folder(source) {
                let made = self.folder_expansion(&folder, &source.form);
                all.append(Expansion::clone(&made));
            }
        }
        all
    }

    /// The folder of a source, if it lies in this repository.
    pub(super) fn folder(&self, source: &Source) -> Option<String> {
        let ours = self.repositories.is_empty() || self.repositories.contains(&plain_address(&source.repository));
        let folder = join("", source.path.as_deref()?)?;
        (ours && below(self.files, &folder).next().is_some()).then_some(folder)
    }

    pub(super) fn app_source(&self, source: &Source) -> AppSource {
        let folder = self.folder(source);
        let form = folder.as_deref().map_or_else(|| source.form.clone(), |folder| self.detect(folder, &source.form));
        let kind = match form {
            SourceForm::Detect | SourceForm::Directory { .. } => "directory",
            SourceForm::Helm => "helm",
            SourceForm::Kustomize { .. } => "kustomize",
            SourceForm::Chart(_) => "chart",
            SourceForm::Plugin => "plugin",
            SourceForm::Values => "values",
        };
        AppSource { source: source.clone(), folder, kind }
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

/// The part of an address by which two spellings of one repository can be compared.
fn plain_address(address: &str) -> String {
    let text = address.trim().to_lowercase();
    let text = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
    let text = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    text.trim_end_matches('/').trim_end_matches(".git").replacen(':', "/", 1)
}

fn contains(content: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(content).contains(text)
}
