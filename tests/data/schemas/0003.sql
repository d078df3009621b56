--
-- PostgreSQL database dump
--

\restrict Cius8nKd9859qPBwmROuePiaLZ53R3LHzGbAwp2Usa07dwLkzP3Q0KpiLmmheSD

-- Dumped from database version 18.6
-- Dumped by pg_dump version 18.6

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: add_patient_of_image(); Type: FUNCTION; Schema: public; Owner: carina
--

CREATE FUNCTION public.add_patient_of_image() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO job_patients (job_id, patient_id, site, create_time)
    SELECT NEW.job_id, NEW.patient_id, NEW.site, j.create_time FROM jobs j WHERE j.job_id = NEW.job_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;


ALTER FUNCTION public.add_patient_of_image() OWNER TO carina;

--
-- Name: add_patient_of_job(); Type: FUNCTION; Schema: public; Owner: carina
--

CREATE FUNCTION public.add_patient_of_job() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO job_patients (job_id, patient_id, site, create_time)
    VALUES (NEW.job_id, NEW.patient_id, NEW.site, NEW.create_time)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;


ALTER FUNCTION public.add_patient_of_job() OWNER TO carina;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: deletions; Type: TABLE; Schema: public; Owner: carina
--

CREATE TABLE public.deletions (
    deletion_id bigint NOT NULL,
    site text NOT NULL,
    job_id uuid NOT NULL,
    prefix text NOT NULL,
    delete_time timestamp with time zone NOT NULL,
    sweep_time timestamp with time zone,
    claimed_until timestamp with time zone
);


ALTER TABLE public.deletions OWNER TO carina;

--
-- Name: deletions_deletion_id_seq; Type: SEQUENCE; Schema: public; Owner: carina
--

ALTER TABLE public.deletions ALTER COLUMN deletion_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.deletions_deletion_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: heatmaps; Type: TABLE; Schema: public; Owner: carina
--

CREATE TABLE public.heatmaps (
    image_id uuid NOT NULL,
    site text NOT NULL,
    png bytea NOT NULL
);


ALTER TABLE public.heatmaps OWNER TO carina;

--
-- Name: images; Type: TABLE; Schema: public; Owner: carina
--

CREATE TABLE public.images (
    image_id uuid NOT NULL,
    job_id uuid NOT NULL,
    site text NOT NULL,
    image_key text NOT NULL,
    file_name text NOT NULL,
    ordinal integer NOT NULL,
    size_bytes bigint NOT NULL,
    sha256 text NOT NULL,
    original_keys text[] NOT NULL,
    patient_id text NOT NULL,
    state text NOT NULL,
    stage text DEFAULT ''::text NOT NULL,
    attempt integer NOT NULL,
    republished integer DEFAULT 0 NOT NULL,
    revision bigint NOT NULL,
    error_code text DEFAULT ''::text NOT NULL,
    error_message text DEFAULT ''::text NOT NULL,
    retryable boolean DEFAULT false NOT NULL,
    predicted_label text DEFAULT ''::text NOT NULL,
    result jsonb DEFAULT '{}'::jsonb NOT NULL,
    has_preview boolean DEFAULT false NOT NULL,
    has_heatmap boolean DEFAULT false NOT NULL,
    duplicate_of text DEFAULT ''::text NOT NULL,
    create_time timestamp with time zone NOT NULL,
    update_time timestamp with time zone NOT NULL,
    start_time timestamp with time zone,
    end_time timestamp with time zone,
    losses integer DEFAULT 0 NOT NULL,
    deaths integer DEFAULT 0 NOT NULL,
    CONSTRAINT images_stage_check CHECK ((stage = ANY (ARRAY[''::text, 'PREPROCESS'::text, 'INFER'::text]))),
    CONSTRAINT images_state_check CHECK ((state = ANY (ARRAY['QUEUED'::text, 'RUNNING'::text, 'SUCCEEDED'::text, 'FAILED'::text, 'CANCELLED'::text])))
);


ALTER TABLE public.images OWNER TO carina;

--
-- Name: job_events; Type: TABLE; Schema: public; Owner: carina
--

CREATE TABLE public.job_events (
    job_id uuid NOT NULL,
    revision bigint NOT NULL,
    site text NOT NULL,
    job jsonb NOT NULL,
    images jsonb NOT NULL
);


ALTER TABLE public.job_events OWNER TO carina;

--
-- Name: job_patients; Type: TABLE; Schema: public; Owner: carina
--

CREATE TABLE public.job_patients (
    job_id uuid NOT NULL,
    patient_id text NOT NULL,
    site text NOT NULL,
    create_time timestamp with time zone NOT NULL
);


ALTER TABLE public.job_patients OWNER TO carina;

--
-- Name: jobs; Type: TABLE; Schema: public; Owner: carina
--

CREATE TABLE public.jobs (
    job_id uuid NOT NULL,
    site text NOT NULL,
    creator text NOT NULL,
    request_id text NOT NULL,
    request_digest bytea NOT NULL,
    state text NOT NULL,
    revision bigint NOT NULL,
    patient_id text NOT NULL,
    display_name text NOT NULL,
    notes text NOT NULL,
    clahe boolean NOT NULL,
    priority text NOT NULL,
    start_time timestamp with time zone,
    model text NOT NULL,
    total integer DEFAULT 0 NOT NULL,
    succeeded integer DEFAULT 0 NOT NULL,
    failed integer DEFAULT 0 NOT NULL,
    cancelled integer DEFAULT 0 NOT NULL,
    total_bytes bigint DEFAULT 0 NOT NULL,
    taken_up boolean DEFAULT false NOT NULL,
    create_time timestamp with time zone NOT NULL,
    update_time timestamp with time zone NOT NULL,
    close_time timestamp with time zone,
    end_time timestamp with time zone,
    expire_time timestamp with time zone NOT NULL,
    CONSTRAINT jobs_check CHECK (((succeeded >= 0) AND (failed >= 0) AND (cancelled >= 0))),
    CONSTRAINT jobs_check1 CHECK ((((succeeded + failed) + cancelled) <= total)),
    CONSTRAINT jobs_priority_check CHECK ((priority = ANY (ARRAY['ROUTINE'::text, 'URGENT'::text]))),
    CONSTRAINT jobs_state_check CHECK ((state = ANY (ARRAY['RECEIVING'::text, 'PENDING'::text, 'RUNNING'::text, 'SUCCEEDED'::text, 'PARTIALLY_SUCCEEDED'::text, 'FAILED'::text, 'CANCELLED'::text])))
);


ALTER TABLE public.jobs OWNER TO carina;

--
-- Name: outbox; Type: TABLE; Schema: public; Owner: carina
--

CREATE TABLE public.outbox (
    image_id uuid NOT NULL,
    job_id uuid NOT NULL,
    site text NOT NULL,
    attempt integer NOT NULL,
    available_at timestamp with time zone NOT NULL,
    claimed_until timestamp with time zone,
    traceparent text DEFAULT ''::text NOT NULL
);


ALTER TABLE public.outbox OWNER TO carina;

--
-- Name: retry_requests; Type: TABLE; Schema: public; Owner: carina
--

CREATE TABLE public.retry_requests (
    job_id uuid NOT NULL,
    request_id text NOT NULL,
    site text NOT NULL
);


ALTER TABLE public.retry_requests OWNER TO carina;

--
-- Name: schema_migrations; Type: TABLE; Schema: public; Owner: carina
--

CREATE TABLE public.schema_migrations (
    version character varying NOT NULL
);


ALTER TABLE public.schema_migrations OWNER TO carina;

--
-- Name: uploads; Type: TABLE; Schema: public; Owner: carina
--

CREATE TABLE public.uploads (
    job_id uuid NOT NULL,
    image_key text NOT NULL,
    site text NOT NULL,
    image_id uuid NOT NULL,
    part_keys text[] NOT NULL,
    committed_size bigint NOT NULL,
    create_time timestamp with time zone NOT NULL,
    update_time timestamp with time zone NOT NULL
);


ALTER TABLE public.uploads OWNER TO carina;

--
-- Data for Name: deletions; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.deletions (deletion_id, site, job_id, prefix, delete_time, sweep_time, claimed_until) FROM stdin;
1	demo	15bb5ae0-cdff-474e-9c08-c0962faeea7b	sites/demo/jobs/15bb5ae0-cdff-474e-9c08-c0962faeea7b/	2026-11-25 13:08:53.154115+00	\N	\N
\.


--
-- Data for Name: heatmaps; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.heatmaps (image_id, site, png) FROM stdin;
968c560e-c960-4600-87d1-8ace436f2142	demo	\\x89504e472068656174
eb575e02-7702-4175-88ed-cb804f2d7eec	demo	\\x89504e472068656174
6a8b2fb7-d40e-4e09-b3f3-6ccc537755b4	demo	\\x89504e472068656174
\.


