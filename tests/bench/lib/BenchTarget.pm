# BenchTarget: what the load runs against. Three kinds, same items, same keys, all of them durable on two of three
# instances before a write is acknowledged:
#
#   native   PostgreSQL's own quorum replication: one primary, two standbys, ANY 1 of them; clients at the primary
#   leader   quorate, a table whose partitions are all led by one node; clients at that node
#   spread   quorate, a table whose leaders are spread over the nodes; clients spread over the nodes
package BenchTarget;

use strict;
use warnings;
use QuorateCluster;
use QuorateNode;
use QuorateProcess qw(run_command wait_until free_port);

our $fields = 10;
our $field_bytes = 90;

# What both sides are given alike.
my %settings = (
	shared_buffers => '512MB',
	max_wal_size => '4GB',
	checkpoint_timeout => '15min',
	max_connections => 200,
	fsync => 'on',
	synchronous_commit => 'on',
	full_page_writes => 'on',
	wal_keep_size => '1GB');

# SQL of an item's fields for key number i, in the form that the format() pattern of one field gives.
sub fields_sql
{
	my ($pattern) = @_;
	return join " || ', ' || ", map {
		my $digits = join '||', map { "md5(i::text || '$_')" } "${_}a", "${_}b", "${_}c";
		"format('$pattern', $_, substr($digits, 1, $field_bytes))"
	} 0 .. $fields - 1;
}

sub new
{
	my ($class, %self) = @_;
	return bless \%self, $class;
}

sub name { return $_[0]{name} }
sub nodes { return @{ $_[0]{nodes} } }

# The nodes that clients connect to.
sub endpoints { return @{ $_[0]{endpoints} } }

# SQL statements of pgbench scripts; :k is the key's number, :item a text with the fields.
sub read_sql { return $_[0]{read_sql} }
sub put_sql { return $_[0]{put_sql} }

# The text of an item's fields, as put_sql wants it, from a list of values.
sub item_text
{
	my ($self, @values) = @_;
	my $i = 0;
	return $self->{item_open} . join(', ', map { sprintf $self->{field_pattern}, $i++, $_ } @values) . '}';
}

# ---------------------------------------------------------------- native

sub start_standby
{
	my ($primary, $name, $folder) = @_;
	my $standby = QuorateNode->new(name => $name, folder => $folder,
		settings => { %settings, shared_preload_libraries => undef, 'quorate.database' => undef, hot_standby => 'on',
			primary_conninfo => $primary->conninfo . " application_name=$name" });
	my ($status, $out, $err) = run_command(
		[ "$ENV{QUORATE_BINDIR}/pg_basebackup", '-D', $standby->data, '-R', '-X', 'stream', '-c', 'fast', '--no-sync', '-d', $primary->conninfo ],
		'', 300);
	die "pg_basebackup failed:\n$err" if !defined $status || $status;
	$standby->start;
	return $standby;
}

# Starts the three instances and loads the items.
sub native
{
	my ($class, $folder, $items) = @_;
	my $primary = QuorateNode->new(name => 'primary', folder => $folder,
		settings => { %settings, shared_preload_libraries => undef, 'quorate.database' => undef });
	$primary->init;
	$primary->start;
	my @standbys = map { start_standby($primary, $_, $folder) } qw(standby1 standby2);
	$primary->set(synchronous_standby_names => 'ANY 1 (standby1, standby2)');
	$primary->restart;
	$primary->poll_until("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum'", 2)
	  or die "the standbys did not become synchronous\n";
	my $json = fields_sql('"field%s": "%s"');
	$primary->sql("CREATE TABLE usertable (pk text PRIMARY KEY, item jsonb);
		INSERT INTO usertable SELECT 'user' || i, ('{' || $json || '}')::jsonb FROM generate_series(1, $items) i;
		VACUUM ANALYZE usertable", limit_s => 1800);
	return $class->new(
		name => 'native',
		nodes => [ $primary, @standbys ],
		endpoints => [$primary],
		item_open => '{',
		field_pattern => '"field%s": "%s"',
		read_sql => "SELECT item FROM usertable WHERE pk = 'user' || :k",
		put_sql => "INSERT INTO usertable VALUES ('user' || :k, :item) ON CONFLICT (pk) DO UPDATE SET item = EXCLUDED.item");
}

# ---------------------------------------------------------------- quorate

sub quorate_cluster
{
	return QuorateCluster->new(settings => {%settings});
}

sub load_quorate
{
	my ($cluster, $table, $items) = @_;
	my $json = fields_sql('"field%s": {"S": "%s"}');
	my $batch = 500;
	my ($node) = $cluster->nodes;
	my $statements = '';
	for (my $first = 1; $first <= $items; $first += $batch)
	{
		my $last = $first + $batch - 1 < $items ? $first + $batch - 1 : $items;
		$statements .= "SELECT quorate.put_items('$table', array_agg(('{\"pk\": {\"S\": \"user' || i || '\"}, ' || $json || '}')::quorate.item)) FROM generate_series($first, $last) i;\n";
	}
	$node->sql($statements, limit_s => 1800);
}

# A table on an existing cluster; placement is leader or spread.
sub quorate
{
	my ($class, $cluster, $placement, $items, $partitions) = @_;
	my $table = "usertable_$placement";
	my @nodes = $cluster->nodes;
	$cluster->create_table($table, partitions => $partitions);
	$cluster->move_leaders($table, $partitions, $nodes[0]) if $placement eq 'leader';
	load_quorate($cluster, $table, $items);
	return $class->new(
		name => $placement,
		nodes => \@nodes,
		endpoints => $placement eq 'leader' ? [ $nodes[0] ] : \@nodes,
		item_open => '',
		field_pattern => '"field%s": {"S": "%s"}',
		read_sql => "SELECT quorate.get_item('$table', ('{\"pk\": {\"S\": \"user' || :k || '\"}}')::quorate.item, consistent_read => true)",
		put_sql => "SELECT quorate.put_item('$table', ('{\"pk\": {\"S\": \"user' || :k || '\"}, ' || :item)::quorate.item)");
}

# After a load: everything that was dirtied by it is written, so that no checkpoint of it falls into a measurement.
sub checkpoint
{
	my ($self) = @_;
	$_->sql('CHECKPOINT', limit_s => 300) foreach $self->nodes;
}

1;
