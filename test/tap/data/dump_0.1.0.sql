SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA dbsp_ivm;
ALTER SCHEMA dbsp_ivm OWNER TO postgres;
COMMENT ON SCHEMA dbsp_ivm IS 'functions of the extension dbsp_ivm';
CREATE EXTENSION IF NOT EXISTS dbsp_ivm WITH SCHEMA dbsp_ivm;
COMMENT ON EXTENSION dbsp_ivm IS 'materialized views that are kept up to date by every transaction';
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.t (
    id bigint NOT NULL,
    g integer,
    v integer,
    x text,
    f double precision,
    m numeric(10,2),
    ok boolean
);
ALTER TABLE public.t OWNER TO postgres;
CREATE VIEW dbsp_ivm_internal.definition_1 AS
 SELECT t.g,
    count(*) AS n,
    sum(t.v) AS s,
    min(t.v) AS lo,
    max(t.x) AS hi,
    avg(t.m) AS a
   FROM public.t
  GROUP BY t.g;
ALTER TABLE dbsp_ivm_internal.definition_1 OWNER TO postgres;
CREATE VIEW dbsp_ivm_internal.definition_10 AS
 SELECT t.m,
    count(*) AS n
   FROM public.t
  GROUP BY t.m;
ALTER TABLE dbsp_ivm_internal.definition_10 OWNER TO postgres;
CREATE TABLE public.d (
    g integer NOT NULL,
    name text
);
ALTER TABLE public.d OWNER TO postgres;
CREATE VIEW dbsp_ivm_internal.definition_11 AS
 SELECT d.name,
    q.n,
    q.lo
   FROM (public.d
     JOIN ( SELECT t.g,
            count(*) AS n,
            min(t.x) AS lo
           FROM public.t
          GROUP BY t.g) q USING (g));
ALTER TABLE dbsp_ivm_internal.definition_11 OWNER TO postgres;
CREATE VIEW dbsp_ivm_internal.definition_2 AS
 SELECT t.id,
    d.name,
    t.v
   FROM (public.t
     JOIN public.d USING (g));
ALTER TABLE dbsp_ivm_internal.definition_2 OWNER TO postgres;
CREATE VIEW dbsp_ivm_internal.definition_3 AS
 SELECT d.name,
    t.x
   FROM (public.t
     JOIN public.d USING (g));
ALTER TABLE dbsp_ivm_internal.definition_3 OWNER TO postgres;
CREATE VIEW dbsp_ivm_internal.definition_4 AS
 SELECT DISTINCT t.x
   FROM public.t;
ALTER TABLE dbsp_ivm_internal.definition_4 OWNER TO postgres;
CREATE VIEW dbsp_ivm_internal.definition_5 AS
 SELECT q.n,
    count(*) AS groups
   FROM ( SELECT t.g,
            count(*) AS n
           FROM public.t
          GROUP BY t.g) q
  GROUP BY q.n;
ALTER TABLE dbsp_ivm_internal.definition_5 OWNER TO postgres;
CREATE VIEW dbsp_ivm_internal.definition_6 AS
 SELECT t.g,
    sum(t.f) AS s,
    stddev(t.f) AS d,
    variance(t.m) AS w,
    bool_and(t.ok) AS every_one
   FROM public.t
  GROUP BY t.g
 HAVING (count(*) > 2);
ALTER TABLE dbsp_ivm_internal.definition_6 OWNER TO postgres;
CREATE VIEW dbsp_ivm_internal.definition_7 AS
 SELECT count(*) AS n,
    sum(t.m) AS s,
    max(t.f) AS hi
   FROM public.t;
ALTER TABLE dbsp_ivm_internal.definition_7 OWNER TO postgres;
CREATE TABLE public.bag (
    a integer,
    b text,
    j json
);
ALTER TABLE public.bag OWNER TO postgres;
CREATE VIEW dbsp_ivm_internal.definition_8 AS
 SELECT bag.a,
    bag.b,
    bag.j
   FROM public.bag;
ALTER TABLE dbsp_ivm_internal.definition_8 OWNER TO postgres;
CREATE VIEW dbsp_ivm_internal.definition_9 AS
 SELECT t.id,
    t.x
   FROM public.t
  WHERE (t.v > 5)
UNION ALL
 SELECT d.g AS id,
    d.name AS x
   FROM public.d;
ALTER TABLE dbsp_ivm_internal.definition_9 OWNER TO postgres;
CREATE TABLE dbsp_ivm_internal.groups_11_3 (
    __dbsp_c1 integer,
    __dbsp_c2 bigint,
    __dbsp_c3 text,
    __dbsp_n bigint,
    __dbsp_agg_1 text
);
ALTER TABLE ONLY dbsp_ivm_internal.groups_11_3 REPLICA IDENTITY FULL;
ALTER TABLE dbsp_ivm_internal.groups_11_3 OWNER TO postgres;
CREATE TABLE dbsp_ivm_internal.groups_5_2 (
    __dbsp_c1 bigint,
    __dbsp_c2 integer,
    __dbsp_n bigint
);
ALTER TABLE ONLY dbsp_ivm_internal.groups_5_2 REPLICA IDENTITY FULL;
ALTER TABLE dbsp_ivm_internal.groups_5_2 OWNER TO postgres;
CREATE VIEW dbsp_ivm_internal.key_11_1 AS
SELECT
    NULL::tid AS ctid;
ALTER TABLE dbsp_ivm_internal.key_11_1 OWNER TO postgres;
CREATE VIEW dbsp_ivm_internal.key_2_1 AS
SELECT
    NULL::tid AS ctid;
ALTER TABLE dbsp_ivm_internal.key_2_1 OWNER TO postgres;
CREATE VIEW dbsp_ivm_internal.key_2_2 AS
SELECT
    NULL::tid AS ctid;
ALTER TABLE dbsp_ivm_internal.key_2_2 OWNER TO postgres;
CREATE VIEW dbsp_ivm_internal.key_3_1 AS
SELECT
    NULL::tid AS ctid;
ALTER TABLE dbsp_ivm_internal.key_3_1 OWNER TO postgres;
CREATE VIEW dbsp_ivm_internal.key_3_2 AS
SELECT
    NULL::tid AS ctid;
