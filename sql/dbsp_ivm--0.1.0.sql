/* dbsp_ivm 0.1.0 */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION dbsp_ivm" to load this file. \quit

/*
 * Schemas.  dbsp_ivm, which users call, is made by CREATE EXTENSION;
 * dbsp_ivm_internal holds the tables behind the views.
 */

CREATE SCHEMA dbsp_ivm_internal;

COMMENT ON SCHEMA dbsp_ivm IS 'functions of the extension dbsp_ivm';
COMMENT ON SCHEMA dbsp_ivm_internal IS 'tables behind the incremental views of dbsp_ivm';

GRANT USAGE ON SCHEMA dbsp_ivm TO PUBLIC;
GRANT USAGE ON SCHEMA dbsp_ivm_internal TO PUBLIC;

/*
 * The catalog.  Columns and index names are known to src/catalog/catalog.c.
 */

CREATE SEQUENCE dbsp_ivm_internal.view_number_seq AS integer;

CREATE TABLE dbsp_ivm_internal.view_catalog (
	number integer NOT NULL,
	relation regclass NOT NULL,
	definition regclass NOT NULL,
	shadow regclass NOT NULL,
	created timestamptz NOT NULL,
	state text NOT NULL,
	last_error text,
	CONSTRAINT view_catalog_pkey PRIMARY KEY (number),
	CONSTRAINT view_catalog_relation_key UNIQUE (relation),
	CONSTRAINT view_catalog_definition_key UNIQUE (definition),
	CONSTRAINT view_catalog_shadow_key UNIQUE (shadow)
);

CREATE TABLE dbsp_ivm_internal.source_catalog (
	view integer NOT NULL,
	source regclass NOT NULL,
	CONSTRAINT source_catalog_pkey PRIMARY KEY (view, source)
);

CREATE INDEX source_catalog_source_idx ON dbsp_ivm_internal.source_catalog (source);

CREATE TABLE dbsp_ivm_internal.state_catalog (
	view integer NOT NULL,
	operator integer NOT NULL,
	role text NOT NULL,
	relation regclass NOT NULL,
	CONSTRAINT state_catalog_pkey PRIMARY KEY (view, operator, role),
	CONSTRAINT state_catalog_relation_key UNIQUE (relation)
);

COMMENT ON SEQUENCE dbsp_ivm_internal.view_number_seq IS 'numbers of incremental views';
COMMENT ON TABLE dbsp_ivm_internal.view_catalog IS 'incremental views';
COMMENT ON COLUMN dbsp_ivm_internal.view_catalog.number IS 'number of the view: the order in which views are maintained';
COMMENT ON COLUMN dbsp_ivm_internal.view_catalog.relation IS 'the view that users read';
COMMENT ON COLUMN dbsp_ivm_internal.view_catalog.definition IS 'plain view with the defining query';
COMMENT ON COLUMN dbsp_ivm_internal.view_catalog.shadow IS 'table with the rows of the view';
COMMENT ON COLUMN dbsp_ivm_internal.view_catalog.created IS 'when the view was created';
COMMENT ON COLUMN dbsp_ivm_internal.view_catalog.state IS 'ok';
COMMENT ON COLUMN dbsp_ivm_internal.view_catalog.last_error IS 'why the view is not ok';
COMMENT ON TABLE dbsp_ivm_internal.source_catalog IS 'base tables of incremental views';
COMMENT ON COLUMN dbsp_ivm_internal.source_catalog.view IS 'number of the view';
COMMENT ON COLUMN dbsp_ivm_internal.source_catalog.source IS 'a table that the view reads';
COMMENT ON TABLE dbsp_ivm_internal.state_catalog IS 'tables of operators, and guards of primary keys';
COMMENT ON COLUMN dbsp_ivm_internal.state_catalog.view IS 'number of the view';
COMMENT ON COLUMN dbsp_ivm_internal.state_catalog.operator IS 'number of the operator in the view''s circuit';
COMMENT ON COLUMN dbsp_ivm_internal.state_catalog.role IS 'shadow, groups, values_<i>: tables of the operator; key: view that guards the primary key of a base table';
COMMENT ON COLUMN dbsp_ivm_internal.state_catalog.relation IS 'the internal relation';

