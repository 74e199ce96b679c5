#!/usr/bin/perl
# Requests that many backends of one node forward to a leader at the same moment: each gets its own reply, even if their
# clock says the same microsecond.  The forwarder is held until all have asked, so that their replies arrive together.
use strict;
use warnings;
use QuorateCluster;
use Test::More;
use Time::HiRes qw(clock_gettime);

my $clock_boottime = 7;
my @numbers = 1 .. 6;
my $cluster = QuorateCluster->new(faults => 1);
my ($north, $south, $west) = $cluster->nodes;
$cluster->create_table('songs', partitions => 1);
$cluster->move_leaders('songs', 1, $north);
$north->sql("SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"song-$_\"}, \"n\": {\"N\": \"$_\"}}')") foreach @numbers;
is($west->sql(q(SELECT quorate.get_item('songs', '{"pk": {"S": "song-1"}}', consistent_read => true)::jsonb #>> '{n,N}')),
	'1', 'a request of this node is forwarded');

# The puts are asked for first, and answered last.
my @held = $west->signal_process('STOP', 'quorate forwarder');
$west->fault->set(boottime_at_us => int(clock_gettime($clock_boottime) * 1e6));
my @puts = map { $west->start_sql("SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"new song-$_\"}}') IS NULL") } @numbers;
$west->backend_of($_, 'put_item') foreach @puts;
my @gets = map {
	$west->start_sql("SELECT quorate.get_item('songs', '{\"pk\": {\"S\": \"song-$_\"}}', consistent_read => true)::jsonb #>> '{n,N}'")
} @numbers;
$west->backend_of($_, 'get_item') foreach @gets;
cmp_ok($west->fault->played('clocks_changed'), '>', 0, 'the clock stood still meanwhile');
kill 'CONT', @held;
$west->fault->clear;

foreach my $number (@numbers)
{
	my ($put, $get) = ($puts[ $number - 1 ], $gets[ $number - 1 ]);
	is(($west->finish_sql($get))[0], '', "get $number is answered");
	is($west->session_output($get), "$number\n", 'with the item that it asked for');
	is(($west->finish_sql($put))[0], '', "put $number is answered");
	is($west->session_output($put), "t\n", 'with no item');
}
$cluster->finish;
done_testing();
