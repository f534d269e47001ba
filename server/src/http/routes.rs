//! All routes, in the order in which a request meets the layers.
//!
//! Three groups: what machines ask (health, metrics, ingest: own checks, no session), the door (login, log-out, theme: a
//! session, no asker), and everything else, which needs an [`Asker`]. The app lists its own pages and server functions; all
//! other routes stand in [`ordinary`].

use std::{
    path::Path,
    sync::{Arc, LazyLock},
    time::Duration,
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRef, Request},
    http::{HeaderValue, StatusCode, header, request::Parts},
    middleware::{from_fn, from_fn_with_state},
    response::IntoResponse,
    routing::any,
};
use leptos::prelude::{LeptosOptions, provide_context, use_context};
use leptos_axum::{AxumRouteListing, LeptosRoutes, generate_route_list, handle_server_fns_with_context, render_app_async_with_context};
use metrics_exporter_prometheus::PrometheusHandle;
use tower::ServiceExt as _;
use tower_http::{csrf::CsrfLayer, limit::RequestBodyLimitLayer, services::ServeDir, set_header::SetResponseHeaderLayer, timeout::TimeoutLayer};
use tower_sessions::{Expiry, SessionManagerLayer, cookie::SameSite};
use windfirm_app::{App, FormTargets, portal::PortalHandle, shell};
use windfirm_identity::{ABSOLUTE_LIMIT_S, DoorEffect, IdentityState, door_routes, routes as identity_routes};
use windfirm_store::session::SessionRows;

use crate::{
    context::Asker,
    http::{
        door, events, functions, headers, health, home_address, ingest, proxy, refusal_in_address, request_log, same_site, shape,
        table::{self, Changes, Entry, Ordinary, Who, changes, reads},
        turnstile, who,
    },
    state::Portal,
};

/// Forms are small; a launch with fifty variables is the largest.
pub const MAX_FORM_BYTES: usize = 256 << 10;
/// What takes longer to be received and answered has failed. Live streams are not bounded by this: they are answered at once, and
/// then go on.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// What handlers can ask for.
#[derive(Clone, Debug, FromRef)]
pub struct RouterState {
    pub portal: Arc<Portal>,
    pub options: LeptosOptions,
    pub metrics: PrometheusHandle,
}

/// The pages of the app, as the app itself lists them: what the enumerating tests walk through.
///
/// Listed once per process: while routes are listed, Leptos loads no resources anywhere, and a page that is rendered in that
/// moment would wait for ever.
pub fn pages() -> Vec<AxumRouteListing> {
    static PAGES: LazyLock<Vec<AxumRouteListing>> = LazyLock::new(|| generate_route_list(App));
    PAGES.clone()
}

/// Machines: their own checks, no session.
fn machines() -> Vec<Entry<RouterState>> {
    vec![
        reads("/health/live", Who::Anybody, health::live),
        reads("/health/ready", Who::Anybody, health::ready),
        reads("/metrics", Who::Anybody, health::metrics),
        changes("/ingest/v2/metrics/{execution}", Who::Runners, Changes::Measurements, ingest::receive),
        reads("/ingest/v2/archives/{execution}/{digest}", Who::Runners, ingest::archive::give),
    ]
}

/// Beside the pages: an asker, and no limit of time.
fn streams() -> Vec<Entry<RouterState>> {
    vec![reads("/runs/{id}/events", Who::LoggedIn, events::watch)]
}

/// At the door, beside the ways in and out, which are the identity crate's.
fn beside_the_door() -> Vec<Entry<RouterState>> {
    vec![changes("/theme", Who::Anybody, Changes::Browser, door::theme)]
}

/// Every route that is neither a page nor a server function, from the entries that the router is built of.
#[must_use]
pub fn ordinary() -> Vec<Ordinary> {
    let door = door_routes().into_iter().map(|route| Ordinary {
        method: route.method,
        path: route.path,
        who: Who::Anybody,
        changes: match route.effect {
            DoorEffect::Shows => Changes::Nothing,
            DoorEffect::Records => Changes::Recorded,
        },
    });
    [machines(), streams(), beside_the_door()].into_iter().flatten().map(|entry| entry.about).chain(door).collect()
}

