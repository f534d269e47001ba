//! The server's half: a page is drawn once and does not follow anything.

use leptos::prelude::*;
use windfirm_model::view::run::RunPage;

use super::Link;

pub(super) fn follow(_page: RwSignal<RunPage>, _link: WriteSignal<Link>) {}