--
-- Data for Name: images; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.images (image_id, job_id, site, image_key, file_name, ordinal, size_bytes, sha256, original_keys, patient_id, state, stage, attempt, republished, revision, error_code, error_message, retryable, predicted_label, result, has_preview, has_heatmap, duplicate_of, create_time, update_time, start_time, end_time, losses, deaths) FROM stdin;
968c560e-c960-4600-87d1-8ace436f2142	3b1cd946-6a25-466d-96fd-133104eef059	demo	62e36bc993ba95fddb42d81843a7056266a37319	0.png	0	6	8e13eb6df20516710b6dae2430ab861aaaf112e28d2f70b5dc18f100535578ea	{sites/demo/jobs/3b1cd946-6a25-466d-96fd-133104eef059/968c560e-c960-4600-87d1-8ace436f2142/original-000000000000-f896adc0}	P1	SUCCEEDED		1	0	5			f	pneumonia	{"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.46700000762939453, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1860000044107437, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.17399999499320984, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "eab511fd2b938cb613bcc88dfbfb3f24331f2b6ef96ea7f11a06336714cb739a", "model_version": "1"}	f	t		2026-11-25 13:08:48.185992+00	2026-11-25 13:08:49.007154+00	2026-11-25 13:08:48.918809+00	2026-11-25 13:08:48.919083+00	0	0
eb575e02-7702-4175-88ed-cb804f2d7eec	3b1cd946-6a25-466d-96fd-133104eef059	demo	ba72cf58c14922f704b0518cd46fb486439830c1	1.png	1	6	fa64c158623571f175ece2347b85a2ba0f50be3607f8764ca4c7ad2005598354	{sites/demo/jobs/3b1cd946-6a25-466d-96fd-133104eef059/eb575e02-7702-4175-88ed-cb804f2d7eec/original-000000000000-8b967031}	P1	SUCCEEDED		1	0	6			f	pneumonia	{"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.46700000762939453, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1860000044107437, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.17399999499320984, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "eab511fd2b938cb613bcc88dfbfb3f24331f2b6ef96ea7f11a06336714cb739a", "model_version": "1"}	f	t		2026-11-25 13:08:48.537454+00	2026-11-25 13:08:49.429038+00	2026-11-25 13:08:49.145356+00	2026-11-25 13:08:49.145866+00	0	0
78f16799-1ebe-4c94-baf4-63ca6c2c4179	1bcbfe1d-1632-4c83-a843-3f7204ff78d7	demo	af3c1be7e9dd9958d05a44011dd9d216a38d8d72	2.png	0	6	0dc45ec0ec785321223eda2b24678bdc76160b8d3b55267dde4ae55eb2ae6926	{sites/demo/jobs/1bcbfe1d-1632-4c83-a843-3f7204ff78d7/78f16799-1ebe-4c94-baf4-63ca6c2c4179/original-000000000000-0be0f326}	P1	FAILED		1	0	5	CORRUPT_IMAGE	The file is damaged.	f		{}	f	f		2026-11-25 13:08:49.61206+00	2026-11-25 13:08:50.151515+00	2026-11-25 13:08:50.04833+00	2026-11-25 13:08:50.048604+00	0	0
6a8b2fb7-d40e-4e09-b3f3-6ccc537755b4	1bcbfe1d-1632-4c83-a843-3f7204ff78d7	demo	413c1f8691f29aeb22b932858fbc3970dc4638b2	3.png	1	6	54d84373052fd05f1d77ba4349f4bbabb7f88bfce3057a1e51615f3458066d33	{sites/demo/jobs/1bcbfe1d-1632-4c83-a843-3f7204ff78d7/6a8b2fb7-d40e-4e09-b3f3-6ccc537755b4/original-000000000000-0aa3a657}	P1	SUCCEEDED		1	0	6			f	pneumonia	{"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.46700000762939453, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1860000044107437, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.17399999499320984, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "eab511fd2b938cb613bcc88dfbfb3f24331f2b6ef96ea7f11a06336714cb739a", "model_version": "1"}	f	t		2026-11-25 13:08:49.66793+00	2026-11-25 13:08:50.356637+00	2026-11-25 13:08:50.268828+00	2026-11-25 13:08:50.269086+00	0	0
d99329d1-ac94-45ab-bf29-f3b6d14af97c	291b2e8e-70cd-4bab-80dd-90e6aedfa1a8	demo	d92e1b22af4acf4c35ec6e369f80161b5a954bd1	4.png	0	6	1513faff1f12bc5f7965989388d5062574cf6ce717db81cc4270dfc0e35f2c34	{sites/demo/jobs/291b2e8e-70cd-4bab-80dd-90e6aedfa1a8/d99329d1-ac94-45ab-bf29-f3b6d14af97c/original-000000000000-47b7f765}	P1	FAILED		1	0	5	CORRUPT_IMAGE	The file is damaged.	f		{}	f	f		2026-11-25 13:08:50.62226+00	2026-11-25 13:08:51.171649+00	2026-11-25 13:08:51.087528+00	2026-11-25 13:08:51.087782+00	0	0
0eec6a28-e544-48e0-8c9c-4a4b4a28bb52	291b2e8e-70cd-4bab-80dd-90e6aedfa1a8	demo	39c9bb2f26cd956b3ba16f14ef6316c74be577f8	5.png	1	6	2d17811af76f3165da73480e5b5cf62806ff1a12b4eff6be9397b66118b53f75	{sites/demo/jobs/291b2e8e-70cd-4bab-80dd-90e6aedfa1a8/0eec6a28-e544-48e0-8c9c-4a4b4a28bb52/original-000000000000-4f453379}	P1	FAILED		1	0	6	CORRUPT_IMAGE	The file is damaged.	f		{}	f	f		2026-11-25 13:08:50.753285+00	2026-11-25 13:08:51.394099+00	2026-11-25 13:08:51.296454+00	2026-11-25 13:08:51.296727+00	0	0
76fcae35-3acb-4fa1-a4c8-3188a1edcce0	0ee43cbb-6471-46ce-953c-df0e71566e80	demo	2a63874f4c5775a4746f3211dcc8e790c0ed63af	6.png	0	6	8213bde6fb5bc49361a2970102f229eabad132dfc97a9ece05ecc6ed4326486b	{sites/demo/jobs/0ee43cbb-6471-46ce-953c-df0e71566e80/76fcae35-3acb-4fa1-a4c8-3188a1edcce0/original-000000000000-fb66a1b5}	P1	RUNNING	PREPROCESS	2	0	6			f		{}	f	f		2026-11-25 13:08:51.668013+00	2026-11-25 13:08:52.56614+00	2026-11-25 13:08:52.475217+00	\N	0	0
3ff80eae-8f82-47fe-9e95-a2a93fa550f9	22ef47e3-c010-4387-a0d0-b68287f28262	demo	2b941f60fadaa2f09fbd0a5f51608cdf6876214a	8.png	0	6	95483cff815d1ddd9647515fa0326683a9c9c6dac254f6f6ba1f1a0a15abba66	{sites/demo/jobs/22ef47e3-c010-4387-a0d0-b68287f28262/3ff80eae-8f82-47fe-9e95-a2a93fa550f9/original-000000000000-9b26958e}	P1	CANCELLED		1	0	3			f		{}	f	f		2026-11-25 13:08:53.497352+00	2026-11-25 13:08:53.607774+00	\N	2026-11-25 13:08:53.607774+00	0	0
60ab5360-2b71-44b5-bd99-ac10e0fcdb2a	d58294b7-011c-4bdd-bb48-d9a4c85f934e	demo	6796fa8cc9f2650a78754887934e5945d24863d6	9.png	0	6	68f306b33426ec7fa485c5e1e0f9564858bd2c6b93ace93266e2913a7e006ce6	{sites/demo/jobs/d58294b7-011c-4bdd-bb48-d9a4c85f934e/60ab5360-2b71-44b5-bd99-ac10e0fcdb2a/original-000000000000-20dec146}	P1	QUEUED		1	0	2			f		{}	f	f		2026-11-25 13:08:54.054903+00	2026-11-25 13:08:54.054903+00	\N	\N	0	0
a28dd587-85ed-4ce8-9332-d7df158f7402	aec29fe4-2f4e-4860-bd68-0b39fe21d60c	demo	9370b017050cb48e2c916f834ee12898e5dc17d4	10.png	0	7	336d9ff87895916081e96683a575d619d77286641e67e9f4b2755145bc2d180b	{sites/demo/jobs/aec29fe4-2f4e-4860-bd68-0b39fe21d60c/a28dd587-85ed-4ce8-9332-d7df158f7402/original-000000000000-589a4d53}	P1	QUEUED		1	0	2			f		{}	f	f		2026-11-25 13:08:54.273303+00	2026-11-25 13:08:54.273303+00	\N	\N	0	0
\.


--
-- Data for Name: job_events; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.job_events (job_id, revision, site, job, images) FROM stdin;
3b1cd946-6a25-466d-96fd-133104eef059	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "3b1cd946-6a25-466d-96fd-133104eef059", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "a233bd18-6957-4d7f-88d9-c416ce85d764", "start_time": null, "create_time": "2026-11-25T13:08:47.879894+00:00", "expire_time": "2026-12-25T13:08:47.879894+00:00", "total_bytes": 0, "update_time": "2026-11-25T13:08:47.879894+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[]
3b1cd946-6a25-466d-96fd-133104eef059	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "3b1cd946-6a25-466d-96fd-133104eef059", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "a233bd18-6957-4d7f-88d9-c416ce85d764", "start_time": null, "create_time": "2026-11-25T13:08:47.879894+00:00", "expire_time": "2026-12-25T13:08:47.879894+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:08:48.185992+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "3b1cd946-6a25-466d-96fd-133104eef059", "losses": 0, "result": {}, "sha256": "8e13eb6df20516710b6dae2430ab861aaaf112e28d2f70b5dc18f100535578ea", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "968c560e-c960-4600-87d1-8ace436f2142", "revision": 2, "file_name": "0.png", "image_key": "62e36bc993ba95fddb42d81843a7056266a37319", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:08:48.185992+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:08:48.185992+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
3b1cd946-6a25-466d-96fd-133104eef059	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 2, "failed": 0, "job_id": "3b1cd946-6a25-466d-96fd-133104eef059", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "a233bd18-6957-4d7f-88d9-c416ce85d764", "start_time": null, "create_time": "2026-11-25T13:08:47.879894+00:00", "expire_time": "2026-12-25T13:08:47.879894+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:08:48.537454+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "3b1cd946-6a25-466d-96fd-133104eef059", "losses": 0, "result": {}, "sha256": "fa64c158623571f175ece2347b85a2ba0f50be3607f8764ca4c7ad2005598354", "attempt": 1, "ordinal": 1, "end_time": null, "image_id": "eb575e02-7702-4175-88ed-cb804f2d7eec", "revision": 3, "file_name": "1.png", "image_key": "ba72cf58c14922f704b0518cd46fb486439830c1", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:08:48.537454+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:08:48.537454+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
3b1cd946-6a25-466d-96fd-133104eef059	4	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PENDING", "total": 2, "failed": 0, "job_id": "3b1cd946-6a25-466d-96fd-133104eef059", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 4, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:08:48.680888+00:00", "patient_id": "P1", "request_id": "a233bd18-6957-4d7f-88d9-c416ce85d764", "start_time": null, "create_time": "2026-11-25T13:08:47.879894+00:00", "expire_time": "2026-12-25T13:08:47.879894+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:08:48.680888+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[]
3b1cd946-6a25-466d-96fd-133104eef059	5	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RUNNING", "total": 2, "failed": 0, "job_id": "3b1cd946-6a25-466d-96fd-133104eef059", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 5, "taken_up": true, "cancelled": 0, "succeeded": 1, "close_time": "2026-11-25T13:08:48.680888+00:00", "patient_id": "P1", "request_id": "a233bd18-6957-4d7f-88d9-c416ce85d764", "start_time": null, "create_time": "2026-11-25T13:08:47.879894+00:00", "expire_time": "2026-12-25T13:08:47.879894+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:08:49.007154+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "SUCCEEDED", "deaths": 0, "job_id": "3b1cd946-6a25-466d-96fd-133104eef059", "losses": 0, "result": {"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.46700000762939453, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1860000044107437, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.17399999499320984, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "eab511fd2b938cb613bcc88dfbfb3f24331f2b6ef96ea7f11a06336714cb739a", "model_version": "1"}, "sha256": "8e13eb6df20516710b6dae2430ab861aaaf112e28d2f70b5dc18f100535578ea", "attempt": 1, "ordinal": 0, "end_time": "2026-11-25T13:08:48.919083+00:00", "image_id": "968c560e-c960-4600-87d1-8ace436f2142", "revision": 5, "file_name": "0.png", "image_key": "62e36bc993ba95fddb42d81843a7056266a37319", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-25T13:08:48.918809+00:00", "create_time": "2026-11-25T13:08:48.185992+00:00", "has_heatmap": true, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:08:49.007154+00:00", "duplicate_of": "", "error_message": "", "predicted_label": "pneumonia"}]
3b1cd946-6a25-466d-96fd-133104eef059	6	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "SUCCEEDED", "total": 2, "failed": 0, "job_id": "3b1cd946-6a25-466d-96fd-133104eef059", "creator": "doctor@demo", "end_time": "2026-11-25T13:08:49.429038+00:00", "priority": "ROUTINE", "revision": 6, "taken_up": true, "cancelled": 0, "succeeded": 2, "close_time": "2026-11-25T13:08:48.680888+00:00", "patient_id": "P1", "request_id": "a233bd18-6957-4d7f-88d9-c416ce85d764", "start_time": null, "create_time": "2026-11-25T13:08:47.879894+00:00", "expire_time": "2026-12-25T13:08:47.879894+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:08:49.429038+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "SUCCEEDED", "deaths": 0, "job_id": "3b1cd946-6a25-466d-96fd-133104eef059", "losses": 0, "result": {"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.46700000762939453, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1860000044107437, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.17399999499320984, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "eab511fd2b938cb613bcc88dfbfb3f24331f2b6ef96ea7f11a06336714cb739a", "model_version": "1"}, "sha256": "fa64c158623571f175ece2347b85a2ba0f50be3607f8764ca4c7ad2005598354", "attempt": 1, "ordinal": 1, "end_time": "2026-11-25T13:08:49.145866+00:00", "image_id": "eb575e02-7702-4175-88ed-cb804f2d7eec", "revision": 6, "file_name": "1.png", "image_key": "ba72cf58c14922f704b0518cd46fb486439830c1", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-25T13:08:49.145356+00:00", "create_time": "2026-11-25T13:08:48.537454+00:00", "has_heatmap": true, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:08:49.429038+00:00", "duplicate_of": "", "error_message": "", "predicted_label": "pneumonia"}]
1bcbfe1d-1632-4c83-a843-3f7204ff78d7	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "1bcbfe1d-1632-4c83-a843-3f7204ff78d7", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "6f66787e-34f4-4ebb-9bc5-6fbdc9ee804b", "start_time": null, "create_time": "2026-11-25T13:08:49.550943+00:00", "expire_time": "2026-12-25T13:08:49.550943+00:00", "total_bytes": 0, "update_time": "2026-11-25T13:08:49.550943+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[]
1bcbfe1d-1632-4c83-a843-3f7204ff78d7	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "1bcbfe1d-1632-4c83-a843-3f7204ff78d7", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "6f66787e-34f4-4ebb-9bc5-6fbdc9ee804b", "start_time": null, "create_time": "2026-11-25T13:08:49.550943+00:00", "expire_time": "2026-12-25T13:08:49.550943+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:08:49.61206+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "1bcbfe1d-1632-4c83-a843-3f7204ff78d7", "losses": 0, "result": {}, "sha256": "0dc45ec0ec785321223eda2b24678bdc76160b8d3b55267dde4ae55eb2ae6926", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "78f16799-1ebe-4c94-baf4-63ca6c2c4179", "revision": 2, "file_name": "2.png", "image_key": "af3c1be7e9dd9958d05a44011dd9d216a38d8d72", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:08:49.61206+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:08:49.61206+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
1bcbfe1d-1632-4c83-a843-3f7204ff78d7	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 2, "failed": 0, "job_id": "1bcbfe1d-1632-4c83-a843-3f7204ff78d7", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "6f66787e-34f4-4ebb-9bc5-6fbdc9ee804b", "start_time": null, "create_time": "2026-11-25T13:08:49.550943+00:00", "expire_time": "2026-12-25T13:08:49.550943+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:08:49.66793+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "1bcbfe1d-1632-4c83-a843-3f7204ff78d7", "losses": 0, "result": {}, "sha256": "54d84373052fd05f1d77ba4349f4bbabb7f88bfce3057a1e51615f3458066d33", "attempt": 1, "ordinal": 1, "end_time": null, "image_id": "6a8b2fb7-d40e-4e09-b3f3-6ccc537755b4", "revision": 3, "file_name": "3.png", "image_key": "413c1f8691f29aeb22b932858fbc3970dc4638b2", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:08:49.66793+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:08:49.66793+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
1bcbfe1d-1632-4c83-a843-3f7204ff78d7	4	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PENDING", "total": 2, "failed": 0, "job_id": "1bcbfe1d-1632-4c83-a843-3f7204ff78d7", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 4, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:08:49.769743+00:00", "patient_id": "P1", "request_id": "6f66787e-34f4-4ebb-9bc5-6fbdc9ee804b", "start_time": null, "create_time": "2026-11-25T13:08:49.550943+00:00", "expire_time": "2026-12-25T13:08:49.550943+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:08:49.769743+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[]
291b2e8e-70cd-4bab-80dd-90e6aedfa1a8	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "291b2e8e-70cd-4bab-80dd-90e6aedfa1a8", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "b17f9846-fbb6-4ed0-b9f6-22c99b22c4de", "start_time": null, "create_time": "2026-11-25T13:08:50.531906+00:00", "expire_time": "2026-12-25T13:08:50.531906+00:00", "total_bytes": 0, "update_time": "2026-11-25T13:08:50.531906+00:00", "display_name": "FAILED FAILED"}	[]
291b2e8e-70cd-4bab-80dd-90e6aedfa1a8	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "291b2e8e-70cd-4bab-80dd-90e6aedfa1a8", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "b17f9846-fbb6-4ed0-b9f6-22c99b22c4de", "start_time": null, "create_time": "2026-11-25T13:08:50.531906+00:00", "expire_time": "2026-12-25T13:08:50.531906+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:08:50.62226+00:00", "display_name": "FAILED FAILED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "291b2e8e-70cd-4bab-80dd-90e6aedfa1a8", "losses": 0, "result": {}, "sha256": "1513faff1f12bc5f7965989388d5062574cf6ce717db81cc4270dfc0e35f2c34", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "d99329d1-ac94-45ab-bf29-f3b6d14af97c", "revision": 2, "file_name": "4.png", "image_key": "d92e1b22af4acf4c35ec6e369f80161b5a954bd1", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:08:50.62226+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:08:50.62226+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
291b2e8e-70cd-4bab-80dd-90e6aedfa1a8	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 2, "failed": 0, "job_id": "291b2e8e-70cd-4bab-80dd-90e6aedfa1a8", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "b17f9846-fbb6-4ed0-b9f6-22c99b22c4de", "start_time": null, "create_time": "2026-11-25T13:08:50.531906+00:00", "expire_time": "2026-12-25T13:08:50.531906+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:08:50.753285+00:00", "display_name": "FAILED FAILED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "291b2e8e-70cd-4bab-80dd-90e6aedfa1a8", "losses": 0, "result": {}, "sha256": "2d17811af76f3165da73480e5b5cf62806ff1a12b4eff6be9397b66118b53f75", "attempt": 1, "ordinal": 1, "end_time": null, "image_id": "0eec6a28-e544-48e0-8c9c-4a4b4a28bb52", "revision": 3, "file_name": "5.png", "image_key": "39c9bb2f26cd956b3ba16f14ef6316c74be577f8", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:08:50.753285+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:08:50.753285+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
291b2e8e-70cd-4bab-80dd-90e6aedfa1a8	4	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PENDING", "total": 2, "failed": 0, "job_id": "291b2e8e-70cd-4bab-80dd-90e6aedfa1a8", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 4, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:08:50.821899+00:00", "patient_id": "P1", "request_id": "b17f9846-fbb6-4ed0-b9f6-22c99b22c4de", "start_time": null, "create_time": "2026-11-25T13:08:50.531906+00:00", "expire_time": "2026-12-25T13:08:50.531906+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:08:50.821899+00:00", "display_name": "FAILED FAILED"}	[]
0ee43cbb-6471-46ce-953c-df0e71566e80	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "0ee43cbb-6471-46ce-953c-df0e71566e80", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "61ed796f-495a-4600-8ae4-b1e23c2bf27a", "start_time": null, "create_time": "2026-11-25T13:08:51.552071+00:00", "expire_time": "2026-12-25T13:08:51.552071+00:00", "total_bytes": 0, "update_time": "2026-11-25T13:08:51.552071+00:00", "display_name": "RUNNING SUCCEEDED"}	[]
1bcbfe1d-1632-4c83-a843-3f7204ff78d7	5	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RUNNING", "total": 2, "failed": 1, "job_id": "1bcbfe1d-1632-4c83-a843-3f7204ff78d7", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 5, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:08:49.769743+00:00", "patient_id": "P1", "request_id": "6f66787e-34f4-4ebb-9bc5-6fbdc9ee804b", "start_time": null, "create_time": "2026-11-25T13:08:49.550943+00:00", "expire_time": "2026-12-25T13:08:49.550943+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:08:50.151515+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "FAILED", "deaths": 0, "job_id": "1bcbfe1d-1632-4c83-a843-3f7204ff78d7", "losses": 0, "result": {}, "sha256": "0dc45ec0ec785321223eda2b24678bdc76160b8d3b55267dde4ae55eb2ae6926", "attempt": 1, "ordinal": 0, "end_time": "2026-11-25T13:08:50.048604+00:00", "image_id": "78f16799-1ebe-4c94-baf4-63ca6c2c4179", "revision": 5, "file_name": "2.png", "image_key": "af3c1be7e9dd9958d05a44011dd9d216a38d8d72", "retryable": false, "error_code": "CORRUPT_IMAGE", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-25T13:08:50.04833+00:00", "create_time": "2026-11-25T13:08:49.61206+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:08:50.151515+00:00", "duplicate_of": "", "error_message": "The file is damaged.", "predicted_label": ""}]
1bcbfe1d-1632-4c83-a843-3f7204ff78d7	6	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PARTIALLY_SUCCEEDED", "total": 2, "failed": 1, "job_id": "1bcbfe1d-1632-4c83-a843-3f7204ff78d7", "creator": "doctor@demo", "end_time": "2026-11-25T13:08:50.356637+00:00", "priority": "ROUTINE", "revision": 6, "taken_up": true, "cancelled": 0, "succeeded": 1, "close_time": "2026-11-25T13:08:49.769743+00:00", "patient_id": "P1", "request_id": "6f66787e-34f4-4ebb-9bc5-6fbdc9ee804b", "start_time": null, "create_time": "2026-11-25T13:08:49.550943+00:00", "expire_time": "2026-12-25T13:08:49.550943+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:08:50.356637+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "SUCCEEDED", "deaths": 0, "job_id": "1bcbfe1d-1632-4c83-a843-3f7204ff78d7", "losses": 0, "result": {"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.46700000762939453, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1860000044107437, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.17399999499320984, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "eab511fd2b938cb613bcc88dfbfb3f24331f2b6ef96ea7f11a06336714cb739a", "model_version": "1"}, "sha256": "54d84373052fd05f1d77ba4349f4bbabb7f88bfce3057a1e51615f3458066d33", "attempt": 1, "ordinal": 1, "end_time": "2026-11-25T13:08:50.269086+00:00", "image_id": "6a8b2fb7-d40e-4e09-b3f3-6ccc537755b4", "revision": 6, "file_name": "3.png", "image_key": "413c1f8691f29aeb22b932858fbc3970dc4638b2", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-25T13:08:50.268828+00:00", "create_time": "2026-11-25T13:08:49.66793+00:00", "has_heatmap": true, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:08:50.356637+00:00", "duplicate_of": "", "error_message": "", "predicted_label": "pneumonia"}]
291b2e8e-70cd-4bab-80dd-90e6aedfa1a8	5	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RUNNING", "total": 2, "failed": 1, "job_id": "291b2e8e-70cd-4bab-80dd-90e6aedfa1a8", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 5, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:08:50.821899+00:00", "patient_id": "P1", "request_id": "b17f9846-fbb6-4ed0-b9f6-22c99b22c4de", "start_time": null, "create_time": "2026-11-25T13:08:50.531906+00:00", "expire_time": "2026-12-25T13:08:50.531906+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:08:51.171649+00:00", "display_name": "FAILED FAILED"}	[{"site": "demo", "stage": "", "state": "FAILED", "deaths": 0, "job_id": "291b2e8e-70cd-4bab-80dd-90e6aedfa1a8", "losses": 0, "result": {}, "sha256": "1513faff1f12bc5f7965989388d5062574cf6ce717db81cc4270dfc0e35f2c34", "attempt": 1, "ordinal": 0, "end_time": "2026-11-25T13:08:51.087782+00:00", "image_id": "d99329d1-ac94-45ab-bf29-f3b6d14af97c", "revision": 5, "file_name": "4.png", "image_key": "d92e1b22af4acf4c35ec6e369f80161b5a954bd1", "retryable": false, "error_code": "CORRUPT_IMAGE", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-25T13:08:51.087528+00:00", "create_time": "2026-11-25T13:08:50.62226+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:08:51.171649+00:00", "duplicate_of": "", "error_message": "The file is damaged.", "predicted_label": ""}]
291b2e8e-70cd-4bab-80dd-90e6aedfa1a8	6	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "FAILED", "total": 2, "failed": 2, "job_id": "291b2e8e-70cd-4bab-80dd-90e6aedfa1a8", "creator": "doctor@demo", "end_time": "2026-11-25T13:08:51.394099+00:00", "priority": "ROUTINE", "revision": 6, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:08:50.821899+00:00", "patient_id": "P1", "request_id": "b17f9846-fbb6-4ed0-b9f6-22c99b22c4de", "start_time": null, "create_time": "2026-11-25T13:08:50.531906+00:00", "expire_time": "2026-12-25T13:08:50.531906+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:08:51.394099+00:00", "display_name": "FAILED FAILED"}	[{"site": "demo", "stage": "", "state": "FAILED", "deaths": 0, "job_id": "291b2e8e-70cd-4bab-80dd-90e6aedfa1a8", "losses": 0, "result": {}, "sha256": "2d17811af76f3165da73480e5b5cf62806ff1a12b4eff6be9397b66118b53f75", "attempt": 1, "ordinal": 1, "end_time": "2026-11-25T13:08:51.296727+00:00", "image_id": "0eec6a28-e544-48e0-8c9c-4a4b4a28bb52", "revision": 6, "file_name": "5.png", "image_key": "39c9bb2f26cd956b3ba16f14ef6316c74be577f8", "retryable": false, "error_code": "CORRUPT_IMAGE", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-25T13:08:51.296454+00:00", "create_time": "2026-11-25T13:08:50.753285+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:08:51.394099+00:00", "duplicate_of": "", "error_message": "The file is damaged.", "predicted_label": ""}]
0ee43cbb-6471-46ce-953c-df0e71566e80	4	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "FAILED", "total": 1, "failed": 1, "job_id": "0ee43cbb-6471-46ce-953c-df0e71566e80", "creator": "doctor@demo", "end_time": "2026-11-25T13:08:52.091086+00:00", "priority": "ROUTINE", "revision": 4, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:08:51.761302+00:00", "patient_id": "P1", "request_id": "61ed796f-495a-4600-8ae4-b1e23c2bf27a", "start_time": null, "create_time": "2026-11-25T13:08:51.552071+00:00", "expire_time": "2026-12-25T13:08:51.552071+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:08:52.091086+00:00", "display_name": "RUNNING SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "FAILED", "deaths": 0, "job_id": "0ee43cbb-6471-46ce-953c-df0e71566e80", "losses": 0, "result": {}, "sha256": "8213bde6fb5bc49361a2970102f229eabad132dfc97a9ece05ecc6ed4326486b", "attempt": 1, "ordinal": 0, "end_time": "2026-11-25T13:08:52.003036+00:00", "image_id": "76fcae35-3acb-4fa1-a4c8-3188a1edcce0", "revision": 4, "file_name": "6.png", "image_key": "2a63874f4c5775a4746f3211dcc8e790c0ed63af", "retryable": false, "error_code": "CORRUPT_IMAGE", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-25T13:08:52.003036+00:00", "create_time": "2026-11-25T13:08:51.668013+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:08:52.091086+00:00", "duplicate_of": "", "error_message": "The file is damaged.", "predicted_label": ""}]
0ee43cbb-6471-46ce-953c-df0e71566e80	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "0ee43cbb-6471-46ce-953c-df0e71566e80", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "61ed796f-495a-4600-8ae4-b1e23c2bf27a", "start_time": null, "create_time": "2026-11-25T13:08:51.552071+00:00", "expire_time": "2026-12-25T13:08:51.552071+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:08:51.668013+00:00", "display_name": "RUNNING SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "0ee43cbb-6471-46ce-953c-df0e71566e80", "losses": 0, "result": {}, "sha256": "8213bde6fb5bc49361a2970102f229eabad132dfc97a9ece05ecc6ed4326486b", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "76fcae35-3acb-4fa1-a4c8-3188a1edcce0", "revision": 2, "file_name": "6.png", "image_key": "2a63874f4c5775a4746f3211dcc8e790c0ed63af", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:08:51.668013+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:08:51.668013+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
0ee43cbb-6471-46ce-953c-df0e71566e80	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PENDING", "total": 1, "failed": 0, "job_id": "0ee43cbb-6471-46ce-953c-df0e71566e80", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:08:51.761302+00:00", "patient_id": "P1", "request_id": "61ed796f-495a-4600-8ae4-b1e23c2bf27a", "start_time": null, "create_time": "2026-11-25T13:08:51.552071+00:00", "expire_time": "2026-12-25T13:08:51.552071+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:08:51.761302+00:00", "display_name": "RUNNING SUCCEEDED"}	[]
0ee43cbb-6471-46ce-953c-df0e71566e80	5	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RUNNING", "total": 1, "failed": 0, "job_id": "0ee43cbb-6471-46ce-953c-df0e71566e80", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 5, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:08:51.761302+00:00", "patient_id": "P1", "request_id": "61ed796f-495a-4600-8ae4-b1e23c2bf27a", "start_time": null, "create_time": "2026-11-25T13:08:51.552071+00:00", "expire_time": "2026-12-25T13:08:51.552071+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:08:52.188859+00:00", "display_name": "RUNNING SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "0ee43cbb-6471-46ce-953c-df0e71566e80", "losses": 0, "result": {}, "sha256": "8213bde6fb5bc49361a2970102f229eabad132dfc97a9ece05ecc6ed4326486b", "attempt": 2, "ordinal": 0, "end_time": null, "image_id": "76fcae35-3acb-4fa1-a4c8-3188a1edcce0", "revision": 5, "file_name": "6.png", "image_key": "2a63874f4c5775a4746f3211dcc8e790c0ed63af", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:08:51.668013+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:08:52.188859+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
22ef47e3-c010-4387-a0d0-b68287f28262	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "22ef47e3-c010-4387-a0d0-b68287f28262", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "d58caa80-cb35-4342-8feb-a015b199fb97", "start_time": null, "create_time": "2026-11-25T13:08:53.343921+00:00", "expire_time": "2026-12-25T13:08:53.343921+00:00", "total_bytes": 0, "update_time": "2026-11-25T13:08:53.343921+00:00", "display_name": "CANCELLED CANCELLED"}	[]
0ee43cbb-6471-46ce-953c-df0e71566e80	6	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RUNNING", "total": 1, "failed": 0, "job_id": "0ee43cbb-6471-46ce-953c-df0e71566e80", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 6, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:08:51.761302+00:00", "patient_id": "P1", "request_id": "61ed796f-495a-4600-8ae4-b1e23c2bf27a", "start_time": null, "create_time": "2026-11-25T13:08:51.552071+00:00", "expire_time": "2026-12-25T13:08:51.552071+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:08:52.56614+00:00", "display_name": "RUNNING SUCCEEDED"}	[{"site": "demo", "stage": "PREPROCESS", "state": "RUNNING", "deaths": 0, "job_id": "0ee43cbb-6471-46ce-953c-df0e71566e80", "losses": 0, "result": {}, "sha256": "8213bde6fb5bc49361a2970102f229eabad132dfc97a9ece05ecc6ed4326486b", "attempt": 2, "ordinal": 0, "end_time": null, "image_id": "76fcae35-3acb-4fa1-a4c8-3188a1edcce0", "revision": 6, "file_name": "6.png", "image_key": "2a63874f4c5775a4746f3211dcc8e790c0ed63af", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-25T13:08:52.475217+00:00", "create_time": "2026-11-25T13:08:51.668013+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:08:52.56614+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
22ef47e3-c010-4387-a0d0-b68287f28262	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "22ef47e3-c010-4387-a0d0-b68287f28262", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "d58caa80-cb35-4342-8feb-a015b199fb97", "start_time": null, "create_time": "2026-11-25T13:08:53.343921+00:00", "expire_time": "2026-12-25T13:08:53.343921+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:08:53.497352+00:00", "display_name": "CANCELLED CANCELLED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "22ef47e3-c010-4387-a0d0-b68287f28262", "losses": 0, "result": {}, "sha256": "95483cff815d1ddd9647515fa0326683a9c9c6dac254f6f6ba1f1a0a15abba66", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "3ff80eae-8f82-47fe-9e95-a2a93fa550f9", "revision": 2, "file_name": "8.png", "image_key": "2b941f60fadaa2f09fbd0a5f51608cdf6876214a", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:08:53.497352+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:08:53.497352+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
22ef47e3-c010-4387-a0d0-b68287f28262	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "CANCELLED", "total": 1, "failed": 0, "job_id": "22ef47e3-c010-4387-a0d0-b68287f28262", "creator": "doctor@demo", "end_time": "2026-11-25T13:08:53.607774+00:00", "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 1, "succeeded": 0, "close_time": "2026-11-25T13:08:53.607774+00:00", "patient_id": "P1", "request_id": "d58caa80-cb35-4342-8feb-a015b199fb97", "start_time": null, "create_time": "2026-11-25T13:08:53.343921+00:00", "expire_time": "2026-12-25T13:08:53.343921+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:08:53.607774+00:00", "display_name": "CANCELLED CANCELLED"}	[{"site": "demo", "stage": "", "state": "CANCELLED", "deaths": 0, "job_id": "22ef47e3-c010-4387-a0d0-b68287f28262", "losses": 0, "result": {}, "sha256": "95483cff815d1ddd9647515fa0326683a9c9c6dac254f6f6ba1f1a0a15abba66", "attempt": 1, "ordinal": 0, "end_time": "2026-11-25T13:08:53.607774+00:00", "image_id": "3ff80eae-8f82-47fe-9e95-a2a93fa550f9", "revision": 3, "file_name": "8.png", "image_key": "2b941f60fadaa2f09fbd0a5f51608cdf6876214a", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:08:53.497352+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:08:53.607774+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
d58294b7-011c-4bdd-bb48-d9a4c85f934e	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "d58294b7-011c-4bdd-bb48-d9a4c85f934e", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "f325904f-205c-4860-b4d9-d5658aad539f", "start_time": null, "create_time": "2026-11-25T13:08:53.88769+00:00", "expire_time": "2026-12-25T13:08:53.88769+00:00", "total_bytes": 0, "update_time": "2026-11-25T13:08:53.88769+00:00", "display_name": "PENDING SUCCEEDED"}	[]
d58294b7-011c-4bdd-bb48-d9a4c85f934e	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "d58294b7-011c-4bdd-bb48-d9a4c85f934e", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "f325904f-205c-4860-b4d9-d5658aad539f", "start_time": null, "create_time": "2026-11-25T13:08:53.88769+00:00", "expire_time": "2026-12-25T13:08:53.88769+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:08:54.054903+00:00", "display_name": "PENDING SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "d58294b7-011c-4bdd-bb48-d9a4c85f934e", "losses": 0, "result": {}, "sha256": "68f306b33426ec7fa485c5e1e0f9564858bd2c6b93ace93266e2913a7e006ce6", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "60ab5360-2b71-44b5-bd99-ac10e0fcdb2a", "revision": 2, "file_name": "9.png", "image_key": "6796fa8cc9f2650a78754887934e5945d24863d6", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:08:54.054903+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:08:54.054903+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
d58294b7-011c-4bdd-bb48-d9a4c85f934e	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PENDING", "total": 1, "failed": 0, "job_id": "d58294b7-011c-4bdd-bb48-d9a4c85f934e", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:08:54.090993+00:00", "patient_id": "P1", "request_id": "f325904f-205c-4860-b4d9-d5658aad539f", "start_time": null, "create_time": "2026-11-25T13:08:53.88769+00:00", "expire_time": "2026-12-25T13:08:53.88769+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:08:54.090993+00:00", "display_name": "PENDING SUCCEEDED"}	[]
aec29fe4-2f4e-4860-bd68-0b39fe21d60c	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "aec29fe4-2f4e-4860-bd68-0b39fe21d60c", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "4a5b743a-a04a-44fe-83fe-50c797bbaf8f", "start_time": null, "create_time": "2026-11-25T13:08:54.113952+00:00", "expire_time": "2026-12-25T13:08:54.113952+00:00", "total_bytes": 0, "update_time": "2026-11-25T13:08:54.113952+00:00", "display_name": "RECEIVING RECEIVING"}	[]
aec29fe4-2f4e-4860-bd68-0b39fe21d60c	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "aec29fe4-2f4e-4860-bd68-0b39fe21d60c", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "4a5b743a-a04a-44fe-83fe-50c797bbaf8f", "start_time": null, "create_time": "2026-11-25T13:08:54.113952+00:00", "expire_time": "2026-12-25T13:08:54.113952+00:00", "total_bytes": 7, "update_time": "2026-11-25T13:08:54.273303+00:00", "display_name": "RECEIVING RECEIVING"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "aec29fe4-2f4e-4860-bd68-0b39fe21d60c", "losses": 0, "result": {}, "sha256": "336d9ff87895916081e96683a575d619d77286641e67e9f4b2755145bc2d180b", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "a28dd587-85ed-4ce8-9332-d7df158f7402", "revision": 2, "file_name": "10.png", "image_key": "9370b017050cb48e2c916f834ee12898e5dc17d4", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 7, "start_time": null, "create_time": "2026-11-25T13:08:54.273303+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:08:54.273303+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
\.


