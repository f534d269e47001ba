-- What a launch was judged by beyond the run itself: who asked, with their groups, and k6's facts about the script. A run that
-- leaves the queue under another policy is judged by it again.
alter table runs add column judged text;

-- Complaints of k6 about time and memory were kept here for ever, although they may have been the machine's. k6 is asked again.
delete from inspections where json_extract(answer, '$.answer') = 'broken';
