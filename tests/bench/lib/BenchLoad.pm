# BenchLoad: one timed run of pgbench against a target.
#
# Prepared protocol, one statement a transaction, uniform keys. Throughput is pgbench's own figure; latencies are a
# sample of its per-transaction log; CPU time is that of the target's servers, ended backends included.
package BenchLoad;

use strict;
use warnings;
use Exporter 'import';
use QuorateProcess qw(spawn wait_until exit_status slurp kill_family cpu_seconds);
use Time::HiRes qw(time);

our @EXPORT_OK = qw(run_load median percentile);

my %put_percent = (put => 100, a => 50, b => 5, read => 0);
my $variants = 8;    # different items, so that what is written differs from what is there

sub percentile
{
	my ($share, @values) = @_;
	return undef unless @values;
	@values = sort { $a <=> $b } @values;
	my $at = int($share * @values);
	return $values[ $at < @values ? $at : -1 ];
}

sub median
{
	my @values = sort { $a <=> $b } @_;
	return undef unless @values;
	return ($values[ $#values / 2 ] + $values[ @values / 2 ]) / 2;
}

sub random_text
{
	my ($bytes) = @_;
	my @letters = ('a' .. 'z', 'A' .. 'Z', 0 .. 9);
	return join '', map { $letters[ rand @letters ] } 1 .. $bytes;
}

sub write_file
{
	my ($path, $text) = @_;
	open my $out, '>', $path or die "could not write $path: $!\n";
	print $out $text;
	close $out or die "could not write $path: $!\n";
}

# pgbench arguments of a workload: its scripts with their weights, and the items as variables.
sub script_arguments
{
	my ($target, $workload, $items, $folder) = @_;
	my $puts = $put_percent{$workload} // die "there is no workload \"$workload\"\n";
	my $key = "\\set k random(1, $items)\n";
	my @arguments;
	if ($puts < 100)
	{
		write_file("$folder/read.sql", $key . $target->read_sql . ";\n");
		push @arguments, '-f', "$folder/read.sql\@" . (100 - $puts) * $variants;
	}
	foreach my $i ($puts > 0 ? 1 .. $variants : ())
	{
		(my $sql = $target->put_sql) =~ s/:item\b/:item$i/;
		write_file("$folder/put$i.sql", "$key$sql;\n");
		my @values = map { random_text($BenchTarget::field_bytes) } 1 .. $BenchTarget::fields;
		push @arguments, '-f', "$folder/put$i.sql\@$puts", '-D', "item$i=" . $target->item_text(@values);
	}
	return @arguments;
}

# Divides clients among endpoints, the first ones getting one more; endpoints without a client are left out.
sub share_clients
{
	my ($clients, @endpoints) = @_;
	my @shares;
	foreach my $i (0 .. $#endpoints)
	{
		my $share = int(($clients + $#endpoints - $i) / @endpoints);
		push @shares, [ $endpoints[$i], $share ] if $share > 0;
	}
	return @shares;
}

# Runs pgbench against all endpoints at once; returns the throughput and the sampled latencies in ms.
sub run_pgbench
{
	my ($target, $clients, $seconds, $folder, $sample, @arguments) = @_;
	my @runs;
	foreach my $share (share_clients($clients, $target->endpoints))
	{
		my ($node, $count) = @$share;
		my $out = "$folder/pgbench-" . $node->name . '.out';
		unlink $out;
		push @runs, { out => $out, pid => spawn(
				[
					"$ENV{QUORATE_BINDIR}/pgbench", '-n', '-M', 'prepared', '-h', '127.0.0.1', '-p', $node->port, '-U', 'postgres',
					'-c', $count, '-j', $count < 2 ? 1 : 2, '-T', $seconds,
					$sample ? ('--log', '--log-prefix', "$folder/txn-" . $node->name, "--sampling-rate=$sample") : (),
					@arguments, 'postgres'
				],
				$out) };
	}
	my $tps = 0;
	foreach my $run (@runs)
	{
		wait_until($seconds + 60, sub { defined exit_status($run->{pid}) }) or kill_family($run->{pid});
		my $text = slurp($run->{out});
		die "pgbench failed:\n$text" unless exit_status($run->{pid}) eq '0' && $text =~ /^tps = ([\d.]+)/m;
		$tps += $1;
	}
	my @ms;
	foreach my $log (glob "$folder/txn-*")
	{
		push @ms, map { (split ' ', $_)[2] / 1000 } split /\n/, slurp($log);
		unlink $log;
	}
	return ($tps, @ms);
}

# One measurement: a warm-up that does not count, then `seconds` that do. Returns a hash of figures.
sub run_load
{
	my ($target, $workload, $clients, %option) = @_;
	my $folder = $option{folder};
	my @arguments = script_arguments($target, $workload, $option{items}, $folder);
	run_pgbench($target, $clients, $option{warm_seconds}, $folder, 0, @arguments);

	my @roots = map { $_->pid } $target->nodes;
	my $cpu_before = cpu_seconds(@roots);
	my $sample = $workload eq 'put' ? 1 : 0.25;
	my ($tps, @ms) = run_pgbench($target, $clients, $option{seconds}, $folder, $sample, @arguments);
	select(undef, undef, undef, 0.2);    # the last backends end and are counted with their server
	my $cpu_us = (cpu_seconds(@roots) - $cpu_before) * 1e6 / ($tps * $option{seconds} || 1);
	return {
		target => $target->name,
		workload => $workload,
		clients => $clients + 0,
		tps => sprintf('%.1f', $tps) + 0,
		p50_ms => percentile(0.50, @ms),
		p99_ms => percentile(0.99, @ms),
		server_cpu_us => sprintf('%.1f', $cpu_us) + 0 };
}

1;
