-- What is deleted: expired jobs, abandoned uploads, and the blobs of both.

-- name: expire_uploads
-- Drops unfinished uploads of jobs that no longer receive images, or without a sign of life.
DELETE FROM uploads u USING jobs j
WHERE j.job_id = u.job_id
  AND (j.state <> 'RECEIVING' OR u.update_time < now() - :abandoned_after::interval)
RETURNING u.site, u.job_id, u.image_id;

-- name: expire_jobs
-- Deletes terminal jobs whose retention has ended, with all their rows.
WITH due AS (
    SELECT job_id FROM jobs
    WHERE expire_time < now()
      AND state IN ('SUCCEEDED', 'PARTIALLY_SUCCEEDED', 'FAILED', 'CANCELLED')
    ORDER BY expire_time LIMIT :limit
    FOR UPDATE SKIP LOCKED
)
DELETE FROM jobs USING due WHERE jobs.job_id = due.job_id RETURNING jobs.site, jobs.job_id;

-- name: record_deletions!
-- Prefixes whose blobs are to be deleted. The row stays for a while after that, so that deleting a
-- job twice has the same answer.
INSERT INTO deletions (site, job_id, prefix, delete_time)
SELECT site, job_id, prefix, now()
FROM unnest(:sites::text[], :job_ids::uuid[], :prefixes::text[]) AS d (site, job_id, prefix);

-- name: claim_deletions
-- Claims prefixes whose rows are gone. A claim that is not used runs out.
WITH due AS (
    SELECT deletion_id FROM deletions
    WHERE sweep_time IS NULL AND delete_time < now() - :settle::interval
      AND (claimed_until IS NULL OR claimed_until <= now())
    ORDER BY deletion_id LIMIT :limit
    FOR UPDATE SKIP LOCKED
)
UPDATE deletions d SET claimed_until = now() + :claim::interval
FROM due WHERE d.deletion_id = due.deletion_id
RETURNING d.deletion_id, d.prefix;

-- name: release_deletions!
-- The blobs could not be deleted; any replica may try again at once.
UPDATE deletions SET claimed_until = NULL
WHERE deletion_id = ANY(:deletion_ids::bigint[]) AND sweep_time IS NULL;

-- name: mark_swept!
-- These blobs are deleted.
UPDATE deletions SET sweep_time = now() WHERE deletion_id = ANY(:deletion_ids::bigint[]);

-- name: forget_deletions!
-- Tombstones that nobody will ask for any more.
DELETE FROM deletions WHERE sweep_time < now() - :remember::interval;

-- name: known_originals
-- The blobs of those of these images that have a row or an upload; all other blobs are orphans.
SELECT image_id, original_keys AS keys FROM images WHERE image_id = ANY(:image_ids::uuid[])
UNION ALL
SELECT image_id, part_keys FROM uploads WHERE image_id = ANY(:image_ids::uuid[]);

-- name: renumber_jobs
-- Jobs of a restored database continue at a revision that nobody has seen; those that still receive
-- images have as long for them as a new job.
UPDATE jobs
SET revision = :revision,
    update_time = CASE WHEN state = 'RECEIVING' THEN now() ELSE update_time END
WHERE job_id IN (SELECT job_id FROM jobs WHERE revision < :revision LIMIT :limit FOR UPDATE)
RETURNING job_id;

-- name: renew_uploads!
-- Unfinished uploads of a restored database have as much time as new ones.
UPDATE uploads SET update_time = now();
