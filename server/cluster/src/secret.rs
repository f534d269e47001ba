//! One key of a Secret, read as the portal's own account: what the configuration names by `secretRef`.
//!
//! Both the first reading and the watch name the Secret by a field selector. So rights on that one name are enough (`list` and `watch` with
//! `resourceNames`), and there is no call here for which the portal would need a wider one.
//!
//! Values never reach a `Debug` or an error. What an error tells is where, and the names of keys.

use std::{collections::BTreeMap, fmt, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::Request;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use crate::{
    account::{is_label, is_subdomain},
    call::{self, Answer, Call},
    cluster::Cluster,
    error::ClusterError,
    kind::Kind,
    watch::{Snapshot, Watch, WatchSettings, Watched, Watcher, watch},
};

/// The longest name of a key that Kubernetes takes.
const MAX_KEY: usize = 253;

/// Where a secret stands in a cluster. Its parts can stand in a path and in a selector as they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretRef {
    namespace: String,
    name: String,
    key: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSecretRef {
    #[error("“{0}” is no namespace. Use small letters, digits and dashes, at most 63.")]
    Namespace(String),
    #[error("“{0}” cannot name a Secret. Use small letters, digits, dots and dashes.")]
    Name(String),
    #[error("“{0}” cannot be a key of a Secret. Use letters, digits, “.”, “-” and “_”.")]
    Key(String),
}

impl SecretRef {
    /// # Errors
    /// When Kubernetes would not take one of the names.
    pub fn new(namespace: &str, name: &str, key: &str) -> Result<Self, BadSecretRef> {
        if !is_label(namespace) {
            return Err(BadSecretRef::Namespace(namespace.to_owned()));
        }
        if !is_subdomain(name) {
            return Err(BadSecretRef::Name(name.to_owned()));
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if key.is_empty() || key.len() > MAX_KEY || !key.bytes().all(allowed) {
            return Err(BadSecretRef::Key(key.to_owned()));
        }
        Ok(Self { namespace: namespace.to_owned(), name: name.to_owned(), key: key.to_owned() })
    }
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
    fn selector(&self) -> String {
        format!("metadata.name={}", self.name)
    }
    /// Of the Secret in lists and watches, with further parameters.
    fn path(&self, more: &[(&str, &str)]) -> String {
        let query = Serializer::new(String::new()).append_pair("fieldSelector", &self.selector()).extend_pairs(more).finish();
        format!("{}?{query}", Kind::SECRET.path(Some(&self.namespace)))
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {} of Secret {}/{}", self.key, self.namespace, self.name)
    }
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    #[error("There is no Secret {}/{} in cluster {cluster}. Make it, or name another one in secretRef.", at.namespace, at.name)]
    NoSecret { cluster: String, at: SecretRef },
    #[error("Secret {}/{} in cluster {cluster} has no key {}; {}. Add it, or name another one in secretRef.", at.namespace, at.name, at.key, in_words(keys))]
    NoKey { cluster: String, at: SecretRef, keys: Vec<String> },
    #[error("The {at} in cluster {cluster} is empty. Put the value there.")]
    Empty { cluster: String, at: SecretRef },
    #[error("The {at} in cluster {cluster} is no text in UTF-8, and a text is needed. Put it there as it is; kubectl and the API server do the base64.")]
    NotText { cluster: String, at: SecretRef },
    #[error("Secret {}/{} in cluster {cluster} cannot be read: {why}.", at.namespace, at.name)]
    Unreadable { cluster: String, at: SecretRef, why: String },
}

fn in_words(keys: &[String]) -> String {
    if keys.is_empty() { "it has none at all".to_owned() } else { format!("it has {}", keys.join(", ")) }
}

impl SecretError {
    /// Whether trying again later may help, without anybody mending anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Cluster(error) if error.is_passing() && !matches!(error, ClusterError::Unauthenticated { .. }))
    }
}

/// What a Secret holds, in the base64 that the API server sends.
#[derive(Deserialize)]
pub struct SecretData {
    #[serde(default)]
    data: Option<BTreeMap<String, String>>,
}

impl fmt::Debug for SecretData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretData").field("keys", &self.keys()).finish_non_exhaustive()
    }
}

impl Watched for SecretData {
    const KIND: Kind = Kind::SECRET;
}

impl SecretData {
    fn keys(&self) -> Vec<String> {
        self.data.iter().flatten().map(|(key, _)| key.clone()).collect()
    }
    /// The text of a key, without the line breaks at its end that a file would have too.
    fn text(&self, cluster: &str, at: &SecretRef) -> Result<String, SecretError> {
        let (cluster, at) = (|| cluster.to_owned(), || at.clone());
        let encoded = self.data.as_ref().and_then(|data| data.get(&at().key));
        let encoded = encoded.ok_or_else(|| SecretError::NoKey { cluster: cluster(), at: at(), keys: self.keys() })?;
        let bytes =
            BASE64_STANDARD.decode(encoded).map_err(|_| SecretError::Unreadable { cluster: cluster(), at: at(), why: "it is not base64".to_owned() })?;
        let text = String::from_utf8(bytes).map_err(|_| SecretError::NotText { cluster: cluster(), at: at() })?;
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() { Err(SecretError::Empty { cluster: cluster(), at: at() }) } else { Ok(text.to_owned()) }
    }
}

