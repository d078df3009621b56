-- migrate:up transaction:false
-- job_patients replaces it.
DROP INDEX CONCURRENTLY jobs_site_patient;

-- migrate:down

CREATE INDEX jobs_site_patient ON jobs (site, patient_id) WHERE patient_id <> '';
