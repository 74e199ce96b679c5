#!/usr/bin/perl
# quorate.doctor() on a node whose server is set up badly, whose processes are missing or stopped, whose clock goes back,
# that takes long to start.
use strict;
use warnings;
use QuorateCluster;
use QuorateDoctor;
use Test::More;

# Sixteen replicas on each node.
my $cluster = QuorateCluster->new(faults => 1);
my ($north, $south, $west) = $cluster->nodes;
$cluster->create_table('songs', partitions => 15);

# ---------------------------------------------------------------- settings

my %bad = (
	fsync => 'off',
	full_page_writes => 'off',
	wal_level => 'minimal',
	restart_after_crash => 'off',
	ignore_checksum_failure => 'on',
	ignore_system_indexes => 'on',
	autovacuum => 'off',
	track_counts => 'off',
	max_wal_senders => 0,
	max_worker_processes => 6,
	'quorate.max_nodes' => 2,
	'quorate.max_groups' => 16,
	'quorate.heartbeat_interval' => '300ms',
	'quorate.rebuild_after' => '3s');
my %good = map { $_ => $south->{settings}{$_} } keys %bad;
$south->set(%bad);
$south->restart;
finds($south, qr/settings\|$_\|FAIL\|$_ is \w+: .*\|Set $_ = \w+\./, "$_ is bad") foreach qw(fsync full_page_writes wal_level);
finds($south, qr/settings\|$_\|WARN\|$_ is \w+: .*\|Set $_ = \w+\./, "$_ is bad")
  foreach qw(restart_after_crash ignore_checksum_failure ignore_system_indexes autovacuum track_counts);
finds_all($south,
	'heartbeats are too rare' => qr/settings\|quorate\.heartbeat_interval\|WARN\|quorate\.heartbeat_interval is 300 ms and quorate\.lease_duration 700 ms/,
	'rows would be copied at once' => qr/settings\|quorate\.rebuild_after\|WARN\|quorate\.rebuild_after is not above quorate\.heal_after/,
	'nobody can connect a stream' => qr/room\|max_wal_senders\|FAIL\|max_wal_senders is 0, and the streams of 2 other nodes need more\|Set max_wal_senders to 8 or more/,
	'no room for its processes' => qr/room\|max_worker_processes\|FAIL\|max_worker_processes is 6,.*\|Set max_worker_processes to 7 or more/,
	'so one is missing' => qr/processes\|(applier|forwarder|copier|autoadmin)\|FAIL\|the \1 does not run: .*max_worker_processes/,
	'no room for a node' => qr/room\|quorate\.max_nodes\|FAIL\|quorate\.max_nodes is 2, and node 3 belongs to the cluster/,
	'hardly any room for groups' => qr/room\|quorate\.max_groups\|WARN\|quorate\.max_groups is 16, and 16 replicas are on this node/);
finds($north, qr/nodes\|node south\|WARN\|it is heard, but this node cannot reach it: .*\|.*max_wal_senders/, 'the streams to it are refused');
$south->set(%good);
$south->restart;
finds_nothing($_, "all is well with better settings") foreach $south, $north;

# ---------------------------------------------------------------- processes

# A launcher that is stopped starts nobody again.
$west->signal_process('STOP', 'quorate launcher');
$west->signal_process('TERM', "quorate $_") foreach qw(applier forwarder copier autoadmin);
finds($west, qr/processes\|$_\|FAIL\|the $_ does not run/, "its $_ is missing") foreach qw(applier forwarder copier autoadmin);
$west->signal_process('CONT', 'quorate launcher');
finds_nothing($west, 'they are started again');
foreach my $process (qw(launcher replicator))
{
	# It is started again within a second.
	finds($west, qr/processes\|$process\|FAIL\|the $process does not run/, "its $process is missing",
		again => sub { $west->signal_process('TERM', "quorate $process") });
	finds_nothing($west, 'it is started again');
}

# Stopped between two syncs; in the middle of one that is found instead.
finds($west, qr/log\|disk\|WARN\|the last sync of the log ended \d+ ms ago/, 'nothing is synced',
	again => sub { $west->signal_process($_, 'quorate replicator') foreach qw(CONT STOP) });
$west->fault->set(boottime_us => -3600 * 1_000_000);
finds($west, qr/processes\|clock\|FAIL\|CLOCK_BOOTTIME of this machine went back/, 'its clock goes back');
$west->fault->clear;
$west->signal_process('CONT', 'quorate replicator');
finds_nothing($west, 'all is well when it goes on');

# ---------------------------------------------------------------- a start that takes long

$west->stop;
$west->fault->set(hang => 1);
$west->start;
finds($west, qr/node\|this node\|FAIL\|the log is being recovered\|Wait for it/, 'it starts');
$west->fault->clear;
finds_nothing($_, 'all is well') foreach $cluster->nodes;
$cluster->finish(qr/number of requested standby connections exceeds max_wal_senders/);
done_testing;
