# QuorateNetwork: a network in which each node has a namespace of its own, with faults (tests/fault/node_network_main.c).
#
#   my $network = QuorateNetwork->new(3) or plan skip_all => QuorateNetwork->reason;
#   my $cluster = QuorateCluster->new(network => $network);      # nodes 1, 2 and 3: north, south and west
#   $network->cut(1, 2);                                         # in both directions
#   $network->cut_one_way(1, 2);                                 # what 1 sends to 2 is lost
#   $network->rule(1, 2, delay_ms => 200, drop => 20);
#   $network->heal;
#
# It needs no right but that to make user namespaces, and `ip` of iproute2. Clients reach the nodes by Unix sockets, so
# that faults of the network are between nodes only.
package QuorateNetwork;

use strict;
use warnings;
use File::Temp ();
use POSIX qw(mkfifo);
use QuorateProcess qw(spawn wait_until exit_status slurp);

my $tools = $ENV{QUORATE_TOOLS} // 'build/tools';
my $reason = '';

# Why new() returned nothing.
sub reason { return "no network of nodes: $reason" }

# A network for a number of nodes; nothing if this machine does not allow it.
sub new
{
	my ($class, $count) = @_;
	my $folder = File::Temp::tempdir('network-XXXXXX', TMPDIR => 1);
	my $self = bless { count => $count, commands => "$folder/commands", log => "$folder/network.log" }, $class;
	mkfifo($self->{commands}, 0600) or die "could not make $self->{commands}: $!\n";
	$self->{pid} = spawn([ "$tools/node_network", $count, $self->{commands} ], $self->{log});
	wait_until(20, sub { slurp($self->{log}) =~ /^(ready|unavailable).*\n/m || defined exit_status($self->{pid}) });
	my $said = slurp($self->{log});
	if ($said =~ /^ready (\d+) (.*)$/m)
	{
		@$self{qw(pid descriptors)} = ($1, [ split ' ', $2 ]);
		return $self;
	}
	$reason = $said =~ /^unavailable: (.*)$/m ? $1 : "it did not start: $said";
	return;
}

sub address
{
	my ($self, $node) = @_;
	return "10.77.0.$node";
}

# What a command line has to begin with to run as a node.
sub enter
{
	my ($self, $node) = @_;
	return ('nsenter', "--user=/proc/$self->{pid}/ns/user", "--net=/proc/$self->{pid}/fd/$self->{descriptors}[$node - 1]",
		'--preserve-credentials', '--');
}

sub command
{
	my ($self, @lines) = @_;
	open my $out, '>', $self->{commands} or die "could not open $self->{commands}: $!\n";
	print $out map { "$_\n" } @lines;
	close $out or die "could not write $self->{commands}: $!\n";
}

# Replaces the rule of one direction; drop and double in percent, delay_ms, jitter_ms, rate in bytes a second.
sub rule
{
	my ($self, $from, $to, %option) = @_;
	$self->command(join ' ', $from, $to, map { "$_=$option{$_}" } sort keys %option);
}

sub cut_one_way
{
	my ($self, $from, $to) = @_;
	$self->rule($from, $to, drop => 100);
}

sub cut
{
	my ($self, $one, $other) = @_;
	$self->command("$one $other drop=100", "$other $one drop=100");
}

sub others
{
	my ($self, $node) = @_;
	return grep { $_ != $node } 1 .. $self->{count};
}

# Cuts a node off from all others.
sub isolate
{
	my ($self, $node) = @_;
	$self->cut($node, $_) foreach $self->others($node);
}

# The same rule for every direction; none heals all.
sub rule_for_all
{
	my ($self, %option) = @_;
	foreach my $from (1 .. $self->{count})
	{
		$self->rule($from, $_, %option) foreach $self->others($from);
	}
}

sub heal { $_[0]->rule_for_all }

1;
