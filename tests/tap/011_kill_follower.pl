#!/usr/bin/perl
# kill -9 of an instance that leads nothing, under load: writes go on without a gap worth the name. There is no fourth node, so
# nobody can count in its place: the views say so.
use strict;
use warnings;
use QuorateCluster;
use Test::More;
use Time::HiRes qw(time);

my $cluster = QuorateCluster->new;
$cluster->create_table('songs', partitions => 3);
my ($north, $south, $west) = $cluster->nodes;
$cluster->move_leaders('songs', 3, $north);

my %keys = $cluster->probe_keys('songs', 3);
my $load = $cluster->start_history('songs', seconds => 0, nodes => [ $north, $south ]);
$cluster->wait_for_writes($load, 1000);
my $killed;
my $gap = $cluster->longest_gap('songs', \%keys,
	sub {
		$west->kill9;
		$killed = time;
		ok($north->poll_until("SELECT count(*) FROM quorate.changes WHERE step = 'no node for a log replica' AND node = 'west'
				AND table_name = 'songs'", 3, 20), 'the leader has no node for a log replica');
		note(sprintf 'which it says %.1f s after the node was killed', time - $killed);
	},
	nodes => [ $north, $south ]);
$cluster->gap_within($gap, 300, 'a follower is killed');
like($north->sql("SELECT detail FROM quorate.doctor() WHERE object = 'songs partition 0' AND \"check\" = 'copies'"),
	qr/^2 of 3 copies; silent: west; autoadmin: no node for a log replica west/, 'doctor() says so');
$cluster->wait_for_writes($load, 1000);
is($north->sql("SELECT count(*) FROM quorate.partitions WHERE table_name = 'songs' AND leader = 'north'"), 3,
	'the leader stayed where it was');
$west->start;
ok($north->poll_until("SELECT count(*) FROM quorate.changes WHERE step = 'no node for a log replica'", 0, 20),
	'nothing is missing when the node is back');
$cluster->wait_for_writes($load, 1000);
$cluster->finish_history($load);
$cluster->replicas_equal('songs');
$cluster->finish;
done_testing();
