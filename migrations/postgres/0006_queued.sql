-- A run that waits for a Secret to change is queued long after its launch. None: it was queued with it.
alter table runs add column queued_us bigint;
