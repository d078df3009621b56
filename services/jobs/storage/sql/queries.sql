-- Every query of the jobs service. Rows of jobs and images leave as jsonb, so that a live row and
-- one kept in job_events are read by the same code: `services.jobs.storage.rows` names each field.

-- name: set_scope^
-- The site, and for a patient the patient, that the rest of the transaction may see.
SELECT set_config('carina.site', :site, true), set_config('carina.patient', :patient, true);

-- name: schema_version$
-- The newest migration that has been applied.
SELECT max(version) FROM schema_migrations;

-- name: find_request^
-- The job that an earlier CreateJob with this request_id made.
SELECT to_jsonb(j) AS job, j.request_digest
FROM jobs j
WHERE j.creator = :creator AND j.request_id = :request_id;

-- name: count_recent_jobs$
-- How many jobs a caller has created of late: the rate limit. What a clock that has since been set
-- back has dated ahead does not count.
SELECT count(*) FROM jobs
WHERE creator = :creator AND create_time > :since AND create_time <= :now;

-- name: insert_job$
-- A new job in RECEIVING. Returns nothing where the request_id is taken.
INSERT INTO jobs (job_id, site, creator, request_id, request_digest, state, revision, patient_id,
                  display_name, notes, clahe, priority, start_time, model, create_time, update_time,
                  expire_time)
VALUES (:job_id, :site, :creator, :request_id, :request_digest, 'RECEIVING', 1, :patient_id,
        :display_name, :notes, :clahe, :priority, :start_time, :model, :now, :now, :expire_time)
ON CONFLICT (site, creator, request_id) DO NOTHING
RETURNING job_id;

-- name: get_job^
-- One job.
SELECT to_jsonb(j) AS job FROM jobs j WHERE j.job_id = :job_id;

-- name: lock_job^
-- One job, held until the transaction ends: every change of a job begins here, so that its
-- revisions are committed in their order.
SELECT to_jsonb(j) AS job FROM jobs j WHERE j.job_id = :job_id FOR UPDATE;

-- name: lock_jobs
-- Several jobs, held in one order, so that two replicas can not wait for each other.
SELECT j.job_id FROM jobs j WHERE j.job_id = ANY(:job_ids::uuid[]) ORDER BY j.job_id FOR UPDATE;

-- name: list_jobs
-- Newest first, after a key of the page before.
SELECT to_jsonb(j) AS job
FROM jobs j
WHERE (cardinality(:states::text[]) = 0 OR j.state = ANY(:states::text[]))
  AND (:patient_id::text = '' OR j.patient_id = :patient_id
       OR EXISTS (SELECT 1 FROM images i WHERE i.job_id = j.job_id AND i.patient_id = :patient_id))
  AND (:created_after::timestamptz IS NULL OR j.create_time >= :created_after)
  AND (:created_before::timestamptz IS NULL OR j.create_time < :created_before)
  AND (:priority::text = '' OR j.priority = :priority)
  AND (:creator::text = '' OR j.creator = :creator)
  AND (:after_time::timestamptz IS NULL OR (j.create_time, j.job_id) < (:after_time, :after_id::uuid))
ORDER BY j.create_time DESC, j.job_id DESC
LIMIT :page_size;

-- name: list_images
-- The images of a job by ordinal, after an ordinal.
SELECT to_jsonb(i) AS image
FROM images i
WHERE i.job_id = :job_id AND i.ordinal > :after_ordinal
  AND (cardinality(:states::text[]) = 0 OR i.state = ANY(:states::text[]))
ORDER BY i.ordinal
LIMIT :page_size;

-- name: get_image^
-- One image, with or without the name of its job.
SELECT to_jsonb(i) AS image
FROM images i
WHERE i.image_id = :image_id AND (:job_id::uuid IS NULL OR i.job_id = :job_id);

-- name: get_image_by_key^
-- The image that an upload under this key has become.
SELECT to_jsonb(i) AS image FROM images i WHERE i.job_id = :job_id AND i.image_key = :image_key;

-- name: get_heatmap$
-- The class activation of an image.
SELECT png FROM heatmaps WHERE image_id = :image_id;

