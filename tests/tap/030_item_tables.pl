#!/usr/bin/perl
# The relations behind item tables: what a crash leaves, what damage does, and what pg_dump, pg_upgrade and a server
# without the library make of them.
use strict;
use warnings;
use Cwd qw(abs_path);
use QuorateCluster;
use QuorateNode;
use QuorateProcess qw(run_command spawn);
use Test::More;

my $bindir = $ENV{QUORATE_BINDIR};
my $cluster = QuorateCluster->new(nodes => 1);
my ($node) = $cluster->nodes;

sub key { return qq('{"pk": {"S": "song $_[0]"}}') }

sub put_songs
{
	my ($from, $to) = @_;
	$node->sql("SELECT quorate.put_items('songs', array_agg(quorate.marshal(jsonb_build_object('pk', 'song ' || i, 'i', i,
		'text', repeat('x', 500))))) FROM generate_series($from, $to) i");
}

# Items, bytes and whether both agree with the running totals of the applier.
sub contents
{
	return $node->sql("SELECT sum(c.items), sum(c.bytes), bool_and(c.items = a.items AND c.bytes = a.bytes AND
			c.applied_lsn = a.applied_lsn)
		FROM quorate.checksum('songs') c JOIN quorate._partitions() p USING (partition)
		JOIN quorate_data.applied a USING (group_id)
		WHERE p.table_id = (SELECT table_id FROM quorate._tables() WHERE table_name = 'songs')");
}

sub applied_all
{
	return $node->poll_until(
		"SELECT bool_and(applied_lsn = commit_lsn AND applied_durable_lsn = commit_lsn) FROM quorate._group_status()");
}

# -- Applying goes on from what a crash has left.
$cluster->create_table('songs', partitions => 2);
put_songs(1, 2000);
$node->sql("SELECT quorate.delete_item('songs', " . key($_) . ")") foreach 1 .. 20;
put_songs(500, 600);
ok(applied_all(), 'everything committed is applied, and flushed when the node is idle');
my $before = contents();
like($before, qr/^1980\|\d+\|t$/, 'items, and running totals that agree with them');
$node->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'quorate applier'");
put_songs(2001, 2100);
ok(applied_all(), 'a terminated applier comes back and applies what it missed');
like(contents(), qr/^2080\|\d+\|t$/, 'nothing is applied twice or left out');
put_songs(1, 3000);
$node->kill9;
$node->start;
$cluster->wait_for_leaders('songs', 2);
ok(applied_all(), 'after a crash the rest of the log is applied again');
like(contents(), qr/^3000\|\d+\|t$/, 'the tables are where they were, and so are the totals');
is($node->sql("SELECT backend_xmin IS NULL AND xact_start IS NULL FROM pg_stat_activity WHERE backend_type = 'quorate applier'"),
	't', 'an idle applier holds neither a snapshot nor a transaction');

# -- A reader holds up the dropping of its own table's relation, and nothing else.
$cluster->create_table('dropped', partitions => 2);
my $relation = $node->sql("SELECT 'quorate_data.t' || table_id FROM quorate._tables() WHERE table_name = 'dropped'");
spawn([ $node->psql_command, '-c', "BEGIN; SELECT count(*) FROM $relation; SELECT pg_sleep(4); COMMIT" ],
	$cluster->folder . '/reader.log');
ok($node->poll_until("SELECT count(*) = 1 FROM pg_locks WHERE relation = '$relation'::regclass AND mode = 'AccessShareLock' AND granted"),
	'a reader is at work');
$node->sql("SELECT quorate.drop_table('dropped')");
put_songs(3001, 3100);
is($node->sql("SELECT quorate.get_item('songs', " . key(3100) . ', true) IS NOT NULL'), 't', 'other tables are applied meanwhile');
is($node->sql("SELECT count(*) FROM pg_class WHERE oid = to_regclass('$relation')"), 1, 'the relation waits for its reader');
ok($node->poll_until("SELECT count(*) = 0 FROM pg_class WHERE relname = split_part('$relation', '.', 2)"), 'and goes when the reader has ended');

