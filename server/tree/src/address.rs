//! Which spellings of a repository's address mean the same repository.
//!
//! Pure. Manifests, remotes and the configuration name one repository in many ways: over https or ssh, with or without `.git`.
//! Two spellings are one if host, port and path agree; who asks, and by which of the usual ways, does not matter.

use std::fmt;

/// An address without what does not tell repositories apart, such as `git.example.org/shop/deploy`. Holds no user and no password.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address(String);

impl Address {
    /// `None` for what names no repository at all.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        // Argo CD compares addresses without regard to case too (its NormalizeGitURL).
        let text = text.trim().to_lowercase();
        let plain = if let Some((scheme, rest)) = text.split_once("://") {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = host(authority, default_port(scheme));
            if host.is_empty() { format!("/{}", path_of(path)) } else { format!("{host}/{}", path_of(path)) }
        } else {
            match text.split_once(':') {
                // `git@host:path`; a colon behind a slash belongs to a path on the disk.
                Some((before, path)) if !before.contains('/') => format!("{}/{}", host(before, ""), path_of(path)),
                _ if text.starts_with('/') => format!("/{}", path_of(&text)),
                _ => path_of(&text).to_owned(),
            }
        };
        (!plain.trim_matches('/').is_empty()).then_some(Self(plain))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The address as it is written, without the user and password that an address over http may carry: for pages.
#[must_use]
pub fn shown(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://").filter(|(scheme, _)| scheme.to_lowercase().starts_with("http")) else { return text.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    authority.rsplit_once('@').map_or_else(|| text.to_owned(), |(_, host)| format!("{scheme}://{host}{path}"))
}

fn default_port(scheme: &str) -> &'static str {
    match scheme {
        "https" => ":443",
        "http" => ":80",
        "ssh" | "git+ssh" | "ssh+git" => ":22",
        "git" => ":9418",
        _ => "",
    }
}

fn host<'a>(authority: &'a str, default_port: &str) -> &'a str {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Some(default_port).filter(|port| !port.is_empty()).and_then(|port| host.strip_suffix(port)).unwrap_or(host)
}

fn path_of(path: &str) -> &str {
    let path = path.trim_matches('/');
    path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_spelling_of_one_repository_is_the_same() {
        let spellings = [
            "https://git.example.org/shop/deploy.git",
            "https://git.example.org/shop/deploy",
            "https://git.example.org/shop/deploy/",
            "https://git.example.org:443/shop/deploy.git/",
            "http://GIT.example.org/Shop/deploy.git",
            "https://robot:secret@git.example.org/shop/deploy.git",
            "ssh://git@git.example.org/shop/deploy.git",
            "ssh://git@git.example.org:22/shop/deploy",
            "git@git.example.org:shop/deploy.git",
            "git@git.example.org:/shop/deploy",
            "git.example.org:shop/deploy.git",
            " git://git.example.org/shop/deploy ",
        ];
        for spelling in spellings {
            assert_eq!(Address::read(spelling).unwrap().to_string(), "git.example.org/shop/deploy", "{spelling}");
        }
    }

    #[test]
    fn other_repositories_stay_others() {
        let ours = Address::read("https://git.example.org/shop/deploy.git");
        for other in [
            "https://git.example.org/shop/deploy2.git",
            "https://git.example.org/deploy.git",
            "https://git.example.com/shop/deploy.git",
            "https://git.example.org:8443/shop/deploy.git",
            // Whatever stands behind an @ in the path is no host.
            "https://evil.example/x@git.example.org/shop/deploy.git",
            "evil.example:x@git.example.org/shop/deploy.git",
            "/git.example.org/shop/deploy.git",
            "./git.example.org:shop/deploy",
        ] {
            assert_ne!(Address::read(other), ours, "{other}");
        }
        assert_eq!(Address::read("file:///srv/deploy.git"), Address::read("/srv/deploy"));
        for nothing in ["", "  ", "/", "https://", ".git"] {
            assert_eq!(Address::read(nothing), None, "{nothing}");
        }
    }
}
