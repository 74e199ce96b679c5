-- Refuses what cannot work: a server without the library preloaded, or another database than quorate.database.

CREATE FUNCTION quorate._check_installation() RETURNS void
	LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'quorate_check_installation';
SELECT quorate._check_installation();
DROP FUNCTION quorate._check_installation();
