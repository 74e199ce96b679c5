-- Going on when a quorum is lost for good (docs/decisions/0010-recover-quorum.md).
-- C: extension/sqlapi/recover_quorum.c

CREATE FUNCTION quorate.recover_quorum(
	lost_nodes text[], accept_data_loss boolean DEFAULT false,
	OUT object text, OUT group_id bigint, OUT outcome text, OUT last_lsn bigint,
	OUT commit_lsn bigint, OUT heard_ms_ago bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'quorate_recover_all'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100;

COMMENT ON FUNCTION quorate.recover_quorum(text[], boolean) IS
'goes on with what this node has of every partition that has lost its quorum with these nodes, for good, and removes them; what they alone acknowledged is lost';

CREATE FUNCTION quorate.recover_quorum(
	table_name text, partition integer, lost_nodes text[], accept_data_loss boolean DEFAULT false,
	OUT object text, OUT group_id bigint, OUT outcome text, OUT last_lsn bigint,
	OUT commit_lsn bigint, OUT heard_ms_ago bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'quorate_recover_partition'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1;

COMMENT ON FUNCTION quorate.recover_quorum(text, integer, text[], boolean) IS
'goes on with what this node has of one partition that has lost its quorum with these nodes, for good; what they alone acknowledged is lost';

CREATE FUNCTION quorate.recover_metadata_quorum(
	lost_nodes text[], accept_data_loss boolean DEFAULT false,
	OUT object text, OUT group_id bigint, OUT outcome text, OUT last_lsn bigint,
	OUT commit_lsn bigint, OUT heard_ms_ago bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'quorate_recover_metadata'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1;

COMMENT ON FUNCTION quorate.recover_metadata_quorum(text[], boolean) IS
'the same for the metadata: which nodes, tables and partitions there are';

REVOKE ALL ON FUNCTION
	quorate.recover_quorum(text[], boolean),
	quorate.recover_quorum(text, integer, text[], boolean),
	quorate.recover_metadata_quorum(text[], boolean)
FROM PUBLIC;
