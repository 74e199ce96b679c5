# QuorateCluster: three nodes (or one) that form a cluster, and load on it.
#
#   my $cluster = QuorateCluster->new;                     # north, south, west; started, extension and cluster created
#   $cluster->create_table('songs', partitions => 3);
#   my $load = $cluster->start_history('songs', seconds => 10);
#   $cluster->leader_of('songs', 0)->kill9;
#   $cluster->finish_history($load);                       # checks linearizability and re-reads acknowledged writes
#   $cluster->finish;                                      # replicas equal, logs clean
#
# The methods that end in a verdict report it as a test through Test::More.
package QuorateCluster;

use strict;
use warnings;
use File::Temp ();
use Test::More ();
use Time::HiRes qw(sleep);
use QuorateNode;
use QuorateProcess qw(run_command spawn wait_until slurp exit_status kill_family);

my @names = qw(north south west);
my $tools = $ENV{QUORATE_TOOLS} // 'build/tools';

# Options: nodes (3), settings => { name => value } for all, node_settings => { north => { ... } },
# env => { north => { NAME => value } }, power_off => 1, faults => 1 and slow_sync_us => { north => N } (see QuorateNode),
# release => that of all nodes (see QuorateNode), network => a QuorateNetwork in which the nodes live, create (1): whether to
# create extension and cluster.
sub new
{
	my ($class, %option) = @_;
	my $folder = File::Temp::tempdir('cluster-XXXXXX', TMPDIR => 1);
	my $self = bless { folder => $folder, nodes => [], loads => 0 }, $class;
	foreach my $i (0 .. ($option{nodes} // 3) - 1)
	{
		my $name = $names[$i];
		push @{ $self->{nodes} },
		  QuorateNode->new(
			name => $name,
			zone => 'az' . ($i + 1),
			folder => $folder,
			settings => { %{ $option{settings} // {} }, %{ $option{node_settings}{$name} // {} } },
			env => $option{env}{$name},
			power_off => $option{power_off},
			faults => $option{faults},
			release => $option{release},
			network => $option{network} ? [ $option{network}, $i + 1 ] : undef,
			slow_sync_us => $option{slow_sync_us}{$name});
	}
	$_->init, $_->start foreach $self->nodes;
	$self->create if $option{create} // 1;
	return $self;
}

# Another instance, started and with the extension, that belongs to no cluster: for add_node. The arguments are those of
# QuorateNode.
sub new_instance
{
	my ($self, $name, $zone, %option) = @_;
	my $node = QuorateNode->new(name => $name, zone => $zone, folder => $self->{folder}, %option);
	$node->init;
	$node->start;
	$node->sql('CREATE EXTENSION quorate');
	return $node;
}

# Another instance that becomes a node of the cluster, by add_node on the first one; wait: add_node waits until it has the metadata
# (default 1). The other options are those of QuorateNode.
sub add_node
{
	my ($self, $name, $zone, %option) = @_;
	my $wait = delete $option{wait} // 1 ? 'true' : 'false';
	my $node = $self->new_instance($name, $zone, %option);
	($self->nodes)[0]->sql(sprintf("SELECT quorate.add_node('%s', '%s', '%s', wait => %s)", $name, $zone, $node->peer_conninfo, $wait), limit_s => 60);
	$self->adopt($node);
	return $node;
}

# Counts an instance among the nodes of the cluster from now on, or no longer.
sub adopt { my ($self, $node) = @_; push @{ $self->{nodes} }, $node }
sub disown { my ($self, $node) = @_; $self->{nodes} = [ grep { $_ != $node } @{ $self->{nodes} } ] }

sub nodes { return @{ $_[0]{nodes} } }
sub folder { return $_[0]{folder} }

sub node
{
	my ($self, $name) = @_;
	my ($node) = grep { $_->name eq $name } $self->nodes;
	return $node // die "there is no node \"$name\"\n";
}

# The nodes other than the given one.
sub others
{
	my ($self, $node) = @_;
	return grep { $_ != $node } $self->nodes;
}

# The argument of create_cluster as an SQL literal.
sub nodes_json
{
	my ($self) = @_;
	my @entries = map {
		sprintf '{"name": "%s", "zone": "%s", "conninfo": "%s"}', $_->name, $_->zone, $_->peer_conninfo
	} $self->nodes;
	return "'[" . join(', ', @entries) . "]'";
}

sub create
{
	my ($self) = @_;
	$_->sql('CREATE EXTENSION quorate') foreach $self->nodes;
	($self->nodes)[0]->sql('SELECT quorate.create_cluster(' . $self->nodes_json . ')', limit_s => 120);
}

# Creates an item table with the partition key "pk" (S) and waits until every node shows all its leaders.
# Options: partitions (3), sort_key, sort_key_type ('S').
sub create_table
{
	my ($self, $table, %option) = @_;
	my $sort = $option{sort_key}
	  ? sprintf ", sort_key => '%s', sort_key_type => '%s'", $option{sort_key}, $option{sort_key_type} // 'S'
	  : '';
	my $partitions = $option{partitions} // 3;
	($self->nodes)[0]->sql(
		"SELECT quorate.create_table('$table', partition_key => 'pk', partition_key_type => 'S'$sort, partitions => $partitions)",
		limit_s => 120);
	$self->wait_for_leaders($table, $partitions);
}

# Waits until every running node knows a leader of each partition; dies after limit_s (60).
sub wait_for_leaders
{
	my ($self, $table, $partitions, $limit_s) = @_;
	foreach my $node (grep { $_->running } $self->nodes)
	{
		$node->poll_until(
			"SELECT count(*) FROM quorate.partitions WHERE table_name = '$table' AND leader IS NOT NULL",
			$partitions, $limit_s // 60)
		  or die 'node ' . $node->name . " does not know all leaders of $table\n";
	}
}

# The node that a query of quorate.partitions names, as a running node sees it, once it names one; dies after 30 s.
sub leader_by
{
	my ($self, $query) = @_;
	my ($asked) = grep { $_->running } $self->nodes;
	my $name;
	wait_until(30, sub { $name = $asked->sql("SELECT leader FROM quorate.partitions WHERE leader IS NOT NULL AND $query"); return $name ne '' })
	  or die "there is no leader with $query\n";
	return $self->node($name);
}

# The node that leads a partition.
sub leader_of
{
	my ($self, $table, $partition) = @_;
	return $self->leader_by("table_name = '$table' AND partition = $partition");
}

# The node that leads most partitions of the table.
sub busiest_leader
{
	my ($self, $table) = @_;
	return $self->leader_by("table_name = '$table' GROUP BY leader ORDER BY count(*) DESC, leader LIMIT 1");
}

# The members of all partitions of a table as their leaders have them: "node kind" sorted, one string a partition.
sub members
{
	my ($self, $table, $partitions) = @_;
	my %seen;
	foreach my $node (grep { $_->running } $self->nodes)
	{
		my $rows = eval { $node->sql("SELECT p.partition || ' ' || (SELECT string_agg(n.name || ' ' || m.kind, ', ' ORDER BY n.name)
			FROM ROWS FROM (unnest(g.member_nodes), unnest(g.member_kinds)) AS m(id, kind) JOIN quorate._nodes() n ON n.node_id = m.id)
			FROM quorate._group_status() g JOIN quorate._partitions() p USING (group_id) JOIN quorate._tables() t USING (table_id)
			WHERE t.table_name = '$table' AND g.ballot IS NOT NULL AND g.generation = g.committed_generation") } // '';
		foreach my $line (split /\n/, $rows)
		{
			my ($partition, $list) = split / /, $line, 2;
			$seen{$partition} = $list;
		}
	}
	return map { $seen{$_} // 'nobody leads' } 0 .. $partitions - 1;
}

# Hands all partitions of a table to one node, which becomes the preferred leader of each.
sub move_leaders
{
	my ($self, $table, $partitions, $node) = @_;
	my $name = $node->name;
	# A node that was resumed on another one may not know it yet.
	$node->poll_until('SELECT standing FROM quorate.nodes WHERE is_this_node', 'active') or die "$name is not active\n";
	$node->sql("SELECT quorate.transfer_leader('$table', $_, '$name')") foreach 0 .. $partitions - 1;
	$node->poll_until("SELECT count(*) FROM quorate.partitions WHERE table_name = '$table' AND leader = '$name'", $partitions)
	  or die "$name did not become the leader of all partitions of $table\n";
}

# A partition key for each partition of a table: number => key. Writes items to find out.
sub probe_keys
{
	my ($self, $table, $partitions, $sort_key) = @_;
	my $node = ($self->nodes)[0];
	my $sort = $sort_key ? ", \"$sort_key\": {\"N\": \"0\"}" : '';
	my @items = map { "'{\"pk\": {\"S\": \"probe-$_\"}$sort}'" } 1 .. 20 * $partitions;
	$node->sql("SELECT quorate.put_items('$table', ARRAY[" . join(',', @items) . ']::quorate.item[])');
	my $relation = 'quorate_data.t' . $node->sql("SELECT table_id FROM quorate.tables WHERE table_name = '$table'");
	my $query = "SELECT p.partition, min(d.item::jsonb #>> '{pk,S}') FROM quorate.partitions p JOIN $relation d
		ON d.position >= coalesce(p.position_from, '') AND (p.position_to IS NULL OR d.position < p.position_to)
		WHERE p.table_name = '$table' GROUP BY 1";
	my %key;
	wait_until(30,
		sub {
			%key = map { split /\|/ } split /\n/, $node->sql($query);
			return keys %key == $partitions;
		}) or die "not every partition of $table got a key\n";
	return %key;
}

# Kills all instances at one moment.
sub kill_all
{
	my ($self) = @_;
	kill_family(map { $_->pid } $self->nodes);
}

# ---------------------------------------------------------------- load

sub target_options
{
	my ($self, @nodes) = @_;
	return map { ('--node', $_->conninfo) } @nodes ? @nodes : $self->nodes;
}

# Starts the load client in the background: puts, gets and deletes on a few keys from several connections to all nodes;
# of the gets eventual_percent (20) are eventually consistent. Other options: seconds (10), connections (8), keys (20), seed,
# nodes => [ ... ], extra => [ ... ].
sub start_history
{
	my ($self, $table, %option) = @_;
	my $number = ++$self->{loads};
	my $load = { table => $table, history => "$self->{folder}/history-$number", log => "$self->{folder}/load-$number.log" };
	$load->{pid} = spawn(
		[
			"$tools/history_client", 'load', '--table', $table, '--history', $load->{history},
			'--seconds', $option{seconds} // 10, '--connections', $option{connections} // 8,
			'--keys', $option{keys} // 20, '--key-prefix', "load$number-",
			'--eventual-percent', $option{eventual_percent} // 20,
			'--seed', $option{seed} // $number, '--process', $number * 1000,
			$self->target_options(@{ $option{nodes} // [] }), @{ $option{extra} // [] }
		],
		$load->{log});
	return $load;
}

# How many writes the load has had acknowledged so far.
sub acknowledged_writes
{
	my ($self, $load) = @_;
	return 0 unless -f $load->{history};
	my $text = slurp($load->{history});
	my $count = () = $text =~ /^\d+ (?:put|delete) .* ok$/mg;
	return $count;
}

# Waits until that number of writes has been acknowledged beyond the ones so far; dies after limit_s (60).
sub wait_for_writes
{
	my ($self, $load, $more, $limit_s) = @_;
	my $target = $self->acknowledged_writes($load) + $more;
	wait_until($limit_s // 60, sub { $self->acknowledged_writes($load) >= $target })
	  or die "only " . $self->acknowledged_writes($load) . " of $target writes were acknowledged:\n" . slurp($load->{log});
}

# Ends the load (at once if told to stop), and tests: it ended well, the history is linearizable, no session went back,
# and every acknowledged write is found or was replaced by a later one.
sub finish_history
{
	my ($self, $load, %option) = @_;
	my $name = $option{name} // "load on $load->{table}";
	kill 'TERM', $load->{pid} if $option{stop} // 1;
	wait_until($option{limit_s} // 120, sub { defined exit_status($load->{pid}) }) or kill_family($load->{pid});
	Test::More::is(exit_status($load->{pid}), 0, "$name: the client ended well") or Test::More::diag(slurp($load->{log}));
	my ($status, $out, $err) = run_command([ "$tools/linear_check", $load->{history} ], '', 300);
	Test::More::is($status, 0, "$name: the history is linearizable") or Test::More::diag($out . $err);
	Test::More::note($out);
	Test::More::note(sprintf 'longest time without an acknowledged write of one key: %.1f s', longest_silence_s($load->{history}));
	$self->reread($load, $name);
}

# After finish_history: tests that a retry cures every error that the load met: nobody served in time, outcome unknown, the
# server stops or starts, the connection was lost.
sub retries_cure
{
	my ($self, $load) = @_;
	my %errors = slurp($load->{log}) =~ /^errors (\S+): (\d+)$/mg;
	Test::More::note("errors: $_ $errors{$_} times") foreach sort keys %errors;
	my @others = grep { !/^(?:QR001|08007|57P01|57P02|57P03|connection)$/ } sort keys %errors;
	Test::More::is("@others", '', 'a retry cures every error that a client met') or Test::More::diag(slurp($load->{log}));
}

# Tests that every acknowledged write of a load is found, reading from every running node.
sub reread
{
	my ($self, $load, $name) = @_;
	foreach my $node (grep { $_->running } $self->nodes)
	{
		my ($status, $out, $err) = run_command(
			[
				"$tools/history_client", 'reread', '--table', $load->{table}, '--history', $load->{history},
				$self->target_options($node)
			],
			'', 300);
		Test::More::is($status, 0, "$name: every acknowledged write is found through " . $node->name)
		  or Test::More::diag($out . $err);
	}
}

# ---------------------------------------------------------------- gaps

# Starts one writer a partition, which writes its key again and again, from connections to the given nodes (all).
# keys: number => key, as probe_keys returns them. Options: rate (100 writes a second each), nodes => [ ... ],
# timeout_ms (2000), history => 1 to record every write (QuorateGaps).
sub start_probe
{
	my ($self, $table, $keys, %option) = @_;
	my $number = ++$self->{probes};
	my $probe = { keys => $keys, out => "$self->{folder}/probe-$number.out", log => "$self->{folder}/probe-$number.log" };
	$probe->{history} = "$self->{folder}/probe-$number.history" if $option{history};
	$probe->{pid} = spawn(
		[
			"$tools/history_client", 'probe', '--table', $table, '--rate', $option{rate} // 100, '--seconds', 0,
			'--timeout-ms', $option{timeout_ms} // 2000, (map { ('--probe-key', $_) } values %$keys),
			($probe->{history} ? ('--history', $probe->{history}) : ()),
			$self->target_options(@{ $option{nodes} // [] })
		],
		$probe->{out}, stderr => $probe->{log});
	return $probe;
}

# Ends it; returns number of partition => the longest time in ms without an acknowledged write.
sub finish_probe
{
	my ($self, $probe) = @_;
	kill 'TERM', $probe->{pid};
	wait_until(60, sub { defined exit_status($probe->{pid}) }) or die "the probe did not end\n";
	die "the probe failed:\n" . slurp($probe->{log}) if exit_status($probe->{pid});
	my %gap = map { /^(\S+) \d+ \d+ \d+ ([\d.]+) \d+$/ ? ($1 => $2) : () } split /\n/, slurp($probe->{out});
	return map { $_ => $gap{ $probe->{keys}{$_} } } keys %{ $probe->{keys} };
}

# The longest gap in ms on any of the partitions while the given code runs. Options as for start_probe.
sub longest_gap
{
	my ($self, $table, $keys, $code, %option) = @_;
	my $probe = $self->start_probe($table, $keys, %option);
	sleep 0.5;
	$code->();
	my %gap = $self->finish_probe($probe);
	my ($longest) = sort { $b <=> $a } values %gap;
	return $longest;
}

# The longest time between two acknowledged writes of the same key in a history: no partition was silent for longer.
sub longest_silence_s
{
	my ($history) = @_;
	my ($longest, %last) = (0);
	foreach my $write (sort { $a->[1] <=> $b->[1] } map { /^\d+ (?:put|delete) (\S+) \S+ \d+ (\d+) ok$/ ? [ $1, $2 ] : () }
		split /\n/, slurp($history))
	{
		my ($key, $end) = @$write;
		$longest = $end - $last{$key} if defined $last{$key} && $end - $last{$key} > $longest;
		$last{$key} = $end;
	}
	return $longest / 1e6;
}

# Waits for a time; returns the 99th percentile, in ms, of the latencies of the load's writes acknowledged meanwhile.
sub write_p99_ms
{
	my ($self, $load, $seconds) = @_;
	my $position = -s $load->{history};
	sleep $seconds;
	my @latencies = sort { $a <=> $b } map { /^\d+ (?:put|delete) \S+ \S+ (\d+) (\d+) ok$/ ? $2 - $1 : () }
	  split /\n/, substr(slurp($load->{history}), $position);
	die "no write was acknowledged in $seconds s\n" unless @latencies;
	return $latencies[ int(0.99 * $#latencies) ] / 1000;
}

# Tests that a gap is within the limit, and tells it: docs/failure-model.md has such figures.
sub gap_within
{
	my ($self, $gap_ms, $limit_ms, $name) = @_;
	Test::More::note(sprintf 'longest write gap: %.0f ms: %s', $gap_ms, $name);
	Test::More::cmp_ok($gap_ms, '<=', $limit_ms, "$name: no write gap over $limit_ms ms");
}

# ---------------------------------------------------------------- verdicts

# The checksum of each partition of a table on one node, with the LSN that it shows.
sub checksums
{
	my ($self, $node, $table) = @_;
	return $node->sql("SELECT partition, applied_lsn, items, checksum FROM quorate.checksum('$table') ORDER BY 1");
}

# Tests that all nodes hold the same rows of the table; replicas get limit_s (60) to catch up. No writes may run.
sub replicas_equal
{
	my ($self, $table, $limit_s) = @_;
	my ($first, @rest) = $self->nodes;
	my @sums;
	my $equal = wait_until($limit_s // 60,
		sub {
			@sums = map { $self->checksums($_, $table) } $first, @rest;
			return $sums[0] ne '' && !grep { $_ ne $sums[0] } @sums;
		});
	Test::More::ok($equal, "all replicas of $table are equal by checksum")
	  or Test::More::diag(map { "$_\n\n" } @sums);
	return $equal;
}

# The same where there are more nodes than copies: each partition has so many replicas, and these are equal. A node without
# a replica shows an LSN of 0.
sub copies_equal
{
	my ($self, $table, $copies, $limit_s) = @_;
	my @sums;
	my $equal = wait_until($limit_s // 60,
		sub {
			@sums = map { $self->checksums($_, $table) } $self->nodes;
			my %lines;
			foreach my $line (map { split /\n/ } @sums)
			{
				my ($partition, $lsn, $rest) = split /\|/, $line, 3;
				push @{ $lines{$partition} }, $rest if $lsn;
			}
			return %lines && !grep { my $all = $_; @$all != $copies || grep { $_ ne $all->[0] } @$all } values %lines;
		});
	Test::More::ok($equal, "the $copies replicas of every partition of $table are equal by checksum")
	  or Test::More::diag(map { "$_\n\n" } @sums);
	return $equal;
}

# Tests that no node's log has an alarming line but the allowed ones.
sub logs_clean
{
	my ($self, @allowed) = @_;
	my @lines = map { my $node = $_; map { $node->name . ": $_" } $node->alarming_lines(@allowed) } $self->nodes;
	Test::More::is(scalar @lines, 0, 'no alarming line in the logs') or Test::More::diag(join "\n", @lines);
}

# The end of a test file: stops the nodes and tests their logs; the patterns are what this file allows there.
sub finish
{
	my ($self, @allowed) = @_;
	$_->stop foreach $self->nodes;
	$self->logs_clean(@allowed);
}

1;
