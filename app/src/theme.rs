//! Light, dark or as the system says: a cookie and a plain form, so that it works without script and without a flash.
//!
//! The server sets the cookie on `POST /theme` and the shell writes it as `data-theme` on the root element.

/// The cookie that remembers the choice. Holds a word of [`Theme`]; not secret, readable by nobody but the server.
pub const COOKIE: &str = "windfirm_theme";
/// The form field of `POST /theme` that holds a word of [`Theme`].
pub const FIELD: &str = "theme";
/// The form field of `POST /theme` that says where to go afterwards: only ever a path of our own.
pub const BACK_FIELD: &str = "to";

/// What somebody chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// The word in the cookie and in the form.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.word() == word)
    }

    /// The value of `data-theme`; absent means that the system decides.
    #[must_use]
    pub const fn attribute(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light | Self::Dark => Some(self.word()),
        }
    }

    /// The choice in a `Cookie` header; anything unknown is the system's.
    #[must_use]
    pub fn of_cookies(header: &str) -> Self {
        header
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == COOKIE)
            .and_then(|(_, word)| Self::parse(word))
            .unwrap_or_default()
    }

    /// The `Set-Cookie` value that remembers this choice for a year, or forgets it.
    #[must_use]
    pub fn set_cookie(self) -> String {
        let age_s = if self == Self::System { 0 } else { 31_536_000 };
        format!("{COOKIE}={}; Path=/; Max-Age={age_s}; SameSite=Lax; HttpOnly", self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_is_found_among_other_cookies() {
        assert_eq!(Theme::of_cookies("a=b; windfirm_theme=dark; c=d"), Theme::Dark);
        assert_eq!(Theme::of_cookies("a=b"), Theme::System);
        assert_eq!(Theme::of_cookies("windfirm_theme=<script>"), Theme::System);
        assert!(Theme::Light.set_cookie().starts_with("windfirm_theme=light; Path=/; Max-Age=31536000"));
        assert!(Theme::System.set_cookie().contains("Max-Age=0"));
    }
}