ALTER TABLE dbsp_ivm_internal.key_3_2 OWNER TO postgres;
CREATE TABLE dbsp_ivm_internal.shadow_1 (
    g integer,
    n bigint,
    s bigint,
    lo integer,
    hi text,
    a numeric,
    __dbsp_n bigint,
    __dbsp_agg_1 bytea,
    __dbsp_agg_2 integer,
    __dbsp_agg_3 text,
    __dbsp_agg_4 bytea
);
ALTER TABLE ONLY dbsp_ivm_internal.shadow_1 REPLICA IDENTITY FULL;
ALTER TABLE dbsp_ivm_internal.shadow_1 OWNER TO postgres;
CREATE TABLE dbsp_ivm_internal.shadow_10 (
    m numeric(10,2),
    n bigint,
    __dbsp_n bigint
);
ALTER TABLE ONLY dbsp_ivm_internal.shadow_10 REPLICA IDENTITY FULL;
ALTER TABLE dbsp_ivm_internal.shadow_10 OWNER TO postgres;
CREATE TABLE dbsp_ivm_internal.shadow_11 (
    name text,
    n bigint,
    lo text,
    __dbsp_c4 integer
);
ALTER TABLE ONLY dbsp_ivm_internal.shadow_11 REPLICA IDENTITY FULL;
ALTER TABLE dbsp_ivm_internal.shadow_11 OWNER TO postgres;
CREATE TABLE dbsp_ivm_internal.shadow_2 (
    id bigint,
    name text,
    v integer
);
ALTER TABLE ONLY dbsp_ivm_internal.shadow_2 REPLICA IDENTITY FULL;
ALTER TABLE dbsp_ivm_internal.shadow_2 OWNER TO postgres;
CREATE TABLE dbsp_ivm_internal.shadow_3 (
    name text,
    x text,
    __dbsp_c3 bigint
);
ALTER TABLE ONLY dbsp_ivm_internal.shadow_3 REPLICA IDENTITY FULL;
ALTER TABLE dbsp_ivm_internal.shadow_3 OWNER TO postgres;
CREATE TABLE dbsp_ivm_internal.shadow_4 (
    x text,
    __dbsp_n bigint,
    __dbsp_hash bigint
);
ALTER TABLE ONLY dbsp_ivm_internal.shadow_4 REPLICA IDENTITY FULL;
ALTER TABLE dbsp_ivm_internal.shadow_4 OWNER TO postgres;
CREATE TABLE dbsp_ivm_internal.shadow_5 (
    n bigint,
    groups bigint,
    __dbsp_n bigint
);
ALTER TABLE ONLY dbsp_ivm_internal.shadow_5 REPLICA IDENTITY FULL;
ALTER TABLE dbsp_ivm_internal.shadow_5 OWNER TO postgres;
CREATE TABLE dbsp_ivm_internal.shadow_6 (
    g integer,
    s double precision,
    d double precision,
    w numeric,
    every_one boolean,
    __dbsp_visible boolean,
    __dbsp_n bigint,
    __dbsp_agg_1 bytea,
    __dbsp_agg_2 bytea,
    __dbsp_agg_3 bytea,
    __dbsp_agg_4 bytea
);
ALTER TABLE ONLY dbsp_ivm_internal.shadow_6 REPLICA IDENTITY FULL;
ALTER TABLE dbsp_ivm_internal.shadow_6 OWNER TO postgres;
CREATE TABLE dbsp_ivm_internal.shadow_7 (
    n bigint,
    s numeric,
    hi double precision,
    __dbsp_n bigint,
    __dbsp_agg_1 bytea,
    __dbsp_agg_2 double precision
);
ALTER TABLE ONLY dbsp_ivm_internal.shadow_7 REPLICA IDENTITY FULL;
ALTER TABLE dbsp_ivm_internal.shadow_7 OWNER TO postgres;
CREATE TABLE dbsp_ivm_internal.shadow_8 (
    a integer,
    b text,
    j json,
    __dbsp_hash bigint
);
ALTER TABLE ONLY dbsp_ivm_internal.shadow_8 REPLICA IDENTITY FULL;
ALTER TABLE dbsp_ivm_internal.shadow_8 OWNER TO postgres;
CREATE TABLE dbsp_ivm_internal.shadow_9 (
    id bigint,
    x text,
    __dbsp_hash bigint
);
ALTER TABLE ONLY dbsp_ivm_internal.shadow_9 REPLICA IDENTITY FULL;
ALTER TABLE dbsp_ivm_internal.shadow_9 OWNER TO postgres;
CREATE TABLE dbsp_ivm_internal.values_11_3_1 (
    __dbsp_key_1 integer,
    __dbsp_value text,
    __dbsp_n bigint
);
ALTER TABLE ONLY dbsp_ivm_internal.values_11_3_1 REPLICA IDENTITY FULL;
ALTER TABLE dbsp_ivm_internal.values_11_3_1 OWNER TO postgres;
CREATE TABLE dbsp_ivm_internal.values_1_2_1 (
    __dbsp_key_1 integer,
    __dbsp_value integer,
    __dbsp_n bigint
);
ALTER TABLE ONLY dbsp_ivm_internal.values_1_2_1 REPLICA IDENTITY FULL;
ALTER TABLE dbsp_ivm_internal.values_1_2_1 OWNER TO postgres;
CREATE TABLE dbsp_ivm_internal.values_1_2_2 (
    __dbsp_key_1 integer,
    __dbsp_value text,
    __dbsp_n bigint
);
ALTER TABLE ONLY dbsp_ivm_internal.values_1_2_2 REPLICA IDENTITY FULL;
ALTER TABLE dbsp_ivm_internal.values_1_2_2 OWNER TO postgres;
CREATE TABLE dbsp_ivm_internal.values_7_2_1 (
    __dbsp_value double precision,
    __dbsp_n bigint
);
ALTER TABLE ONLY dbsp_ivm_internal.values_7_2_1 REPLICA IDENTITY FULL;
ALTER TABLE dbsp_ivm_internal.values_7_2_1 OWNER TO postgres;
CREATE VIEW public."both" AS
 SELECT shadow_9.id,
    shadow_9.x
   FROM dbsp_ivm_internal.shadow_9
  WHERE (NULL::dbsp_ivm_internal.definition_9[] IS NULL);
