//! Around the rows: how many stand how, what is wrong with the tree, and where it was read from.

use leptos::prelude::*;
use windfirm_model::view::tree::{TreePage, TreeQuery, VerdictCounts};

use super::address;
use crate::ui::{
    cluster::{account_notice, cluster_notice},
    format::{ago, commit_words, counted, digest, full, iso, subject},
    layout::notice,
    status::{Tone, status_plain},
    text::rich,
};

/// Sentences of trouble that are shown at once; the rest is folded.
const TROUBLES: usize = 2;

/// One part of the roll-up: tone, word of the filter, word on the page, how many.
type Part = (Tone, &'static str, &'static str, u32);

fn parts(counts: VerdictCounts) -> Vec<Part> {
    let VerdictCounts { pass, fail, inconclusive, live, never } = counts;
    [
        (Tone::Pass, "pass", "pass", pass),
        (Tone::Fail, "fail", "fail", fail),
        (Tone::Inconclusive, "inconclusive", "inconclusive", inconclusive),
        (Tone::Running, "live", "running", live),
        (Tone::Unknown, "never", "no verdict", never),
    ]
    .into_iter()
    .filter(|(.., count)| *count > 0)
    .collect()
}

/// Each part as x and width on a bar of 1,000, with a little air between two.
fn bar(parts: &[Part]) -> Vec<(Tone, u64, u64)> {
    const AIR: u64 = 3;
    let all = parts.iter().map(|(.., count)| u64::from(*count)).sum::<u64>().max(1);
    let mut before = 0_u64;
    parts
        .iter()
        .map(|(tone, .., count)| {
            let from = before * 1_000 / all;
            before += u64::from(*count);
            let width = (before * 1_000 / all).saturating_sub(from).saturating_sub(AIR).max(1);
            (*tone, from, width)
        })
        .collect()
}

/// The apps that the reader may see, by their last verdict. Each number is a link to just those.
pub(super) fn share(page: &TreePage) -> AnyView {
    let parts = parts(page.counts);
    if parts.is_empty() {
        return ().into_any();
    }
    let fills = bar(&parts)
        .into_iter()
        .map(|(tone, x, width)| view! { <rect class=format!("fill {}", tone.class()) x=x.to_string() y="0" width=width.to_string() height="6" /> })
        .collect_view();
    let keys = parts
        .into_iter()
        .map(|(tone, filter, word, count)| {
            let link = address(&TreeQuery { verdict: Some(filter.to_owned()), view: page.query.view.clone(), ..TreeQuery::default() });
            view! { <li><a class="quiet" href=link>{status_plain(tone, format!("{count} {word}"))}</a></li> }
        })
        .collect_view();
    view! {
        <section aria-label="All apps that you may see, by last verdict">
            <div class="share" aria-hidden="true">
                <svg viewBox="0 0 1000 6" preserveAspectRatio="none">{fills}</svg>
            </div>
            <ul class="share-key">{keys}</ul>
        </section>
    }
    .into_any()
}

/// What is wrong with the tree as it was read. The page stays.
pub(super) fn troubles(page: &TreePage) -> AnyView {
    // Where nothing could be read at all, the page says so in the place of the apps.
    let stale = page.revision.stale.as_ref().filter(|_| !page.revision.is_unread()).map(|why| {
        let sentence = format!("The newest commit could not be read: {why} What you see was read {}.", ago(page.revision.read, page.now));
        notice(Tone::Inconclusive, "older tree", &sentence)
    });
    let first = page.problems.iter().take(TROUBLES).map(|problem| notice(Tone::Inconclusive, "trouble", problem)).collect_view();
    let more: Vec<&String> = page.problems.iter().skip(TROUBLES).collect();
    let more = (!more.is_empty()).then(|| {
        let title = format!("{} more", more.len());
        let list = more.iter().map(|problem| view! { <li>{rich(problem)}</li> }).collect_view();
        view! { <details class="more"><summary>{title}</summary><ul class="reasons">{list}</ul></details> }
    });
    let away =
        page.clusters.iter().filter(|cluster| cluster.is_away() || !cluster.complete).map(|cluster| cluster_notice(cluster, page.now)).collect::<Vec<_>>();
    let accounts = page.accounts.iter().filter(|account| !account.green).map(|account| account_notice(account, page.now)).collect::<Vec<_>>();
    let none = stale.is_none() && page.problems.is_empty() && away.is_empty() && accounts.is_empty();
    (!none).then(|| view! { <section class="flow" aria-label="Trouble with the tree">{stale} {away} {accounts} {first} {more}</section> }).into_any()
}

/// How much there is, and which commit says so.
pub(super) fn foot(page: &TreePage) -> AnyView {
    let revision = &page.revision;
    let seen = counted(u64::from(page.visible_apps), "app", "apps");
    let hidden = if page.hidden_apps == 0 { "none hidden".to_owned() } else { format!("{} hidden", page.hidden_apps) };
    let commit = (!revision.commit.is_empty()).then(|| {
        let title = commit_words(revision);
        view! { <span>"Commit " <code title=title>{digest(&revision.commit)}</code> " " {subject(revision)}</span> }
    });
    let read = if revision.is_unread() {
        view! { <span>"Not read yet: " <code>{revision.source.clone()}</code></span> }.into_any()
    } else {
        view! { <span>"Read from " <code>{revision.source.clone()}</code> " " <time datetime=iso(revision.read)>{ago(revision.read, page.now)}</time></span> }
            .into_any()
    };
    let granted = page.granted.map(|asked| {
        view! { <span>"All that your launches need is " <a href="/access#x-accounts">"granted"</a> ", asked " <time datetime=iso(asked)>{ago(asked, page.now)}</time></span> }
    });
    view! {
        <div class="foot">
            <span>{format!("{seen} that you may see, {hidden}")}</span>
            {commit}
            {read}
            {granted}
            <span>{format!("as of {}", full(page.now))}</span>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_filled_and_no_part_is_lost() {
        let some = parts(VerdictCounts { pass: 600, fail: 1, inconclusive: 0, live: 1, never: 398 });
        assert_eq!(some.iter().map(|(_, filter, ..)| *filter).collect::<Vec<_>>(), ["pass", "fail", "live", "never"]);
        let drawn = bar(&some);
        assert_eq!(drawn.first(), Some(&(Tone::Pass, 0, 597)));
        assert!(drawn.iter().all(|(_, x, width)| *width >= 1 && x + width <= 1_000));
        assert!(bar(&parts(VerdictCounts::default())).is_empty());
    }
}
