--
-- PostgreSQL database dump
--

\restrict XOxZ4ny0qdx63fOgCxRmVeXZyq7E8TGqeUDdWR7Y9tcKcZ7HO6xhxigQjOLRq6B

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
1	demo	6f4ab3c4-88c1-49ac-bcfa-5a7049a04d29	sites/demo/jobs/6f4ab3c4-88c1-49ac-bcfa-5a7049a04d29/	2026-11-21 20:58:35.023029+00	\N
\.


--
-- Data for Name: heatmaps; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.heatmaps (image_id, site, png) FROM stdin;
982db7cb-dd6c-45df-92bb-6262d15673a1	demo	\\x89504e472068656174
0140a82b-9ab6-4aef-9c90-ff21ec085ae4	demo	\\x89504e472068656174
44411bfc-c624-424c-8ed8-95186f66094f	demo	\\x89504e472068656174
\.


--
-- Data for Name: images; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.images (image_id, job_id, site, image_key, file_name, ordinal, size_bytes, sha256, original_keys, patient_id, state, stage, attempt, republished, revision, error_code, error_message, retryable, predicted_label, result, has_preview, has_heatmap, duplicate_of, create_time, update_time, start_time, end_time, losses, deaths) FROM stdin;
982db7cb-dd6c-45df-92bb-6262d15673a1	899e39b6-ee53-4777-9d57-a974fe9d8825	demo	6792d8a584febb25bc373e515db911a2fb1b7b57	0.png	0	6	8e13eb6df20516710b6dae2430ab861aaaf112e28d2f70b5dc18f100535578ea	{sites/demo/jobs/899e39b6-ee53-4777-9d57-a974fe9d8825/982db7cb-dd6c-45df-92bb-6262d15673a1/original-000000000000-3b9fed5e}	P1	SUCCEEDED		1	0	5			f	pneumonia	{"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.46700000762939453, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1860000044107437, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.17399999499320984, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "eab511fd2b938cb613bcc88dfbfb3f24331f2b6ef96ea7f11a06336714cb739a", "model_version": "1"}	f	t		2026-11-21 20:58:31.789697+00	2026-11-21 20:58:32.242802+00	2026-11-21 20:58:32.135334+00	2026-11-21 20:58:32.135482+00	0	0
0140a82b-9ab6-4aef-9c90-ff21ec085ae4	899e39b6-ee53-4777-9d57-a974fe9d8825	demo	8e0757dcf29849403cb63f23c3caf5d7549b8d90	1.png	1	6	fa64c158623571f175ece2347b85a2ba0f50be3607f8764ca4c7ad2005598354	{sites/demo/jobs/899e39b6-ee53-4777-9d57-a974fe9d8825/0140a82b-9ab6-4aef-9c90-ff21ec085ae4/original-000000000000-33283a67}	P1	SUCCEEDED		1	0	6			f	pneumonia	{"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.46700000762939453, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1860000044107437, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.17399999499320984, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "eab511fd2b938cb613bcc88dfbfb3f24331f2b6ef96ea7f11a06336714cb739a", "model_version": "1"}	f	t		2026-11-21 20:58:31.829555+00	2026-11-21 20:58:32.44034+00	2026-11-21 20:58:32.351949+00	2026-11-21 20:58:32.352112+00	0	0
358b0d9c-7062-4eac-bea5-6f9e6aa7ef36	514e249f-0d3c-4017-a343-cea9034915ed	demo	9c767d262b2bbf33d17c7f2387fc8d9fc53bcf1f	2.png	0	6	0dc45ec0ec785321223eda2b24678bdc76160b8d3b55267dde4ae55eb2ae6926	{sites/demo/jobs/514e249f-0d3c-4017-a343-cea9034915ed/358b0d9c-7062-4eac-bea5-6f9e6aa7ef36/original-000000000000-c241d26a}	P1	FAILED		1	0	5	CORRUPT_IMAGE	The file is damaged.	f		{}	f	f		2026-11-21 20:58:32.501364+00	2026-11-21 20:58:32.883012+00	2026-11-21 20:58:32.801154+00	2026-11-21 20:58:32.801326+00	0	0
44411bfc-c624-424c-8ed8-95186f66094f	514e249f-0d3c-4017-a343-cea9034915ed	demo	f610fe5aebaaaa8676d68ece5a82adaf7e504aa5	3.png	1	6	54d84373052fd05f1d77ba4349f4bbabb7f88bfce3057a1e51615f3458066d33	{sites/demo/jobs/514e249f-0d3c-4017-a343-cea9034915ed/44411bfc-c624-424c-8ed8-95186f66094f/original-000000000000-565d3a33}	P1	SUCCEEDED		1	0	6			f	pneumonia	{"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.46700000762939453, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1860000044107437, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.17399999499320984, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "eab511fd2b938cb613bcc88dfbfb3f24331f2b6ef96ea7f11a06336714cb739a", "model_version": "1"}	f	t		2026-11-21 20:58:32.526467+00	2026-11-21 20:58:33.097029+00	2026-11-21 20:58:33.010449+00	2026-11-21 20:58:33.010672+00	0	0
60f5f378-1a4a-4b7c-a7bf-ca9ec654c0db	f518a786-9fa9-43d8-a14d-856f9bb9b03a	demo	2793d299fe8cf1a25d0c3e906c51b61b93e6e1cf	4.png	0	6	1513faff1f12bc5f7965989388d5062574cf6ce717db81cc4270dfc0e35f2c34	{sites/demo/jobs/f518a786-9fa9-43d8-a14d-856f9bb9b03a/60f5f378-1a4a-4b7c-a7bf-ca9ec654c0db/original-000000000000-2836298a}	P1	FAILED		1	0	5	CORRUPT_IMAGE	The file is damaged.	f		{}	f	f		2026-11-21 20:58:33.211865+00	2026-11-21 20:58:33.656145+00	2026-11-21 20:58:33.574745+00	2026-11-21 20:58:33.574935+00	0	0
0af95f3d-b2f5-4735-90bc-2df9a6b1441f	f518a786-9fa9-43d8-a14d-856f9bb9b03a	demo	26d5aef2a976e54fc01c86aa579e46331ff1b454	5.png	1	6	2d17811af76f3165da73480e5b5cf62806ff1a12b4eff6be9397b66118b53f75	{sites/demo/jobs/f518a786-9fa9-43d8-a14d-856f9bb9b03a/0af95f3d-b2f5-4735-90bc-2df9a6b1441f/original-000000000000-f2c2e4c1}	P1	FAILED		1	0	6	CORRUPT_IMAGE	The file is damaged.	f		{}	f	f		2026-11-21 20:58:33.331889+00	2026-11-21 20:58:33.862332+00	2026-11-21 20:58:33.780516+00	2026-11-21 20:58:33.780637+00	0	0
855297c5-3432-4888-a692-e3df7c4c0e3e	50ee28d5-2e81-409b-8389-af7ed422af6e	demo	7d9e397a53e33ac00d37099929b5f21fa840d47b	6.png	0	6	8213bde6fb5bc49361a2970102f229eabad132dfc97a9ece05ecc6ed4326486b	{sites/demo/jobs/50ee28d5-2e81-409b-8389-af7ed422af6e/855297c5-3432-4888-a692-e3df7c4c0e3e/original-000000000000-c47f2bcf}	P1	RUNNING	PREPROCESS	2	0	6			f		{}	f	f		2026-11-21 20:58:33.896958+00	2026-11-21 20:58:34.589018+00	2026-11-21 20:58:34.505607+00	\N	0	0
76aa2183-ab6a-4dad-ac43-d27d3ed10c85	babf0294-8ea3-426f-82c0-df604d18d252	demo	327f44ba1d963ac6d6aeea4bdffb0dfe314723c7	8.png	0	6	95483cff815d1ddd9647515fa0326683a9c9c6dac254f6f6ba1f1a0a15abba66	{sites/demo/jobs/babf0294-8ea3-426f-82c0-df604d18d252/76aa2183-ab6a-4dad-ac43-d27d3ed10c85/original-000000000000-4658ca6c}	P1	CANCELLED		1	0	3			f		{}	f	f		2026-11-21 20:58:35.224452+00	2026-11-21 20:58:35.275879+00	\N	2026-11-21 20:58:35.275879+00	0	0
2312e2a1-3cd5-4afe-ad23-1dfc8509cdc3	bd363335-cb68-4e04-b222-a1773d53f587	demo	fbdcee988cd4f5d57ddbec8e4b4bf0b7af27ea97	9.png	0	6	68f306b33426ec7fa485c5e1e0f9564858bd2c6b93ace93266e2913a7e006ce6	{sites/demo/jobs/bd363335-cb68-4e04-b222-a1773d53f587/2312e2a1-3cd5-4afe-ad23-1dfc8509cdc3/original-000000000000-db1e4cd0}	P1	QUEUED		1	0	2			f		{}	f	f		2026-11-21 20:58:35.475238+00	2026-11-21 20:58:35.475238+00	\N	\N	0	0
2bf18a67-75fa-471d-b41c-bb988bd7af36	24d6aa1a-e42b-4a5c-ad51-6ef8dcecef00	demo	df9512ebcaf0f3b46ef5a1ba68417aa7ee1be4d4	10.png	0	7	336d9ff87895916081e96683a575d619d77286641e67e9f4b2755145bc2d180b	{sites/demo/jobs/24d6aa1a-e42b-4a5c-ad51-6ef8dcecef00/2bf18a67-75fa-471d-b41c-bb988bd7af36/original-000000000000-ee418ac6}	P1	QUEUED		1	0	2			f		{}	f	f		2026-11-21 20:58:35.718294+00	2026-11-21 20:58:35.718294+00	\N	\N	0	0
\.


--
-- Data for Name: job_events; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.job_events (job_id, revision, site, job, images) FROM stdin;
899e39b6-ee53-4777-9d57-a974fe9d8825	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "899e39b6-ee53-4777-9d57-a974fe9d8825", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "8e4f69c9-5e04-451c-80a7-05d2b3cef77d", "start_time": null, "create_time": "2026-11-21T20:58:31.563397+00:00", "expire_time": "2026-12-21T20:58:31.563397+00:00", "total_bytes": 0, "update_time": "2026-11-21T20:58:31.563397+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[]
899e39b6-ee53-4777-9d57-a974fe9d8825	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "899e39b6-ee53-4777-9d57-a974fe9d8825", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "8e4f69c9-5e04-451c-80a7-05d2b3cef77d", "start_time": null, "create_time": "2026-11-21T20:58:31.563397+00:00", "expire_time": "2026-12-21T20:58:31.563397+00:00", "total_bytes": 6, "update_time": "2026-11-21T20:58:31.789697+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "899e39b6-ee53-4777-9d57-a974fe9d8825", "losses": 0, "result": {}, "sha256": "8e13eb6df20516710b6dae2430ab861aaaf112e28d2f70b5dc18f100535578ea", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "982db7cb-dd6c-45df-92bb-6262d15673a1", "revision": 2, "file_name": "0.png", "image_key": "6792d8a584febb25bc373e515db911a2fb1b7b57", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T20:58:31.789697+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T20:58:31.789697+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
899e39b6-ee53-4777-9d57-a974fe9d8825	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 2, "failed": 0, "job_id": "899e39b6-ee53-4777-9d57-a974fe9d8825", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "8e4f69c9-5e04-451c-80a7-05d2b3cef77d", "start_time": null, "create_time": "2026-11-21T20:58:31.563397+00:00", "expire_time": "2026-12-21T20:58:31.563397+00:00", "total_bytes": 12, "update_time": "2026-11-21T20:58:31.829555+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "899e39b6-ee53-4777-9d57-a974fe9d8825", "losses": 0, "result": {}, "sha256": "fa64c158623571f175ece2347b85a2ba0f50be3607f8764ca4c7ad2005598354", "attempt": 1, "ordinal": 1, "end_time": null, "image_id": "0140a82b-9ab6-4aef-9c90-ff21ec085ae4", "revision": 3, "file_name": "1.png", "image_key": "8e0757dcf29849403cb63f23c3caf5d7549b8d90", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T20:58:31.829555+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T20:58:31.829555+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
899e39b6-ee53-4777-9d57-a974fe9d8825	4	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PENDING", "total": 2, "failed": 0, "job_id": "899e39b6-ee53-4777-9d57-a974fe9d8825", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 4, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T20:58:31.899765+00:00", "patient_id": "P1", "request_id": "8e4f69c9-5e04-451c-80a7-05d2b3cef77d", "start_time": null, "create_time": "2026-11-21T20:58:31.563397+00:00", "expire_time": "2026-12-21T20:58:31.563397+00:00", "total_bytes": 12, "update_time": "2026-11-21T20:58:31.899765+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[]
899e39b6-ee53-4777-9d57-a974fe9d8825	5	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RUNNING", "total": 2, "failed": 0, "job_id": "899e39b6-ee53-4777-9d57-a974fe9d8825", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 5, "taken_up": true, "cancelled": 0, "succeeded": 1, "close_time": "2026-11-21T20:58:31.899765+00:00", "patient_id": "P1", "request_id": "8e4f69c9-5e04-451c-80a7-05d2b3cef77d", "start_time": null, "create_time": "2026-11-21T20:58:31.563397+00:00", "expire_time": "2026-12-21T20:58:31.563397+00:00", "total_bytes": 12, "update_time": "2026-11-21T20:58:32.242802+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "SUCCEEDED", "deaths": 0, "job_id": "899e39b6-ee53-4777-9d57-a974fe9d8825", "losses": 0, "result": {"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.46700000762939453, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1860000044107437, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.17399999499320984, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "eab511fd2b938cb613bcc88dfbfb3f24331f2b6ef96ea7f11a06336714cb739a", "model_version": "1"}, "sha256": "8e13eb6df20516710b6dae2430ab861aaaf112e28d2f70b5dc18f100535578ea", "attempt": 1, "ordinal": 0, "end_time": "2026-11-21T20:58:32.135482+00:00", "image_id": "982db7cb-dd6c-45df-92bb-6262d15673a1", "revision": 5, "file_name": "0.png", "image_key": "6792d8a584febb25bc373e515db911a2fb1b7b57", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-21T20:58:32.135334+00:00", "create_time": "2026-11-21T20:58:31.789697+00:00", "has_heatmap": true, "has_preview": false, "republished": 0, "update_time": "2026-11-21T20:58:32.242802+00:00", "duplicate_of": "", "error_message": "", "predicted_label": "pneumonia"}]
899e39b6-ee53-4777-9d57-a974fe9d8825	6	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "SUCCEEDED", "total": 2, "failed": 0, "job_id": "899e39b6-ee53-4777-9d57-a974fe9d8825", "creator": "doctor@demo", "end_time": "2026-11-21T20:58:32.44034+00:00", "priority": "ROUTINE", "revision": 6, "taken_up": true, "cancelled": 0, "succeeded": 2, "close_time": "2026-11-21T20:58:31.899765+00:00", "patient_id": "P1", "request_id": "8e4f69c9-5e04-451c-80a7-05d2b3cef77d", "start_time": null, "create_time": "2026-11-21T20:58:31.563397+00:00", "expire_time": "2026-12-21T20:58:31.563397+00:00", "total_bytes": 12, "update_time": "2026-11-21T20:58:32.44034+00:00", "display_name": "SUCCEEDED SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "SUCCEEDED", "deaths": 0, "job_id": "899e39b6-ee53-4777-9d57-a974fe9d8825", "losses": 0, "result": {"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.46700000762939453, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1860000044107437, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.17399999499320984, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "eab511fd2b938cb613bcc88dfbfb3f24331f2b6ef96ea7f11a06336714cb739a", "model_version": "1"}, "sha256": "fa64c158623571f175ece2347b85a2ba0f50be3607f8764ca4c7ad2005598354", "attempt": 1, "ordinal": 1, "end_time": "2026-11-21T20:58:32.352112+00:00", "image_id": "0140a82b-9ab6-4aef-9c90-ff21ec085ae4", "revision": 6, "file_name": "1.png", "image_key": "8e0757dcf29849403cb63f23c3caf5d7549b8d90", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-21T20:58:32.351949+00:00", "create_time": "2026-11-21T20:58:31.829555+00:00", "has_heatmap": true, "has_preview": false, "republished": 0, "update_time": "2026-11-21T20:58:32.44034+00:00", "duplicate_of": "", "error_message": "", "predicted_label": "pneumonia"}]
514e249f-0d3c-4017-a343-cea9034915ed	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "514e249f-0d3c-4017-a343-cea9034915ed", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "b88b919c-576c-4fa1-8ae0-6c7c60612d59", "start_time": null, "create_time": "2026-11-21T20:58:32.473883+00:00", "expire_time": "2026-12-21T20:58:32.473883+00:00", "total_bytes": 0, "update_time": "2026-11-21T20:58:32.473883+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[]
514e249f-0d3c-4017-a343-cea9034915ed	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "514e249f-0d3c-4017-a343-cea9034915ed", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "b88b919c-576c-4fa1-8ae0-6c7c60612d59", "start_time": null, "create_time": "2026-11-21T20:58:32.473883+00:00", "expire_time": "2026-12-21T20:58:32.473883+00:00", "total_bytes": 6, "update_time": "2026-11-21T20:58:32.501364+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "514e249f-0d3c-4017-a343-cea9034915ed", "losses": 0, "result": {}, "sha256": "0dc45ec0ec785321223eda2b24678bdc76160b8d3b55267dde4ae55eb2ae6926", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "358b0d9c-7062-4eac-bea5-6f9e6aa7ef36", "revision": 2, "file_name": "2.png", "image_key": "9c767d262b2bbf33d17c7f2387fc8d9fc53bcf1f", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T20:58:32.501364+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T20:58:32.501364+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
514e249f-0d3c-4017-a343-cea9034915ed	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 2, "failed": 0, "job_id": "514e249f-0d3c-4017-a343-cea9034915ed", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "b88b919c-576c-4fa1-8ae0-6c7c60612d59", "start_time": null, "create_time": "2026-11-21T20:58:32.473883+00:00", "expire_time": "2026-12-21T20:58:32.473883+00:00", "total_bytes": 12, "update_time": "2026-11-21T20:58:32.526467+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "514e249f-0d3c-4017-a343-cea9034915ed", "losses": 0, "result": {}, "sha256": "54d84373052fd05f1d77ba4349f4bbabb7f88bfce3057a1e51615f3458066d33", "attempt": 1, "ordinal": 1, "end_time": null, "image_id": "44411bfc-c624-424c-8ed8-95186f66094f", "revision": 3, "file_name": "3.png", "image_key": "f610fe5aebaaaa8676d68ece5a82adaf7e504aa5", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T20:58:32.526467+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T20:58:32.526467+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
514e249f-0d3c-4017-a343-cea9034915ed	4	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PENDING", "total": 2, "failed": 0, "job_id": "514e249f-0d3c-4017-a343-cea9034915ed", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 4, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T20:58:32.556795+00:00", "patient_id": "P1", "request_id": "b88b919c-576c-4fa1-8ae0-6c7c60612d59", "start_time": null, "create_time": "2026-11-21T20:58:32.473883+00:00", "expire_time": "2026-12-21T20:58:32.473883+00:00", "total_bytes": 12, "update_time": "2026-11-21T20:58:32.556795+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[]
f518a786-9fa9-43d8-a14d-856f9bb9b03a	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "f518a786-9fa9-43d8-a14d-856f9bb9b03a", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "c27bc2cb-8380-4028-9cad-bd75520d64ca", "start_time": null, "create_time": "2026-11-21T20:58:33.161147+00:00", "expire_time": "2026-12-21T20:58:33.161147+00:00", "total_bytes": 0, "update_time": "2026-11-21T20:58:33.161147+00:00", "display_name": "FAILED FAILED"}	[]
f518a786-9fa9-43d8-a14d-856f9bb9b03a	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "f518a786-9fa9-43d8-a14d-856f9bb9b03a", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "c27bc2cb-8380-4028-9cad-bd75520d64ca", "start_time": null, "create_time": "2026-11-21T20:58:33.161147+00:00", "expire_time": "2026-12-21T20:58:33.161147+00:00", "total_bytes": 6, "update_time": "2026-11-21T20:58:33.211865+00:00", "display_name": "FAILED FAILED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "f518a786-9fa9-43d8-a14d-856f9bb9b03a", "losses": 0, "result": {}, "sha256": "1513faff1f12bc5f7965989388d5062574cf6ce717db81cc4270dfc0e35f2c34", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "60f5f378-1a4a-4b7c-a7bf-ca9ec654c0db", "revision": 2, "file_name": "4.png", "image_key": "2793d299fe8cf1a25d0c3e906c51b61b93e6e1cf", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T20:58:33.211865+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T20:58:33.211865+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
f518a786-9fa9-43d8-a14d-856f9bb9b03a	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 2, "failed": 0, "job_id": "f518a786-9fa9-43d8-a14d-856f9bb9b03a", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "c27bc2cb-8380-4028-9cad-bd75520d64ca", "start_time": null, "create_time": "2026-11-21T20:58:33.161147+00:00", "expire_time": "2026-12-21T20:58:33.161147+00:00", "total_bytes": 12, "update_time": "2026-11-21T20:58:33.331889+00:00", "display_name": "FAILED FAILED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "f518a786-9fa9-43d8-a14d-856f9bb9b03a", "losses": 0, "result": {}, "sha256": "2d17811af76f3165da73480e5b5cf62806ff1a12b4eff6be9397b66118b53f75", "attempt": 1, "ordinal": 1, "end_time": null, "image_id": "0af95f3d-b2f5-4735-90bc-2df9a6b1441f", "revision": 3, "file_name": "5.png", "image_key": "26d5aef2a976e54fc01c86aa579e46331ff1b454", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T20:58:33.331889+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T20:58:33.331889+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
f518a786-9fa9-43d8-a14d-856f9bb9b03a	4	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PENDING", "total": 2, "failed": 0, "job_id": "f518a786-9fa9-43d8-a14d-856f9bb9b03a", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 4, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T20:58:33.363227+00:00", "patient_id": "P1", "request_id": "c27bc2cb-8380-4028-9cad-bd75520d64ca", "start_time": null, "create_time": "2026-11-21T20:58:33.161147+00:00", "expire_time": "2026-12-21T20:58:33.161147+00:00", "total_bytes": 12, "update_time": "2026-11-21T20:58:33.363227+00:00", "display_name": "FAILED FAILED"}	[]
50ee28d5-2e81-409b-8389-af7ed422af6e	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "50ee28d5-2e81-409b-8389-af7ed422af6e", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "44c149d3-c9dd-40a2-85f3-613345dba490", "start_time": null, "create_time": "2026-11-21T20:58:33.884064+00:00", "expire_time": "2026-12-21T20:58:33.884064+00:00", "total_bytes": 0, "update_time": "2026-11-21T20:58:33.884064+00:00", "display_name": "RUNNING SUCCEEDED"}	[]
514e249f-0d3c-4017-a343-cea9034915ed	5	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RUNNING", "total": 2, "failed": 1, "job_id": "514e249f-0d3c-4017-a343-cea9034915ed", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 5, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T20:58:32.556795+00:00", "patient_id": "P1", "request_id": "b88b919c-576c-4fa1-8ae0-6c7c60612d59", "start_time": null, "create_time": "2026-11-21T20:58:32.473883+00:00", "expire_time": "2026-12-21T20:58:32.473883+00:00", "total_bytes": 12, "update_time": "2026-11-21T20:58:32.883012+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "FAILED", "deaths": 0, "job_id": "514e249f-0d3c-4017-a343-cea9034915ed", "losses": 0, "result": {}, "sha256": "0dc45ec0ec785321223eda2b24678bdc76160b8d3b55267dde4ae55eb2ae6926", "attempt": 1, "ordinal": 0, "end_time": "2026-11-21T20:58:32.801326+00:00", "image_id": "358b0d9c-7062-4eac-bea5-6f9e6aa7ef36", "revision": 5, "file_name": "2.png", "image_key": "9c767d262b2bbf33d17c7f2387fc8d9fc53bcf1f", "retryable": false, "error_code": "CORRUPT_IMAGE", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-21T20:58:32.801154+00:00", "create_time": "2026-11-21T20:58:32.501364+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T20:58:32.883012+00:00", "duplicate_of": "", "error_message": "The file is damaged.", "predicted_label": ""}]
514e249f-0d3c-4017-a343-cea9034915ed	6	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PARTIALLY_SUCCEEDED", "total": 2, "failed": 1, "job_id": "514e249f-0d3c-4017-a343-cea9034915ed", "creator": "doctor@demo", "end_time": "2026-11-21T20:58:33.097029+00:00", "priority": "ROUTINE", "revision": 6, "taken_up": true, "cancelled": 0, "succeeded": 1, "close_time": "2026-11-21T20:58:32.556795+00:00", "patient_id": "P1", "request_id": "b88b919c-576c-4fa1-8ae0-6c7c60612d59", "start_time": null, "create_time": "2026-11-21T20:58:32.473883+00:00", "expire_time": "2026-12-21T20:58:32.473883+00:00", "total_bytes": 12, "update_time": "2026-11-21T20:58:33.097029+00:00", "display_name": "PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "SUCCEEDED", "deaths": 0, "job_id": "514e249f-0d3c-4017-a343-cea9034915ed", "losses": 0, "result": {"bits": 8, "notes": ["A_NOTE"], "width": 10, "height": 20, "seconds": {"infer": 0.0}, "findings": [{"label": "normal", "threshold": 0.46700000762939453, "probability": 0.10000000149011612}, {"label": "pneumonia", "threshold": 0.1860000044107437, "probability": 0.699999988079071}, {"label": "covid19", "threshold": 0.17399999499320984, "probability": 0.20000000298023224}], "media_type": "image/png", "model_name": "cxr", "model_digest": "eab511fd2b938cb613bcc88dfbfb3f24331f2b6ef96ea7f11a06336714cb739a", "model_version": "1"}, "sha256": "54d84373052fd05f1d77ba4349f4bbabb7f88bfce3057a1e51615f3458066d33", "attempt": 1, "ordinal": 1, "end_time": "2026-11-21T20:58:33.010672+00:00", "image_id": "44411bfc-c624-424c-8ed8-95186f66094f", "revision": 6, "file_name": "3.png", "image_key": "f610fe5aebaaaa8676d68ece5a82adaf7e504aa5", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-21T20:58:33.010449+00:00", "create_time": "2026-11-21T20:58:32.526467+00:00", "has_heatmap": true, "has_preview": false, "republished": 0, "update_time": "2026-11-21T20:58:33.097029+00:00", "duplicate_of": "", "error_message": "", "predicted_label": "pneumonia"}]
f518a786-9fa9-43d8-a14d-856f9bb9b03a	5	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RUNNING", "total": 2, "failed": 1, "job_id": "f518a786-9fa9-43d8-a14d-856f9bb9b03a", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 5, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T20:58:33.363227+00:00", "patient_id": "P1", "request_id": "c27bc2cb-8380-4028-9cad-bd75520d64ca", "start_time": null, "create_time": "2026-11-21T20:58:33.161147+00:00", "expire_time": "2026-12-21T20:58:33.161147+00:00", "total_bytes": 12, "update_time": "2026-11-21T20:58:33.656145+00:00", "display_name": "FAILED FAILED"}	[{"site": "demo", "stage": "", "state": "FAILED", "deaths": 0, "job_id": "f518a786-9fa9-43d8-a14d-856f9bb9b03a", "losses": 0, "result": {}, "sha256": "1513faff1f12bc5f7965989388d5062574cf6ce717db81cc4270dfc0e35f2c34", "attempt": 1, "ordinal": 0, "end_time": "2026-11-21T20:58:33.574935+00:00", "image_id": "60f5f378-1a4a-4b7c-a7bf-ca9ec654c0db", "revision": 5, "file_name": "4.png", "image_key": "2793d299fe8cf1a25d0c3e906c51b61b93e6e1cf", "retryable": false, "error_code": "CORRUPT_IMAGE", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-21T20:58:33.574745+00:00", "create_time": "2026-11-21T20:58:33.211865+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T20:58:33.656145+00:00", "duplicate_of": "", "error_message": "The file is damaged.", "predicted_label": ""}]
f518a786-9fa9-43d8-a14d-856f9bb9b03a	6	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "FAILED", "total": 2, "failed": 2, "job_id": "f518a786-9fa9-43d8-a14d-856f9bb9b03a", "creator": "doctor@demo", "end_time": "2026-11-21T20:58:33.862332+00:00", "priority": "ROUTINE", "revision": 6, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T20:58:33.363227+00:00", "patient_id": "P1", "request_id": "c27bc2cb-8380-4028-9cad-bd75520d64ca", "start_time": null, "create_time": "2026-11-21T20:58:33.161147+00:00", "expire_time": "2026-12-21T20:58:33.161147+00:00", "total_bytes": 12, "update_time": "2026-11-21T20:58:33.862332+00:00", "display_name": "FAILED FAILED"}	[{"site": "demo", "stage": "", "state": "FAILED", "deaths": 0, "job_id": "f518a786-9fa9-43d8-a14d-856f9bb9b03a", "losses": 0, "result": {}, "sha256": "2d17811af76f3165da73480e5b5cf62806ff1a12b4eff6be9397b66118b53f75", "attempt": 1, "ordinal": 1, "end_time": "2026-11-21T20:58:33.780637+00:00", "image_id": "0af95f3d-b2f5-4735-90bc-2df9a6b1441f", "revision": 6, "file_name": "5.png", "image_key": "26d5aef2a976e54fc01c86aa579e46331ff1b454", "retryable": false, "error_code": "CORRUPT_IMAGE", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-21T20:58:33.780516+00:00", "create_time": "2026-11-21T20:58:33.331889+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T20:58:33.862332+00:00", "duplicate_of": "", "error_message": "The file is damaged.", "predicted_label": ""}]
50ee28d5-2e81-409b-8389-af7ed422af6e	4	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "FAILED", "total": 1, "failed": 1, "job_id": "50ee28d5-2e81-409b-8389-af7ed422af6e", "creator": "doctor@demo", "end_time": "2026-11-21T20:58:34.22351+00:00", "priority": "ROUTINE", "revision": 4, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T20:58:33.926375+00:00", "patient_id": "P1", "request_id": "44c149d3-c9dd-40a2-85f3-613345dba490", "start_time": null, "create_time": "2026-11-21T20:58:33.884064+00:00", "expire_time": "2026-12-21T20:58:33.884064+00:00", "total_bytes": 6, "update_time": "2026-11-21T20:58:34.22351+00:00", "display_name": "RUNNING SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "FAILED", "deaths": 0, "job_id": "50ee28d5-2e81-409b-8389-af7ed422af6e", "losses": 0, "result": {}, "sha256": "8213bde6fb5bc49361a2970102f229eabad132dfc97a9ece05ecc6ed4326486b", "attempt": 1, "ordinal": 0, "end_time": "2026-11-21T20:58:34.139099+00:00", "image_id": "855297c5-3432-4888-a692-e3df7c4c0e3e", "revision": 4, "file_name": "6.png", "image_key": "7d9e397a53e33ac00d37099929b5f21fa840d47b", "retryable": false, "error_code": "CORRUPT_IMAGE", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-21T20:58:34.139099+00:00", "create_time": "2026-11-21T20:58:33.896958+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T20:58:34.22351+00:00", "duplicate_of": "", "error_message": "The file is damaged.", "predicted_label": ""}]
50ee28d5-2e81-409b-8389-af7ed422af6e	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "50ee28d5-2e81-409b-8389-af7ed422af6e", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "44c149d3-c9dd-40a2-85f3-613345dba490", "start_time": null, "create_time": "2026-11-21T20:58:33.884064+00:00", "expire_time": "2026-12-21T20:58:33.884064+00:00", "total_bytes": 6, "update_time": "2026-11-21T20:58:33.896958+00:00", "display_name": "RUNNING SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "50ee28d5-2e81-409b-8389-af7ed422af6e", "losses": 0, "result": {}, "sha256": "8213bde6fb5bc49361a2970102f229eabad132dfc97a9ece05ecc6ed4326486b", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "855297c5-3432-4888-a692-e3df7c4c0e3e", "revision": 2, "file_name": "6.png", "image_key": "7d9e397a53e33ac00d37099929b5f21fa840d47b", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T20:58:33.896958+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T20:58:33.896958+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
50ee28d5-2e81-409b-8389-af7ed422af6e	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PENDING", "total": 1, "failed": 0, "job_id": "50ee28d5-2e81-409b-8389-af7ed422af6e", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T20:58:33.926375+00:00", "patient_id": "P1", "request_id": "44c149d3-c9dd-40a2-85f3-613345dba490", "start_time": null, "create_time": "2026-11-21T20:58:33.884064+00:00", "expire_time": "2026-12-21T20:58:33.884064+00:00", "total_bytes": 6, "update_time": "2026-11-21T20:58:33.926375+00:00", "display_name": "RUNNING SUCCEEDED"}	[]
50ee28d5-2e81-409b-8389-af7ed422af6e	5	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RUNNING", "total": 1, "failed": 0, "job_id": "50ee28d5-2e81-409b-8389-af7ed422af6e", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 5, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T20:58:33.926375+00:00", "patient_id": "P1", "request_id": "44c149d3-c9dd-40a2-85f3-613345dba490", "start_time": null, "create_time": "2026-11-21T20:58:33.884064+00:00", "expire_time": "2026-12-21T20:58:33.884064+00:00", "total_bytes": 6, "update_time": "2026-11-21T20:58:34.287067+00:00", "display_name": "RUNNING SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "50ee28d5-2e81-409b-8389-af7ed422af6e", "losses": 0, "result": {}, "sha256": "8213bde6fb5bc49361a2970102f229eabad132dfc97a9ece05ecc6ed4326486b", "attempt": 2, "ordinal": 0, "end_time": null, "image_id": "855297c5-3432-4888-a692-e3df7c4c0e3e", "revision": 5, "file_name": "6.png", "image_key": "7d9e397a53e33ac00d37099929b5f21fa840d47b", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T20:58:33.896958+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T20:58:34.287067+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
babf0294-8ea3-426f-82c0-df604d18d252	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "babf0294-8ea3-426f-82c0-df604d18d252", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "9d28a945-a749-4d22-89a7-baba841e2198", "start_time": null, "create_time": "2026-11-21T20:58:35.099878+00:00", "expire_time": "2026-12-21T20:58:35.099878+00:00", "total_bytes": 0, "update_time": "2026-11-21T20:58:35.099878+00:00", "display_name": "CANCELLED CANCELLED"}	[]
50ee28d5-2e81-409b-8389-af7ed422af6e	6	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RUNNING", "total": 1, "failed": 0, "job_id": "50ee28d5-2e81-409b-8389-af7ed422af6e", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 6, "taken_up": true, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T20:58:33.926375+00:00", "patient_id": "P1", "request_id": "44c149d3-c9dd-40a2-85f3-613345dba490", "start_time": null, "create_time": "2026-11-21T20:58:33.884064+00:00", "expire_time": "2026-12-21T20:58:33.884064+00:00", "total_bytes": 6, "update_time": "2026-11-21T20:58:34.589018+00:00", "display_name": "RUNNING SUCCEEDED"}	[{"site": "demo", "stage": "PREPROCESS", "state": "RUNNING", "deaths": 0, "job_id": "50ee28d5-2e81-409b-8389-af7ed422af6e", "losses": 0, "result": {}, "sha256": "8213bde6fb5bc49361a2970102f229eabad132dfc97a9ece05ecc6ed4326486b", "attempt": 2, "ordinal": 0, "end_time": null, "image_id": "855297c5-3432-4888-a692-e3df7c4c0e3e", "revision": 6, "file_name": "6.png", "image_key": "7d9e397a53e33ac00d37099929b5f21fa840d47b", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": "2026-11-21T20:58:34.505607+00:00", "create_time": "2026-11-21T20:58:33.896958+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T20:58:34.589018+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
babf0294-8ea3-426f-82c0-df604d18d252	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "babf0294-8ea3-426f-82c0-df604d18d252", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "9d28a945-a749-4d22-89a7-baba841e2198", "start_time": null, "create_time": "2026-11-21T20:58:35.099878+00:00", "expire_time": "2026-12-21T20:58:35.099878+00:00", "total_bytes": 6, "update_time": "2026-11-21T20:58:35.224452+00:00", "display_name": "CANCELLED CANCELLED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "babf0294-8ea3-426f-82c0-df604d18d252", "losses": 0, "result": {}, "sha256": "95483cff815d1ddd9647515fa0326683a9c9c6dac254f6f6ba1f1a0a15abba66", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "76aa2183-ab6a-4dad-ac43-d27d3ed10c85", "revision": 2, "file_name": "8.png", "image_key": "327f44ba1d963ac6d6aeea4bdffb0dfe314723c7", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T20:58:35.224452+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T20:58:35.224452+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
babf0294-8ea3-426f-82c0-df604d18d252	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "CANCELLED", "total": 1, "failed": 0, "job_id": "babf0294-8ea3-426f-82c0-df604d18d252", "creator": "doctor@demo", "end_time": "2026-11-21T20:58:35.275879+00:00", "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 1, "succeeded": 0, "close_time": "2026-11-21T20:58:35.275879+00:00", "patient_id": "P1", "request_id": "9d28a945-a749-4d22-89a7-baba841e2198", "start_time": null, "create_time": "2026-11-21T20:58:35.099878+00:00", "expire_time": "2026-12-21T20:58:35.099878+00:00", "total_bytes": 6, "update_time": "2026-11-21T20:58:35.275879+00:00", "display_name": "CANCELLED CANCELLED"}	[{"site": "demo", "stage": "", "state": "CANCELLED", "deaths": 0, "job_id": "babf0294-8ea3-426f-82c0-df604d18d252", "losses": 0, "result": {}, "sha256": "95483cff815d1ddd9647515fa0326683a9c9c6dac254f6f6ba1f1a0a15abba66", "attempt": 1, "ordinal": 0, "end_time": "2026-11-21T20:58:35.275879+00:00", "image_id": "76aa2183-ab6a-4dad-ac43-d27d3ed10c85", "revision": 3, "file_name": "8.png", "image_key": "327f44ba1d963ac6d6aeea4bdffb0dfe314723c7", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T20:58:35.224452+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T20:58:35.275879+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
bd363335-cb68-4e04-b222-a1773d53f587	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "bd363335-cb68-4e04-b222-a1773d53f587", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "614fbf99-0967-4fe2-ba0a-a34c00996de4", "start_time": null, "create_time": "2026-11-21T20:58:35.344453+00:00", "expire_time": "2026-12-21T20:58:35.344453+00:00", "total_bytes": 0, "update_time": "2026-11-21T20:58:35.344453+00:00", "display_name": "PENDING SUCCEEDED"}	[]
bd363335-cb68-4e04-b222-a1773d53f587	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "bd363335-cb68-4e04-b222-a1773d53f587", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "614fbf99-0967-4fe2-ba0a-a34c00996de4", "start_time": null, "create_time": "2026-11-21T20:58:35.344453+00:00", "expire_time": "2026-12-21T20:58:35.344453+00:00", "total_bytes": 6, "update_time": "2026-11-21T20:58:35.475238+00:00", "display_name": "PENDING SUCCEEDED"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "bd363335-cb68-4e04-b222-a1773d53f587", "losses": 0, "result": {}, "sha256": "68f306b33426ec7fa485c5e1e0f9564858bd2c6b93ace93266e2913a7e006ce6", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "2312e2a1-3cd5-4afe-ad23-1dfc8509cdc3", "revision": 2, "file_name": "9.png", "image_key": "fbdcee988cd4f5d57ddbec8e4b4bf0b7af27ea97", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 6, "start_time": null, "create_time": "2026-11-21T20:58:35.475238+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T20:58:35.475238+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
bd363335-cb68-4e04-b222-a1773d53f587	3	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "PENDING", "total": 1, "failed": 0, "job_id": "bd363335-cb68-4e04-b222-a1773d53f587", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 3, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": "2026-11-21T20:58:35.546618+00:00", "patient_id": "P1", "request_id": "614fbf99-0967-4fe2-ba0a-a34c00996de4", "start_time": null, "create_time": "2026-11-21T20:58:35.344453+00:00", "expire_time": "2026-12-21T20:58:35.344453+00:00", "total_bytes": 6, "update_time": "2026-11-21T20:58:35.546618+00:00", "display_name": "PENDING SUCCEEDED"}	[]
24d6aa1a-e42b-4a5c-ad51-6ef8dcecef00	1	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 0, "failed": 0, "job_id": "24d6aa1a-e42b-4a5c-ad51-6ef8dcecef00", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 1, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "8d86bd5a-09a5-4288-8d21-61b2a136f2c2", "start_time": null, "create_time": "2026-11-21T20:58:35.615429+00:00", "expire_time": "2026-12-21T20:58:35.615429+00:00", "total_bytes": 0, "update_time": "2026-11-21T20:58:35.615429+00:00", "display_name": "RECEIVING RECEIVING"}	[]
24d6aa1a-e42b-4a5c-ad51-6ef8dcecef00	2	demo	{"site": "demo", "clahe": true, "model": "cxr", "notes": "a note", "state": "RECEIVING", "total": 1, "failed": 0, "job_id": "24d6aa1a-e42b-4a5c-ad51-6ef8dcecef00", "creator": "doctor@demo", "end_time": null, "priority": "ROUTINE", "revision": 2, "taken_up": false, "cancelled": 0, "succeeded": 0, "close_time": null, "patient_id": "P1", "request_id": "8d86bd5a-09a5-4288-8d21-61b2a136f2c2", "start_time": null, "create_time": "2026-11-21T20:58:35.615429+00:00", "expire_time": "2026-12-21T20:58:35.615429+00:00", "total_bytes": 7, "update_time": "2026-11-21T20:58:35.718294+00:00", "display_name": "RECEIVING RECEIVING"}	[{"site": "demo", "stage": "", "state": "QUEUED", "deaths": 0, "job_id": "24d6aa1a-e42b-4a5c-ad51-6ef8dcecef00", "losses": 0, "result": {}, "sha256": "336d9ff87895916081e96683a575d619d77286641e67e9f4b2755145bc2d180b", "attempt": 1, "ordinal": 0, "end_time": null, "image_id": "2bf18a67-75fa-471d-b41c-bb988bd7af36", "revision": 2, "file_name": "10.png", "image_key": "df9512ebcaf0f3b46ef5a1ba68417aa7ee1be4d4", "retryable": false, "error_code": "", "patient_id": "P1", "size_bytes": 7, "start_time": null, "create_time": "2026-11-21T20:58:35.718294+00:00", "has_heatmap": false, "has_preview": false, "republished": 0, "update_time": "2026-11-21T20:58:35.718294+00:00", "duplicate_of": "", "error_message": "", "predicted_label": ""}]
\.


