-- The type item: one item of an item table.
--
-- Alignment is int4, the least that PostgreSQL allows a type of variable length; the encoding itself needs none, so
-- short items are stored with a header of one byte. Storage is extended: long items are compressed or moved out.
-- Casts to and from text are the ones PostgreSQL makes for every type: assignment to text, explicit from text.

CREATE TYPE item;

CREATE FUNCTION item_in(cstring) RETURNS item
	AS 'MODULE_PATHNAME', 'quorate_item_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION item_in(cstring) IS 'I/O: reads DynamoDB JSON';

CREATE FUNCTION item_out(item) RETURNS cstring
	AS 'MODULE_PATHNAME', 'quorate_item_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION item_out(item) IS 'I/O: writes DynamoDB JSON';

CREATE FUNCTION item_recv(internal) RETURNS item
	AS 'MODULE_PATHNAME', 'quorate_item_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION item_recv(internal) IS 'I/O: takes an encoded item and checks every byte of it';

CREATE FUNCTION item_send(item) RETURNS bytea
	AS 'MODULE_PATHNAME', 'quorate_item_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION item_send(item) IS 'I/O: the encoded item, canonical and the same on every machine';

CREATE TYPE item (
	INPUT = item_in,
	OUTPUT = item_out,
	RECEIVE = item_recv,
	SEND = item_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = int4,
	STORAGE = extended
);
COMMENT ON TYPE item IS 'an item: attributes of the ten types of DynamoDB; its text form is DynamoDB JSON';

-- ---------------------------------------------------------------- jsonb

CREATE FUNCTION item_to_jsonb(item) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'quorate_item_to_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION item_to_jsonb(item) IS 'DynamoDB JSON as jsonb';

CREATE FUNCTION item_from_jsonb(jsonb) RETURNS item
	AS 'MODULE_PATHNAME', 'quorate_item_from_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION item_from_jsonb(jsonb) IS 'an item from DynamoDB JSON as jsonb';

CREATE CAST (item AS jsonb) WITH FUNCTION item_to_jsonb(item) AS ASSIGNMENT;
COMMENT ON CAST (item AS jsonb) IS 'DynamoDB JSON';
CREATE CAST (jsonb AS item) WITH FUNCTION item_from_jsonb(jsonb) AS ASSIGNMENT;
COMMENT ON CAST (jsonb AS item) IS 'DynamoDB JSON';

CREATE FUNCTION marshal(plain jsonb) RETURNS item
	AS 'MODULE_PATHNAME', 'quorate_item_marshal' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION marshal(jsonb) IS
	'an item from a plain JSON object: strings become S, numbers N, true and false BOOL, null NULL, arrays L, objects M';

CREATE FUNCTION unmarshal(item item) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'quorate_item_unmarshal' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION unmarshal(item) IS
	'an item as a plain JSON object; sets become arrays, binaries base64 strings';

-- ---------------------------------------------------------------- attributes

CREATE FUNCTION item_attribute(item, text) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'quorate_item_attribute' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION item_attribute(item, text) IS 'implementation of -> operator';

CREATE FUNCTION item_attribute_text(item, text) RETURNS text
	AS 'MODULE_PATHNAME', 'quorate_item_attribute_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION item_attribute_text(item, text) IS 'implementation of ->> operator';

CREATE OPERATOR -> (LEFTARG = item, RIGHTARG = text, FUNCTION = item_attribute);
COMMENT ON OPERATOR -> (item, text) IS 'value of an attribute in DynamoDB JSON';

CREATE OPERATOR ->> (LEFTARG = item, RIGHTARG = text, FUNCTION = item_attribute_text);
COMMENT ON OPERATOR ->> (item, text) IS 'value of an attribute as plain text';

CREATE FUNCTION item_size(item item) RETURNS integer
	AS 'MODULE_PATHNAME', 'quorate_item_size' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION item_size(item) IS 'size of an item in bytes, counted as DynamoDB counts';

