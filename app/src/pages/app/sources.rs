//! Where an app comes from: its sources, their last change, and the commit that the tree was read from.

use leptos::prelude::*;
use windfirm_model::view::app::{AppPage, SourceRow};

use super::{facts, overview::troubles};
use crate::ui::{
    format::{ago, commit_words, digest, iso, short},
    layout::{nothing, scroll, section},
};

pub(super) fn tab(page: &AppPage) -> AnyView {
    let sources = if page.sources.is_empty() { nothing("The manifest names no source.") } else { table(page) };
    view! {
        {troubles(page)}
        <div class="cols">
            <div>{section("sources", "Sources", page.sources.len().to_string(), ().into_any(), sources)} {tree(page)}</div>
            <aside aria-label="Facts">{facts::app(page)}</aside>
        </div>
    }
    .into_any()
}

fn table(page: &AppPage) -> AnyView {
    let rows = page.sources.iter().map(|source| row(source, page)).collect_view();
    let table = view! {
        <table class="dense stack">
            <thead>
                <tr>
                    <th scope="col">"Repository"</th>
                    <th scope="col">"Path"</th>
                    <th scope="col">"Revision"</th>
                    <th scope="col">"Kind"</th>
                    <th scope="col">"Last change of the path"</th>
                    <th scope="col" class="num">"When"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    scroll("Sources", table.into_any())
}

fn row(source: &SourceRow, page: &AppPage) -> AnyView {
    let change = match &source.last_commit {
        Some(commit) => {
            let words = if commit.subject.is_empty() {
                view! { <span class="mute">"its message may speak of other teams, so it is for those who see every app"</span> }.into_any()
            } else {
                view! { {commit.subject.clone()} <span class="sub">{commit.author.clone()}</span> }.into_any()
            };
            view! {
                <td class="full"><code>{digest(&commit.id)}</code> " " {words}</td>
                <td class="num" data-h="When"><time datetime=iso(commit.at)>{short(commit.at, page.now)}</time></td>
            }
            .into_any()
        }
        None => view! { <td class="full" colspan="2"><span class="mute">"not in the repository that the tree is read from"</span></td> }.into_any(),
    };
    let place = if source.path.is_empty() { "—".to_owned() } else { source.path.clone() };
    view! {
        <tr>
            <th scope="row" class="full"><code>{source.repository.clone()}</code></th>
            <td data-h="Path"><code>{place}</code></td>
            <td data-h="Revision"><code>{source.revision.clone()}</code></td>
            <td data-h="Kind">{source.kind.clone()}</td>
            {change}
        </tr>
    }
    .into_any()
}

fn tree(page: &AppPage) -> AnyView {
    let revision = &page.revision;
    let commit = if revision.commit.is_empty() {
        view! { <span class="mute">"none: the tree is a folder, not a repository"</span> }.into_any()
    } else {
        view! {
            <code>{revision.commit.clone()}</code>
            <span class="from">{commit_words(revision)}</span>
        }
        .into_any()
    };
    let facts = view! {
        <dl class="facts">
            <dt>"Read from"</dt>
            <dd><code>{revision.source.clone()}</code></dd>
            <dt>"Commit"</dt>
            <dd>{commit}</dd>
            <dt>"Read"</dt>
            <dd><time datetime=iso(revision.read)>{ago(revision.read, page.now)}</time></dd>
        </dl>
    };
    section("tree", "The tree", "what this page was made from", ().into_any(), facts.into_any())
}
