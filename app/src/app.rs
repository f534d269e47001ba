//! The app: the side bar and one route for each page.
//!
//! Each route is lazy: the browser loads the code of a page when it is opened, and the server tells it which early. The compiled
//! browser half is taken apart by `deploy/front`; without that step it cannot be loaded.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    Lazy, LazyRoute, SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};

use crate::{
    pages::{
        access::AccessPage, app::AppPage, audit::AuditPage, home::HomePage, launch::LaunchPage, policy::PolicyPage, run::RunPage, run_log::RunLogPage,
        runs::RunsPage, sessions::SessionsPage, status::NotFoundPage, system::SystemPage, tree::TreePage,
    },
    ui::{
        icon::Sprite,
        side::{RunsChanged, SideBar},
    },
};

/// Routes whose code is loaded together: a group for each thing that people come for. One part for each page was tried; what pages
/// share then falls into hundreds of modules, one for each set of pages that share something.
macro_rules! lazy_group {
    ($group:ident: $($route:ident => $page:ident;)+) => {
        #[lazy]
        fn $group(page: &'static str) -> AnyView {
            $(if page == stringify!($page) { return view! { <$page /> }.into_any(); })+
            ().into_any()
        }
        $(
            #[derive(Debug)]
            struct $route;
            impl LazyRoute for $route {
                fn data() -> Self {
                    Self
                }
                async fn view(_this: Self) -> AnyView {
                    $group(stringify!($page)).await
                }
            }
        )+
    };
}

// Where everybody arrives.
lazy_group! { arriving: HomeRoute => HomePage; }
// Finding one's way.
lazy_group! { browsing: TreeRoute => TreePage; AppRoute => AppPage; RunsRoute => RunsPage; }
// Testing.
lazy_group! { testing: LaunchRoute => LaunchPage; RunRoute => RunPage; RunLogRoute => RunLogPage; }
// Rules and records.
lazy_group! { governing: AuditRoute => AuditPage; AccessRoute => AccessPage; PolicyRoute => PolicyPage; SystemRoute => SystemPage; SessionsRoute => SessionsPage; }

/// The whole app. Runs once without a request too, when the server lists the routes, so nothing here may ask for one.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    RunsChanged::provide();
    // Async everywhere: the whole page stands in the first answer, readable without script, and the status is decided before it is sent.
    let ssr = || SsrMode::Async;
    view! {
        // What the server wrote stands until the code of the page is there and says its own.
        <Title text=crate::platform::title() formatter=window_title />
        <Router>
            // Left to the browser: the router would scroll, but not move the focus.
            <a class="skip" href="#main" rel="external">
                "Skip to content"
            </a>
            <div class="shell">
                <SideBar />
                <main id="main" tabindex="-1">
                    <FlatRoutes fallback=NotFoundPage>
                        <Route path=path!("/") view={Lazy::<HomeRoute>::new()} ssr=ssr() />
                        <Route path=path!("/tree") view={Lazy::<TreeRoute>::new()} ssr=ssr() />
                        <Route path=path!("/apps/*path") view={Lazy::<AppRoute>::new()} ssr=ssr() />
                        <Route path=path!("/launch") view={Lazy::<LaunchRoute>::new()} ssr=ssr() />
                        <Route path=path!("/runs") view={Lazy::<RunsRoute>::new()} ssr=ssr() />
                        <Route path=path!("/runs/:id") view={Lazy::<RunRoute>::new()} ssr=ssr() />
                        <Route path=path!("/runs/:id/log") view={Lazy::<RunLogRoute>::new()} ssr=ssr() />
                        <Route path=path!("/audit") view={Lazy::<AuditRoute>::new()} ssr=ssr() />
                        <Route path=path!("/access") view={Lazy::<AccessRoute>::new()} ssr=ssr() />
                        <Route path=path!("/policy") view={Lazy::<PolicyRoute>::new()} ssr=ssr() />
                        <Route path=path!("/system") view={Lazy::<SystemRoute>::new()} ssr=ssr() />
                        <Route path=path!("/sessions") view={Lazy::<SessionsRoute>::new()} ssr=ssr() />
                    </FlatRoutes>
                </main>
            </div>
            <Sprite />
        </Router>
    }
}

/// The title in the window; one that is whole already is left alone.
fn window_title(title: String) -> String {
    const NAME: &str = "Windfirm";
    let whole = match title.as_str() {
        "" => NAME.to_owned(),
        whole if whole.ends_with(NAME) => title,
        part => format!("{part} · {NAME}"),
    };
    crate::platform::raw_text(&whole)
}
