#!/usr/bin/env bash
# Runs the simulator: sim.sh PROGRAM, with SEEDS (how many) or N (one seed) in the environment.
# Without a simulator in the tree it says so.
set -u
suite=${SUITE:-sim}
here=$(dirname "$0")
if ! ls tests/sim/*.c >/dev/null 2>&1; then
	exec "$here/suite.pl" "$suite"
fi
export QUORATE_TEST_LIMIT_S=${QUORATE_TEST_LIMIT_S:-7200}
if [ -n "${N:-}" ]; then
	exec "$here/suite.pl" "$suite" --exec "$1 --seed" "$N"
fi
arguments="--jobs $(nproc)"
# Seeds that failed once are run for ever, before all others.
[ ! -f tests/sim/regression_seeds.txt ] || arguments="$arguments --regression tests/sim/regression_seeds.txt"
exec "$here/suite.pl" "$suite" --exec "$1 $arguments --seeds" "$SEEDS"
