#!/usr/bin/env bash
# make bench-scale: many replication groups on three nodes of this machine; see scale.pl.
#
#   scale.sh [--groups=N] [--table_partitions=N] [--idle_seconds=N] ...
#
# The results go to build/bench: scale.json, scale.md and scale.svg (that one if gnuplot is installed).
set -eu
cd "$(dirname "$0")/../.."
. tests/bench/bench_lib.sh

prepare scale
measure scale.pl scale.json "$@"
perl tests/bench/scale_report.pl build/bench/scale.json build/bench/scale.md build/bench/scale.gnuplot build/bench/scale.svg
show scale.md scale.gnuplot
