//! The pages at the door, the record of who came and went, and the choice of light or dark.

use std::sync::Arc;

use async_trait::async_trait;
use axum::{
    Form,
    extract::Request,
    http::{Extensions, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use windfirm_app::{FormTargets, pages::door as documents, shell::content_security_policy, theme::Theme};
use windfirm_identity::{AuditError, ChoosePage, LoginAudit, LoginError, LoginPages, LogoutReach, own_path};
use windfirm_model::{
    actor::{Actor, Groups, PersonKey},
    audit::{EventCode, EventOutcome},
    id::OperationId,
    session::Login,
};
use windfirm_policy::{
    Permit, Resource,
    act::{EndSession, OpenSession},
};
use windfirm_store::audit::{Attempt, Details};

use crate::state::Portal;

/// Who came, who was refused, who went.
#[derive(Debug)]
pub struct Record(pub Arc<Portal>);

#[async_trait]
impl LoginAudit for Record {
    async fn logged_in(&self, login: &Login) -> Result<(), AuditError> {
        let permit: Permit<OpenSession> = Permit::own(OperationId(self.0.clock.new_uuid()), login.actor(), Resource::default());
        let details = Details { client: Some(login.client.clone()), ..Details::default() };
        let recorded = self.0.store.record(&permit, EventCode::Login, &details, EventOutcome::Done, None).await;
        recorded.map(|_| ()).map_err(|error| AuditError(error.to_string()))
    }

    async fn refused(&self, error: &LoginError, client: &str) -> Result<(), AuditError> {
        if !self.0.turnstile.has_row(self.0.clock.now()) {
            return Ok(());
        }
        record_refusal(&self.0, error.to_string(), Some(client.to_owned())).await
    }

    async fn logged_out(&self, login: &Login) -> Result<(), AuditError> {
        let permit: Permit<EndSession> = Permit::own(OperationId(self.0.clock.new_uuid()), login.actor(), Resource::default());
        let details = Details { client: Some(login.client.clone()), ..Details::default() };
        let recorded = self.0.store.record(&permit, EventCode::Logout, &details, EventOutcome::Done, None).await;
        recorded.map(|_| ()).map_err(|error| AuditError(error.to_string()))
    }
}

/// Writes that somebody was not let in. Nobody is known yet; what the request claims of itself is all there is.
pub(crate) async fn record_refusal(portal: &Portal, why: String, client: Option<String>) -> Result<(), AuditError> {
    let nobody = Actor::Person {
        key: PersonKey { issuer: "unknown".to_owned(), subject: "unknown".to_owned() },
        name: "somebody unknown".to_owned(),
        groups: Groups::Unknown("Nobody was logged in.".to_owned()),
    };
    let attempt = Attempt {
        operation: OperationId(portal.clock.new_uuid()),
        actor: nobody,
        code: EventCode::LoginRefused,
        path: None,
        environment: None,
        run: None,
        why,
        policy_digest: String::new(),
        details: Details { client, ..Details::default() },
    };
    portal.store.denied(&attempt).await.map(|_| ()).map_err(|error| AuditError(error.to_string()))
}

/// What the pages at the door look like.
#[derive(Debug)]
pub struct Door(pub Arc<Portal>);

impl Door {
    /// A whole document: no script, our own style sheet, forms to ourselves and, after redirects, to the identity providers.
    fn document(&self, html: String) -> Response {
        let policy = content_security_policy(None, &FormTargets(self.0.identity.form_origins()));
        let mut response = Html(html).into_response();
        if let Ok(value) = HeaderValue::from_str(&policy) {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, value);
        }
        response
    }

    /// More attempts to log in than are taken at once.
    pub(crate) fn too_many(&self, seconds: i64, extensions: &Extensions) -> Response {
        let sentence = format!(
            "Too many attempts to log in came from where you are, or from everywhere together. Nothing is wrong with your account. Wait {seconds} s, then log in again."
        );
        self.document(documents::refused(&sentence, "/", theme_of(extensions)))
    }
}

#[async_trait]
impl LoginPages for Door {
    async fn choose(&self, page: ChoosePage, extensions: &Extensions) -> Response {
        let choices: Vec<documents::Choice<'_>> =
            page.choices.iter().map(|choice| documents::Choice { name: &choice.name, label: &choice.label, host: &choice.host }).collect();
        self.document(documents::choose(&choices, &page.return_to, theme_of(extensions), self.0.settings.demo))
    }

    async fn refused(&self, error: &LoginError, return_to: &str, extensions: &Extensions) -> Response {
        self.document(documents::refused(&error.to_string(), return_to, theme_of(extensions)))
    }

    async fn logged_out(&self, reach: LogoutReach, extensions: &Extensions) -> Response {
        self.document(documents::logged_out(reach == LogoutReach::ProviderToo, theme_of(extensions)))
    }
}

/// What the reader chose; `note_theme` put it there.
fn theme_of(extensions: &Extensions) -> Theme {
    extensions.get::<ChosenTheme>().map_or_else(Theme::default, |chosen| chosen.0)
}

#[derive(Clone, Copy, Debug)]
struct ChosenTheme(Theme);

/// Reads the theme cookie, for the pages that are not part of the app.
pub async fn note_theme(mut request: Request, next: Next) -> Response {
    let theme = request.headers().get(header::COOKIE).and_then(|value| value.to_str().ok()).map_or_else(Theme::default, Theme::of_cookies);
    request.extensions_mut().insert(ChosenTheme(theme));
    next.run(request).await
}

#[derive(Debug, Deserialize)]
pub struct ThemeForm {
    theme: String,
    #[serde(default)]
    to: String,
}

/// `POST /theme`: remembers light, dark or the system's, and goes back to where the form stood.
pub async fn theme(Form(form): Form<ThemeForm>) -> Response {
    let Some(theme) = Theme::parse(&form.theme) else { return (StatusCode::UNPROCESSABLE_ENTITY, "There is no such theme.").into_response() };
    let mut response = Redirect::to(&own_path(&form.to)).into_response();
    if let Ok(cookie) = HeaderValue::from_str(&theme.set_cookie()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
