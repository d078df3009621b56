-- migrate:up transaction:false
-- Lists of jobs by state or priority, merged from the few values of both.
CREATE INDEX CONCURRENTLY jobs_list_state
    ON jobs (site, priority, state, create_time DESC, job_id DESC);

-- migrate:down

DROP INDEX jobs_list_state;
