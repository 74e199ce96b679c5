#!/usr/bin/perl
# A member that was away, becomes a log replica when it is back and a storage replica again, has rows of the past: they are not read
# before they hold what was committed meanwhile. A session that has read the newest value there never sees an older one.
use strict;
use warnings;
use QuorateCluster;
use QuorateProcess qw(wait_until);
use Test::More;
use Time::HiRes qw(time);

my $backlog = 20_000;    # entries to apply: enough to see rows that are read too early
my $sessions = 8;
my %settings = ('quorate.heal_after' => '2s', 'quorate.rebuild_after' => '1h');
my $cluster = QuorateCluster->new(settings => \%settings);
my ($north, $south, $west) = $cluster->nodes;
$cluster->create_table('songs', partitions => 1);
$north->sql('SELECT quorate.set_autoadmin(balancing => false)');
$north->sql("SELECT quorate.transfer_leader('songs', 0, 'north')");
$cluster->add_node('east', 'az4', settings => \%settings);

sub put { return sprintf "SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"%s\"}, \"n\": {\"N\": \"%d\"}}');\n", @_ }
sub members_are
{
	my ($wanted, $name) = @_;
	my @last;
	ok(wait_until(60, sub { @last = $cluster->members('songs', 1); return $last[0] eq $wanted }), $name) or diag @last;
}

# West is away, and much is written.
$north->sql(put('watched', 1));
ok($west->poll_until("SELECT quorate.get_item('songs', '{\"pk\": {\"S\": \"watched\"}}') IS NOT NULL"), 'west has the first value');
my @west_pids = $west->signal_process('STOP', 'replicator');
members_are('east log, north storage, south storage, west learner', 'a log replica stands in for west');
my @writers = map {
	my $writer = $_;
	$north->start_sql(join '', map { put("filler-$writer-$_", $_) } 1 .. $backlog / $sessions);
} 1 .. $sessions;
is(($north->finish_sql($_, 300))[0], '', 'written meanwhile') foreach @writers;
$north->sql(put('watched', 2));

# South goes away before west is back, so that west is a log replica first and then what it was.
my @south_pids = $south->signal_process('STOP', 'replicator');
sleep 3;
my $session = $west->start_sql(q{
CREATE TEMP TABLE seen (id bigserial, n text);
DO $$
DECLARE
	until timestamptz := clock_timestamp() + '12 s';
BEGIN
	WHILE clock_timestamp() < until LOOP
		INSERT INTO seen (n) SELECT quorate.get_item('songs', '{"pk": {"S": "watched"}}')::jsonb -> 'n' ->> 'N';
		PERFORM pg_sleep(0.002);
	END LOOP;
END $$;
SELECT 'seen ' || string_agg(n, ' ' ORDER BY id) FROM (SELECT id, n, lag(n) OVER (ORDER BY id) AS before FROM seen) x WHERE n IS DISTINCT FROM before;
});
kill 'CONT', @west_pids;
members_are('east log, north storage, south learner, west storage', 'west is a storage replica again, and south makes room');
kill 'CONT', @south_pids;
members_are('north storage, south storage, west storage', 'all is as it was');
is(($west->finish_sql($session, 60))[0], '', 'west was read all the time');
like($west->session_output($session), qr/^seen (?:1 )?2$/m, 'and never went back to the older value');
like($west->log_text, qr/the rows of replication group \d+ are complete at LSN/, 'its rows were brought up first');
$cluster->copies_equal('songs', 3);
$cluster->finish(qr/has not confirmed|walsender/);
done_testing();
