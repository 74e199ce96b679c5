#!/usr/bin/perl
# The harness itself, on a plain PostgreSQL instance: instances start again after a kill, and the play of a power
# failure takes back exactly what was not synced; the history checker can fail. Without this the other tests would prove
# nothing.
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

# The exit status of the history checker on a history of these lines, and what it prints.
sub check_lines
{
	my (@lines) = @_;
	open my $out, '>', "$folder/history" or die;
	print $out map { "$_\n" } @lines;
	close $out;
	my ($status, $text) = run_command([ "$tools/linear_check", "$folder/history" ], '', 60);
	return ($status & 127 ? "signal $status" : $status >> 8, $text);
}

my @right = ('1 put a 1 10 20 ok', '2 put a 2 30 40 unknown', '3 get a 1 50 60 ok', '3 get a 2 70 80 ok', '4 get@1 a 1 90 95 ok');
is((check_lines(@right))[0], 0, 'the history checker accepts a history');
my ($status, $text) = check_lines(@right, '3 get a 1 90 100 ok');
is($status, 1, 'rejects one that is not linearizable');
like($text, qr/^> 3 get a 1 90 100 ok$/m, 'and shows where');
is((check_lines(@right, '4 get@1 a - 96 97 ok'))[0], 1, 'rejects a session that goes back');
is((check_lines(@right, '3 got a 1 90 100 ok'))[0], 2, 'refuses a malformed file');
is((check_lines())[0], 2, 'and an empty one');
my @puts = map { "$_ put a " . ($_ || 1) . ' 10 20 ok' } 0 .. 30;
is((check_lines(@puts, '1 get a 1 30 40 ok', '1 get a 2 50 60 ok'))[0], 3, 'an undecided history is no success');

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
