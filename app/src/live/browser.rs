//! The browser's half: an `EventSource` that opens itself again, and a fetch of the whole page whenever something may have been missed.

use std::time::Duration;

use leptos::{leptos_dom::helpers::IntervalHandle, prelude::*, task::spawn_local};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Event, EventSource, MessageEvent};
use windfirm_model::{
    fault::Fault,
    run::RunState,
    view::run::{LiveTick, RunPage},
};

use super::{Link, address, merge};
use crate::api::{ApiError, runs::run};

/// How long to wait before a stream that the browser gave up is opened again.
const AGAIN: Duration = Duration::from_secs(3);
/// A stream that is open but has said nothing for so many seconds is opened anew.
const DEAD_S: u32 = 15;
/// While nothing is measured there may be no ticks, so the page asks every so many seconds.
const WAITING_S: u32 = 2;
/// Ticks that are kept to be applied again on a page that was fetched while they came.
const KEPT_TICKS: usize = 30;

/// What lives as long as the page: the stream, its callbacks, and the clock that counts its age.
struct Stream {
    source: EventSource,
    _callbacks: Vec<Closure<dyn FnMut(Event)>>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.source.close();
    }
}

#[derive(Clone, Copy)]
struct Follower {
    page: RwSignal<RunPage>,
    link: WriteSignal<Link>,
    stream: StoredValue<Option<Stream>, LocalStorage>,
    recent: StoredValue<Vec<LiveTick>>,
}

pub(super) fn follow(page: RwSignal<RunPage>, link: WriteSignal<Link>) {
    let follower = Follower { page, link, stream: StoredValue::new_local(None), recent: StoredValue::new(Vec::new()) };
    let clock = StoredValue::new(None::<IntervalHandle>);
    Effect::new(move |_| {
        if !follower.live() {
            return;
        }
        follower.open();
        clock.set_value(set_interval_with_handle(move || follower.second(), Duration::from_secs(1)).ok());
    });
    on_cleanup(move || {
        if let Some(Some(handle)) = clock.try_get_value() {
            handle.clear();
        }
        _ = follower.stream.try_update_value(|stream| *stream = None);
    });
}

impl Follower {
    /// False too when the page has been left.
    fn live(self) -> bool {
        self.page.try_with_untracked(|page| page.state.is_live()).unwrap_or(false)
    }

    /// A second has passed.
    fn second(self) {
        if !self.live() {
            return;
        }
        let age_s = self.link.try_update(|link| {
            *link = link.older();
            link.age_s
        });
        let Some(age_s) = age_s else { return };
        let measures = self.page.try_with_untracked(|page| matches!(page.state, RunState::Running { .. })).unwrap_or(false);
        if !measures && age_s % WAITING_S == 0 {
            self.fetch();
        }
        if age_s == DEAD_S {
            self.open();
        }
    }

    fn open(self) {
        let Some(id) = self.page.try_with_untracked(|page| page.id) else { return };
        let Ok(source) = EventSource::new(&address(id)) else {
            self.cut();
            return;
        };
        let mut callbacks = Vec::new();
        let mut on = |name: &str, callback: Box<dyn FnMut(Event)>| {
            let callback = Closure::wrap(callback);
            // Adding a listener to a fresh stream does not fail.
            _ = source.add_event_listener_with_callback(name, callback.as_ref().unchecked_ref());
            callbacks.push(callback);
        };
        // Whatever came between the drawing of the page and now, or while the stream was cut, is fetched.
        on("open", Box::new(move |_| self.fetch()));
        on("tick", Box::new(move |event| self.tick(&event)));
        on("lagged", Box::new(move |_| self.fetch()));
        on("end", Box::new(move |_| self.over()));
        on("error", Box::new(move |_| self.broken()));
        _ = self.stream.try_update_value(|stream| *stream = Some(Stream { source, _callbacks: callbacks }));
    }

    /// Closes the connection but keeps the callbacks, since one of them is running.
    fn close(self) {
        _ = self.stream.try_with_value(|stream| {
            if let Some(stream) = stream {
                stream.source.close();
            }
        });
    }

    fn tick(self, event: &Event) {
        let text = event.dyn_ref::<MessageEvent>().and_then(|message| message.data().as_string());
        let Some(tick) = text.and_then(|text| serde_json::from_str::<LiveTick>(&text).ok()) else {
            // A message that cannot be read is no news; the age grows and says so.
            return;
        };
        _ = self.recent.try_update_value(|recent| {
            if recent.len() >= KEPT_TICKS {
                recent.remove(0);
            }
            recent.push(tick.clone());
        });
        let moved_on = self.page.try_update(|page| {
            let before = page.state.kind();
            merge(page, tick);
            page.state.kind() != before
        });
        _ = self.link.try_set(Link::default());
        if !self.live() {
            self.over();
        } else if moved_on == Some(true) {
            // What this person may do now comes with no tick: those are the same for all.
            self.fetch();
        }
    }

    /// The stream has ended: the run is over, or the portal restarts. The page tells which.
    fn over(self) {
        self.close();
        self.fetch();
        self.open_later();
    }

    fn open_later(self) {
        let again = move || {
            if self.live() && self.ready_state() == Some(EventSource::CLOSED) {
                self.open();
            }
        };
        set_timeout(again, AGAIN);
    }

    fn ready_state(self) -> Option<u16> {
        self.stream.try_with_value(|stream| stream.as_ref().map(|stream| stream.source.ready_state())).flatten()
    }

    fn cut(self) {
        _ = self.link.try_update(|link| link.cut = true);
    }

    /// The browser opens a broken stream again by itself, unless the server refused it.
    fn broken(self) {
        if !self.live() {
            return;
        }
        self.cut();
        if self.ready_state() == Some(EventSource::CLOSED) {
            self.fetch();
            self.open_later();
        }
    }

    /// The whole page anew, and on it the ticks that came meanwhile.
    fn fetch(self) {
        let Some(id) = self.page.try_with_untracked(|page| page.id) else { return };
        spawn_local(async move {
            let answer = run(id).await;
            // Somebody may have left the page meanwhile.
            if self.page.try_with_untracked(|page| page.id) != Some(id) {
                return;
            }
            match answer {
                Ok(fresh) => {
                    let recent = self.recent.try_get_value().unwrap_or_default();
                    _ = self.page.try_update(|page| {
                        *page = fresh;
                        for tick in recent {
                            merge(page, tick);
                        }
                    });
                    let open = self.ready_state() == Some(EventSource::OPEN);
                    _ = self.link.try_set(Link { age_s: 0, cut: !open && self.live() });
                    if !self.live() {
                        self.close();
                    }
                }
                // The session or the right has ended: the server says so on a page of its own.
                Err(ApiError::Portal { fault: Fault::NotLoggedIn | Fault::NotFound | Fault::Forbidden { .. } }) => {
                    _ = window().location().reload();
                }
                Err(_) if self.live() => self.cut(),
                // It has ended, but not all of it is here yet.
                Err(_) => set_timeout(move || self.fetch(), AGAIN),
            }
        });
    }
}
