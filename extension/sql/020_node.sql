-- The node itself: streams between nodes, membership in a cluster, and what shared memory shows.
-- C: extension/worker/node_functions.c, peer_stream.c

CREATE PROCEDURE quorate._consensus_stream(cluster_id bytea, from_node integer, oldest_version integer, newest_version integer,
	cluster_version integer, release text)
AS 'MODULE_PATHNAME', 'quorate_consensus_stream'
LANGUAGE C;

COMMENT ON PROCEDURE quorate._consensus_stream(bytea, integer, integer, integer, integer, text) IS
'internal: turns the connection of another node''s replicator into a stream of its frames';

CREATE FUNCTION quorate._bootstrap_node(cluster_id bytea, node_id integer, nodes jsonb, cluster_version integer)
RETURNS void
AS 'MODULE_PATHNAME', 'quorate_bootstrap_node'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate._bootstrap_node(bytea, integer, jsonb, integer) IS
'internal: makes this instance a node of a new cluster; nodes as for create_cluster, with ids from 1 in their order';

CREATE FUNCTION quorate._join_node(cluster_id bytea, node_id integer, nodes bytea)
RETURNS void
AS 'MODULE_PATHNAME', 'quorate_join_node'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate._join_node(bytea, integer, bytea) IS
'internal: makes this instance a node of an existing cluster; nodes packed as the log keeps them';

CREATE FUNCTION quorate._unbootstrap_node()
RETURNS void
AS 'MODULE_PATHNAME', 'quorate_unbootstrap_node'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate._unbootstrap_node() IS
'internal: takes this node out of its cluster and removes its log';

CREATE FUNCTION quorate.adopt_identity()
RETURNS void
AS 'MODULE_PATHNAME', 'quorate_adopt_identity'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate.adopt_identity() IS
'declares that this node''s log directory was moved on purpose and is no copy; the node, refused until then, runs again';

CREATE FUNCTION quorate._node_status(
	OUT state text, OUT reason text, OUT cluster_id bytea, OUT node_id integer, OUT start_counter bigint,
	OUT log_bytes bigint, OUT cluster_version integer)
RETURNS record
AS 'MODULE_PATHNAME', 'quorate_node_status'
LANGUAGE C VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION quorate._node_status() IS
'internal: state of this node (unconfigured, starting, running, refused), its identity, the size of its log and the version of its cluster';

CREATE FUNCTION quorate._group_status(
	OUT group_id bigint, OUT role text, OUT generation bigint, OUT promised_ballot text, OUT ballot text,
	OUT leader integer, OUT base_lsn bigint, OUT append_lsn bigint, OUT durable_lsn bigint,
	OUT commit_lsn bigint, OUT applied_lsn bigint, OUT applied_durable_lsn bigint, OUT start_lsn bigint,
	OUT lease_remaining_ms bigint, OUT pending_writes bigint, OUT member_nodes integer[],
	OUT member_kinds text[], OUT member_durable_lsns bigint[], OUT member_needs_snapshot boolean[],
	OUT rows text, OUT committed_generation bigint, OUT missing_entries bigint, OUT last_round bigint,
	OUT last_node integer)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'quorate_group_status'
LANGUAGE C VOLATILE PARALLEL SAFE ROWS 16;

COMMENT ON FUNCTION quorate._group_status() IS
'internal: published state of this node''s replicas; ballot, start and lease only where it leads; last: the ballot of the entry at append_lsn';

CREATE FUNCTION quorate._copy_activity(
	OUT group_id bigint, OUT source integer, OUT since timestamptz, OUT bytes bigint)
RETURNS record
AS 'MODULE_PATHNAME', 'quorate_copy_activity'
LANGUAGE C VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION quorate._copy_activity() IS
'internal: what the copier is doing: group, node that it copies from, since when, and bytes copied or removed since';

CREATE FUNCTION quorate._counters(OUT name text, OUT value bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'quorate_counters'
LANGUAGE C VOLATILE PARALLEL SAFE ROWS 20;

COMMENT ON FUNCTION quorate._counters() IS
'internal: counters of this node since its start';

CREATE FUNCTION quorate._peers(
	OUT node_id integer, OUT name text, OUT zone text, OUT conninfo text, OUT heard_ms_ago bigint,
	OUT set_back boolean, OUT oldest_version integer, OUT newest_version integer, OUT release text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'quorate_peers'
LANGUAGE C VOLATILE PARALLEL SAFE ROWS 5;

COMMENT ON FUNCTION quorate._peers() IS
'internal: the nodes of the cluster, how long ago each was heard (null for this node and those never heard), whether its log was found to be set back, and the versions of the cluster that it reads, as it said when it opened a stream to this node';

REVOKE ALL ON PROCEDURE quorate._consensus_stream(bytea, integer, integer, integer, integer, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION
	quorate._bootstrap_node(bytea, integer, jsonb, integer),
	quorate._join_node(bytea, integer, bytea),
	quorate._unbootstrap_node(),
	quorate.adopt_identity(),
	quorate._node_status(),
	quorate._group_status(),
	quorate._copy_activity(),
	quorate._counters(),
	quorate._peers()
FROM PUBLIC;

GRANT EXECUTE ON PROCEDURE quorate._consensus_stream(bytea, integer, integer, integer, integer, text) TO quorate_peer;
GRANT EXECUTE ON FUNCTION
	quorate._bootstrap_node(bytea, integer, jsonb, integer),
	quorate._join_node(bytea, integer, bytea),
	quorate._unbootstrap_node()
TO quorate_admin, quorate_peer;
GRANT EXECUTE ON FUNCTION
	quorate._node_status(),
	quorate._group_status(),
	quorate._copy_activity(),
	quorate._counters(),
	quorate._peers()
TO quorate_admin, quorate_peer, pg_monitor;
