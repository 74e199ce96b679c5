#!/usr/bin/perl
# Clocks that jump: the wall clock by hours, back and forth, on all nodes; then CLOCK_BOOTTIME, for which leases are made and
# which never jumps on a working machine. No jump does harm; a jump of the wall clock is not even noticed.
use strict;
use warnings;
use QuorateCluster;
use Test::More;
use Time::HiRes qw(sleep time);

my $hour_us = 3600 * 1_000_000;
my $cluster = QuorateCluster->new(faults => 1);
my ($north, $south, $west) = $cluster->nodes;
$cluster->create_table('songs', partitions => 3);
my %keys = $cluster->probe_keys('songs', 3);
$cluster->move_leaders('songs', 3, $north);
my $load = $cluster->start_history('songs', seconds => 0, extra => [ '--timeout-ms', 5000, '--rate', 100 ]);
$cluster->wait_for_writes($load, 1000);

sub leaders
{
	return $south->sql("SELECT string_agg(leader || ' ' || ballot, ', ' ORDER BY partition) FROM quorate.partitions WHERE table_name = 'songs'");
}

# ---------------------------------------------------------------- the wall clock

my $before = leaders();
my $gap = $cluster->longest_gap('songs', \%keys,
	sub {
		foreach my $turn (1 .. 20)
		{
			my $sign = $turn % 2 ? 1 : -1;
			$north->fault->set(realtime_us => $sign * $hour_us);
			$south->fault->set(realtime_us => -$sign * $hour_us);
			$west->fault->set(realtime_us => $turn % 3 * $hour_us);
			sleep 0.2;
		}
	});
$_->fault->clear foreach $cluster->nodes;
$cluster->gap_within($gap, 3000, 'the wall clocks jump by hours');
cmp_ok($_->fault->played('clocks_changed'), '>', 0, $_->name . ' had another time') foreach $cluster->nodes;
is(leaders(), $before, 'leaderships are not concerned');

# A request that waits for a leader while the clock goes back an hour does not wait for an hour.
my @stopped = ($south->signal_process('STOP', 'replicator'), $west->signal_process('STOP', 'replicator'));
sleep 1.5;
my $session = $south->start_sql("SET quorate.request_timeout = '4s'; SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"patient\"}}')");
$south->backend_of($session, 'put_item');
$south->fault->set(realtime_us => -$hour_us);
my $jumped = time;
my ($state) = $south->finish_sql($session, 12);
isnt($state, 'timeout', 'a waiting request keeps its time limit when the wall clock goes back');
note(sprintf 'it ended after %.1f s: %s', time - $jumped, $state);
$south->fault->clear;

# Nor is it given up when the clock goes forward.
$session = $south->start_sql("SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"patient\"}}')");
$south->backend_of($session, 'put_item');
$south->fault->set(realtime_us => $hour_us);
sleep 0.5;
kill 'CONT', @stopped;
is(($south->finish_sql($session, 12))[0], '', 'and when it goes forward');
$south->fault->clear;
$cluster->wait_for_leaders('songs', 3);
$cluster->wait_for_writes($load, 300);

# ---------------------------------------------------------------- the clock of the leases

# A jump forward voids what the leader holds; it, or another, leads on. After a jump back the replicator starts anew.
$cluster->move_leaders('songs', 3, $north);
$gap = $cluster->longest_gap('songs', \%keys, sub { $north->fault->set(boottime_us => $hour_us); sleep 3 }, nodes => [ $south, $west ]);
$cluster->gap_within($gap, 5000, "the leader's CLOCK_BOOTTIME jumps forward");
$cluster->wait_for_writes($load, 300);

$cluster->move_leaders('songs', 3, $north);
$gap = $cluster->longest_gap('songs', \%keys, sub { $north->fault->set(boottime_us => 0); sleep 3 }, nodes => [ $south, $west ]);
$cluster->gap_within($gap, 5000, "the leader's CLOCK_BOOTTIME jumps back");
like($north->log_text, qr/the clock of this machine went back by \d+ ms: the replicator starts anew/, 'which its node notices');
is(($north->sql_error("SELECT quorate.get_item('songs', '{\"pk\": {\"S\": \"$keys{0}\"}}', consistent_read => true)"))[0], '', 'and serves its clients');
$cluster->move_leaders('songs', 3, $north);
$cluster->wait_for_writes($load, 1000);

$cluster->finish_history($load);
$cluster->replicas_equal('songs');
$cluster->finish;
done_testing();
