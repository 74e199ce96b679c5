-- query and scan. Needs the cluster of cluster.sql.
SET search_path = quorate, public;
\set VERBOSITY terse
\set SHOW_CONTEXT never
\pset format unaligned

SELECT create_table('scores', 'game', 'S', 'points', 'N', partitions => 4);
SELECT put_items('scores', pg_catalog.array_agg(marshal(pg_catalog.jsonb_build_object(
	'game', 'game' || i % 7, 'points', (i - 50) * 1.5, 'player', i)))) FROM generate_series(1, 100) i;
SELECT put_items('scores', pg_catalog.array_agg(marshal(pg_catalog.jsonb_build_object(
	'game', 'long', 'points', i)))) FROM generate_series(1, 2500) i;

-- Sort key conditions, numbers by value
SELECT item ->> 'points' AS points FROM query('scores', 'game = :g',
	expression_attribute_values => '{":g": {"S": "game3"}}', consistent_read => true) item;
SELECT item ->> 'points' AS points FROM query('scores', 'game = :g AND points < :p',
	expression_attribute_values => '{":g": {"S": "game3"}, ":p": {"N": "-39"}}', consistent_read => true) item;
SELECT item ->> 'points' AS points FROM query('scores', 'points >= :p AND game = :g',
	expression_attribute_values => '{":g": {"S": "game3"}, ":p": {"N": "66"}}', consistent_read => true) item;
SELECT item ->> 'points' AS points FROM query('scores', '#g = :g AND #p BETWEEN :a AND :b',
	expression_attribute_names => '{"#g": "game", "#p": "points"}',
	expression_attribute_values => '{":g": {"S": "game3"}, ":a": {"N": "-10"}, ":b": {"N": "10"}}',
	scan_index_forward => false, consistent_read => true) item;
SELECT item ->> 'player' AS player FROM query('scores', 'game = :g AND points = :p',
	expression_attribute_values => '{":g": {"S": "game3"}, ":p": {"N": "-7.050e1"}}', consistent_read => true) item;
SELECT count(*) FROM query('scores', 'game = :g', expression_attribute_values => '{":g": {"S": "none"}}') item;

-- More than a page, both ways, and a starting key that need not exist
SELECT count(*), min(points), max(points), bool_and(points > before) AS ascending
FROM (SELECT points, pg_catalog.lag(points, 1, 0) OVER () AS before
	FROM (SELECT (item ->> 'points')::int AS points FROM query('scores', 'game = :g',
		expression_attribute_values => '{":g": {"S": "long"}}', consistent_read => true) item) p) q;
SELECT count(*), bool_and(points < before) AS descending
FROM (SELECT points, pg_catalog.lag(points, 1, 9999) OVER () AS before
	FROM (SELECT (item ->> 'points')::int AS points FROM query('scores', 'game = :g', scan_index_forward => false,
		expression_attribute_values => '{":g": {"S": "long"}}', consistent_read => true) item) p) q;
SELECT count(*), min((item ->> 'points')::int) FROM query('scores', 'game = :g',
	expression_attribute_values => '{":g": {"S": "long"}}', consistent_read => true,
	exclusive_start_key => '{"game": {"S": "long"}, "points": {"N": "2400.5"}}') item;
SELECT query('scores', 'game = :g', expression_attribute_values => '{":g": {"S": "long"}}', consistent_read => true) ->> 'points'
	AS points LIMIT 2;

-- Errors
SELECT query('scores', NULL);
SELECT query('scores', 'points = :p', expression_attribute_values => '{":p": {"N": "1"}}');
SELECT query('scores', 'game = :g AND player = :p', expression_attribute_values => '{":g": {"S": "g"}, ":p": {"N": "1"}}');
SELECT query('scores', 'game = :g', expression_attribute_values => '{":g": {"N": "1"}}');
SELECT query('scores', 'game = :g', expression_attribute_values => '{":g": {"S": "g"}, ":x": {"S": "g"}}');
SELECT query('scores', 'game = :g');
SELECT query('scores', 'game = :g', expression_attribute_names => '[]', expression_attribute_values => '{":g": {"S": "g"}}');
SELECT query('scores', '#g = :g', expression_attribute_names => '{"#g": 1}', expression_attribute_values => '{":g": {"S": "g"}}');
SELECT query('scores', 'game = :g', expression_attribute_values => '{":g": {"S": "g"}}', index_name => 'x');
SELECT query('scores', 'game = :g', expression_attribute_values => '{":g": {"S": "long"}}', exclusive_start_key => '{"game": {"S": "long"}}');
SELECT query('scores', 'game = :g', expression_attribute_values => '{":g": {"S": "long"}}',
	exclusive_start_key => '{"game": {"S": "other"}, "points": {"N": "1"}}');

-- Scans: whole, in segments, from a key on
SELECT count(*), count(DISTINCT item) FROM scan('scores', consistent_read => true) item;
SELECT count(*), count(DISTINCT item) FROM generate_series(0, 4) segment,
	LATERAL scan('scores', consistent_read => true, segment => segment, total_segments => 5) item;
SELECT count(*) FROM scan('scores', consistent_read => true,
	exclusive_start_key => (SELECT pg_catalog.jsonb_build_object('game', item -> 'game', 'points', item -> 'points')::item
		FROM scan('scores', consistent_read => true) item OFFSET 99 LIMIT 1));
SELECT scan('scores', segment => 0);
SELECT scan('scores', total_segments => 2);
SELECT scan('scores', segment => 2, total_segments => 2);
SELECT scan('scores', segment => 0, total_segments => 0);

-- Projections: keys are returned only where they are named
SELECT query('scores', 'game = :g', projection_expression => 'player, #p', expression_attribute_names => '{"#p": "points"}',
	expression_attribute_values => '{":g": {"S": "game3"}}', consistent_read => true) LIMIT 3;
SELECT query('scores', 'game = :g', filter_expression => 'player > :n', projection_expression => 'nothing',
	expression_attribute_values => '{":g": {"S": "game3"}, ":n": {"N": "90"}}', consistent_read => true);
SELECT count(*), count(DISTINCT item) FROM scan('scores', projection_expression => 'game', consistent_read => true) item;
SELECT scan('scores', filter_expression => 'player = :n', projection_expression => 'player',
	expression_attribute_values => '{":n": {"N": "77"}}', consistent_read => true);
SELECT query('scores', 'game = :g', projection_expression => 'game, status', expression_attribute_values => '{":g": {"S": "game3"}}');
SELECT query('scores', 'game = :g', projection_expression => 'a, a.b', expression_attribute_values => '{":g": {"S": "game3"}}');
SELECT scan('scores', projection_expression => 'player', expression_attribute_values => '{":n": {"N": "77"}}');
SELECT drop_table('scores');
