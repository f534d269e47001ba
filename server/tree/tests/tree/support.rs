//! Builders that the stories share.

use std::{collections::HashMap, path::Path};

use gix::{actor::Signature, date::Time, object::tree::EntryKind};
use windfirm_model::{
    actor::{Actor, Groups, PersonKey},
    clock::Timestamp,
    environment::Environment,
    path::AppPath,
    view::{
        run::Permission,
        tree::{TreePage, TreeQuery, TreeRevision, TreeRow},
    },
};
use windfirm_policy::{Access, AppFacts, Place, compile};
use windfirm_tree::{AppRuns, Asked, MemoryFiles, Tree, TreeOptions, tree_page};

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_763_900_000);

pub(crate) fn path(text: &str) -> AppPath {
    text.parse().unwrap()
}

/// An `Application` in a few words; change what matters with the fields.
pub(crate) struct App<'a> {
    pub(crate) name: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) source: &'a str,
    pub(crate) to: &'a str,
    pub(crate) wave: i32,
    pub(crate) more: &'a str,
}

pub(crate) fn app<'a>(name: &'a str, source: &'a str) -> App<'a> {
    App { name, namespace: "argocd", source, to: "dev", wave: 0, more: "" }
}

impl App<'_> {
    pub(crate) fn yaml(&self) -> String {
        let Self { name, namespace, source, to, wave, more } = self;
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: {name}\n  namespace: {namespace}\n  annotations: {{argocd.argoproj.io/sync-wave: \"{wave}\"}}\nspec:\n  project: default\n  source: {{repoURL: \"https://git.example.org/shop.git\", path: {source}{more}}}\n  destination: {{name: in-cluster, namespace: {to}}}\n"
        )
    }
}

/// The environment is the last part of the namespace that the app is deployed to.
pub(crate) fn environment_of(facts: &AppFacts) -> (Environment, String) {
    let name = facts.namespace.rsplit('-').next().unwrap_or_default();
    (Environment::from(name), format!("namespace {}", facts.namespace))
}

/// The address that the manifests of the stories give for their own repository, and the branch that they ask for.
pub(crate) fn options() -> TreeOptions {
    TreeOptions { repositories: vec!["https://git.example.org/shop.git".into()], revisions: vec!["main".into()], ..TreeOptions::default() }
}

pub(crate) fn tree_of(files: &MemoryFiles) -> Tree {
    Tree::build(files, TreeRevision::default(), &options(), &environment_of)
}

pub(crate) fn paths(tree: &Tree) -> Vec<&str> {
    tree.apps().iter().map(|app| app.path.as_str()).collect()
}

pub(crate) fn sentences(tree: &Tree) -> Vec<&str> {
    tree.problems().iter().map(|problem| problem.sentence.as_str()).collect()
}

/// Everything below a folder of this machine, as if it were committed.
pub(crate) fn folder(root: &Path) -> MemoryFiles {
    let mut files = MemoryFiles::default();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// A repository that is written commit by commit.
pub(crate) struct Repository {
    pub(crate) folder: tempfile::TempDir,
    repository: gix::Repository,
    seconds: i64,
}

impl Repository {
    pub(crate) fn bare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = gix::init_bare(folder.path()).unwrap();
        Self::on_main(folder, repository)
    }
    pub(crate) fn with_work_tree() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = gix::init(folder.path()).unwrap();
        Self::on_main(folder, repository)
    }
    fn on_main(folder: tempfile::TempDir, repository: gix::Repository) -> Self {
        std::fs::write(repository.git_dir().join("HEAD"), "ref: refs/heads/main\n").unwrap();
        Self { folder, repository, seconds: 1_700_000_000 }
    }
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
    pub(crate) fn git_dir(&self) -> &Path {
        self.repository.git_dir()
    }
    pub(crate) fn commit(&mut self, subject: &str, files: &[(&str, &[u8])]) -> String {
        let files: Vec<_> = files.iter().map(|(name, content)| (*name, EntryKind::Blob, *content)).collect();
        self.commit_entries("refs/heads/main", subject, &files)
    }
    /// The author of all commits is Ana Ruiz, a minute after the one before.
    pub(crate) fn commit_entries(&mut self, branch: &str, subject: &str, files: &[(&str, EntryKind, &[u8])]) -> String {
        let parent = self.repository.rev_parse_single("refs/heads/main").ok().map(gix::Id::detach);
        let base = parent.map_or(gix::ObjectId::empty_tree(gix::hash::Kind::Sha1), |id| self.repository.find_commit(id).unwrap().tree_id().unwrap().detach());
        let mut editor = self.repository.edit_tree(base).unwrap();
        for (name, kind, content) in files {
            // A submodule is a commit of another repository: nothing of it is here.
            let id = if *kind == EntryKind::Commit { parent.unwrap() } else { self.repository.write_blob(content).unwrap().detach() };
            editor.upsert(*name, *kind, id).unwrap();
        }
        let tree = editor.write().unwrap().detach();
        self.commit_tree(branch, subject, tree)
    }
    /// A folder object of exactly these entries.
    pub(crate) fn tree(&self, entries: &[(&str, EntryKind, gix::ObjectId)]) -> gix::ObjectId {
        let mut entries: Vec<_> =
            entries.iter().map(|(name, kind, oid)| gix::objs::tree::Entry { mode: (*kind).into(), filename: (*name).into(), oid: *oid }).collect();
        entries.sort();
        self.repository.write_object(gix::objs::Tree { entries }).unwrap().detach()
    }
    pub(crate) fn blob(&self, content: &[u8]) -> gix::ObjectId {
        self.repository.write_blob(content).unwrap().detach()
    }
    pub(crate) fn commit_tree(&mut self, branch: &str, subject: &str, tree: gix::ObjectId) -> String {
        let parent = self.repository.rev_parse_single("refs/heads/main").ok().map(gix::Id::detach);
        self.seconds += 60;
        let author = Signature { name: "Ana Ruiz".into(), email: "ana@shop.example".into(), time: Time::new(self.seconds, 0) };
        let mut buffer = gix::date::parse::TimeBuf::default();
        let author = author.to_ref(&mut buffer);
        self.repository.commit_as(author, author, branch, subject, tree, parent).unwrap().to_string()
    }
}

