-- As SQLite has it, so that one query serves both.
create function hex(id uuid) returns text language sql immutable strict parallel safe as $$
    select pg_catalog.upper(pg_catalog.encode(pg_catalog.uuid_send(id), 'hex'))
$$;
-- Runs by the last 32 bits of their ids, which the six characters that people know a run by come from.
create index runs_by_tail on runs (substr(hex(id), 25));
