-- doctor(): what it says of a node that is well, of one that is not, and who may ask.
SET search_path = quorate, public;
\set VERBOSITY terse
\set SHOW_CONTEXT never

-- All is well but what the instance of pg_regress does on purpose, and that one node is one copy: one line a check
SELECT * FROM doctor();

-- What was switched off is said, and what to do
SELECT set_autoadmin(healing => false, balancing => false);
SELECT "check", object, status, detail, hint FROM doctor() WHERE status <> 'OK';
SELECT set_autoadmin(true, true);

-- A setting that hurts
SET ignore_checksum_failure = on;
SET zero_damaged_pages = on;
SELECT * FROM doctor() WHERE "check" = 'settings';
RESET ignore_checksum_failure;
RESET zero_damaged_pages;
SELECT count(*) FROM doctor() WHERE status <> 'OK';

-- Copies that were paused, and perhaps forgotten
SELECT pause_copies();
SELECT pause_copies();
SELECT "check", object, status, regexp_replace(detail, '\d+ s', 'N s') AS detail, hint FROM doctor() WHERE "check" = 'rows';
SELECT paused_by = current_user AS by_me, since <= clock_timestamp() AS since FROM _copy_pause();
INSERT INTO quorate_data.copy_pause VALUES (true, now(), 'nobody');
SELECT resume_copies();
SELECT resume_copies();
SELECT * FROM doctor() WHERE "check" = 'rows';
BEGIN;
SELECT pause_copies();
SELECT resume_copies();
SELECT pause_copies();
SELECT count(since) FROM _copy_pause();
ROLLBACK;
SELECT count(since) FROM _copy_pause();

-- Nothing takes long; how far a copy is, is told from its position
SELECT * FROM operations;
SELECT position, _position_fraction(position)
	FROM (VALUES (''::bytea), ('\x40'), ('\x8000'), ('\xc0000000000000000000'), ('\xffffffffffffffffffff')) AS x(position);

-- For those who operate and use it, not for everybody
SET ROLE pg_monitor;
SELECT count(*) > 10 AS answers FROM doctor();
RESET ROLE;
SET ROLE quorate_read;
SELECT count(*) > 10 AS answers FROM doctor();
RESET ROLE;
SET ROLE quorate_admin;
SELECT count(*) > 10 AS answers FROM doctor();
RESET ROLE;
SELECT count(*) AS functions_for_everybody FROM pg_catalog.pg_proc
	WHERE pronamespace = 'quorate'::regnamespace AND proname ~ 'doctor|health|holders|problems|fraction|recover|cop(y|ies)'
	AND pg_catalog.has_function_privilege('pg_database_owner', oid, 'EXECUTE');

-- It reads only
BEGIN READ ONLY;
SELECT count(*) > 10 AS answers FROM doctor();
COMMIT;
