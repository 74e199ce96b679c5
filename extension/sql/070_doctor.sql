-- Why is a partition unavailable or short of copies, and what is to be done?
-- C: extension/sqlapi/health_functions.c, and what the views rest on.
--
-- Each _doctor_* function looks at one subject and returns a row for each thing that is wrong; doctor() adds a line for
-- each check that found nothing, and keeps the list short. They know what this node knows, ask nobody and wait for
-- nothing, so that they answer where nothing else does.

CREATE FUNCTION quorate._is_preloaded() RETURNS boolean
AS 'MODULE_PATHNAME', 'quorate_is_preloaded'
LANGUAGE C VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION quorate._is_preloaded() IS 'internal: was the server started with the library?';

CREATE FUNCTION quorate._health(
	OUT launcher boolean, OUT replicator boolean, OUT applier boolean, OUT forwarder boolean, OUT copier boolean,
	OUT autoadmin boolean, OUT turn_ms_ago bigint, OUT sync_began_ms_ago bigint, OUT synced_ms_ago bigint,
	OUT log_full_ms_ago bigint)
RETURNS record
AS 'MODULE_PATHNAME', 'quorate_health'
LANGUAGE C VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION quorate._health() IS
'internal: which processes of the node run, and how long ago the replicator began a turn, began the sync of the log that is under way, ended one, had no room for a write';

