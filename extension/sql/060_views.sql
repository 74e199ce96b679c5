-- What an operator looks at.
-- C: extension/sqlapi/view_functions.c for the metadata, extension/worker/node_functions.c for the published state,
-- extension/sqlapi/copy_functions.c for the pause of copies, health_functions.c for what fails.

CREATE FUNCTION quorate._nodes(OUT node_id integer, OUT name text, OUT zone text, OUT standing text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'quorate_view_nodes'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 3;

COMMENT ON FUNCTION quorate._nodes() IS 'internal: the nodes in the metadata';

CREATE FUNCTION quorate._tables(
	OUT table_id integer, OUT table_name text, OUT partition_key text, OUT partition_key_type text,
	OUT sort_key text, OUT sort_key_type text, OUT partitions integer)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'quorate_view_tables'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10;

COMMENT ON FUNCTION quorate._tables() IS 'internal: the item tables in the metadata';

CREATE FUNCTION quorate._partitions(
	OUT table_id integer, OUT partition integer, OUT group_id bigint, OUT position_from bytea,
	OUT position_to bytea, OUT members integer[], OUT kinds text[])
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'quorate_view_partitions'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100;

COMMENT ON FUNCTION quorate._partitions() IS 'internal: the partitions in the metadata';

CREATE VIEW quorate.nodes AS
SELECT
	n.node_id,
	n.name,
	n.zone,
	n.node_id = s.node_id AS is_this_node,
	CASE
		WHEN n.node_id = s.node_id THEN s.state
		WHEN p.set_back THEN 'refused'
		WHEN s.cluster_version NOT BETWEEN p.oldest_version AND p.newest_version THEN 'refused'
		WHEN p.heard_ms_ago IS NULL THEN 'never heard'
		WHEN p.heard_ms_ago < 2000 THEN 'alive'
		ELSE 'silent'
	END AS state,
	n.standing,
	CASE
		WHEN n.node_id = s.node_id THEN s.reason
		WHEN p.set_back THEN 'its log was set back to an older state'
		WHEN s.cluster_version NOT BETWEEN p.oldest_version AND p.newest_version THEN
			pg_catalog.format('does not read version %s of the cluster', s.cluster_version)
	END AS reason,
	p.heard_ms_ago,
	(SELECT pg_catalog.count(*) FROM quorate._group_status() g WHERE g.leader = n.node_id) AS groups_led,
	p.conninfo,
	p.release,
	p.oldest_version,
	p.newest_version
FROM quorate._nodes() n
CROSS JOIN quorate._node_status() s
LEFT JOIN quorate._peers() p ON p.node_id = n.node_id;

COMMENT ON VIEW quorate.nodes IS
'nodes of the cluster, as this node sees them: when each was heard last, and how many groups it leads';
COMMENT ON COLUMN quorate.nodes.state IS
'this node: running or refused; others: alive, silent, never heard, refused (whatever it says is dropped)';
COMMENT ON COLUMN quorate.nodes.standing IS
'what the cluster wants of it: active; joining (add_node has not ended); draining (shall lead nothing); leaving (is being removed)';
COMMENT ON COLUMN quorate.nodes.reason IS 'why the node is refused';
COMMENT ON COLUMN quorate.nodes.heard_ms_ago IS 'milliseconds since this node heard it; null for itself and for those never heard';
COMMENT ON COLUMN quorate.nodes.groups_led IS 'replication groups that it leads, of those that this node has a replica of';

COMMENT ON COLUMN quorate.nodes.release IS 'release of the library there; null if it has not opened a stream to this node yet';
COMMENT ON COLUMN quorate.nodes.oldest_version IS 'oldest version of a cluster that it reads';
COMMENT ON COLUMN quorate.nodes.newest_version IS 'newest version of a cluster that it reads';

CREATE VIEW quorate.cluster AS
SELECT
	s.cluster_id,
	(SELECT pg_catalog.count(*) FROM quorate._nodes()) AS nodes,
	s.cluster_version AS version,
	own.newest_version,
	(SELECT pg_catalog.array_agg(n.name ORDER BY n.node_id)
		FROM quorate._nodes() n
		LEFT JOIN quorate._peers() p ON p.node_id = n.node_id
		WHERE (own.newest_version BETWEEN p.oldest_version AND p.newest_version) IS NOT TRUE) AS waits_for,
	own.release,
	(SELECT e.extversion FROM pg_catalog.pg_extension e WHERE e.extname = 'quorate') AS extension_version
FROM quorate._node_status() s
JOIN quorate._peers() own ON own.node_id = s.node_id;

COMMENT ON VIEW quorate.cluster IS
'the cluster as a whole, as this node sees it; no row where there is none';
COMMENT ON COLUMN quorate.cluster.version IS
'version of the cluster: what its nodes may write for each other';
COMMENT ON COLUMN quorate.cluster.newest_version IS
'newest version that this node reads; finalize_upgrade() here raises the version to it';
COMMENT ON COLUMN quorate.cluster.waits_for IS
'nodes that do not read that version, or have not said so; finalize_upgrade() is refused until they do';
COMMENT ON COLUMN quorate.cluster.release IS 'release of the library that this server has loaded';
COMMENT ON COLUMN quorate.cluster.extension_version IS
'version of the extension''s SQL objects; ALTER EXTENSION quorate UPDATE brings it up to the release';

CREATE VIEW quorate.autoadmin AS
SELECT healing, balancing FROM quorate._autoadmin();

COMMENT ON VIEW quorate.autoadmin IS
'switches of set_autoadmin, as this node knows them';

CREATE VIEW quorate.tables AS
SELECT
	t.table_name,
	t.table_id,
	t.partition_key,
	t.partition_key_type,
	t.sort_key,
	t.sort_key_type,
	t.partitions,
	c.copies,
	CASE WHEN c.copies = 1 THEN 'one copy: for development only' ELSE 'replicated' END AS durability,
	c.items,
	c.bytes
FROM quorate._tables() t
LEFT JOIN (
	SELECT
		p.table_id,
		pg_catalog.min(pg_catalog.cardinality(p.members)) AS copies,
		COALESCE(pg_catalog.sum(a.items), 0) AS items,
		COALESCE(pg_catalog.sum(a.bytes), 0) AS bytes
	FROM quorate._partitions() p
	LEFT JOIN quorate_data.applied a USING (group_id)
	GROUP BY p.table_id) c USING (table_id);

COMMENT ON VIEW quorate.tables IS
'item tables: key schema, number of partitions and copies; items and bytes (of positions and items, uncompressed) in this node''s replicas';

CREATE VIEW quorate.partitions AS
SELECT
	t.table_name,
	p.partition,
	p.group_id,
	p.position_from,
	p.position_to,
	n.name AS leader,
	g.promised_ballot AS ballot,
	g.commit_lsn,
	g.applied_lsn,
	CASE
		WHEN g.leader = s.node_id THEN g.lease_remaining_ms > 0 AND g.applied_lsn >= g.start_lsn
	END AS serves,
	pg_catalog.cardinality(p.members) AS copies,
	a.items,
	a.bytes
FROM quorate._partitions() p
JOIN quorate._tables() t USING (table_id)
CROSS JOIN quorate._node_status() s
LEFT JOIN quorate._group_status() g USING (group_id)
LEFT JOIN quorate_data.applied a USING (group_id)
LEFT JOIN quorate._nodes() n ON n.node_id = g.leader;

COMMENT ON VIEW quorate.partitions IS
'partitions: range of positions, leader, ballot and progress as this node knows them; items and bytes (positions and items, uncompressed) are those of this node''s replica; serves is known on the leader''s node only';

CREATE FUNCTION quorate._row_problems(
	OUT group_id bigint, OUT process text, OUT stopped_lsn bigint, OUT problem text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'quorate_row_problems'
LANGUAGE C VOLATILE PARALLEL SAFE ROWS 1;

COMMENT ON FUNCTION quorate._row_problems() IS
'internal: why the log is not applied, or rows are not copied, on this node: entries that this release does not understand, and errors of the last minute';

CREATE VIEW quorate.replicas AS
SELECT
	t.table_name,
	p.partition,
	p.group_id,
	n.name AS node,
	n.zone,
	m.kind,
	CASE
		WHEN m.node_id = s.node_id THEN g.role
		WHEN m.node_id = g.leader THEN 'leader'
		ELSE 'follower'
	END AS role,
	CASE WHEN m.node_id = s.node_id THEN g.append_lsn END AS append_lsn,
	CASE WHEN m.node_id = s.node_id THEN g.durable_lsn ELSE d.durable_lsn END AS durable_lsn,
	CASE WHEN m.node_id = s.node_id THEN g.commit_lsn END AS commit_lsn,
	CASE WHEN m.node_id = s.node_id THEN g.applied_lsn END AS applied_lsn,
	GREATEST(g.commit_lsn - CASE WHEN m.node_id = s.node_id THEN g.applied_lsn ELSE d.durable_lsn END, 0) AS lag,
	COALESCE(d.needs_snapshot, false) AS needs_snapshot,
	CASE WHEN m.node_id = s.node_id THEN g.rows END AS rows,
	CASE WHEN m.node_id = s.node_id THEN g.missing_entries END AS missing_entries,
	CASE WHEN m.node_id = s.node_id THEN w.problem END AS problem
FROM quorate._partitions() p
JOIN quorate._tables() t USING (table_id)
CROSS JOIN LATERAL ROWS FROM (
	pg_catalog.unnest(p.members), pg_catalog.unnest(p.kinds)) AS m(node_id, kind)
JOIN quorate._nodes() n ON n.node_id = m.node_id
CROSS JOIN quorate._node_status() s
LEFT JOIN quorate._group_status() g USING (group_id)
LEFT JOIN LATERAL (
	SELECT x.durable_lsn, x.needs_snapshot
	FROM ROWS FROM (
		pg_catalog.unnest(g.member_nodes), pg_catalog.unnest(g.member_durable_lsns),
		pg_catalog.unnest(g.member_needs_snapshot)) AS x(node_id, durable_lsn, needs_snapshot)
	WHERE x.node_id = m.node_id AND g.leader = s.node_id) d ON true
LEFT JOIN (
	SELECT x.group_id, pg_catalog.string_agg(x.problem, '; ') AS problem
	FROM quorate._row_problems() x GROUP BY x.group_id) w USING (group_id);

COMMENT ON VIEW quorate.replicas IS
'replicas of every partition: exact for this node''s own, as acknowledged for the others where this node leads, null where it cannot know; lag in entries; rows: ready, copying, replaying (copied, not yet of one LSN), none (log replica); missing_entries: damaged in the log and not yet got from another node; problem: why the log is not applied, or rows are not copied, on this node';

CREATE FUNCTION quorate._copy_pause(OUT since timestamptz, OUT paused_by name)
RETURNS record
AS 'MODULE_PATHNAME', 'quorate_copy_pause'
LANGUAGE C VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION quorate._copy_pause() IS 'internal: since when the copying of rows is paused on this node, and by whom; nulls if it is not';

CREATE VIEW quorate.copies AS
SELECT
	t.table_name,
	p.partition,
	a.group_id,
	n.name AS node,
	f.name AS source,
	CASE a.rows WHEN 1 THEN 'clearing' WHEN 2 THEN 'copying' WHEN 3 THEN 'replaying' ELSE 'removing' END AS state,
	a.items,
	a.bytes,
	a.copy_started AS started,
	CASE WHEN c.group_id IS NOT NULL THEN
		(c.bytes / GREATEST(extract(epoch FROM pg_catalog.clock_timestamp() - c.since), 0.001))::bigint
	END AS rate,
	-- The metadata is copied all the same, and the log is applied by another process than the one that is paused.
	h.since IS NOT NULL AND a.group_id <> 1 AND a.rows <> 3 AS paused
FROM quorate_data.applied a
CROSS JOIN quorate._node_status() s
LEFT JOIN quorate._peers() n ON n.node_id = s.node_id
LEFT JOIN quorate._partitions() p ON p.group_id = a.group_id
LEFT JOIN quorate._tables() t ON t.table_id = p.table_id
LEFT JOIN quorate._copy_activity() c ON c.group_id = a.group_id
LEFT JOIN quorate._peers() f ON f.node_id = c.source
CROSS JOIN quorate._copy_pause() h
WHERE a.rows <> 0;

COMMENT ON VIEW quorate.copies IS
'replicas of this node whose rows are being copied from another node (source) or removed: items and bytes that are here, rate in bytes a second where the copier is at work; no table for the metadata';
COMMENT ON COLUMN quorate.copies.paused IS 'it waits for resume_copies()';

CREATE VIEW quorate.counters AS
SELECT name, value FROM quorate._counters();

COMMENT ON VIEW quorate.counters IS
'cumulative counters of this node since its start';

REVOKE ALL ON FUNCTION quorate._nodes(), quorate._tables(), quorate._partitions(), quorate._copy_pause(), quorate._row_problems() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
	quorate._nodes(), quorate._tables(), quorate._partitions(), quorate._autoadmin(),
	quorate._node_status(), quorate._group_status(), quorate._copy_activity(), quorate._copy_pause(),
	quorate._row_problems(), quorate._counters(), quorate._peers()
TO quorate_read, quorate_write, quorate_admin, quorate_peer, pg_monitor;
GRANT SELECT ON quorate.nodes, quorate.cluster, quorate.autoadmin, quorate.tables, quorate.partitions, quorate.replicas, quorate.copies, quorate.counters
TO quorate_read, quorate_write, quorate_admin, quorate_peer, pg_monitor;
