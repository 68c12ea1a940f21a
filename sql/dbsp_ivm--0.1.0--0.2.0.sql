/* dbsp_ivm 0.1.0 -> 0.2.0 */

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION dbsp_ivm UPDATE TO '0.2.0'" to load this file. \quit

/*
 * Hashes are computed from the bytes of values: in another encoding equal
 * values have other hashes, and a view that is restored there is computed again.
 */

ALTER TABLE dbsp_ivm_internal.view_catalog ADD COLUMN hashes text;
COMMENT ON COLUMN dbsp_ivm_internal.view_catalog.hashes IS
	'encoding of the database in which the hashes in the view''s tables were computed; NULL: not known';
UPDATE dbsp_ivm_internal.view_catalog SET hashes = pg_catalog.getdatabaseencoding();

/*
 * What the views read of their tables: a cache, so it is not dumped.  Columns
 * and index names are known to src/catalog/catalog.c.
 */

CREATE TABLE dbsp_ivm_internal.route_catalog (
	view integer NOT NULL,
	operator integer NOT NULL,
	source regclass NOT NULL,
	version integer NOT NULL,
	columns int2vector NOT NULL,
	key_columns int2vector NOT NULL,
	key_operators oidvector NOT NULL,
	key_collations oidvector NOT NULL,
	key_types oidvector NOT NULL,
	constants bytea NOT NULL,
	CONSTRAINT route_catalog_pkey PRIMARY KEY (view, operator)
);

CREATE INDEX route_catalog_source_idx ON dbsp_ivm_internal.route_catalog (source);

COMMENT ON TABLE dbsp_ivm_internal.route_catalog IS
	'what incremental views read of their base tables, and by which constants rows find their views; made anew where it is missing';
COMMENT ON COLUMN dbsp_ivm_internal.route_catalog.view IS 'number of the view';
COMMENT ON COLUMN dbsp_ivm_internal.route_catalog.operator IS 'number of the operator in the view''s circuit that reads the table';
COMMENT ON COLUMN dbsp_ivm_internal.route_catalog.source IS 'the table';
COMMENT ON COLUMN dbsp_ivm_internal.route_catalog.version IS 'version of the format';
COMMENT ON COLUMN dbsp_ivm_internal.route_catalog.columns IS 'attribute numbers of the columns read';
COMMENT ON COLUMN dbsp_ivm_internal.route_catalog.key_columns IS 'attribute numbers of the columns that are compared with constants; none: every row may matter';
COMMENT ON COLUMN dbsp_ivm_internal.route_catalog.key_operators IS 'equality operators of the comparisons';
COMMENT ON COLUMN dbsp_ivm_internal.route_catalog.key_collations IS 'collations of the comparisons';
COMMENT ON COLUMN dbsp_ivm_internal.route_catalog.key_types IS 'types of the constants';
COMMENT ON COLUMN dbsp_ivm_internal.route_catalog.constants IS 'the constants: a row image for each combination';

/*
 * Partitioned tables.
 */

CREATE FUNCTION dbsp_ivm_internal.capture_partition_truncate() RETURNS trigger
	LANGUAGE C AS 'MODULE_PATHNAME', 'dbsp_sql_capture_partition_truncate';
COMMENT ON FUNCTION dbsp_ivm_internal.capture_partition_truncate() IS
	'captures TRUNCATE of a partition for the incremental views on the partitioned tables above it';
REVOKE EXECUTE ON FUNCTION dbsp_ivm_internal.capture_partition_truncate() FROM PUBLIC;

CREATE FUNCTION dbsp_ivm_internal.on_partition_start() RETURNS event_trigger
	LANGUAGE C AS 'MODULE_PATHNAME', 'dbsp_sql_on_partition_start';
COMMENT ON FUNCTION dbsp_ivm_internal.on_partition_start() IS
	'records the rows of partitions that are dropped, and refuses DETACH PARTITION CONCURRENTLY';

CREATE EVENT TRIGGER dbsp_ivm_on_partition_start ON ddl_command_start
	WHEN TAG IN ('ALTER TABLE', 'DROP TABLE')
	EXECUTE FUNCTION dbsp_ivm_internal.on_partition_start();
