#!/usr/bin/perl
# The power fails on all three machines at once: everything that was not synced is thrown away, then, with seeds, a
# random part of it, so that the last write of the log is torn.
#
# The leader's disk is fast and the two others' are slow, and after the failure the two others start alone: whatever was
# acknowledged has to be on one of them, so a node that replied before its sync would be caught.
use strict;
use warnings;
use QuorateCluster;
use Test::More;

my $cluster = QuorateCluster->new(power_off => 1, slow_sync_us => { south => 60_000, west => 60_000 });
my ($north, @others) = $cluster->nodes;
$cluster->create_table('songs', partitions => 3);
my $load = $cluster->start_history('songs', seconds => 0, connections => 24, keys => 300);
foreach my $round (0 .. 3)
{
	$cluster->move_leaders('songs', 3, $north);
	$cluster->wait_for_writes($load, 1000);
	$cluster->kill_all;
	foreach my $node ($cluster->nodes)
	{
		my $said = $node->power_off($round == 0 ? () : $round * 31 + ord $node->name);
		like($said, qr/^\d+ of [1-9]/, "round $round: " . $node->name . ' had something that was not synced') or diag($said);
	}
	$_->start foreach @others;
	$cluster->wait_for_leaders('songs', 3);
	$cluster->wait_for_writes($load, 300);
	$north->start;
	$cluster->wait_for_leaders('songs', 3);
}
$cluster->wait_for_writes($load, 1000);
$cluster->finish_history($load);
$cluster->replicas_equal('songs');
$cluster->finish;
done_testing();
