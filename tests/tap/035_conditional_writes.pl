#!/usr/bin/perl
# One counter, raised by compare-and-set from clients of all three nodes, with a kill -9 of the leader's instance in
# between: no acknowledged increment is lost, and nothing else is added than those of unknown outcome.
use strict;
use warnings;
use QuorateCluster;
use QuorateCounter;
use QuorateProcess qw(wait_until);
use Test::More;

my $cluster = QuorateCluster->new;
$cluster->create_table('counters', partitions => 1);
my $counter = QuorateCounter->new(($cluster->nodes)[0], 'counters', 'c');
$counter->count_through($cluster->nodes);

my $leader = $cluster->leader_of('counters', 0);
my ($other) = $cluster->others($leader);
ok(wait_until(10, sub { $counter->outcomes('applied') >= 100 }), 'the counter grows');
$leader->kill9;
my $before = $counter->outcomes('applied');
ok(wait_until(30, sub { $counter->outcomes('applied') >= $before + 500 }), 'it grows after the kill, too');
cmp_ok($counter->outcomes('QR101'), '>', 0, 'the clients got in each other\'s way');
$counter->finish($other, 'a leader was killed');
$leader->start;
$cluster->replicas_equal('counters');
$cluster->finish;
done_testing();
