#!/usr/bin/env bash
# Shows that the simulator can fail: builds each planted bug of tests/sim/mutants.list and expects it to be caught.
#
#   run_mutants.sh [MUTANT_NAME ...]      MUTANT_SEEDS=1000: how many seeds may be run
#
# Only the files that know a mutant are compiled again; all else comes from the simulator's own build. Prints TAP, one
# line a mutant: the seed that caught it, and the checker or the assertion. A seed is run until the first one fails and
# nothing is asked for coverage, so that only a broken rule counts. One that the list leaves to a unit test is caught
# by an assertion or a line "not ok" of it. A mutant that the list leaves to the interaction scripts alone is not run
# here: tests/interaction/check_mutants.sh does that.
set -u
cd "$(dirname "$0")/../.."
seeds=${MUTANT_SEEDS:-1000}
list=tests/sim/mutants.list
build=build/opt
work=build/mutants
passed=0 failed=0

"${MAKE:-make}" --no-print-directory -j"$(nproc)" sim-program VARIANT=opt >/dev/null || exit 1
mkdir -p "$work"
mapfile -t sim_sources < <({
	find tests/sim tests/support -name '*.c'
	find tests/tools \( -name 'history.c' -o -name 'linear_*.c' -o -name 'session_*.c' \) ! -name '*_main.c'
} | sort)
mapfile -t unit_sources < <({
	ls tests/unit/*.c | grep -v '/test_'
	find tests/support -name '*.c'
} | grep -v history_helper | sort)
mapfile -t all_sources < <(find extension/{core,log,wire,replication} -name '*.c' | sort)

# link NAME SOURCE...: a program of these files, the simulator's or a unit test's, with this mutant in it.
link() {
	local name=$1 source object objects=() mutated
	shift
	mapfile -t mutated < <(grep -lw "$name" "$@" "${all_sources[@]}")
	for source in "${mutated[@]}"; do
		object=$work/$name-$(basename "$source" .c).o
		# shellcheck disable=SC2046
		${CC:-gcc} $(cat "$build/cflags") "-D$name" -c -o "$object" "$source" || return 1
		objects+=("$object")
	done
	[ ${#mutated[@]} -gt 0 ] || return 1
	for source in "$@"; do
		[[ " ${mutated[*]} " == *" $source "* ]] || objects+=("$build/${source%.c}.o")
	done
	# The objects hold machine code beside what the linker optimizes: without that, linking takes no time.
	${CC:-gcc} -fno-lto -o "$work/$name" "${objects[@]}" "$build/libquorate_pure.a" -lprotobuf-c -lm -pthread
}

# by_simulator NAME: prints the seed that catches the mutant, and by what.
by_simulator() {
	link "$1" "${sim_sources[@]}" 2>"$work/$1.log" || { echo 'does not build'; return; }
	"$work/$1" --until-failure --seeds "$seeds" >"$work/$1.log" 2>&1
	sed -n 's/^not ok [0-9]* - \(seed [0-9]*\): \[assertion\] \(I[0-9]*:\)*.* at .*\/\(.*\)$/\1 assertion \2 \3/p
		s/^not ok [0-9]* - \(seed [0-9]*\): \[\([^]]*\)\].*/\1 checker \2/p' "$work/$1.log" | head -1
}

# by_unit_test NAME TEST: prints the unit test if it catches the mutant, and by what.
by_unit_test() {
	local sources=("tests/unit/$2.c" "${unit_sources[@]}") objects
	objects=("${sources[@]/#/$build/}")
	{
		"${MAKE:-make}" --no-print-directory VARIANT=opt "${objects[@]/%.c/.o}" >/dev/null &&
			link "$1" "${sources[@]}"
	} 2>"$work/$1.log" || { echo 'does not build'; return; }
	timeout 120 "$work/$1" >"$work/$1.log" 2>&1
	# An assertion aborts the test; where, its log does not say.
	[ $? -ne 134 ] || { echo "$2 assertion"; return; }
	sed -n "s/^not ok \([0-9]*\) .*/$2 line \1/p" "$work/$1.log" | head -1
}

# judge NAME SUITE MEANING
judge() {
	local name=$1 caught verdict='not ok'
	rm -f "$work/$name"*
	case $2 in
		sim) caught=$(by_simulator "$name") ;;
		*) caught=$(by_unit_test "$name" "${2#unit:}") ;;
	esac
	if [[ $caught == seed* || $caught == test_* ]]; then
		verdict=ok
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
	printf '%s %d - %-30s %-42s %s\n' "$verdict" $((passed + failed)) "$name" "${caught:-not caught}" "$3"
}

# A mutant that nobody lists would never be built.
while read -r name; do
	grep -q "^$name " "$list" && continue
	failed=$((failed + 1))
	echo "not ok $((passed + failed)) - $name is not in $list"
done < <(grep -rhoE '\bMUTANT_[A-Z_]+' extension tests --include='*.[ch]' | sort -u)

while read -r name suite meaning; do
	[[ $name == MUTANT_* ]] || continue
	[ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
	[ "$suite" = scripts ] || judge "$name" "$suite" "$meaning"
done <"$list"
echo "1..$((passed + failed))"
[ "$failed" -eq 0 ]
