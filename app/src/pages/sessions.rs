//! `/sessions`: where somebody is logged in, and the way to end it there.

use leptos::prelude::*;
use windfirm_model::{clock::Timestamp, view::frame::SessionRow};

use crate::{
    api::{
        ApiError,
        person::{EndSession, sessions},
    },
    ui::{
        format::{date_time, iso},
        layout::{head, notice},
        loaded::loaded,
        status::{Tone, tag},
    },
};

#[component]
pub fn SessionsPage() -> impl IntoView {
    let rows = Resource::new(|| (), |()| sessions());
    let end = ServerAction::<EndSession>::new();
    Effect::new(move |before: Option<usize>| {
        let version = end.version().get();
        if before.is_some_and(|before| before != version) {
            rows.refetch();
        }
        version
    });
    loaded("Your sessions", rows, move |rows| sessions_view(&rows, end))
}

/// The whole page.
#[must_use]
pub fn sessions_view(rows: &[SessionRow], end: ServerAction<EndSession>) -> AnyView {
    let answer = move || end.value().get().map(told);
    let others = rows.iter().filter(|row| !row.current).count();
    let note = if others == 0 {
        "You are logged in only here."
    } else {
        "End a session that you do not know: whoever has it is logged out at once. Their runs go on."
    };
    let cells = rows.iter().map(|row| session(row, end)).collect_view();
    view! {
        {head("Your sessions", view! { <p class="mute">"Times are UTC"</p> }.into_any())}
        {answer}
        <table class="dense stack">
            <caption class="vh">"Sessions, the one you use now marked"</caption>
            <thead>
                <tr>
                    <th scope="col">"Browser and address"</th>
                    <th scope="col">"Began"</th>
                    <th scope="col">"Last used"</th>
                    <th scope="col">"Ends at the latest"</th>
                    <th scope="col"><span class="vh">"End"</span></th>
                </tr>
            </thead>
            <tbody>{cells}</tbody>
        </table>
        <p class="note">{note}</p>
    }
    .into_any()
}

/// What came of ending a session.
fn told(answer: Result<(), ApiError>) -> AnyView {
    match answer {
        Ok(()) => notice(Tone::Pass, "Ended", "That session is over. Whoever used it has to log in again."),
        Err(error) => notice(Tone::Fail, "Not ended", &error.to_string()),
    }
}

fn session(row: &SessionRow, end: ServerAction<EndSession>) -> AnyView {
    let action = if row.current {
        view! { <form method="post" action="/logout"><button class="btn sm" type="submit">"Log out"</button></form> }.into_any()
    } else {
        let (handle, which) = (row.handle.clone(), format!(" the session of {}, begun {}", row.client, date_time(row.began)));
        view! {
            <ActionForm action=end>
                <input type="hidden" name="handle" value=handle />
                <button class="btn sm stop" type="submit">"End" <span class="vh">{which}</span></button>
            </ActionForm>
        }
        .into_any()
    };
    let current = row.current.then(|| view! { " " {tag("this one")} });
    view! {
        <tr>
            <th scope="row" class="full">{row.client.clone()} {current}</th>
            {cell("Began", row.began)}
            {cell("Last used", row.last_seen)}
            {cell("Ends", row.ends)}
            <td class="end tail">{action}</td>
        </tr>
    }
    .into_any()
}

fn cell(name: &'static str, at: Timestamp) -> AnyView {
    view! { <td class="nb" data-h=name><time datetime=iso(at)>{date_time(at)}</time></td> }.into_any()
}
