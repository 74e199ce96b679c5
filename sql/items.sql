-- put_item, get_item, delete_item, put_items. Needs the cluster and the table music of cluster.sql.
SET search_path = quorate, public;
\set VERBOSITY terse
\set SHOW_CONTEXT never
\pset format unaligned

SELECT put_item('music', '{"Artist": {"S": "No One"}, "SongTitle": {"S": "Call Me"}, "Year": {"N": "1998.0"}}');
SELECT get_item('music', '{"Artist": {"S": "No One"}, "SongTitle": {"S": "Call Me"}}', consistent_read => true);
SELECT put_item('music', '{"Artist": {"S": "No One"}, "SongTitle": {"S": "Call Me"}, "Tags": {"SS": ["b", "a"]}}');
SELECT get_item('music', '{"Artist": {"S": "No One"}, "SongTitle": {"S": "Call Me"}}', true);
SELECT get_item('music', '{"Artist": {"S": "No One"}, "SongTitle": {"S": "Nothing"}}', true) IS NULL AS missing;
SELECT delete_item('music', '{"Artist": {"S": "No One"}, "SongTitle": {"S": "Call Me"}}');
SELECT get_item('music', '{"Artist": {"S": "No One"}, "SongTitle": {"S": "Call Me"}}', true) IS NULL AS missing;
SELECT delete_item('music', '{"Artist": {"S": "No One"}, "SongTitle": {"S": "Call Me"}}');

-- Keys: missing, of the wrong type, empty, too long
SELECT put_item('music', '{"Artist": {"S": "x"}}');
SELECT put_item('music', '{"Artist": {"N": "1"}, "SongTitle": {"S": "x"}}');
SELECT put_item('music', '{"Artist": {"S": ""}, "SongTitle": {"S": "x"}}');
SELECT put_item('music', pg_catalog.format('{"Artist": {"S": "%s"}, "SongTitle": {"S": "x"}}', repeat('k', 2049))::item);
SELECT put_item('music', pg_catalog.format('{"Artist": {"S": "x"}, "SongTitle": {"S": "%s"}}', repeat('k', 1025))::item);
SELECT get_item('music', '{"Artist": {"S": "x"}}');
SELECT get_item('music', '{"Artist": {"S": "x"}, "SongTitle": {"S": "x"}, "Year": {"N": "1"}}');
SELECT delete_item('music', '{"Artist": {"S": "x"}, "SongTitle": {"N": "1"}}');
SELECT put_item('music', NULL);
SELECT put_item(NULL, '{}');

-- The longest legal keys, of bytes that do not compress; U+0000 in a key
SELECT create_table('binary', 'pk', 'B', 'sk', 'B');
SELECT pg_catalog.translate(encode((SELECT pg_catalog.string_agg(sha256(i::text::bytea), ''::bytea ORDER BY i)
	FROM generate_series(1, 64) i), 'base64'), E'\n', '') AS pk,
	pg_catalog.translate(encode((SELECT pg_catalog.string_agg(sha256(i::text::bytea), ''::bytea ORDER BY i)
	FROM generate_series(101, 132) i), 'base64'), E'\n', '') AS sk \gset
SELECT put_item('binary', pg_catalog.format('{"pk": {"B": "%s"}, "sk": {"B": "%s"}, "v": {"S": "long"}}', :'pk', :'sk')::item);
SELECT get_item('binary', pg_catalog.format('{"pk": {"B": "%s"}, "sk": {"B": "%s"}}', :'pk', :'sk')::item, true) ->> 'v' AS v;
SELECT put_item('music', '{"Artist": {"S": "nul\u0000"}, "SongTitle": {"S": "\u0000"}, "v": {"S": "\u0000\u0000"}}');
SELECT get_item('music', '{"Artist": {"S": "nul\u0000"}, "SongTitle": {"S": "\u0000"}}', true);
SELECT get_item('music', '{"Artist": {"S": "nul"}, "SongTitle": {"S": "\u0000"}}', true) IS NULL AS other_key;

-- Equal numbers are the same key
SELECT create_table('numbers', 'pk', 'N');
SELECT put_item('numbers', '{"pk": {"N": "1e3"}, "v": {"S": "first"}}');
SELECT put_item('numbers', '{"pk": {"N": "01000.0"}, "v": {"S": "second"}}');
SELECT item FROM scan('numbers', consistent_read => true) item;

-- A large item, and one that is too large
SELECT put_item('numbers', pg_catalog.format('{"pk": {"N": "2"}, "v": {"S": "%s"}}', repeat('x', 409600 - 2 - 2 - 1))::item);
SELECT length(get_item('numbers', '{"pk": {"N": "2"}}', true) ->> 'v');
SELECT put_item('numbers', pg_catalog.format('{"pk": {"N": "2"}, "v": {"S": "%s"}}', repeat('x', 409600 - 2 - 2))::item);

