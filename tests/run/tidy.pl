#!/usr/bin/perl
# Checks rules on the form of the source that no compiler checks. Prints TAP: one line a rule, and for each breach
# "file:line: what". The rules:
#
#   includes       PURE folders include only their own kind and a short list of libc headers; the plain C library's
#                  other folders never include a header of PostgreSQL
#   direction      nothing includes worker/ except worker/ and quorate.c
#   protobuf       only wire/ knows protobuf-c
#   file length    at most 1000 lines
#   function length  at most 70 lines
#   line length    nothing over 120 columns, a tab counting as 4 (`make indent` keeps code within 100; comments may go on)
#   words          words that the glossary replaces by others
#   marks          left-over marks of unfinished work
#   white space    no trailing blanks, a newline at the end of the file
#   expected       every sql/X.sql has its expected/X.out, and the reverse
#   settings       every setting that is defined appears in docs/sql-reference.md once that exists
#   error codes    every SQLSTATE that is raised has its row in the registry of errors
#   permissions    scripts that are run are executable
use strict;
use warnings;

my @pure = qw(core item capacity routing);
my @plain = (@pure, qw(wire log replication));
my %libc = map { $_ => 1 } qw(assert.h ctype.h errno.h float.h inttypes.h limits.h math.h stdalign.h stdarg.h
  stdbool.h stddef.h stdint.h stdlib.h string.h);

my @files = split /\n/, `git ls-files -co --exclude-standard`;
@files or @files = split /\n/, `find . -type f -not -path './build/*' -not -path './tmp_install/*' | sed 's,^\\./,,'`;
@files = grep { -f && !/\.pb-c\.[ch]$/ } @files;
my @c = grep { /\.[ch]$/ } @files;
my @text = grep { /\.(c|h|sql|pl|pm|sh|py|md|mk|proto)$/ || /(^|\/)Makefile$/ } @files;

my %content;

sub lines
{
	my ($file) = @_;
	$content{$file} //= do
	{
		open my $in, '<', $file or die "could not read $file: $!\n";
		[ <$in> ];
	};
	return @{ $content{$file} };
}

my $count = 0;
my $failed = 0;

sub rule
{
	my ($name, @breaches) = @_;
	$count++;
	$failed++ if @breaches;
	print @breaches ? "not ok $count - $name\n" : "ok $count - $name\n";
	print "# $_\n" foreach @breaches;
}

# The names that a file includes, as [line number, name, is in quotes].
sub includes
{
	my ($file) = @_;
	my ($number, @found) = (0);
	foreach my $line (lines($file))
	{
		$number++;
		push @found, [ $number, $2, $1 eq '"' ] if $line =~ /^\s*#\s*include\s*([<"])([^>"]+)[>"]/;
	}
	return @found;
}

# Breaches of a line-by-line rule: the callback returns a message or nothing.
sub each_line
{
	my ($files, $check) = @_;
	my @breaches;
	foreach my $file (@$files)
	{
		my $number = 0;
		foreach my $line (lines($file))
		{
			$number++;
			my $message = $check->($line, $file);
			push @breaches, "$file:$number: $message" if $message;
		}
	}
	return @breaches;
}

sub check_includes
{
	my @breaches;
	my $pure = join '|', @pure;
	my $plain = join '|', @plain;
	foreach my $file (grep { m{^extension/($plain)/} } @c)
	{
		my ($folder) = $file =~ m{^extension/(\w+)/};
		foreach my $include (includes($file))
		{
			my ($number, $name, $quoted) = @$include;
			my $allowed =
			    $folder =~ /^($pure)$/ ? ($quoted ? $name !~ m{/} || $name =~ m{^($folder|core)/} : $libc{$name})
			  : $quoted ? $name !~ m{/} || $name =~ m{^($plain)/}
			  : $name !~ m{postgres};
			$allowed &&= $name ne 'postgres.h';
			push @breaches, "$file:$number: $folder/ must not include $name" unless $allowed;
		}
	}
	return @breaches;
}

sub check_direction
{
	my @breaches;
	foreach my $file (grep { m{^extension/} && !m{^extension/(worker/|quorate\.c)} } @c)
	{
		push @breaches, map { "$file:$_->[0]: $_->[1] belongs to worker/" } grep { $_->[1] =~ m{^worker/} } includes($file);
	}
	return @breaches;
}

sub check_protobuf
{
	my @breaches;
	foreach my $file (grep { !m{^extension/wire/} } @c)
	{
		push @breaches, map { "$file:$_->[0]: only wire/ includes $_->[1]" }
		  grep { $_->[1] =~ /protobuf-c|\.pb-c\.h$/ } includes($file);
	}
	return @breaches;
}

