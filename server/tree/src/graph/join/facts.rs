//! What is told of a live object, in the words of the tree.

use std::collections::BTreeMap;

use windfirm_model::view::app::Target;

use crate::{
    files::join,
    graph::{App, AppKey, expand::Library},
    live::{AgainstGit, Clusters, Compared, LiveObject, LiveRevision, SyncStatus},
    manifest::{At, Destination, Manifest, TESTS_ANNOTATION},
};

/// The manifest that Git would hold, had it the object.
pub(super) fn manifest_of(object: &LiveObject) -> Manifest {
    let (project, sources, target) = match object {
        LiveObject::Application(app) => (&app.project, app.sources.clone(), app.target()),
        LiveObject::Set(set) => (&set.project, Vec::new(), Target::Missing { why: "An ApplicationSet only makes other apps; test one of them.".into() }),
    };
    Manifest {
        kind: object.kind(),
        name: object.id().name.to_string(),
        namespace: Some(object.id().namespace.to_string()),
        wave: object.wave(),
        project: project.to_string(),
        sources,
        destination: destination(object).clone(),
        tests: object.marks().windfirm(TESTS_ANNOTATION).map(str::to_owned),
        target,
        generated: Vec::new(),
        unresolved: Vec::new(),
        problems: Vec::new(),
        at: At::default(),
    }
}

pub(super) fn destination(object: &LiveObject) -> &Destination {
    match object {
        LiveObject::Application(app) => &app.destination,
        LiveObject::Set(set) => &set.destination,
    }
}

/// Whether Argo CD took the app's sources and compared it with them.
pub(super) fn is_accepted(object: &LiveObject) -> bool {
    object.application().is_none_or(|app| app.compared == Compared::SameSources && app.sync != SyncStatus::Unknown)
}

pub(super) fn withhold_files(app: &mut App) {
    app.tests.clear();
    app.searched.clear();
    app.problems.clear();
    for source in &mut app.sources {
        source.folder = None;
    }
    app.problems.push("Argo CD has not compared this app with its sources, so nothing of the repository is shown for it yet.".to_owned());
}

/// What runs, for each source.
pub(super) fn revisions(library: &Library<'_>, object: &LiveObject, commit: &str) -> Vec<LiveRevision> {
    let Some(app) = object.application() else { return Vec::new() };
    let mut deployed = app.deployed().iter();
    let mut of = |source: &crate::manifest::Source| {
        let deployed = deployed.next().cloned().filter(|id| !id.is_empty());
        let folder = if library.renders_ours(source) { source.path.as_deref().and_then(|path| join("", path)) } else { None };
        let against_git = match &deployed {
            Some(_) if app.hydrated || !library.renders_ours(source) => AgainstGit::Incomparable,
            Some(id) if !commit.is_empty() && id.eq_ignore_ascii_case(commit) => AgainstGit::Same,
            Some(_) => AgainstGit::Other,
            None => AgainstGit::Incomparable,
        };
        LiveRevision { repository: source.repository.clone(), deployed, against_git, folder }
    };
    app.sources.iter().map(&mut of).collect()
}

/// Whether Argo CD has not looked at an app yet, so that it lists nothing.
pub(super) fn is_unread(object: &LiveObject) -> bool {
    object.application().is_some_and(|app| app.reconciled.is_none())
}

/// Argo CD cuts the list of a large set. Whom the set owns stands below it all the same.
pub(super) fn cut_list(object: &LiveObject) -> Option<String> {
    let LiveObject::Set(set) = object else { return None };
    let (listed, all) = (set.listed.len(), set.listed_count);
    set.is_cut().then(|| format!("Argo CD lists only {listed} of the {all} apps that it makes; those that bear its mark are shown."))
}

/// Apps that an app lists and that nobody has seen: how many, and where; their names are for those who may see their places.
pub(super) fn unseen_in_words(unseen: &[&AppKey], clusters: &Clusters) -> Vec<String> {
    let mut by_cluster: BTreeMap<&str, usize> = BTreeMap::new();
    for key in unseen {
        let count = by_cluster.entry(key.cluster.as_str()).or_default();
        *count = count.saturating_add(1);
    }
    let sentence = |(cluster, count): (&str, usize)| {
        let apps = if count == 1 { "one app".to_owned() } else { format!("{count} apps") };
        if clusters.is_read(cluster) {
            format!("It lists {apps} that the cluster {cluster} does not hold: not made yet, or just deleted.")
        } else {
            format!("It makes {apps} in the cluster {cluster}, which the portal does not read.")
        }
    };
    by_cluster.into_iter().map(sentence).collect()
}
