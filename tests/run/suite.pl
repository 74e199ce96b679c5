#!/usr/bin/perl
# Runs the test programs of one suite, which print TAP, and leaves the suite's counts for the closing line of
# `make check`.
#
#   suite.pl SUITE [--exec COMMAND] [PROGRAM ...]
#
# With --exec each PROGRAM is an argument of COMMAND; without it PROGRAM is run itself, or by perl if its name ends in
# .pl or .t. build/results/SUITE then holds "PASSED FAILED". A program that dies, prints no plan, or prints fewer
# results than planned counts as a failure even if every line it printed was "ok". Exits 1 if anything failed.
use strict;
use warnings;
use FindBin;
use TAP::Harness;

my $suite = shift // die "usage: suite.pl SUITE [--exec COMMAND] [PROGRAM ...]\n";
my @exec;
if (@ARGV && $ARGV[0] eq '--exec')
{
	shift;
	@exec = split ' ', shift;
}
my @programs = @ARGV;

# Each program may take this long; a hanging test must not hang the suite.
my $limit_s = $ENV{QUORATE_TEST_LIMIT_S} // 600;

sub command_line
{
	my ($program) = @_;
	my @timeout = ('timeout', '-k', '10', $limit_s);
	return [ @timeout, @exec, $program ] if @exec;
	return [ @timeout, 'perl', "-I$FindBin::Bin/../tap/lib", $program ] if $program =~ /\.(pl|t)$/;
	return [ @timeout, $program =~ m{/} ? $program : "./$program" ];
}

sub write_counts
{
	my ($passed, $failed) = @_;
	my $folder = $ENV{QUORATE_RESULTS} // 'build/results';
	system('mkdir', '-p', $folder) == 0 or die "could not create $folder\n";
	open my $out, '>', "$folder/$suite" or die "could not write $folder/$suite: $!\n";
	print $out "$passed $failed\n";
	close $out or die "could not write $folder/$suite: $!\n";
}

if (!@programs)
{
	print "$suite: there are no tests of this kind yet\n";
	write_counts(0, 0);
	exit 0;
}

print "---- $suite\n";
my $harness = TAP::Harness->new(
	{
		exec => sub { command_line($_[1]) },
		verbosity => $ENV{QUORATE_TEST_VERBOSE} ? 1 : 0,
		failures => 1,
		comments => 1,
		timer => 1,
	});
my $result = $harness->runtests(@programs);

# A failed program without a failed line (it died, or its plan was not kept) is one failure.
my $failed = $result->failed;
for my $parser ($result->parsers(@programs))
{
	$failed++ if $parser->has_problems && !$parser->failed;
}
write_counts(scalar $result->passed, $failed);
exit($failed || !$result->all_passed ? 1 : 0);
