-- migrate:up transaction:false
-- Lists of jobs of one caller, merged from the few priorities and states.
CREATE INDEX CONCURRENTLY jobs_list_creator
    ON jobs (site, creator, priority, state, create_time DESC, job_id DESC);

-- migrate:down

DROP INDEX jobs_list_creator;
