//! `/apps/{path}`: one app. Overview, tests, runs, access and sources are tabs, and each tab has its address.

mod access;
mod cluster;
mod facts;
mod history;
mod overview;
mod scripts;
mod secrets;
mod sources;
mod trend;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};
use windfirm_model::{fault::Fault, path::AppPath, view::app};

use crate::{
    api, href,
    ui::{
        format::{count, digest, subject},
        layout::{crumbs, notice, run_button, window_title},
        loaded::loaded,
        status::{Tone, environment, locked, tag, wave},
        text::{rich, why_with},
    },
};

/// One tab. The overview has no word in the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tab {
    Overview,
    Tests,
    Runs,
    Access,
    Sources,
}

impl Tab {
    const ALL: [Self; 5] = [Self::Overview, Self::Tests, Self::Runs, Self::Access, Self::Sources];

    const fn word(self) -> &'static str {
        match self {
            Self::Overview => "",
            Self::Tests => "tests",
            Self::Runs => "runs",
            Self::Access => "access",
            Self::Sources => "sources",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Tests => "Tests",
            Self::Runs => "Runs",
            Self::Access => "Access",
            Self::Sources => "Sources",
        }
    }

    /// `None` for a word that is no tab.
    fn parse(word: &str) -> Option<Self> {
        let word = if word == "overview" { "" } else { word };
        Self::ALL.into_iter().find(|tab| tab.word() == word)
    }
}

#[component]
pub fn AppPage() -> impl IntoView {
    let params = use_params_map();
    let query = use_query_map();
    let place = Memo::new(move |_| params.read().get("path").unwrap_or_default());
    let tab = Memo::new(move |_| query.read().get("tab").unwrap_or_default().trim().to_owned());
    let page = Resource::new(
        move || place.get(),
        |text| async move {
            match place_of(&text) {
                Some(path) => api::tree::app(path).await,
                None => Err(Fault::NotFound.into()),
            }
        },
    );
    loaded("App", page, move |page| {
        view! {
            {window_title(format!("{} {}", page.name, page.path))} {head(&page)}
            {move || {
                let word = tab.get();
                content(&page, Tab::parse(&word).ok_or(word))
            }}
        }
        .into_any()
    })
}

/// The app that the address names, with or without a slash at its end.
fn place_of(rest: &str) -> Option<AppPath> {
    let names = rest.trim_matches('/');
    (!names.is_empty()).then(|| format!("/{names}/").parse().ok()).flatten()
}

/// The tabs and what stands under the chosen one. A word that is no tab shows the overview, and says so.
fn content(page: &app::AppPage, asked: Result<Tab, String>) -> AnyView {
    let unknown = asked.as_ref().err().map(|word| notice(Tone::Unknown, "no such tab", &format!("This app has no tab “{word}”. This is the overview.")));
    let tab = asked.unwrap_or(Tab::Overview);
    let body = match tab {
        Tab::Overview => overview::overview(page),
        Tab::Tests => scripts::tab(page),
        Tab::Runs => history::tab(page),
        Tab::Access => access::tab(page),
        Tab::Sources => sources::tab(page),
    };
    view! { {tabs(page, tab)} {unknown} {body} }.into_any()
}

fn tabs(page: &app::AppPage, chosen: Tab) -> AnyView {
    let links = Tab::ALL
        .into_iter()
        .map(|tab| {
            let number = match tab {
                Tab::Tests => Some(count(u64::try_from(page.tests.len()).unwrap_or_default())),
                Tab::Runs => Some(count(page.runs_total)),
                Tab::Overview | Tab::Access | Tab::Sources => None,
            };
            let number = number.map(|number| view! { <span class="count">{number}</span> });
            view! {
                <a href=href::app_tab(&page.path, tab.word()) aria-current=(tab == chosen).then_some("page") data-noscroll="">
                    {tab.title()} {number}
                </a>
            }
        })
        .collect_view();
    view! { <nav class="tabs" aria-label=format!("Sections of {}", page.name)>{links}</nav> }.into_any()
}

fn head(page: &app::AppPage) -> AnyView {
    let kind = (page.kind != "Application").then(|| tag(page.kind.clone()));
    let account = page.service_account.clone().map(|account| view! { <span><span class="k">"Runs as"</span><code>{account}</code></span> });
    let commit = (!page.revision.commit.is_empty()).then(|| {
        view! { <span><span class="k">"Tree"</span><code>{digest(&page.revision.commit)}</code> {subject(&page.revision)}</span> }
    });
    view! {
        <header class="head">
            {crumbs(&page.path)}
            <h1>{page.name.clone()} " " {environment(&page.environment)} " " {kind} {cluster::beside_name(page)}</h1>
            <div class="acts">{action(page)}</div>
            <p class="facts-line">
                {account} {cluster::granted(page)} {commit} <span><span class="k">"Wave"</span>{wave(page.wave)}</span>
                <span><span class="k">"Cluster"</span>{page.cluster.clone()}</span>
            </p>
            {lock(page)}
        </header>
    }
    .into_any()
}

fn action(page: &app::AppPage) -> AnyView {
    if !page.launch.allowed {
        return locked(&page.launch);
    }
    match page.tests.as_slice() {
        [] => view! { <a class="btn" href=href::app_tab(&page.path, "tests")>"Add a test"</a> }.into_any(),
        [only] => run_button(href::launch(&page.path, Some(&only.path)), false, &page.name),
        _ => run_button(href::launch(&page.path, None), false, &page.name),
    }
}

/// Why nothing can be launched, and the way onward.
fn lock(page: &app::AppPage) -> AnyView {
    if page.launch.allowed {
        return ().into_any();
    }
    if let Some(findings) = page.account_findings.as_ref().filter(|findings| !findings.green) {
        return cluster::account_lock(page, findings);
    }
    let link = href::app_tab(&page.path, "access");
    why_with("locked", view! { {rich(&page.launch.why)} " " <a href=link>"What I may do here"</a> }.into_any())
}

/// Why the reader may not do something here; `None` if they may.
fn refused<'a>(page: &'a app::AppPage, action: &str) -> Option<&'a str> {
    page.access.iter().find(|row| row.action == action && !row.allowed).map(|row| row.decision.why.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_an_app_with_or_without_the_last_slash() {
        let path = |text: &str| place_of(text).map(|path| path.to_string());
        assert_eq!(path("shop/payments/").as_deref(), Some("/shop/payments/"));
        assert_eq!(path("shop/payments").as_deref(), Some("/shop/payments/"));
        assert_eq!(path(""), None);
        assert_eq!(path("shop//payments"), None);
        assert_eq!(path("shop/<b>"), None);
    }

    #[test]
    fn every_tab_is_read_back_from_its_address() {
        assert!(Tab::ALL.into_iter().all(|tab| Tab::parse(tab.word()) == Some(tab)));
        assert_eq!(Tab::parse("overview"), Some(Tab::Overview));
        assert_eq!(Tab::parse("trend"), None);
    }
}