SELECT pg_catalog.pg_extension_config_dump('dbsp_ivm_internal.view_number_seq', '');
SELECT pg_catalog.pg_extension_config_dump('dbsp_ivm_internal.view_catalog', '');
SELECT pg_catalog.pg_extension_config_dump('dbsp_ivm_internal.source_catalog', '');
SELECT pg_catalog.pg_extension_config_dump('dbsp_ivm_internal.state_catalog', '');

/*
 * Triggers of base tables, internal tables and public views.
 */

CREATE FUNCTION dbsp_ivm_internal.capture() RETURNS trigger
	LANGUAGE C AS 'MODULE_PATHNAME', 'dbsp_sql_capture';
COMMENT ON FUNCTION dbsp_ivm_internal.capture() IS 'captures the changes of a base table for its incremental views';

CREATE FUNCTION dbsp_ivm_internal.capture_truncate() RETURNS trigger
	LANGUAGE C AS 'MODULE_PATHNAME', 'dbsp_sql_capture_truncate';
COMMENT ON FUNCTION dbsp_ivm_internal.capture_truncate() IS 'captures TRUNCATE of a base table for its incremental views';

CREATE FUNCTION dbsp_ivm_internal.guard() RETURNS trigger
	LANGUAGE C AS 'MODULE_PATHNAME', 'dbsp_sql_guard';
COMMENT ON FUNCTION dbsp_ivm_internal.guard() IS 'refuses direct changes of internal tables';

CREATE FUNCTION dbsp_ivm_internal.guard_view() RETURNS trigger
	LANGUAGE C AS 'MODULE_PATHNAME', 'dbsp_sql_guard_view';
COMMENT ON FUNCTION dbsp_ivm_internal.guard_view() IS 'refuses direct changes of incremental views';

REVOKE EXECUTE ON FUNCTION dbsp_ivm_internal.capture() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION dbsp_ivm_internal.capture_truncate() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION dbsp_ivm_internal.guard() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION dbsp_ivm_internal.guard_view() FROM PUBLIC;

--
-- Aggregates that compute the state columns of aggregate calls when a view is
-- filled: state_<class>(type).  They return an empty state for no values,
-- never NULL.  count needs none: its column is the count.
--

CREATE FUNCTION dbsp_ivm_internal.state_combine(internal, internal) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_state_combine';
COMMENT ON FUNCTION dbsp_ivm_internal.state_combine(internal, internal) IS 'combine function of the state_* aggregates';

CREATE FUNCTION dbsp_ivm_internal.state_final(internal) RETURNS bytea
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_state_final';
COMMENT ON FUNCTION dbsp_ivm_internal.state_final(internal) IS 'final function of the state_* aggregates';

CREATE FUNCTION dbsp_ivm_internal.state_serialize(internal) RETURNS bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_state_serialize';
COMMENT ON FUNCTION dbsp_ivm_internal.state_serialize(internal) IS 'serialization function of the state_* aggregates';

