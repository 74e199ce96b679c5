#!/usr/bin/perl
# create_cluster on three servers that are wrong in many ways at once: everything is listed, nothing is changed. When
# all is mended the cluster is created and works, the nodes connecting as a plain role with a password in a file.
use strict;
use warnings;
use QuorateCluster;
use QuorateProcess qw(run_command);
use Test::More;

my $cluster = QuorateCluster->new(
	create => 0,
	node_settings => {
		south => { wal_level => 'minimal', max_wal_senders => 0, max_worker_processes => 4, fsync => 'off' } });
my ($north, $south, $west) = $cluster->nodes;

# A role of its own for the streams between nodes, which must give a password.
my $passwords = $cluster->folder . '/passwords';
open my $out, '>', $passwords or die "could not write $passwords: $!\n";
print $out "*:*:*:link:secret\n";
close $out or die "could not write $passwords: $!\n";
chmod 0600, $passwords;
foreach my $node ($cluster->nodes)
{
	$node->sql("SET password_encryption = 'scram-sha-256'; CREATE ROLE link LOGIN PASSWORD 'secret'");
	my $file = $node->data . '/pg_hba.conf';
	open my $hba, '>', $file or die "could not write $file: $!\n";
	print $hba "local all all trust\n", map { "host $_ link 127.0.0.1/32 scram-sha-256\nhost $_ postgres 127.0.0.1/32 trust\n" } 'all', 'replication';
	close $hba or die "could not write $file: $!\n";
	$node->sql('SELECT pg_reload_conf()');
	$node->sql('CREATE EXTENSION quorate') unless $node == $west;
}

sub entry
{
	my ($name, $zone, $port) = @_;
	return sprintf '{"name": "%s", "zone": "%s", "conninfo": "hostaddr=127.0.0.1 port=%s user=link passfile=%s"}', $name, $zone, $port, $passwords;
}

sub create_cluster
{
	return "SELECT quorate.create_cluster('[" . join(', ', @_) . "]')";
}