CREATE FUNCTION quorate._peer_problems(OUT node_id integer, OUT problem text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'quorate_peer_problems'
LANGUAGE C VOLATILE PARALLEL SAFE ROWS 5;

COMMENT ON FUNCTION quorate._peer_problems() IS 'internal: why the stream to a node is down';

CREATE FUNCTION quorate._log_holders(OUT group_id bigint, OUT node_id integer, OUT entries bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'quorate_log_holders'
LANGUAGE C VOLATILE PARALLEL SAFE ROWS 100;

COMMENT ON FUNCTION quorate._log_holders() IS
'internal: the member that holds back most of the log of each group, and how many entries';

CREATE TYPE quorate._finding AS (
	"check" text, object text, status text, detail text, hint text);

COMMENT ON TYPE quorate._finding IS 'internal: something that doctor() found wrong';

-- ---------------------------------------------------------------- the server

CREATE FUNCTION quorate._doctor_settings() RETURNS SETOF quorate._finding
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT 'settings', w.name, w.status, format('%s is %s: %s', w.name, current_setting(w.name), w.why),
		format('Set %s = %s.', w.name, w.better)
	FROM (VALUES
		('fsync', 'off', 'FAIL', 'rows that were applied are lost with the power, and the log that they came from is gone', 'on'),
		('full_page_writes', 'off', 'FAIL', 'tables can be torn by a loss of power', 'on'),
		('wal_level', 'minimal', 'FAIL', 'no node can connect a stream to this one', 'replica'),
		('restart_after_crash', 'off', 'WARN', 'after a crash of any process this node stays away', 'on'),
		('zero_damaged_pages', 'on', 'WARN', 'damaged pages of item tables are emptied instead of being reported', 'off'),
		('ignore_checksum_failure', 'on', 'WARN', 'damaged pages are read as if they were whole', 'off'),
		('ignore_system_indexes', 'on', 'WARN', 'every look-up in the catalogs is a scan', 'off'),
		('autovacuum', 'off', 'WARN', 'old versions of rows pile up, and keys that change often get slow', 'on'),
		('track_counts', 'off', 'WARN', 'autovacuum does not run, and old versions of rows pile up', 'on')
	) AS w(name, bad, status, why, better)
	WHERE current_setting(w.name) = w.bad
	UNION ALL
	SELECT 'settings', 'quorate.heartbeat_interval', 'WARN',
		format('quorate.heartbeat_interval is %s ms and quorate.lease_duration %s ms: one lost heartbeat can end a lease', h.setting, l.setting),
		'Set quorate.heartbeat_interval to at most a fifth of quorate.lease_duration, on all nodes.'
	FROM pg_settings h, pg_settings l
	WHERE h.name = 'quorate.heartbeat_interval' AND l.name = 'quorate.lease_duration'
		AND h.setting::bigint * 5 > l.setting::bigint
	UNION ALL
	SELECT 'settings', 'quorate.rebuild_after', 'WARN',
		'quorate.rebuild_after is not above quorate.heal_after: rows are copied where a log replica would do',
		'Set quorate.rebuild_after well above quorate.heal_after, on all nodes.'
	FROM pg_settings r, pg_settings h
	WHERE r.name = 'quorate.rebuild_after' AND h.name = 'quorate.heal_after' AND r.setting::bigint <= h.setting::bigint;
END;

COMMENT ON FUNCTION quorate._doctor_settings() IS 'internal: settings of the server that hurt';

-- Room for the processes and connections that a cluster of so many nodes and partitions needs.
CREATE FUNCTION quorate._doctor_room() RETURNS SETOF quorate._finding
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH has AS (
		SELECT
			(SELECT count(*) FROM quorate._peers()) AS nodes,
			(SELECT max(node_id) FROM quorate._peers()) AS greatest_id,
			(SELECT count(*) FROM quorate._group_status()) AS groups)
	SELECT 'room', n.name, n.status, format('%s is %s, and %s', n.name, current_setting(n.name), n.why),
		format('Set %s to %s or more and restart the server.', n.name, n.needed)
	FROM has, LATERAL (VALUES
		('max_wal_senders', 'FAIL', (has.nodes - 1) * (current_setting('quorate.request_streams')::bigint + 2),
			format('the streams of %s other nodes need more', has.nodes - 1)),
		('max_worker_processes', 'FAIL', 7::bigint, 'six processes of quorate need one each'),
		('quorate.max_nodes', 'FAIL', has.greatest_id::bigint, format('node %s belongs to the cluster', has.greatest_id)),
		('quorate.max_groups', 'WARN', has.groups * 10 / 9, format('%s replicas are on this node', has.groups))
	) AS n(name, status, needed, why)
	WHERE current_setting(n.name)::bigint < n.needed;
END;

COMMENT ON FUNCTION quorate._doctor_room() IS 'internal: limits of the server that are too low';

CREATE FUNCTION quorate._doctor_version() RETURNS SETOF quorate._finding
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT 'version', 'quorate', 'WARN',
		format('the extension in this database is %s, the files on this machine are %s', e.extversion, a.default_version),
		'Bring both to one version: ALTER EXTENSION quorate UPDATE, or install the version that the database has.'
	FROM pg_extension e JOIN pg_available_extensions a ON a.name = e.extname
	WHERE e.extname = 'quorate' AND e.extversion <> a.default_version;
END;

-- Nodes of different releases, as an upgrade has them for a while.
CREATE FUNCTION quorate._doctor_releases() RETURNS SETOF quorate._finding
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT 'version', 'node ' || p.name, 'WARN', format('it runs release %s, this node %s', p.release, own.release),
		'Ordinary during an upgrade. When all nodes run the new release: quorate.finalize_upgrade().'
	FROM quorate._node_status() s
	JOIN quorate._peers() own ON own.node_id = s.node_id
	JOIN quorate._peers() p ON p.release <> own.release;
END;

COMMENT ON FUNCTION quorate._doctor_releases() IS 'internal: nodes that run another release than this one';

COMMENT ON FUNCTION quorate._doctor_version() IS 'internal: SQL and library of different versions';

-- ---------------------------------------------------------------- this node

CREATE FUNCTION quorate._doctor_node() RETURNS SETOF quorate._finding
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT 'node', 'this node', 'FAIL', COALESCE(s.reason, format('it is %s', s.state)),
		CASE
			WHEN s.state = 'unconfigured' THEN 'It belongs to no cluster: quorate.create_cluster() here, or quorate.add_node() on a node of one.'
			WHEN s.state = 'starting' THEN 'Wait for it, and read the server''s log if that takes long.'
			WHEN s.reason LIKE '%removed from its cluster%' THEN 'Call quorate.drop_cluster(force => true) here and quorate.add_node() on another node.'
			WHEN s.reason LIKE '%adopt_identity%' THEN 'If, and only if, the directory is this node''s last log, moved on purpose: quorate.adopt_identity(). See docs/operations.md.'
			WHEN s.reason LIKE '%cannot be read%' THEN 'It tries again every five seconds. If the disk is broken for good, call quorate.remove_node(..., force => true) on another node, quorate.drop_cluster(force => true) here, and quorate.add_node() there.'
			WHEN s.reason LIKE '%set back%' OR s.reason LIKE '%damage%' THEN 'Call quorate.remove_node(..., force => true) on another node, quorate.drop_cluster(force => true) here, and quorate.add_node() there.'
			WHEN s.reason LIKE '%reads versions %' THEN 'Install a release of quorate that reads it, and restart the server.'
			WHEN s.reason LIKE 'quorate.max_nodes%' THEN 'Raise quorate.max_nodes and restart the server.'
			ELSE 'Read the server''s log.'
		END
	FROM quorate._node_status() s
	WHERE s.state <> 'running';
END;

COMMENT ON FUNCTION quorate._doctor_node() IS 'internal: why this node does not take part';

CREATE FUNCTION quorate._doctor_processes() RETURNS SETOF quorate._finding
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT 'processes', w.name, 'FAIL', format('the %s does not run: %s', w.name, w.loss),
		'It is started again by itself; if it is not, read the server''s log and look at max_worker_processes.'
	FROM quorate._health() h
	CROSS JOIN quorate._node_status() s
	CROSS JOIN LATERAL (VALUES
		('launcher', h.launcher, false, 'nobody starts the others'),
		('replicator', h.replicator, false, 'this node takes no part in anything'),
		('applier', h.applier, true, 'nothing is applied to the tables here'),
		('forwarder', h.forwarder, true, 'clients of this node reach no other one'),
		('copier', h.copier, true, 'rows that are missing here stay missing'),
		('autoadmin', h.autoadmin, true, 'groups that this node leads are not healed')
	) AS w(name, runs, only_of_a_member, loss)
	WHERE NOT w.runs AND (s.state = 'running' OR NOT w.only_of_a_member)
	UNION ALL
	SELECT 'processes', 'replicator', 'FAIL',
		format('the replicator has done nothing for %s ms: it is stopped, or waits for its disk', h.turn_ms_ago),
		'Look at the process (pg_stat_activity, backend_type = ''quorate replicator'') and at the disk of quorate.log_directory.'
	FROM quorate._health() h CROSS JOIN quorate._node_status() s
	WHERE h.replicator AND s.state = 'running' AND h.turn_ms_ago > 2000
	UNION ALL
	SELECT 'processes', 'clock', 'FAIL', 'CLOCK_BOOTTIME of this machine went back', 'Restart the machine; no working one does that.'
	FROM quorate._health() h WHERE h.turn_ms_ago < -1000;
END;

COMMENT ON FUNCTION quorate._doctor_processes() IS 'internal: processes of this node that are not there or do nothing';

CREATE FUNCTION quorate._doctor_log() RETURNS SETOF quorate._finding
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT 'log', 'disk', 'FAIL', format('a sync of the log has taken %s ms so far', h.sync_began_ms_ago),
		'Until it ends this node leads nothing. Look at the disk of quorate.log_directory.'
	FROM quorate._health() h WHERE h.sync_began_ms_ago > 1000
	UNION ALL
	SELECT 'log', 'disk', 'WARN', format('the last sync of the log ended %s ms ago', h.synced_ms_ago),
		'An idle node syncs several times a second. Look at the replicator and at the disk of quorate.log_directory.'
	FROM quorate._health() h CROSS JOIN quorate._node_status() s
	WHERE s.state = 'running' AND h.sync_began_ms_ago IS NULL AND h.synced_ms_ago > 2000
	UNION ALL
	SELECT 'log', 'disk', 'FAIL', format('a write was refused %s ms ago because the log had no room', h.log_full_ms_ago),
		'Free space on the disk of quorate.log_directory, or see below who holds the log back.'
	FROM quorate._health() h WHERE h.log_full_ms_ago < 60000
	UNION ALL
	SELECT 'log', 'size', CASE WHEN s.log_bytes > l.bytes THEN 'FAIL' ELSE 'WARN' END,
		format('the log has %s of quorate.log_size_max = %s', pg_size_pretty(s.log_bytes), pg_size_pretty(l.bytes)),
		'At that size silent members are left behind, at twice that writes are refused. Bring back the nodes that hold it back, or remove them.'
	FROM quorate._node_status() s
	CROSS JOIN (SELECT setting::bigint * 1048576 AS bytes FROM pg_settings WHERE name = 'quorate.log_size_max') l
	WHERE s.log_bytes > l.bytes * 3 / 4
	UNION ALL
	SELECT 'log', COALESCE('node ' || p.name, 'node ' || x.node_id), 'WARN',
		format('it holds back %s entries of the logs of %s groups', x.entries, x.groups),
		CASE WHEN x.node_id = s.node_id
			THEN 'The applier of this node does not keep up: read the server''s log, look for locks and for full disks.'
			ELSE 'It is silent, or does not apply what it gets: run quorate.doctor() there.' END
	FROM (SELECT node_id, sum(entries) AS entries, count(*) AS groups FROM quorate._log_holders() GROUP BY node_id) x
	CROSS JOIN quorate._node_status() s
	LEFT JOIN quorate._peers() p ON p.node_id = x.node_id
	WHERE x.entries > 100000;
END;

COMMENT ON FUNCTION quorate._doctor_log() IS 'internal: what is wrong with this node''s log and its disk';

-- ---------------------------------------------------------------- the cluster

-- Nodes as this one sees them: whether each is heard now.
CREATE FUNCTION quorate._doctor_heard(
	OUT node_id integer, OUT name text, OUT zone text, OUT is_self boolean, OUT is_heard boolean, OUT why_not text)
RETURNS SETOF record
LANGUAGE sql VOLATILE ROWS 5 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT p.node_id, p.name, p.zone, p.node_id = s.node_id,
		p.node_id = s.node_id OR (NOT p.set_back AND COALESCE(p.heard_ms_ago < 2000, false)),
		CASE
			WHEN p.set_back THEN 'its log was set back to an older state, and what it says is dropped'
			ELSE concat_ws(': ',
				CASE WHEN p.heard_ms_ago IS NULL THEN 'never heard since this node started'
					ELSE format('not heard for %s s', round(p.heard_ms_ago / 1000.0, 1)) END,
				split_part(x.problem, chr(10), 1))
		END
	FROM quorate._peers() p
	CROSS JOIN quorate._node_status() s
	LEFT JOIN quorate._peer_problems() x ON x.node_id = p.node_id;
END;

COMMENT ON FUNCTION quorate._doctor_heard() IS 'internal: which nodes are heard, and what is known of the others';

CREATE FUNCTION quorate._doctor_peers() RETURNS SETOF quorate._finding
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT 'nodes', 'node ' || h.name, 'FAIL', h.why_not,
		CASE WHEN p.set_back
			THEN 'Call quorate.remove_node(..., force => true) here, quorate.drop_cluster(force => true) there, then quorate.add_node().'
			ELSE 'Start it, or mend the network between the nodes. If it is lost for good: quorate.replace_node().' END
	FROM quorate._doctor_heard() h JOIN quorate._peers() p USING (node_id)
	WHERE NOT h.is_heard
	UNION ALL
	SELECT 'nodes', 'node ' || h.name, 'WARN', format('it is heard, but this node cannot reach it: %s', split_part(x.problem, chr(10), 1)),
		'Look at pg_hba.conf and max_wal_senders there, and at its connection string in quorate.nodes.'
	FROM quorate._doctor_heard() h JOIN quorate._peer_problems() x USING (node_id)
	WHERE h.is_heard AND NOT h.is_self;
END;

COMMENT ON FUNCTION quorate._doctor_peers() IS 'internal: nodes that are not heard or not reached';

CREATE FUNCTION quorate._doctor_standings() RETURNS SETOF quorate._finding
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT 'nodes', 'node ' || n.name, 'WARN', format('it is %s', n.standing),
		CASE n.standing
			WHEN 'draining' THEN 'It leads nothing until quorate.resume_node().'
			WHEN 'leaving' THEN 'It is being removed; quorate.remove_node() again ends that, quorate.resume_node() takes it back.'
			ELSE 'quorate.add_node() has not ended; if its caller is gone, quorate.remove_node() it and add it again.' END
	FROM quorate._nodes() n WHERE n.standing <> 'active';
END;

COMMENT ON FUNCTION quorate._doctor_standings() IS 'internal: nodes that come, go or are drained';

CREATE FUNCTION quorate._doctor_autoadmin() RETURNS SETOF quorate._finding
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT 'autoadmin', x.name, 'WARN', format('%s is switched off: %s', x.name, x.loss),
		format('Switch it on when the work is done: quorate.set_autoadmin(%s => true).', x.name)
	FROM quorate._autoadmin() a
	CROSS JOIN LATERAL (VALUES
		('healing', a.healing, 'what is lost is not replaced'),
		('balancing', a.balancing, 'leaders and replicas stay where they are')) AS x(name, is_on, loss)
	WHERE NOT x.is_on;
END;

COMMENT ON FUNCTION quorate._doctor_autoadmin() IS 'internal: switches that are off';

-- ---------------------------------------------------------------- partitions

-- Of every partition, and of the metadata: its members as the replica here has them, else as the metadata has them.
CREATE FUNCTION quorate._doctor_groups(
	OUT group_id bigint, OUT object text, OUT is_here boolean, OUT counting bigint, OUT heard bigint, OUT copies bigint,
	OUT log_replicas bigint, OUT silent text, OUT shared_zone text, OUT wanted integer)
RETURNS SETOF record
LANGUAGE sql VOLATILE ROWS 1000 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH heard AS MATERIALIZED (SELECT * FROM quorate._doctor_heard()),
	named AS MATERIALIZED (
		SELECT p.group_id, format('%s partition %s', t.table_name, p.partition) AS object, p.members, p.kinds
		FROM quorate._partitions() p JOIN quorate._tables() t USING (table_id)),
	groups AS (
		SELECT group_id, COALESCE(n.object, CASE WHEN group_id = 1 THEN 'metadata' ELSE 'group ' || group_id END) AS object,
			g.group_id IS NOT NULL AS is_here, COALESCE(g.member_nodes, n.members) AS nodes,
			COALESCE(g.member_kinds, n.kinds) AS kinds, cardinality(n.members) AS wanted
		FROM quorate._group_status() g FULL JOIN named n USING (group_id))
	SELECT g.group_id, g.object, g.is_here,
		count(*) FILTER (WHERE m.kind <> 'learner'),
		count(*) FILTER (WHERE m.kind <> 'learner' AND h.is_heard),
		count(*) FILTER (WHERE m.kind = 'storage' AND h.is_heard),
		count(*) FILTER (WHERE m.kind = 'log' AND h.is_heard),
		string_agg(COALESCE(h.name, 'node ' || m.node_id), ', ' ORDER BY m.node_id)
			FILTER (WHERE m.kind <> 'learner' AND h.is_heard IS NOT TRUE),
		string_agg(h.name || ' in ' || h.zone, ', ' ORDER BY m.node_id) FILTER (WHERE m.kind = 'storage' AND EXISTS (
			SELECT FROM ROWS FROM (unnest(g.nodes), unnest(g.kinds)) AS o(node_id, kind) JOIN heard oh ON oh.node_id = o.node_id
			WHERE o.kind = 'storage' AND o.node_id <> m.node_id AND oh.zone = h.zone)),
		g.wanted
	FROM groups g
	CROSS JOIN LATERAL ROWS FROM (unnest(g.nodes), unnest(g.kinds)) AS m(node_id, kind)
	LEFT JOIN heard h ON h.node_id = m.node_id
	GROUP BY g.group_id, g.object, g.is_here, g.wanted;
END;

COMMENT ON FUNCTION quorate._doctor_groups() IS
'internal: members of each group: how many count, how many of those are heard, and who is not';

CREATE FUNCTION quorate._doctor_partitions() RETURNS SETOF quorate._finding
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH self AS MATERIALIZED (SELECT node_id FROM quorate._node_status()),
	nodes AS MATERIALIZED (SELECT * FROM quorate._doctor_heard()),
	groups AS MATERIALIZED (SELECT g.*, g.counting / 2 + 1 AS quorum FROM quorate._doctor_groups() g),
	here AS MATERIALIZED (SELECT * FROM quorate._group_status()),
	plans AS MATERIALIZED (SELECT * FROM quorate._plans())
	-- Without a quorum nothing else matters.
	SELECT 'quorum', g.object, 'FAIL',
		format('%s of %s members that count are heard, and a quorum is %s; silent: %s', g.heard, g.counting, g.quorum, g.silent),
		'Bring back the silent nodes. If they are lost for good: quorate.recover_quorum(), see docs/operations.md.'
	FROM groups g WHERE g.heard < g.quorum
	UNION ALL
	SELECT 'leader', g.object, 'FAIL',
		CASE
			WHEN x.leader IS NULL THEN format('this node knows no leader; its replica is %s', CASE x.role WHEN 'follower' THEN 'waiting' ELSE x.role END)
			WHEN x.leader = self.node_id AND x.lease_remaining_ms = 0 THEN 'this node leads it and has no lease: a quorum does not answer in time, or its disk does not'
			WHEN x.leader = self.node_id THEN format('this node leads it and applies the log before it serves, up to LSN %s', x.start_lsn)
			ELSE format('its leader, node %s, is not heard', COALESCE(n.name, x.leader::text))
		END,
		'Ordinary for a second or two after a failure. If it stays, run quorate.doctor() on the other members, too.'
	FROM groups g JOIN here x USING (group_id) CROSS JOIN self LEFT JOIN nodes n ON n.node_id = x.leader
	WHERE g.heard >= g.quorum AND (x.leader IS NULL
		OR (x.leader = self.node_id AND (x.lease_remaining_ms = 0 OR x.applied_lsn < x.start_lsn))
		OR (x.leader <> self.node_id AND n.is_heard IS NOT TRUE))
	UNION ALL
	SELECT 'copies', g.object, 'WARN',
		concat_ws('; ', format('%s of %s copies', g.copies, GREATEST(g.wanted, LEAST(3, (SELECT count(*) FROM nodes)))),
			CASE WHEN g.log_replicas > 0 THEN format('log replicas that stand in: %s', g.log_replicas) END,
			'silent: ' || g.silent,
			CASE WHEN p.step = 'steady' THEN 'autoadmin has not begun to do anything about it'
				WHEN p.step IS NOT NULL THEN format('autoadmin: %s%s, for %s s', p.step, ' ' || pn.name, p.for_ms / 1000) END),
		CASE
			WHEN p.step = 'waiting for a quorum of the members to be' THEN 'The next change would leave members of which no quorum is heard: it waits until the silent node is back, or counts as away.'
			WHEN p.step = 'no node for a log replica' THEN 'Every node has a replica, or is silent: bring the silent node back, or quorate.replace_node() it.'
			WHEN p.step = 'steady' THEN 'It begins after quorate.heal_after, if healing is switched on.'
			WHEN p.step IS NULL THEN 'Its leader''s node knows what is done about it: see quorate.changes there.'
			ELSE 'It is being healed: see quorate.changes, and quorate.copies and quorate.doctor() on the node that is named.'
		END
	FROM groups g LEFT JOIN plans p USING (group_id) LEFT JOIN nodes pn ON pn.node_id = p.node_id
	WHERE g.heard >= g.quorum AND g.group_id <> 1
		AND g.copies < GREATEST(g.wanted, LEAST(3, (SELECT count(*) FROM nodes)))
	UNION ALL
	SELECT 'copies', 'cluster', 'WARN', format('the cluster has %s of three nodes, so each partition has %s', count(*), CASE count(*) WHEN 1 THEN 'one copy' ELSE 'two copies' END),
		'For development only. quorate.add_node(), until there are three in three zones.'
	FROM nodes HAVING count(*) < 3
	UNION ALL
	SELECT 'changes', g.object, 'WARN',
		format('%s%s, for %s s', p.step, ' ' || n.name, p.for_ms / 1000),
		'Ordinary while nodes come, go or are healed; quorate.copies shows rows that are copied. If it stays, look at that node.'
	FROM plans p JOIN groups g USING (group_id) LEFT JOIN nodes n ON n.node_id = p.node_id
	WHERE p.step <> 'steady' AND p.for_ms > 10000
	UNION ALL
	SELECT 'zones', g.object, 'WARN', 'copies in one zone: ' || g.shared_zone,
		'One failure can take both. Add a node in another zone; balancing moves a replica there.'
	FROM groups g WHERE g.shared_zone IS NOT NULL
	UNION ALL
	SELECT 'rows', g.object, 'WARN', format('the rows of this node''s replica are %s', COALESCE(x.rows, 'not known yet')),
		CASE WHEN h.since IS NOT NULL AND x.rows = 'copying' AND g.group_id <> 1
			THEN 'Until they are ready it neither leads nor answers. Copying is paused here; it goes on after quorate.resume_copies().'
			ELSE 'Until they are ready it neither leads nor answers. quorate.copies shows the progress, the server''s log why there is none.' END
	FROM here x JOIN groups g USING (group_id) CROSS JOIN quorate._copy_pause() h
	WHERE COALESCE(x.rows, '') NOT IN ('ready', 'none')
	UNION ALL
	SELECT 'rows', g.object, 'WARN', format('%s committed entries are not applied here yet', x.commit_lsn - x.applied_lsn),
		'If that grows, the applier does not keep up or has stopped: read the server''s log.'
	FROM here x JOIN groups g USING (group_id)
	WHERE x.rows = 'ready' AND x.commit_lsn - x.applied_lsn > 10000
	UNION ALL
	SELECT 'rows', COALESCE(g.object, 'this node'), CASE w.process WHEN 'applier' THEN 'FAIL' ELSE 'WARN' END, w.problem,
		CASE WHEN w.stopped_lsn IS NOT NULL THEN 'Install the release of quorate that the other nodes run, and restart the server.'
			ELSE 'It is started again and goes on where it was. If this stays, mend what the message names; the server''s log has more of it.' END
	FROM quorate._row_problems() w LEFT JOIN groups g USING (group_id)
	UNION ALL
	SELECT 'log', g.object, 'WARN', format('%s entries of its log are damaged here and not yet got from another node', x.missing_entries),
		'They are got from the other members by themselves. If they stay, look whether those are heard; and at the disk. What no member has any more is lost: see docs/operations.md.'
	FROM here x JOIN groups g USING (group_id)
	WHERE x.missing_entries > 0
	UNION ALL
	SELECT 'followers', g.object, 'WARN', format('node %s lacks %s entries', COALESCE(n.name, m.node_id::text), x.commit_lsn - m.durable_lsn),
		'It was away, or its disk or network is slow: run quorate.doctor() there.'
	FROM here x JOIN groups g USING (group_id) CROSS JOIN self
	CROSS JOIN LATERAL ROWS FROM (unnest(x.member_nodes), unnest(x.member_durable_lsns)) AS m(node_id, durable_lsn)
	JOIN nodes n ON n.node_id = m.node_id AND n.is_heard
	WHERE x.leader = self.node_id AND m.durable_lsn > 0 AND x.commit_lsn - m.durable_lsn > 10000;
END;

COMMENT ON FUNCTION quorate._doctor_partitions() IS 'internal: groups without quorum, leader, copies or rows';

-- A pause that was forgotten leaves partitions short of copies, whatever is well otherwise.
CREATE FUNCTION quorate._doctor_copies() RETURNS SETOF quorate._finding
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT 'rows', 'this node', 'WARN',
		format('the copying and removing of rows has been paused here for %s s by %s; replicas that wait: %s',
			extract(epoch FROM clock_timestamp() - h.since)::bigint, h.paused_by, (SELECT count(*) FROM quorate.copies WHERE paused)),
		'quorate.resume_copies() on this node has them go on where they were. Until then partitions may be short of a copy.'
	FROM quorate._copy_pause() h
	WHERE h.since IS NOT NULL;
END;

COMMENT ON FUNCTION quorate._doctor_copies() IS 'internal: is the copying of rows paused here?';

-- Since this node runs, its applier has not looked at the rows of the metadata. Ordinary for a moment, in which whoever reads the
-- metadata is kept waiting; doctor() does not wait.
CREATE FUNCTION quorate._metadata_is_unknown() RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
RETURN EXISTS (SELECT FROM quorate._group_status() g WHERE g.group_id = 1 AND g.rows IS NULL);

COMMENT ON FUNCTION quorate._metadata_is_unknown() IS 'internal: nobody has looked at the metadata here since the start';

CREATE FUNCTION quorate._doctor_metadata() RETURNS SETOF quorate._finding
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT 'metadata', 'this node', 'FAIL',
		CASE WHEN u.is_unknown THEN 'the applier of this node has not looked at the metadata yet: it does not know tables and partitions'
			ELSE 'this node has no complete copy of the metadata: it does not know tables and partitions' END,
		CASE WHEN u.is_unknown THEN 'It does so when it starts: see whether it runs, and read the server''s log.'
			ELSE 'It gets one from the other nodes by itself, if a quorum of them holds the metadata.' END
	FROM quorate._node_status() s CROSS JOIN quorate._metadata_is_unknown() AS u(is_unknown)
	WHERE s.state = 'running' AND CASE WHEN u.is_unknown THEN true ELSE NOT EXISTS (SELECT FROM quorate._nodes()) END;
END;

COMMENT ON FUNCTION quorate._doctor_metadata() IS 'internal: is the metadata here?';

-- ---------------------------------------------------------------- all of it

CREATE FUNCTION quorate._doctor_findings() RETURNS SETOF quorate._finding
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT * FROM quorate._doctor_settings();
	RETURN QUERY SELECT * FROM quorate._doctor_version();
	IF NOT quorate._is_preloaded() THEN
		RETURN QUERY SELECT 'node', 'this node', 'FAIL', 'the server was started without the library of quorate',
			'Add quorate to shared_preload_libraries and restart the server.';
		RETURN;
	END IF;
	RETURN QUERY SELECT * FROM quorate._doctor_node();
	RETURN QUERY SELECT * FROM quorate._doctor_processes();
	RETURN QUERY SELECT * FROM quorate._doctor_log();
	IF (SELECT state <> 'running' FROM quorate._node_status()) THEN
		RETURN;
	END IF;
	RETURN QUERY SELECT * FROM quorate._doctor_room();
	RETURN QUERY SELECT * FROM quorate._doctor_releases();
	RETURN QUERY SELECT * FROM quorate._doctor_peers();
	RETURN QUERY SELECT * FROM quorate._doctor_metadata();
	IF quorate._metadata_is_unknown() THEN
		RETURN;
	END IF;
	RETURN QUERY SELECT * FROM quorate._doctor_standings();
	RETURN QUERY SELECT * FROM quorate._doctor_autoadmin();
	RETURN QUERY SELECT * FROM quorate._doctor_copies();
	RETURN QUERY SELECT * FROM quorate._doctor_partitions();
END
$$;

COMMENT ON FUNCTION quorate._doctor_findings() IS 'internal: everything that is wrong, as this node knows it';

CREATE FUNCTION quorate.doctor(
	OUT "check" text, OUT object text, OUT status text, OUT detail text, OUT hint text)
RETURNS SETOF record
LANGUAGE sql VOLATILE ROWS 20 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH findings AS MATERIALIZED (SELECT * FROM quorate._doctor_findings()),
	checks(place, "check", needs_cluster, needs_metadata, fine) AS (VALUES
		(1, 'node', false, false, 'this node takes part in its cluster'),
		(2, 'processes', false, false, 'all processes of this node run'),
		(3, 'settings', false, false, 'no setting of the server is known to hurt'),
		(4, 'version', false, false, 'no difference of versions is known'),
		(5, 'log', false, false, 'the log has room, and its disk answers'),
		(6, 'room', true, false, 'the limits of the server leave room'),
		(7, 'nodes', true, true, 'all nodes are heard and active'),
		(8, 'autoadmin', true, true, 'healing and balancing are on'),
		(9, 'metadata', true, false, 'this node has the metadata'),
		(10, 'quorum', true, true, 'all groups have a quorum'),
		(11, 'leader', true, true, 'all groups with a replica here have a leader that serves'),
		(12, 'copies', true, true, 'all partitions have their copies'),
		(13, 'changes', true, true, 'no change of members takes long'),
		(14, 'zones', true, true, 'the copies of each partition are in different zones'),
		(15, 'rows', true, true, 'the rows of this node''s replicas are complete and up to date'),
		(16, 'followers', true, true, 'the followers of the groups led here keep up')),
	numbered AS (
		SELECT f.*, row_number() OVER (PARTITION BY f."check" ORDER BY f.status, f.object) AS number
		FROM findings f),
	lines AS (
		SELECT n."check", n.object, n.status, n.detail, n.hint, n.number FROM numbered n WHERE n.number <= 10
		UNION ALL
		SELECT n."check", format('%s more', count(*)), min(n.status), format('of them %s FAIL', count(*) FILTER (WHERE n.status = 'FAIL')),
			'The first ten are shown; see the views quorate.partitions, quorate.replicas and quorate.changes.', 11
		FROM numbered n WHERE n.number > 10 GROUP BY n."check"
		UNION ALL
		SELECT c."check", NULL, 'OK', c.fine, NULL, 0
		FROM checks c
		WHERE NOT EXISTS (SELECT FROM findings f WHERE f."check" = c."check")
			AND NOT (c.needs_metadata AND EXISTS (SELECT FROM findings f WHERE f."check" = 'metadata'))
			AND NOT EXISTS (SELECT FROM findings f WHERE f."check" = 'node' AND (c.needs_cluster OR c."check" IN ('processes', 'log'))))
	SELECT l."check", l.object, l.status, l.detail, l.hint
	FROM lines l JOIN checks c USING ("check")
	ORDER BY c.place, l.number;
END;

COMMENT ON FUNCTION quorate.doctor() IS
'what is wrong with this node and, as far as it knows, with the cluster, and what to do about it: one line a check that found nothing, one line an object otherwise';

REVOKE ALL ON FUNCTION
	quorate._is_preloaded(), quorate._health(), quorate._peer_problems(), quorate._log_holders(),
	quorate._doctor_settings(), quorate._doctor_room(), quorate._doctor_version(), quorate._doctor_releases(), quorate._doctor_node(),
	quorate._doctor_processes(), quorate._doctor_log(), quorate._doctor_heard(), quorate._doctor_peers(), quorate._doctor_standings(),
	quorate._doctor_autoadmin(), quorate._doctor_groups(), quorate._doctor_partitions(), quorate._doctor_metadata(), quorate._metadata_is_unknown(), quorate._doctor_copies(),
	quorate._doctor_findings(), quorate.doctor()
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
	quorate._is_preloaded(), quorate._health(), quorate._peer_problems(), quorate._log_holders(),
	quorate._doctor_settings(), quorate._doctor_room(), quorate._doctor_version(), quorate._doctor_releases(), quorate._doctor_node(),
	quorate._doctor_processes(), quorate._doctor_log(), quorate._doctor_heard(), quorate._doctor_peers(), quorate._doctor_standings(),
	quorate._doctor_autoadmin(), quorate._doctor_groups(), quorate._doctor_partitions(), quorate._doctor_metadata(), quorate._metadata_is_unknown(), quorate._doctor_copies(),
	quorate._doctor_findings(), quorate.doctor()
TO quorate_read, quorate_write, quorate_admin, quorate_peer, pg_monitor;
