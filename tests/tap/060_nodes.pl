#!/usr/bin/perl
# Nodes that come and go: a cluster of one gets others, which all nodes know, also after restarts and absences; what
# keeps a node from being added is listed at once and leaves nothing behind; a removed node is refused when it comes
# back, and says why.
use strict;
use warnings;
use QuorateCluster;
use QuorateDoctor;
use QuorateProcess qw(run_command wait_until);
use Test::More;

my $cluster = QuorateCluster->new(nodes => 1);
my ($north) = $cluster->nodes;
$cluster->create_table('songs', partitions => 2);

sub add_sql
{
	my ($node, %option) = @_;
	return sprintf "SELECT quorate.add_node('%s', '%s', '%s', wait => %s, allow_shared_zone => %s)", $option{name} // $node->name,
	  $option{zone} // $node->zone, $option{conninfo} // $node->conninfo, $option{wait} // 'false', $option{share} // 'false';
}

# Calls a function that has to fail; returns SQLSTATE and the lines of its detail.
sub problems
{
	my ($node, $sql) = @_;
	my ($status, undef, $err) = run_command([ $node->psql_command, '-f', '-' ], $sql, 60);
	return ('none', $err) if $status == 0;
	my ($state) = $err =~ /ERROR:  (\w{5}):/;
	my ($detail) = $err =~ /ERROR:.*?DETAIL:  (.*?)\n(?:HINT|LOCATION):/s;
	return ($state, $detail // $err);
}

# The nodes in a node's list, as name (standing).
sub knows
{
	my ($node, $expected, $name) = @_;
	ok($node->poll_until("SELECT string_agg(name, ' ' ORDER BY node_id) FROM quorate._peers()", $expected, 20), "$name: " . $node->name . " knows $expected");
}

sub status_of { return $_[0]->sql('SELECT state FROM quorate._node_status()') }

# ---------------------------------------------------------------- what is wrong is listed

my $south = $cluster->new_instance('south', 'az2', settings => { wal_level => 'minimal', max_wal_senders => 0, fsync => 'off' });
my ($state, $detail) = problems($north, add_sql($south, zone => 'az1'));
is($state, '55000', 'an instance that is not ready is refused');
like($detail, $_->[1], $_->[0]) foreach (
	[ 'its zone', qr/nodes "north" and "south" are in the same zone "az1"/ ]);
($state, $detail) = problems($north, add_sql($south, zone => 'az1', share => 'true'));
unlike($detail, qr/same zone/, 'a shared zone is accepted on request');
($state, $detail) = problems($north, add_sql($south));
like($detail, $_->[1], $_->[0]) foreach (
	[ 'wal_level', qr/node "south": wal_level is "minimal"; set wal_level = replica/ ],
	[ 'max_wal_senders', qr/node "south": max_wal_senders is 0; set it to at least \d+/ ],
	[ 'fsync', qr/node "south": fsync is off; set fsync = on/ ],
	[ 'the other nodes must reach it', qr/node "north" cannot reach node "south"/ ]);
($state, $detail) = problems($north, add_sql($north, name => 'other', zone => 'az2'));
like($detail, qr/nodes "north" and "other" have the same conninfo/, 'an instance that is a node already, by its conninfo');
($state, $detail) = problems($north, add_sql($north, name => 'other', zone => 'az2', conninfo => $north->conninfo . ' application_name=x'));
like($detail, qr/nodes "north" and "other" are the same instance/, 'and by itself');
is(status_of($south), 'unconfigured', 'nothing has been changed there');
is($north->sql('SELECT count(*) FROM quorate.nodes'), 1, 'nor here');

# ---------------------------------------------------------------- one, two, three nodes

$south->set(wal_level => 'replica', max_wal_senders => 20, fsync => 'on');
$south->restart;
$north->sql(add_sql($south));
is(status_of($south), 'running', 'the new node runs when the call returns');
$cluster->adopt($south);
is($north->sql("SELECT string_agg(name || ' ' || standing, ', ' ORDER BY node_id) FROM quorate.nodes"), 'north active, south active', 'and is active');
knows($_, 'north south', 'two') foreach $cluster->nodes;
ok(wait_until(20, sub { $north->log_text =~ /consensus stream to node 2 is up/ && $south->log_text =~ /consensus stream to node 1 is up/ }),
	'streams between them are up');
my $before = $north->log_position;

my $west = $cluster->new_instance('west', 'az3');
$north->sql(add_sql($west));
$cluster->adopt($west);
knows($_, 'north south west', 'three') foreach $north, $west;
ok(wait_until(20, sub { $north->log_since($before) =~ /request stream to node 3 is up/ }), 'requests can be sent there');
unlike($north->log_since($before), qr/stream to node 2/, 'streams between other nodes are left alone');
($state, $detail) = problems($north, add_sql($west));
like($detail, qr/node name "west" is used by a node that is active/, 'a node cannot be added twice');
is($north->sql("SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"a\"}}') IS NULL"), 't', 'the cluster works');

# ---------------------------------------------------------------- restarts and absences

$_->restart foreach $north, $west;
knows($_, 'north south west', 'after a restart') foreach $north, $west;

# ---------------------------------------------------------------- a failure on the way leaves nothing

my $east = $cluster->new_instance('east', 'az4', settings => { 'quorate.max_nodes' => 3 });
($state, $detail) = problems($north, add_sql($east));
is($detail, 'node "east": quorate.max_nodes is 3; set it to at least 4', 'room for ids is looked at');
$east->set('quorate.max_nodes' => undef);
$east->restart;
$east->sql("ALTER FUNCTION quorate._join_node(bytea, integer, bytea) RENAME TO _gone");
is(($north->sql_error(add_sql($east)))[0], '55000', 'laying out fails');
is(status_of($east), 'unconfigured', 'the instance is as before');
is($north->sql("SELECT count(*) FROM quorate.nodes WHERE name = 'east'"), 0, 'the node is gone');
$east->sql("ALTER FUNCTION quorate._gone(bytea, integer, bytea) RENAME TO _join_node");
$north->sql(add_sql($east));
is($north->sql("SELECT node_id FROM quorate.nodes WHERE name = 'east'"), 5, 'then it is added, under an id that nobody had');

# ---------------------------------------------------------------- standing

is(($north->sql_error("SELECT quorate.drain_node('west')"))[0], '', 'a node that leads nothing is drained at once');
is($north->sql("SELECT standing FROM quorate.nodes WHERE name = 'west'"), 'draining', 'it is draining');
$north->sql("SELECT quorate.resume_node('west')");
is($north->sql("SELECT standing FROM quorate.nodes WHERE name = 'west'"), 'active', 'and active again');

# ---------------------------------------------------------------- removal

is(($north->sql_error("SELECT quorate.remove_node('north')"))[0], '55000', 'a node does not remove itself');

# A node that leaves takes what it leads elsewhere itself, and so has the metadata to its end: also if what it leads is
# to go only later, here because healing is off at first.
$cluster->adopt($east);
ok($north->poll_until("SELECT EXISTS (SELECT FROM quorate.replicas WHERE node = 'east' AND role IS NOT NULL)", 't', 20), 'the new node got a replica');
my ($partition) = $north->sql("SELECT min(partition) FROM quorate.replicas WHERE node = 'east'");
ok($north->poll_until("SELECT count(*) FROM quorate.replicas WHERE partition = $partition", 3, 20), 'in the place of another one');
my ($without) = grep { $_->sql("SELECT count(*) FROM quorate.replicas WHERE partition = $partition AND node = '" . $_->name . "'") == 0 } $cluster->nodes;
is(($without->sql_error("SELECT quorate.transfer_leader('songs', $partition, 'east')"))[0], '', 'it leads, at the word of a node without a replica: ' . $without->name);
$north->sql('SELECT quorate.set_autoadmin(healing => false)');
$north->sql("SELECT quorate.remove_node('east', wait => false)");
ok($east->poll_until("SELECT standing FROM quorate.nodes WHERE name = 'east'", 'leaving', 10), 'a leaving node knows that it is');
sleep 2;
is($east->sql("SELECT string_agg(name || ' ' || standing, ', ' ORDER BY node_id) FROM quorate.nodes"),
	'north active, south active, west active, east leaving', 'and goes on to know all others');
$north->sql('SELECT quorate.set_autoadmin(healing => true)');
$north->sql("SELECT quorate.remove_node('east')", limit_s => 60);
$cluster->disown($east);
is(status_of($east), 'unconfigured', 'a node that is alive is set back');
ok($north->poll_until('SELECT member_nodes FROM quorate._group_status() WHERE group_id = 1', '{1,2,3}', 20), 'and no member of the metadata any more');
is($north->sql("SELECT count(*) FROM quorate.nodes WHERE name = 'east'"), 0, 'and gone');
ok($north->poll_until("SELECT string_agg(name, ' ' ORDER BY node_id) FROM quorate._peers()", 'north south west'), 'from the list of nodes too');

$west->kill9;
$north->sql("SELECT quorate.remove_node('west', force => true)", limit_s => 60);
$cluster->disown($west);
$west->start;
ok($west->poll_until('SELECT state FROM quorate._node_status()', 'refused'), 'a node that was removed while it was away is refused');
is($west->sql('SELECT reason FROM quorate._node_status()'), 'this node was removed from its cluster', 'and says why');
finds($west, qr/node\|this node\|FAIL\|this node was removed from its cluster\|Call quorate\.drop_cluster\(force => true\) here/, 'what is to be done');
like($west->log_text, qr/quorate does not start: this node was removed from its cluster/, 'in its log too');
$west->restart;
ok($west->poll_until('SELECT state FROM quorate._node_status()', 'refused'), 'also after a restart');
is(($west->sql_error("SELECT quorate.create_table('songs2', 'pk')"))[0], '55000', 'it serves nobody');
$west->sql('SELECT quorate.drop_cluster(force => true)');
is(status_of($west), 'unconfigured', 'it can be set back');
is(status_of($north), 'running', 'and takes nobody with it');
$west->sql('DROP EXTENSION quorate; CREATE EXTENSION quorate');
$north->sql(add_sql($west));
is($north->sql("SELECT node_id FROM quorate.nodes WHERE name = 'west'"), 6, 'and added again, as another node');
$cluster->adopt($west);
$east->stop;
$cluster->finish(qr/walsender|standby connections|this node left its cluster|removed from this cluster|quorate applier/);
done_testing();
