//! People, a policy, and the steps of a run that tests share.

use serde_json::json;
use windfirm_model::{
    action::Action,
    actor::{Actor, Groups, PersonKey, SystemTask},
    audit::EventCode,
    environment::Environment,
    id::{ExecutionId, OperationId, RunId},
    run::{Profile, RunState},
    verdict::{Outcome, Verdict},
    view::{
        run::{Completeness, Confinement, Manifest, Measured},
        runs::Totals,
    },
};
use windfirm_policy::{
    Access, Facts, HostPort, Permit, Place, Policy, Resource,
    act::{LaunchRun, StopOwnRun, StopRun, StoreMeasurements, SuperviseRuns},
    compile,
};
use windfirm_store::{
    audit::Details,
    runs::{Bundle, Launched, NewRun, Room, RunRecord, Settlement, Step},
};

use crate::world::World;

pub(crate) const POLICY_HEAD: &str = r#"
apiVersion: windfirm.dev/v1
kind: Policy
environments:
  - { name: prod, match: { namespace: "*-prod" } }
  - { name: staging, match: { namespace: "*-staging" } }
  - { name: dev, match: { namespace: "*" } }
roles:
  viewer: { can: [app.view, run.view] }
  tester: { includes: [viewer], can: [run.launch, run.stop.own] }
  lead: { includes: [tester], can: [run.stop, audit.view] }
  auditor: { includes: [viewer], can: [audit.view, audit.export] }
  platform: { includes: [viewer], can: [policy.view, system.view, access.explain] }
guardrails:
  - { name: wide, on: [/], max_vus: 100000, max_duration: 24h, target_hosts: ["127.0.0.1:*"] }
"#;

const GRANTS: &str = "
grants:
  - { name: shop developers, to: [{ group: shop-dev }], role: tester, on: [/shop/], in: [dev, staging], as: shop/loadtest }
  - { name: shop leads, to: [{ group: shop-leads }], role: lead, on: [/shop/], in: [dev, staging], as: shop/loadtest }
  - { name: search developers, to: [{ group: search-dev }], role: tester, on: [/search/], as: search/loadtest }
  - { name: everything, to: [{ group: owners }], role: lead, on: [/], as: any/loadtest }
  - { name: auditors, to: [{ group: audit }], role: auditor, on: [/] }
  - { name: engineers, to: [{ group: platform }], role: platform, on: [/] }
";

