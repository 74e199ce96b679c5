#!/usr/bin/perl
# All faults at random, two at a time, under many clients that connect again and again: what no plan of a test would put
# together. Each round ends with peace: the history is linearizable, nothing acknowledged is lost, the replicas are equal, and the
# counter shows every acknowledged increment once. The short variant is one short round of a fixed seed.
use strict;
use warnings;
use List::Util qw(shuffle);
use QuorateCluster;
use QuorateCounter;
use QuorateNetwork;
use QuorateProcess qw(family);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $long = $ENV{QUORATE_TEST_LONG};
my $seed = $ENV{QUORATE_TEST_SEED} // ($long ? int time : 81);
my ($rounds, $seconds) = $long ? (8, 40) : (1, 12);
my $network = QuorateNetwork->new(3) or plan skip_all => QuorateNetwork->reason;
my $cluster = QuorateCluster->new(network => $network, faults => 1);
my @nodes = $cluster->nodes;
my %number = map { $nodes[$_] => $_ + 1 } 0 .. 2;
note("QUORATE_TEST_SEED=$seed");
srand $seed;
$cluster->create_table('songs', partitions => 3);
my $counter = QuorateCounter->new($nodes[0], 'songs', 'counter');

sub pick { return $_[ rand @_ ] }
sub for_a_while { sleep 0.1 + rand $_[0] }

# Stops processes for a while.
sub hold
{
	my ($limit_s, @pids) = @_;
	kill 'STOP', @pids;
	for_a_while($limit_s);
	kill 'CONT', @pids;
}

sub some_process
{
	my ($node) = @_;
	my @pids = $node->process_pids(pick('quorate replicator', 'quorate applier', 'quorate forwarder', 'quorate copier', 'quorate autoadmin', 'walsender'));
	return @pids ? pick(@pids) : ();
}

# Each plays a fault on a node for up to a few seconds and takes it back.
my %fault = (
	kill => sub { $_[0]->kill9; for_a_while(2); $_[0]->start },
	restart => sub { $_[0]->restart },
	stop => sub { hold(3, family($_[0]->pid)) },
	stop_a_process => sub { hold(3, some_process($_[0])) },
	end_a_process => sub { kill pick('TERM', 'TERM', 'INT'), some_process($_[0]) },
	crash => sub { kill pick('KILL', 'ABRT', 'SEGV'), some_process($_[0]); for_a_while(1) },
	end_clients => sub { eval { $_[0]->sql('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = \'client backend\' AND pid <> pg_backend_pid()') } },
	hand_over => sub { eval { $_[0]->sql("SELECT quorate.transfer_leader('songs', " . int(rand 3) . ", '" . $_[0]->name . "')") } },
	drain => sub { eval { $_[0]->sql('SELECT quorate.drain_node(\'' . $_[0]->name . '\')', limit_s => 5) }; for_a_while(2); eval { $_[0]->sql('SELECT quorate.resume_node(\'' . $_[0]->name . '\')') } },
	cut => sub { $network->cut($number{ $_[0] }, $number{ $_[1] }); for_a_while(3); $network->heal },
	cut_one_way => sub { $network->cut_one_way($number{ $_[0] }, $number{ $_[1] }); for_a_while(3); $network->heal },
	isolate => sub { $network->isolate($number{ $_[0] }); for_a_while(3); $network->heal },
	bad_link => sub { $network->rule($number{ $_[0] }, $number{ $_[1] }, drop => 20, delay_ms => 30, jitter_ms => 30); for_a_while(3); $network->heal },
	hang => sub { $_[0]->fault->set(hang => 1); for_a_while(3); $_[0]->fault->clear },
	slow => sub { $_[0]->fault->set(slow_ms => 1 + rand 200); for_a_while(3); $_[0]->fault->clear },
	sync_error => sub { $_[0]->fault->set(sync_error => 5); for_a_while(0.3); $_[0]->fault->clear },
	full => sub { $_[0]->fault->set(full => 1); for_a_while(2); $_[0]->fault->clear },
	wall_clock => sub { $_[0]->fault->set(realtime_us => pick(-1, 1) * 3600e6); for_a_while(1); $_[0]->fault->clear },
	boot_clock => sub { $_[0]->fault->set(boottime_us => pick(0.4e6, 2e6, 60e6)); for_a_while(2); $_[0]->fault->clear });

# One fault after the other; a child process plays a second one on another node meanwhile, now and then.
sub strike
{
	my ($until) = @_;
	while (time < $until)
	{
		my ($one, $other) = shuffle(grep { $_->running } @nodes);
		last unless $other;
		my $kind = pick(sort keys %fault);
		diag(sprintf '%s: %s', $kind, $one->name) if $ENV{QUORATE_TEST_VERBOSE};
		my $also = pick(qw(none none stop_a_process end_a_process end_clients hand_over slow hang));
		my $child = $also eq 'none' ? 0 : fork // die "fork: $!\n";
		if ($also ne 'none' && !$child)
		{
			$fault{$also}->($other);
			POSIX::_exit(0);
		}
		$fault{$kind}->($one, $other);
		waitpid $child, 0 if $child;
		$_->running or $_->start foreach @nodes;
		$counter->count_through(@nodes);
		sleep rand 1.5;
	}
	$_->fault->clear foreach @nodes;
	$network->heal;
}

$nodes[0]->sql(q(SELECT quorate.put_item('songs', '{"pk": {"S": "counter"}, "n": {"N": "0"}}')));
foreach my $round (1 .. $rounds)
{
	my $load = $cluster->start_history('songs', seconds => 0, connections => 24, keys => 100, seed => $seed + $round, extra => [ '--timeout-ms', 8000 ]);
	$cluster->wait_for_writes($load, 500);
	$counter->count_through(@nodes);
	strike(time + $seconds);
	$_->poll_until('SELECT state FROM quorate._node_status()', 'running', 60) or die $_->name . " does not run\n" foreach @nodes;
	$cluster->wait_for_leaders('songs', 3);
	$cluster->wait_for_writes($load, 500);
	$counter->finish($nodes[0], "round $round");
	$cluster->finish_history($load, name => "round $round", limit_s => 180);
	$cluster->replicas_equal('songs');
}
$cluster->finish(qr/./);
done_testing();
