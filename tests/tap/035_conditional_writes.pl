#!/usr/bin/perl
# One counter, raised by compare-and-set from clients of all three nodes, with a kill -9 of the leader's instance in
# between: no acknowledged increment is lost, and nothing else is added than those of unknown outcome.
use strict;
use warnings;
use QuorateCluster;
use QuorateProcess qw(wait_until exit_status slurp);
use Test::More;

# Each outcome is a notice, sent at once: what a client of the killed instance was told is known too.
my $increments = <<'SQL';
SET quorate.transaction_block = apply;
DO $$
DECLARE
	ends timestamptz := clock_timestamp() + interval '12 s';
	n bigint;
BEGIN
	WHILE clock_timestamp() < ends LOOP
		BEGIN
			n := (quorate.get_item('counters', '{"pk": {"S": "c"}}', true) OPERATOR(quorate.->>) 'n')::bigint;
			PERFORM quorate.put_item('counters', format('{"pk": {"S": "c"}, "n": {"N": "%s"}}', n + 1)::quorate.item,
				'n = :n', NULL, format('{":n": {"N": "%s"}}', n)::quorate.item);
			RAISE NOTICE 'outcome: applied';
		EXCEPTION WHEN OTHERS THEN
			IF SQLSTATE NOT IN ('QR101', 'QR001', '08007') THEN
				RAISE;
			END IF;
			RAISE NOTICE 'outcome: %', SQLSTATE;
		END;
	END LOOP;
END $$;
SQL

my $cluster = QuorateCluster->new;
$cluster->create_table('counters', partitions => 1);
my ($first) = $cluster->nodes;
$first->sql("SELECT quorate.put_item('counters', '{\"pk\": {\"S\": \"c\"}, \"n\": {\"N\": \"0\"}}')");
my @sessions = map { ($_->start_sql($increments), $_->start_sql($increments)) } $cluster->nodes;

# How often the clients were told an outcome.
sub outcomes
{
	my ($outcome) = @_;
	my $count = 0;
	$count += () = slurp("$_->{files}.err") =~ /NOTICE: .*outcome: $outcome/g foreach @sessions;
	return $count;
}

my $leader = $cluster->leader_of('counters', 0);
ok(wait_until(10, sub { outcomes('applied') >= 100 }), 'the counter grows');
$leader->kill9;
my $before = outcomes('applied');
my ($other) = $cluster->others($leader);
ok(wait_until(30, sub { !grep { !defined exit_status($_->{client}) } @sessions }), 'all clients have ended');
cmp_ok(outcomes('applied'), '>', $before, 'it grew after the kill, too');
cmp_ok(outcomes('QR101'), '>', 0, 'the clients got in each other\'s way');
my $counter = $other->sql("SELECT quorate.get_item('counters', '{\"pk\": {\"S\": \"c\"}}', true) OPERATOR(quorate.->>) 'n'");

# A client of the killed instance may have had one more under way.
my $acknowledged = outcomes('applied');
my $unknown = outcomes('08007') + 2;
cmp_ok($counter, '>=', $acknowledged, 'no acknowledged increment is lost');
cmp_ok($counter, '<=', $acknowledged + $unknown, 'and only those of unknown outcome are added');
note("counter $counter, acknowledged $acknowledged, unknown at most $unknown, refused " . outcomes('QR101'));

$leader->start;
$cluster->replicas_equal('counters');
$cluster->finish;
done_testing();
