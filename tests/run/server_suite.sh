#!/usr/bin/env bash
# Runs a suite that needs PostgreSQL servers: server_suite.sh regress|tap [TEST ...]
#
# PostgreSQL refuses to run as root, and a root user's clone may be unreadable to anybody else. So what the suite
# needs is copied to a scratch folder; as root that folder belongs to user postgres and everything in it runs as
# that user. The servers are the private installation's (private_install.sh). The folder goes away at the end; what
# explains a failure is kept in build/logs/SUITE.
set -eu
cd "$(dirname "$0")/../.."
suite=$1
shift
. tests/run/server_lib.sh

case $suite in
regress) kind=sql files=(sql/*.sql) ;;
tap) kind=t files=(tests/tap/*.pl tests/tap/*.t) ;;
*) echo "usage: server_suite.sh regress|tap [TEST ...]" >&2 && exit 2 ;;
esac
names=()
for f in "${files[@]}"; do
	[ -f "$f" ] || continue
	name=$(basename "$f")
	[ "$kind" = sql ] && name=${name%.sql}
	if [ $# -eq 0 ] || [[ " $* " == *" $name "* || " $* " == *" ${name%.*} "* ]]; then
		names+=("$name")
	fi
done
if [ ${#names[@]} -eq 0 ]; then
	[ $# -eq 0 ] || { echo "$suite: no test is called $*" >&2 && exit 1; }
	exec tests/run/suite.pl "$suite"
fi

make_scratch "$suite"
trap 'status=$?; keep_logs "$suite" "$status"; remove_scratch; exit $status' EXIT
trap 'exit 130' INT TERM

for f in sql expected tests docs; do
	[ -e "$f" ] && cp -r "$f" "$scratch/$f"
done
mkdir -p "$scratch/build" "$scratch/results"
[ -d build/tools ] && cp -r build/tools "$scratch/build/tools"
install_dir=$(reachable_install)
own_scratch

status=0
as_server_user env QUORATE_RESULTS="$scratch/results" QUORATE_BINDIR="$install_dir" TMPDIR="$scratch" \
	QUORATE_PG_REGRESS="$(dirname "$("${PG_CONFIG:-pg_config}" --pgxs)")/../test/regress/pg_regress" \
	${QUORATE_TEST_SEED:+QUORATE_TEST_SEED="$QUORATE_TEST_SEED"} QUORATE_TEST_LONG="${QUORATE_TEST_LONG:-}" QUORATE_TEST_VERBOSE="${QUORATE_TEST_VERBOSE:-}" \
	bash "tests/run/run_$suite.sh" "${names[@]}" || status=$?
mkdir -p build/results
[ -f "$scratch/results/$suite" ] && cp "$scratch/results/$suite" build/results/
exit $status
