#!/usr/bin/perl
# A statement that ends while it waits for a quorum (cancelled, timed out, its client or its backend gone) never claims
# that its write failed, and nothing is readable before it is committed; every process of a node that is terminated
# under load comes back.
use strict;
use warnings;
use QuorateCluster;
use QuorateProcess qw(kill_family wait_until);
use Test::More;
use Time::HiRes qw(time);

my $cluster = QuorateCluster->new;
$cluster->create_table('songs', partitions => 1);
my ($north, $south, $west) = $cluster->nodes;

sub put
{
	my ($key, $value) = @_;
	return "SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"$key\"}, \"v\": {\"N\": \"$value\"}}')";
}

sub get
{
	my ($key, $consistent) = @_;
	return "SELECT quorate.get_item('songs', '{\"pk\": {\"S\": \"$key\"}}', $consistent)::jsonb #>> '{v,N}'";
}

# Makes north the leader and stops the replicators of the two others: no quorum, but every node answers SQL.
sub stop_quorum
{
	$cluster->move_leaders('songs', 1, $north);
	return map { $_->signal_process('STOP', 'replicator') } $south, $west;
}

# Tests that no replica shows a key.
sub not_readable
{
	my ($key, $name) = @_;
	is(join(',', map { $_->sql(get($key, 'false')) } $cluster->nodes), ',,', "$name: no replica shows it");
}

# Tests that, with a quorum, all nodes agree about a key, and that it takes new writes.
sub fate_is_one
{
	my ($key, $name) = @_;
	my @seen = map { $_->sql(get($key, 'true')) } $cluster->nodes;
	ok($seen[0] =~ /^1?$/ && $seen[0] eq $seen[1] && $seen[0] eq $seen[2], "$name: all nodes agree about its fate")
	  or diag("seen: @seen");
	is(($south->sql_error(put($key, 2)))[0], '', "$name: the key takes new writes");
	is($west->sql(get($key, 'true')), 2, "$name: and shows them");
}

# ---------------------------------------------------------------- statements that end while they wait

# name => [ node, what the statement starts with, how it is ended: a function of the session and its backend's pid ]
my %endings = (
	cancelled => [ $north, '', sub { $north->sql("SELECT pg_cancel_backend($_[1])") } ],
	'cancelled elsewhere' => [ $south, '', sub { $south->sql("SELECT pg_cancel_backend($_[1])") } ],
	'timed out' => [ $north, "SET statement_timeout = '500ms';", sub { } ],
	'timed out elsewhere' => [ $south, "SET statement_timeout = '500ms';", sub { } ],
	'asynchronous' => [ $north, 'SET synchronous_commit = off;', sub { } ]);

my @stopped = stop_quorum();
my %session;
foreach my $name (sort keys %endings)
{
	my ($node, $first) = @{ $endings{$name} };
	$session{$name} = $node->start_sql("SET quorate.request_timeout = '4s'; $first" . put($name, 1));
}
foreach my $name (sort keys %endings)
{
	my ($node, undef, $end) = @{ $endings{$name} };
	my $pid = $node->backend_of($session{$name}, 'put_item');
	$end->($session{$name}, $pid) if $pid;
}
foreach my $name (sort keys %endings)
{
	my ($state, $message) = $endings{$name}[0]->finish_sql($session{$name});
	is($state, '08007', "$name: the outcome is unknown");
	is($message, 'outcome of the write is not known', "$name: and nothing else is claimed");
	not_readable($name, $name);
}

# ---------------------------------------------------------------- no quorum at all: bounded waits

# A request that at its end is on its way to another node, which might still take it, is unknown as well.
my @refused;
foreach my $node ($north, $south)
{
	my $name = $node->name;
	my $started = time;
	my %write = (
		"late at $name" => [ "SET quorate.request_timeout = '1s'; ", 'QR001' ],
		"later at $name" => [ "SET statement_timeout = '300ms'; ", '57014' ]);
	foreach my $key (sort keys %write)
	{
		my ($settings, $not_applied) = @{ $write{$key} };
		my ($state) = $node->sql_error($settings . put($key, 1));
		like($state, qr/^($not_applied|08007)$/, "$key: no leader took the write, or the outcome is unknown");
		push @refused, $key if $state eq $not_applied;
	}
	is(($node->sql_error("SET quorate.request_timeout = '1s'; " . get('cancelled', 'true')))[0], 'QR001',
		"$name: a consistent read is refused");
	cmp_ok(time - $started, '<', 10, "$name: all within their time");
}

