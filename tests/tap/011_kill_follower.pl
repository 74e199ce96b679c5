#!/usr/bin/perl
# kill -9 of an instance that leads nothing, under load: writes go on without a gap worth the name.
use strict;
use warnings;
use QuorateCluster;
use Test::More;

my $cluster = QuorateCluster->new;
$cluster->create_table('songs', partitions => 3);
my ($north, $south, $west) = $cluster->nodes;
$cluster->move_leaders('songs', 3, $north);

my $load = $cluster->start_history('songs', seconds => 0, nodes => [ $north, $south ]);
$cluster->wait_for_writes($load, 1000);
$west->kill9;
$cluster->wait_for_writes($load, 1000);
is($north->sql("SELECT count(*) FROM quorate.partitions WHERE table_name = 'songs' AND leader = 'north'"), 3,
	'the leader stayed where it was');
$west->start;
$cluster->wait_for_writes($load, 1000);
$cluster->finish_history($load);
$cluster->replicas_equal('songs');
$cluster->finish;
done_testing();
