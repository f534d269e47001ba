//! What clusters say, in icons and words. Health is a vocabulary of its own beside that of verdicts: other shapes, neutral ink, and
//! ochre where somebody should look.

use leptos::prelude::*;
use windfirm_model::{
    clock::Timestamp,
    path::AppPath,
    view::cluster::{AccountFindings, AgainstGit, ClusterState, Found, HealthWord, LiveState, RevisionRow, SyncWord},
};

use super::{
    format::{ago, counted, iso},
    layout::notice,
    status::{Tone, status_plain},
    text::rich,
};
use crate::{
    api::{ApiError, rules::AskClusters},
    href,
};

/// Commits are cut to this many characters.
const SHORT: usize = 7;

/// Health as icon and word.
#[must_use]
pub fn health(word: HealthWord) -> AnyView {
    let (shape, ink) = match word {
        HealthWord::Healthy => ("healthy", ""),
        HealthWord::Suspended => ("suspended", ""),
        HealthWord::Progressing => ("progressing", "inconclusive"),
        HealthWord::Missing => ("missing", "inconclusive"),
        HealthWord::Degraded => ("degraded", "inconclusive"),
        HealthWord::Unknown => ("s-unknown", ""),
    };
    // Beside “sync unknown” the bare word would not say what is unknown.
    marked(shape, ink, if word == HealthWord::Unknown { "health unknown" } else { word.word() })
}

/// Whether what runs is what Git asks for, as icon and word.
#[must_use]
pub fn sync(word: SyncWord) -> AnyView {
    let (shape, ink) = match word {
        SyncWord::Synced => ("synced", ""),
        SyncWord::OutOfSync => ("out-of-sync", "inconclusive"),
        SyncWord::Unknown => ("s-unknown", ""),
    };
    marked(shape, ink, word.word())
}

/// An app that its cluster does not have, or that only its cluster has; nothing where both have it.
#[must_use]
pub fn found(found: Found) -> Option<&'static str> {
    match found {
        Found::InBoth => None,
        Found::GitOnly => Some("not (yet) in the cluster"),
        Found::ClusterOnly => Some("only in the cluster"),
        Found::NotHeard => Some("cluster not heard yet"),
    }
}

/// Health and sync side by side; what is missing is left out.
#[must_use]
pub fn standing(state: &LiveState) -> AnyView {
    view! { {state.health.map(health)} " " {state.sync.map(sync)} }.into_any()
}

/// An icon of this vocabulary with its word.
pub(crate) fn marked(shape: &'static str, ink: &'static str, word: &'static str) -> AnyView {
    view! {
        <span class="st plain">
            <svg class=format!("i ink {ink}").trim_end().to_owned() aria-hidden="true">
                <use href=format!("#i-{shape}") />
            </svg>
            <span class="w">{word}</span>
        </span>
    }
    .into_any()
}

/// Ids of commits are cut, versions of charts are not.
#[must_use]
pub fn short_revision(text: &str) -> String {
    let is_commit = text.len() >= 40 && text.chars().all(|c| c.is_ascii_hexdigit());
    if is_commit { text.chars().take(SHORT).collect() } else { text.to_owned() }
}

/// What runs, and in a few words whether that is what the tree was read from.
#[must_use]
pub fn revision(row: &RevisionRow) -> AnyView {
    let Some(deployed) = &row.deployed else { return view! { <span class="mute">"nothing deployed yet"</span> }.into_any() };
    let word = match row.against_git {
        AgainstGit::Same => Some("as in Git"),
        AgainstGit::Other => Some("not the commit shown here"),
        AgainstGit::Incomparable => None,
    };
    view! { <code title=deployed.clone()>{short_revision(deployed)}</code> " " {word} }.into_any()
}

/// How old the part of the tree is that a cluster tells; nothing while it is heard and has told everything.
#[must_use]
pub fn cluster_notice(cluster: &ClusterState, now: Timestamp) -> AnyView {
    match (&cluster.away, cluster.heard) {
        (Some(away), Some(heard)) => notice(
            Tone::Inconclusive,
            "cluster away",
            &format!("`{}` was last heard of {}. {} What is shown of it is as old as that; it comes back by itself.", cluster.name, ago(heard, now), away.why),
        ),
        (Some(away), None) => notice(
            Tone::Inconclusive,
            "cluster away",
            &format!(
                "`{}` has not been heard of since {}. {} What it holds is not known; it comes back by itself.",
                cluster.name,
                ago(away.since, now),
                away.why
            ),
        ),
        (None, _) if !cluster.complete => notice(
            Tone::Unknown,
            "cluster not read yet",
            &format!("`{}` has not told yet all that it holds. Apps that only it has are missing here.", cluster.name),
        ),
        (None, _) => ().into_any(),
    }
}

