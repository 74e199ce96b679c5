#!/usr/bin/env bash
# Shows that the simulator and the interaction scripts can fail: builds each planted mutant that tests/sim/mutants
# lists and expects it to be caught. A line of that file is "NAME SUITE": the name of the build flag
# (-DQUORATE_MUTANT_NAME) and the suite, sim or interaction, that has to fail.
set -u
cd "$(dirname "$0")/../.."
list=tests/sim/mutants
make=${MAKE:-make}
seeds=${MUTANT_SEEDS:-200}
mkdir -p build/results build/mutants

if [ ! -f "$list" ]; then
	exec tests/run/suite.pl mutants
fi

passed=0 failed=0
while read -r name suite; do
	case $name in '' | '#'*) continue ;; esac
	flags="-O2 -g -DQUORATE_MUTANT_$name"
	program="$suite-program"
	[ "$suite" = interaction ] && program=interaction-runner
	log=build/mutants/$name.log
	if ! "$make" --no-print-directory "$program" VARIANT="mutant-$name" VARIANT_CFLAGS="$flags" >"$log" 2>&1; then
		echo "not ok - mutant $name did not build (see $log)"
		failed=$((failed + 1))
		continue
	fi
	if [ "$suite" = interaction ]; then
		catch=("$make" --no-print-directory interaction VARIANT="mutant-$name" VARIANT_CFLAGS="$flags")
	else
		catch=("build/mutant-$name/sim/quorate_sim" --seeds "$seeds")
	fi
	if "${catch[@]}" >>"$log" 2>&1; then
		echo "not ok - mutant $name was not caught by $suite"
		failed=$((failed + 1))
	else
		echo "ok - mutant $name is caught by $suite"
		passed=$((passed + 1))
	fi
done <"$list"
echo "$passed $failed" >build/results/mutants
[ "$failed" -eq 0 ]
