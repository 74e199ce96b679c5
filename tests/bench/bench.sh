#!/usr/bin/env bash
# make bench and make bench-quick: quorate beside PostgreSQL's own quorum replication, on this machine, interleaved.
#
#   bench.sh [--quick] [--only=load|failover] [--seconds=N] [--repetitions=N] ...
#
# The results go to build/bench: results.json, table.md and plot.svg (that one if gnuplot is installed).
set -eu
cd "$(dirname "$0")/../.."
. tests/run/server_lib.sh

make_scratch bench
trap 'status=$?; keep_logs bench "$status"; remove_scratch; exit $status' EXIT
trap 'exit 130' INT TERM
cp -r tests "$scratch/tests"
mkdir -p "$scratch/build" build/bench
cp -r build/tools "$scratch/build/tools"
bin=$(reachable_install)
own_scratch
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
git diff --quiet 2>/dev/null || commit="$commit, changed"

as_server_user env QUORATE_BINDIR="$bin" TMPDIR="$scratch" QUORATE_COMMIT="$commit" \
	perl tests/bench/bench.pl "$@" "$scratch/results.json"
cp "$scratch/results.json" build/bench/results.json
perl tests/bench/report.pl build/bench/results.json build/bench/table.md build/bench/plot.gnuplot build/bench/plot.svg
if [ -f build/bench/plot.gnuplot ] && command -v gnuplot >/dev/null; then
	gnuplot build/bench/plot.gnuplot
fi
cat build/bench/table.md
echo "results are in build/bench"
