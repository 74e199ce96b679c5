-- Ranges of items.
-- C: extension/sqlapi/query_functions.c

CREATE FUNCTION quorate.query(
	table_name text,
	key_condition_expression text,
	filter_expression text DEFAULT NULL,
	projection_expression text DEFAULT NULL,
	expression_attribute_names jsonb DEFAULT NULL,
	expression_attribute_values quorate.item DEFAULT NULL,
	index_name text DEFAULT NULL,
	scan_index_forward boolean DEFAULT true,
	consistent_read boolean DEFAULT false,
	exclusive_start_key quorate.item DEFAULT NULL)
RETURNS SETOF quorate.item
AS 'MODULE_PATHNAME', 'quorate_query'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100;

COMMENT ON FUNCTION quorate.query(text, text, text, text, jsonb, quorate.item, text, boolean, boolean, quorate.item) IS
'returns the items of one partition key, in order of the sort key: those that satisfy filter_expression, and of them what projection_expression names';

CREATE FUNCTION quorate.scan(
	table_name text,
	filter_expression text DEFAULT NULL,
	projection_expression text DEFAULT NULL,
	expression_attribute_names jsonb DEFAULT NULL,
	expression_attribute_values quorate.item DEFAULT NULL,
	index_name text DEFAULT NULL,
	consistent_read boolean DEFAULT false,
	exclusive_start_key quorate.item DEFAULT NULL,
	segment integer DEFAULT NULL,
	total_segments integer DEFAULT NULL)
RETURNS SETOF quorate.item
AS 'MODULE_PATHNAME', 'quorate_scan'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10000;

COMMENT ON FUNCTION quorate.scan(text, text, text, jsonb, quorate.item, text, boolean, quorate.item, integer, integer) IS
'returns all items of a table, or one segment of a parallel scan, in order of position: those that satisfy filter_expression, and of them what projection_expression names';

REVOKE ALL ON FUNCTION
	quorate.query(text, text, text, text, jsonb, quorate.item, text, boolean, boolean, quorate.item),
	quorate.scan(text, text, text, jsonb, quorate.item, text, boolean, quorate.item, integer, integer)
FROM PUBLIC;

GRANT EXECUTE ON FUNCTION
	quorate.query(text, text, text, text, jsonb, quorate.item, text, boolean, boolean, quorate.item),
	quorate.scan(text, text, text, jsonb, quorate.item, text, boolean, quorate.item, integer, integer)
TO quorate_read, quorate_admin;