/// What a person of these groups may do under this policy. The environments are only there to make the file whole.
pub(crate) fn access(grants: &str) -> Access {
    let text = format!(
        "apiVersion: windfirm.dev/v1\nkind: Policy\nenvironments:\n  - {{ name: prod, match: {{ namespace: \"*-prod\" }} }}\n  - {{ name: staging, match: {{ namespace: \"*-staging\" }} }}\n  - {{ name: dev, match: {{ namespace: \"*\" }} }}\nroles:\n  viewer: {{ can: [app.view, run.view] }}\n  looker: {{ can: [app.view] }}\ngrants:\n{grants}"
    );
    let policy = compile(&text, "policy.yaml").unwrap_or_else(|errors| panic!("{errors:?}\n{text}"));
    let key = PersonKey { issuer: "https://idp.example".into(), subject: "ana".into() };
    policy.access(&Actor::Person { key, name: "Ana Ruiz".into(), groups: Groups::Known(vec!["shop".into()]) })
}

/// One grant to the person's group.
pub(crate) fn grant(on: &str, environments: &str) -> String {
    format!("  - {{ name: \"g {on} {environments}\", to: [ {{ group: shop }} ], role: viewer, on: [ {on} ], in: [ {environments} ] }}\n")
}

pub(crate) fn everything() -> Access {
    access("  - { name: all, to: [ { group: shop } ], role: viewer, on: [ / ] }\n")
}

pub(crate) type Runs = HashMap<AppPath, AppRuns>;

pub(crate) fn launch(place: &Place) -> Permission {
    Permission { allowed: false, why: format!("Nothing may be launched in {}.", place.environment) }
}

pub(crate) fn asked<'a>(tree: &'a Tree, access: &'a Access, runs: &'a Runs) -> Asked<'a> {
    Asked { tree, access, runs, launch: &launch, clusters: &[], now: NOW }
}

pub(crate) fn page(tree: &Tree, access: &Access, runs: &Runs, query: &TreeQuery) -> TreePage {
    tree_page(&asked(tree, access, runs), &all_rows(query), tree.revision()).unwrap()
}

/// The same page with room for every row, unless it says how many.
pub(crate) fn all_rows(query: &TreeQuery) -> TreeQuery {
    TreeQuery { rows: query.rows.clone().or_else(|| Some("100000".into())), ..query.clone() }
}

/// `▾ /shop/ 1 1/2`: folded or not, path, level, place among siblings; `…3` for hidden ones.
pub(crate) fn sketch(page: &TreePage) -> Vec<String> {
    page.rows
        .iter()
        .map(|row| match row {
            TreeRow::App(row) => {
                let fold = match row.expanded {
                    Some(true) => "▾",
                    Some(false) => "▸",
                    None => "·",
                };
                let marks = format!("{}{}", if row.context { " context" } else { "" }, if row.cycle { " cycle" } else { "" });
                format!("{fold} {} {} {}/{}{marks}", row.path, row.level, row.position, row.size)
            }
            TreeRow::Hidden { level, count, position, size } => format!("…{count} {level} {position}/{size}"),
        })
        .collect()
}