-- name: get_upload^
-- The durable parts of an upload that is no image yet.
SELECT image_id, part_keys, committed_size
FROM uploads WHERE job_id = :job_id AND image_key = :image_key;

-- name: first_part$
-- Makes the first part of an upload durable. Returns nothing where another stream was there first,
-- or where the upload has become an image meanwhile.
INSERT INTO uploads (job_id, image_key, site, image_id, part_keys, committed_size, create_time, update_time)
SELECT :job_id, :image_key, :site, :image_id, ARRAY[:part_key::text], :new_size, :now, :now
WHERE NOT EXISTS (SELECT 1 FROM images WHERE job_id = :job_id AND image_key = :image_key)
ON CONFLICT (job_id, image_key) DO NOTHING
RETURNING committed_size;

-- name: next_part$
-- Makes one more part durable. Returns nothing where another stream was there first.
UPDATE uploads
SET part_keys = part_keys || :part_key::text, committed_size = :new_size, update_time = :now
WHERE job_id = :job_id AND image_key = :image_key AND image_id = :image_id
  AND committed_size = :old_size
RETURNING committed_size;

-- name: touch_job!
-- Parts of an upload keep a receiving job from being closed as abandoned.
UPDATE jobs SET update_time = :now WHERE job_id = :job_id AND state = 'RECEIVING';

-- name: take_upload$
-- Ends an upload: its parts now belong to whoever asked. Returns nothing where they have been
-- given away or have grown since.
DELETE FROM uploads
WHERE job_id = :job_id AND image_key = :image_key AND image_id = :image_id
  AND committed_size = :committed_size
RETURNING image_id;

-- name: insert_image$
-- A committed image and the task that is owed for it: at once (-infinity, due by any clock) or from
-- the job's start time on. Returns nothing where the key is taken.
WITH image AS (
    INSERT INTO images (image_id, job_id, site, image_key, file_name, ordinal, size_bytes, sha256,
                        original_keys, patient_id, state, attempt, revision, duplicate_of,
                        create_time, update_time)
    VALUES (:image_id, :job_id, :site, :image_key, :file_name, :ordinal, :size_bytes, :sha256,
            :original_keys::text[], :patient_id, 'QUEUED', 1, :revision,
            COALESCE((SELECT 'jobs/' || d.job_id || '/images/' || d.image_id
                      FROM images d
                      WHERE d.site = :site AND d.sha256 = :sha256
                      ORDER BY d.create_time, d.image_id LIMIT 1), ''),
            :now, :now)
    ON CONFLICT (job_id, image_key) DO NOTHING
    RETURNING image_id, job_id, site, attempt
)
INSERT INTO outbox (image_id, job_id, site, attempt, available_at)
SELECT image_id, job_id, site, attempt, COALESCE(:start_time::timestamptz, '-infinity') FROM image
RETURNING image_id;

-- name: count_image!
-- A receiving job has one image more.
UPDATE jobs
SET total = total + 1, total_bytes = total_bytes + :size_bytes, revision = revision + 1, update_time = :now
WHERE job_id = :job_id;

-- name: close_job$
-- No more images; what the counters already say becomes the state.
UPDATE jobs
SET state = CASE
        WHEN succeeded + failed + cancelled < total THEN CASE WHEN taken_up THEN 'RUNNING' ELSE 'PENDING' END
        WHEN succeeded = total THEN 'SUCCEEDED'
        WHEN succeeded = 0 THEN 'FAILED'
        ELSE 'PARTIALLY_SUCCEEDED' END,
    close_time = :now,
    end_time = CASE WHEN succeeded + failed + cancelled = total THEN :now::timestamptz END,
    revision = revision + 1, update_time = :now
WHERE job_id = :job_id AND state = 'RECEIVING'
RETURNING job_id;

-- name: cancel_images
-- Every image that has not ended.
UPDATE images
SET state = 'CANCELLED', stage = '', revision = :revision, end_time = :now, update_time = :now
WHERE job_id = :job_id AND state IN ('QUEUED', 'RUNNING')
RETURNING image_id;

