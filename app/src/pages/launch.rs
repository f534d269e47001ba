//! `/launch`: the form that starts a run, with the guardrails' answer beside it.
//!
//! A plain form first: it posts to the server function, comes back with everything kept where it was refused, and leads to the run
//! where it was not. With script the answer follows what is typed.

mod fields;
mod judged;

use std::time::Duration;

use leptos::{leptos_dom::helpers::debounce, prelude::*};
use leptos_router::{hooks::use_query_map, params::ParamsMap};
use windfirm_model::view::launch::{Judgement, LaunchForm, LaunchRequest};

use crate::{
    api::runs::{Launch, judge, launch_form},
    href,
    ui::{
        icon::icon,
        layout::{button, empty, head, notice, window_title},
        loaded::loaded,
        status::{Tone, environment},
        text::why,
    },
};

/// How long nothing must be typed before the guardrails are asked.
const PAUSE: Duration = Duration::from_millis(300);

#[component]
pub fn LaunchPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| asked(&query.read()));
    let form =
        Resource::new(move || asked.get(), |request| async move { if request.path.is_empty() { Ok(None) } else { launch_form(request).await.map(Some) } });
    let launch = ServerAction::<Launch>::new();
    loaded("Run", form, move |form| match form {
        Some(form) => launch_view(form, launch),
        None => nowhere(),
    })
}

/// What the address asks for: by plain names in links, by the form's own names when it is sent to be checked without script.
fn asked(query: &ParamsMap) -> LaunchRequest {
    let get = |name: &str| query.get(name).or_else(|| query.get(&format!("request[{name}]"))).unwrap_or_default();
    LaunchRequest {
        path: get("path"),
        test: get("test"),
        profile: get("profile"),
        vus: get("vus"),
        duration: get("duration"),
        runners: get("runners"),
        after: get("after"),
        env: get("env"),
        reason: get("reason"),
        once: get("once"),
        cut: get("cut"),
    }
}

fn nowhere() -> AnyView {
    view! {
        {head("Run", ().into_any())}
        {empty("No app is chosen", "A run belongs to one app. Choose one with a test; its Run button leads back here.", button("/tree".to_owned(), "Open your tree"))}
    }
    .into_any()
}

/// The state that the parts of the form share.
#[derive(Clone, Copy)]
struct Draft {
    /// What stands in the fields now.
    request: RwSignal<LaunchRequest>,
    /// The guardrails' newest answer.
    judgement: Signal<Judgement>,
    /// The guardrails are being asked.
    asking: Signal<bool>,
    /// They could not be asked; what is shown is older than what stands in the fields.
    stale: Signal<bool>,
    launch: ServerAction<Launch>,
    /// True once script runs: only then may the button lock itself, since only then it can unlock itself.
    scripted: ReadSignal<bool>,
}

impl Draft {
    fn new(form: &LaunchForm, launch: ServerAction<Launch>) -> Self {
        let request = RwSignal::new(form.request.clone());
        let first = form.judgement.clone();
        let ask = Action::new(|request: &LaunchRequest| judge(request.clone()));
        let (scripted, set_scripted) = signal(false);
        let mut later = debounce(PAUSE, move |request: LaunchRequest| {
            ask.dispatch(request);
        });
        let unanswered = first.pending;
        Effect::new(move |before: Option<LaunchRequest>| {
            let now = request.get();
            match before {
                None => {
                    set_scripted.set(true);
                    if unanswered {
                        // k6 was still being asked when the page was drawn: this waits for its answer.
                        ask.dispatch(now.clone());
                    }
                }
                Some(before) if before != now => later(now.clone()),
                Some(_) => {}
            }
            now
        });
        let judgement = Signal::derive(move || {
            ask.value().with(|answer| match answer {
                Some(Ok(judgement)) => judgement.clone(),
                _ => first.clone(),
            })
        });
        let stale = Signal::derive(move || ask.value().with(|answer| matches!(answer, Some(Err(_)))));
        Self { request, judgement, asking: ask.pending().into(), stale, launch, scripted }
    }

