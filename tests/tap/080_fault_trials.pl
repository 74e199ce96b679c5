#!/usr/bin/perl
# How long writes wait when the leader's node fails in one way or another, over ten trials of each (one in the short variant, of
# the faults that no other file has). Each trial hands all partitions to another node first; the writers are clients of
# the nodes that do not fail. The bars are those of docs/failure-model.md.
use strict;
use warnings;
use QuorateCluster;
use QuorateGaps qw(median);
use QuorateNetwork;
use QuorateProcess qw(family);
use Test::More;
use Time::HiRes qw(sleep time);

my $long = $ENV{QUORATE_TEST_LONG};
my $trials = $long ? 10 : 1;
my $network = $long ? QuorateNetwork->new(3) : undef;
my $cluster = QuorateCluster->new(faults => 1, network => $network);
my %number = map { ($cluster->nodes)[ $_ - 1 ] => $_ } 1 .. 3;
$cluster->create_table('songs', partitions => 3);
my %keys = $cluster->probe_keys('songs', 3);
my $load = $cluster->start_history('songs', seconds => 0, extra => [ '--timeout-ms', 12_000, '--rate', 50 ]);
$cluster->wait_for_writes($load, 500);

# Until all nodes hear each other and the partitions have leaders.
sub wait_for_peace
{
	foreach my $node ($cluster->nodes)
	{
		$node->poll_until("SELECT count(*) FROM quorate.nodes WHERE is_this_node AND state = 'running' OR heard_ms_ago < 500", 3, 60)
		  or die 'node ' . $node->name . " does not hear the others\n";
	}
	$cluster->wait_for_leaders('songs', 3);
}

# A trial a node by turns; the gaps of all, their median and the longest.
sub try_fault
{
	my ($name, $bar_ms, $fault) = @_;
	my @gaps;
	foreach my $trial (0 .. $trials - 1)
	{
		my $leader = ($cluster->nodes)[ $trial % 3 ];
		$cluster->move_leaders('songs', 3, $leader);
		push @gaps, $cluster->longest_gap('songs', \%keys, sub { $fault->($leader) }, nodes => [ $cluster->others($leader) ]);
		$network->heal if $network;
		wait_for_peace();
		$cluster->wait_for_writes($load, 100);
	}
	my ($longest) = sort { $b <=> $a } @gaps;
	diag(sprintf '%s: %d trials, median %.0f ms, longest %.0f ms', $name, scalar @gaps, median(@gaps), $longest);
	cmp_ok($longest, '<=', $bar_ms, "$name: no write gap over $bar_ms ms");
}

# All processes of the instance get a twentieth of the time that they could have.
sub starve
{
	my ($node, $seconds) = @_;
	my $end = time + $seconds;
	my @pids;
	while (time < $end)
	{
		@pids = family($node->pid);
		kill 'STOP', @pids;
		sleep 0.095;
		kill 'CONT', @pids;
		sleep 0.005;
	}
}

try_fault("5 % of the processor for the leader's node", 10_000, sub { starve($_[0], 6); sleep 1 });
if ($long)
{
	try_fault("kill -9 of the leader's node", 3000, sub { $_[0]->kill9; sleep 3; $_[0]->start; sleep 1 });
	try_fault("the leader's instance is stopped for 5 s", 3000, sub {
			my @pids = family($_[0]->pid);
			kill 'STOP', @pids;
			sleep 5;
			kill 'CONT', @pids;
			sleep 0.5;
		});
	try_fault("the leader's disk hangs for 8 s", 5000, sub { $_[0]->fault->set(hang => 1); sleep 8; $_[0]->fault->clear; sleep 1 });
	try_fault('the leader is isolated', 3000, sub { $network->isolate($number{ $_[0] }); sleep 4 }) if $network;
}

$cluster->finish_history($load);
$cluster->replicas_equal('songs');
$cluster->finish(qr/could not write|fsync|hung|stream ended within a message/);
done_testing();
