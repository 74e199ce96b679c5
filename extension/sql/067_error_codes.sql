-- What each error means.
-- C: extension/sqlapi/error_codes.c, which is the registry.

CREATE FUNCTION quorate._error_codes(OUT sqlstate text, OUT name text, OUT exception text, OUT http_status integer,
	OUT retry boolean, OUT meaning text, OUT action text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'quorate_view_error_codes'
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 50;

COMMENT ON FUNCTION quorate._error_codes() IS
'internal: the registry of errors';

CREATE VIEW quorate.error_codes AS
SELECT sqlstate, name, exception, http_status, retry, meaning, action FROM quorate._error_codes();

COMMENT ON VIEW quorate.error_codes IS
'every SQLSTATE that quorate raises, or has reserved: what it means, and the exception of DynamoDB that it stands for';
COMMENT ON COLUMN quorate.error_codes.name IS
'name of the condition: PostgreSQL''s, or our own for those that begin with QR';
COMMENT ON COLUMN quorate.error_codes.exception IS
'DynamoDB''s exception; null for errors of SQL and of operating a cluster';
COMMENT ON COLUMN quorate.error_codes.http_status IS 'HTTP status that goes with the exception';
COMMENT ON COLUMN quorate.error_codes.retry IS 'whether the same call, made again later, may succeed';
COMMENT ON COLUMN quorate.error_codes.action IS 'what to do about it';

REVOKE ALL ON FUNCTION quorate._error_codes() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION quorate._error_codes() TO quorate_read, quorate_write, quorate_admin, quorate_peer, pg_monitor;
GRANT SELECT ON quorate.error_codes TO quorate_read, quorate_write, quorate_admin, quorate_peer, pg_monitor;
