//! The audit log: two rows per operation, only ever added, cut to the paths of whoever reads it.

use windfirm_model::{
    actor::{Actor, Groups, SystemTask},
    audit::{EventCode, EventOutcome},
    clock::Clock as _,
    environment::Environment,
    id::OperationId,
};
use windfirm_policy::{
    Permit, Resource,
    act::{EndSession, OpenSession, ReconcileAudit, Reload, ViewAudit},
};
use windfirm_store::{
    StoreError,
    audit::{Attempt, AuditFilter, Details, EventFilter, Recorded},
};

use crate::{
    people::{access, ana, audited, ben, dora, eli, launched, nobody, owner, stop_permit},
    world::{START, World, on_both},
};

on_both!(
    an_operation_is_an_intent_and_an_outcome,
    the_first_outcome_stands,
    an_outcome_needs_an_intent,
    a_refusal_is_on_the_record,
    nobody_changes_or_deletes_a_row,
    a_crash_leaves_an_intent_that_is_reconciled,
    leads_see_their_paths_only_and_nothing_of_the_portal,
    filters_keep_what_they_say,
    a_detail_tells_everything,
    a_code_that_this_version_does_not_know_is_shown,
);

fn refusal(world: &World, actor: Actor, path: Option<&str>) -> Attempt {
    Attempt {
        operation: world.operation(),
        actor,
        code: EventCode::RunRead,
        path: path.map(|path| path.parse().unwrap()),
        environment: path.map(|_| Environment::from("dev")),
        run: None,
        why: "No grant gives you run.view here.".into(),
        policy_digest: "d-1".into(),
        details: Details { client: Some("Firefox, 127.0.0.1".into()), ..Details::default() },
    }
}

fn login(world: &World, actor: Actor) -> Permit<OpenSession> {
    Permit::own(world.operation(), actor, Resource::default())
}

async fn an_operation_is_an_intent_and_an_outcome(world: &World) {
    let run = launched(world, &ana(), "/shop/pay/", "dev").await;
    let permit = stop_permit(world, &ben(), &run);
    let seq = world.store.intent(&permit, EventCode::RunStop, &Details::default()).await.unwrap();
    let before = world.store.audit_entry(&access(&ben()), seq).await.unwrap().unwrap();
    assert_eq!((before.row.outcome, before.row.outcome_at, before.outcome_seq), (EventOutcome::Open, None, None));

    world.clock.advance(2);
    let facts = [("state".to_owned(), "cancelled".to_owned())];
    assert_eq!(world.store.outcome(&permit, EventOutcome::Failed, Some("k6 had ended."), &facts).await.unwrap(), Recorded::New);

    let after = world.store.audit_entry(&access(&ben()), seq).await.unwrap().unwrap();
    assert_eq!((after.row.outcome, after.row.outcome_at), (EventOutcome::Failed, Some(world.clock.now())));
    assert_eq!((after.row.why.as_deref(), after.outcome_seq), (Some("k6 had ended."), Some(seq + 1)));
    assert_eq!((after.row.run, after.facts), (Some(run.id), facts.to_vec()));
    assert_eq!((after.row.at, after.row.actor.as_str()), (before.row.at, "Ben Okafor"));
    assert_eq!(audited(world, &ben()).await, [EventCode::RunStop, EventCode::RunLaunch], "one line per operation");
}

async fn the_first_outcome_stands(world: &World) {
    let permit = login(world, ana());
    world.store.record(&permit, EventCode::Login, &Details::default(), EventOutcome::Done, None).await.unwrap();
    assert_eq!(world.store.outcome(&permit, EventOutcome::Failed, Some("late"), &[]).await.unwrap(), Recorded::Before);
    let rows = world.store.audit(&access(&dora()), &AuditFilter::default(), 10).await.unwrap().rows;
    assert_eq!((rows.len(), rows[0].outcome, rows[0].why.as_deref()), (1, EventOutcome::Done, None));

    let again = world.store.intent(&permit, EventCode::Login, &Details::default()).await.unwrap_err();
    assert!(matches!(again, StoreError::Audit(_)), "{again}");
    assert_eq!(world.count("audit_events").await, 2);
}

