#!/usr/bin/perl
# A node is away until the others have given up the log that it needs: its rows are copied from another node, under
# load, with kill -9 and a termination of the copier in between. It serves nothing of its own until it is equal.
use strict;
use warnings;
use QuorateCluster;
use Time::HiRes qw(sleep);
use Test::More;

my $partitions = 3;
my $cluster = QuorateCluster->new(
	settings => {
		'quorate.log_segment_size' => '1MB',
		'quorate.log_size_max' => '64MB',
		'quorate.copy_rate_limit' => '4MB' });
$cluster->create_table('songs', partitions => $partitions);
my ($north, $south, $west) = $cluster->nodes;
$cluster->move_leaders('songs', $partitions, $north);

my $filler = 'x' x 1000;

# Writes items bulk-FIRST to bulk-LAST with a value.
sub put_bulk
{
	my ($first, $last, $value) = @_;
	for (my $from = $first; $from <= $last; $from += 1000)
	{
		my $to = $from + 999 < $last ? $from + 999 : $last;
		$north->sql("SELECT quorate.put_items('songs', array_agg(
			('{\"pk\": {\"S\": \"bulk-' || i || '\"}, \"v\": {\"N\": \"$value\"}, \"filler\": {\"S\": \"$filler\"}}')::quorate.item))
			FROM generate_series($from, $to) i", limit_s => 120);
	}
}

put_bulk(1, 15_000, 1);
$cluster->replicas_equal('songs');
my $load = $cluster->start_history('songs', seconds => 0, nodes => [ $north, $south ], keys => 200);
$cluster->wait_for_writes($load, 500);
$west->stop;

# Six times the log's size is written; what west has is then far below where the others' logs begin.
put_bulk(1, 15_000, $_) foreach 2 .. 8;
$north->sql("SELECT quorate.delete_item('songs', ('{\"pk\": {\"S\": \"bulk-' || i || '\"}}')::quorate.item) FROM generate_series(1, 300) i",
	limit_s => 120);
$west->start;
ok($west->poll_until('SELECT count(*) > 0 FROM quorate.copies', 't', 60), 'rows are being copied');

ok($west->poll_until("SELECT count(*) > 0 FROM quorate.operations WHERE operation = 'copy rows' AND step = 'copying' AND object ~ '^songs partition' AND node = 'west'
	AND done > 0 AND remaining > 0 AND percent BETWEEN 1 AND 99 AND for_ms > 0", 't', 60), 'how far it is can be seen');

my $copying = "EXISTS (SELECT FROM quorate.copies WHERE state = 'copying' AND items > 500)";
my ($stale, $unready_sums, $uncounted) = (0, 0, 0);
my @disturbances = (
	sub { $west->kill9; $west->start },
	sub { $west->signal_process('TERM', 'quorate copier') },
	sub { $west->kill9; $west->start });
my $equal = 0;
foreach my $try (1 .. 1200)
{
	# Read from west without consistency: its own replica must not answer before it is whole.
	my $value = eval { $west->sql("SELECT quorate.get_item('songs', '{\"pk\": {\"S\": \"bulk-777\"}}')::jsonb #>> '{v,N}'") };
	$stale++ if defined $value && $value ne '8';
	my $state = eval { $west->sql("SELECT $copying, (SELECT count(*) FROM quorate.copies)") } // '';
	if ($state =~ /^t/ && @disturbances)
	{
		$unready_sums += $west->sql("SELECT count(*) FROM quorate.checksum('songs') WHERE checksum IS NULL");
		$uncounted += $west->sql("SELECT count(*) WHERE NOT quorate.describe_table('songs') ?| '{ItemCount,TableSizeBytes}'");
		shift(@disturbances)->();
	}
	last if $equal = $state eq 'f|0' && $west->sql(
		"SELECT count(*) FROM quorate.replicas WHERE node = 'west' AND table_name = 'songs' AND rows = 'ready'") eq $partitions;
	sleep 0.1;
}
ok($equal, 'all rows of the node that was away are ready');
is(scalar @disturbances, 0, 'the copy was disturbed three times');
is($stale, 0, 'no read through the node showed anything old');
cmp_ok($unready_sums, '>', 0, 'there was no checksum of rows that were not ready');
cmp_ok($uncounted, '>', 0, 'nor was their number said to be that of the table');
$cluster->wait_for_writes($load, 500);
$cluster->finish_history($load);
$cluster->replicas_equal('songs');
like($west->log_text, qr/copied \d+ items of replication group/, 'the log tells of the copy');

# The totals that the copy and the log kept are those of the rows.
is($west->sql("SELECT string_agg(p.items || '/' || p.bytes, ' ' ORDER BY p.partition) FROM quorate.partitions p WHERE table_name = 'songs'"),
	$west->sql("SELECT string_agg(items || '/' || bytes, ' ' ORDER BY partition) FROM quorate.checksum('songs')"),
	'the running totals are right');
is($west->sql("SELECT d ->> 'ItemCount', d ->> 'TableSizeBytes' FROM quorate.describe_table('songs') d"),
	$west->sql("SELECT sum(items), sum(bytes) FROM quorate.checksum('songs')"), 'and the description of the table has their sums');

# It can lead again.
$cluster->move_leaders('songs', $partitions, $west);
is($west->sql("SELECT quorate.get_item('songs', '{\"pk\": {\"S\": \"bulk-777\"}}', true)::jsonb #>> '{v,N}'"), '8', 'it leads and serves');
$cluster->finish;
done_testing();
