#!/usr/bin/perl
# Many replication groups on three nodes: called by scale.sh as the server user, in the scratch folder.
#
#   scale.pl [--NAME=NUMBER ...] OUT.json
#
# NAME is a number of the plan below: --groups=1000 --idle_seconds=10 ...
#
# Makes tables of table_partitions partitions each until there are `groups`, and measures: the time of each
# create_table; what the nodes use while nothing is asked of them; memory; after kill -9 of one instance, how many
# groups the other two serve at what time; and how long the killed one takes to be back; how all groups find leaders
# after all replicators were stopped for a while. OUT.json gets everything;
# scale_report.pl makes the table and the plot from it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../tap/lib";
use BenchPlan qw(take_numbers progress machine);
use BenchScale qw(idle_usage shared_memory private_memory_kb replicator_cpu served_groups);
use JSON::PP;
use QuorateCluster;
use QuorateProcess qw(wait_until);
use Time::HiRes qw(sleep time);

my %plan = (groups => 10_000, table_partitions => 1000, idle_seconds => 20, settle_seconds => 15, sample => 20, stall_seconds => 2,
	failover_limit_seconds => 60, lease_ms => 700);
my ($out) = grep { !/^--/ } @ARGV;
die "usage: scale.pl [--NAME=NUMBER ...] OUT.json\n" unless $out;
take_numbers(\%plan, @ARGV);

# Groups that the given nodes serve together.
sub served
{
	my @nodes = @_;
	my $count = 0;
	$count += served_groups($_) foreach @nodes;
	return $count;
}

# Makes the tables; returns for each what create_table took, in seconds.
sub make_tables
{
	my ($cluster) = @_;
	my ($node) = $cluster->nodes;
	my @times;
	for (my $made = 0; $made < $plan{groups}; $made += $plan{table_partitions})
	{
		my $left = $plan{groups} - $made;
		my $partitions = $left < $plan{table_partitions} ? $left : $plan{table_partitions};
		my $name = sprintf 'scale%03d', scalar @times;
		my $began = time;
		$node->sql("SET quorate.request_timeout = '60s'; SELECT quorate.create_table('$name', partition_key => 'pk', partitions => $partitions)",
			limit_s => 120);
		push @times, { partitions => $partitions, groups_before => $made + 1, seconds => time - $began };
		progress(sprintf 'create_table %s with %d partitions: %.2f s', $name, $partitions, $times[-1]{seconds});
	}
	return \@times;
}

# Seconds until the nodes serve all groups.
sub wait_until_served
{
	my ($limit_s, @nodes) = @_;
	my $began = time;
	my $count;
	wait_until($limit_s, sub { $count = served(@nodes); return $count == $plan{groups} + 1 })
	  or die "only $count of " . ($plan{groups} + 1) . " groups are served\n";
	return time - $began;
}

# A probe write to the last table through a node for each of some keys; returns how many failed.
sub probe_writes
{
	my ($node) = @_;
	my $table = sprintf 'scale%03d', int(($plan{groups} - 1) / $plan{table_partitions});
	my @failed = grep {
		!eval { $node->sql("SELECT quorate.put_item('$table', '{\"pk\": {\"S\": \"probe-$_\"}}')"); 1 }
	} 1 .. $plan{sample};
	return scalar @failed;
}

# CPU time of the replicators of nodes, in seconds.
sub replicators_cpu
{
	my $sum = 0;
	$sum += replicator_cpu($_) foreach @_;
	return $sum;
}