/// Reads it once. The value is for whoever needs it, and for nobody to print.
///
/// # Errors
/// All that can go wrong, in words.
pub async fn read_secret(cluster: &Cluster, at: &SecretRef) -> Result<String, SecretError> {
    #[derive(Deserialize)]
    struct List {
        items: Vec<SecretData>,
    }
    let list: List = get(cluster, &at.path(&[])).await?.read(cluster)?;
    let name = cluster.name().as_str();
    list.items.first().ok_or_else(|| SecretError::NoSecret { cluster: name.to_owned(), at: at.clone() })?.text(name, at)
}

/// Tries for a second whether it may be watched, for whoever checks a configuration: reading alone does not show it.
///
/// # Errors
/// All that can go wrong, in words.
pub async fn try_watch_of_secret(cluster: &Cluster, at: &SecretRef) -> Result<(), SecretError> {
    get(cluster, &at.path(&[("watch", "true"), ("timeoutSeconds", "1")])).await?;
    Ok(())
}

async fn get(cluster: &Cluster, path: &str) -> Result<Answer, ClusterError> {
    let request = Request::get(path).body(Vec::new()).map_err(|error| ClusterError::Request(error.to_string()))?;
    call::send(cluster, Call::of(request)).await
}

/// A watch of the one Secret. Nothing happens before the watcher is run.
#[must_use]
pub fn watch_secret(cluster: Arc<Cluster>, at: &SecretRef) -> (Watcher<SecretData>, Watch<SecretData>) {
    watch(cluster, WatchSettings { namespace: Some(at.namespace.clone()), fields: Some(at.selector()), ..WatchSettings::default() })
}

/// What such a watch knows; nothing before the first list was read to its end. Like the watch, it keeps what it knew while the cluster is
/// away.
#[must_use]
pub fn secret_in(snapshot: &Snapshot<SecretData>, cluster: &str, at: &SecretRef) -> Option<Result<String, SecretError>> {
    snapshot.complete_since?;
    let found = snapshot.objects.iter().find(|(name, _)| name.name == at.name).map(|(_, object)| &object.view);
    Some(match found {
        None => Err(SecretError::NoSecret { cluster: cluster.to_owned(), at: at.clone() }),
        Some(Err(why)) => Err(SecretError::Unreadable { cluster: cluster.to_owned(), at: at.clone(), why: why.clone() }),
        Some(Ok(data)) => data.text(cluster, at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(key: &str) -> SecretRef {
        SecretRef::new("windfirm", "oidc.client", key).unwrap()
    }

    fn text(json: &str, key: &str) -> Result<String, SecretError> {
        serde_json::from_str::<SecretData>(json).unwrap().text("home", &at(key))
    }

    #[test]
    fn a_value_is_taken_out_of_its_base64_without_the_line_break_of_whoever_typed_it() {
        assert_eq!(text(r#"{"data":{"a":"b3BlbiBzZXNhbWU="}}"#, "a"), Ok("open sesame".into()));
        assert_eq!(text(r#"{"data":{"a":"b3BlbiBzZXNhbWUK"}}"#, "a"), Ok("open sesame".into()));
    }

    #[test]
    fn what_is_wrong_is_told_by_place_and_never_by_value() {
        for (json, key, told) in [
            (r#"{"data":{"one":"aHVudGVyMg==","two":"aHVudGVyMg=="}}"#, "a", "Secret windfirm/oidc.client in cluster home has no key a; it has one, two."),
            (r#"{"data":null}"#, "a", "has no key a; it has none at all."),
            ("{}", "a", "has no key a; it has none at all."),
            (r#"{"data":{"a":""}}"#, "a", "The key a of Secret windfirm/oidc.client in cluster home is empty."),
            (r#"{"data":{"a":"Cg=="}}"#, "a", "is empty."),
            (r#"{"data":{"a":"//79"}}"#, "a", "is no text in UTF-8"),
            (r#"{"data":{"a":"hunter2?"}}"#, "a", "it is not base64"),
        ] {
            let error = text(json, key).unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
            assert!(!error.is_passing() && !format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn what_was_read_shows_its_keys_only() {
        let data: SecretData = serde_json::from_str(r#"{"data":{"password":"aHVudGVyMg=="}}"#).unwrap();
        assert_eq!(format!("{data:?}"), r#"SecretData { keys: ["password"], .. }"#);
    }

    #[test]
    fn nothing_else_gets_into_a_path_or_a_selector() {
        for (namespace, name, key, wrong) in [
            ("a.b", "a", "a", "namespace"),
            ("", "a", "a", "namespace"),
            ("a", "../a", "a", "Secret"),
            ("a", "a,metadata.name=b", "a", "Secret"),
            ("a", "a", "", "key"),
            ("a", "a", "a/b", "key"),
        ] {
            let error = SecretRef::new(namespace, name, key).unwrap_err();
            assert!(error.to_string().contains(wrong), "{error}");
        }
        assert!(SecretRef::new("a", "a.b-c", "tls.crt_X").is_ok());
    }
}
