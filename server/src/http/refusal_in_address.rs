//! A form that is sent without script comes back to its page with the fault in the address. Two things are added to what the
//! framework does:
//!
//! - The way back is a path of ours, whatever `Referer` said.
//! - The fault bears a stamp of ours for this person. Without it, anybody could send somebody a link that shows words of
//!   their own as ours; such an address leads to the page without them.

use std::sync::Arc;

use aws_lc_rs::hmac;
use axum::{
    extract::{Request, State},
    http::{HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse as _, Redirect, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use url::Url;
use windfirm_app::api::PREFIX;
use windfirm_identity::own_path;

use crate::{context::Asker, state::Portal};

/// The framework's names.
const FAULT: &str = "__err";
const FUNCTION: &str = "__path";
/// Ours.
const STAMP: &str = "__stamp";

/// The key of the stamps: the same in all portals of one database.
pub struct Stamps(hmac::Key);

impl std::fmt::Debug for Stamps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stamps")
    }
}

impl Stamps {
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    fn message(asker: Option<&Asker>, function: &str, fault: &str) -> String {
        let person = asker.map(|asker| asker.actor.key()).unwrap_or_default();
        format!("{person}\n{function}\n{fault}")
    }

    fn stamp(&self, asker: Option<&Asker>, function: &str, fault: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, Self::message(asker, function, fault).as_bytes()))
    }

    fn is_ours(&self, asker: Option<&Asker>, function: &str, fault: &str, stamp: &str) -> bool {
        let Ok(stamp) = URL_SAFE_NO_PAD.decode(stamp) else { return false };
        hmac::verify(&self.0, Self::message(asker, function, fault).as_bytes(), &stamp).is_ok()
    }
}

/// The layer around pages and functions.
pub async fn look_after(State(portal): State<Arc<Portal>>, request: Request, next: Next) -> Response {
    let asker = request.extensions().get::<Asker>().cloned();
    let is_function = request.uri().path().starts_with(PREFIX);
    if !is_function
        && matches!(*request.method(), Method::GET | Method::HEAD)
        && let Some(clean) = request.uri().path_and_query().and_then(|here| without_foreign_fault(&portal.stamps, asker.as_ref(), here.as_str()))
    {
        return Redirect::to(&clean).into_response();
    }
    let mut response = next.run(request).await;
    if is_function
        && let Some(location) = response.headers().get(header::LOCATION)
        && let Ok(back) = HeaderValue::from_str(&way_back(&portal.stamps, asker.as_ref(), location.to_str().unwrap_or_default()))
    {
        response.headers_mut().insert(header::LOCATION, back);
    }
    response
}

/// The parts of an address of ours: its path, what belongs to a fault, and the rest of its query.
#[derive(Default)]
struct Address {
    path: String,
    /// As they were written.
    others: Vec<String>,
    fault: Option<(String, String)>,
    stamp: String,
}

impl Address {
    fn read(text: &str) -> Self {
        let here = Url::parse("http://windfirm.invalid/");
        let Ok(url) = here.and_then(|here| here.join(text)) else { return Self { path: "/".to_owned(), ..Self::default() } };
        let (mut others, mut fault, mut function, mut stamp) = (Vec::new(), None, String::new(), String::new());
        for pair in url.query().into_iter().flat_map(|query| query.split('&')) {
            // Read as the framework reads it: a name may be written in many ways.
            let Some((name, value)) = url::form_urlencoded::parse(pair.as_bytes()).next() else { continue };
            match name.as_ref() {
                FAULT => fault = Some(value.into_owned()),
                FUNCTION => function = value.into_owned(),
                STAMP => stamp = value.into_owned(),
                _ => others.push(pair.to_owned()),
            }
        }
        Self { path: own_path(url.path()), others, fault: fault.map(|fault| (function, fault)), stamp }
    }

    fn text(&self, more: &[(&str, &str)]) -> String {
        let more = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(more).finish();
        let query = self.others.iter().map(String::as_str).chain(Some(more.as_str()).filter(|more| !more.is_empty())).collect::<Vec<_>>().join("&");
        if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) }
    }
}

/// The same page without the fault, when there is one that bears no stamp of ours.
fn without_foreign_fault(stamps: &Stamps, asker: Option<&Asker>, here: &str) -> Option<String> {
    if !here.contains('?') {
        return None;
    }
    let address = Address::read(here);
    let (function, fault) = address.fault.as_ref()?;
    (!stamps.is_ours(asker, function, fault, &address.stamp)).then(|| address.text(&[]))
}

/// Where a function leads, as a path of ours, with the stamp when a fault goes with it.
fn way_back(stamps: &Stamps, asker: Option<&Asker>, location: &str) -> String {
    let address = Address::read(location);
    match &address.fault {
        Some((function, fault)) => address.text(&[(FUNCTION, function), (FAULT, fault), (STAMP, &stamps.stamp(asker, function, fault))]),
        None => address.text(&[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_ours_and_keeps_what_stood_there() {
        let stamps = Stamps::new(&[1; 32]);
        assert_eq!(way_back(&stamps, None, "/runs/7"), "/runs/7");
        assert_eq!(way_back(&stamps, None, "https://evil.example/launch?path=%2Fshop%2F&env=A%3D1%0AB"), "/launch?path=%2Fshop%2F&env=A%3D1%0AB");
        assert_eq!(way_back(&stamps, None, "/launch?path=/shop/&env=a+b"), "/launch?path=/shop/&env=a+b");
        assert_eq!(way_back(&stamps, None, "//evil.example"), "/");
        assert_eq!(way_back(&stamps, None, "javascript:alert(1)"), "/");
        assert_eq!(way_back(&stamps, None, ""), "/");
    }

    #[test]
    fn a_fault_of_ours_is_shown_and_a_foreign_one_is_not() {
        let stamps = Stamps::new(&[1; 32]);
        let back = way_back(&stamps, None, "http://127.0.0.1:7700/launch?path=%2Fshop%2F&__path=%2Fapi%2Ffn%2Flaunch&__err=abc");
        assert!(back.starts_with("/launch?path=%2Fshop%2F&__path=%2Fapi%2Ffn%2Flaunch&__err=abc&__stamp="), "{back}");
        assert_eq!(without_foreign_fault(&stamps, None, &back), None);
        let clean = Some("/launch?path=%2Fshop%2F".to_owned());
        assert_eq!(without_foreign_fault(&stamps, None, &back.replace("__err=abc", "__err=abd")), clean);
        assert_eq!(without_foreign_fault(&stamps, None, &back.replace("fn%2Flaunch", "fn%2Fstop")), clean);
        assert_eq!(without_foreign_fault(&stamps, None, "/launch?path=%2Fshop%2F&__err=abc"), clean);
        assert_eq!(without_foreign_fault(&stamps, None, "/launch?path=%2Fshop%2F&%5f_err=abc"), clean, "the same name, written otherwise");
        assert_eq!(without_foreign_fault(&Stamps::new(&[2; 32]), None, &back), clean, "another database");
        assert_eq!(without_foreign_fault(&stamps, None, "/launch?path=%2Fshop%2F"), None);
        // What comes back a second time bears one stamp.
        let again = way_back(&stamps, None, &back);
        assert_eq!(again.matches(STAMP).count(), 1, "{again}");
    }
}
