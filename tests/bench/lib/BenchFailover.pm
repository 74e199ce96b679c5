# BenchFailover: how long writes are silent when a leader's instance dies, and when leadership is handed over.
#
# A gap is the longest time without an acknowledged write on a partition, seen by a writer of its own on that
# partition; of a killed instance, the longest over the partitions that it led.
package BenchFailover;

use strict;
use warnings;
use Exporter 'import';
use QuorateProcess qw(spawn wait_until exit_status slurp);
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(failover_trial handover_trial);

# Starts the probe on the given keys.
sub start_probe
{
	my ($cluster, $table, $rate, @keys) = @_;
	my $probe = { out => $cluster->folder . '/probe.out', log => $cluster->folder . '/probe.log' };
	unlink $probe->{out}, $probe->{log};
	$probe->{pid} = spawn(
		[
			'build/tools/history_client', 'probe', '--table', $table, '--rate', $rate, '--seconds', 0,
			(map { ('--probe-key', $_) } @keys), map { ('--node', $_->conninfo) } $cluster->nodes
		],
		$probe->{out}, stderr => $probe->{log});
	return $probe;
}

# Ends it; returns key => longest gap in ms.
sub finish_probe
{
	my ($probe) = @_;
	kill 'TERM', $probe->{pid};
	wait_until(60, sub { defined exit_status($probe->{pid}) }) or die "the probe did not end\n";
	die "the probe failed:\n" . slurp($probe->{log}) if exit_status($probe->{pid});
	return map { /^(\S+) \d+ \d+ \d+ ([\d.]+) \d+$/ ? ($1 => $2) : () } split /\n/, slurp($probe->{out});
}

# Kills the instance that leads most partitions, measures, and brings it back. keys: number => key.
sub failover_trial
{
	my ($cluster, $table, $keys) = @_;
	my $probe = start_probe($cluster, $table, 100, values %$keys);
	sleep 2 + rand 1;
	my $victim = $cluster->busiest_leader($table);
	my @led = split /\n/, $victim->sql(
		"SELECT partition FROM quorate.partitions WHERE table_name = '$table' AND leader = '" . $victim->name . "'");
	$victim->kill9;
	sleep 6;
	my %gap = finish_probe($probe);
	$victim->start;
	$cluster->wait_for_leaders($table, scalar keys %$keys);
	sleep 3;
	my ($worst) = sort { $b <=> $a } map { $gap{ $keys->{$_} } } @led;
	return { gap_ms => $worst + 0, partitions_led => scalar @led, victim => $victim->name };
}

# Hands one partition's leadership to another node; the gap is that partition's.
sub handover_trial
{
	my ($cluster, $table, $partition, $key) = @_;
	my $leader = $cluster->leader_of($table, $partition);
	my ($to) = $cluster->others($leader);
	my $probe = start_probe($cluster, $table, 500, $key);
	sleep 1;
	my $started = time;
	$leader->sql("SELECT quorate.transfer_leader('$table', $partition, '" . $to->name . "')");
	my $call_ms = (time - $started) * 1000;
	sleep 1;
	my %gap = finish_probe($probe);
	return { gap_ms => $gap{$key} + 0, call_ms => sprintf('%.1f', $call_ms) + 0 };
}

1;