# Stops the replicators of all nodes for a while: all leases run out, and all groups want leaders at once. Returns how
# long that takes after they go on, and what it costs.
sub stall_all
{
	my ($cluster) = @_;
	my $cpu = replicators_cpu($cluster->nodes);
	my @positions = map { $_->log_position } $cluster->nodes;
	$_->signal_process('STOP', 'quorate replicator') foreach $cluster->nodes;
	sleep $plan{stall_seconds};
	$_->signal_process('CONT', 'quorate replicator') foreach $cluster->nodes;
	my $seconds = wait_until_served(120, $cluster->nodes);
	my $lines = 0;
	foreach my $node ($cluster->nodes)
	{
		$lines += () = $node->log_since(shift @positions) =~ /\n/g;
	}
	my $result = { seconds => $seconds, cpu_seconds => replicators_cpu($cluster->nodes) - $cpu, log_lines => $lines };
	progress(sprintf 'stall: all groups served again after %.2f s, %.2f s of CPU', @$result{qw(seconds cpu_seconds)});
	return $result;
}

# The time at which a running node first serves all; the curve is [seconds, groups served] at each look.
sub kill_one
{
	my ($cluster) = @_;
	my ($victim, @others) = reverse $cluster->nodes;
	my $led = served_groups($victim);
	my @positions = map { $_->log_position } @others;
	my $cpu = replicators_cpu(@others);
	my $killed = time;
	$victim->kill9;
	my $after_kill = time;
	my @curve;
	do
	{
		my $before = time;
		push @curve, [ $before - $killed, served(@others) ];
		die "not all groups were taken over\n" if time - $killed > $plan{failover_limit_seconds};
		sleep 0.05;
	} until $curve[-1][1] == $plan{groups} + 1;
	$cpu = replicators_cpu(@others) - $cpu;
	my $failed = probe_writes($others[0]);
	my $lines = 0;
	foreach my $i (0 .. $#others)
	{
		$lines += () = $others[$i]->log_since($positions[$i]) =~ /\n/g;
	}
	progress(sprintf 'failover: %d leaderships taken over in %.2f s, %.2f s of CPU', $led, $curve[-1][0], $cpu);
	return { led => $led + 0, seconds => $curve[-1][0], cpu_seconds => $cpu, kill_seconds => $after_kill - $killed, curve => \@curve,
		failed_probe_writes => $failed, log_lines => $lines };
}

# Starts the killed one again; how long until all its replicas are there and know their leaders.
sub bring_back
{
	my ($node) = @_;
	my $began = time;
	$node->start;
	my $ready = time - $began;
	$node->poll_until('SELECT count(*) FROM quorate._group_status() WHERE leader IS NOT NULL AND applied_lsn >= commit_lsn',
		$plan{groups} + 1, 120) or die "the killed node did not come back\n";
	my $back = time - $began;
	progress(sprintf 'restart: connections after %.2f s, all replicas after %.2f s', $ready, $back);
	return { ready_seconds => $ready, all_replicas_seconds => $back };
}

my %result = (machine => machine(), plan => \%plan);
my $cluster = QuorateCluster->new(settings => {
	shared_buffers => '128MB', max_wal_size => '2GB', checkpoint_timeout => '15min',
	'quorate.lease_duration' => "$plan{lease_ms}ms",
	'quorate.max_groups' => $plan{groups} + 16 });
my ($first) = $cluster->nodes;
$result{create_table} = make_tables($cluster);
$result{served_after_seconds} = wait_until_served(120, $cluster->nodes);
$result{leaders} = { map { $_->name => served_groups($_) + 0 } $cluster->nodes };
sleep $plan{settle_seconds};
$result{idle} = idle_usage($plan{idle_seconds}, $cluster->nodes);
$result{shared_memory} = shared_memory($first);
$result{replicator_kb} = { map { $_->name => private_memory_kb($_) } $cluster->nodes };
$result{log_bytes} = { map { $_->name => $_->sql('SELECT log_bytes FROM quorate._node_status()') + 0 } $cluster->nodes };
progress('idle and memory measured');
$result{failover} = kill_one($cluster);
$result{restart} = bring_back(($cluster->nodes)[-1]);
sleep 5;
$result{stall} = stall_all($cluster);

open my $file, '>', $out or die "could not write $out: $!\n";
print $file JSON::PP->new->canonical->pretty->encode(\%result);
close $file or die "could not write $out: $!\n";
progress('done');
