#!/usr/bin/perl
# The demonstration itself: called by demo.sh as the server user, in the scratch folder.
#
#   demo.pl INSTANCES
#
# Starts three instances, creates a cluster and an item table, loads the Debian package index, reads it in the ways
# there are, kills the instance that leads most partitions under a write load, and shows that nothing acknowledged is
# lost and that the replicas are equal afterwards. INSTANCES gets a line "PID START_TIME NAME" for each running server.
# Dies, with what went wrong, at the first thing that is not as it should be.
use strict;
use warnings;
use QuorateCluster;
use QuorateProcess qw(run_command spawn wait_until slurp exit_status start_time);
use Time::HiRes qw(sleep time);

my $instances_file = shift // die "usage: demo.pl INSTANCES\n";
my $packages = 'packages';
my $heartbeats = 'heartbeats';
my $partitions = 12;
my $tools = 'build/tools';
my $steps = 9;
my $step = 0;

$| = 1;

sub announce
{
	printf "\n[%d/%d] %s\n", ++$step, $steps, $_[0];
}

sub say_line
{
	print "      $_[0]\n";
}

# Shows a query and its result as psql prints it, with quorate's operators in reach.
sub show
{
	my ($node, $sql) = @_;
	say_line($node->name . "=> $sql");
	my ($status, $out, $err) = run_command([ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-P', 'footer=off', '-d', $node->conninfo, '-c', 'SET search_path = quorate, public', '-c', $sql ], '', 60);
	die $err if !defined $status || $status;
	$out =~ s/\ASET\n//;
	say_line($_) foreach map { length > 150 ? substr($_, 0, 147) . '...' : $_ } split /\n/, $out;
}

# Remembers which servers run, for demo-stop.
sub note_instances
{
	my ($cluster) = @_;
	open my $out, '>', $instances_file or die "could not write $instances_file: $!\n";
	printf $out "%d %s %s\n", $_->pid, start_time($_->pid), $_->name foreach grep { $_->running } $cluster->nodes;
	close $out or die "could not write $instances_file: $!\n";
}

sub start_instances
{
	announce('Three PostgreSQL instances on free loopback ports');
	my $cluster = QuorateCluster->new(create => 0, settings => { shared_buffers => '128MB', max_wal_size => '1GB' });
	note_instances($cluster);
	say_line(sprintf '%-6s zone %s  port %d', $_->name, $_->zone, $_->port) foreach $cluster->nodes;
	return $cluster;
}

sub create_cluster
{
	my ($cluster) = @_;
	announce('One cluster');
	say_line('SELECT quorate.create_cluster(...) on north');
	$cluster->create;
	show($cluster->node('north'), 'SELECT * FROM quorate.nodes');
}

sub create_tables
{
	my ($cluster) = @_;
	announce("An item table of $partitions partitions");
	my $north = $cluster->node('north');
	$north->sql("SELECT quorate.create_table('$packages', partition_key => 'Source', partition_key_type => 'S',
		sort_key => 'Package', sort_key_type => 'S', partitions => $partitions)", limit_s => 60);
	$cluster->wait_for_leaders($packages, $partitions);
	show($north, "SELECT leader, count(*) AS partitions FROM quorate.partitions
		WHERE table_name = '$packages' GROUP BY 1 ORDER BY 1" =~ s/\s+/ /gr);
}

sub load_packages
{
	my ($cluster) = @_;
	announce('Real data: every record of the Debian package index');
	my $nodes = join ' ', map { "'" . $_->conninfo . "'" } $cluster->nodes;
	my $output = `apt-cache dumpavail | perl tests/demo/packages_to_items.pl | perl tests/demo/load_items.pl $packages 100 2 $nodes`;
	die "the load failed\n" if $?;
	my ($items, $seconds) = $output =~ /^(\d+) ([\d.]+)$/m or die "the load said: $output\n";
	die "the package index is empty; run apt-get update\n" if $items < 1000;
	say_line(sprintf '%d items in %.1f s: %.0f items per second, each durable on two of three nodes', $items, $seconds, $items / $seconds);
	return $items;
}

sub read_items
{
	my ($cluster) = @_;
	announce('Reading');
	my $north = $cluster->node('north');
	my $key = '{"Source": {"S": "bash"}, "Package": {"S": "bash"}}';
	say_line('A consistent get, which the leader answers, whichever node is asked:');
	show($north, "SELECT i ->> 'Package' AS package, i ->> 'Version' AS version, i ->> 'Installed-Size' AS size,
		i -> 'Depends' AS depends FROM quorate.get_item('$packages', '$key', consistent_read => true) AS i" =~ s/\s+/ /gr);
	say_line('An eventually consistent get, answered from the local replica of another node:');
	show($cluster->node('west'), "SELECT quorate.get_item('$packages', '$key', consistent_read => false) ->> 'Version' AS version");
	say_line('A query of one item collection:');
	show($north, "SELECT item ->> 'Package' AS package, item ->> 'Size' AS size
		FROM quorate.query('$packages', '#s = :s AND begins_with(#p, :p)',
		expression_attribute_names => '{\"#s\": \"Source\", \"#p\": \"Package\"}',
		expression_attribute_values => '{\":s\": {\"S\": \"gcc-12\"}, \":p\": {\"S\": \"lib\"}}') AS item LIMIT 5" =~ s/\s+/ /gr);
}

# Starts one writer a partition; returns what finish_probe needs.
sub start_probe
{
	my ($cluster) = @_;
	$cluster->create_table($heartbeats, partitions => $partitions, sort_key => 'n', sort_key_type => 'N');
	my %key = $cluster->probe_keys($heartbeats, $partitions, 'n');
	my $probe = { table => $heartbeats, history => $cluster->folder . '/heartbeats', out => $cluster->folder . '/probe.out',
		log => $cluster->folder . '/probe.log', key => \%key };
	$probe->{pid} = spawn(
		[
			"$tools/history_client", 'probe', '--table', $heartbeats, '--sort-key', 'n', '--rate', 100, '--seconds', 0,
			'--history', $probe->{history}, (map { ('--probe-key', $_) } map { $key{$_} } sort { $a <=> $b } keys %key),
			map { ('--node', $_->conninfo) } $cluster->nodes
		],
		$probe->{out}, stderr => $probe->{log});
	return $probe;
}

# Ends the probe; returns its report: key => { acknowledged, unknown, gap_ms }.
sub finish_probe
{
	my ($probe) = @_;
	kill 'TERM', $probe->{pid};
	wait_until(60, sub { defined exit_status($probe->{pid}) }) or die "the write load did not end\n";
	die "the write load failed:\n" . slurp($probe->{log}) if exit_status($probe->{pid});
	my %report;
	foreach my $line (split /\n/, slurp($probe->{out}))
	{
		$report{$1} = { acknowledged => $2, unknown => $3, gap_ms => $4 } if $line =~ /^(\S+) (\d+) \d+ (\d+) ([\d.]+) \d+$/;
	}
	return \%report;
}

sub kill_leader
{
	my ($cluster) = @_;
	announce('kill -9 of the instance that leads most partitions, under a write load');
	my $probe = start_probe($cluster);
	sleep 4;
	my $victim = $cluster->busiest_leader($heartbeats);
	my %led = map { $_ => 1 } split /\n/, $victim->sql(
		"SELECT partition FROM quorate.partitions WHERE table_name = '$heartbeats' AND leader = '" . $victim->name . "'");
	say_line(sprintf '100 writes/s on each of %d partitions; %s leads %d of them: kill -9', $partitions, $victim->name, scalar keys %led);
	$victim->kill9;
	sleep 8;
	my $report = finish_probe($probe);

	my ($writes, $unknown, $worst, $worst_other) = (0, 0, 0, 0);
	foreach my $number (keys %{ $probe->{key} })
	{
		my $result = $report->{ $probe->{key}{$number} } // die "no result for partition $number\n";
		$writes += $result->{acknowledged};
		$unknown += $result->{unknown};
		my $longest = $led{$number} ? \$worst : \$worst_other;
		$$longest = $result->{gap_ms} if $result->{gap_ms} > $$longest;
	}
	say_line("$writes writes acknowledged, $unknown of unknown outcome");
	say_line(sprintf 'longest gap in acknowledged writes: %.0f ms where %s led, %.0f ms elsewhere', $worst, $victim->name, $worst_other);
	return ($victim, $probe);
}

sub reread
{
	my ($cluster, $probe) = @_;
	announce('Every acknowledged write is read again');
	my ($status, $out, $err) = run_command(
		[
			"$tools/history_client", 'reread', '--table', $heartbeats, '--sort-key', 'n', '--history', $probe->{history},
			map { ('--node', $_->conninfo) } grep { $_->running } $cluster->nodes
		],
		'', 120);
	die "re-reading failed:\n$out$err" if !defined $status || $status;
	say_line($_) foreach split /\n/, $out;
}

sub restart_and_compare
{
	my ($cluster, $victim) = @_;
	announce('The killed instance comes back and catches up');
	my $started = time;
	$victim->start;
	note_instances($cluster);
	my %sums;
	wait_until(90,
		sub {
			foreach my $table ($packages, $heartbeats)
			{
				$sums{$table} = [ map { $cluster->checksums($_, $table) } $cluster->nodes ];
				return 0 if grep { $_ ne $sums{$table}[0] } @{ $sums{$table} };
			}
			return 1;
		}) or die "the replicas did not become equal\n";
	say_line(sprintf '%s was started and has caught up %.1f s later', $victim->name, time - $started);

	announce('The three replicas of every partition, compared by checksum at one LSN');
	foreach my $table ($packages, $heartbeats)
	{
		my @lines = split /\n/, $sums{$table}[0];
		say_line(sprintf '%-10s %d partitions equal on %s', $table, scalar @lines, join ', ', map { $_->name } $cluster->nodes);
	}
	show($cluster->node('north'), "SELECT * FROM quorate.checksum('$packages') ORDER BY 1 LIMIT 3");
}

sub closing_words
{
	my ($cluster, $items) = @_;
	print "\nThe cluster is running. Connect to any of its nodes:\n";
	printf "  psql -h 127.0.0.1 -p %d -U postgres postgres    # %s\n", $_->port, $_->name foreach $cluster->nodes;
	print "Things to try there:\n";
	print "  SET search_path = quorate, public;\n";
	print "  SELECT * FROM quorate.partitions;\n";
	print "  SELECT * FROM quorate.replicas;\n";
	print "  SELECT quorate.get_item('$packages', '{\"Source\": {\"S\": \"perl\"}, \"Package\": {\"S\": \"perl-base\"}}') ->> 'Description';\n";
}

my $cluster = start_instances();
create_cluster($cluster);
create_tables($cluster);
my $items = load_packages($cluster);
read_items($cluster);
my ($victim, $probe) = kill_leader($cluster);
reread($cluster, $probe);
restart_and_compare($cluster, $victim);
closing_words($cluster, $items);
$_->leave_running foreach $cluster->nodes;
