//! Home, the sessions and the side bar, as the server sends them.
//!
//! Each page is rendered whole through the app and its router, from a portal that answers with made-up data. The documents are also
//! left in the target folder, to be looked at; so are those of the door.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

mod data;
mod portal;
#[expect(dead_code, reason = "shared with the pages of runs, which also post forms")]
#[path = "../run_pages/render.rs"]
mod render;

use std::{fs, path::PathBuf};

use portal::Answers;
use render::{Page, page};
use windfirm_app::{pages::door, theme::Theme};
use windfirm_model::{
    fault::Fault,
    view::{
        frame::{Frame, SessionRow},
        home::Home,
    },
};

async fn home(name: &str, home: Home) -> Page {
    page(name, "/", Answers { home: Ok(home), ..Answers::default() }).await
}

async fn sessions(name: &str, rows: Vec<SessionRow>) -> Page {
    page(name, "/sessions", Answers { sessions: Ok(rows), ..Answers::default() }).await
}

/// The side bar beside the sessions, one element a line.
async fn side(name: &str, address: &str, frame: Frame) -> String {
    let page = page(name, address, Answers { frame: Ok(frame), home: Ok(data::home()), sessions: Ok(data::sessions()) }).await;
    page.is_sound();
    side_of(&page)
}

fn side_of(page: &Page) -> String {
    let from = page.html.find("<header class=\"side\">").expect("a page has a side bar");
    let to = page.html.find("<main").expect("a page has a main part");
    page.html[from..to].replace("<!>", "").replace('<', "\n<").replace("\n</", "</").trim().to_owned()
}

#[tokio::test]
async fn home_says_first_what_did_not_pass_then_what_runs() {
    let page = home("home", data::home()).await;
    page.is_sound();
    page.says(&["What needs you", "Mon 23 Nov 2026, 12:04 UTC", "<code>http_req_duration: p(99)&lt;400</code> was broken: 611 ms."]);
    page.says(&["It left no reason", "planned for 6 min", "32 apps, 11 hidden"]);
    page.says_before("was broken: 611 ms.", "Launched by");
    page.says_before("Launched by", "Recent runs");
    insta::assert_snapshot!(page.main());
}

