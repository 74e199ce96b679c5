#!/usr/bin/perl
# A follower is stopped for a long time, while the others write many times what fits in one log segment: it catches up
# from the log and is equal to the others.
use strict;
use warnings;
use QuorateCluster;
use Test::More;

my $rows = $ENV{QUORATE_TEST_LONG} ? 200_000 : 20_000;
my $cluster = QuorateCluster->new(settings => { 'quorate.log_segment_size' => '1MB' });
$cluster->create_table('songs', partitions => 3);
my ($north, $south, $west) = $cluster->nodes;
my $load = $cluster->start_history('songs', seconds => 0, nodes => [ $north, $south ]);
$cluster->wait_for_writes($load, 1000);
$west->stop;

my $filler = 'x' x 400;
for (my $first = 1; $first <= $rows; $first += 1000)
{
	my $last = $first + 999;
	$north->sql("SELECT quorate.put_items('songs', array_agg(
		('{\"pk\": {\"S\": \"bulk-' || i % 7000 || '\"}, \"v\": {\"N\": \"' || i || '\"}, \"filler\": {\"S\": \"$filler\"}}')::quorate.item))
		FROM generate_series($first, $last) i", limit_s => 120);
}
$cluster->wait_for_writes($load, 1000);
$west->start;
$cluster->wait_for_leaders('songs', 3);
$cluster->wait_for_writes($load, 1000);
$cluster->finish_history($load);
ok($cluster->replicas_equal('songs', 120), 'the absent node caught up');
is($west->sql("SELECT quorate.get_item('songs', '{\"pk\": {\"S\": \"bulk-1\"}}')::jsonb #>> '{v,N}'"),
	$north->sql("SELECT quorate.get_item('songs', '{\"pk\": {\"S\": \"bulk-1\"}}', true)::jsonb #>> '{v,N}'"),
	'and answers from its own replica');
$cluster->finish;
done_testing();
