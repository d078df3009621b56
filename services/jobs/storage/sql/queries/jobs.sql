-- Jobs as callers see and change them. Rows of jobs and images leave as jsonb, so that a live row
-- and one kept in job_events are read by the same code: `services.jobs.storage.rows`.

-- name: set_scope^
-- The site, and for a patient the patient, that the rest of the transaction may see.
SELECT set_config('carina.site', :site, true), set_config('carina.patient', :patient, true);

-- name: schema_version$
-- The newest migration that has been applied.
SELECT max(version) FROM schema_migrations;

-- name: find_request^
-- The job that an earlier CreateJob with this request_id created.
SELECT to_jsonb(j) AS job, j.request_digest
FROM jobs j
WHERE j.creator = :creator AND j.request_id = :request_id;

-- name: count_recent_jobs$
-- How many jobs a caller has created within the last minute: the rate limit.
SELECT count(*) FROM jobs
WHERE creator = :creator AND create_time > now() - interval '1 minute';

-- name: insert_job$
-- A new job in RECEIVING. Returns nothing if the request_id is taken.
INSERT INTO jobs (job_id, site, creator, request_id, request_digest, state, revision, patient_id,
                  display_name, notes, clahe, priority, start_time, model, create_time, update_time,
                  expire_time)
VALUES (:job_id, :site, :creator, :request_id, :request_digest, 'RECEIVING', 1, :patient_id,
        :display_name, :notes, :clahe, :priority, :start_time, :model, now(), now(),
        now() + :retention::interval)
ON CONFLICT (site, creator, request_id) DO NOTHING
RETURNING job_id;

-- name: get_job^
-- One job.
SELECT to_jsonb(j) AS job FROM jobs j WHERE j.job_id = :job_id;

-- name: lock_job^
-- One job, locked until the transaction ends: every change of a job begins here, so that its
-- revisions are committed in order.
SELECT to_jsonb(j) AS job FROM jobs j WHERE j.job_id = :job_id FOR UPDATE;

-- name: lock_jobs
-- Several jobs, locked in one order, so that two replicas cannot deadlock.
SELECT j.job_id FROM jobs j WHERE j.job_id = ANY(:job_ids::uuid[]) ORDER BY j.job_id FOR UPDATE;

-- name: plan_each_query^
-- Lists have many optional filters: within this transaction each combination gets its own plan.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true);

-- name: list_jobs
-- All jobs of the site, newest first, after a key of the page before.
SELECT to_jsonb(j) AS job
FROM jobs j
WHERE j.site = :site
  AND (:created_after::timestamptz IS NULL OR j.create_time >= :created_after)
  AND (:created_before::timestamptz IS NULL OR j.create_time < :created_before)
  AND (:after_time::timestamptz IS NULL OR (j.create_time, j.job_id) < (:after_time, :after_id::uuid))
ORDER BY j.create_time DESC, j.job_id DESC
LIMIT :page_size;

-- name: list_jobs_by_state
-- Jobs of the site, or of one caller, in some states and priorities: the newest of each pair, then
-- of all.
SELECT to_jsonb(j) AS job
FROM (
    SELECT found.job_id, found.create_time
    FROM unnest(:priorities::text[]) AS p (priority)
    CROSS JOIN unnest(:states::text[]) AS s (state)
    CROSS JOIN LATERAL (
        SELECT j.job_id, j.create_time
        FROM jobs j
        WHERE j.site = :site AND (:creator::text = '' OR j.creator = :creator)
          AND j.priority = p.priority AND j.state = s.state
          AND (:created_after::timestamptz IS NULL OR j.create_time >= :created_after)
          AND (:created_before::timestamptz IS NULL OR j.create_time < :created_before)
          AND (:after_time::timestamptz IS NULL
               OR (j.create_time, j.job_id) < (:after_time, :after_id::uuid))
        ORDER BY j.create_time DESC, j.job_id DESC
        LIMIT :page_size
    ) found
    ORDER BY found.create_time DESC, found.job_id DESC
    LIMIT :page_size
) page
JOIN jobs j ON j.job_id = page.job_id
ORDER BY page.create_time DESC, page.job_id DESC;

