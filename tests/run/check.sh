#!/usr/bin/env bash
# Runs the suites named as arguments one after the other, all of them even if one fails, and ends with one line a
# suite and the line "N passed, N failed". A suite that ends badly without counts (it did not build, say) counts as
# one failure. Exits 1 if anything failed, or if nothing was tested.
set -u
cd "$(dirname "$0")/../.."

make=${MAKE:-make}
passed=0 failed=0 summary=()

rm -rf build/results
mkdir -p build/results

if ! "$make" --no-print-directory -j"$(nproc)" all; then
	summary+=("build: FAILED")
	failed=1
fi
for suite in "$@"; do
	suite_passed=0 suite_failed=0 status=0
	started=$SECONDS
	"$make" --no-print-directory -j"$(nproc)" "$suite" || status=$?
	[ -f "build/results/$suite" ] && read -r suite_passed suite_failed <"build/results/$suite"
	if [ "$status" -ne 0 ] && [ "$suite_failed" -eq 0 ]; then
		suite_failed=1
	fi
	passed=$((passed + suite_passed))
	failed=$((failed + suite_failed))
	summary+=("$(printf '%-12s %6d passed, %d failed (%d s)' "$suite:" "$suite_passed" "$suite_failed" \
		$((SECONDS - started)))")
done

echo
printf '%s\n' "${summary[@]}"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
