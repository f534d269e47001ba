//! What k6 says of a script: asked once per content, parameters and k6 version, then kept.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use windfirm_executor::{
    Load,
    inspect::{InspectError, Inspected, Request},
};
use windfirm_measure::threshold::{OptionsError, ThresholdDef};
use windfirm_model::{
    id::OperationId,
    view::{
        app::{ScenarioRow, TestOptions},
        run::FrozenThreshold,
    },
};
use windfirm_policy::{Permit, Resource, act::Reload};
use windfirm_store::{StoreError, inspection::InspectionKey, runs::RunRecord};
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

/// The thresholds of a run's script, or why they are not known, in words: then nobody may say that they were kept.
///
/// They are frozen with the run. Only runs from before that was so ask for k6's answer of the launch, which may be gone.
///
/// # Errors
/// The database's: whoever asks tries again, and does not go on without thresholds.
pub async fn thresholds(portal: &Portal, run: &RunRecord) -> Result<Result<Vec<ThresholdDef>, String>, StoreError> {
    if let Some(frozen) = &run.manifest.thresholds {
        return Ok(Ok(frozen.iter().map(ThresholdDef::thaw).collect()));
    }
    let question = Question { target: &run.target, parameters: &run.manifest.parameters, load: load_of(&run.manifest) };
    let key = key(portal, &run.bundle_digest, &run.manifest.entry, question);
    let known = portal.store.inspection(&key).await?.and_then(|value| serde_json::from_value(value).ok());
    let found = match known {
        Some(Answer::Loads { inspected }) => thresholds_of(&inspected).ok(),
        _ => None,
    };
    Ok(found.ok_or_else(|| "Which thresholds the script had when it was launched is not known any more. Run it again.".to_owned()))
}

/// The thresholds in k6's answer, for the manifest of a run.
#[must_use]
pub fn frozen(answer: &Answer) -> Option<Vec<FrozenThreshold>> {
    let Answer::Loads { inspected } = answer else { return None };
    Some(thresholds_of(inspected).ok()?.iter().map(ThresholdDef::freeze).collect())
}

fn thresholds_of(inspected: &Inspected) -> Result<Vec<ThresholdDef>, OptionsError> {
    ThresholdDef::from_options(&serde_json::json!({ "thresholds": inspected.thresholds }).to_string())
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
            let thresholds =
                thresholds_of(&inspected).unwrap_or_default().into_iter().map(|threshold| format!("{} {}", threshold.metric, threshold.expression)).collect();
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
