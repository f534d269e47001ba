//! Who is there: name, groups, sessions, colours, and the way out.

use leptos::prelude::*;
use windfirm_model::view::frame::Frame;

use super::Side;
use crate::{
    platform,
    theme::{BACK_FIELD, FIELD, Theme},
    ui::icon::icon,
};

/// How many groups stand beside the name; all of them stand inside.
const GROUPS_SHOWN: usize = 2;

pub(super) fn who(frame: &Frame, side: Side) -> AnyView {
    let groups = frame.groups.iter().map(|group| view! { <li><code>{group.clone()}</code></li> }).collect_view();
    let groups = if frame.groups.is_empty() {
        view! { <p class="who-h">{if frame.groups_unknown.is_some() { "Groups unknown" } else { "In no group" }}</p> }.into_any()
    } else {
        view! { <p class="who-h" id="groups-h">"Groups"</p> <ul class="groups" aria-labelledby="groups-h">{groups}</ul> }.into_any()
    };
    view! {
        <details class="who">
            <summary>
                <span>{frame.name.clone()} <small>{in_short(frame)}</small></span>
                {icon("caret")}
            </summary>
            <div class="who-in">
                {groups} <p class="who-h">{format!("Logged in at {}", frame.issuer)}</p>
                <ul>
                    <li><a class="quiet" href="/access">"What I may do"</a></li>
                    <li><a class="quiet" href="/sessions">"Your sessions"</a></li>
                </ul>
                {theme_form(side)}
                <form method="post" action="/logout">
                    <button class="btn sm" type="submit">"Log out"</button>
                </form>
            </div>
        </details>
    }
    .into_any()
}

fn in_short(frame: &Frame) -> String {
    if frame.groups_unknown.is_some() {
        return "groups unknown".to_owned();
    }
    let more = frame.groups.len().saturating_sub(GROUPS_SHOWN);
    let shown = frame.groups.iter().take(GROUPS_SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match (shown.is_empty(), more) {
        (true, _) => "in no group".to_owned(),
        (false, 0) => shown,
        (false, more) => format!("{shown} and {more} more"),
    }
}

/// Light, dark or as the system says: a plain form, so that the server remembers and the next page has no flash.
fn theme_form(side: Side) -> AnyView {
    let chosen = platform::theme();
    let buttons = Theme::ALL
        .map(|theme| {
            let name = match theme {
                Theme::System => "System",
                Theme::Light => "Light",
                Theme::Dark => "Dark",
            };
            let pressed = if theme == chosen { "true" } else { "false" };
            view! { <button type="submit" name=FIELD value=theme.word() aria-pressed=pressed>{name}</button> }
        })
        .collect_view();
    view! {
        <form method="post" action="/theme">
            <input type="hidden" name=BACK_FIELD value=move || side.address.get() />
            <p class="who-h" id="theme-h">"Colours"</p>
            <div class="seg" role="group" aria-labelledby="theme-h">{buttons}</div>
        </form>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use windfirm_model::clock::Timestamp;

    use super::*;

    fn frame(groups: &[&str]) -> Frame {
        Frame {
            name: "Ana Ruiz".to_owned(),
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
            groups_unknown: None,
            issuer: "demo".to_owned(),
            may_view_audit: false,
            may_view_policy: false,
            may_view_system: false,
            live: Vec::new(),
            live_count: 0,
            demo: false,
            now: Timestamp(0),
        }
    }

    #[test]
    fn the_groups_beside_the_name_stay_short_and_say_when_they_are_unknown() {
        assert_eq!(in_short(&frame(&[])), "in no group");
        assert_eq!(in_short(&frame(&["a"])), "a");
        assert_eq!(in_short(&frame(&["a", "b", "c", "d"])), "a, b and 2 more");
        assert_eq!(in_short(&Frame { groups_unknown: Some("The claim is missing.".to_owned()), ..frame(&[]) }), "groups unknown");
    }
}
