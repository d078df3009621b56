--
-- PostgreSQL database dump
--

\restrict zoFqiUm14t0WhUFCbbZKGkFYgKUmyByZCdKUDucpFCmZJCdieTMylZcC3EIKllE

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
1	demo	4fa9257d-44b9-463c-90f1-97f8160e61da	sites/demo/jobs/4fa9257d-44b9-463c-90f1-97f8160e61da/	2026-11-25 13:01:25.014257+00	\N	\N
\.


--
-- Data for Name: heatmaps; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.heatmaps (image_id, site, png) FROM stdin;
6d8e9470-4f14-4756-98c9-b49bf80afff0	demo	\\x89504e472068656174
985402da-bb6d-412f-9ff0-eb828e811031	demo	\\x89504e472068656174
7bec28ce-745e-43b3-b579-7237552dff88	demo	\\x89504e472068656174
\.


--
-- Data for Name: images; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.images (image_id, job_id, site, image_key, file_name, ordinal, size_bytes, sha256, original_keys, patient_id, state, stage, attempt, republished, revision, error_code, error_message, retryable, predicted_label, result, has_preview, has_heatmap, duplicate_of, create_time, update_time, start_time, end_time, losses, deaths) FROM stdin;
6d8e9470-4f14-4756-98c9-b49bf80afff0	79aaebc7-b4e9-492c-aa5c-f389b7c06959	demo	f284defdb99427e4195452714f9aea944573e022	0.png	0	6	8e13eb6df20516710b6dae2430ab861aaaf112e28d2f70b5dc18f100535578ea	{sites/demo/jobs/79aaebc7-b4e9-492c-aa5c-f389b7c06959/6d8e9470-4f14-4756-98c9-b49bf80afff0/original-000000000000-ff1b56df}	P1	SUCCEEDED		1	0	5			f	pneumonia	{"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.46700000762939453, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1860000044107437, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.17399999499320984, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "eab511fd2b938cb613bcc88dfbfb3f24331f2b6ef96ea7f11a06336714cb739a", "model_version": "1"}	f	t		2026-11-25 13:01:22.293967+00	2026-11-25 13:01:22.66236+00	2026-11-25 13:01:22.578884+00	2026-11-25 13:01:22.579165+00	0	0
985402da-bb6d-412f-9ff0-eb828e811031	79aaebc7-b4e9-492c-aa5c-f389b7c06959	demo	af81f3aa643837a872e972c7a699f40a76511b60	1.png	1	6	fa64c158623571f175ece2347b85a2ba0f50be3607f8764ca4c7ad2005598354	{sites/demo/jobs/79aaebc7-b4e9-492c-aa5c-f389b7c06959/985402da-bb6d-412f-9ff0-eb828e811031/original-000000000000-be91f54d}	P1	SUCCEEDED		1	0	6			f	pneumonia	{"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.46700000762939453, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1860000044107437, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.17399999499320984, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "eab511fd2b938cb613bcc88dfbfb3f24331f2b6ef96ea7f11a06336714cb739a", "model_version": "1"}	f	t		2026-11-25 13:01:22.333658+00	2026-11-25 13:01:22.868123+00	2026-11-25 13:01:22.783555+00	2026-11-25 13:01:22.783842+00	0	0
7861e9b6-56b7-4d9f-95f0-5c8b71916193	b6a23243-8fbb-4976-b090-ff3850ad3607	demo	1eecdba24c04f1654a514ff8a971a81fc606942d	2.png	0	6	0dc45ec0ec785321223eda2b24678bdc76160b8d3b55267dde4ae55eb2ae6926	{sites/demo/jobs/b6a23243-8fbb-4976-b090-ff3850ad3607/7861e9b6-56b7-4d9f-95f0-5c8b71916193/original-000000000000-1e023d2a}	P1	FAILED		1	0	5	CORRUPT_IMAGE	The file is damaged.	f		{}	f	f		2026-11-25 13:01:22.929028+00	2026-11-25 13:01:23.264481+00	2026-11-25 13:01:23.182274+00	2026-11-25 13:01:23.182517+00	0	0
7bec28ce-745e-43b3-b579-7237552dff88	b6a23243-8fbb-4976-b090-ff3850ad3607	demo	21975c7793e68192f20f0d96c1e27ebda8725d50	3.png	1	6	54d84373052fd05f1d77ba4349f4bbabb7f88bfce3057a1e51615f3458066d33	{sites/demo/jobs/b6a23243-8fbb-4976-b090-ff3850ad3607/7bec28ce-745e-43b3-b579-7237552dff88/original-000000000000-6d20a80a}	P1	SUCCEEDED		1	0	6			f	pneumonia	{"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.46700000762939453, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1860000044107437, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.17399999499320984, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "eab511fd2b938cb613bcc88dfbfb3f24331f2b6ef96ea7f11a06336714cb739a", "model_version": "1"}	f	t		2026-11-25 13:01:22.953747+00	2026-11-25 13:01:23.469872+00	2026-11-25 13:01:23.385623+00	2026-11-25 13:01:23.38592+00	0	0
08a528db-a2c2-43a3-8e4b-0136b2a7323c	ed8c932a-8c17-4f4f-a66f-638ea2b0a115	demo	9c41c5151ea4f3e46872a9daf2c43c99ea26b5c2	4.png	0	6	1513faff1f12bc5f7965989388d5062574cf6ce717db81cc4270dfc0e35f2c34	{sites/demo/jobs/ed8c932a-8c17-4f4f-a66f-638ea2b0a115/08a528db-a2c2-43a3-8e4b-0136b2a7323c/original-000000000000-df1390ce}	P1	FAILED		1	0	5	CORRUPT_IMAGE	The file is damaged.	f		{}	f	f		2026-11-25 13:01:23.527878+00	2026-11-25 13:01:23.867439+00	2026-11-25 13:01:23.78543+00	2026-11-25 13:01:23.785665+00	0	0
6bcf06fb-6740-456d-9cde-183c60b135d5	ed8c932a-8c17-4f4f-a66f-638ea2b0a115	demo	c8bf0c849e51b27cb51af05d24dbc8b364173d2c	5.png	1	6	2d17811af76f3165da73480e5b5cf62806ff1a12b4eff6be9397b66118b53f75	{sites/demo/jobs/ed8c932a-8c17-4f4f-a66f-638ea2b0a115/6bcf06fb-6740-456d-9cde-183c60b135d5/original-000000000000-83f06472}	P1	FAILED		1	0	6	CORRUPT_IMAGE	The file is damaged.	f		{}	f	f		2026-11-25 13:01:23.557831+00	2026-11-25 13:01:24.072905+00	2026-11-25 13:01:23.989656+00	2026-11-25 13:01:23.989927+00	0	0
6b020ed7-5fbe-434f-bca5-75fa3769f839	d89e60eb-0d30-406a-a861-002105558f45	demo	a59fe50c1809a978b89d65be6707606643341705	6.png	0	6	8213bde6fb5bc49361a2970102f229eabad132dfc97a9ece05ecc6ed4326486b	{sites/demo/jobs/d89e60eb-0d30-406a-a861-002105558f45/6b020ed7-5fbe-434f-bca5-75fa3769f839/original-000000000000-5881bda3}	P1	RUNNING	PREPROCESS	2	0	6			f		{}	f	f		2026-11-25 13:01:24.1174+00	2026-11-25 13:01:24.733826+00	2026-11-25 13:01:24.650273+00	\N	0	0
49ec9b68-becf-4b40-a414-8ced73cae652	4d27c4f9-f594-407f-9d23-8f0f0c117dd4	demo	6809f2f768a5e1c7e34aece8be276a6318df6900	8.png	0	6	95483cff815d1ddd9647515fa0326683a9c9c6dac254f6f6ba1f1a0a15abba66	{sites/demo/jobs/4d27c4f9-f594-407f-9d23-8f0f0c117dd4/49ec9b68-becf-4b40-a414-8ced73cae652/original-000000000000-dc867cdb}	P1	CANCELLED		1	0	3			f		{}	f	f		2026-11-25 13:01:25.065748+00	2026-11-25 13:01:25.084502+00	\N	2026-11-25 13:01:25.084502+00	0	0
dbdc8711-57bf-4ef9-b7e5-b7e16c1e8440	275087b3-bf3f-4686-a39d-39f990aa25d7	demo	98d47a1435415ab026214669765479a517094997	9.png	0	6	68f306b33426ec7fa485c5e1e0f9564858bd2c6b93ace93266e2913a7e006ce6	{sites/demo/jobs/275087b3-bf3f-4686-a39d-39f990aa25d7/dbdc8711-57bf-4ef9-b7e5-b7e16c1e8440/original-000000000000-21b8ca01}	P1	QUEUED		1	0	2			f		{}	f	f		2026-11-25 13:01:25.126731+00	2026-11-25 13:01:25.126731+00	\N	\N	0	0
8f945e6a-e962-49f8-96e3-b58646565ed6	b6f8fd6b-3b76-4e69-8218-9e401690ca6a	demo	fdeecbd9f1fb220d1f61d4d25c0969b67f303bdc	10.png	0	7	336d9ff87895916081e96683a575d619d77286641e67e9f4b2755145bc2d180b	{sites/demo/jobs/b6f8fd6b-3b76-4e69-8218-9e401690ca6a/8f945e6a-e962-49f8-96e3-b58646565ed6/original-000000000000-af4a79ad}	P1	QUEUED		1	0	2			f		{}	f	f		2026-11-25 13:01:25.181367+00	2026-11-25 13:01:25.181367+00	\N	\N	0	0
\.


--
-- Data for Name: job_events; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.job_events (job_id, revision, site, job, images) FROM stdin;
79aaebc7-b4e9-492c-aa5c-f389b7c06959	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "79aaebc7-b4e9-492c-aa5c-f389b7c06959", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "74c343d6-4f3c-4d1b-84fa-5779177c0887", "start_time": null, "create_time": "2026-11-25T13:01:22.229298+00:00", "expire_time": "2026-12-25T13:01:22.229298+00:00", "total_bytes": 0, "update_time": "2026-11-25T13:01:22.229298+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[]
79aaebc7-b4e9-492c-aa5c-f389b7c06959	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "79aaebc7-b4e9-492c-aa5c-f389b7c06959", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "74c343d6-4f3c-4d1b-84fa-5779177c0887", "start_time": null, "create_time": "2026-11-25T13:01:22.229298+00:00", "expire_time": "2026-12-25T13:01:22.229298+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:01:22.293967+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "79aaebc7-b4e9-492c-aa5c-f389b7c06959", "losses": 0, "result": {}, "sha256": "8e13eb6df20516710b6dae2430ab861aaaf112e28d2f70b5dc18f100535578ea", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "6d8e9470-4f14-4756-98c9-b49bf80afff0", "revision": 2, "file_name": "0.png", "image_key": "f284defdb99427e4195452714f9aea944573e022", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:01:22.293967+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:01:22.293967+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
79aaebc7-b4e9-492c-aa5c-f389b7c06959	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 2, "failed": 0, "job_id": "79aaebc7-b4e9-492c-aa5c-f389b7c06959", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "74c343d6-4f3c-4d1b-84fa-5779177c0887", "start_time": null, "create_time": "2026-11-25T13:01:22.229298+00:00", "expire_time": "2026-12-25T13:01:22.229298+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:01:22.333658+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "79aaebc7-b4e9-492c-aa5c-f389b7c06959", "losses": 0, "result": {}, "sha256": "fa64c158623571f175ece2347b85a2ba0f50be3607f8764ca4c7ad2005598354", "attempt": 1, "ordinal": 1, "end_time": null, "image_id": "985402da-bb6d-412f-9ff0-eb828e811031", "revision": 3, "file_name": "1.png", "image_key": "af81f3aa643837a872e972c7a699f40a76511b60", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:01:22.333658+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:01:22.333658+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
79aaebc7-b4e9-492c-aa5c-f389b7c06959	4	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PENDING", "total": 2, "failed": 0, "job_id": "79aaebc7-b4e9-492c-aa5c-f389b7c06959", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 4, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:01:22.364853+00:00", "patient_id": "P1", "request_id": "74c343d6-4f3c-4d1b-84fa-5779177c0887", "start_time": null, "create_time": "2026-11-25T13:01:22.229298+00:00", "expire_time": "2026-12-25T13:01:22.229298+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:01:22.364853+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[]
79aaebc7-b4e9-492c-aa5c-f389b7c06959	5	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RUNNING", "total": 2, "failed": 0, "job_id": "79aaebc7-b4e9-492c-aa5c-f389b7c06959", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 5, "taken_up": true, "cancelled": 0, "succeeded": 1, "close_time": "2026-11-25T13:01:22.364853+00:00", "patient_id": "P1", "request_id": "74c343d6-4f3c-4d1b-84fa-5779177c0887", "start_time": null, "create_time": "2026-11-25T13:01:22.229298+00:00", "expire_time": "2026-12-25T13:01:22.229298+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:01:22.66236+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "SUCCEEDED", "deaths": 0, "job_id": "79aaebc7-b4e9-492c-aa5c-f389b7c06959", "losses": 0, "result": {"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.46700000762939453, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1860000044107437, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.17399999499320984, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "eab511fd2b938cb613bcc88dfbfb3f24331f2b6ef96ea7f11a06336714cb739a", "model_version": "1"}, "sha256": "8e13eb6df20516710b6dae2430ab861aaaf112e28d2f70b5dc18f100535578ea", "attempt": 1, "ordinal": 0, "end_time": "2026-11-25T13:01:22.579165+00:00", "image_id": "6d8e9470-4f14-4756-98c9-b49bf80afff0", "revision": 5, "file_name": "0.png", "image_key": "f284defdb99427e4195452714f9aea944573e022", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-25T13:01:22.578884+00:00", "create_time": "2026-11-25T13:01:22.293967+00:00", "has_heatmap": true, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:01:22.66236+00:00", "duplicate_of": "", "error_message": "", "predicted_label": "pneumonia"}]
79aaebc7-b4e9-492c-aa5c-f389b7c06959	6	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "SUCCEEDED", "total": 2, "failed": 0, "job_id": "79aaebc7-b4e9-492c-aa5c-f389b7c06959", "creator": "doctor@demo", "end_time": "2026-11-25T13:01:22.868123+00:00", "priority": "ROUTINE", "revision": 6, "taken_up": true, "cancelled": 0, "succeeded": 2, "close_time": "2026-11-25T13:01:22.364853+00:00", "patient_id": "P1", "request_id": "74c343d6-4f3c-4d1b-84fa-5779177c0887", "start_time": null, "create_time": "2026-11-25T13:01:22.229298+00:00", "expire_time": "2026-12-25T13:01:22.229298+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:01:22.868123+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "SUCCEEDED", "deaths": 0, "job_id": "79aaebc7-b4e9-492c-aa5c-f389b7c06959", "losses": 0, "result": {"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.46700000762939453, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1860000044107437, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.17399999499320984, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "eab511fd2b938cb613bcc88dfbfb3f24331f2b6ef96ea7f11a06336714cb739a", "model_version": "1"}, "sha256": "fa64c158623571f175ece2347b85a2ba0f50be3607f8764ca4c7ad2005598354", "attempt": 1, "ordinal": 1, "end_time": "2026-11-25T13:01:22.783842+00:00", "image_id": "985402da-bb6d-412f-9ff0-eb828e811031", "revision": 6, "file_name": "1.png", "image_key": "af81f3aa643837a872e972c7a699f40a76511b60", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-25T13:01:22.783555+00:00", "create_time": "2026-11-25T13:01:22.333658+00:00", "has_heatmap": true, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:01:22.868123+00:00", "duplicate_of": "", "error_message": "", "predicted_label": "pneumonia"}]
b6a23243-8fbb-4976-b090-ff3850ad3607	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "b6a23243-8fbb-4976-b090-ff3850ad3607", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "d6ef2456-3f4f-41c3-a19b-8c77bc47e385", "start_time": null, "create_time": "2026-11-25T13:01:22.888441+00:00", "expire_time": "2026-12-25T13:01:22.888441+00:00", "total_bytes": 0, "update_time": "2026-11-25T13:01:22.888441+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[]
b6a23243-8fbb-4976-b090-ff3850ad3607	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "b6a23243-8fbb-4976-b090-ff3850ad3607", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "d6ef2456-3f4f-41c3-a19b-8c77bc47e385", "start_time": null, "create_time": "2026-11-25T13:01:22.888441+00:00", "expire_time": "2026-12-25T13:01:22.888441+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:01:22.929028+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "b6a23243-8fbb-4976-b090-ff3850ad3607", "losses": 0, "result": {}, "sha256": "0dc45ec0ec785321223eda2b24678bdc76160b8d3b55267dde4ae55eb2ae6926", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "7861e9b6-56b7-4d9f-95f0-5c8b71916193", "revision": 2, "file_name": "2.png", "image_key": "1eecdba24c04f1654a514ff8a971a81fc606942d", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:01:22.929028+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:01:22.929028+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
b6a23243-8fbb-4976-b090-ff3850ad3607	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 2, "failed": 0, "job_id": "b6a23243-8fbb-4976-b090-ff3850ad3607", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "d6ef2456-3f4f-41c3-a19b-8c77bc47e385", "start_time": null, "create_time": "2026-11-25T13:01:22.888441+00:00", "expire_time": "2026-12-25T13:01:22.888441+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:01:22.953747+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "b6a23243-8fbb-4976-b090-ff3850ad3607", "losses": 0, "result": {}, "sha256": "54d84373052fd05f1d77ba4349f4bbabb7f88bfce3057a1e51615f3458066d33", "attempt": 1, "ordinal": 1, "end_time": null, "image_id": "7bec28ce-745e-43b3-b579-7237552dff88", "revision": 3, "file_name": "3.png", "image_key": "21975c7793e68192f20f0d96c1e27ebda8725d50", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:01:22.953747+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:01:22.953747+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
b6a23243-8fbb-4976-b090-ff3850ad3607	4	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PENDING", "total": 2, "failed": 0, "job_id": "b6a23243-8fbb-4976-b090-ff3850ad3607", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 4, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:01:22.970881+00:00", "patient_id": "P1", "request_id": "d6ef2456-3f4f-41c3-a19b-8c77bc47e385", "start_time": null, "create_time": "2026-11-25T13:01:22.888441+00:00", "expire_time": "2026-12-25T13:01:22.888441+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:01:22.970881+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[]
ed8c932a-8c17-4f4f-a66f-638ea2b0a115	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "ed8c932a-8c17-4f4f-a66f-638ea2b0a115", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "0228baf2-44be-466e-a745-4087b5c2c418", "start_time": null, "create_time": "2026-11-25T13:01:23.489917+00:00", "expire_time": "2026-12-25T13:01:23.489917+00:00", "total_bytes": 0, "update_time": "2026-11-25T13:01:23.489917+00:00", "display_name": "FAILED FAILED"}	[]
ed8c932a-8c17-4f4f-a66f-638ea2b0a115	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "ed8c932a-8c17-4f4f-a66f-638ea2b0a115", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "0228baf2-44be-466e-a745-4087b5c2c418", "start_time": null, "create_time": "2026-11-25T13:01:23.489917+00:00", "expire_time": "2026-12-25T13:01:23.489917+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:01:23.527878+00:00", "display_name": "FAILED FAILED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "ed8c932a-8c17-4f4f-a66f-638ea2b0a115", "losses": 0, "result": {}, "sha256": "1513faff1f12bc5f7965989388d5062574cf6ce717db81cc4270dfc0e35f2c34", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "08a528db-a2c2-43a3-8e4b-0136b2a7323c", "revision": 2, "file_name": "4.png", "image_key": "9c41c5151ea4f3e46872a9daf2c43c99ea26b5c2", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:01:23.527878+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:01:23.527878+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
ed8c932a-8c17-4f4f-a66f-638ea2b0a115	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 2, "failed": 0, "job_id": "ed8c932a-8c17-4f4f-a66f-638ea2b0a115", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "0228baf2-44be-466e-a745-4087b5c2c418", "start_time": null, "create_time": "2026-11-25T13:01:23.489917+00:00", "expire_time": "2026-12-25T13:01:23.489917+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:01:23.557831+00:00", "display_name": "FAILED FAILED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "ed8c932a-8c17-4f4f-a66f-638ea2b0a115", "losses": 0, "result": {}, "sha256": "2d17811af76f3165da73480e5b5cf62806ff1a12b4eff6be9397b66118b53f75", "attempt": 1, "ordinal": 1, "end_time": null, "image_id": "6bcf06fb-6740-456d-9cde-183c60b135d5", "revision": 3, "file_name": "5.png", "image_key": "c8bf0c849e51b27cb51af05d24dbc8b364173d2c", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:01:23.557831+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:01:23.557831+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
ed8c932a-8c17-4f4f-a66f-638ea2b0a115	4	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PENDING", "total": 2, "failed": 0, "job_id": "ed8c932a-8c17-4f4f-a66f-638ea2b0a115", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 4, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:01:23.573806+00:00", "patient_id": "P1", "request_id": "0228baf2-44be-466e-a745-4087b5c2c418", "start_time": null, "create_time": "2026-11-25T13:01:23.489917+00:00", "expire_time": "2026-12-25T13:01:23.489917+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:01:23.573806+00:00", "display_name": "FAILED FAILED"}	[]
d89e60eb-0d30-406a-a861-002105558f45	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "d89e60eb-0d30-406a-a861-002105558f45", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "278b246d-a9f2-488b-a3bf-b5b7e576549d", "start_time": null, "create_time": "2026-11-25T13:01:24.088708+00:00", "expire_time": "2026-12-25T13:01:24.088708+00:00", "total_bytes": 0, "update_time": "2026-11-25T13:01:24.088708+00:00", "display_name": "RUNNING SUCCEEDED"}	[]
b6a23243-8fbb-4976-b090-ff3850ad3607	5	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RUNNING", "total": 2, "failed": 1, "job_id": "b6a23243-8fbb-4976-b090-ff3850ad3607", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 5, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:01:22.970881+00:00", "patient_id": "P1", "request_id": "d6ef2456-3f4f-41c3-a19b-8c77bc47e385", "start_time": null, "create_time": "2026-11-25T13:01:22.888441+00:00", "expire_time": "2026-12-25T13:01:22.888441+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:01:23.264481+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "FAILED", "deaths": 0, "job_id": "b6a23243-8fbb-4976-b090-ff3850ad3607", "losses": 0, "result": {}, "sha256": "0dc45ec0ec785321223eda2b24678bdc76160b8d3b55267dde4ae55eb2ae6926", "attempt": 1, "ordinal": 0, "end_time": "2026-11-25T13:01:23.182517+00:00", "image_id": "7861e9b6-56b7-4d9f-95f0-5c8b71916193", "revision": 5, "file_name": "2.png", "image_key": "1eecdba24c04f1654a514ff8a971a81fc606942d", "retryable": false, "error_code": "CORRUPT_IMAGE", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-25T13:01:23.182274+00:00", "create_time": "2026-11-25T13:01:22.929028+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:01:23.264481+00:00", "duplicate_of": "", "error_message": "The file is damaged.", "predicted_label": ""}]
b6a23243-8fbb-4976-b090-ff3850ad3607	6	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PARTIALLY_SUCCEEDED", "total": 2, "failed": 1, "job_id": "b6a23243-8fbb-4976-b090-ff3850ad3607", "creator": "doctor@demo", "end_time": "2026-11-25T13:01:23.469872+00:00", "priority": "ROUTINE", "revision": 6, "taken_up": true, "cancelled": 0, "succeeded": 1, "close_time": "2026-11-25T13:01:22.970881+00:00", "patient_id": "P1", "request_id": "d6ef2456-3f4f-41c3-a19b-8c77bc47e385", "start_time": null, "create_time": "2026-11-25T13:01:22.888441+00:00", "expire_time": "2026-12-25T13:01:22.888441+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:01:23.469872+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "SUCCEEDED", "deaths": 0, "job_id": "b6a23243-8fbb-4976-b090-ff3850ad3607", "losses": 0, "result": {"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.46700000762939453, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1860000044107437, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.17399999499320984, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "eab511fd2b938cb613bcc88dfbfb3f24331f2b6ef96ea7f11a06336714cb739a", "model_version": "1"}, "sha256": "54d84373052fd05f1d77ba4349f4bbabb7f88bfce3057a1e51615f3458066d33", "attempt": 1, "ordinal": 1, "end_time": "2026-11-25T13:01:23.38592+00:00", "image_id": "7bec28ce-745e-43b3-b579-7237552dff88", "revision": 6, "file_name": "3.png", "image_key": "21975c7793e68192f20f0d96c1e27ebda8725d50", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-25T13:01:23.385623+00:00", "create_time": "2026-11-25T13:01:22.953747+00:00", "has_heatmap": true, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:01:23.469872+00:00", "duplicate_of": "", "error_message": "", "predicted_label": "pneumonia"}]
ed8c932a-8c17-4f4f-a66f-638ea2b0a115	5	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RUNNING", "total": 2, "failed": 1, "job_id": "ed8c932a-8c17-4f4f-a66f-638ea2b0a115", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 5, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:01:23.573806+00:00", "patient_id": "P1", "request_id": "0228baf2-44be-466e-a745-4087b5c2c418", "start_time": null, "create_time": "2026-11-25T13:01:23.489917+00:00", "expire_time": "2026-12-25T13:01:23.489917+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:01:23.867439+00:00", "display_name": "FAILED FAILED"}	[{"site": "demo", "stage": "", "state": "FAILED", "deaths": 0, "job_id": "ed8c932a-8c17-4f4f-a66f-638ea2b0a115", "losses": 0, "result": {}, "sha256": "1513faff1f12bc5f7965989388d5062574cf6ce717db81cc4270dfc0e35f2c34", "attempt": 1, "ordinal": 0, "end_time": "2026-11-25T13:01:23.785665+00:00", "image_id": "08a528db-a2c2-43a3-8e4b-0136b2a7323c", "revision": 5, "file_name": "4.png", "image_key": "9c41c5151ea4f3e46872a9daf2c43c99ea26b5c2", "retryable": false, "error_code": "CORRUPT_IMAGE", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-25T13:01:23.78543+00:00", "create_time": "2026-11-25T13:01:23.527878+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:01:23.867439+00:00", "duplicate_of": "", "error_message": "The file is damaged.", "predicted_label": ""}]
ed8c932a-8c17-4f4f-a66f-638ea2b0a115	6	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "FAILED", "total": 2, "failed": 2, "job_id": "ed8c932a-8c17-4f4f-a66f-638ea2b0a115", "creator": "doctor@demo", "end_time": "2026-11-25T13:01:24.072905+00:00", "priority": "ROUTINE", "revision": 6, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:01:23.573806+00:00", "patient_id": "P1", "request_id": "0228baf2-44be-466e-a745-4087b5c2c418", "start_time": null, "create_time": "2026-11-25T13:01:23.489917+00:00", "expire_time": "2026-12-25T13:01:23.489917+00:00", "total_bytes": 12, "update_time": "2026-11-25T13:01:24.072905+00:00", "display_name": "FAILED FAILED"}	[{"site": "demo", "stage": "", "state": "FAILED", "deaths": 0, "job_id": "ed8c932a-8c17-4f4f-a66f-638ea2b0a115", "losses": 0, "result": {}, "sha256": "2d17811af76f3165da73480e5b5cf62806ff1a12b4eff6be9397b66118b53f75", "attempt": 1, "ordinal": 1, "end_time": "2026-11-25T13:01:23.989927+00:00", "image_id": "6bcf06fb-6740-456d-9cde-183c60b135d5", "revision": 6, "file_name": "5.png", "image_key": "c8bf0c849e51b27cb51af05d24dbc8b364173d2c", "retryable": false, "error_code": "CORRUPT_IMAGE", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-25T13:01:23.989656+00:00", "create_time": "2026-11-25T13:01:23.557831+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:01:24.072905+00:00", "duplicate_of": "", "error_message": "The file is damaged.", "predicted_label": ""}]
d89e60eb-0d30-406a-a861-002105558f45	4	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "FAILED", "total": 1, "failed": 1, "job_id": "d89e60eb-0d30-406a-a861-002105558f45", "creator": "doctor@demo", "end_time": "2026-11-25T13:01:24.421383+00:00", "priority": "ROUTINE", "revision": 4, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:01:24.128122+00:00", "patient_id": "P1", "request_id": "278b246d-a9f2-488b-a3bf-b5b7e576549d", "start_time": null, "create_time": "2026-11-25T13:01:24.088708+00:00", "expire_time": "2026-12-25T13:01:24.088708+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:01:24.421383+00:00", "display_name": "RUNNING SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "FAILED", "deaths": 0, "job_id": "d89e60eb-0d30-406a-a861-002105558f45", "losses": 0, "result": {}, "sha256": "8213bde6fb5bc49361a2970102f229eabad132dfc97a9ece05ecc6ed4326486b", "attempt": 1, "ordinal": 0, "end_time": "2026-11-25T13:01:24.337896+00:00", "image_id": "6b020ed7-5fbe-434f-bca5-75fa3769f839", "revision": 4, "file_name": "6.png", "image_key": "a59fe50c1809a978b89d65be6707606643341705", "retryable": false, "error_code": "CORRUPT_IMAGE", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-25T13:01:24.337896+00:00", "create_time": "2026-11-25T13:01:24.1174+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:01:24.421383+00:00", "duplicate_of": "", "error_message": "The file is damaged.", "predicted_label": ""}]
d89e60eb-0d30-406a-a861-002105558f45	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "d89e60eb-0d30-406a-a861-002105558f45", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "278b246d-a9f2-488b-a3bf-b5b7e576549d", "start_time": null, "create_time": "2026-11-25T13:01:24.088708+00:00", "expire_time": "2026-12-25T13:01:24.088708+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:01:24.1174+00:00", "display_name": "RUNNING SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "d89e60eb-0d30-406a-a861-002105558f45", "losses": 0, "result": {}, "sha256": "8213bde6fb5bc49361a2970102f229eabad132dfc97a9ece05ecc6ed4326486b", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "6b020ed7-5fbe-434f-bca5-75fa3769f839", "revision": 2, "file_name": "6.png", "image_key": "a59fe50c1809a978b89d65be6707606643341705", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:01:24.1174+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:01:24.1174+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
d89e60eb-0d30-406a-a861-002105558f45	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PENDING", "total": 1, "failed": 0, "job_id": "d89e60eb-0d30-406a-a861-002105558f45", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:01:24.128122+00:00", "patient_id": "P1", "request_id": "278b246d-a9f2-488b-a3bf-b5b7e576549d", "start_time": null, "create_time": "2026-11-25T13:01:24.088708+00:00", "expire_time": "2026-12-25T13:01:24.088708+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:01:24.128122+00:00", "display_name": "RUNNING SUCCEEDED"}	[]
d89e60eb-0d30-406a-a861-002105558f45	5	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RUNNING", "total": 1, "failed": 0, "job_id": "d89e60eb-0d30-406a-a861-002105558f45", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 5, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:01:24.128122+00:00", "patient_id": "P1", "request_id": "278b246d-a9f2-488b-a3bf-b5b7e576549d", "start_time": null, "create_time": "2026-11-25T13:01:24.088708+00:00", "expire_time": "2026-12-25T13:01:24.088708+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:01:24.433623+00:00", "display_name": "RUNNING SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "d89e60eb-0d30-406a-a861-002105558f45", "losses": 0, "result": {}, "sha256": "8213bde6fb5bc49361a2970102f229eabad132dfc97a9ece05ecc6ed4326486b", "attempt": 2, "ordinal": 0, "end_time": null, "image_id": "6b020ed7-5fbe-434f-bca5-75fa3769f839", "revision": 5, "file_name": "6.png", "image_key": "a59fe50c1809a978b89d65be6707606643341705", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:01:24.1174+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:01:24.433623+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
4d27c4f9-f594-407f-9d23-8f0f0c117dd4	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "4d27c4f9-f594-407f-9d23-8f0f0c117dd4", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "16e2a699-5ae0-479f-8a8f-50de854d2bd1", "start_time": null, "create_time": "2026-11-25T13:01:25.034711+00:00", "expire_time": "2026-12-25T13:01:25.034711+00:00", "total_bytes": 0, "update_time": "2026-11-25T13:01:25.034711+00:00", "display_name": "CANCELLED CANCELLED"}	[]
d89e60eb-0d30-406a-a861-002105558f45	6	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RUNNING", "total": 1, "failed": 0, "job_id": "d89e60eb-0d30-406a-a861-002105558f45", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 6, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:01:24.128122+00:00", "patient_id": "P1", "request_id": "278b246d-a9f2-488b-a3bf-b5b7e576549d", "start_time": null, "create_time": "2026-11-25T13:01:24.088708+00:00", "expire_time": "2026-12-25T13:01:24.088708+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:01:24.733826+00:00", "display_name": "RUNNING SUCCEEDED"}	[{"site": "demo", "stage": "PREPROCESS", "state": "RUNNING", "deaths": 0, "job_id": "d89e60eb-0d30-406a-a861-002105558f45", "losses": 0, "result": {}, "sha256": "8213bde6fb5bc49361a2970102f229eabad132dfc97a9ece05ecc6ed4326486b", "attempt": 2, "ordinal": 0, "end_time": null, "image_id": "6b020ed7-5fbe-434f-bca5-75fa3769f839", "revision": 6, "file_name": "6.png", "image_key": "a59fe50c1809a978b89d65be6707606643341705", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-25T13:01:24.650273+00:00", "create_time": "2026-11-25T13:01:24.1174+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:01:24.733826+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
4d27c4f9-f594-407f-9d23-8f0f0c117dd4	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "4d27c4f9-f594-407f-9d23-8f0f0c117dd4", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "16e2a699-5ae0-479f-8a8f-50de854d2bd1", "start_time": null, "create_time": "2026-11-25T13:01:25.034711+00:00", "expire_time": "2026-12-25T13:01:25.034711+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:01:25.065748+00:00", "display_name": "CANCELLED CANCELLED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "4d27c4f9-f594-407f-9d23-8f0f0c117dd4", "losses": 0, "result": {}, "sha256": "95483cff815d1ddd9647515fa0326683a9c9c6dac254f6f6ba1f1a0a15abba66", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "49ec9b68-becf-4b40-a414-8ced73cae652", "revision": 2, "file_name": "8.png", "image_key": "6809f2f768a5e1c7e34aece8be276a6318df6900", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:01:25.065748+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:01:25.065748+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
4d27c4f9-f594-407f-9d23-8f0f0c117dd4	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "CANCELLED", "total": 1, "failed": 0, "job_id": "4d27c4f9-f594-407f-9d23-8f0f0c117dd4", "creator": "doctor@demo", "end_time": "2026-11-25T13:01:25.084502+00:00", "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 1, "succeeded": 0, "close_time": "2026-11-25T13:01:25.084502+00:00", "patient_id": "P1", "request_id": "16e2a699-5ae0-479f-8a8f-50de854d2bd1", "start_time": null, "create_time": "2026-11-25T13:01:25.034711+00:00", "expire_time": "2026-12-25T13:01:25.034711+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:01:25.084502+00:00", "display_name": "CANCELLED CANCELLED"}	[{"site": "demo", "stage": "", "state": "CANCELLED", "deaths": 0, "job_id": "4d27c4f9-f594-407f-9d23-8f0f0c117dd4", "losses": 0, "result": {}, "sha256": "95483cff815d1ddd9647515fa0326683a9c9c6dac254f6f6ba1f1a0a15abba66", "attempt": 1, "ordinal": 0, "end_time": "2026-11-25T13:01:25.084502+00:00", "image_id": "49ec9b68-becf-4b40-a414-8ced73cae652", "revision": 3, "file_name": "8.png", "image_key": "6809f2f768a5e1c7e34aece8be276a6318df6900", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:01:25.065748+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:01:25.084502+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
275087b3-bf3f-4686-a39d-39f990aa25d7	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "275087b3-bf3f-4686-a39d-39f990aa25d7", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "6f2af8fe-d6d3-4f3c-8731-5b7ba070d816", "start_time": null, "create_time": "2026-11-25T13:01:25.102604+00:00", "expire_time": "2026-12-25T13:01:25.102604+00:00", "total_bytes": 0, "update_time": "2026-11-25T13:01:25.102604+00:00", "display_name": "PENDING SUCCEEDED"}	[]
275087b3-bf3f-4686-a39d-39f990aa25d7	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "275087b3-bf3f-4686-a39d-39f990aa25d7", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "6f2af8fe-d6d3-4f3c-8731-5b7ba070d816", "start_time": null, "create_time": "2026-11-25T13:01:25.102604+00:00", "expire_time": "2026-12-25T13:01:25.102604+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:01:25.126731+00:00", "display_name": "PENDING SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "275087b3-bf3f-4686-a39d-39f990aa25d7", "losses": 0, "result": {}, "sha256": "68f306b33426ec7fa485c5e1e0f9564858bd2c6b93ace93266e2913a7e006ce6", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "dbdc8711-57bf-4ef9-b7e5-b7e16c1e8440", "revision": 2, "file_name": "9.png", "image_key": "98d47a1435415ab026214669765479a517094997", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-25T13:01:25.126731+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:01:25.126731+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
275087b3-bf3f-4686-a39d-39f990aa25d7	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PENDING", "total": 1, "failed": 0, "job_id": "275087b3-bf3f-4686-a39d-39f990aa25d7", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-25T13:01:25.139126+00:00", "patient_id": "P1", "request_id": "6f2af8fe-d6d3-4f3c-8731-5b7ba070d816", "start_time": null, "create_time": "2026-11-25T13:01:25.102604+00:00", "expire_time": "2026-12-25T13:01:25.102604+00:00", "total_bytes": 6, "update_time": "2026-11-25T13:01:25.139126+00:00", "display_name": "PENDING SUCCEEDED"}	[]
b6f8fd6b-3b76-4e69-8218-9e401690ca6a	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "b6f8fd6b-3b76-4e69-8218-9e401690ca6a", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "03f11508-0c39-43e8-a6db-92dc8ad79586", "start_time": null, "create_time": "2026-11-25T13:01:25.154588+00:00", "expire_time": "2026-12-25T13:01:25.154588+00:00", "total_bytes": 0, "update_time": "2026-11-25T13:01:25.154588+00:00", "display_name": "RECEIVING RECEIVING"}	[]
b6f8fd6b-3b76-4e69-8218-9e401690ca6a	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "b6f8fd6b-3b76-4e69-8218-9e401690ca6a", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "03f11508-0c39-43e8-a6db-92dc8ad79586", "start_time": null, "create_time": "2026-11-25T13:01:25.154588+00:00", "expire_time": "2026-12-25T13:01:25.154588+00:00", "total_bytes": 7, "update_time": "2026-11-25T13:01:25.181367+00:00", "display_name": "RECEIVING RECEIVING"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "b6f8fd6b-3b76-4e69-8218-9e401690ca6a", "losses": 0, "result": {}, "sha256": "336d9ff87895916081e96683a575d619d77286641e67e9f4b2755145bc2d180b", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "8f945e6a-e962-49f8-96e3-b58646565ed6", "revision": 2, "file_name": "10.png", "image_key": "fdeecbd9f1fb220d1f61d4d25c0969b67f303bdc", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 7, "start_time": null, "create_time": "2026-11-25T13:01:25.181367+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-25T13:01:25.181367+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
\.


