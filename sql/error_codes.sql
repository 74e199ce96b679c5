-- The registry of errors. Needs no cluster.
SET search_path = quorate, public;
\set VERBOSITY terse
\getenv sources PG_ABS_SRCDIR

SELECT sqlstate, name, exception, http_status AS http, retry FROM error_codes;

-- A SQLSTATE has one row; names, too, are told apart; PostgreSQL's own are called as PostgreSQL calls them
SELECT sqlstate FROM error_codes GROUP BY sqlstate HAVING count(*) > 1;
SELECT name FROM error_codes GROUP BY name HAVING count(*) > 1;
DO $$
DECLARE
	code record;
BEGIN
	FOR code IN SELECT sqlstate, name FROM quorate.error_codes WHERE sqlstate NOT LIKE 'QR%'
	LOOP
		-- PL/pgSQL looks the name up.
		EXECUTE format('DO $do$ BEGIN BEGIN RAISE SQLSTATE %L; EXCEPTION WHEN %I THEN NULL; END; END $do$', code.sqlstate, code.name);
	END LOOP;
END
$$;

-- What has a status has an exception; the statuses are DynamoDB's
SELECT sqlstate FROM error_codes WHERE (exception IS NULL) <> (http_status IS NULL) OR http_status NOT IN (400, 500, 503);

-- docs/error-codes.md has the same rows, in the same order
CREATE TEMPORARY TABLE page AS
SELECT n, string_to_array(btrim(line, '| '), ' | ') AS cells
FROM regexp_split_to_table(pg_read_file(:'sources' || '/docs/error-codes.md'), '\n') WITH ORDINALITY AS lines (line, n)
WHERE line ~ '^\| [0-9A-Z]{5} \|';
CREATE TEMPORARY TABLE view AS
SELECT n, ARRAY[sqlstate, name, coalesce(exception, ''), coalesce(http_status::text, ''), CASE WHEN retry THEN 'yes' ELSE 'no' END,
	meaning, action] AS cells
FROM (SELECT *, row_number() OVER () AS n FROM error_codes) AS numbered;
SELECT (SELECT count(*) FROM page) = (SELECT count(*) FROM error_codes) AS same_number;
SELECT 'only in the page' AS row, cells FROM page WHERE cells NOT IN (SELECT cells FROM view)
UNION ALL
SELECT 'only in the view', cells FROM view WHERE cells NOT IN (SELECT cells FROM page);
SELECT (SELECT array_agg(cells[1] ORDER BY n) FROM page) = (SELECT array_agg(cells[1] ORDER BY n) FROM view) AS same_order;

-- Who may call the API may look up its errors
SET ROLE quorate_write;
SELECT exception FROM error_codes WHERE sqlstate = 'QR101';
RESET ROLE;
