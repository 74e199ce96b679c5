#!/usr/bin/perl
# Plays everything that fails on five nodes under load, one fault after the other, and tells what happens meanwhile.
#
#   drill.pl [FAULT ...] OUT.json      the faults of lib/BenchDrill.pm; all of them if none is named
#
# A write probe on each partition runs all the time (its acknowledgements make the plot and the gaps), and during each
# fault a load of puts, gets and deletes, whose history is checked for linearizability and re-read through every node
# when the cluster is whole again. The result is what drill_report.pl makes the table and the plot from.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../tap/lib", "$FindBin::Bin/lib";
use BenchDrill qw(drill_faults);
use JSON::PP;
use QuorateCluster;
use QuorateGaps qw(now_us acknowledgements gap_ms count_between);
use QuorateNetwork;
use QuorateProcess qw(run_command wait_until exit_status slurp);
use Time::HiRes qw(sleep time);

my $out = pop @ARGV or die "usage: drill.pl [FAULT ...] OUT.json\n";
my @faults = drill_faults();
my %known = map { $_->{name} => 1 } @faults;
die "there is no fault \"$_\"; there are: " . join(' ', map { $_->{name} } @faults) . "\n" foreach grep { !$known{$_} } @ARGV;
my %wanted = map { $_ => 1 } @ARGV;
@faults = grep { $wanted{ $_->{name} } } @faults if @ARGV;

my ($table, $partitions) = ('songs', 4);
my %settings = ('quorate.rebuild_after' => '15s', 'quorate.log_segment_size' => '1MB');
my $began_us = now_us();
my $tools = $ENV{QUORATE_TOOLS} // 'build/tools';

$| = 1;
sub say_line { printf "%6.1f s  %s\n", (now_us() - $began_us) / 1e6, $_[0] }

# ---------------------------------------------------------------- five nodes

my $network = QuorateNetwork->new(6);
say_line(QuorateNetwork->reason . ': faults of the network are left out') unless $network;
my $cluster = QuorateCluster->new(network => $network, faults => 1, settings => \%settings);
my %number = (north => 1, south => 2, west => 3);

sub add
{
	my ($name, $zone) = @_;
	$number{$name} = 1 + keys %number;
	my $node = $cluster->new_instance($name, $zone, settings => \%settings, faults => 1,
		network => $network ? [ $network, $number{$name} ] : undef);
	my ($asked) = $cluster->nodes;
	$asked->sql(sprintf("SELECT quorate.add_node('%s', '%s', '%s')", $name, $zone, $node->peer_conninfo), limit_s => 120);
	$cluster->adopt($node);
	return $node;
}