--
-- Data for Name: job_patients; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.job_patients (job_id, patient_id, site, create_time) FROM stdin;
3b1cd946-6a25-466d-96fd-133104eef059	P1	demo	2026-11-25 13:08:47.879894+00
1bcbfe1d-1632-4c83-a843-3f7204ff78d7	P1	demo	2026-11-25 13:08:49.550943+00
291b2e8e-70cd-4bab-80dd-90e6aedfa1a8	P1	demo	2026-11-25 13:08:50.531906+00
0ee43cbb-6471-46ce-953c-df0e71566e80	P1	demo	2026-11-25 13:08:51.552071+00
22ef47e3-c010-4387-a0d0-b68287f28262	P1	demo	2026-11-25 13:08:53.343921+00
d58294b7-011c-4bdd-bb48-d9a4c85f934e	P1	demo	2026-11-25 13:08:53.88769+00
aec29fe4-2f4e-4860-bd68-0b39fe21d60c	P1	demo	2026-11-25 13:08:54.113952+00
\.


--
-- Data for Name: jobs; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.jobs (job_id, site, creator, request_id, request_digest, state, revision, patient_id, display_name, notes, clahe, priority, start_time, model, total, succeeded, failed, cancelled, total_bytes, taken_up, create_time, update_time, close_time, end_time, expire_time) FROM stdin;
3b1cd946-6a25-466d-96fd-133104eef059	demo	doctor@demo	a233bd18-6957-4d7f-88d9-c416ce85d764	\\x997441aae7ee95e480ab14ad549ac862aa79233412276b922383e09e91ae66ce	SUCCEEDED	6	P1	SUCCEEDED SUCCEEDED	a note	t	ROUTINE	\N	cxr	2	2	0	0	12	t	2026-11-25 13:08:47.879894+00	2026-11-25 13:08:49.429038+00	2026-11-25 13:08:48.680888+00	2026-11-25 13:08:49.429038+00	2026-12-25 13:08:47.879894+00
1bcbfe1d-1632-4c83-a843-3f7204ff78d7	demo	doctor@demo	6f66787e-34f4-4ebb-9bc5-6fbdc9ee804b	\\xb25eacf2fb2bbe80027c4f798027623df8e3ef5bf4a2b05b9765759a439ce211	PARTIALLY_SUCCEEDED	6	P1	PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED	a note	t	ROUTINE	\N	cxr	2	1	1	0	12	t	2026-11-25 13:08:49.550943+00	2026-11-25 13:08:50.356637+00	2026-11-25 13:08:49.769743+00	2026-11-25 13:08:50.356637+00	2026-12-25 13:08:49.550943+00
291b2e8e-70cd-4bab-80dd-90e6aedfa1a8	demo	doctor@demo	b17f9846-fbb6-4ed0-b9f6-22c99b22c4de	\\x48c7309c3c70a4e2e1fbcd073333557fbb0316137ce3bc065e20505284353de2	FAILED	6	P1	FAILED FAILED	a note	t	ROUTINE	\N	cxr	2	0	2	0	12	t	2026-11-25 13:08:50.531906+00	2026-11-25 13:08:51.394099+00	2026-11-25 13:08:50.821899+00	2026-11-25 13:08:51.394099+00	2026-12-25 13:08:50.531906+00
0ee43cbb-6471-46ce-953c-df0e71566e80	demo	doctor@demo	61ed796f-495a-4600-8ae4-b1e23c2bf27a	\\x52b072c26376ab1c396706e32d6075c4c640b4dac0806640e8f6423904b01cc2	RUNNING	6	P1	RUNNING SUCCEEDED	a note	t	ROUTINE	\N	cxr	1	0	0	0	6	t	2026-11-25 13:08:51.552071+00	2026-11-25 13:08:52.56614+00	2026-11-25 13:08:51.761302+00	\N	2026-12-25 13:08:51.552071+00
22ef47e3-c010-4387-a0d0-b68287f28262	demo	doctor@demo	d58caa80-cb35-4342-8feb-a015b199fb97	\\x925d04a33d6107c986d39a15961abb9f1b366036c45bb8ff2da3524e8414a5d0	CANCELLED	3	P1	CANCELLED CANCELLED	a note	t	ROUTINE	\N	cxr	1	0	0	1	6	f	2026-11-25 13:08:53.343921+00	2026-11-25 13:08:53.607774+00	2026-11-25 13:08:53.607774+00	2026-11-25 13:08:53.607774+00	2026-12-25 13:08:53.343921+00
d58294b7-011c-4bdd-bb48-d9a4c85f934e	demo	doctor@demo	f325904f-205c-4860-b4d9-d5658aad539f	\\x75971372b6d5448f9e32475d655fad1af17f4161070de261a9316e4aebaf6fee	PENDING	3	P1	PENDING SUCCEEDED	a note	t	ROUTINE	\N	cxr	1	0	0	0	6	f	2026-11-25 13:08:53.88769+00	2026-11-25 13:08:54.090993+00	2026-11-25 13:08:54.090993+00	\N	2026-12-25 13:08:53.88769+00
aec29fe4-2f4e-4860-bd68-0b39fe21d60c	demo	doctor@demo	4a5b743a-a04a-44fe-83fe-50c797bbaf8f	\\x6a81582dc3518bb2257325a699d833be648a93c5d9062754d3b1db69f9f36cd1	RECEIVING	2	P1	RECEIVING RECEIVING	a note	t	ROUTINE	\N	cxr	1	0	0	0	7	f	2026-11-25 13:08:54.113952+00	2026-11-25 13:08:54.273303+00	\N	\N	2026-12-25 13:08:54.113952+00
\.