# Calls create_cluster, which has to fail; returns SQLSTATE and the lines of its detail.
sub problems
{
	my ($sql) = @_;
	my ($status, undef, $err) = run_command([ $north->psql_command, '-f', '-' ], $sql, 60);
	return ("none", $err) if $status == 0;
	my ($state) = $err =~ /ERROR:  (\w{5}):/;
	my ($detail) = $err =~ /DETAIL:  (.*?)\nHINT:/s;
	return ($state, $detail // $err);
}

sub nothing_changed
{
	my ($name) = @_;
	foreach my $node ($cluster->nodes)
	{
		is(join(' ', glob($node->data . '/pgsql_tmp_quorate/*')), '', "$name: nothing has been written on " . $node->name);
		is($node->sql('SELECT state FROM quorate._node_status()'), 'unconfigured', "$name: " . $node->name . ' belongs to no cluster')
		  if $node != $west;
	}
}

# ---------------------------------------------------------------- everything at once

my @entries = (entry('north', 'az1', $north->port), entry('south', 'az2', $south->port), entry('west', 'az3', $west->port));
$_->sql('GRANT quorate_peer TO link') foreach $north, $south;
$north->sql('ALTER ROLE link REPLICATION');
my ($state, $detail) = problems(create_cluster(@entries));
is($state, '55000', 'a cluster of servers that are not ready is refused');
like($detail, $_->[1], $_->[0]) foreach (
	[ 'wal_level', qr/node "south": wal_level is "minimal"; set wal_level = replica/ ],
	[ 'max_wal_senders', qr/node "south": max_wal_senders is 0; set it to at least \d+/ ],
	[ 'max_worker_processes', qr/node "south": max_worker_processes is 4; set it to at least \d+/ ],
	[ 'fsync', qr/node "south": fsync is off; set fsync = on/ ],
	[ 'a role without REPLICATION', qr/node "south": role "link" must not replicate; ALTER ROLE "link" REPLICATION/ ],
	[ 'the same elsewhere', qr/node "west": role "link" must not replicate/ ],
	[ 'a missing extension', qr/node "west": the extension is missing in database "postgres"; CREATE EXTENSION quorate there/ ],
	[ 'nodes that do not reach each other', qr/node "north" cannot reach node "west": / ]);
nothing_changed('not ready');

$west->sql('CREATE EXTENSION quorate; ALTER ROLE link REPLICATION');
$west->stop;
($state, $detail) = problems(create_cluster(@entries));
like($detail, qr/cannot reach node "west": /, 'an unreachable node is listed');
like($detail, qr/node "south": wal_level is "minimal"/, 'and what is wrong with the others too');
$west->start;
($state, $detail) = problems(create_cluster(@entries));
like($detail, qr/node "west": role "link" does not belong to quorate_peer; GRANT quorate_peer TO "link"/, 'a role that is no peer is listed');
$west->sql('GRANT quorate_peer TO link');

# ---------------------------------------------------------------- lists that are wrong

($state, $detail) = problems(create_cluster(@entries[ 0, 2 ], entry('other', 'az2', "0$north->{port}")));
is($detail, 'nodes "north" and "other" are the same instance', 'an instance that is named twice is listed');
($state, $detail) = problems(create_cluster(@entries[ 0, 2 ], entry('north', 'az1', $north->port)));
like($detail, $_->[1], $_->[0]) foreach (
	[ 'a name that is used twice', qr/node name "north" is used twice/ ],
	[ 'a zone that is used twice', qr/nodes "north" and "north" are in the same zone "az1"/ ],
	[ 'the same conninfo twice', qr/nodes "north" and "north" have the same conninfo/ ]);
($state, $detail) = problems(create_cluster(map { s/passfile=[^"]*/password=secret/r } @entries));
like($detail, qr/node "north": .*put the password into a file and set passfile/, 'a password in a connection string is refused');
nothing_changed('wrong lists');

# ---------------------------------------------------------------- mended

$south->set(wal_level => 'replica', max_wal_senders => 20, max_worker_processes => 16, fsync => 'on');
$south->restart;
($state, $detail) = problems(create_cluster(@entries));
like($detail, qr/^node "south": role "link" must not replicate[^\n]*$/m, 'nothing is listed but the rest');
unlike($detail, qr/wal_level|max_w|fsync|extension/, 'not what has been mended');
$south->sql('ALTER ROLE link REPLICATION');

is(($north->sql_error(create_cluster(@entries)))[0], '', 'then the cluster is created');
($state, $detail) = problems(create_cluster(@entries));
is($state, '55000', 'it cannot be created twice');
like($detail, qr/node "$_" belongs to a cluster already; call quorate\.drop_cluster\(\) there first/, "$_ says so") foreach qw(north south west);
ok($_->poll_until("SELECT count(*) FROM quorate.nodes WHERE state IN ('running', 'alive')", 3, 20), $_->name . ' sees three nodes')
  foreach $cluster->nodes;
is($north->sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'link' AND query LIKE 'CALL quorate.%stream%'
	AND backend_type = 'walsender'"), 8, 'the streams run as the plain role');

$cluster->create_table('songs', partitions => 3);
foreach my $node ($cluster->nodes)
{
	my $name = $node->name;
	$node->sql("SELECT quorate.put_item('songs', ('{\"pk\": {\"S\": \"$name-' || i || '\"}}')::quorate.item) FROM generate_series(1, 10) i");
}
is($south->sql("SELECT count(*) FROM quorate.scan('songs', consistent_read => true)"), 30, 'items go through all nodes');
$cluster->replicas_equal('songs');

$west->sql('SELECT quorate.drop_table(\'songs\'); SELECT quorate.drop_cluster()');
is($_->sql('SELECT state FROM quorate._node_status()'), 'unconfigured', 'the plain role serves to drop the cluster too: ' . $_->name)
  foreach $cluster->nodes;
$cluster->finish(qr/walsender|standby connections|role "link"|this node left its cluster|must be superuser/);
done_testing();
