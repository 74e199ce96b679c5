#!/usr/bin/perl
# The harness itself, on a plain PostgreSQL instance: instances start again after a kill, and the play of a power
# failure takes back exactly what was not synced. Without this the other tests would prove nothing.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Temp ();
use QuorateNode;
use QuorateProcess qw(run_command slurp);
use Test::More;

my $folder = abs_path(File::Temp::tempdir('harness-XXXXXX', TMPDIR => 1));
my $tools = abs_path($ENV{QUORATE_TOOLS} // 'build/tools');

# Writes to a file with and without syncs, under the shim; then the power fails.
sub play_file
{
	my (@seed) = @_;
	my $root = "$folder/root";
	my $journal = "$folder/file.journal";
	mkdir $root;
	unlink "$root/file";
	local %ENV = (%ENV, LD_PRELOAD => "$tools/poweroff_shim.so", QUORATE_POWEROFF_ROOT => $root, QUORATE_POWEROFF_JOURNAL => $journal);
	my $program = q{
		use IO::Handle;
		open my $f, '+>', "$ARGV[0]/file" or die;
		syswrite $f, 'durable-' x 1000; $f->sync or die;
		sysseek $f, 0, 0; syswrite $f, 'LOST';
		sysseek $f, 8000, 0; syswrite $f, 'x' x 4000;
	};
	my ($status, $out, $err) = run_command([ 'perl', '-e', $program, $root ], '', 20);
	is($status, 0, 'the writing program ran') or diag($err);
	is(-s "$root/file", 12000, 'the file has all that was written');
	delete $ENV{LD_PRELOAD};
	($status, $out, $err) = run_command([ "$tools/poweroff_restore", $root, $journal, @seed ], '', 20);
	is($status, 0, 'the restorer ran') or diag($err);
	return slurp("$root/file");
}

is(play_file(), 'durable-' x 1000, 'what was synced stays, what was not is gone');
my %kinds;
foreach my $seed (1 .. 8)
{
	my $text = play_file($seed);
	my $tail = length($text) - 8000;
	like($text, qr/^(durable-|LOSTble-)(durable-){999}x*$/, "seed $seed: synced bytes stay");
	$kinds{ $tail == 4000 ? 'kept' : $tail == 0 ? 'lost' : 'torn' }++;
}
is(join(' ', sort keys %kinds), 'kept lost torn', 'seeds show kept, lost and torn writes');

my $node = QuorateNode->new(name => 'plain', folder => $folder, power_off => 1,
	settings => { shared_preload_libraries => undef, 'quorate.database' => undef });
$node->init;
$node->start;
$node->sql('CREATE TABLE t (i int); INSERT INTO t SELECT generate_series(1, 1000)');
$node->sql('SET synchronous_commit = on; INSERT INTO t VALUES (-1)');
$node->kill9;
$node->start;
is($node->sql('SELECT count(*) FROM t'), 1001, 'an instance starts again after kill -9');
like($node->power_off, qr/writes without a sync taken back/, 'the power fails');
$node->start;
is($node->sql('SELECT count(*) FROM t'), 1001, 'what was committed is there after a power failure');
$node->sql("ALTER SYSTEM SET wal_writer_delay = '10s'");
$node->sql("SET synchronous_commit = off; INSERT INTO t SELECT generate_series(1, 100)");
$node->power_off(7);
$node->start;
like($node->sql('SELECT count(*) FROM t'), qr/^(1001|1101)$/, 'asynchronously committed rows are all there or all gone');
is(($node->sql_error('SELECT 1/0'))[0], '22012', 'errors are told by their SQLSTATE');
ok(!$node->poll_until('SELECT 1', 2, 1), 'polling ends');
is_deeply([ $node->alarming_lines ], [], 'the log is clean');
$node->sql_error('SELECT pg_terminate_backend(pg_backend_pid())');
$node->stop;
done_testing();