async fn an_outcome_needs_an_intent(world: &World) {
    let refused = world.store.outcome(&login(world, ana()), EventOutcome::Done, None, &[]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Audit(_)), "{refused}");
    assert_eq!(world.count("audit_events").await, 0);
}

async fn a_refusal_is_on_the_record(world: &World) {
    let attempt = refusal(world, eli(), Some("/shop/pay/"));
    let seq = world.store.denied(&attempt).await.unwrap();
    let entry = world.store.audit_entry(&access(&ben()), seq).await.unwrap().unwrap();
    assert_eq!((entry.row.actor.as_str(), entry.row.code.as_str(), entry.row.outcome), ("Eli Tanaka", "run.read", EventOutcome::Denied));
    assert_eq!(entry.row.why.as_deref(), Some("No grant gives you run.view here."));
    assert_eq!((entry.grant, entry.client.as_deref(), entry.policy_digest.as_deref()), (None, Some("Firefox, 127.0.0.1"), Some("d-1")));
    assert!(matches!(world.store.denied(&attempt).await, Err(StoreError::Audit(_))), "one attempt is one operation");

    let unknown = Actor::Person {
        key: windfirm_model::actor::PersonKey { issuer: "i".into(), subject: "s".into() },
        name: "U".into(),
        groups: Groups::Unknown("too many".into()),
    };
    world.store.denied(&refusal(world, unknown, None)).await.unwrap();
    assert_eq!(audited(world, &dora()).await.len(), 2);
}

async fn nobody_changes_or_deletes_a_row(world: &World) {
    world.store.denied(&refusal(world, eli(), Some("/shop/pay/"))).await.unwrap();
    let contents = "select cast(seq as text) || phase || actor_name || outcome from audit_events order by seq";
    let before = world.texts(contents).await;
    assert_eq!(before.len(), 2);

    for attack in [
        "update audit_events set actor_name = 'Somebody Else'",
        "update audit_events set actor_name = actor_name where seq = -1 or phase = 'intent'",
        "delete from audit_events",
        "delete from audit_events where seq = 1",
    ] {
        let refused = world.raw(attack).await.unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{attack}: {refused}");
    }
    match world.kind {
        crate::world::Kind::Postgres => {
            let refused = world.raw("truncate audit_events").await.unwrap_err().to_string();
            assert!(refused.contains("append-only"), "{refused}");
            // Behind the trigger stands the missing right: an ordinary owner of the table has none of the three.
            let role = format!("owner_{}", world.url.split('?').next().unwrap().rsplit('/').next().unwrap());
            world.raw(&format!("create role {role}; alter table audit_events owner to {role}")).await.unwrap();
            for attack in ["update audit_events set why = ''", "delete from audit_events", "truncate audit_events"] {
                let refused = world.raw(&format!("set role {role}; {attack}")).await.unwrap_err().to_string();
                assert!(refused.contains("permission denied"), "{attack}: {refused}");
            }
            world.raw(&format!("set role {role}; select count(*) from audit_events")).await.unwrap();
            world.raw(&format!("alter table audit_events owner to current_user; drop role {role}")).await.unwrap();
        }
        crate::world::Kind::Sqlite => {
            let replace = "insert or replace into audit_events select * from audit_events where seq = 1";
            let refused = world.raw(replace).await.unwrap_err().to_string();
            assert!(refused.contains("append-only"), "{refused}");
        }
    }
    assert_eq!(world.texts(contents).await, before);
}

