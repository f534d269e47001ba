//! What k6 says of a script: asked once per content, parameters and k6 version, then kept.

mod desk;

use std::{path::PathBuf, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use windfirm_executor::{
    Load,
    inspect::{InspectError, Inspected, Request, TIME_LIMIT},
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

pub use desk::Desk;

/// k6's answer: what it would do, or its message. Both are kept; what may be trouble of the machine is not, or for a minute.
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

/// Why there is no answer of k6.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The asker did not wait to the end. A question that is under way goes on, and its answer is kept.
    #[error("k6 is still being asked what this script does, which takes up to {} s.", TIME_LIMIT.as_secs())]
    Pending,
    /// More new questions than one person may ask.
    #[error("You have asked k6 {} new questions within a minute, which is as many as one person may. Wait a minute, then try again.", desk::MOST_NEW)]
    TooMany,
    /// Trouble of the machine.
    #[error("{0}")]
    Trouble(String),
}

/// How long a page waits for k6 before it is drawn without its answer.
pub const PAGE_PATIENCE: Duration = Duration::from_millis(1_200);

/// Who asks, and until when they wait; `None`: to the end.
#[derive(Clone, Copy, Debug)]
pub struct Patience<'a> {
    pub person: &'a str,
    pub until: Option<Instant>,
}

/// Asks k6, or what it said before.
pub async fn inspect(portal: &Arc<Portal>, patience: Patience<'_>, test: &Bundle, question: Question<'_>) -> Result<Answer, NoAnswer> {
    let key = key(portal, &test.digest, &test.entry, question);
    if let Some(known) = known(portal, &key).await {
        return Ok(known);
    }
    if !portal.desk.may_ask(patience.person, portal.clock.now()) {
        return Err(NoAnswer::TooMany);
    }
    let asked = ask_in_turn(portal, patience.person, key, test, question);
    let answer = match patience.until {
        None => asked.await,
        Some(until) => tokio::time::timeout_at(until, asked).await.map_err(|_| NoAnswer::Pending)?,
    };
    answer.map_err(NoAnswer::Trouble)
}

async fn known(portal: &Portal, key: &InspectionKey) -> Option<Answer> {
    if let Some(answer) = portal.desk.believed(key, portal.clock.now()) {
        return Some(answer);
    }
    let kept = portal.store.inspection(key).await.ok().flatten()?;
    serde_json::from_value(kept).ok()
}

/// Once it is this person's turn, k6 is asked whether or not anybody still waits for it: the answer is good for the next one.
async fn ask_in_turn(portal: &Arc<Portal>, person: &str, key: InspectionKey, test: &Bundle, question: Question<'_>) -> Result<Answer, String> {
    let turn = portal.desk.turn(person, &key).await;
    // Somebody else may have asked the same in the meantime.
    if let Some(known) = known(portal, &key).await {
        return Ok(known);
    }
    let (portal_then, test) = (Arc::clone(portal), test.clone());
    let (target, parameters, load) = (question.target.to_owned(), question.parameters.to_vec(), question.load);
    let asked = portal.tasks.spawn(async move {
        let answer = ask(&portal_then, key, test, |bundle, entry| Request { bundle, entry, target, parameters, load }).await;
        drop(turn);
        answer
    });
    asked.await.map_err(|error| error.to_string())?
}

async fn ask(portal: &Portal, key: InspectionKey, test: Bundle, request: impl FnOnce(PathBuf, String) -> Request) -> Result<Answer, String> {
    let (state, digest, files) = (portal.settings.state.clone(), test.digest, test.files);
    let written = tokio::task::spawn_blocking(move || bundle::write(&state, &digest, &files)).await.map_err(|error| error.to_string())?;
    let folder = written.map_err(|error| error.to_string())?;
    let answer = match portal.local.inspect(request(folder, test.entry)).await {
        Ok(inspected) => Answer::Loads { inspected },
        Err(error @ (InspectError::Script(_) | InspectError::TooLong)) => Answer::Broken { message: error.to_string() },
        // A machine with much to do is slow with good scripts, too.
        Err(error @ (InspectError::TimedOut | InspectError::OutOfMemory)) => {
            let answer = Answer::Broken { message: format!("{error} It is asked again after a minute.") };
            portal.desk.believe(key, answer.clone(), portal.clock.now());
            return Ok(answer);
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
pub fn options(answer: Result<Answer, NoAnswer>) -> TestOptions {
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
        Err(why) => TestOptions::Unread { why: why.to_string() },
    }
}