ALTER TABLE public."both" OWNER TO postgres;
CREATE VIEW public.by_numeric AS
 SELECT shadow_10.m,
    shadow_10.n
   FROM dbsp_ivm_internal.shadow_10
  WHERE (NULL::dbsp_ivm_internal.definition_10[] IS NULL);
ALTER TABLE public.by_numeric OWNER TO postgres;
CREATE VIEW public.floats AS
 SELECT shadow_6.g,
    shadow_6.s,
    shadow_6.d,
    shadow_6.w,
    shadow_6.every_one
   FROM dbsp_ivm_internal.shadow_6
  WHERE (shadow_6.__dbsp_visible AND (NULL::dbsp_ivm_internal.definition_6[] IS NULL));
ALTER TABLE public.floats OWNER TO postgres;
CREATE VIEW public.hist AS
 SELECT shadow_5.n,
    shadow_5.groups
   FROM dbsp_ivm_internal.shadow_5
  WHERE (NULL::dbsp_ivm_internal.definition_5[] IS NULL);
ALTER TABLE public.hist OWNER TO postgres;
CREATE VIEW public.join_of_groups AS
 SELECT shadow_11.name,
    shadow_11.n,
    shadow_11.lo
   FROM dbsp_ivm_internal.shadow_11
  WHERE (NULL::dbsp_ivm_internal.definition_11[] IS NULL);
ALTER TABLE public.join_of_groups OWNER TO postgres;
CREATE VIEW public.joined AS
 SELECT shadow_2.id,
    shadow_2.name,
    shadow_2.v
   FROM dbsp_ivm_internal.shadow_2
  WHERE (NULL::dbsp_ivm_internal.definition_2[] IS NULL);
ALTER TABLE public.joined OWNER TO postgres;
CREATE VIEW public.keyless AS
 SELECT shadow_3.name,
    shadow_3.x
   FROM dbsp_ivm_internal.shadow_3
  WHERE (NULL::dbsp_ivm_internal.definition_3[] IS NULL);
ALTER TABLE public.keyless OWNER TO postgres;
CREATE VIEW public.names AS
 SELECT shadow_4.x AS label
   FROM dbsp_ivm_internal.shadow_4
  WHERE (NULL::dbsp_ivm_internal.definition_4[] IS NULL);
ALTER TABLE public.names OWNER TO postgres;
CREATE VIEW public.per_group AS
 SELECT shadow_1.g,
    shadow_1.n,
    shadow_1.s,
    shadow_1.lo,
    shadow_1.hi,
    shadow_1.a
   FROM dbsp_ivm_internal.shadow_1
  WHERE (NULL::dbsp_ivm_internal.definition_1[] IS NULL);
ALTER TABLE public.per_group OWNER TO postgres;
CREATE VIEW public.rows AS
 SELECT shadow_8.a,
    shadow_8.b,
    shadow_8.j
   FROM dbsp_ivm_internal.shadow_8
  WHERE (NULL::dbsp_ivm_internal.definition_8[] IS NULL);
ALTER TABLE public.rows OWNER TO postgres;
CREATE VIEW public.total AS
 SELECT shadow_7.n,
    shadow_7.s,
    shadow_7.hi
   FROM dbsp_ivm_internal.shadow_7
  WHERE (NULL::dbsp_ivm_internal.definition_7[] IS NULL);
ALTER TABLE public.total OWNER TO postgres;
COPY dbsp_ivm_internal.groups_11_3 (__dbsp_c1, __dbsp_c2, __dbsp_c3, __dbsp_n, __dbsp_agg_1) FROM stdin;
0	5		5	
1	6		6	
3	5		5	
4	5		5	
\N	1	\N	1	\N
2	4		4	
\.
COPY dbsp_ivm_internal.groups_5_2 (__dbsp_c1, __dbsp_c2, __dbsp_n) FROM stdin;
5	0	5
6	1	6
5	3	5
5	4	5
1	\N	1
4	2	4
\.
COPY dbsp_ivm_internal.shadow_1 (g, n, s, lo, hi, a, __dbsp_n, __dbsp_agg_1, __dbsp_agg_2, __dbsp_agg_3, __dbsp_agg_4) FROM stdin;
0	5	75	5	xx	18.7500000000000000	5	\\x054b	5	xx	\\x02020504014c1d5d00
3	5	65	3	xx	16.2500000000000000	5	\\x0541	3	xx	\\x0202050401c4095100
4	5	70	4	xx	17.5000000000000000	5	\\x0546	4	xx	\\x020205040188135700
\N	1	\N	\N	\N	\N	1	\\x	\N	\N	\\x
1	6	62	2	y	NaN	6	\\x063e	2	y	\\x03010000020504014c1d4400
2	4	53	2	xx	16.5625000000000000	4	\\x0435	2	xx	\\x0202040401c4094200
\.
COPY dbsp_ivm_internal.shadow_10 (m, n, __dbsp_n) FROM stdin;
1.25	1	1
2.50	1	1
3.75	1	1
5.00	1	1
6.25	1	1
7.50	1	1
10.00	1	1
11.25	1	1
12.50	1	1
13.75	1	1
15.00	1	1
16.25	1	1
17.50	1	1
18.75	1	1
20.00	1	1
21.25	1	1
22.50	1	1
23.75	1	1
25.00	1	1
26.25	1	1
27.50	1	1
28.75	1	1
30.00	1	1
31.25	1	1
NaN	1	1
\N	1	1
\.
COPY dbsp_ivm_internal.shadow_11 (name, n, lo, __dbsp_c4) FROM stdin;
d0	5		0
d1	6		1
d3	5		3
d4	5		4
d2	4		2
\.
COPY dbsp_ivm_internal.shadow_2 (id, name, v) FROM stdin;
2	d2	2
3	d3	3
4	d4	4
5	d0	5
8	d3	8
9	d4	9
10	d0	10
12	d2	12
13	d3	13
14	d4	14
15	d0	15
17	d2	17
18	d3	18
19	d4	19
20	d0	20
22	d2	22
23	d3	23
24	d4	24
25	d0	25
27	d1	2
21	d1	22
1	d1	2
16	d1	17
11	d1	12
6	d1	7
\.
COPY dbsp_ivm_internal.shadow_3 (name, x, __dbsp_c3) FROM stdin;
d0	x	25
d0	xx	20
d0		15
d0	x	10
d0	xx	5
d1	y	27
d1		21
d1	x	16
d1	xx	11
d1		6
d1	x	1
d2	x	22
d2	xx	17
d2		12
d2	xx	2
d3	xx	23
d3		18
d3	x	13
d3	xx	8
d3		3
d4		24
d4	x	19
d4	xx	14
d4		9
d4	x	4
\.
COPY dbsp_ivm_internal.shadow_4 (x, __dbsp_n, __dbsp_hash) FROM stdin;
	8	2134036653
