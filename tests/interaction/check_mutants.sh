#!/usr/bin/env bash
# Shows that the interaction scripts can fail: each script names in its header the planted bugs ("Fails under: A, B.")
# under which it must fail; the core is built with each of them (-DMUTANT_A) and the script is run. Prints TAP.
#
#   check_mutants.sh [MUTANT ...]     only these planted bugs
set -u
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Prints "MUTANT SCRIPT" for every pair that the headers name.
pairs() {
	sed -n 's/^# Fails under: //p' "$@" /dev/null | grep -q . || return
	local script names name
	for script in "$@"; do
		names=$(sed -n 's/^# Fails under: \(.*\)\.$/\1/p' "$script" | tr -d ',')
		for name in $names; do
			case $name in [A-Z]*_*) echo "$name $script" ;; esac
		done
	done
}

count=0 failed=0 built=
while read -r name script; do
	if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then
		continue
	fi
	if [ "$name" != "$built" ]; then
		if ! grep -rqE "(ifdef|ifndef) MUTANT_$name\$" extension/core || ! ${CC:-gcc} -std=gnu11 -D_GNU_SOURCE -O1 \
			-w "-DMUTANT_$name" -I extension -I tests -o "$scratch/run" extension/core/*.c tests/interaction/*.c; then
			echo "Bail out! no program with MUTANT_$name"
			exit 1
		fi
		built=$name
	fi
	count=$((count + 1))
	if timeout 120 "$scratch/run" "$script" >"$scratch/out" 2>&1 || ! grep -q '^not ok' "$scratch/out"; then
		echo "not ok $count - $(basename "$script") does not fail under MUTANT_$name"
		failed=$((failed + 1))
	else
		echo "ok $count - $(basename "$script") fails under MUTANT_$name"
	fi
done < <(pairs tests/interaction/*.txt | sort)
echo "1..$count"
[ "$failed" -eq 0 ] && [ "$count" -gt 0 ]
