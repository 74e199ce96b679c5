# QuorateNode: one PostgreSQL instance with the extension preloaded, in a folder of its own on a free loopback port.
#
#   my $node = QuorateNode->new(name => 'north', zone => 'az1', folder => $scratch);
#   $node->init; $node->start;
#   is($node->sql('SELECT 1'), '1');
#   $node->kill9; $node->start;
#
# The instance's programs are those of $QUORATE_BINDIR (the private installation). Nodes are stopped by pid, not by
# pg_ctl; whatever still runs when the test ends is killed (QuorateProcess).
package QuorateNode;

use strict;
use warnings;
use Cwd qw(abs_path);
use QuorateFault;
use QuorateProcess qw(run_command spawn family kill_family alive free_port slurp wait_until exit_status);
use QuorateWire qw(crc32c);
use Time::HiRes qw(sleep time);

my $tools = $ENV{QUORATE_TOOLS} // 'build/tools';
my $bindir = $ENV{QUORATE_BINDIR} // die "QUORATE_BINDIR is not set; run the tests with make tap\n";

# What every instance is started with; `settings` of new() overrides, undef removes.
my %default_settings = (
	listen_addresses => '127.0.0.1',
	shared_preload_libraries => 'quorate',
	wal_level => 'replica',
	max_wal_senders => 20,
	max_worker_processes => 16,
	max_connections => 100,
	shared_buffers => '32MB',
	fsync => 'on',
	full_page_writes => 'on',
	max_wal_size => '256MB',
	log_line_prefix => '%m [%p] %b ',
	log_min_messages => 'log',
	restart_after_crash => 'on',
	'quorate.database' => 'postgres');

