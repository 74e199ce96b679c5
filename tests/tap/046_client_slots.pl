#!/usr/bin/perl
# Every slot for clients is taken on every node: replication and failover do not need any of them.
use strict;
use warnings;
use QuorateCluster;
use QuorateProcess qw(wait_until);
use QuorateWire;
use Test::More;
use Time::HiRes qw(sleep);

my $cluster = QuorateCluster->new(settings => { max_connections => 30 });
my ($north, $south, $west) = $cluster->nodes;
$cluster->create_table('songs', partitions => 3);
my %keys = $cluster->probe_keys('songs', 3);
$cluster->move_leaders('songs', 3, $north);
my $load = $cluster->start_history('songs', seconds => 0, nodes => [ $south, $west ], extra => [ '--rate', 100 ]);
my $probe = $cluster->start_probe('songs', \%keys, nodes => [ $south, $west ]);
$cluster->wait_for_writes($load, 1000);

# Idle sessions until the server takes no more, those that are reserved for superusers included.
my @sessions;

sub take_all_slots
{
	my ($node) = @_;
	while (1)
	{
		my $session = QuorateWire->connect($node, 'postgres', replication => 'false');
		return if $session->{start} =~ /^E.*C53300/m;
		push @sessions, $session;
		die 'node ' . $node->name . " has no end of slots\n" if @sessions > 200;
	}
}

take_all_slots($_) foreach $cluster->nodes;
is(($_->sql_error('SELECT 1'))[0], 'connection', 'a client of ' . $_->name . ' gets no slot') foreach $cluster->nodes;
$cluster->wait_for_writes($load, 1000);
pass('writes go on');

# Without a slot for psql, the load and the logs tell what goes on.
my $position = $south->log_position;
my $other_position = $west->log_position;
$north->kill9;
ok(wait_until(10, sub { $south->log_since($position) . $west->log_since($other_position) =~ /is led by this node/ }), 'another node leads');
$cluster->wait_for_writes($load, 1000);
my %gap = $cluster->finish_probe($probe);
my ($longest) = sort { $b <=> $a } values %gap;
$cluster->gap_within($longest, 3000, 'the leader is killed while no client gets a slot');

# The killed node comes back and catches up while the others' slots are still taken.
$north->start;
ok($north->poll_until("SELECT bool_and(heard_ms_ago < 500) FROM quorate.nodes WHERE NOT is_this_node", 't', 30), 'it is heard again');
$cluster->wait_for_writes($load, 300);
$_->close foreach @sessions;
ok($_->poll_until('SELECT 1', 1, 20), $_->name . ' has free slots again') foreach $cluster->nodes;

$cluster->finish_history($load);
$cluster->replicas_equal('songs');
$cluster->finish(qr/FATAL:  (sorry, too many clients already|remaining connection slots are reserved)/);
done_testing();