    /// Takes what is typed into a field. Whoever goes on writing where something was lost knows of it.
    fn typed(&self, name: &str, text: String, put: fn(&mut LaunchRequest, String)) {
        self.request.update(|request| {
            put(request, text);
            request.cut = cut_fields(&request.cut).filter(|field| *field != name).collect::<Vec<_>>().join(",");
        });
    }

    /// What is wrong with a field: what of it was lost, and why it cannot be taken.
    fn field_error(&self, name: &str) -> Option<String> {
        let lost = self.request.with(|request| cut_fields(&request.cut).any(|field| field == name)).then(|| LOST.to_owned());
        match (lost, self.refused(name)) {
            (Some(lost), Some(refused)) => Some(format!("{refused} {lost}")),
            (lost, refused) => lost.or(refused),
        }
    }

    /// Why a field cannot be taken: as the launch was refused, or as it is judged now.
    fn refused(&self, name: &str) -> Option<String> {
        let judged = self.judgement.with(|judgement| judgement.fields.iter().find(|(field, _)| field == name).map(|(_, sentence)| sentence.clone()));
        judged.or_else(|| {
            self.launch.value().with(|answer| answer.as_ref().and_then(|answer| answer.as_ref().err()).and_then(|error| error.field(name)).map(str::to_owned))
        })
    }
}

/// What stands at a field that came back shorter than it was.
const LOST: &str = "This was too long to be carried along: its end is missing here.";

fn cut_fields(cut: &str) -> impl Iterator<Item = &str> {
    cut.split(',').filter(|field| !field.is_empty())
}

/// The whole page.
#[must_use]
pub fn launch_view(form: LaunchForm, launch: ServerAction<Launch>) -> AnyView {
    let draft = Draft::new(&form, launch);
    let title = format!("Run {}", form.path);
    let tone = if form.allowed { "running" } else { "locked" };
    let refused = move || launch.value().with(|answer| answer.as_ref().and_then(|answer| answer.as_ref().err()).map(ToString::to_string));
    let whole = form.request.cut.is_empty();
    let kept = if whole { "What you entered is kept." } else { "What you entered is kept, but for the end of what was too long." };
    let lost = (!whole).then(|| {
        notice(
            Tone::Inconclusive,
            "Shortened",
            "Some of what you entered was too long to be carried along. The fields that lost their end say so: look at them before you run.",
        )
    });
    let crumb = view! { <li><a href=href::app(&form.path)>{form.path.to_string()}</a></li> <li><span aria-current="location">"run"</span></li> };
    let body = if form.tests.is_empty() { no_test(&form) } else { fields::fields(&form, draft) };
    view! {
        {window_title(title)}
        <header class="head">
            <nav class="crumbs" aria-label="Breadcrumb"><ol>{crumb}</ol></nav>
            <h1>"Run " {form.path.to_string()} " " {environment(&form.environment)}</h1>
            {why(tone, &form.decision.why)}
        </header>
        {move || refused().map(|sentence| notice(Tone::Fail, "Not started", &format!("{sentence} {kept}")))}
        {lost}
        <div class="cols">{body} {judged::panel(&form, draft)}</div>
    }
    .into_any()
}

fn no_test(form: &LaunchForm) -> AnyView {
    let next = view! { <p class="acts"><a class="btn" href=href::app_tab(&form.path, "tests")>{icon("app")} "Where tests are searched"</a></p> }.into_any();
    empty("This app has no test", "Put a k6 script beside its manifests, in a folder `k6`, and merge it. The tree finds it by itself.", next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_the_form_itself_fill_the_form() {
        let mut link = ParamsMap::new();
        link.insert("path", "/shop/".to_owned());
        link.insert("test", "k6/a.js".to_owned());
        let mut form = ParamsMap::new();
        form.insert("request[path]", "/shop/".to_owned());
        form.insert("request[test]", "k6/a.js".to_owned());
        assert_eq!(asked(&link), asked(&form));
        assert_eq!(asked(&link).test, "k6/a.js");
        assert_eq!(asked(&ParamsMap::new()), LaunchRequest::default());
    }
}
