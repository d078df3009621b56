-- migrate:up transaction:false
-- The reconciler looks at every open job.
CREATE INDEX CONCURRENTLY jobs_open
    ON jobs (job_id) WHERE state IN ('RECEIVING', 'PENDING', 'RUNNING');

-- migrate:down

DROP INDEX jobs_open;
