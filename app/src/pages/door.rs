//! The door: documents for people who are not logged in, and for those who have just left.
//!
//! Complete HTML without script, outside the app, so that the door opens even where the rest does not. Everything that comes from
//! outside is escaped here. May know: words, theme, icons. May not know: sessions, providers, requests.

use crate::{href, theme::Theme, ui::icon};

/// The three firs, as [`icon::mark`] draws them.
const MARK: &str = r#"<svg class="mark" viewBox="0 0 18 18" aria-hidden="true"><path d="M9 1l3.6 5H5.4zM9 4.5l5 6.5H4zM9 9l6.8 7H2.2z"/></svg>"#;

/// One identity provider to choose.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// Goes into the form field `issuer`.
    pub name: &'a str,
    pub label: &'a str,
    /// Host and port of the issuer, to tell two labels apart.
    pub host: &'a str,
}

/// The page of `GET /login`: a form that posts `issuer` and `return_to` to `/login`, one button per provider.
#[must_use]
pub fn choose(choices: &[Choice<'_>], return_to: &str, theme: Theme, demo: bool) -> String {
    let providers = if choices.is_empty() {
        r#"<p class="why fail">"#.to_owned()
            + &inline_icon("why")
            + "<span>No identity provider is configured, so nobody can log in. Tell the people who run this portal: their configuration names none under <code>identity:</code>.</span></p>"
    } else {
        format!(
            r#"<form class="idp" method="post" action="/login" aria-label="Identity provider"><input type="hidden" name="return_to" value="{}">{}</form>"#,
            escape(return_to),
            choices.iter().enumerate().map(|(index, choice)| provider(choice, index == 0)).collect::<String>()
        )
    };
    let back = if return_to == "/" { String::new() } else { format!("You will return to <code>{}</code>. ", escape(return_to)) };
    let aside = if demo { DEMO } else { "" };
    document(
        "Log in",
        theme,
        if demo { "login" } else { "login alone" },
        &format!(
            r#"<main id="main"><div class="flow">{MARK}<h1>Log in to Windfirm</h1><p class="soft">Your groups decide what you see, which tests you may run, and as which service account.</p></div>{providers}<p class="note">{back}Windfirm learns your name and your groups; it never sees your password.</p></main>{aside}"#
        ),
    )
}

/// The page after a login (or a logout) that did not work: `sentence` says what went wrong and what to do.
#[must_use]
pub fn refused(sentence: &str, return_to: &str, theme: Theme) -> String {
    let again = href::with_query("/login", &[("return_to", Some(return_to).filter(|path| *path != "/"))]);
    document(
        "That did not work",
        theme,
        "login alone",
        &format!(
            r#"<main id="main"><div class="flow">{MARK}<h1>That did not work</h1><p class="why fail" role="alert">{}<span>{}</span></p></div><p class="acts"><a class="btn go" href="{}">Log in again</a></p><p class="note">If it happens again, show this page to the people who run the portal.</p></main>"#,
            inline_icon("why"),
            rich(sentence),
            escape(&again)
        ),
    )
}

/// The page after logging out. `provider_too`: the identity provider has ended its own session as well.
#[must_use]
pub fn logged_out(provider_too: bool, theme: Theme) -> String {
    let sentence = if provider_too {
        "Your session here and the one at your identity provider have both ended."
    } else {
        "Your session here has ended. The one at your identity provider may still be open: on a shared computer, log out there too."
    };
    document(
        "Logged out",
        theme,
        "login alone",
        &format!(
            r#"<main id="main"><div class="flow">{MARK}<h1>You are logged out</h1><p class="soft">{sentence}</p></div><p class="acts"><a class="btn go" href="/login">Log in again</a></p><p class="note">Runs that you started go on without you.</p></main>"#
        ),
    )
}

const DEMO: &str = r#"<aside aria-labelledby="demo-h"><div class="inner flow"><div class="sec-head"><h2 id="demo-h">This is the demo</h2><span class="meta">Only with <code>windfirm demo</code>, only on this computer</span></div><p class="soft">The next page lets you choose who you are. Demo people need no password; each belongs to other groups, so each sees another part of the tree.</p><p class="soft">The runs are real: k6 sends requests to small services that were started with the demo. Nothing leaves this computer.</p></div></aside>"#;

fn provider(choice: &Choice<'_>, first: bool) -> String {
    format!(
        r#"<button class="btn{}" type="submit" name="issuer" value="{}">{}<span>{}<small>{}</small></span></button>"#,
        if first { " go" } else { "" },
        escape(choice.name),
        inline_icon("group"),
        escape(choice.label),
        escape(choice.host)
    )
}

fn document(title: &str, theme: Theme, class: &str, body: &str) -> String {
    let theme = theme.attribute().map(|word| format!(r#" data-theme="{word}""#)).unwrap_or_default();
    let sprite = icon::sprite();
    format!(
        r##"<!doctype html>
<html lang="en"{theme}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="same-origin">
<title>{title} · Windfirm</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/pkg/windfirm.css">
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<div class="{class}">{body}</div>
<svg class="sprite" aria-hidden="true" width="0" height="0">{sprite}</svg>
</body>
</html>
"##
    )
}

fn inline_icon(name: &str) -> String {
    format!(r##"<svg class="i" aria-hidden="true"><use href="#i-{name}"/></svg>"##)
}

/// A sentence whose back quotes are set in mono.
fn rich(sentence: &str) -> String {
    sentence.split('`').enumerate().map(|(index, part)| if index % 2 == 1 { format!("<code>{}</code>", escape(part)) } else { escape(part) }).collect()
}

/// Text that is safe between tags and inside a quoted attribute.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = r#""><script>alert(1)</script>&'"#;

    #[test]
    fn each_provider_is_one_button_of_one_form() {
        let staff = Choice { name: "staff", label: "Staff login", host: "login.example" };
        let partners = Choice { name: "partners", label: "Contractors", host: "partners.example" };
        let html = choose(&[staff, partners], "/tree?q=a", Theme::Dark, false);
        assert!(html.contains(r#"<html lang="en" data-theme="dark">"#));
        assert!(html.contains(r#"<form class="idp" method="post" action="/login""#));
        assert!(html.contains(r#"<input type="hidden" name="return_to" value="/tree?q=a">"#));
        assert!(html.contains(r#"name="issuer" value="staff""#) && html.contains(r#"name="issuer" value="partners""#));
        assert!(html.contains("You will return to <code>/tree?q=a</code>"));
        assert!(!html.contains("demo"));
    }

    #[test]
    fn nothing_from_outside_becomes_markup() {
        let choice = Choice { name: HOSTILE, label: HOSTILE, host: HOSTILE };
        for html in [choose(&[choice], HOSTILE, Theme::System, true), refused(HOSTILE, HOSTILE, Theme::System)] {
            assert!(!html.contains("<script"), "{html}");
            assert!(!html.contains(" style"));
            assert_eq!(html.matches("<h1").count(), 1);
        }
    }

    #[test]
    fn a_refusal_says_why_and_leads_back_to_where_one_was_going() {
        let html = refused("The claim `groups` is missing.", "/runs?state=live", Theme::System);
        assert!(html.contains("The claim <code>groups</code> is missing."));
        assert!(html.contains(r#"href="/login?return_to=/runs%3Fstate%3Dlive""#));
        assert!(refused("No.", "/", Theme::System).contains(r#"href="/login""#));
    }

    #[test]
    fn logging_out_promises_only_what_happened() {
        assert!(logged_out(true, Theme::System).contains("have both ended"));
        assert!(logged_out(false, Theme::System).contains("may still be open"));
    }

    #[test]
    fn without_a_provider_the_page_says_who_must_act() {
        let html = choose(&[], "/", Theme::System, false);
        assert!(html.contains("No identity provider is configured") && html.contains("<code>identity:</code>") && !html.contains("<form"));
    }
}
