#!/usr/bin/perl
# Turns Debian package records, as `apt-cache dumpavail` prints them, into items: DynamoDB JSON, one item a line.
#
#   apt-cache dumpavail | packages_to_items.pl > items
#
# Partition key: Source, which names the source package (without the version that may follow in parentheses), or the
# package's own name where the record has no Source. Sort key: Package. Size and Installed-Size are numbers, the
# dependency fields lists of strings, every other field a string. Reads and writes record by record.
use strict;
use warnings;
use Encode ();

my %is_number = map { $_ => 1 } qw(Size Installed-Size);
my %is_list = map { $_ => 1 } qw(Depends Pre-Depends Recommends Suggests Enhances Breaks Conflicts Replaces Provides
  Built-Using Static-Built-Using);

# A JSON string of a text in UTF-8; bytes that are not UTF-8 become U+FFFD.
my %short = ("\n" => '\n', "\t" => '\t', "\r" => '\r', '"' => '\"', '\\' => '\\\\');

sub json_string
{
	my ($text) = @_;
	$text = Encode::encode('UTF-8', Encode::decode('UTF-8', $text)) if $text =~ /[\x80-\xff]/;
	$text =~ s/([\x00-\x1f"\\])/$short{$1} \/\/ sprintf('\\u%04x', ord $1)/ge;
	return "\"$text\"";
}

# The attribute value of a field.
sub attribute_value
{
	my ($name, $text) = @_;
	return "{\"N\":\"$text\"}" if $is_number{$name} && $text =~ /^\d{1,38}$/;
	return '{"L":[' . join(',', map { '{"S":' . json_string($_) . '}' } split /\s*,\s*/, $text) . ']}' if $is_list{$name};
	return '{"S":' . json_string($text) . '}';
}

# The item of a record, a reference to [ name, value ] pairs; nothing if it is no package.
sub item
{
	my ($record) = @_;
	my %value = map { @$_ } @$record;
	return unless defined $value{Package} && length $value{Package};
	my ($source, $version) = ($value{Source} // $value{Package}) =~ /^(\S+)(?:\s+\((.*)\))?/;
	my @attributes = ('"Source":{"S":' . json_string($source) . '}');
	push @attributes, '"Source-Version":{"S":' . json_string($version) . '}' if defined $version;
	foreach my $field (@$record)
	{
		my ($name, $text) = @$field;
		push @attributes, json_string($name) . ':' . attribute_value($name, $text) unless $name eq 'Source';
	}
	return '{' . join(',', @attributes) . '}';
}

my @record;
my $seen = {};

sub flush_record
{
	my $line = item(\@record);
	print "$line\n" if defined $line;
	@record = ();
	$seen = {};
}

while (my $line = <STDIN>)
{
	chomp $line;
	if ($line eq '')
	{
		flush_record() if @record;
	}
	elsif ($line =~ /^\s(.*)/)
	{
		$record[-1][1] .= "\n$1" if @record;
	}
	elsif ($line =~ /^([^:\s]+):\s*(.*)/)
	{
		# A field that comes twice would be two attributes of one name; the first one holds.
		push @record, [ $1, $2 ] unless $seen->{$1}++;
	}
}
flush_record() if @record;
