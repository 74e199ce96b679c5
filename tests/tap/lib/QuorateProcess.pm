# QuorateProcess: running commands with a time limit, finding and killing families of processes, free ports.
#
# Core Perl only. Everything here is bounded in time: a test that waits for ever tells less than one that fails.
package QuorateProcess;

use strict;
use warnings;
use Exporter 'import';
use File::Temp qw(tempfile);
use IO::Socket::INET;
use POSIX qw(:sys_wait_h setsid);
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(run_command spawn family kill_family alive start_time cpu_seconds free_port slurp wait_until exit_status);

# The content of a file.
sub slurp
{
	my ($path) = @_;
	open my $in, '<', $path or die "could not open $path: $!\n";
	local $/;
	my $text = <$in>;
	close $in;
	return $text // '';
}

# Calls test() until it is true or limit_s has passed; an exception counts as false. Returns what test() returned,
# or false.
sub wait_until
{
	my ($limit_s, $test) = @_;
	my $end = time + $limit_s;
	while (1)
	{
		my $result = eval { $test->() };
		return $result if $result;
		return 0 if time > $end;
		sleep 0.05;
	}
}

# What was started and may still run when the test ends; see the end of this file.
my @spawned;
my $owner = $$;

# Starts a command in a session of its own, its output appended to a file; returns its pid.
# Options: stdin => path, env => { NAME => value }, stderr => path (else with stdout).
sub spawn
{
	my ($command, $stdout, %option) = @_;
	my $pid = fork // die "could not fork: $!\n";
	if ($pid)
	{
		push @spawned, $pid;
		return $pid;
	}
	setsid();
	$ENV{$_} = $option{env}{$_} foreach keys %{ $option{env} // {} };
	my $stderr = $option{stderr};
	if (   open(STDIN, '<', $option{stdin} // '/dev/null')
		&& open(STDOUT, '>>', $stdout)
		&& ($stderr ? open(STDERR, '>>', $stderr) : open(STDERR, '>&', \*STDOUT)))
	{
		exec @$command;
	}
	POSIX::_exit(127);
}

# The pid's exit status if it has ended, else undef; an ended child is reaped once.
my %ended;

sub exit_status
{
	my ($pid) = @_;
	return $ended{$pid} if exists $ended{$pid};
	my $found = waitpid($pid, WNOHANG);
	return undef if $found == 0;
	$ended{$pid} = $found == $pid ? $? : -1;
	return $ended{$pid};
}

# Runs a command to its end, with text as its input. Returns (status, stdout, stderr); a command that takes longer
# than limit_s is killed and its status is undef.
sub run_command
{
	my ($command, $input, $limit_s, %option) = @_;
	my ($in_file, $in_name) = tempfile('quorate-in-XXXXXX', TMPDIR => 1, UNLINK => 0);
	my (undef, $out_name) = tempfile('quorate-out-XXXXXX', TMPDIR => 1, UNLINK => 0);
	my (undef, $err_name) = tempfile('quorate-err-XXXXXX', TMPDIR => 1, UNLINK => 0);
	print $in_file $input // '';
	close $in_file or die "could not write $in_name: $!\n";

	my $pid = spawn($command, $out_name, stdin => $in_name, stderr => $err_name, %option);
	my $end = time + $limit_s;
	my $status;
	my $pause = 0.001;
	while (!defined($status = exit_status($pid)) && time < $end)
	{
		sleep $pause;
		$pause = $pause * 2 > 0.02 ? 0.02 : $pause * 2;
	}
	if (!defined $status)
	{
		kill_family($pid);
		wait_until(5, sub { defined exit_status($pid) });
	}
	my @result = ($status, slurp($out_name), slurp($err_name));
	unlink $in_name, $out_name, $err_name;
	return @result;
}

# pid => [ parent pid, state ] of every process.
sub process_table
{
	my %table;
	foreach my $stat (glob '/proc/[0-9]*/stat')
	{
		open my $in, '<', $stat or next;
		my $line = <$in>;
		next unless defined $line && $line =~ /^(\d+) \(.*\) (\S) (\d+)/s;
		$table{$1} = [ $3, $2 ];
	}
	return \%table;
}

# The pid and every process below it that still runs.
sub family
{
	my ($root) = @_;
	my $table = process_table();
	my @found = grep { $table->{$_} && $table->{$_}[1] ne 'Z' } $root;
	my %seen = map { $_ => 1 } @found;
	my $grew = @found;
	while ($grew)
	{
		$grew = 0;
		foreach my $pid (keys %$table)
		{
			next if $seen{$pid} || !$seen{ $table->{$pid}[0] } || $table->{$pid}[1] eq 'Z';
			$seen{$pid} = $grew = 1;
			push @found, $pid;
		}
	}
	return @found;
}

# True while the process exists and is no zombie.
sub alive
{
	my ($pid) = @_;
	open my $in, '<', "/proc/$pid/stat" or return 0;
	my $line = <$in> // '';
	return $line =~ /^\d+ \(.*\) ([^Z])/s ? 1 : 0;
}

# The start time of a process in clock ticks: together with the pid it names a process for good.
sub start_time
{
	my ($pid) = @_;
	my @fields = split ' ', slurp("/proc/$pid/stat") =~ s/.*\) //sr;
	return $fields[19];
}

# User and system CPU time of server processes with all below them, including their ended children, in seconds.
sub cpu_seconds
{
	my @roots = @_;
	my $ticks = 0;
	foreach my $root (@roots)
	{
		foreach my $pid (family($root))
		{
			my @fields = split ' ', (eval { slurp("/proc/$pid/stat") } // next) =~ s/.*\) //sr;
			$ticks += $fields[11] + $fields[12];
			$ticks += $fields[13] + $fields[14] if $pid == $root;
		}
	}
	return $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# Kills processes and all below them like machines that lose their power at one moment: all are stopped first, so that
# none of them notices that another one is gone or goes on for a while. Returns when none exists any more; dies after
# 10 s.
sub kill_family
{
	my @roots = @_;
	my @pids = map { family($_) } @roots;
	kill 'STOP', @pids;
	@pids = map { family($_) } @roots;
	kill 'STOP', @pids;
	kill 'KILL', @pids;
	exit_status($_) foreach @roots;
	wait_until(10, sub { exit_status($_) foreach @roots; return !grep { alive($_) } @pids })
	  or die "processes @pids did not end\n";
}

# A loopback port that nobody listens on, below the range from which clients get theirs.
sub free_port
{
	foreach (1 .. 200)
	{
		my $port = 10000 + int(rand(22000));
		my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => $port);
		return $port if $socket;
	}
	die "found no free port\n";
}

# Exempts a process from being killed at the end.
sub leave_running
{
	my ($pid) = @_;
	@spawned = grep { $_ != $pid } @spawned;
}

# Whatever the test left running is killed, by pid, and the exit status stays the test's own.
END
{
	my $status = $?;
	if ($$ == $owner)
	{
		kill_family($_) foreach grep { !defined exit_status($_) } @spawned;
	}
	$? = $status;
}

1;
