//! Renders a page through the app as the server does, and looks at the HTML.

use std::{fs, path::PathBuf, sync::Once};

use axum::{
    body::{Body, to_bytes},
    http::{Request, Response, header},
};
use leptos::prelude::{LeptosOptions, provide_context};
use leptos_axum::{handle_server_fns_with_context, render_app_async_with_context};
use server_fn::axum::register_explicit;
use windfirm_app::{api::runs::Launch, shell};

use super::portal::Answers;

/// A page as it was sent.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) html: String,
}

/// The answer to a form.
pub(crate) struct Posted {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
}

static READY: Once = Once::new();

fn ready() {
    READY.call_once(|| {
        // Listing the routes starts the executor, as it does in the server.
        let routes = leptos_axum::generate_route_list(windfirm_app::App);
        assert!(!routes.is_empty());
        register_explicit::<Launch>();
    });
}

fn options() -> LeptosOptions {
    LeptosOptions::builder().output_name("windfirm").build()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap()
}

/// Renders `address` and leaves the document in the target folder under `name`.
pub(crate) async fn page(name: &str, address: &str, answers: Answers) -> Page {
    ready();
    let handle = answers.handle();
    let render = render_app_async_with_context(move || provide_context(handle.clone()), || shell(options()));
    let response = render(Request::builder().uri(address).header(header::ACCEPT, "text/html").body(Body::empty()).unwrap()).await;
    let status = response.status().as_u16();
    let html = text(response).await;
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("pages");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{name}.html")), &html).unwrap();
    Page { status, html }
}

/// Sends a form as a browser without script does.
pub(crate) async fn post(address: &str, body: &str, answers: Answers) -> Posted {
    ready();
    let handle = answers.handle();
    let request = Request::builder()
        .method("POST")
        .uri(address)
        .header(header::ACCEPT, "text/html")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::REFERER, "http://portal.example/launch?path=/shop/payments/")
        .body(Body::from(body.to_owned()))
        .unwrap();
    let response = axum::response::IntoResponse::into_response(handle_server_fns_with_context(move || provide_context(handle.clone()), request).await);
    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Posted { status: response.status().as_u16(), location }
}

impl Page {
    /// The main part, one element a line, without the marks that hydration needs.
    pub(crate) fn main(&self) -> String {
        let from = self.html.find("<main").expect("a page has a main part");
        let to = self.html.find("</main>").expect("the main part ends");
        self.html[from..to].replace("<!>", "").replace('<', "\n<").replace("\n</", "</").trim().to_owned()
    }

    #[track_caller]
    pub(crate) fn says(&self, texts: &[&str]) {
        let bare = self.bare();
        for text in texts {
            assert!(bare.contains(text), "the page does not say “{text}”:\n{}", self.main());
        }
    }

    #[track_caller]
    pub(crate) fn never_says(&self, texts: &[&str]) {
        let bare = self.bare();
        for text in texts {
            assert!(!bare.contains(text), "the page says “{text}”:\n{}", self.main());
        }
    }

    #[track_caller]
    pub(crate) fn says_before(&self, first: &str, then: &str) {
        let bare = self.bare();
        assert!(bare.find(first).unwrap() < bare.find(then).unwrap(), "“{first}” comes before “{then}”");
    }

    /// What holds for every page: one title, no inline style, ids that are unique, labels that lead somewhere, charts with a sentence.
    #[track_caller]
    pub(crate) fn is_sound(&self) {
        assert_eq!(self.status, 200);
        let html = self.bare();
        assert_eq!(html.matches("<h1").count(), 1, "one title");
        assert_eq!(html.matches("<main").count(), 1, "one main part");
        assert!(!html.contains(" style="), "no inline style");
        assert!(!html.contains(" onclick="), "no inline script");
        assert!(!html.contains("NaN"), "no number that is none");
        let mut ids = values(&html, " id=\"");
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "ids are unique");
        for attribute in [" for=\"", " aria-labelledby=\"", " aria-describedby=\"", " form=\""] {
            for value in values(&html, attribute) {
                assert!(ids.contains(&value), "{attribute}{value}\" leads nowhere");
            }
        }
        for tag in html.split("<svg ").skip(1).filter_map(|rest| rest.split('>').next()).filter(|tag| tag.contains("class=\"plot\"")) {
            assert!(tag.contains("role=\"img\"") && tag.contains("aria-label=\"") && !tag.contains("aria-label=\"\""), "a plot says what it shows: {tag}");
        }
    }

    fn bare(&self) -> String {
        let from = self.html.find("<main").expect("a page has a main part");
        let to = self.html.find("</main>").expect("the main part ends");
        self.html[from..to].replace("<!>", "")
    }
}

fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    html.match_indices(attribute).map(|(at, _)| html[at + attribute.len()..].split('"').next().unwrap()).collect()
}
