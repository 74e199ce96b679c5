#!/usr/bin/perl
# Groups that heal themselves: one node grows to three and to five under load; a killed node's replicas are replaced by log
# replicas within seconds and come back without a copy; a node that stays away is rebuilt on others; a removed node is
# left by all groups. No acknowledged write is lost, and all replicas are equal at the end.
use strict;
use warnings;
use QuorateCluster;
use QuorateDoctor;
use QuorateProcess qw(wait_until);
use Test::More;
use Time::HiRes qw(time);

my $partitions = 4;
my %settings = ('quorate.heal_after' => '2s', 'quorate.rebuild_after' => '1h');
my $cluster = QuorateCluster->new(nodes => 1, settings => \%settings);
my ($north) = $cluster->nodes;
$cluster->create_table('songs', partitions => $partitions);
my $load = $cluster->start_history('songs', seconds => 0);
$cluster->wait_for_writes($load, 1000);

# Waits until the members of every partition are as wanted; returns after how many seconds.
sub wait_for_members
{
	my ($name, $limit_s, $wanted) = @_;
	my $began = time;
	my @last;
	my $good = wait_until($limit_s, sub { @last = $cluster->members('songs', $partitions); return !grep { !$wanted->($_) } @last });
	ok($good, sprintf '%s (after %.1f s)', $name, time - $began) or diag join "\n", @last;
	return time - $began;
}

sub add { return $cluster->add_node(@_, settings => \%settings, wait => 0) }

sub storage_count { return scalar(() = $_[0] =~ /storage/g) }

my $south = add('south', 'az2');
my $west = add('west', 'az3');
wait_for_members('one node grows to three under load', 60, sub { storage_count($_[0]) == 3 });
$cluster->wait_for_writes($load, 1000);

my $east = add('east', 'az4');
my $centre = add('centre', 'az5');
wait_for_members('five nodes: replicas move to the new ones', 120,
	sub { storage_count($_[0]) == 3 && $_[0] !~ /learner|log/ });
ok($north->poll_until("SELECT count(*) FROM (SELECT unnest(members) FROM quorate._partitions() p JOIN quorate._tables() t USING (table_id)
	WHERE table_name = 'songs' GROUP BY 1 HAVING count(*) BETWEEN 2 AND 3) x", 5, 60), 'every node has two or three of the twelve replicas');
$cluster->wait_for_writes($load, 1000);

# Every node serves every partition, of two or three of which it has no replica; who leads there it learns and remembers.
my $puts = join '', map { "SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"any-$_\"}}');\n" } 1 .. 200;
foreach my $node ($cluster->nodes)
{
	my $began = time;
	$node->sql($puts);
	my $seconds = time - $began;
	cmp_ok($seconds, '<', 10, sprintf '200 writes through %s: %.1f s', $node->name, $seconds);
}

# ---------------------------------------------------------------- away for a while

$south->kill9;
wait_for_members('log replicas stand in for a killed node', 20, sub { $_[0] !~ /south storage/ && $_[0] !~ /nobody/ });
finds($north, qr/copies\|songs partition \d+\|WARN\|2 of 3 copies; log replicas that stand in: 1(; autoadmin: [^|]*)?\|/, 'copies are missing, and log replicas stand in');
$cluster->wait_for_writes($load, 1000);
$south->start;
wait_for_members('it comes back, and the log replicas go', 40, sub { storage_count($_[0]) == 3 && $_[0] !~ /learner|log/ });
$cluster->wait_for_writes($load, 1000);

# ---------------------------------------------------------------- away for good

$_->sql("ALTER SYSTEM SET quorate.rebuild_after = '3s'"), $_->sql('SELECT pg_reload_conf()') foreach $cluster->nodes;
$west->kill9;
wait_for_members('replicas of a lost node are rebuilt on others', 60,
	sub { storage_count($_[0]) == 3 && $_[0] !~ /west|learner|log/ });
$cluster->wait_for_writes($load, 1000);
$north->sql('SELECT quorate.set_autoadmin(balancing => false)');
my $position = $west->log_position;
$west->start;

# Right after its start no replica is shown yet: what counts is what it has when it has learned of the first.
my $replicas = 'SELECT count(*) FROM quorate._group_status() g JOIN quorate._partitions() p USING (group_id)';
ok(wait_until(30, sub { $west->log_since($position) =~ /this node is no member of replication group/ }), 'the lost node comes back and learns that it is no member any more');
ok($west->poll_until($replicas, 0, 30), 'of any group');

$cluster->finish_history($load);
$cluster->copies_equal('songs', 3);
$cluster->finish;
done_testing;
