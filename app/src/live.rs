//! Live runs over server-sent events: what a tick changes of a page, and the stream that brings it.
//!
//! Merging is pure and the same everywhere; the stream itself exists in the browser only, behind a twin that does nothing on the
//! server. A page without script is whole too: it stands as it was when it was drawn.

#[cfg(all(feature = "hydrate", not(feature = "ssr")))]
mod browser;
#[cfg(not(all(feature = "hydrate", not(feature = "ssr"))))]
mod server;

use leptos::prelude::*;
use windfirm_model::{
    id::RunId,
    run::RunState,
    view::run::{LiveTick, LogLine, Measured, RunPage},
};

#[cfg(all(feature = "hydrate", not(feature = "ssr")))]
use browser as twin;
#[cfg(not(all(feature = "hydrate", not(feature = "ssr"))))]
use server as twin;

/// Lines of the log that the page keeps; the whole log has a page of its own.
pub const LOG_LINES: usize = 100;
/// After this many seconds without a tick the stream counts as cut, whatever the connection says.
pub const CUT_AFTER_S: u32 = 6;

/// How the stream stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Seconds since the last news.
    pub age_s: u32,
    /// The stream is interrupted; it is being opened again.
    pub cut: bool,
}

impl Link {
    /// One second without news has passed.
    #[must_use]
    pub const fn older(self) -> Self {
        let age_s = self.age_s.saturating_add(1);
        Self { age_s, cut: self.cut || age_s >= CUT_AFTER_S }
    }
}

/// Keeps `page` up to date while its run is live, and says how the stream stands. Ends with the owner that calls it.
#[must_use]
pub fn follow(page: RwSignal<RunPage>) -> ReadSignal<Link> {
    let (link, set_link) = signal(Link::default());
    twin::follow(page, set_link);
    link
}

/// The address of the stream.
#[must_use]
pub fn address(id: RunId) -> String {
    crate::href::run_events(id)
}

/// Applies a tick. One that is older than the page changes nothing, so ticks may be applied again after the page was fetched anew.
pub fn merge(page: &mut RunPage, tick: LiveTick) {
    if tick.now < page.now || !page.state.is_live() {
        return;
    }
    let LiveTick { state, elapsed_s, windows, measured, new_log, log_total, new_events, confinement, now } = tick;
    page.state = state;
    page.now = now;
    let waits = matches!(page.state, RunState::Waiting { .. } | RunState::Queued | RunState::Starting { .. });
    if !matches!(page.state, RunState::Queued) {
        page.queue_place = None;
    }
    if page.started.is_none() && !waits {
        page.started = Some(now.plus_seconds(-i64::from(elapsed_s)));
    }
    let mut merged = std::mem::take(&mut page.measured.windows);
    for window in windows {
        match merged.binary_search_by_key(&window.at_s, |known| known.at_s) {
            Ok(index) => {
                if let Some(known) = merged.get_mut(index) {
                    *known = window;
                }
            }
            Err(index) => merged.insert(index, window),
        }
    }
    page.measured = Measured { windows: merged, ..measured };
    let fresh = new_lines(&page.log_tail, &new_log);
    page.log_total = log_total;
    page.log_tail.extend_from_slice(fresh);
    let over = page.log_tail.len().saturating_sub(LOG_LINES);
    page.log_tail.drain(..over);
    if let Some(confinement) = confinement {
        page.confinement = confinement;
    }
    for event in new_events {
        if !page.events.contains(&event) {
            page.events.push(event);
        }
    }
}

