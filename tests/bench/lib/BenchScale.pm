# BenchScale: what scale.pl measures of a node: CPU time by kind of process, counters, memory, groups served.
package BenchScale;

use strict;
use warnings;
use Exporter 'import';
use QuorateProcess qw(family slurp);
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(idle_usage shared_memory private_memory_kb replicator_cpu served_groups);

# The kind of a server process by the name that ps shows.
sub kind_of
{
	my ($pid) = @_;
	my $name = eval { slurp("/proc/$pid/cmdline") } // return undef;
	return $1 if $name =~ /^postgres: quorate (\w+)/;
	return 'streams' if $name =~ /^postgres: walsender/;
	return 'backends' if $name =~ /^postgres: postgres postgres/;
	return 'PostgreSQL';
}

# pid => CPU time in ns of every process of a node, ended ones excepted.
sub cpu_of
{
	my ($node) = @_;
	return map { (eval { slurp("/proc/$_/schedstat") } // '') =~ /^(\d+)/ ? ($_ => $1) : () } family($node->pid);
}

sub counters
{
	my ($node) = @_;
	return map { split /\|/ } split /\n/, $node->sql('SELECT name, value FROM quorate.counters');
}

# Watches the nodes for some seconds in which nothing is asked of them. For each node: CPU per kind of process in percent
# of a core, and syncs, turns and bytes sent per second.
sub idle_usage
{
	my ($seconds, @nodes) = @_;
	my %counters = map { $_->name => { counters($_) } } @nodes;
	my %cpu = map { $_->name => { cpu_of($_) } } @nodes;
	my $started = time;
	sleep $seconds;
	my %later = map { $_->name => { cpu_of($_) } } @nodes;
	my $elapsed = time - $started;
	my %usage;
	foreach my $node (@nodes)
	{
		my ($before, $after) = ($cpu{ $node->name }, $later{ $node->name });
		my %percent;
		$percent{ kind_of($_) // 'ended' } += ($after->{$_} - ($before->{$_} // 0)) / 1e7 / $elapsed foreach keys %$after;
		my %now = counters($node);
		my %rate = map { $_ => ($now{$_} - $counters{ $node->name }{$_}) / $elapsed } qw(syncs turns bytes_sent frames_sent);
		$usage{ $node->name } = { cpu_percent => \%percent, per_second => \%rate };
	}
	return \%usage;
}

# Shared memory of the extension on a node: part => bytes.
sub shared_memory
{
	my ($node) = @_;
	return { map { split /\|/ } split /\n/,
		$node->sql("SELECT name, allocated_size FROM pg_shmem_allocations WHERE name LIKE 'quorate %'") };
}

# Memory that only the replicator has, in KB.
sub private_memory_kb
{
	my ($node) = @_;
	my ($pid) = $node->process_pids('quorate replicator');
	return slurp("/proc/$pid/status") =~ /^RssAnon:\s*(\d+)/m ? $1 + 0 : undef;
}

# CPU time that the replicator has used, in seconds.
sub replicator_cpu
{
	my ($node) = @_;
	my ($pid) = $node->process_pids('quorate replicator');
	return slurp("/proc/$pid/schedstat") =~ /^(\d+)/ ? $1 / 1e9 : 0;
}

# How many groups a node serves as their leader at this moment.
sub served_groups
{
	my ($node) = @_;
	return $node->sql('SELECT count(*) FROM quorate._group_status() WHERE lease_remaining_ms > 0 AND applied_lsn >= start_lsn');
}

1;
