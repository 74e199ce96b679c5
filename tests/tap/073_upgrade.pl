#!/usr/bin/perl
# A rolling upgrade under load, from the release before to the present one: node by node, drained first, in every mixture
# of the two, and back again; then finalize_upgrade, after which the old release is refused. Releases two versions apart do not
# work together; the SQL objects follow by ALTER EXTENSION UPDATE. tests/run/other_release.sh builds the other releases.
use strict;
use warnings;
use QuorateCluster;
use QuorateDoctor;
use QuorateProcess qw(run_command wait_until);
use QuorateWire;
use Test::More;

my $partitions = 3;
my $cluster = QuorateCluster->new(release => 'before', settings => { 'quorate.heal_after' => '1h', 'quorate.rebuild_after' => '2h' });
my ($north, $south, $west) = $cluster->nodes;
$cluster->create_table('songs', partitions => $partitions);
my $load;

sub problems
{
	my ($node, $sql) = @_;
	my ($status, undef, $err) = run_command([ $node->psql_command, '-f', '-' ], $sql, 60);
	my ($state) = $err =~ /ERROR:  (\w{5}):/;
	my ($detail) = $err =~ /ERROR:.*?DETAIL:  (.*?)\n(?:HINT|LOCATION):/s;
	return ($state // 'none', $detail // $err);
}

sub cluster_line { return $_[0]->sql('SELECT version, newest_version, release, extension_version FROM quorate.cluster') }

# Stops a node as docs/operations.md has it, and starts it with another release.
sub exchange
{
	my ($node, $release) = @_;
	my ($other) = grep { $_->running } $cluster->others($node);
	my $name = $node->name;
	$other->sql("SELECT quorate.drain_node('$name')", limit_s => 120);
	$node->stop;
	$node->set_release($release);
	$node->start;
	$node->poll_until('SELECT state FROM quorate._node_status()', 'running') or die "$name does not run\n";
	$other->sql("SELECT quorate.resume_node('$name')");
	$node->poll_until("SELECT count(*) FROM quorate.partitions p WHERE table_name = 'songs' AND leader IS NOT NULL", $partitions);
}

# Every node leads all partitions once, so that each release sends everything to the other.
sub everybody_leads
{
	my ($mixture) = @_;
	foreach my $node ($cluster->nodes)
	{
		$cluster->move_leaders('songs', $partitions, $node);
		$cluster->wait_for_writes($load, 200);
	}
	is($north->sql("SELECT count(*) FROM quorate.nodes WHERE state IN ('running', 'alive')"), 3, "$mixture: all nodes work together");
}

# ---------------------------------------------------------------- the old release

is(cluster_line($_), '1|1|0.0|0.0', $_->name . ' runs the release before') foreach $cluster->nodes;
is($north->sql('SELECT quorate.finalize_upgrade()'), 1, 'there is nothing to finalize');
my ($state, $message) = $north->sql_error("ALTER EXTENSION quorate UPDATE TO '0.1'");
is($state, '55000', 'new files without a restart: the script of a newer version is refused');
like($message, qr/version 0.1 of extension quorate needs release 0.1 of its library/, 'and the message says why');

$west->stop;
$west->set_release('beyond');
$west->start;
ok($west->poll_until('SELECT state FROM quorate._node_status()', 'refused', 20), 'a node does not skip a release');
is($west->sql('SELECT reason FROM quorate._node_status()'), 'the cluster has version 1, but this release reads versions 2 to 3', 'and says why');
($state, $message) = $west->sql_error("SELECT quorate.get_item('songs', '{\"pk\": {\"S\": \"a\"}}')");
is($state, '55000', 'it serves nobody');
is($message, "release 0.2 of quorate's library does not serve version 0.0 of the extension", 'nor does its library serve those SQL objects');
$west->stop;
$west->set_release('before');
$west->start;
ok($west->poll_until('SELECT state FROM quorate._node_status()', 'running'), 'with its own release it runs again');
$load = $cluster->start_history('songs', seconds => 0);
$cluster->wait_for_writes($load, 300);

# ---------------------------------------------------------------- node by node

exchange($south);
is(cluster_line($south), '1|2|0.1|0.0', 'the first node runs the present release, under the version of the cluster');
is($north->sql("SELECT string_agg(concat_ws(' ', name, release, oldest_version, newest_version), ', ' ORDER BY node_id) FROM quorate.nodes"),
	'north 0.0 1 1, south 0.1 1 2, west 0.0 1 1', 'an old node shows who reads what');
is($south->sql('SELECT waits_for FROM quorate.cluster'), '{north,west}', 'a new one whom the end of the upgrade waits for');
finds_all($south,
	'the SQL objects are older than the files' => qr/version\|quorate\|WARN\|the extension in this database is 0\.0, the files on this machine are 0\.1\|.*ALTER EXTENSION/,
	'others run another release' => qr/version\|node north\|WARN\|it runs release 0\.0, this node 0\.1\|/);
everybody_leads('one new node');
my ($refused, $detail) = problems($south, 'SELECT quorate.finalize_upgrade()');
is($refused, '55000', 'the upgrade cannot be finalized');
is($detail, "node \"north\": release 0.0 of quorate there reads versions 1 to 1, not 2\nnode \"west\": release 0.0 of quorate there reads versions 1 to 1, not 2",
	'and the old nodes are named');
is($north->sql('SELECT quorate.finalize_upgrade()'), 1, 'an old node does not know of anything to finalize');

my $far = $cluster->new_instance('far', 'az4', release => 'beyond');
sub add_far { my ($node) = @_; return sprintf "SELECT quorate.add_node('far', 'az4', '%s', wait => true)", $far->peer_conninfo }
(undef, $detail) = problems($south, add_far());
is($detail, 'node "far": release 0.2 of quorate there reads versions 2 to 3 of a cluster, but this one has version 1',
	'a release two versions apart from the cluster cannot join it');

exchange($south, 'before');
is(cluster_line($south), '1|1|0.0|0.0', 'a node is set back');
$cluster->wait_for_writes($load, 200);
exchange($south);
exchange($north);
everybody_leads('two new nodes');
(undef, $detail) = problems($north, 'SELECT quorate.finalize_upgrade()');
like($detail, qr/^node "west": release 0.0 [^\n]*$/, 'one node still keeps the upgrade from being finalized');
$west->stop;
ok(wait_until(20, sub { (problems($north, 'SELECT quorate.finalize_upgrade()'))[1] eq 'node "west" is not heard: what it reads is not known' }), 'also while it is away');
$west->set_release(undef);
$west->start;
ok($west->poll_until('SELECT state FROM quorate._node_status()', 'running'), 'the last one comes with the new release');
everybody_leads('three new nodes');

# ---------------------------------------------------------------- the end of the upgrade

is($north->sql('SELECT waits_for IS NULL FROM quorate.cluster'), 't', 'nobody is waited for');
my $conditional = "SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"conditional\"}}', 'attribute_not_exists(pk)')";
is_deeply([ problems($north, $conditional) ], [ '55000', 'The cluster has version 1.' ], 'what the old release does not know is refused till then');
is($west->sql('SELECT quorate.finalize_upgrade()'), 2, 'the upgrade is finalized');
ok($_->poll_until('SELECT version FROM quorate.cluster', 2, 20), $_->name . ' knows it') foreach $cluster->nodes;
is($north->sql('SELECT quorate.finalize_upgrade()'), 2, 'once more: nothing happens');
is(($_->sql_error($conditional))[0], $_ == $north ? '' : 'QR101', $_->name . ' takes it then') foreach $cluster->nodes;
everybody_leads('a finalized cluster');
foreach my $node ($cluster->nodes)
{
	$node->sql("ALTER EXTENSION quorate UPDATE TO '0.1'");
	is(cluster_line($node), '2|2|0.1|0.1', $node->name . ': the SQL objects follow');
}

$cluster->finish_history($load);
$cluster->retries_cure($load);

# ---------------------------------------------------------------- what is refused now

$load = $cluster->start_history('songs', seconds => 0, nodes => [ $north, $south ]);

$west->stop;
$west->set_release('before');
$west->start;
ok($west->poll_until('SELECT state FROM quorate._node_status()', 'refused', 20), 'a node with the old release is refused');
# Kinds of records that it does not know may be in its log, or nothing new but the version itself.
my $why = qr/(?:the cluster has version 2, but|log was written by a newer version:) this release reads versions 1 to 1/;
like($west->sql('SELECT reason FROM quorate._node_status()'), qr/^$why/, 'and says why');
finds($west, qr/node\|this node\|FAIL\|$why[^|]*\|Install a release of quorate that reads it/, 'what is to be done');
like($west->log_text, qr/quorate does not start: $why/, 'in its log too');
$west->stop;
$west->set_release(undef);
$west->start;
ok($west->poll_until('SELECT state FROM quorate._node_status()', 'running'), 'with the present one it runs again');

my $old = $cluster->new_instance('old', 'az4', release => 'before');
(undef, $detail) = problems($north, sprintf "SELECT quorate.add_node('old', 'az4', '%s')", $old->peer_conninfo);
is($detail, 'node "old": release 0.0 of quorate there reads versions 1 to 1 of a cluster, but this one has version 2', 'an old instance cannot join');
$old->stop;

my $id = $north->sql("SELECT encode(cluster_id, 'hex') FROM quorate._node_status()");
my $wire = QuorateWire->connect($north, 'postgres');
like($wire->call('_consensus_stream', "'\\x$id', 2, 1, 1, 1, '0.0'"), qr/CQR003 .*node 2 does not read version 2 of the cluster/s, 'an old node that calls all the same is told so');
is($north->sql('SELECT state, reason FROM quorate.nodes WHERE node_id = 2'), 'refused|does not read version 2 of the cluster', 'and shown');
$south->restart;
ok($north->poll_until("SELECT state FROM quorate.nodes WHERE node_id = 2", 'alive', 20), 'until it calls again with a release that does');

$far->sql('SELECT 1');
is(($north->sql_error(add_far(), limit_s => 120))[0], '', 'the next release can join: it reads the version of the cluster');
ok($north->poll_until("SELECT state, release, oldest_version, newest_version FROM quorate.nodes WHERE name = 'far'", 'alive|0.2|2|3', 20), 'and works with the others');
like((problems($far, 'SELECT quorate.finalize_upgrade()'))[1], qr/node "north": release 0.1 of quorate there reads versions 1 to 2, not 3/, 'its version waits for them');
$north->sql("SELECT quorate.remove_node('far')", limit_s => 120);

# A node that was not there when a version was finalized that it does not read: its peers tell it.
like(QuorateWire->connect($west, 'postgres')->call('_consensus_stream', "'\\x$id', 1, 2, 3, 3, '0.2'"), qr/CQR003 .*this node does not read version 3 of the cluster/s, 'a node hears of a version that it does not read');
ok($west->poll_until('SELECT reason FROM quorate._node_status()', 'the cluster has version 3, but release 0.1 of quorate on this node reads versions 1 to 2', 20), 'it stops, and says why');
$west->restart;
ok($west->poll_until('SELECT state FROM quorate._node_status()', 'running'), 'and it looks again when it is started');

$cluster->wait_for_writes($load, 200);
$cluster->finish_history($load);
$cluster->replicas_equal('songs');
$far->stop;
$cluster->finish(qr/does not serve version|this node left its cluster|quorate (?:applier|copier|autoadmin|forwarder)/);
done_testing;
