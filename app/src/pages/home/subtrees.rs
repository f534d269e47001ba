//! The person's part of the tree: how many of each, and its subtrees.

use leptos::prelude::*;
use windfirm_model::view::home::SubtreeRow;

use crate::{
    href,
    ui::{
        format::count,
        layout::{button, empty},
        share::{Share, share},
        status::{Tone, environment, status_plain},
    },
};

/// How many apps stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shares {
    passed: u32,
    failed: u32,
    inconclusive: u32,
    live: u32,
    never_run: u32,
}

impl Shares {
    fn of(row: &SubtreeRow) -> Self {
        Self { passed: row.passed, failed: row.failed, inconclusive: row.inconclusive, live: row.live, never_run: row.never_run }
    }

    /// All subtrees together. One that lies within another is counted with that other already.
    fn of_all(rows: &[SubtreeRow]) -> Self {
        let within = |row: &SubtreeRow| rows.iter().any(|other| other.path != row.path && other.path.covers(&row.path));
        rows.iter().filter(|row| !within(row)).map(Self::of).fold(Self::default(), |sum, one| Self {
            passed: sum.passed.saturating_add(one.passed),
            failed: sum.failed.saturating_add(one.failed),
            inconclusive: sum.inconclusive.saturating_add(one.inconclusive),
            live: sum.live.saturating_add(one.live),
            never_run: sum.never_run.saturating_add(one.never_run),
        })
    }

    /// Each kind in its colour and word, as the share bar takes them.
    const fn parts(self) -> [Share; 5] {
        [
            (Tone::Pass, self.passed, "pass"),
            (Tone::Fail, self.failed, "fail"),
            (Tone::Inconclusive, self.inconclusive, "inconclusive"),
            (Tone::Running, self.live, "running"),
            (Tone::Unknown, self.never_run, "no verdict"),
        ]
    }

    /// What stands in the row of a subtree: the worst first, and one word where all are alike.
    fn words(self) -> (Tone, String) {
        match self {
            Self { failed, .. } if failed > 0 => (Tone::Fail, format!("{failed} fail")),
            Self { inconclusive, .. } if inconclusive > 0 => (Tone::Inconclusive, format!("{inconclusive} inconclusive")),
            Self { live, .. } if live > 0 => (Tone::Running, format!("{live} running")),
            Self { passed: 0, .. } => (Tone::Unknown, "no verdict".to_owned()),
            Self { never_run: 0, .. } => (Tone::Pass, "all pass".to_owned()),
            Self { passed, .. } => (Tone::Pass, format!("{passed} pass")),
        }
    }
}

pub(super) fn subtrees(rows: &[SubtreeRow]) -> AnyView {
    if rows.is_empty() {
        return empty(
            "No app for you yet",
            "No grant of the policy lets you see an app. Grants are given to groups; the next page says which groups you have.",
            button("/access".to_owned(), "What I may do"),
        );
    }
    view! { <div class="sec near">{share("Apps by their last verdict", &Shares::of_all(rows).parts())}</div> {table(rows)} }.into_any()
}

fn table(rows: &[SubtreeRow]) -> AnyView {
    let rows = rows
        .iter()
        .map(|row| {
            let (tone, words) = Shares::of(row).words();
            view! {
                <tr>
                    <th scope="row" class="mono full"><a href=href::app(&row.path)>{row.path.to_string()}</a> " " {environment(&row.environment)}</th>
                    <td>{status_plain(tone, words)}</td>
                    <td class="num tail" data-h="Apps">{count(u64::from(row.apps))}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="dense stack">
            <caption class="vh">"Subtrees"</caption>
            <thead>
                <tr>
                    <th scope="col">"Subtree"</th>
                    <th scope="col">"Verdicts"</th>
                    <th scope="col" class="num">"Apps"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use windfirm_model::environment::Environment;

    use super::*;

    fn row(path: &str, passed: u32, failed: u32) -> SubtreeRow {
        SubtreeRow {
            path: path.parse().unwrap(),
            environment: Environment::from("dev"),
            apps: passed + failed,
            passed,
            failed,
            inconclusive: 0,
            live: 0,
            never_run: 0,
        }
    }

    #[test]
    fn an_app_counts_once_where_a_subtree_lies_within_another() {
        let rows = [row("/shop/", 5, 2), row("/shop/payments/", 1, 2), row("/shop-dev/", 3, 0)];
        assert_eq!(Shares::of_all(&rows), Shares { passed: 8, failed: 2, ..Shares::default() });
    }

    #[test]
    fn the_worst_is_said_first() {
        assert_eq!(Shares { passed: 3, failed: 2, live: 1, ..Shares::default() }.words(), (Tone::Fail, "2 fail".to_owned()));
        assert_eq!(Shares { passed: 3, ..Shares::default() }.words(), (Tone::Pass, "all pass".to_owned()));
        assert_eq!(Shares { passed: 3, never_run: 1, ..Shares::default() }.words(), (Tone::Pass, "3 pass".to_owned()));
        assert_eq!(Shares { never_run: 4, ..Shares::default() }.words(), (Tone::Unknown, "no verdict".to_owned()));
    }
}
