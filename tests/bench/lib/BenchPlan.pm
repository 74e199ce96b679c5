# BenchPlan: the numbers of a measurement as arguments change them, its progress, and the machine that it ran on.
package BenchPlan;

use strict;
use warnings;
use Exporter 'import';
use QuorateProcess qw(slurp);
use Time::HiRes qw(time);

our @EXPORT_OK = qw(take_numbers progress machine);

my $started = time;

# Takes --NAME=NUMBER from the arguments into the plan; dies for a name that is no number of the plan.
sub take_numbers
{
	my ($plan, @arguments) = @_;
	foreach my $argument (map { /^--(\w+)=(\d+)$/ ? [ $1, $2 ] : () } @arguments)
	{
		my ($name, $number) = @$argument;
		die "the plan has no number \"$name\"\n" if !exists $plan->{$name} || ref $plan->{$name};
		$plan->{$name} = $number;
	}
	return;
}

sub progress
{
	printf STDERR "[%4d s] %s\n", time - $started, join ' ', @_;
}

sub machine
{
	my ($model) = slurp('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)$/m;
	my ($memory) = slurp('/proc/meminfo') =~ /^MemTotal:\s*(\d+)/m;
	my $cores = () = slurp('/proc/cpuinfo') =~ /^processor\s*:/mg;
	my ($load) = split ' ', slurp('/proc/loadavg');
	my $version = `$ENV{QUORATE_BINDIR}/postgres --version`;
	chomp $version;
	return { cpu => $model, cores => $cores, memory_mb => int($memory / 1024), load_at_start => $load, postgresql => $version,
		commit => $ENV{QUORATE_COMMIT} // '', date => scalar gmtime };
}

1;
