#!/usr/bin/perl
# A node that has closed the groups of a dropped table is started again while two others, which have missed the drop, still lead
# them and invite it: it closes them again.
use strict;
use warnings;
use QuorateCluster;
use QuorateProcess qw(wait_until);
use Test::More;
use Time::HiRes qw(sleep);

my $cluster = QuorateCluster->new(settings => { 'quorate.request_timeout' => '60s' });
my ($north, $south, $west) = $cluster->nodes;
$cluster->create_table('songs', partitions => 3);
my $groups = $north->sql('SELECT string_agg(group_id::text, \',\') FROM quorate.partitions');
my $open = "SELECT count(*) FROM quorate._group_status() WHERE group_id IN ($groups)";
is($north->sql($open), 3, 'the groups are open');

# north leads the metadata and writes the drop; what south and west get of it they do not apply.
my $metadata = 'SELECT ballot IS NOT NULL FROM quorate._group_status() WHERE group_id = 1';
foreach (1 .. 10)
{
	last if $north->sql($metadata) eq 't';
	my ($leader) = grep { $_->sql($metadata) eq 't' } $south, $west;
	$leader->restart if $leader;
	sleep 2;
}
is($north->sql($metadata), 't', 'north leads the metadata');
$_->signal_process('STOP', 'applier') foreach $south, $west;
$north->sql("SELECT quorate.drop_table('songs')", limit_s => 60);
ok($north->poll_until($open, 0), 'north has closed them');
is($_->sql($open), 3, $_->name . ' has not') foreach $south, $west;
$north->restart;
ok($north->poll_until('SELECT state FROM quorate._node_status()', 'running'), 'north runs again');
my $led = "SELECT count(*) FROM quorate._group_status() WHERE group_id IN ($groups) AND ballot IS NOT NULL";
ok(wait_until(30, sub { $south->sql($led) + $west->sql($led) == 3 }), 'the others lead them');
sleep 3;
ok($north->poll_until($open, 0, 20), 'north has closed them again');
sleep 2;
is($north->sql($open), 0, 'and they stay closed');
$_->signal_process('CONT', 'applier') foreach $south, $west;
ok($_->poll_until($open, 0), $_->name . ' closes them when it learns of the drop') foreach $south, $west;
$cluster->finish;
done_testing;
