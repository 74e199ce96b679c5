-- What a user sees of the relations behind item tables: free to read, closed to every other change, superuser or not.
\set SHOW_CONTEXT never
\set VERBOSITY sqlstate
\pset format unaligned

SELECT quorate.create_table('Protected', 'Artist', 'S', 'Year', 'N', 2);
SELECT quorate.put_item('Protected', quorate.marshal(jsonb_build_object('Artist', 'a' || i, 'Year', i)))
FROM generate_series(1, 10) i;

-- The relation of the table, under a name that does not depend on how many tables there were before
SELECT 'quorate_data.t' || table_id AS relation, 't' || table_id AS name FROM quorate._tables()
WHERE table_name = 'Protected' \gset

-- A put does not wait for the applier, a consistent read does.
SELECT count(quorate.get_item('Protected', quorate.marshal(jsonb_build_object('Artist', 'a' || i, 'Year', i)), true))
FROM generate_series(1, 10) i;

-- Reading and the care of tables are free.
SELECT count(*) FROM :relation;
CREATE VIEW public.protected_view AS SELECT lsn, item FROM :relation;
SELECT count(*), bool_and(quorate.item_attribute_text(item, 'Artist') LIKE 'a%') FROM public.protected_view;
ANALYZE :relation;
VACUUM :relation;
REINDEX TABLE CONCURRENTLY :relation;
BEGIN; LOCK TABLE :relation IN ACCESS SHARE MODE; ROLLBACK;
COPY (SELECT count(*) FROM :relation) TO STDOUT;
SELECT count(*) FROM :relation;

-- Everything else is refused: the same for data, row locks, definitions.
CREATE FUNCTION public.refused(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
BEGIN
	EXECUTE command;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
	RETURN sqlstate || ' ' || regexp_replace(message, '"t[0-9]+(_pkey)?"', '"t\1"');
END
$$;
CREATE TABLE public.other (position bytea PRIMARY KEY);
SELECT command, public.refused(replace(command, '$t', :'name')) FROM (VALUES
	('INSERT INTO quorate_data.$t VALUES (''\x00'', 1, 1, ''{}'')'),
	('INSERT INTO quorate_data.$t SELECT * FROM quorate_data.$t'),
	('UPDATE quorate_data.$t SET lsn = 1'),
	('UPDATE public.protected_view SET lsn = 1'),
	('DELETE FROM quorate_data.$t'),
	('WITH gone AS (DELETE FROM quorate_data.$t RETURNING 1) SELECT * FROM gone'),
	('MERGE INTO quorate_data.$t USING (SELECT 1) one ON false WHEN NOT MATCHED THEN INSERT VALUES (''\x00'', 1, 1, ''{}'')'),
	('SELECT 1 FROM quorate_data.$t FOR UPDATE'),
	('SELECT 1 FROM quorate_data.$t FOR KEY SHARE'),
	('EXPLAIN DELETE FROM quorate_data.$t'),
	('TRUNCATE quorate_data.$t'),
	('TRUNCATE quorate_data.applied CASCADE'),
	('DELETE FROM quorate_data.t1'),
	('LOCK quorate_data.$t IN ROW SHARE MODE'),
	('ALTER TABLE quorate_data.$t ADD COLUMN x int'),
	('ALTER TABLE quorate_data.$t SET (fillfactor = 10)'),
	('ALTER TABLE quorate_data.$t DISABLE TRIGGER ALL'),
	('ALTER TABLE quorate_data.$t RENAME TO other'),
	('ALTER TABLE quorate_data.$t RENAME item TO other'),
	('ALTER TABLE quorate_data.$t SET SCHEMA public'),
	('ALTER TABLE quorate_data.$t OWNER TO quorate_admin'),
	('ALTER INDEX quorate_data.$t_pkey RENAME TO other'),
	('ALTER SCHEMA quorate_data RENAME TO other'),
	('ALTER SCHEMA quorate_data OWNER TO quorate_admin'),
	('ALTER EXTENSION quorate DROP TABLE quorate_data.$t'),
	('ALTER EXTENSION quorate ADD TABLE public.other'),
	('DROP TABLE quorate_data.$t'),
	('DROP TABLE public.other, quorate_data.$t CASCADE'),
	('DROP INDEX quorate_data.$t_pkey'),
	('DROP SCHEMA quorate_data CASCADE'),
	('CREATE INDEX ON quorate_data.$t (lsn)'),
	('CREATE RULE "_RETURN" AS ON SELECT TO quorate_data.$t DO INSTEAD SELECT 1'),
	('CREATE POLICY mine ON quorate_data.$t USING (true)'),
	('CREATE TRIGGER mine BEFORE UPDATE ON quorate_data.$t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()'),
	('CREATE TABLE public.child () INHERITS (quorate_data.$t)'),
	('ALTER TABLE public.other INHERIT quorate_data.$t'),
	('CREATE TABLE public.referring (position bytea REFERENCES quorate_data.$t)'),
	('ALTER TABLE public.other ADD FOREIGN KEY (position) REFERENCES quorate_data.$t'),
	('CREATE TABLE quorate_data.t9999 (position bytea)'),
	('CREATE VIEW quorate_data.mine AS SELECT 1'),
	('ALTER TABLE public.other SET SCHEMA quorate_data'),
	('CLUSTER quorate_data.$t USING $t_pkey'),
	('REINDEX TABLE quorate_data.$t'),
	('REINDEX INDEX quorate_data.$t_pkey')) AS commands(command);
COPY :relation FROM '/dev/null';
VACUUM FULL :relation;
REINDEX SCHEMA quorate_data;
SELECT count(*) FROM :relation;

-- Errors name the functions to use.
\set VERBOSITY default
ALTER SCHEMA quorate_data RENAME TO other;
\set VERBOSITY sqlstate

-- The extension and its database hold the replicas of a cluster.
\set VERBOSITY default
DROP EXTENSION quorate;
\set VERBOSITY sqlstate
DROP EXTENSION quorate CASCADE;
SET client_min_messages = warning;
SELECT public.refused('DROP SCHEMA quorate CASCADE') LIKE '2BP01 cannot drop %: it belongs to item tables' AS refused;
RESET client_min_messages;
SELECT current_database() AS here \gset
\connect postgres
\set VERBOSITY default
DROP DATABASE :"here";
CREATE EXTENSION quorate;
\set VERBOSITY sqlstate
\connect :"here"

-- Who may look: nobody but administrators, and only read.
CREATE ROLE quorate_test_reader;
GRANT quorate_read TO quorate_test_reader;
SET ROLE quorate_test_reader;
SELECT count(*) FROM :relation;
RESET ROLE;
GRANT quorate_admin TO quorate_test_reader;
SET ROLE quorate_test_reader;
SELECT count(*) FROM :relation;
DELETE FROM :relation;
RESET ROLE;
DROP ROLE quorate_test_reader;

-- A view on the relation does not keep the table from being dropped; it goes with it.
SELECT quorate.drop_table('Protected');
DO $$
BEGIN
	FOR i IN 1 .. 200 LOOP
		EXIT WHEN NOT EXISTS (SELECT FROM pg_class WHERE relname = 'protected_view');
		PERFORM pg_sleep(0.05);
	END LOOP;
END
$$;
SELECT to_regclass(:'relation') IS NULL AS gone, to_regclass('public.protected_view') IS NULL AS view_gone;

DROP TABLE public.other;
DROP FUNCTION public.refused(text);
