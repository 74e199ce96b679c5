# What bench.sh and scale.sh share. To be sourced, with the top of the source tree as the current folder.
. tests/run/server_lib.sh

# prepare NAME: a scratch folder with the tests and an installation that the server user can reach ($bin); it goes when the
# script ends.
prepare() {
	suite=$1
	make_scratch "$suite"
	trap 'status=$?; keep_logs "$suite" "$status"; remove_scratch; exit $status' EXIT
	trap 'exit 130' INT TERM
	cp -r tests "$scratch/tests"
	mkdir -p "$scratch/build" build/bench
	cp -r build/tools "$scratch/build/tools"
	bin=$(reachable_install)
	own_scratch
	commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
	git diff --quiet 2>/dev/null || commit="$commit, changed"
}

# measure SCRIPT RESULT ARGUMENT ...: runs tests/bench/SCRIPT as the server user; build/bench/RESULT is what it measured.
measure() {
	local script=$1 result=$2
	shift 2
	as_server_user env QUORATE_BINDIR="$bin" TMPDIR="$scratch" QUORATE_COMMIT="$commit" \
		perl "tests/bench/$script" "$@" "$scratch/$result"
	cp "$scratch/$result" "build/bench/$result"
}

# show TABLE PLOT: draws the plot, if gnuplot is installed and there is something to draw, and prints the table.
show() {
	if [ -f "build/bench/$2" ] && command -v gnuplot >/dev/null; then
		gnuplot "build/bench/$2"
	fi
	cat "build/bench/$1"
	echo "results are in build/bench"
}
