#!/usr/bin/perl
# A member that is heard but takes nothing, because the disk of its log is full, makes room for a log replica like a silent one, and
# counts again some time after it keeps up. Load alone replaces nobody.
use strict;
use warnings;
use QuorateCluster;
use QuorateProcess qw(wait_until);
use Test::More;
use Time::HiRes qw(sleep time);

my %settings = ('quorate.heal_after' => '1s', 'quorate.log_segment_size' => '1MB');
my $cluster = QuorateCluster->new(faults => 1, settings => \%settings);
my ($north, $south, $west) = $cluster->nodes;
$cluster->create_table('songs', partitions => 1);
$north->sql('SELECT quorate.set_autoadmin(balancing => false)');
$north->sql("SELECT quorate.transfer_leader('songs', 0, 'north')");
$cluster->add_node('east', 'az4', settings => \%settings);

# The members of the partition as its leader has them, "name kind" in order of name.
sub members
{
	foreach my $node ($cluster->nodes)
	{
		my $list = $node->sql("SELECT (SELECT string_agg(n.name || ' ' || m.kind, ', ' ORDER BY n.name)
			FROM ROWS FROM (unnest(g.member_nodes), unnest(g.member_kinds)) AS m(id, kind) JOIN quorate._nodes() n ON n.node_id = m.id)
			FROM quorate._group_status() g WHERE g.group_id <> 1 AND g.ballot IS NOT NULL");
		return $list if $list ne '';
	}
	return 'nobody leads';
}

my $three = 'north storage, south storage, west storage';
my $load = $cluster->start_history('songs', seconds => 0, nodes => [ $north, $south ], extra => [ '--timeout-ms', 3000 ]);
$cluster->wait_for_writes($load, 1000);

# As much load as there can be, for longer than a member may be stuck, with a follower that is slow.
$west->fault->set(slow_ms => 50);
my ($began, %seen) = (time);
while (time - $began < 13) { $seen{ members() }++; sleep 0.5 }
is(join('; ', sort keys %seen), $three, 'a slow follower under load is not replaced');
$west->fault->clear;

# Nothing is applied there, so no old segment of its log can be used again.
$west->signal_process('STOP', 'applier');
$west->fault->set(full => 1);
my $failed = $west->fault->played('writes_failed');
my $filler = 'x' x 20_000;
my $end = time + 60;
while ($west->fault->played('writes_failed') == $failed && time < $end)
{
	$north->sql_error("SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"filler$_\"}, \"f\": {\"S\": \"$filler\"}}');\n" x 50) foreach 1 .. 5;
}
cmp_ok($west->fault->played('writes_failed'), '>', $failed, 'the disk of the log of west is full');
$began = time;
ok(wait_until(60, sub { return members() eq 'east log, north storage, south storage, west learner' }),
	sprintf 'a log replica counts in its place (after %.1f s)', time - $began) or diag members();
is($north->sql("SELECT state FROM quorate.nodes WHERE name = 'west'"), 'alive', 'though it is heard');
$cluster->wait_for_writes($load, 500);

$west->fault->clear;
$west->signal_process('CONT', 'applier');
$began = time;
ok(wait_until(90, sub { return members() eq $three }), 'it counts again when it keeps up') or diag members();
$cluster->wait_for_writes($load, 500);
$cluster->finish_history($load);
$cluster->copies_equal('songs', 3);
$cluster->finish(qr/No space left on device/);
done_testing;
