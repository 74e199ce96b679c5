#!/usr/bin/perl
# Healing while other things fail: on five nodes replicas of a silent node are rebuilt, and a node is added and another removed,
# while links are cut and flap, nodes are isolated and killed. Nothing acknowledged is lost, the history is linearizable, and when the
# faults stop every partition has three replicas with equal rows again.
use strict;
use warnings;
use List::Util qw(shuffle);
use QuorateCluster;
use QuorateNetwork;
use QuorateProcess qw(wait_until);
use Test::More;
use Time::HiRes qw(sleep time);

my $long = $ENV{QUORATE_TEST_LONG};
my $partitions = 3;
my $seed = $ENV{QUORATE_TEST_SEED} // ($long ? int time : 74);
my $network = QuorateNetwork->new(6) or plan skip_all => QuorateNetwork->reason;
my %settings = ('quorate.heal_after' => '2s', 'quorate.rebuild_after' => '4s');
my $cluster = QuorateCluster->new(network => $network, settings => \%settings);
my %number = (north => 1, south => 2, west => 3);
my ($north, $south, $west) = $cluster->nodes;

note("QUORATE_TEST_SEED=$seed");
srand $seed;

sub add
{
	my ($name, $zone) = @_;
	$number{$name} = 1 + keys %number;
	$cluster->add_node($name, $zone, settings => \%settings, network => [ $network, $number{$name} ], wait => 0);
}

$cluster->create_table('songs', partitions => $partitions);
add('east', 'az4');
add('centre', 'az5');

sub whole
{
	my ($name, $limit_s) = @_;
	my @last;
	my $began = time;
	my $good = wait_until($limit_s, sub {
		@last = $cluster->members('songs', $partitions);
		return !grep { $_ !~ /^\w+ storage, \w+ storage, \w+ storage$/ } @last;
	});
	ok($good, sprintf '%s (after %.1f s)', $name, time - $began) or diag join "\n", @last;
}

whole('five nodes', 60);
my $load = $cluster->start_history('songs', seconds => 0, connections => 5, extra => [ '--rate', 60, '--timeout-ms', 8000 ]);
$cluster->wait_for_writes($load, 300);

# For so many seconds: one fault after the other on nodes that are not spared.
sub strike
{
	my ($seconds, %spared) = @_;
	my $until = time + $seconds;
	my $killed;
	while (time < $until)
	{
		my @nodes = grep { !$spared{ $_->name } && $_->running } $cluster->nodes;
		my ($one, $other) = shuffle(@nodes);
		my ($a, $b) = map { $number{ $_->name } } $one, $other;
		my $kind = int rand 5;
		if ($kind == 0) { $network->cut($a, $b) }
		elsif ($kind == 1) { $network->cut_one_way($a, $b) }
		elsif ($kind == 2) { $network->isolate($a) }
		elsif ($kind == 3 && !$killed) { $one->kill9; $killed = $one }
		else { $network->rule($a, $b, drop => 30, delay_ms => 20, jitter_ms => 20) }
		sleep 0.3 + rand 0.7;
		$network->heal if rand() < 0.6;
		if ($killed && rand() < 0.5)
		{
			$killed->start;
			undef $killed;
		}
	}
	$network->heal;
	$killed->start if $killed;
}

foreach my $round (1 .. ($long ? 6 : 1))
{
	# A node is away for so long that its replicas are rebuilt elsewhere, under faults of the others.
	my $away = $cluster->busiest_leader('songs');
	$away->kill9;
	strike($long ? 20 : 6);
	my $name = $away->name;
	ok(wait_until(60, sub { !grep { /\b$name storage|nobody/ } $cluster->members('songs', $partitions) }), "round $round: nothing counts on $name any more");
	$away->start;
	$cluster->wait_for_writes($load, 100);
	whole("round $round: replicas were rebuilt under faults", 120);
}

# A node comes and another one goes, each asked for while links fail.
add('spare', 'az6');
strike($long ? 15 : 4, spare => 1);
my ($leaving) = grep { $_ != $north } $cluster->nodes;
$north->poll_until('SELECT state FROM quorate._node_status()', 'running', 20) or die "north does not run\n";    # it may just have been started
my $removal = $north->start_sql("SET statement_timeout = '120s'; SELECT quorate.remove_node('" . $leaving->name . "')");
strike($long ? 15 : 4, $leaving->name => 1, north => 1);
is(($north->finish_sql($removal, 150))[0], '', $leaving->name . ' was removed under faults');
$cluster->disown($leaving);
$cluster->wait_for_writes($load, 300);
whole('a node has come and another one gone', 120);
ok(!(grep { my $name = $leaving->name; /\b$name\b/ } $cluster->members('songs', $partitions)), 'no partition has a replica there');

$cluster->finish_history($load, limit_s => 180);
$cluster->copies_equal('songs', 3);
$leaving->stop;
$cluster->finish(qr/walsender|standby connections|this node left its cluster|removed from this cluster|quorate (?:applier|copier|autoadmin|forwarder)/);
done_testing;
