//! What follows for an app from its project, in words.

use windfirm_model::{
    clock::Timestamp,
    view::cluster::{OrphansWord, ProjectFacts, ProjectFinding},
};

use crate::{
    address,
    live::{Clusters, LiveApplication, LiveProject, Orphans, ProjectTrouble, SyncWindow, judge},
};

/// For those who may see the live side of the app. `None` as project: its Argo CD, in `control_namespace`, has told of all projects, and it is
/// not among them. The sentences name the app's own project, sources and place, and nothing else that the project holds: that is other people's.
#[must_use]
pub fn project_facts(app: &LiveApplication, project: Option<&LiveProject>, control_namespace: &str, clusters: &Clusters, now: Timestamp) -> ProjectFacts {
    let finding = |trouble: ProjectTrouble| finding(app, &trouble, control_namespace);
    ProjectFacts {
        name: app.project.to_string(),
        unknown: None,
        findings: judge(app, project, clusters, now).into_iter().map(finding).collect(),
        orphans: project.map_or(OrphansWord::NotLookedFor, |project| match project.orphans {
            Orphans::NotLookedFor => OrphansWord::NotLookedFor,
            Orphans::LookedFor => OrphansWord::LookedFor,
            Orphans::WarnedOf => OrphansWord::WarnedOf,
        }),
    }
}

fn finding(app: &LiveApplication, trouble: &ProjectTrouble, control_namespace: &str) -> ProjectFinding {
    let project = &app.project;
    let plain = |sentence: String, confirmed: bool| ProjectFinding { sentence, confirmed, at_least_until: None };
    // Argo CD has not said so: it may know more, or not have looked.
    let not_said = "Argo CD has not refused it so far: a global project may allow it, or it has not looked since the project was changed.";
    match trouble {
        ProjectTrouble::Missing { confirmed } => {
            let says = if *confirmed { "Argo CD says so too." } else { "Argo CD itself has not said so yet." };
            let mend = "Nothing of the app is synced without it: whoever looks after Argo CD can make it, or the app names another one.";
            plain(format!("The project `{project}` of this app does not exist in namespace `{control_namespace}`. {says} {mend}"), *confirmed)
        }
        ProjectTrouble::Source { repository, confirmed } => {
            let source = repository.as_ref().map_or_else(|| "a source of this app".to_owned(), |address| format!("the source `{}`", address::shown(address)));
            let sentence = if *confirmed {
                format!(
                    "The project `{project}` does not allow {source}, and Argo CD refuses to sync the app for it. Whoever looks after the project can allow it."
                )
            } else {
                format!("Nothing in the project `{project}` itself allows {source}. {not_said}")
            };
            plain(sentence, *confirmed)
        }
        ProjectTrouble::Destination { confirmed } => {
            let place = format!("namespace `{}` of cluster `{}`", app.destination.namespace, app.destination.cluster);
            let sentence = if *confirmed {
                format!(
                    "The project `{project}` does not allow apps in {place}, and Argo CD refuses to sync the app for it. Whoever looks after the project can allow it."
                )
            } else {
                format!("Nothing in the project `{project}` itself allows apps in {place}. {not_said}")
            };
            plain(sentence, *confirmed)
        }
        ProjectTrouble::Denied { window, at_least_until } => {
            ProjectFinding { sentence: denied(project, window), confirmed: true, at_least_until: Some(*at_least_until) }
        }
    }
}

fn denied(project: &str, window: &SyncWindow) -> String {
    let SyncWindow { schedule, duration, time_zone, manual_sync, .. } = window;
    let zone = if time_zone.is_empty() { "UTC" } else { time_zone };
    let who = if *manual_sync { "does not sync this app by itself; by hand it can be" } else { "does not sync this app, neither by itself nor by hand" };
    format!(
        "A deny window of the project `{project}` is open (`{schedule}` for `{duration}`, {zone}): Argo CD {who}. What runs stays as it is until the window closes."
    )
}
