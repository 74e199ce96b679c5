# QuorateWire: a client that speaks PostgreSQL's protocol itself, because psql cannot carry a stream (COPY BOTH).
#
#   my $wire = QuorateWire->connect($node, 'postgres');
#   like($wire->call('_consensus_stream', "'\\x00', 2, 1"), qr/C22023/);      # an error of the server
#   $wire->send_message('d', $frame);
#   is($wire->read_until('Z'), '');
#
# Needs trust authentication. Everything that reads is bounded by 20 s.
package QuorateWire;

use strict;
use warnings;
use Exporter 'import';
use IO::Socket::INET;

our @EXPORT_OK = qw(crc32c);

# Connects as another node's processes do, or, with replication => 'false', as a client. With an undefined user nothing is
# sent: the server waits for a start.
sub connect
{
	my ($class, $node, $user, %option) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $node->port, Timeout => 10)
	  or die "could not connect: $!\n";
	my $self = bless { socket => $socket, data => [] }, $class;
	return $self unless defined $user;
	my $body = pack('N', 196608) . join("\0", 'user', $user, 'database', 'postgres', 'replication', $option{replication} // 'database', '', '');
	$self->send_bytes(pack('N', length($body) + 4) . $body);
	$self->{start} = $self->read_until('ZE');
	return $self;
}

sub close { CORE::close($_[0]{socket}) }

# Sends raw bytes; false if the server has gone.
sub send_bytes
{
	my ($self, $bytes) = @_;
	local $SIG{PIPE} = 'IGNORE';
	return defined syswrite $self->{socket}, $bytes;
}

sub send_message
{
	my ($self, $type, $body) = @_;
	return $self->send_bytes($type . pack('N', length($body) + 4) . $body);
}

# CALL of a procedure that starts a stream; returns what read_until returns: "W..." if it started.
sub call
{
	my ($self, $procedure, $arguments) = @_;
	$self->send_message('Q', "CALL quorate.$procedure($arguments)\0");
	return $self->read_until('WZ');
}

sub read_exactly
{
	my ($self, $length) = @_;
	my $bytes = '';
	while (length($bytes) < $length)
	{
		sysread($self->{socket}, $bytes, $length - length($bytes), length($bytes)) or return undef;
	}
	return $bytes;
}

# Reads messages until one of the given types has come or the connection has ended. Returns a line for each error
# ("E" and its fields) and for the start of a stream ("W"); frames that came are kept for take_frame.
sub read_until
{
	my ($self, $types) = @_;
	my $seen = '';
	local $SIG{ALRM} = sub { die "no answer in 20 s\n" };
	alarm 20;
	while (1)
	{
		my $head = $self->read_exactly(5);
		last unless defined $head;
		my ($type, $length) = unpack('aN', $head);
		my $body = $self->read_exactly($length - 4) // '';
		$seen .= "$type " . ($body =~ s/\0/ /gr) . "\n" if $type =~ /[EW]/;
		push @{ $self->{data} }, $body if $type eq 'd';
		last if index($types, $type) >= 0;
	}
	alarm 0;
	return $seen;
}

# The oldest frame that came and was not taken.
sub take_frame { return shift @{ $_[0]{data} } }

# CRC-32C of bytes, as frames and the log have it; continued from another one if that is given.
sub crc32c
{
	my ($bytes, $before) = @_;
	my $crc = ($before // 0) ^ 0xFFFFFFFF;
	foreach my $byte (unpack 'C*', $bytes)
	{
		$crc ^= $byte;
		$crc = $crc & 1 ? ($crc >> 1) ^ 0x82F63B78 : $crc >> 1 foreach 1 .. 8;
	}
	return $crc ^ 0xFFFFFFFF;
}

1;
