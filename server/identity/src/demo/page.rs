//! The provider's pages: plain HTML, one style sheet, no script.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

use super::{
    Provider,
    authorize::{Asked, NOBODY, PERSON_FIELD},
    people::PEOPLE,
};

/// Who do you want to be?
pub(super) fn chooser(provider: &Provider, asked: &Asked) -> Response {
    let hidden: String = asked
        .params
        .iter()
        .filter(|(name, _)| *name != PERSON_FIELD)
        .map(|(name, value)| format!(r#"<input type="hidden" name="{}" value="{}">"#, escaped(name), escaped(value)))
        .collect();
    let rows: String = PEOPLE
        .iter()
        .map(|person| {
            let groups: String = person.groups.iter().map(|group| format!("<code>{}</code> ", escaped(group))).collect();
            format!(
                r#"<li><button type="submit" name="{PERSON_FIELD}" value="{subject}"><span class="who"><b>{name}</b><small>{work}</small></span><span class="what"><span>{groups}</span><small>{try_this}</small></span></button></li>"#,
                subject = escaped(person.subject),
                name = escaped(person.name),
                work = escaped(person.work),
                try_this = escaped(person.try_this),
            )
        })
        .collect();
    let host = escaped(&asked.redirect_uri.origin().ascii_serialization());
    let body = format!(
        r#"<h1>Who do you want to be?</h1>
<p class="soft">You are logging in to Windfirm at <code>{host}</code>. It will be told the name and the groups of the person that you choose.</p>
<form method="post" action="{action}">{hidden}
<ul class="people" aria-label="Demo people">{rows}</ul>
<p class="end"><button class="plain" type="submit" name="{PERSON_FIELD}" value="{NOBODY}">Nobody: go back without logging in</button></p>
</form>
<p class="note">Demo people need no password. This identity provider runs only with <code>windfirm demo</code> and only on this computer.</p>"#,
        action = escaped(&provider.address("authorize")),
    );
    // Chromium holds the redirect that answers the form to form-action too.
    document(provider, StatusCode::OK, "Choose a person", &body, &asked.redirect_uri.origin().ascii_serialization())
}

/// What cannot be told to the application, because it is not clear which one it is.
pub(super) fn refusal(provider: &Provider, what: &str) -> Response {
    let body = format!(
        r#"<h1>This log-in cannot go on</h1>
<p>{} Nothing was sent to it. Go back to the application and log in from there; if that does not help, its settings do not fit this identity provider.</p>"#,
        escaped(what)
    );
    document(provider, StatusCode::BAD_REQUEST, "Log-in refused", &body, "")
}

/// After a log-out that leads nowhere.
pub(super) fn logged_out(provider: &Provider) -> Response {
    document(
        provider,
        StatusCode::OK,
        "Logged out",
        "<h1>You are logged out</h1>\n<p>This identity provider remembers nobody. You can close this page.</p>",
        "",
    )
}

fn document(provider: &Provider, status: StatusCode, title: &str, body: &str, form_target: &str) -> Response {
    let html = format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Demo identity provider</title>
<link rel="stylesheet" href="{style}">
</head>
<body>
<main>
<p class="brand"><svg viewBox="0 0 18 18" aria-hidden="true"><path d="M9 1l3.6 5H5.4zM9 4.5l5 6.5H4zM9 9l6.8 7H2.2z"/></svg>Demo identity provider</p>
{body}
</main>
</body>
</html>
"#,
        style = escaped(&provider.address("style.css")),
    );
    let policy = format!("default-src 'none'; style-src 'self'; form-action 'self' {form_target}; base-uri 'none'; frame-ancestors 'none'");
    let policy = HeaderValue::from_str(&policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, Html(html)).into_response()
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}
