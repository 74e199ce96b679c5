#!/usr/bin/perl
# Every function works from every node, whoever leads; tables that are made and dropped from several nodes at once
# are made and dropped once; a node that was away learns of both.
use strict;
use warnings;
use QuorateCluster;
use Test::More;

my $cluster = QuorateCluster->new;
my ($north, $south, $west) = $cluster->nodes;

sub item
{
	my ($pk, $sk, $value) = @_;
	return sprintf q('{"pk": {"S": "%s"}, "sk": {"N": "%d"}%s}'), $pk, $sk, defined $value ? sprintf(', "v": {"S": "%s"}', $value) : '';
}

# ---------------------------------------------------------------- every function, every leader, every node

$cluster->create_table('songs', partitions => 3, sort_key => 'sk', sort_key_type => 'N');
foreach my $leader ($cluster->nodes)
{
	foreach my $number (0 .. 2)
	{
		# The call comes from a node that neither leads nor takes over, as far as there is one.
		my ($asked) = grep { $_ != $leader && $_ != $cluster->leader_of('songs', $number) } $cluster->nodes;
		is(($asked->sql_error("SELECT quorate.transfer_leader('songs', $number, '" . $leader->name . "')"))[0], '',
			'transfer_leader of partition ' . $number . ' to ' . $leader->name . ' works from ' . $asked->name);
	}
	foreach my $node ($cluster->nodes)
	{
		my $name = $node->name . ' with ' . $leader->name . ' leading';
		my $pk = $node->name . '-' . $leader->name;
		is($node->sql("SELECT quorate.put_item('songs', " . item($pk, 1, 'one') . ')'), '', "put_item: $name");
		is($node->sql("SELECT quorate.put_items('songs', array_agg(format('{\"pk\": {\"S\": \"$pk\"}, \"sk\": {\"N\": \"%s\"}}', i)::quorate.item)) FROM generate_series(2, 20) i"),
			19, "put_items: $name");
		is($node->sql("SELECT quorate.get_item('songs', " . item($pk, 1) . ", true)::jsonb #>> '{v,S}'"), 'one', "get_item, consistent: $name");
		ok($node->poll_until("SELECT quorate.get_item('songs', " . item($pk, 20) . ') IS NOT NULL', 't', 20), "get_item: $name");
		is($node->sql("SELECT quorate.delete_item('songs', " . item($pk, 2) . ')'), '', "delete_item: $name");
		is($node->sql("SELECT string_agg(item::jsonb #>> '{sk,N}', ' ') FROM quorate.query('songs', 'pk = :p AND sk BETWEEN :a AND :b', consistent_read => true,
			expression_attribute_values => '{\":p\": {\"S\": \"$pk\"}, \":a\": {\"N\": \"1\"}, \":b\": {\"N\": \"5\"}}', scan_index_forward => false) AS item"),
			'5 4 3 1', "query, consistent: $name");
		is($node->sql("SELECT count(*) FROM quorate.scan('songs', consistent_read => true) item WHERE item::jsonb #>> '{pk,S}' = '$pk'"),
			19, "scan, consistent: $name");
	}
}
foreach my $node ($cluster->nodes)
{
	my $table = 'from_' . $node->name;
	is(($node->sql_error("SELECT quorate.create_table('$table', 'pk', partitions => 2)"))[0], '', "create_table works from " . $node->name);
	foreach my $other ($cluster->nodes)
	{
		ok($other->poll_until("SELECT count(*) FROM quorate.tables WHERE table_name = '$table'", 1, 20), "and " . $other->name . ' learns of it');
		is(($other->sql_error("SELECT quorate.put_item('$table', '{\"pk\": {\"S\": \"a\"}}')"))[0], '', 'and can write to it');
	}
	my ($other) = $cluster->others($node);
	is(($other->sql_error("SELECT quorate.drop_table('$table')"))[0], '', 'drop_table works from ' . $other->name);
	ok($_->poll_until("SELECT count(*) FROM quorate.tables WHERE table_name = '$table'", 0, 20), 'and ' . $_->name . ' forgets it') foreach $cluster->nodes;
	is(($node->sql_error("SELECT quorate.get_item('$table', '{\"pk\": {\"S\": \"a\"}}')"))[0], '42P01', 'there is no such table then');
}

