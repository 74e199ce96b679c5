#!/usr/bin/perl
# A network that is slow, loses, doubles and reorders packets, or is narrow: writes go on, each is applied once, and a bad link
# to one follower does not slow the other two. Takes a minute, so it runs with QUORATE_TEST_LONG=1 only.
use strict;
use warnings;
use QuorateCluster;
use QuorateNetwork;
use Test::More;
use Time::HiRes qw(sleep);

plan skip_all => 'runs with QUORATE_TEST_LONG=1' unless $ENV{QUORATE_TEST_LONG};
my $seconds = 3;
my $network = QuorateNetwork->new(3) or plan skip_all => QuorateNetwork->reason;
my $cluster = QuorateCluster->new(network => $network);
my ($north, $south, $west) = $cluster->nodes;
$cluster->create_table('songs', partitions => 3);
my %keys = $cluster->probe_keys('songs', 3);
$cluster->move_leaders('songs', 3, $north);
my $load = $cluster->start_history('songs', seconds => 0, nodes => [ $north, $south ], extra => [ '--timeout-ms', 5000, '--rate', 50 ]);
$cluster->wait_for_writes($load, 1000);

# ---------------------------------------------------------------- the links of one follower

my %bad = (
	'200 ms of delay' => { delay_ms => 200 },
	'20 % of packets lost' => { drop => 20 },
	'256 kbit/s' => { rate => 32_000 });
foreach my $name (sort keys %bad)
{
	my (@healthy, @slow);
	my $gap = $cluster->longest_gap('songs', \%keys,
		sub {
			foreach my $turn (1 .. 2)
			{
				push @healthy, $cluster->write_p99_ms($load, $seconds / 2);
				foreach my $other (1, 2)
				{
					$network->rule(3, $other, %{ $bad{$name} });
					$network->rule($other, 3, %{ $bad{$name} });
				}
				sleep 0.5;
				push @slow, $cluster->write_p99_ms($load, $seconds / 2);
				$network->heal;
				sleep 0.5;
			}
		},
		nodes => [ $north, $south ]);
	my ($healthy, $slow) = map { (sort { $a <=> $b } @$_)[0] } \@healthy, \@slow;
	note(sprintf '%s at one follower: p99 of writes %.1f ms, healthy %.1f ms', $name, $slow, $healthy);

	# Twice a few milliseconds is less than what a busy machine adds to any of them.
	cmp_ok($slow, '<=', 2 * $healthy + 20, "$name at one follower: p99 of writes is at most twice the healthy one");
	$cluster->gap_within($gap, 1000, "$name at one follower");
}

# ---------------------------------------------------------------- all links

my %worse = (
	'all links: 20 ms of delay, packets doubled and reordered' => { delay_ms => 20, jitter_ms => 20, double => 20 },
	'all links: 200 ms of delay' => { delay_ms => 200 },
	'all links: 20 % of packets lost' => { drop => 20 });
foreach my $name (sort keys %worse)
{
	my $before = $cluster->acknowledged_writes($load);
	my $gap = $cluster->longest_gap('songs', \%keys, sub { $network->rule_for_all(%{ $worse{$name} }); sleep $seconds + 1; });
	my $written = $cluster->acknowledged_writes($load) - $before;
	note(sprintf '%s: %d writes in %d s, longest write gap %.0f ms', $name, $written, $seconds + 2, $gap);
	cmp_ok($written, '>', 0, "$name: writes go on");
	$network->heal;
	$cluster->wait_for_leaders('songs', 3);
	$cluster->wait_for_writes($load, 300);
}
$cluster->wait_for_writes($load, 1000);

$cluster->finish_history($load);
$cluster->replicas_equal('songs');
$cluster->finish(qr/stream ended within a message/);
done_testing();
