//! Finds the roots, walks down level by level, and gives each app one place.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    rc::Rc,
};

use windfirm_model::{environment::Environment, path::AppPath};

use super::{
    App, MAX_APPS, MAX_LEVELS, Presence, TreeOptions, TreeProblem,
    arrange::{arrange, renumbered},
    expand::{Expansion, Library, in_chart, is_manifest},
    key::{AppKey, Naming, child_key, deployed_to, free_path, key_of, order},
};
use crate::{
    files::{Files, below, is_folder, join},
    manifest::{IN_CLUSTER, Manifest},
};

mod loops;

/// The namespace of an object that names none: where Argo CD usually lives.
const DEFAULT_NAMESPACE: &str = "argocd";

/// Who has more problems than this reads the first ones first.
pub(super) const MAX_PROBLEMS: usize = 1_000;

/// An app that has its place, before the final order.
struct Draft {
    manifest: Rc<Manifest>,
    key: AppKey,
    path: AppPath,
    level: usize,
    parent: Option<usize>,
    children: Vec<usize>,
    cycles: Vec<usize>,
    unresolved: Vec<String>,
    manages_itself: bool,
}

struct Placer<'a> {
    library: Library<'a>,
    drafts: Vec<Draft>,
    placed: HashMap<AppKey, usize>,
    /// Files that placed apps were made from.
    reached: BTreeSet<String>,
    queue: VecDeque<usize>,
    names: BTreeSet<AppPath>,
    problems: Vec<TreeProblem>,
}

pub(super) fn place(files: &dyn Files, options: &TreeOptions) -> (Vec<App>, Vec<TreeProblem>) {
    let mut placer = Placer {
        library: Library::new(files, options),
        drafts: Vec::new(),
        placed: HashMap::new(),
        reached: BTreeSet::new(),
        queue: VecDeque::new(),
        names: BTreeSet::new(),
        problems: Vec::new(),
    };
    placer.run(options);
    if let Some(sentence) = files.trouble() {
        placer.tell(TreeProblem { sentence, about: Vec::new(), below: Some(AppPath::root()) });
    }
    placer.finish()
}

/// For each file, the candidates that take it for a manifest of what they make.
type MadeFrom = BTreeMap<String, BTreeSet<AppKey>>;

/// A file, and what is wrong with it.
type FileProblem = (String, String);

/// A manifest that may be a root.
struct Candidate {
    manifest: Rc<Manifest>,
    files: BTreeSet<String>,
}

