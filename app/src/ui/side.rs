//! The side bar: the places of the menu that exist for this person, their live runs, and who they are.
//!
//! One answer of the portal feeds all of it; it is asked again with each page, so that the live runs are those of now. Every
//! control is a link or a plain form, so that all of it works without script.

mod live;
mod who;

use leptos::prelude::*;
use leptos_router::{components::Form, hooks::use_location};
use windfirm_model::{fault::Fault, view::frame::Frame};

use super::{
    field::filled_in,
    icon::{icon, mark},
    text::why,
};
use crate::api::{self, ApiError};

/// A place of the menu, and the addresses that belong to it.
#[derive(Clone, Copy)]
struct Place {
    href: &'static str,
    /// Addresses below this one belong to the place too.
    below: &'static str,
    icon: &'static str,
    name: &'static str,
}

const HOME: Place = Place { href: "/", below: "", icon: "home", name: "Home" };
const TREE: Place = Place { href: "/tree", below: "/apps/", icon: "tree", name: "Tree" };
const RUNS: Place = Place { href: "/runs", below: "/runs/", icon: "runs", name: "Runs" };
const ACCESS: Place = Place { href: "/access", below: "", icon: "access", name: "Access" };
const AUDIT: Place = Place { href: "/audit", below: "", icon: "audit", name: "Audit" };
const POLICY: Place = Place { href: "/policy", below: "", icon: "policy", name: "Policy" };
const SYSTEM: Place = Place { href: "/system", below: "", icon: "system", name: "System" };

/// The places of the menu, for this person or (while nobody knows yet) for anybody.
fn places(frame: Option<&Frame>) -> Vec<Place> {
    let may = |ask: fn(&Frame) -> bool| frame.is_some_and(ask);
    let mut places = vec![HOME, TREE, RUNS, ACCESS];
    places.extend(may(|frame| frame.may_view_audit).then_some(AUDIT));
    places.extend(may(|frame| frame.may_view_policy).then_some(POLICY));
    places.extend(may(|frame| frame.may_view_system).then_some(SYSTEM));
    places
}

impl Place {
    /// Whether the address `path` belongs here.
    fn holds(&self, path: &str) -> bool {
        path == self.href || (!self.below.is_empty() && path.starts_with(self.below))
    }
}

/// The id of the menu, for the button that opens it.
const MENU: &str = "nav";

/// Counts what a page has seen happen to live runs: the bar then asks for them again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunsChanged(RwSignal<u32>);

impl RunsChanged {
    pub(crate) fn provide() {
        provide_context(Self(RwSignal::new(0)));
    }
    pub(crate) fn tell() {
        if let Some(Self(count)) = use_context() {
            count.update(|count| *count = count.wrapping_add(1));
        }
    }
}

/// What the parts share.
#[derive(Clone, Copy)]
struct Side {
    /// The path of the page, without its query.
    path: Memo<String>,
    /// Path and query of the page, for forms that come back to it.
    address: Signal<String>,
}

#[component]
pub fn SideBar() -> impl IntoView {
    let location = use_location();
    let (path, search) = (location.pathname, location.search);
    let address = Signal::derive(move || {
        let search = search.get();
        if search.is_empty() { path.get() } else { format!("{}?{search}", path.get()) }
    });
    let side = Side { path, address };
    let changed = use_context::<RunsChanged>();
    let frame = Resource::new(move || (path.get(), changed.map(|changed| changed.0.get())), |_| api::person::frame());
    // A link of our own menu changes the page, not the document: what floats above it has to be closed by hand.
    Effect::new(move |before: Option<String>| {
        let now = path.get();
        if before.is_some_and(|before| before != now) {
            Side::close();
        }
        now
    });
    view! {
        <header class="side">
            <Transition fallback=move || bar(None, None, side)>
                {move || Suspend::new(async move {
                    match frame.await {
                        Ok(frame) => bar(Some(&frame), frame.groups_unknown.as_deref(), side),
                        // The page says that already, and what to do.
                        Err(ApiError::Portal { fault: Fault::NotLoggedIn }) => bar(None, None, side),
                        Err(error) => bar(None, Some(&error.to_string()), side),
                    }
                })}
            </Transition>
        </header>
    }
}