--
-- Data for Name: outbox; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.outbox (image_id, job_id, site, attempt, available_at, claimed_until, traceparent) FROM stdin;
60ab5360-2b71-44b5-bd99-ac10e0fcdb2a	d58294b7-011c-4bdd-bb48-d9a4c85f934e	demo	1	2026-11-25 13:08:55.579538+00	\N	
\.


--
-- Data for Name: retry_requests; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.retry_requests (job_id, request_id, site) FROM stdin;
0ee43cbb-6471-46ce-953c-df0e71566e80	2ee53fd4-9fb1-4273-bbdd-be119b4aafa5	demo
\.


--
-- Data for Name: schema_migrations; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.schema_migrations (version) FROM stdin;
0001
0002
0003
\.


--
-- Data for Name: uploads; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.uploads (job_id, image_key, site, image_id, part_keys, committed_size, create_time, update_time) FROM stdin;
aec29fe4-2f4e-4860-bd68-0b39fe21d60c	half	demo	4e5ab531-3569-4b2f-bec3-adca594f2129	{}	1	2026-11-25 13:08:55.538098+00	2026-11-25 13:08:55.538098+00
\.


--
-- Name: deletions_deletion_id_seq; Type: SEQUENCE SET; Schema: public; Owner: carina
--

SELECT pg_catalog.setval('public.deletions_deletion_id_seq', 1, true);


