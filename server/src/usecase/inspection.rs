//! What k6 says of a script: asked once per content, parameters and k6 version, then kept.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use windfirm_executor::{
    Load,
    inspect::{InspectError, Inspected, Request},
};
use windfirm_measure::threshold::ThresholdDef;
use windfirm_model::{
    id::OperationId,
    view::app::{ScenarioRow, TestOptions},
};
use windfirm_policy::{Permit, Resource, act::Reload};
use windfirm_store::{inspection::InspectionKey, runs::RunRecord};
use windfirm_tree::Bundle;

use crate::{
    state::Portal,
    usecase::{bundle, launch::load_of},
};

/// k6's answer: what it would do, or its message. Both are kept; trouble of the machine is not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    Loads { inspected: Inspected },
    Broken { message: String },
}

/// All that k6's answer depends on, beside the script and k6 itself.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub target: &'a str,
    pub parameters: &'a [(String, String)],
    pub load: Option<Load>,
}

/// Asks k6, or what it said before. `Err` is trouble of the machine, in words.
pub async fn inspect(portal: &Portal, test: &Bundle, question: Question<'_>) -> Result<Answer, String> {
    let key = key(portal, &test.digest, &test.entry, question);
    if let Ok(Some(known)) = portal.store.inspection(&key).await
        && let Ok(answer) = serde_json::from_value(known)
    {
        return Ok(answer);
    }
    let folder = bundle::write(&portal.settings.state, &test.digest, &test.files).map_err(|error| error.to_string())?;
    let Question { target, parameters, load } = question;
    let request = Request { bundle: folder, entry: test.entry.clone(), target: target.to_owned(), parameters: parameters.to_vec(), load };
    let answer = match portal.local.inspect(request).await {
        Ok(inspected) => Answer::Loads { inspected },
        Err(error @ (InspectError::Script(_) | InspectError::TimedOut | InspectError::OutOfMemory | InspectError::TooLong)) => {
            Answer::Broken { message: error.to_string() }
        }
        Err(error) => return Err(error.to_string()),
    };
    let permit: Permit<Reload> = Permit::system(OperationId(portal.clock.new_uuid()), Resource::default());
    if let Ok(value) = serde_json::to_value(&answer)
        && let Err(error) = portal.store.keep_inspection(&permit, &key, &value).await
    {
        tracing::warn!(%error, "inspection.not_kept");
    }
    Ok(answer)
}

/// The thresholds of a run's script; none when k6's answer is not there any more.
pub async fn thresholds(portal: &Portal, run: &RunRecord) -> Vec<ThresholdDef> {
    let question = Question { target: &run.target, parameters: &run.manifest.parameters, load: load_of(&run.manifest) };
    let key = key(portal, &run.bundle_digest, &run.manifest.entry, question);
    let known = portal.store.inspection(&key).await.ok().flatten().and_then(|value| serde_json::from_value(value).ok());
    match known {
        Some(Answer::Loads { inspected }) => thresholds_of(&inspected),
        _ => Vec::new(),
    }
}

fn thresholds_of(inspected: &Inspected) -> Vec<ThresholdDef> {
    let options = serde_json::json!({ "thresholds": inspected.thresholds }).to_string();
    ThresholdDef::from_options(&options).unwrap_or_default()
}

fn key(portal: &Portal, digest: &str, entry: &str, question: Question<'_>) -> InspectionKey {
    let load = question.load.map_or_else(String::new, |load| format!("{} VUs for {} s", load.vus, load.duration_s));
    InspectionKey {
        bundle_digest: digest.to_owned(),
        // A script may read its options from the environment, so the parameters are part of the question.
        entry: format!("{entry}#{}#{load}", parameters_digest(question.target, question.parameters)),
        k6_version: portal.k6_version.clone(),
    }
}

/// SHA-256 over target and parameters, in their order.
#[must_use]
pub fn parameters_digest(target: &str, parameters: &[(String, String)]) -> String {
    let text = Value::from_iter([("target", serde_json::json!(target)), ("parameters", serde_json::json!(parameters))]).to_string();
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The answer as the pages show it.
#[must_use]
pub fn options(answer: Result<Answer, String>) -> TestOptions {
    match answer {
        Ok(Answer::Loads { inspected }) => {
            let thresholds = thresholds_of(&inspected).into_iter().map(|threshold| format!("{} {}", threshold.metric, threshold.expression)).collect();
            let scenarios = inspected.scenarios.into_iter().map(|scenario| ScenarioRow { name: scenario.name, executor: scenario.executor }).collect();
            TestOptions::Read {
                scenarios,
                max_vus: inspected.max_vus,
                duration_s: inspected.total_duration_s.unwrap_or_default(),
                thresholds,
                unbounded: inspected.total_duration_s.is_none(),
            }
        }
        Ok(Answer::Broken { message }) => TestOptions::Broken { message },
        Err(why) => TestOptions::Unread { why },
    }
}
