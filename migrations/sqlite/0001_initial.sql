-- The first schema. The same tables and columns stand in ../postgres/0001_initial.sql; a test compares them.
-- Times are microseconds since the epoch, ids are UUIDv7 as 16 bytes, documents are JSON text.

-- Rows of the predicate of one access (see windfirm-policy, ScopeSet), named by the digest of the set.
create table access_sets (
    digest text not null,
    path_from text not null,
    path_to text not null,
    environment text not null,
    primary key (digest, path_from, path_to, environment)
) without rowid;

create table bundles (
    digest text not null primary key,
    content blob not null,
    created_us bigint not null
);

create table runs (
    id blob not null primary key,
    path text not null,
    environment text not null,
    app text not null,
    test text not null,
    profile text not null,
    state text not null,
    state_detail text not null,
    live boolean not null,
    version bigint not null,
    by_key text not null,
    by_name text not null,
    by_folded text not null,
    once text,
    created_us bigint not null,
    started_us bigint,
    ended_us bigint,
    planned_s bigint,
    max_vus bigint not null,
    target text not null,
    reason text not null,
    service_account text not null,
    tree_commit text not null,
    bundle_digest text not null references bundles (digest),
    manifest text not null,
    confinement text not null,
    verdict text,
    totals text,
    spread_us bigint,
    band text not null,
    completeness text,
    measured text
);
-- The same form sent twice is one run.
create unique index runs_once on runs (by_key, once);
create index runs_newest on runs (created_us desc, id desc);
create index runs_by_path on runs (path, live, created_us desc, id desc);
create index runs_live on runs (created_us, id) where live;

create table executions (
    id blob not null primary key,
    run_id blob not null unique references runs (id),
    token_sha256 blob,
    handle text,
    log_dropped bigint not null,
    created_us bigint not null
);

-- The truth: what k6 delivered, as it came. Unique by k6's own idempotency key.
create table frames (
    execution_id blob not null references executions (id),
    key text not null,
    received_us bigint not null,
    payload blob not null,
    primary key (execution_id, key)
);
create index frames_in_order on frames (execution_id, received_us, key);

-- Derived from the frames: one merged second each.
create table windows (
    execution_id blob not null references executions (id),
    second bigint not null,
    content blob not null,
    primary key (execution_id, second)
);

create table run_events (
    seq integer primary key autoincrement,
    run_id blob not null references runs (id),
    at_us bigint not null,
    text text not null,
    bad boolean not null
);
create index run_events_by_run on run_events (run_id, seq);

create table run_log (
    execution_id blob not null references executions (id),
    number bigint not null,
    at_us bigint,
    level text not null,
    text text not null,
    primary key (execution_id, number)
);

-- What k6 said of a script: asked once per content and k6 version.
create table inspections (
    bundle_digest text not null,
    entry text not null,
    k6_version text not null,
    answer text not null,
    primary key (bundle_digest, entry, k6_version)
);

-- Two rows per operation. What concerns the whole portal stands at path “/”, environment “*”.
create table audit_events (
    seq integer primary key autoincrement,
    operation blob not null,
    phase text not null check (phase in ('intent', 'outcome')),
    at_us bigint not null,
    code text not null,
    outcome text not null,
    actor_key text not null,
    actor_name text not null,
    actor_folded text not null,
    groups text not null,
    path text not null,
    environment text not null,
    run_id blob,
    grant_name text,
    role text,
    service_account text,
    policy_digest text,
    tree_commit text,
    request_id text,
    client text,
    reason text,
    why text,
    facts text not null,
    unique (operation, phase)
);
create index audit_events_by_phase on audit_events (phase, seq desc);

-- Rows are only ever added.
create trigger audit_events_no_update before update on audit_events
begin
    select raise(abort, 'audit events are append-only');
end;
create trigger audit_events_no_delete before delete on audit_events
begin
    select raise(abort, 'audit events are append-only');
end;

create table sessions (
    id_sha256 blob not null primary key,
    handle text not null,
    data text not null,
    expires_us bigint not null,
    created_us bigint not null,
    seen_us bigint not null,
    person_key text,
    began_us bigint,
    ends_us bigint,
    client text
);
create unique index sessions_handle on sessions (handle);
create index sessions_person on sessions (person_key);
create index sessions_expiry on sessions (expires_us);

create table login_transactions (
    state_sha256 text not null primary key,
    data text not null,
    expires_us bigint not null
);

create table policy_versions (
    digest text not null primary key,
    content text not null,
    first_loaded_us bigint not null,
    last_loaded_us bigint not null
);
