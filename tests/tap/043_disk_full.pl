#!/usr/bin/perl
# A file system without space, first for the log of a node, then for its whole data directory. Writes that the node leads
# get a clear error or another leader within 5 s, the other two never stall, and all goes on within 10 s after space
# has returned.
use strict;
use warnings;
use QuorateCluster;
use QuorateProcess qw(wait_until);
use Test::More;
use Time::HiRes qw(sleep time);

my $cluster = QuorateCluster->new(faults => 1, settings => { 'quorate.log_segment_size' => '1MB' });
my ($north, $south, $west) = $cluster->nodes;
my @led = ($north, $south, $west);
$cluster->create_table('songs', partitions => 3);
my %keys = $cluster->probe_keys('songs', 3);
my $load = $cluster->start_history('songs', seconds => 0, extra => [ '--timeout-ms', 3000, '--rate', 50 ]);
$cluster->wait_for_writes($load, 1000);

# Each node leads the partition of its number.
sub spread_leaders
{
	foreach my $number (0 .. 2)
	{
		my $name = $led[$number]->name;
		next if $cluster->leader_of('songs', $number) == $led[$number];
		$north->sql("SELECT quorate.transfer_leader('songs', $number, '$name')");
		$north->poll_until("SELECT leader FROM quorate.partitions WHERE table_name = 'songs' AND partition = $number", $name)
		  or die "$name does not lead partition $number\n";
	}
}

# Writes items of a size to the partition until one is refused or another node leads it; returns the state of the last
# write, and true if the node leads on.
sub fill
{
	my ($number, $through, $bytes) = @_;
	my ($node, $end) = ($led[$number], time + 30);
	my $filler = 'x' x $bytes;
	while (time < $end)
	{
		my ($state) = $through->sql_error("SET quorate.request_timeout = '2s';
			SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"$keys{$number}\"}, \"f\": {\"S\": \"$filler\"}}')");
		my $leads = $cluster->leader_of('songs', $number) == $node;
		return ($state, $leads) if $state ne '' || !$leads;
	}
	die 'the disk of ' . $node->name . " does not become full\n";
}

# Large items no longer fit first, small ones last.
sub fill_until_full
{
	my ($number, $through) = @_;
	my ($state, $leads);
	foreach my $bytes (200_000, 20_000, 2000, 1)
	{
		($state, $leads) = fill($number, $through, $bytes);
		last unless $leads;
	}
	return $leads ? $state : 'another leader';
}

# The partitions that others lead, and the state of a write on the one that the node leads.
sub full_disk
{
	my ($name, $number, %fault) = @_;
	my $node = $led[$number];
	my @others = $cluster->others($node);
	spread_leaders();
	my $probe = $cluster->start_probe('songs', \%keys, nodes => \@others);
	$node->fault->set(full => 1, %fault);
	my $first = fill_until_full($number, $others[0]);
	note("$name: the first write without success: $first");
	my $write = "SET quorate.request_timeout = '2s'; SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"$keys{$number}\"}}')";
	my ($state, $message) = ('', '');
	ok(wait_until(5, sub { ($state, $message) = $others[0]->sql_error($write); return $state eq '' || $state eq '53100' }),
		"$name: a write there gets a clear error or another leader")
	  or diag("$state $message");
	note("$name: " . ($state eq '' ? 'written through ' . $cluster->leader_of('songs', $number)->name : "$state $message"));
	sleep 3;
	note("$name: 3 s later: " . (($others[0]->sql_error($write))[0] || 'written'));
	$node->fault->clear;
	my $freed = time;
	ok(wait_until(10, sub { ($others[0]->sql_error($write))[0] eq '' }), "$name: writes go on after space has returned");
	note(sprintf '%s: %.1f s after space has returned', $name, time - $freed);
	$node->poll_until("SELECT state FROM quorate.nodes WHERE is_this_node", 'running', 30) or die $node->name . " is not back\n";
	sleep 1;
	my %gap = $cluster->finish_probe($probe);
	my ($longest) = sort { $b <=> $a } map { $gap{$_} } grep { $_ != $number } keys %gap;
	note(sprintf '%s: longest write gap on the partition that the node led: %.0f ms', $name, $gap{$number});
	$cluster->gap_within($longest, 1000, "$name: partitions that others lead");
}

full_disk('the log of north has no space', 0);
$cluster->wait_for_writes($load, 300);
full_disk('the data directory of west has no space', 2, folder => $west->data);
$cluster->wait_for_leaders('songs', 3);
$cluster->wait_for_writes($load, 1000);

$cluster->finish_history($load);
$cluster->replicas_equal('songs');
$cluster->finish(qr/PANIC:  could not write to file "pg_wal|was terminated by signal 6|No space left on device/);
done_testing();
