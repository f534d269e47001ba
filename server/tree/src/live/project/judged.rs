//! What follows for an app from its project, as far as the project itself tells.
//!
//! Argo CD has the last word, and says it as a condition of the app. What is found here is told beside that word and never against it: a
//! finding is *confirmed* where Argo CD says the same, and where it does not, that is said too. It may know more, because a global project can
//! lend a project sources and destinations, and a cluster can have names that are not known here; or it has not looked yet.

use windfirm_model::clock::Timestamp;

use super::{LiveProject, ProjectDestination, SyncWindow, window};
use crate::{
    glob,
    live::{Clusters, LiveApplication, Text},
    manifest::IN_CLUSTER,
};

/// The condition in which Argo CD says what it does not let an app do.
const INVALID: &str = "InvalidSpecError";

/// One thing that a reader of the app should know of its project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProjectTrouble {
    /// There is no such project.
    Missing { confirmed: bool },
    /// It does not allow a source of the app; which one, unless only Argo CD knows.
    Source { repository: Option<String>, confirmed: bool },
    /// It does not allow the place that the app is deployed to.
    Destination { confirmed: bool },
    /// A window in which the app may not be synced is open. Its `manual_sync` says what holds by all windows that are open.
    Denied { window: SyncWindow, at_least_until: Timestamp },
}

/// Judges an app by its project; `None`: all projects of its Argo CD are known, and it is not among them.
#[must_use]
pub fn judge(app: &LiveApplication, project: Option<&LiveProject>, clusters: &Clusters, now: Timestamp) -> Vec<ProjectTrouble> {
    let says = |part: &str| app.conditions.iter().any(|condition| &*condition.kind == INVALID && condition.message.contains(part));
    let Some(project) = project else { return vec![ProjectTrouble::Missing { confirmed: says("which does not exist") }] };
    let mut found = Vec::new();

    let refused = app.sources.iter().find(|source| !allows_source(&project.source_repositories, &source.repository));
    let confirmed = says("is not permitted in project");
    if refused.is_some() || confirmed {
        found.push(ProjectTrouble::Source { repository: refused.map(|source| source.repository.clone()), confirmed });
    }

    let place = Place::of(app, clusters);
    let confirmed = says("allowed destinations in project");
    if confirmed || !allows_destination(&project.destinations, &place) {
        found.push(ProjectTrouble::Destination { confirmed });
    }

    let denied = |window: &SyncWindow| {
        let at_least_until =
            Some(window).filter(|window| &*window.kind == "deny" && is_about(window, app, &place)).and_then(|window| window::open_until(window, now))?;
        Some(ProjectTrouble::Denied { window: window.clone(), at_least_until })
    };
    let mut open: Vec<ProjectTrouble> = project.sync_windows.iter().filter_map(denied).collect();
    // One of them that forbids it by hand too is enough.
    let by_hand = open.iter().all(|one| matches!(one, ProjectTrouble::Denied { window, .. } if window.manual_sync));
    for one in &mut open {
        if let ProjectTrouble::Denied { window, .. } = one {
            window.manual_sync = by_hand;
        }
    }
    found.extend(open);
    found
}

/// Where an app is deployed to, by all the names that its cluster is known to have.
#[derive(Debug)]
struct Place {
    servers: Vec<String>,
    names: Vec<String>,
    namespace: String,
}

impl Place {
    fn of(app: &LiveApplication, clusters: &Clusters) -> Self {
        let spellings = clusters.spellings(&app.id.cluster, &app.destination.cluster);
        let (servers, names) = spellings.into_iter().partition(|spelling| spelling.contains("://"));
        Self { servers, names, namespace: app.destination.namespace.clone() }
    }
    fn is_in(&self, pattern: &str) -> bool {
        any(pattern, &self.servers) || any(pattern, &self.names)
    }
}

/// What a pattern that begins so says no to.
fn denied(pattern: &str) -> Option<&str> {
    pattern.strip_prefix('!')
}

