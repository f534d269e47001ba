//! One request and its answer: time limits, bounds, the audit id, errors in words.

use std::{error::Error as _, time::Duration};

use http::{HeaderMap, HeaderValue, Request, StatusCode, header::RETRY_AFTER};
use http_body_util::{BodyExt as _, Limited};
use kube::core::Status;
use serde::de::DeserializeOwned;

use crate::{account::Account, cluster::Cluster, error::ClusterError, refusal::Refusal};

/// What a request may take from the first byte to the last of the answer.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);
/// The largest answer. Lists are read in pages, logs in parts.
const MAX_BYTES: usize = 32 << 20;
/// The longest sentence of the API server that is kept. It may quote all of an object.
const MAX_SENTENCE: usize = 2_000;

/// A request, and on whose behalf.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) request: Request<Vec<u8>>,
    /// None: as the portal itself.
    pub(crate) account: Option<&'a Account>,
    pub(crate) limit: Duration,
}

impl Call<'_> {
    pub(crate) const fn of(request: Request<Vec<u8>>) -> Self {
        Self { request, account: None, limit: LIMIT }
    }
}

/// What came back, whatever its status.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) audit_id: Option<String>,
    pub(crate) body: Vec<u8>,
    retry_after_s: Option<u64>,
}

impl Answer {
    /// Whether the API server itself says that something failed, as opposed to a service behind it.
    pub(crate) fn is_status(&self) -> bool {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Typed {
            kind: String,
            api_version: String,
        }
        serde_json::from_slice::<Typed>(&self.body).is_ok_and(|typed| typed.kind == "Status" && typed.api_version == "v1")
    }
    /// # Errors
    /// When it is not what `T` says.
    pub(crate) fn read<T: DeserializeOwned>(&self, cluster: &Cluster) -> Result<T, ClusterError> {
        // The error names a place and a kind, never what stands there.
        serde_json::from_slice(&self.body).map_err(|error| ClusterError::Unreadable {
            cluster: cluster.name().to_string(),
            why: format!("it is not what the API describes, at line {} column {}", error.line(), error.column()),
        })
    }
}

/// Sends it; an answer that is not a success is an error.
///
/// # Errors
/// All that can go wrong, in words.
pub(crate) async fn send(cluster: &Cluster, call: Call<'_>) -> Result<Answer, ClusterError> {
    let account = call.account.cloned();
    let path = call.request.uri().path().to_owned();
    let answer = exchange(cluster, call).await?;
    if answer.status.is_success() { Ok(answer) } else { Err(failure(cluster, account.as_ref(), &path, &answer)) }
}

