#!/usr/bin/perl
# Loads items (DynamoDB JSON, one a line, on standard input) into an item table through quorate.put_items.
#
#   load_items.pl TABLE BATCH CONNECTIONS_PER_NODE CONNINFO ...
#
# Each connection is a psql that is handed a batch, answers how many items were written, and then gets the next one.
# Progress goes to standard error; the last line of standard output is "ITEMS SECONDS". An error ends the load with
# status 1; its message is psql's.
use strict;
use warnings;
use IPC::Open2;
use Time::HiRes qw(time);

my ($table, $batch_items, $connections, @nodes) = @ARGV;
@nodes or die "usage: load_items.pl TABLE BATCH CONNECTIONS_PER_NODE CONNINFO ...\n";

my @idle;    # connections, each { in, out, pid }
my @busy;    # the same, each with a batch under way
foreach my $conninfo ((@nodes) x $connections)
{
	my $connection = {};
	$connection->{pid} = open2($connection->{out}, $connection->{in},
		'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $conninfo, '-f', '-');
	push @idle, $connection;
}
$SIG{PIPE} = 'IGNORE';

my $written = 0;
my $started = time;
my $shown = time;

sub show_progress
{
	return if time - $shown < 2;
	$shown = time;
	printf STDERR "      %6d items, %.0f items/s\n", $written, $written / (time - $started);
}

# Takes the answers that are there, waiting for at least one; each makes its connection idle.
sub take_answers
{
	my $waiting = '';
	vec($waiting, fileno($_->{out}), 1) = 1 foreach @busy;
	select($waiting, undef, undef, undef);
	my @still_busy;
	foreach my $connection (@busy)
	{
		if (!vec($waiting, fileno($connection->{out}), 1))
		{
			push @still_busy, $connection;
			next;
		}
		my $answer = readline $connection->{out};
		die "a connection failed\n" unless defined $answer && $answer =~ /^(\d+)$/;
		$written += $1;
		push @idle, $connection;
	}
	@busy = @still_busy;
	show_progress();
}

sub send_batch
{
	my ($items) = @_;
	take_answers() unless @idle;
	my $connection = shift @idle;
	my $array = join ',', map { "'" . s/'/''/gr . "'" } @$items;
	print { $connection->{in} } "SELECT quorate.put_items('$table', ARRAY[$array]::quorate.item[]);\n"
	  or die "a connection failed\n";
	$connection->{in}->flush;
	push @busy, $connection;
}

my @batch;
while (my $line = <STDIN>)
{
	chomp $line;
	push @batch, $line;
	next if @batch < $batch_items;
	send_batch(\@batch);
	@batch = ();
}
send_batch(\@batch) if @batch;
take_answers() while @busy;
printf "%d %.3f\n", $written, time - $started;
foreach my $connection (@idle)
{
	close $connection->{in};
	waitpid $connection->{pid}, 0;
}
