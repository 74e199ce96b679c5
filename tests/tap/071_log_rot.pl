#!/usr/bin/perl
# Bytes of the log are damaged while an instance is stopped: first on one node, then on all three at once, in different
# entries, in closed segments and in the one being written. The nodes start, get what they lack from each other, and
# nothing that was acknowledged is lost. Then a whole segment is gone. At last the disk of a node cannot read a part of its
# log: a block in the middle, which is got from the others as well, and the block in which it ends, which may hold what the
# node has promised: it waits until that can be read.
use strict;
use warnings;
use Errno qw(EIO);
use QuorateCluster;
use QuorateDoctor;
use QuorateProcess qw(wait_until);
use Test::More;
use Time::HiRes qw(sleep time);

my $cluster = QuorateCluster->new(faults => 1, settings => { 'quorate.log_segment_size' => '1MB', 'quorate.heal_after' => '1h' });
my ($north, $south, $west) = $cluster->nodes;
$cluster->create_table('songs', partitions => 3);
my $filler = 'x' x 400;

# Items with a value that tells which round wrote them.
sub write_items
{
	my ($node, $round, $rows) = @_;
	for (my $first = 1; $first <= $rows; $first += 1000)
	{
		my $last = $first + 999;
		$node->sql("SELECT quorate.put_items('songs', array_agg(
			('{\"pk\": {\"S\": \"bulk-' || i || '\"}, \"v\": {\"N\": \"$round\"}, \"filler\": {\"S\": \"$filler\"}}')::quorate.item))
			FROM generate_series($first, $last) i", limit_s => 120);
	}
}

# Damages entries of a stopped node's log; returns how many.
sub damage
{
	my ($node, $remainder) = @_;
	my ($damaged, $segments) = $node->damage_log($remainder);
	note(sprintf '%s: %d entries damaged in %d segments', $node->name, $damaged, $segments);
	return $damaged;
}

sub missing
{
	my ($node) = @_;
	return $node->sql("SELECT coalesce(sum(missing_entries), 0) FROM quorate._group_status()");
}

# The node runs and has all entries, within 120 s from the start; the damage was reported within 60 s.
sub is_repaired
{
	my ($node, $started, $position, $name) = @_;
	ok(wait_until(60, sub { $node->log_since($position) =~ /the log of this node is damaged in segment \d+, bytes \d+ to \d+/ }),
		"$name: " . $node->name . ' tells of the damage');
	ok($node->poll_until('SELECT state FROM quorate.nodes WHERE is_this_node', 'running', 60), "$name: " . $node->name . ' runs');
	ok(wait_until(120 - (time - $started), sub { missing($node) eq '0' }), "$name: " . $node->name . ' has all entries')
	  or diag(missing($node) . ' are missing');
	note(sprintf '%s: %s: %.1f s after the start, %s entries repaired', $name, $node->name, time - $started, $node->counter('entries_repaired'));
}