xx	8	1874451698
y	1	997980613
\N	1	1
x	8	1381966918
\.
COPY dbsp_ivm_internal.shadow_5 (n, groups, __dbsp_n) FROM stdin;
1	1	1
6	1	1
4	1	1
5	3	3
\.
COPY dbsp_ivm_internal.shadow_6 (g, s, d, w, every_one, __dbsp_visible, __dbsp_n, __dbsp_agg_1, __dbsp_agg_2, __dbsp_agg_3, __dbsp_agg_4) FROM stdin;
0	25	2.63523138347365	97.6562500000000000	f	t	5	\\x0a0a7e00400100000000006400	\\x0a0a7e0040010000000000640010fe0100d08ee3388ee33860c7711cc7718c09	\\x02020504014c1d5d00040117116408	\\x0302
1	NaN	NaN	NaN	f	t	6	\\x0b010000000a7e00d05455555555554900	\\x0b010000000a7e00d0545555555555490010fe0100795555555555d5ecffffffffffef05	\\x03010000020504014c1d440004019f243705	\\x0303
3	21.666666666666668	2.6352313834736494	97.6562500000000000	f	t	5	\\x0a0a7e0080aaaaaaaaaaaa5600	\\x0a0a7e0080aaaaaaaaaaaa560010fe010040000000000000b0aaaaaaaaaa9a07	\\x0202050401c409510004019f24ae06	\\x0302
4	23.333333333333332	2.6352313834736494	97.6562500000000000	f	t	5	\\x0a0a7e00405555555555555d00	\\x0a0a7e00405555555555555d0010fe010090555555555555a5aaaaaaaaaa8a08	\\x02020504018813570004012e228107	\\x0203
\N	\N	\N	\N	\N	f	1	\\x	\\x	\\x	\\x
2	17.666666666666668	2.846375212766555	113.9322916666666667	f	t	4	\\x080a7e00a0aaaaaaaaaaaa4600	\\x080a7e00a0aaaaaaaaaaaa460010fe0100e4aaaaaaaaaaaa5055555555556506	\\x0202040401c4094200040171029f05	\\x0103
\.
COPY dbsp_ivm_internal.shadow_7 (n, s, hi, __dbsp_n, __dbsp_agg_1, __dbsp_agg_2) FROM stdin;
26	NaN	NaN	26	\\x030100000218040188138d01	NaN
\.
COPY dbsp_ivm_internal.shadow_8 (a, b, j, __dbsp_hash) FROM stdin;
1	x	{"a": 1}	7098772170719948017
1	x	{"a": 1}	7098772170719948017
\N	\N	\N	8797225232857611297
2	y	[]	6370837679564053309
\.
COPY dbsp_ivm_internal.shadow_9 (id, x, __dbsp_hash) FROM stdin;
6		569896748612920336
8	xx	347648475841343769
9		8098238260347644169
10	x	-1071166495334549429
11	xx	-8727391371982576664
12		5808127024511015330
13	x	-6263693986791563079
14	xx	-6578211845277824427
15		-5574924151514231994
16	x	5308352123569779258
17	xx	6703693836457206562
18		-6455497428097009089
19	x	-720579812308043161
20	xx	1272605769698909442
21		6769894018993198854
22	x	-2917617229060592009
23	xx	5651656905602349224
24		-7452445194251382744
25	x	-5397877611371959362
0	d0	7717167468257960017
1	d1	-4591580968117229583
2	d2	8233513554349314653
3	d3	3920485991889783505
4	d4	-9040640174815721780
\.
COPY dbsp_ivm_internal.source_catalog (view, source) FROM stdin;
1	public.t
2	public.t
2	public.d
3	public.t
3	public.d
4	public.t
5	public.t
6	public.t
7	public.t
8	public.bag
9	public.t
9	public.d
10	public.t
11	public.t
11	public.d
\.
COPY dbsp_ivm_internal.state_catalog (view, operator, role, relation) FROM stdin;
1	2	shadow	dbsp_ivm_internal.shadow_1
1	2	values_1	dbsp_ivm_internal.values_1_2_1
1	2	values_2	dbsp_ivm_internal.values_1_2_2
2	5	shadow	dbsp_ivm_internal.shadow_2
2	1	key	dbsp_ivm_internal.key_2_1
2	2	key	dbsp_ivm_internal.key_2_2
3	5	shadow	dbsp_ivm_internal.shadow_3
3	1	key	dbsp_ivm_internal.key_3_1
3	2	key	dbsp_ivm_internal.key_3_2
4	2	shadow	dbsp_ivm_internal.shadow_4
5	2	groups	dbsp_ivm_internal.groups_5_2
5	3	shadow	dbsp_ivm_internal.shadow_5
6	2	shadow	dbsp_ivm_internal.shadow_6
7	2	shadow	dbsp_ivm_internal.shadow_7
7	2	values_1	dbsp_ivm_internal.values_7_2_1
8	2	shadow	dbsp_ivm_internal.shadow_8
9	7	shadow	dbsp_ivm_internal.shadow_9
10	2	shadow	dbsp_ivm_internal.shadow_10
11	3	groups	dbsp_ivm_internal.groups_11_3
11	3	values_1	dbsp_ivm_internal.values_11_3_1
11	6	shadow	dbsp_ivm_internal.shadow_11
11	1	key	dbsp_ivm_internal.key_11_1
\.
COPY dbsp_ivm_internal.values_11_3_1 (__dbsp_key_1, __dbsp_value, __dbsp_n) FROM stdin;
0		1
0	x	2
0	xx	2
1		2
1	x	2
1	xx	1
1	y	1
2		1
2	xx	2
3		2
3	x	1
3	xx	2
4		2
4	x	2
4	xx	1
2	x	1
\.
COPY dbsp_ivm_internal.values_1_2_1 (__dbsp_key_1, __dbsp_value, __dbsp_n) FROM stdin;
0	5	1
0	10	1
0	15	1
0	20	1
0	25	1
2	2	1
2	12	1
2	17	1
2	22	1
3	3	1
3	8	1
3	13	1
3	18	1
3	23	1
4	4	1
4	9	1
4	14	1
4	19	1
4	24	1
1	2	2
1	7	1
1	12	1
1	17	1
1	22	1
\.
COPY dbsp_ivm_internal.values_1_2_2 (__dbsp_key_1, __dbsp_value, __dbsp_n) FROM stdin;
0		1
0	x	2
0	xx	2
1		2
1	x	2
1	xx	1
1	y	1
2		1
2	xx	2
3		2
3	x	1
3	xx	2
4		2
4	x	2
4	xx	1
2	x	1
\.
COPY dbsp_ivm_internal.values_7_2_1 (__dbsp_value, __dbsp_n) FROM stdin;
0.3333333333333333	1
0.6666666666666666	1
1	1
1.3333333333333333	1
1.6666666666666667	1
2	1
2.6666666666666665	1
3	1
3.3333333333333335	1
3.6666666666666665	1
4	1
4.333333333333333	1
4.666666666666667	1
5	1
5.333333333333333	1
5.666666666666667	1
6	1
6.333333333333333	1
6.666666666666667	1
7	1
7.333333333333333	1
7.666666666666667	1
8	1
8.333333333333334	1
NaN	1
\.
COPY dbsp_ivm_internal.view_catalog (number, relation, definition, shadow, created, state, last_error) FROM stdin;
1	public.per_group	dbsp_ivm_internal.definition_1	dbsp_ivm_internal.shadow_1	2026-11-25 23:10:16.315088+00	ok	\N
2	public.joined	dbsp_ivm_internal.definition_2	dbsp_ivm_internal.shadow_2	2026-11-25 23:10:16.326706+00	ok	\N
3	public.keyless	dbsp_ivm_internal.definition_3	dbsp_ivm_internal.shadow_3	2026-11-25 23:10:16.332812+00	ok	\N
4	public.names	dbsp_ivm_internal.definition_4	dbsp_ivm_internal.shadow_4	2026-11-25 23:10:16.337717+00	ok	\N
5	public.hist	dbsp_ivm_internal.definition_5	dbsp_ivm_internal.shadow_5	2026-11-25 23:10:16.341646+00	ok	\N
6	public.floats	dbsp_ivm_internal.definition_6	dbsp_ivm_internal.shadow_6	2026-11-25 23:10:16.346061+00	ok	\N
7	public.total	dbsp_ivm_internal.definition_7	dbsp_ivm_internal.shadow_7	2026-11-25 23:10:16.351751+00	ok	\N
8	public.rows	dbsp_ivm_internal.definition_8	dbsp_ivm_internal.shadow_8	2026-11-25 23:10:16.358551+00	ok	\N
9	public."both"	dbsp_ivm_internal.definition_9	dbsp_ivm_internal.shadow_9	2026-11-25 23:10:16.363405+00	ok	\N
10	public.by_numeric	dbsp_ivm_internal.definition_10	dbsp_ivm_internal.shadow_10	2026-11-25 23:10:16.368554+00	ok	\N
11	public.join_of_groups	dbsp_ivm_internal.definition_11	dbsp_ivm_internal.shadow_11	2026-11-25 23:10:16.372266+00	ok	\N
\.
COPY public.bag (a, b, j) FROM stdin;
1	x	{"a": 1}
1	x	{"a": 1}
\N	\N	\N
2	y	[]
\.
COPY public.d (g, name) FROM stdin;
0	d0
1	d1
2	d2
3	d3
4	d4
\.
COPY public.t (id, g, v, x, f, m, ok) FROM stdin;
2	2	2	xx	0.6666666666666666	2.50	t
3	3	3		1	3.75	f
4	4	4	x	1.3333333333333333	5.00	t
5	0	5	xx	1.6666666666666667	6.25	f
8	3	8	xx	2.6666666666666665	10.00	t
9	4	9		3	11.25	f
10	0	10	x	3.3333333333333335	12.50	t
12	2	12		4	15.00	t
13	3	13	x	4.333333333333333	16.25	f
14	4	14	xx	4.666666666666667	17.50	t
15	0	15		5	18.75	f
17	2	17	xx	5.666666666666667	21.25	f
18	3	18		6	22.50	t
19	4	19	x	6.333333333333333	23.75	f
20	0	20	xx	6.666666666666667	25.00	t
22	2	22	x	7.333333333333333	27.50	t
23	3	23	xx	7.666666666666667	28.75	f
24	4	24		8	30.00	t
25	0	25	x	8.333333333333334	31.25	f
26	\N	\N	\N	\N	\N	\N
1	1	2	x	0.3333333333333333	1.25	f
6	1	7		2	7.50	t
11	1	12	xx	3.6666666666666665	13.75	f
16	1	17	x	5.333333333333333	20.00	t
21	1	22		7	26.25	f
27	1	2	y	NaN	NaN	t
\.
SELECT pg_catalog.setval('dbsp_ivm_internal.view_number_seq', 11, true);
ALTER TABLE ONLY public.d
    ADD CONSTRAINT d_pkey PRIMARY KEY (g);