# Arguments: name, zone, folder (exists); optional settings => { name => value }, env => { NAME => value } for the
# server's environment, power_off => 1 to make power_off possible (the server then keeps a journal of its writes),
# slow_sync_us => N, with power_off, to have the log's disk take up to that much longer for each sync, faults => 1 to
# make faults of disk and clock possible (see fault), network => [ QuorateNetwork, NUMBER ] to live there,
# release => the name of another release to begin with.
sub new
{
	my ($class, %arg) = @_;
	my $self = bless {
		name => $arg{name},
		zone => $arg{zone} // "zone-$arg{name}",
		data => "$arg{folder}/$arg{name}",
		log => "$arg{folder}/$arg{name}.log",
		port => free_port(),
		settings => {%default_settings},
		env => $arg{env} // {},
		network => $arg{network},
		bindir => $bindir }, $class;
	$self->set_release($arg{release}) if defined $arg{release};
	$self->set(%{ $arg{settings} // {} });
	$self->keep_journal(abs_path($arg{folder}), $arg{slow_sync_us} // 0) if $arg{power_off};
	$self->prepare_faults(abs_path($arg{folder})) if $arg{faults};
	$self->set(listen_addresses => $self->address) if $arg{network};
	return $self;
}

# The programs of another release of the extension (tests/run/other_release.sh) for the next start; none: the present one.
sub set_release
{
	my ($self, $release) = @_;
	my ($install) = $bindir =~ m{^(.*/tmp_install)/} or die "QUORATE_BINDIR is not in a private installation\n";
	$self->{bindir} = defined $release ? "$install/releases/$release" . substr($bindir, length $install) : $bindir;
	die "there is no release $release: $self->{bindir}\n" unless -x "$self->{bindir}/postgres";
}

sub name { return $_[0]{name} }
sub zone { return $_[0]{zone} }
sub port { return $_[0]{port} }
sub data { return $_[0]{data} }
sub pid { return $_[0]{pid} }

sub address
{
	my ($self) = @_;
	my ($network, $number) = @{ $self->{network} // [] };
	return $network ? $network->address($number) : '127.0.0.1';
}

# How clients reach this node: where nodes have a network of their own, by a socket that its faults do not concern.
sub conninfo
{
	my ($self) = @_;
	return $self->peer_conninfo unless $self->{network};
	return "host=$self->{data} port=$self->{port} dbname=postgres user=postgres";
}

# How other nodes reach it; no name is resolved.
sub peer_conninfo
{
	my ($self) = @_;
	return 'hostaddr=' . $self->address . " port=$self->{port} dbname=postgres user=postgres";
}

# Changes settings for the next start; an undefined value removes one.
sub set
{
	my ($self, %settings) = @_;
	while (my ($name, $value) = each %settings)
	{
		if (defined $value) { $self->{settings}{$name} = $value }
		else { delete $self->{settings}{$name} }
	}
}

sub init
{
	my ($self) = @_;
	my ($status, $out, $err) = run_command(
		[ "$bindir/initdb", '-D', $self->{data}, '-U', 'postgres', '-A', 'trust', '--no-locale', '-E', 'UTF8', '--no-sync' ],
		'', 120);
	die "initdb of $self->{name} failed:\n$out$err" if !defined $status || $status;
	return unless $self->{network};
	open my $rules, '>>', "$self->{data}/pg_hba.conf" or die "could not write pg_hba.conf: $!\n";
	print $rules "host all all 10.77.0.0/24 trust\nhost replication all 10.77.0.0/24 trust\n";
	close $rules or die "could not write pg_hba.conf: $!\n";
}

sub write_settings
{
	my ($self) = @_;
	open my $conf, '>', "$self->{data}/postgresql.auto.conf" or die "could not write settings: $!\n";
	my %settings = (%{ $self->{settings} }, port => $self->{port}, unix_socket_directories => $self->{data});
	foreach my $name (sort keys %settings)
	{
		(my $value = $settings{$name}) =~ s/'/''/g;
		print $conf "$name = '$value'\n";
	}
	close $conf or die "could not write settings: $!\n";
}

# Starts the instance and waits until it takes connections. Just after kill9 the shared memory of the dead server
# may still be attached for a moment, so a start that fails is tried again for 20 s; then this dies with the log.
sub start
{
	my ($self, %option) = @_;
	$self->write_settings;
	my $ok = wait_until(20,
		sub {
			$self->{pid} = spawn([ $self->server_command ], $self->{log}, env => $self->{env});
			return wait_until($option{limit_s} // 60, sub { $self->ready || defined exit_status($self->{pid}) }) && $self->ready;
		});
	die "node $self->{name} did not start:\n" . substr($self->log_text, -3000) unless $ok;
}

sub server_command
{
	my ($self) = @_;
	my ($network, $number) = @{ $self->{network} // [] };
	return ($network ? $network->enter($number) : (), "$self->{bindir}/postgres", '-D', $self->{data});
}

# True if the instance answers.
sub ready
{
	my ($self) = @_;
	my ($status, $out) = run_command([ $self->psql_command, '-c', 'SELECT 1' ], '', 5);
	return defined $status && $status == 0 && $out eq "1\n";
}

sub running
{
	my ($self) = @_;
	return $self->{pid} && !defined exit_status($self->{pid}) ? 1 : 0;
}

# Stops the instance: mode is smart, fast (the default) or immediate. Dies if that takes more than 60 s.
sub stop
{
	my ($self, $mode) = @_;
	my %signal = (smart => 'TERM', fast => 'INT', immediate => 'QUIT');
	return unless $self->running;
	kill $signal{ $mode // 'fast' }, $self->{pid};
	wait_until(60, sub { !$self->running }) or die "node $self->{name} did not stop\n";
}

sub restart
{
	my ($self, $mode) = @_;
	$self->stop($mode);
	$self->start;
}

# Kills the whole instance at once: the server process and all its children.
sub kill9
{
	my ($self) = @_;
	kill_family($self->{pid});
}

# The segment files of the node's log, oldest first.
sub log_segments
{
	my ($self) = @_;
	my @files = sort glob "$self->{data}/pgsql_tmp_quorate/*.segment";
	return @files;
}

# The records of a segment file, as [offset, length, kind, group, LSN]: each names the CRC of the one before, the first one that
# of the header. docs/formats.md has the layout.
sub records
{
	my ($file) = @_;
	open my $io, '<:raw', $file or die "could not open $file: $!\n";
	read $io, my $image, -s $file;
	my ($offset, $before, @records) = (512, unpack 'V', substr $image, 48, 4);
	while ($offset + 44 <= length $image)
	{
		my ($crc, $length, $chain, $kind, $group, $lsn) = unpack 'V V V x4 C x3 Q< Q<', substr $image, $offset, 44;
		last if $length < 44 || $offset + $length > length $image || $chain != $before;
		push @records, [ $offset, $length, $kind, $group, $lsn ];
		$before = $crc;
		$offset += ($length + 7) & ~7;
	}
	return @records;
}

# A segment ends with an index (a record of kind 9) when it is closed.
sub is_closed
{
	my @records = records($_[0]);
	return @records && $records[-1][2] == 9;
}

# The newest closed segment of the stopped node, and the offset of an entry of a table in the middle of it.
sub closed_segment
{
	my ($self) = @_;
	my ($file) = grep { is_closed($_) } reverse $self->log_segments;
	my @entries = grep { $_->[2] == 1 && $_->[3] > 1 } records($file);
	return ($file, $entries[@entries / 2][0]);
}

# The segment that is being filled, and the offset at which its records end.
sub last_segment
{
	my ($self) = @_;
	my ($file) = grep { records($_) } reverse $self->log_segments;
	my $last = (records($file))[-1];
	return ($file, $last->[0] + (($last->[1] + 7) & ~7));
}

# Damages a byte of every 20th entry of the tables' groups whose LSN leaves that remainder when divided by 3, in all segments
# of the stopped node; docs/formats.md has the records. Option closed: not in the segment that was being written, where damage
# behind the last checkpoint is refused. Returns how many entries, and in how many segments.
sub damage_log
{
	my ($self, $remainder, %option) = @_;
	my $seen = 0;
	my @segments = $self->log_segments;
	pop @segments while $option{closed} && @segments && !is_closed($segments[-1]);
	return damage_entries(
		sub {
			my ($group, $lsn) = @_;
			return $group > 1 && $lsn % 3 == $remainder && $seen++ % 20 == 0;
		},
		@segments);
}

# Damages the entry of that group and LSN in the log of the stopped node. Returns how often it was there.
sub damage_entry
{
	my ($self, $wanted_group, $wanted_lsn) = @_;
	my ($damaged) = damage_entries(sub { $_[0] == $wanted_group && $_[1] == $wanted_lsn }, $self->log_segments);
	return $damaged;
}

# Damages a byte of each entry, long enough to have one to spare, of whose group and LSN the function approves.
sub damage_entries
{
	my ($wanted, @segments) = @_;
	my ($damaged, %files) = (0);
	foreach my $file (@segments)
	{
		open my $io, '+<:raw', $file or die "could not open $file: $!\n";
		foreach my $record (records($file))
		{
			my ($offset, $length, $kind, $group, $lsn) = @$record;
			next unless $kind == 1 && $length > 100 && $wanted->($group, $lsn);
			seek $io, $offset + 60, 0;
			read $io, my $byte, 1;
			seek $io, $offset + 60, 0;
			print $io chr(ord($byte) ^ 0x40);
			$damaged++;
			$files{$file} = 1;
		}
		close $io or die "could not write $file: $!\n";
	}
	return ($damaged, scalar keys %files);
}

# Makes an entry in the log of the stopped node one of a version that no release knows. The log is whole all the same: the
# checksums of the record, and of those behind it in the segment, are made anew. Dies if the entry is not there.
sub spoil_entry
{
	my ($self, $wanted_group, $wanted_lsn) = @_;
	foreach my $file (reverse $self->log_segments)
	{
		open my $io, '+<:raw', $file or die "could not open $file: $!\n";
		read $io, my $image, -s $file;
		my ($seed, $offset, $chain) = (unpack('x48 V', $image), 512);
		my $last = $seed;
		while ($offset + 44 < length $image)
		{
			my ($crc, $length, $before, $kind, $group, $lsn) = unpack 'V V V x4 C x3 Q< Q<', substr $image, $offset, 44;
			last if $length < 44 || $offset + $length > length $image || $before != $last; # what a former use of the file left
			$last = $crc;
			if ($kind == 1 && $group == $wanted_group && $lsn == $wanted_lsn)
			{
				# Behind the record's header and the envelope's length: the first field, `version`.
				die "entry $lsn is none of version 1\n" if substr($image, $offset + 48, 2) ne "\x08\x01";
				substr($image, $offset + 49, 1) = "\x7f";
				$chain = $before;
			}
			if (defined $chain)
			{
				substr($image, $offset + 8, 4) = pack 'V', $chain;
				$chain = crc32c(substr($image, $offset + 4, $length - 4), $seed);
				substr($image, $offset, 4) = pack 'V', $chain;
			}
			$offset += ($length + 7) & ~7;
		}
		next unless defined $chain;
		seek $io, 0, 0;
		print $io $image;
		close $io or die "could not write $file: $!\n";
		return;
	}
	die "entry $wanted_lsn of group $wanted_group is not in the log of $self->{name}\n";
}

# Has the server preload the shim of tests/fault.
sub keep_journal
{
	my ($self, $folder, $slow_sync_us) = @_;
	$self->{journal} = "$folder/$self->{name}.journal";
	$self->{env} = {
		%{ $self->{env} },
		LD_PRELOAD => abs_path("$tools/poweroff_shim.so"),
		QUORATE_POWEROFF_ROOT => "$folder/$self->{name}",
		QUORATE_POWEROFF_JOURNAL => $self->{journal},
		QUORATE_POWEROFF_SLOW_FOLDER => "$folder/$self->{name}/pgsql_tmp_quorate",
		QUORATE_POWEROFF_SLOW_US => $slow_sync_us };
}

# Has the server preload the shim of tests/fault that plays faults of disk and clock.
sub prepare_faults
{
	my ($self, $folder) = @_;
	$self->{fault} = QuorateFault->new("$folder/$self->{name}.fault", "$folder/$self->{name}/pgsql_tmp_quorate");
	$self->{env} = { %{ $self->{env} }, LD_PRELOAD => abs_path("$tools/fault_shim.so"), $self->{fault}->environment };
}

# The faults of this node's disk and clocks: a QuorateFault.
sub fault { return $_[0]{fault} // die "node $_[0]{name} was not prepared for faults\n" }

# Kills the whole instance, if it still runs, and throws away what it had not synced. With a seed some of that stays, and the last write
# of a file may be torn. Returns what the restorer said.
sub power_off
{
	my ($self, $seed) = @_;
	kill_family($self->{pid}) if $self->running;
	my ($status, $out, $err) = run_command(
		[ "$tools/poweroff_restore", $self->{data}, $self->{journal}, defined $seed ? $seed : () ], '', 60);
	die "poweroff_restore failed:\n$out$err" if !defined $status || $status;
	return $out;
}

# Stops or resumes, by signal, the processes of which the name shown in ps contains the text ("replicator", say).
# Returns their pids; dies if there is none.
sub signal_process
{
	my ($self, $signal, $text) = @_;
	my @pids = $self->process_pids($text) or die "node $self->{name} has no process \"$text\"\n";
	kill $signal, @pids;
	return @pids;
}

sub process_pids
{
	my ($self, $text) = @_;
	return grep { $_ != $self->{pid} && index(eval { slurp("/proc/$_/cmdline") } // '', $text) >= 0 } family($self->{pid});
}

# The private memory, in kB, of the processes of which the name shown in ps contains the text; all without one.
sub private_kb
{
	my ($self, $text) = @_;
	my $kb = 0;
	foreach my $pid (defined $text ? $self->process_pids($text) : family($self->{pid}))
	{
		$kb += $1 if (eval { slurp("/proc/$pid/status") } // '') =~ /^RssAnon:\s+(\d+) kB/m;
	}
	return $kb;
}

sub counter
{
	my ($self, $name) = @_;
	return $self->sql("SELECT value FROM quorate.counters WHERE name = '$name'");
}

sub psql_command
{
	my ($self) = @_;
	return ("$bindir/psql", '-XqAt', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose', '-d',
		$self->conninfo . ' connect_timeout=5');
}

# Runs SQL text; returns its output without the last newline, rows as lines with "|" between columns. Dies on an
# error. Options: limit_s (60).
sub sql
{
	my ($self, $text, %option) = @_;
	my ($status, $out, $err) = run_command([ $self->psql_command, '-f', '-' ], $text, $option{limit_s} // 60);
	die "node $self->{name}: timed out: $text\n" unless defined $status;
	die "node $self->{name}: $text\n$err" if $status;
	chomp $out;
	return $out;
}

# Runs SQL text that has to fail; returns the SQLSTATE and the message. ('', '') if it succeeded, ('timeout', '') if
# it took longer than limit_s.
sub sql_error
{
	my ($self, $text, %option) = @_;
	my ($status, undef, $err) = run_command([ $self->psql_command, '-f', '-' ], $text, $option{limit_s} // 60);
	return ('timeout', '') unless defined $status;
	return error_of($status, $err);
}

# The SQLSTATE and the message of the first error that psql printed; ('', '') if it succeeded.
sub error_of
{
	my ($status, $err) = @_;
	return ('', '') if $status == 0;
	return ($1, $2) if $err =~ /(?:ERROR|FATAL|PANIC):  ([0-9A-Z]{5}): (.*)/;
	return ('connection', $err);
}

# Starts SQL text in the background; backend_of and finish_sql take what this returns.
my $sessions = 0;

sub start_sql
{
	my ($self, $text) = @_;
	my $session = { name => 'session ' . ++$sessions, files => "$self->{data}.session-$sessions" };
	open my $in, '>', "$session->{files}.sql" or die "could not write $session->{files}.sql: $!\n";
	print $in $text;
	close $in or die "could not write $session->{files}.sql: $!\n";
	$session->{client} = spawn([ $self->psql_command, '-f', "$session->{files}.sql" ], "$session->{files}.out",
		stderr => "$session->{files}.err", env => { PGAPPNAME => $session->{name} });
	return $session;
}

# The pid of the backend of a background session, once it runs a statement that contains the text and waits in it;
# 0 if the session has ended before.
sub backend_of
{
	my ($self, $session, $text) = @_;
	my $pid;
	wait_until(20,
		sub {
			$pid = $self->sql("SELECT pid FROM pg_stat_activity WHERE application_name = '$session->{name}'
				AND state = 'active' AND wait_event IS NOT NULL AND position('$text' in query) > 0");
			return $pid ne '' || defined exit_status($session->{client});
		}) or die "the statement in the background does not wait:\n" . slurp("$session->{files}.err");
	return $pid || 0;
}

# How a background session ended: as sql_error says it.
sub finish_sql
{
	my ($self, $session, $limit_s) = @_;
	wait_until($limit_s // 60, sub { defined exit_status($session->{client}) }) or return ('timeout', '');
	return error_of(exit_status($session->{client}), slurp("$session->{files}.err"));
}

# What a background session that has ended printed.
sub session_output { return slurp("$_[1]{files}.out") }

# Waits until the query's output equals the expected text ("t" if none is given). Returns true, or false after
# limit_s with a note of what it was last.
sub poll_until
{
	my ($self, $query, $expected, $limit_s) = @_;
	$expected //= 't';
	my $last = '';
	my $ok = wait_until($limit_s // 60,
		sub { $last = eval { $self->sql($query, limit_s => 10) } // "error: $@"; return $last eq $expected; });
	print STDERR "# node $self->{name}: $query\n# was last: $last\n# expected:  $expected\n" unless $ok;
	return $ok;
}

sub log_text
{
	my ($self) = @_;
	return -f $self->{log} ? slurp($self->{log}) : '';
}

# The size of the log now; log_since(position) is what was written after it.
sub log_position
{
	my ($self) = @_;
	return -s $self->{log} // 0;
}

sub log_since
{
	my ($self, $position) = @_;
	return substr($self->log_text, $position);
}

# Lines of the log that no test may have: PANIC, FATAL and failed assertions, but those that follow from stopping
# servers, and those that match one of the allowed patterns.
my @harmless = (
	qr/the database system is (starting up|shutting down|not yet accepting connections|in recovery mode)/,
	qr/terminating (connection|background worker|autovacuum|logical replication|walreceiver).* due to administrator command/,
	qr/terminating connection (because of crash of another server process|due to unexpected postmaster exit)/,
	qr/connection to client lost/,
	qr/canceling authentication due to timeout/,    # that is how a backend that is told to end before it knows its user says so
	qr/postmaster became unresponsive|terminating.*immediate shutdown/,
	qr/lock file "postmaster.pid" already exists|pre-existing shared memory block/);

sub alarming_lines
{
	my ($self, @allowed) = @_;
	my @found;
	foreach my $line (split /\n/, $self->log_text)
	{
		next unless $line =~ /PANIC:|FATAL:|TRAP:|[Aa]ssertion|was terminated by signal|AddressSanitizer/;
		next if grep { $line =~ $_ } @harmless, @allowed;
		push @found, $line;
	}
	return @found;
}

# Exempts the instance from being killed at the end.
sub leave_running
{
	my ($self) = @_;
	QuorateProcess::leave_running($self->{pid});
}

1;
