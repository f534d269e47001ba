-- Runs by the last 32 bits of their ids, which the six characters that people know a run by come from.
create index runs_by_tail on runs (substr(hex(id), 25));
