-- What the other scripts use; runs first.
CREATE EXTENSION dbsp_ivm;
CREATE TABLE test_query (name text PRIMARY KEY, query text NOT NULL);
-- Declares a view and remembers its query, so that checks need not trust what the extension stored.
CREATE FUNCTION test_view(name text, query text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM dbsp_ivm.create_view(name, query);
    INSERT INTO public.test_query VALUES (name, query)
        ON CONFLICT ON CONSTRAINT test_query_pkey DO UPDATE SET query = EXCLUDED.query;
END $$;
-- Says whether views are right: by the extension's own verify and, unless only that makes sense, by comparing the
-- texts of all rows with those that the query gives now.
CREATE FUNCTION test_rows_differ(view text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    query text := (SELECT t.query FROM public.test_query t WHERE t.name = view);
    n bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM (
            (SELECT __row::text FROM %1$s AS __row EXCEPT ALL SELECT __row::text FROM (%2$s) AS __row)
            UNION ALL
            (SELECT __row::text FROM (%2$s) AS __row EXCEPT ALL SELECT __row::text FROM %1$s AS __row)) AS d', view, query)
        INTO n;
    RETURN n;
END $$;
CREATE FUNCTION test_check_loose(VARIADIC views text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    view text; n bigint; answer text := '';
BEGIN
    FOREACH view IN ARRAY views LOOP
        SELECT count(*) INTO n FROM dbsp_ivm.verify(view);
        IF n > 0 THEN
            RAISE EXCEPTION 'verify finds % differences in %: %', n, view,
                (SELECT string_agg(weight || ' ' || "row", '; ') FROM dbsp_ivm.verify(view));
        END IF;
        EXECUTE format('SELECT count(*) FROM %s', view) INTO n;
        answer := answer || CASE WHEN answer = '' THEN '' ELSE ', ' END || n;
    END LOOP;
    RETURN 'right: ' || answer || ' rows';
END $$;
CREATE FUNCTION test_check(VARIADIC views text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    view text; n bigint;
BEGIN
    FOREACH view IN ARRAY views LOOP
        n := public.test_rows_differ(view);
        IF n > 0 THEN
            RAISE EXCEPTION '% rows of % differ from its query', n, view;
        END IF;
    END LOOP;
    RETURN public.test_check_loose(VARIADIC views);
END $$;
-- What the extension has left in the database: nothing, when no view exists.
CREATE VIEW test_leftovers AS
    SELECT 'relation ' || c.relname AS thing FROM pg_class c
        WHERE relnamespace = 'dbsp_ivm_internal'::regnamespace AND relkind IN ('r', 'v', 'm', 'p')
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 'trigger ' || tgname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
        WHERE p.pronamespace = 'dbsp_ivm_internal'::regnamespace
    UNION ALL
    SELECT 'view ' || relation FROM dbsp_ivm_internal.view_catalog
    UNION ALL
    SELECT 'source ' || source FROM dbsp_ivm_internal.source_catalog
    UNION ALL
    SELECT 'state ' || relation FROM dbsp_ivm_internal.state_catalog
    UNION ALL
    SELECT 'route ' || source FROM dbsp_ivm_internal.route_catalog;
SELECT * FROM test_leftovers;
