-- migrate:up

-- Two roles, neither of which logs in: the service's own login is a member of both and takes one of
-- them for each pool. `carina_caller` acts for a caller and sees one site; `carina_system` moves work
-- forward for all of them. Roles belong to the whole server: where the login may not create any, an
-- administrator has made these and granted them, and nothing is done here.
DO $$
DECLARE
    needed text;
BEGIN
    FOREACH needed IN ARRAY ARRAY['carina_caller', 'carina_system'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = needed) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', needed);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database of this server was faster
            END;
        END IF;
        BEGIN
            EXECUTE format('SET LOCAL ROLE %I', needed);
            RESET ROLE;
        EXCEPTION WHEN insufficient_privilege THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', needed);
        END;
    END LOOP;
END $$;

CREATE TABLE jobs (
    job_id         uuid PRIMARY KEY,
    site           text NOT NULL,
    creator        text NOT NULL,
    request_id     text NOT NULL,
    request_digest bytea NOT NULL,
    state          text NOT NULL CHECK (state IN ('RECEIVING', 'PENDING', 'RUNNING', 'SUCCEEDED',
                                                  'PARTIALLY_SUCCEEDED', 'FAILED', 'CANCELLED')),
    revision       bigint NOT NULL,
    patient_id     text NOT NULL,
    display_name   text NOT NULL,
    notes          text NOT NULL,
    clahe          boolean NOT NULL,
    priority       text NOT NULL CHECK (priority IN ('ROUTINE', 'URGENT')),
    start_time     timestamptz,
    model          text NOT NULL,
    total          integer NOT NULL DEFAULT 0,
    succeeded      integer NOT NULL DEFAULT 0,
    failed         integer NOT NULL DEFAULT 0,
    cancelled      integer NOT NULL DEFAULT 0,
    total_bytes    bigint NOT NULL DEFAULT 0,
    -- Whether a worker has taken up an image: tells RUNNING from PENDING.
    taken_up       boolean NOT NULL DEFAULT false,
    create_time    timestamptz NOT NULL,
    update_time    timestamptz NOT NULL,
    close_time     timestamptz,
    end_time       timestamptz,
    expire_time    timestamptz NOT NULL,
    CHECK (succeeded >= 0 AND failed >= 0 AND cancelled >= 0),
    CHECK (succeeded + failed + cancelled <= total),
    UNIQUE (site, creator, request_id)
);
-- Newest first, within a site: every list a caller asks for.
CREATE INDEX jobs_site_create_time ON jobs (site, create_time DESC, job_id DESC);
CREATE INDEX jobs_site_patient ON jobs (site, patient_id) WHERE patient_id <> '';
-- Jobs of a caller in the last minute: the rate limit.
CREATE INDEX jobs_creator_create_time ON jobs (site, creator, create_time);
-- Terminal jobs are nearly all of them; this index stays small.
CREATE INDEX jobs_receiving ON jobs (update_time) WHERE state = 'RECEIVING';
CREATE INDEX jobs_expire_time ON jobs (expire_time);

