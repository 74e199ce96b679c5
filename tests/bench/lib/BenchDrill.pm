# BenchDrill: the faults of the drill. Each plays one on a cluster of five nodes and takes it back.
#
# A fault is { name, title, play => sub, end => sub, seconds, alone }: play(drill) returns the node concerned; after so many
# seconds end(drill, node) takes it back. `seconds` count from when the cluster has noticed.
package BenchDrill;

use strict;
use warnings;
use Exporter 'import';
use QuorateProcess qw(family wait_until);

our @EXPORT_OK = qw(drill_faults);

sub leader { return $_[0]{cluster}->busiest_leader($_[0]{table}) }

# A node that leads as little as any.
sub follower
{
	my ($drill) = @_;
	my ($asked) = $drill->{cluster}->nodes;
	my $name = $asked->sql("SELECT n.name FROM quorate.nodes n LEFT JOIN quorate.partitions p ON p.leader = n.name AND p.table_name = '$drill->{table}'
		JOIN quorate.replicas r ON r.node = n.name AND r.table_name = '$drill->{table}' WHERE NOT n.is_this_node GROUP BY n.name ORDER BY count(DISTINCT p.partition), n.name LIMIT 1");
	return $drill->{cluster}->node($name);
}

sub kill_node { my ($node) = @_; $node->kill9; return $node }
sub start_node { my ($drill, $node) = @_; $node->start }

# All processes of an instance, at nearly one moment.
sub signal_instance
{
	my ($signal, $node) = @_;
	kill $signal, family($node->pid);
	kill $signal, family($node->pid);
	return $node;
}

sub number_of { my ($drill, $node) = @_; return $drill->{number}{ $node->name } }

sub isolate
{
	my ($drill) = @_;
	my $node = leader($drill);
	$drill->{network}->isolate(number_of($drill, $node));
	return $node;
}

# What the leader sends is lost; it hears everything.
sub mute
{
	my ($drill) = @_;
	my $node = leader($drill);
	my $number = number_of($drill, $node);
	$drill->{network}->cut_one_way($number, $_) foreach $drill->{network}->others($number);
	return $node;
}

sub heal_network { my ($drill) = @_; $drill->{network}->heal }

sub disk
{
	my ($drill, %fault) = @_;
	my $node = leader($drill);
	$node->fault->set(%fault);
	return $node;
}

# Entries in the log of a node are damaged while it is down.
sub rot
{
	my ($drill) = @_;
	my $node = kill_node(follower($drill));
	my ($damaged) = $node->damage_log(0, closed => 1);
	$drill->{say}->("  $damaged entries of its log are damaged");
	return $node;
}

sub clear_disk { my ($drill, $node) = @_; $node->fault->clear }

# The node never comes back; another instance takes its place when its replicas have been rebuilt.
sub lose_node
{
	my ($drill) = @_;
	my $node = leader($drill);
	my ($asked) = $drill->{cluster}->others($node);
	$node->kill9;
	$drill->{cluster}->disown($node);
	return $node;
}

sub replace_node
{
	my ($drill, $lost) = @_;
	my ($asked) = $drill->{cluster}->nodes;
	$asked->sql(sprintf("SELECT quorate.remove_node('%s', force => true)", $lost->name), limit_s => 120);
	$drill->{add}->('spare', 'az' . $drill->{number}{ $lost->name });
}

# Every node in turn: drained, restarted, resumed.
sub roll
{
	my ($drill) = @_;
	my $cluster = $drill->{cluster};
	foreach my $node ($cluster->nodes)
	{
		my $name = $node->name;
		my ($other) = $cluster->others($node);
		$drill->{say}->("  drain and restart $name");
		$other->sql("SELECT quorate.drain_node('$name')", limit_s => 120);
		$node->restart;
		wait_until(60, sub { $node->sql('SELECT state FROM quorate._node_status()') eq 'running' }) or die "$name does not run\n";
		$other->sql("SELECT quorate.resume_node('$name')");
		$drill->{whole}->(60);
	}
	return ($cluster->nodes)[0];
}

sub drill_faults
{
	return (
		{ name => 'kill_leader', title => 'kill -9 of a leader\'s instance', seconds => 6, play => sub { kill_node(leader(@_)) }, end => \&start_node },
		{ name => 'kill_follower', title => 'kill -9 of a follower\'s instance', seconds => 6, play => sub { kill_node(follower(@_)) }, end => \&start_node },
		{ name => 'pause', title => 'a leader\'s instance is stopped for 6 s', seconds => 6, play => sub { signal_instance('STOP', leader(@_)) },
			end => sub { signal_instance('CONT', $_[1]) } },
		{ name => 'cut_leader', title => 'a leader is cut off in both directions', seconds => 6, network => 1, play => \&isolate, end => \&heal_network },
		{ name => 'mute_leader', title => 'a leader hears, but nobody hears it', seconds => 6, network => 1, play => \&mute, end => \&heal_network },
		{ name => 'hung_disk', title => 'syncs of a leader\'s log hang', seconds => 6, play => sub { disk($_[0], hang => 1) }, end => \&clear_disk },
		{ name => 'full_disk', title => 'the disk of a leader\'s log is full', seconds => 6, play => sub { disk($_[0], full => 1) }, end => \&clear_disk },
		{ name => 'log_rot', title => 'entries in a node\'s log are damaged while it is down', seconds => 0, play => \&rot, end => \&start_node },
		{ name => 'lost_node', title => 'a node is lost for good, rebuilt elsewhere and replaced', seconds => 25, play => \&lose_node, end => \&replace_node },
		{ name => 'rolling_restart', title => 'every node is drained and restarted', seconds => 0, planned => 1, play => \&roll, end => sub { } });
}

1;
