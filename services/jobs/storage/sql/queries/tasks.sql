-- The outbox, the outcomes of workers, and what the reconciler repairs.

-- name: claim_outbox
-- Claims tasks that are due, for models that this replica knows: the most urgent first, then the
-- oldest. Nobody else publishes them until the claim runs out.
WITH due AS (
    SELECT o.image_id
    FROM outbox o
    JOIN images i ON i.image_id = o.image_id
    JOIN jobs j ON j.job_id = o.job_id
    WHERE o.available_at <= now() AND (o.claimed_until IS NULL OR o.claimed_until <= now())
      AND j.model = ANY(:models::text[])
    ORDER BY array_position(:priorities::text[], j.priority), GREATEST(o.available_at, i.update_time)
    LIMIT :limit
    FOR UPDATE OF o SKIP LOCKED
), claimed AS (
    UPDATE outbox o SET claimed_until = now() + :claim::interval
    FROM due WHERE o.image_id = due.image_id
    RETURNING o.image_id, o.job_id, o.site, o.attempt, o.available_at, o.claimed_until, o.traceparent
)
SELECT c.image_id, c.job_id, c.site, c.attempt, c.claimed_until, c.traceparent, i.republished,
       i.original_keys, i.size_bytes, i.update_time, j.priority, j.clahe, j.model
FROM claimed c
JOIN images i ON i.image_id = c.image_id
JOIN jobs j ON j.job_id = c.job_id
ORDER BY array_position(:priorities::text[], j.priority), GREATEST(c.available_at, i.update_time);

-- name: delete_claimed!
-- Tasks that the broker has stored. One that was claimed again or queued again since stays.
DELETE FROM outbox
WHERE image_id = ANY(:image_ids::uuid[]) AND claimed_until = :claimed_until;

-- name: release_claimed!
-- Tasks that could not be published may be claimed by any replica at once.
UPDATE outbox SET claimed_until = NULL
WHERE image_id = ANY(:image_ids::uuid[]) AND claimed_until = :claimed_until;

-- name: drop_outbox_tasks!
-- Tasks of attempts that have failed; that of a later attempt stays.
DELETE FROM outbox o USING unnest(:image_ids::uuid[], :attempts::int[]) AS t (image_id, attempt)
WHERE o.image_id = t.image_id AND o.attempt = t.attempt;

-- name: find_withdrawn
-- Tasks that have been due for too long, for models that are no longer offered.
SELECT o.image_id, o.job_id, o.attempt, i.republished
FROM outbox o
JOIN images i ON i.image_id = o.image_id
JOIN jobs j ON j.job_id = o.job_id
WHERE GREATEST(o.available_at, i.update_time) < now() - :withdrawn_after::interval
  AND NOT j.model = ANY(:models::text[])
LIMIT :limit;

-- name: apply_outcomes
-- A batch of outcomes, at most one per image. Changes only images whose attempt matches, that have
-- not ended and are not further along already; returns those that changed. An outcome of one
-- publication counts only until the attempt is published again. No time is later than now, whatever
-- the clock of a worker says.
UPDATE images i
SET state = o.state, stage = o.stage, error_code = o.error_code, error_message = o.error_message,
    retryable = o.retryable, predicted_label = o.predicted_label, result = o.result,
    has_preview = o.has_preview, has_heatmap = o.has_heatmap,
    start_time = COALESCE(i.start_time, GREATEST(i.create_time, LEAST(o.started_at, now()))),
    end_time = CASE WHEN o.state <> 'RUNNING'
               THEN GREATEST(i.create_time, LEAST(o.occurred_at, now())) END,
    revision = j.revision + 1, update_time = now()
FROM unnest(:image_ids::uuid[], :attempts::int[], :states::text[], :stages::text[],
            :error_codes::text[], :error_messages::text[], :retryables::boolean[],
            :predicted_labels::text[], :results::jsonb[], :has_previews::boolean[],
            :has_heatmaps::boolean[], :occurred_at::timestamptz[], :started_at::timestamptz[],
            :republished::int[])
    AS o (image_id, attempt, state, stage, error_code, error_message, retryable, predicted_label,
          result, has_preview, has_heatmap, occurred_at, started_at, republished),
    jobs j
WHERE i.image_id = o.image_id AND i.attempt = o.attempt AND j.job_id = i.job_id
  AND i.republished = COALESCE(o.republished, i.republished)
  AND i.state IN ('QUEUED', 'RUNNING')
  AND (o.state <> 'RUNNING' OR i.stage = '' OR (i.stage = 'PREPROCESS' AND o.stage = 'INFER'))
