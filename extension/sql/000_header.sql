-- quorate 0.1: replicated item tables.
-- This script is the concatenation of extension/sql/*.sql in the order of their names.

\echo Use "CREATE EXTENSION quorate" to load this file. \quit

-- Roles belong to the whole instance and outlive the extension: another database may use them, and GRANTs on item
-- tables name them. They are made once.
DO $$
DECLARE
	role_name text;
BEGIN
	FOREACH role_name IN ARRAY ARRAY['quorate_admin', 'quorate_read', 'quorate_write', 'quorate_peer']
	LOOP
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role_name)
		THEN
			EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role_name);
		END IF;
	END LOOP;
END
$$;

COMMENT ON SCHEMA quorate IS 'quorate: functions and views of replicated item tables';

GRANT USAGE ON SCHEMA quorate TO quorate_admin, quorate_read, quorate_write, quorate_peer, pg_monitor;
