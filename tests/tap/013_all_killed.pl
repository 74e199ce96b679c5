#!/usr/bin/perl
# All three instances are killed at once, several times, and started again: what was acknowledged is there.
use strict;
use warnings;
use QuorateCluster;
use Test::More;

my $cluster = QuorateCluster->new;
$cluster->create_table('songs', partitions => 6);
my $load = $cluster->start_history('songs', seconds => 0);
foreach my $round (1 .. 3)
{
	$cluster->wait_for_writes($load, 1000);
	$cluster->kill_all;
	$_->start foreach $cluster->nodes;
	$cluster->wait_for_leaders('songs', 6);
	pass("round $round: all partitions have leaders again");
}
$cluster->wait_for_writes($load, 1000);
$cluster->finish_history($load);
$cluster->replicas_equal('songs');
$cluster->finish;
done_testing();
