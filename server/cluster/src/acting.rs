//! Acting as a service account: the verbs that runs need, each one request with the account's name on it.
//!
//! Names and paths are checked before they become part of an address, so that nothing that comes from outside can lead a request elsewhere.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use http::{
    Method, Request,
    header::{ACCEPT, CONTENT_TYPE},
    request::Builder,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;
use windfirm_model::id::OperationId;
use windfirm_policy::Permit;

use crate::{
    account::{Account, is_label, is_subdomain},
    call::{self, Answer, Call, LIMIT},
    cluster::Cluster,
    error::ClusterError,
    gateway::Gateway,
    kind::Kind,
    secret_facts::{METADATA_ONLY, SecretFacts},
    watch::{ActingAs, Changes, follow},
};

/// Who wrote a field, in the API server's records.
const MANAGER: &str = "windfirm";
/// Objects per page of a list.
const PAGE: usize = 250;
/// Pages of a list before it is taken for endless.
const MAX_PAGES: usize = 40;

/// The account of one permit in one cluster. All it does stays in the account's namespace, and each call asks again whether the account
/// is still there and the same.
#[derive(Debug)]
pub struct Acting<'p, A> {
    gateway: Gateway,
    permit: &'p Permit<A>,
    account: Account,
    uid: String,
}

/// What was done, and the name of the request in the API server's audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done<T> {
    pub object: T,
    pub audit_id: Option<String>,
}

/// Which objects of a kind, in Kubernetes' own syntax (`run=x,app in (a, b)`). Empty: all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    pub labels: String,
    pub fields: String,
}

/// Which part of a container's log. Bounded, whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPart {
    pub container: Option<String>,
    /// The last lines; none for the first ones, up to `limit_bytes`.
    pub tail_lines: Option<u32>,
    pub limit_bytes: u32,
    /// With the time of each line in front.
    pub timestamps: bool,
    /// From this moment on (RFC 3339, whole seconds: a node knows no smaller ones).
    pub since: Option<String>,
}

/// What a pod answered through the service proxy, whatever it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxied {
    pub status: u16,
    pub body: Vec<u8>,
    pub audit_id: Option<String>,
}

// Queries are put together here and not where they are sent: a serializer that lives on while somebody waits cannot go to another thread.
impl LogPart {
    fn query(&self) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("limitBytes", &self.limit_bytes.to_string());
        if let Some(container) = &self.container {
            query.append_pair("container", container);
        }
        if let Some(lines) = self.tail_lines {
            query.append_pair("tailLines", &lines.to_string());
        }
        if let Some(since) = &self.since {
            query.append_pair("sinceTime", since);
        }
        if self.timestamps {
            query.append_pair("timestamps", "true");
        }
        query.finish()
    }
}

impl Selector {
    #[must_use]
    pub fn labels(labels: impl Into<String>) -> Self {
        Self { labels: labels.into(), fields: String::new() }
    }
    fn page(&self, next: &str) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("limit", &PAGE.to_string());
        for (key, value) in [("continue", next), ("labelSelector", &self.labels), ("fieldSelector", &self.fields)] {
            if !value.is_empty() {
                query.append_pair(key, value);
            }
        }
        query.finish()
    }
}