#[tokio::test]
async fn one_click_leads_from_home_to_a_filled_launch_form() {
    let page = home("home", data::home()).await;
    page.says(&[r#"href="/launch?path=/shop/cart/&amp;test=apps/shop/cart/k6/browse.js""#, "/shop/cart/ browse.js"]);
    page.says(&["test=apps/shop-dev/cart/k6/browse%20%26%20buy.js"]);
}

#[tokio::test]
async fn apps_count_once_in_the_share_of_the_whole() {
    let page = home("home", data::home()).await;
    // Those of /shop/payments/ are among those of /shop/.
    page.says(&[">17 pass<", ">2 fail<", ">11 no verdict<", ">all pass<"]);
}

#[tokio::test]
async fn a_quiet_home_says_so() {
    let page = home("home-quiet", data::quiet_home()).await;
    page.is_sound();
    page.says(&["<h1>Home</h1>", "of the apps that you see, none failed in its newest run", "3 apps"]);
    page.never_says(&["Live now", " hidden<"]);
}

#[tokio::test]
async fn before_the_first_run_nothing_is_called_passed() {
    let page = home("home-fresh", data::fresh_home()).await;
    page.is_sound();
    page.says(&["Nothing has run yet", "Nobody has run a test on an app that you may see.", "No test that you may run"]);
    page.never_says(&["has passed"]);
}

#[tokio::test]
async fn without_an_app_home_says_why_and_what_to_do() {
    let locked = home("home-locked", data::empty_home(43)).await;
    locked.is_sound();
    locked.says(&["No app for you yet", "no grant of the policy lets you see one", r#"href="/access""#]);
    let empty = home("home-empty", data::empty_home(0)).await;
    empty.says(&["No app for you yet", "has no app yet"]);
    empty.never_says(&["no grant"]);
}

#[tokio::test]
async fn what_is_missing_is_named_and_the_rest_stays() {
    let page = home("home-partial", Home { partial: Some("The tree shows an older commit: `5d1e7a4`.".to_owned()), ..data::home() }).await;
    page.is_sound();
    page.says(&["Partial", "<code>5d1e7a4</code>", "Recent runs"]);
}

#[tokio::test]
async fn a_home_that_cannot_be_read_is_a_page_of_its_own() {
    let fault = Fault::Unavailable { what: "The store is away since 12:00:00 UTC. Try again in a minute.".to_owned() };
    let page = page("home-error", "/", Answers { home: Err(fault), ..Answers::default() }).await;
    assert_eq!(page.status, 503);
    page.says(&["The store is away since", "Try again"]);
}

#[tokio::test]
async fn other_sessions_can_be_ended_and_this_one_left() {
    let page = sessions("sessions", data::sessions()).await;
    page.is_sound();
    page.says(&["this one", "Times are UTC", r#"action="/api/fn/end_session""#, r#"name="handle" value="h-other""#, r#"action="/logout""#]);
    page.says(&["&lt;b&gt;Chrome&lt;/b&gt; on Android"]);
    page.never_says(&["h-this", "<b>Chrome"]);
    insta::assert_snapshot!(page.main());
}

#[tokio::test]
async fn the_only_session_offers_nothing_to_end() {
    let page = sessions("sessions-one", data::sessions().into_iter().take(1).collect()).await;
    page.is_sound();
    page.says(&["You are logged in only here."]);
    page.never_says(&["end_session"]);
}

#[tokio::test]
async fn the_side_bar_says_who_is_there_and_what_runs() {
    let side = side("side-busy", "/?a=b", data::busy_frame()).await;
    for words in ["1:48 left", "0:39", "ending", "waiting", "3 more", "platform, shop-dev and 1 more", r#"name="to" value="/?a=b""#, r#"href="/system""#] {
        assert!(side.contains(words), "the side bar does not say “{words}”:\n{side}");
    }
    assert!(!side.contains(">demo<"));
    insta::assert_snapshot!(side);
}

#[tokio::test]
async fn the_place_where_one_is_is_marked() {
    let home = side("side", "/", data::frame()).await;
    assert!(home.contains(r#"<a href="/" aria-current="page">"#), "{home}");
    let elsewhere = side("side-sessions", "/sessions", data::frame()).await;
    assert!(!elsewhere.contains("aria-current"), "{elsewhere}");
    assert!(elsewhere.contains(">demo<") && !elsewhere.contains("Live runs"));
}

#[tokio::test]
async fn unknown_groups_are_said_on_every_page() {
    let unknown = Frame { groups: Vec::new(), groups_unknown: Some("The claim `groups` is missing, so no grant applies.".to_owned()), ..data::frame() };
    let side = side("side-unknown", "/", unknown).await;
    assert!(side.contains("The claim<code>groups</code>") || side.contains("<code>groups</code>"), "{side}");
    assert!(side.contains("groups unknown"));
}

#[tokio::test]
async fn a_side_bar_that_cannot_be_read_says_so_and_keeps_the_way() {
    let fault = Fault::Unavailable { what: "The store is away since 12:00:00 UTC.".to_owned() };
    let page = page("side-error", "/sessions", Answers { frame: Err(fault), sessions: Ok(data::sessions()), ..Answers::default() }).await;
    page.is_sound();
    let side = side_of(&page);
    assert!(side.contains("The store is away since 12:00:00 UTC.") && side.contains(r#"href="/tree""#), "{side}");
    assert!(!side.contains("/logout"));
}

#[test]
fn the_door_speaks_without_the_app() {
    let staff = door::Choice { name: "staff", label: "Staff login", host: "login.example" };
    let partners = door::Choice { name: "partners", label: "Contractors", host: "partners.example" };
    let documents = [
        ("door-choose", door::choose(&[staff, partners], "/tree?q=pay", Theme::System, false)),
        ("door-demo", door::choose(&[staff], "/", Theme::Dark, true)),
        ("door-refused", door::refused("Staff login did not say which groups you are in: the claim `groups` is missing.", "/runs", Theme::System)),
        ("door-out", door::logged_out(true, Theme::System)),
    ];
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("pages");
    fs::create_dir_all(&folder).unwrap();
    for (name, html) in documents {
        fs::write(folder.join(format!("{name}.html")), &html).unwrap();
        assert!(html.starts_with("<!doctype html>") && html.ends_with("</html>\n"), "{name} is whole");
        assert!(!html.contains("<script") && !html.contains(" style="), "{name} needs no script");
        assert_eq!((html.matches("<h1").count(), html.matches("<main").count()), (1, 1), "{name}");
    }
}
