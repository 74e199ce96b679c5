-- Filter expressions of query and scan. Needs the cluster of cluster.sql.
SET search_path = quorate, public;
\set VERBOSITY terse
\set SHOW_CONTEXT never
\pset format unaligned

SELECT create_table('films', 'studio', 'S', 'year', 'N', partitions => 4);
SELECT put_items('films', pg_catalog.array_agg(marshal(pg_catalog.jsonb_build_object(
	'studio', 'studio' || i % 3, 'year', 1950 + i, 'rating', i % 10, 'title', 'Film ' || i,
	'cast', pg_catalog.jsonb_build_array('actor' || i % 4, 'actor' || i % 5), 'sales', pg_catalog.jsonb_build_object('eu', i * 100)))))
FROM generate_series(1, 60) i;
SELECT put_item('films', '{"studio": {"S": "studio1"}, "year": {"N": "2050"}, "tags": {"SS": ["new", "short"]}}');

-- Each test, on the items of one partition key
PREPARE filtered(text, item, jsonb) AS
SELECT item ->> 'year' AS year FROM query('films', 'studio = :s', filter_expression => $1,
	expression_attribute_names => $3, expression_attribute_values => $2, consistent_read => true) item;
EXECUTE filtered('rating > :r', '{":s": {"S": "studio1"}, ":r": {"N": "7"}}', NULL);
EXECUTE filtered('rating BETWEEN :a AND :b AND NOT rating = :a', '{":s": {"S": "studio1"}, ":a": {"N": "4"}, ":b": {"N": "6"}}', NULL);
EXECUTE filtered('rating IN (:a, :b)', '{":s": {"S": "studio1"}, ":a": {"N": "4.0"}, ":b": {"S": "6"}}', NULL);
EXECUTE filtered('attribute_not_exists(rating) OR sales.eu >= :e', '{":s": {"S": "studio1"}, ":e": {"N": "5500"}}', NULL);
EXECUTE filtered('#c[1] = :n AND begins_with(title, :t)', '{":s": {"S": "studio1"}, ":n": {"S": "actor3"}, ":t": {"S": "Film 1"}}', '{"#c": "cast"}');
EXECUTE filtered('contains(tags, :n) AND size(tags) = :two', '{":s": {"S": "studio1"}, ":n": {"S": "short"}, ":two": {"N": "2"}}', NULL);
EXECUTE filtered('attribute_type(sales, :m) AND rating < :r', '{":s": {"S": "studio1"}, ":m": {"S": "M"}, ":r": {"N": "1"}}', NULL);
EXECUTE filtered('title = :none', '{":s": {"S": "studio1"}, ":none": {"S": "-"}}', NULL);

-- Scan, in segments too; a filter may use the key there
SELECT count(*) FROM scan('films', 'rating = :r', expression_attribute_values => '{":r": {"N": "3"}}', consistent_read => true) item;
SELECT count(*) FROM scan('films', '#y > :y AND studio <> :s', expression_attribute_names => '{"#y": "year"}',
	expression_attribute_values => '{":y": {"N": "2000"}, ":s": {"S": "studio0"}}', consistent_read => true) item;
SELECT sum((SELECT count(*) FROM scan('films', 'rating = :r', expression_attribute_values => '{":r": {"N": "3"}}', consistent_read => true,
	segment => s, total_segments => 3) item)) FROM generate_series(0, 2) s;

-- The first that fits, without reading on: in the select list
SELECT scan('films', 'rating = :r', expression_attribute_values => '{":r": {"N": "3"}}') IS NOT NULL AS found LIMIT 1;

-- What is refused
EXECUTE filtered('rating >', '{":s": {"S": "studio1"}}', NULL);
EXECUTE filtered('#y = :y', '{":s": {"S": "studio1"}, ":y": {"N": "1"}}', '{"#y": "year"}');
EXECUTE filtered('studio = :s', '{":s": {"S": "studio1"}}', NULL);
EXECUTE filtered('rating = :r', '{":s": {"S": "studio1"}}', NULL);
EXECUTE filtered('rating = :r', '{":s": {"S": "studio1"}, ":r": {"N": "1"}, ":x": {"N": "2"}}', NULL);
EXECUTE filtered('size(rating)', '{":s": {"S": "studio1"}}', NULL);
EXECUTE filtered('name = :s', '{":s": {"S": "studio1"}}', NULL);
SELECT count(*) FROM scan('films', expression_attribute_values => '{":r": {"N": "3"}}') item;
SELECT count(*) FROM scan('films', 'rating = :r', expression_attribute_names => '{"#r": "rating"}', expression_attribute_values => '{":r": {"N": "3"}}') item;
SELECT drop_table('films');