--
-- Data for Name: jobs; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.jobs (job_id, site, creator, request_id, request_digest, state, revision, patient_id, display_name, notes, clahe, priority, start_time, model, total, succeeded, failed, cancelled, total_bytes, taken_up, create_time, update_time, close_time, end_time, expire_time) FROM stdin;
899e39b6-ee53-4777-9d57-a974fe9d8825	demo	doctor@demo	8e4f69c9-5e04-451c-80a7-05d2b3cef77d	\\x049d7f8b494dcf744622c59e38700e07fbfa8beccbdf801494c7afd9c0549308	SUCCEEDED	6	P1	SUCCEEDED SUCCEEDED	a note	t	ROUTINE	\N	cxr	2	2	0	0	12	t	2026-11-21 20:58:31.563397+00	2026-11-21 20:58:32.44034+00	2026-11-21 20:58:31.899765+00	2026-11-21 20:58:32.44034+00	2026-12-21 20:58:31.563397+00
514e249f-0d3c-4017-a343-cea9034915ed	demo	doctor@demo	b88b919c-576c-4fa1-8ae0-6c7c60612d59	\\xd65aac6c7fcb9a879b229b0eac89ecf70f6ab778a96300f20649822ac43abaaf	PARTIALLY_SUCCEEDED	6	P1	PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED	a note	t	ROUTINE	\N	cxr	2	1	1	0	12	t	2026-11-21 20:58:32.473883+00	2026-11-21 20:58:33.097029+00	2026-11-21 20:58:32.556795+00	2026-11-21 20:58:33.097029+00	2026-12-21 20:58:32.473883+00
f518a786-9fa9-43d8-a14d-856f9bb9b03a	demo	doctor@demo	c27bc2cb-8380-4028-9cad-bd75520d64ca	\\xb500e0e6d8abdad375a047e1fbc3c81ac14628699c37514ceaf809aee479b53e	FAILED	6	P1	FAILED FAILED	a note	t	ROUTINE	\N	cxr	2	0	2	0	12	t	2026-11-21 20:58:33.161147+00	2026-11-21 20:58:33.862332+00	2026-11-21 20:58:33.363227+00	2026-11-21 20:58:33.862332+00	2026-12-21 20:58:33.161147+00
50ee28d5-2e81-409b-8389-af7ed422af6e	demo	doctor@demo	44c149d3-c9dd-40a2-85f3-613345dba490	\\xfb9365f6c115424d4340d39cf8db1e5e6d6d0efeef7898f1d8926f85e2867dd7	RUNNING	6	P1	RUNNING SUCCEEDED	a note	t	ROUTINE	\N	cxr	1	0	0	0	6	t	2026-11-21 20:58:33.884064+00	2026-11-21 20:58:34.589018+00	2026-11-21 20:58:33.926375+00	\N	2026-12-21 20:58:33.884064+00
babf0294-8ea3-426f-82c0-df604d18d252	demo	doctor@demo	9d28a945-a749-4d22-89a7-baba841e2198	\\x29dbfa40aec2b3df0eb77cbe703b0cd30be1194e4b489d18bd442fa5ca79a95f	CANCELLED	3	P1	CANCELLED CANCELLED	a note	t	ROUTINE	\N	cxr	1	0	0	1	6	f	2026-11-21 20:58:35.099878+00	2026-11-21 20:58:35.275879+00	2026-11-21 20:58:35.275879+00	2026-11-21 20:58:35.275879+00	2026-12-21 20:58:35.099878+00
bd363335-cb68-4e04-b222-a1773d53f587	demo	doctor@demo	614fbf99-0967-4fe2-ba0a-a34c00996de4	\\xd69464e17fb7e1669807bc8114efa52366cd7064774e72f641a6cc86dfad1ff4	PENDING	3	P1	PENDING SUCCEEDED	a note	t	ROUTINE	\N	cxr	1	0	0	0	6	f	2026-11-21 20:58:35.344453+00	2026-11-21 20:58:35.546618+00	2026-11-21 20:58:35.546618+00	\N	2026-12-21 20:58:35.344453+00
24d6aa1a-e42b-4a5c-ad51-6ef8dcecef00	demo	doctor@demo	8d86bd5a-09a5-4288-8d21-61b2a136f2c2	\\x0d9f302f9fc2e9006b24c093d2283ed5bfa01e8711342ed4c1a779711cbf4020	RECEIVING	2	P1	RECEIVING RECEIVING	a note	t	ROUTINE	\N	cxr	1	0	0	0	7	f	2026-11-21 20:58:35.615429+00	2026-11-21 20:58:35.718294+00	\N	\N	2026-12-21 20:58:35.615429+00
\.


