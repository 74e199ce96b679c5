#!/usr/bin/perl
# The extension as an object of PostgreSQL: preloaded or not, created where it belongs or not, dropped with and without
# a cluster, dumped and restored; and what becomes of a node's identity when its files are copied, upgraded or moved.
use strict;
use warnings;
use QuorateCluster;
use QuorateNode;
use QuorateProcess qw(run_command slurp wait_until);
use Test::More;

my $bindir = $ENV{QUORATE_BINDIR};

my $cluster = QuorateCluster->new;
my ($north, $south, $west) = $cluster->nodes;

# A server apart from the cluster, which starts out without the library.
my $apart = QuorateNode->new(name => 'apart', folder => $cluster->folder,
	settings => { shared_preload_libraries => undef, 'quorate.database' => undef });

sub refused
{
	my ($node, $sql, $state, $pattern, $name) = @_;
	my ($got, $message) = $node->sql_error($sql);
	is($got, $state, "$name: SQLSTATE $state");
	like($message, $pattern, "$name: \"$message\"");
}

# A statement in another database of the same server.
sub sql_in
{
	my ($node, $database, $sql) = @_;
	my ($status, $out, $err) = run_command([ $node->psql_command, '-d', $node->conninfo . " dbname=$database", '-c', $sql ], '', 60);
	return $status == 0 ? ('', $out) : QuorateNode::error_of($status, $err);
}

sub workers
{
	my ($node) = @_;
	return $node->sql("SELECT string_agg(DISTINCT backend_type, ', ' ORDER BY backend_type) FROM pg_stat_activity WHERE backend_type LIKE 'quorate%'");
}

# ---------------------------------------------------------------- preloaded or not, created or not

$apart->init;
$apart->start;
my (undef, undef, $err) = run_command([ $apart->psql_command, '-c', 'CREATE EXTENSION quorate' ], '', 60);
like($err, qr/ERROR:  55000: .*shared_preload_libraries/s, 'created without preload: refused with 55000');
like($err, qr/HINT:  .*shared_preload_libraries/, 'and the hint says what to set');
is($apart->sql("SELECT count(*) FROM pg_extension WHERE extname = 'quorate'"), 0, 'and nothing is there');

$apart->set(shared_preload_libraries => 'quorate', 'quorate.database' => 'shop');
$apart->restart;
ok($apart->poll_until("SELECT count(*) FROM pg_stat_activity WHERE backend_type IN ('quorate launcher', 'quorate replicator')", 2), 'preloaded without extension: the server runs');
is(workers($apart), 'quorate launcher, quorate replicator', 'with the two workers that have no database, though "shop" is missing');
is((sql_in($apart, 'postgres', 'CREATE EXTENSION quorate'))[0], '55000', 'CREATE EXTENSION in another database than quorate.database is refused');
is((sql_in($apart, 'postgres', "CREATE DATABASE shop ENCODING 'UTF8' TEMPLATE template0"))[0], '', 'the database is created');
is((sql_in($apart, 'shop', 'CREATE EXTENSION quorate; DROP EXTENSION quorate'))[0], '', 'without a cluster the extension comes and goes');
is((sql_in($apart, 'shop', 'CREATE SCHEMA other; CREATE EXTENSION quorate SCHEMA other'))[0], '0A000', 'its schema is its own');
is((sql_in($apart, 'postgres', 'DROP DATABASE shop'))[0], '', 'without a cluster its database can be dropped');

# ---------------------------------------------------------------- what a cluster forbids