CREATE FUNCTION dbsp_ivm_internal.state_deserialize(bytea, internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_state_deserialize';
COMMENT ON FUNCTION dbsp_ivm_internal.state_deserialize(bytea, internal) IS 'deserialization function of the state_* aggregates';

CREATE FUNCTION dbsp_ivm_internal.state_int_sum_accum(internal, smallint) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_int_sum_accum';
COMMENT ON FUNCTION dbsp_ivm_internal.state_int_sum_accum(internal, smallint) IS 'transition function of state_int_sum';

CREATE AGGREGATE dbsp_ivm_internal.state_int_sum(smallint) (
	SFUNC = dbsp_ivm_internal.state_int_sum_accum,
	STYPE = internal,
	SSPACE = 96,
	FINALFUNC = dbsp_ivm_internal.state_final,
	COMBINEFUNC = dbsp_ivm_internal.state_combine,
	SERIALFUNC = dbsp_ivm_internal.state_serialize,
	DESERIALFUNC = dbsp_ivm_internal.state_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE dbsp_ivm_internal.state_int_sum(smallint) IS 'state from which sum and avg over smallint follow';

CREATE FUNCTION dbsp_ivm_internal.state_int_sum_accum(internal, integer) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_int_sum_accum';
COMMENT ON FUNCTION dbsp_ivm_internal.state_int_sum_accum(internal, integer) IS 'transition function of state_int_sum';

CREATE AGGREGATE dbsp_ivm_internal.state_int_sum(integer) (
	SFUNC = dbsp_ivm_internal.state_int_sum_accum,
	STYPE = internal,
	SSPACE = 96,
	FINALFUNC = dbsp_ivm_internal.state_final,
	COMBINEFUNC = dbsp_ivm_internal.state_combine,
	SERIALFUNC = dbsp_ivm_internal.state_serialize,
	DESERIALFUNC = dbsp_ivm_internal.state_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE dbsp_ivm_internal.state_int_sum(integer) IS 'state from which sum and avg over integer follow';

CREATE FUNCTION dbsp_ivm_internal.state_int_sum_accum(internal, bigint) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_int_sum_accum';
COMMENT ON FUNCTION dbsp_ivm_internal.state_int_sum_accum(internal, bigint) IS 'transition function of state_int_sum';

CREATE AGGREGATE dbsp_ivm_internal.state_int_sum(bigint) (
	SFUNC = dbsp_ivm_internal.state_int_sum_accum,
	STYPE = internal,
	SSPACE = 96,
	FINALFUNC = dbsp_ivm_internal.state_final,
	COMBINEFUNC = dbsp_ivm_internal.state_combine,
	SERIALFUNC = dbsp_ivm_internal.state_serialize,
	DESERIALFUNC = dbsp_ivm_internal.state_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE dbsp_ivm_internal.state_int_sum(bigint) IS 'state from which sum and avg over bigint follow';

CREATE FUNCTION dbsp_ivm_internal.state_int_sum_accum(internal, money) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_int_sum_accum';
COMMENT ON FUNCTION dbsp_ivm_internal.state_int_sum_accum(internal, money) IS 'transition function of state_int_sum';

CREATE AGGREGATE dbsp_ivm_internal.state_int_sum(money) (
	SFUNC = dbsp_ivm_internal.state_int_sum_accum,
	STYPE = internal,
	SSPACE = 96,
	FINALFUNC = dbsp_ivm_internal.state_final,
	COMBINEFUNC = dbsp_ivm_internal.state_combine,
	SERIALFUNC = dbsp_ivm_internal.state_serialize,
	DESERIALFUNC = dbsp_ivm_internal.state_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE dbsp_ivm_internal.state_int_sum(money) IS 'state from which sum and avg over money follow';

CREATE FUNCTION dbsp_ivm_internal.state_int_square_accum(internal, smallint) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_int_square_accum';
COMMENT ON FUNCTION dbsp_ivm_internal.state_int_square_accum(internal, smallint) IS 'transition function of state_int_square';

CREATE AGGREGATE dbsp_ivm_internal.state_int_square(smallint) (
	SFUNC = dbsp_ivm_internal.state_int_square_accum,
	STYPE = internal,
	SSPACE = 128,
	FINALFUNC = dbsp_ivm_internal.state_final,
	COMBINEFUNC = dbsp_ivm_internal.state_combine,
	SERIALFUNC = dbsp_ivm_internal.state_serialize,
	DESERIALFUNC = dbsp_ivm_internal.state_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE dbsp_ivm_internal.state_int_square(smallint) IS 'state from which var_* and stddev_* over smallint follow';

CREATE FUNCTION dbsp_ivm_internal.state_int_square_accum(internal, integer) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_int_square_accum';
COMMENT ON FUNCTION dbsp_ivm_internal.state_int_square_accum(internal, integer) IS 'transition function of state_int_square';

CREATE AGGREGATE dbsp_ivm_internal.state_int_square(integer) (
	SFUNC = dbsp_ivm_internal.state_int_square_accum,
	STYPE = internal,
	SSPACE = 128,
	FINALFUNC = dbsp_ivm_internal.state_final,
	COMBINEFUNC = dbsp_ivm_internal.state_combine,
	SERIALFUNC = dbsp_ivm_internal.state_serialize,
	DESERIALFUNC = dbsp_ivm_internal.state_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE dbsp_ivm_internal.state_int_square(integer) IS 'state from which var_* and stddev_* over integer follow';

CREATE FUNCTION dbsp_ivm_internal.state_int_square_accum(internal, bigint) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_int_square_accum';
COMMENT ON FUNCTION dbsp_ivm_internal.state_int_square_accum(internal, bigint) IS 'transition function of state_int_square';

CREATE AGGREGATE dbsp_ivm_internal.state_int_square(bigint) (
	SFUNC = dbsp_ivm_internal.state_int_square_accum,
	STYPE = internal,
	SSPACE = 128,
	FINALFUNC = dbsp_ivm_internal.state_final,
	COMBINEFUNC = dbsp_ivm_internal.state_combine,
	SERIALFUNC = dbsp_ivm_internal.state_serialize,
	DESERIALFUNC = dbsp_ivm_internal.state_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE dbsp_ivm_internal.state_int_square(bigint) IS 'state from which var_* and stddev_* over bigint follow';

CREATE FUNCTION dbsp_ivm_internal.state_numeric_sum_accum(internal, numeric) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_numeric_sum_accum';
COMMENT ON FUNCTION dbsp_ivm_internal.state_numeric_sum_accum(internal, numeric) IS 'transition function of state_numeric_sum';

CREATE AGGREGATE dbsp_ivm_internal.state_numeric_sum(numeric) (
	SFUNC = dbsp_ivm_internal.state_numeric_sum_accum,
	STYPE = internal,
	SSPACE = 384,
	FINALFUNC = dbsp_ivm_internal.state_final,
	COMBINEFUNC = dbsp_ivm_internal.state_combine,
	SERIALFUNC = dbsp_ivm_internal.state_serialize,
	DESERIALFUNC = dbsp_ivm_internal.state_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE dbsp_ivm_internal.state_numeric_sum(numeric) IS 'state from which sum and avg over numeric follow';

CREATE FUNCTION dbsp_ivm_internal.state_numeric_square_accum(internal, numeric) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_numeric_square_accum';
COMMENT ON FUNCTION dbsp_ivm_internal.state_numeric_square_accum(internal, numeric) IS 'transition function of state_numeric_square';

CREATE AGGREGATE dbsp_ivm_internal.state_numeric_square(numeric) (
	SFUNC = dbsp_ivm_internal.state_numeric_square_accum,
	STYPE = internal,
	SSPACE = 640,
	FINALFUNC = dbsp_ivm_internal.state_final,
	COMBINEFUNC = dbsp_ivm_internal.state_combine,
	SERIALFUNC = dbsp_ivm_internal.state_serialize,
	DESERIALFUNC = dbsp_ivm_internal.state_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE dbsp_ivm_internal.state_numeric_square(numeric) IS 'state from which var_* and stddev_* over numeric follow';

CREATE FUNCTION dbsp_ivm_internal.state_float_sum_accum(internal, real) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_float_sum_accum';
COMMENT ON FUNCTION dbsp_ivm_internal.state_float_sum_accum(internal, real) IS 'transition function of state_float_sum';

CREATE AGGREGATE dbsp_ivm_internal.state_float_sum(real) (
	SFUNC = dbsp_ivm_internal.state_float_sum_accum,
	STYPE = internal,
	SSPACE = 320,
	FINALFUNC = dbsp_ivm_internal.state_final,
	COMBINEFUNC = dbsp_ivm_internal.state_combine,
	SERIALFUNC = dbsp_ivm_internal.state_serialize,
	DESERIALFUNC = dbsp_ivm_internal.state_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE dbsp_ivm_internal.state_float_sum(real) IS 'state from which sum and avg over real follow';

CREATE FUNCTION dbsp_ivm_internal.state_float_sum_accum(internal, double precision) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_float_sum_accum';
COMMENT ON FUNCTION dbsp_ivm_internal.state_float_sum_accum(internal, double precision) IS 'transition function of state_float_sum';

CREATE AGGREGATE dbsp_ivm_internal.state_float_sum(double precision) (
	SFUNC = dbsp_ivm_internal.state_float_sum_accum,
	STYPE = internal,
	SSPACE = 320,
	FINALFUNC = dbsp_ivm_internal.state_final,
	COMBINEFUNC = dbsp_ivm_internal.state_combine,
	SERIALFUNC = dbsp_ivm_internal.state_serialize,
	DESERIALFUNC = dbsp_ivm_internal.state_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE dbsp_ivm_internal.state_float_sum(double precision) IS 'state from which sum and avg over double precision follow';

CREATE FUNCTION dbsp_ivm_internal.state_float_square_accum(internal, real) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_float_square_accum';
COMMENT ON FUNCTION dbsp_ivm_internal.state_float_square_accum(internal, real) IS 'transition function of state_float_square';

CREATE AGGREGATE dbsp_ivm_internal.state_float_square(real) (
	SFUNC = dbsp_ivm_internal.state_float_square_accum,
	STYPE = internal,
	SSPACE = 576,
	FINALFUNC = dbsp_ivm_internal.state_final,
	COMBINEFUNC = dbsp_ivm_internal.state_combine,
	SERIALFUNC = dbsp_ivm_internal.state_serialize,
	DESERIALFUNC = dbsp_ivm_internal.state_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE dbsp_ivm_internal.state_float_square(real) IS 'state from which var_* and stddev_* over real follow';

CREATE FUNCTION dbsp_ivm_internal.state_float_square_accum(internal, double precision) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_float_square_accum';
COMMENT ON FUNCTION dbsp_ivm_internal.state_float_square_accum(internal, double precision) IS 'transition function of state_float_square';

CREATE AGGREGATE dbsp_ivm_internal.state_float_square(double precision) (
	SFUNC = dbsp_ivm_internal.state_float_square_accum,
	STYPE = internal,
	SSPACE = 576,
	FINALFUNC = dbsp_ivm_internal.state_final,
	COMBINEFUNC = dbsp_ivm_internal.state_combine,
	SERIALFUNC = dbsp_ivm_internal.state_serialize,
	DESERIALFUNC = dbsp_ivm_internal.state_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE dbsp_ivm_internal.state_float_square(double precision) IS 'state from which var_* and stddev_* over double precision follow';

CREATE FUNCTION dbsp_ivm_internal.state_interval_sum_accum(internal, interval) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_interval_sum_accum';
COMMENT ON FUNCTION dbsp_ivm_internal.state_interval_sum_accum(internal, interval) IS 'transition function of state_interval_sum';

CREATE AGGREGATE dbsp_ivm_internal.state_interval_sum(interval) (
	SFUNC = dbsp_ivm_internal.state_interval_sum_accum,
	STYPE = internal,
	SSPACE = 128,
	FINALFUNC = dbsp_ivm_internal.state_final,
	COMBINEFUNC = dbsp_ivm_internal.state_combine,
	SERIALFUNC = dbsp_ivm_internal.state_serialize,
	DESERIALFUNC = dbsp_ivm_internal.state_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE dbsp_ivm_internal.state_interval_sum(interval) IS 'state from which sum and avg over interval follow';

CREATE FUNCTION dbsp_ivm_internal.state_bool_count_accum(internal, boolean) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_bool_count_accum';
COMMENT ON FUNCTION dbsp_ivm_internal.state_bool_count_accum(internal, boolean) IS 'transition function of state_bool_count';

CREATE AGGREGATE dbsp_ivm_internal.state_bool_count(boolean) (
	SFUNC = dbsp_ivm_internal.state_bool_count_accum,
	STYPE = internal,
	SSPACE = 64,
	FINALFUNC = dbsp_ivm_internal.state_final,
	COMBINEFUNC = dbsp_ivm_internal.state_combine,
	SERIALFUNC = dbsp_ivm_internal.state_serialize,
	DESERIALFUNC = dbsp_ivm_internal.state_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE dbsp_ivm_internal.state_bool_count(boolean) IS 'state from which bool_and, bool_or and every over boolean follow';

--
-- Images of group keys whose equal values can look different, such as 1.0 and
-- 1.00: a group shows the first one in the order of their digests.
--

CREATE FUNCTION dbsp_ivm_internal.key_digest(VARIADIC "any") RETURNS bigint
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_key_digest';
COMMENT ON FUNCTION dbsp_ivm_internal.key_digest("any") IS 'digest of the exact bytes of group keys';

CREATE FUNCTION dbsp_ivm_internal.key_image(VARIADIC "any") RETURNS bytea
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_key_image';
COMMENT ON FUNCTION dbsp_ivm_internal.key_image("any") IS 'digest and exact bytes of group keys';

CREATE FUNCTION dbsp_ivm_internal.key_image_smaller(bytea, bytea) RETURNS bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dbsp_sql_key_image_smaller';
COMMENT ON FUNCTION dbsp_ivm_internal.key_image_smaller(bytea, bytea) IS 'transition and combine function of state_representative';

CREATE AGGREGATE dbsp_ivm_internal.state_representative(bytea) (
	SFUNC = dbsp_ivm_internal.key_image_smaller,
	STYPE = bytea,
	COMBINEFUNC = dbsp_ivm_internal.key_image_smaller,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE dbsp_ivm_internal.state_representative(bytea) IS 'the key image that a group shows';

/*
 * Functions for users.
 */

CREATE FUNCTION dbsp_ivm.create_view(name text, query text, create_indexes boolean DEFAULT true) RETURNS regclass
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbsp_sql_create_view';
COMMENT ON FUNCTION dbsp_ivm.create_view(text, text, boolean) IS
	'create a view that always equals its query; missing indexes for its maintenance are created, or only advised';

CREATE FUNCTION dbsp_ivm.drop_view(name text, if_exists boolean DEFAULT false) RETURNS void
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbsp_sql_drop_view';
COMMENT ON FUNCTION dbsp_ivm.drop_view(text, boolean) IS 'drop an incremental view, as DROP VIEW does';

CREATE FUNCTION dbsp_ivm.refresh(name text) RETURNS void
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbsp_sql_refresh';
COMMENT ON FUNCTION dbsp_ivm.refresh(text) IS 'rebuild an incremental view from its base tables';

CREATE FUNCTION dbsp_ivm.verify(name text, OUT weight bigint, OUT "row" text) RETURNS SETOF record
	LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'dbsp_sql_verify';
COMMENT ON FUNCTION dbsp_ivm.verify(text) IS
	'compare an incremental view with its query: rows that the view lacks (weight > 0) or has too many of (weight < 0); none if it is right';

CREATE FUNCTION dbsp_ivm.check_query(query text, OUT "position" integer, OUT construct text, OUT reason text, OUT hint text)
	RETURNS SETOF record
	LANGUAGE C STABLE PARALLEL UNSAFE ROWS 5 AS 'MODULE_PATHNAME', 'dbsp_sql_check_query';
COMMENT ON FUNCTION dbsp_ivm.check_query(text) IS
	'say why a query cannot be an incremental view: one row for each offending construct, none if it can';

CREATE FUNCTION dbsp_ivm.explain(name_or_query text) RETURNS SETOF text
	LANGUAGE C STABLE PARALLEL UNSAFE ROWS 20 AS 'MODULE_PATHNAME', 'dbsp_sql_explain';
COMMENT ON FUNCTION dbsp_ivm.explain(text) IS
	'show the circuit of an incremental view, or of a query: operators, state, indexes and locks';

/*
 * What there is, and what it does.
 */

CREATE FUNCTION dbsp_ivm_internal.stats(OUT view integer, OUT folds bigint, OUT rows_in bigint, OUT rows_out bigint,
										OUT milliseconds double precision, OUT last_error text, OUT last_error_at timestamptz)
	RETURNS SETOF record
	LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 10 AS 'MODULE_PATHNAME', 'dbsp_sql_stats';
COMMENT ON FUNCTION dbsp_ivm_internal.stats() IS 'counters of incremental views since the server was started';

CREATE VIEW dbsp_ivm.views AS
	SELECT v.relation AS name,
		pg_catalog.pg_get_userbyid(c.relowner) AS owner,
		pg_catalog.pg_get_viewdef(v.definition) AS definition,
		(SELECT pg_catalog.array_agg(s.source ORDER BY s.source::pg_catalog.oid)
			FROM dbsp_ivm_internal.source_catalog s
			WHERE s.view OPERATOR(pg_catalog.=) v.number) AS base_tables,
		CASE WHEN t.reltuples OPERATOR(pg_catalog.>=) 0 THEN t.reltuples::bigint END AS rows,
		(SELECT pg_catalog.sum(pg_catalog.pg_total_relation_size(r.relation))
			FROM dbsp_ivm_internal.state_catalog r
			WHERE r.view OPERATOR(pg_catalog.=) v.number)::bigint AS size,
		v.created,
		v.state,
		COALESCE(v.last_error, e.last_error) AS last_error
	FROM dbsp_ivm_internal.view_catalog v
		JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) v.relation
		JOIN pg_catalog.pg_class t ON t.oid OPERATOR(pg_catalog.=) v.shadow
		LEFT JOIN dbsp_ivm_internal.stats() e ON e.view OPERATOR(pg_catalog.=) v.number;
COMMENT ON VIEW dbsp_ivm.views IS 'incremental views';
COMMENT ON COLUMN dbsp_ivm.views.name IS 'the view';
COMMENT ON COLUMN dbsp_ivm.views.owner IS 'owner of the view and of all relations behind it';
COMMENT ON COLUMN dbsp_ivm.views.definition IS 'the defining query';
COMMENT ON COLUMN dbsp_ivm.views.base_tables IS 'tables whose changes are followed';
COMMENT ON COLUMN dbsp_ivm.views.rows IS 'estimate of the number of rows, groups that HAVING hides included; NULL if not known';
COMMENT ON COLUMN dbsp_ivm.views.size IS 'bytes on disk of the view, its state tables and their indexes';
COMMENT ON COLUMN dbsp_ivm.views.created IS 'when the view was created';
COMMENT ON COLUMN dbsp_ivm.views.state IS 'ok: the view equals its query';
COMMENT ON COLUMN dbsp_ivm.views.last_error IS 'last error that made a transaction fail; for the owner and pg_read_all_stats';

CREATE VIEW dbsp_ivm.stats AS
	SELECT v.relation AS name,
		COALESCE(s.folds, 0) AS folds,
		COALESCE(s.rows_in, 0) AS rows_in,
		COALESCE(s.rows_out, 0) AS rows_out,
		COALESCE(s.milliseconds, 0) AS milliseconds,
		s.last_error,
		s.last_error_at
	FROM dbsp_ivm_internal.view_catalog v
		LEFT JOIN dbsp_ivm_internal.stats() s ON s.view OPERATOR(pg_catalog.=) v.number;
COMMENT ON VIEW dbsp_ivm.stats IS
	'work done for each incremental view since the server was started; other sessions'' last second may be missing';
COMMENT ON COLUMN dbsp_ivm.stats.name IS 'the view';
COMMENT ON COLUMN dbsp_ivm.stats.folds IS 'how often pending changes were folded into the view';
COMMENT ON COLUMN dbsp_ivm.stats.rows_in IS 'rows in the deltas of base tables';
COMMENT ON COLUMN dbsp_ivm.stats.rows_out IS 'rows in the deltas of the view';
COMMENT ON COLUMN dbsp_ivm.stats.milliseconds IS 'time spent';
COMMENT ON COLUMN dbsp_ivm.stats.last_error IS 'last error of a fold; for the owner and pg_read_all_stats';
COMMENT ON COLUMN dbsp_ivm.stats.last_error_at IS 'when it happened';

GRANT SELECT ON dbsp_ivm.views TO PUBLIC;
GRANT SELECT ON dbsp_ivm.stats TO PUBLIC;

/*
 * Event triggers, last: they must not fire for this script.
 */

CREATE FUNCTION dbsp_ivm_internal.on_drop() RETURNS event_trigger
	LANGUAGE C AS 'MODULE_PATHNAME', 'dbsp_sql_on_drop';
COMMENT ON FUNCTION dbsp_ivm_internal.on_drop() IS 'drops the relations behind dropped views';

CREATE FUNCTION dbsp_ivm_internal.on_ddl_start() RETURNS event_trigger
	LANGUAGE C AS 'MODULE_PATHNAME', 'dbsp_sql_on_ddl_start';
COMMENT ON FUNCTION dbsp_ivm_internal.on_ddl_start() IS 'refuses to replace views that incremental views depend on';

CREATE FUNCTION dbsp_ivm_internal.on_ddl_end() RETURNS event_trigger
	LANGUAGE C AS 'MODULE_PATHNAME', 'dbsp_sql_on_ddl_end';
COMMENT ON FUNCTION dbsp_ivm_internal.on_ddl_end() IS 'refuses DDL that would break incremental views';

CREATE EVENT TRIGGER dbsp_ivm_on_drop ON sql_drop
	EXECUTE FUNCTION dbsp_ivm_internal.on_drop();
CREATE EVENT TRIGGER dbsp_ivm_on_ddl_start ON ddl_command_start
	WHEN TAG IN ('CREATE VIEW')
	EXECUTE FUNCTION dbsp_ivm_internal.on_ddl_start();
CREATE EVENT TRIGGER dbsp_ivm_on_ddl_end ON ddl_command_end
	WHEN TAG IN ('ALTER FOREIGN TABLE', 'ALTER FUNCTION', 'ALTER INDEX', 'ALTER POLICY', 'ALTER ROUTINE', 'ALTER RULE',
		'ALTER TABLE', 'ALTER TRIGGER', 'ALTER VIEW', 'CREATE FOREIGN TABLE', 'CREATE FUNCTION', 'CREATE INDEX',
		'CREATE POLICY', 'CREATE RULE', 'CREATE SCHEMA', 'CREATE TABLE', 'CREATE TRIGGER')
	EXECUTE FUNCTION dbsp_ivm_internal.on_ddl_end();

COMMENT ON EVENT TRIGGER dbsp_ivm_on_drop IS 'drops the relations behind dropped incremental views';
COMMENT ON EVENT TRIGGER dbsp_ivm_on_ddl_start IS 'guards incremental views against DDL';
COMMENT ON EVENT TRIGGER dbsp_ivm_on_ddl_end IS 'guards incremental views against DDL';

ALTER EVENT TRIGGER dbsp_ivm_on_drop ENABLE ALWAYS;
ALTER EVENT TRIGGER dbsp_ivm_on_ddl_start ENABLE ALWAYS;
ALTER EVENT TRIGGER dbsp_ivm_on_ddl_end ENABLE ALWAYS;
