/*
 * test_capacity_units.c
 *		Costs of operations: every border of rounding, and real items measured with item_size.
 */
#include "unit/tap.h"

#include "capacity/capacity_units.h"
#include "item/item.h"
#include "unit/item_helper.h"

#define EVENTUAL CAPACITY_READ_EVENTUAL
#define CONSISTENT CAPACITY_READ_CONSISTENT

static void
is_cost(CapacityHalves cost, const char *expected, const char *what)
{
	char text[CAPACITY_TEXT_MAX];
	size_t length = capacity_to_text(cost, text);

	TAP_IS_STR(text, expected, what);
	TAP_IS_INT(length, strlen(expected), "its length");
}

static void
test_text(void)
{
	is_cost(0, "0.0", "nothing");
	is_cost(1, "0.5", "half a unit");
	is_cost(2, "1.0", "one unit");
	is_cost(3, "1.5", "one and a half");
	is_cost(19, "9.5", "before the next digit");
	is_cost(20, "10.0", "the next digit");
	is_cost(2 * 400 + 1, "400.5", "400.5 units");
	is_cost(UINT64_MAX, "9223372036854775807.5", "the largest cost");
}

/* A read of 4 KB steps: the first byte of each step makes it cost one more. */
static void
test_reads(void)
{
	is_cost(capacity_of_read(0, EVENTUAL), "0.5", "a missing item");
	is_cost(capacity_of_read(0, CONSISTENT), "1.0", "a missing item, consistently");
	is_cost(capacity_of_read(1, EVENTUAL), "0.5", "one byte");
	is_cost(capacity_of_read(4096, EVENTUAL), "0.5", "4 KB");
	is_cost(capacity_of_read(4097, EVENTUAL), "1.0", "one byte more");
	is_cost(capacity_of_read(8192, EVENTUAL), "1.0", "8 KB");
	is_cost(capacity_of_read(8193, EVENTUAL), "1.5", "one byte more");
	is_cost(capacity_of_read(1, CONSISTENT), "1.0", "one byte, consistently");
	is_cost(capacity_of_read(4096, CONSISTENT), "1.0", "4 KB, consistently");
	is_cost(capacity_of_read(4097, CONSISTENT), "2.0", "one byte more");
	is_cost(capacity_of_read(ITEM_SIZE_MAX, EVENTUAL), "50.0", "the largest item");
	is_cost(capacity_of_read(ITEM_SIZE_MAX, CONSISTENT), "100.0", "the largest item, consistently");
}

/* A batch adds up what its members cost, each rounded by itself; a page rounds once. */
static void
test_batch_and_page(void)
{
	CapacityHalves batch = 0;
	uint64_t sizes = 0;

	for (int i = 0; i < 100; i++)
	{
		batch += capacity_of_read(41, EVENTUAL);
		sizes += 41;
	}
	is_cost(batch, "50.0", "100 keys of a batch");
	is_cost(capacity_of_range_read(sizes, 1, EVENTUAL), "1.0", "a page of the same items");
}

static void
test_range_reads(void)
{
	is_cost(capacity_of_range_read(0, 1, EVENTUAL), "0.5", "a page without items");
	is_cost(capacity_of_range_read(0, 0, CONSISTENT), "1.0", "of no partition");
	is_cost(capacity_of_range_read(4096, 1, CONSISTENT), "1.0", "a page of 4 KB");
	is_cost(capacity_of_range_read(4097, 1, CONSISTENT), "2.0", "one byte more");
	is_cost(capacity_of_range_read(1048576, 1, EVENTUAL), "128.0", "a full page");
	is_cost(capacity_of_range_read(1048576, 1, CONSISTENT), "256.0", "consistently");
	is_cost(capacity_of_range_read(100, 4, EVENTUAL), "2.0", "little in four partitions");
	is_cost(capacity_of_range_read(100, 4, CONSISTENT), "4.0", "consistently");
	is_cost(capacity_of_range_read(4 * 4096, 4, CONSISTENT), "4.0", "a step a partition");
	is_cost(capacity_of_range_read(4 * 4096 + 1, 4, CONSISTENT), "5.0", "one byte more");
	is_cost(capacity_of_range_read(UINT64_MAX, 1, EVENTUAL), "2251799813685248.0",
			"sizes that a sum with the step would overflow");
}

static void
test_writes(void)
{
	is_cost(capacity_of_write(0, 1), "1.0", "a new item of one byte");
	is_cost(capacity_of_write(0, 1024), "1.0", "of 1 KB");
	is_cost(capacity_of_write(0, 1025), "2.0", "one byte more");
	is_cost(capacity_of_write(0, 2048), "2.0", "of 2 KB");
	is_cost(capacity_of_write(0, 2049), "3.0", "one byte more");
	is_cost(capacity_of_write(0, ITEM_SIZE_MAX), "400.0", "the largest item");
	is_cost(capacity_of_write(3000, 10), "3.0", "a large item becomes small");
	is_cost(capacity_of_write(10, 3000), "3.0", "a small item becomes large");
	is_cost(capacity_of_write(1024, 1024), "1.0", "the two are not added up");
	is_cost(capacity_of_write(1025, 0), "2.0", "a delete costs by the old item");
	is_cost(capacity_of_write(0, 0), "1.0", "a delete of nothing");
}

static void
test_failed_conditions(void)
{
	is_cost(capacity_of_failed_condition(0, ITEM_SIZE_MAX), "1.0", "there is no item");
	is_cost(capacity_of_failed_condition(1024, 0), "1.0", "an item of 1 KB is not deleted");
	is_cost(capacity_of_failed_condition(1025, 0), "2.0", "one byte more");
	is_cost(capacity_of_failed_condition(10, 3000), "3.0", "is not replaced by a larger one");
	is_cost(capacity_of_failed_condition(3000, 10), "3.0", "is not replaced by a smaller one");
}

/* Costs go by DynamoDB's size, names included, not by the bytes of our encoding. */
static void
test_of_items(void)
{
	char json[1200] = "{\"p\": {\"S\": \"";
	size_t start = strlen(json);

	for (size_t letters = 1023; letters <= 1024; letters++)
	{
		ItemBuffer item;

		memset(json + start, 'x', letters);
		strcpy(json + start + letters, "\"}}");
		item = item_helper_item(json);
		TAP_IS_INT(item_size(item.bytes, item.length), 1 + letters, "size of the item");
		is_cost(capacity_of_write(0, item_size(item.bytes, item.length)),
				letters == 1023 ? "1.0" : "2.0", "an item at the border of 1 KB");
		TAP_OK(item.length > 1024, "its encoding is beyond the border");
		item_helper_free(&item);
	}
}

int
main(void)
{
	test_text();
	test_reads();
	test_batch_and_page();
	test_range_reads();
	test_writes();
	test_failed_conditions();
	test_of_items();
	return tap_done();
}