pub(crate) fn policy_of(grants: &str) -> Policy {
    compile(&format!("{POLICY_HEAD}{grants}"), "policy.yaml")
        .unwrap_or_else(|errors| panic!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

pub(crate) fn person(name: &str, groups: &[&str]) -> Actor {
    Actor::Person {
        key: PersonKey { issuer: "https://idp.example".into(), subject: name.to_lowercase() },
        name: name.into(),
        groups: Groups::Known(groups.iter().map(|&group| group.to_owned()).collect()),
    }
}

pub(crate) fn ana() -> Actor {
    person("Ana Ruiz", &["shop-dev"])
}
pub(crate) fn ben() -> Actor {
    person("Ben Okafor", &["shop-leads"])
}
pub(crate) fn eli() -> Actor {
    person("Eli Tanaka", &["search-dev"])
}
pub(crate) fn owner() -> Actor {
    person("Odile Ørsted", &["owners"])
}
pub(crate) fn dora() -> Actor {
    person("Dora Weiss", &["audit"])
}
pub(crate) fn chris() -> Actor {
    person("Chris Lindqvist", &["platform"])
}
/// In no group that any grant names.
pub(crate) fn nobody() -> Actor {
    person("Noor Nobody", &["elsewhere"])
}

pub(crate) fn access(actor: &Actor) -> Access {
    policy_of(GRANTS).access(actor)
}
pub(crate) fn everything() -> Access {
    Access::system(SystemTask::RunSupervisor)
}

pub(crate) fn place(path: &str, environment: &str) -> Place {
    Place { path: path.parse().unwrap(), environment: Environment::from(environment) }
}

pub(crate) fn launch_permit(operation: OperationId, actor: &Actor, place: &Place) -> Permit<LaunchRun> {
    let policy = policy_of(GRANTS);
    let facts = Facts { max_vus: 10, duration_s: Some(60), target_hosts: vec![HostPort::new("127.0.0.1", 8080).unwrap()], modules: Vec::new() };
    policy.permit_launch(&policy.access(actor), operation, place, Resource::default(), &facts).unwrap()
}

pub(crate) fn stop_permit(world: &World, actor: &Actor, run: &RunRecord) -> Permit<StopRun> {
    let target = Resource { run: Some(run.id), ..Resource::default() };
    access(actor).permit(world.operation(), &Place { path: run.path.clone(), environment: run.environment.clone() }, target).unwrap()
}
pub(crate) fn stop_own_permit(world: &World, actor: &Actor, run: &RunRecord) -> Permit<StopOwnRun> {
    let target = Resource { run: Some(run.id), ..Resource::default() };
    access(actor).permit(world.operation(), &Place { path: run.path.clone(), environment: run.environment.clone() }, target).unwrap()
}
pub(crate) fn supervise(world: &World, run: RunId) -> Permit<SuperviseRuns> {
    Permit::system(world.operation(), Resource { run: Some(run), ..Resource::default() })
}
pub(crate) fn measure(world: &World, run: RunId) -> Permit<StoreMeasurements> {
    Permit::system(world.operation(), Resource { run: Some(run), ..Resource::default() })
}

/// Where bounds are not what a test is about.
pub(crate) const PLENTY: Room = Room { waiting: u32::MAX, of_person: u32::MAX };

/// A run as the launch form of the demo makes one.
pub(crate) fn new_run(world: &World) -> NewRun {
    use windfirm_model::clock::Clock as _;
    NewRun {
        id: RunId(world.clock.new_uuid()),
        execution: ExecutionId(world.clock.new_uuid()),
        app: json!({ "cluster": "in-cluster", "namespace": "argocd", "kind": "Application", "name": "payments" }),
        test: "apps/payments/k6/browse.js".into(),
        state: RunState::Queued,
        profile: Profile::Load,
        planned_s: Some(60),
        max_vus: 10,
        duration_s: Some(90),
        modules: vec!["k6/x/sql".into()],
        target: "http://127.0.0.1:8080".into(),
        reason: "before the sale".into(),
        once: String::new(),
        manifest: Manifest { tree_commit: "4f2a9c1".into(), bundle_digest: "sha256:aa".into(), ..Manifest::default() },
        bundle: Bundle { digest: "sha256:aa".into(), content: b"export default () => {}".to_vec() },
    }
}

/// Launches, one second after whatever was before, and reads the run back.
pub(crate) async fn launched_with(world: &World, actor: &Actor, path: &str, environment: &str, change: impl FnOnce(&mut NewRun) + Send) -> RunRecord {
    world.clock.advance(1);
    let mut new = new_run(world);
    change(&mut new);
    let permit = launch_permit(world.operation(), actor, &place(path, environment));
    assert_eq!(world.store.launch(&permit, &new, PLENTY, &Details::default()).await.unwrap(), Launched::New);
    current(world, new.id).await
}
pub(crate) async fn launched(world: &World, actor: &Actor, path: &str, environment: &str) -> RunRecord {
    launched_with(world, actor, path, environment, |_| ()).await
}

pub(crate) async fn current(world: &World, run: RunId) -> RunRecord {
    world.store.run(&everything(), run).await.unwrap().unwrap()
}

pub(crate) fn step(run: &RunRecord, to: RunState) -> Step {
    Step { version: run.version, to, confinement: None, events: Vec::new() }
}

/// Moves a run on, and reads it back.
pub(crate) async fn advanced(world: &World, run: &RunRecord, to: RunState) -> RunRecord {
    world.clock.advance(1);
    world.store.advance(&supervise(world, run.id), step(run, to)).await.unwrap();
    current(world, run.id).await
}
pub(crate) async fn running(world: &World, run: &RunRecord) -> RunRecord {
    use windfirm_model::clock::Clock as _;
    let run = advanced(world, run, RunState::Starting { since: world.clock.now() }).await;
    advanced(world, &run, RunState::Running { since: world.clock.now() }).await
}
pub(crate) async fn finishing(world: &World, run: &RunRecord) -> RunRecord {
    use windfirm_model::clock::Clock as _;
    let run = running(world, run).await;
    advanced(world, &run, RunState::Finishing { since: world.clock.now() }).await
}

pub(crate) fn totals(spread_us: u64) -> Totals {
    Totals { requests: 1_000, failed: 3, p50_us: 10_000, p99_us: 10_000 + spread_us, requests_per_s: 16.625, ..Totals::default() }
}

pub(crate) fn settlement(run: &RunRecord, outcome: Outcome, spread_us: u64) -> Settlement {
    Settlement {
        version: run.version,
        to: RunState::judged(outcome),
        verdict: Some(Verdict { outcome, reasons: vec![format!("It was a {}.", outcome.word()), "And more.".into()] }),
        measured: Measured { totals: totals(spread_us), percentile_error: 0.008, ..Measured::default() },
        band_us: vec![Some((1, 2, 3)), None],
        completeness: Completeness { compared: true, complete: true, sentence: "Everything arrived.".into(), ..Completeness::default() },
        manifest: Manifest { results_digest: Some("sha256:bb".into()), ..run.manifest.clone() },
        events: Vec::new(),
    }
}

/// Launched, run and judged.
pub(crate) async fn judged(world: &World, actor: &Actor, path: &str, outcome: Outcome, spread_us: u64) -> RunRecord {
    let run = launched(world, actor, path, "dev").await;
    let run = finishing(world, &run).await;
    world.clock.advance(1);
    world.store.settle(&supervise(world, run.id), settlement(&run, outcome, spread_us)).await.unwrap();
    current(world, run.id).await
}

pub(crate) fn confined() -> Confinement {
    Confinement { full: true, measures: vec!["files: only the scratch directory".into()] }
}

/// The codes of all operations that somebody may audit, newest first.
pub(crate) async fn audited(world: &World, actor: &Actor) -> Vec<EventCode> {
    let slice = world.store.audit(&access(actor), &windfirm_store::audit::AuditFilter::default(), 1_000).await.unwrap();
    slice.rows.iter().map(|row| EventCode::parse(&row.code).unwrap()).collect()
}

pub(crate) fn may_see(access: &Access, run: &RunRecord) -> bool {
    access.allows(Action::ViewRun, &Place { path: run.path.clone(), environment: run.environment.clone() })
}