kill 'CONT', @stopped;
fate_is_one($_, $_) foreach sort keys %endings;
is(join(',', map { $west->sql(get($_, 'true')) } @refused), ',' x (@refused - 1), 'what was refused is not applied: ' . join ', ', @refused)
  if @refused;

# ---------------------------------------------------------------- clients and backends that go away

my %losses = (
	'client lost' => sub { kill_family($_[0]{client}) },
	'client lost elsewhere' => sub { kill_family($_[0]{client}) },
	'terminated' => sub { $north->sql("SELECT pg_terminate_backend($_[1])") },
	'terminated elsewhere' => sub { $south->sql("SELECT pg_terminate_backend($_[1])") });
@stopped = stop_quorum();
my %node_of = map { $_ => /elsewhere/ ? $south : $north } keys %losses;
$session{$_} = $node_of{$_}->start_sql(put($_, 1)) foreach sort keys %losses;
foreach my $name (sort keys %losses)
{
	my $pid = $node_of{$name}->backend_of($session{$name}, 'put_item');
	$losses{$name}->($session{$name}, $pid) if $pid;
	not_readable($name, $name);
}
foreach my $name (grep { /terminated/ } sort keys %losses)
{
	like(($node_of{$name}->finish_sql($session{$name}))[0], qr/^(57P01|08007)$/, "$name: the connection is lost, or the outcome unknown");
}
kill 'CONT', @stopped;
fate_is_one($_, $_) foreach sort keys %losses;

# ---------------------------------------------------------------- processes that end, under load

my $load = $cluster->start_history('songs', seconds => 0, connections => 4);
$cluster->wait_for_writes($load, 200);
foreach my $what (
	[ $north, "query LIKE 'CALL quorate._request_stream%'" ], [ $north, "query LIKE 'CALL quorate._consensus_stream%'" ],
	[ $south, "backend_type = 'quorate forwarder'" ], [ $north, "backend_type = 'quorate applier'" ],
	[ $north, "backend_type = 'quorate replicator'" ], [ $north, "backend_type = 'quorate launcher'" ])
{
	my ($node, $which) = @$what;
	my $before = '';
	wait_until(20, sub { $before = $node->sql("SELECT string_agg(pid::text, ',') FROM pg_stat_activity WHERE $which") });
	$node->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE $which");
	ok($node->poll_until("SELECT count(*) > 0 FROM pg_stat_activity WHERE $which AND pid NOT IN ($before)", 't', 30),
		$node->name . ": terminated, and back: $which");
	$cluster->wait_for_writes($load, 100);
}

# A backend dies in the middle of a write: its instance restarts by itself.
my $started = $north->sql('SELECT pg_postmaster_start_time()');
@stopped = stop_quorum();
my $victim = $north->start_sql(put('killed', 1));
my $pid = $north->backend_of($victim, 'put_item');
ok($pid && kill('KILL', $pid), 'a backend is killed while it waits');
kill 'CONT', @stopped;
is(($north->finish_sql($victim))[0], 'connection', 'its client loses the connection');
ok($north->poll_until('SELECT state FROM quorate._node_status()', 'running', 30), 'the instance recovers');
is($north->sql('SELECT pg_postmaster_start_time()'), $started, 'by a crash restart');
fate_is_one('killed', 'killed');
$cluster->wait_for_writes($load, 100);
$cluster->finish_history($load);

# ---------------------------------------------------------------- no session can weaken an acknowledgement

$_->sql('SET synchronous_commit = off;' . join(';', map { put("off-$_", 1) } 1 .. 20)) foreach $cluster->nodes;
$_->kill9 foreach $cluster->nodes;
$_->start foreach $cluster->nodes;
$cluster->wait_for_leaders('songs', 1);
is($north->sql(join ';', map { get("off-$_", 'true') } 1 .. 20), join("\n", (1) x 20), 'writes acknowledged with synchronous_commit off survive a kill of everything');

$cluster->replicas_equal('songs');
$cluster->finish(qr/was terminated by signal 9/);
done_testing();