-- name: cancel_job!
-- The job itself, with as many images as were cancelled.
UPDATE jobs
SET state = 'CANCELLED', cancelled = cancelled + :cancelled, close_time = COALESCE(close_time, :now),
    end_time = :now, revision = revision + 1, update_time = :now
WHERE job_id = :job_id;

-- name: clear_outbox!
-- Nothing more is owed for a job.
DELETE FROM outbox WHERE job_id = :job_id;

-- name: discard_uploads
-- Unfinished uploads of a job; their blobs are to be deleted.
WITH gone AS (
    DELETE FROM uploads WHERE job_id = :job_id RETURNING job_id, site, image_id
)
INSERT INTO deletions (site, job_id, prefix, delete_time)
SELECT site, job_id, 'sites/' || site || '/jobs/' || job_id || '/' || image_id || '/', :now FROM gone
RETURNING prefix;

-- name: record_retry$
-- Remembers a retry. Returns nothing where it was answered before.
INSERT INTO retry_requests (job_id, request_id, site) VALUES (:job_id, :request_id, :site)
ON CONFLICT DO NOTHING
RETURNING request_id;

-- name: retry_images
-- Failed images go back to the queue under a new attempt, and their tasks are owed again; what may
-- still be owed for the attempt before is this one's.
WITH again AS (
    UPDATE images
    SET state = 'QUEUED', stage = '', attempt = attempt + 1, republished = 0, losses = 0, deaths = 0,
        error_code = '', error_message = '', retryable = false, result = '{}', predicted_label = '',
        has_preview = false, has_heatmap = false, start_time = NULL, end_time = NULL,
        revision = :revision, update_time = :now
    WHERE job_id = :job_id AND state = 'FAILED'
      AND (cardinality(:image_ids::uuid[]) = 0 OR image_id = ANY(:image_ids::uuid[]))
      AND (NOT :only_retryable::boolean OR retryable)
    RETURNING image_id, job_id, site, attempt
)
INSERT INTO outbox (image_id, job_id, site, attempt, available_at)
SELECT image_id, job_id, site, attempt, '-infinity' FROM again
ON CONFLICT (image_id) DO UPDATE
SET attempt = EXCLUDED.attempt, available_at = EXCLUDED.available_at
RETURNING image_id;

-- name: reopen_job!
-- As many images as were retried are open again.
UPDATE jobs
SET failed = failed - :retried, end_time = NULL,
    state = CASE WHEN state = 'RECEIVING' THEN state ELSE 'RUNNING' END,
    revision = revision + 1, update_time = :now
WHERE job_id = :job_id;

-- name: forget_upload!
-- An upload that nobody will go on with; its blobs are to be deleted.
WITH gone AS (
    DELETE FROM uploads
    WHERE job_id = :job_id AND image_key = :image_key AND image_id = :image_id
    RETURNING job_id, site, image_id
)
INSERT INTO deletions (site, job_id, prefix, delete_time)
SELECT site, job_id, 'sites/' || site || '/jobs/' || job_id || '/' || image_id || '/', :now FROM gone;

-- name: delete_job!
-- A terminal job with everything that hangs on it.
DELETE FROM jobs
WHERE job_id = :job_id AND state IN ('SUCCEEDED', 'PARTIALLY_SUCCEEDED', 'FAILED', 'CANCELLED');

-- name: record_deletion!
-- The blobs of a deleted job are to be deleted, and the deletion is remembered.
INSERT INTO deletions (site, job_id, prefix, delete_time)
VALUES (:site, :job_id, 'sites/' || :site || '/jobs/' || :job_id::uuid || '/', :now);

-- name: was_deleted$
-- Whether a job of this name was deleted not long ago.
SELECT EXISTS (SELECT 1 FROM deletions WHERE job_id = :job_id);

-- name: record_events
-- What the transaction did to these jobs: the last step of every change.
INSERT INTO job_events (job_id, revision, site, job, images)
SELECT j.job_id, j.revision, j.site, to_jsonb(j) - 'request_digest',
       COALESCE((SELECT jsonb_agg(to_jsonb(i) - 'original_keys' ORDER BY i.ordinal)
                 FROM images i
                 WHERE i.image_id = ANY(:image_ids::uuid[]) AND i.job_id = j.job_id), '[]')
