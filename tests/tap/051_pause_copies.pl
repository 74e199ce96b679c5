#!/usr/bin/perl
# Copies of rows that are paused: they stay where they are, also through kill -9 of the copier and of the server, while the
# log is applied and the metadata followed; everybody is told; resumed they go on from there. So do removals of rows.
use strict;
use warnings;
use QuorateCluster;
use QuorateDoctor;
use Test::More;
use Time::HiRes qw(sleep);

my $cluster = QuorateCluster->new(settings => { 'quorate.rebuild_after' => '1h' });
my ($north, $south, $west) = $cluster->nodes;
$cluster->create_table('songs', partitions => 1);
$north->sql("SELECT quorate.put_items('songs', array_agg(
	('{\"pk\": {\"S\": \"bulk-' || i || '\"}, \"filler\": {\"S\": \"' || repeat('x', 2000) || '\"}}')::quorate.item)) FROM generate_series(1, 3000) i");

# 6 MB in pages of half a megabyte.
my $east = $cluster->add_node('east', 'az1', settings => { 'quorate.copy_rate_limit' => '1MB', 'quorate.rebuild_after' => '1h' });
my ($state, $message) = $east->sql_error('BEGIN READ ONLY; SELECT quorate.pause_copies()');
is($state, '25006', 'nothing is paused in a read-only transaction');
is(($east->sql_error('SET ROLE quorate_write; SELECT quorate.pause_copies()'))[0], '42501', 'nor by everybody');
is($east->sql('SELECT * FROM quorate._copy_pause()'), '|', 'nothing is paused');
$east->sql('SELECT quorate.resume_copies()');

# Rows that west is to remove are paused before there are any.
$west->sql("SET synchronous_commit = off; SET ROLE quorate_admin; SELECT quorate.pause_copies()");
$north->sql("SELECT quorate.remove_node('west', wait => false)");
my $work = "FROM quorate.operations WHERE operation = 'copy rows' AND object = 'songs partition 0'";
ok($east->poll_until("SELECT step, stop_with, done > 0 $work", 'copying|pause_copies|t'), 'rows are being copied, and can be paused');

# ---------------------------------------------------------------- paused

$east->sql('SELECT quorate.pause_copies()');
sleep 1.5; # a page that was fetched before is still written
my $done = $east->sql("SELECT done $work");

sub stays
{
	my ($name) = @_;
	ok($east->poll_until("SELECT step, stop_with, done $work", "paused|resume_copies|$done"), "$name: it is paused where it was");
	sleep 1.5;
	is($east->sql("SELECT step, stop_with, done $work"), "paused|resume_copies|$done", "$name: it stays there");
}

stays('paused');
cmp_ok($done, '>', 0, 'something had been copied');
cmp_ok($done, '<', 5_000_000, 'and something is left');
is($east->sql("SELECT state, paused, rate FROM quorate.copies WHERE table_name = 'songs'"), 'copying|t|', 'the view of copies has it too');
my $findings = $east->sql("SELECT object, status, detail, hint FROM quorate.doctor() WHERE \"check\" = 'rows'");
like($findings, qr/^this node\|WARN\|the copying and removing of rows has been paused here for \d+ s by postgres; replicas that wait: 1\|quorate\.resume_copies\(\)/m,
	'doctor() warns');
like($findings, qr/^songs partition 0\|WARN\|the rows of this node's replica are copying\|.*paused here.*resume_copies/m, 'and names the replica');
my $since = $east->sql('SELECT since FROM quorate._copy_pause()');
$east->sql('SET ROLE quorate_admin; SELECT quorate.pause_copies()');
is($east->sql('SELECT since, paused_by FROM quorate._copy_pause()'), "$since|postgres", 'paused again: it stays as it was');
$east->sql('BEGIN; SELECT quorate.resume_copies(); ROLLBACK');
is($east->sql('SELECT since FROM quorate._copy_pause()'), $since, 'a resumption that was rolled back ends nothing');

# The applier is not held up, neither the metadata.
$north->sql("SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"later\"}}')");
$north->sql("SELECT quorate.create_table('other', partition_key => 'pk')");
ok($east->poll_until("SELECT count(*) FROM quorate.tables WHERE table_name = 'other'", 1), 'the node learns of a new table');

my $leader = $cluster->leader_of('songs', 0);
finds($leader, qr/changes\|songs partition 0\|WARN\|copying rows east, for \d+ s\|.*quorate\.copies/, 'the copy takes long');
finds($north, qr/nodes\|node west\|WARN\|it is leaving\|/, 'a node is being removed');

my ($copier) = $east->signal_process('KILL', 'quorate copier');
ok($east->poll_until("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'quorate copier' AND pid <> $copier", 1), 'another copier comes after a crash');
$east->kill9;
$east->start;
stays('after kill -9 of the copier, and of the server');

# ---------------------------------------------------------------- resumed

my $position = $east->log_position;
$east->sql('SET ROLE quorate_admin; SELECT quorate.resume_copies()');
my ($least, $last) = ($done, '');
for (1 .. 600)
{
	$last = $east->sql("SELECT done $work");
	last if $last eq '';
	$least = $last if $last < $least;
	sleep 0.1;
}
is($last, '', 'resumed it ends');
is($least, $done, 'it went on from where it was');
unlike($east->log_since($position), qr/will be copied|begins anew/, 'and did not begin again');
is($east->sql("SELECT count(*) FROM quorate.doctor() WHERE object = 'this node'"), 0, 'doctor() has nothing left to say of it');

# ---------------------------------------------------------------- removals

my $removal = "SELECT operation, step, stop_with, done > 6000000 FROM quorate.operations WHERE object = 'songs partition 0'";
ok($west->poll_until($removal, 'remove rows|paused|resume_copies|t'), 'the rows that west is to remove are paused');
like($west->sql("SELECT detail FROM quorate.doctor() WHERE object = 'this node'"), qr/paused here for \d+ s by quorate_admin; replicas that wait: 1/, 'as doctor() says');
$west->sql('SELECT quorate.resume_copies()');
ok($west->poll_until('SELECT count(*) FROM quorate.operations WHERE operation <> \'remove_node\'', 0), 'resumed they are removed');

# A pause ends with the node's membership.
$west->sql('SELECT quorate.pause_copies()');
$north->sql("SELECT quorate.remove_node('west')");
is($west->sql('SELECT * FROM quorate._copy_pause()'), '|', 'a node that has left its cluster pauses nothing');
($state, $message) = $west->sql_error('SELECT quorate.pause_copies()');
is($state, '55000', 'nor can it');
is($message, 'this node does not belong to a cluster', 'as it says');
$cluster->disown($west);
$west->stop;

$cluster->replicas_equal($_) foreach qw(songs other);
$cluster->finish(qr/was terminated by signal 9/);
done_testing;
