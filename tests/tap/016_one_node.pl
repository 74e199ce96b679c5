#!/usr/bin/perl
# A cluster of one node, for development: it works at once, says that there is one copy, and keeps what it acknowledged
# through a kill and a restart.
use strict;
use warnings;
use QuorateCluster;
use Test::More;

my $cluster = QuorateCluster->new(nodes => 1);
my ($node) = $cluster->nodes;
$cluster->create_table('songs', partitions => 2);
is($node->sql("SELECT copies, durability FROM quorate.tables WHERE table_name = 'songs'"), '1|one copy: for development only',
	'the view says that there is one copy');
my $load = $cluster->start_history('songs', seconds => 0);
$cluster->wait_for_writes($load, 1000);
$node->kill9;
$node->start;
$cluster->wait_for_leaders('songs', 2);
$cluster->wait_for_writes($load, 1000);
$node->restart('fast');
$cluster->wait_for_leaders('songs', 2);
$cluster->wait_for_writes($load, 1000);
$cluster->finish_history($load);
$cluster->finish;
done_testing();
