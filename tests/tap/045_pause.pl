#!/usr/bin/perl
# The whole instance of the leader is stopped (SIGSTOP) and wakes up later, like a virtual machine that was frozen: the
# others go on within 3 s, and when it wakes it serves no stale read, not even to statements that it was stopped in.
use strict;
use warnings;
use QuorateCluster;
use QuorateProcess qw(family);
use Test::More;
use Time::HiRes qw(sleep);

my $cluster = QuorateCluster->new;
$cluster->create_table('songs', partitions => 3);
my %keys = $cluster->probe_keys('songs', 3);
my $load = $cluster->start_history('songs', seconds => 0, extra => [ '--timeout-ms', 12_000 ]);
$cluster->wait_for_writes($load, 1000);

# From stopping to continuing, all processes at (nearly) one moment. The load's statements at this node stay open: what
# they return after the pause is part of the history.
sub pause
{
	my ($node, $seconds) = @_;
	my @pids = family($node->pid);
	kill 'STOP', @pids;
	my @started_meanwhile = family($node->pid);
	kill 'STOP', @started_meanwhile;
	sleep $seconds;
	kill 'CONT', @pids, @started_meanwhile;
}

# Pauses around the length of a lease (0.7 s) are the interesting ones for stale reads.
foreach my $seconds ($ENV{QUORATE_TEST_LONG} ? (0.2, 0.4, 0.6, 0.8, 1.2, 5, 30) : (0.6, 0.8, 5))
{
	my $leader = $cluster->busiest_leader('songs');
	$cluster->move_leaders('songs', 3, $leader);
	my $gap = $cluster->longest_gap('songs', \%keys, sub { pause($leader, $seconds); sleep 0.5 }, nodes => [ $cluster->others($leader) ]);
	$cluster->gap_within($gap, 3000, "the leader's instance is stopped for $seconds s");
	$cluster->wait_for_writes($load, 300);
}
$cluster->wait_for_writes($load, 1000);

$cluster->finish_history($load);
$cluster->replicas_equal('songs');
$cluster->finish(qr/stream ended within a message/);
done_testing();