RETURNING i.image_id, i.job_id, i.attempt, i.state;

-- name: count_outcomes!
-- Moves the counters by what changed, and the state with them.
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
         AND j.succeeded + d.succeeded + j.failed + d.failed + j.cancelled = j.total THEN now() END,
    revision = j.revision + 1, update_time = now()
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
-- Open jobs with an image that has been open and unchanged for too long and has no task in the
-- outbox. Stuck: for so long that what the broker may hold of it is not to be waited for.
SELECT j.job_id, s.oldest < now() - :stuck_after::interval AS stuck
FROM jobs j
CROSS JOIN LATERAL (
    SELECT i.update_time AS oldest
    FROM images i
    WHERE i.job_id = j.job_id AND i.state IN ('QUEUED', 'RUNNING')
      AND i.update_time < now() - :stalled_after::interval
      AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.image_id = i.image_id)
    ORDER BY i.update_time
    LIMIT 1
) s
WHERE j.state IN ('RECEIVING', 'PENDING', 'RUNNING')
ORDER BY s.oldest;

-- name: find_exhausted
-- Stalled images whose task was lost too often, with no answer since the last publication either.
SELECT i.image_id, i.job_id, i.attempt, i.republished
FROM images i
WHERE i.job_id = ANY(:job_ids::uuid[]) AND i.state IN ('QUEUED', 'RUNNING')
  AND i.update_time < now() - :stalled_after::interval AND i.losses >= :max_losses
  AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.image_id = i.image_id);

-- name: republish
-- Tasks of stalled images return to the outbox, unless they were lost too often or have moved since.
WITH again AS (
    UPDATE images i
    SET republished = republished + 1, losses = losses + 1, update_time = now()
    WHERE i.job_id = ANY(:job_ids::uuid[]) AND i.state IN ('QUEUED', 'RUNNING')
      AND i.update_time < now() - :stalled_after::interval AND i.losses < :max_losses
      AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.image_id = i.image_id)
    RETURNING image_id, job_id, site, attempt
)
INSERT INTO outbox (image_id, job_id, site, attempt, available_at)
SELECT image_id, job_id, site, attempt, now() FROM again
ON CONFLICT (image_id) DO NOTHING
RETURNING image_id, job_id;

-- name: replace_stuck
-- Tasks of all open images of a job return to the outbox, if one of them is stuck: they replace what
-- the broker holds, so this does not count as a loss. They are claimed until that was purged. The
-- job is locked.
WITH again AS (
    UPDATE images i
    SET republished = republished + 1, update_time = now()
    WHERE i.job_id = :job_id AND i.state IN ('QUEUED', 'RUNNING')
      AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.image_id = i.image_id)
      AND EXISTS (SELECT 1 FROM images s
                  WHERE s.job_id = :job_id AND s.state IN ('QUEUED', 'RUNNING')
                    AND s.update_time < now() - :stuck_after::interval
                    AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.image_id = s.image_id))
    RETURNING image_id, job_id, site, attempt
)
INSERT INTO outbox (image_id, job_id, site, attempt, available_at, claimed_until)
SELECT image_id, job_id, site, attempt, now(), now() + :claim::interval FROM again
ON CONFLICT (image_id) DO NOTHING
RETURNING image_id, claimed_until;

-- name: redeliver_once$
-- A dead-lettered task returns to the outbox under another message id, due after a delay, unless
-- this has happened before or its image has ended or moved on.
WITH again AS (
    UPDATE images
    SET republished = republished + 1, deaths = deaths + 1, update_time = now()
    WHERE image_id = :image_id AND attempt = :attempt AND republished = :republished
      AND deaths = 0 AND state IN ('QUEUED', 'RUNNING')
    RETURNING image_id, job_id, site, attempt
)
INSERT INTO outbox (image_id, job_id, site, attempt, available_at)
SELECT image_id, job_id, site, attempt, now() + :redelivery_delay::interval FROM again
ON CONFLICT (image_id) DO UPDATE
SET available_at = EXCLUDED.available_at, claimed_until = NULL
RETURNING image_id;

-- name: find_abandoned
-- Jobs that have been receiving for too long without a sign of life.
SELECT job_id, site, total, update_time FROM jobs
WHERE state = 'RECEIVING' AND update_time < now() - :abandoned_after::interval
ORDER BY update_time LIMIT :limit;
