//! A small browser: cookies by host and port, no redirects unless asked, and everything that it ever saw.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Mutex,
};

use reqwest::{Method, StatusCode, header, redirect};
use url::Url;

#[derive(Debug)]
pub(crate) struct Browser {
    client: reqwest::Client,
    cookies: Mutex<HashMap<String, BTreeMap<String, String>>>,
    /// Headers and bodies of all answers.
    pub(crate) seen: Mutex<String>,
}

#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) status: StatusCode,
    pub(crate) headers: header::HeaderMap,
    pub(crate) body: String,
}

impl Page {
    pub(crate) fn location(&self) -> Url {
        let text = self.headers.get(header::LOCATION).unwrap_or_else(|| panic!("no redirect: {} {}", self.status, self.body)).to_str().unwrap();
        self.url.join(text).unwrap()
    }
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
    /// The hidden fields of the page's form.
    pub(crate) fn hidden_fields(&self) -> Vec<(String, String)> {
        let attribute = |text: &str, name: &str| {
            let rest = text.split_once(&format!("{name}=\"")).map(|(_, rest)| rest).unwrap_or("");
            rest.split('"').next().unwrap().replace("&amp;", "&").replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">")
        };
        self.body.split("<input type=\"hidden\"").skip(1).map(|text| (attribute(text, "name"), attribute(text, "value"))).collect()
    }
}

impl Browser {
    pub(crate) fn new() -> Self {
        let client = reqwest::Client::builder().redirect(redirect::Policy::none()).no_proxy().user_agent("Firefox/140 Linux").build().unwrap();
        Self { client, cookies: Mutex::default(), seen: Mutex::default() }
    }
    pub(crate) async fn get(&self, url: impl AsRef<str>) -> Page {
        self.send(Method::GET, url.as_ref(), None).await
    }
    pub(crate) async fn post(&self, url: impl AsRef<str>, form: &[(&str, &str)]) -> Page {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        self.send(Method::POST, url.as_ref(), Some(body)).await
    }
    pub(crate) fn cookie(&self, url: &str, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(&site(&url.parse().unwrap())).and_then(|all| all.get(name)).cloned()
    }
    pub(crate) fn set_cookie(&self, url: &str, name: &str, value: &str) {
        self.cookies.lock().unwrap().entry(site(&url.parse().unwrap())).or_default().insert(name.to_owned(), value.to_owned());
    }

    async fn send(&self, method: Method, url: &str, form: Option<String>) -> Page {
        let url: Url = url.parse().unwrap();
        let header_text =
            self.cookies.lock().unwrap().get(&site(&url)).map(|all| all.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; "));
        let mut request = self.client.request(method, url.clone());
        if let Some(text) = header_text.filter(|text| !text.is_empty()) {
            request = request.header(header::COOKIE, text);
        }
        if let Some(body) = form {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        for set in headers.get_all(header::SET_COOKIE) {
            self.keep(&url, set.to_str().unwrap());
        }
        let body = response.text().await.unwrap();
        self.seen.lock().unwrap().push_str(&format!("{headers:?}\n{body}\n"));
        Page { url, status, headers, body }
    }

    fn keep(&self, url: &Url, set: &str) {
        let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
        let mut cookies = self.cookies.lock().unwrap();
        let all = cookies.entry(site(url)).or_default();
        if set.contains("Max-Age=0") || value.is_empty() {
            all.remove(name);
        } else {
            all.insert(name.to_owned(), value.to_owned());
        }
    }
}

fn site(url: &Url) -> String {
    url.origin().ascii_serialization()
}
