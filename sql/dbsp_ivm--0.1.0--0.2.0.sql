/* dbsp_ivm 0.1.0 -> 0.2.0 */

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION dbsp_ivm UPDATE TO '0.2.0'" to load this file. \quit

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
