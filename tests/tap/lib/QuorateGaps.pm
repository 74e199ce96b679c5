# QuorateGaps: when the writes of a probe were acknowledged, and how long nothing was, in any span of time.
#
#   my $probe = $cluster->start_probe('songs', \%keys, history => 1);
#   my $from = now_us(); ...; my $to = now_us();
#   $cluster->finish_probe($probe);
#   my %acks = acknowledgements($probe);             # number of partition => [ times in us, ascending ]
#   my $gap_ms = gap_ms($acks{0}, $from, $to);
#
# Times are those of CLOCK_MONOTONIC, which the client uses.
package QuorateGaps;

use strict;
use warnings;
use Exporter 'import';
use QuorateProcess qw(slurp);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

our @EXPORT_OK = qw(now_us acknowledgements gap_ms median count_between);

sub now_us { return int(clock_gettime(CLOCK_MONOTONIC) * 1e6) }

# The acknowledged writes of a probe, by partition. It may still be running.
sub acknowledgements
{
	my ($probe) = @_;
	my %partition = reverse %{ $probe->{keys} };
	my %acks = map { $_ => [] } keys %{ $probe->{keys} };
	my $text = slurp($probe->{history});
	push @{ $acks{ $partition{$1} } }, $2 while $text =~ /^\d+ put ([^\s@]+)\S* \S+ \d+ (\d+) ok$/mg;
	@$_ = sort { $a <=> $b } @$_ foreach values %acks;
	return %acks;
}

# The longest silence, in ms, of which a part lies in the span; a silence at its end counts up to there.
sub gap_ms
{
	my ($acks, $from_us, $to_us) = @_;
	my ($last, $longest) = ($from_us, 0);
	foreach my $at (@$acks)
	{
		if ($at >= $from_us)
		{
			$longest = $at - $last if $at - $last > $longest;
			return $longest / 1000 if $at >= $to_us;
		}
		$last = $at;
	}
	$longest = $to_us - $last if $to_us - $last > $longest;
	return $longest / 1000;
}

sub count_between
{
	my ($acks, $from_us, $to_us) = @_;
	return scalar grep { $_ >= $from_us && $_ < $to_us } @$acks;
}

sub median { my @sorted = sort { $a <=> $b } @_; return @sorted % 2 ? $sorted[ $#sorted / 2 ] : ($sorted[ @sorted / 2 - 1 ] + $sorted[ @sorted / 2 ]) / 2 }

1;
