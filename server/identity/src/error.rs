//! Why somebody was not logged in, in words for people: what happened, why, what to do.
//!
//! One enum for the whole boundary. Nothing in it carries a token, a code, a state or a secret, so that it may be shown, logged and audited.

use axum::http::StatusCode;

/// Why a login did not come about. `provider` is the label of the identity provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    #[error("Windfirm knows no identity provider named “{name}”. The address is misspelt, or the provider was removed. Start again from the log-in page.")]
    UnknownProvider { name: String },
    #[error("There is more than one identity provider and none was chosen. Choose the one that you belong to.")]
    NoProviderChosen,
    #[error("{provider} cannot be reached: {why}. Nothing is wrong with your account. Try again in a minute; if it stays so, tell whoever runs it.")]
    ProviderDown { provider: String, why: String },
    #[error("{provider} is not set up as Windfirm needs it: {why}. Trying again will not help. Tell whoever runs Windfirm.")]
    ProviderMisconfigured { provider: String, why: String },
    #[error("The answer of the identity provider cannot be read: {why}. The address may have been cut or changed on its way. Log in again.")]
    MalformedAnswer { why: String },
    #[error(
        "This log-in was finished before, or Windfirm never began it. That happens with the back button or a kept link. Log in again; if you are logged in already, just open the page that you wanted."
    )]
    UsedOrUnknown,
    #[error("This log-in took longer than 10 minutes and has run out. Log in again.")]
    TookTooLong,
    #[error("This log-in was begun in another browser, or this one did not keep its cookie. Log in again from here, with cookies allowed for this site.")]
    OtherBrowser,
    #[error(
        "The answer came from another identity provider than the one that was asked, {provider}. It was thrown away, because that is how mix-up attacks look. Log in again; if it happens again, tell whoever runs Windfirm."
    )]
    OtherProvider { provider: String },
    #[error("{provider} did not log you in: {why}. Log in again, or ask whoever runs {provider}.")]
    RefusedByProvider { provider: String, why: String },
    #[error("{provider} did not hand over who you are: {why}. Log in again; if it stays so, tell whoever runs Windfirm.")]
    ExchangeRefused { provider: String, why: String },
    #[error("What {provider} says of you cannot be trusted: {why}. You were not logged in. Tell whoever runs Windfirm.")]
    Untrusted { provider: String, why: String },
    #[error(
        "The clocks of {provider} and of Windfirm do not agree: {why}. Trying again will not help until one of them is set right. Tell whoever runs Windfirm."
    )]
    ClocksDiffer { provider: String, why: String },
    #[error("Windfirm could not keep your log-in: {why}. Nothing is wrong with your account. Try again in a minute.")]
    Store { why: String },
    #[error("The log-in could not be put on the record, so it was not done. Nothing is wrong with your account. Try again in a minute.")]
    NotRecorded,
}

impl LoginError {
    /// A stable word for audit rows and log lines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownProvider { .. } => "unknown_provider",
            Self::NoProviderChosen => "no_provider_chosen",
            Self::ProviderDown { .. } => "provider_down",
            Self::ProviderMisconfigured { .. } => "provider_misconfigured",
            Self::MalformedAnswer { .. } => "malformed_answer",
            Self::UsedOrUnknown => "used_or_unknown",
            Self::TookTooLong => "took_too_long",
            Self::OtherBrowser => "other_browser",
            Self::OtherProvider { .. } => "other_provider",
            Self::RefusedByProvider { .. } => "refused_by_provider",
            Self::ExchangeRefused { .. } => "exchange_refused",
            Self::Untrusted { .. } => "untrusted",
            Self::ClocksDiffer { .. } => "clocks_differ",
            Self::Store { .. } => "store",
            Self::NotRecorded => "not_recorded",
        }
    }

    /// The HTTP status that says the same.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::UnknownProvider { .. } => StatusCode::NOT_FOUND,
            Self::NoProviderChosen | Self::MalformedAnswer { .. } | Self::UsedOrUnknown | Self::TookTooLong | Self::OtherBrowser => StatusCode::BAD_REQUEST,
            Self::OtherProvider { .. } | Self::RefusedByProvider { .. } | Self::Untrusted { .. } => StatusCode::FORBIDDEN,
            Self::ProviderDown { .. } | Self::Store { .. } | Self::NotRecorded => StatusCode::SERVICE_UNAVAILABLE,
            Self::ProviderMisconfigured { .. } | Self::ExchangeRefused { .. } | Self::ClocksDiffer { .. } => StatusCode::BAD_GATEWAY,
        }
    }
}

/// Text that somebody else wrote, made fit for a sentence: one line, no control or direction characters, at most 200 characters.
pub(crate) fn quoted(text: &str) -> String {
    let is_direction = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| !c.is_control() && !is_direction(*c)).take(200).collect::<String>().trim().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn foreign_text_stays_on_one_line_and_does_not_turn_around() {
        assert_eq!(quoted("no\r\nway\u{202e}.\u{2028}"), "noway");
        assert_eq!(quoted(&"x".repeat(500)).len(), 200);
    }
}