impl Placer<'_> {
    fn run(&mut self, options: &TreeOptions) {
        let (candidates, problems) = self.candidates(options);
        if let Some(sentence) = self.library.nobody_names_us(candidates.iter().map(|(_, candidate)| &*candidate.manifest)) {
            self.tell(TreeProblem { sentence, about: Vec::new(), below: Some(AppPath::root()) });
        }
        let (made, made_from) = self.made_by_others(&candidates);
        for (key, candidate) in &candidates {
            let own_file = candidate.files.iter().any(|file| made_from.get(file).is_none_or(|by| by.iter().all(|by| by == key)));
            if own_file && !made.contains(key) {
                self.root(key.clone(), &candidate.manifest);
            }
        }
        self.walk();
        // What nobody reached stands in a loop without a way in, or below one: open each loop at its first app.
        for (key, candidate) in loops::ways_in(&candidates, &made_from) {
            if !self.placed.contains_key(key) && candidate.files.is_disjoint(&self.reached) {
                self.root(key.clone(), &candidate.manifest);
                self.walk();
            }
        }
        // Files that some app reads are told about there; the rest belongs to the top.
        for (file, sentence) in problems {
            if !self.reached.contains(&file) {
                self.problems.push(TreeProblem { sentence, about: Vec::new(), below: Some(AppPath::root()) });
            }
        }
    }

    /// All manifests in the configured folder, by wave and name, each app once.
    fn candidates(&mut self, options: &TreeOptions) -> (Vec<(AppKey, Candidate)>, Vec<FileProblem>) {
        let mut problems = Vec::new();
        let folder = join("", &options.roots).filter(|folder| folder.is_empty() || is_folder(self.library.files, folder));
        let Some(folder) = folder else {
            problems.push((
                String::new(),
                format!("There is no folder {} in the repository at this commit, so no root is found. Correct the configuration.", options.roots),
            ));
            return (Vec::new(), problems);
        };
        let mut by_key: BTreeMap<AppKey, Candidate> = BTreeMap::new();
        for path in below(self.library.files, &folder).filter(|path| is_manifest(path)).collect::<Vec<_>>() {
            // A chart's templates are nobody's roots: they are made with some app's values, or not at all.
            if in_chart(self.library.files, path) {
                continue;
            }
            let parsed = self.library.parsed(path);
            problems.extend(parsed.problems.iter().map(|problem| (path.to_owned(), problem.to_string())));
            for manifest in &parsed.manifests {
                let key = key_of(manifest, IN_CLUSTER, DEFAULT_NAMESPACE);
                let candidate = by_key.entry(key).or_insert_with(|| Candidate { manifest: Rc::clone(manifest), files: BTreeSet::new() });
                candidate.files.insert(path.to_owned());
            }
        }
        let mut candidates: Vec<(AppKey, Candidate)> = by_key.into_iter().collect();
        candidates.sort_by(|(a_key, a), (b_key, b)| order(a_key, &a.manifest).cmp(&order(b_key, &b.manifest)));
        (candidates, problems)
    }

    /// What the candidates make of each other: keys that have a parent, and for each file who reads it.
    fn made_by_others(&mut self, candidates: &[(AppKey, Candidate)]) -> (BTreeSet<AppKey>, MadeFrom) {
        let mut made = BTreeSet::new();
        let mut made_from = MadeFrom::new();
        for (key, candidate) in candidates {
            let expansion = self.library.expand(&candidate.manifest);
            for file in &expansion.files {
                made_from.entry(file.clone()).or_default().insert(key.clone());
            }
            for child in &expansion.children {
                let child_key = child_key(child, key, &candidate.manifest);
                if child_key != *key {
                    made.insert(child_key);
                }
            }
        }
        (made, made_from)
    }

    fn root(&mut self, key: AppKey, manifest: &Rc<Manifest>) {
        self.add(key, Rc::clone(manifest), None);
    }

    /// Level by level, so that of two parents the one nearer to a root has the app.
    fn walk(&mut self) {
        while let Some(index) = self.queue.pop_front() {
            let Some(draft) = self.drafts.get(index) else { continue };
            let (manifest, key, path, level) = (Rc::clone(&draft.manifest), draft.key.clone(), draft.path.clone(), draft.level);
            let Expansion { children, files, problems, unresolved } = self.library.expand(&manifest);
            for problem in problems {
                self.tell(TreeProblem { sentence: problem.to_string(), about: vec![index], below: Some(path.clone()) });
            }
            self.reached.extend(files);
            let mut children: Vec<(AppKey, Rc<Manifest>)> = children.into_iter().map(|child| (child_key(&child, &key, &manifest), child)).collect();
            children.sort_by(|(a_key, a), (b_key, b)| order(a_key, a).cmp(&order(b_key, b)));
            self.tell_doubles(index, &children);
            children.dedup_by(|(a, _), (b, _)| a == b);
            let manages_itself = children.iter().any(|(child, _)| *child == key);
            if let Some(draft) = self.drafts.get_mut(index) {
                draft.unresolved = unresolved;
                draft.manages_itself = manages_itself;
            }
            for (child, manifest) in children.into_iter().filter(|(child, _)| *child != key) {
                match self.placed.get(&child).copied() {
                    Some(there) if self.is_above(there, index) => self.cut_cycle(index, there),
                    Some(there) => self.second_parent(index, there),
                    None if level >= MAX_LEVELS => {
                        let sentence = format!("{path} lies {level} levels deep; what it makes is not shown. Make the tree flatter.");
                        self.tell(TreeProblem { sentence, about: vec![index], below: None });
                        self.leave_out(child, manifest);
                    }
                    None => self.add(child, manifest, Some(index)),
                }
            }
        }
    }

    fn add(&mut self, key: AppKey, manifest: Rc<Manifest>, parent: Option<usize>) {
        if self.drafts.len() >= MAX_APPS {
            let sentence = format!("There are more than {MAX_APPS} apps; the rest is not shown.");
            self.tell(TreeProblem { sentence, about: Vec::new(), below: Some(AppPath::root()) });
            self.leave_out(key, manifest);
            return;
        }
        let above = parent.and_then(|parent| self.drafts.get(parent));
        let (base, level) = above.map_or_else(|| (AppPath::root(), 1), |above| (above.path.clone(), above.level.saturating_add(1)));
        let Some(path) = free_path(&self.names, &base, &key, Naming::Plain) else {
            let sentence = format!("{}: no path can be made of the name {}, so the app is left out. Give it a shorter, plain name.", manifest.at, key.name);
            self.tell(TreeProblem { sentence, about: parent.into_iter().collect(), below: Some(base) });
            self.leave_out(key, manifest);
            return;
        };
        let index = self.drafts.len();
        self.names.insert(path.clone());
        self.placed.insert(key.clone(), index);
        self.queue.push_back(index);
        if let Some(above) = parent.and_then(|parent| self.drafts.get_mut(parent)) {
            above.children.push(index);
        }
        let cycles = Vec::new();
        self.drafts.push(Draft { manifest, key, path, level, parent, children: Vec::new(), cycles, unresolved: Vec::new(), manages_itself: false });
    }

    /// What an app without a place makes has none either: it must not come up as a root, where other grants hold.
    fn leave_out(&mut self, key: AppKey, manifest: Rc<Manifest>) {
        let mut seen = BTreeSet::from([key.clone()]);
        let mut open = vec![(key, manifest)];
        while let Some((key, manifest)) = open.pop() {
            let expansion = self.library.expand(&manifest);
            self.reached.insert(manifest.at.file.clone());
            self.reached.extend(expansion.files);
            for child in expansion.children {
                let child_key = child_key(&child, &key, &manifest);
                // A chain through a name that grows with each step would never repeat a key.
                if seen.len() < MAX_APPS && seen.insert(child_key.clone()) {
                    open.push((child_key, child));
                }
            }
        }
    }

    fn is_above(&self, candidate: usize, index: usize) -> bool {
        let mut at = Some(index);
        while let Some(here) = at {
            if here == candidate {
                return true;
            }
            at = self.drafts.get(here).and_then(|draft| draft.parent);
        }
        false
    }

    fn cut_cycle(&mut self, index: usize, above: usize) {
        let path = |index: usize| self.drafts.get(index).map(|draft| draft.path.to_string()).unwrap_or_default();
        let sentence = format!("{} makes {} again, which stands above it. The loop is shown once and not followed.", path(index), path(above));
        self.tell(TreeProblem { sentence, about: vec![index, above], below: None });
        if let Some(draft) = self.drafts.get_mut(index)
            && !draft.cycles.contains(&above)
        {
            draft.cycles.push(above);
        }
    }

    /// One app, two manifests that differ: Argo CD would let them fight.
    fn tell_doubles(&mut self, index: usize, children: &[(AppKey, Rc<Manifest>)]) {
        let doubles = children.windows(2).filter_map(|pair| match pair {
            [(a_key, a), (b_key, b)] if a_key == b_key && a.at != b.at => Some((a, b)),
            _ => None,
        });
        let below = self.drafts.get(index).map(|draft| draft.path.clone());
        let sentences: Vec<String> =
            doubles.map(|(a, b)| format!("{} stands twice: in {} and in {}. The first is shown; delete one.", a.name, a.at, b.at)).collect();
        for sentence in sentences {
            self.tell(TreeProblem { sentence, about: vec![index], below: below.clone() });
        }
    }

    fn second_parent(&mut self, index: usize, there: usize) {
        let path = |index: usize| self.drafts.get(index).map(|draft| draft.path.to_string()).unwrap_or_default();
        let sentence = format!("{} makes {} too, which stands elsewhere already. It is shown there; let only one app make it.", path(index), path(there));
        self.tell(TreeProblem { sentence, about: vec![index, there], below: None });
    }

    fn tell(&mut self, problem: TreeProblem) {
        if self.problems.len() < MAX_PROBLEMS && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Parents before children, each subtree in one piece.
    fn finish(self) -> (Vec<App>, Vec<TreeProblem>) {
        let Self { library, drafts, mut problems, .. } = self;
        let apps =
            drafts.iter().map(|draft| App { parent: draft.parent, children: draft.children.clone(), cycles: draft.cycles.clone(), ..app(&library, draft) });
        let (apps, new_index) = arrange(apps.collect());
        for problem in &mut problems {
            problem.about = renumbered(&problem.about, &new_index);
        }
        for (index, app) in apps.iter().enumerate() {
            let own = app.problems.iter().map(|sentence| format!("{}: {sentence}", app.path));
            problems.extend(own.map(|sentence| TreeProblem { sentence, about: vec![index], below: None }));
        }
        (apps, problems)
    }
}

