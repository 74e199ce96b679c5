#!/usr/bin/perl
# kill -9 of the instance that leads most partitions, under load: the others take over, nothing acknowledged is lost,
# and the killed instance catches up.
use strict;
use warnings;
use QuorateCluster;
use Test::More;
use Time::HiRes qw(time);

my $cluster = QuorateCluster->new;
$cluster->create_table('songs', partitions => 6);
my $load = $cluster->start_history('songs', seconds => 0);
$cluster->wait_for_writes($load, 1000);

my $leader = $cluster->busiest_leader('songs');
my ($other) = $cluster->others($leader);
my $led = $other->sql("SELECT count(*) FROM quorate.partitions WHERE table_name = 'songs' AND leader = '" . $leader->name . "'");
cmp_ok($led, '>=', 2, 'the killed instance leads several partitions');
$leader->kill9;
my $killed = time;
ok($other->poll_until(
		"SELECT count(*) FROM quorate.partitions WHERE table_name = 'songs' AND leader IS NOT NULL AND leader <> '" . $leader->name . "'",
		6, 30),
	'other nodes lead all partitions');
note(sprintf 'after %.2f s', time - $killed);
$cluster->wait_for_writes($load, 1000);

ok($other->poll_until("SELECT state FROM quorate.nodes WHERE name = '" . $leader->name . "'", 'silent', 10), 'the view shows the dead node');
is(($other->sql_error("SELECT quorate.create_table('made_meanwhile', partition_key => 'pk', partitions => 3)"))[0], '', 'a table is created with one node dead');
is(($other->sql_error("SELECT quorate.put_item('made_meanwhile', '{\"pk\": {\"S\": \"a\"}}')"))[0], '', 'and takes items at once');

$leader->start;
$cluster->wait_for_writes($load, 1000);
$cluster->finish_history($load);
$cluster->replicas_equal('songs');
$cluster->replicas_equal('made_meanwhile');
$cluster->finish;
done_testing();