# Functions are taken to start at a brace in the first column and to end at the next one.
sub check_function_length
{
	my @breaches;
	foreach my $file (@c)
	{
		my ($number, $start, $name) = (0, 0, '');
		foreach my $line (lines($file))
		{
			$number++;
			$name = $1 if $line =~ /^(\w+)\(/;
			$start = $number if $line =~ /^\{/ && $name;
			next unless $line =~ /^\}/;
			push @breaches, "$file:$start: $name has " . ($number - $start - 1) . ' lines'
			  if $start && $number - $start - 1 > 70;
			($start, $name) = (0, '');
		}
	}
	return @breaches;
}

sub check_line_length
{
	return each_line(
		\@c,
		sub {
			my $line = $_[0];
			chomp $line;
			# PostgreSQL's style keeps a message on one line, so that it can be found.
			$line =~ s/"(?:[^"\\]|\\.)*"/""/g;
			1 while $line =~ s/^([^\t]*)\t/$1 . ' ' x (4 - length($1) % 4)/e;
			$line =~ s/[\x80-\xbf]//g;
			return length($line) > 120 ? length($line) . ' columns' : undef;
		});
}

# The forbidden words are written in pieces here so that this file does not break its own rule.
sub check_words
{
	my @words = ('epo' . 'ch', 'sha' . 'rd', 'vo' . 'te', 'mas' . 'ter', 'sla' . 've');
	my $words = join '|', map { "${_}[sd]?" } @words;
	# The glossary and decisions may name what they replace, DynamoDB reserves what it likes; CLOCK_REALTIME's origin is libc's and PostgreSQL's name.
	my @subject = grep { !m{^(docs/(glossary|decisions)|CHANGELOG|tests/run/tidy|extension/item/reserved_words)} } @text;
	return each_line(
		\@subject,
		sub {
			my ($line) = @_;
			return undef if $line =~ /extract\s*\(\s*epo[c]h|POSTGRES_EPO[C]H|UNIX_EPO[C]H|refs\/heads/i;
			my $prefix = qr/(?<![A-Za-z])/;
			my $suffix = qr/(?![a-z])/;
			return $line =~ /$prefix($words)$suffix/i ? "forbidden word \"$1\"" : undef;
		});
}

sub check_marks
{
	my $marks = join '|', 'TO' . 'DO', 'FIX' . 'ME', 'X' . 'XX', 'HA' . 'CK';
	return each_line(\@text, sub { $_[0] =~ /\b($marks)\b/ ? "left-over mark $1" : undef });
}

sub check_white_space
{
	my @breaches = each_line(\@text, sub { $_[1] !~ /\.md$/ && $_[0] =~ /[ \t]+$/ ? 'trailing blanks' : undef });
	foreach my $file (@text)
	{
		my @lines = lines($file);
		push @breaches, "$file: no newline at the end" if @lines && $lines[-1] !~ /\n\z/;
	}
	return @breaches;
}

sub check_expected
{
	my %sql = map { m{^sql/(.*)\.sql$} ? ($1 => 1) : () } @files;
	my %out = map { m{^expected/(.*?)(?:_\d)?\.out$} ? ($1 => 1) : () } @files;
	return (
		(map { "sql/$_.sql has no expected/$_.out" } grep { !$out{$_} } sort keys %sql),
		(map { "expected/$_.out has no sql/$_.sql" } grep { !$sql{$_} } sort keys %out));
}

sub check_settings
{
	my ($reference) = grep { $_ eq 'docs/sql-reference.md' } @files;
	return () unless $reference;
	my $known = join '', lines($reference);
	my @breaches;
	foreach my $file (grep { m{^extension/.*\.c$} } @c)
	{
		my $text = join '', lines($file);
		while ($text =~ /DefineCustom\w+Variable\(\s*"([\w.]+)"/g)
		{
			push @breaches, "$file: setting $1 is not in $reference" if index($known, $1) < 0;
		}
	}
	return @breaches;
}

sub check_error_codes
{
	my ($registry) = grep { m{^extension/sqlapi/error_codes\.c$} } @files;
	my $known = join '', lines($registry);
	return each_line([ grep { m{^extension/.*\.c$} && $_ ne $registry } @c ],
		sub { $_[0] =~ /\b((?:QUORATE_)?ERRCODE_\w+)/ && $known !~ /\{$1\b/ ? "$1 is not in $registry" : undef });
}

sub check_permissions
{
	return map { "$_ is not executable" } grep { m{^(tests/.*\.sh|\.ci/run)$} && !m{_lib\.sh$} && !-x } @files;
}

rule('pure folders include nothing foreign', check_includes());
rule('nothing calls worker/', check_direction());
rule('only wire/ knows protobuf-c', check_protobuf());
rule('files have at most 1000 lines',
	map { "$_ has " . scalar(lines($_)) . ' lines' } grep { scalar(lines($_)) > 1000 } grep { /\.(c|h|pl|pm|sh|py)$/ } @files);
rule('functions have at most 70 lines', check_function_length());
rule('no line of C has more than 120 columns', check_line_length());
rule('no forbidden words', check_words());
rule('no left-over marks', check_marks());
rule('white space is clean', check_white_space());
rule('every regression script has its expected output', check_expected());
rule('every setting is in the reference', check_settings());
rule('every error is in the registry', check_error_codes());
rule('scripts are executable', check_permissions());
print "1..$count\n";
exit($failed ? 1 : 0);
