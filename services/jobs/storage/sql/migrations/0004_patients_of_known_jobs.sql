-- migrate:up transaction:false
-- Triggers keep job_patients for new jobs; this adds those that were there before. In batches, so that
-- no job is locked for long, and safe to repeat.
DO $$
DECLARE
    last uuid := '00000000-0000-0000-0000-000000000000';
    batch uuid[];
BEGIN
    LOOP
        SELECT array_agg(b.job_id ORDER BY b.job_id) INTO batch
        FROM (SELECT job_id FROM jobs WHERE job_id > last ORDER BY job_id LIMIT 1000) b;
        EXIT WHEN batch IS NULL;
        INSERT INTO job_patients (job_id, patient_id, site, create_time)
        SELECT job_id, patient_id, site, create_time
        FROM jobs WHERE job_id = ANY(batch) AND patient_id <> ''
        UNION
        SELECT i.job_id, i.patient_id, i.site, j.create_time
        FROM images i JOIN jobs j ON j.job_id = i.job_id
        WHERE i.job_id = ANY(batch) AND i.patient_id <> ''
        ON CONFLICT DO NOTHING;
        last := batch[array_upper(batch, 1)];
        COMMIT;
    END LOOP;
END $$;

-- migrate:down
