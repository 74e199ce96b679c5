-- What autoadmin is doing.
-- C: extension/sqlapi/plan_functions.c.

CREATE FUNCTION quorate._plans(OUT group_id bigint, OUT step text, OUT node_id integer, OUT for_ms bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'quorate_plans'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100;

COMMENT ON FUNCTION quorate._plans() IS
'internal: the step that autoadmin is at in each group that this node leads';

CREATE VIEW quorate.changes AS
SELECT
	COALESCE(t.table_name, '(metadata)') AS table_name,
	p.partition,
	x.group_id,
	x.step,
	n.name AS node,
	x.for_ms
FROM quorate._plans() x
LEFT JOIN quorate._partitions() p USING (group_id)
LEFT JOIN quorate._tables() t USING (table_id)
LEFT JOIN quorate._nodes() n ON n.node_id = x.node_id
WHERE x.step <> 'steady';

COMMENT ON VIEW quorate.changes IS
'groups that this node leads and whose members are not yet as the metadata wants them: what is being done or waited for, the node that it is about, and for how long (milliseconds)';

REVOKE ALL ON FUNCTION quorate._plans() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION quorate._plans() TO quorate_read, quorate_write, quorate_admin, quorate_peer, pg_monitor;
GRANT SELECT ON quorate.changes TO quorate_read, quorate_write, quorate_admin, quorate_peer, pg_monitor;
