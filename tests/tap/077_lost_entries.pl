#!/usr/bin/perl
# The same entry is damaged in the logs of all three nodes, before any of them has it in its rows: nobody knows what it was. Its
# partition has no leader, reads and writes there are refused and never answered without it, doctor() says on each node what is
# missing, and other tables are as ever. No function brings it back: recover_quorum is refused, and dropping the table is the way out.
use strict;
use warnings;
use QuorateCluster;
use Test::More;
use Time::HiRes qw(sleep);

my $cluster = QuorateCluster->new(settings => { 'quorate.heal_after' => '1h' });
my ($north, $south, $west) = $cluster->nodes;
$cluster->create_table($_, partitions => 1) foreach 'songs', 'albums';
my $group = $north->sql("SELECT group_id FROM quorate.partitions WHERE table_name = 'songs'");
$north->sql("SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"before\"}}')");
ok($_->poll_until("SELECT count(*) FROM quorate.scan('songs', consistent_read => false)", 1), $_->name . ' has the first item in its rows')
  foreach $cluster->nodes;

# Ten items that no rows have, each with the same long value.
my $filler = 'x' x 400;
sleep 0.5;
$_->signal_process('STOP', 'applier') foreach $cluster->nodes;
my $first = $north->sql("SELECT max(append_lsn) + 1 FROM quorate._group_status() WHERE group_id = $group");
$north->sql("SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"k$_\"}, \"filler\": {\"S\": \"$filler\"}}')") foreach 1 .. 10;
sleep 2;    # an idle node makes sure of what it has promised
$_->kill9 foreach $cluster->nodes;
is($_->damage_entry($group, $first + 4), 1, 'the fifth of them is damaged at ' . $_->name) foreach $cluster->nodes;
$_->start foreach $cluster->nodes;

foreach my $node ($cluster->nodes)
{
	my $name = $node->name;
	ok($node->poll_until('SELECT state FROM quorate._node_status()', 'running', 30), "$name runs");
	ok($node->poll_until("SELECT missing_entries FROM quorate._group_status() WHERE group_id = $group", 1), "$name says that one entry is missing");
	ok($node->poll_until("SELECT count(*) FROM quorate.doctor() WHERE object = 'songs partition 0' AND
			(\"check\" = 'leader' AND status = 'FAIL' OR \"check\" = 'log' AND detail LIKE '1 entries of its log are damaged here%')", 2),
		"$name: doctor() says so, and that there is no leader");
}
$cluster->wait_for_leaders('albums', 1);
sleep 3;
foreach my $node ($cluster->nodes)
{
	my $name = $node->name;
	is($node->sql("SELECT leader IS NULL FROM quorate.partitions WHERE table_name = 'songs'"), 't', "$name knows no leader");
	is(($node->sql_error("SET quorate.request_timeout = '500ms'; SELECT quorate.get_item('songs', '{\"pk\": {\"S\": \"k9\"}}', consistent_read => true)"))[0], 'QR001',
		"$name: a consistent read is refused");
	is(($node->sql_error("SET quorate.request_timeout = '500ms'; SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"new\"}}')"))[0], 'QR001', "$name: so is a write");
	$node->sql("SELECT quorate.put_item('albums', '{\"pk\": {\"S\": \"$name\"}}')");
}
is($north->sql("SELECT count(*) FROM quorate.scan('albums', consistent_read => true)"), 3, 'another table is as ever');

# What lies before the entry may be applied, nothing from it on.
like($_->sql("SELECT string_agg(i::jsonb #>> '{pk,S}', ',' ORDER BY i::jsonb #>> '{pk,S}') FROM quorate.scan('songs', consistent_read => false) i"),
	qr/^before(,k[1-4])*$/, $_->name . ' has rows of before the entry only') foreach $cluster->nodes;

# One that is left alone lacks the entry as well.
$_->stop foreach $south, $west;
sleep 4;
my ($state, $message) =
  $north->sql_error("SELECT * FROM quorate.recover_quorum('songs', 0, lost_nodes => ARRAY['south', 'west'], accept_data_loss => true)");
like("$state $message", qr/^55000 .*entries that its rows lack are damaged in its log/, 'recover_quorum is refused');
is($north->sql('SELECT state FROM quorate._node_status()'), 'running', 'and nothing else happens');
$_->start foreach $south, $west;
$cluster->wait_for_leaders('albums', 1);
$north->sql("SELECT quorate.drop_table('songs')", limit_s => 60);
foreach my $node ($cluster->nodes)
{
	ok($node->poll_until("SELECT count(*) FROM quorate._group_status() WHERE group_id = $group", 0), $node->name . ' has given the group up');
	ok($node->poll_until('SELECT sum(missing_entries) FROM quorate._group_status()', 0), $node->name . ' misses nothing any more');
}
$cluster->create_table('songs', partitions => 1);
$south->sql("SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"again\"}}')");
is($west->sql("SELECT count(*) FROM quorate.scan('songs', consistent_read => true)"), 1, 'the table can be made anew');
$cluster->replicas_equal($_) foreach 'songs', 'albums';
$cluster->finish;
done_testing();
