-- Writes that the leader evaluates: conditions and old items of put_item and delete_item.
SET search_path = quorate, public;
\set VERBOSITY default
\set SHOW_CONTEXT never
\pset format unaligned
SELECT create_table('guarded', 'pk', 'S');

-- A condition on an item that is not there, then on one that is
SELECT put_item('guarded', '{"pk": {"S": "a"}, "n": {"N": "1"}}', 'attribute_not_exists(pk)') IS NULL AS written;
SELECT put_item('guarded', '{"pk": {"S": "a"}, "n": {"N": "9"}}', 'attribute_not_exists(pk)');
\echo :LAST_ERROR_SQLSTATE
SELECT put_item('guarded', '{"pk": {"S": "a"}, "n": {"N": "9"}}', 'attribute_not_exists(pk)',
	return_values_on_condition_check_failure => 'ALL_OLD');
SELECT put_item('guarded', '{"pk": {"S": "none"}}', 'attribute_exists(pk)', return_values_on_condition_check_failure => 'ALL_OLD');
SELECT get_item('guarded', '{"pk": {"S": "none"}}', true) IS NULL AS not_written;
SELECT get_item('guarded', '{"pk": {"S": "a"}}', true);

-- Names and values; the old item
SELECT put_item('guarded', '{"pk": {"S": "a"}, "n": {"N": "2"}}', '#n = :one', '{"#n": "n"}', '{":one": {"N": "1"}}',
	return_values => 'ALL_OLD');
SELECT put_item('guarded', '{"pk": {"S": "a"}, "n": {"N": "3"}}', '#n = :one', '{"#n": "n"}', '{":one": {"N": "1"}}',
	return_values => 'ALL_OLD');
SELECT put_item('guarded', '{"pk": {"S": "a"}, "n": {"N": "4"}}', return_values => 'ALL_OLD');
SELECT put_item('guarded', '{"pk": {"S": "new"}}', return_values => 'ALL_OLD') IS NULL AS no_old_item;
SELECT put_item('guarded', '{"pk": {"S": "new"}}', return_values => 'NONE') IS NULL AS none_asked;
SELECT delete_item('guarded', '{"pk": {"S": "a"}}', 'n > :n', NULL, '{":n": {"N": "4"}}');
SELECT delete_item('guarded', '{"pk": {"S": "a"}}', 'n >= :n', NULL, '{":n": {"N": "4"}}', 'ALL_OLD');
SELECT delete_item('guarded', '{"pk": {"S": "a"}}', return_values => 'ALL_OLD') IS NULL AS no_old_item;
SELECT delete_item('guarded', '{"pk": {"S": "a"}}', 'attribute_exists(pk)');
SELECT get_item('guarded', '{"pk": {"S": "a"}}', true) IS NULL AS deleted;

-- Errors of parameters come first, then those of expressions, then the table's, then the key's
SELECT put_item('nowhere', '{}', 'a = ', return_values => 'ALL_NEW');
SELECT put_item('nowhere', '{}', 'attribute_exists(a)', return_values_on_condition_check_failure => 'UPDATED_NEW');
SELECT put_item('nowhere', '{}', 'a = ');
SELECT put_item('nowhere', '{}', '');
SELECT put_item('nowhere', '{}', 'a = :missing');
SELECT put_item('nowhere', '{}', 'attribute_exists(a)', '{"#unused": "b"}');
SELECT put_item('nowhere', '{}', 'attribute_exists(a)', NULL, '{":unused": {"S": "b"}}');
SELECT put_item('nowhere', '{}', 'attribute_exists(a)');
SELECT put_item('guarded', '{"pk": {"N": "1"}}', 'attribute_exists(a)');
SELECT drop_table('guarded');
