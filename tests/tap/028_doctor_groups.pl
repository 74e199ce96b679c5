#!/usr/bin/perl
# quorate.doctor() on groups: leaders that do not serve, followers that get nothing, logs without room, rows that are not
# applied, a node that has no metadata, copies in one zone.
use strict;
use warnings;
use QuorateCluster;
use QuorateDoctor;
use QuorateProcess qw(wait_until);
use Test::More;
use Time::HiRes qw(sleep time);

my $cluster = QuorateCluster->new(faults => 1, settings => { 'quorate.log_segment_size' => '1MB', 'quorate.log_size_max' => '64MB' });
my ($north, $south, $west) = $cluster->nodes;
$cluster->create_table('songs', partitions => 1);
$cluster->move_leaders('songs', 1, $north);

# ---------------------------------------------------------------- leaders

# Two are left, and neither applies anything.
my @stopped = map { $_->signal_process('STOP', 'quorate applier') } $south, $west;
$north->kill9;
my $leader;
ok(wait_until(30, sub {
	($leader) = grep { findings($_) =~ /^leader\|songs partition 0\|FAIL\|this node leads it and applies the log before it serves, up to LSN \d+\|/m } $south, $west;
	return $leader;
}), 'a leader that has not applied all') or diag map { findings($_) } $south, $west;
kill 'CONT', @stopped;
my ($other) = grep { $_ != $leader } $south, $west;
ok($leader->poll_until("SELECT serves FROM quorate.partitions WHERE table_name = 'songs'"), 'it serves when it has');

# Within two seconds after the other one stops, that is heard and no lease is left.
$other->signal_process('STOP', 'quorate replicator');
finds($leader, qr/leader\|songs partition 0\|FAIL\|this node leads it and has no lease: /, 'a leader without a lease');
$other->signal_process('CONT', 'quorate replicator');

# One that hears the other and is not heard by it, both having forgotten who led.
$south->set(wal_level => 'minimal', max_wal_senders => 0);
$_->kill9 foreach $south, $west;
$_->start foreach $south, $west;
finds($west, qr/leader\|songs partition 0\|FAIL\|this node knows no leader; its replica is \w+\|/, 'no leader');
$south->set(wal_level => 'replica', max_wal_senders => 20);
$south->restart;
$north->start;
finds_nothing($_, 'all is well') foreach $cluster->nodes;

# ---------------------------------------------------------------- followers
$cluster->move_leaders('songs', 1, $north);

# Puts many small items, from "FIRST" to "LAST".
sub put_many
{
	my ($node, $first, $last) = @_;
	$node->sql("SELECT quorate.put_items('songs', array_agg(('{\"pk\": {\"S\": \"' || i || '\"}}')::quorate.item)) FROM generate_series($first, $last) i", limit_s => 120);
}

# West is heard but hears nothing of the leader: the backend that takes its frames is stopped, and again if there is another one.
sub deafen
{
	my @pids = split /\n/, $west->sql("SELECT pid FROM pg_stat_activity WHERE query ~ '_consensus_stream[^,]*, 1,'");
	kill 'STOP', @pids;
	push @stopped, @pids;
}
@stopped = ();
$north->sql('SELECT quorate.set_autoadmin(false, false)');
deafen();
put_many($north, 1, 15_000);
finds($north, qr/followers\|songs partition 0\|WARN\|node west lacks \d+ entries\|/, 'a follower gets nothing', again => \&deafen);
finds($west, qr/leader\|songs partition 0\|FAIL\|its leader, node north, is not heard\|/, 'its leader is not heard', again => \&deafen);
kill 'CONT', @stopped;
$north->sql('SELECT quorate.set_autoadmin(true, true)');
finds_nothing($_, 'all is well') foreach $cluster->nodes;

# ---------------------------------------------------------------- nodes without the metadata

# Waits until doctor() says why a node does not have the metadata; it does not wait for it.
sub knows_nothing
{
	my ($node, $why) = @_;
	finds($node, qr/metadata\|this node\|FAIL\|$why/, 'it does not have the metadata');
	my $began = time;
	my $all = $node->sql('SELECT * FROM quorate.doctor()');
	cmp_ok(time - $began, '<', 2, 'doctor() answers at once all the same');
	unlike($all, qr/^(nodes|autoadmin|quorum|leader|copies|changes|zones|rows|followers)\|\|OK\|/m, 'and calls nothing well that is not known');
}

# It takes part, but nobody applies the metadata there.
my $east = $cluster->new_instance('east', 'az1');
@stopped = map { $east->signal_process('STOP', "quorate $_") } qw(launcher replicator);
my $adding = $north->start_sql(sprintf "SELECT quorate.add_node('east', 'az1', '%s')", $east->peer_conninfo);
finds($north, qr/nodes\|node east\|WARN\|it is joining\|quorate\.add_node\(\) has not ended/, 'add_node is under way');
$east->signal_process('CONT', 'quorate replicator');
knows_nothing($east, qr/this node has no complete copy of the metadata: /);
kill 'CONT', @stopped;
is(($north->finish_sql($adding))[0], '', 'it is added');

