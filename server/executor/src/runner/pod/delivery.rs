//! Where k6 would have delivered, and how: from the variables that the portal gives every runner of a cluster.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};
use windfirm_model::id::{ExecutionId, RunId};

use super::{FORWARD_GRACE_S, SPOOL, SPOOL_MIB};
use crate::{
    folder::Folder,
    orders::{Limits, Orders, Secret},
};

/// Where the portal takes deliveries, behind its address.
const INGEST: &str = "/ingest";

#[derive(Debug)]
pub(super) struct Delivery {
    /// Address of the portal, without a slash at the end.
    portal: String,
    execution: ExecutionId,
    token: Secret,
    /// k6's configuration file as it was given; nothing where there was none.
    config: Value,
    pub(super) spool: PathBuf,
    spool_bytes: u64,
    pub(super) grace: Duration,
}

impl Delivery {
    /// `None`: k6 delivers to nobody, or is to do so itself.
    pub(super) fn read(variable: &impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        let (Some("cloud"), Some(spool)) = (variable("K6_OUT").as_deref(), variable(SPOOL)) else { return Ok(None) };
        let needed = |name: &str| variable(name).ok_or_else(|| format!("The variable {name} is missing."));
        let number = |name: &str, usual: u64| variable(name).and_then(|text| text.parse().ok()).unwrap_or(usual);
        let host = needed("K6_CLOUD_HOST")?;
        let portal = host.strip_suffix(INGEST).ok_or("The address in K6_CLOUD_HOST is none of a portal.")?.to_owned();
        let execution = needed("K6_CLOUD_PUSH_REF_ID")?.parse().map_err(|_| "K6_CLOUD_PUSH_REF_ID names no execution.")?;
        let config = variable("K6_CONFIG").map_or(Ok(json!({})), |file| read(Path::new(&file)))?;
        let in_file = config.pointer("/collectors/cloud/token").and_then(Value::as_str).map(str::to_owned);
        let token = variable("K6_CLOUD_TOKEN").or(in_file).ok_or("There is no token to deliver with.")?;
        Ok(Some(Self {
            portal,
            execution,
            token: Secret::new(token),
            config,
            spool: spool.into(),
            spool_bytes: number(SPOOL_MIB, 512) << 20,
            grace: Duration::from_secs(number(FORWARD_GRACE_S, 600)),
        }))
    }
    /// The files of the runner lie in the spool's folder.
    pub(super) fn folder(&self) -> Folder {
        Folder::of_orders(&self.spool.join("orders.json"))
    }
    /// k6's configuration, with another token.
    pub(super) fn config_with(&self, token: &str) -> Value {
        let mut config = self.config.clone();
        let place = ["collectors", "cloud", "token"].iter().try_fold(&mut config, |value, name| within(value, name));
        if let Some(place) = place {
            *place = json!(token);
        }
        config
    }
    /// What the parts of a runner ask for. What the operator told k6 is k6's.
    pub(super) fn orders(&self) -> Orders {
        Orders {
            execution: self.execution,
            run: RunId(self.execution.0),
            portal: self.portal.clone(),
            token: self.token.clone(),
            k6: PathBuf::new(),
            bundle: PathBuf::new(),
            entry: String::new(),
            target: String::new(),
            parameters: Vec::new(),
            load: None,
            // The archive has the options that were judged, and k6 asks the script no more.
            max_vus: u32::MAX,
            allowed: Vec::new(),
            // Kept by the portal.
            deadline_s: u32::MAX,
            limits: Limits { spool_bytes: self.spool_bytes, ..Limits::default() },
            in_cluster: None,
        }
    }
}

/// A field of an object. What is none was nothing that k6 could have read.
fn within<'v>(value: &'v mut Value, name: &str) -> Option<&'v mut Value> {
    if !value.is_object() {
        *value = json!({});
    }
    Some(value.as_object_mut()?.entry(name).or_insert(Value::Null))
}

/// The file may hold the token: what is wrong with it is told without its text.
fn read(file: &Path) -> Result<Value, String> {
    let text = fs::read(file).map_err(|error| format!("{} cannot be read: {error}.", file.display()))?;
    serde_json::from_slice(&text).map_err(|_| format!("{} is no JSON.", file.display()))
}