# ---------------------------------------------------------------- the same name from several nodes at once

foreach my $round (1 .. 5)
{
	my %session = map { $_->name => [ $_, $_->start_sql("SELECT quorate.create_table('race$round', 'pk', partitions => 2)") ] } $cluster->nodes;
	my %state = map { $_ => ($session{$_}[0]->finish_sql($session{$_}[1]))[0] } keys %session;
	is(join(' ', sort values %state), ' 42P07 42P07', "round $round: one of three creations wins, the others get 42P07") or diag(explain(\%state));
	is(($_->sql_error("SELECT quorate.put_item('race$round', '{\"pk\": {\"S\": \"a\"}}')"))[0], '', "round $round: it serves through " . $_->name)
	  foreach $session{ (grep { $state{$_} eq '' } keys %state)[0] // 'north' }[0];
}

# Creating and dropping one name again and again, from different nodes: each call says what it did, and in the end
# all nodes agree about what is there.
my %said;
foreach my $round (1 .. 8)
{
	my @session = (
		[ $north, $north->start_sql("SELECT quorate.create_table('flicker', 'pk', partitions => 2)") ],
		[ $south, $south->start_sql("SELECT quorate.drop_table('flicker')") ],
		[ $west, $west->start_sql("SELECT quorate.create_table('flicker', 'pk', partitions => 2)") ]);
	$said{ ($_->[0]->finish_sql($_->[1]))[0] || 'done' }++ foreach @session;
}
is(join(' ', grep { !/^(done|42P07|42P01)$/ } keys %said), '', 'creations and drops that race succeed, or say that the table exists or does not');
is(($north->sql_error("SELECT quorate.create_table('settled', 'pk')"))[0], '', 'after all that another table can be made');
foreach my $node ($south, $west)
{
	ok($node->poll_until("SELECT string_agg(table_name || table_id, ' ' ORDER BY table_id) FROM quorate.tables",
			$north->sql("SELECT string_agg(table_name || table_id, ' ' ORDER BY table_id) FROM quorate.tables"), 20),
		$node->name . ' has the same tables as north');
	ok($node->poll_until("SELECT count(*) = (SELECT count(*) FROM quorate._partitions()) + 1 FROM quorate._group_status()", 't', 20), 'and as many groups as they have partitions');
	ok($node->poll_until("SELECT count(*) = (SELECT count(*) FROM quorate.tables) + 1 FROM pg_tables WHERE schemaname = 'quorate_data' AND tablename ~ '^t[0-9]+\$'", 't', 20),
		'and their relations, and no others');
}

# ---------------------------------------------------------------- one node away

$west->kill9;
is(($south->sql_error("SELECT quorate.create_table('made_without_west', 'pk', partitions => 6)"))[0], '', 'a table is created with one node dead');
is($south->sql("SELECT count(*) FROM quorate.partitions WHERE table_name = 'made_without_west' AND leader IS NOT NULL AND leader <> 'west'"), 6,
	'all its leaders serve when the call returns');
$north->sql("SELECT quorate.put_items('made_without_west', array_agg(format('{\"pk\": {\"S\": \"%s\"}}', i)::quorate.item)) FROM generate_series(1, 500) i");
is(($north->sql_error("SELECT quorate.drop_table('race1')"))[0], '', 'another one is dropped');
my $dropped = $north->sql("SELECT count(*) FROM quorate.tables WHERE table_name = 'race1'");
is($dropped, 0, 'and is gone');
$west->start;
ok($west->poll_until("SELECT count(*) FROM quorate.tables WHERE table_name IN ('made_without_west', 'race1')", 1, 30), 'the node that was away learns of both');
ok($west->poll_until("SELECT count(*) FROM quorate.scan('made_without_west')", 500, 30), 'and catches up');
is(($west->sql_error("SELECT quorate.transfer_leader('made_without_west', 3, 'west')"))[0], '', 'and can lead');
$cluster->replicas_equal($_) foreach 'songs', 'made_without_west';
$cluster->finish;
done_testing();
