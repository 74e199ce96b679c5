# Shell functions of the scripts that start PostgreSQL servers in a scratch folder. To be sourced, with the top of
# the source tree as the current folder.

# make_scratch NAME: sets $scratch to a new folder below the system's temp folder.
make_scratch() {
	scratch=$(mktemp -d "${TMPDIR:-/tmp}/quorate-$1.XXXXXX")
	chmod 755 "$scratch"
}

# own_scratch: gives the folder to the user that runs the servers.
own_scratch() {
	[ "$(id -u)" -ne 0 ] || chown -R postgres: "$scratch"
}

# as_server_user COMMAND ...: runs it in $scratch, as user postgres if we are root, with a clean environment.
as_server_user() {
	local run=()
	[ "$(id -u)" -ne 0 ] || run=(runuser -u postgres --)
	(cd "$scratch" && "${run[@]}" env -i PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 HOME="$scratch" "$@")
}

# reachable_install: prints the folder of the private installation's programs; if the server user cannot reach
# tmp_install, a copy of it in $scratch.
reachable_install() {
	local bin
	bin=$(cat tmp_install/bindir)
	if as_server_user test -x "$bin/postgres" && as_server_user test -r "$PWD/tmp_install/installed"; then
		echo "$bin"
	else
		cp -a tmp_install "$scratch/tmp_install"
		echo "$scratch/tmp_install${bin#"$PWD"/tmp_install}"
	fi
}

# keep_logs SUITE STATUS: after a failure copies logs and differences to build/logs/SUITE.
keep_logs() {
	[ "$2" -ne 0 ] || return 0
	rm -rf "build/logs/$1"
	mkdir -p "build/logs/$1"
	(cd "$scratch" && find . \( -path ./tmp_install -o -path ./tests -o -path ./build \) -prune -o \
		\( -name '*.log' -o -name '*.diffs' -o -name '*.out' -path '*results*' -o -name 'history*' \) \
		-type f -print0 | tar --null -T - -cf -) | tar -C "build/logs/$1" --no-same-owner -xf -
	echo "$1: logs are in build/logs/$1" >&2
}

# remove_scratch: removes the folder unless KEEP_SCRATCH is set.
remove_scratch() {
	if [ -n "${KEEP_SCRATCH:-}" ]; then
		echo "kept $scratch" >&2
	else
		rm -rf "$scratch"
	fi
}