CREATE TABLE images (
    image_id       uuid PRIMARY KEY,
    job_id         uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
    site           text NOT NULL,
    image_key      text NOT NULL,
    file_name      text NOT NULL,
    ordinal        integer NOT NULL,
    size_bytes     bigint NOT NULL,
    sha256         text NOT NULL,
    original_keys  text[] NOT NULL,
    patient_id     text NOT NULL,
    state          text NOT NULL CHECK (state IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
    stage          text NOT NULL DEFAULT '' CHECK (stage IN ('', 'PREPROCESS', 'INFER')),
    -- Fences outcomes: one of another attempt changes nothing.
    attempt        integer NOT NULL,
    -- How often the reconciler has published this attempt again.
    republished    integer NOT NULL DEFAULT 0,
    -- The job's revision at which the image last changed.
    revision       bigint NOT NULL,
    error_code     text NOT NULL DEFAULT '',
    error_message  text NOT NULL DEFAULT '',
    retryable      boolean NOT NULL DEFAULT false,
    predicted_label text NOT NULL DEFAULT '',
    -- What the workers found out; its shape is `services.jobs.models.Result`.
    result         jsonb NOT NULL DEFAULT '{}',
    has_preview    boolean NOT NULL DEFAULT false,
    has_heatmap    boolean NOT NULL DEFAULT false,
    duplicate_of   text NOT NULL DEFAULT '',
    create_time    timestamptz NOT NULL,
    update_time    timestamptz NOT NULL,
    start_time     timestamptz,
    end_time       timestamptz,
    UNIQUE (job_id, image_key),
    UNIQUE (job_id, ordinal)
);
CREATE INDEX images_site_sha256 ON images (site, sha256);
CREATE INDEX images_site_patient ON images (site, patient_id) WHERE patient_id <> '';
-- What the reconciler looks through; terminal images are nearly all of them.
CREATE INDEX images_open ON images (update_time) WHERE state IN ('QUEUED', 'RUNNING');

-- Class activations, a few kB each, apart from the rows that every list reads.
CREATE TABLE heatmaps (
    image_id uuid PRIMARY KEY REFERENCES images ON DELETE CASCADE,
    site     text NOT NULL,
    png      bytea NOT NULL
);

-- Uploads that have durable parts and are no image yet.
CREATE TABLE uploads (
    job_id         uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
    image_key      text NOT NULL,
    site           text NOT NULL,
    image_id       uuid NOT NULL,
    part_keys      text[] NOT NULL,
    committed_size bigint NOT NULL,
    create_time    timestamptz NOT NULL,
    update_time    timestamptz NOT NULL,
    PRIMARY KEY (job_id, image_key)
);
CREATE INDEX uploads_update_time ON uploads (update_time);

-- Tasks that are owed to the broker. A row leaves with the acknowledgement of the broker.
CREATE TABLE outbox (
    image_id     uuid PRIMARY KEY REFERENCES images ON DELETE CASCADE,
    job_id       uuid NOT NULL,
    site         text NOT NULL,
    attempt      integer NOT NULL,
    available_at timestamptz NOT NULL
);
CREATE INDEX outbox_available_at ON outbox (available_at);

-- Every committed change of a job, numbered without a gap: what watchers are told.
CREATE TABLE job_events (
    job_id   uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
    revision bigint NOT NULL,
    site     text NOT NULL,
    job      jsonb NOT NULL,
    images   jsonb NOT NULL,
    PRIMARY KEY (job_id, revision)
);

-- Retries that were answered, so that a repeated request changes nothing.
CREATE TABLE retry_requests (
    job_id     uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
    request_id text NOT NULL,
    site       text NOT NULL,
    PRIMARY KEY (job_id, request_id)
);

-- Blobs whose rows are gone. A row stays as a tombstone for a while after its blobs are deleted, so
-- that deleting a job twice is answered alike.
CREATE TABLE deletions (
    deletion_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site        text NOT NULL,
    job_id      uuid NOT NULL,
    prefix      text NOT NULL,
    delete_time timestamptz NOT NULL,
    sweep_time  timestamptz
);
CREATE INDEX deletions_open ON deletions (deletion_id) WHERE sweep_time IS NULL;
CREATE INDEX deletions_job ON deletions (job_id);

-- The wall between sites stands in the database, also where a query forgets it. A patient sees only
-- what is theirs.
ALTER TABLE jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE images ENABLE ROW LEVEL SECURITY;
ALTER TABLE heatmaps ENABLE ROW LEVEL SECURITY;
ALTER TABLE uploads ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE job_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE retry_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE deletions ENABLE ROW LEVEL SECURITY;

CREATE POLICY site_wall ON jobs TO carina_caller
    USING (site = current_setting('carina.site')
           AND current_setting('carina.patient') IN ('', patient_id));
CREATE POLICY site_wall ON images TO carina_caller
    USING (site = current_setting('carina.site')
           AND current_setting('carina.patient') IN ('', patient_id));
CREATE POLICY site_wall ON heatmaps TO carina_caller USING (site = current_setting('carina.site'));
CREATE POLICY site_wall ON uploads TO carina_caller USING (site = current_setting('carina.site'));
CREATE POLICY site_wall ON outbox TO carina_caller USING (site = current_setting('carina.site'));
CREATE POLICY site_wall ON job_events TO carina_caller USING (site = current_setting('carina.site'));
CREATE POLICY site_wall ON retry_requests TO carina_caller USING (site = current_setting('carina.site'));
CREATE POLICY site_wall ON deletions TO carina_caller USING (site = current_setting('carina.site'));

CREATE POLICY everything ON jobs TO carina_system USING (true);
CREATE POLICY everything ON images TO carina_system USING (true);
CREATE POLICY everything ON heatmaps TO carina_system USING (true);
CREATE POLICY everything ON uploads TO carina_system USING (true);
CREATE POLICY everything ON outbox TO carina_system USING (true);
CREATE POLICY everything ON job_events TO carina_system USING (true);
CREATE POLICY everything ON retry_requests TO carina_system USING (true);
CREATE POLICY everything ON deletions TO carina_system USING (true);

GRANT SELECT, INSERT, UPDATE, DELETE
    ON jobs, images, heatmaps, uploads, outbox, job_events, retry_requests, deletions
    TO carina_caller, carina_system;
-- The service asks which schema it runs on.
GRANT SELECT ON schema_migrations TO carina_caller, carina_system;

-- migrate:down

DROP TABLE deletions, retry_requests, job_events, outbox, uploads, heatmaps, images, jobs;
