#!/usr/bin/perl
# A follower that is alive but slow: it does not slow the other two, and what the leader keeps for it is bounded. First the
# follower takes nothing for a while although its connections stand; then its disk is slow.
use strict;
use warnings;
use QuorateCluster;
use Test::More;
use Time::HiRes qw(sleep time);

my $cluster = QuorateCluster->new(faults => 1);
my ($north, $south, $west) = $cluster->nodes;
$cluster->create_table('songs', partitions => 3);
my %keys = $cluster->probe_keys('songs', 3);
$cluster->move_leaders('songs', 3, $north);
my $load = $cluster->start_history('songs', seconds => 0, nodes => [ $north, $south ], extra => [ '--rate', 100 ]);
$cluster->wait_for_writes($load, 1000);

# ---------------------------------------------------------------- memory

my $filler = 'x' x 10_000;

sub write_megabytes
{
	my ($megabytes) = @_;
	foreach my $batch (1 .. $megabytes)
	{
		$north->sql("SELECT quorate.put_items('songs', array_agg(('{\"pk\": {\"S\": \"bulk-' || i || '\"}, \"f\": {\"S\": \"$filler\"}}')::quorate.item))
			FROM generate_series(1, 100) i");
	}
}

# Buffers reach their usual size first; the log keeps its newest 32 MB in memory.
write_megabytes(45);
my $replicator_kb = $north->private_kb('replicator');
my $instance_kb = $north->private_kb;
my $dropped = $north->counter('frames_dropped');
my @stopped = $west->signal_process('STOP', 'replicator');
my $gap = $cluster->longest_gap('songs', \%keys, sub { write_megabytes(50) }, nodes => [ $north, $south ]);
my $grown_kb = $north->private_kb('replicator') - $replicator_kb;
note("the leader's replicator grew by $grown_kb kB, its instance by " . ($north->private_kb - $instance_kb) . ' kB, while 50 MB were written');
cmp_ok($grown_kb, '<', 32 * 1024, 'a follower that takes nothing: what the leader keeps for it is bounded');
cmp_ok($north->counter('frames_dropped'), '>', $dropped, 'what did not fit was dropped, and counted');
$cluster->gap_within($gap, 1000, 'a follower that takes nothing');
kill 'CONT', @stopped;
ok($cluster->node('west')->poll_until("SELECT bool_and(heard_ms_ago < 500) FROM quorate.nodes WHERE NOT is_this_node", 't', 30), 'it goes on');
$cluster->wait_for_writes($load, 300);

# ---------------------------------------------------------------- latency

# Healthy and slow by turns, so that both meet the same machine.
my (@healthy, @slow);
foreach my $turn (1 .. 3)
{
	push @healthy, $cluster->write_p99_ms($load, 1.5);
	$west->fault->set(slow_ms => 150);
	push @slow, $cluster->write_p99_ms($load, 1.5);
	$west->fault->clear;
	sleep 0.5;
}
cmp_ok($west->fault->played('syncs_held'), '>', 10, 'the follower was slow');
my ($healthy, $slow) = map { (sort { $a <=> $b } @$_)[1] } \@healthy, \@slow;
note(sprintf 'p99 of writes: healthy %.1f ms, with a slow follower %.1f ms', $healthy, $slow);

# Twice a few milliseconds is less than what a busy machine adds to any of them.
cmp_ok($slow, '<=', 2 * $healthy + 20, 'a slow follower: p99 of writes is at most twice that of a healthy cluster');
is($south->sql("SELECT count(*) FROM quorate.partitions WHERE table_name = 'songs' AND leader = 'north'"), 3, 'the leader stayed');
$cluster->wait_for_writes($load, 1000);

$cluster->finish_history($load);
$cluster->replicas_equal('songs', 120);
$cluster->finish(qr/stream ended within a message/);
done_testing();
