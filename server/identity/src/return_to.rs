//! Where to go after a login: only ever one of our own paths, else `/`.

use url::Url;

/// The longest path that is remembered, in bytes.
const MAX_BYTES: usize = 2_000;

/// The door itself: coming back here would go round in circles, or log out again.
const DOOR: [&str; 3] = ["/login", "/logout", "/logged-out"];

/// `text` if it is a path of ours (with its query), else `/`.
#[must_use]
pub fn own_path(text: &str) -> String {
    checked(text).unwrap_or_else(|| "/".to_owned())
}

fn checked(text: &str) -> Option<String> {
    // Only visible ASCII: browsers drop tabs and line ends, and take “\” for “/”.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if text.len() > MAX_BYTES || !is_plain || !starts_with_one_slash(text) {
        return None;
    }
    // A URL is resolved as a browser does it; what leaves this host, or would when resolved once more, is not ours.
    let ours = Url::parse("https://windfirm.invalid/").ok()?;
    let there = ours.join(text).ok()?;
    let path = there.path();
    let decoded = path.to_ascii_lowercase().replace("%2f", "/").replace("%5c", "\\");
    let is_ours = there.origin() == ours.origin() && starts_with_one_slash(path) && starts_with_one_slash(&decoded) && !has_encoded_control(path);
    let is_door = DOOR.iter().any(|door| path == *door || path.strip_prefix(door).is_some_and(|rest| rest.starts_with('/')));
    if !is_ours || is_door || path.starts_with("/api/") {
        return None;
    }
    Some(there.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}")))
}

fn starts_with_one_slash(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next() == Some(b'/') && !matches!(bytes.next(), Some(b'/' | b'\\'))
}

/// `%00`–`%1f` and `%7f`: no path of ours has them.
fn has_encoded_control(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    lower.split('%').skip(1).any(|rest| rest.starts_with('0') || rest.starts_with('1') || rest.starts_with("7f"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn our_own_paths_come_back_as_they_are() {
        for path in ["/", "/tree", "/apps/shop/payments/", "/runs?state=failed&page=2", "/launch?path=/shop/payments/&test=smoke", "/loginless", "/apps/a%20b/"]
        {
            assert_eq!(own_path(path), path);
        }
        assert_eq!(own_path("/runs#part"), "/runs", "the part after “#” stays in the browser");
    }

    #[test]
    fn everything_else_leads_home() {
        let corpus = [
            "",
            "//evil",
            "///evil",
            "/\\evil",
            "\\/evil",
            "\\\\evil",
            "/%2f%2fevil",
            "/%2F/evil",
            "/%5cevil",
            "/%5C%5Cevil",
            "https:evil",
            "https://evil",
            "HTTPS://evil/",
            "\t//evil",
            "/\t/evil",
            "/\n/evil",
            "/\r\nSet-Cookie: a=b",
            " /tree",
            "/tree ",
            "javascript:alert(1)",
            "data:text/html,x",
            "/..//evil",
            "/.//evil",
            "/a/..//evil",
            "/a/../..//evil",
            "/%2e%2e//evil",
            "/tree\0",
            "/tree%00",
            "/tree%0d%0aX: y",
            "/tree%7F",
            "tree",
            "evil.example",
            "@evil",
            "/\u{2f}\u{2f}evil",
            "/ä",
            "/\u{202e}x",
            "/login",
            "/login/",
            "/login?return_to=/login",
            "/login/demo/callback?code=x",
            "/logout",
            "/logged-out",
            "/a/../logout",
            "/api/fn/launch",
            "?x",
            "#x",
        ];
        for text in corpus {
            assert_eq!(own_path(text), "/", "{text:?}");
        }
        assert_eq!(own_path(&format!("/{}", "x".repeat(5_000))), "/");
    }

    proptest! {
        #[test]
        fn whatever_comes_in_a_browser_stays_here(text in "[/\\\\.%25cefFE:@?#a-z\t\n ]{0,24}") {
            let here = Url::parse("https://portal.example/login/x/callback").unwrap();
            let out = own_path(&text);
            let there = here.join(&out).unwrap();
            prop_assert_eq!(there.origin(), here.origin());
            prop_assert!(!there.path().starts_with("//"), "{} -> {}", text, out);
            prop_assert_eq!(own_path(&out), out, "checking twice changes nothing");
        }
    }
}
