#!/usr/bin/perl
# quorate.doctor() says of each condition that keeps partitions from being available or safe what it is and what to do:
# nodes that are down, lost quorums, drained nodes, switches that are off, a replicator that is stopped, a disk that
# hangs, a log directory that was copied. It answers at once, also where nothing else does.
use strict;
use warnings;
use QuorateCluster;
use QuorateDoctor;
use QuorateProcess qw(run_command);
use Test::More;
use Time::HiRes qw(time);

my $cluster = QuorateCluster->new(faults => 1);
my ($north, $south, $west) = $cluster->nodes;
$cluster->create_table('songs', partitions => 12);

finds_nothing($_, 'all is well') foreach $cluster->nodes;
is($north->sql("SELECT count(*) FROM quorate.doctor() WHERE status = 'OK'"), 16, 'one line a check');

# ---------------------------------------------------------------- one of three nodes is down

$west->kill9;
finds($north, qr/nodes\|node west\|FAIL\|not heard for [\d.]+ s: .*refused/, 'a node that is down, and why its stream is');
my $leader = $cluster->leader_of('songs', 0);
finds($leader, qr/copies\|songs partition 0\|WARN\|2 of 3 copies; silent: west; autoadmin: no node for a log replica west, for \d+ s\|/,
	'copies are missing, and no node is left for a log replica');
foreach my $node ($north, $south)
{
	my $all = findings($node);
	unlike($all, qr/^(quorum|leader)\|/m, $node->name . ': no partition is unavailable');
	is(scalar(grep { !/^(nodes\|node west\|FAIL|copies\|songs partition \d+\|WARN\|2 of 3 copies; silent: west(; autoadmin: no node for a log replica west, for \d+ s|; autoadmin has not begun to do anything about it)?\||copies\|2 more\|WARN)/ } split /\n/, $all), 0, 'each line says what it has to') or diag $all;
}

# ---------------------------------------------------------------- two of three

$south->kill9;
finds($north, qr/quorum\|metadata\|FAIL\|1 of 3 members that count are heard, and a quorum is 2; silent: south, west\|.*recover_quorum/,
	'the metadata has lost its quorum');
finds($north, qr/quorum\|songs partition \d+\|FAIL\|1 of 3 members/, 'so have the partitions');
finds($north, qr/quorum\|3 more\|FAIL\|of them 3 FAIL\|/, 'of many objects ten are listed');
my $began = time;
findings($north);
cmp_ok(time - $began, '<', 2, 'it answers at once without a quorum');
$_->start foreach $south, $west;
finds_nothing($_, 'all is well again') foreach $cluster->nodes;

# ---------------------------------------------------------------- what was asked for

$north->sql("SELECT quorate.drain_node('west')");
$north->sql('SELECT quorate.set_autoadmin(healing => false, balancing => false)');
finds($south, qr/nodes\|node west\|WARN\|it is draining\|.*resume_node/, 'a drained node');
ok($south->poll_until('SELECT operation, object, step, remaining, stop_with FROM quorate.operations', 'drain_node|node west|drained|0|resume_node', 20),
	'what is under way is seen in one view, when the restarted nodes have told that their rows are ready');
finds($south, qr/autoadmin\|$_\|WARN\|$_ is switched off/, "$_ is off") foreach qw(healing balancing);
$north->sql("SELECT quorate.resume_node('west')");
$north->sql('SELECT quorate.set_autoadmin(true, true)');
finds_nothing($south, 'resumed and switched on');
ok($south->poll_until('SELECT count(*) FROM quorate.operations', 0, 20), 'nothing is under way any more');

# ---------------------------------------------------------------- this node is ill

$west->signal_process('STOP', 'replicator');
finds($west, qr/processes\|replicator\|FAIL\|the replicator has done nothing for \d+ ms/, 'its replicator is stopped');
finds($north, qr/nodes\|node west\|FAIL\|not heard for/, 'others do not hear it');
$west->signal_process('CONT', 'replicator');
finds_nothing($west, 'its replicator goes on');

$west->fault->set(hang => 1);
finds($west, qr/log\|disk\|FAIL\|a sync of the log has taken \d+ ms so far/, 'its disk hangs');
$west->fault->clear;
finds_nothing($west, 'its disk answers again');

# ---------------------------------------------------------------- a copy of a log directory

$west->stop;
my $log = $west->data . '/pgsql_tmp_quorate';
my ($status) = run_command([ 'sh', '-c', "mv '$log' '$log.old' && cp -a '$log.old' '$log'" ], '', 60);
is($status, 0, 'the log directory is replaced by a copy');
$west->start;
finds($west, qr/node\|this node\|FAIL\|.*\|.*adopt_identity/, 'a copied log directory is refused, with what to do about it');
is($west->sql("SELECT count(*) FROM quorate.doctor() WHERE status = 'OK' AND \"check\" IN ('quorum', 'leader', 'nodes')"), 0,
	'nothing is called well that is not known');

$west->stop;
$west->set(shared_preload_libraries => undef);
$west->start;
like(findings($west), qr/^node\|this node\|FAIL\|the server was started without the library/m, 'a server without the library');

$cluster->finish(qr/log directory|quorate does not start|was copied/);
done_testing;
