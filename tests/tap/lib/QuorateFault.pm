# QuorateFault: faults of the disk and of the clocks of one running node, played by the preloaded shim of tests/fault.
#
#   $node->fault->set(hang => 1);           # syncs of the log hang, at once
#   $node->fault->clear;
#   $node->fault->set(write_error => EIO, folder => $node->data);
#   cmp_ok($node->fault->played('writes_failed'), '>', 0, 'it happened');
#
# tests/fault/fault.h says what each field does. The faults outlive a restart of the server until they are cleared.
package QuorateFault;

use strict;
use warnings;

# The fields of struct FaultControl, in its order.
my @settings = qw(hang slow_ms sync_error write_error short_write full read_error read_block);
my @clocks = qw(realtime_us monotonic_us boottime_us boottime_at_us);
my @counters = qw(syncs_held syncs_failed writes_failed clocks_changed reads_failed);
my $folder_bytes = 1024;

# The format of all settings and of so many clocks and counters, as pack takes it.
sub numbers { return 'l' . @settings . ' q' . @_ }

# The control file's path, and the folder that faults of the disk concern until set() names another.
sub new
{
	my ($class, $path, $folder) = @_;
	my $self = bless { path => $path, folder => $folder }, $class;
	open my $file, '>', $path or die "could not write $path: $!\n";
	binmode $file;
	print $file pack(numbers(@clocks, @counters) . "Z$folder_bytes", (0) x (@settings + @clocks + @counters), $folder);
	close $file or die "could not write $path: $!\n";
	return $self;
}

sub environment { return (QUORATE_FAULT_CONTROL => $_[0]{path}) }

sub write_at
{
	my ($self, $position, $bytes) = @_;
	open my $file, '+<', $self->{path} or die "could not open $self->{path}: $!\n";
	binmode $file;
	seek $file, $position, 0;
	print $file $bytes;
	close $file or die "could not write $self->{path}: $!\n";
}

# Sets all faults anew: those that are not named are none. Option folder: where faults of the disk happen from now on.
sub set
{
	my ($self, %value) = @_;
	my $folder = delete $value{folder};
	my @numbers = map { delete $value{$_} // 0 } @settings, @clocks;
	die 'there is no fault ' . join(', ', keys %value) . "\n" if %value;
	$self->write_at(4 * @settings + 8 * (@clocks + @counters), pack("Z$folder_bytes", $folder)) if defined $folder;
	$self->write_at(0, pack(numbers(@clocks), @numbers));
}

sub clear { $_[0]->set }

# How often a kind of fault was played so far.
sub played
{
	my ($self, $counter) = @_;
	my ($place) = grep { $counters[$_] eq $counter } 0 .. $#counters;
	open my $file, '<', $self->{path} or die "could not open $self->{path}: $!\n";
	binmode $file;
	seek $file, 4 * @settings + 8 * (@clocks + $place), 0;
	read $file, my $bytes, 8;
	return unpack 'q', $bytes;
}

1;