ALTER TABLE ONLY public.t
    ADD CONSTRAINT t_pkey PRIMARY KEY (id);
CREATE UNIQUE INDEX groups_11_3_key ON dbsp_ivm_internal.groups_11_3 USING btree (__dbsp_c1) NULLS NOT DISTINCT;
CREATE UNIQUE INDEX groups_5_2_key ON dbsp_ivm_internal.groups_5_2 USING btree (__dbsp_c2) NULLS NOT DISTINCT;
CREATE UNIQUE INDEX shadow_10_key ON dbsp_ivm_internal.shadow_10 USING btree (m) NULLS NOT DISTINCT;
CREATE UNIQUE INDEX shadow_11_key ON dbsp_ivm_internal.shadow_11 USING btree (__dbsp_c4) NULLS NOT DISTINCT;
CREATE UNIQUE INDEX shadow_1_key ON dbsp_ivm_internal.shadow_1 USING btree (g) NULLS NOT DISTINCT;
CREATE UNIQUE INDEX shadow_2_key ON dbsp_ivm_internal.shadow_2 USING btree (id) NULLS NOT DISTINCT;
CREATE UNIQUE INDEX shadow_3_key ON dbsp_ivm_internal.shadow_3 USING btree (__dbsp_c3) NULLS NOT DISTINCT;
CREATE INDEX shadow_4_key ON dbsp_ivm_internal.shadow_4 USING btree (__dbsp_hash);
CREATE UNIQUE INDEX shadow_5_key ON dbsp_ivm_internal.shadow_5 USING btree (n) NULLS NOT DISTINCT;
CREATE UNIQUE INDEX shadow_6_key ON dbsp_ivm_internal.shadow_6 USING btree (g) NULLS NOT DISTINCT;
CREATE INDEX shadow_8_key ON dbsp_ivm_internal.shadow_8 USING btree (__dbsp_hash);
CREATE INDEX shadow_9_key ON dbsp_ivm_internal.shadow_9 USING btree (__dbsp_hash);
CREATE UNIQUE INDEX values_11_3_1_key ON dbsp_ivm_internal.values_11_3_1 USING btree (__dbsp_key_1, __dbsp_value) NULLS NOT DISTINCT;
CREATE UNIQUE INDEX values_1_2_1_key ON dbsp_ivm_internal.values_1_2_1 USING btree (__dbsp_key_1, __dbsp_value) NULLS NOT DISTINCT;
CREATE UNIQUE INDEX values_1_2_2_key ON dbsp_ivm_internal.values_1_2_2 USING btree (__dbsp_key_1, __dbsp_value) NULLS NOT DISTINCT;
CREATE INDEX values_7_2_1_key ON dbsp_ivm_internal.values_7_2_1 USING btree (__dbsp_value);
CREATE INDEX t_g_idx ON public.t USING btree (g);
CREATE OR REPLACE VIEW dbsp_ivm_internal.key_11_1 AS
 SELECT d.ctid
   FROM ONLY public.d
  GROUP BY d.g;
