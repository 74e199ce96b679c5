#!/usr/bin/perl
# Two of three nodes are destroyed for good under load. An operator has the third go on alone: what it had is there, it serves, and
# with two new nodes it heals to three copies. A lost node that comes back after all is refused and changes nothing.
use strict;
use warnings;
use QuorateCluster;
use QuorateProcess qw(run_command wait_until);
use Test::More;
use Time::HiRes qw(time);

my $cluster = QuorateCluster->new;
my ($north, $south, $west) = $cluster->nodes;
$cluster->create_table('songs', partitions => 4);

sub put { return sprintf q{SELECT quorate.put_item('songs', '{"pk": {"S": "%s"}, "v": {"N": "%d"}}')}, @_ }

sub refused
{
	my ($node, $sql, $state, $pattern, $name) = @_;
	my ($got, $message) = $node->sql_error($sql);
	is($got, $state, "$name: SQLSTATE");
	like($message, $pattern, $name);
}

$north->sql(join ";\n", map { put("before$_", $_) } 1 .. 200);
my $load = $cluster->start_history('songs', seconds => 0);
$cluster->wait_for_writes($load, 1000);

# ---------------------------------------------------------------- what is refused

refused($north, 'SELECT quorate.recover_quorum(NULL)', '22004', qr/lost_nodes must not be null/, 'no nodes');
refused($north, "SELECT quorate.recover_quorum('{}')", '22023', qr/must name the nodes/, 'an empty list');
refused($north, "SELECT quorate.recover_quorum('{nobody}')", '42704', qr/does not exist/, 'an unknown node');
refused($north, "SELECT quorate.recover_quorum('{north}', true)", '55000', qr/it is this one/, 'this node itself');
refused($north, "SELECT quorate.recover_quorum('{south,west}', true)", '55000', qr/is not lost: it was heard/, 'nodes that live');
refused($north, "SET ROLE quorate_admin; SELECT quorate.recover_quorum('{south}')", '42501', qr/permission denied/, 'less than a superuser');

$west->kill9;
ok(wait_until(20, sub { $north->sql("SELECT state FROM quorate.nodes WHERE name = 'west'") eq 'silent' }), 'one node is gone');
refused($north, "SELECT quorate.recover_quorum('{west}', true)", '55000', qr/no replication group .* loses its quorum/, 'two of three are a quorum');
refused($north, "SELECT quorate.recover_quorum('songs', 0, '{west}', true)", '55000', qr/does not lose its quorum/, 'of a partition, too');
$cluster->wait_for_writes($load, 1000);

# ---------------------------------------------------------------- the loss

$cluster->finish_history($load);
$north->sql(join ";\n", map { put("after$_", $_) } 1 .. 200);
ok($north->poll_until('SELECT count(*) FROM quorate._group_status() WHERE applied_lsn < commit_lsn', 0), 'north has applied all');
my $items = $north->sql("SELECT count(*) FROM quorate.scan('songs', consistent_read => true)");
$south->kill9;
ok(wait_until(20, sub { $north->sql("SELECT state FROM quorate.nodes WHERE name = 'south'") eq 'silent' }), 'and another one');
is(($north->sql_error("SET quorate.request_timeout = '1s'; " . put('lost', 1)))[0], 'QR001', 'nothing can be written');

refused($north, "SELECT quorate.recover_quorum('{south}', true)", '55000', qr/node "west" is not declared lost and cannot be asked/, 'a node that is silent and not declared lost');
refused($north, "SELECT quorate.recover_quorum('{south,west}')", '55000', qr/acknowledged writes may be lost/, 'without consent');
refused($north, "SELECT quorate.recover_quorum('songs', 9, '{south,west}', true)", '22023', qr/has no partition 9/, 'no such partition');

# ---------------------------------------------------------------- one group after the other

my $one = $north->sql("SELECT object, outcome, last_lsn >= commit_lsn, heard_ms_ago > 1000 FROM quorate.recover_quorum('songs', 0, '{south,west}', true)");
is($one, 'songs partition 0|recovered|t|t', 'one partition goes on alone');
is($north->sql("SELECT serves FROM quorate.partitions WHERE partition = 0"), 't', 'and serves');
is($north->sql("SELECT count(*) FROM quorate.partitions WHERE partition > 0 AND serves"), 0, 'the others do not');

my $began = time;
my $all = $north->sql("SELECT object, outcome FROM quorate.recover_quorum('{south,west}', true)", limit_s => 120);
diag sprintf 'recovered and removed the lost nodes in %.1f s', time - $began;
is($all, join("\n", 'metadata|recovered', map { "songs partition $_|recovered" } 1 .. 3), 'all that is left goes on alone');
is($north->sql("SELECT count(*) FROM quorate.scan('songs', consistent_read => true)"), $items, 'what the survivor had is there');
$north->sql(put("alone$_", $_)) foreach 1 .. 20;
is($north->sql('SELECT string_agg(name, \',\') FROM quorate.nodes'), 'north', 'the lost nodes are removed');
refused($north, "SELECT quorate.recover_quorum('{south}', true)", '42704', qr/does not exist/, 'a second time');

# ---------------------------------------------------------------- healed

$cluster->disown($_) foreach $south, $west;
$cluster->add_node(@$_) foreach [ 'east', 'az2' ], [ 'centre', 'az3' ];
ok($north->poll_until("SELECT copies FROM quorate.tables WHERE table_name = 'songs'", 3, 60), 'three copies are wanted again');
foreach my $node ($cluster->nodes)
{
	ok($node->poll_until("SELECT count(*) FROM quorate.replicas WHERE node = '" . $node->name . "' AND rows = 'ready' AND kind = 'storage'", 4, 60), $node->name . ' has its rows');
}
ok($north->poll_until("SELECT count(*) FROM quorate.changes", 0, 60), 'healed');
$north->sql(put("healed$_", $_)) foreach 1 .. 20;
my ($first, @rest) = map { $_->sql("SELECT count(*) FROM quorate.scan('songs', consistent_read => true)") } $cluster->nodes;
is($first, $items + 40, 'all items are there');
is($_, $first, 'through every node') foreach @rest;
$cluster->replicas_equal('songs');

# ---------------------------------------------------------------- a lost node comes back

$south->start;
ok($south->poll_until('SELECT state FROM quorate._node_status()', 'refused', 30), 'a lost node that comes back is refused');
like($south->sql('SELECT reason FROM quorate._node_status()'), qr/removed from its cluster/, 'with the reason');
is($north->sql("SELECT count(*) FROM quorate.scan('songs', consistent_read => true)"), $items + 40, 'nothing has changed');
$north->sql(put("last$_", $_)) foreach 1 .. 20;
is($north->sql("SELECT count(*) FROM quorate.nodes WHERE state IN ('alive', 'running')"), 3, 'three nodes are well');
$cluster->replicas_equal('songs');
$south->stop;

# ---------------------------------------------------------------- the survivor restarts

$_->kill9 foreach $cluster->nodes;
$_->start foreach $cluster->nodes;
$cluster->wait_for_leaders('songs', 4);
is($north->sql("SELECT count(*) FROM quorate.scan('songs', consistent_read => true)"), $items + 60, 'it lasts through a restart of all');
$cluster->finish;
done_testing;
