#!/usr/bin/perl
# Garbage from outside: wrong introductions, damaged, cut and oversized frames on both kinds of stream, and random bytes
# on the port. Each ends its own stream with a line in the log and nothing else; a load that runs meanwhile notices nothing.
use strict;
use warnings;
use QuorateCluster;
use QuorateProcess qw(wait_until);
use QuorateWire qw(crc32c);
use Test::More;

my $cluster = QuorateCluster->new;
$cluster->create_table('songs', partitions => 3);
my ($north) = $cluster->nodes;
my $cluster_id = $north->sql("SELECT encode(cluster_id, 'hex') FROM quorate._node_status()");

# The strangers come with the name of node 4, which is not there: a node that is would take over from them as soon as it connects.
$north->sql("SELECT quorate.set_autoadmin(healing => false, balancing => false)");
my $away = $cluster->add_node('away', 'az4');
$cluster->disown($away);
$away->stop;
my $introduction = "'\\x$cluster_id', 4, 1, 2, 2, 'test'";
my $pids = "SELECT string_agg(pid::text, ' ' ORDER BY backend_type) FROM pg_stat_activity WHERE backend_type LIKE 'quorate%'";
my $workers = $north->sql($pids);
my $load = $cluster->start_history('songs', seconds => 0, connections => 4);
$cluster->wait_for_writes($load, 200);
srand 20;

sub random_bytes { return pack 'C*', map { int rand 256 } 1 .. $_[0] }

# ---------------------------------------------------------------- introductions

$north->sql('CREATE ROLE outsider LOGIN REPLICATION; CREATE ROLE plain LOGIN; GRANT quorate_peer TO plain');
foreach my $kind ('_consensus_stream', '_request_stream')
{
	my $wire = QuorateWire->connect($north, 'postgres');
	like($wire->call($kind, "'\\x00', 4, 1, 2, 2, 'test'"), qr/C22023 .*another cluster/, "$kind: a short cluster id is refused");
	like($wire->call($kind, "'\\x" . 'ab' x 16 . "', 4, 1, 2, 2, 'test'"), qr/C22023 .*another cluster/, "$kind: another cluster is refused");
	like($wire->call($kind, "'\\x$cluster_id', $_, 1, 2, 2, 'test'"), qr/C22023 .*no other node/, "$kind: node $_ is refused") foreach 1, 0, -1, 9, 2147483647;
	like($wire->call($kind, "'\\x$cluster_id', 4, $_, 'test'"), qr/C22023 .*invalid versions/, "$kind: versions $_ are refused")
	  foreach '0, 2, 2', '2, 1, 2', '1, 2, 3', '-1, 2, 2', '1, -2147483648, 1', '1, 2, -1';
	like($wire->call($kind, "'\\x$cluster_id', 4, 1, 1, 0, 'old'"), qr/CQR003 .*does not read version 2 of the cluster/, "$kind: a release that is too old is refused");
	like($wire->call($kind, "'\\x$cluster_id', 4, 3, 4, 0, '" . 'n' x 100 . "'"), qr/CQR003 .*does not read version 2/, "$kind: and one that is too new");
	like($wire->call($kind, 'NULL, NULL, NULL, NULL, NULL, NULL'), qr/C22004 /, "$kind: nulls are refused");
	like($wire->call($kind, $introduction), qr/^W/, "$kind: the connection is as good as before");
	like(QuorateWire->connect($north, 'outsider')->call($kind, $introduction), qr/C42501 /, "$kind: a role without quorate_peer gets 42501");
}
# No function of ours fails worse than by an error when all its arguments are null.
my @functions = split /\n/, $north->sql("SELECT format('%s %I.%I(%s)', CASE prokind WHEN 'p' THEN 'CALL' ELSE 'SELECT' END, nspname, proname,
	(SELECT string_agg('NULL::' || t::regtype, ', ') FROM unnest(proargtypes) t))
	FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
	WHERE nspname = 'quorate' AND prokind IN ('f', 'p') AND proname NOT IN ('drop_cluster', '_leave_cluster', '_unbootstrap_node')");
cmp_ok(scalar @functions, '>', 30, 'there are functions to call');
unlike(($north->sql_error($_))[0], qr/^(XX|timeout|connection)/, $_) foreach @functions;
like(QuorateWire->connect($north, 'plain')->{start}, qr/^E /, 'a role without REPLICATION cannot connect as a peer does');

# ---------------------------------------------------------------- requests

# A request that asks whether group 999 is led here, as its own process would send it; with damage done before the
# frame gets its checksum, if a function is given.
sub request_frame
{
	my ($damage) = @_;
	my $structure = "\x08\x01\x10\x07\x18\x04\x20\xE7\x07";    # version 1, id 7, kind probe, group 999
	my $packed = pack('V V', length($structure) + 8, length $structure) . $structure;
	$packed = $damage->($packed) if $damage;
	my $covered = pack('Q>', 7) . $packed;
	return pack('N', crc32c($covered)) . $covered;
}

# Sends frames on a request stream of their own until it ends; true if it did and the server still answers.
sub ends_stream
{
	my ($frame) = @_;
	my $wire = QuorateWire->connect($north, 'postgres');
	$wire->call('_request_stream', $introduction);
	$wire->send_message('d', $frame);
	$wire->read_until('cZE');
	$wire->send_message('c', '');
	return $wire->read_until('Z') eq '';
}

