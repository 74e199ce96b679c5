#!/usr/bin/perl
# Planned work under load: leaders are handed over one by one, then every node is drained, restarted and resumed in turn. No write
# waits longer than 300 ms on any partition, half of the handovers make nobody wait longer than 50 ms, and a retry cures every
# error that a client meets.
use strict;
use warnings;
use QuorateCluster;
use QuorateGaps qw(now_us acknowledgements gap_ms median);
use QuorateProcess qw(wait_until);
use Test::More;
use Time::HiRes qw(sleep);

my $partitions = 3;
my $trials = $ENV{QUORATE_TEST_LONG} ? 20 : 9;
my $rounds = $ENV{QUORATE_TEST_LONG} ? 3 : 1;
my $cluster = QuorateCluster->new(settings => { 'quorate.heal_after' => '1min' });
$cluster->create_table('songs', partitions => $partitions);
my %key = $cluster->probe_keys('songs', $partitions);
my ($asked) = $cluster->nodes;
my $load = $cluster->start_history('songs', seconds => 0, connections => 3, extra => [ '--rate', 50 ]);
my $probe = $cluster->start_probe('songs', \%key, history => 1);
my @spans; # [ name, partition, from, to ]

# Waits until the write probe is served again and nothing of what was done is under way.
sub settle { sleep 0.5 }

settle();
foreach my $trial (1 .. $trials)
{
	my $partition = $trial % $partitions;
	my $leader = $cluster->leader_of('songs', $partition);
	my @others = $cluster->others($leader);
	my $target = $others[ $trial % 2 ];
	my $from = now_us();
	$target->sql("SELECT quorate.transfer_leader('songs', $partition, '" . $target->name . "')");
	settle();
	push @spans, [ 'handover', $partition, $from, now_us() ];
}

foreach my $node (map { $cluster->nodes } 1 .. $rounds)
{
	my ($other) = $cluster->others($node);
	my $name = $node->name;
	$cluster->move_leaders('songs', $partitions, $node);
	settle();
	my @led = split /\n/, $other->sql("SELECT partition FROM quorate.partitions WHERE table_name = 'songs' AND leader = '$name'");
	my $from = now_us();
	$other->sql("SELECT quorate.drain_node('$name')", limit_s => 120);
	settle();
	push @spans, map { [ 'drain', $_, $from, now_us() ] } @led;
	$from = now_us();
	$node->restart;
	$node->poll_until('SELECT state FROM quorate._node_status()', 'running') or die "$name does not run\n";
	$other->sql("SELECT quorate.resume_node('$name')");
	$other->poll_until("SELECT count(*) FROM quorate.partitions WHERE table_name = 'songs' AND leader IS NOT NULL", $partitions);
	settle();
	push @spans, map { [ 'restart', $_, $from, now_us() ] } 0 .. $partitions - 1;

	# The next one is drained when this one can take over again.
	wait_until(30, sub { $node->sql("SELECT count(*) FROM quorate._group_status() WHERE rows = 'ready' AND leader IS NOT NULL") > $partitions });
}

$cluster->finish_probe($probe);
my %acks = acknowledgements($probe);
sub gaps_of
{
	my %wanted = map { $_ => 1 } @_;
	my @gaps = map { gap_ms($acks{ $_->[1] }, $_->[2], $_->[3]) } grep { $wanted{ $_->[0] } } @spans;
	my ($longest) = sort { $b <=> $a } @gaps;
	note(sprintf '%s: %d times, write gap: median %.0f ms, longest %.0f ms', "@_", scalar @gaps, median(@gaps), $longest);
	return (median(@gaps), $longest);
}

gaps_of($_) foreach 'handover', 'drain';
my ($median, $longest) = gaps_of('handover', 'drain');
cmp_ok($median, '<=', 50, 'half of the handovers make nobody wait longer than 50 ms');
cmp_ok($longest, '<=', 300, 'none makes anybody wait longer than 300 ms');
(undef, $longest) = gaps_of('restart');
cmp_ok($longest, '<=', 300, 'nor does the restart of a drained node, whose clients have to connect again');
$cluster->finish_history($load);
$cluster->retries_cure($load);
$cluster->replicas_equal('songs');
$cluster->finish;
done_testing;
