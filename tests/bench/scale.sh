#!/usr/bin/env bash
# make bench-scale: many replication groups on three nodes of this machine; see scale.pl.
#
#   scale.sh [--groups=N] [--table_partitions=N] [--idle_seconds=N] ...
#
# The results go to build/bench: scale.json, scale.md and scale.svg (that one if gnuplot is installed).
set -eu
cd "$(dirname "$0")/../.."
. tests/run/server_lib.sh

make_scratch scale
trap 'status=$?; keep_logs scale "$status"; remove_scratch; exit $status' EXIT
trap 'exit 130' INT TERM
cp -r tests "$scratch/tests"
mkdir -p "$scratch/build" build/bench
cp -r build/tools "$scratch/build/tools"
bin=$(reachable_install)
own_scratch
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
git diff --quiet 2>/dev/null || commit="$commit, changed"

as_server_user env QUORATE_BINDIR="$bin" TMPDIR="$scratch" QUORATE_COMMIT="$commit" \
	perl tests/bench/scale.pl "$@" "$scratch/scale.json"
cp "$scratch/scale.json" build/bench/scale.json
perl tests/bench/scale_report.pl build/bench/scale.json build/bench/scale.md build/bench/scale.gnuplot build/bench/scale.svg
if command -v gnuplot >/dev/null; then
	gnuplot build/bench/scale.gnuplot
fi
cat build/bench/scale.md
echo "results are in build/bench"
