//! `/runs/{id}`: one page for a run in every state. The answer first, then the reasons, then the evidence.
//!
//! While the run is live, every part is drawn anew from the same data that [`crate::live`] keeps up to date.

mod answer;
mod evidence;
mod head;
mod log;
mod numbers;
mod record;

pub(crate) use log::line as log_line;

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use windfirm_model::{
    clock::Timestamp,
    fault::Fault,
    id::{RunId, ShortId},
    run::RunStateKind,
    view::run::{self, WindowPoint},
};

use crate::{
    api::runs::{StopRun, find_run, run},
    live::{Link, follow},
    ui::{
        charts::{
            band::{Limit, Mark, band_figure},
            draw::TimeFrame,
            heatmap::heat_figure,
            series::gaps,
            small::{Small, small_figure},
        },
        layout::window_title,
        loaded::loaded,
        side::RunsChanged,
    },
};

#[component]
pub fn RunPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
    let page = Resource::new(
        move || id.get(),
        |text| async move {
            match (text.parse::<RunId>(), text.parse::<ShortId>()) {
                (Ok(id), _) => run(id).await,
                (_, Ok(_)) => run(find_run(text).await?).await,
                _ => Err(Fault::NotFound.into()),
            }
        },
    );
    let stop = ServerAction::<StopRun>::new();
    Effect::new(move |before: Option<usize>| {
        let version = stop.version().get();
        if before.is_some_and(|before| before != version) {
            page.refetch();
        }
        version
    });
    loaded("Run", page, move |page| run_view(page, stop))
}

/// The page of one run. Parts that change while it is live are closures over the same signal.
#[must_use]
pub fn run_view(page: run::RunPage, stop: ServerAction<StopRun>) -> AnyView {
    let title = head::title(&page);
    let page = RwSignal::new(page);
    let link = follow(page);
    let live = move || page.with(|page| page.state.is_live());
    let kind = Memo::new(move |_| page.with(|page| page.state.kind()));
    Effect::new(move |before: Option<RunStateKind>| {
        let now = kind.get();
        if before.is_some_and(|before| before != now) {
            RunsChanged::tell();
        }
        now
    });
    let plots = Memo::new(move |_| page.with(|page| Plots::of(page, link.get())));
    view! {
        {window_title(title)}
        {move || page.with(|page| head::head(page, stop, link.get().cut))}
        {move || stop.value().get().and_then(Result::err).map(|error| head::refused(&error))}
        {move || page.with(answer::answer)}
        {move || live().then(|| page.with(|page| answer::progress(page, link.get())))}
        {move || page.with(numbers::numbers)}
        <div class="cols">
            <div>
                {move || page.with(|page| plots.with(|plots| charts(page, plots)))}
                {move || page.with(evidence::requests)}
                {move || page.with(log::tail)}
            </div>
            <aside aria-label="Thresholds, events and evidence">
                {move || page.with(evidence::thresholds)}
                {move || page.with(evidence::checks)}
                {move || page.with(record::events)}
                {move || page.with(record::completeness)}
                {move || page.with(record::confinement)}
                {move || page.with(record::manifest)}
            </aside>
        </div>
    }
    .into_any()
}

/// What the plots share.
#[derive(Clone, Debug, PartialEq)]
struct Plots {
    frame: TimeFrame,
    limit: Option<Limit>,
    marks: Vec<Mark>,
}

impl Plots {
    fn of(page: &run::RunPage, link: Link) -> Self {
        let elapsed = elapsed_s(page).saturating_add(link.age_s);
        let measured_s = page.measured.windows.last().map_or(0, |window: &WindowPoint| window.at_s.saturating_add(1));
        let live = page.state.is_live();
        let span_s = if live { page.planned_s.unwrap_or_default().max(elapsed).max(measured_s) } else { elapsed.max(measured_s) };
        let now_s = live.then_some(elapsed.max(measured_s));
        let marks = page
            .started
            .map(|started| {
                page.events.iter().zip(1_usize..).map(|(event, number)| Mark { at_s: seconds(event.at, started).max(0.0), number, bad: event.bad }).collect()
            })
            .unwrap_or_default();
        let frame = TimeFrame { span_s: span_s.max(1), now_s, gaps: gaps(&page.measured.windows, now_s) };
        Self { frame, limit: Limit::of(&page.measured.thresholds), marks }
    }
}

fn charts(page: &run::RunPage, plots: &Plots) -> AnyView {
    let measured = &page.measured;
    if page.state.kind().is_before_start() {
        return crate::ui::layout::nothing("There is nothing to draw before k6 runs.");
    }
    if measured.windows.is_empty() && !page.state.is_live() {
        return crate::ui::layout::nothing("Nothing was measured, so there is nothing to draw. The log below says what k6 did.");
    }
    let totals = &measured.totals;
    let frame = &plots.frame;
    view! {
        {band_figure(&measured.windows, frame, plots.limit.as_ref(), &plots.marks)}
        <div class="cols three">
            {small_figure(Small::Requests, &measured.windows, frame, Some(totals.requests_per_s))}
            {small_figure(Small::Errors, &measured.windows, frame, Some(totals.error_rate() * 100.0))}
            {small_figure(Small::Users, &measured.windows, frame, Some(crate::ui::charts::geometry::float(totals.max_vus)))}
        </div>
        {heat_figure(&measured.heatmap, frame)}
    }
    .into_any()
}

/// Seconds from one moment to another.
fn seconds(at: Timestamp, from: Timestamp) -> f64 {
    let millis = at.micros_since(from) / 1_000;
    f64::from(i32::try_from(millis).unwrap_or(i32::MAX)) / 1_000.0
}

/// Whole seconds since the start: until the end, or until the page's now.
fn elapsed_s(page: &run::RunPage) -> u32 {
    let Some(started) = page.started else { return 0 };
    let micros = page.ended.unwrap_or(page.now).micros_since(started).max(0);
    u32::try_from(micros.div_euclid(1_000_000)).unwrap_or(u32::MAX)
}
