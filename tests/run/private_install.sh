#!/usr/bin/env bash
# Makes tmp_install/: the PostgreSQL installation that pg_config names, with the extension installed in it, without
# writing anything below /usr. Programs are real copies, because PostgreSQL finds its files relative to the place of
# its executable; everything else is a farm of symbolic links. The farm is made once and again when PostgreSQL was
# upgraded; the extension's own files are copied again whenever they changed. Another place to make it and another
# folder with a built extension may be named: private_install.sh PG_CONFIG [TOP SOURCE] (other_release.sh).
set -eu
cd "$(dirname "$0")/../.."
pg_config=${1:-pg_config}
top=${2:-$PWD/tmp_install}
source=${3:-$PWD}
bindir=$("$pg_config" --bindir)
sharedir=$("$pg_config" --sharedir)
pkglibdir=$("$pg_config" --pkglibdir)
stamp="$("$pg_config" --version) $(stat -c %Y "$bindir/postgres")"

if [ "$(cat "$top/stamp" 2>/dev/null)" != "$stamp" ]; then
	rm -rf "$top"
	mkdir -p "$top$bindir" "$top$sharedir" "$top$pkglibdir"
	cp -L "$bindir"/* "$top$bindir/"
	cp -rs "$sharedir/." "$top$sharedir/"
	# What an earlier `make install` left there must not be tested instead of this tree.
	rm -f "$top$sharedir"/extension/quorate*
	cp -rs "$pkglibdir/." "$top$pkglibdir/"
	rm -f "$top$pkglibdir"/quorate.so
	echo "$top$bindir" >"$top/bindir"
	echo "$stamp" >"$top/stamp"
fi

cd "$source"
if [ quorate.so -nt "$top/installed" ] || [ -n "$(find extension/quorate--*.sql quorate.control -newer \
	"$top/installed" 2>/dev/null)" ] || [ ! -f "$top/installed" ]; then
	make --no-print-directory -s -f pgxs.mk install DESTDIR="$top" PG_CONFIG="$pg_config" >/dev/null
	touch "$top/installed"
	chmod -R a+rX "$top"
fi
