#!/usr/bin/perl
# The benchmark: called by bench.sh as the server user, in the scratch folder.
#
#   bench.pl [--quick] [--only=load|failover] [--NAME=NUMBER ...] OUT.json
#
# NAME is a number of the plan below: --seconds=4 --repetitions=5 ...
#
# Runs of the three targets (BenchTarget.pm) are interleaved: each repetition measures every workload and number of
# clients on all of them before the next repetition begins, and the order of the targets rotates. Then come the trials of
# BenchFailover.pm. OUT.json gets everything measured; report.pl makes the table and the plot from it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../tap/lib";
use BenchFailover qw(failover_trial handover_trial);
use BenchLoad qw(run_load median);
use BenchPlan qw(take_numbers progress machine);
use BenchTarget;
use File::Temp ();
use JSON::PP;

my %full = (items => 200_000, clients => [ 1, 8, 32, 64 ], repetitions => 5, seconds => 10, warm_seconds => 2,
	settle_seconds => 20, failovers => 10, handovers => 20, partitions => 12);
my %quick = (%full, items => 20_000, clients => [ 1, 32 ], repetitions => 1, seconds => 4, warm_seconds => 1,
	settle_seconds => 2, failovers => 2, handovers => 5);

my $quick = grep { $_ eq '--quick' } @ARGV;
my ($only) = map { /^--only=(load|failover)$/ ? $1 : () } @ARGV;
my ($out) = grep { !/^--/ } @ARGV;
die "usage: bench.pl [--quick] [--only=load|failover] [--NAME=NUMBER ...] OUT.json\n" unless $out;
my %plan = $quick ? %quick : %full;
take_numbers(\%plan, @ARGV);

# The targets with their items loaded and settled.
sub prepare_targets
{
	my ($folder, $cluster) = @_;
	progress('native quorum replication: starting and loading', $plan{items}, 'items');
	my @targets = BenchTarget->native($folder, $plan{items});
	foreach my $placement (qw(leader spread))
	{
		progress("quorate, $placement: loading", $plan{items}, 'items');
		push @targets, BenchTarget->quorate($cluster, $placement, $plan{items}, $plan{partitions});
	}
	foreach my $target (@targets)
	{
		$target->checkpoint;
		run_load($target, 'put', 32, %plan, warm_seconds => 1, seconds => $plan{settle_seconds}, folder => $folder);
	}
	return @targets;
}

sub measure_load
{
	my ($folder, @targets) = @_;
	my @rows;
	foreach my $repetition (1 .. $plan{repetitions})
	{
		foreach my $workload (qw(put a b read))
		{
			foreach my $clients (@{ $plan{clients} })
			{
				foreach my $target (@targets)
				{
					my $row = run_load($target, $workload, $clients, %plan, folder => $folder);
					$row->{repetition} = $repetition;
					push @rows, $row;
					progress(sprintf '%d/%d %-4s %2d clients %-6s %8.0f/s  p50 %.2f ms  %.0f us CPU', $repetition,
						$plan{repetitions}, $workload, $clients, $target->name, $row->{tps}, $row->{p50_ms} // 0, $row->{server_cpu_us});
				}
				push @targets, shift @targets;
			}
		}
	}
	return \@rows;
}

sub measure_failover
{
	my ($cluster) = @_;
	my $table = 'probe';
	$cluster->create_table($table, partitions => $plan{partitions});
	my %keys = $cluster->probe_keys($table, $plan{partitions});
	my (@failovers, @handovers);
	foreach my $trial (1 .. $plan{failovers})
	{
		my $result = failover_trial($cluster, $table, \%keys);
		push @failovers, $result;
		progress("failover $trial/$plan{failovers}: gap $result->{gap_ms} ms on $result->{partitions_led} partitions of $result->{victim}");
	}
	foreach my $trial (1 .. $plan{handovers})
	{
		my $partition = ($trial - 1) % $plan{partitions};
		my $result = handover_trial($cluster, $table, $partition, $keys{$partition});
		push @handovers, $result;
		progress("handover $trial/$plan{handovers}: gap $result->{gap_ms} ms, call $result->{call_ms} ms");
	}
	return (\@failovers, \@handovers);
}

my $folder = File::Temp::tempdir('bench-XXXXXX', TMPDIR => 1);
my %result = (machine => machine(), plan => \%plan);
my $cluster = BenchTarget::quorate_cluster();
if (($only // '') ne 'failover')
{
	$result{load} = measure_load($folder, prepare_targets($folder, $cluster));
}
if (($only // '') ne 'load')
{
	@result{qw(failover handover)} = measure_failover($cluster);
}
open my $file, '>', $out or die "could not write $out: $!\n";
print $file JSON::PP->new->canonical->pretty->encode(\%result);
close $file or die "could not write $out: $!\n";
progress('done');
