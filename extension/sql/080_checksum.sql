-- Comparing replicas: the same on every node for the same applied LSN.

CREATE FUNCTION quorate.checksum(
	table_name text,
	OUT partition integer,
	OUT applied_lsn bigint,
	OUT items bigint,
	OUT bytes bigint,
	OUT checksum text)
	RETURNS SETOF record
	LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'quorate_checksum';
REVOKE EXECUTE ON FUNCTION quorate.checksum(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION quorate.checksum(text) TO quorate_admin;
COMMENT ON FUNCTION quorate.checksum(text) IS
	'reads and verifies every item of this node''s replicas of a table; one line a partition: up to which LSN they are '
	'applied, number of items, bytes of positions and encoded items, checksum; equal on all nodes at the same LSN; '
	'null while the rows are being copied from another node';
