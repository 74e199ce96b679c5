#!/usr/bin/perl
# Makes the table (Markdown) and the script of the plot from the results of drill.pl.
#
#   drill_report.pl RESULTS.json TABLE.md PLOT.gnuplot PLOT.svg
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../tap/lib";
use JSON::PP;
use QuorateProcess qw(slurp);

my ($results, $table_file, $plot_file, $image) = @ARGV;
$image or die "usage: drill_report.pl RESULTS.json TABLE.md PLOT.gnuplot PLOT.svg\n";
my $result = decode_json(slurp($results));

sub write_file
{
	my ($path, $text) = @_;
	open my $out, '>', $path or die "could not write $path: $!\n";
	print $out $text;
	close $out or die "could not write $path: $!\n";
}

# Seconds between two moments, or a dash.
sub seconds { my ($from, $to) = @_; return defined $to ? sprintf('%.1f s', ($to - $from) / 1e6) : '-' }

sub table
{
	my $text = "| fault | noticed after | whole again after its end | longest write gap | acknowledged | lost | history |\n|---|---|---|---|---|---|---|\n";
	foreach my $fault (@{ $result->{played} })
	{
		$text .= sprintf "| %s | %s | %s | %.0f ms | %d | %d | %s |\n", $fault->{title}, seconds($fault->{from_us}, $fault->{noticed_us}),
		  seconds($fault->{end_us}, $fault->{healed_us}), $fault->{gap_ms}, $fault->{acknowledged}, $fault->{lost},
		  $fault->{linearizable} ? 'linearizable' : 'NOT LINEARIZABLE';
	}
	$text .= sprintf "\nWrite probes: %d acknowledged, %s. Verdict: %s. Commit %s.\n", $result->{probe_acknowledged},
	  $result->{probe_lost} ? 'SOME LOST' : 'none lost', $result->{passed} ? 'nothing acknowledged was lost, all histories are linearizable' : 'FAILED',
	  $result->{commit};
	$text .= 'Left out, because this machine allows no network namespaces: ' . join(', ', @{ $result->{skipped} }) . ".\n" if @{ $result->{skipped} };
	return $text;
}

# Acknowledged writes a second of the probes, with the faults as grey spans.
sub plot
{
	my $partitions = @{ $result->{series}[0] } - 1;
	my $top = 130;
	my $text = "set terminal svg size 1200,420 background 'white'\nset output '$image'\nset grid ytics\nset yrange [0:$top]\n"
	  . "set xlabel 'seconds'\nset ylabel 'acknowledged writes a second, each partition'\nset key outside bottom horizontal\n";
	my $number = 0;
	foreach my $fault (@{ $result->{played} })
	{
		my ($from, $to) = map { sprintf '%.1f', ($fault->{$_} - $result->{first_us}) / 1e6 } 'from_us', 'end_us';
		$number++;
		$text .= "set object $number rectangle from $from,0 to $to,$top fillcolor rgb '#f3e3e3' fillstyle solid noborder behind\n"
		  . "set label $number '$fault->{name}' at $from,118 offset 0.3,0 font ',9' rotate by 20 noenhanced\n";
	}
	$text .= "\$writes << EOD\n" . join('', map { join(' ', @$_) . "\n" } @{ $result->{series} }) . "EOD\n";
	return $text . 'plot ' . join(', ', map { sprintf "\$writes using 1:%d with lines title 'partition %d'", $_ + 2, $_ } 0 .. $partitions - 1) . "\n";
}

write_file($table_file, table());
write_file($plot_file, plot());