/// The value of `--name=value` or `--name value`.
pub(super) fn value_of<'a>(arguments: &'a [OsString], name: &str) -> Option<&'a str> {
    let mut rest = arguments.iter().map(|argument| argument.to_str().unwrap_or_default());
    while let Some(argument) = rest.next() {
        match argument.strip_prefix(name) {
            Some("") => return rest.next(),
            Some(value) if value.starts_with('=') => return value.get(1..),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: [(&str, &str); 5] = [
        ("K6_OUT", "cloud"),
        ("K6_CLOUD_HOST", "http://portal.host:8080/ingest"),
        ("K6_CLOUD_PUSH_REF_ID", "01935c7e8b1a70008000123456789abc"),
        ("K6_CLOUD_TOKEN", "t0ken"),
        (SPOOL, "/spool"),
    ];

    fn with(changes: &[(&str, Option<&str>)]) -> Result<Option<Delivery>, String> {
        let value = |name: &str| match changes.iter().find(|(changed, _)| *changed == name) {
            Some((_, value)) => value.map(str::to_owned),
            None => GIVEN.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned()),
        };
        Delivery::read(&value)
    }

    #[test]
    fn what_the_portal_tells_a_runner_is_where_and_how_to_deliver() {
        let delivery = with(&[]).unwrap().unwrap();
        let orders = delivery.orders();
        assert_eq!((orders.portal.as_str(), orders.token.reveal()), ("http://portal.host:8080", "t0ken"));
        assert_eq!(orders.execution.to_string(), "01935c7e8b1a70008000123456789abc");
        assert_eq!((orders.limits.spool_bytes, delivery.grace), (512 << 20, Duration::from_secs(600)));
        assert_eq!(delivery.config_with("inner"), json!({ "collectors": { "cloud": { "token": "inner" } } }));
        let other = with(&[(SPOOL_MIB, Some("3")), (FORWARD_GRACE_S, Some("7"))]).unwrap().unwrap();
        assert_eq!((other.orders().limits.spool_bytes, other.grace), (3 << 20, Duration::from_secs(7)));
    }

    #[test]
    fn k6_is_left_alone_where_nothing_is_to_be_delivered() {
        for changes in [[("K6_OUT", None)], [("K6_OUT", Some("json"))], [(SPOOL, None)]] {
            assert!(with(&changes).unwrap().is_none(), "{changes:?}");
        }
        for name in ["K6_CLOUD_HOST", "K6_CLOUD_PUSH_REF_ID", "K6_CLOUD_TOKEN"] {
            assert!(with(&[(name, None)]).is_err(), "{name}");
        }
        assert!(with(&[("K6_CLOUD_HOST", Some("https://ingest.k6.io"))]).is_err());
    }

    #[test]
    fn a_token_of_a_file_is_taken_and_replaced_and_never_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        fs::write(&file, r#"{"collectors":{"cloud":{"token":"of the file","name":"x"}}}"#).unwrap();
        let path = file.to_str().unwrap();
        let delivery = with(&[("K6_CLOUD_TOKEN", None), ("K6_CONFIG", Some(path))]).unwrap().unwrap();
        assert_eq!(delivery.orders().token.reveal(), "of the file");
        assert_eq!(delivery.config_with("inner"), json!({ "collectors": { "cloud": { "token": "inner", "name": "x" } } }));
        fs::write(&file, "of the file").unwrap();
        let why = with(&[("K6_CLOUD_TOKEN", None), ("K6_CONFIG", Some(path))]).unwrap_err();
        assert!(why.ends_with("is no JSON.") && !why.contains("of the file"), "{why}");
    }

    #[test]
    fn values_of_arguments_are_found_in_both_forms() {
        let arguments: Vec<OsString> = ["run", "--quiet", "--address=0.0.0.0:6565", "--tag", "a=b"].map(OsString::from).to_vec();
        assert_eq!(value_of(&arguments, "--address"), Some("0.0.0.0:6565"));
        assert_eq!(value_of(&arguments, "--tag"), Some("a=b"));
        assert_eq!(value_of(&arguments, "--add"), None);
    }
}
