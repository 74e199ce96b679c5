#!/usr/bin/env bash
# Searches the models of this folder with Spin: the lines of models.list that are marked short, all of them, or those of a
# model or a planted bug.
#
#   run.sh short | all | MODEL | MUTANT      MODEL_LOGS=tests/model/logs: where the logs go (default build/logs/model)
#
# Prints TAP, one line a search. A model holds if its whole state space was searched and no rule is broken; a planted bug has to
# break one. Each search takes one core, at most 4 GB and at most a few minutes. Without Spin all is skipped.
set -u
cd "$(dirname "$0")/../.." || exit 1
list=tests/model/models.list
work=build/model
logs=${MODEL_LOGS:-build/logs/model}
memory_mb=4500 limit_s=${MODEL_LIMIT_S:-1200}
count=0 failed=0
what=${1:?"usage: run.sh short | all | MODEL | MUTANT"}

if ! command -v spin >/dev/null; then
	echo "1..1"
	echo "ok 1 # SKIP spin is not installed (apt-get install spin)"
	exit 0
fi
mkdir -p "$work" "$logs"
rm -f "$logs"/{ballots,leases,membership}.txt

# A macro that nobody lists would never be searched with.
while read -r name; do
	grep -qw "$name" "$list" && continue
	count=$((count + 1)) failed=$((failed + 1))
	echo "not ok $count - $name is not in $list"
done < <(sed -nE 's/^#(ifdef|ifndef|elif|if) *//p' tests/model/*.pml | grep -oE '\b[A-Z][A-Z_]+\b' | sort -u)

# search MODEL MUTANT SCOPE: leaves what the search said in $work/out, and the steps to a broken rule in $work/steps.
search() {
	local flags=()
	rm -rf "$work" && mkdir -p "$work"
	mapfile -t flags < <(tr ',' '\n' <<<"$3" | sed 's/^/-D/')
	[ "$2" = - ] || flags+=("-D$2")
	cp "tests/model/$1.pml" "$work/"
	(
		cd "$work" || exit 1
		spin -a "${flags[@]}" "$1.pml" >out 2>&1 &&
			"${CC:-gcc}" -O1 -w -DSAFETY -DNOCLAIM -DCOLLAPSE "-DMEMLIM=$memory_mb" -o pan pan.c >out 2>&1 || exit 1
		timeout -s INT "$limit_s" nice ./pan -E -n -m100000 -w26 >out 2>&1
		[ ! -f "$1.pml.trail" ] || ./pan -r "$1.pml.trail" >replay 2>&1
		# What the steps were called, and the rule that the last one broke.
		[ ! -f replay ] || sed -n 's/^    \([a-z].*\)/  \1/p; s/^\tbyte *broken:\t/  breaks I/p' replay >steps
	)
}

# verdict: what the search showed, in a few words.
verdict() {
	local states
	states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' "$work/out")
	if [ -s "$work/steps" ]; then
		echo "breaks $(sed -n 's/^  breaks //p' "$work/steps") after $(($(wc -l <"$work/steps") - 1)) steps"
	elif [ -n "$states" ] && grep -q 'errors: 0$' "$work/out" &&
		! grep -qE 'Search not completed|max search depth too small|out of memory' "$work/out"; then
		echo "holds in all $states states"
	else
		echo "was not searched to the end"
	fi
}

log() {
	{
		echo "== $1, ${2/#-/no bug planted}, ${3//,/ }: $4"
		echo "$5"
		sed -n '/^State-vector/p; /states, stored/p; /states, matched/p; /transitions/p; /total actual memory/p' "$work/out"
		[ ! -s "$work/steps" ] || cat "$work/steps"
		echo
	} >>"$logs/$1.txt"
}

while read -r when expected model mutant scope meaning; do
	case $when in short | long) ;; *) continue ;; esac
	case $what in all | "$when" | "$model" | "$mutant") ;; *) continue ;; esac
	count=$((count + 1))
	began=$SECONDS
	search "$model" "$mutant" "$scope"
	found=$(verdict)
	log "$model" "$mutant" "$scope" "$meaning" "$found"
	case $expected:$found in
	holds:holds* | needless:holds* | breaks:breaks*) result=ok ;;
	*) result='not ok' failed=$((failed + 1)) ;;
	esac
	[ "$mutant" = - ] && name=$model || name="$model $mutant"
	echo "$result $count - $name (${scope//,/ }) $found, $((SECONDS - began)) s: $meaning"
	[ "$result" = ok ] || [ -s "$work/steps" ] || sed 's/^/# /' "$work/out" | head -20
	[ "$result" = ok ] || [ ! -s "$work/steps" ] || sed 's/^/# /' "$work/steps"
done <"$list"
echo "1..$count"
[ "$failed" -eq 0 ] && [ "$count" -gt 0 ]
