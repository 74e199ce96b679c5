-- One item by its key, many items.
-- C: extension/sqlapi/item_functions.c, put_items.c; the stream: extension/worker/request_stream.c

CREATE FUNCTION quorate.put_item(
	table_name text,
	item quorate.item,
	condition_expression text DEFAULT NULL,
	expression_attribute_names jsonb DEFAULT NULL,
	expression_attribute_values quorate.item DEFAULT NULL,
	return_values text DEFAULT NULL,
	client_token text DEFAULT NULL,
	return_values_on_condition_check_failure text DEFAULT NULL)
RETURNS quorate.item
AS 'MODULE_PATHNAME', 'quorate_put_item'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate.put_item(text, quorate.item, text, jsonb, quorate.item, text, text, text) IS
'writes a whole item, replacing the one with the same key, if the condition holds for that one; returns once a quorum of replicas has it on disk, with the old item if return_values is ALL_OLD';

CREATE FUNCTION quorate.get_item(
	table_name text,
	key quorate.item,
	consistent_read boolean DEFAULT false,
	projection_expression text DEFAULT NULL,
	expression_attribute_names jsonb DEFAULT NULL)
RETURNS quorate.item
AS 'MODULE_PATHNAME', 'quorate_get_item'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate.get_item(text, quorate.item, boolean, text, jsonb) IS
'reads an item by its key, null if there is none; consistent_read asks the leader, otherwise the nearest replica answers; projection_expression names the parts that are wanted';

CREATE FUNCTION quorate.delete_item(
	table_name text,
	key quorate.item,
	condition_expression text DEFAULT NULL,
	expression_attribute_names jsonb DEFAULT NULL,
	expression_attribute_values quorate.item DEFAULT NULL,
	return_values text DEFAULT NULL,
	client_token text DEFAULT NULL,
	return_values_on_condition_check_failure text DEFAULT NULL)
RETURNS quorate.item
AS 'MODULE_PATHNAME', 'quorate_delete_item'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate.delete_item(text, quorate.item, text, jsonb, quorate.item, text, text, text) IS
'deletes the item with a key, if the condition holds for it; succeeds if there is none; returns the old item if return_values is ALL_OLD';

CREATE FUNCTION quorate.put_items(
	table_name text,
	items quorate.item[])
RETURNS bigint
AS 'MODULE_PATHNAME', 'quorate_put_items'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION quorate.put_items(text, quorate.item[]) IS
'writes many items, pipelined, each on its own; returns their number, or an error that says which were not written';

REVOKE ALL ON FUNCTION
	quorate.put_item(text, quorate.item, text, jsonb, quorate.item, text, text, text),
	quorate.get_item(text, quorate.item, boolean, text, jsonb),
	quorate.delete_item(text, quorate.item, text, jsonb, quorate.item, text, text, text),
	quorate.put_items(text, quorate.item[])
FROM PUBLIC;

GRANT EXECUTE ON FUNCTION
	quorate.put_item(text, quorate.item, text, jsonb, quorate.item, text, text, text),
	quorate.delete_item(text, quorate.item, text, jsonb, quorate.item, text, text, text),
	quorate.put_items(text, quorate.item[])
TO quorate_write, quorate_admin;

GRANT EXECUTE ON FUNCTION
	quorate.get_item(text, quorate.item, boolean, text, jsonb)
TO quorate_read, quorate_admin;

CREATE PROCEDURE quorate._request_stream(cluster_id bytea, from_node integer, oldest_version integer, newest_version integer,
	cluster_version integer, release text)
AS 'MODULE_PATHNAME', 'quorate_request_stream'
LANGUAGE C;

COMMENT ON PROCEDURE quorate._request_stream(bytea, integer, integer, integer, integer, text) IS
'internal: turns the connection into a stream of requests of another node';

REVOKE ALL ON PROCEDURE quorate._request_stream(bytea, integer, integer, integer, integer, text) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE quorate._request_stream(bytea, integer, integer, integer, integer, text) TO quorate_peer;