fn app(library: &Library<'_>, draft: &Draft) -> App {
    let app = made_app(library, &draft.manifest, &draft.key, draft.path.clone(), draft.level);
    App { unresolved: draft.unresolved.clone(), manages_itself: draft.manages_itself, ..app }
}

/// An app with all that its manifest and the repository say of it, but without its place among others.
pub(super) fn made_app(library: &Library<'_>, manifest: &Manifest, key: &AppKey, path: AppPath, level: usize) -> App {
    let sources: Vec<_> = manifest.sources.iter().map(|source| library.app_source(source)).collect();
    let other_revisions: Vec<String> = manifest.sources.iter().filter_map(|source| library.other_revision(source)).collect();
    let app = App {
        path,
        name: manifest.name.clone(),
        kind: manifest.kind,
        level,
        parent: None,
        children: Vec::new(),
        cycles: Vec::new(),
        end: 0,
        wave: manifest.wave,
        environment: Environment(String::new()),
        environment_why: String::new(),
        project: manifest.project.clone(),
        namespace: key.namespace.clone(),
        object_cluster: key.cluster.clone(),
        cluster: deployed_to(key, &manifest.destination),
        destination_namespace: manifest.destination.namespace.clone(),
        sources,
        target: manifest.target.clone(),
        tests: Vec::new(),
        searched: Vec::new(),
        annotated_tests: manifest.tests.clone(),
        unresolved: Vec::new(),
        manages_itself: false,
        problems: manifest.problems.iter().map(ToString::to_string).chain(other_revisions).collect(),
        file: manifest.at.file.clone(),
        presence: Presence::Unasked,
        live: None,
    };
    let found = app.tests_in(library.files);
    App { tests: found.tests, searched: found.searched, problems: [app.problems, found.problems].concat(), ..app }
}