--
-- Data for Name: outbox; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.outbox (image_id, job_id, site, attempt, available_at) FROM stdin;
2312e2a1-3cd5-4afe-ad23-1dfc8509cdc3	bd363335-cb68-4e04-b222-a1773d53f587	demo	1	2026-11-21 20:58:36.952187+00
\.


--
-- Data for Name: retry_requests; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.retry_requests (job_id, request_id, site) FROM stdin;
50ee28d5-2e81-409b-8389-af7ed422af6e	3dd8ee88-9180-4e4b-8c06-1af5f1bdfa18	demo
\.


--
-- Data for Name: schema_migrations; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.schema_migrations (version) FROM stdin;
0001
0002
\.


--
-- Data for Name: uploads; Type: TABLE DATA; Schema: public; Owner: carina
--

COPY public.uploads (job_id, image_key, site, image_id, part_keys, committed_size, create_time, update_time) FROM stdin;
24d6aa1a-e42b-4a5c-ad51-6ef8dcecef00	half	demo	e24c89a7-b2e4-4816-a478-8942d312fca0	{}	1	2026-11-21 20:58:36.85788+00	2026-11-21 20:58:36.85788+00
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

\unrestrict XOxZ4ny0qdx63fOgCxRmVeXZyq7E8TGqeUDdWR7Y9tcKcZ7HO6xhxigQjOLRq6B

