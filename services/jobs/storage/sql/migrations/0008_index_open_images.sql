-- migrate:up transaction:false
-- The reconciler looks at the oldest open image of each open job.
CREATE INDEX CONCURRENTLY images_open_job
    ON images (job_id, update_time) WHERE state IN ('QUEUED', 'RUNNING');

-- migrate:down

DROP INDEX images_open_job;
