-- Every committed change of a job, for those who watch it.

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
-- Changes of several jobs, each after a revision of its own, in order.
SELECT e.job_id, e.revision, e.job, e.images
FROM unnest(:job_ids::uuid[], :revisions::bigint[]) AS w (job_id, revision)
CROSS JOIN LATERAL (
    SELECT job_id, revision, job, images
    FROM job_events
    WHERE job_id = w.job_id AND revision > w.revision
    ORDER BY revision
    LIMIT :limit
) e
ORDER BY e.job_id, e.revision;

-- name: changed_jobs
-- Those of these jobs that are no longer at the given revision, with their own; null: deleted.
SELECT w.job_id, j.revision
FROM unnest(:job_ids::uuid[], :revisions::bigint[]) AS w (job_id, revision)
LEFT JOIN jobs j ON j.job_id = w.job_id
WHERE j.revision IS DISTINCT FROM w.revision;