CREATE OR REPLACE VIEW dbsp_ivm_internal.key_2_1 AS
 SELECT t.ctid
   FROM ONLY public.t
  GROUP BY t.id;
CREATE OR REPLACE VIEW dbsp_ivm_internal.key_2_2 AS
 SELECT d.ctid
   FROM ONLY public.d
  GROUP BY d.g;
CREATE OR REPLACE VIEW dbsp_ivm_internal.key_3_1 AS
 SELECT t.ctid
   FROM ONLY public.t
  GROUP BY t.id;
CREATE OR REPLACE VIEW dbsp_ivm_internal.key_3_2 AS
 SELECT d.ctid
   FROM ONLY public.d
  GROUP BY d.g;
CREATE TRIGGER dbsp_ivm_guard BEFORE INSERT OR DELETE OR UPDATE ON dbsp_ivm_internal.groups_11_3 FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.groups_11_3 ENABLE ALWAYS TRIGGER dbsp_ivm_guard;
CREATE TRIGGER dbsp_ivm_guard BEFORE INSERT OR DELETE OR UPDATE ON dbsp_ivm_internal.groups_5_2 FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.groups_5_2 ENABLE ALWAYS TRIGGER dbsp_ivm_guard;
CREATE TRIGGER dbsp_ivm_guard BEFORE INSERT OR DELETE OR UPDATE ON dbsp_ivm_internal.shadow_1 FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_1 ENABLE ALWAYS TRIGGER dbsp_ivm_guard;
CREATE TRIGGER dbsp_ivm_guard BEFORE INSERT OR DELETE OR UPDATE ON dbsp_ivm_internal.shadow_10 FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_10 ENABLE ALWAYS TRIGGER dbsp_ivm_guard;
CREATE TRIGGER dbsp_ivm_guard BEFORE INSERT OR DELETE OR UPDATE ON dbsp_ivm_internal.shadow_11 FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_11 ENABLE ALWAYS TRIGGER dbsp_ivm_guard;
CREATE TRIGGER dbsp_ivm_guard BEFORE INSERT OR DELETE OR UPDATE ON dbsp_ivm_internal.shadow_2 FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_2 ENABLE ALWAYS TRIGGER dbsp_ivm_guard;
CREATE TRIGGER dbsp_ivm_guard BEFORE INSERT OR DELETE OR UPDATE ON dbsp_ivm_internal.shadow_3 FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_3 ENABLE ALWAYS TRIGGER dbsp_ivm_guard;
CREATE TRIGGER dbsp_ivm_guard BEFORE INSERT OR DELETE OR UPDATE ON dbsp_ivm_internal.shadow_4 FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_4 ENABLE ALWAYS TRIGGER dbsp_ivm_guard;
CREATE TRIGGER dbsp_ivm_guard BEFORE INSERT OR DELETE OR UPDATE ON dbsp_ivm_internal.shadow_5 FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_5 ENABLE ALWAYS TRIGGER dbsp_ivm_guard;
CREATE TRIGGER dbsp_ivm_guard BEFORE INSERT OR DELETE OR UPDATE ON dbsp_ivm_internal.shadow_6 FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_6 ENABLE ALWAYS TRIGGER dbsp_ivm_guard;
CREATE TRIGGER dbsp_ivm_guard BEFORE INSERT OR DELETE OR UPDATE ON dbsp_ivm_internal.shadow_7 FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_7 ENABLE ALWAYS TRIGGER dbsp_ivm_guard;
CREATE TRIGGER dbsp_ivm_guard BEFORE INSERT OR DELETE OR UPDATE ON dbsp_ivm_internal.shadow_8 FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_8 ENABLE ALWAYS TRIGGER dbsp_ivm_guard;
CREATE TRIGGER dbsp_ivm_guard BEFORE INSERT OR DELETE OR UPDATE ON dbsp_ivm_internal.shadow_9 FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_9 ENABLE ALWAYS TRIGGER dbsp_ivm_guard;
CREATE TRIGGER dbsp_ivm_guard BEFORE INSERT OR DELETE OR UPDATE ON dbsp_ivm_internal.values_11_3_1 FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.values_11_3_1 ENABLE ALWAYS TRIGGER dbsp_ivm_guard;
CREATE TRIGGER dbsp_ivm_guard BEFORE INSERT OR DELETE OR UPDATE ON dbsp_ivm_internal.values_1_2_1 FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.values_1_2_1 ENABLE ALWAYS TRIGGER dbsp_ivm_guard;
CREATE TRIGGER dbsp_ivm_guard BEFORE INSERT OR DELETE OR UPDATE ON dbsp_ivm_internal.values_1_2_2 FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.values_1_2_2 ENABLE ALWAYS TRIGGER dbsp_ivm_guard;
CREATE TRIGGER dbsp_ivm_guard BEFORE INSERT OR DELETE OR UPDATE ON dbsp_ivm_internal.values_7_2_1 FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.values_7_2_1 ENABLE ALWAYS TRIGGER dbsp_ivm_guard;
CREATE TRIGGER dbsp_ivm_guard_statement BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON dbsp_ivm_internal.groups_11_3 FOR EACH STATEMENT EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.groups_11_3 ENABLE ALWAYS TRIGGER dbsp_ivm_guard_statement;
CREATE TRIGGER dbsp_ivm_guard_statement BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON dbsp_ivm_internal.groups_5_2 FOR EACH STATEMENT EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.groups_5_2 ENABLE ALWAYS TRIGGER dbsp_ivm_guard_statement;
CREATE TRIGGER dbsp_ivm_guard_statement BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON dbsp_ivm_internal.shadow_1 FOR EACH STATEMENT EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_1 ENABLE ALWAYS TRIGGER dbsp_ivm_guard_statement;
CREATE TRIGGER dbsp_ivm_guard_statement BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON dbsp_ivm_internal.shadow_10 FOR EACH STATEMENT EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_10 ENABLE ALWAYS TRIGGER dbsp_ivm_guard_statement;
CREATE TRIGGER dbsp_ivm_guard_statement BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON dbsp_ivm_internal.shadow_11 FOR EACH STATEMENT EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_11 ENABLE ALWAYS TRIGGER dbsp_ivm_guard_statement;
CREATE TRIGGER dbsp_ivm_guard_statement BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON dbsp_ivm_internal.shadow_2 FOR EACH STATEMENT EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_2 ENABLE ALWAYS TRIGGER dbsp_ivm_guard_statement;
CREATE TRIGGER dbsp_ivm_guard_statement BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON dbsp_ivm_internal.shadow_3 FOR EACH STATEMENT EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_3 ENABLE ALWAYS TRIGGER dbsp_ivm_guard_statement;
CREATE TRIGGER dbsp_ivm_guard_statement BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON dbsp_ivm_internal.shadow_4 FOR EACH STATEMENT EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_4 ENABLE ALWAYS TRIGGER dbsp_ivm_guard_statement;
CREATE TRIGGER dbsp_ivm_guard_statement BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON dbsp_ivm_internal.shadow_5 FOR EACH STATEMENT EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_5 ENABLE ALWAYS TRIGGER dbsp_ivm_guard_statement;
CREATE TRIGGER dbsp_ivm_guard_statement BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON dbsp_ivm_internal.shadow_6 FOR EACH STATEMENT EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_6 ENABLE ALWAYS TRIGGER dbsp_ivm_guard_statement;
CREATE TRIGGER dbsp_ivm_guard_statement BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON dbsp_ivm_internal.shadow_7 FOR EACH STATEMENT EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_7 ENABLE ALWAYS TRIGGER dbsp_ivm_guard_statement;
CREATE TRIGGER dbsp_ivm_guard_statement BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON dbsp_ivm_internal.shadow_8 FOR EACH STATEMENT EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_8 ENABLE ALWAYS TRIGGER dbsp_ivm_guard_statement;
CREATE TRIGGER dbsp_ivm_guard_statement BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON dbsp_ivm_internal.shadow_9 FOR EACH STATEMENT EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.shadow_9 ENABLE ALWAYS TRIGGER dbsp_ivm_guard_statement;
CREATE TRIGGER dbsp_ivm_guard_statement BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON dbsp_ivm_internal.values_11_3_1 FOR EACH STATEMENT EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.values_11_3_1 ENABLE ALWAYS TRIGGER dbsp_ivm_guard_statement;
CREATE TRIGGER dbsp_ivm_guard_statement BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON dbsp_ivm_internal.values_1_2_1 FOR EACH STATEMENT EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.values_1_2_1 ENABLE ALWAYS TRIGGER dbsp_ivm_guard_statement;
CREATE TRIGGER dbsp_ivm_guard_statement BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON dbsp_ivm_internal.values_1_2_2 FOR EACH STATEMENT EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.values_1_2_2 ENABLE ALWAYS TRIGGER dbsp_ivm_guard_statement;
CREATE TRIGGER dbsp_ivm_guard_statement BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON dbsp_ivm_internal.values_7_2_1 FOR EACH STATEMENT EXECUTE FUNCTION dbsp_ivm_internal.guard();
ALTER TABLE dbsp_ivm_internal.values_7_2_1 ENABLE ALWAYS TRIGGER dbsp_ivm_guard_statement;
CREATE TRIGGER dbsp_ivm_capture AFTER INSERT OR DELETE OR UPDATE ON public.bag FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.capture();
ALTER TABLE public.bag ENABLE ALWAYS TRIGGER dbsp_ivm_capture;
CREATE TRIGGER dbsp_ivm_capture AFTER INSERT OR DELETE OR UPDATE ON public.d FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.capture();
ALTER TABLE public.d ENABLE ALWAYS TRIGGER dbsp_ivm_capture;
CREATE TRIGGER dbsp_ivm_capture AFTER INSERT OR DELETE OR UPDATE ON public.t FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.capture();
ALTER TABLE public.t ENABLE ALWAYS TRIGGER dbsp_ivm_capture;
CREATE TRIGGER dbsp_ivm_capture_truncate AFTER TRUNCATE ON public.bag FOR EACH STATEMENT EXECUTE FUNCTION dbsp_ivm_internal.capture_truncate();
ALTER TABLE public.bag ENABLE ALWAYS TRIGGER dbsp_ivm_capture_truncate;
CREATE TRIGGER dbsp_ivm_capture_truncate AFTER TRUNCATE ON public.d FOR EACH STATEMENT EXECUTE FUNCTION dbsp_ivm_internal.capture_truncate();
ALTER TABLE public.d ENABLE ALWAYS TRIGGER dbsp_ivm_capture_truncate;
CREATE TRIGGER dbsp_ivm_capture_truncate AFTER TRUNCATE ON public.t FOR EACH STATEMENT EXECUTE FUNCTION dbsp_ivm_internal.capture_truncate();
ALTER TABLE public.t ENABLE ALWAYS TRIGGER dbsp_ivm_capture_truncate;
CREATE TRIGGER dbsp_ivm_guard INSTEAD OF INSERT OR DELETE OR UPDATE ON public."both" FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard_view();
CREATE TRIGGER dbsp_ivm_guard INSTEAD OF INSERT OR DELETE OR UPDATE ON public.by_numeric FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard_view();
CREATE TRIGGER dbsp_ivm_guard INSTEAD OF INSERT OR DELETE OR UPDATE ON public.floats FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard_view();
CREATE TRIGGER dbsp_ivm_guard INSTEAD OF INSERT OR DELETE OR UPDATE ON public.hist FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard_view();
CREATE TRIGGER dbsp_ivm_guard INSTEAD OF INSERT OR DELETE OR UPDATE ON public.join_of_groups FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard_view();
CREATE TRIGGER dbsp_ivm_guard INSTEAD OF INSERT OR DELETE OR UPDATE ON public.joined FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard_view();
CREATE TRIGGER dbsp_ivm_guard INSTEAD OF INSERT OR DELETE OR UPDATE ON public.keyless FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard_view();
CREATE TRIGGER dbsp_ivm_guard INSTEAD OF INSERT OR DELETE OR UPDATE ON public.names FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard_view();
CREATE TRIGGER dbsp_ivm_guard INSTEAD OF INSERT OR DELETE OR UPDATE ON public.per_group FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard_view();
CREATE TRIGGER dbsp_ivm_guard INSTEAD OF INSERT OR DELETE OR UPDATE ON public.rows FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard_view();
CREATE TRIGGER dbsp_ivm_guard INSTEAD OF INSERT OR DELETE OR UPDATE ON public.total FOR EACH ROW EXECUTE FUNCTION dbsp_ivm_internal.guard_view();
REVOKE ALL ON TABLE dbsp_ivm_internal.groups_11_3 FROM postgres;
GRANT SELECT ON TABLE dbsp_ivm_internal.groups_11_3 TO postgres;
REVOKE ALL ON TABLE dbsp_ivm_internal.groups_5_2 FROM postgres;
GRANT SELECT ON TABLE dbsp_ivm_internal.groups_5_2 TO postgres;
REVOKE ALL ON TABLE dbsp_ivm_internal.shadow_1 FROM postgres;
GRANT SELECT ON TABLE dbsp_ivm_internal.shadow_1 TO postgres;
REVOKE ALL ON TABLE dbsp_ivm_internal.shadow_10 FROM postgres;
GRANT SELECT ON TABLE dbsp_ivm_internal.shadow_10 TO postgres;
REVOKE ALL ON TABLE dbsp_ivm_internal.shadow_11 FROM postgres;
GRANT SELECT ON TABLE dbsp_ivm_internal.shadow_11 TO postgres;
REVOKE ALL ON TABLE dbsp_ivm_internal.shadow_2 FROM postgres;
GRANT SELECT ON TABLE dbsp_ivm_internal.shadow_2 TO postgres;
REVOKE ALL ON TABLE dbsp_ivm_internal.shadow_3 FROM postgres;
GRANT SELECT ON TABLE dbsp_ivm_internal.shadow_3 TO postgres;
REVOKE ALL ON TABLE dbsp_ivm_internal.shadow_4 FROM postgres;
GRANT SELECT ON TABLE dbsp_ivm_internal.shadow_4 TO postgres;
REVOKE ALL ON TABLE dbsp_ivm_internal.shadow_5 FROM postgres;
GRANT SELECT ON TABLE dbsp_ivm_internal.shadow_5 TO postgres;
REVOKE ALL ON TABLE dbsp_ivm_internal.shadow_6 FROM postgres;
GRANT SELECT ON TABLE dbsp_ivm_internal.shadow_6 TO postgres;
REVOKE ALL ON TABLE dbsp_ivm_internal.shadow_7 FROM postgres;
GRANT SELECT ON TABLE dbsp_ivm_internal.shadow_7 TO postgres;
REVOKE ALL ON TABLE dbsp_ivm_internal.shadow_8 FROM postgres;
GRANT SELECT ON TABLE dbsp_ivm_internal.shadow_8 TO postgres;
REVOKE ALL ON TABLE dbsp_ivm_internal.shadow_9 FROM postgres;
GRANT SELECT ON TABLE dbsp_ivm_internal.shadow_9 TO postgres;
REVOKE ALL ON TABLE dbsp_ivm_internal.values_11_3_1 FROM postgres;
GRANT SELECT ON TABLE dbsp_ivm_internal.values_11_3_1 TO postgres;
REVOKE ALL ON TABLE dbsp_ivm_internal.values_1_2_1 FROM postgres;
GRANT SELECT ON TABLE dbsp_ivm_internal.values_1_2_1 TO postgres;
REVOKE ALL ON TABLE dbsp_ivm_internal.values_1_2_2 FROM postgres;
GRANT SELECT ON TABLE dbsp_ivm_internal.values_1_2_2 TO postgres;
REVOKE ALL ON TABLE dbsp_ivm_internal.values_7_2_1 FROM postgres;
GRANT SELECT ON TABLE dbsp_ivm_internal.values_7_2_1 TO postgres;
GRANT SELECT ON TABLE public.per_group TO PUBLIC;