--
-- Name: deletions deletions_pkey; Type: CONSTRAINT; Schema: public; Owner: carina
--

ALTER TABLE ONLY public.deletions
    ADD CONSTRAINT deletions_pkey PRIMARY KEY (deletion_id);


--
-- Name: heatmaps heatmaps_pkey; Type: CONSTRAINT; Schema: public; Owner: carina
--

ALTER TABLE ONLY public.heatmaps
    ADD CONSTRAINT heatmaps_pkey PRIMARY KEY (image_id);


--
-- Name: images images_job_id_image_key_key; Type: CONSTRAINT; Schema: public; Owner: carina
--

ALTER TABLE ONLY public.images
    ADD CONSTRAINT images_job_id_image_key_key UNIQUE (job_id, image_key);


--
-- Name: images images_job_id_ordinal_key; Type: CONSTRAINT; Schema: public; Owner: carina
--

ALTER TABLE ONLY public.images
    ADD CONSTRAINT images_job_id_ordinal_key UNIQUE (job_id, ordinal);


--
-- Name: images images_pkey; Type: CONSTRAINT; Schema: public; Owner: carina
--

ALTER TABLE ONLY public.images
    ADD CONSTRAINT images_pkey PRIMARY KEY (image_id);


--
-- Name: job_events job_events_pkey; Type: CONSTRAINT; Schema: public; Owner: carina
--

