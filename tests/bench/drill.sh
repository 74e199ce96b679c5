#!/usr/bin/env bash
# make drill: everything that fails, one after the other, on five nodes of this machine under load; see drill.pl.
#
#   drill.sh [FAULT ...]
#
# The results go to build/bench: drill.json, drill.md and drill.svg (that one if gnuplot is installed).
set -eu
cd "$(dirname "$0")/../.."
. tests/bench/bench_lib.sh

prepare drill
measure drill.pl drill.json "$@"
perl tests/bench/drill_report.pl build/bench/drill.json build/bench/drill.md build/bench/drill.gnuplot build/bench/drill.svg
show drill.md drill.gnuplot
perl -MJSON::PP -e 'local $/; open my $in, "<", shift or die; exit(decode_json(<$in>)->{passed} ? 0 : 1)' build/bench/drill.json
