//! Serves one request as the server does, without a socket.

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Request, Response, header},
    response::IntoResponse,
};
use leptos::prelude::{LeptosOptions, provide_context};
use leptos_axum::{handle_server_fns_with_context, render_app_async_with_context};
use windfirm_app::{FormTargets, portal::PortalHandle, shell};

use super::portal::Answers;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) html: String,
    headers: HeaderMap,
}

impl Answer {
    async fn of(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let html = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Self { status: parts.status.as_u16(), html: html.replace("<!>", ""), headers: parts.headers }
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name}")).to_str().unwrap()
    }

    pub(crate) fn main(&self) -> &str {
        let from = self.html.find("<main").expect("a page has a main part");
        let to = self.html.find("</main>").expect("the main part ends");
        &self.html[from..to]
    }
}

/// Address and mode of every page. Listed once and before anything is rendered: while leptos lists routes, no resource of the whole
/// process loads, so a page that is rendered meanwhile would wait for ever.
pub(crate) fn routes() -> &'static [(String, String)] {
    static ROUTES: std::sync::OnceLock<Vec<(String, String)>> = std::sync::OnceLock::new();
    ROUTES.get_or_init(|| {
        windfirm_app::api::register();
        // Listing the routes starts the executor too, as it does in the server.
        leptos_axum::generate_route_list(windfirm_app::App).iter().map(|route| (route.path().to_owned(), format!("{:?}", route.mode()))).collect()
    })
}

pub(crate) async fn page(address: &str, answers: Answers) -> Answer {
    page_with(address, answers, "", FormTargets::default()).await
}

pub(crate) async fn page_with(address: &str, answers: Answers, cookie: &str, targets: FormTargets) -> Answer {
    assert!(!routes().is_empty());
    let handle = PortalHandle(std::sync::Arc::new(answers));
    let context = move || {
        provide_context(handle.clone());
        provide_context(targets.clone());
    };
    let options = LeptosOptions::builder().output_name("windfirm").build();
    let render = render_app_async_with_context(context, move || shell(options.clone()));
    let request = Request::builder().uri(address).header(header::ACCEPT, "text/html").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    Answer::of(render(request).await).await
}

/// Calls a server function; a POST sends one field, `handle=x`, from the page of sessions.
pub(crate) async fn call(method: &str, address: &str, accept: &str, answers: Answers) -> Answer {
    assert!(!routes().is_empty());
    let handle = PortalHandle(std::sync::Arc::new(answers));
    let request = Request::builder()
        .method(method)
        .uri(address)
        .header(header::ACCEPT, accept)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::REFERER, "http://portal.example/sessions")
        .body(Body::from(if method == "POST" { "handle=x" } else { "" }))
        .unwrap();
    Answer::of(handle_server_fns_with_context(move || provide_context(handle.clone()), request).await.into_response()).await
}