fn any(pattern: &str, texts: &[String]) -> bool {
    texts.iter().any(|text| glob::matches(pattern, text))
}

/// As Argo CD matches: a pattern that denies matches what it does not name. An empty list of texts matches nothing.
fn matched(pattern: &str, texts: &[String]) -> bool {
    !texts.is_empty() && denied(pattern).map_or_else(|| any(pattern, texts), |pattern| !any(pattern, texts))
}

fn allows_destination(destinations: &[ProjectDestination], place: &Place) -> bool {
    let namespace = std::slice::from_ref(&place.namespace);
    let mut allowed = false;
    for item in destinations {
        let (server, name) = (matched(&item.server, &place.servers), matched(&item.name, &place.names));
        let space = matched(&item.namespace, namespace);
        if (server || name) && space {
            allowed = true;
        } else if [(server, &item.server), (name, &item.name), (space, &item.namespace)].iter().any(|(matched, pattern)| !matched && denied(pattern).is_some())
        {
            return false;
        }
    }
    allowed
}

fn allows_source(patterns: &[Text], repository: &str) -> bool {
    let repository = plain(repository);
    let mut allowed = false;
    for pattern in patterns {
        let (pattern, denies) = denied(pattern).map_or((&**pattern, false), |pattern| (pattern, true));
        match (names(&plain(pattern), &repository), denies) {
            (Some(true), true) => return false,
            // Beside what a denying pattern names, it allows.
            (Some(true), false) | (Some(false), true) => allowed = true,
            (Some(false), false) => {}
            // What cannot be told is not held against the app.
            (None, _) => return true,
        }
    }
    allowed
}

/// Whether a pattern of sources names this address; `None` where that cannot be told. A star ends at a slash, two go on.
fn names(pattern: &str, repository: &str) -> Option<bool> {
    if pattern == "*" {
        return Some(true);
    }
    (!pattern.contains(['[', ']', '{', '}', '\\'])).then(|| glob::matches_between(pattern, repository, '/'))
}

/// An address of a repository as Argo CD compares it: case, the scheme of ssh and `.git` do not count.
fn plain(address: &str) -> String {
    let address = address.trim().to_lowercase();
    let address = match address.strip_prefix("ssh://") {
        Some(rest) => rest.to_owned(),
        // `git@host:path`
        None if !address.contains("://") && address.split_once(':').is_some_and(|(host, _)| host.contains('@')) => address.replacen(':', "/", 1),
        None => address,
    };
    address.strip_suffix(".git").map_or_else(|| address.clone(), str::to_owned)
}

/// Whether a window is about this app.
fn is_about(window: &SyncWindow, app: &LiveApplication, place: &Place) -> bool {
    let matches = |patterns: &[Text], matched: &dyn Fn(&str) -> bool| (!patterns.is_empty()).then(|| patterns.iter().any(|pattern| matched(pattern)));
    let told = [
        matches(&window.applications, &|pattern| glob::matches(pattern, &app.id.name)),
        matches(&window.clusters, &|pattern| place.is_in(pattern)),
        matches(&window.namespaces, &|pattern| glob::matches(pattern, &place.namespace)),
    ];
    let mut told = told.into_iter().flatten().peekable();
    match (told.peek().is_some(), window.and_operator) {
        (false, _) => false,
        (true, true) => told.all(|matched| matched),
        (true, false) => told.any(|matched| matched),
    }
}

impl Clusters {
    /// Every name and address by which this cluster is known, the spelling itself among them.
    fn spellings(&self, from: &str, spelling: &str) -> Vec<String> {
        let name = self.meant(from, spelling);
        let own = if name == from { [IN_CLUSTER, "https://kubernetes.default.svc"].as_slice() } else { &[] };
        let mut all: Vec<String> =
            self.known_as(&name).chain(own.iter().copied()).chain(Some(spelling)).filter(|text| !text.is_empty()).map(str::to_owned).collect();
        all.sort();
        all.dedup();
        all
    }
}