-- name: list_jobs_by_patient
-- Jobs that are of a patient or hold an image of theirs, and pass the other filters. It reads the
-- jobs of that patient from the newest on until the page is full.
SELECT to_jsonb(j) AS job
FROM (
    SELECT p.job_id, p.create_time
    FROM job_patients p
    JOIN jobs j ON j.job_id = p.job_id
    WHERE p.site = :site AND p.patient_id = :patient_id
      AND j.state = ANY(:states::text[]) AND j.priority = ANY(:priorities::text[])
      AND (:creator::text = '' OR j.creator = :creator)
      AND (:created_after::timestamptz IS NULL OR p.create_time >= :created_after)
      AND (:created_before::timestamptz IS NULL OR p.create_time < :created_before)
      AND (:after_time::timestamptz IS NULL
           OR (p.create_time, p.job_id) < (:after_time, :after_id::uuid))
    ORDER BY p.create_time DESC, p.job_id DESC
    LIMIT :page_size
) page
JOIN jobs j ON j.job_id = page.job_id
ORDER BY page.create_time DESC, page.job_id DESC;

-- name: count_image!
-- A receiving job has one image more.
UPDATE jobs
SET total = total + 1, total_bytes = total_bytes + :size_bytes, revision = revision + 1,
    update_time = now()
WHERE job_id = :job_id;

-- name: touch_job!
-- Parts of an upload keep a receiving job from being closed as abandoned.
UPDATE jobs SET update_time = now() WHERE job_id = :job_id AND state = 'RECEIVING';

-- name: close_job$
-- No more images; the state follows from the counters.
UPDATE jobs
SET state = CASE
        WHEN succeeded + failed + cancelled < total
            THEN CASE WHEN taken_up THEN 'RUNNING' ELSE 'PENDING' END
        WHEN succeeded = total THEN 'SUCCEEDED'
        WHEN succeeded = 0 THEN 'FAILED'
        ELSE 'PARTIALLY_SUCCEEDED' END,
    close_time = now(),
    end_time = CASE WHEN succeeded + failed + cancelled = total THEN now() END,
    revision = revision + 1, update_time = now()
WHERE job_id = :job_id AND state = 'RECEIVING'
RETURNING job_id;

-- name: cancel_images
-- Every image that has not ended.
UPDATE images
SET state = 'CANCELLED', stage = '', revision = :revision, end_time = now(), update_time = now()
WHERE job_id = :job_id AND state IN ('QUEUED', 'RUNNING')
RETURNING image_id;

-- name: cancel_job!
-- The job itself, with as many images as were cancelled.
UPDATE jobs
SET state = 'CANCELLED', cancelled = cancelled + :cancelled,
    close_time = COALESCE(close_time, now()), end_time = now(), revision = revision + 1,
    update_time = now()
WHERE job_id = :job_id;

-- name: clear_outbox!
-- No task of a job is published any more.
DELETE FROM outbox WHERE job_id = :job_id;

-- name: record_retry$
-- Remembers a retry. Returns nothing if it was answered before.
INSERT INTO retry_requests (job_id, request_id, site) VALUES (:job_id, :request_id, :site)
ON CONFLICT DO NOTHING
RETURNING request_id;

-- name: retry_images
-- Failed images return to the queue under a new attempt, and their tasks to the outbox. A task that
-- the outbox still holds for the attempt before becomes that of the new one.
WITH again AS (
    UPDATE images
    SET state = 'QUEUED', stage = '', attempt = attempt + 1, republished = 0, losses = 0, deaths = 0,
        error_code = '', error_message = '', retryable = false, result = '{}', predicted_label = '',
        has_preview = false, has_heatmap = false, start_time = NULL, end_time = NULL,
        revision = :revision, update_time = now()
    WHERE job_id = :job_id AND state = 'FAILED'
      AND (cardinality(:image_ids::uuid[]) = 0 OR image_id = ANY(:image_ids::uuid[]))
      AND (NOT :only_retryable::boolean OR retryable)
    RETURNING image_id, job_id, site, attempt
)
INSERT INTO outbox (image_id, job_id, site, attempt, available_at, traceparent)
SELECT image_id, job_id, site, attempt, now(), :traceparent FROM again
ON CONFLICT (image_id) DO UPDATE
SET attempt = EXCLUDED.attempt, available_at = EXCLUDED.available_at, claimed_until = NULL,
    traceparent = EXCLUDED.traceparent
RETURNING image_id;

-- name: reopen_job!
-- As many images as were retried are open again.
UPDATE jobs
SET failed = failed - :retried, end_time = NULL,
    state = CASE WHEN state = 'RECEIVING' THEN state ELSE 'RUNNING' END,
    revision = revision + 1, update_time = now()
WHERE job_id = :job_id;

-- name: delete_job!
-- A terminal job and all its rows.
DELETE FROM jobs
WHERE job_id = :job_id AND state IN ('SUCCEEDED', 'PARTIALLY_SUCCEEDED', 'FAILED', 'CANCELLED');

-- name: was_deleted$
-- Whether a job of this name was deleted not long ago.
SELECT EXISTS (SELECT 1 FROM deletions WHERE job_id = :job_id);
