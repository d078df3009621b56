--
-- PostgreSQL database dump
--

\restrict Rp7vmYXEMxqbgalGuCiLJiWdnsWJxjUj4CzRwbZtfRzkuuwDyyf9C5Y8ErJe6Br

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
    sweep_time timestamp with time zone
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
    available_at timestamp with time zone NOT NULL
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

COPY public.deletions (deletion_id, site, job_id, prefix, delete_time, sweep_time) FROM stdin;
1	demo	f5dd7cd0-6ee4-42b5-ab16-e8bbb3ae2f28	sites/demo/jobs/f5dd7cd0-6ee4-42b5-ab16-e8bbb3ae2f28/	2026-11-21 14:53:19.51709+00	\N
\.


--
-- Data for Name: heatmaps; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.heatmaps (image_id, site, png) FROM stdin;
0affb108-2e63-4f91-b174-b1d3d9dde81f	demo	\\x89504e472068656174
96a2ac7b-44f1-437d-99fb-dfe343163feb	demo	\\x89504e472068656174
94563f02-7045-4b3c-bc79-dcd203433397	demo	\\x89504e472068656174
\.


--
-- Data for Name: images; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.images (image_id, job_id, site, image_key, file_name, ordinal, size_bytes, sha256, original_keys, patient_id, state, stage, attempt, republished, revision, error_code, error_message, retryable, predicted_label, result, has_preview, has_heatmap, duplicate_of, create_time, update_time, start_time, end_time) FROM stdin;
0affb108-2e63-4f91-b174-b1d3d9dde81f	c9eb60df-2265-4ce3-aa21-8b0f12f8448c	demo	7c167a3380e8a43286c96d284dfcd782ce052883	0.png	0	6	8e13eb6df20516710b6dae2430ab861aaaf112e28d2f70b5dc18f100535578ea	{sites/demo/jobs/c9eb60df-2265-4ce3-aa21-8b0f12f8448c/0affb108-2e63-4f91-b174-b1d3d9dde81f/original-000000000000-fe85f925}	P1	SUCCEEDED		1	0	5			f	pneumonia	{"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.47099998593330383, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1940000057220459, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.15399999916553497, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "d0fc03de1e62a0143b8ad52d32aefcc1e9dc0a6cf7e78d67a1bcb783467a7a2e", "model_version": "1"}	f	t		2026-11-21 14:53:17.011046+00	2026-11-21 14:53:17.337654+00	2026-11-21 14:53:17.25547+00	2026-11-21 14:53:17.25547+00
96a2ac7b-44f1-437d-99fb-dfe343163feb	c9eb60df-2265-4ce3-aa21-8b0f12f8448c	demo	4701ace4a42eb360fd90be6aaf65590fc9f91de3	1.png	1	6	fa64c158623571f175ece2347b85a2ba0f50be3607f8764ca4c7ad2005598354	{sites/demo/jobs/c9eb60df-2265-4ce3-aa21-8b0f12f8448c/96a2ac7b-44f1-437d-99fb-dfe343163feb/original-000000000000-d66ce5de}	P1	SUCCEEDED		1	0	6			f	pneumonia	{"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.47099998593330383, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1940000057220459, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.15399999916553497, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "d0fc03de1e62a0143b8ad52d32aefcc1e9dc0a6cf7e78d67a1bcb783467a7a2e", "model_version": "1"}	f	t		2026-11-21 14:53:17.030743+00	2026-11-21 14:53:17.543671+00	2026-11-21 14:53:17.460871+00	2026-11-21 14:53:17.460871+00
98e3e56e-f8e0-4c16-9441-2fae720c443f	2d8effcd-fa6d-4938-aec2-c5ff31b092b6	demo	81527566b7ed376071d424f47d3a899d63b292cf	2.png	0	6	0dc45ec0ec785321223eda2b24678bdc76160b8d3b55267dde4ae55eb2ae6926	{sites/demo/jobs/2d8effcd-fa6d-4938-aec2-c5ff31b092b6/98e3e56e-f8e0-4c16-9441-2fae720c443f/original-000000000000-dac24140}	P1	FAILED		1	0	5	CORRUPT_IMAGE	The file is damaged.	f		{}	f	f		2026-11-21 14:53:17.570789+00	2026-11-21 14:53:17.892366+00	2026-11-21 14:53:17.810091+00	2026-11-21 14:53:17.810091+00
94563f02-7045-4b3c-bc79-dcd203433397	2d8effcd-fa6d-4938-aec2-c5ff31b092b6	demo	30def633d528442db3621e67f369fef2fa8a6c57	3.png	1	6	54d84373052fd05f1d77ba4349f4bbabb7f88bfce3057a1e51615f3458066d33	{sites/demo/jobs/2d8effcd-fa6d-4938-aec2-c5ff31b092b6/94563f02-7045-4b3c-bc79-dcd203433397/original-000000000000-4a50aa7e}	P1	SUCCEEDED		1	0	6			f	pneumonia	{"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.47099998593330383, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1940000057220459, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.15399999916553497, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "d0fc03de1e62a0143b8ad52d32aefcc1e9dc0a6cf7e78d67a1bcb783467a7a2e", "model_version": "1"}	f	t		2026-11-21 14:53:17.589422+00	2026-11-21 14:53:18.09964+00	2026-11-21 14:53:18.016696+00	2026-11-21 14:53:18.016696+00
16fb1093-705a-4c6d-873b-5643b9699258	58110407-483a-418b-acee-90fc0a236ffb	demo	08dcddf16c0e63d9c647ec3911601b257044fb35	4.png	0	6	1513faff1f12bc5f7965989388d5062574cf6ce717db81cc4270dfc0e35f2c34	{sites/demo/jobs/58110407-483a-418b-acee-90fc0a236ffb/16fb1093-705a-4c6d-873b-5643b9699258/original-000000000000-a88263ab}	P1	FAILED		1	0	5	CORRUPT_IMAGE	The file is damaged.	f		{}	f	f		2026-11-21 14:53:18.126888+00	2026-11-21 14:53:18.443875+00	2026-11-21 14:53:18.361583+00	2026-11-21 14:53:18.361583+00
b50294d6-c57f-434f-a785-ec10653c95b1	58110407-483a-418b-acee-90fc0a236ffb	demo	7abd89ae3de019a2064588f0354bbb03463bfe52	5.png	1	6	2d17811af76f3165da73480e5b5cf62806ff1a12b4eff6be9397b66118b53f75	{sites/demo/jobs/58110407-483a-418b-acee-90fc0a236ffb/b50294d6-c57f-434f-a785-ec10653c95b1/original-000000000000-d3d62746}	P1	FAILED		1	0	6	CORRUPT_IMAGE	The file is damaged.	f		{}	f	f		2026-11-21 14:53:18.141267+00	2026-11-21 14:53:18.64967+00	2026-11-21 14:53:18.566082+00	2026-11-21 14:53:18.566082+00
f239c111-7e72-4b63-89e3-85ae3b56656a	cb9f6bbf-ef91-45b5-8c45-94752433b952	demo	d7ec03bbf2506fc5f5e829ac68fbc8940563e175	6.png	0	6	8213bde6fb5bc49361a2970102f229eabad132dfc97a9ece05ecc6ed4326486b	{sites/demo/jobs/cb9f6bbf-ef91-45b5-8c45-94752433b952/f239c111-7e72-4b63-89e3-85ae3b56656a/original-000000000000-150a51fc}	P1	RUNNING	PREPROCESS	2	0	6			f		{}	f	f		2026-11-21 14:53:18.672953+00	2026-11-21 14:53:19.27354+00	2026-11-21 14:53:19.191174+00	\N
a280534c-c240-49a9-b4bd-5866e87f7f90	6a938fe4-2272-44b7-98a3-35cd5fe9edb3	demo	ccc508930766298f9b25acc0bb72c8756f2ae014	8.png	0	6	95483cff815d1ddd9647515fa0326683a9c9c6dac254f6f6ba1f1a0a15abba66	{sites/demo/jobs/6a938fe4-2272-44b7-98a3-35cd5fe9edb3/a280534c-c240-49a9-b4bd-5866e87f7f90/original-000000000000-c7e792e6}	P1	CANCELLED		1	0	3			f		{}	f	f		2026-11-21 14:53:19.540051+00	2026-11-21 14:53:19.545791+00	\N	2026-11-21 14:53:19.545791+00
ba91b8ea-28dc-453b-85a4-9523fdd5b9c9	2a0f3c1e-61c2-451e-9afa-ca648d499b54	demo	de229344e3a49d1fe075fa82f173041bb9a80a9e	9.png	0	6	68f306b33426ec7fa485c5e1e0f9564858bd2c6b93ace93266e2913a7e006ce6	{sites/demo/jobs/2a0f3c1e-61c2-451e-9afa-ca648d499b54/ba91b8ea-28dc-453b-85a4-9523fdd5b9c9/original-000000000000-ce6b34c5}	P1	QUEUED		1	0	2			f		{}	f	f		2026-11-21 14:53:19.56771+00	2026-11-21 14:53:19.56771+00	\N	\N
cd83c12d-ff70-44ab-a09f-ce6f1e66b595	000e6b85-247a-46bb-93bb-1b3beecba169	demo	cdd96f8e61c85a00f4a60003bc63d3b8be44ffeb	10.png	0	7	336d9ff87895916081e96683a575d619d77286641e67e9f4b2755145bc2d180b	{sites/demo/jobs/000e6b85-247a-46bb-93bb-1b3beecba169/cd83c12d-ff70-44ab-a09f-ce6f1e66b595/original-000000000000-52ef512b}	P1	QUEUED		1	0	2			f		{}	f	f		2026-11-21 14:53:19.596241+00	2026-11-21 14:53:19.596241+00	\N	\N
\.


--
-- Data for Name: job_events; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.job_events (job_id, revision, site, job, images) FROM stdin;
c9eb60df-2265-4ce3-aa21-8b0f12f8448c	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "c9eb60df-2265-4ce3-aa21-8b0f12f8448c", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "d54c9f6a-cd64-4417-b1cf-9f33c0a7be30", "start_time": null, "create_time": "2026-11-21T14:53:16.971318+00:00", "expire_time": "2026-12-21T14:53:16.971318+00:00", "total_bytes": 0, "update_time": "2026-11-21T14:53:16.971318+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[]
c9eb60df-2265-4ce3-aa21-8b0f12f8448c	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "c9eb60df-2265-4ce3-aa21-8b0f12f8448c", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "d54c9f6a-cd64-4417-b1cf-9f33c0a7be30", "start_time": null, "create_time": "2026-11-21T14:53:16.971318+00:00", "expire_time": "2026-12-21T14:53:16.971318+00:00", "total_bytes": 6, "update_time": "2026-11-21T14:53:17.011046+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "job_id": "c9eb60df-2265-4ce3-aa21-8b0f12f8448c", "result": {}, "sha256": "8e13eb6df20516710b6dae2430ab861aaaf112e28d2f70b5dc18f100535578ea", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "0affb108-2e63-4f91-b174-b1d3d9dde81f", "revision": 2, "file_name": "0.png", "image_key": "7c167a3380e8a43286c96d284dfcd782ce052883", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T14:53:17.011046+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T14:53:17.011046+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
c9eb60df-2265-4ce3-aa21-8b0f12f8448c	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 2, "failed": 0, "job_id": "c9eb60df-2265-4ce3-aa21-8b0f12f8448c", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "d54c9f6a-cd64-4417-b1cf-9f33c0a7be30", "start_time": null, "create_time": "2026-11-21T14:53:16.971318+00:00", "expire_time": "2026-12-21T14:53:16.971318+00:00", "total_bytes": 12, "update_time": "2026-11-21T14:53:17.030743+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "job_id": "c9eb60df-2265-4ce3-aa21-8b0f12f8448c", "result": {}, "sha256": "fa64c158623571f175ece2347b85a2ba0f50be3607f8764ca4c7ad2005598354", "attempt": 1, "ordinal": 1, "end_time": null, "image_id": "96a2ac7b-44f1-437d-99fb-dfe343163feb", "revision": 3, "file_name": "1.png", "image_key": "4701ace4a42eb360fd90be6aaf65590fc9f91de3", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T14:53:17.030743+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T14:53:17.030743+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
c9eb60df-2265-4ce3-aa21-8b0f12f8448c	4	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PENDING", "total": 2, "failed": 0, "job_id": "c9eb60df-2265-4ce3-aa21-8b0f12f8448c", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 4, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T14:53:17.041866+00:00", "patient_id": "P1", "request_id": "d54c9f6a-cd64-4417-b1cf-9f33c0a7be30", "start_time": null, "create_time": "2026-11-21T14:53:16.971318+00:00", "expire_time": "2026-12-21T14:53:16.971318+00:00", "total_bytes": 12, "update_time": "2026-11-21T14:53:17.041866+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[]
c9eb60df-2265-4ce3-aa21-8b0f12f8448c	5	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RUNNING", "total": 2, "failed": 0, "job_id": "c9eb60df-2265-4ce3-aa21-8b0f12f8448c", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 5, "taken_up": true, "cancelled": 0, "succeeded": 1, "close_time": "2026-11-21T14:53:17.041866+00:00", "patient_id": "P1", "request_id": "d54c9f6a-cd64-4417-b1cf-9f33c0a7be30", "start_time": null, "create_time": "2026-11-21T14:53:16.971318+00:00", "expire_time": "2026-12-21T14:53:16.971318+00:00", "total_bytes": 12, "update_time": "2026-11-21T14:53:17.337654+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "SUCCEEDED", "job_id": "c9eb60df-2265-4ce3-aa21-8b0f12f8448c", "result": {"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.47099998593330383, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1940000057220459, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.15399999916553497, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "d0fc03de1e62a0143b8ad52d32aefcc1e9dc0a6cf7e78d67a1bcb783467a7a2e", "model_version": "1"}, "sha256": "8e13eb6df20516710b6dae2430ab861aaaf112e28d2f70b5dc18f100535578ea", "attempt": 1, "ordinal": 0, "end_time": "2026-11-21T14:53:17.25547+00:00", "image_id": "0affb108-2e63-4f91-b174-b1d3d9dde81f", "revision": 5, "file_name": "0.png", "image_key": "7c167a3380e8a43286c96d284dfcd782ce052883", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-21T14:53:17.25547+00:00", "create_time": "2026-11-21T14:53:17.011046+00:00", "has_heatmap": true, "has_preview": false, "republished": 0, "update_time": "2026-11-21T14:53:17.337654+00:00", "duplicate_of": "", "error_message": "", "predicted_label": "pneumonia"}]
2d8effcd-fa6d-4938-aec2-c5ff31b092b6	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "2d8effcd-fa6d-4938-aec2-c5ff31b092b6", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "c3e27046-9638-4a6a-88b8-a0cfd4c9a8c4", "start_time": null, "create_time": "2026-11-21T14:53:17.556126+00:00", "expire_time": "2026-12-21T14:53:17.556126+00:00", "total_bytes": 0, "update_time": "2026-11-21T14:53:17.556126+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[]
58110407-483a-418b-acee-90fc0a236ffb	4	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PENDING", "total": 2, "failed": 0, "job_id": "58110407-483a-418b-acee-90fc0a236ffb", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 4, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T14:53:18.151313+00:00", "patient_id": "P1", "request_id": "e064bc70-ff24-45bb-8e75-f78f6bac6904", "start_time": null, "create_time": "2026-11-21T14:53:18.112213+00:00", "expire_time": "2026-12-21T14:53:18.112213+00:00", "total_bytes": 12, "update_time": "2026-11-21T14:53:18.151313+00:00", "display_name": "FAILED FAILED"}	[]
c9eb60df-2265-4ce3-aa21-8b0f12f8448c	6	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "SUCCEEDED", "total": 2, "failed": 0, "job_id": "c9eb60df-2265-4ce3-aa21-8b0f12f8448c", "creator": "doctor@demo", "end_time": "2026-11-21T14:53:17.543671+00:00", "priority": "ROUTINE", "revision": 6, "taken_up": true, "cancelled": 0, "succeeded": 2, "close_time": "2026-11-21T14:53:17.041866+00:00", "patient_id": "P1", "request_id": "d54c9f6a-cd64-4417-b1cf-9f33c0a7be30", "start_time": null, "create_time": "2026-11-21T14:53:16.971318+00:00", "expire_time": "2026-12-21T14:53:16.971318+00:00", "total_bytes": 12, "update_time": "2026-11-21T14:53:17.543671+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "SUCCEEDED", "job_id": "c9eb60df-2265-4ce3-aa21-8b0f12f8448c", "result": {"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.47099998593330383, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1940000057220459, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.15399999916553497, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "d0fc03de1e62a0143b8ad52d32aefcc1e9dc0a6cf7e78d67a1bcb783467a7a2e", "model_version": "1"}, "sha256": "fa64c158623571f175ece2347b85a2ba0f50be3607f8764ca4c7ad2005598354", "attempt": 1, "ordinal": 1, "end_time": "2026-11-21T14:53:17.460871+00:00", "image_id": "96a2ac7b-44f1-437d-99fb-dfe343163feb", "revision": 6, "file_name": "1.png", "image_key": "4701ace4a42eb360fd90be6aaf65590fc9f91de3", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-21T14:53:17.460871+00:00", "create_time": "2026-11-21T14:53:17.030743+00:00", "has_heatmap": true, "has_preview": false, "republished": 0, "update_time": "2026-11-21T14:53:17.543671+00:00", "duplicate_of": "", "error_message": "", "predicted_label": "pneumonia"}]
2d8effcd-fa6d-4938-aec2-c5ff31b092b6	5	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RUNNING", "total": 2, "failed": 1, "job_id": "2d8effcd-fa6d-4938-aec2-c5ff31b092b6", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 5, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T14:53:17.601066+00:00", "patient_id": "P1", "request_id": "c3e27046-9638-4a6a-88b8-a0cfd4c9a8c4", "start_time": null, "create_time": "2026-11-21T14:53:17.556126+00:00", "expire_time": "2026-12-21T14:53:17.556126+00:00", "total_bytes": 12, "update_time": "2026-11-21T14:53:17.892366+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "FAILED", "job_id": "2d8effcd-fa6d-4938-aec2-c5ff31b092b6", "result": {}, "sha256": "0dc45ec0ec785321223eda2b24678bdc76160b8d3b55267dde4ae55eb2ae6926", "attempt": 1, "ordinal": 0, "end_time": "2026-11-21T14:53:17.810091+00:00", "image_id": "98e3e56e-f8e0-4c16-9441-2fae720c443f", "revision": 5, "file_name": "2.png", "image_key": "81527566b7ed376071d424f47d3a899d63b292cf", "retryable": false, "error_code": "CORRUPT_IMAGE", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-21T14:53:17.810091+00:00", "create_time": "2026-11-21T14:53:17.570789+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T14:53:17.892366+00:00", "duplicate_of": "", "error_message": "The file is damaged.", "predicted_label": ""}]
2d8effcd-fa6d-4938-aec2-c5ff31b092b6	6	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PARTIALLY_SUCCEEDED", "total": 2, "failed": 1, "job_id": "2d8effcd-fa6d-4938-aec2-c5ff31b092b6", "creator": "doctor@demo", "end_time": "2026-11-21T14:53:18.09964+00:00", "priority": "ROUTINE", "revision": 6, "taken_up": true, "cancelled": 0, "succeeded": 1, "close_time": "2026-11-21T14:53:17.601066+00:00", "patient_id": "P1", "request_id": "c3e27046-9638-4a6a-88b8-a0cfd4c9a8c4", "start_time": null, "create_time": "2026-11-21T14:53:17.556126+00:00", "expire_time": "2026-12-21T14:53:17.556126+00:00", "total_bytes": 12, "update_time": "2026-11-21T14:53:18.09964+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "SUCCEEDED", "job_id": "2d8effcd-fa6d-4938-aec2-c5ff31b092b6", "result": {"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.47099998593330383, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1940000057220459, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.15399999916553497, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "d0fc03de1e62a0143b8ad52d32aefcc1e9dc0a6cf7e78d67a1bcb783467a7a2e", "model_version": "1"}, "sha256": "54d84373052fd05f1d77ba4349f4bbabb7f88bfce3057a1e51615f3458066d33", "attempt": 1, "ordinal": 1, "end_time": "2026-11-21T14:53:18.016696+00:00", "image_id": "94563f02-7045-4b3c-bc79-dcd203433397", "revision": 6, "file_name": "3.png", "image_key": "30def633d528442db3621e67f369fef2fa8a6c57", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-21T14:53:18.016696+00:00", "create_time": "2026-11-21T14:53:17.589422+00:00", "has_heatmap": true, "has_preview": false, "republished": 0, "update_time": "2026-11-21T14:53:18.09964+00:00", "duplicate_of": "", "error_message": "", "predicted_label": "pneumonia"}]
58110407-483a-418b-acee-90fc0a236ffb	5	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RUNNING", "total": 2, "failed": 1, "job_id": "58110407-483a-418b-acee-90fc0a236ffb", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 5, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T14:53:18.151313+00:00", "patient_id": "P1", "request_id": "e064bc70-ff24-45bb-8e75-f78f6bac6904", "start_time": null, "create_time": "2026-11-21T14:53:18.112213+00:00", "expire_time": "2026-12-21T14:53:18.112213+00:00", "total_bytes": 12, "update_time": "2026-11-21T14:53:18.443875+00:00", "display_name": "FAILED FAILED"}	[{"site": "demo", "stage": "", "state": "FAILED", "job_id": "58110407-483a-418b-acee-90fc0a236ffb", "result": {}, "sha256": "1513faff1f12bc5f7965989388d5062574cf6ce717db81cc4270dfc0e35f2c34", "attempt": 1, "ordinal": 0, "end_time": "2026-11-21T14:53:18.361583+00:00", "image_id": "16fb1093-705a-4c6d-873b-5643b9699258", "revision": 5, "file_name": "4.png", "image_key": "08dcddf16c0e63d9c647ec3911601b257044fb35", "retryable": false, "error_code": "CORRUPT_IMAGE", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-21T14:53:18.361583+00:00", "create_time": "2026-11-21T14:53:18.126888+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T14:53:18.443875+00:00", "duplicate_of": "", "error_message": "The file is damaged.", "predicted_label": ""}]
58110407-483a-418b-acee-90fc0a236ffb	6	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "FAILED", "total": 2, "failed": 2, "job_id": "58110407-483a-418b-acee-90fc0a236ffb", "creator": "doctor@demo", "end_time": "2026-11-21T14:53:18.64967+00:00", "priority": "ROUTINE", "revision": 6, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T14:53:18.151313+00:00", "patient_id": "P1", "request_id": "e064bc70-ff24-45bb-8e75-f78f6bac6904", "start_time": null, "create_time": "2026-11-21T14:53:18.112213+00:00", "expire_time": "2026-12-21T14:53:18.112213+00:00", "total_bytes": 12, "update_time": "2026-11-21T14:53:18.64967+00:00", "display_name": "FAILED FAILED"}	[{"site": "demo", "stage": "", "state": "FAILED", "job_id": "58110407-483a-418b-acee-90fc0a236ffb", "result": {}, "sha256": "2d17811af76f3165da73480e5b5cf62806ff1a12b4eff6be9397b66118b53f75", "attempt": 1, "ordinal": 1, "end_time": "2026-11-21T14:53:18.566082+00:00", "image_id": "b50294d6-c57f-434f-a785-ec10653c95b1", "revision": 6, "file_name": "5.png", "image_key": "7abd89ae3de019a2064588f0354bbb03463bfe52", "retryable": false, "error_code": "CORRUPT_IMAGE", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-21T14:53:18.566082+00:00", "create_time": "2026-11-21T14:53:18.141267+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T14:53:18.64967+00:00", "duplicate_of": "", "error_message": "The file is damaged.", "predicted_label": ""}]
2d8effcd-fa6d-4938-aec2-c5ff31b092b6	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "2d8effcd-fa6d-4938-aec2-c5ff31b092b6", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "c3e27046-9638-4a6a-88b8-a0cfd4c9a8c4", "start_time": null, "create_time": "2026-11-21T14:53:17.556126+00:00", "expire_time": "2026-12-21T14:53:17.556126+00:00", "total_bytes": 6, "update_time": "2026-11-21T14:53:17.570789+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "job_id": "2d8effcd-fa6d-4938-aec2-c5ff31b092b6", "result": {}, "sha256": "0dc45ec0ec785321223eda2b24678bdc76160b8d3b55267dde4ae55eb2ae6926", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "98e3e56e-f8e0-4c16-9441-2fae720c443f", "revision": 2, "file_name": "2.png", "image_key": "81527566b7ed376071d424f47d3a899d63b292cf", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T14:53:17.570789+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T14:53:17.570789+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
2d8effcd-fa6d-4938-aec2-c5ff31b092b6	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 2, "failed": 0, "job_id": "2d8effcd-fa6d-4938-aec2-c5ff31b092b6", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "c3e27046-9638-4a6a-88b8-a0cfd4c9a8c4", "start_time": null, "create_time": "2026-11-21T14:53:17.556126+00:00", "expire_time": "2026-12-21T14:53:17.556126+00:00", "total_bytes": 12, "update_time": "2026-11-21T14:53:17.589422+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "job_id": "2d8effcd-fa6d-4938-aec2-c5ff31b092b6", "result": {}, "sha256": "54d84373052fd05f1d77ba4349f4bbabb7f88bfce3057a1e51615f3458066d33", "attempt": 1, "ordinal": 1, "end_time": null, "image_id": "94563f02-7045-4b3c-bc79-dcd203433397", "revision": 3, "file_name": "3.png", "image_key": "30def633d528442db3621e67f369fef2fa8a6c57", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T14:53:17.589422+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T14:53:17.589422+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
2d8effcd-fa6d-4938-aec2-c5ff31b092b6	4	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PENDING", "total": 2, "failed": 0, "job_id": "2d8effcd-fa6d-4938-aec2-c5ff31b092b6", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 4, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T14:53:17.601066+00:00", "patient_id": "P1", "request_id": "c3e27046-9638-4a6a-88b8-a0cfd4c9a8c4", "start_time": null, "create_time": "2026-11-21T14:53:17.556126+00:00", "expire_time": "2026-12-21T14:53:17.556126+00:00", "total_bytes": 12, "update_time": "2026-11-21T14:53:17.601066+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[]
58110407-483a-418b-acee-90fc0a236ffb	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "58110407-483a-418b-acee-90fc0a236ffb", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "e064bc70-ff24-45bb-8e75-f78f6bac6904", "start_time": null, "create_time": "2026-11-21T14:53:18.112213+00:00", "expire_time": "2026-12-21T14:53:18.112213+00:00", "total_bytes": 0, "update_time": "2026-11-21T14:53:18.112213+00:00", "display_name": "FAILED FAILED"}	[]
58110407-483a-418b-acee-90fc0a236ffb	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "58110407-483a-418b-acee-90fc0a236ffb", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "e064bc70-ff24-45bb-8e75-f78f6bac6904", "start_time": null, "create_time": "2026-11-21T14:53:18.112213+00:00", "expire_time": "2026-12-21T14:53:18.112213+00:00", "total_bytes": 6, "update_time": "2026-11-21T14:53:18.126888+00:00", "display_name": "FAILED FAILED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "job_id": "58110407-483a-418b-acee-90fc0a236ffb", "result": {}, "sha256": "1513faff1f12bc5f7965989388d5062574cf6ce717db81cc4270dfc0e35f2c34", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "16fb1093-705a-4c6d-873b-5643b9699258", "revision": 2, "file_name": "4.png", "image_key": "08dcddf16c0e63d9c647ec3911601b257044fb35", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T14:53:18.126888+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T14:53:18.126888+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
58110407-483a-418b-acee-90fc0a236ffb	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 2, "failed": 0, "job_id": "58110407-483a-418b-acee-90fc0a236ffb", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "e064bc70-ff24-45bb-8e75-f78f6bac6904", "start_time": null, "create_time": "2026-11-21T14:53:18.112213+00:00", "expire_time": "2026-12-21T14:53:18.112213+00:00", "total_bytes": 12, "update_time": "2026-11-21T14:53:18.141267+00:00", "display_name": "FAILED FAILED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "job_id": "58110407-483a-418b-acee-90fc0a236ffb", "result": {}, "sha256": "2d17811af76f3165da73480e5b5cf62806ff1a12b4eff6be9397b66118b53f75", "attempt": 1, "ordinal": 1, "end_time": null, "image_id": "b50294d6-c57f-434f-a785-ec10653c95b1", "revision": 3, "file_name": "5.png", "image_key": "7abd89ae3de019a2064588f0354bbb03463bfe52", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T14:53:18.141267+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T14:53:18.141267+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
cb9f6bbf-ef91-45b5-8c45-94752433b952	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "cb9f6bbf-ef91-45b5-8c45-94752433b952", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "20ea8207-e8fe-4dfb-a5de-addedad4cdda", "start_time": null, "create_time": "2026-11-21T14:53:18.660121+00:00", "expire_time": "2026-12-21T14:53:18.660121+00:00", "total_bytes": 0, "update_time": "2026-11-21T14:53:18.660121+00:00", "display_name": "RUNNING SUCCEEDED"}	[]
cb9f6bbf-ef91-45b5-8c45-94752433b952	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "cb9f6bbf-ef91-45b5-8c45-94752433b952", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "20ea8207-e8fe-4dfb-a5de-addedad4cdda", "start_time": null, "create_time": "2026-11-21T14:53:18.660121+00:00", "expire_time": "2026-12-21T14:53:18.660121+00:00", "total_bytes": 6, "update_time": "2026-11-21T14:53:18.672953+00:00", "display_name": "RUNNING SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "job_id": "cb9f6bbf-ef91-45b5-8c45-94752433b952", "result": {}, "sha256": "8213bde6fb5bc49361a2970102f229eabad132dfc97a9ece05ecc6ed4326486b", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "f239c111-7e72-4b63-89e3-85ae3b56656a", "revision": 2, "file_name": "6.png", "image_key": "d7ec03bbf2506fc5f5e829ac68fbc8940563e175", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T14:53:18.672953+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T14:53:18.672953+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
cb9f6bbf-ef91-45b5-8c45-94752433b952	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PENDING", "total": 1, "failed": 0, "job_id": "cb9f6bbf-ef91-45b5-8c45-94752433b952", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T14:53:18.679367+00:00", "patient_id": "P1", "request_id": "20ea8207-e8fe-4dfb-a5de-addedad4cdda", "start_time": null, "create_time": "2026-11-21T14:53:18.660121+00:00", "expire_time": "2026-12-21T14:53:18.660121+00:00", "total_bytes": 6, "update_time": "2026-11-21T14:53:18.679367+00:00", "display_name": "RUNNING SUCCEEDED"}	[]
cb9f6bbf-ef91-45b5-8c45-94752433b952	5	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RUNNING", "total": 1, "failed": 0, "job_id": "cb9f6bbf-ef91-45b5-8c45-94752433b952", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 5, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T14:53:18.679367+00:00", "patient_id": "P1", "request_id": "20ea8207-e8fe-4dfb-a5de-addedad4cdda", "start_time": null, "create_time": "2026-11-21T14:53:18.660121+00:00", "expire_time": "2026-12-21T14:53:18.660121+00:00", "total_bytes": 6, "update_time": "2026-11-21T14:53:18.979621+00:00", "display_name": "RUNNING SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "job_id": "cb9f6bbf-ef91-45b5-8c45-94752433b952", "result": {}, "sha256": "8213bde6fb5bc49361a2970102f229eabad132dfc97a9ece05ecc6ed4326486b", "attempt": 2, "ordinal": 0, "end_time": null, "image_id": "f239c111-7e72-4b63-89e3-85ae3b56656a", "revision": 5, "file_name": "6.png", "image_key": "d7ec03bbf2506fc5f5e829ac68fbc8940563e175", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T14:53:18.672953+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T14:53:18.979621+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
cb9f6bbf-ef91-45b5-8c45-94752433b952	4	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "FAILED", "total": 1, "failed": 1, "job_id": "cb9f6bbf-ef91-45b5-8c45-94752433b952", "creator": "doctor@demo", "end_time": "2026-11-21T14:53:18.971419+00:00", "priority": "ROUTINE", "revision": 4, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T14:53:18.679367+00:00", "patient_id": "P1", "request_id": "20ea8207-e8fe-4dfb-a5de-addedad4cdda", "start_time": null, "create_time": "2026-11-21T14:53:18.660121+00:00", "expire_time": "2026-12-21T14:53:18.660121+00:00", "total_bytes": 6, "update_time": "2026-11-21T14:53:18.971419+00:00", "display_name": "RUNNING SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "FAILED", "job_id": "cb9f6bbf-ef91-45b5-8c45-94752433b952", "result": {}, "sha256": "8213bde6fb5bc49361a2970102f229eabad132dfc97a9ece05ecc6ed4326486b", "attempt": 1, "ordinal": 0, "end_time": "2026-11-21T14:53:18.887696+00:00", "image_id": "f239c111-7e72-4b63-89e3-85ae3b56656a", "revision": 4, "file_name": "6.png", "image_key": "d7ec03bbf2506fc5f5e829ac68fbc8940563e175", "retryable": false, "error_code": "CORRUPT_IMAGE", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-21T14:53:18.887696+00:00", "create_time": "2026-11-21T14:53:18.672953+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T14:53:18.971419+00:00", "duplicate_of": "", "error_message": "The file is damaged.", "predicted_label": ""}]
cb9f6bbf-ef91-45b5-8c45-94752433b952	6	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RUNNING", "total": 1, "failed": 0, "job_id": "cb9f6bbf-ef91-45b5-8c45-94752433b952", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 6, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T14:53:18.679367+00:00", "patient_id": "P1", "request_id": "20ea8207-e8fe-4dfb-a5de-addedad4cdda", "start_time": null, "create_time": "2026-11-21T14:53:18.660121+00:00", "expire_time": "2026-12-21T14:53:18.660121+00:00", "total_bytes": 6, "update_time": "2026-11-21T14:53:19.27354+00:00", "display_name": "RUNNING SUCCEEDED"}	[{"site": "demo", "stage": "PREPROCESS", "state": "RUNNING", "job_id": "cb9f6bbf-ef91-45b5-8c45-94752433b952", "result": {}, "sha256": "8213bde6fb5bc49361a2970102f229eabad132dfc97a9ece05ecc6ed4326486b", "attempt": 2, "ordinal": 0, "end_time": null, "image_id": "f239c111-7e72-4b63-89e3-85ae3b56656a", "revision": 6, "file_name": "6.png", "image_key": "d7ec03bbf2506fc5f5e829ac68fbc8940563e175", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-21T14:53:19.191174+00:00", "create_time": "2026-11-21T14:53:18.672953+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T14:53:19.27354+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
6a938fe4-2272-44b7-98a3-35cd5fe9edb3	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "6a938fe4-2272-44b7-98a3-35cd5fe9edb3", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "7920bc74-a71d-4a38-86e9-8637bdb9dd11", "start_time": null, "create_time": "2026-11-21T14:53:19.528092+00:00", "expire_time": "2026-12-21T14:53:19.528092+00:00", "total_bytes": 0, "update_time": "2026-11-21T14:53:19.528092+00:00", "display_name": "CANCELLED CANCELLED"}	[]
6a938fe4-2272-44b7-98a3-35cd5fe9edb3	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "6a938fe4-2272-44b7-98a3-35cd5fe9edb3", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "7920bc74-a71d-4a38-86e9-8637bdb9dd11", "start_time": null, "create_time": "2026-11-21T14:53:19.528092+00:00", "expire_time": "2026-12-21T14:53:19.528092+00:00", "total_bytes": 6, "update_time": "2026-11-21T14:53:19.540051+00:00", "display_name": "CANCELLED CANCELLED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "job_id": "6a938fe4-2272-44b7-98a3-35cd5fe9edb3", "result": {}, "sha256": "95483cff815d1ddd9647515fa0326683a9c9c6dac254f6f6ba1f1a0a15abba66", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "a280534c-c240-49a9-b4bd-5866e87f7f90", "revision": 2, "file_name": "8.png", "image_key": "ccc508930766298f9b25acc0bb72c8756f2ae014", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T14:53:19.540051+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T14:53:19.540051+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
6a938fe4-2272-44b7-98a3-35cd5fe9edb3	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "CANCELLED", "total": 1, "failed": 0, "job_id": "6a938fe4-2272-44b7-98a3-35cd5fe9edb3", "creator": "doctor@demo", "end_time": "2026-11-21T14:53:19.545791+00:00", "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 1, "succeeded": 0, "close_time": "2026-11-21T14:53:19.545791+00:00", "patient_id": "P1", "request_id": "7920bc74-a71d-4a38-86e9-8637bdb9dd11", "start_time": null, "create_time": "2026-11-21T14:53:19.528092+00:00", "expire_time": "2026-12-21T14:53:19.528092+00:00", "total_bytes": 6, "update_time": "2026-11-21T14:53:19.545791+00:00", "display_name": "CANCELLED CANCELLED"}	[{"site": "demo", "stage": "", "state": "CANCELLED", "job_id": "6a938fe4-2272-44b7-98a3-35cd5fe9edb3", "result": {}, "sha256": "95483cff815d1ddd9647515fa0326683a9c9c6dac254f6f6ba1f1a0a15abba66", "attempt": 1, "ordinal": 0, "end_time": "2026-11-21T14:53:19.545791+00:00", "image_id": "a280534c-c240-49a9-b4bd-5866e87f7f90", "revision": 3, "file_name": "8.png", "image_key": "ccc508930766298f9b25acc0bb72c8756f2ae014", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T14:53:19.540051+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T14:53:19.545791+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
2a0f3c1e-61c2-451e-9afa-ca648d499b54	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "2a0f3c1e-61c2-451e-9afa-ca648d499b54", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "7bf855db-e531-4d7d-9197-9b83bc4d56f7", "start_time": null, "create_time": "2026-11-21T14:53:19.555012+00:00", "expire_time": "2026-12-21T14:53:19.555012+00:00", "total_bytes": 0, "update_time": "2026-11-21T14:53:19.555012+00:00", "display_name": "PENDING SUCCEEDED"}	[]
2a0f3c1e-61c2-451e-9afa-ca648d499b54	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "2a0f3c1e-61c2-451e-9afa-ca648d499b54", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "7bf855db-e531-4d7d-9197-9b83bc4d56f7", "start_time": null, "create_time": "2026-11-21T14:53:19.555012+00:00", "expire_time": "2026-12-21T14:53:19.555012+00:00", "total_bytes": 6, "update_time": "2026-11-21T14:53:19.56771+00:00", "display_name": "PENDING SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "job_id": "2a0f3c1e-61c2-451e-9afa-ca648d499b54", "result": {}, "sha256": "68f306b33426ec7fa485c5e1e0f9564858bd2c6b93ace93266e2913a7e006ce6", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "ba91b8ea-28dc-453b-85a4-9523fdd5b9c9", "revision": 2, "file_name": "9.png", "image_key": "de229344e3a49d1fe075fa82f173041bb9a80a9e", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T14:53:19.56771+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T14:53:19.56771+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
2a0f3c1e-61c2-451e-9afa-ca648d499b54	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PENDING", "total": 1, "failed": 0, "job_id": "2a0f3c1e-61c2-451e-9afa-ca648d499b54", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T14:53:19.574257+00:00", "patient_id": "P1", "request_id": "7bf855db-e531-4d7d-9197-9b83bc4d56f7", "start_time": null, "create_time": "2026-11-21T14:53:19.555012+00:00", "expire_time": "2026-12-21T14:53:19.555012+00:00", "total_bytes": 6, "update_time": "2026-11-21T14:53:19.574257+00:00", "display_name": "PENDING SUCCEEDED"}	[]
000e6b85-247a-46bb-93bb-1b3beecba169	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "000e6b85-247a-46bb-93bb-1b3beecba169", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "855f550e-84a3-4bc1-815a-867bf62539db", "start_time": null, "create_time": "2026-11-21T14:53:19.581792+00:00", "expire_time": "2026-12-21T14:53:19.581792+00:00", "total_bytes": 0, "update_time": "2026-11-21T14:53:19.581792+00:00", "display_name": "RECEIVING RECEIVING"}	[]
000e6b85-247a-46bb-93bb-1b3beecba169	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "000e6b85-247a-46bb-93bb-1b3beecba169", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "855f550e-84a3-4bc1-815a-867bf62539db", "start_time": null, "create_time": "2026-11-21T14:53:19.581792+00:00", "expire_time": "2026-12-21T14:53:19.581792+00:00", "total_bytes": 7, "update_time": "2026-11-21T14:53:19.596241+00:00", "display_name": "RECEIVING RECEIVING"}	[{"site": "demo", "stage": "", "state": "QUEUED", "job_id": "000e6b85-247a-46bb-93bb-1b3beecba169", "result": {}, "sha256": "336d9ff87895916081e96683a575d619d77286641e67e9f4b2755145bc2d180b", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "cd83c12d-ff70-44ab-a09f-ce6f1e66b595", "revision": 2, "file_name": "10.png", "image_key": "cdd96f8e61c85a00f4a60003bc63d3b8be44ffeb", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 7, "start_time": null, "create_time": "2026-11-21T14:53:19.596241+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T14:53:19.596241+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
\.


--
-- Data for Name: jobs; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.jobs (job_id, site, creator, request_id, request_digest, state, revision, patient_id, display_name, notes, clahe, priority, start_time, model, total, succeeded, failed, cancelled, total_bytes, taken_up, create_time, update_time, close_time, end_time, expire_time) FROM stdin;
c9eb60df-2265-4ce3-aa21-8b0f12f8448c	demo	doctor@demo	d54c9f6a-cd64-4417-b1cf-9f33c0a7be30	\\x049d7f8b494dcf744622c59e38700e07fbfa8beccbdf801494c7afd9c0549308	SUCCEEDED	6	P1	SUCCEEDED SUCCEEDED	a note	t	ROUTINE	\N	cxr	2	2	0	0	12	t	2026-11-21 14:53:16.971318+00	2026-11-21 14:53:17.543671+00	2026-11-21 14:53:17.041866+00	2026-11-21 14:53:17.543671+00	2026-12-21 14:53:16.971318+00
2d8effcd-fa6d-4938-aec2-c5ff31b092b6	demo	doctor@demo	c3e27046-9638-4a6a-88b8-a0cfd4c9a8c4	\\xd65aac6c7fcb9a879b229b0eac89ecf70f6ab778a96300f20649822ac43abaaf	PARTIALLY_SUCCEEDED	6	P1	PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED	a note	t	ROUTINE	\N	cxr	2	1	1	0	12	t	2026-11-21 14:53:17.556126+00	2026-11-21 14:53:18.09964+00	2026-11-21 14:53:17.601066+00	2026-11-21 14:53:18.09964+00	2026-12-21 14:53:17.556126+00
58110407-483a-418b-acee-90fc0a236ffb	demo	doctor@demo	e064bc70-ff24-45bb-8e75-f78f6bac6904	\\xb500e0e6d8abdad375a047e1fbc3c81ac14628699c37514ceaf809aee479b53e	FAILED	6	P1	FAILED FAILED	a note	t	ROUTINE	\N	cxr	2	0	2	0	12	t	2026-11-21 14:53:18.112213+00	2026-11-21 14:53:18.64967+00	2026-11-21 14:53:18.151313+00	2026-11-21 14:53:18.64967+00	2026-12-21 14:53:18.112213+00
cb9f6bbf-ef91-45b5-8c45-94752433b952	demo	doctor@demo	20ea8207-e8fe-4dfb-a5de-addedad4cdda	\\xfb9365f6c115424d4340d39cf8db1e5e6d6d0efeef7898f1d8926f85e2867dd7	RUNNING	6	P1	RUNNING SUCCEEDED	a note	t	ROUTINE	\N	cxr	1	0	0	0	6	t	2026-11-21 14:53:18.660121+00	2026-11-21 14:53:19.27354+00	2026-11-21 14:53:18.679367+00	\N	2026-12-21 14:53:18.660121+00
6a938fe4-2272-44b7-98a3-35cd5fe9edb3	demo	doctor@demo	7920bc74-a71d-4a38-86e9-8637bdb9dd11	\\x29dbfa40aec2b3df0eb77cbe703b0cd30be1194e4b489d18bd442fa5ca79a95f	CANCELLED	3	P1	CANCELLED CANCELLED	a note	t	ROUTINE	\N	cxr	1	0	0	1	6	f	2026-11-21 14:53:19.528092+00	2026-11-21 14:53:19.545791+00	2026-11-21 14:53:19.545791+00	2026-11-21 14:53:19.545791+00	2026-12-21 14:53:19.528092+00
2a0f3c1e-61c2-451e-9afa-ca648d499b54	demo	doctor@demo	7bf855db-e531-4d7d-9197-9b83bc4d56f7	\\xd69464e17fb7e1669807bc8114efa52366cd7064774e72f641a6cc86dfad1ff4	PENDING	3	P1	PENDING SUCCEEDED	a note	t	ROUTINE	\N	cxr	1	0	0	0	6	f	2026-11-21 14:53:19.555012+00	2026-11-21 14:53:19.574257+00	2026-11-21 14:53:19.574257+00	\N	2026-12-21 14:53:19.555012+00
000e6b85-247a-46bb-93bb-1b3beecba169	demo	doctor@demo	855f550e-84a3-4bc1-815a-867bf62539db	\\x0d9f302f9fc2e9006b24c093d2283ed5bfa01e8711342ed4c1a779711cbf4020	RECEIVING	2	P1	RECEIVING RECEIVING	a note	t	ROUTINE	\N	cxr	1	0	0	0	7	f	2026-11-21 14:53:19.581792+00	2026-11-21 14:53:19.596241+00	\N	\N	2026-12-21 14:53:19.581792+00
\.


--
-- Data for Name: outbox; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.outbox (image_id, job_id, site, attempt, available_at) FROM stdin;
ba91b8ea-28dc-453b-85a4-9523fdd5b9c9	2a0f3c1e-61c2-451e-9afa-ca648d499b54	demo	1	2026-11-21 14:53:20.643885+00
\.


--
-- Data for Name: retry_requests; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.retry_requests (job_id, request_id, site) FROM stdin;
cb9f6bbf-ef91-45b5-8c45-94752433b952	7f918add-86ab-489f-8a8a-9a5cc7eedb80	demo
\.


--
-- Data for Name: schema_migrations; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.schema_migrations (version) FROM stdin;
0001
\.


--
-- Data for Name: uploads; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.uploads (job_id, image_key, site, image_id, part_keys, committed_size, create_time, update_time) FROM stdin;
000e6b85-247a-46bb-93bb-1b3beecba169	half	demo	d6b55d7a-01c2-488d-8728-72637d8eaecf	{}	1	2026-11-21 14:53:20.632552+00	2026-11-21 14:53:20.632552+00
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

CREATE POLICY site_wall ON public.images TO carina_caller USING (((site = current_setting('carina.site'::text)) AND ((current_setting('carina.patient'::text) = ''::text) OR (current_setting('carina.patient'::text) = patient_id))));


--
-- Name: job_events site_wall; Type: POLICY; Schema: public; Owner: carina
--

CREATE POLICY site_wall ON public.job_events TO carina_caller USING ((site = current_setting('carina.site'::text)));


--
-- Name: jobs site_wall; Type: POLICY; Schema: public; Owner: carina
--

CREATE POLICY site_wall ON public.jobs TO carina_caller USING (((site = current_setting('carina.site'::text)) AND ((current_setting('carina.patient'::text) = ''::text) OR (current_setting('carina.patient'::text) = patient_id))));


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

\unrestrict Rp7vmYXEMxqbgalGuCiLJiWdnsWJxjUj4CzRwbZtfRzkuuwDyyf9C5Y8ErJe6Br