COMMENT ON EVENT TRIGGER dbsp_ivm_on_partition_start IS 'guards incremental views against DDL';
ALTER EVENT TRIGGER dbsp_ivm_on_partition_start ENABLE ALWAYS;

CREATE FUNCTION dbsp_ivm.alter_view(name text, query text, create_indexes boolean DEFAULT true) RETURNS regclass
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbsp_sql_alter_view';
COMMENT ON FUNCTION dbsp_ivm.alter_view(text, text, boolean) IS
	'give an incremental view another query, which keeps its columns and may add more';

CREATE FUNCTION dbsp_ivm.create_index(name text, columns text, method text DEFAULT 'btree', condition text DEFAULT NULL,
									  include text DEFAULT NULL, index_name text DEFAULT NULL) RETURNS regclass
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbsp_sql_create_index';
COMMENT ON FUNCTION dbsp_ivm.create_index(text, text, text, text, text, text) IS
	'create an index for reading an incremental view: columns and the other parts as in CREATE INDEX; DROP INDEX drops it';

/*
 * The state of views is looked up.  The view is replaced, and not dropped and
 * created again, so that what users have made over it stays.
 */

CREATE FUNCTION dbsp_ivm_internal.view_state(view integer) RETURNS text
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'dbsp_sql_view_state';
COMMENT ON FUNCTION dbsp_ivm_internal.view_state(integer) IS 'ok, or why a view, given by its number, cannot be relied upon';

CREATE OR REPLACE VIEW dbsp_ivm.views AS
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
		dbsp_ivm_internal.view_state(v.number) AS state,
		COALESCE(v.last_error, e.last_error) AS last_error
	FROM dbsp_ivm_internal.view_catalog v
		JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) v.relation
		JOIN pg_catalog.pg_class t ON t.oid OPERATOR(pg_catalog.=) v.shadow
		LEFT JOIN dbsp_ivm_internal.stats() e ON e.view OPERATOR(pg_catalog.=) v.number;
COMMENT ON COLUMN dbsp_ivm.views.state IS 'ok: the view equals its query; otherwise what stands against that';

/*
 * Event triggers, last: commands that change what a query means, or take
 * several relations along, are watched as well.
 */

DROP EVENT TRIGGER dbsp_ivm_on_ddl_start;
DROP EVENT TRIGGER dbsp_ivm_on_ddl_end;

CREATE EVENT TRIGGER dbsp_ivm_on_ddl_start ON ddl_command_start
	WHEN TAG IN ('ALTER SCHEMA', 'CREATE VIEW', 'DROP SCHEMA', 'DROP TABLE', 'DROP VIEW')
	EXECUTE FUNCTION dbsp_ivm_internal.on_ddl_start();
CREATE EVENT TRIGGER dbsp_ivm_on_ddl_end ON ddl_command_end
	WHEN TAG IN ('ALTER COLLATION', 'ALTER DOMAIN', 'ALTER FOREIGN TABLE', 'ALTER FUNCTION', 'ALTER INDEX', 'ALTER POLICY',
		'ALTER ROUTINE', 'ALTER RULE', 'ALTER TABLE', 'ALTER TEXT SEARCH CONFIGURATION', 'ALTER TEXT SEARCH DICTIONARY',
		'ALTER TRIGGER', 'ALTER TYPE', 'ALTER VIEW', 'CREATE FOREIGN TABLE', 'CREATE FUNCTION', 'CREATE INDEX',
		'CREATE POLICY', 'CREATE RULE', 'CREATE SCHEMA', 'CREATE TABLE', 'CREATE TRIGGER', 'REVOKE')
	EXECUTE FUNCTION dbsp_ivm_internal.on_ddl_end();

COMMENT ON EVENT TRIGGER dbsp_ivm_on_ddl_start IS 'guards incremental views against DDL';
COMMENT ON EVENT TRIGGER dbsp_ivm_on_ddl_end IS 'guards incremental views against DDL';

ALTER EVENT TRIGGER dbsp_ivm_on_ddl_start ENABLE ALWAYS;
ALTER EVENT TRIGGER dbsp_ivm_on_ddl_end ENABLE ALWAYS;
