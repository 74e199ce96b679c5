#!/usr/bin/perl
# Makes the table (Markdown) and the script of the plot from the results of scale.pl.
#
#   scale_report.pl RESULTS.json TABLE.md PLOT.gnuplot PLOT.svg
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../tap/lib";
use JSON::PP;
use List::Util qw(max sum);
use QuorateProcess qw(slurp);

my ($results, $table_file, $plot_file, $image) = @ARGV;
$image or die "usage: scale_report.pl RESULTS.json TABLE.md PLOT.gnuplot PLOT.svg\n";
my $result = decode_json(slurp($results));
my $groups = $result->{plan}{groups};

sub write_file
{
	my ($path, $text) = @_;
	open my $out, '>', $path or die "could not write $path: $!\n";
	print $out $text;
	close $out or die "could not write $path: $!\n";
}

# One line a kind of process, one column a node.
sub idle_table
{
	my @nodes = sort keys %{ $result->{idle} };
	my %kinds = map { $_ => 1 } map { keys %{ $result->{idle}{$_}{cpu_percent} } } @nodes;
	my $text = "| idle, CPU in % of a core | " . join(' | ', @nodes) . " |\n|---" . '|---' x @nodes . "|\n";
	foreach my $kind (sort keys %kinds)
	{
		$text .= "| $kind | " . join(' | ', map { sprintf '%.2f', $result->{idle}{$_}{cpu_percent}{$kind} // 0 } @nodes) . " |\n";
	}
	$text .= '| **all** | ' . join(' | ', map { sprintf '%.2f', sum(values %{ $result->{idle}{$_}{cpu_percent} }) } @nodes) . " |\n";
	foreach my $rate (qw(syncs turns bytes_sent))
	{
		$text .= "| $rate/s | " . join(' | ', map { sprintf '%.1f', $result->{idle}{$_}{per_second}{$rate} } @nodes) . " |\n";
	}
	return $text;
}

sub figures_table
{
	my @creates = @{ $result->{create_table} };
	my $failover = $result->{failover};
	my $shared = sum(@{ $result->{shared_memory} }{ 'quorate state', 'quorate pending marks' }) - 131072 * 8;
	my @lines = (
		[ 'create_table, first table', sprintf '%d partitions, %.2f s', @{ $creates[0] }{qw(partitions seconds)} ],
		[ 'create_table, last table', sprintf '%d partitions, %.2f s', @{ $creates[-1] }{qw(partitions seconds)} ],
		[ 'create_table, slowest', sprintf '%.2f s', max(map { $_->{seconds} } @creates) ],
		[ 'shared memory per group', sprintf '%.0f bytes', $shared / ($groups + 16) ],
		[ 'replicator\'s own memory', sprintf '%.1f MB', max(values %{ $result->{replicator_kb} }) / 1024 ],
		[ 'log on disk, idle', sprintf '%.1f MB', max(values %{ $result->{log_bytes} }) / 1e6 ],
		[ 'failover', sprintf '%d leaderships in %.2f s', $failover->{led}, $failover->{seconds} ],
		[ 'failover, CPU time of both replicators', sprintf '%.2f s', $failover->{cpu_seconds} ],
		[ 'bound: lease + 2 s', sprintf '%.2f s', $result->{plan}{lease_ms} / 1000 + 2 ],
		[ 'probe writes that failed afterwards', $failover->{failed_probe_writes} ],
		[ 'lines in the logs of the survivors', $failover->{log_lines} ],
		[ 'restart of the killed one, all replicas there', sprintf '%.2f s', $result->{restart}{all_replicas_seconds} ],
		[ "all replicators stopped for $result->{plan}{stall_seconds} s, then all groups served",
			sprintf '%.2f s', $result->{stall}{seconds} ],
		[ 'the same, CPU time of the three replicators', sprintf '%.2f s', $result->{stall}{cpu_seconds} ]);
	return "| what | measured |\n|---|---|\n" . join '', map { "| $_->[0] | $_->[1] |\n" } @lines;
}

my $machine = $result->{machine};
write_file($table_file,
	sprintf("%s, %d cores (load %.1f at the start); %s; commit %s; %s\n\n%d groups on three nodes, %s led by each.\n\n",
		@$machine{qw(cpu cores load_at_start postgresql commit date)}, $groups,
		join(', ', map { $result->{leaders}{$_} } sort keys %{ $result->{leaders} }))
	  . idle_table() . "\n" . figures_table());
write_file($plot_file,
	"set terminal svg size 720,420 background 'white'\nset output '$image'\nset grid\nset key off\n"
	  . "set title '$groups groups, one of three instances killed'\nset xlabel 'seconds after the kill'\n"
	  . "set ylabel 'groups served'\nset yrange [0:*]\n\$served << EOD\n"
	  . join('', map { "@$_\n" } @{ $result->{failover}{curve} })
	  . "EOD\nplot \$served using 1:2 with steps\n");