ALTER TABLE ONLY public.job_events
    ADD CONSTRAINT job_events_pkey PRIMARY KEY (job_id, revision);


--
-- Name: job_patients job_patients_pkey; Type: CONSTRAINT; Schema: public; Owner: carina
--

ALTER TABLE ONLY public.job_patients
    ADD CONSTRAINT job_patients_pkey PRIMARY KEY (job_id, patient_id);


--
-- Name: jobs jobs_pkey; Type: CONSTRAINT; Schema: public; Owner: carina
--

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (job_id);


--
-- Name: jobs jobs_site_creator_request_id_key; Type: CONSTRAINT; Schema: public; Owner: carina
--

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_site_creator_request_id_key UNIQUE (site, creator, request_id);


--
-- Name: outbox outbox_pkey; Type: CONSTRAINT; Schema: public; Owner: carina
--

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (image_id);


--
-- Name: retry_requests retry_requests_pkey; Type: CONSTRAINT; Schema: public; Owner: carina
--

ALTER TABLE ONLY public.retry_requests
    ADD CONSTRAINT retry_requests_pkey PRIMARY KEY (job_id, request_id);


--
-- Name: schema_migrations schema_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: carina
--

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);


--
-- Name: uploads uploads_pkey; Type: CONSTRAINT; Schema: public; Owner: carina
--

ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT uploads_pkey PRIMARY KEY (job_id, image_key);


