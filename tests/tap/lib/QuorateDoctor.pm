# QuorateDoctor: what quorate.doctor() says on a node.
#
#   finds($north, qr/nodes\|node west\|FAIL\|not heard/, 'a node that is down');
#   finds_nothing($_, 'all is well') foreach $cluster->nodes;
package QuorateDoctor;

use strict;
use warnings;
use Exporter 'import';
use QuorateProcess qw(wait_until);
use Test::More ();

our @EXPORT = qw(findings finds finds_all finds_nothing);

# What is wrong, one line a finding: check|object|status|detail|hint.
sub findings { return $_[0]->sql("SELECT * FROM quorate.doctor() WHERE status <> 'OK'") }

# Waits until a line of a node's findings is like the pattern. Option again: called now and then meanwhile, for what is to
# be seen for a moment only.
sub finds
{
	my ($node, $pattern, $name, %option) = @_;
	my ($last, $polls) = ('', 0);
	Test::More::ok(
		wait_until(30,
			sub {
				$option{again}->() if $option{again} && $polls++ % 40 == 0;
				$last = findings($node);
				return $last =~ /^$pattern/m;
			}),
		$node->name . ": $name")
	  or Test::More::diag($last);
}

# The same for several patterns: name => pattern.
sub finds_all
{
	my ($node, %patterns) = @_;
	finds($node, $patterns{$_}, $_) foreach sort keys %patterns;
}

sub finds_nothing
{
	my ($node, $name) = @_;
	my $last;
	Test::More::ok(wait_until(60, sub { $last = findings($node); return $last eq '' }), $node->name . ": $name")
	  or Test::More::diag($last);
}

1;
