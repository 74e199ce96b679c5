#!/usr/bin/env bash
# Shows that the interaction scripts and the simulator can fail: every planted bug must be caught by one of them.
#
#   mutants.sh [NAME ...]        MUTANT_SEEDS=150: how many seeds the simulator may take
#
# A planted bug is a name MUTANT_... that the source asks for with #ifdef; each one found there is built by itself. The
# simulator is run below its full number of seeds, where it asks for no coverage, so that only a broken rule fails it.
set -u
cd "$(dirname "$0")/../.."
make=${MAKE:-make}
seeds=${MUTANT_SEEDS:-150}
mkdir -p build/results build/mutants

names=("$@")
if [ ${#names[@]} -eq 0 ]; then
	mapfile -t names < <(grep -rhoE '(ifdef|ifndef|defined)[ (]+MUTANT_[A-Z_]+' extension tests --include='*.[ch]' |
		grep -oE 'MUTANT_[A-Z_]+' | sort -u)
fi
if [ ${#names[@]} -eq 0 ]; then
	exec tests/run/suite.pl mutants
fi

# build PROGRAM: builds it with the mutant of $name in it.
build() {
	"$make" --no-print-directory -j"$(nproc)" "$1" VARIANT="$name" VARIANT_CFLAGS="-O1 -g -D$name" >>"$log" 2>&1
}

# fails COMMAND ...: true if it reports a failure or dies on an assertion; not if it could not run at all.
fails() {
	local status=0
	"$@" >>"$log" 2>&1 || status=$?
	[ "$status" -ge 128 ] || { [ "$status" -ne 0 ] && grep -q '^not ok' "$log"; }
}

caught_by_scripts() {
	fails build/"$name"/interaction/run tests/interaction/*.txt
}

caught_by_simulator() {
	fails build/"$name"/sim/quorate_sim --until-failure --seeds "$seeds"
}

passed=0 failed=0
for name in "${names[@]}"; do
	log=build/mutants/$name.log
	: >"$log"
	caught=
	if ls tests/interaction/*.txt >/dev/null 2>&1; then
		if ! build interaction-runner; then
			caught='nothing: it did not build'
		elif caught_by_scripts; then
			caught='the interaction scripts'
		fi
	fi
	if [ -z "$caught" ] && ls tests/sim/*.c >/dev/null 2>&1 && build sim-program && caught_by_simulator; then
		caught='the simulator'
	fi
	if [ -n "$caught" ] && [ "${caught#nothing}" = "$caught" ]; then
		passed=$((passed + 1))
		echo "ok $((passed + failed)) - $name is caught by $caught"
		rm -rf "build/$name"
	else
		failed=$((failed + 1))
		echo "not ok $((passed + failed)) - $name is caught by ${caught:-nothing} (see $log)"
	fi
done
echo "1..$((passed + failed))"
echo "$passed $failed" >build/results/mutants
[ "$failed" -eq 0 ]
