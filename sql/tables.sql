-- create_table, drop_table, transfer_leader. Needs the cluster that cluster.sql made.
SET search_path = quorate, public;
\set VERBOSITY terse
\set SHOW_CONTEXT never

-- Names: 3 to 255 of a-z A-Z 0-9 _ . -
SELECT create_table('ab', 'pk');
SELECT create_table(repeat('a', 256), 'pk');
SELECT create_table('bad name', 'pk');
SELECT create_table('bäd', 'pk');
SELECT create_table(NULL, 'pk');
SELECT create_table(repeat('Long-name.', 25) || 'x_255', 'pk');
SELECT put_item(repeat('Long-name.', 25) || 'x_255', '{"pk": {"S": "1"}}');
SELECT get_item(repeat('Long-name.', 25) || 'x_255', '{"pk": {"S": "1"}}', true);
SELECT drop_table(repeat('Long-name.', 25) || 'x_255');

-- Keys
SELECT create_table('keys', NULL);
SELECT create_table('keys', '');
SELECT create_table('keys', repeat('k', 256));
SELECT create_table('keys', 'pk', 'BOOL');
SELECT create_table('keys', 'pk', 'S', 'pk', 'S');
SELECT create_table('keys', 'pk', sort_key_type => 'N');
SELECT create_table('keys', 'pk', partitions => 0);
SELECT create_table('keys', 'pk', partitions => 5000);

-- Existing, missing
SELECT create_table('keys', 'pk', 'N', 'sk', 'B', 2);
SELECT create_table('keys', 'pk');
SELECT drop_table('missing');
SELECT put_item('missing', '{"pk": {"S": "1"}}');
SELECT get_item('missing', '{"pk": {"S": "1"}}');
SELECT query('missing', 'pk = :v', expression_attribute_values => '{":v": {"S": "1"}}');
SELECT scan('missing');

-- A dropped table's name can be used again; its items are gone
SELECT put_item('keys', '{"pk": {"N": "1"}, "sk": {"B": "AA=="}}');
SELECT drop_table('keys');
SELECT create_table('keys', 'pk', 'N', 'sk', 'B', 2);
SELECT * FROM scan('keys', consistent_read => true);
SELECT drop_table('keys');

-- Handover on one node
SELECT transfer_leader('music', 0, 'solo');
SELECT transfer_leader('music', 3, 'solo');
SELECT transfer_leader('music', -1, 'solo');
SELECT transfer_leader('music', 0, 'nobody');
SELECT transfer_leader('missing', 0, 'solo');

-- Privileges
SET ROLE quorate_write;
SELECT create_table('mine', 'pk');
SELECT put_item('music', '{"Artist": {"S": "w"}, "SongTitle": {"S": "w"}}');
SELECT get_item('music', '{"Artist": {"S": "w"}, "SongTitle": {"S": "w"}}');
SET ROLE quorate_read;
SELECT put_item('music', '{"Artist": {"S": "r"}, "SongTitle": {"S": "r"}}');
SELECT get_item('music', '{"Artist": {"S": "w"}, "SongTitle": {"S": "w"}}', true);
SELECT table_name FROM tables WHERE table_name = 'music';
SELECT count(*) FROM partitions WHERE table_name = 'music';
SELECT count(*) FROM replicas WHERE table_name = 'music';
SELECT DISTINCT rows FROM replicas WHERE table_name = 'music';
SELECT count(*) FROM copies;
SELECT count(*) FROM nodes;
RESET ROLE;
SELECT delete_item('music', '{"Artist": {"S": "w"}, "SongTitle": {"S": "w"}}');

-- Every object of the extension says what it is
SELECT pg_catalog.pg_describe_object(d.classid, d.objid, 0) AS uncommented
FROM pg_catalog.pg_depend d
WHERE d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_catalog.pg_extension WHERE extname = 'quorate')
	AND d.classid IN ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_class'::regclass, 'pg_catalog.pg_type'::regclass,
		'pg_catalog.pg_namespace'::regclass)
	AND pg_catalog.obj_description(d.objid, d.classid::regclass::name) IS NULL
	AND NOT (d.classid = 'pg_catalog.pg_type'::regclass AND EXISTS (
		SELECT FROM pg_catalog.pg_type t WHERE t.oid = d.objid AND (t.typrelid <> 0 OR t.typelem <> 0)))
ORDER BY 1;