/// Sends it; any answer is good, even a bad one.
///
/// # Errors
/// When there is none.
pub(crate) async fn exchange(cluster: &Cluster, call: Call<'_>) -> Result<Answer, ClusterError> {
    let connection = cluster.connection().await?;
    let Call { mut request, account, limit } = call;
    if let Some(account) = account {
        impersonate(request.headers_mut(), account)?;
    }
    let exchanged = tokio::time::timeout(limit, async {
        let response = connection.client.send(request.map(Into::into)).await.map_err(|error| transport(cluster, &error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_BYTES).collect().await.map_err(|error| ClusterError::Unreadable {
            cluster: cluster.name().to_string(),
            why: format!("it broke off or is larger than {} MB ({error})", MAX_BYTES >> 20),
        })?;
        Ok(Answer {
            status: head.status,
            audit_id: text_of(&head.headers, "audit-id"),
            body: body.to_bytes().to_vec(),
            retry_after_s: text_of(&head.headers, RETRY_AFTER.as_str()).and_then(|text| text.parse().ok()),
        })
    });
    let answer = exchanged.await.unwrap_or_else(|_| Err(silent(cluster, limit)));
    match &answer {
        Ok(answer) if answer.status == StatusCode::UNAUTHORIZED => {}
        Ok(_) => cluster.note_answer(),
        Err(error) => cluster.note_failure(error),
    }
    answer
}

/// The one header. With any other of its kind the API server would fall back to the verb that gives everything.
pub(crate) fn impersonate(headers: &mut HeaderMap, account: &Account) -> Result<(), ClusterError> {
    let mut user = HeaderValue::try_from(account.user()).map_err(|error| ClusterError::Request(error.to_string()))?;
    user.set_sensitive(true);
    headers.insert("impersonate-user", user);
    Ok(())
}

pub(crate) fn silent(cluster: &Cluster, limit: Duration) -> ClusterError {
    ClusterError::Unanswered { cluster: cluster.name().to_string(), why: format!("nothing came within {} seconds", limit.as_secs_f32()) }
}

fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// From a status that is no success.
pub(crate) fn failure(cluster: &Cluster, account: Option<&Account>, path: &str, answer: &Answer) -> ClusterError {
    let status = serde_json::from_slice::<Status>(&answer.body).ok().filter(|status| status.code != 0);
    let status = status.unwrap_or_else(|| Status::failure(&brief(&String::from_utf8_lossy(&answer.body)), "").with_code(answer.status.as_u16()));
    let error = of_status(cluster.name().as_str(), account, path, &status, answer.audit_id.clone(), answer.retry_after_s);
    cluster.note_failure(&error);
    error
}

/// From the API server's own account of a failure.
pub(crate) fn of_status(
    cluster: &str,
    account: Option<&Account>,
    path: &str,
    status: &Status,
    audit_id: Option<String>,
    retry_after_s: Option<u64>,
) -> ClusterError {
    let cluster = cluster.to_owned();
    let sentence = brief(&status.message);
    match (status.code, status.reason.as_str()) {
        (401, _) => ClusterError::Unauthenticated { cluster, audit_id },
        (403, _) => {
            let side = Refusal::side_of(&status.message, account);
            ClusterError::Refused(Box::new(Refusal { side, cluster, account: account.cloned(), sentence, audit_id }))
        }
        // Of an object that is missing the API server says which; of a path that it does not serve it says nothing.
        (404, "NotFound") if status.details.as_ref().is_some_and(|details| !details.name.is_empty()) => ClusterError::NotThere { cluster, sentence, audit_id },
        (404, _) => ClusterError::NoSuchKind { cluster, kind: kind_in(path) },
        (409, "AlreadyExists") => ClusterError::AlreadyThere { cluster, sentence, audit_id },
        (409, _) => ClusterError::Conflict { cluster, sentence, audit_id },
        (410, _) => ClusterError::Expired { cluster, sentence },
        (429, _) => {
            let told = status.details.as_ref().map(|details| u64::from(details.retry_after_seconds)).filter(|&seconds| seconds > 0);
            ClusterError::Throttled { cluster, retry_after_s: retry_after_s.or(told).unwrap_or(1), audit_id }
        }
        (code, _) if code >= 500 => ClusterError::Trouble { cluster, status: code, sentence, audit_id },
        _ => ClusterError::Invalid { cluster, sentence, audit_id },
    }
}

/// `/apis/k6.io/v1alpha1/namespaces/a/testruns/x` is about `testruns of k6.io/v1alpha1`.
fn kind_in(path: &str) -> String {
    let mut parts = path.trim_start_matches('/').split('/').peekable();
    let group = match parts.next() {
        Some("apis") => format!("{}/{}", parts.next().unwrap_or_default(), parts.next().unwrap_or_default()),
        _ => parts.next().unwrap_or_default().to_owned(),
    };
    if parts.next_if_eq(&"namespaces").is_some() {
        parts.next();
    }
    parts.next().map_or_else(|| group.clone(), |plural| format!("{plural} of {group}"))
}

fn brief(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    match text.char_indices().nth(MAX_SENTENCE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// No answer: was anything sent?
pub(crate) fn transport(cluster: &Cluster, error: &kube::Error) -> ClusterError {
    let name = cluster.name().to_string();
    if let Some(ours) = ours_in(error) {
        return ours.clone();
    }
    let why = in_words(error);
    if never_sent(error) { ClusterError::Unreachable { cluster: name, why } } else { ClusterError::Unanswered { cluster: name, why } }
}

/// An error of this crate, which came through kube.
fn ours_in(error: &kube::Error) -> Option<&ClusterError> {
    match error {
        kube::Error::Service(inner) => inner.downcast_ref(),
        kube::Error::ReadEvents(error) => error.get_ref()?.downcast_ref().and_then(ours_in),
        _ => None,
    }
}

fn never_sent(error: &kube::Error) -> bool {
    if matches!(error, kube::Error::Auth(_) | kube::Error::RustlsTls(_) | kube::Error::BuildRequest(_)) {
        return true;
    }
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(hyper_util::client::legacy::Error::is_connect) {
            return true;
        }
        next = error.source();
    }
    false
}

/// The last causes of an error, which are the ones that tell something.
pub(crate) fn in_words(error: &kube::Error) -> String {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    let last = causes.pop().unwrap_or_else(|| error.to_string());
    // A library's pages help nobody who reads this.
    let last = last.split_once(": https://docs.rs/").map_or(last.as_str(), |(before, _)| before).to_owned();
    if last.contains("invalid peer certificate") {
        return format!(
            "its certificate is not accepted ({last}); the certificate authority in the configuration is not the one of this cluster, or has changed"
        );
    }
    // `tcp connect error` alone says little, and `Connection refused` alone does not say of what.
    match causes.pop() {
        Some(before) if !last.contains(&before) && !before.contains(&last) => format!("{before}: {last}"),
        Some(before) if before.len() > last.len() => before,
        _ => last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: u16, reason: &str, message: &str) -> ClusterError {
        let status = Status::failure(message, reason).with_code(code);
        of_status("here", None, "/apis/k6.io/v1alpha1/namespaces/a/testruns/x", &status, Some("id".into()), None)
    }

    #[test]
    fn every_status_has_its_error() {
        assert!(matches!(told(401, "Unauthorized", "Unauthorized"), ClusterError::Unauthenticated { .. }));
        assert!(matches!(told(409, "AlreadyExists", "x"), ClusterError::AlreadyThere { .. }));
        assert!(matches!(told(409, "Conflict", "x"), ClusterError::Conflict { .. }));
        assert!(matches!(told(410, "Expired", "x"), ClusterError::Expired { .. }));
        assert!(matches!(told(429, "TooManyRequests", "x"), ClusterError::Throttled { retry_after_s: 1, .. }));
        assert!(matches!(told(400, "BadRequest", "strict decoding error"), ClusterError::Invalid { .. }));
        assert!(matches!(told(422, "Invalid", "x"), ClusterError::Invalid { .. }));
        assert!(matches!(told(413, "RequestEntityTooLarge", "x"), ClusterError::Invalid { .. }));
        assert!(matches!(told(500, "InternalError", "x"), ClusterError::Trouble { status: 500, .. }));
        assert!(matches!(told(503, "ServiceUnavailable", "x"), ClusterError::Trouble { .. }));
        let error = told(404, "", "404 page not found");
        assert_eq!(error, ClusterError::NoSuchKind { cluster: "here".into(), kind: "testruns of k6.io/v1alpha1".into() });
    }

    #[test]
    fn errors_carry_the_audit_id_and_say_whether_to_try_again() {
        assert_eq!(told(422, "Invalid", "x").audit_id(), Some("id"));
        assert_eq!(told(403, "Forbidden", "x").audit_id(), Some("id"));
        assert!(told(500, "InternalError", "x").is_passing() && told(500, "InternalError", "x").may_have_happened());
        assert!(!told(422, "Invalid", "x").is_passing());
        assert!(!told(429, "TooManyRequests", "x").may_have_happened());
    }

    #[test]
    fn a_sentence_does_not_grow_without_bound() {
        assert_eq!(brief(&"é".repeat(5_000)).chars().count(), MAX_SENTENCE + 1);
    }

    #[test]
    fn only_the_user_is_impersonated() {
        let mut headers = HeaderMap::new();
        headers.insert("impersonate-user", HeaderValue::from_static("system:admin"));
        impersonate(&mut headers, &"a/b".parse().unwrap()).unwrap();
        assert_eq!(headers.len(), 1);
        assert_eq!(headers["impersonate-user"], "system:serviceaccount:a:b");
        assert!(!format!("{headers:?}").contains("system:serviceaccount"));
    }
}
