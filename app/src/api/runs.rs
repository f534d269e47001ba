//! Launching, reading and stopping runs.

use leptos::prelude::*;
use server_fn::codec::GetUrl;
use windfirm_model::{
    id::RunId,
    view::{
        launch::{Judgement, LaunchForm, LaunchRequest},
        run::{LogPage, RunPage},
        runs::{RunsPage, RunsQuery},
    },
};

use super::ApiError;

#[server(name = GetLaunchForm, prefix = "/api/fn", endpoint = "launch_form", input = GetUrl)]
pub async fn launch_form(#[server(default)] request: LaunchRequest) -> Result<LaunchForm, ApiError> {
    super::ask::told(super::ask::portal()?.launch_form(request).await)
}

/// The guardrails' answer alone. Changes nothing, but carries what is being typed, so it is a POST.
#[server(name = Judge, prefix = "/api/fn", endpoint = "judge")]
pub async fn judge(#[server(default)] request: LaunchRequest) -> Result<Judgement, ApiError> {
    super::ask::told(super::ask::portal()?.judge(request).await)
}

/// Launches, and leads to the run. A plain form that is refused leads back to the form, with everything that was typed.
#[server(name = Launch, prefix = "/api/fn", endpoint = "launch")]
pub async fn launch(#[server(default)] request: LaunchRequest) -> Result<RunId, ApiError> {
    let answer = super::ask::told(super::ask::portal()?.launch(request.clone()).await);
    match &answer {
        Ok(id) => leptos_axum::redirect(&crate::href::run(*id)),
        Err(error) => super::ask::back_with::<Launch>(&crate::href::launch_again(&request), error),
    }
    answer
}

#[server(name = GetRuns, prefix = "/api/fn", endpoint = "runs", input = GetUrl)]
pub async fn runs(#[server(default)] query: RunsQuery) -> Result<RunsPage, ApiError> {
    super::ask::told(super::ask::portal()?.runs(query).await)
}

#[server(name = GetRun, prefix = "/api/fn", endpoint = "run", input = GetUrl)]
pub async fn run(id: RunId) -> Result<RunPage, ApiError> {
    super::ask::told(super::ask::portal()?.run(id).await)
}

/// Leads to the run that goes by six characters, as pages show them.
#[server(name = FindRun, prefix = "/api/fn", endpoint = "find_run", input = GetUrl)]
pub async fn find_run(short: String) -> Result<RunId, ApiError> {
    let portal = super::ask::portal()?;
    let answer = match short.parse() {
        Ok(short) => portal.find_run(short).await,
        Err(_) => Err(windfirm_model::fault::Fault::NotFound),
    };
    if let Ok(id) = &answer {
        leptos_axum::redirect(&crate::href::run(*id));
    }
    super::ask::told(answer)
}

#[server(name = GetLog, prefix = "/api/fn", endpoint = "log", input = GetUrl)]
pub async fn log(id: RunId, #[server(default)] from: u64) -> Result<LogPage, ApiError> {
    super::ask::told(super::ask::portal()?.log(id, from).await)
}

/// Asks for the end of a run.
#[server(name = StopRun, prefix = "/api/fn", endpoint = "stop")]
pub async fn stop(id: RunId) -> Result<(), ApiError> {
    super::ask::told(super::ask::portal()?.stop(id).await)
}