--
-- Name: deletions_job; Type: INDEX; Schema: public; Owner: carina
--

CREATE INDEX deletions_job ON public.deletions USING btree (job_id);


--
-- Name: deletions_open; Type: INDEX; Schema: public; Owner: carina
--

CREATE INDEX deletions_open ON public.deletions USING btree (deletion_id) WHERE (sweep_time IS NULL);


--
-- Name: images_open; Type: INDEX; Schema: public; Owner: carina
--

CREATE INDEX images_open ON public.images USING btree (update_time) WHERE (state = ANY (ARRAY['QUEUED'::text, 'RUNNING'::text]));


--
-- Name: images_site_patient; Type: INDEX; Schema: public; Owner: carina
--

CREATE INDEX images_site_patient ON public.images USING btree (site, patient_id) WHERE (patient_id <> ''::text);


--
-- Name: images_site_sha256; Type: INDEX; Schema: public; Owner: carina
--

CREATE INDEX images_site_sha256 ON public.images USING btree (site, sha256);


--
-- Name: job_patients_list; Type: INDEX; Schema: public; Owner: carina
--

CREATE INDEX job_patients_list ON public.job_patients USING btree (site, patient_id, create_time DESC, job_id DESC);


--
-- Name: jobs_creator_create_time; Type: INDEX; Schema: public; Owner: carina
--

CREATE INDEX jobs_creator_create_time ON public.jobs USING btree (site, creator, create_time);


--
-- Name: jobs_expire_time; Type: INDEX; Schema: public; Owner: carina
--

CREATE INDEX jobs_expire_time ON public.jobs USING btree (expire_time);


--
-- Name: jobs_receiving; Type: INDEX; Schema: public; Owner: carina
--

CREATE INDEX jobs_receiving ON public.jobs USING btree (update_time) WHERE (state = 'RECEIVING'::text);


--
-- Name: jobs_site_create_time; Type: INDEX; Schema: public; Owner: carina
--

CREATE INDEX jobs_site_create_time ON public.jobs USING btree (site, create_time DESC, job_id DESC);


--
-- Name: jobs_site_patient; Type: INDEX; Schema: public; Owner: carina
--

CREATE INDEX jobs_site_patient ON public.jobs USING btree (site, patient_id) WHERE (patient_id <> ''::text);


--
-- Name: outbox_available_at; Type: INDEX; Schema: public; Owner: carina
--

CREATE INDEX outbox_available_at ON public.outbox USING btree (available_at);


--
-- Name: uploads_update_time; Type: INDEX; Schema: public; Owner: carina
--

CREATE INDEX uploads_update_time ON public.uploads USING btree (update_time);


--
-- Name: images add_patient; Type: TRIGGER; Schema: public; Owner: carina
--

CREATE TRIGGER add_patient AFTER INSERT ON public.images FOR EACH ROW WHEN ((new.patient_id <> ''::text)) EXECUTE FUNCTION public.add_patient_of_image();


--
-- Name: jobs add_patient; Type: TRIGGER; Schema: public; Owner: carina
--

CREATE TRIGGER add_patient AFTER INSERT ON public.jobs FOR EACH ROW WHEN ((new.patient_id <> ''::text)) EXECUTE FUNCTION public.add_patient_of_job();