--
-- Data for Name: job_patients; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.job_patients (job_id, patient_id, site, create_time) FROM stdin;
79aaebc7-b4e9-492c-aa5c-f389b7c06959	P1	demo	2026-11-25 13:01:22.229298+00
b6a23243-8fbb-4976-b090-ff3850ad3607	P1	demo	2026-11-25 13:01:22.888441+00
ed8c932a-8c17-4f4f-a66f-638ea2b0a115	P1	demo	2026-11-25 13:01:23.489917+00
d89e60eb-0d30-406a-a861-002105558f45	P1	demo	2026-11-25 13:01:24.088708+00
4d27c4f9-f594-407f-9d23-8f0f0c117dd4	P1	demo	2026-11-25 13:01:25.034711+00
275087b3-bf3f-4686-a39d-39f990aa25d7	P1	demo	2026-11-25 13:01:25.102604+00
b6f8fd6b-3b76-4e69-8218-9e401690ca6a	P1	demo	2026-11-25 13:01:25.154588+00
\.


--
-- Data for Name: jobs; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.jobs (job_id, site, creator, request_id, request_digest, state, revision, patient_id, display_name, notes, clahe, priority, start_time, model, total, succeeded, failed, cancelled, total_bytes, taken_up, create_time, update_time, close_time, end_time, expire_time) FROM stdin;
79aaebc7-b4e9-492c-aa5c-f389b7c06959	demo	doctor@demo	74c343d6-4f3c-4d1b-84fa-5779177c0887	\\x997441aae7ee95e480ab14ad549ac862aa79233412276b922383e09e91ae66ce	SUCCEEDED	6	P1	SUCCEEDED SUCCEEDED	a note	t	ROUTINE	\N	cxr	2	2	0	0	12	t	2026-11-25 13:01:22.229298+00	2026-11-25 13:01:22.868123+00	2026-11-25 13:01:22.364853+00	2026-11-25 13:01:22.868123+00	2026-12-25 13:01:22.229298+00
b6a23243-8fbb-4976-b090-ff3850ad3607	demo	doctor@demo	d6ef2456-3f4f-41c3-a19b-8c77bc47e385	\\xb25eacf2fb2bbe80027c4f798027623df8e3ef5bf4a2b05b9765759a439ce211	PARTIALLY_SUCCEEDED	6	P1	PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED	a note	t	ROUTINE	\N	cxr	2	1	1	0	12	t	2026-11-25 13:01:22.888441+00	2026-11-25 13:01:23.469872+00	2026-11-25 13:01:22.970881+00	2026-11-25 13:01:23.469872+00	2026-12-25 13:01:22.888441+00
ed8c932a-8c17-4f4f-a66f-638ea2b0a115	demo	doctor@demo	0228baf2-44be-466e-a745-4087b5c2c418	\\x48c7309c3c70a4e2e1fbcd073333557fbb0316137ce3bc065e20505284353de2	FAILED	6	P1	FAILED FAILED	a note	t	ROUTINE	\N	cxr	2	0	2	0	12	t	2026-11-25 13:01:23.489917+00	2026-11-25 13:01:24.072905+00	2026-11-25 13:01:23.573806+00	2026-11-25 13:01:24.072905+00	2026-12-25 13:01:23.489917+00
d89e60eb-0d30-406a-a861-002105558f45	demo	doctor@demo	278b246d-a9f2-488b-a3bf-b5b7e576549d	\\x52b072c26376ab1c396706e32d6075c4c640b4dac0806640e8f6423904b01cc2	RUNNING	6	P1	RUNNING SUCCEEDED	a note	t	ROUTINE	\N	cxr	1	0	0	0	6	t	2026-11-25 13:01:24.088708+00	2026-11-25 13:01:24.733826+00	2026-11-25 13:01:24.128122+00	\N	2026-12-25 13:01:24.088708+00
4d27c4f9-f594-407f-9d23-8f0f0c117dd4	demo	doctor@demo	16e2a699-5ae0-479f-8a8f-50de854d2bd1	\\x925d04a33d6107c986d39a15961abb9f1b366036c45bb8ff2da3524e8414a5d0	CANCELLED	3	P1	CANCELLED CANCELLED	a note	t	ROUTINE	\N	cxr	1	0	0	1	6	f	2026-11-25 13:01:25.034711+00	2026-11-25 13:01:25.084502+00	2026-11-25 13:01:25.084502+00	2026-11-25 13:01:25.084502+00	2026-12-25 13:01:25.034711+00
275087b3-bf3f-4686-a39d-39f990aa25d7	demo	doctor@demo	6f2af8fe-d6d3-4f3c-8731-5b7ba070d816	\\x75971372b6d5448f9e32475d655fad1af17f4161070de261a9316e4aebaf6fee	PENDING	3	P1	PENDING SUCCEEDED	a note	t	ROUTINE	\N	cxr	1	0	0	0	6	f	2026-11-25 13:01:25.102604+00	2026-11-25 13:01:25.139126+00	2026-11-25 13:01:25.139126+00	\N	2026-12-25 13:01:25.102604+00
b6f8fd6b-3b76-4e69-8218-9e401690ca6a	demo	doctor@demo	03f11508-0c39-43e8-a6db-92dc8ad79586	\\x6a81582dc3518bb2257325a699d833be648a93c5d9062754d3b1db69f9f36cd1	RECEIVING	2	P1	RECEIVING RECEIVING	a note	t	ROUTINE	\N	cxr	1	0	0	0	7	f	2026-11-25 13:01:25.154588+00	2026-11-25 13:01:25.181367+00	\N	\N	2026-12-25 13:01:25.154588+00
\.


