#!/usr/bin/perl
# Disks of the log that hang or are slow. A leader whose syncs hang is replaced within 5 s although its process still talks
# (I9), a follower whose syncs hang is not noticed, a slow one slows nobody.
use strict;
use warnings;
use QuorateCluster;
use Test::More;
use Time::HiRes qw(sleep);

my $cluster = QuorateCluster->new(faults => 1);
my ($north, $south, $west) = $cluster->nodes;
$cluster->create_table('songs', partitions => 3);
my %keys = $cluster->probe_keys('songs', 3);
$cluster->move_leaders('songs', 3, $north);
my $load = $cluster->start_history('songs', seconds => 0, extra => [ '--timeout-ms', 3000, '--rate', 50 ]);
$cluster->wait_for_writes($load, 1000);

# ---------------------------------------------------------------- a follower

# The fault is played twice and the shorter gap counts: what it does, it does each time, and what else this machine
# does in a while it does once.
sub follower_fault_gap
{
	my (%fault) = @_;
	my @gaps = map {
		my $gap = $cluster->longest_gap('songs', \%keys,
			sub {
				$west->fault->set(%fault);
				sleep 2;
				$west->fault->clear;
				sleep 1;
			},
			nodes => [ $north, $south ]);
		$gap;
	} 1 .. 2;
	return $gaps[0] < $gaps[1] ? $gaps[0] : $gaps[1];
}

$cluster->gap_within(follower_fault_gap(hang => 1), 300, "a follower's disk hangs");
cmp_ok($west->fault->played('syncs_held'), '>', 0, 'it did hang');
if ($ENV{QUORATE_TEST_LONG})
{
	my $held = $west->fault->played('syncs_held');
	$cluster->gap_within(follower_fault_gap(slow_ms => 300), 300, "a follower's disk takes 300 ms for a sync");
	cmp_ok($west->fault->played('syncs_held'), '>', $held + 5, 'it was slow');
}
is($south->sql("SELECT count(*) FROM quorate.partitions WHERE table_name = 'songs' AND leader = 'north'"), 3, 'the leader stayed');

# ---------------------------------------------------------------- the leader

my $gap = $cluster->longest_gap('songs', \%keys,
	sub {
		$north->fault->set(hang => 1);
		sleep 8;
		is($south->sql("SELECT count(*) FROM quorate.partitions WHERE table_name = 'songs' AND leader <> 'north'"), 3,
			'a leader with a hung disk is replaced');
		my ($state) = $north->sql_error("SET quorate.request_timeout = '2s';
			SELECT quorate.get_item('songs', '{\"pk\": {\"S\": \"$keys{0}\"}}', consistent_read => true)");
		is($state, '', 'its clients read through it, from the new leader');
		$north->fault->clear;
		sleep 1;
	},
	nodes => [ $south, $west ]);
$cluster->gap_within($gap, 5000, "the leader's disk hangs for 8 s");
$cluster->wait_for_writes($load, 300);

if ($ENV{QUORATE_TEST_LONG})
{
	my ($leader) = $cluster->leader_of('songs', 0);
	$cluster->move_leaders('songs', 3, $leader);
	$gap = $cluster->longest_gap('songs', \%keys,
		sub {
			$leader->fault->set(slow_ms => 300);
			sleep 3;
			$leader->fault->clear;
		},
		nodes => [ $cluster->others($leader) ]);
	$cluster->gap_within($gap, 5000, "the leader's disk takes 300 ms for a sync");
}
$cluster->wait_for_writes($load, 1000);

$cluster->finish_history($load);
$cluster->replicas_equal('songs');
$cluster->finish(qr/stream ended within a message/);
done_testing();