sub values_are
{
	my ($round, $rows, $name) = @_;
	foreach my $node ($cluster->nodes)
	{
		is($node->sql("SELECT count(*) FROM quorate.scan('songs', consistent_read => true) i
				WHERE i::jsonb #>> '{pk,S}' LIKE 'bulk-%' AND i::jsonb #>> '{v,N}' = '$round'", limit_s => 120),
			$rows, "$name: all rows are right through " . $node->name);
	}
}

# ---- one node

my $load = $cluster->start_history('songs', seconds => 0);
$cluster->wait_for_writes($load, 500);
$west->stop;    # so that the others keep their logs, until the damage is mended
write_items($north, 1, 8000);
$cluster->wait_for_writes($load, 500);
$cluster->finish_history($load, name => 'before');
sleep 2;        # an idle node makes sure of what it has promised
$north->stop;
cmp_ok(scalar($north->log_segments), '>=', 4, 'the log has closed segments');
cmp_ok(damage($north, 0), '>', 20, 'entries of one node are damaged');
my ($position, $started) = ($north->log_position, time);
$_->start foreach $north, $west;
is_repaired($north, $started, $position, 'one node');
$cluster->wait_for_leaders('songs', 3);
$cluster->reread($load, 'one node');
values_are(1, 8000, 'one node');
$cluster->replicas_equal('songs', 120);

# ---- all nodes

$load = $cluster->start_history('songs', seconds => 0);
$cluster->wait_for_writes($load, 500);
$cluster->finish_history($load, name => 'between');
sleep 2;
$west->stop;
write_items($south, 2, 8000);
sleep 2;
$_->stop foreach $north, $south;
my %position = map { $_->name => $_->log_position } $cluster->nodes;
cmp_ok(damage($north, 0), '>', 20, 'entries of the first node are damaged');
cmp_ok(damage($south, 1), '>', 20, 'and others of the second');
cmp_ok(damage($west, 2), '>', 0, 'and others of the third');
$started = time;
$north->start;
finds($north, qr/log\|songs partition \d\|WARN\|\d+ entries of its log are damaged here and not yet got from another node\|/, 'entries are missing as long as it is alone');
$_->start foreach $south, $west;
is_repaired($_, $started, $position{ $_->name }, 'all nodes') foreach $cluster->nodes;
$cluster->wait_for_leaders('songs', 3);
$cluster->reread($load, 'all nodes');
values_are(2, 8000, 'all nodes');
my $after = $cluster->start_history('songs', seconds => 0);
$cluster->wait_for_writes($after, 1000);
$cluster->finish_history($after, name => 'after');
$cluster->replicas_equal('songs', 120);

# ---- a segment is gone

$west->stop;
write_items($north, 3, 8000);
sleep 2;
$south->stop;
my @files = $south->log_segments;
unlink $files[1] or die "could not remove $files[1]: $!\n";
($position, $started) = ($south->log_position, time);
$_->start foreach $south, $west;
is_repaired($south, $started, $position, 'a segment is gone');
$cluster->wait_for_leaders('songs', 3);
values_are(3, 8000, 'a segment is gone');
$cluster->replicas_equal('songs', 120);

# ---- the disk cannot read a block in the middle of the log

# Starts a stopped node on a disk that cannot read the block at that offset of the file.
sub start_with_bad_block
{
	my ($node, $file, $offset) = @_;
	$node->fault->set(read_error => EIO, read_block => int($offset / 4096), folder => $file);
	($position, $started) = ($node->log_position, time);
	$node->start;
}

$west->stop;    # so that the others keep their logs, until the damage is mended
write_items($south, 4, 3000);
$north->stop;
my ($file, $offset) = $north->closed_segment;
my ($segment) = $file =~ /0*(\d+)\.segment$/;
start_with_bad_block($north, $file, $offset);
is_repaired($north, $started, $position, 'a bad block');
cmp_ok($north->fault->played('reads_failed'), '>', 0, 'a bad block: it was met');
like($north->log_since($position), qr/damaged in segment $segment, bytes \d+ to \d+: it cannot be read/, 'a bad block: and is named');
cmp_ok($north->counter('entries_repaired'), '>', 0, 'a bad block: entries came from another node');
$west->start;
$cluster->wait_for_leaders('songs', 3);
is($north->sql("SELECT count(*) FROM quorate.scan('songs', consistent_read => true) i WHERE i::jsonb #>> '{v,N}' = '4'"), 3000,
	'a bad block: all rows are right');
$cluster->replicas_equal('songs', 120);

# ---- nor the block in which it ends

$load = $cluster->start_history('songs', seconds => 0);
$cluster->wait_for_writes($load, 500);
$north->stop;
start_with_bad_block($north, $north->last_segment);
ok($north->poll_until('SELECT state FROM quorate._node_status()', 'refused', 20), 'the end of the log: the node does not run');
like($north->sql('SELECT reason FROM quorate._node_status()'), qr/^log is damaged, and a part of it cannot be read: .*, segment \d+, bytes \d+ to \d+$/,
	'the end of the log: and says why');
like($north->sql("SELECT hint FROM quorate.doctor() WHERE detail LIKE '%cannot be read%' LIMIT 1"), qr/remove_node/, 'the end of the log: doctor says what can be done');
$cluster->wait_for_writes($load, 500);
$started = time;
$north->fault->clear;
ok($north->poll_until('SELECT state FROM quorate.nodes WHERE is_this_node', 'running', 20), 'the end of the log: it runs when it can be read');
note(sprintf 'the end of the log: %.1f s after it could be read', time - $started);
$cluster->finish_history($load, name => 'bad blocks');
$cluster->replicas_equal('songs', 120);
$cluster->finish;
done_testing();
