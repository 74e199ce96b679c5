-- Nodes that come and go: what a cluster of one node refuses, and what its metadata says of nodes.
SET search_path = quorate, public;
\set VERBOSITY terse
\set SHOW_CONTEXT never

SELECT name, zone, state, standing, reason FROM nodes;
SELECT * FROM autoadmin;

-- Arguments that are none
SELECT add_node(NULL, 'az2', 'host=/tmp');
SELECT add_node('b', NULL, 'host=/tmp');
SELECT add_node('b', 'az2', NULL);
SELECT add_node('', 'az2', 'host=/tmp');
SELECT add_node(repeat('b', 64), 'az2', 'host=/tmp');
SELECT add_node('b', repeat('z', 64), 'host=/tmp');
SELECT remove_node(NULL);
SELECT replace_node(NULL, 'b', 'az2', 'host=/tmp');
SELECT replace_node('solo', 'b', '', 'host=/tmp');
SELECT drain_node(NULL);
SELECT resume_node(NULL);

-- Nodes that are none
SELECT remove_node('nobody');
SELECT replace_node('nobody', 'b', 'az2', 'host=/tmp');
SELECT drain_node('nobody');
SELECT resume_node('nobody');

-- Everything wrong is listed at once, and changes nothing
\set VERBOSITY default
SELECT add_node('solo', 'az1', 'host=db.example.com');
SELECT add_node('b', 'az2', 'hostaddr=127.0.0.1 port=1 connect_timeout=2');
SELECT add_node('b', 'az2', pg_catalog.format('host=127.0.0.1 port=%s user=%s', current_setting('port'), current_user));

-- What one node cannot do without
SELECT remove_node('solo');
SELECT remove_node('solo', force => true);
SELECT drain_node('solo');
SELECT replace_node('solo', 'b', 'az2', 'host=/tmp');
\set VERBOSITY terse
SELECT resume_node('solo');
SELECT name, standing FROM nodes;

-- Switches
SELECT set_autoadmin(healing => false);
SELECT * FROM autoadmin;
SELECT set_autoadmin(balancing => false);
SELECT set_autoadmin();
SELECT * FROM autoadmin;
SELECT set_autoadmin(true, true);
SELECT * FROM autoadmin;

-- Not in a transaction block, not by everybody
BEGIN;
SELECT add_node('b', 'az2', 'host=/tmp');
ROLLBACK;
BEGIN;
SELECT set_autoadmin(true);
ROLLBACK;
SET ROLE quorate_write;
SELECT remove_node('solo');
SELECT set_autoadmin(true);
RESET ROLE;
SET ROLE quorate_admin;
SELECT add_node('b', 'az2', 'host=/tmp');
SELECT replace_node('solo', 'b', 'az2', 'host=/tmp');
SELECT remove_node('nobody');
SELECT set_autoadmin();
RESET ROLE;
SET ROLE quorate_read;
SELECT * FROM autoadmin;
RESET ROLE;
SELECT count(*) AS functions_for_everybody FROM pg_catalog.pg_proc
	WHERE pronamespace = 'quorate'::regnamespace AND proname ~ 'node|autoadmin'
	AND pg_catalog.has_function_privilege('pg_database_owner', oid, 'EXECUTE');