impl<'p, A> Acting<'p, A> {
    pub(crate) const fn new(gateway: Gateway, permit: &'p Permit<A>, account: Account, uid: String) -> Self {
        Self { gateway, permit, account, uid }
    }
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }
    /// Of the account as it was when this began. Keep it with what is begun, and give it to [`Acting::insist_on`] when that is gone on with.
    #[must_use]
    pub fn account_uid(&self) -> &str {
        &self.uid
    }
    #[must_use]
    pub const fn permit(&self) -> &'p Permit<A> {
        self.permit
    }
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.gateway.cluster
    }
    /// Goes on only as the account that was begun with.
    ///
    /// # Errors
    /// [`ClusterError::OtherAccount`] when it was deleted and made again since.
    pub fn insist_on(self, uid: &str) -> Result<Self, ClusterError> {
        if self.uid == uid { Ok(self) } else { Err(ClusterError::OtherAccount { cluster: self.cluster_name(), account: self.account }) }
    }
    /// Creates an object. Its `apiVersion`, `kind` and namespace are filled in; a field that the cluster does not know is an error.
    ///
    /// # Errors
    /// [`ClusterError::AlreadyThere`] when the name is taken; all else that can go wrong.
    pub async fn create<T: DeserializeOwned>(&self, kind: Kind, object: &impl Serialize) -> Result<Done<T>, ClusterError> {
        let mut object = serde_json::to_value(object).map_err(|error| wrong(&error))?;
        self.address(kind, &mut object)?;
        let path = format!("{}?{}", kind.path(Some(self.account.namespace())), written(&mut Serializer::new(String::new())));
        self.object(Method::POST, &path, "application/json", serde_json::to_vec(&object).map_err(|error| wrong(&error))?).await
    }
    /// # Errors
    /// [`ClusterError::NotThere`], and all else that can go wrong.
    pub async fn get<T: DeserializeOwned>(&self, kind: Kind, name: &str) -> Result<Done<T>, ClusterError> {
        self.object(Method::GET, &self.path_of(kind, name)?, "", Vec::new()).await
    }
    /// How old a Secret is, and what last changed it: only its metadata is asked for.
    ///
    /// # Errors
    /// [`ClusterError::NotThere`], and all else that can go wrong.
    pub async fn secret_facts(&self, name: &str) -> Result<SecretFacts, ClusterError> {
        let path = self.path_of(Kind::SECRET, name)?;
        let request = self.request(Method::GET, &path).header(ACCEPT, METADATA_ONLY);
        let answer = self.exchange(request.body(Vec::new()).map_err(|error| wrong(&error))?).await?;
        if !answer.status.is_success() {
            return Err(call::failure(self.cluster(), Some(&self.account), &path, &answer));
        }
        SecretFacts::read(&answer.body).map_err(|why| ClusterError::Unreadable { cluster: self.cluster_name(), why })
    }
    /// All objects that are selected, page by page.
    ///
    /// # Errors
    /// All that can go wrong; then nothing is given of what was read so far.
    pub async fn list<T: DeserializeOwned>(&self, kind: Kind, selector: &Selector) -> Result<Vec<T>, ClusterError> {
        #[derive(serde::Deserialize)]
        #[serde(bound = "T: DeserializeOwned")]
        struct Page<T> {
            #[serde(default)]
            metadata: PageMetadata,
            items: Vec<T>,
        }
        #[derive(Default, serde::Deserialize)]
        struct PageMetadata {
            #[serde(rename = "continue", default)]
            next: String,
        }
        let mut items = Vec::new();
        let mut next = String::new();
        for _ in 0..MAX_PAGES {
            let path = format!("{}?{}", kind.path(Some(self.account.namespace())), selector.page(&next));
            let page: Page<T> = self.object(Method::GET, &path, "", Vec::new()).await?.object;
            items.extend(page.items);
            next = page.metadata.next;
            if next.is_empty() {
                return Ok(items);
            }
        }
        Err(ClusterError::Unreadable { cluster: self.cluster_name(), why: format!("a list of {kind} has more than {} objects", PAGE * MAX_PAGES) })
    }
    /// Merges `change` into an object (RFC 7386). A field that the cluster does not know is an error.
    ///
    /// # Errors
    /// All that can go wrong.
    pub async fn merge<T: DeserializeOwned>(&self, kind: Kind, name: &str, change: &impl Serialize) -> Result<Done<T>, ClusterError> {
        let path = format!("{}?{}", self.path_of(kind, name)?, written(&mut Serializer::new(String::new())));
        self.object(Method::PATCH, &path, "application/merge-patch+json", serde_json::to_vec(change).map_err(|error| wrong(&error))?).await
    }
    /// Deletes an object, and what it owns in the background. With `uid`, only that very object.
    ///
    /// # Errors
    /// [`ClusterError::NotThere`] when it is gone already, [`ClusterError::Conflict`] when the uid is another, and all else that can go wrong.
    pub async fn delete(&self, kind: Kind, name: &str, uid: Option<&str>) -> Result<Done<()>, ClusterError> {
        let mut options = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background" });
        if let (Some(uid), Value::Object(options)) = (uid, &mut options) {
            options.insert("preconditions".to_owned(), json!({ "uid": uid }));
        }
        let body = serde_json::to_vec(&options).map_err(|error| wrong(&error))?;
        let answer = self.send(Method::DELETE, &self.path_of(kind, name)?, "application/json", body).await?;
        Ok(Done { object: (), audit_id: answer.audit_id })
    }
    /// Part of the log of a pod. What is not UTF-8 in it is replaced.
    ///
    /// # Errors
    /// All that can go wrong; [`ClusterError::Invalid`] while the container has not started.
    pub async fn pod_log(&self, pod: &str, part: &LogPart) -> Result<Done<String>, ClusterError> {
        let path = format!("{}/log?{}", self.path_of(Kind::POD, pod)?, part.query());
        let answer = self.send(Method::GET, &path, "", Vec::new()).await?;
        Ok(Done { object: String::from_utf8_lossy(&answer.body).into_owned(), audit_id: answer.audit_id })
    }
    /// GET through the API server to a port of a service.
    ///
    /// # Errors
    /// When the API server itself refuses or cannot reach it. What the service answers is no error.
    pub async fn get_from_service(&self, service: &str, port: u16, path: &str) -> Result<Proxied, ClusterError> {
        self.through_service(Method::GET, service, port, path, Vec::new()).await
    }
    /// PATCH with JSON through the API server to a port of a service: how k6 is told to stop.
    ///
    /// # Errors
    /// As [`Acting::get_from_service`].
    pub async fn patch_service(&self, service: &str, port: u16, path: &str, body: &impl Serialize) -> Result<Proxied, ClusterError> {
        self.through_service(Method::PATCH, service, port, path, serde_json::to_vec(body).map_err(|error| wrong(&error))?).await
    }
    /// What is there of a kind, and then every change. It can outlive the permit: whoever reads it decides for how long, and the API server,
    /// which is asked again every 15 seconds.
    ///
    /// # Errors
    /// When the cluster cannot be used at all. What goes wrong later comes in the stream.
    pub async fn watch<T>(&self, kind: Kind, selector: &Selector) -> Result<Changes<T>, ClusterError>
    where
        T: DeserializeOwned + fmt::Debug + Send + Sync + 'static,
    {
        let who = ActingAs { gateway: self.gateway.clone(), account: self.account.clone(), uid: self.uid.clone() };
        follow(who, kind, selector).await
    }

    async fn through_service(&self, method: Method, service: &str, port: u16, path: &str, body: Vec<u8>) -> Result<Proxied, ClusterError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte);
        if !is_label(service) || !path.starts_with('/') || !path.bytes().all(plain) {
            return Err(ClusterError::Request(format!("“{service}:{port}{path}” is not a service and a path in it")));
        }
        let path = format!("{}/{service}:{port}/proxy{path}", Kind::SERVICE.path(Some(self.account.namespace())));
        let answer = self.ask(method, &path, if body.is_empty() { "" } else { "application/json" }, body).await?;
        // The service may answer with any status. What the API server says itself is a Status object.
        let ours = !answer.status.is_success() && answer.is_status();
        if ours {
            return Err(call::failure(self.cluster(), Some(&self.account), &path, &answer));
        }
        Ok(Proxied { status: answer.status.as_u16(), body: answer.body, audit_id: answer.audit_id })
    }
    async fn object<T: DeserializeOwned>(&self, method: Method, path: &str, content: &str, body: Vec<u8>) -> Result<Done<T>, ClusterError> {
        let answer = self.send(method, path, content, body).await?;
        Ok(Done { object: answer.read(self.cluster())?, audit_id: answer.audit_id })
    }
    async fn send(&self, method: Method, path: &str, content: &str, body: Vec<u8>) -> Result<Answer, ClusterError> {
        let answer = self.ask(method, path, content, body).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(call::failure(self.cluster(), Some(&self.account), path, &answer)) }
    }
    async fn ask(&self, method: Method, path: &str, content: &str, body: Vec<u8>) -> Result<Answer, ClusterError> {
        let mut request = self.request(method, path);
        if !content.is_empty() {
            request = request.header(CONTENT_TYPE, content);
        }
        self.exchange(request.body(body).map_err(|error| wrong(&error))?).await
    }
    fn request(&self, method: Method, path: &str) -> Builder {
        Request::builder().method(method).uri(path).header("audit-id", audit_id_of(self.permit.operation()))
    }
    async fn exchange(&self, request: Request<Vec<u8>>) -> Result<Answer, ClusterError> {
        self.gateway.confirm(&self.account, &self.uid).await?;
        call::exchange(self.cluster(), Call { request, account: Some(&self.account), limit: LIMIT }).await
    }
    fn path_of(&self, kind: Kind, name: &str) -> Result<String, ClusterError> {
        if !is_subdomain(name) {
            return Err(ClusterError::Request(format!("“{name}” cannot name one of {kind}")));
        }
        Ok(format!("{}/{name}", kind.path(Some(self.account.namespace()))))
    }
    /// Puts in what it is and where it belongs, over whatever stands there.
    fn address(&self, kind: Kind, object: &mut Value) -> Result<(), ClusterError> {
        let Value::Object(fields) = object else {
            return Err(ClusterError::Request(format!("what should become one of {kind} is no object")));
        };
        fields.insert("apiVersion".to_owned(), kind.api_version().into());
        fields.insert("kind".to_owned(), kind.kind.into());
        if let Value::Object(metadata) = fields.entry("metadata").or_insert_with(|| json!({})) {
            metadata.insert("namespace".to_owned(), self.account.namespace().into());
        }
        Ok(())
    }
    fn cluster_name(&self) -> String {
        self.gateway.cluster.name().to_string()
    }
}

/// How the API server's audit log calls a request, if we ask for it: the operation of the permit, which our own record has too, and a
/// number that makes it this one request.
fn audit_id_of(operation: OperationId) -> String {
    static REQUESTS: AtomicU64 = AtomicU64::new(1);
    format!("{operation}.{}", REQUESTS.fetch_add(1, Ordering::Relaxed))
}

/// The query of every write: an unknown field is an error, instead of being dropped in silence.
fn written(query: &mut Serializer<'_, String>) -> String {
    query.append_pair("fieldValidation", "Strict").append_pair("fieldManager", MANAGER).finish()
}

fn wrong(error: &impl ToString) -> ClusterError {
    ClusterError::Request(error.to_string())
}