# A replicator that was started again, and no applier.
@stopped = $west->signal_process('STOP', 'quorate launcher');
$west->signal_process('TERM', "quorate $_") foreach qw(applier replicator);
knows_nothing($west, qr/the applier of this node has not looked at the metadata yet: .*see whether it runs/);
kill 'CONT', @stopped;
finds_nothing($west, 'all is well with an applier');

# Nothing but the zone of another one is left for it.
$north->sql("SELECT quorate.remove_node('south')", limit_s => 120);
$cluster->disown($south);
$cluster->adopt($east);
finds($north, qr/zones\|songs partition 0\|WARN\|copies in one zone: north in az1, east in az1\|.*another zone/, 'two copies in one zone');

# ---------------------------------------------------------------- this node's own log and rows

# Nothing is applied: the log grows, and is held back.
$north->signal_process('STOP', 'quorate applier');
put_many($north, 1, 101_000);
finds_all($north,
	'rows are behind' => qr/rows\|songs partition 0\|WARN\|1\d{5} committed entries are not applied here yet\|/,
	'the log is held back' => qr/log\|node north\|WARN\|it holds back 1\d{5} entries of the logs of \d groups\|The applier of this node/);
finds($west, qr/log\|node north\|WARN\|it holds back 1\d{5} entries of the logs of \d groups\|.*run quorate.doctor\(\) there/, 'and by whom');

# The disk of the log is full while no old segment can be used again.
my $large = "SELECT quorate.put_items('songs', array_agg(('{\"pk\": {\"S\": \"' || i || '\"}, \"f\": {\"S\": \"' || repeat('x', 8000) || '\"}}')::quorate.item))";
$north->sql("$large FROM generate_series(1, 5000) i", limit_s => 120);
finds($north, qr/log\|size\|(WARN|FAIL)\|the log has \d+ MB of quorate\.log_size_max = 64 MB\|/, 'the log is near its size');
$north->fault->set(full => 1);
my ($state) = $north->sql_error("SET quorate.request_timeout = '2s'; $large FROM generate_series(1, 1000) i", limit_s => 120);
isnt($state, '', 'a write is refused');
finds($north, qr/log\|disk\|FAIL\|a write was refused \d+ ms ago because the log had no room\|/, 'there is no room');
$north->fault->clear;

# The applier fails again and again; so it is told even while it does not run.
my $tables = $north->data . '/base';
$north->fault->set(full => 1, folder => $tables);
$north->signal_process('CONT', 'quorate applier');
my $failing = qr/rows\|songs partition 0\|FAIL\|the applier failed \d+ s ago: could not extend file "base\/.*No space left on device\|It is started again/;
finds($north, $failing, 'its applier fails');
ok($north->poll_until("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'quorate applier'", 0), 'it ends');
finds($north, $failing, 'which is said also while it does not run');
like($north->sql("SELECT problem FROM quorate.replicas WHERE node = 'north' AND table_name = 'songs'"), qr/^the applier failed \d+ s ago: could not extend file/, 'also by the view of replicas');
cmp_ok($north->fault->played('writes_failed'), '>', 0, 'there was no room');
$north->fault->clear;
$cluster->replicas_equal('songs', 90);

# ---------------------------------------------------------------- an entry that nobody understands

$cluster->move_leaders('songs', 1, $north);
$west->poll_until("SELECT applied_lsn >= commit_lsn FROM quorate.partitions WHERE table_name = 'songs'");
$west->signal_process('STOP', 'quorate applier');
$north->sql("SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"last\"}}')");
ok($west->poll_until("SELECT commit_lsn > applied_lsn FROM quorate.partitions WHERE table_name = 'songs'"), 'an entry is there and not applied');
my ($group, $lsn) = split /\|/, $west->sql("SELECT group_id, commit_lsn FROM quorate.partitions WHERE table_name = 'songs'");
$west->kill9;
$west->spoil_entry($group, $lsn);
$west->start;
finds($west, qr/rows\|songs partition 0\|FAIL\|the applier stopped before LSN $lsn: this release does not understand the entry\|Install the release/, 'its applier has stopped');
is($west->sql("SELECT problem, applied_lsn FROM quorate.replicas WHERE node = 'west' AND table_name = 'songs'"),
	"the applier stopped before LSN $lsn: this release does not understand the entry|" . ($lsn - 1), 'the view of replicas has it too');
is($west->sql("SELECT state FROM quorate._node_status()"), 'running', 'everything else goes on');

# ---------------------------------------------------------------- a log that cannot be used

$west->stop;
my $identity = $west->data . '/pgsql_tmp_quorate/identity';
open my $io, '+<:raw', $identity or die "could not open $identity: $!\n";
seek $io, 12, 0;
print $io "\xff";
close $io or die "could not write $identity: $!\n";
$west->start;
finds($west, qr/node\|this node\|FAIL\|[^|]*damage[^|]*\|Call quorate\.remove_node\(\.\.\., force => true\)/, 'its identity is damaged');
$cluster->finish(qr/number of requested standby connections exceeds max_wal_senders/);
done_testing;
