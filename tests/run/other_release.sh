#!/usr/bin/env bash
# Makes tmp_install/releases/NAME/: an installation like tmp_install/, but with this source built as another release:
# other_release.sh PG_CONFIG NAME RELEASE RELEASE_BEFORE NEWEST_VERSION. Kinds of messages and records above the newest
# version are unknown to it (extension/core/version.h). The test of upgrades runs it beside the present one.
#
# The source is copied, so that objects of different releases never meet; it is built again whenever it has changed.
set -eu
cd "$(dirname "$0")/../.."
pg_config=$1 name=$2 release=$3 before=$4 newest=$5
work=$PWD/build/releases/$name
top=$PWD/tmp_install/releases/$name

mapfile -t files < <(find extension pgxs.mk quorate.control -name '*.pb-c.*' -prune -o -type f \( -name '*.[ch]' -o \
	-path 'extension/sql/*.sql' -o -name '*.proto' -o -name '*.mk' -o -name '*.control' \) -print | sort)
stamp="$release $before $newest $(cat "${files[@]}" | sha256sum) $("$pg_config" --version)"
if [ "$(cat "$work/stamp" 2>/dev/null)" != "$stamp" ]; then
	rm -rf "$work"
	mkdir -p "$work"
	cp --parents "${files[@]}" "$work"
	sed -i "s/^default_version = .*/default_version = '$release'/" "$work/quorate.control"
	make --no-print-directory -s -C "$work" -f pgxs.mk -j"$(nproc)" PG_CONFIG="$pg_config" \
		RELEASE_CPPFLAGS="-DQUORATE_VERSION_NEWEST=$newest -DQUORATE_RELEASE_BEFORE='\"$before\"'" >"$work/build.log" 2>&1 ||
		{ cat "$work/build.log" >&2 && exit 1; }
	echo "$stamp" >"$work/stamp"
fi
tests/run/private_install.sh "$pg_config" "$top" "$work"

# ALTER EXTENSION UPDATE from the release before to this one, of which the SQL objects are the same; also where its
# library is, as if files had been exchanged without a restart.
if [ "$name" = before ]; then
	present=$(sed -n "s/^default_version = '\(.*\)'/\1/p" quorate.control)
	for install in "$PWD/tmp_install" "$top"; do
		echo "SELECT quorate._require_library('$present');" \
			>"$install$("$pg_config" --sharedir)/extension/quorate--$release--$present.sql"
	done
fi