FROM jobs j
WHERE j.job_id = ANY(:job_ids::uuid[])
RETURNING job_id, revision, job, images;

-- name: events_after
-- What happened to a job after a revision, in order.
SELECT revision, job, images
FROM job_events
WHERE job_id = :job_id AND revision > :after
ORDER BY revision
LIMIT :most;

-- name: job_exists$
-- Whether a job is still there: a deleted one has no events left to tell of its end.
SELECT EXISTS (SELECT 1 FROM jobs WHERE job_id = :job_id);

-- name: claim_outbox
-- Tasks that are due, for models that this replica knows, held by it alone until the transaction
-- ends.
SELECT o.image_id, o.job_id, o.site, o.attempt, i.republished, i.original_keys, i.size_bytes,
       i.update_time, j.priority, j.clahe, j.model
FROM outbox o
JOIN images i ON i.image_id = o.image_id
JOIN jobs j ON j.job_id = o.job_id
WHERE o.available_at <= :now AND j.model = ANY(:models::text[])
ORDER BY j.priority DESC, GREATEST(o.available_at, i.update_time)
LIMIT :most
FOR UPDATE OF o SKIP LOCKED;

-- name: find_withdrawn
-- Tasks that have been due since before a moment, for models that are no longer offered.
SELECT o.image_id, o.job_id, o.attempt, i.republished
FROM outbox o
JOIN images i ON i.image_id = o.image_id
JOIN jobs j ON j.job_id = o.job_id
WHERE GREATEST(o.available_at, i.update_time) < :before AND NOT j.model = ANY(:models::text[])
LIMIT :most;

-- name: delete_outbox!
-- Tasks that the broker has acknowledged.
DELETE FROM outbox WHERE image_id = ANY(:image_ids::uuid[]);

-- name: forget_owed!
-- Tasks that nobody will ever do; what a retry owes meanwhile stays.
DELETE FROM outbox o USING unnest(:image_ids::uuid[], :attempts::int[]) AS t (image_id, attempt)
WHERE o.image_id = t.image_id AND o.attempt = t.attempt;

-- name: apply_outcomes
-- A batch of outcomes, at most one an image. Changes only images whose attempt matches, that have
-- not ended and that are not further along already; returns those really changed. What is said of
-- one publication only counts until the attempt is published again.
UPDATE images i
SET state = o.state, stage = o.stage, error_code = o.error_code, error_message = o.error_message,
    retryable = o.retryable, predicted_label = o.predicted_label, result = o.result,
    has_preview = o.has_preview, has_heatmap = o.has_heatmap,
    start_time = COALESCE(i.start_time, o.taken_up),
    end_time = CASE WHEN o.state <> 'RUNNING' THEN o.happened END,
    revision = j.revision + 1, update_time = :now
FROM unnest(:image_ids::uuid[], :attempts::int[], :states::text[], :stages::text[], :error_codes::text[],
            :error_messages::text[], :retryables::boolean[], :predicted_labels::text[],
            :results::jsonb[], :has_previews::boolean[], :has_heatmaps::boolean[],
            :happened::timestamptz[], :taken_up::timestamptz[], :republished::int[])
    AS o (image_id, attempt, state, stage, error_code, error_message, retryable, predicted_label,
          result, has_preview, has_heatmap, happened, taken_up, republished),
    jobs j
WHERE i.image_id = o.image_id AND i.attempt = o.attempt AND j.job_id = i.job_id
  AND i.republished = COALESCE(o.republished, i.republished)
  AND i.state IN ('QUEUED', 'RUNNING')
  AND (o.state <> 'RUNNING' OR i.stage = '' OR (i.stage = 'PREPROCESS' AND o.stage = 'INFER'))
RETURNING i.image_id, i.job_id, i.attempt, i.state;

