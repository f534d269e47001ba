-- What Argo CD deployed, as its history told it: it forgets after ten, trends do not. One row for one entry of one Application, however often
-- it is read. Rows are only ever added; the oldest of an app go when it has too many.
create table deployments (
    cluster text not null,
    namespace text not null,
    name text not null,
    deployed_us bigint not null,
    history bigint not null,
    path text not null,
    environment text not null,
    by_name text,
    revisions text not null,
    seen_us bigint not null,
    primary key (cluster, namespace, name, deployed_us, history)
);
create index deployments_by_path on deployments (path, deployed_us desc, history desc);
create trigger deployments_no_update before update on deployments
begin
    select raise(abort, 'deployments are never changed');
end;
