-- migrate:up
SET lock_timeout = '5s';

-- A replica claims rows in a short transaction, does the work outside of it, and then removes the
-- rows. A claim that its replica did not live to use runs out, and another replica claims the row.
ALTER TABLE outbox
    ADD COLUMN claimed_until timestamptz,
    -- W3C trace context of the call that committed the image, empty when it is not traced.
    ADD COLUMN traceparent text NOT NULL DEFAULT '';
ALTER TABLE deletions ADD COLUMN claimed_until timestamptz;

-- The patients of a job: its own and those of its images. Lists by patient read it, newest first.
CREATE TABLE job_patients (
    job_id      uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
    patient_id  text NOT NULL,
    site        text NOT NULL,
    create_time timestamptz NOT NULL,
    PRIMARY KEY (job_id, patient_id)
);
ALTER TABLE job_patients ENABLE ROW LEVEL SECURITY;
-- As a CASE, because the planner expects it to keep half of the rows. It expected `IN` to keep one
-- in a hundred, and preferred to sort all jobs of a site over reading a page of them in order.
CREATE POLICY site_wall ON job_patients TO carina_caller
    USING (site = current_setting('carina.site')
           AND CASE WHEN current_setting('carina.patient') = '' THEN true
                     ELSE patient_id = current_setting('carina.patient') END);
ALTER POLICY site_wall ON jobs
    USING (site = current_setting('carina.site')
           AND CASE WHEN current_setting('carina.patient') = '' THEN true
                     ELSE patient_id = current_setting('carina.patient') END);
ALTER POLICY site_wall ON images
    USING (site = current_setting('carina.site')
           AND CASE WHEN current_setting('carina.patient') = '' THEN true
                     ELSE patient_id = current_setting('carina.patient') END);
CREATE POLICY everything ON job_patients TO carina_system USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON job_patients TO carina_caller, carina_system;

-- Triggers, so that replicas of the release before keep the table complete during the roll-out.
CREATE FUNCTION add_patient_of_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO job_patients (job_id, patient_id, site, create_time)
    VALUES (NEW.job_id, NEW.patient_id, NEW.site, NEW.create_time)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE FUNCTION add_patient_of_image() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO job_patients (job_id, patient_id, site, create_time)
    SELECT NEW.job_id, NEW.patient_id, NEW.site, j.create_time FROM jobs j WHERE j.job_id = NEW.job_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER add_patient AFTER INSERT ON jobs
    FOR EACH ROW WHEN (NEW.patient_id <> '') EXECUTE FUNCTION add_patient_of_job();
CREATE TRIGGER add_patient AFTER INSERT ON images
    FOR EACH ROW WHEN (NEW.patient_id <> '') EXECUTE FUNCTION add_patient_of_image();
CREATE INDEX job_patients_list ON job_patients (site, patient_id, create_time DESC, job_id DESC);

-- migrate:down

ALTER POLICY site_wall ON images
    USING (site = current_setting('carina.site')
           AND current_setting('carina.patient') IN ('', patient_id));
ALTER POLICY site_wall ON jobs
    USING (site = current_setting('carina.site')
           AND current_setting('carina.patient') IN ('', patient_id));
DROP TRIGGER add_patient ON images;
DROP TRIGGER add_patient ON jobs;
DROP FUNCTION add_patient_of_image, add_patient_of_job;
DROP TABLE job_patients;
ALTER TABLE deletions DROP COLUMN claimed_until;
ALTER TABLE outbox DROP COLUMN traceparent, DROP COLUMN claimed_until;
