//! The two cookies of the door: one per login under way, and one per log-out at the provider.
//!
//! A login's cookie holds a random secret and binds the login to this browser. Its name carries the first digits of the state's hash, so
//! that two tabs do not take each other's. `SameSite=Lax`, because the browser comes back from another site.

use sha2::{Digest, Sha256};

/// The cookies of a browser with this much under way are tidied up.
const MAX_UNDER_WAY: usize = 5;

/// Names and attributes, decided by whether the portal is on https.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jar {
    pub(crate) is_https: bool,
}

impl Jar {
    fn prefix(self) -> &'static str {
        // `__Host-` demands https; a plain name is for http on loopback only.
        if self.is_https { "__Host-windfirm-login-" } else { "windfirm-login-" }
    }
    /// The name of the cookie that holds the state of a log-out.
    pub(crate) fn logout_name(self) -> &'static str {
        if self.is_https { "__Host-windfirm-logout" } else { "windfirm-logout" }
    }
    /// The name of the cookie of the login with this state.
    pub(crate) fn login_name(self, state_hash: &str) -> String {
        format!("{}{}", self.prefix(), state_hash.get(..12).unwrap_or(state_hash))
    }
    /// A `Set-Cookie` value.
    pub(crate) fn set(self, name: &str, value: &str, max_age_s: i64) -> String {
        let secure = if self.is_https { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_s}{secure}")
    }
    /// A `Set-Cookie` value that removes it.
    pub(crate) fn remove(self, name: &str) -> String {
        self.set(name, "", 0)
    }
    /// Removes all logins under way when there are too many of them, so that the request header does not grow without end.
    pub(crate) fn tidy(self, header: &str) -> Vec<String> {
        let names: Vec<&str> = pairs(header).map(|(name, _)| name).filter(|name| name.starts_with(self.prefix())).collect();
        if names.len() < MAX_UNDER_WAY { Vec::new() } else { names.into_iter().map(|name| self.remove(name)).collect() }
    }
}

/// The value of the cookie `name`. Two of the same name are none: one of them is not ours.
pub(crate) fn value<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let mut found = pairs(header).filter(|(other, _)| *other == name);
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Some(value),
        _ => None,
    }
}

fn pairs(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header.split(';').filter_map(|pair| pair.trim().split_once('='))
}

/// SHA-256 as 64 hexadecimal digits.
pub(crate) fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_given_twice_is_not_believed() {
        assert_eq!(value("a=1; b=2", "b"), Some("2"));
        assert_eq!(value("a=1; a=2", "a"), None);
        assert_eq!(value("", "a"), None);
    }

    #[test]
    fn on_https_a_cookie_belongs_to_this_host_alone() {
        let jar = Jar { is_https: true };
        assert_eq!(
            jar.set(&jar.login_name("0123456789abcdef"), "v", 600),
            "__Host-windfirm-login-0123456789ab=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=600; Secure"
        );
    }

    #[test]
    fn logins_never_finished_do_not_pile_up() {
        let jar = Jar { is_https: false };
        let header = (0..6).map(|n| format!("windfirm-login-{n}=x")).collect::<Vec<_>>().join("; ");
        assert_eq!(jar.tidy(&header).len(), 6);
        assert!(jar.tidy("windfirm-login-1=x; other=y").is_empty());
    }
}