$cluster->create_table('songs', partitions => 2);
$north->sql("SELECT quorate.put_items('songs', array_agg(quorate.marshal(jsonb_build_object('pk', 'song ' || i)))) FROM generate_series(1, 100) i");
$north->sql('CREATE ROLE owner SUPERUSER LOGIN');
refused($north, 'DROP EXTENSION quorate', '2BP01', qr/this node belongs to a cluster/, 'DROP EXTENSION');
refused($north, 'DROP EXTENSION quorate CASCADE', '2BP01', qr/this node belongs to a cluster/, 'DROP EXTENSION CASCADE');
refused($north, 'DROP SCHEMA quorate CASCADE', '2BP01', qr/cannot drop/, 'DROP SCHEMA CASCADE');
refused($north, 'DROP SCHEMA quorate_data CASCADE', '42809', qr/cannot change/, 'DROP SCHEMA of the rows');
refused($north, 'DROP TYPE quorate.item CASCADE', '2BP01', qr/cannot drop/, 'DROP TYPE CASCADE');
refused($north, 'DO $$ BEGIN EXECUTE \'DROP EXTENSION quorate\'; END $$', '2BP01', qr/this node belongs to a cluster/, 'DROP EXTENSION in a function');
is((sql_in($north, 'template1', 'DROP DATABASE postgres'))[0], '55006', 'DROP DATABASE of quorate.database is refused');
is((sql_in($north, 'template1', 'DROP DATABASE postgres WITH (FORCE)'))[0], '55006', 'and with FORCE');
is((sql_in($north, 'template1', 'ALTER DATABASE postgres RENAME TO elsewhere'))[0], '55006', 'ALTER DATABASE RENAME is refused');
is($north->sql("SELECT count(*) FROM quorate.scan('songs', consistent_read => true)"), 100, 'all is still there');

is(($north->sql_error('CREATE DATABASE unrelated'))[0], '', 'an unrelated database is created');
is((sql_in($north, 'unrelated', 'CREATE TABLE t (i int); INSERT INTO t VALUES (1)'))[0], '', 'and used');
is(($north->sql_error('DROP DATABASE unrelated'))[0], '', 'and dropped, whatever the workers do');

# ---------------------------------------------------------------- dump and restore

my ($status, $dump, $errors) = run_command([ "$bindir/pg_dump", '-d', $north->conninfo ], '', 60);
is($status, 0, 'pg_dump works') or diag($errors);
unlike($dump, qr/quorate_data|GRANT/, 'a dump holds neither rows nor privileges of the extension');
is((sql_in($apart, 'postgres', "CREATE DATABASE shop ENCODING 'UTF8' TEMPLATE template0"))[0], '', 'an empty database elsewhere');
($status, undef, $errors) = run_command([ $apart->psql_command, '-d', $apart->conninfo . ' dbname=shop', '-f', '-' ], $dump, 60);
is($status, 0, 'takes the dump') or diag($errors);
is((sql_in($apart, 'shop', 'SELECT state FROM quorate._node_status()'))[1], "unconfigured\n", 'and belongs to no cluster');
$apart->stop;

# ---------------------------------------------------------------- a base backup is no node

my $copy = QuorateNode->new(name => 'copy', folder => $cluster->folder);
($status, undef, $errors) = run_command(
	[ "$bindir/pg_basebackup", '-D', $copy->data, '-d', $south->conninfo, '-c', 'fast', '-X', 'stream' ], '', 120);
is($status, 0, 'pg_basebackup works') or diag($errors);
ok(!-e $copy->data . '/pgsql_tmp_quorate', 'it skips the log directory');
$copy->start;
my $explained = qr/its tables hold items of a cluster, but its log directory has no identity/;
ok($copy->poll_until("SELECT state, reason LIKE 'its tables hold items of a cluster%' FROM quorate._node_status()", 'unconfigured|t', 20), 'the copy says what it is');
ok(wait_until(10, sub { $copy->log_text =~ /LOG:  this node belongs to no cluster: $explained/ }), 'its log too');
refused($copy, "SELECT quorate.get_item('songs', '{\"pk\": {\"S\": \"song 1\"}}')", '55000', qr/does not belong to a cluster/, 'a read on the copy');
refused($copy, "SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"song 1\"}}')", '55000', qr/does not belong to a cluster/, 'a write on the copy');
is($north->sql("SELECT count(*) FROM quorate.nodes WHERE state IN ('running', 'alive')"), 3, 'the nodes go on as three');
my $alone = sprintf '\'[{"name": "copy", "zone": "a", "conninfo": "%s"}]\'', $copy->conninfo;
refused($copy, "SELECT quorate.create_cluster($alone)", '55000', qr/1 problem/, 'a new cluster on old rows');
is(($copy->sql_error("DROP EXTENSION quorate"))[0], '', 'the copy can be cleared');
is(($copy->sql_error("CREATE EXTENSION quorate"))[0], '', 'and begun anew');
is($copy->sql('SELECT reason IS NULL FROM quorate._node_status()'), 't', 'and has nothing to explain then');
is(($copy->sql_error("SELECT quorate.create_cluster($alone)"))[0], '', 'as a cluster of its own');
$copy->stop;
is_deeply([ $copy->alarming_lines ], [], 'the log of the copy is clean');

