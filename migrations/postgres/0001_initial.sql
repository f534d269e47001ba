-- The first schema. The same tables and columns stand in ../sqlite/0001_initial.sql; a test compares them.
-- Times are microseconds since the epoch, ids are UUIDv7, documents are jsonb. Text that is compared or sorted
-- uses the order of bytes, as SQLite does.

-- Rows of the predicate of one access (see windfirm-policy, ScopeSet), named by the digest of the set.
create table access_sets (
    digest text collate "C" not null,
    path_from text collate "C" not null,
    path_to text collate "C" not null,
    environment text collate "C" not null,
    primary key (digest, path_from, path_to, environment)
);

create table bundles (
    digest text collate "C" not null primary key,
    content bytea not null,
    created_us bigint not null
);

create table runs (
    id uuid not null primary key,
    path text collate "C" not null,
    environment text collate "C" not null,
    app jsonb not null,
    test text collate "C" not null,
    profile text collate "C" not null,
    state text collate "C" not null,
    state_detail jsonb not null,
    live boolean not null,
    version bigint not null,
    by_key text collate "C" not null,
    by_name text collate "C" not null,
    by_folded text collate "C" not null,
    once text collate "C",
    created_us bigint not null,
    started_us bigint,
    ended_us bigint,
    planned_s bigint,
    max_vus bigint not null,
    target text collate "C" not null,
    reason text collate "C" not null,
    service_account text collate "C" not null,
    tree_commit text collate "C" not null,
    bundle_digest text collate "C" not null references bundles (digest),
    manifest jsonb not null,
    confinement jsonb not null,
    verdict jsonb,
    totals jsonb,
    spread_us bigint,
    band jsonb not null,
    completeness jsonb,
    measured jsonb
);
-- The same form sent twice is one run.
create unique index runs_once on runs (by_key, once);
create index runs_newest on runs (created_us desc, id desc);
create index runs_by_path on runs (path, live, created_us desc, id desc);
create index runs_live on runs (created_us, id) where live;

create table executions (
    id uuid not null primary key,
    run_id uuid not null unique references runs (id),
    token_sha256 bytea,
    handle jsonb,
    log_dropped bigint not null,
    created_us bigint not null
);

-- The truth: what k6 delivered, as it came. Unique by k6's own idempotency key.
create table frames (
    execution_id uuid not null references executions (id),
    key text collate "C" not null,
    received_us bigint not null,
    payload bytea not null,
    primary key (execution_id, key)
);
create index frames_in_order on frames (execution_id, received_us, key);

-- Derived from the frames: one merged second each.
create table windows (
    execution_id uuid not null references executions (id),
    second bigint not null,
    content bytea not null,
    primary key (execution_id, second)
);

create table run_events (
    seq bigint generated always as identity primary key,
    run_id uuid not null references runs (id),
    at_us bigint not null,
    text text collate "C" not null,
    bad boolean not null
);
create index run_events_by_run on run_events (run_id, seq);

create table run_log (
    execution_id uuid not null references executions (id),
    number bigint not null,
    at_us bigint,
    level text collate "C" not null,
    text text collate "C" not null,
    primary key (execution_id, number)
);

-- What k6 said of a script: asked once per content and k6 version.
create table inspections (
    bundle_digest text collate "C" not null,
    entry text collate "C" not null,
    k6_version text collate "C" not null,
    answer jsonb not null,
    primary key (bundle_digest, entry, k6_version)
);

-- Two rows per operation. What concerns the whole portal stands at path “/”, environment “*”.
create table audit_events (
    seq bigint generated always as identity primary key,
    operation uuid not null,
    phase text collate "C" not null check (phase in ('intent', 'outcome')),
    at_us bigint not null,
    code text collate "C" not null,
    outcome text collate "C" not null,
    actor_key text collate "C" not null,
    actor_name text collate "C" not null,
    actor_folded text collate "C" not null,
    groups jsonb not null,
    path text collate "C" not null,
    environment text collate "C" not null,
    run_id uuid,
    grant_name text collate "C",
    role text collate "C",
    service_account text collate "C",
    policy_digest text collate "C",
    tree_commit text collate "C",
    request_id text collate "C",
    client text collate "C",
    reason text collate "C",
    why text collate "C",
    facts jsonb not null,
    unique (operation, phase)
);
create index audit_events_by_phase on audit_events (phase, seq desc);

-- Rows are only ever added.
create function refuse_audit_change() returns trigger language plpgsql as $$
begin
    raise exception 'audit events are append-only';
end
$$;
create trigger audit_events_no_update before update on audit_events for each statement execute function refuse_audit_change();
create trigger audit_events_no_delete before delete on audit_events for each statement execute function refuse_audit_change();
create trigger audit_events_no_truncate before truncate on audit_events for each statement execute function refuse_audit_change();
revoke update, delete, truncate on audit_events from public, current_user;

create table sessions (
    id_sha256 bytea not null primary key,
    handle text collate "C" not null,
    data jsonb not null,
    expires_us bigint not null,
    created_us bigint not null,
    seen_us bigint not null,
    person_key text collate "C",
    began_us bigint,
    ends_us bigint,
    client text collate "C"
);
create unique index sessions_handle on sessions (handle);
create index sessions_person on sessions (person_key);
create index sessions_expiry on sessions (expires_us);

create table login_transactions (
    state_sha256 text collate "C" not null primary key,
    data jsonb not null,
    expires_us bigint not null
);

create table policy_versions (
    digest text collate "C" not null primary key,
    content text collate "C" not null,
    first_loaded_us bigint not null,
    last_loaded_us bigint not null
);
