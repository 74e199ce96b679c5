#!/usr/bin/perl
# Links between nodes that are cut: the leader is cut off in both directions, then in each direction alone, then from one
# follower only, in both directions or in one. The majority goes on within 3 s, and who is cut off refuses consistent
# reads. Real instances, each in a network namespace of its own; clients are not concerned by the cuts.
use strict;
use warnings;
use QuorateCluster;
use QuorateNetwork;
use QuorateProcess qw(wait_until);
use Test::More;
use Time::HiRes qw(sleep time);

my $network = QuorateNetwork->new(3) or plan skip_all => QuorateNetwork->reason;
my $cluster = QuorateCluster->new(network => $network);
my ($north, $south, $west) = $cluster->nodes;
my %number = ($north => 1, $south => 2, $west => 3);
$cluster->create_table('songs', partitions => 3);
my %keys = $cluster->probe_keys('songs', 3);
my $load = $cluster->start_history('songs', seconds => 0, extra => [ '--timeout-ms', 2000, '--rate', 100 ]);
$cluster->wait_for_writes($load, 1000);

sub consistent_get
{
	my ($node, $timeout) = @_;
	return ($node->sql_error("SET quorate.request_timeout = '$timeout';
		SELECT quorate.get_item('songs', '{\"pk\": {\"S\": \"$keys{0}\"}}', consistent_read => true)"))[0];
}

# Until all nodes hear each other again.
sub wait_for_peace
{
	foreach my $node ($cluster->nodes)
	{
		$node->poll_until('SELECT bool_and(heard_ms_ago < 500) FROM quorate.nodes WHERE NOT is_this_node', 't', 30)
		  or die 'node ' . $node->name . " does not hear the others\n";
	}
	$cluster->wait_for_leaders('songs', 3);
}

# All partitions are led by one node, then the cut: the others go on. Writers of the probe are clients of the others.
sub leader_is_cut_off
{
	my ($name, $leader, $cut) = @_;
	$cluster->move_leaders('songs', 3, $leader);
	my @others = $cluster->others($leader);
	my $gap = $cluster->longest_gap('songs', \%keys,
		sub {
			$cut->($number{$leader}, map { $number{$_} } @others);
			sleep 2;
			is(consistent_get($leader, '700ms'), 'QR001', "$name: " . $leader->name . ' refuses consistent reads');
			is(consistent_get($others[0], '5s'), '', "$name: " . $others[0]->name . ' serves them');
			sleep 2;
		},
		nodes => \@others);
	$cluster->gap_within($gap, 3000, $name);
	my $healed = time;
	$network->heal;
	wait_for_peace();
	note(sprintf '%s: the nodes hear each other %.1f s after the end', $name, time - $healed);
	$cluster->wait_for_writes($load, 300);
}

leader_is_cut_off('the leader is isolated', $north, sub { my ($leader, @others) = @_; $network->cut($leader, $_) foreach @others });
leader_is_cut_off('what the leader sends is lost', $south, sub { my ($leader, @others) = @_; $network->cut_one_way($leader, $_) foreach @others });
leader_is_cut_off('what is sent to the leader is lost', $west, sub { my ($leader, @others) = @_; $network->cut_one_way($_, $leader) foreach @others });

# The streams of before a cut were given up by one side; the other has to notice, or each cut costs slots for hours.
foreach my $node ($cluster->nodes)
{
	ok($node->poll_until("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender'", 8, 20),
		$node->name . ' has no stream left over: one for consensus and three for requests from each other node');
}

# ---------------------------------------------------------------- a partial partition

# North leads and does not reach south; west reaches both. South asks west before it stands, so nothing is torn; north sees that
# west reaches more than itself and hands over, so that clients of south reach the leader. When the link is back north leads again.
sub led_by
{
	my ($leader) = @_;
	return "SELECT count(*) FROM quorate.partitions WHERE table_name = 'songs' AND leader = '" . $leader->name . "'";
}

sub one_link_is_cut
{
	my ($name, $cut) = @_;
	$cluster->move_leaders('songs', 3, $north);
	my $gap = $cluster->longest_gap('songs', \%keys,
		sub {
			my $start = time;
			$cut->();
			ok($west->poll_until(led_by($west), 3, 10), "$name: who reaches all takes over");
			note(sprintf '%s: taken over %.1f s after the cut', $name, time - $start);
			is(consistent_get($south, '5s'), '', "$name: clients of the node behind the cut are served");
			sleep 2;
		},
		nodes => [ $cluster->nodes ]);
	$cluster->gap_within($gap, 3000, $name);
	$network->heal;
	wait_for_peace();
	ok($west->poll_until(led_by($north), 3, 60), "$name: the leader returns with the link");
}

one_link_is_cut('a partial partition', sub { $network->cut(1, 2) });
one_link_is_cut('a partial partition in one direction', sub { $network->cut_one_way(1, 2) }) if $ENV{QUORATE_TEST_LONG};
$cluster->wait_for_writes($load, 1000);

$cluster->finish_history($load);
$cluster->replicas_equal('songs');
$cluster->finish(qr/stream ended within a message/);
done_testing();
