-- Images of a job, and the uploads they come from.

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
-- The durable parts of an upload that is not an image yet.
SELECT image_id, part_keys, committed_size
FROM uploads WHERE job_id = :job_id AND image_key = :image_key;

-- name: first_part$
-- Makes the first part of an upload durable. Returns nothing if another stream was faster, or if
-- the upload has become an image meanwhile.
INSERT INTO uploads (job_id, image_key, site, image_id, part_keys, committed_size, create_time,
                     update_time)
SELECT :job_id, :image_key, :site, :image_id, ARRAY[:part_key::text], :new_size, now(), now()
WHERE NOT EXISTS (SELECT 1 FROM images WHERE job_id = :job_id AND image_key = :image_key)
ON CONFLICT (job_id, image_key) DO NOTHING
RETURNING committed_size;

-- name: next_part$
-- Makes one more part durable. Returns nothing if another stream was faster.
UPDATE uploads
SET part_keys = part_keys || :part_key::text, committed_size = :new_size, update_time = now()
WHERE job_id = :job_id AND image_key = :image_key AND image_id = :image_id
  AND committed_size = :old_size
RETURNING committed_size;

-- name: take_upload$
-- Ends an upload: its parts become the image's. Returns nothing if they have been given away or
-- have grown since.
DELETE FROM uploads
WHERE job_id = :job_id AND image_key = :image_key AND image_id = :image_id
  AND committed_size = :committed_size
RETURNING image_id;

-- name: insert_image$
-- A committed image and its task in the outbox, due at once or at the job's start time. Returns
-- nothing if the key is taken.
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
            now(), now())
    ON CONFLICT (job_id, image_key) DO NOTHING
    RETURNING image_id, job_id, site, attempt
)
INSERT INTO outbox (image_id, job_id, site, attempt, available_at, traceparent)
SELECT image_id, job_id, site, attempt, COALESCE(:start_time::timestamptz, now()), :traceparent
FROM image
RETURNING image_id;

-- name: drop_upload$
-- Drops an unfinished upload.
DELETE FROM uploads
WHERE job_id = :job_id AND image_key = :image_key AND image_id = :image_id
RETURNING image_id;

-- name: drop_uploads
-- Drops the unfinished uploads of a job.
DELETE FROM uploads WHERE job_id = :job_id RETURNING image_id;
