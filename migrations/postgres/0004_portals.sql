-- Several portals on one database. Each has a row that it renews; a portal whose beats stand still is buried by another one.
create table portals (
    id uuid not null primary key,
    -- The state folder: who starts again in it is the same portal to its runs.
    home text collate "C" not null,
    beats bigint not null,
    joined_us bigint not null
);

-- Which portal looks after a run, and alone may write what it measures and becomes. None: it waits in the queue, or is older than this.
alter table runs add column owner uuid;
-- Where it is carried out; empty: on the machine of its portal. Slots are counted by it.
alter table runs add column cluster text collate "C" not null default '';
update runs set cluster = coalesce(manifest #>> '{placement,cluster}', '') where live;

-- The number of the step that merged a frame into the windows. None: another portal took it in, and it waits for the run's own.
alter table frames add column merged bigint default 0;
create index frames_merged on frames (execution_id, merged);
create index frames_waiting on frames (execution_id) where merged is null;

-- Why and by which operations the portal asked k6 to end: whoever takes the run over goes on with it.
alter table executions add column ending jsonb;

insert into gates (name, passed) values ('start', 0);

-- Random bytes that all portals of one database share.
create table shared_keys (
    name text collate "C" not null primary key,
    bytes bytea not null
);
