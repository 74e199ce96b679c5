#!/usr/bin/perl
# Syncs and writes of the log that fail, and writes that fall short. A failed sync or write is PANIC: that copy never
# acknowledges what it may not have, the others go on within 3 s, and when the disk works again the instance recovers by itself.
use strict;
use warnings;
use Errno qw(EIO);
use QuorateCluster;
use Test::More;
use Time::HiRes qw(sleep time);

my $cluster = QuorateCluster->new(faults => 1);
my ($north, $south, $west) = $cluster->nodes;
$cluster->create_table('songs', partitions => 3);
my %keys = $cluster->probe_keys('songs', 3);
my $load = $cluster->start_history('songs', seconds => 0, extra => [ '--timeout-ms', 3000, '--rate', 100 ]);
$cluster->wait_for_writes($load, 1000);

sub panics
{
	my ($node, $position) = @_;
	my @lines = $node->log_since($position) =~ /PANIC:  could not write the log of this node in "pgsql_tmp_quorate": Input\/output error/g;
	return scalar @lines;
}

# Until the node takes part again.
sub wait_until_back
{
	my ($node, $name) = @_;
	my $started = time;
	ok($node->poll_until("SELECT state FROM quorate.nodes WHERE is_this_node", 'running', 60), "$name: the node is back");
	note(sprintf '%s: %.1f s after the fault ended', $name, time - $started);
	$cluster->wait_for_leaders('songs', 3);
	$cluster->wait_for_writes($load, 300);
}

# Plays a fault on a node for 2 s; returns the gap that clients of the others saw.
sub fault_gap
{
	my ($node, %fault) = @_;
	return $cluster->longest_gap('songs', \%keys,
		sub {
			$node->fault->set(%fault);
			sleep 2;
			$node->fault->clear;
		},
		nodes => [ $cluster->others($node) ]);
}

foreach my $case (
	[ 'the leader cannot sync', $north, 'syncs_failed', sync_error => EIO ],
	$ENV{QUORATE_TEST_LONG} ? [ 'the leader cannot write', $south, 'writes_failed', write_error => EIO ] : ())
{
	my ($name, $leader, $counter, %fault) = @$case;
	$cluster->move_leaders('songs', 3, $leader);
	my $position = $leader->log_position;
	$cluster->gap_within(fault_gap($leader, %fault), 3000, $name);
	cmp_ok($leader->fault->played($counter), '>', 0, "$name: it did fail");
	cmp_ok(panics($leader, $position), '>=', 1, "$name: PANIC");
	wait_until_back($leader, $name);
}

# A follower whose disk fails is like a dead one.
my ($leader) = ($north);
$cluster->move_leaders('songs', 3, $leader);
my $position = $west->log_position;
$cluster->gap_within(fault_gap($west, sync_error => EIO), 3000, 'a follower cannot sync');
cmp_ok(panics($west, $position), '>=', 1, 'a follower cannot sync: PANIC');
is($south->sql("SELECT count(*) FROM quorate.partitions WHERE table_name = 'songs' AND leader = 'north'"), 3, 'the leader stayed');
wait_until_back($west, 'a follower cannot sync');

# A write that falls short is gone on with.
if ($ENV{QUORATE_TEST_LONG})
{
	$position = $north->log_position;
	$cluster->gap_within(fault_gap($north, short_write => 1), 3000, "the leader's writes fall short");
	cmp_ok($north->fault->played('writes_failed'), '>', 0, 'they did');
	is(panics($north, $position), 0, 'and that is no reason to stop');
}
$cluster->wait_for_writes($load, 1000);

$cluster->finish_history($load);
$cluster->replicas_equal('songs');
$cluster->finish(qr/PANIC:  could not write the log of this node/, qr/was terminated by signal 6/);
done_testing();