-- name: count_outcomes!
-- Moves the counters by what was really changed, and the state with them.
UPDATE jobs j
SET succeeded = j.succeeded + d.succeeded,
    failed = j.failed + d.failed,
    taken_up = true,
    state = CASE
        WHEN j.state = 'RECEIVING' THEN j.state
        WHEN j.succeeded + d.succeeded + j.failed + d.failed + j.cancelled < j.total THEN 'RUNNING'
        WHEN j.succeeded + d.succeeded = j.total THEN 'SUCCEEDED'
        WHEN j.succeeded + d.succeeded = 0 THEN 'FAILED'
        ELSE 'PARTIALLY_SUCCEEDED' END,
    end_time = CASE
        WHEN j.state <> 'RECEIVING'
         AND j.succeeded + d.succeeded + j.failed + d.failed + j.cancelled = j.total THEN :now::timestamptz END,
    revision = j.revision + 1, update_time = :now
FROM unnest(:job_ids::uuid[], :succeeded::int[], :failed::int[]) AS d (job_id, succeeded, failed)
WHERE j.job_id = d.job_id;

-- name: insert_heatmaps!
-- Class activations of images that have just succeeded.
INSERT INTO heatmaps (image_id, site, png)
SELECT i.image_id, i.site, h.png
FROM unnest(:image_ids::uuid[], :pngs::bytea[]) AS h (image_id, png)
JOIN images i ON i.image_id = h.image_id
ON CONFLICT (image_id) DO UPDATE SET png = EXCLUDED.png;

-- name: find_stalled
-- Jobs with images that have been open since before a moment with no task owed for them. Those of
-- the far future belong to them: a clock has been set back.
SELECT i.job_id, array_agg(i.image_id ORDER BY i.ordinal) AS image_ids, min(i.update_time) AS oldest
FROM images i
WHERE i.state IN ('QUEUED', 'RUNNING') AND i.update_time NOT BETWEEN :before AND :after
  AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.image_id = i.image_id)
GROUP BY i.job_id
ORDER BY min(i.update_time)
LIMIT :most;

-- name: republish
-- Tasks of stalled images are owed once more, unless they were lost too often or have moved since.
WITH again AS (
    UPDATE images
    SET republished = republished + 1, losses = losses + 1, update_time = :now
    WHERE image_id = ANY(:image_ids::uuid[]) AND state IN ('QUEUED', 'RUNNING')
      AND update_time NOT BETWEEN :before AND :after AND losses < :most
    RETURNING image_id, job_id, site, attempt
)
INSERT INTO outbox (image_id, job_id, site, attempt, available_at)
SELECT image_id, job_id, site, attempt, '-infinity' FROM again
ON CONFLICT (image_id) DO NOTHING
RETURNING image_id;

-- name: publish_anew
-- Tasks of all open images of a job are owed once more, if one of them has been open since before a
-- moment: the broker's are taken away. That counts as no loss. The job is held.
WITH again AS (
    UPDATE images i
    SET republished = republished + 1, update_time = :now
    WHERE i.job_id = :job_id AND i.state IN ('QUEUED', 'RUNNING')
      AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.image_id = i.image_id)
      AND EXISTS (SELECT 1 FROM images s
                  WHERE s.job_id = :job_id AND s.state IN ('QUEUED', 'RUNNING') AND s.update_time < :before
                    AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.image_id = s.image_id))
    RETURNING image_id, job_id, site, attempt
)
INSERT INTO outbox (image_id, job_id, site, attempt, available_at)
SELECT image_id, job_id, site, attempt, '-infinity' FROM again
ON CONFLICT (image_id) DO NOTHING
RETURNING image_id;

-- name: redeliver_once^
-- A task that no worker has answered is owed once more, under another message id, unless this was its
-- last chance, or its image has ended or moved on since.
WITH again AS (
    UPDATE images
    SET republished = republished + 1, deaths = deaths + 1, update_time = :now
    WHERE image_id = :image_id AND attempt = :attempt AND republished = :republished
      AND deaths = 0 AND state IN ('QUEUED', 'RUNNING')
    RETURNING image_id, job_id, site, attempt
)
INSERT INTO outbox (image_id, job_id, site, attempt, available_at)
SELECT image_id, job_id, site, attempt, :due FROM again
ON CONFLICT (image_id) DO NOTHING
RETURNING image_id;

