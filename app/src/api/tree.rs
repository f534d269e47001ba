//! The tree of apps.

use leptos::prelude::*;
use server_fn::codec::GetUrl;
use windfirm_model::{
    path::AppPath,
    view::{
        app::AppPage,
        tree::{TreePage, TreeQuery},
    },
};

use super::ApiError;

#[server(name = GetTree, prefix = "/api/fn", endpoint = "tree", input = GetUrl)]
pub async fn tree(#[server(default)] query: TreeQuery) -> Result<TreePage, ApiError> {
    super::ask::told(super::ask::portal()?.tree(query).await)
}

#[server(name = GetApp, prefix = "/api/fn", endpoint = "app", input = GetUrl)]
pub async fn app(path: AppPath) -> Result<AppPage, ApiError> {
    super::ask::told(super::ask::portal()?.app(path).await)
}