/// What the cluster answered of an account: icon, word.
#[must_use]
pub fn answer(findings: &AccountFindings) -> AnyView {
    if findings.green {
        return status_plain(Tone::Pass, "everything granted");
    }
    status_plain(Tone::Fail, counted(u64::try_from(findings.sentences.len()).unwrap_or_default(), "finding", "findings"))
}

/// When it was asked.
#[must_use]
pub fn asked(findings: &AccountFindings, now: Timestamp) -> AnyView {
    view! { <time datetime=iso(findings.asked)>{ago(findings.asked, now)}</time> }.into_any()
}

/// What is wrong with an account, a sentence each.
#[must_use]
pub fn sentences(findings: &AccountFindings) -> AnyView {
    match findings.sentences.as_slice() {
        [] => ().into_any(),
        [only] => rich(only),
        several => {
            let list = several.iter().map(|sentence| view! { <li>{rich(sentence)}</li> }).collect_view();
            view! { <ul class="findings">{list}</ul> }.into_any()
        }
    }
}

/// Why the account may do what it may, as the cluster says it: the bindings.
#[must_use]
pub fn reasons(findings: &AccountFindings) -> AnyView {
    findings.because.iter().map(|reason| view! { <span class="from">{reason.clone()}</span> }).collect_view().into_any()
}

/// What that breaks: apps, as links as far as there is room, and runs that go on.
#[must_use]
pub fn breaks(findings: &AccountFindings, most: usize) -> AnyView {
    let apps = u64::try_from(findings.breaks.len()).unwrap_or_default();
    let link = |(index, path): (usize, &AppPath)| {
        let comma = (index > 0).then_some(", ");
        view! { {comma} <a class="mono" href=href::app(path)>{path.to_string()}</a> }
    };
    let links = findings.breaks.iter().take(most).enumerate().map(link).collect_view();
    let more = findings.breaks.len().saturating_sub(most);
    let more = (more > 0).then(|| format!(" and {more} more"));
    let runs = (findings.live_runs > 0).then(|| {
        let verb = if findings.live_runs == 1 { "goes" } else { "go" };
        format!("{} {verb} on as it right now.", counted(u64::from(findings.live_runs), "run", "runs"))
    });
    let waiting = (findings.waiting_runs > 0).then(|| {
        let verb = if findings.waiting_runs == 1 { "waits" } else { "wait" };
        format!(" {} {verb} to be started as it when a Secret changes.", counted(u64::from(findings.waiting_runs), "run", "runs"))
    });
    let locked = (apps > 0).then(|| view! { {format!("Launches of {} are locked: ", counted(apps, "app", "apps"))} {links} {more} ". " });
    view! { {locked} {runs} {waiting} }.into_any()
}

/// Loads a page again once an answer has come: what clusters say may be another thing now.
pub fn reload_when_asked(ask: ServerAction<AskClusters>, reload: impl Fn() + 'static) {
    Effect::new(move |before: Option<usize>| {
        let version = ask.version().get();
        if before.is_some_and(|before| before != version) {
            reload();
        }
        version
    });
}

/// The button that has the clusters asked now, for the end of a section's head.
#[must_use]
pub fn ask_now(ask: ServerAction<AskClusters>) -> AnyView {
    view! {
        <span class="end">
            <ActionForm action=ask>
                <button class="btn sm" type="submit">"Ask again now"</button>
            </ActionForm>
        </span>
    }
    .into_any()
}

/// What came of asking now.
#[must_use]
pub fn asked_now(ask: ServerAction<AskClusters>) -> AnyView {
    let told = |answer: Result<(), ApiError>| match answer {
        Ok(()) => notice(Tone::Pass, "Asked", "The clusters were asked just now. What has not answered yet shows an older time."),
        Err(error) => notice(Tone::Inconclusive, "Not asked", &error.to_string()),
    };
    view! { {move || ask.value().get().map(told)} }.into_any()
}

/// An account that lacks something, beside the tree.
#[must_use]
pub fn account_notice(findings: &AccountFindings, now: Timestamp) -> AnyView {
    const LINKS: usize = 3;
    view! {
        <div class="notice locked" role="status">
            {super::status::status(Tone::Locked, "locked")}
            <div class="grow">
                <p>
                    {rich(&if findings.unknown {
                        format!("What the account `{}` may do in the cluster `{}` is not known: not every question was answered ", findings.account, findings.cluster)
                    } else {
                        format!("The account `{}` lacks something in the cluster `{}`, as that said ", findings.account, findings.cluster)
                    })}
                    {asked(findings, now)} ". " {breaks(findings, LINKS)}
                </p>
                {sentences(findings)}
                <p><a href="/access#x-accounts">"All accounts"</a></p>
            </div>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_cut_and_versions_are_not() {
        assert_eq!(short_revision("8a926447c3b3e4e7acb35ea7397ae77223ae4ad5"), "8a92644");
        assert_eq!(short_revision("17.10.3-beta.1"), "17.10.3-beta.1");
        assert_eq!(short_revision("decade"), "decade");
    }
}
