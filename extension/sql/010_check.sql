-- Refuses what cannot work: a library of another release than this script, a server without it preloaded, or another
-- database than quorate.database.
-- C: extension/catalog/install.c

CREATE FUNCTION quorate._require_library(release text)
RETURNS void
AS 'MODULE_PATHNAME', 'quorate_require_library'
LANGUAGE C STRICT;

COMMENT ON FUNCTION quorate._require_library(text) IS
'internal: scripts of the extension begin with it: refuses them if the server has loaded the library of another release';

REVOKE ALL ON FUNCTION quorate._require_library(text) FROM PUBLIC;
SELECT quorate._require_library('@RELEASE@');

CREATE FUNCTION quorate._check_installation() RETURNS void
	LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'quorate_check_installation';
SELECT quorate._check_installation();
DROP FUNCTION quorate._check_installation();