-- What is not built yet is refused, never ignored
SELECT put_item('music', '{}', return_values => 'ALL_NEW');
SELECT put_item('music', '{}', client_token => 'x');
SELECT put_item('music', '{}', expression_attribute_names => '{"#a": "b"}');
SELECT put_item('music', '{}', expression_attribute_values => '{":a": {"S": "b"}}');
SELECT put_item('music', '{"Artist": {"S": "x"}, "SongTitle": {"S": "x"}}', return_values => 'NONE');

-- Many items: all are checked first, order is kept for equal keys
SELECT put_items('numbers', ARRAY['{"pk": {"N": "10"}}', '{"nokey": {"N": "10"}}']::item[]);
SELECT get_item('numbers', '{"pk": {"N": "10"}}', true) IS NULL AS nothing_written;
SELECT put_items('numbers', ARRAY['{"pk": {"N": "10"}}', NULL]::item[]);
SELECT put_items('numbers', ARRAY[]::item[]);
SELECT put_items('numbers', NULL);
SELECT put_items('numbers', pg_catalog.array_agg(marshal(pg_catalog.jsonb_build_object('pk', 100 + i % 300, 'i', i)) ORDER BY i))
	FROM generate_series(1, 1000) i;
SELECT count(*), min((item ->> 'i')::int), max((item ->> 'i')::int)
	FROM scan('numbers', consistent_read => true) item WHERE (item ->> 'pk')::int BETWEEN 100 AND 400;

-- Transactions: a write takes effect at once, so it is refused where ROLLBACK could be expected to undo it
BEGIN;
SELECT put_item('numbers', '{"pk": {"N": "50"}}');
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT delete_item('numbers', '{"pk": {"N": "2"}}');
ROLLBACK;
DO $$ BEGIN PERFORM quorate.put_item('numbers', '{"pk": {"N": "50"}}'); END $$;
CREATE FUNCTION public.put_50() RETURNS void LANGUAGE plpgsql AS
	$$ BEGIN PERFORM quorate.put_item('numbers', '{"pk": {"N": "50"}}'); END $$;
SELECT public.put_50();
SELECT put_items('numbers', ARRAY['{"pk": {"N": "50"}}']::item[]) FROM (SELECT 1) s;
BEGIN READ ONLY;
SELECT put_item('numbers', '{"pk": {"N": "51"}}');
ROLLBACK;
SET quorate.transaction_block = apply;
BEGIN;
SELECT put_item('numbers', '{"pk": {"N": "52"}}');
ROLLBACK;
DO $$ BEGIN PERFORM quorate.put_item('numbers', '{"pk": {"N": "53"}}'); END $$;
BEGIN READ ONLY;
SELECT put_item('numbers', '{"pk": {"N": "54"}}');
ROLLBACK;
RESET quorate.transaction_block;
SELECT item ->> 'pk' AS pk FROM scan('numbers', consistent_read => true) item
	WHERE (item ->> 'pk')::numeric BETWEEN 50 AND 60 ORDER BY 1;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT get_item('numbers', '{"pk": {"N": "52"}}', true);
COMMIT;
DROP FUNCTION public.put_50();

-- Parts of an item
SELECT put_item('music', '{"Artist": {"S": "p"}, "SongTitle": {"S": "p"}, "status": {"S": "new"}, "tags": {"L": [{"S": "a"}, {"S": "b"}, {"S": "c"}]},
	"label": {"M": {"city": {"S": "Bern"}, "year": {"N": "1998"}}}}');
SELECT get_item('music', '{"Artist": {"S": "p"}, "SongTitle": {"S": "p"}}', true, 'label.city, tags[2], #s, tags[0], nothing',
	expression_attribute_names => '{"#s": "status"}');
SELECT get_item('music', '{"Artist": {"S": "p"}, "SongTitle": {"S": "p"}}', true, 'nothing');
SELECT get_item('music', '{"Artist": {"S": "p"}, "SongTitle": {"S": "none"}}', true, 'Artist') IS NULL AS no_item;
SELECT get_item('music', '{}', projection_expression => 'status');
SELECT get_item('music', '{}', projection_expression => 'label, label.city');
SELECT get_item('music', '{}', projection_expression => 'label.city, label[0]');
SELECT get_item('music', '{}', projection_expression => 'Artist', expression_attribute_names => '{"#s": "status"}');
SELECT get_item('music', '{}', expression_attribute_names => '{"#s": "status"}');
SELECT delete_item('music', '{"Artist": {"S": "p"}, "SongTitle": {"S": "p"}}');
