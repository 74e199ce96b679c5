#!/usr/bin/perl
# The power fails on all three machines at once: everything that was not synced is thrown away, then, with other seeds,
# a random part of it, so that the last write of the log is torn. What was acknowledged is there.
use strict;
use warnings;
use QuorateCluster;
use Test::More;

my $cluster = QuorateCluster->new(power_off => 1);
$cluster->create_table('songs', partitions => 3);
my $load = $cluster->start_history('songs', seconds => 0, connections => 12);
foreach my $round (0 .. 3)
{
	$cluster->wait_for_writes($load, 1000);
	$_->kill9 foreach $cluster->nodes;
	my @seed = $round == 0 ? () : ($round * 31);
	foreach my $node ($cluster->nodes)
	{
		my $said = $node->power_off(map { $_ + ord $node->name } @seed);
		like($said, $round == 0 ? qr/^[1-9]\d* of/ : qr/^\d+ of [1-9]/, "round $round: " . $node->name . ' had something that was not synced')
		  or diag($said);
	}
	$_->start foreach $cluster->nodes;
	$cluster->wait_for_leaders('songs', 3);
}
$cluster->wait_for_writes($load, 1000);
$cluster->finish_history($load);
$cluster->replicas_equal('songs');
$cluster->finish;
done_testing();
