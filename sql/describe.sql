-- describe_table, list_tables. Needs the cluster that cluster.sql made.
SET search_path = quorate, public;
\set VERBOSITY terse
\set SHOW_CONTEXT never

SELECT create_table('described', 'Artist', 'S', 'Year', 'N', 4);
SELECT create_table('Described.2', 'b"\', 'B');
SELECT create_table('described-3', 'n', 'N');

-- A description has no member that is null
SELECT jsonb_pretty(describe_table('Described.2') - '{ItemCount,TableSizeBytes}'::text[]);
SELECT describe_table('described') - '{BillingModeSummary,ProvisionedThroughput,ItemCount,TableSizeBytes}'::text[];

-- Counts are of what this node has applied
SELECT put_items('described', array_agg(marshal(jsonb_build_object('Artist', 'a' || n, 'Year', n)))) FROM generate_series(1, 20) AS n;
SELECT put_item('described', '{"Artist": {"S": "a1"}, "Year": {"N": "1"}, "Title": {"S": "replaced"}}');
SELECT delete_item('described', '{"Artist": {"S": "a2"}, "Year": {"N": "2"}}');
DO $$
BEGIN
	FOR i IN 1 .. 500
	LOOP
		EXIT WHEN (quorate.describe_table('described') ->> 'ItemCount')::bigint = 19;
		PERFORM pg_sleep(0.02);
	END LOOP;
END
$$;
SELECT describe_table('described') -> 'ItemCount' AS items,
	(describe_table('described') -> 'TableSizeBytes')::bigint = (SELECT bytes FROM tables WHERE table_name = 'described') AS same_bytes,
	(describe_table('described') -> 'TableSizeBytes')::bigint BETWEEN 19 * 20 AND 19 * 100 AS plausible;
SELECT describe_table('Described.2') ->> 'ItemCount' AS items, describe_table('Described.2') ->> 'TableSizeBytes' AS bytes;

-- What is not there
SELECT describe_table('missing');
\echo :LAST_ERROR_SQLSTATE
SELECT describe_table('DESCRIBED');
SELECT describe_table('');
SELECT describe_table(NULL);

-- Names in bytewise order, page after page; the start need not be a table
SELECT * FROM list_tables();
SELECT * FROM list_tables(2);
SELECT * FROM list_tables(2, 'described');
SELECT * FROM list_tables(exclusive_start_table_name => 'descr');
SELECT * FROM list_tables(100, 'zzz');
SELECT (SELECT array_agg(x) FROM list_tables() AS x) = (SELECT array_agg(table_name ORDER BY table_name COLLATE "C") FROM tables) AS same_as_view;
SELECT list_tables(1, 'described');
SELECT * FROM list_tables(0);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM list_tables(-2147483648);
SELECT * FROM list_tables(101);
SELECT * FROM list_tables(1, 'ab');
SELECT * FROM list_tables(1, '');
SELECT * FROM list_tables(0, 'ä');
SELECT * FROM list_tables(1, repeat('ä', 255));
SELECT * FROM list_tables(1, repeat('a', 256));
SELECT count(*) FROM list_tables(100, repeat('a', 255));

-- Reading works in a read-only transaction
BEGIN READ ONLY;
SELECT describe_table('described') ->> 'TableStatus' AS status;
SELECT count(*) FROM list_tables(1);
COMMIT;

-- Whoever reads or writes items may look at their tables
SET ROLE quorate_write;
SELECT describe_table('described') ->> 'TableName' AS name;
SELECT list_tables(1, 'descr') AS name;
SET ROLE quorate_read;
SELECT describe_table('described') ->> 'TableName' AS name;
SET ROLE quorate_peer;
SELECT describe_table('described');
SELECT list_tables();
RESET ROLE;

SELECT drop_table('described');
SELECT drop_table('Described.2');
SELECT drop_table('described-3');
SELECT describe_table('described');
