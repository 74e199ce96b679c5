/*
 * test_log_format.c
 *		The bytes of segment files, the walk through them, and the table of groups.
 */
#include <errno.h>

#include "log/crc32c.h"
#include "log/log_private.h"

#include "unit/tap.h"

#define IMAGE_BYTES 4096

static void
test_header(void)
{
	LogSegmentHeader header = {.node = 3, .segment_bytes = 65536, .number = 9};
	LogSegmentHeader other = header;
	LogSegmentHeader decoded;
	uint8_t bytes[LOG_HEADER_BYTES];

	other.number = 10;
	log_header_encode(&other, bytes);
	log_header_encode(&header, bytes);
	TAP_IS_INT(log_header_decode(bytes, &decoded), 0, "a header is read back");
	TAP_OK(decoded.node == 3 && decoded.segment_bytes == 65536 && decoded.number == 9 &&
			   decoded.crc == header.crc,
		   "with what it says");
	TAP_OK(header.crc != other.crc, "segments that differ in number differ in their CRC");
	bytes[20] ^= 1;
	TAP_IS_INT(log_header_decode(bytes, &decoded), -EBADMSG, "a damaged one is not");
	bytes[20] ^= 1;
	log_put_u32(bytes + 8, LOG_FORMAT_VERSION + 1);
	log_put_u32(bytes + 48, crc32c_extend(0, bytes, 48));
	TAP_IS_INT(log_header_decode(bytes, &decoded), -EPROTO, "a newer version is told apart");
}

/* Puts a record into the image and returns where the next one goes. */
static uint32_t
put(uint8_t *image, uint32_t offset, uint32_t seed, LogRecord *record)
{
	log_record_encode(record, seed, image + offset);
	memcpy(image + offset + LOG_RECORD_HEADER_BYTES, record->payload, record->payload_length);
	return offset + log_record_bytes(record->payload_length);
}

static LogRecord
new_record(uint32_t chain)
{
	return (LogRecord){
		.kind = LOG_ENTRY,
		.group = 1234567890123,
		.lsn = 77,
		.ballot = {.round = 5, .node = 6},
		.chain = chain,
		.synced_offset = LOG_RECORDS_OFFSET,
		.payload = (const uint8_t *) "payload",
		.payload_length = 7,
	};
}

static void
test_record(void)
{
	uint8_t image[IMAGE_BYTES] = {0};
	LogRecord record = new_record(99);
	LogRecord decoded;

	put(image, 512, 42, &record);
	TAP_IS_INT(log_record_decode(image, IMAGE_BYTES, 512, 42, &decoded), 0,
			   "a record is read back");
	TAP_OK(decoded.kind == LOG_ENTRY && decoded.group == 1234567890123 && decoded.lsn == 77 &&
			   decoded.ballot.round == 5 && decoded.ballot.node == 6 && decoded.chain == 99 &&
			   decoded.synced_offset == LOG_RECORDS_OFFSET && decoded.payload_length == 7 &&
			   memcmp(decoded.payload, "payload", 7) == 0,
		   "with what it says");
	TAP_IS_INT(log_record_decode(image, IMAGE_BYTES, 512, 43, &decoded), -EBADMSG,
			   "not as one of another segment");
	TAP_IS_INT(log_record_decode(image, 512 + 50, 512, 42, &decoded), -EBADMSG,
			   "not beyond the end of the file");
	TAP_IS_INT(log_record_decode(image, IMAGE_BYTES, 1024, 42, &decoded), -EBADMSG,
			   "zeros are no record");
	record.kind = LOG_KIND_LAST + 1;
	put(image, 512, 42, &record);
	TAP_IS_INT(log_record_decode(image, IMAGE_BYTES, 512, 42, &decoded), -EPROTO,
			   "a record of an unknown kind is told apart from damage");
}

static void
test_chain(void)
{
	uint8_t image[IMAGE_BYTES] = {0};
	LogRecord one = new_record(42);
	LogRecord two = new_record(4711);
	LogRecord found;
	LogScan scan;
	uint32_t second = put(image, LOG_RECORDS_OFFSET, 42, &one);

	put(image, second, 42, &two);
	log_scan_start(&scan, image, IMAGE_BYTES, 42);
	TAP_IS_INT(log_scan_next(&scan, &found), 1, "the first record continues the header");
	TAP_IS_INT(log_scan_next(&scan, &found), 0,
			   "a whole record that does not continue the chain is not taken");
	TAP_IS_INT(log_scan_find(&scan, scan.offset, &found), second, "but a search finds it");
	two = new_record(one.crc);
	put(image, second, 42, &two);
	TAP_IS_INT(log_scan_next(&scan, &found), 1, "one that continues it is taken");
}

