-- Clusters, tables, leadership.
-- C: extension/sqlapi/create_cluster.c, drop_cluster.c, preflight.c, table_functions.c

CREATE FUNCTION quorate.create_cluster(nodes jsonb)
RETURNS void
AS 'MODULE_PATHNAME', 'quorate_create_cluster'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate.create_cluster(jsonb) IS
'makes a cluster of one node or three: [{"name": ..., "zone": ..., "conninfo": ...}, ...]; lists everything that is wrong before changing anything';

CREATE FUNCTION quorate.drop_cluster(force boolean DEFAULT false)
RETURNS void
AS 'MODULE_PATHNAME', 'quorate_drop_cluster'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate.drop_cluster(boolean) IS
'dissolves the cluster on all its nodes; force also drops the item tables and passes over nodes that cannot be reached';

CREATE FUNCTION quorate._leave_cluster()
RETURNS void
AS 'MODULE_PATHNAME', 'quorate_leave_cluster'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;

COMMENT ON FUNCTION quorate._leave_cluster() IS
'internal: takes this node out of its cluster and removes its log and its rows';

CREATE FUNCTION quorate._preflight(nodes jsonb, node_name text, asked_at timestamptz)
RETURNS text
AS 'MODULE_PATHNAME', 'quorate_preflight'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate._preflight(jsonb, text, timestamptz) IS
'internal: what keeps this node from joining a cluster, one problem a line';

CREATE FUNCTION quorate.create_table(
	table_name text,
	partition_key text,
	partition_key_type text DEFAULT 'S',
	sort_key text DEFAULT NULL,
	sort_key_type text DEFAULT NULL,
	partitions integer DEFAULT 1)
RETURNS void
AS 'MODULE_PATHNAME', 'quorate_create_table'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate.create_table(text, text, text, text, text, integer) IS
'creates an item table; key types are S, N or B; returns when the leader of every partition serves';

CREATE FUNCTION quorate.drop_table(table_name text)
RETURNS void
AS 'MODULE_PATHNAME', 'quorate_drop_table'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate.drop_table(text) IS
'drops an item table with all its items, on all nodes';

CREATE FUNCTION quorate.transfer_leader(table_name text, partition integer, node text)
RETURNS void
AS 'MODULE_PATHNAME', 'quorate_transfer_leader'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate.transfer_leader(text, integer, text) IS
'hands the leadership of a partition over to a node, in milliseconds; returns when that node serves';

REVOKE ALL ON FUNCTION
	quorate.create_cluster(jsonb),
	quorate.drop_cluster(boolean),
	quorate._leave_cluster(),
	quorate._preflight(jsonb, text, timestamptz),
	quorate.create_table(text, text, text, text, text, integer),
	quorate.drop_table(text),
	quorate.transfer_leader(text, integer, text)
FROM PUBLIC;

GRANT EXECUTE ON FUNCTION
	quorate.create_table(text, text, text, text, text, integer),
	quorate.drop_table(text),
	quorate.transfer_leader(text, integer, text)
TO quorate_admin;

GRANT EXECUTE ON FUNCTION quorate._preflight(jsonb, text, timestamptz), quorate._leave_cluster() TO quorate_peer;
