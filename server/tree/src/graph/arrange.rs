//! The final order of a tree: parents before children, each subtree in one piece, siblings by wave and name.

use super::{App, AppIndex};
use crate::manifest::Kind;

/// Puts apps that know their parents and children into their final order, and tells for each old index the new one.
pub(super) fn arrange(mut apps: Vec<App>) -> (Vec<App>, Vec<Option<AppIndex>>) {
    let mut roots: Vec<AppIndex> = (0..apps.len()).filter(|index| apps.get(*index).is_some_and(|app| app.parent.is_none())).collect();
    roots.sort_by(|a, b| apps.get(*a).map(order).cmp(&apps.get(*b).map(order)));
    roots.reverse();
    let mut new_index: Vec<Option<AppIndex>> = vec![None; apps.len()];
    let mut order_of: Vec<AppIndex> = Vec::with_capacity(apps.len());
    let mut open = roots;
    while let Some(index) = open.pop() {
        let Some(new) = new_index.get_mut(index).filter(|new| new.is_none()) else { continue };
        *new = Some(order_of.len());
        order_of.push(index);
        let mut children = apps.get_mut(index).map(|app| std::mem::take(&mut app.children)).unwrap_or_default();
        children.sort_by(|a, b| apps.get(*a).map(order).cmp(&apps.get(*b).map(order)));
        open.extend(children.iter().rev());
        if let Some(app) = apps.get_mut(index) {
            app.children = children;
        }
    }
    let mut by_old: Vec<Option<App>> = apps.into_iter().map(Some).collect();
    let mut arranged: Vec<App> = order_of.iter().filter_map(|index| by_old.get_mut(*index).and_then(Option::take)).collect();
    for app in &mut arranged {
        app.parent = app.parent.and_then(|parent| new_index.get(parent).copied().flatten());
        app.children = renumbered(&app.children, &new_index);
        app.cycles = renumbered(&app.cycles, &new_index);
    }
    // From the last to the first, so that a child's end is known before its parent's.
    for index in (0..arranged.len()).rev() {
        let last_child = arranged.get(index).and_then(|app| app.children.last().copied());
        let end = last_child.and_then(|child| arranged.get(child)).map_or(index.saturating_add(1), |child| child.end);
        if let Some(app) = arranged.get_mut(index) {
            app.end = end;
        }
    }
    (arranged, new_index)
}

pub(super) fn renumbered(indexes: &[AppIndex], new_index: &[Option<AppIndex>]) -> Vec<AppIndex> {
    indexes.iter().filter_map(|index| new_index.get(*index).copied().flatten()).collect()
}

/// The same order as [`super::key::order`], for apps.
pub(super) fn order(app: &App) -> (i32, &str, &str, Kind, &str) {
    (app.wave, &app.name, &app.namespace, app.kind, &app.object_cluster)
}
