-- migrate:up transaction:false
-- 0008 replaces it.
DROP INDEX CONCURRENTLY images_open;

-- migrate:down

CREATE INDEX images_open ON images (update_time) WHERE state IN ('QUEUED', 'RUNNING');
