#!/usr/bin/perl
# The log of a node is set back in its place, as by a snapshot of its disk: device and inode are right, the contents
# are old. The node has forgotten what it promised and acknowledged; its peers have not. It stops by itself, the
# others drop what it says and go on, nothing acknowledged is lost, and it comes back as another node.
use strict;
use warnings;
use QuorateCluster;
use QuorateDoctor;
use QuorateProcess qw(run_command);
use Test::More;
use Time::HiRes qw(time);

my $cluster = QuorateCluster->new;
$cluster->create_table('songs', partitions => 3);
my ($north, $south, $west) = $cluster->nodes;

sub log_directory { return $west->data . '/pgsql_tmp_quorate' }

sub shell
{
	my ($status, undef, $err) = run_command([ 'sh', '-c', $_[0] ], '', 60);
	die "$_[0]: $err\n" if $status != 0;
}

sub state_of
{
	my ($node, $seen_by) = @_;
	return ($seen_by // $node)->sql("SELECT state FROM quorate.nodes WHERE name = '" . $node->name . "'");
}

# ---------------------------------------------------------------- a cold backup, some days too old

my $load = $cluster->start_history('songs', seconds => 0, nodes => [ $north, $south ]);
$cluster->wait_for_writes($load, 500);
$west->stop;
my $backup = $cluster->folder . '/backup';
shell("cp -a '" . log_directory() . "' '$backup'");
$west->start;
ok($west->poll_until('SELECT state FROM quorate._node_status()', 'running'), 'after a copy of its log was made the node runs');
$cluster->wait_for_writes($load, 1000);
ok($north->poll_until("SELECT heard_ms_ago < 1000 FROM quorate.nodes WHERE name = 'west'", 't'), 'and is heard');

$west->kill9;
my $inode = (stat log_directory())[1];
shell("cd '" . log_directory() . "' && rm -rf ./* && cp -a '$backup'/. .");
is((stat log_directory())[1], $inode, 'the copy is put into the very directory');
$west->start;
ok($west->poll_until('SELECT state FROM quorate._node_status()', 'refused', 20), 'the node stops');
like($west->sql('SELECT reason FROM quorate._node_status()'), qr/^its log was set back to an older state: node \d remembers more of it$/, 'and says why');
finds($west, qr/node\|this node\|FAIL\|its log was set back to an older state: .*\|Call quorate\.remove_node\(\.\.\., force => true\)/, 'what is to be done');
# A peer that heard it before it stopped refuses it, and says so.
foreach my $peer ($north, $south)
{
	ok($peer->poll_until("SELECT state IN ('refused', 'silent') FROM quorate.nodes WHERE name = 'west'", 't', 20), $peer->name . ' hears nothing of it');
	next if state_of($west, $peer) eq 'silent';
	is($peer->sql("SELECT reason FROM quorate.nodes WHERE name = 'west'"), 'its log was set back to an older state', 'with the reason');
	finds($peer, qr/nodes\|node west\|FAIL\|its log was set back to an older state, .*\|Call quorate\.remove_node\(\.\.\., force => true\)/, 'what is to be done');
	like($peer->log_text, qr/LOG:  node 3 has forgotten what it acknowledged/, 'which is in its log, too');
}
$cluster->wait_for_writes($load, 1000);

$west->restart;
ok($west->poll_until('SELECT state FROM quorate._node_status()', 'refused', 20), 'another start changes nothing');
is(($west->sql_error("SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"a\"}}')"))[0], '55000', 'it serves nobody');

# ---------------------------------------------------------------- it comes back as a new node

$north->sql("SELECT quorate.remove_node('west', force => true)", limit_s => 60);
$west->sql('SELECT quorate.drop_cluster(force => true)');
$west->sql('DROP EXTENSION quorate; CREATE EXTENSION quorate');
my $started = time;
$north->sql(sprintf "SELECT quorate.add_node('west', '%s', '%s')", $west->zone, $west->conninfo);
ok($north->poll_until("SELECT count(*) FROM quorate.tables WHERE table_name = 'songs' AND copies = 3", 1, 60), 'added again it gets its rows');
diag(sprintf 'three copies %.1f s after add_node', time - $started);
$cluster->wait_for_writes($load, 500);
$cluster->finish_history($load);
$cluster->replicas_equal('songs');
$cluster->finish(qr/has forgotten what it acknowledged|its log was set back|this node left its cluster|quorate applier/);
done_testing();
