-- Making a cluster of one node, and what keeps one from being made.
SET search_path = quorate, public;
\set VERBOSITY terse
\set SHOW_CONTEXT never

-- Nothing works without a cluster
SELECT put_item('music', '{"Artist": {"S": "a"}}');
SELECT get_item('music', '{"Artist": {"S": "a"}}');
SELECT create_table('music', 'Artist');
SELECT drop_cluster();
SELECT * FROM nodes;
SELECT * FROM cluster;
SELECT finalize_upgrade();
SELECT "check", object, status, detail, hint FROM doctor() WHERE "check" <> 'settings';

-- Lists that are none
SELECT create_cluster(NULL);
SELECT create_cluster('{}');
SELECT create_cluster('[]');
SELECT create_cluster('[1]');
SELECT create_cluster('[{"name": "a", "zone": "az1"}]');
SELECT create_cluster('[{"name": "", "zone": "az1", "conninfo": "host=/tmp"}]');
SELECT create_cluster('[{"name": "a", "zone": "1", "conninfo": "x"}, {"name": "b", "zone": "2", "conninfo": "y"}]');

-- Everything wrong is listed at once
\set VERBOSITY default
SELECT create_cluster('[
	{"name": "a", "zone": "az1", "conninfo": "host=db.example.com"},
	{"name": "a", "zone": "az1", "conninfo": "host=/nonexistent port=1"},
	{"name": "c", "zone": "az3", "conninfo": "nonsense"}]');
SELECT create_cluster('[{"name": "a", "zone": "az1", "conninfo": "hostaddr=127.0.0.1 port=1 connect_timeout=2"}]');
\set VERBOSITY terse

-- Not in a transaction block, not by everybody
BEGIN;
SELECT create_cluster('[{"name": "a", "zone": "az1", "conninfo": "host=/tmp"}]');
ROLLBACK;
SET ROLE quorate_admin;
SELECT create_cluster('[{"name": "a", "zone": "az1", "conninfo": "host=/tmp"}]');
RESET ROLE;

-- One node is a cluster for development
SELECT pg_catalog.format('[{"name": "solo", "zone": "az1", "conninfo": "hostaddr=127.0.0.1 port=%s user=%s"}]',
	current_setting('port'), current_user) AS nodes \gset
SELECT create_cluster(:'nodes');
SELECT create_cluster(:'nodes');
SELECT node_id, name, zone, is_this_node, state FROM nodes;
SELECT create_table('music', 'Artist', 'S', 'SongTitle', 'S', partitions => 3);
SELECT table_name, partition_key, partition_key_type, sort_key, sort_key_type, partitions, copies, durability FROM tables;
SELECT table_name, partition, position_from, position_to, leader, ballot, commit_lsn, serves, copies, items FROM partitions;
SELECT table_name, partition, node, zone, kind, role, lag, needs_snapshot FROM replicas;
SELECT count(*) > 10 AS counters FROM counters;

-- A new cluster has the newest version
SELECT nodes, version, newest_version, waits_for, release = extension_version AS of_one_release FROM cluster;
SELECT release, oldest_version, newest_version FROM nodes;
SELECT finalize_upgrade();
BEGIN;
SELECT finalize_upgrade();
ROLLBACK;
SELECT _require_library('0.2');

-- It can be dissolved and made again
SELECT drop_cluster();
SELECT drop_cluster(force => true);
SELECT * FROM tables;
SELECT count(*) FROM quorate_data.t1;
SELECT create_cluster(:'nodes');
SELECT * FROM tables;
SELECT create_table('music', 'Artist', 'S', 'SongTitle', 'S', partitions => 3);
SELECT count(*) FROM scan('music');
