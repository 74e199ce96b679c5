#!/usr/bin/perl
# A node is away for so long that the others keep a large log for it, and only then a log replica on a fourth node may count in
# its place: it does so at once, because it gets the recent log alone. The long variant has 300 MB of log, the short
# one 30 MB.
use strict;
use warnings;
use QuorateCluster;
use QuorateProcess qw(wait_until);
use Test::More;
use Time::HiRes qw(time);

my $megabytes = $ENV{QUORATE_TEST_LONG} ? 300 : 30;
my $partitions = 4;
my $cluster = QuorateCluster->new;
my ($north, $south, $west) = $cluster->nodes;
$cluster->create_table('songs', partitions => $partitions);
$north->sql('SELECT quorate.set_autoadmin(healing => false, balancing => false)');
$cluster->add_node('east', 'az4');
$cluster->move_leaders('songs', $partitions, $north);
$south->kill9;

my $filler = 'x' x 1000;
for (my $first = 0; $first < $megabytes * 1000; $first += 2000)
{
	my $last = $first + 1999;
	$north->sql("SELECT quorate.put_items('songs', array_agg(
		('{\"pk\": {\"S\": \"bulk-' || i % 5000 || '\"}, \"v\": {\"N\": \"' || i || '\"}, \"filler\": {\"S\": \"$filler\"}}')::quorate.item))
		FROM generate_series($first, $last) i", limit_s => 120);
}
my $load = $cluster->start_history('songs', seconds => 0, nodes => [ $north, $west ]);
$cluster->wait_for_writes($load, 1000);
foreach my $node ($north, $west)
{
	cmp_ok($node->sql('SELECT log_bytes FROM quorate._node_status()'), '>', $megabytes * 1_000_000, $node->name . ' keeps the log for the node that is away');
}

# How many of the groups have a log replica in the quorum, by a membership that is committed.
sub standing_in
{
	return $north->sql("SELECT count(*) FROM quorate._group_status() g JOIN quorate._partitions() p USING (group_id) JOIN quorate._tables() t USING (table_id)
		WHERE t.table_name = 'songs' AND g.generation = g.committed_generation AND 'log' = ANY (g.member_kinds)");
}

$north->sql('SELECT quorate.set_autoadmin(healing => true, balancing => false)');
my $began = time;
ok(wait_until(30, sub { standing_in() == $partitions }), 'log replicas count in all groups');
my $took = time - $began;
note(sprintf '%d MB of log: log replicas count after %.2f s', $megabytes, $took);
cmp_ok($took, '<=', 3, 'within 3 s of the decision');
$cluster->wait_for_writes($load, 1000);

$south->start;
ok(wait_until(120, sub { standing_in() == 0 }), 'they go when the node is back');
$cluster->finish_history($load);
$cluster->copies_equal('songs', 3);
$cluster->finish;
done_testing();
