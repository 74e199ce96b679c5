-- Everything that takes long, in one view. It rests on the other views.

-- A position as a fraction of all positions: they begin with a hash, so rows are spread evenly over them.
CREATE FUNCTION quorate._position_fraction("position" bytea) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN ('x' || encode(substr("position" || '\x00000000000000'::bytea, 1, 6), 'hex'))::bit(48)::bigint / 2.0 ^ 48;

COMMENT ON FUNCTION quorate._position_fraction(bytea) IS 'internal: a position as a fraction of all positions';

CREATE VIEW quorate.operations AS
-- Rows that this node copies or removes.
SELECT
	CASE WHEN a.rows = 4 THEN 'remove rows' ELSE 'copy rows' END AS operation,
	COALESCE(pg_catalog.format('%s partition %s', t.table_name, p.partition),
		CASE WHEN a.group_id = 1 THEN 'metadata' ELSE 'group ' || a.group_id END) AS object,
	s.name AS node,
	CASE WHEN c.paused THEN 'paused'
		ELSE CASE a.rows WHEN 1 THEN 'clearing' WHEN 2 THEN 'copying' WHEN 3 THEN 'replaying the log' ELSE 'removing' END
	END AS step,
	a.bytes AS done,
	CASE
		WHEN a.rows = 2 AND f.percent > 0 THEN (a.bytes * (100 - f.percent) / f.percent)::bigint
		WHEN a.rows = 3 THEN 0
	END AS remaining,
	'bytes' AS unit,
	CASE a.rows WHEN 2 THEN f.percent WHEN 3 THEN 100 END AS percent,
	(extract(epoch FROM pg_catalog.clock_timestamp() - a.copy_started) * 1000)::bigint AS for_ms,
	-- The metadata is not paused, and what is copied is soon replayed.
	CASE WHEN c.paused THEN 'resume_copies' WHEN a.group_id <> 1 AND a.rows <> 3 THEN 'pause_copies' END AS stop_with
FROM quorate_data.applied a
JOIN quorate.copies c USING (group_id)
CROSS JOIN (SELECT n.name FROM quorate._node_status() x JOIN quorate._peers() n ON n.node_id = x.node_id) s
LEFT JOIN quorate._partitions() p ON p.group_id = a.group_id
LEFT JOIN quorate._tables() t ON t.table_id = p.table_id
CROSS JOIN LATERAL (
	SELECT pg_catalog.round((100 * GREATEST(0, LEAST(1,
		(quorate._position_fraction(a.copy_position) - quorate._position_fraction(COALESCE(p.position_from, '')))
		/ (COALESCE(quorate._position_fraction(p.position_to), 1) - quorate._position_fraction(COALESCE(p.position_from, ''))))))::numeric, 1)
	AS percent) f
WHERE a.rows <> 0
UNION ALL
-- Nodes that come, go or are to lead nothing: the metadata has what was asked for.
SELECT
	CASE n.standing WHEN 'joining' THEN 'add_node' WHEN 'draining' THEN 'drain_node' ELSE 'remove_node' END,
	'node ' || n.name,
	n.name,
	CASE n.standing
		WHEN 'joining' THEN 'add_node() has not ended'
		WHEN 'draining' THEN CASE WHEN g.led > 0 THEN 'handing over' ELSE 'drained' END
		ELSE CASE WHEN g.members > 0 OR w.wanted > 0 THEN 'replicas are made elsewhere' ELSE 'remove_node() has to end it' END
	END,
	NULL,
	CASE n.standing WHEN 'draining' THEN g.led WHEN 'leaving' THEN GREATEST(g.members, w.wanted) END,
	'groups',
	NULL,
	NULL,
	CASE n.standing WHEN 'joining' THEN 'remove_node' ELSE 'resume_node' END
FROM quorate._nodes() n
CROSS JOIN LATERAL (
	SELECT
		pg_catalog.count(*) FILTER (WHERE x.leader = n.node_id) AS led,
		-- The metadata is learned by a leaving node to its end.
		pg_catalog.count(*) FILTER (WHERE EXISTS (
			SELECT FROM ROWS FROM (pg_catalog.unnest(x.member_nodes), pg_catalog.unnest(x.member_kinds)) AS m (node, kind)
			WHERE m.node = n.node_id AND NOT (x.group_id = 1 AND m.kind = 'learner'))) AS members
	FROM quorate._group_status() x) g
CROSS JOIN LATERAL (
	SELECT pg_catalog.count(*) AS wanted FROM quorate._partitions() x WHERE n.node_id = ANY (x.members)) w
WHERE n.standing <> 'active'
UNION ALL
-- What autoadmin does to the groups that this node leads: those at one step, about one node, are one line.
SELECT
	'change members',
	CASE WHEN pg_catalog.count(*) = 1 THEN pg_catalog.min(c.table_name || COALESCE(' partition ' || c.partition, ''))
		ELSE pg_catalog.count(*) || ' groups' END,
	c.node, c.step, NULL, pg_catalog.count(*), 'groups', NULL, pg_catalog.max(c.for_ms), 'set_autoadmin'
FROM quorate.changes c
GROUP BY c.node, c.step;

COMMENT ON VIEW quorate.operations IS
'everything under way that takes long, as this node knows it: rows copied or removed here, nodes that come, go or drain, groups led here whose members change. All of it is recorded, goes on after a crash or a cancelled call, and is halted by stop_with';
COMMENT ON COLUMN quorate.operations.remaining IS 'for rows estimated from the position that the copy has reached';
COMMENT ON COLUMN quorate.operations.stop_with IS
'the function that takes it back, or halts it; of what is halted, the one that has it go on; null for rows of the metadata and for those that are replayed';

REVOKE ALL ON FUNCTION quorate._position_fraction(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION quorate._position_fraction(bytea) TO quorate_read, quorate_write, quorate_admin, quorate_peer, pg_monitor;
GRANT SELECT ON quorate.operations TO quorate_read, quorate_write, quorate_admin, quorate_peer, pg_monitor;