# ---------------------------------------------------------------- binary-upgrade mode

sub log_files
{
	my ($node) = @_;
	return join "\n", map { join ' ', $_, (stat $_)[ 7, 9 ] } sort glob($node->data . '/pgsql_tmp_quorate/*');
}

$west->stop;
my $files = log_files($west);
my $pid = QuorateProcess::spawn([ "$bindir/postgres", '-D', $west->data, '-b' ], $west->data . '.upgrade.log');
ok(wait_until(30, sub { $west->ready }), 'a server in binary-upgrade mode starts');
is(workers($west), '', 'without workers of ours');
is(($west->sql_error("SELECT quorate.get_item('songs', '{\"pk\": {\"S\": \"song 1\"}}')"))[0], '55000', 'the API is out of service');
kill 'INT', $pid;
ok(wait_until(30, sub { defined QuorateProcess::exit_status($pid) }), 'and stops');
is(log_files($west), $files, 'nothing has touched the log');

# ---------------------------------------------------------------- a log directory that was moved

my $directory = $west->data . '/pgsql_tmp_quorate';
refused($north, 'SELECT quorate.adopt_identity()', '55000', qr/nothing to adopt/, 'adopt_identity() on a node that runs');
is(system("mv $directory $directory.old && cp -a $directory.old $directory && rm -r $directory.old"), 0, 'the log directory gets another inode');
$west->start;
ok($west->poll_until('SELECT state FROM quorate._node_status()', 'refused', 30), 'the node is refused');
like($west->sql('SELECT reason FROM quorate._node_status()'), qr/copied or restored.*quorate\.adopt_identity\(\)/, 'and says how to go on');
refused($west, "SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"song 1\"}}')", '55000', qr/cannot take part/, 'a write on it');
refused($west, 'SET ROLE quorate_admin; SELECT quorate.adopt_identity()', '42501', qr/permission denied/, 'adopt_identity() by less than a superuser');
$north->sql("SELECT quorate.put_item('songs', '{\"pk\": {\"S\": \"written meanwhile\"}}')");
is(($west->sql_error('SELECT quorate.adopt_identity()'))[0], '', 'an administrator vouches for the directory');
is($west->sql('SELECT state FROM quorate._node_status()'), 'running', 'and the node runs');
ok($west->poll_until("SELECT quorate.get_item('songs', '{\"pk\": {\"S\": \"written meanwhile\"}}') IS NOT NULL", 't', 30), 'and catches up');
$west->restart;
ok($west->poll_until('SELECT state FROM quorate._node_status()', 'running', 30), 'after the next start without being asked');

# ---------------------------------------------------------------- without a cluster again

$cluster->replicas_equal('songs');
refused($south, 'SELECT quorate.drop_cluster()', '2BP01', qr/1 item table exists/, 'drop_cluster() with a table');
$south->sql('SELECT quorate.drop_cluster(force => true)');
is(($_->sql_error('DROP EXTENSION quorate'))[0], '', 'the extension can be dropped from ' . $_->name) foreach $cluster->nodes;
is($north->sql("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname ~ '^quorate'"), 0, 'and leaves nothing');
$north->sql('SET ROLE owner; CREATE EXTENSION quorate');
my $solo = sprintf '\'[{"name": "solo", "zone": "a", "conninfo": "%s"}]\'', $north->conninfo;
$north->sql("SELECT quorate.create_cluster($solo)");
refused($north, 'DROP OWNED BY owner CASCADE', '2BP01', qr/this node belongs to a cluster|cannot drop/, 'DROP OWNED of the owner');
$north->sql('SELECT quorate.drop_cluster()');
is(($north->sql_error('DROP OWNED BY owner CASCADE'))[0], '', 'DROP OWNED without a cluster');
$cluster->finish(qr/this node left its cluster|does not have the extension/);
is_deeply([ $apart->alarming_lines(qr/database "shop" does not exist/) ], [], 'the log of the server apart is clean');
done_testing();
