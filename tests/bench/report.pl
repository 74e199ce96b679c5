#!/usr/bin/perl
# Makes the table (Markdown) and the data and script of the plot from the results of bench.pl.
#
#   report.pl RESULTS.json TABLE.md PLOT.gnuplot PLOT.svg
#
# Each figure is the median of the repetitions; each ratio is the median of the ratios of runs of one repetition.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../tap/lib";
use BenchLoad qw(median percentile);
use JSON::PP;
use QuorateProcess qw(slurp);

my ($results, $table_file, $plot_file, $image) = @ARGV;
$image or die "usage: report.pl RESULTS.json TABLE.md PLOT.gnuplot PLOT.svg\n";
my $result = decode_json(slurp($results));
my @targets = qw(native leader spread);
my %title = (
	put => 'puts only',
	a => 'A: 50 % puts, 50 % consistent reads',
	b => 'B: 5 % puts, 95 % consistent reads',
	read => 'consistent reads only');

# [workload, clients, ratio of what, placement, bound]: the targets that the project set itself.
my @goals = (
	[ 'put', 32, 'tps', 'at least', 1.3 ],
	[ 'put', 1, 'p50_ms', 'at most', 1.2 ],
	[ 'a', 32, 'tps', 'at least', 1.2 ],
	[ 'read', 32, 'tps', 'at least', 0.9 ]);

# figures(workload, clients, target, name): one figure a repetition, in their order.
sub figures
{
	my ($workload, $clients, $target, $name) = @_;
	return map { $_->{$name} }
	  sort { $a->{repetition} <=> $b->{repetition} }
	  grep { $_->{workload} eq $workload && $_->{clients} == $clients && $_->{target} eq $target } @{ $result->{load} };
}

sub ratio
{
	my ($workload, $clients, $target, $name) = @_;
	my @ours = figures($workload, $clients, $target, $name);
	my @native = figures($workload, $clients, 'native', $name);
	return median(map { $native[$_] ? $ours[$_] / $native[$_] : () } 0 .. $#ours);
}

sub number
{
	my ($format, $value) = @_;
	return defined $value ? sprintf $format, $value : '-';
}

sub cell
{
	my ($workload, $clients, $target) = @_;
	my ($tps, $p50, $p99, $cpu) = map { median(figures($workload, $clients, $target, $_)) } qw(tps p50_ms p99_ms server_cpu_us);
	return sprintf '%s (%s / %s; %s)', number('%.0f', $tps), number('%.2f', $p50), number('%.1f', $p99), number('%.0f', $cpu);
}

sub workload_table
{
	my ($workload) = @_;
	my $text = "\n### $title{$workload}\n\n"
	  . "| clients | native | quorate, leaders on one node | quorate, leaders spread | one node / native | spread / native |\n"
	  . "|---|---|---|---|---|---|\n";
	foreach my $clients (@{ $result->{plan}{clients} })
	{
		$text .= sprintf "| %d | %s | %s | %s | %s | %s |\n", $clients, (map { cell($workload, $clients, $_) } @targets),
		  map { number('%.2f', ratio($workload, $clients, $_, 'tps')) } qw(leader spread);
	}
	return $text;
}

sub goals_table
{
	my $text = "\n### Targets (leaders on one node / native)\n\n| what | target | measured | |\n|---|---|---|---|\n";
	foreach my $goal (@goals)
	{
		my ($workload, $clients, $name, $direction, $bound) = @$goal;
		my $measured = ratio($workload, $clients, 'leader', $name);
		next unless defined $measured;
		my $met = $direction eq 'at least' ? $measured >= $bound : $measured <= $bound;
		$text .= sprintf "| %s, %d client%s, %s | %s %.1f | %.2f | %s |\n", $title{$workload}, $clients, $clients == 1 ? '' : 's',
		  $name eq 'tps' ? 'throughput' : 'median latency', $direction, $bound, $measured, $met ? 'met' : 'missed';
	}
	return $text;
}

sub gap_table
{
	my $text = "\n### Gaps in acknowledged writes\n\n| event | trials | median | longest |\n|---|---|---|---|\n";
	foreach my $event ([ failover => 'kill -9 of a leader\'s instance' ], [ handover => 'planned handover of a partition' ])
	{
		my ($name, $words) = @$event;
		my @gaps = map { $_->{gap_ms} } @{ $result->{$name} // [] } or next;
		$text .= sprintf "| %s | %d | %.0f ms | %.0f ms |\n", $words, scalar @gaps, median(@gaps), percentile(1, @gaps);
	}
	return $text;
}

sub write_file
{
	my ($path, $text) = @_;
	open my $out, '>', $path or die "could not write $path: $!\n";
	print $out $text;
	close $out or die "could not write $path: $!\n";
}

sub table
{
	my ($machine, $plan) = @$result{qw(machine plan)};
	my $text = sprintf "%s, %d cores, %d MB; %s; commit %s; %s\n\n", @$machine{qw(cpu cores memory_mb postgresql commit date)};
	$text .= sprintf "%d items of 10 x 90 bytes, uniform keys, %d partitions; medians of %d interleaved runs of %d s.\n",
	  @$plan{qw(items partitions repetitions seconds)};
	$text .= "Cells: operations per second (p50 / p99 in ms; CPU time of all three servers per operation in us).\n";
	return $text unless $result->{load};
	return $text . join('', map { workload_table($_) } qw(put a b read)) . goals_table();
}

# One data block and one panel a workload.
sub plot
{
	my $text = "set terminal svg size 1000,760 background 'white'\nset output '$image'\n"
	  . "set style data linespoints\nset grid\nset key bottom right\nset logscale x 2\nset yrange [0:*]\n";
	foreach my $workload (qw(put a b read))
	{
		$text .= "\$$workload << EOD\n";
		foreach my $clients (@{ $result->{plan}{clients} })
		{
			$text .= join(' ', $clients, map { median(figures($workload, $clients, $_, 'tps')) // 'nan' } @targets) . "\n";
		}
		$text .= "EOD\n";
	}
	$text .= "set multiplot layout 2,2\nset xlabel 'clients'\nset ylabel 'operations per second'\n";
	foreach my $workload (qw(put a b read))
	{
		$text .= "set title '$title{$workload}'\nplot \$$workload using 1:2 title 'native quorum replication', "
		  . "'' using 1:3 title 'quorate, leaders on one node', '' using 1:4 title 'quorate, leaders spread'\n";
	}
	return $text . "unset multiplot\n";
}

write_file($table_file, table() . gap_table());
write_file($plot_file, plot()) if $result->{load};
