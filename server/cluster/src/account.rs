//! A service account, by namespace and name.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A service account of a cluster. Written `namespace/name`, as in policies. Both parts are names that Kubernetes would take, so that
/// they can stand in a path and in a header as they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Account {
    namespace: String,
    name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” names no service account. Write namespace/name, in the small letters, digits, dots and dashes that Kubernetes allows.")]
pub struct BadAccount(String);

impl Account {
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
    /// The user that the API server knows it as.
    #[must_use]
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }
}

impl FromStr for Account {
    type Err = BadAccount;
    fn from_str(text: &str) -> Result<Self, BadAccount> {
        match text.split_once('/') {
            Some((namespace, name)) if is_label(namespace) && is_subdomain(name) => Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() }),
            _ => Err(BadAccount(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Account {
    type Error = BadAccount;
    fn try_from(text: String) -> Result<Self, BadAccount> {
        text.parse()
    }
}

impl From<Account> for String {
    fn from(account: Account) -> Self {
        account.to_string()
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// RFC 1123: a namespace, a service.
pub(crate) fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_part(text)
}

/// RFC 1123: names of nearly everything.
pub(crate) fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_part)
}

fn is_part(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_and_named_as_the_api_server_names_it() {
        let account: Account = "shop-dev/loadtest".parse().unwrap();
        assert_eq!((account.namespace(), account.name()), ("shop-dev", "loadtest"));
        assert_eq!(account.user(), "system:serviceaccount:shop-dev:loadtest");
        assert_eq!(account.to_string(), "shop-dev/loadtest");
    }

    #[test]
    fn nothing_else_gets_into_a_header_or_a_path() {
        for wrong in ["", "loadtest", "a/", "/b", "a/b/c", "a/B", "a.b/c", "a/b\r\nImpersonate-Group: x", "a/..", "a/-b", "a/b:c"] {
            assert!(wrong.parse::<Account>().is_err(), "{wrong}");
        }
    }
}