--
-- Name: heatmaps heatmaps_image_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: carina
--

ALTER TABLE ONLY public.heatmaps
    ADD CONSTRAINT heatmaps_image_id_fkey FOREIGN KEY (image_id) REFERENCES public.images(image_id) ON DELETE CASCADE;


--
-- Name: images images_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: carina
--

ALTER TABLE ONLY public.images
    ADD CONSTRAINT images_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(job_id) ON DELETE CASCADE;


--
-- Name: job_events job_events_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: carina
--

ALTER TABLE ONLY public.job_events
    ADD CONSTRAINT job_events_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(job_id) ON DELETE CASCADE;


--
-- Name: job_patients job_patients_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: carina
--

ALTER TABLE ONLY public.job_patients
    ADD CONSTRAINT job_patients_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(job_id) ON DELETE CASCADE;


--
-- Name: outbox outbox_image_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: carina
--

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_image_id_fkey FOREIGN KEY (image_id) REFERENCES public.images(image_id) ON DELETE CASCADE;


--
-- Name: retry_requests retry_requests_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: carina
--

ALTER TABLE ONLY public.retry_requests
    ADD CONSTRAINT retry_requests_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(job_id) ON DELETE CASCADE;


--
-- Name: uploads uploads_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: carina
--

ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT uploads_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(job_id) ON DELETE CASCADE;


--
-- Name: deletions; Type: ROW SECURITY; Schema: public; Owner: carina
--

ALTER TABLE public.deletions ENABLE ROW LEVEL SECURITY;

--
-- Name: deletions everything; Type: POLICY; Schema: public; Owner: carina
--

CREATE POLICY everything ON public.deletions TO carina_system USING (true);


--
-- Name: heatmaps everything; Type: POLICY; Schema: public; Owner: carina
--

CREATE POLICY everything ON public.heatmaps TO carina_system USING (true);


--
-- Name: images everything; Type: POLICY; Schema: public; Owner: carina
--

CREATE POLICY everything ON public.images TO carina_system USING (true);


--
-- Name: job_events everything; Type: POLICY; Schema: public; Owner: carina
--

CREATE POLICY everything ON public.job_events TO carina_system USING (true);


--
-- Name: job_patients everything; Type: POLICY; Schema: public; Owner: carina
--

CREATE POLICY everything ON public.job_patients TO carina_system USING (true);


--
-- Name: jobs everything; Type: POLICY; Schema: public; Owner: carina
--

CREATE POLICY everything ON public.jobs TO carina_system USING (true);


--
-- Name: outbox everything; Type: POLICY; Schema: public; Owner: carina
--

CREATE POLICY everything ON public.outbox TO carina_system USING (true);


--
-- Name: retry_requests everything; Type: POLICY; Schema: public; Owner: carina
--

CREATE POLICY everything ON public.retry_requests TO carina_system USING (true);


--
-- Name: uploads everything; Type: POLICY; Schema: public; Owner: carina
--

CREATE POLICY everything ON public.uploads TO carina_system USING (true);


--
-- Name: heatmaps; Type: ROW SECURITY; Schema: public; Owner: carina
--

ALTER TABLE public.heatmaps ENABLE ROW LEVEL SECURITY;

--
-- Name: images; Type: ROW SECURITY; Schema: public; Owner: carina
--

ALTER TABLE public.images ENABLE ROW LEVEL SECURITY;

--
-- Name: job_events; Type: ROW SECURITY; Schema: public; Owner: carina
--

ALTER TABLE public.job_events ENABLE ROW LEVEL SECURITY;

--
-- Name: job_patients; Type: ROW SECURITY; Schema: public; Owner: carina
--

ALTER TABLE public.job_patients ENABLE ROW LEVEL SECURITY;

--
-- Name: jobs; Type: ROW SECURITY; Schema: public; Owner: carina
--

ALTER TABLE public.jobs ENABLE ROW LEVEL SECURITY;

--
-- Name: outbox; Type: ROW SECURITY; Schema: public; Owner: carina
--

ALTER TABLE public.outbox ENABLE ROW LEVEL SECURITY;

--
-- Name: retry_requests; Type: ROW SECURITY; Schema: public; Owner: carina
--

ALTER TABLE public.retry_requests ENABLE ROW LEVEL SECURITY;

--
-- Name: deletions site_wall; Type: POLICY; Schema: public; Owner: carina
--

CREATE POLICY site_wall ON public.deletions TO carina_caller USING ((site = current_setting('carina.site'::text)));


--
-- Name: heatmaps site_wall; Type: POLICY; Schema: public; Owner: carina
--

CREATE POLICY site_wall ON public.heatmaps TO carina_caller USING ((site = current_setting('carina.site'::text)));


--
-- Name: images site_wall; Type: POLICY; Schema: public; Owner: carina
--

CREATE POLICY site_wall ON public.images TO carina_caller USING (((site = current_setting('carina.site'::text)) AND
CASE
    WHEN (current_setting('carina.patient'::text) = ''::text) THEN true
    ELSE (patient_id = current_setting('carina.patient'::text))
END));


--
-- Name: job_events site_wall; Type: POLICY; Schema: public; Owner: carina
--

CREATE POLICY site_wall ON public.job_events TO carina_caller USING ((site = current_setting('carina.site'::text)));


--
-- Name: job_patients site_wall; Type: POLICY; Schema: public; Owner: carina
--

CREATE POLICY site_wall ON public.job_patients TO carina_caller USING (((site = current_setting('carina.site'::text)) AND
CASE
    WHEN (current_setting('carina.patient'::text) = ''::text) THEN true
    ELSE (patient_id = current_setting('carina.patient'::text))
END));


--
-- Name: jobs site_wall; Type: POLICY; Schema: public; Owner: carina
--

CREATE POLICY site_wall ON public.jobs TO carina_caller USING (((site = current_setting('carina.site'::text)) AND
CASE
    WHEN (current_setting('carina.patient'::text) = ''::text) THEN true
    ELSE (patient_id = current_setting('carina.patient'::text))
END));


--
-- Name: outbox site_wall; Type: POLICY; Schema: public; Owner: carina
--

CREATE POLICY site_wall ON public.outbox TO carina_caller USING ((site = current_setting('carina.site'::text)));


--
-- Name: retry_requests site_wall; Type: POLICY; Schema: public; Owner: carina
--

CREATE POLICY site_wall ON public.retry_requests TO carina_caller USING ((site = current_setting('carina.site'::text)));


--
-- Name: uploads site_wall; Type: POLICY; Schema: public; Owner: carina
--

CREATE POLICY site_wall ON public.uploads TO carina_caller USING ((site = current_setting('carina.site'::text)));


--
-- Name: uploads; Type: ROW SECURITY; Schema: public; Owner: carina
--

ALTER TABLE public.uploads ENABLE ROW LEVEL SECURITY;

--
-- Name: TABLE deletions; Type: ACL; Schema: public; Owner: carina
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.deletions TO carina_caller;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.deletions TO carina_system;


--
-- Name: TABLE heatmaps; Type: ACL; Schema: public; Owner: carina
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.heatmaps TO carina_caller;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.heatmaps TO carina_system;


--
-- Name: TABLE images; Type: ACL; Schema: public; Owner: carina
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.images TO carina_caller;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.images TO carina_system;


--
-- Name: TABLE job_events; Type: ACL; Schema: public; Owner: carina
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.job_events TO carina_caller;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.job_events TO carina_system;


--
-- Name: TABLE job_patients; Type: ACL; Schema: public; Owner: carina
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.job_patients TO carina_caller;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.job_patients TO carina_system;


--
-- Name: TABLE jobs; Type: ACL; Schema: public; Owner: carina
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.jobs TO carina_caller;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.jobs TO carina_system;


--
-- Name: TABLE outbox; Type: ACL; Schema: public; Owner: carina
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.outbox TO carina_caller;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.outbox TO carina_system;


--
-- Name: TABLE retry_requests; Type: ACL; Schema: public; Owner: carina
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.retry_requests TO carina_caller;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.retry_requests TO carina_system;


--
-- Name: TABLE schema_migrations; Type: ACL; Schema: public; Owner: carina
--

GRANT SELECT ON TABLE public.schema_migrations TO carina_caller;
GRANT SELECT ON TABLE public.schema_migrations TO carina_system;


--
-- Name: TABLE uploads; Type: ACL; Schema: public; Owner: carina
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.uploads TO carina_caller;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.uploads TO carina_system;


--
-- PostgreSQL database dump complete
--

\unrestrict Cius8nKd9859qPBwmROuePiaLZ53R3LHzGbAwp2Usa07dwLkzP3Q0KpiLmmheSD