async fn a_crash_leaves_an_intent_that_is_reconciled(world: &World) {
    let lost = Permit::<EndSession>::own(world.operation(), ana(), Resource::default());
    world.store.intent(&lost, EventCode::SessionEnd, &Details::default()).await.unwrap();
    world.store.record(&login(world, ana()), EventCode::Login, &Details::default(), EventOutcome::Done, None).await.unwrap();
    world.clock.advance(60);
    let under_way = login(world, ben());
    world.store.intent(&under_way, EventCode::Login, &Details::default()).await.unwrap();

    let reconciler: Permit<ReconcileAudit> = Permit::system(world.operation(), Resource::default());
    let open = world.store.open_intents(&reconciler, START.plus_seconds(30)).await.unwrap();
    let [intent] = open.as_slice() else { panic!("one old open intent, not {open:?}") };
    assert_eq!((intent.operation, intent.code, intent.at), (lost.operation(), EventCode::SessionEnd, START));

    assert_eq!(world.store.reconcile(&reconciler, intent.operation, "The portal ended before.").await.unwrap(), Recorded::New);
    assert_eq!(world.store.reconcile(&reconciler, intent.operation, "Again.").await.unwrap(), Recorded::Before);
    assert_eq!(world.store.outcome(&lost, EventOutcome::Done, None, &[]).await.unwrap(), Recorded::Before);
    let entry = world.store.audit_entry(&access(&dora()), intent.seq).await.unwrap().unwrap();
    assert_eq!((entry.row.outcome, entry.row.why.as_deref()), (EventOutcome::Reconciled, Some("The portal ended before.")));
    assert_eq!(entry.row.actor, "Ana Ruiz", "it stays the operation of who began it");
    let now = world.store.open_intents(&reconciler, world.clock.now().plus_seconds(1)).await.unwrap();
    assert_eq!(now.iter().map(|intent| intent.operation).collect::<Vec<_>>(), [under_way.operation()]);
    let unknown = OperationId(world.clock.new_uuid());
    assert!(matches!(world.store.reconcile(&reconciler, unknown, "?").await, Err(StoreError::Audit(_))));
}

async fn leads_see_their_paths_only_and_nothing_of_the_portal(world: &World) {
    launched(world, &ana(), "/shop/pay/", "dev").await;
    launched(world, &eli(), "/search/", "dev").await;
    world.store.record(&login(world, ana()), EventCode::Login, &Details::default(), EventOutcome::Done, None).await.unwrap();
    let reload: Permit<Reload> = Permit::system(world.operation(), Resource::default());
    world.store.record(&reload, EventCode::PolicyLoad, &Details::default(), EventOutcome::Done, None).await.unwrap();

    assert_eq!(audited(world, &ben()).await, [EventCode::RunLaunch]);
    for without in [ana(), eli(), nobody()] {
        assert_eq!(audited(world, &without).await, [], "audit.view is what it takes");
    }
    let all = [EventCode::PolicyLoad, EventCode::Login, EventCode::RunLaunch, EventCode::RunLaunch];
    assert_eq!(audited(world, &dora()).await, all);
    assert_eq!(audited(world, &owner()).await, all);

    let rows = world.store.audit(&access(&dora()), &AuditFilter::default(), 10).await.unwrap().rows;
    assert_eq!((rows[0].path.as_deref(), rows[0].environment.as_ref(), rows[0].actor.as_str()), (None, None, SystemTask::Reloader.name()));
}

