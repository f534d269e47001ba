//! Somebody with a browser who really logs in: the portal over its router, the demo's identity provider over HTTP.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Method, Request, StatusCode, header},
    middleware::{self, Next},
    response::IntoResponse as _,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::net::TcpListener;
use url::Url;
use windfirm::clock::SystemClock;
use windfirm_identity::{Secret, demo};

use crate::harness::{Answer, As, House, Plan};

/// A portal with its identity provider. `None` when there is no k6; that was said.
pub(crate) async fn house_with_provider(public_url: &'static str) -> Option<House> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    serve_provider(listener, &issuer, public_url, "secret");
    House::build(Plan { public_url, issuer, ..Plan::default() }).await
}

/// A client secret at a provider, which its administrator changes.
#[derive(Clone)]
pub(crate) struct Taken(Arc<Mutex<String>>);

impl Taken {
    pub(crate) fn new(secret: &str) -> Self {
        Self(Arc::new(Mutex::new(secret.to_owned())))
    }
    /// From now on this one is taken, and no other.
    pub(crate) fn set(&self, secret: &str) {
        secret.clone_into(&mut self.0.lock().unwrap());
    }
    fn header(secret: &str) -> HeaderValue {
        format!("Basic {}", BASE64_STANDARD.encode(format!("windfirm:{secret}"))).parse().unwrap()
    }
}

/// The same provider, whose client has the secret that is `taken` at that moment.
pub(crate) fn serve_changing_provider(listener: TcpListener, public_url: &str, taken: Taken) -> String {
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let at_the_door = middleware::from_fn(move |mut request: Request<Body>, next: Next| {
        let taken = taken.0.lock().unwrap().clone();
        async move {
            if request.uri().path() == "/token" {
                if request.headers().get(header::AUTHORIZATION) != Some(&Taken::header(&taken)) {
                    return (StatusCode::UNAUTHORIZED, [(header::CONTENT_TYPE, "application/json")], r#"{"error":"invalid_client"}"#).into_response();
                }
                request.headers_mut().insert(header::AUTHORIZATION, Taken::header("secret"));
            }
            next.run(request).await
        }
    });
    let router = provider(&issuer, public_url, "secret").layer(at_the_door);
    tokio::spawn(async move { axum::serve(listener, router).await });
    issuer
}

/// The demo's people behind a client of this portal, until the test ends.
pub(crate) fn serve_provider(listener: TcpListener, issuer: &str, public_url: &str, secret: &str) {
    let router = provider(issuer, public_url, secret);
    tokio::spawn(async move { axum::serve(listener, router).await });
}

fn provider(issuer: &str, public_url: &str, secret: &str) -> Router {
    let config = demo::DemoConfig {
        issuer: issuer.to_owned(),
        client_id: "windfirm".into(),
        client_secret: Secret::new(secret),
        redirect_uris: vec![format!("{public_url}login/demo/callback")],
        post_logout_redirect_uris: vec![format!("{public_url}logged-out")],
    };
    demo::router(config, Arc::new(SystemClock)).unwrap()
}

/// Chooses a person at the provider; where the browser is sent then, with a code.
pub(crate) async fn choose(away: &Url, subject: &str) -> Url {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(away.query_pairs()).append_pair("person", subject).finish();
    let mut authorize = away.clone();
    authorize.set_query(None);
    let answer = client.post(authorize).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form).send().await.unwrap();
    location(answer.headers().get(header::LOCATION))
}

pub(crate) fn location(header: Option<&HeaderValue>) -> Url {
    header.unwrap().to_str().unwrap().parse().unwrap()
}

/// A browser: it keeps cookies, and every `Set-Cookie` that it ever saw.
pub(crate) struct Visitor<'a> {
    house: &'a House,
    pub cookies: BTreeMap<String, String>,
    pub set: Vec<String>,
}

impl<'a> Visitor<'a> {
    pub(crate) fn new(house: &'a House) -> Self {
        Self { house, cookies: BTreeMap::new(), set: Vec::new() }
    }

    pub(crate) async fn get(&mut self, address: &str) -> Answer {
        self.send(Request::get(address).header("accept", "text/html").body(Body::empty()).unwrap()).await
    }

    /// A form of one of our own pages.
    pub(crate) async fn post(&mut self, address: &str, form: &str) -> Answer {
        let request = Request::builder().method(Method::POST).uri(address).header("accept", "text/html").header("sec-fetch-site", "same-origin");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    async fn send(&mut self, mut request: Request<Body>) -> Answer {
        let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        if !cookies.is_empty() {
            request.headers_mut().insert(header::COOKIE, cookies.parse().unwrap());
        }
        let answer = self.house.send(As::Nobody, request).await;
        for set in answer.headers.get_all(header::SET_COOKIE) {
            let set = set.to_str().unwrap().to_owned();
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            if set.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
            self.set.push(set);
        }
        answer
    }

    /// From the log-in page to the address that the provider sends the browser back to.
    pub(crate) async fn visit_provider(&mut self, subject: &str) -> String {
        let away = self.post("/login", "issuer=demo&return_to=/tree").await;
        let back = choose(&location(away.headers.get(header::LOCATION)), subject).await;
        format!("{}?{}", back.path(), back.query().unwrap())
    }

    pub(crate) async fn log_in(&mut self, subject: &str) -> Answer {
        let back = self.visit_provider(subject).await;
        self.get(&back).await
    }
}
