-- What tables there are, in DynamoDB's words. describe_table rests on the views.
-- C: extension/sqlapi/describe_functions.c

CREATE FUNCTION quorate._require_table(table_name text)
RETURNS text
AS 'MODULE_PATHNAME', 'quorate_require_table'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate._require_table(text) IS
'internal: the name itself; an error if there is no such item table';

CREATE FUNCTION quorate.describe_table(table_name text)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
		'TableName', t.table_name,
		-- A table is there for everybody or for nobody: create_table returns when its leaders serve.
		'TableStatus', 'ACTIVE',
		'KeySchema', k.key_schema,
		'AttributeDefinitions', k.attribute_definitions,
		'ItemCount', CASE WHEN r.has_all_rows THEN t.items END,
		'TableSizeBytes', CASE WHEN r.has_all_rows THEN t.bytes END,
		'BillingModeSummary', pg_catalog.jsonb_build_object('BillingMode', 'PAY_PER_REQUEST'),
		'ProvisionedThroughput', pg_catalog.jsonb_build_object(
			'NumberOfDecreasesToday', 0, 'ReadCapacityUnits', 0, 'WriteCapacityUnits', 0),
		'DeletionProtectionEnabled', false))
	FROM quorate._require_table(describe_table.table_name) AS wanted (table_name)
	JOIN quorate.tables t ON t.table_name = wanted.table_name
	CROSS JOIN LATERAL (
		SELECT
			pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('AttributeName', a.name, 'KeyType', a.role)
				ORDER BY a.n) AS key_schema,
			pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('AttributeName', a.name, 'AttributeType', a.type)
				ORDER BY a.n) AS attribute_definitions
		FROM (VALUES
			(1, t.partition_key, t.partition_key_type, 'HASH'),
			(2, t.sort_key, t.sort_key_type, 'RANGE')) AS a (n, name, type, role)
		WHERE a.name IS NOT NULL) k
	-- The sums are those of this node's rows: they tell nothing where it lacks some.
	CROSS JOIN LATERAL (
		SELECT pg_catalog.count(*) = t.partitions AS has_all_rows
		FROM quorate.replicas x
		WHERE x.table_name = t.table_name AND x.rows = 'ready') r;
END;

COMMENT ON FUNCTION quorate.describe_table(text) IS
'an item table as DynamoDB''s DescribeTable shows it; ItemCount and TableSizeBytes only where this node has the rows of all partitions';

CREATE FUNCTION quorate.list_tables(table_limit integer DEFAULT NULL, exclusive_start_table_name text DEFAULT NULL)
RETURNS SETOF text
AS 'MODULE_PATHNAME', 'quorate_list_tables'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100;

COMMENT ON FUNCTION quorate.list_tables(integer, text) IS
'names of the item tables, in bytewise order; at most table_limit of them (1 to 100), those behind exclusive_start_table_name';

REVOKE ALL ON FUNCTION quorate._require_table(text), quorate.describe_table(text), quorate.list_tables(integer, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION quorate._require_table(text), quorate.describe_table(text), quorate.list_tables(integer, text)
TO quorate_read, quorate_write, quorate_admin;
