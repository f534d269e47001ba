//! Applied to a cluster: taken as they are, enough, and no difference afterwards.

use windfirm_cluster::{Cluster, read_labelled, read_one};
use windfirm_render::{Found, How, KINDS, MANAGED_BY, Rendered, diff};

use crate::stage::{Stage, asked, in_real_time, until, wrong};

/// What `windfirm policy render --diff` reads.
async fn found(cluster: &Cluster, rendered: &Rendered) -> Vec<Found> {
    let mut found = Vec::new();
    for kind in KINDS {
        let objects = read_labelled(cluster, kind, &format!("app.kubernetes.io/managed-by={MANAGED_BY}")).await.unwrap();
        found.extend(objects.into_iter().map(|object| Found { kind, object }));
    }
    for object in rendered.objects() {
        if !found.iter().any(|found: &Found| found.is_at(object)) {
            let there = read_one(cluster, object.kind(), object.namespace(), object.name()).await.unwrap();
            found.extend(there.map(|there| Found { kind: object.kind(), object: there }));
        }
    }
    found
}

#[test]
fn every_preflight_is_green_and_nothing_differs() {
    let Some(stage) = Stage::open(|settings| {
        settings.ingest = vec!["10.99.0.0/16:443".parse().unwrap()];
    }) else {
        return;
    };
    in_real_time(async {
        let admin = stage.as_admin();
        let before = diff(&stage.rendered(), &found(&admin, &stage.rendered()).await);
        assert_eq!(before.len(), stage.rendered().objects().len());
        stage.apply();
        until("every preflight to be green", async || asked(&stage.cluster(), &stage.accounts()).await.is_green().then_some(())).await;
        let after = diff(&stage.rendered(), &found(&admin, &stage.rendered()).await);
        assert!(after.is_empty(), "{}", after.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
        // A right that somebody added by hand, and a role of an earlier policy.
        let role = ["--namespace", &stage.namespace, "role", "windfirm-portal"].map(str::to_owned);
        let name = stage
            .rendered()
            .objects()
            .iter()
            .find(|object| object.kind().kind == "Role" && object.name().starts_with("windfirm-portal"))
            .unwrap()
            .name()
            .to_owned();
        let more = r#"[{"op":"add","path":"/rules/-","value":{"apiGroups":[""],"resources":["secrets"],"verbs":["get"]}}]"#;
        stage.done(&["patch", &role[2], &name, &role[0], &role[1], "--type=json", "-p", more], "");
        let after = diff(&stage.rendered(), &found(&admin, &stage.rendered()).await);
        assert_eq!(after.len(), 1, "{after:?}");
        assert!(matches!(&after[0].how, How::Differs(fields) if fields[0].0 == "rules"), "{after:?}");
    });
}

/// The namespaces first, because a dry run keeps none; then all of it, and a field that Kubernetes does not know would be an error.
#[test]
fn a_strict_dry_run_takes_every_object() {
    let Some(stage) = Stage::open(|settings| {
        settings.argocd_namespace = Some("argocd".to_owned());
    }) else {
        return;
    };
    let mut settings = stage.settings.clone();
    settings.dedicated.insert(stage.namespace.clone());
    let rendered = windfirm_render::render(&stage.policy, &settings).unwrap();
    let stream = rendered.stream();
    let namespaces: Vec<&str> = stream.split("---\n").filter(|document| document.contains("\nkind: Namespace\n")).collect();
    assert_eq!(namespaces.len(), 3);
    stage.done(&["apply", "-f", "-"], &namespaces.join("---\n"));
    let taken = stage.done(&["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"], &stream);
    assert_eq!(taken.lines().count(), rendered.objects().len(), "{taken}");
    let created = stage.done(&["apply", "--dry-run=server", "--validate=strict", "-f", "-"], &stream);
    assert_eq!(created.lines().count(), rendered.objects().len(), "{created}");
}

#[test]
fn before_1_36_the_other_form_is_enough() {
    let Some(stage) = Stage::open(|settings| settings.kubernetes = "1.30".parse().unwrap()) else { return };
    in_real_time(async {
        stage.apply();
        let cluster = stage.cluster();
        until("every preflight to be green", async || asked(&cluster, &stage.accounts()).await.is_green().then_some(())).await;
        let name = stage.rendered().objects().iter().find(|object| object.kind().kind == "ClusterRole").unwrap().name().to_owned();
        stage.done(&["patch", "role", &name, "--namespace", &stage.namespace, "--type=json", "-p", r#"[{"op":"remove","path":"/rules/1"}]"#], "");
        let expected = format!("portal impersonate serviceaccounts in {}", stage.namespace);
        until("the loss", async || (wrong(&asked(&cluster, &stage.accounts()).await) == [expected.clone()].into()).then_some(())).await;
    });
}
