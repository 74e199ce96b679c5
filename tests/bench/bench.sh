#!/usr/bin/env bash
# make bench and make bench-quick: quorate beside PostgreSQL's own quorum replication, on this machine, interleaved.
#
#   bench.sh [--quick] [--only=load|failover] [--seconds=N] [--repetitions=N] ...
#
# The results go to build/bench: results.json, table.md and plot.svg (that one if gnuplot is installed).
set -eu
cd "$(dirname "$0")/../.."
. tests/bench/bench_lib.sh

prepare bench
measure bench.pl results.json "$@"
perl tests/bench/report.pl build/bench/results.json build/bench/table.md build/bench/plot.gnuplot build/bench/plot.svg
show table.md plot.gnuplot
