#!/usr/bin/env bash
# Line coverage of the plain C library by the unit tests, worst file first: coverage.sh BUILD_FOLDER
# Needs gcov, which comes with gcc. The tests have been run before, built with --coverage.
set -eu
cd "$(dirname "$0")/../.."
folder=$1
find "$folder/extension" -name '*.gcda' -print0 |
	xargs -0 gcov -n -r 2>/dev/null |
	awk '/^File / { gsub("\x27", "", $2); file = $2 }
		/^Lines executed:/ && file ~ /^extension\/.*\.c$/ && !(file in seen) && file !~ /pb-c/ {
			seen[file] = 1
			split($2, part, ":")
			percent = part[2] + 0
			lines = $4
			covered += percent * lines / 100
			total += lines
			printf "%6.1f %%  %5d lines  %s\n", percent, lines, file
		}
		END { if (total) printf "%6.1f %%  %5d lines  altogether\n", 100 * covered / total, total }' |
	sort -n