# -- Damage is an error, never an answer. A server without the library has no hooks: there a row can be damaged.
my $songs = $node->sql("SELECT 'quorate_data.t' || table_id FROM quorate._tables() WHERE table_name = 'songs'");
my $position = $node->sql("SELECT position FROM $songs WHERE quorate.item_attribute_text(item, 'pk') = 'song 7'");
$node->stop;
$node->set(shared_preload_libraries => undef);
$node->start;
my ($state, $message) = $node->sql_error("SELECT quorate.get_item('songs', " . key(7) . ')');
is($state, '55000', 'without the library preloaded the API refuses to work');
$node->sql("UPDATE $songs SET crc = crc + 1 WHERE position = '$position'");
$node->stop;
$node->set(shared_preload_libraries => 'quorate');
$node->start;
$cluster->wait_for_leaders('songs', 2);
foreach my $consistent ('true', 'false')
{
	($state, $message) = $node->sql_error("SELECT quorate.get_item('songs', " . key(7) . ", $consistent)");
	is($state, 'XX001', "a damaged row is an error (consistent_read $consistent)");
}
is(($node->sql_error("SELECT * FROM quorate.checksum('songs')"))[0], 'XX001', 'the checksum of the table finds it too');
cmp_ok($node->sql("SELECT value FROM quorate._counters() WHERE name = 'checksum_failures'"), '>=', 3, 'the failures are counted');
like($node->sql("SELECT quorate.get_item('songs', " . key(8) . ', true)'), qr/song 8/, 'other rows can be read');
$node->sql("SELECT quorate.put_item('songs', " . key(7) . ')');
is($node->sql("SELECT quorate.get_item('songs', " . key(7) . ', true)'), '{"pk": {"S": "song 7"}}', 'writing the item mends it');

# -- pg_dump leaves the items out, pg_upgrade takes them along.
my ($status, $dump, $errors) = run_command([ "$bindir/pg_dump", '-d', $node->conninfo ], '', 60);
is($status, 0, 'pg_dump works') or diag($errors);
like($dump, qr/CREATE EXTENSION IF NOT EXISTS quorate/, 'a dump has the extension');
unlike($dump, qr/quorate_data/, 'but nothing of its tables');

ok(applied_all(), 'all is applied before the upgrade');
$before = contents();
$node->stop;
my $upgraded = QuorateNode->new(name => 'upgraded', folder => $cluster->folder);
$upgraded->init;
my $folder = abs_path($cluster->folder);
($status, my $output, $errors) = run_command(
	[ 'sh', '-c', 'cd "$1" && "$2/pg_upgrade" -b "$2" -B "$2" -d "$3" -D "$4" -U postgres', 'sh',
		$folder, $bindir, abs_path($node->data), abs_path($upgraded->data) ], '', 120);
is($status, 0, 'pg_upgrade works') or diag($output . $errors);
run_command([ 'sh', '-c', 'rm -rf "$2/pgsql_tmp_quorate" && mv "$1/pgsql_tmp_quorate" "$2/"', 'sh', $node->data, $upgraded->data ], '', 10);
my $old = $node;
$node = $upgraded;
$node->start;
ok($node->poll_until("SELECT count(*) = 2 FROM quorate.partitions WHERE leader IS NOT NULL"), 'with its log moved there the node leads again');
ok(applied_all(), 'and applies');
is(contents(), $before, 'the items are those of before');
is($node->sql("SELECT count(*) FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
	WHERE d.deptype = 'e' AND c.relnamespace = 'quorate_data'::regnamespace"), 4, 'item tables are members of the extension still');
is_deeply([ $_->alarming_lines ], [], 'the log of ' . $_->name . ' is clean') foreach $old, $node;
$node->stop;
done_testing();
