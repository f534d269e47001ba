-- What Argo CD deployed, as its history told it: it forgets after ten, trends do not. One row for one entry of one Application, however often
-- it is read. Rows are only ever added; the oldest of an app go when it has too many.
create table deployments (
    cluster text collate "C" not null,
    namespace text collate "C" not null,
    name text collate "C" not null,
    deployed_us bigint not null,
    history bigint not null,
    path text collate "C" not null,
    environment text collate "C" not null,
    by_name text collate "C",
    revisions jsonb not null,
    seen_us bigint not null,
    primary key (cluster, namespace, name, deployed_us, history)
);
create index deployments_by_path on deployments (path, deployed_us desc, history desc);
create function refuse_deployment_change() returns trigger language plpgsql as $$
begin
    raise exception 'deployments are never changed';
end
$$;
create trigger deployments_no_update before update on deployments for each statement execute function refuse_deployment_change();
