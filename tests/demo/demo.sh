#!/usr/bin/env bash
# make demo and make demo-stop: three instances of PostgreSQL with quorate, real data, and a killed leader.
#
#   demo.sh         stops an earlier demonstration, builds, runs demo.pl, and leaves the three instances running
#   demo.sh stop    stops the instances of the last demonstration and removes their folder
#
# Instances live in a scratch folder below the system's temp folder, on free loopback ports; no cluster that is there
# already is touched. build/demo/scratch holds the path of the folder, and the file "instances" in it the pid and
# start time of each server, so that exactly these are stopped.
set -eu
cd "$(dirname "$0")/../.."
. tests/run/server_lib.sh
state=build/demo/scratch

packages=(gcc make perl postgresql-15 postgresql-server-dev-15 libpq-dev libkrb5-dev libprotobuf-c-dev protobuf-c-compiler)

# The start time of a process in clock ticks, which tells it from a later one with the same pid.
start_time() {
	sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

stop_instance() {
	local pid=$1 started=$2 name=$3 i
	[ "$(start_time "$pid")" = "$started" ] || return 0
	kill -INT "$pid"
	for i in $(seq 100); do
		if [ "$(start_time "$pid")" != "$started" ]; then
			echo "stopped $name (pid $pid)"
			return 0
		fi
		sleep 0.1
	done
	kill -QUIT "$pid"
	echo "stopped $name (pid $pid) at once, because it did not end by itself"
}

stop_demo() {
	[ -f "$state" ] || return 1
	scratch=$(cat "$state")
	case $scratch in
	*/quorate-demo.*) ;;
	*) echo "$state names $scratch, which is no folder of a demonstration" >&2 && exit 1 ;;
	esac
	if [ -f "$scratch/instances" ]; then
		while read -r pid started name; do
			stop_instance "$pid" "$started" "$name"
		done <"$scratch/instances"
	fi
	rm -rf "$scratch"
	rm -f "$state"
}

install_packages() {
	local missing=() package
	for package in "${packages[@]}"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
	done
	if [ ${#missing[@]} -gt 0 ]; then
		if [ "$(id -u)" -ne 0 ]; then
			echo "Some Debian packages are missing. As root:" >&2
			echo "  apt-get update && apt-get install ${missing[*]}" >&2
			exit 1
		fi
		echo "installing ${missing[*]}"
		# The server's package would start a cluster of its own.
		mkdir -p /etc/postgresql-common
		[ -f /etc/postgresql-common/createcluster.conf ] ||
			echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
		DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 update
		DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 install \
			--no-install-recommends "${missing[@]}" >/dev/null
	fi
	# The real input is the package index; a machine that never ran apt-get update has none.
	if [ "$(apt-cache dumpavail 2>/dev/null | head -c 1000000 | wc -c)" -lt 1000000 ] && [ "$(id -u)" -eq 0 ]; then
		echo "fetching the package index"
		DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 update
	fi
}

build() {
	echo "building (log: build/demo/build.log)"
	mkdir -p build/demo
	if ! make --no-print-directory -j"$(nproc)" private-install tools >build/demo/build.log 2>&1; then
		tail -20 build/demo/build.log >&2
		exit 1
	fi
}

clean_up_after_failure() {
	echo "the demonstration failed; the servers' logs are in build/demo/logs" >&2
	mkdir -p build/demo/logs
	cp "$scratch"/cluster-*/*.log build/demo/logs/ 2>/dev/null || true
	stop_demo || true
}

run_demo() {
	make_scratch demo
	mkdir -p build/demo
	echo "$scratch" >"$state"
	trap clean_up_after_failure EXIT
	trap 'exit 130' INT TERM
	cp -r tests "$scratch/tests"
	mkdir -p "$scratch/build"
	cp -r build/tools "$scratch/build/tools"
	bin=$(reachable_install)
	own_scratch
	as_server_user env QUORATE_BINDIR="$bin" PATH="$bin:/usr/local/bin:/usr/bin:/bin" TMPDIR="$scratch" \
		perl -I tests/tap/lib tests/demo/demo.pl "$scratch/instances"
	trap - EXIT
}

case ${1:-run} in
run)
	started=$SECONDS
	if stop_demo; then echo "(that was the earlier demonstration)"; fi
	install_packages
	build
	run_demo
	echo "Stop everything and remove the data:"
	echo "  make demo-stop"
	echo "(all of this took $((SECONDS - started)) s)"
	;;
stop)
	stop_demo || echo "no demonstration is running"
	;;
*)
	echo "usage: demo.sh [stop]" >&2
	exit 2
	;;
esac