-- name: release_delayed
-- A last chance that is further away than it can be, for a clock has been set back, is due at once.
-- What waits for the start time of its job is another thing: it was never published.
UPDATE outbox o SET available_at = '-infinity'
FROM images i
WHERE i.image_id = o.image_id AND i.republished > 0 AND o.available_at > :latest
RETURNING o.image_id;

-- name: find_exhausted
-- Stalled images whose task was lost too often: nothing has ever come back, also since the last one.
SELECT image_id, job_id, attempt, republished
FROM images
WHERE image_id = ANY(:image_ids::uuid[]) AND state IN ('QUEUED', 'RUNNING')
  AND update_time NOT BETWEEN :before AND :after AND losses >= :most;

-- name: find_abandoned
-- Jobs that have been receiving without a sign of life since a moment.
SELECT job_id, site, total FROM jobs
WHERE state = 'RECEIVING' AND update_time < :before
ORDER BY update_time LIMIT :most;

-- name: expire_uploads
-- Unfinished uploads of jobs that are no longer receiving; their blobs are to be deleted.
WITH gone AS (
    DELETE FROM uploads u USING jobs j
    WHERE j.job_id = u.job_id AND (j.state <> 'RECEIVING' OR u.update_time < :before)
    RETURNING u.job_id, u.site, u.image_id
)
INSERT INTO deletions (site, job_id, prefix, delete_time)
SELECT site, job_id, 'sites/' || site || '/jobs/' || job_id || '/' || image_id || '/', :now FROM gone
RETURNING prefix;

-- name: expire_jobs
-- Terminal jobs whose time has come, with everything that hangs on them.
WITH due AS (
    SELECT job_id FROM jobs
    WHERE expire_time < :now AND state IN ('SUCCEEDED', 'PARTIALLY_SUCCEEDED', 'FAILED', 'CANCELLED')
    ORDER BY expire_time LIMIT :most
    FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM jobs USING due WHERE jobs.job_id = due.job_id RETURNING jobs.job_id, jobs.site
)
INSERT INTO deletions (site, job_id, prefix, delete_time)
SELECT site, job_id, 'sites/' || site || '/jobs/' || job_id || '/', :now FROM gone
RETURNING job_id;

-- name: renumber_jobs
-- Jobs of a restored record go on at a revision that nobody has seen; those that still receive images
-- have as long for them as a new one.
UPDATE jobs
SET revision = :revision,
    update_time = CASE WHEN state = 'RECEIVING' THEN :now ELSE update_time END
WHERE job_id IN (SELECT job_id FROM jobs WHERE revision < :revision LIMIT :most FOR UPDATE)
RETURNING job_id;

-- name: renew_uploads!
-- Unfinished uploads of a restored record may be gone on with for as long as a new one.
UPDATE uploads SET update_time = :now;

-- name: allow_idling!
-- The transaction may wait for something else than the database. A timer that runs already is not set
-- anew, only stopped.
SET LOCAL idle_in_transaction_session_timeout = '10min';
SET LOCAL transaction_timeout = 0;
SET LOCAL transaction_timeout = '10min';

-- name: take_deletions
-- Blobs whose rows are gone, held by this replica alone until the transaction ends.
SELECT deletion_id, prefix FROM deletions
WHERE sweep_time IS NULL AND delete_time < :before
ORDER BY deletion_id LIMIT :most
FOR UPDATE SKIP LOCKED;

-- name: mark_swept!
-- These blobs are deleted.
UPDATE deletions SET sweep_time = :now WHERE deletion_id = ANY(:deletion_ids::bigint[]);

-- name: forget_deletions!
-- Tombstones nobody will ask for any more.
DELETE FROM deletions WHERE sweep_time < :before;

-- name: known_originals
-- The blobs of those of these images that have a row or an upload; all other blobs are orphans.
SELECT image_id, original_keys AS keys FROM images WHERE image_id = ANY(:image_ids::uuid[])
UNION ALL
SELECT image_id, part_keys FROM uploads WHERE image_id = ANY(:image_ids::uuid[]);