--
-- Data for Name: outbox; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.outbox (image_id, job_id, site, attempt, available_at, claimed_until, traceparent) FROM stdin;
dbdc8711-57bf-4ef9-b7e5-b7e16c1e8440	275087b3-bf3f-4686-a39d-39f990aa25d7	demo	1	2026-11-25 13:01:26.245335+00	\N	
\.


--
-- Data for Name: retry_requests; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.retry_requests (job_id, request_id, site) FROM stdin;
d89e60eb-0d30-406a-a861-002105558f45	e1ed016c-06bc-4c4d-ae39-5258f85dc0c5	demo
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
b6f8fd6b-3b76-4e69-8218-9e401690ca6a	half	demo	95605a65-3350-481a-b67e-d12ba0da9d85	{}	1	2026-11-25 13:01:26.226516+00	2026-11-25 13:01:26.226516+00
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
-- Name: images_open_job; Type: INDEX; Schema: public; Owner: carina
--

CREATE INDEX images_open_job ON public.images USING btree (job_id, update_time) WHERE (state = ANY (ARRAY['QUEUED'::text, 'RUNNING'::text]));


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
-- Name: jobs_list_creator; Type: INDEX; Schema: public; Owner: carina
--

CREATE INDEX jobs_list_creator ON public.jobs USING btree (site, creator, priority, state, create_time DESC, job_id DESC);


--
-- Name: jobs_list_state; Type: INDEX; Schema: public; Owner: carina
--

CREATE INDEX jobs_list_state ON public.jobs USING btree (site, priority, state, create_time DESC, job_id DESC);


--
-- Name: jobs_open; Type: INDEX; Schema: public; Owner: carina
--

CREATE INDEX jobs_open ON public.jobs USING btree (job_id) WHERE (state = ANY (ARRAY['RECEIVING'::text, 'PENDING'::text, 'RUNNING'::text]));


--
-- Name: jobs_receiving; Type: INDEX; Schema: public; Owner: carina
--

CREATE INDEX jobs_receiving ON public.jobs USING btree (update_time) WHERE (state = 'RECEIVING'::text);


--
-- Name: jobs_site_create_time; Type: INDEX; Schema: public; Owner: carina
--

CREATE INDEX jobs_site_create_time ON public.jobs USING btree (site, create_time DESC, job_id DESC);


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

\unrestrict zoFqiUm14t0WhUFCbbZKGkFYgKUmyByZCdKUDucpFCmZJCdieTMylZcC3EIKllE

