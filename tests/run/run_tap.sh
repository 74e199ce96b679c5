#!/usr/bin/env bash
# Runs the multi-node tests; called by server_suite.sh as the server user, in the scratch folder.
set -u
export PATH=$QUORATE_BINDIR:$PATH
export PERL5LIB=$PWD/tests/tap/lib
exec tests/run/suite.pl tap "${@/#/tests/tap/}"