/// Everything. Needs no socket.
pub fn build_router(portal: &Arc<Portal>, site: &Path, metrics: PrometheusHandle) -> Router {
    let options = LeptosOptions::builder().output_name("windfirm").site_root(site.display().to_string()).site_pkg_dir("pkg").build();
    let state = RouterState { portal: Arc::clone(portal), options: options.clone(), metrics };

    let machines = table::router(machines()).layer(DefaultBodyLimit::max(ingest::MAX_BODY_BYTES));

    let context = give_context(Arc::clone(portal));
    let for_missing = {
        let (context, options) = (context.clone(), options.clone());
        move |request: Request| missing(context.clone(), options.clone(), request)
    };
    let asker = from_fn_with_state(Arc::clone(portal), who::require_login);
    let pages = Router::new()
        .route(
            "/api/fn/{*name}",
            any({
                let context = context.clone();
                move |request: Request| handle_server_fns_with_context(context.clone(), request)
            }),
        )
        .leptos_routes_with_context(&state, pages(), context, move || shell(options.clone()))
        .layer(from_fn(functions::check))
        .layer(from_fn_with_state(Arc::clone(portal), refusal_in_address::look_after))
        .merge(table::router(streams()))
        .layer(asker.clone());

    // A file of the site, else the page for missing pages, which is for people who are logged in.
    let not_found = Router::new().fallback(for_missing).layer(asker).with_state(state.clone());
    let files = ServeDir::new(site).precompressed_br().append_index_html_on_directories(false).fallback(not_found.clone());
    let files = tower::service_fn(move |request: Request| {
        let (files, not_found) = (files.clone(), not_found.clone());
        async move { if shape::may_be_a_file(request.uri().path()) { Ok(files.oneshot(request).await?.into_response()) } else { not_found.oneshot(request).await } }
    });

    let identity = IdentityState {
        identity: Arc::clone(&portal.identity),
        audit: Arc::new(door::Record(Arc::clone(portal))),
        pages: Arc::new(door::Door(Arc::clone(portal))),
        clock: Arc::clone(&portal.clock),
    };
    let in_and_out = identity_routes(identity).layer(from_fn_with_state(Arc::clone(portal), turnstile::pass));
    let door = in_and_out.with_state(()).merge(table::router(beside_the_door())).layer(from_fn(door::note_theme));

    let people = pages
        .merge(door)
        .fallback_service(files)
        .layer(RequestBodyLimitLayer::new(MAX_FORM_BYTES))
        .layer(sessions(portal))
        .layer(CsrfLayer::new().with_rejection_response(same_site::refused))
        .layer(from_fn(same_site::require_word))
        .layer(from_fn_with_state(Arc::clone(portal), home_address::lead_there));

    machines
        .merge(people)
        // Around every body that is read, too: whoever sends one byte a minute is not waited for.
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_LIMIT))
        .layer(from_fn(shape::one_host))
        .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static("no-cache")))
        .layer(from_fn_with_state(Arc::clone(portal), headers::add))
        .layer(from_fn_with_state(Arc::clone(portal), request_log::log))
        .layer(from_fn_with_state(Arc::clone(portal), proxy::look_through))
        .with_state(state)
}

fn sessions(portal: &Portal) -> SessionManagerLayer<SessionRows> {
    let secure = portal.settings.public_url.scheme() == "https";
    SessionManagerLayer::new(SessionRows(portal.store.clone()))
        .with_name(if secure { "__Host-windfirm" } else { "windfirm" })
        .with_secure(secure)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        // The limits that count are kept by the identity crate; this only lets the row outlive them.
        .with_expiry(Expiry::OnInactivity(time::Duration::seconds(ABSOLUTE_LIMIT_S)))
}

/// What pages and server functions find as context: the portal as this request's asker sees it, and where forms may lead.
fn give_context(portal: Arc<Portal>) -> impl Fn() + Clone + Send + Sync + 'static {
    move || {
        let asker = use_context::<Parts>().and_then(|parts| parts.extensions.get::<Asker>().cloned());
        if let Some(asker) = asker {
            provide_context(PortalHandle(Arc::new(asker)));
        }
        provide_context(FormTargets(portal.identity.form_origins()));
    }
}

async fn missing(context: impl Fn() + Clone + Send + Sync + 'static, options: LeptosOptions, request: Request) -> impl IntoResponse {
    let render = render_app_async_with_context(context, move || shell(options.clone()));
    render(request).await
}