my $wire = QuorateWire->connect($north, 'postgres');
like($wire->call('_request_stream', $introduction), qr/^W/, 'a request stream starts');
$wire->send_message('d', request_frame());
$wire->read_until('d');
is(unpack('Q>', substr($wire->take_frame // '', 4, 8)), 7, 'a request is answered under its id');

my $refused = "SELECT value FROM quorate._counters() WHERE name = 'frames_refused'";
my $before = $north->sql($refused);
my $position = $north->log_position;
my $valid = request_frame();
my %garbage = (
	'an empty frame' => '',
	'one byte' => "\0",
	'a head without a body' => substr($valid, 0, 12),
	'a cut frame' => substr($valid, 0, length($valid) - 1),
	'a longer frame' => "$valid\0",
	'a wrong checksum' => "\0\0\0\0" . substr($valid, 4),
	'a flipped bit' => $valid ^ ("\0" x 20 . "\x10"),
	'a cut request with a checksum' => request_frame(sub { substr $_[0], 0, 9 }),
	'a length beyond the request' => request_frame(sub { "\xFF\xFF\xFF\x7F" . substr $_[0], 4 }),
	'a structure that is longer than its request' => request_frame(sub { substr($_[0], 0, 4) . "\xFF\xFF\xFF\xFF" . substr $_[0], 8 }),
	'no protobuf' => request_frame(sub { substr($_[0], 0, 8) . "\xFF" x (length($_[0]) - 8) }),
	'an unknown kind' => request_frame(sub { $_[0] =~ s/\x18\x04/\x18\x7F/r }),
	'an unknown version' => request_frame(sub { $_[0] =~ s/\x08\x01/\x08\x02/r }),
	'zeros' => "\0" x 1000,
	'random bytes' => random_bytes(5000));
foreach my $name (sort keys %garbage)
{
	ok(ends_stream($garbage{$name}), "$name: the stream ends in order");
}
ok($north->poll_until("SELECT ($refused) - $before", scalar keys %garbage, 10), 'each is counted once');
my @lines = $north->log_since($position) =~ /ending request stream of node 4: invalid request/g;
is(scalar @lines, scalar keys %garbage, 'and has one line in the log');

# Requests whose checksum is right but whose content was changed at random: an answer, or the end of the stream.
foreach my $round (1 .. 60)
{
	my $frame = request_frame(sub { my $bytes = $_[0]; substr($bytes, rand length $bytes, 1) = random_bytes(1); return $bytes; });
	my $fuzzed = QuorateWire->connect($north, 'postgres');
	$fuzzed->call('_request_stream', $introduction);
	$fuzzed->send_message('d', $frame);
	$fuzzed->read_until('dcZE');
	$fuzzed->close;
}

# ---------------------------------------------------------------- frames of consensus

foreach my $frame ('', "\0" x 48, 'QFRM' . random_bytes(44), random_bytes(3000))
{
	$position = $north->log_position;
	my $stream = QuorateWire->connect($north, 'postgres');
	$stream->call('_consensus_stream', $introduction);
	$stream->send_message('d', $frame);
	like($stream->read_until('Z'), qr/C08P01 .*invalid frame/, length($frame) . ' bytes: the stream ends with an error');
	my @said = $north->log_since($position) =~ /LOG:  invalid frame of /g;
	is(scalar @said, 1, 'and with one line in the log');
}

# ---------------------------------------------------------------- messages that no stream has, and ends in the middle

foreach my $kind ('_consensus_stream', '_request_stream')
{
	my %bad = (
		'a frame that is too long' => 'd' . pack('N', 200_000_000) . 'x' x 1000,
		'a negative length' => 'd' . pack('N', 2),
		'a query' => 'Q' . pack('N', 13) . "SELECT 1\0",
		'an unknown message' => "\x01" . pack('N', 4));
	foreach my $name (sort keys %bad)
	{
		my $stream = QuorateWire->connect($north, 'postgres');
		$stream->call($kind, $introduction);
		$stream->send_bytes($bad{$name});
		like($stream->read_until('Z'), qr/^(E .*C08P01 .*|)$/s, "$kind: $name ends the connection");
	}
	foreach my $half ('d', 'd' . pack('N', 100), 'd' . pack('N', 100) . 'x' x 50)
	{
		my $stream = QuorateWire->connect($north, 'postgres');
		$stream->call($kind, $introduction);
		$stream->send_bytes($half);
		$stream->close;
	}
	my $stream = QuorateWire->connect($north, 'postgres');
	$stream->call($kind, $introduction);
	$stream->send_message('c', '');
	is($stream->read_until('Z'), '', "$kind: CopyDone ends it in order");
	like($stream->call($kind, $introduction), qr/^W/, "$kind: and another one can be started");
	$stream->send_message('f', "enough\0");
	is($stream->read_until('Z'), '', "$kind: so does CopyFail");
	$stream->send_message('X', '');
}

# ---------------------------------------------------------------- bytes on the port

foreach my $round (1 .. 40)
{
	my $stranger = QuorateWire->connect($north);
	$stranger->send_bytes(random_bytes(1 + int rand 300));
	$stranger->close;
}

# ---------------------------------------------------------------- nothing else has happened

is($north->sql($pids), $workers, 'every worker is the one that it was');
ok($north->poll_until("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CALL quorate._consensus_stream%'", 2, 20), 'the real streams are there');
ok($_->poll_until("SELECT bool_and(heard_ms_ago < 1000) FROM quorate._peers() WHERE node_id <> 4", 't', 20), $_->name . ' hears its peers')
  foreach $cluster->nodes;
$cluster->wait_for_writes($load, 200);
$cluster->finish_history($load);
$cluster->replicas_equal('songs');
$cluster->finish(qr/stream ended within a message|invalid (startup packet|frontend message)|unsupported frontend protocol|must be superuser or replication role|permission denied|no PostgreSQL user name/);
done_testing();