-- ---------------------------------------------------------------- comparison

CREATE FUNCTION item_eq(item, item) RETURNS boolean
	AS 'MODULE_PATHNAME', 'quorate_item_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION item_eq(item, item) IS 'implementation of = operator';

CREATE FUNCTION item_ne(item, item) RETURNS boolean
	AS 'MODULE_PATHNAME', 'quorate_item_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION item_ne(item, item) IS 'implementation of <> operator';

CREATE FUNCTION item_lt(item, item) RETURNS boolean
	AS 'MODULE_PATHNAME', 'quorate_item_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION item_lt(item, item) IS 'implementation of < operator';

CREATE FUNCTION item_le(item, item) RETURNS boolean
	AS 'MODULE_PATHNAME', 'quorate_item_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION item_le(item, item) IS 'implementation of <= operator';

CREATE FUNCTION item_gt(item, item) RETURNS boolean
	AS 'MODULE_PATHNAME', 'quorate_item_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION item_gt(item, item) IS 'implementation of > operator';

CREATE FUNCTION item_ge(item, item) RETURNS boolean
	AS 'MODULE_PATHNAME', 'quorate_item_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION item_ge(item, item) IS 'implementation of >= operator';

CREATE FUNCTION item_cmp(item, item) RETURNS integer
	AS 'MODULE_PATHNAME', 'quorate_item_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION item_cmp(item, item) IS 'less-equal-greater';

CREATE FUNCTION item_hash(item) RETURNS integer
	AS 'MODULE_PATHNAME', 'quorate_item_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION item_hash(item) IS 'hash';

CREATE FUNCTION item_hash_extended(item, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'quorate_item_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION item_hash_extended(item, bigint) IS 'hash with a seed';

CREATE OPERATOR = (
	LEFTARG = item, RIGHTARG = item, FUNCTION = item_eq, COMMUTATOR = =, NEGATOR = <>,
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR = (item, item) IS 'equal: the same attributes with the same values';

CREATE OPERATOR <> (
	LEFTARG = item, RIGHTARG = item, FUNCTION = item_ne, COMMUTATOR = <>, NEGATOR = =,
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (item, item) IS 'not equal';

CREATE OPERATOR < (
	LEFTARG = item, RIGHTARG = item, FUNCTION = item_lt, COMMUTATOR = >, NEGATOR = >=,
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR < (item, item) IS 'less than, in the order of the encoded bytes';

CREATE OPERATOR <= (
	LEFTARG = item, RIGHTARG = item, FUNCTION = item_le, COMMUTATOR = >=, NEGATOR = >,
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR <= (item, item) IS 'less than or equal, in the order of the encoded bytes';

CREATE OPERATOR > (
	LEFTARG = item, RIGHTARG = item, FUNCTION = item_gt, COMMUTATOR = <, NEGATOR = <=,
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR > (item, item) IS 'greater than, in the order of the encoded bytes';

CREATE OPERATOR >= (
	LEFTARG = item, RIGHTARG = item, FUNCTION = item_ge, COMMUTATOR = <=, NEGATOR = <,
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR >= (item, item) IS 'greater than or equal, in the order of the encoded bytes';

CREATE OPERATOR CLASS item_ops DEFAULT FOR TYPE item USING btree AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 item_cmp(item, item);
COMMENT ON OPERATOR CLASS item_ops USING btree IS 'items in the order of their encoded bytes';
COMMENT ON OPERATOR FAMILY item_ops USING btree IS 'items in the order of their encoded bytes';

CREATE OPERATOR CLASS item_ops DEFAULT FOR TYPE item USING hash AS
	OPERATOR 1 =, FUNCTION 1 item_hash(item), FUNCTION 2 item_hash_extended(item, bigint);
COMMENT ON OPERATOR CLASS item_ops USING hash IS 'hash of the encoded bytes of an item';
COMMENT ON OPERATOR FAMILY item_ops USING hash IS 'hash of the encoded bytes of an item';
