//! The document around the app: head, scripts, and the content security policy that goes with them.

use leptos::{hydration::HydrationScripts, prelude::*};
use leptos_meta::MetaTags;

use crate::{app::App, platform};

/// Origins, besides our own, to which a form may lead after redirects: the identity providers, because logging out ends there.
/// The server provides it as context; without it only our own origin is allowed.
#[derive(Clone, Debug, Default)]
pub struct FormTargets(pub Vec<String>);

/// The content security policy of a page whose inline scripts carry `nonce`.
///
/// No inline style, no inline script without the nonce, nothing from elsewhere. Scripts of our own origin are allowed by name
/// rather than by `strict-dynamic`, because the preload hints of the hydration script carry no nonce.
#[must_use]
pub fn content_security_policy(nonce: Option<&str>, forms: &FormTargets) -> String {
    let nonce = nonce.map(|text| format!(" 'nonce-{text}'")).unwrap_or_default();
    let forms = forms.0.iter().map(|origin| format!(" {origin}")).collect::<String>();
    format!(
        "default-src 'none'; script-src 'self'{nonce} 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         font-src 'self'; manifest-src 'self'; form-action 'self'{forms}; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
    )
}

/// Everything from `<!doctype html>` on; the server renders it for each page.
#[must_use]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let forms = use_context::<FormTargets>().unwrap_or_default();
    platform::set_header("content-security-policy", &content_security_policy(platform::nonce().as_deref(), &forms));
    let css = format!("/{}/{}.css", options.site_pkg_dir, options.output_name);
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=platform::theme().attribute()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta name="referrer" content="same-origin" />
                <link rel="icon" href="/icon.svg" type="image/svg+xml" />
                <link rel="stylesheet" href=css />
                <HydrationScripts options=options.clone() />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}
