-- The type quorate.item: what goes in, what comes out, what is refused.
SET search_path = quorate, public;
\set SHOW_CONTEXT never
\pset format unaligned

-- All ten types, in canonical form: names and set members sorted, numbers normalised
SELECT '{"Year": {"N": "+1998.0"}, "Artist": {"S": "No One You Know"}}'::item;
SELECT '{"s": {"S": "ä€😀\n"}, "n": {"N": "-1.5e3"}, "b": {"B": "AAE="}, "t": {"BOOL": true}, "u": {"NULL": true},
	"m": {"M": {"z": {"S": ""}, "a": {"L": []}}}, "l": {"L": [{"N": "2"}, {"N": "1"}]},
	"ss": {"SS": ["b", "a"]}, "ns": {"NS": ["10", "9", "-1"]}, "bs": {"BS": ["Yg==", "YQ=="]}}'::item;
SELECT '{"s": {"S": "\u0000 is a character"}}'::item;
SELECT '{}'::item;

-- Refused: malformed text is 22P02, a value against the rules 22023, too large 54000
CREATE FUNCTION public.refused(input text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
BEGIN
	RETURN input::quorate.item;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN sqlstate || ' ' || message || coalesce(' / ' || nullif(detail, ''), '');
END
$$;
SELECT left(input, 60) AS input, refused(input) FROM (VALUES
	(''), ('[]'), ('{"a": 1}'), ('{"a": {"S": "x"}'), ('{"a": {"S": "x"}} y'), ('{"a": {"N": 1}}'),
	('{"a": {}}'), ('{"a": {"X": "x"}}'), ('{"a": {"S": "x", "N": "1"}}'), ('{"a": {"B": "AB=="}}'),
	('{"a": {"N": "NaN"}}'), ('{"a": {"N": ""}}'), ('{"a": {"N": "1e126"}}'), ('{"a": {"N": "1e-131"}}'),
	('{"a": {"N": "100000000000000000000000000000000000001"}}'),
	('{"a": {"N": "1234567890123456789012345678901234567890"}}'),
	('{"a": {"NULL": false}}'), ('{"a": {"SS": []}}'), ('{"a": {"NS": []}}'), ('{"a": {"BS": []}}'),
	('{"a": {"SS": ["b", "a", "b"]}}'), ('{"a": {"NS": ["1", "1.0"]}}'),
	('{"a": {"S": ""}, "a": {"S": ""}}'), ('{"": {"S": ""}}'), ('{"a": {"S": "\ud800"}}'),
	('{"a": ' || repeat('{"L": [', 31) || '{"S": ""}' || repeat(']}', 31) || '}'),
	('{"a": ' || repeat('{"L": [', 32) || '{"S": ""}' || repeat(']}', 32) || '}')) AS refused_inputs(input);
SELECT refused(format('{"a": {"S": "%s"}}', repeat('x', 409600)));
SELECT item_size(format('{"a": {"S": "%s"}}', repeat('x', 409599))::item);
SELECT refused('{"a": ' || repeat('{"L": [', 100000));

-- Size as DynamoDB counts it
SELECT item_size('{"shirt-color": {"S": "R"}, "shirt-size": {"S": "M"}}');
SELECT item_size('{"n": {"N": "-123.4"}, "t": {"BOOL": false}, "l": {"L": [{"NULL": true}]}, "m": {"M": {"k": {"B": "AAE="}}}}');

-- jsonb and text
SELECT '{"a": {"N": "1.50"}, "b": {"SS": ["y", "x"]}}'::item::jsonb;
SELECT '{"b": {"SS": ["y", "x"]}, "a": {"N": "1.50"}}'::jsonb::item;
SELECT pg_typeof('{"a": {"S": ""}}'::item::text), '{"a": {"S": ""}}'::text::item;
SELECT marshal('{"s": "x", "n": 12.50, "big": 1e100, "t": true, "u": null, "l": [1, [], "two", {}], "m": {"k": {"d": 1}}}');
SELECT unmarshal(marshal('{"s": "x", "n": 12.50, "t": true, "u": null, "l": [1, [], "two", {}], "m": {"k": {"d": 1}}}'));
SELECT unmarshal('{"b": {"B": "AAE="}, "ns": {"NS": ["2", "1"]}, "bs": {"BS": ["AA=="]}}');
SELECT marshal('[1]');
\echo :LAST_ERROR_SQLSTATE
SELECT marshal('"text"');
SELECT marshal('{"n": 1e200}');
\echo :LAST_ERROR_SQLSTATE
SELECT marshal('{"n": 123456789012345678901234567890123456789}');
SELECT '{"s": {"S": "\u0000"}}'::item::jsonb;
\echo :LAST_ERROR_SQLSTATE
SELECT unmarshal('{"\u0000": {"S": ""}}');
\echo :LAST_ERROR_SQLSTATE

-- Attributes
SELECT i -> 's' AS s, i -> 'm' AS m, i -> 'none' AS none, i ->> 's' AS s_text, i ->> 'n' AS n_text, i ->> 'b' AS b_text,
	i ->> 't' AS t_text, i ->> 'u' AS u_text, i ->> 'm' AS m_text, i ->> 'none' AS none_text
FROM (SELECT '{"s": {"S": "say \"x\""}, "n": {"N": "01.50"}, "b": {"B": "AAE="}, "t": {"BOOL": true}, "u": {"NULL": true},
	"m": {"M": {"k": {"L": [{"N": "1"}]}}}}'::item AS i) AS items;
SELECT '{"s": {"S": "\u0000"}}'::item ->> 's';
\echo :LAST_ERROR_SQLSTATE
SELECT '{"s": {"S": "\u0000"}, "t": {"S": "fine"}}'::item ->> 't';

-- Equality is equality of items, whatever the spelling; grouping, sorting and indexes work
SELECT '{"a": {"N": "1"}, "b": {"SS": ["x", "y"]}}'::item = '{"b":{"SS":["y","x"]},"a":{"N":"1.0"}}'::item AS equal,
	'{"a": {"N": "1"}}'::item <> '{"a": {"S": "1"}}'::item AS different;
CREATE TEMP TABLE items (i item);
INSERT INTO items SELECT marshal(jsonb_build_object('k', g % 10)) FROM generate_series(1, 100) AS g;
SELECT count(*), count(DISTINCT i), min(i ->> 'k'), max(i ->> 'k') FROM items;
SET enable_sort = off;
SELECT count(*) FROM (SELECT i FROM items GROUP BY i) AS groups;
RESET enable_sort;
SET enable_hashagg = off;
SELECT count(*) FROM (SELECT i FROM items GROUP BY i) AS groups;
RESET enable_hashagg;
CREATE INDEX items_btree ON items (i);
CREATE INDEX items_hash ON items USING hash (i);
SET enable_seqscan = off;
SELECT count(*) FROM items WHERE i = '{"k": {"N": "7"}}';
SELECT count(*) FROM items WHERE i < '{"k": {"N": "5"}}' OR i >= '{"k": {"N": "5.0"}}';
RESET enable_seqscan;

-- The binary form is checked
SELECT item_send('{"Year": {"N": "1998"}}');
CREATE TABLE public.copied (i item);
\set binary_file `echo "${TMPDIR:-/tmp}/quorate_item_$$"`
INSERT INTO public.copied SELECT marshal(jsonb_build_object('k', g, 's', repeat('x', g * 100))) FROM generate_series(1, 50) AS g;
COPY public.copied TO :'binary_file' (FORMAT binary);
CREATE TABLE public.copied_back (i item);
COPY public.copied_back FROM :'binary_file' (FORMAT binary);
SELECT count(*), bool_and(c.i = b.i) FROM public.copied AS c JOIN public.copied_back AS b USING (i);
CREATE TABLE public.raw_bytes (b bytea);
INSERT INTO public.raw_bytes VALUES ('\x0200000000');
COPY public.raw_bytes TO :'binary_file' (FORMAT binary);
COPY public.copied_back FROM :'binary_file' (FORMAT binary);
\echo :LAST_ERROR_SQLSTATE
TRUNCATE public.raw_bytes;
INSERT INTO public.raw_bytes VALUES ('\x01000100040001410100ff');
COPY public.raw_bytes TO :'binary_file' (FORMAT binary);
COPY public.copied_back FROM :'binary_file' (FORMAT binary);
\! rm -f "${TMPDIR:-/tmp}"/quorate_item_*

DROP TABLE public.copied, public.copied_back, public.raw_bytes;
DROP FUNCTION public.refused(text);
RESET search_path;
