//! What follows for an app from its project in Argo CD, as the cluster of the app tells it.

use windfirm_cluster::ObjectName;
use windfirm_model::{
    action::Action,
    view::cluster::{OrphansWord, ProjectFacts},
};
use windfirm_tree::{graph::App, page::project_facts};

use crate::context::Asker;

impl Asker {
    /// `None` for who may not see the live side of the app, and where it has none.
    pub(super) fn project_facts(&self, app: &App) -> Option<ProjectFacts> {
        let application = app.live(&self.access)?.object.application()?;
        let site = self.portal.sites.get(&application.id.cluster)?;
        let (argocd, projects) = (site.argocd.as_ref()?, &site.watches.get()?.projects);
        let unknown = |why: String| {
            Some(ProjectFacts { name: application.project.to_string(), unknown: Some(why), findings: Vec::new(), orphans: OrphansWord::NotLookedFor })
        };
        if let Some(other) = application.controller_namespace.as_deref().filter(|other| *other != argocd.namespace) {
            return unknown(format!(
                "The Argo CD of namespace `{other}` looks after this app, and projects are read of the one in `{}` only.",
                argocd.namespace
            ));
        }
        let snapshot = projects.snapshot();
        if snapshot.complete_since.is_none() {
            let why = snapshot.trouble.as_ref().map(|trouble| match self.access.can_anywhere(Action::ViewSystem) {
                Some(_) => trouble.why.to_string(),
                None => "Those who look after the portal are told why.".to_owned(),
            });
            return unknown(format!("The projects of cluster `{}` have not been read yet. {}", site.name(), why.unwrap_or_default()).trim_end().to_owned());
        }
        let name = ObjectName { namespace: argocd.namespace.clone(), name: application.project.to_string() };
        let project = match snapshot.objects.get(&name).map(|object| &object.view) {
            None => None,
            Some(Ok(project)) => Some(project.as_ref()),
            Some(Err(_)) => return unknown("The project is of another form than those of the Argo CD that is known here.".to_owned()),
        };
        let clusters = &self.portal.sites.forest()?.clusters;
        Some(project_facts(application, project, &argocd.namespace, clusters, self.portal.clock.now()))
    }
}