/// What of `lines` does not already stand at the end of `tail`.
fn new_lines<'a>(tail: &[LogLine], lines: &'a [LogLine]) -> &'a [LogLine] {
    let known = (1..=lines.len().min(tail.len())).rev().find(|count| lines.get(..*count).is_some_and(|head| tail.ends_with(head))).unwrap_or(0);
    lines.get(known..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use windfirm_model::{
        clock::Timestamp,
        environment::Environment,
        id::ExecutionId,
        run::Profile,
        view::run::{Confinement, Manifest, Permission, RunEvent, WindowPoint},
    };

    use super::*;

    fn page() -> RunPage {
        let yes = Permission { allowed: true, why: String::new() };
        let uuid = "01935c7e-8b1a-7000-8000-123456789abc".parse::<RunId>().unwrap();
        RunPage {
            id: uuid,
            execution: ExecutionId(uuid.0),
            path: "/shop/".parse().unwrap(),
            environment: Environment::from("dev"),
            test: "k6/browse.js".to_owned(),
            profile: Profile::Load,
            state: RunState::Running { since: Timestamp::from_seconds(100) },
            by: "Ana".to_owned(),
            service_account: "shop-dev/loadtest".to_owned(),
            reason: String::new(),
            created: Timestamp::from_seconds(99),
            started: Some(Timestamp::from_seconds(100)),
            ended: None,
            planned_s: Some(60),
            max_vus: 10,
            target: String::new(),
            queue_place: None,
            verdict: None,
            measured: Measured { windows: vec![window(0, 5), window(1, 5)], ..Measured::default() },
            completeness: None,
            log_tail: vec![line("one"), line("two")],
            log_total: 2,
            log_dropped: 0,
            events: Vec::new(),
            manifest: Manifest::default(),
            confinement: Confinement::default(),
            stop: yes.clone(),
            again: yes,
            now: Timestamp::from_seconds(102),
        }
    }
    fn window(at_s: u32, requests: u64) -> WindowPoint {
        WindowPoint { at_s, requests, ..WindowPoint::default() }
    }
    fn line(text: &str) -> LogLine {
        LogLine { at: None, level: "info".to_owned(), text: text.to_owned() }
    }
    fn tick(now_s: i64) -> LiveTick {
        LiveTick {
            state: RunState::Running { since: Timestamp::from_seconds(100) },
            elapsed_s: 3,
            windows: vec![window(1, 9), window(3, 7)],
            measured: Measured { percentile_error: 0.008, ..Measured::default() },
            new_log: vec![line("two"), line("three")],
            log_total: 3,
            new_events: vec![RunEvent { at: Timestamp::from_seconds(103), text: "Ramp done".to_owned(), bad: false }],
            confinement: None,
            now: Timestamp::from_seconds(now_s),
        }
    }

    #[test]
    fn windows_are_merged_by_second_and_late_ones_corrected() {
        let mut page = page();
        merge(&mut page, tick(103));
        assert_eq!(page.measured.windows.iter().map(|window| (window.at_s, window.requests)).collect::<Vec<_>>(), [(0, 5), (1, 9), (3, 7)]);
        assert!((page.measured.percentile_error - 0.008).abs() < f64::EPSILON, "everything but the windows comes from the tick");
    }

    #[test]
    fn the_same_tick_twice_is_the_same_as_once() {
        let mut once = page();
        merge(&mut once, tick(103));
        let mut twice = once.clone();
        merge(&mut twice, tick(103));
        assert_eq!(once, twice);
        assert_eq!(once.log_tail.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["one", "two", "three"]);
        assert_eq!(once.log_total, 3);
    }

    #[test]
    fn what_happened_and_how_k6_is_confined_come_with_a_tick() {
        let mut page = page();
        let confinement = Confinement { full: false, measures: vec!["network: not confined".to_owned()] };
        merge(&mut page, LiveTick { confinement: Some(confinement.clone()), ..tick(103) });
        merge(&mut page, LiveTick { new_events: Vec::new(), ..tick(104) });
        assert_eq!(page.confinement, confinement, "a tick without it changes nothing");
        assert_eq!(page.events.iter().map(|event| event.text.as_str()).collect::<Vec<_>>(), ["Ramp done"]);
    }

    #[test]
    fn an_older_tick_never_takes_the_page_back() {
        let mut newer = page();
        merge(&mut newer, tick(101));
        assert_eq!(newer, page());
    }

    #[test]
    fn a_run_that_waits_has_no_start_and_keeps_its_place() {
        let mut waiting = RunPage { state: RunState::Queued, started: None, queue_place: Some(2), ..page() };
        merge(&mut waiting, LiveTick { state: RunState::Queued, ..tick(103) });
        assert_eq!((waiting.started, waiting.queue_place), (None, Some(2)));
        merge(&mut waiting, tick(104));
        assert_eq!((waiting.started, waiting.queue_place), (Some(Timestamp::from_seconds(101)), None));
    }

    #[test]
    fn a_run_that_has_ended_stays_ended() {
        let mut ended = RunPage { state: RunState::Passed, ..page() };
        merge(&mut ended, tick(103));
        assert_eq!(ended.state, RunState::Passed);
    }

    #[test]
    fn silence_counts_as_cut_after_some_seconds() {
        let mut link = Link::default();
        for _ in 1..CUT_AFTER_S {
            link = link.older();
        }
        assert!(!link.cut);
        assert!(link.older().cut);
    }
}
