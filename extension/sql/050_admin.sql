-- Clusters, tables, leadership.
-- C: extension/sqlapi/create_cluster.c, drop_cluster.c, preflight.c, add_node.c, remove_node.c, node_states.c,
-- finalize_upgrade.c, copy_functions.c, table_functions.c

CREATE FUNCTION quorate.create_cluster(nodes jsonb, allow_shared_zone boolean DEFAULT false)
RETURNS void
AS 'MODULE_PATHNAME', 'quorate_create_cluster'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate.create_cluster(jsonb, boolean) IS
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

CREATE FUNCTION quorate._preflight(nodes jsonb, node_name text, asked_at timestamptz, joining integer, cluster_version integer)
RETURNS text
AS 'MODULE_PATHNAME', 'quorate_preflight'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate._preflight(jsonb, text, timestamptz, integer, integer) IS
'internal: what keeps this node from being in a cluster with the others, one problem a line; joining: the id of the last one, which joins the others; cluster_version: what all must read';

CREATE FUNCTION quorate.add_node(
	name text, zone text, conninfo text, wait boolean DEFAULT true, allow_shared_zone boolean DEFAULT false)
RETURNS void
AS 'MODULE_PATHNAME', 'quorate_add_node'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate.add_node(text, text, text, boolean, boolean) IS
'makes an instance another node of this cluster; lists everything that is wrong before changing anything; waits until the metadata has reached it';

CREATE FUNCTION quorate.remove_node(name text, force boolean DEFAULT false, wait boolean DEFAULT true)
RETURNS void
AS 'MODULE_PATHNAME', 'quorate_remove_node'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate.remove_node(text, boolean, boolean) IS
'takes a node out of the cluster once its replicas are elsewhere; may be cancelled and called again; force: also if partitions keep fewer replicas than they have';

CREATE FUNCTION quorate.replace_node(
	old_name text, name text, zone text, conninfo text, allow_shared_zone boolean DEFAULT false)
RETURNS void
AS 'MODULE_PATHNAME', 'quorate_replace_node'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate.replace_node(text, text, text, text, boolean) IS
'adds a node and removes another one, which need not be alive';

CREATE FUNCTION quorate.drain_node(name text)
RETURNS void
AS 'MODULE_PATHNAME', 'quorate_drain_node'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate.drain_node(text) IS
'has a node lead nothing until resume_node, for maintenance; it keeps its replicas; returns when it leads nothing';

CREATE FUNCTION quorate.resume_node(name text)
RETURNS void
AS 'MODULE_PATHNAME', 'quorate_resume_node'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate.resume_node(text) IS
'ends drain_node, or a remove_node that has not ended';

CREATE FUNCTION quorate.finalize_upgrade()
RETURNS integer
AS 'MODULE_PATHNAME', 'quorate_finalize_upgrade'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate.finalize_upgrade() IS
'raises the version of the cluster to the newest that this node reads, and returns it; refused unless every node reads it; no node can be set back to an older release afterwards';

CREATE FUNCTION quorate.set_autoadmin(healing boolean DEFAULT NULL, balancing boolean DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'quorate_set_autoadmin'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate.set_autoadmin(boolean, boolean) IS
'switches what the cluster does by itself: replace replicas on dead nodes, move replicas and leaders to where there are fewer; null leaves a switch as it is';

CREATE FUNCTION quorate._autoadmin(OUT healing boolean, OUT balancing boolean)
RETURNS record
AS 'MODULE_PATHNAME', 'quorate_autoadmin'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate._autoadmin() IS 'internal: the switches in the metadata';

CREATE FUNCTION quorate.pause_copies()
RETURNS void
AS 'MODULE_PATHNAME', 'quorate_pause_copies'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate.pause_copies() IS
'has this node copy and remove no rows, but those of the metadata, until resume_copies, also after a restart; what is under way keeps its place';

CREATE FUNCTION quorate.resume_copies()
RETURNS void
AS 'MODULE_PATHNAME', 'quorate_resume_copies'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate.resume_copies() IS
'ends pause_copies on this node: copies go on where they were';

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
	quorate.create_cluster(jsonb, boolean),
	quorate.drop_cluster(boolean),
	quorate._leave_cluster(),
	quorate._preflight(jsonb, text, timestamptz, integer, integer),
	quorate.add_node(text, text, text, boolean, boolean),
	quorate.remove_node(text, boolean, boolean),
	quorate.replace_node(text, text, text, text, boolean),
	quorate.drain_node(text),
	quorate.resume_node(text),
	quorate.finalize_upgrade(),
	quorate.set_autoadmin(boolean, boolean),
	quorate._autoadmin(),
	quorate.pause_copies(),
	quorate.resume_copies(),
	quorate.create_table(text, text, text, text, text, integer),
	quorate.drop_table(text),
	quorate.transfer_leader(text, integer, text)
FROM PUBLIC;

GRANT EXECUTE ON FUNCTION
	quorate.remove_node(text, boolean, boolean),
	quorate.drain_node(text),
	quorate.resume_node(text),
	quorate.finalize_upgrade(),
	quorate.set_autoadmin(boolean, boolean),
	quorate.pause_copies(),
	quorate.resume_copies(),
	quorate.create_table(text, text, text, text, text, integer),
	quorate.drop_table(text),
	quorate.transfer_leader(text, integer, text)
TO quorate_admin;

GRANT EXECUTE ON FUNCTION quorate._preflight(jsonb, text, timestamptz, integer, integer), quorate._leave_cluster() TO quorate_peer;
