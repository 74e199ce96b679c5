#!/usr/bin/perl
# Streams between nodes and the processes behind them: who may open one, what garbage on one does, that they hold back
# neither VACUUM nor a shutdown, and that replicator and launcher come back when they end.
use strict;
use warnings;
use QuorateCluster;
use QuorateProcess qw(wait_until);
use QuorateWire;
use Test::More;

my $cluster = QuorateCluster->new;
my ($north, $south, $west) = $cluster->nodes;
my $cluster_id = $north->sql("SELECT encode(cluster_id, 'hex') FROM quorate._node_status()");
my $leader_query = "SELECT leader FROM quorate._group_status() WHERE group_id = 1 AND leader IS NOT NULL";

# ---------------------------------------------------------------- who may open a stream

my $introduction = "'\\x$cluster_id', 2, 1, 2, 2, 'test'";
my $socket = QuorateWire->connect($north, 'postgres');
like($socket->call('_consensus_stream', "'\\x00', 2, 1, 2, 2, 'test'"), qr/C22023 .*another cluster/, 'a node of another cluster is refused');
like($socket->call('_consensus_stream', "'\\x$cluster_id', 1, 1, 2, 2, 'test'"), qr/C22023 /, 'the node itself is refused');
like($socket->call('_consensus_stream', "'\\x$cluster_id', 9, 1, 2, 2, 'test'"), qr/C22023 /, 'an unknown node is refused');
like($socket->call('_consensus_stream', "'\\x$cluster_id', 2, 98, 99, 0, 'test'"), qr/CQR003 /, 'a release that does not read the version of the cluster is refused');
is(($north->sql_error("BEGIN; CALL quorate._consensus_stream($introduction)"))[0], '2D000', 'a transaction block is refused');

$north->sql('CREATE ROLE outsider LOGIN REPLICATION');
is(($north->sql_error("SET ROLE outsider; CALL quorate._consensus_stream($introduction)"))[0], '42501', 'an outsider is refused');
$north->sql('CREATE ROLE peer LOGIN REPLICATION; GRANT quorate_peer TO peer');
like(QuorateWire->connect($north, 'peer')->call('_consensus_stream', $introduction), qr/^W/, 'a member of quorate_peer may stream');

# ---------------------------------------------------------------- garbage

# The real node 2 would take its stream back in between.
my @stopped = $cluster->node('south')->signal_process('STOP', 'replicator');
my $position = $north->log_position;
like($socket->call('_consensus_stream', $introduction), qr/^W/, 'a stream starts');
$socket->send_message('d', 'garbage' x 100);
like($socket->read_until('Z'), qr/C08P01 .*invalid frame/, 'garbage ends the stream with an error');
like($north->log_since($position), qr/LOG:  invalid frame of 700 bytes from node 2: its stream is ended/, 'and with a line in the log');
is($north->sql("SELECT value FROM quorate._counters() WHERE name = 'frames_refused'"), 1, 'it is counted');

$socket = QuorateWire->connect($north, 'postgres');
$socket->call('_consensus_stream', $introduction);
$socket->send_bytes('d' . pack('N', 200_000_000) . 'x' x 1000);
like($socket->read_until('Z'), qr/^(E .*C08P01 .*|)$/s, 'a frame that is too long ends the connection');
kill 'CONT', @stopped;
ok($north->poll_until("SELECT bool_and(heard_ms_ago < 1000) FROM quorate._peers() WHERE node_id <> 1"), 'the real streams come back');
ok($_->poll_until($leader_query, 1, 20), $_->name . ' still knows its leader') foreach $cluster->nodes;

# ---------------------------------------------------------------- what streams do not hold back

is($north->sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CALL quorate.%stream%'
	AND (backend_xid IS NOT NULL OR backend_xmin IS NOT NULL OR xact_start IS NOT NULL)"),
	0, 'streams have no transaction and no snapshot');
# Polled: a peer counts as heard for a second after its old stream ended, and its new one may still be on the way.
ok($north->poll_until("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CALL quorate._consensus_stream%'", 2),
	'one stream from each other node');

# ---------------------------------------------------------------- processes that end

sub pid_of
{
	my ($node, $type) = @_;
	return $node->sql("SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE backend_type = '$type'");
}

foreach my $type ('quorate launcher', 'quorate applier', 'quorate forwarder', 'quorate replicator')
{
	my $pid;
	wait_until(20, sub { $pid = pid_of($north, $type); return $pid > 0 });
	ok($pid > 0 && kill('TERM', $pid), "north's $type is told to end");
	ok($north->poll_until("SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = '$type' AND pid <> $pid", 't', 30),
		'it comes back, once');
}
foreach my $node ($cluster->nodes)
{
	ok($node->poll_until("SELECT count(*) FROM quorate._group_status() WHERE leader IS NOT NULL", 1, 20), $node->name . ' knows a leader again');
}

# ---------------------------------------------------------------- the identity

is(($north->sql_error("SELECT quorate._bootstrap_node('\\x$cluster_id', 1, '[{\"name\": \"a\", \"zone\": \"b\", \"conninfo\": \"host=/tmp\"}]', 2)"))[0],
	'55000', 'a node cannot be bootstrapped twice');

$west->stop;
my $directory = $west->data . '/pgsql_tmp_quorate';
is(system("cp -a $directory $directory.copy && rm -rf $directory && mv $directory.copy $directory"), 0, "west's log is replaced by a copy of itself");
$west->start;
ok($west->poll_until('SELECT state FROM quorate._node_status()', 'refused', 20), 'the copy is refused');
like($west->sql('SELECT reason FROM quorate._node_status()'), qr/copied|restored|another/, 'and the reason is shown');
is($north->sql("SELECT state FROM quorate._node_status()"), 'running', 'the others go on');

foreach my $mode (qw(smart fast immediate))
{
	my $started = time;
	$south->stop($mode);
	cmp_ok(time - $started, '<=', 5, "a $mode shutdown ends");
	$south->start;
}
$cluster->finish(qr/stream ended within a message|connection to client lost/);
done_testing();
