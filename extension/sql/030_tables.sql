-- This node's replicas: one relation an item table, quorate_data.t<id>, made by the reconciler when it learns of the
-- table; t1 is the metadata. Only applier and copier change them; see docs/operations.md.

CREATE SCHEMA quorate_data;
COMMENT ON SCHEMA quorate_data IS 'quorate: this node''s replicas of item tables; changed by the extension alone';
GRANT USAGE ON SCHEMA quorate_data TO quorate_admin;

CREATE TABLE quorate_data.applied (
	group_id bigint PRIMARY KEY,
	applied_lsn bigint NOT NULL,
	items bigint NOT NULL,
	bytes bigint NOT NULL,
	rows smallint NOT NULL,
	copy_lsn bigint NOT NULL,
	copy_position bytea NOT NULL,
	copy_started timestamptz NOT NULL
) WITH (fillfactor = 20);
COMMENT ON TABLE quorate_data.applied IS 'how far each replication group''s log is applied to this node''s tables';
COMMENT ON COLUMN quorate_data.applied.group_id IS 'replication group: one a partition';
COMMENT ON COLUMN quorate_data.applied.applied_lsn IS 'the last entry of the group''s log whose effects are in the tables';
COMMENT ON COLUMN quorate_data.applied.items IS 'items of the partition on this node';
COMMENT ON COLUMN quorate_data.applied.bytes IS 'bytes of their positions and encoded items, before compression';
COMMENT ON COLUMN quorate_data.applied.rows IS
'0: the rows are those of applied_lsn; otherwise they are being 1 cleared, 2 copied, 3 brought up to copy_lsn, 4 removed';
COMMENT ON COLUMN quorate_data.applied.copy_lsn IS 'no row that was copied from another replica shows anything later';
COMMENT ON COLUMN quorate_data.applied.copy_position IS 'up to here rows are copied or removed';
COMMENT ON COLUMN quorate_data.applied.copy_started IS 'since when they are being copied or removed';
GRANT SELECT ON quorate_data.applied TO quorate_admin;

CREATE TABLE quorate_data.copy_pause (
	is_paused boolean PRIMARY KEY CHECK (is_paused),
	since timestamptz NOT NULL,
	paused_by name NOT NULL
);
COMMENT ON TABLE quorate_data.copy_pause IS 'one row while quorate.pause_copies() is in force on this node';
COMMENT ON COLUMN quorate_data.copy_pause.is_paused IS 'true';
COMMENT ON COLUMN quorate_data.copy_pause.since IS 'when it was called';
COMMENT ON COLUMN quorate_data.copy_pause.paused_by IS 'the role that called it';
GRANT SELECT ON quorate_data.copy_pause TO quorate_admin;

CREATE FUNCTION quorate._create_metadata_relation() RETURNS void
	LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'quorate_create_metadata_relation';
SELECT quorate._create_metadata_relation();
DROP FUNCTION quorate._create_metadata_relation();
