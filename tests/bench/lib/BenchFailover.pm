# BenchFailover: how long writes are silent when a leader's instance dies, and when leadership is handed over.
#
# A gap is the longest time without an acknowledged write on a partition, seen by a writer of its own on that
# partition; of a killed instance, the longest over the partitions that it led.
package BenchFailover;

use strict;
use warnings;
use Exporter 'import';
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(failover_trial handover_trial);

# Kills the instance that leads most partitions, measures, and brings it back. keys: number => key.
sub failover_trial
{
	my ($cluster, $table, $keys) = @_;
	my $probe = $cluster->start_probe($table, $keys, timeout_ms => 10_000);
	sleep 2 + rand 1;
	my $victim = $cluster->busiest_leader($table);
	my @led = split /\n/, $victim->sql(
		"SELECT partition FROM quorate.partitions WHERE table_name = '$table' AND leader = '" . $victim->name . "'");
	$victim->kill9;
	sleep 6;
	my %gap = $cluster->finish_probe($probe);
	$victim->start;
	$cluster->wait_for_leaders($table, scalar keys %$keys);
	sleep 3;
	my ($worst) = sort { $b <=> $a } map { $gap{$_} } @led;
	return { gap_ms => $worst + 0, partitions_led => scalar @led, victim => $victim->name };
}

# Hands one partition's leadership to another node; the gap is that partition's.
sub handover_trial
{
	my ($cluster, $table, $partition, $key) = @_;
	my $leader = $cluster->leader_of($table, $partition);
	my ($to) = $cluster->others($leader);
	my $probe = $cluster->start_probe($table, { $partition => $key }, rate => 500, timeout_ms => 10_000);
	sleep 1;
	my $started = time;
	$leader->sql("SELECT quorate.transfer_leader('$table', $partition, '" . $to->name . "')");
	my $call_ms = (time - $started) * 1000;
	sleep 1;
	my %gap = $cluster->finish_probe($probe);
	return { gap_ms => $gap{$partition} + 0, call_ms => sprintf('%.1f', $call_ms) + 0 };
}

1;
