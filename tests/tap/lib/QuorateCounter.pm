# QuorateCounter: an item with a number that clients raise by compare-and-set, and the check that no increment was lost or
# done twice.
#
#   my $counter = QuorateCounter->new($node, 'songs', 'counter');    # the table, the partition key (pk) of the item
#   $counter->count_through(@nodes);      # a client each, in the background; again: only where none runs any more
#   $counter->outcomes('applied');        # how often the clients were told so; or an SQLSTATE
#   $counter->finish($node, 'after a kill');    # ends the clients, and tests
package QuorateCounter;

use strict;
use warnings;
use QuorateProcess qw(exit_status slurp wait_until);
use Test::More ();

sub new
{
	my ($class, $node, $table, $key) = @_;
	my $self = bless { table => $table, key => "{\"pk\": {\"S\": \"$key\"}}", sessions => [] }, $class;
	$node->sql("SELECT quorate.put_item('$table', '{\"pk\": {\"S\": \"$key\"}, \"n\": {\"N\": \"0\"}}')");
	$self->{increments} = <<"SQL";
SET quorate.transaction_block = apply;
DO \$\$
DECLARE
	key quorate.item = '$self->{key}';
	n bigint;
BEGIN
	LOOP
		BEGIN
			n := (quorate.get_item('$table', key, true) OPERATOR(quorate.->>) 'n')::bigint;
			PERFORM quorate.put_item('$table', format('{"pk": {"S": "$key"}, "n": {"N": "%s"}}', n + 1)::quorate.item,
				'n = :n', NULL, format('{":n": {"N": "%s"}}', n)::quorate.item);
			RAISE NOTICE 'outcome: applied';    -- sent at once: what a client of a killed instance was told is known too
		EXCEPTION WHEN OTHERS THEN
			IF SQLSTATE NOT IN ('QR101', 'QR001', '08007', '57P03') THEN
				RAISE;
			END IF;
			RAISE NOTICE 'outcome: %', SQLSTATE;
		END;
	END LOOP;
END \$\$;
SQL
	return $self;
}

sub running { return grep { !defined exit_status($_->{client}) } @{ $_[0]{sessions} } }

sub count_through
{
	my ($self, @nodes) = @_;
	foreach my $node (@nodes)
	{
		next if grep { $_->{node} == $node } $self->running;
		push @{ $self->{sessions} }, { %{ $node->start_sql($self->{increments}) }, node => $node };
	}
}

sub outcomes
{
	my ($self, $outcome) = @_;
	my $count = 0;
	$count += () = slurp("$_->{files}.err") =~ /NOTICE: .*outcome: $outcome/g foreach @{ $self->{sessions} };
	return $count;
}

# Each client may have had one more increment under way when it was ended.
sub finish
{
	my ($self, $node, $name) = @_;
	my @clients = map { $_->{client} } $self->running;
	kill 'TERM', @clients;
	wait_until(20, sub { !$self->running }) or die "the clients of the counter do not end\n";
	$_->poll_until("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%outcome: applied%' AND pid <> pg_backend_pid()", 0, 20)
	  or die 'a client of the counter goes on on ' . $_->name . "\n"
	  foreach grep { $_->running } map { $_->{node} } @{ $self->{sessions} };
	my $counter = $node->sql("SELECT quorate.get_item('$self->{table}', '$self->{key}', true) OPERATOR(quorate.->>) 'n'");
	my $acknowledged = $self->outcomes('applied');
	my $unknown = $self->outcomes('08007') + @{ $self->{sessions} };
	Test::More::cmp_ok($counter, '>=', $acknowledged, "$name: no acknowledged increment is lost");
	Test::More::cmp_ok($counter, '<=', $acknowledged + $unknown, 'and none is there twice');
	Test::More::note("counter $counter, acknowledged $acknowledged, unknown at most $unknown, refused " . $self->outcomes('QR101'));
}

1;