# Three replicas with rows of each partition, on nodes that run; all nodes hear each other, and no log lacks an entry.
sub is_whole
{
	my $count = $cluster->nodes;
	return 0 if grep { $_ !~ /^\w+ storage, \w+ storage, \w+ storage$/ } $cluster->members($table, $partitions);
	foreach my $node ($cluster->nodes)
	{
		my $line = eval {
			$node->sql("SELECT count(*) FILTER (WHERE state IN ('running', 'alive')), count(*),
				(SELECT coalesce(sum(missing_entries), 0) FROM quorate._group_status()) FROM quorate.nodes", limit_s => 10)
		} // '';
		return 0 if $line ne "$count|$count|0";
	}
	return 1;
}

sub wait_whole { return wait_until($_[0], \&is_whole) }

my %drill = (cluster => $cluster, table => $table, network => $network, number => \%number, add => \&add, say => \&say_line, whole => \&wait_whole);

say_line('three nodes, then five');
$cluster->create_table($table, partitions => $partitions);
my %key = $cluster->probe_keys($table, $partitions);
add('east', 'az4');
add('centre', 'az5');
sleep 3;
wait_whole(120) or die "the cluster does not come up\n";
my $probe = $cluster->start_probe($table, \%key, history => 1, nodes => [ $cluster->nodes ]);
sleep 5;

# ---------------------------------------------------------------- one fault

# Who leads each partition, as healthy nodes see it; the members of each.
sub view
{
	my ($node) = @_;
	my ($asked) = grep { $_ != $node && $_->running } $cluster->nodes;
	return eval { $asked->sql("SELECT string_agg(coalesce(leader, ''), ' ' ORDER BY partition) FROM quorate.partitions WHERE table_name = '$table'", limit_s => 5) } // '';
}

# Has the cluster noticed? It leads nothing any more, or is no member that counts, or others call it silent.
sub is_noticed
{
	my ($node, $led) = @_;
	my $name = $node->name;
	return view($node) !~ /\b$name\b/ if $led;
	return !grep { /\b$name storage/ } $cluster->members($table, $partitions);
}

# Ends the load of a fault; returns what it had acknowledged, what was lost, and whether its history is linearizable.
sub judge
{
	my ($load) = @_;
	kill 'TERM', $load->{pid};
	wait_until(60, sub { defined exit_status($load->{pid}) }) or die "the load does not end\n";
	my ($status, $text) = run_command([ "$tools/linear_check", $load->{history} ], '', 300);
	my ($acknowledged) = slurp($load->{log}) =~ /^(\d+) acknowledged/m;
	my $lost = 0;
	foreach my $node ($cluster->nodes)
	{
		my ($reread, $said) = run_command(
			[ "$tools/history_client", 'reread', '--table', $table, '--history', $load->{history}, '--node', $node->conninfo ], '', 120);
		my $missing = () = $said =~ /which no write explains/g;
		$lost = $missing if $missing > $lost;
		$lost ||= 1 if $reread != 0;
	}
	return (acknowledged => $acknowledged + 0, lost => $lost, linearizable => $status == 0 ? JSON::PP::true : JSON::PP::false, checker => $text);
}

sub play
{
	my ($fault) = @_;
	say_line($fault->{title});
	my $load = $cluster->start_history($table, seconds => 0, connections => 5, extra => [ '--rate', 60, '--timeout-ms', 10_000 ]);
	sleep 2;
	my $leader = $cluster->busiest_leader($table);
	my $from = now_us();
	my $node = $fault->{play}->(\%drill);
	my ($noticed, $ended);
	unless ($fault->{planned})
	{
		wait_until(30, sub { is_noticed($node, $node == $leader) }) and $noticed = now_us();
		say_line(sprintf '  %s: noticed after %.1f s', $node->name, ($noticed - $from) / 1e6) if $noticed;
		sleep $fault->{seconds};
	}
	$fault->{end}->(\%drill, $node);
	$ended = now_us();
	say_line('  the fault is over') unless $fault->{planned};
	my $healed = wait_whole(180) ? now_us() : undef;
	say_line($healed ? sprintf('  whole again after %.1f s', ($healed - $ended) / 1e6) : '  NOT WHOLE AGAIN within 180 s');
	sleep 1;
	my %verdict = judge($load);
	say_line(sprintf '  %d acknowledged, %d lost; %s', @verdict{qw(acknowledged lost)}, $verdict{linearizable} ? 'linearizable' : 'NOT LINEARIZABLE');
	return { %$fault{qw(name title)}, node => $node->name, from_us => $from, end_us => $ended, to_us => now_us(),
		noticed_us => $noticed, healed_us => $healed, %verdict };
}

my (@played, @skipped);
foreach my $fault (@faults)
{
	if ($fault->{network} && !$network)
	{
		push @skipped, $fault->{name};
		next;
	}
	push @played, play($fault);
	sleep 2;
}

# ---------------------------------------------------------------- the result

my $end_us = now_us();
$cluster->finish_probe($probe);
my %acks = acknowledgements($probe);
foreach my $fault (@played)
{
	my ($gap) = sort { $b <=> $a } map { gap_ms($_, $fault->{from_us}, $fault->{to_us}) } values %acks;
	$fault->{gap_ms} = $gap;
}
my $first_us = $played[0]{from_us} - 5_000_000;
my @series = map {
	my $second = $first_us + $_ * 1e6;
	[ $_, map { count_between($_, $second, $second + 1e6) } map { $acks{$_} } 0 .. $partitions - 1 ]
} 0 .. int(($end_us - $first_us) / 1e6) - 1;
my $probe_status = 0;
foreach my $node ($cluster->nodes)
{
	my ($status) = run_command([ "$tools/history_client", 'reread', '--table', $table, '--history', $probe->{history}, '--node', $node->conninfo ], '', 120);
	$probe_status ||= $status;
}
my $acknowledged = 0;
$acknowledged += @$_ foreach values %acks;
my $passed = !$probe_status && !grep { !$_->{linearizable} || $_->{lost} || !$_->{healed_us} } @played;
say_line(sprintf 'the write probes: %d acknowledged, %s', $acknowledged, $probe_status ? 'SOME ARE LOST' : 'none lost');
$_->stop foreach $cluster->nodes;

open my $file, '>', $out or die "could not write $out: $!\n";
print $file JSON::PP->new->canonical->pretty->encode({ played => \@played, skipped => \@skipped, series => \@series, first_us => $first_us, probe_acknowledged => $acknowledged,
	probe_lost => $probe_status ? JSON::PP::true : JSON::PP::false, passed => $passed ? JSON::PP::true : JSON::PP::false, commit => $ENV{QUORATE_COMMIT} // 'unknown' });
close $file or die "could not write $out: $!\n";