impl Side {
    /// Folds the menu of narrow screens and the person's menu. Looked up in the page itself: the bar is drawn twice, first for
    /// nobody, and a reference would hold the part that is not in the page.
    fn close() {
        crate::platform::fold_menus();
    }
}

/// The bar for somebody, or for nobody known yet. `note` is what everybody has to know first.
fn bar(frame: Option<&Frame>, note: Option<&str>, side: Side) -> AnyView {
    let demo = frame.is_some_and(|frame| frame.demo).then(|| view! { <span class="tag" title="Made-up services on this computer">"demo"</span> });
    let note = note.map(|sentence| view! { <div class="side-note" role="status">{why("inconclusive", sentence)}</div> });
    let places = places(frame).into_iter().map(|place| item(place, side)).collect_view();
    view! {
        <div class="side-in">
            <a class="brand" href="/">{mark()} "Windfirm" {demo}</a>
            <button class="btn sm side-open" type="button" popovertarget=MENU>{icon("menu")} "Menu"</button>
            {note}
            <div class="nav" id=MENU popover="auto">
                {find()}
                <nav aria-label="Main"><ul>{places}</ul></nav>
                {frame.map(live::live_runs)}
                {frame.map(|frame| who::who(frame, side))}
            </div>
        </div>
    }
    .into_any()
}

fn item(place: Place, side: Side) -> AnyView {
    let current = move || side.path.with(|path| place.holds(path)).then_some("page");
    view! { <li><a href=place.href aria-current=current>{icon(place.icon)} {place.name}</a></li> }.into_any()
}

fn find() -> AnyView {
    view! {
        <Form method="GET" action="/tree" on_form_data=filled_in() attr:class="find" attr:role="search" attr:aria-label="Find an app">
            {icon("search")}
            <label class="vh" for="find">"Find an app"</label>
            <input id="find" name="q" type="search" placeholder="Find an app" autocomplete="off" spellcheck="false" />
        </Form>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use windfirm_model::clock::Timestamp;

    use super::*;

    fn frame() -> Frame {
        Frame {
            name: "Ana Ruiz".to_owned(),
            groups: Vec::new(),
            groups_unknown: None,
            issuer: "demo".to_owned(),
            may_view_audit: false,
            may_view_policy: true,
            may_view_system: false,
            live: Vec::new(),
            live_count: 0,
            demo: false,
            now: Timestamp(0),
        }
    }

    fn names(frame: Option<&Frame>) -> Vec<&'static str> {
        places(frame).into_iter().map(|place| place.name).collect()
    }

    #[test]
    fn the_menu_has_only_what_exists_for_this_person() {
        assert_eq!(names(Some(&frame())), ["Home", "Tree", "Runs", "Access", "Policy"]);
        assert_eq!(names(None), ["Home", "Tree", "Runs", "Access"]);
        let all = Frame { may_view_audit: true, may_view_system: true, ..frame() };
        assert_eq!(names(Some(&all)), ["Home", "Tree", "Runs", "Access", "Audit", "Policy", "System"]);
    }

    #[test]
    fn a_page_belongs_to_one_place_at_most() {
        let all = [HOME, TREE, RUNS, ACCESS, AUDIT, POLICY, SYSTEM];
        let of = |path: &str| all.iter().filter(|place| place.holds(path)).map(|place| place.name).collect::<Vec<_>>();
        assert_eq!(of("/"), ["Home"]);
        assert_eq!(of("/apps/shop/payments/"), ["Tree"]);
        assert_eq!(of("/runs/01935c7e8b1a70008000123456789abc/log"), ["Runs"]);
        assert_eq!(of("/sessions"), Vec::<&str>::new());
    }
}