async fn filters_keep_what_they_say(world: &World) {
    let run = launched(world, &ana(), "/shop/pay/", "dev").await;
    let start = world.clock.now();
    world.clock.advance(10);
    let stop = stop_permit(world, &ben(), &run);
    world.store.intent(&stop, EventCode::RunStop, &Details::default()).await.unwrap();
    world.store.outcome(&stop, EventOutcome::Done, None, &[]).await.unwrap();
    world.clock.advance(10);
    world.store.denied(&refusal(world, owner(), Some("/search/"))).await.unwrap();
    let read: Permit<ViewAudit> = access(&dora()).permit_anywhere(world.operation(), Resource::default()).unwrap();
    world.store.record(&read, EventCode::AuditRead, &Details::default(), EventOutcome::Done, None).await.unwrap();

    let any = AuditFilter::default;
    let codes = async |filter: AuditFilter| -> Vec<String> {
        world.store.audit(&access(&dora()), &filter, 10).await.unwrap().rows.into_iter().map(|row| row.code).collect()
    };
    assert_eq!(codes(any()).await, ["audit.read", "run.read", "run.stop", "run.launch"]);
    assert_eq!(codes(AuditFilter { below: Some("/shop/".parse().unwrap()), ..any() }).await, ["run.stop", "run.launch"]);
    assert_eq!(codes(AuditFilter { actor: Some("ØRS".into()), ..any() }).await, ["run.read"]);
    assert!(codes(AuditFilter { actor: Some("%".into()), ..any() }).await.is_empty());
    assert_eq!(codes(AuditFilter { event: Some(EventFilter::Is(EventCode::RunStop)), ..any() }).await, ["run.stop"]);
    assert_eq!(codes(AuditFilter { event: Some(EventFilter::Family("run".into())), ..any() }).await, ["run.read", "run.stop", "run.launch"]);
    assert_eq!(codes(AuditFilter { outcome: Some(EventOutcome::Open), ..any() }).await, ["run.launch"]);
    assert_eq!(codes(AuditFilter { outcome: Some(EventOutcome::Denied), ..any() }).await, ["run.read"]);
    assert_eq!(codes(AuditFilter { from: Some(start.plus_seconds(10)), until: Some(start.plus_seconds(20)), ..any() }).await, ["run.stop"]);
    assert_eq!(codes(AuditFilter { run: Some(run.id), ..any() }).await, ["run.stop", "run.launch"]);
}

async fn a_detail_tells_everything(world: &World) {
    let run = launched(world, &ana(), "/shop/pay/", "dev").await;
    let permit = stop_permit(world, &ben(), &run);
    let details = Details {
        request_id: Some("r-9".into()),
        client: Some("curl".into()),
        reason: Some("too loud\0".into()),
        commit: Some("4f2a9c1".into()),
        facts: vec![("vus".into(), "10".into())],
    };
    let seq = world.store.intent(&permit, EventCode::RunStop, &details).await.unwrap();
    let entry = world.store.audit_entry(&access(&ben()), seq).await.unwrap().unwrap();
    assert_eq!((entry.operation, entry.actor_key), (permit.operation().to_string(), "https://idp.example|ben okafor".to_owned()));
    assert_eq!((entry.groups, entry.grant.as_deref(), entry.role.as_deref()), (vec!["shop-leads".to_owned()], Some("shop leads"), Some("lead")));
    assert_eq!(entry.policy_digest.as_deref(), Some(access(&ben()).policy_digest()));
    assert_eq!(
        (entry.commit, entry.request_id, entry.client, entry.reason.as_deref(), entry.facts),
        (details.commit, details.request_id, details.client, Some("too loud\u{fffd}"), details.facts)
    );
    assert_eq!((entry.row.sentence.as_str(), entry.row.path.as_deref()), (EventCode::RunStop.sentence(), Some("/shop/pay/")));
    assert_eq!(entry.row.environment, Some(Environment::from("dev")));
}

async fn a_code_that_this_version_does_not_know_is_shown(world: &World) {
    let id = if world.kind == crate::world::Kind::Sqlite { "zeroblob(16)" } else { "'00000000-0000-0000-0000-000000000000'" };
    let insert = format!(
        "insert into audit_events (operation, phase, at_us, code, outcome, actor_key, actor_name, actor_folded, groups, path, environment, facts) \
         values ({id}, 'intent', 1, 'moon.land', 'open', 'k', 'n', 'n', '[]', '/', '*', '[]')"
    );
    world.raw(&insert).await.unwrap();
    let rows = world.store.audit(&access(&dora()), &AuditFilter::default(), 10).await.unwrap().rows;
    assert_eq!((rows[0].code.as_str(), rows[0].sentence.as_str()), ("moon.land", ""));
}
