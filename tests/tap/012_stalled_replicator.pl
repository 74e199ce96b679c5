#!/usr/bin/perl
# The leader's replicator is stopped (SIGSTOP) while its instance goes on: its lease has to end, another node has to
# lead, and when it continues it must neither serve a stale read nor acknowledge a write of its old ballot.
use strict;
use warnings;
use QuorateCluster;
use Test::More;

my $cluster = QuorateCluster->new;
$cluster->create_table('songs', partitions => 3);
my $load = $cluster->start_history('songs', seconds => 0, extra => [ '--timeout-ms', 3000 ]);
$cluster->wait_for_writes($load, 1000);

foreach my $round (1 .. 3)
{
	my $leader = $cluster->leader_of('songs', 0);
	my ($other) = $cluster->others($leader);
	my @pids = $leader->signal_process('STOP', 'replicator');
	ok($other->poll_until(
			"SELECT leader <> '" . $leader->name . "' FROM quorate.partitions WHERE table_name = 'songs' AND partition = 0", 't', 30),
		"round $round: another node leads while the replicator of " . $leader->name . ' is stopped');
	$cluster->wait_for_writes($load, 1000);
	kill 'CONT', @pids;
	$cluster->wait_for_writes($load, 500);
}
$cluster->finish_history($load);
$cluster->replicas_equal('songs');
$cluster->finish(qr/stream ended within a message/);
done_testing();