static void
test_group_state(void)
{
	BallotRun runs[] = {{{1, 2}, 11}, {{3, 1}, 15}};
	LogGroupState state = {
		.group = 8,
		.promised = {9, 3},
		.base_lsn = 10,
		.base_ballot = {1, 1},
		.append_lsn = 20,
		.commit_hint = 12,
		.run_count = 2,
		.runs = runs,
		.membership_length = 3,
		.membership = "abc",
	};
	uint8_t payload[256];
	LogRecord record = {.group = 8, .payload = payload};
	LogGroupState decoded;

	record.payload_length = log_group_state_bytes(2, 3);
	log_group_state_encode(&state, payload);
	TAP_OK(log_group_state_decode(&record, &decoded) && decoded.promised.round == 9 &&
			   decoded.base_lsn == 10 && decoded.append_lsn == 20 && decoded.commit_hint == 12 &&
			   decoded.append_ballot.round == 3 && memcmp(decoded.membership, "abc", 3) == 0 &&
			   log_group_state_run(&record, 1).first_lsn == 15,
		   "a group's state is read back");
	record.payload_length--;
	TAP_OK(!log_group_state_decode(&record, &decoded), "not if it is too short");
	log_put_u32(payload + 44, UINT32_MAX);
	TAP_OK(!log_group_state_decode(&record, &decoded), "nor if it claims to be longer than it is");
}

/* Group ids without order, so that many of them collide. */
static GroupId
scattered(uint32_t number)
{
	return ((uint64_t) crc32c_extend(1, &number, sizeof(number)) << 32 |
			crc32c_extend(2, &number, sizeof(number))) +
		   1;
}

static void
test_table_of_groups(void)
{
	LogState state;
	LogRecord record = {.kind = LOG_GROUP};
	uint32_t found = 0;

	log_state_init(&state);
	for (uint32_t i = 0; i < 3000; i++)
	{
		record.group = scattered(i);
		log_state_apply(&state, &record, 0);
	}
	record.kind = LOG_GROUP_DROP;
	for (uint32_t i = 0; i < 3000; i += 3)
	{
		record.group = scattered(i);
		log_state_apply(&state, &record, 0);
	}
	for (uint32_t i = 0; i < 3000; i++)
		if ((log_state_group(&state, scattered(i)) != NULL) == (i % 3 != 0))
			found++;
	TAP_IS_INT(found, 3000, "groups that were dropped are gone, the others are not");
	TAP_IS_INT(state.group_count, 2000, "and are counted");
	log_state_free(&state);
}

static bool
objects_to(const LogState *state, LogRecordKind kind, Lsn lsn, Ballot ballot)
{
	LogRecord record = {.kind = kind, .group = 1, .lsn = lsn, .ballot = ballot};

	return log_state_objection(state, &record) != NULL;
}

/* A group of entries 1 to 5 under ballot (3, 1), of which 2 are committed. */
static void
test_objections(void)
{
	LogState state;
	LogRecord record = {.kind = LOG_GROUP, .group = 1};

	log_state_init(&state);
	TAP_OK(objects_to(&state, LOG_ENTRY, 1, (Ballot){3, 1}), "no entry of an unknown group");
	log_state_begin_segment(&state, 1);
	log_state_apply(&state, &record, 0);
	record.kind = LOG_ENTRY;
	record.ballot = (Ballot){3, 1};
	for (record.lsn = 1; record.lsn <= 5; record.lsn++)
		log_state_apply(&state, &record, 0);
	log_state_group(&state, 1)->commit_hint = 2;
	TAP_OK(!objects_to(&state, LOG_ENTRY, 6, (Ballot){3, 1}), "the next entry");
	TAP_OK(objects_to(&state, LOG_ENTRY, 7, (Ballot){3, 1}), "no hole");
	TAP_OK(objects_to(&state, LOG_ENTRY, 5, (Ballot){3, 1}), "no entry twice");
	TAP_OK(objects_to(&state, LOG_ENTRY, 6, (Ballot){2, 9}), "no lower ballot");
	TAP_OK(!objects_to(&state, LOG_PROMISE, 0, (Ballot){3, 2}), "a higher promise");
	TAP_OK(objects_to(&state, LOG_PROMISE, 0, (Ballot){2, 2}), "no lower promise");
	TAP_OK(!objects_to(&state, LOG_CUT, 2, (Ballot){4, 1}), "a cut above what is committed");
	TAP_OK(objects_to(&state, LOG_CUT, 1, (Ballot){4, 1}), "none of what is committed");
	TAP_OK(objects_to(&state, LOG_CUT, 6, (Ballot){4, 1}), "none beyond the end");
	log_state_free(&state);
}

static void
test_names(void)
{
	char name[LOG_SEGMENT_NAME_BYTES];

	log_segment_name(UINT32_MAX, name);
	TAP_IS_INT(log_segment_number(name), UINT32_MAX, "a name is read back");
	TAP_IS_INT(log_segment_number("0000000007.segment"), 7, "with its zeros");
	TAP_IS_INT(log_segment_number("7.segment"), 0, "not without them");
	TAP_IS_INT(log_segment_number("9999999999.segment"), 0, "not a number too large");
	TAP_IS_INT(log_segment_number("0000000007.segment.bak"), 0, "nor another file");
}

int
main(void)
{
	test_header();
	test_record();
	test_chain();
	test_group_state();
	test_table_of_groups();
	test_objections();
	test_names();
	return tap_done();
}
