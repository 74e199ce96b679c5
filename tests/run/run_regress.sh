#!/usr/bin/env bash
# Runs pg_regress on a temporary instance of its own; called by server_suite.sh as the server user, in the scratch
# folder. Leaves the counts in $QUORATE_RESULTS/regress.
set -u
database=quorate_regress
port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport')

{
	cat tests/run/regress.conf
	echo "quorate.database = '$database'"
} >regress.conf

mkdir -p results

# The other tests use the cluster that this one leaves behind.
tests=(cluster)
for test in "$@"; do
	[ "$test" = cluster ] || tests+=("$test")
done
PATH=$QUORATE_BINDIR:$PATH "$QUORATE_PG_REGRESS" --inputdir=. --outputdir=out --bindir="$QUORATE_BINDIR" \
	--temp-instance="$PWD/instance" --temp-config=regress.conf --host=127.0.0.1 --port="$port" \
	--no-locale --encoding=UTF8 --dbname="$database" --load-extension=quorate "${tests[@]}" 2>&1 | tee results/regress.log
status=${PIPESTATUS[0]}

passed=$(grep -cE '^(test|ok|    ) .*\.\.\. ok' results/regress.log)
failed=$(grep -cE '\.\.\. FAILED' results/regress.log)
[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
echo "$passed $failed" >"$QUORATE_RESULTS/regress"
[ ! -f out/regression.diffs ] || cat out/regression.diffs
exit "$status"
